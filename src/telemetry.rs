//! Logs and metrics of the process.
//!
//! Nothing secret is logged: this crate logs names, fixed words and typed fields, never a message
//! of a request. What libraries say below `info` may quote what they carry, so no filter turns it
//! on.

use std::io::IsTerminal;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::config::{Log, LogFormat};

/// The metrics that the process has counted so far.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

/// Why telemetry could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something in this process already takes the log.
    #[error("the log is already taken")]
    Log(#[source] tracing::subscriber::SetGlobalDefaultError),
    /// Something in this process already takes the metrics.
    #[error("the metrics are already taken")]
    Metrics(#[source] metrics_exporter_prometheus::BuildError),
}

/// Sends the log of the whole process to standard error, and starts to count.
///
/// # Errors
///
/// [`StartError`] at the second call in one process.
pub fn start(log: &Log) -> Result<Metrics, StartError> {
    let colours = std::io::stderr().is_terminal();
    tracing::subscriber::set_global_default(subscriber(log, colours, std::io::stderr))
        .map_err(StartError::Log)?;
    PrometheusBuilder::new().install_recorder().map(Metrics).map_err(StartError::Metrics)
}

impl Metrics {
    /// All metrics in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds what histograms have collected, so that their memory stays bounded even if nobody
    /// asks for the metrics. Runs until `stop`.
    pub async fn keep_small(&self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(FOLD_EVERY)).await.is_some() {
            self.0.run_upkeep();
        }
    }
}

/// What the exporter's own upkeep task would take.
const FOLD_EVERY: Duration = Duration::from_secs(5);

/// Libraries are heard from this level upwards.
const LIBRARIES: LevelFilter = LevelFilter::INFO;

fn subscriber<W>(log: &Log, colours: bool, writer: W) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_ansi(colours).with_writer(writer);
    let lines = match log.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let ours = env!("CARGO_PKG_NAME");
    let bounded = Targets::new().with_default(LIBRARIES).with_target(ours, LevelFilter::TRACE);
    // Two filters on one layer would need one id each; a line has to pass both.
    Registry::default().with(lines.with_filter(bounded).with_filter(log.filter.clone()))
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Collects what is written.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: &str) -> String {
        let paper = Paper::default();
        let source = paper.clone();
        let log = Log { format, filter: filter.parse().unwrap() };
        tracing::subscriber::with_default(subscriber(&log, false, move || source.clone()), || {
            tracing::info!(target: "ionvault::listen", peer = "\u{1b}[31mred\nnew line", "first");
            tracing::debug!(target: "ionvault::listen", "second");
            tracing::debug!(target: "h2::codec", "third");
            tracing::warn!(target: "h2::codec", "fourth");
        });
        String::from_utf8(paper.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn the_filter_decides_and_libraries_never_speak_below_info() {
        let all = logged(LogFormat::Text, "trace");
        let said = ["first", "second", "third", "fourth"].map(|word| all.contains(word));
        assert_eq!(said, [true, true, false, true], "{all}");
        let some = logged(LogFormat::Text, "off,ionvault::listen=info");
        let said = ["first", "second", "third", "fourth"].map(|word| some.contains(word));
        assert_eq!(said, [true, false, false, false], "{some}");
    }

    #[test]
    fn a_value_cannot_forge_a_line_or_steer_the_terminal() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = logged(format, "info,h2=off");
            assert_eq!(text.lines().count(), 1, "{text}");
            assert!(!text.contains('\u{1b}'), "{text}");
        }
    }

    #[test]
    fn json_lines_are_objects_with_flat_fields() {
        let text = logged(LogFormat::Json, "info,h2=off");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "first");
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["target"], "ionvault::listen");
    }
}
