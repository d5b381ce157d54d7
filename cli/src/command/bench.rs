//! `weir bench`: one core over a mapped capture, as fast as it goes.
//!
//! Prints one line of `name=value` pairs, to stand beside what other classifiers' benchmarks print.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use rustix::time::{ClockId, clock_gettime};
use weir_capture::Capture;
use weir_core::engine::{Config, Depth, Frame, Outbox};

use crate::setup::Setup;

/// Measure how fast one core works through a capture.
///
/// The file is mapped and touched before the clock starts; the line gives the CPU time of the loop alone.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  weir bench traffic.pcap --mode classify")]
pub(crate) struct Bench {
    /// An uncompressed pcap or pcapng file.
    file: PathBuf,
    /// How much of the pipeline runs.
    #[arg(long, value_enum, default_value_t = Mode::Engine)]
    mode: Mode,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// Headers and the flow table.
    Parse,
    /// And protocol, name and fingerprint of every flow.
    Classify,
    /// And every detector, and the verdict.
    Engine,
}

impl Bench {
    pub(crate) fn run(self) -> Result<()> {
        let capture = Capture::open(&self.file)?;
        let Some(warm) = capture.frames() else {
            bail!(
                "{} is compressed or not a regular file; a benchmark needs a file that can be mapped",
                self.file.display()
            );
        };
        let mut touched = 0_u64;
        for frame in warm {
            let frame = frame?;
            touched += frame.bytes.iter().step_by(64).map(|byte| u64::from(*byte)).sum::<u64>();
        }
        std::hint::black_box(touched);
        let depth = match self.mode {
            Mode::Parse => Depth::Count,
            Mode::Classify => Depth::Classify,
            Mode::Engine => Depth::Detect,
        };
        let config = Setup::default().config(depth)?;
        measure(&config, &capture, self.mode).context("reading process statistics failed")
    }
}

fn measure(config: &Config, capture: &Capture, mode: Mode) -> Result<()> {
    let mut shard = config.shard(1, 0);
    let mut correlator = config.correlator();
    let mut outbox = Outbox::default();
    let frames = capture.frames().into_iter().flatten().filter_map(Result::ok);
    let (mut packets, mut bytes, mut flows, mut events) = (0_u64, 0_u64, 0_u64, 0_u64);
    let before = resident()?;
    let start = cpu_seconds();
    let mut frames = frames.map(|frame| {
        packets += 1;
        bytes += u64::from(frame.original_length);
        Frame {
            id: packets,
            number: frame.number,
            at: frame.time,
            link: frame.link,
            length: frame.original_length,
            bytes: frame.bytes,
        }
    });
    loop {
        let mut any = false;
        shard.frames(frames.by_ref().take(1024).inspect(|_| any = true), &mut outbox, &mut |_, _| {});
        flows += outbox.opened();
        if matches!(mode, Mode::Engine) {
            correlator.apply(&mut outbox, &mut |_| events += 1);
        } else {
            outbox.clear();
        }
        if !any {
            break;
        }
    }
    let grown = resident()?.saturating_sub(before);
    shard.finish(0, &mut outbox);
    if matches!(mode, Mode::Engine) {
        correlator.apply(&mut outbox, &mut |_| events += 1);
    }
    let seconds = cpu_seconds() - start;
    let name = mode.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    println!(
        "mode={name} packets={packets} bytes={bytes} flows={flows} events={events} cpu_s={seconds:.4} mpps={:.3} ns_per_packet={:.1} bytes_per_flow={:.0}",
        packets as f64 / seconds / 1e6,
        seconds * 1e9 / packets.max(1) as f64,
        grown as f64 / flows.max(1) as f64,
    );
    Ok(())
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Bytes of memory that the process has in use.
fn resident() -> Result<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 =
        statm.split_whitespace().nth(1).context("no second number in /proc/self/statm")?.parse()?;
    Ok(pages * rustix::param::page_size() as u64)
}
