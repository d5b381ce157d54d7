//! `weir replay`: what is in captures.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::thread::available_parallelism;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use weir_capture::{CaptureError, Input};
use weir_core::event::Event;
use weir_core::text;

use crate::exit::{self, Exit};
use crate::output::{Heard, Options, Teller};
use crate::pipeline::{Pipeline, Totals};
use crate::progress::Progress;
use crate::setup::Setup;

/// Tell who talked to whom in captures, and what was given away.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weir replay phone.pcapng
  weir replay captures/ --html report.html
  weir replay phone.pcapng --device phone.toml --fail-on medium
  tcpdump -w - | weir replay - --json | jq 'select(.event_type == \"alert\")'

Exit codes:
  0  nothing at or above --fail-on was found
  1  something was
  2  wrong usage
  3  a capture could not be read, or not to its end")]
pub(crate) struct Replay {
    /// Captures (pcap or pcapng, also gzip or zstd), folders of them, or - for standard input.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    setup: Setup,
    /// Threads; the output is the same for any number [default: one per core].
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Show no progress bar.
    #[arg(long)]
    no_progress: bool,
}

impl Replay {
    pub(crate) fn run(self) -> Result<Exit> {
        let inputs = weir_capture::inputs(&self.paths)?;
        let config = self.setup.config(self.options.depth())?;
        let jobs = self.jobs.unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
        let mut replaying = Replaying {
            pipeline: Pipeline::new(&config, jobs),
            totals: Totals::default(),
            teller: self.options.teller()?,
            progress: Progress::new(self.shows_progress(), inputs.iter().map(Input::size).sum()),
            heard: Vec::new(),
            errors: Vec::new(),
        };
        for input in &inputs {
            replaying.replay(input);
        }
        replaying.finish(&self.options, &self.setup.judge(&config))
    }

    /// A bar and lines on one terminal would tear each other apart.
    fn shows_progress(&self) -> bool {
        use std::io::IsTerminal;
        !(self.no_progress || self.options.streams() && std::io::stdout().is_terminal())
    }
}

/// One run over several captures, by one engine.
struct Replaying {
    pipeline: Pipeline,
    totals: Totals,
    teller: Teller,
    progress: Progress,
    heard: Vec<Heard>,
    errors: Vec<CaptureError>,
}

impl Replaying {
    fn replay(&mut self, input: &Input) {
        let stopped = self.teller.stopped();
        if stopped.load(Ordering::Relaxed) {
            return;
        }
        let started = Instant::now();
        let mut capture = match input.open() {
            Ok(capture) => capture,
            Err(error) => return self.errors.push(error),
        };
        self.teller.report.capture(self.heard.len());
        let (teller, progress) = (&mut self.teller, &mut self.progress);
        let read =
            self.pipeline.capture(&mut capture, &mut |event: Event| teller.tell(&event), &mut |position| {
                progress.at(position);
                !stopped.load(Ordering::Relaxed)
            });
        self.errors.extend(read.err());
        self.progress.capture_done(input.size());
        let read = std::mem::take(&mut self.pipeline.totals);
        self.heard.push(Heard {
            name: text::clean(capture.name().as_bytes(), 4096),
            packets: read.packets,
            first: read.first,
            last: read.last,
            took: started.elapsed(),
        });
        self.totals.add(read);
    }

    fn finish(mut self, options: &Options, judge: &str) -> Result<Exit> {
        let teller = &mut self.teller;
        self.pipeline.finish(&mut |event| teller.tell(&event));
        self.progress.finish();
        let report = self.teller.finish(&self.heard, &self.totals, judge)?;
        for error in &self.errors {
            exit::complain(&error.to_string());
        }
        for link in &self.totals.unsupported {
            exit::complain(&format!(
                "frames of link type {link} were left out: Weir reads Ethernet, IP, PPP, Linux cooked and loopback \
                 captures"
            ));
        }
        if self.errors.is_empty() && self.totals.unsupported.is_empty() {
            Ok(options.exit(&report))
        } else {
            Ok(Exit::Unreadable)
        }
    }
}
