//! A server in a process of its own, and what it cost.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Failure;

/// A child process: this program again, in the role of a server.
pub(crate) struct Server(Child);

/// What the child is to serve.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    /// The vault, as `ionvault serve` runs it.
    Vault,
    /// A handler that does nothing, behind the same listener.
    Noop,
    /// The same, and its calls are recorded in an audit log like the vault's.
    Recorded,
}

impl Role {
    /// As it stands on the child's command line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Vault => "serve-vault",
            Self::Noop => "serve-noop",
            Self::Recorded => "serve-recorded",
        }
    }
}

impl Server {
    /// Starts the role; its log goes to `{directory}/{role}.log`.
    pub(crate) fn start(role: Role, directory: &Path) -> Result<Self, Failure> {
        Self::spawn(Command::new(std::env::current_exe()?), role, directory)
    }

    /// Starts the role under callgrind, which leaves its counts at `{out}.1`, `{out}.2`, ….
    pub(crate) fn start_counted(role: Role, directory: &Path, out: &Path) -> Result<Self, Failure> {
        let mut command = Command::new("valgrind");
        let mut out_file = OsString::from("--callgrind-out-file=");
        out_file.push(out);
        command.arg("--tool=callgrind").arg("--quiet").arg(out_file);
        command.arg(std::env::current_exe()?);
        Self::spawn(command, role, directory)
    }

    fn spawn(mut command: Command, role: Role, directory: &Path) -> Result<Self, Failure> {
        let log = std::fs::File::create(directory.join(role.as_str()).with_extension("log"))?;
        let child = command
            .arg(role.as_str())
            .arg(directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self(child))
    }

    /// The CPU time of all threads so far, in user and system mode.
    pub(crate) fn cpu(&self) -> Result<Duration, Failure> {
        let tasks = PathBuf::from(format!("/proc/{}/task", self.0.id()));
        let mut nanoseconds = 0;
        for task in std::fs::read_dir(tasks)? {
            // The first field is the time on a CPU (Documentation/scheduler/sched-stats.rst).
            let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
            let field = text.split(' ').next().ok_or("schedstat is empty")?;
            nanoseconds += field.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Has callgrind write what it counted since it was asked last, into the next numbered file.
    pub(crate) fn dump_counts(&self) -> Result<(), Failure> {
        let pid = self.0.id().to_string();
        let told = Command::new("callgrind_control").args(["--dump", &pid]).output()?;
        if told.status.success() { Ok(()) } else { Err("callgrind_control failed".into()) }
    }

    /// Asks the server to end (SIGTERM), and waits until it has.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        let pid = i32::try_from(self.0.id())?;
        let pid = rustix::process::Pid::from_raw(pid).ok_or("a child has a process id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let status = self.0.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the server ended with {status}").into())
        }
    }
}

/// A server that outlives the measurement would hold its port.
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The instructions in a file that callgrind left.
pub(crate) fn instructions(out: &Path) -> Result<u64, Failure> {
    let text = std::fs::read_to_string(out)?;
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("totals: ").or_else(|| line.strip_prefix("summary: ")));
    Ok(total.ok_or("callgrind left no totals")?.trim().parse()?)
}
