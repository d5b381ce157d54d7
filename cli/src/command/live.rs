//! `weir live`: what goes over an interface now.

mod status;

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use weir_capture::{CaptureError, Live as Interface, Settings};
use weir_core::engine::{Depth, Engine, Frame};

use self::status::{Counters, Ticker};
use crate::exit::Exit;
use crate::output::{Heard, Options, Teller};
use crate::pipeline::Totals;
use crate::setup::Setup;

/// How often lines are handed on while traffic flows.
const FLUSH: Duration = Duration::from_millis(500);

/// Tell what goes over an interface, until Ctrl-C.
///
/// Needs the right to capture: root, or CAP_NET_RAW. Nothing is stopped; the verdicts say what a filter would have done.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weir live                               list the interfaces
  weir live -i wlan0                      until Ctrl-C, then the summary
  weir live -i wlan0 --duration 60 --json 'not port 22'

Exit codes are those of `weir replay`; 3 means that the interface cannot be listened to.")]
pub(crate) struct Live {
    /// The interface, `any` for all of them; without it they are listed.
    #[arg(short, long, value_name = "IFACE")]
    interface: Option<String>,
    /// Which packets to look at, in the language of pcap-filter(7).
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    /// Stop after so many packets.
    #[arg(long, value_name = "N")]
    count: Option<NonZeroU64>,
    /// Stop after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    duration: Option<u64>,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    setup: Setup,
    /// Show no status line.
    #[arg(long)]
    no_progress: bool,
}

impl Live {
    pub(crate) fn run(self) -> Result<Exit> {
        let Some(name) = &self.interface else {
            crate::output::print(&list(&weir_capture::interfaces()))?;
            return Ok(Exit::Clean);
        };
        // The status line counts messages, which only records tell of.
        let ticks = !self.no_progress && Ticker::has_somebody_watching(self.options.streams());
        let depth = if ticks { Depth::Records } else { self.options.depth() };
        let config = self.setup.config(depth)?;
        let filter = self.filter.join(" ");
        let settings = Settings {
            filter: Some(filter.as_str()).filter(|filter| !filter.trim().is_empty()),
            ..Settings::default()
        };
        let mut interface = Interface::open(name, &settings)?;
        let mut listening = Listening {
            engine: Engine::new(&config),
            teller: self.options.teller()?,
            totals: Totals::default(),
            counters: Arc::default(),
            packets: 0,
        };
        let interrupted = interruption()?;
        let ticker = ticks.then(|| Ticker::start(Arc::clone(&listening.counters)));
        let started = Instant::now();
        let ended = self.listen(&mut interface, &mut listening, &interrupted, started);
        drop(ticker);
        let dropped = interface
            .statistics()
            .map_or(0, |statistics| statistics.dropped + statistics.dropped_by_interface);
        let exit = listening.finish(name, started.elapsed(), &self, &self.setup.judge(&config))?;
        if dropped > 0 {
            crate::exit::complain(&format!(
                "{dropped} packets came faster than they could be looked at and were not seen"
            ));
        }
        ended?;
        Ok(exit)
    }

    fn listen(
        &self,
        interface: &mut Interface,
        listening: &mut Listening,
        interrupted: &AtomicBool,
        started: Instant,
    ) -> Result<(), CaptureError> {
        let stopped = listening.teller.stopped();
        let mut flushed = started;
        loop {
            let now = Instant::now();
            let over = self.count.is_some_and(|count| listening.packets >= count.get())
                || self.duration.is_some_and(|seconds| now.duration_since(started).as_secs() >= seconds);
            if over || interrupted.load(Ordering::Relaxed) || stopped.load(Ordering::Relaxed) {
                return Ok(());
            }
            if let Some(frame) = interface.next_frame()? {
                listening.take(&frame);
            }
            if now.duration_since(flushed) >= FLUSH {
                flushed = now;
                listening.teller.flush();
            }
        }
    }
}

/// The engine on one interface, and who hears of it.
struct Listening {
    engine: Engine,
    teller: Teller,
    totals: Totals,
    counters: Arc<Counters>,
    packets: u64,
}

impl Listening {
    fn take(&mut self, frame: &weir_capture::Frame<'_>) {
        self.packets += 1;
        let frame = Frame {
            id: self.packets,
            number: frame.number,
            at: frame.time,
            link: frame.link,
            length: frame.original_length.max(u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX)),
            bytes: frame.bytes,
        };
        self.totals.count(&frame);
        self.counters.packet(u64::from(frame.length));
        let (teller, counters) = (&mut self.teller, &self.counters);
        let result = self.engine.packet(&frame, &mut |event| {
            counters.event(&event);
            teller.tell(&event);
        });
        if let Err(error) = result {
            self.totals.failed(&frame, &error);
        }
    }

    fn finish(mut self, name: &str, took: Duration, live: &Live, judge: &str) -> Result<Exit> {
        let teller = &mut self.teller;
        self.engine.finish(self.packets, &mut |event| teller.tell(&event));
        let heard = Heard {
            name: name.to_owned(),
            packets: self.totals.packets,
            first: self.totals.first,
            last: self.totals.last,
            took,
        };
        let report = self.teller.finish(&[heard], &self.totals, judge)?;
        Ok(live.options.exit(&report))
    }
}

/// Turns true at Ctrl-C or a polite kill; a second one ends the program at once.
fn interruption() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let (once, set) = (Once::new(), Arc::clone(&flag));
    ctrlc::set_handler(move || {
        if once.is_completed() {
            std::process::exit(130);
        }
        once.call_once(|| set.store(true, Ordering::Relaxed));
    })
    .context("Ctrl-C cannot be listened to")?;
    Ok(flag)
}

fn list(interfaces: &[String]) -> String {
    if interfaces.is_empty() {
        return "There is no interface that this user may listen to.\n".to_owned();
    }
    interfaces.iter().map(|name| format!("{name}\n")).collect()
}
