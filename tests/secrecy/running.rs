//! A running vault: in this process, where everything that is logged at all is kept, or in one of
//! its own, as an operator runs it.

use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use ionvault::app::{App, RunError};
use tokio_util::sync::CancellationToken;

use super::controls::{Controls, LAST};
use super::house::House;

/// Collects what is logged.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

/// What this whole process logs, once [`listen_to_all`] was called.
static ALL: LazyLock<Log> = LazyLock::new(Log::default);

/// Keeps whatever is logged in this process from now on: by every crate, on either logging façade,
/// at every level, and without the bound that `telemetry` sets.
pub(crate) fn listen_to_all() {
    let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
    lines.with_ansi(false).with_writer(|| ALL.clone()).init();
}

/// What this process logged since the last call.
pub(crate) fn take_all() -> Vec<u8> {
    std::mem::take(&mut ALL.0.lock().unwrap())
}

pub(crate) struct Running {
    pub(crate) mtls: u16,
    pub(crate) ops: u16,
    how: How,
}

enum How {
    Here { drain: CancellationToken, task: tokio::task::JoinHandle<Result<(), RunError>> },
    Apart { child: Child, log: Log, reader: JoinHandle<()> },
}

impl Running {
    /// In this process.
    pub(crate) async fn here(house: &House) -> Self {
        let app = App::start(&house.config(), None).await.unwrap();
        let (mtls, ops) = (app.mtls_address().unwrap().port(), app.ops_address().unwrap().port());
        let drain = CancellationToken::new();
        let task = tokio::spawn(app.run(drain.clone()));
        Self { mtls, ops, how: How::Here { drain, task } }
    }

    /// In a process of its own, with the log and the metrics that an operator gets. It logs and
    /// counts the controls, too.
    pub(crate) async fn apart(house: &House, controls: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "serves", "--ignored", "--nocapture"])
            .env(CONFIG, house.path("ionvault.toml"))
            .env(CONTROLS, controls)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Log::default();
        let (mut errors, mut writer) = (child.stderr.take().unwrap(), log.clone());
        let reader = std::thread::spawn(move || {
            io::copy(&mut errors, &mut writer).unwrap();
        });
        let mut running = Self { mtls: 0, ops: 0, how: How::Apart { child, log, reader } };
        running.ops = running.port("listening for probes").await;
        running.mtls = running.port("listening for TLS").await;
        running.waited_for(LAST).await;
        running
    }

    /// The metrics as they are collected.
    pub(crate) async fn metrics(&self) -> Vec<u8> {
        let ops = self.ops;
        let asked = tokio::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", ops)).unwrap();
            let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            answer
        });
        let answer = asked.await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"));
        answer
    }

    /// Stops it as a supervisor does, and returns what it logged in a process of its own.
    pub(crate) async fn stop(self) -> Vec<u8> {
        match self.how {
            How::Here { drain, task } => {
                drain.cancel();
                task.await.unwrap().unwrap();
                Vec::new()
            }
            How::Apart { mut child, log, reader } => {
                let pid = rustix::process::Pid::from_child(&child);
                rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
                let ended = tokio::task::spawn_blocking(move || (child.wait(), reader.join()));
                let (status, read) = ended.await.unwrap();
                read.unwrap();
                let log = std::mem::take(&mut *log.0.lock().unwrap());
                assert!(status.unwrap().success(), "{}", String::from_utf8_lossy(&log));
                log
            }
        }
    }

    async fn port(&mut self, words: &str) -> u16 {
        let line = self.waited_for(words).await;
        let (_, port) = line.split_once("127.0.0.1:").unwrap();
        let digits = port.split(|c: char| !c.is_ascii_digit()).next();
        digits.unwrap().parse().unwrap()
    }

    /// The first line with these words, as soon as it is there.
    async fn waited_for(&mut self, words: &str) -> String {
        let How::Apart { child, log, .. } = &mut self.how else { panic!("not another process") };
        loop {
            let ended = child.try_wait().unwrap();
            let bytes = log.0.lock().unwrap().clone();
            let text = String::from_utf8_lossy(&bytes);
            let whole = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
            if let Some(line) = whole.lines().find(|line| line.contains(words)) {
                return line.to_owned();
            }
            assert!(ended.is_none(), "it ended before it logged \"{words}\": {text}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// What the other process does, if it was started by [`Running::apart`].
pub(crate) async fn serve_apart() {
    let config = std::env::var_os(CONFIG).expect("only `Running::apart` starts this");
    let given = Controls::from_text(&std::env::var(CONTROLS).unwrap());
    let controls = async {
        while !tracing::dispatcher::has_been_set() {
            tokio::task::yield_now().await;
        }
        given.log();
        given.count();
    };
    let (served, ()) = tokio::join!(ionvault::app::serve(config.as_ref()), controls);
    served.unwrap();
}

const CONFIG: &str = "IONVAULT_SECRECY_CONFIG";
const CONTROLS: &str = "IONVAULT_SECRECY_CONTROLS";

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
