//! strace around the vault: it sees the store make commits durable, and kills at the n-th one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the store's one writer does for each commit, after sled has written it: both belong to a
/// single thread, so counting them is exact.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Call {
    /// `fdatasync` of sled's log: before it the commit is written, and not durable.
    Sync,
    /// `pwrite` of the file `progress`: before it the commit is durable, and nobody knows.
    Note,
    /// `pwrite` of sled's log, by any thread: before it the commit is written in part or not at
    /// all. Counted for each thread by itself.
    Write,
}

impl Call {
    const fn name(self) -> &'static str {
        match self {
            Self::Sync => "fdatasync",
            Self::Note | Self::Write => "pwrite64",
        }
    }

    /// The file, in the directory of the store, where calls on others are to be told apart.
    const fn file(self) -> Option<&'static str> {
        match self {
            Self::Note => Some("progress"),
            Self::Write => Some("db/db"),
            Self::Sync => None,
        }
    }
}

/// A kill on entering a call, which then does not happen any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KillAt {
    pub(crate) call: Call,
    /// From 1.
    pub(crate) number: usize,
}

/// How many commits there were. Who is not root may not see the files of a process that is not
/// dumpable, as the vault is: then there are no notes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Commits {
    pub(crate) syncs: usize,
    pub(crate) notes: usize,
}

/// A trace of commits that is being written.
pub(crate) struct Trace {
    file: PathBuf,
    store: PathBuf,
}

impl Trace {
    pub(crate) fn new(file: PathBuf, store: &Path) -> Self {
        // strace shows the names that the kernel knows.
        Self { file, store: store.canonicalize().unwrap() }
    }

    /// The same command under strace. The process that is spawned is the command itself, so a
    /// signal to it reaches it; strace ends with it.
    pub(crate) fn command(&self, command: &Command, kill: Option<KillAt>) -> Command {
        let mut traced = Command::new("strace");
        traced.env_clear();
        for (name, value) in command.get_envs() {
            traced.env(name, value.unwrap());
        }
        // Not `--seccomp-bpf`: strace 6.1 then injects no signal.
        traced.args(["-D", "-f", "-qq", "-y", "-o"]).arg(&self.file);
        traced.args(["-e", "trace=fdatasync,pwrite64"]);
        if let Some(KillAt { call, number }) = kill {
            if let Some(file) = call.file() {
                // Calls on other files do not count.
                traced.arg("-P").arg(self.store.join(file));
            }
            let name = call.name();
            traced.args(["-e", &format!("inject={name}:signal=SIGKILL:when={number}")]);
        }
        traced.arg(command.get_program()).args(command.get_args());
        traced
    }

    /// The commits so far, of the store's writer: strace counts for each thread by itself, and
    /// others open the store. The line of a call is there before the call returns.
    pub(crate) fn commits(&self) -> Commits {
        let text = fs::read_to_string(&self.file).unwrap();
        let count = |call: Call| {
            let begins = format!("{}(", call.name());
            let path = call.file().map(|file| self.store.join(file));
            let file = path.map_or(String::new(), |path| format!("<{}>", path.display()));
            let calls = text.lines().filter_map(|line| line.split_once(' '));
            let calls = calls
                .filter(|(_, call)| call.trim_start().starts_with(&begins) && call.contains(&file));
            let threads: Vec<&str> = calls.map(|(thread, _)| thread).collect();
            threads.iter().filter(|thread| Some(*thread) == threads.last()).count()
        };
        Commits { syncs: count(Call::Sync), notes: count(Call::Note) }
    }
}

/// Whether strace works here. In CI it must.
pub(crate) fn strace_works() -> bool {
    let tried = Command::new("strace")
        .args(["-D", "-f", "-qq", "-e", "trace=none", "true"])
        .stderr(std::process::Stdio::null())
        .status();
    if tried.is_ok_and(|status| status.success()) {
        return true;
    }
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI needs a working strace");
    eprintln!("SKIPPED: strace is missing, or may not trace here");
    false
}
