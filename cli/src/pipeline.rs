//! Captures through the engine, on one core or several.
//!
//! A feeder cuts the capture into windows of frames. Every worker sees every window and works on the flows of its own
//! partitions; the caller's thread puts their outcomes back into packet order, window by window, and runs the ordered stage.
//! Queues are bounded: a slow reader of events slows the feeder, memory does not grow. The events are the same for any
//! number of workers, to the byte.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossbeam::channel::{Receiver, Sender, bounded};
use weir_capture::{Batch, Capture, CaptureError};
use weir_core::engine::{Config, Correlator, Frame, Outbox, Shard};
use weir_core::event::Event;
use weir_core::packet::PacketError;
use weir_core::time::Timestamp;

use crate::timeline::Timeline;

/// Frames of a window: enough that handing it over costs nothing, few enough to stay in the cache.
const WINDOW: usize = 1024;
/// Windows that may wait for a worker, or behind one.
const QUEUE: usize = 8;
/// Different reasons why frames could not be parsed that are kept apart.
const REASONS: usize = 256;

/// What was read, for the summary.
#[derive(Debug, Default, Clone)]
pub(crate) struct Totals {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) first: Option<Timestamp>,
    pub(crate) last: Option<Timestamp>,
    /// Frames that could not be parsed, by reason: how many, and the first one's number.
    pub(crate) unparsed: BTreeMap<String, (u64, u64)>,
    /// Link types that Weir does not read.
    pub(crate) unsupported: Vec<u16>,
    /// Bytes over time.
    pub(crate) timeline: Timeline,
}

impl Totals {
    pub(crate) fn count(&mut self, frame: &Frame<'_>) {
        self.packets += 1;
        self.bytes += u64::from(frame.length);
        self.timeline.add(frame.at, u64::from(frame.length));
        self.first = Some(self.first.map_or(frame.at, |first| first.min(frame.at)));
        self.last = Some(self.last.map_or(frame.at, |last| last.max(frame.at)));
    }

    pub(crate) fn failed(&mut self, frame: &Frame<'_>, error: &PacketError) {
        if let PacketError::Unsupported { link } = error
            && !self.unsupported.contains(link)
        {
            self.unsupported.push(*link);
        }
        self.add_unparsed(error.to_string(), 1, frame.number);
    }

    fn add_unparsed(&mut self, reason: String, count: u64, first: u64) {
        let known = self.unparsed.contains_key(&reason) || self.unparsed.len() < REASONS;
        let reason = if known { reason } else { "other reasons".to_owned() };
        self.unparsed.entry(reason).or_insert((0, first)).0 += count;
    }

    /// Adds what was read of another capture.
    pub(crate) fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.first = self.first.into_iter().chain(other.first).min();
        self.last = self.last.max(other.last);
        self.timeline.merge(&other.timeline);
        for (reason, (count, first)) in other.unparsed {
            self.add_unparsed(reason, count, first);
        }
        for link in other.unsupported {
            if !self.unsupported.contains(&link) {
                self.unsupported.push(link);
            }
        }
    }
}

/// Shards, the stage behind them, and what was counted.
#[derive(Debug)]
pub(crate) struct Pipeline {
    shards: Vec<Shard>,
    correlator: Correlator,
    /// Frames seen so far, over all captures.
    frames: u64,
    pub(crate) totals: Totals,
    /// Number of the last capture's last packet: where findings are made that only a flow's end brings.
    last_packet: u64,
}

impl Pipeline {
    pub(crate) fn new(config: &Config, jobs: usize) -> Self {
        let jobs = jobs.clamp(1, weir_core::limits::PARTITIONS);
        Self {
            shards: (0..jobs).map(|turn| config.shard(jobs, turn)).collect(),
            correlator: config.correlator(),
            frames: 0,
            totals: Totals::default(),
            last_packet: 0,
        }
    }

    /// Everything in one capture. Whatever stands before a break is told before the error is returned. `read` is called
    /// with the capture's position in bytes now and then; when it answers `false`, reading stops.
    pub(crate) fn capture(
        &mut self,
        capture: &mut Capture,
        tell: &mut dyn FnMut(Event),
        read: &mut (dyn FnMut(u64) -> bool + Send),
    ) -> Result<(), CaptureError> {
        let result = self.run(capture, tell, read);
        self.last_packet = self.totals.packets;
        result
    }

