//! Dates as records have them: RFC 3339, UTC, six digits of a second, 27 bytes.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The date in text. What lies before 1970 or after 9999 is shown as the nearest that does not.
pub(super) fn text(time: SystemTime) -> String {
    bytes(time).into_iter().map(char::from).collect()
}

/// The same, for who writes many.
pub(super) fn bytes(time: SystemTime) -> [u8; LENGTH] {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().min(LAST);
    let seconds = i64::try_from(since.as_secs()).unwrap_or_default();
    let date = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    for (end, number) in [
        (4, date.year().unsigned_abs()),
        (7, u8::from(date.month()).into()),
        (10, date.day().into()),
        (13, date.hour().into()),
        (16, date.minute().into()),
        (19, date.second().into()),
        (26, since.subsec_micros()),
    ] {
        put(text.get_mut(..end).unwrap_or_default(), number);
    }
    text
}

/// Writes a number to the end of a place that has zeros.
fn put(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        if number == 0 {
            break;
        }
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Of every date.
const LENGTH: usize = 27;

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
