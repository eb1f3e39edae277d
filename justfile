# The commands of this project. Each runs without just, too.

# What can be done.
default:
    @just --list

# Runs everything on this machine: a vault, a simulated Infor, a sample credential.
dev:
    cargo run --release -- dev

# Tests; crash tests are short, and third-party tests need `just third-party`.
test:
    cargo test

# Tests with all crash tests in full size, as CI runs them.
test-full:
    IONVAULT_TEST_FULL=1 cargo test

# Installs the programs that third-party tests talk to, into target/third-party.
third-party:
    tests/third_party/install

# Formatting, lints and documentation.
check:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    cargo clippy --all-targets --no-default-features -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

# Protos: lint and formatting.
protos:
    target/third-party/buf/node_modules/.bin/buf lint
    target/third-party/buf/node_modules/.bin/buf format --diff --exit-code

# Bans, licences and sources of dependencies.
dependencies:
    cargo deny check bans licenses sources

# The cost of a cached IssueToken, beside a call that does nothing; needs valgrind.
cost:
    cargo bench --bench cost

# What CI runs.
ci:
    bash .ci/run
