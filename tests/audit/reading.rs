//! Reading records back.

use ionvault::audit::{About, AuditLog, Event, Filter, Order, PageQuery, Record};

use crate::samples::{Running, at, event, open, record};

const ALL: Filter = Filter {
    caller: None,
    method: None,
    resource: None,
    outcome: None,
    reason: None,
    token_id: None,
    not_before: None,
    before: None,
};

pub(crate) async fn pages(
    log: &AuditLog,
    filter: &Filter,
    order: Order,
    records_max: usize,
) -> Vec<Record> {
    let (mut records, mut from) = (Vec::new(), None);
    loop {
        let page = log.list(filter.clone(), PageQuery { order, from, records_max }).await.unwrap();
        assert!(page.records.len() <= records_max);
        records.extend(page.records);
        from = page.next;
        if from.is_none() {
            return records;
        }
    }
}

/// Over several segments, some of them sealed, one active.
async fn long_log(dir: &std::path::Path) -> Running {
    let running = Running::start(open(dir));
    for _ in 0..8 {
        let last = record(&running.log, 1_000);
        running.log.synced(last).await.unwrap();
    }
    running
}

#[tokio::test]
async fn pages_give_every_record_once_in_either_direction() {
    let dir = tempfile::tempdir().unwrap();
    let running = long_log(dir.path()).await;
    for records_max in [1_000, 777, 8_000, 9_000] {
        let oldest = pages(&running.log, &ALL, Order::OldestFirst, records_max).await;
        let sequences: Vec<_> = oldest.iter().map(|record| record.sequence).collect();
        assert_eq!(sequences, (0..8_000).collect::<Vec<_>>());
        let mut newest = pages(&running.log, &ALL, Order::NewestFirst, records_max).await;
        newest.reverse();
        assert_eq!(newest, oldest);
    }
    running.stop().await;
}

#[tokio::test]
async fn every_record_is_found_by_its_sequence() {
    let dir = tempfile::tempdir().unwrap();
    let running = long_log(dir.path()).await;
    for sequence in (0..8_000).step_by(7).chain([7_999]) {
        let found = running.log.event(sequence).await.unwrap().unwrap();
        assert_eq!((found.sequence, found.event), (sequence, event(sequence % 1_000)));
    }
    assert_eq!(running.log.event(8_000).await.unwrap(), None);
    running.stop().await;
}

#[tokio::test]
async fn a_filter_gives_what_matches_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    record(&log, 100);
    let text = |text: &str| Some(text.to_owned());
    let exactly = |name: &str| Some(About::Exactly(name.to_owned()));
    let within = |name: &str| Some(About::Within(name.to_owned()));
    for (filter, expected) in [
        (Filter { method: text("IssueToken"), ..ALL }, 34),
        (Filter { outcome: text("NOT_FOUND"), method: text("IssueToken"), ..ALL }, 7),
        (Filter { reason: text("CREDENTIAL_NOT_FOUND"), ..ALL }, 20),
        (Filter { caller: text("spiffe://acme.example/ns/billing/sa/invoices-3"), ..ALL }, 14),
        (Filter { resource: exactly("tenants/acme/credentials/erp-7"), ..ALL }, 1),
        (Filter { resource: exactly("tenants/acme"), ..ALL }, 0),
        (Filter { resource: within("tenants/acme"), ..ALL }, 100),
        (Filter { resource: within("tenants/acm"), ..ALL }, 0),
        (Filter { token_id: text("t"), ..ALL }, 0),
        // Opening asked the clock once.
        (Filter { not_before: Some(at(11)), before: Some(at(21)), ..ALL }, 10),
    ] {
        let oldest = pages(&log, &filter, Order::OldestFirst, 13).await;
        let newest = pages(&log, &filter, Order::NewestFirst, 13).await;
        assert_eq!((oldest.len(), newest.len()), (expected, expected), "{filter:?}");
    }
}

#[tokio::test]
async fn a_tenant_is_itself_and_what_is_in_it_and_no_other_one() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let (inside, outside) = (
        ["tenants/acme", "tenants/acme/credentials/erp", "tenants/acme/credentials/erp/versions/3"],
        ["tenants/acm", "tenants/acmex", "tenants/acmex/credentials/erp", "tenants/-", "acme", ""],
    );
    for resource in inside.into_iter().chain(outside) {
        let event = Event { resource: resource.into(), ..event(0) };
        log.admit().unwrap().record(&event).unwrap();
    }
    let filter = Filter { resource: Some(About::Within("tenants/acme".to_owned())), ..ALL };
    let found = pages(&log, &filter, Order::OldestFirst, 13).await;
    let found: Vec<_> = found.iter().map(|record| &*record.event.resource).collect();
    assert_eq!(found, inside);
}

#[tokio::test]
async fn one_page_reads_a_bounded_part_of_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(open(dir.path()));
    for _ in 0..20 {
        let last = record(&running.log, 1_000);
        running.log.synced(last).await.unwrap();
    }
    let nothing = Filter { method: Some("Nothing".to_owned()), ..ALL };
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let query = PageQuery { order, from: None, records_max: 10 };
        let page = running.log.list(nothing.clone(), query).await.unwrap();
        assert!(page.records.is_empty() && page.next.is_some());
        assert!(pages(&running.log, &nothing, order, 10).await.is_empty());
    }
    running.stop().await;
}
