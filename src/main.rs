//! The `ionvault` program.

fn main() {}