    fn run(
        &mut self,
        capture: &mut Capture,
        tell: &mut dyn FnMut(Event),
        read: &mut (dyn FnMut(u64) -> bool + Send),
    ) -> Result<(), CaptureError> {
        let (totals, next) = (&mut self.totals, &mut self.frames);
        let (shards, correlator) = (&mut self.shards, &mut self.correlator);
        if let [shard] = &mut shards[..] {
            let mut outbox = Outbox::default();
            return windows(capture, next, read, &mut |window| {
                window.for_each(|frame| totals.count(frame));
                shard.frames(window.frames(), &mut outbox, &mut |frame, error| {
                    totals.failed(frame, &error);
                });
                correlator.apply(&mut outbox, tell);
                true
            });
        }
        std::thread::scope(|scope| {
            let (mut to_workers, mut from_workers) = (Vec::new(), Vec::new());
            for shard in shards.iter_mut() {
                let (to_worker, windows): (_, Receiver<Arc<Window<'_>>>) = bounded(QUEUE);
                let (done, from_worker) = bounded(QUEUE);
                to_workers.push(to_worker);
                from_workers.push(from_worker);
                scope.spawn(move || work(shard, &windows, &done));
            }
            let feeder = scope.spawn(move || feed(capture, next, read, &to_workers));
            while let Some(done) = next_window(&from_workers) {
                let mut parts = Vec::with_capacity(done.len());
                for (at, finished) in done.into_iter().enumerate() {
                    parts.push(finished.outbox);
                    if at == 0 {
                        finished.window.for_each(|frame| totals.count(frame));
                        for (frame, error) in &finished.failed {
                            totals.failed(frame, error);
                        }
                    }
                }
                correlator.apply(&mut Outbox::merge(parts), tell);
            }
            feeder.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// The input is over: every flow ends.
    pub(crate) fn finish(&mut self, tell: &mut dyn FnMut(Event)) {
        let parts = self.shards.iter_mut().map(|shard| {
            let mut outbox = Outbox::default();
            shard.finish(self.last_packet, &mut outbox);
            outbox
        });
        let mut outbox = Outbox::merge(parts);
        self.correlator.apply(&mut outbox, tell);
    }
}

/// Some frames in a row: slices of a mapped file, or copies of a stream's.
#[derive(Debug)]
enum Window<'a> {
    Mapped(Vec<Frame<'a>>),
    Copied { first: u64, batch: Batch },
}

impl Window<'_> {
    fn frames(&self) -> Box<dyn Iterator<Item = Frame<'_>> + '_> {
        match self {
            Window::Mapped(frames) => Box::new(frames.iter().copied()),
            Window::Copied { first, batch } => {
                Box::new((*first..).zip(batch.frames()).map(|(id, frame)| core_frame(id, &frame)))
            }
        }
    }

    fn for_each(&self, mut each: impl FnMut(&Frame<'_>)) {
        self.frames().for_each(|frame| each(&frame));
    }
}

fn core_frame<'a>(id: u64, frame: &weir_capture::Frame<'a>) -> Frame<'a> {
    Frame {
        id,
        number: frame.number,
        at: frame.time,
        link: frame.link,
        length: frame.original_length.max(frame.bytes.len() as u32),
        bytes: frame.bytes,
    }
}

/// What a worker made of a window.
struct Finished<'a> {
    window: Arc<Window<'a>>,
    outbox: Outbox,
    failed: Vec<(FrameHead, PacketError)>,
}

/// A frame without its bytes.
type FrameHead = Frame<'static>;

fn work<'a>(shard: &mut Shard, windows: &Receiver<Arc<Window<'a>>>, done: &Sender<Finished<'a>>) {
    for window in windows {
        let mut outbox = Outbox::default();
        let mut failed = Vec::new();
        shard.frames(window.frames(), &mut outbox, &mut |frame, error| {
            failed.push((Frame { bytes: &[], ..*frame }, error));
        });
        if done.send(Finished { window, outbox, failed }).is_err() {
            return;
        }
    }
}

/// The next window's outcomes from every worker; `None` when they have finished.
fn next_window<'a>(workers: &[Receiver<Finished<'a>>]) -> Option<Vec<Finished<'a>>> {
    workers.iter().map(|worker| worker.recv().ok()).collect()
}

fn feed<'a>(
    capture: &'a mut Capture,
    next: &mut u64,
    read: &mut (dyn FnMut(u64) -> bool + Send),
    workers: &[Sender<Arc<Window<'a>>>],
) -> Result<(), CaptureError> {
    windows(capture, next, read, &mut |window| {
        let window = Arc::new(window);
        workers.iter().all(|worker| worker.send(Arc::clone(&window)).is_ok())
    })
}

/// Cuts a capture into windows; stops when `take` answers `false`.
fn windows<'a>(
    capture: &'a mut Capture,
    next: &mut u64,
    read: &mut (dyn FnMut(u64) -> bool + Send),
    take: &mut dyn FnMut(Window<'a>) -> bool,
) -> Result<(), CaptureError> {
    if capture.frames().is_none() {
        return streamed_windows(capture, next, read, take);
    }
    let Some(mut frames) = capture.frames() else {
        return Ok(());
    };
    loop {
        let mut window = Vec::with_capacity(WINDOW);
        let mut broken = None;
        while window.len() < WINDOW {
            match frames.next() {
                Some(Ok(frame)) => {
                    *next += 1;
                    window.push(core_frame(*next, &frame));
                }
                Some(Err(error)) => {
                    broken = Some(error);
                    break;
                }
                None => break,
            }
        }
        let over = window.len() < WINDOW;
        let go_on = read(frames.position());
        if !window.is_empty() && !take(Window::Mapped(window)) {
            return Ok(());
        }
        match broken {
            Some(error) => return Err(error),
            None if over || !go_on => return Ok(()),
            None => {}
        }
    }
}

fn streamed_windows<'a>(
    capture: &mut Capture,
    next: &mut u64,
    read: &mut (dyn FnMut(u64) -> bool + Send),
    take: &mut dyn FnMut(Window<'a>) -> bool,
) -> Result<(), CaptureError> {
    loop {
        let mut batch = Batch::new();
        let result = capture.next_batch(&mut batch);
        let over = batch.is_empty();
        let first = *next + 1;
        *next += batch.len() as u64;
        let go_on = read(capture.position());
        if !over && !take(Window::Copied { first, batch }) {
            return Ok(());
        }
        result?;
        if over || !go_on {
            return Ok(());
        }
    }
}
