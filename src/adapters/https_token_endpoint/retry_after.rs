//! `Retry-After` (RFC 9110, section 10.2.3).

use std::time::Duration;

use http::header::{DATE, HeaderMap, RETRY_AFTER};

/// How long the server asks to be left alone, within [`RETRY_AFTER_MAX`]; `None` if it does not
/// say, or not in a way that can be read.
///
/// A date is counted from the answer's own `Date`: what is asked for is a duration, and two
/// readings of one clock give it even where the server's clock and ours disagree.
pub(super) fn read(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let asked = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = httpdate::parse_http_date(text).ok()?;
            let sent = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
            until.duration_since(sent).unwrap_or(Duration::ZERO)
        }
    };
    Some(asked.min(RETRY_AFTER_MAX))
}

/// A server may postpone us, but not for a day: after an hour we ask again.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood_and_bounded() {
        let date = Some("Sun, 01 Mar 2026 10:00:00 GMT");
        for (retry_after, date, expected) in [
            ("0", None, Some(0)),
            ("17", None, Some(17)),
            (" 17 ", None, Some(17)),
            ("3601", None, Some(3600)),
            ("18446744073709551615", None, Some(3600)),
            ("18446744073709551616", None, None),
            ("-1", None, None),
            ("1.5", None, None),
            ("soon", date, None),
            ("", None, None),
            ("Sun, 01 Mar 2026 10:02:00 GMT", date, Some(120)),
            ("Sun, 01 Mar 2026 09:00:00 GMT", date, Some(0)),
            ("Mon, 02 Mar 2026 10:00:00 GMT", date, Some(3600)),
            ("Sun, 01 Mar 2026 10:02:00 GMT", None, None),
            ("Sun, 01 Mar 2026 10:02:00 GMT", Some("noon"), None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
            if let Some(date) = date {
                headers.insert(DATE, date.parse().unwrap());
            }
            assert_eq!(read(&headers), expected.map(Duration::from_secs), "{retry_after}");
        }
        assert_eq!(read(&HeaderMap::new()), None);
    }
}
