//! Durations as people type them.

use std::time::Duration;

/// Reads `90s`, `10m`, `2h` or `1h30m`: whole numbers, each with its unit, the larger units first.
///
/// A bare number is refused: whether it means seconds or minutes is what people get wrong.
///
/// # Errors
///
/// A sentence for the person who typed it.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let mut rest = text;
    let mut seconds: u64 = 0;
    let mut unit_before = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let mut characters = tail.chars();
        let unit = match characters.next() {
            Some('h') => 3600,
            Some('m') => 60,
            Some('s') => 1,
            _ => return Err(EXPECTED.to_owned()),
        };
        if unit >= unit_before {
            return Err(EXPECTED.to_owned());
        }
        let number: u64 = number.parse().map_err(|_not_a_number| EXPECTED.to_owned())?;
        let part = number.checked_mul(unit).ok_or_else(|| EXPECTED.to_owned())?;
        seconds = seconds.checked_add(part).ok_or_else(|| EXPECTED.to_owned())?;
        unit_before = unit;
        rest = characters.as_str();
    }
    if text.is_empty() { Err(EXPECTED.to_owned()) } else { Ok(Duration::from_secs(seconds)) }
}

/// The same way back: `1h30m`, `90s` as `1m30s`.
pub(super) fn show(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = String::new();
    for (number, unit) in [(hours, 'h'), (minutes, 'm'), (rest, 's')] {
        if number > 0 || (unit == 's' && text.is_empty()) {
            text.push_str(&format!("{number}{unit}"));
        }
    }
    text
}

const EXPECTED: &str = "expected a duration with units, such as 90s, 10m or 1h30m";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_units_in_order() {
        for (text, seconds) in
            [("0s", 0), ("90s", 90), ("10m", 600), ("2h", 7200), ("1h30m", 5400), ("1h0m1s", 3601)]
        {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "10",
            "m",
            "10 m",
            "1.5h",
            "-1s",
            "1d",
            "1m1h",
            "1m1m",
            "10ms",
            "99999999999999999999h",
        ] {
            assert_eq!(parse(text), Err(EXPECTED.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_duration_is_shown_as_it_may_be_typed_and_never_as_less() {
        for (millis, text) in
            [(0, "0s"), (10, "1s"), (90_000, "1m30s"), (7_200_000, "2h"), (5_400_000, "1h30m")]
        {
            assert_eq!(show(Duration::from_millis(millis)), text);
        }
    }
}
