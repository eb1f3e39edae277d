//! The command line, as a person or a script meets it: the real program, in a process of its own.
//!
//! The vault it talks to is scripted, because most of these tests are about answers that a healthy
//! vault does not give.
#![expect(
    clippy::unwrap_used,
    reason = "in a test that is how a wrong assumption is reported; clippy's own exception misses helpers"
)]

mod cli {
    mod auditing;
    mod authorizations;
    mod changes;
    mod connections;
    mod diagnoses;
    mod failures;
    mod local;
    mod manual;
    mod program;
    mod reading;
    mod samples;
    mod tokens;
    mod uploads;
    mod usage;
    mod vault;
    mod watching;
}
