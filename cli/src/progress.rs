//! A bar on standard error while a long capture is read; nothing where nobody looks.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Work shorter than this needs no bar.
const PATIENCE: Duration = Duration::from_millis(300);

/// How far reading has come.
#[derive(Debug)]
pub(crate) struct Progress {
    wanted: bool,
    started: Instant,
    /// Bytes of all captures, where they are known.
    total: Option<u64>,
    before: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn new(wanted: bool, total: Option<u64>) -> Self {
        Self {
            wanted: wanted && stderr().is_terminal(),
            started: Instant::now(),
            total,
            before: 0,
            bar: None,
        }
    }

    /// The position in the capture that is being read.
    pub(crate) fn at(&mut self, position: u64) {
        if !self.wanted || self.started.elapsed() < PATIENCE {
            return;
        }
        let total = self.total;
        let bar = self.bar.get_or_insert_with(|| bar(total));
        bar.set_position(self.before.saturating_add(position));
    }

    /// A capture was read to its end.
    pub(crate) fn capture_done(&mut self, size: Option<u64>) {
        self.before = self.before.saturating_add(size.unwrap_or_default());
    }

    /// Takes the bar away.
    pub(crate) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => {
            (ProgressBar::new(total), "{wide_bar} {bytes} of {total_bytes}  {bytes_per_sec}  {eta}")
        }
        None => (ProgressBar::new_spinner(), "{spinner} {bytes} read  {bytes_per_sec}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
