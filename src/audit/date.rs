//! Dates as records have them: RFC 3339, UTC, six digits of a second, 27 bytes.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The date in text. What lies before 1970 or after 9999 is shown as the nearest that does not.
pub(super) fn text(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().min(LAST);
    let seconds = i64::try_from(since.as_secs()).unwrap_or_default();
    let date = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        date.hour(),
        date.minute(),
        date.second(),
        since.subsec_micros()
    )
}

/// Reads what [`text`] wrote; other spellings are for the caller to refuse.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    let date = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let micros = u64::try_from(date.unix_timestamp_nanos() / 1_000).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(micros))
}

/// The last microsecond of the year 9999.
const LAST: Duration = Duration::new(253_402_300_799, 999_999_000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_were_written() {
        for (micros, expected) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_795_886_054_000_001, "2026-11-28T17:14:14.000001Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        ] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_micros(micros);
            assert_eq!(text(time), expected);
            assert_eq!(parse(expected), Some(time));
        }
    }

    #[test]
    fn dates_that_do_not_fit_are_shown_as_the_nearest() {
        let late = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40);
        assert_eq!(text(late), "9999-12-31T23:59:59.999999Z");
        let early = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(text(early), "1970-01-01T00:00:00.000000Z");
    }
}
