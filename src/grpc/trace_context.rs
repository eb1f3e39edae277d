//! The `traceparent` header (W3C Trace Context, section 3.2).

use http::HeaderMap;

/// The trace that a request belongs to; empty if it does not say, or says it wrongly.
pub(super) fn trace_id(headers: &HeaderMap) -> &str {
    let mut all = headers.get_all("traceparent").iter();
    match (all.next(), all.next()) {
        (Some(header), None) => header.to_str().ok().and_then(parse).unwrap_or_default(),
        _ => "",
    }
}

/// `00-{trace}-{span}-{flags}`, in lower-case hexadecimal. Later versions may have more behind it.
fn parse(header: &str) -> Option<&str> {
    let (version, rest) = header.split_once('-')?;
    let (trace, rest) = rest.split_once('-')?;
    let (span, rest) = rest.split_once('-')?;
    let (flags, more) = match rest.split_once('-') {
        Some((flags, _)) => (flags, true),
        None => (rest, false),
    };
    let later = version != "00";
    let fits = is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
    let known = version != "ff" && (later || !more);
    let named = [trace, span].iter().all(|id| id.bytes().any(|byte| byte != b'0'));
    (fits && known && named).then_some(trace)
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn read(headers: &[&str]) -> String {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append("traceparent", header.parse().unwrap());
        }
        trace_id(&map).to_owned()
    }

    #[test]
    fn trace_ids_are_read_as_the_standard_has_them() {
        let good = format!("00-{TRACE}-00f067aa0ba902b7-01");
        assert_eq!(read(&[&good]), TRACE);
        assert_eq!(read(&[&format!("cc-{TRACE}-00f067aa0ba902b7-01-what-comes")]), TRACE);
        assert_eq!(read(&[&good, &good]), "", "one header only");
        for wrong in [
            "",
            "00",
            TRACE,
            &format!("00-{TRACE}-00f067aa0ba902b7"),
            &format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            &format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            &format!("0-{TRACE}-00f067aa0ba902b7-01"),
            &format!("00-{TRACE}0-00f067aa0ba902b7-01"),
            &format!("00-{TRACE}-00f067aa0ba902b-01"),
            &format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            &format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            &format!("00-{TRACE}-0000000000000000-01"),
            &format!("00-{}-00f067aa0ba902b7-01", "g".repeat(32)),
        ] {
            assert_eq!(read(&[wrong]), "", "{wrong}");
        }
    }
}
