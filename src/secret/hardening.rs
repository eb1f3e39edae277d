//! Keeps the memory of this process away from everyone else.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use super::locked_key;

/// A protection that the system refused. The vault works without it, so this is a warning.
#[derive(Debug, thiserror::Error)]
pub enum Weakness {
    /// A debugger of the same user can attach, and a crash may leave the memory in a file.
    #[error("other processes of this user can read the memory of this one")]
    Dumpable(#[source] io::Error),
    /// A crash may leave the memory in a file.
    #[error("core files cannot be switched off")]
    CoreFiles(#[source] io::Error),
    /// Keys may reach the swap space.
    #[error("keys may be swapped out, as memory cannot be locked ({0}): raise RLIMIT_MEMLOCK")]
    Swappable(String),
}

/// Makes the process not dumpable (`prctl(PR_SET_DUMPABLE)`: no core file, and `/proc/self/mem`
/// and ptrace only for root), forbids core files (`RLIMIT_CORE` 0, for a `core_pattern` that
/// names a program too), and locks the first page of keys.
///
/// Call it first of all, before a secret is read. It is for the whole process and cannot fail:
/// what was refused is returned, for a warning in the log. An `execve` ends the first protection.
#[must_use = "what was refused belongs in the log"]
pub fn harden_process() -> Vec<Weakness> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    [
        set_dumpable_behavior(DumpableBehavior::NotDumpable)
            .err()
            .map(|errno| Weakness::Dumpable(errno.into())),
        setrlimit(Resource::Core, none).err().map(|errno| Weakness::CoreFiles(errno.into())),
        locked_key::refusal().map(Weakness::Swappable),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Each test that changes a whole process runs one of the ignored tests in a child of its own.
#[cfg(test)]
mod tests {
    use std::process::{Command, Output};

    use rustix::process::dumpable_behavior;

    use super::super::LockedKey;
    use super::*;

    #[test]
    fn a_hardened_process_leaves_no_core_and_locks_its_keys() {
        assert_child_passes("hardens");
    }

    #[test]
    fn memory_that_cannot_be_locked_is_a_warning_and_keys_still_work() {
        assert_child_passes("may_lock_nothing");
    }

    #[test]
    #[ignore = "runs in a child of another test"]
    fn hardens() {
        assert_eq!(locked_kib(), 0);
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::Dumpable);

        let weaknesses = harden_process();

        assert!(weaknesses.is_empty(), "{weaknesses:?}");
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        assert_eq!(limit("Max core file size"), ["0", "0"]);
        assert!(locked_kib() >= 4);
        // Full pages are followed by locked pages.
        let before = locked_kib();
        let keys: Vec<_> = (0..200).map(|_| LockedKey::random().unwrap()).collect();
        assert!(locked_kib() >= before + 12);
        drop(keys);
    }

    #[test]
    #[ignore = "runs in a child of another test"]
    fn may_lock_nothing() {
        forbid_locking();

        let weaknesses = harden_process();

        assert!(matches!(weaknesses.as_slice(), [Weakness::Swappable(_)]), "{weaknesses:?}");
        assert_eq!(*LockedKey::from_bytes(&[7; 32]).unwrap().expose(), [7; 32]);
    }

    /// Root may lock whatever the limit says, unless it gives up the capability.
    fn forbid_locking() {
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        setrlimit(Resource::Memlock, none).unwrap();
        let mut capabilities = rustix::thread::capabilities(None).unwrap();
        capabilities.effective.remove(rustix::thread::CapabilitySet::IPC_LOCK);
        rustix::thread::set_capabilities(None, capabilities).unwrap();
    }

    fn assert_child_passes(test: &str) {
        let name = format!("{}::{test}", module_path!().trim_start_matches("ionvault::"));
        let Output { status, stdout, stderr } = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &name, "--ignored", "--test-threads=1"])
            .output()
            .unwrap();
        let said = String::from_utf8(stdout).unwrap();
        assert!(
            status.success() && said.contains("1 passed"),
            "{said}{}",
            String::from_utf8(stderr).unwrap()
        );
    }

    fn locked_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The soft and the hard limit.
    fn limit(name: &str) -> Vec<String> {
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().take(2).map(str::to_owned).collect()
    }
}
