use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn at(micros: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}

/// Every field at its longest, each byte of it escaped.
fn longest() -> Record {
    let text = || Cow::Owned("\"".repeat(10_000));
    let last = at(253_402_300_799_999_999);
    Record {
        sequence: u64::MAX,
        time: last,
        event: Event {
            caller: text(),
            listener: text(),
            address: text(),
            method: text(),
            resource: text(),
            outcome: text(),
            reason: text(),
            token_id: text(),
            request_id: text(),
            requested_by: text(),
            trace_id: text(),
            repeats: Some(Repeats { count: NonZeroU64::MAX, first: last, last }),
        },
    }
}

#[test]
fn the_longest_record_fits_where_room_was_kept_for_it() {
    let line = longest().to_line();
    assert!(line.len() < RECORD_BYTES_MAX, "{}", line.len());
    let read = Record::parse(&line).unwrap();
    assert_eq!(read.to_line(), line);
    assert!(read.event.listener.ends_with('…') && read.event.listener.len() <= 32);
}

#[test]
fn a_record_is_one_line_whatever_a_caller_sends() {
    let event = Event { requested_by: "a\nb\u{1b}[2J\u{85}\u{7f}".into(), ..Event::default() };
    let line = Record { sequence: 7, time: at(1), event }.to_line();
    assert_eq!(
        std::str::from_utf8(&line).unwrap(),
        "{\"v\":1,\"sequence\":7,\"time\":\"1970-01-01T00:00:00.000001Z\",\
         \"requested_by\":\"a\u{fffd}b\u{fffd}[2J\u{fffd}\u{fffd}\"}"
    );
}

#[test]
fn other_spellings_of_a_record_are_refused() {
    let good = "{\"v\":1,\"sequence\":7,\"time\":\"1970-01-01T00:00:00.000001Z\",\"method\":\"A\"}";
    assert!(Record::parse(good.as_bytes()).is_ok());
    for (from, to, expected) in [
        ("\"v\":1", "\"v\":2", InvalidRecord::Version(2)),
        ("\"v\":1", "\"v\":300,\"new\":{}", InvalidRecord::Version(300)),
        ("\"v\":1,", "", InvalidRecord::Shape),
        ("\"method\"", "\"token\"", InvalidRecord::Shape),
        ("{", "{ ", InvalidRecord::Spelling),
        ("\"A\"", "\"\\u0041\"", InvalidRecord::Spelling),
        ("\"A\"", "\"\"", InvalidRecord::Spelling),
        ("\"A\"", "null", InvalidRecord::Shape),
        ("000001Z", "000001z", InvalidRecord::Spelling),
        ("000001Z", "000001+00:00", InvalidRecord::Spelling),
        (".000001Z", "Z", InvalidRecord::Spelling),
        ("1970-01-01", "1970-13-01", InvalidRecord::Shape),
        (
            "\"method\":\"A\"",
            "\"first_time\":\"1970-01-01T00:00:00.000001Z\"",
            InvalidRecord::Spelling,
        ),
        ("\"method\":\"A\"", "\"count\":2", InvalidRecord::Shape),
        ("\"method\":\"A\"", "\"count\":0", InvalidRecord::Shape),
        ("\"A\"}", "\"A\"} ", InvalidRecord::Spelling),
        ("\"A\"}", "\"A\"", InvalidRecord::Shape),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_eq!(Record::parse(bad.as_bytes()), Err(expected), "{bad}");
    }
}

/// The vectors are lines, and the records that they stand for are built here.
#[test]
fn records_are_the_bytes_of_the_vectors() {
    let vectors = include_str!("../../../tests/vectors/audit/records.jsonl");
    let full = Event {
        caller: "spiffe://acme.example/ns/billing/sa/invoices".into(),
        listener: "mtls".into(),
        address: "192.0.2.7:41012".into(),
        method: "IssueToken".into(),
        resource: "tenants/acme/credentials/erp".into(),
        outcome: "OK".into(),
        reason: String::new().into(),
        token_id: "t-4f2a".into(),
        request_id: "0b6c".into(),
        requested_by: "Zoë \"Z\" \\ Quill".into(),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
        repeats: None,
    };
    let refused = Event {
        caller: "uid:1000".into(),
        listener: "admin".into(),
        method: "GetCredential".into(),
        outcome: "NOT_FOUND".into(),
        reason: "CREDENTIAL_NOT_FOUND".into(),
        repeats: Some(Repeats {
            count: NonZeroU64::new(17).unwrap(),
            first: at(1_795_886_000_000_000),
            last: at(1_795_886_059_999_999),
        }),
        ..Event::default()
    };
    let records = [
        Record { sequence: 0, time: at(0), event: Event::default() },
        Record { sequence: 1, time: at(1_795_886_054_000_001), event: full },
        Record { sequence: u64::MAX, time: at(1_795_886_060_000_000), event: refused },
    ];
    for (line, record) in vectors.lines().zip(&records) {
        assert_eq!(std::str::from_utf8(&record.to_line()).unwrap(), line);
        assert_eq!(Record::parse(line.as_bytes()).as_ref(), Ok(record));
    }
    assert_eq!(vectors.lines().count(), records.len());
}

proptest! {
    #[test]
    fn a_record_reads_back(
        sequence: u64,
        micros in 0..253_402_300_799_999_999_u64,
        caller in "\\PC{0,40}",
        resource in ".{0,40}",
        count in proptest::option::of(1_u64..),
    ) {
        let repeats = count.and_then(NonZeroU64::new).map(|count| Repeats { count, first: at(1), last: at(micros) });
        let event = Event { caller: caller.into(), resource: resource.into(), repeats, ..Event::default() };
        let record = Record { sequence, time: at(micros), event };
        let line = record.to_line();
        let read = Record::parse(&line).unwrap();
        prop_assert_eq!(read.to_line(), line);
        prop_assert_eq!((read.sequence, read.time, read.event.repeats), (sequence, at(micros), repeats));
        prop_assert_eq!(read.event.caller, record.event.caller);
    }

    #[test]
    fn whatever_is_read_is_written_as_the_same_bytes(line in "\\{\"v\":1,\"sequence\":[0-9]{1,3},\"time\":\"1970-0[1-9]-1[0-9]T00:00:00.00000[0-9]Z\"(,\"method\":\"[A-C]{0,2}\")?\\}") {
        if let Ok(record) = Record::parse(line.as_bytes()) {
            prop_assert_eq!(record.to_line(), line.as_bytes());
        }
    }
}
