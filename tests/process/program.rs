//! A running program, and what it says on standard error.

use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A program of ours in a process of its own; dropping it kills it.
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    /// All lines of standard error.
    pub(crate) said: Vec<String>,
}

impl Program {
    pub(crate) fn spawn(mut command: Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            use std::io::BufRead as _;
            for line in std::io::BufReader::new(stderr).lines().map_while(Result::ok) {
                // Once nobody listens, the pipe is still emptied, or the program would block.
                let _gone = sender.send(line);
            }
        });
        Self { child, lines, said: Vec::new() }
    }

    /// Waits for a line that holds `text`.
    #[track_caller]
    pub(crate) fn says(&mut self, text: &str) -> String {
        while let Some(line) = self.next_line() {
            if line.contains(text) {
                return line;
            }
        }
        panic!("ended without saying {text:?}:\n{}", self.said.join("\n"));
    }

    /// A line that was said already.
    #[track_caller]
    pub(crate) fn said(&self, text: &str) -> &str {
        let line = self.said.iter().find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("never said {text:?}:\n{}", self.said.join("\n")))
    }

    /// Waits for the next line of standard output.
    pub(crate) fn prints(&mut self) -> String {
        let stdout = self.child.stdout.as_mut().unwrap();
        let mut line = Vec::new();
        // Byte by byte: what a buffer took would be missing in the end.
        for byte in std::io::Read::bytes(stdout).map(Result::unwrap).take_while(|b| *b != b'\n') {
            line.push(byte);
        }
        String::from_utf8(line).unwrap()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        while self.next_line().is_some() {}
        let code = self.child.wait().unwrap().code();
        let mut stdout = String::new();
        std::io::Read::read_to_string(&mut self.child.stdout.take().unwrap(), &mut stdout).unwrap();
        Ended { code, stdout, said: std::mem::take(&mut self.said) }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The next line; `None` at the end of the program.
    #[track_caller]
    fn next_line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(SILENCE_MAX) {
            Ok(line) => {
                self.said.push(line.clone());
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                panic!("silent for {SILENCE_MAX:?}, after:\n{}", self.said.join("\n"))
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already if all went well.
        let _ended = self.child.kill();
        let _code = self.child.wait();
    }
}

/// Only a program that hangs is silent for so long, however busy the machine.
const SILENCE_MAX: Duration = Duration::from_secs(120);
