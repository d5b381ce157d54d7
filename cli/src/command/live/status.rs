//! One line that says what goes by, drawn by a thread of its own: the packet thread counts and never waits for it.

use std::fmt::Write;
use std::io::{IsTerminal, stderr, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{Sender, bounded, select, tick};
use dashmap::DashMap;
use indicatif::{ProgressBar, ProgressStyle};
use weir_core::event::Event;

use crate::output::units::{bytes, count, counted, duration};

const INTERVAL: Duration = Duration::from_millis(250);
/// Protocols named in the line.
const NAMED: usize = 6;

/// What went by so far. Counting locks one shard of the map for an instant; reading it stops nobody for longer.
#[derive(Debug, Default)]
pub(super) struct Counters {
    packets: AtomicU64,
    bytes: AtomicU64,
    findings: AtomicU64,
    /// Messages by protocol.
    protocols: DashMap<&'static str, u64>,
}

impl Counters {
    pub(super) fn packet(&self, length: u64) {
        self.packets.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(length, Ordering::Relaxed);
    }

    pub(super) fn event(&self, event: &Event) {
        match event {
            Event::Record(record) => *self.protocols.entry(record.protocol).or_default() += 1,
            Event::Alert(_) => {
                self.findings.fetch_add(1, Ordering::Relaxed);
            }
            Event::Flow(_) => {}
        }
    }

    fn line(&self, elapsed: Duration) -> String {
        let mut protocols: Vec<(&'static str, u64)> =
            self.protocols.iter().map(|entry| (*entry.key(), *entry.value())).collect();
        protocols.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let mut line = format!(
            "{} · {} · {}",
            duration(elapsed),
            counted(self.packets.load(Ordering::Relaxed), "packet"),
            bytes(self.bytes.load(Ordering::Relaxed)),
        );
        for (protocol, messages) in protocols.into_iter().take(NAMED) {
            // Writing to a string cannot fail.
            let _ = write!(line, " · {protocol} {}", count(messages));
        }
        let findings = self.findings.load(Ordering::Relaxed);
        if findings > 0 {
            let _ = write!(line, " · {}", counted(findings, "finding"));
        }
        line
    }
}

/// The thread that draws; it ends, and takes its line away, when this is dropped.
#[derive(Debug)]
pub(super) struct Ticker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// A status line and lines of output on one terminal would tear each other apart.
    pub(super) fn has_somebody_watching(streams: bool) -> bool {
        stderr().is_terminal() && !(streams && stdout().is_terminal())
    }

    pub(super) fn start(counters: Arc<Counters>) -> Self {
        let (stop, stopped) = bounded::<()>(0);
        let thread = std::thread::spawn(move || {
            let started = Instant::now();
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            let ticks = tick(INTERVAL);
            loop {
                select! {
                    recv(ticks) -> _ => {
                        bar.set_message(counters.line(started.elapsed()));
                        bar.tick();
                    }
                    recv(stopped) -> _ => break,
                }
            }
            bar.finish_and_clear();
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that failed to draw is no reason to lose the summary.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Counters;

    #[test]
    fn the_line_names_what_is_most_first() {
        let counters = Counters::default();
        counters.packet(1500);
        for protocol in ["dns", "tls", "tls"] {
            *counters.protocols.entry(protocol).or_default() += 1;
        }
        assert_eq!(counters.line(Duration::from_secs(12)), "12.0 s · 1 packet · 1.5 kB · tls 2 · dns 1");
    }
}
