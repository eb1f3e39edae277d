//! Reads what `strace -f -y -xx` wrote: the beginnings and ends of system calls, in order.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A system call that changes files, or what is told outside.
#[derive(Debug)]
pub(super) enum Call {
    Write {
        path: PathBuf,
        offset: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        path: PathBuf,
        length: usize,
    },
    /// So many bytes from the beginning on are kept for the file.
    Allocate {
        path: PathBuf,
        length: usize,
    },
    /// Opened so that it is created if it is missing.
    Create {
        path: PathBuf,
        truncate: bool,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Unlink {
        path: PathBuf,
    },
    MakeDir {
        path: PathBuf,
    },
    Sync {
        path: PathBuf,
        data_only: bool,
    },
    /// What the process said on its standard output.
    Told(String),
}

/// A call begins, or ends; those of several threads overlap.
#[derive(Debug)]
pub(super) enum Step {
    Begin(usize, Call),
    /// Only calls that succeeded have an end.
    End(usize),
}

/// The calls to trace.
const CALLS: &str = "trace=write,pwrite64,openat,ftruncate,fallocate,rename,unlink,mkdir,fsync,\
                     fdatasync,sync_file_range";

/// How strace writes a trace of all threads to that file, besides `-f -qq`.
pub(super) fn options(log: &Path) -> Vec<String> {
    let log = log.to_str().unwrap();
    let options = ["--seccomp-bpf", "-y", "-xx", "-s", "1000000", "-e", CALLS, "-o", log];
    options.map(str::to_owned).into()
}

/// Reads the trace of a process that worked in `root`, as if that had been `before`.
pub(super) fn read(log: &Path, root: &Path, before: &Path) -> Vec<Step> {
    let text = std::fs::read_to_string(log).unwrap();
    let hexadecimal = |path: &Path| -> String {
        path.to_str().unwrap().bytes().map(|byte| format!("\\x{byte:02x}")).collect()
    };
    let text = text.replace(&hexadecimal(root), &hexadecimal(before));
    let mut reader = Reader::default();
    for line in text.lines() {
        let Some((process, rest)) = line.split_once(' ') else { continue };
        reader.line(process, rest.trim_start());
    }
    reader.steps
}

#[derive(Default)]
struct Reader {
    steps: Vec<Step>,
    next: usize,
    /// The call that each thread is in: its number, name and arguments.
    open: HashMap<String, (Option<usize>, String, String)>,
    /// Where the next `write` to a file goes.
    positions: HashMap<PathBuf, usize>,
}

impl Reader {
    fn line(&mut self, process: &str, line: &str) {
        if let Some(resumed) = line.strip_prefix("<... ") {
            let (id, name, arguments) = self.open.remove(process).unwrap();
            let (_, rest) = resumed.split_once(" resumed>").unwrap();
            let (more, result) = result(rest);
            self.end(id, &name, &format!("{arguments}{more}"), result);
        } else if let Some((name, rest)) = line.split_once('(').filter(|_| !line.starts_with('+')) {
            if let Some(arguments) = rest.strip_suffix(" <unfinished ...>") {
                let id = self.begin(name, arguments);
                self.open.insert(process.to_owned(), (id, name.to_owned(), arguments.to_owned()));
            } else {
                let (arguments, result) = result(rest);
                let id = self.begin(name, arguments);
                self.end(id, name, arguments, result);
            }
        }
    }

    fn begin(&mut self, name: &str, arguments: &str) -> Option<usize> {
        let call = self.call(name, &split(arguments))?;
        self.next += 1;
        self.steps.push(Step::Begin(self.next, call));
        Some(self.next)
    }

    fn end(&mut self, id: Option<usize>, name: &str, arguments: &str, result: &str) {
        if result.starts_with('-') || result.starts_with('?') {
            return;
        }
        if name == "openat" {
            // Only files that are opened anew are written with `write`.
            self.positions.insert(PathBuf::from(text(split(arguments)[1])), 0);
        }
        if let Some(id) = id {
            self.steps.push(Step::End(id));
        }
    }

    fn call(&mut self, name: &str, arguments: &[&str]) -> Option<Call> {
        let path = || PathBuf::from(text(arguments[0]));
        let number = |at: usize| arguments[at].parse::<usize>().unwrap();
        Some(match name {
            "write" if arguments[0].starts_with("1<") => {
                Call::Told(String::from_utf8_lossy(&bytes(arguments[1])).into_owned())
            }
            "write" => {
                let (path, bytes) = (path(), bytes(arguments[1]));
                let position = self.positions.entry(path.clone()).or_default();
                let offset = *position;
                *position += bytes.len();
                Call::Write { path, offset, bytes }
            }
            "pwrite64" => {
                Call::Write { path: path(), offset: number(3), bytes: bytes(arguments[1]) }
            }
            "fallocate" => Call::Allocate { path: path(), length: number(2) + number(3) },
            "ftruncate" => Call::Truncate { path: path(), length: number(1) },
            "openat" if arguments[2].contains("O_CREAT") => Call::Create {
                path: text(arguments[1]).into(),
                truncate: arguments[2].contains("O_TRUNC"),
            },
            "rename" => Call::Rename { from: path(), to: text(arguments[1]).into() },
            "unlink" => Call::Unlink { path: path() },
            "mkdir" => Call::MakeDir { path: path() },
            "fsync" => Call::Sync { path: path(), data_only: false },
            "fdatasync" => Call::Sync { path: path(), data_only: true },
            // `sync_file_range` starts a transfer, and flushes no device's cache: it promises
            // nothing. `openat` without creating changes nothing.
            _ => return None,
        })
    }
}

/// Splits `…)   = 3`, which strace pads; a call that was killed has no result.
fn result(rest: &str) -> (&str, &str) {
    let (arguments, result) = rest.rsplit_once(" = ").unwrap_or((rest, "?"));
    let arguments = arguments.trim_end();
    (arguments.strip_suffix(')').unwrap_or(arguments), result)
}

/// Splits arguments; with `-xx` strings and names hold nothing but `\x..`.
fn split(arguments: &str) -> Vec<&str> {
    arguments.split(", ").collect()
}

/// The bytes of `"\x..\x.."`.
fn bytes(quoted: &str) -> Vec<u8> {
    assert!(!quoted.ends_with("..."), "strace cut a string");
    let hexadecimal = quoted.trim_matches('"').as_bytes();
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
    hexadecimal.chunks(4).map(|code| digit(code[2]) << 4 | digit(code[3])).collect()
}

/// The text of `"\x..\x.."` or of `5<\x..\x..>`.
fn text(argument: &str) -> String {
    let name = match argument.split_once('<') {
        Some((_, name)) => name.trim_end_matches('>'),
        None => argument,
    };
    String::from_utf8(bytes(name)).unwrap()
}
