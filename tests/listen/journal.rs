//! What the listeners log.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::Subscriber;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;

/// Collects every line, at every level.
#[derive(Clone, Default)]
pub struct Journal(Arc<Mutex<Vec<u8>>>);

impl Journal {
    pub fn subscriber(&self) -> impl Subscriber + Send + Sync + use<> {
        let journal = self.clone();
        let lines = fmt::layer().with_ansi(false).with_writer(move || journal.clone());
        tracing_subscriber::registry().with(LevelFilter::TRACE).with(lines)
    }

    /// The lines with these words.
    pub fn lines(&self, words: &str) -> Vec<String> {
        let bytes = self.0.lock().unwrap();
        let text = String::from_utf8_lossy(&bytes);
        text.lines().filter(|line| line.contains(words)).map(str::to_owned).collect()
    }
}

impl Write for Journal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
