//! The `ionvault` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ionvault::cli::main()
}
