//! What a run tells, and in which form.

pub(crate) mod csv;
pub(crate) mod html;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod table;
pub(crate) mod units;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{Args, ValueEnum};
use weir_core::engine::Depth;
use weir_core::event::Event;
use weir_core::report::Report;
use weir_core::severity::Severity;
use weir_core::time::Timestamp;

use crate::exit::Exit;
use crate::pipeline::Totals;

/// One form of telling.
pub(crate) trait Output {
    fn event(&mut self, _: &Event) -> io::Result<()> {
        Ok(())
    }

    /// What was told so far should be seen now.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, summary: &Summary<'_>) -> io::Result<()>;
}

/// What is known at the end of a run.
#[derive(Debug)]
pub(crate) struct Summary<'a> {
    pub(crate) captures: &'a [Heard],
    pub(crate) totals: &'a Totals,
    pub(crate) report: &'a Report,
    /// Who decides: `balanced`, or `your policy`.
    pub(crate) judge: &'a str,
}

/// One capture or interface that was listened to.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) name: String,
    pub(crate) packets: u64,
    pub(crate) first: Option<Timestamp>,
    pub(crate) last: Option<Timestamp>,
    /// What reading it took.
    pub(crate) took: Duration,
}

/// Options of every command that tells what is in traffic.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Every event as a line of JSON, in Suricata's EVE format.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Every flow as a line of CSV.
    #[arg(long)]
    csv: bool,
    /// Also a page to share, one file that needs no network.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// From which severity on a finding makes the exit code 1.
    #[arg(long, value_name = "SEVERITY", default_value = "high")]
    fail_on: FailOn,
}

/// From which severity on the exit code says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Info,
    Low,
    Medium,
    High,
    Critical,
    Never,
}

impl FailOn {
    const fn severity(self) -> Option<Severity> {
        match self {
            Self::Info => Some(Severity::Info),
            Self::Low => Some(Severity::Low),
            Self::Medium => Some(Severity::Medium),
            Self::High => Some(Severity::High),
            Self::Critical => Some(Severity::Critical),
            Self::Never => None,
        }
    }

    pub(crate) fn exit(self, worst: Option<Severity>) -> Exit {
        match (self.severity(), worst) {
            (Some(limit), Some(worst)) if worst >= limit => Exit::Findings,
            _ => Exit::Clean,
        }
    }
}

impl Options {
    /// How deep the engine must look for this.
    pub(crate) const fn depth(&self) -> Depth {
        if self.json { Depth::Records } else { Depth::Detect }
    }

    /// Whether standard output is written to while reading goes on.
    pub(crate) const fn streams(&self) -> bool {
        self.json || self.csv
    }

    pub(crate) fn exit(&self, report: &Report) -> Exit {
        self.fail_on.exit(report.worst())
    }

    pub(crate) fn teller(&self) -> anyhow::Result<Teller> {
        let stdout = || BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let first: Box<dyn Output> = if self.json {
            Box::new(json::Json::new(stdout()))
        } else if self.csv {
            Box::new(csv::Csv::new(stdout()))
        } else {
            Box::new(human::Human { page: self.html.clone() })
        };
        let mut outputs = vec![first];
        if let Some(path) = &self.html {
            outputs.push(Box::new(html::Html::create(path)?));
        }
        Ok(Teller { outputs, report: Report::default(), failed: None, stopped: Arc::default() })
    }
}

/// Hands events to the report and to every output, until one of them cannot write any more.
pub(crate) struct Teller {
    outputs: Vec<Box<dyn Output>>,
    pub(crate) report: Report,
    failed: Option<io::Error>,
    stopped: Arc<AtomicBool>,
}

impl Teller {
    pub(crate) fn tell(&mut self, event: &Event) {
        self.report.add(event);
        self.each(|output| output.event(event));
    }

    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "only interfaces never end"))]
    pub(crate) fn flush(&mut self) {
        self.each(|output| output.flush());
    }

    /// Turns true when nobody listens any more; reading on would be in vain.
    pub(crate) fn stopped(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stopped)
    }

    pub(crate) fn finish(mut self, captures: &[Heard], totals: &Totals, judge: &str) -> io::Result<Report> {
        let report = std::mem::take(&mut self.report);
        let summary = Summary { captures, totals, report: &report, judge };
        self.each(|output| output.finish(&summary));
        self.failed.map_or(Ok(report), Err)
    }

    fn each(&mut self, mut act: impl FnMut(&mut dyn Output) -> io::Result<()>) {
        if self.failed.is_some() {
            return;
        }
        for output in &mut self.outputs {
            if let Err(error) = act(output.as_mut()) {
                self.failed = Some(error);
                self.stopped.store(true, Ordering::Relaxed);
                return;
            }
        }
    }
}

/// Writes text to standard output at once, without colours where nobody would see them.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
