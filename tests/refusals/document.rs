//! The document.

use super::trial::Row;

/// `docs/refusals.md`, whole.
pub(crate) fn of(rows: &[Row]) -> String {
    let mut document = HEAD.to_owned();
    for row in rows {
        let Row { way, answer, verdict, reason, code, exit, health, advice: _ } = row;
        document += &format!(
            "| {way} | {answer} | `{verdict}` | `{reason}` | `{code}` | {exit} | `{health}` |\n"
        );
    }
    document += ADVICE;
    let mut told: Vec<(&str, Vec<&str>)> = Vec::new();
    for row in rows {
        match told.iter_mut().find(|(advice, _)| *advice == row.advice) {
            Some((_, ways)) => ways.push(row.way),
            None => told.push((&row.advice, vec![row.way])),
        }
    }
    for (advice, ways) in told {
        let ways: Vec<_> = ways.iter().map(|way| format!("**{way}**")).collect();
        document += &format!("\n{}:\n\n> {advice}\n", ways.join("; "));
    }
    document
}

const HEAD: &str = "\
# How Infor refuses, and what the vault makes of it

This page is written by a program: `tests/refusals.rs` runs a vault against the simulated Infor, has
it refused in each of these ways, and notes what the vault answers. A test compares the page with
what the program does; `IONVAULT_BLESS=1 cargo test --test refusals` writes it anew.

The columns: what is wrong; what came back, as `ionvault test` says it (never text of the server);
the verdict of `ionvault test`; the reason and the gRPC code of `IssueToken`; the exit code of
`ionvault token`; the health that `ionvault show` tells afterwards. An upload that asks Infor first,
as it does unless told otherwise, fails with the same reason where the verdict is `REFUSED`.

| what is wrong | what came back | verdict | reason | code | exit | health |
|---|---|---|---|---|---|---|
";

const ADVICE: &str = "
## What to do

The advice that `TestCredential`, the health of a credential and the message of the error give:
";
