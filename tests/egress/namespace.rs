//! This test binary again, in namespaces of its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Runs an ignored test of this binary as root of its own user, network and mount namespaces, where
/// `lo` has every address and `127.0.0.1` is the name server. `None`, with a word, on a person's
/// machine that does not permit it.
///
/// # Panics
///
/// In CI (`CI=true`), where a test that was not run must not look like one that passed.
pub(crate) fn run(test: &str) -> Option<Output> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
    fs::write(dir.path().join("hosts"), "127.0.0.1 localhost\n::1 localhost\n").unwrap();
    fs::write(dir.path().join("nsswitch.conf"), "hosts: files dns\n").unwrap();
    let permitted = inside(dir.path(), &["true"]).output();
    let why = match &permitted {
        Ok(output) if output.status.success() => {
            let this = std::env::current_exe().unwrap();
            let words = [this.to_str().unwrap(), "--ignored", "--exact", test, "--nocapture"];
            return Some(inside(dir.path(), &words).output().unwrap());
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    let word = format!("no namespaces of its own for this test (unshare, ip, mount): {why}");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{word}");
    eprintln!("SKIPPED: {word}");
    None
}

fn inside(dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--user", "--net", "--mount", "sh", "-ec", SETTLE, "sh"]);
    command.args(words).env("SETTINGS", dir);
    // Nothing of ours listens to it, and it would be one more thing to explain.
    command.env_remove("RUST_LOG");
    command
}

/// All traffic stays in the namespace: `lo` is its only device.
const SETTLE: &str = r#"
ip link set lo up
ip route add local 0.0.0.0/0 dev lo
ip -6 route add local ::/0 dev lo
for file in resolv.conf hosts nsswitch.conf; do
  mount --bind "$SETTINGS/$file" "/etc/$file"
done
exec "$@"
"#;
