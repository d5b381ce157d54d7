//! All stages together.
//!
//! [`Engine::packet`] is the door for captures and interfaces: it parses, defragments and reassembles. [`Engine::open`] and
//! [`Engine::chunk`] are the door of a tunnel that terminates TCP itself and forwards only what was inspected.
//!
//! Inside there are two halves. A [`Shard`] does what depends on one flow alone; there may be several, each with partitions
//! of its own. The [`Correlator`] applies what crosses flows, in packet order. So any number of shards gives the same
//! events; [`Engine`] is one of each in a row.

mod collect;
mod correlate;
mod index;
mod inspect;
mod shard;

use std::collections::HashMap;
use std::sync::Arc;

use crate::event::{Confidence, Event, FlowEvent};
use crate::finding::Sighting;
use crate::flow::table::Seed;
use crate::flow::{Chunk, Direction, FlowId, FlowKey};
use crate::packet::{Address, Endpoint, PacketError, Transport, Tunnel};
use crate::policy::{Action, Policy, Verdict};
use crate::protocol::{self, Unseen};
use crate::rules::RuleSet;
use crate::time::Timestamp;

pub use self::collect::Depth;
pub use self::correlate::Correlator;
pub use self::inspect::UNKNOWN_PAYLOAD;
pub use self::shard::{Frame, Shard};

use self::collect::{Shared, Summary};
use self::inspect::Inspection;

/// How an engine is made.
#[derive(Debug, Clone)]
pub struct Config {
    pub rules: Arc<RuleSet>,
    pub policy: Arc<Policy>,
    pub depth: Depth,
    /// Secret of the flow table; never decides what is told, or in which order.
    pub seed: Seed,
}

impl Config {
    /// One shard of `workers`, the one whose `turn` it is.
    pub fn shard(&self, workers: usize, turn: usize) -> Shard {
        let shared = Arc::new(Shared::new(Arc::clone(&self.rules), self.depth));
        Shard::new(shared, self.seed, workers.max(1), turn)
    }

    /// The stage behind all shards.
    pub fn correlator(&self) -> Correlator {
        Correlator::new(Arc::clone(&self.rules), Arc::clone(&self.policy))
    }
}

/// What the caller of [`Engine::chunk`] may do with the bytes it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The first `n` of the bytes not forwarded yet may go. Zero means that more is needed first.
    Forward(usize),
    /// Nothing more may go.
    Block(Verdict),
}

/// The whole pipeline in one thread.
#[derive(Debug)]
pub struct Engine {
    shard: Shard,
    correlator: Correlator,
    outbox: Outbox,
    streams: HashMap<FlowId, Held>,
    next: u64,
}

/// A flow of the tunnel's door, and how many of its bytes the caller still holds.
#[derive(Debug)]
struct Held {
    stream: shard::Stream,
    held: [usize; 2],
    verdict: Verdict,
}

impl Engine {
    pub fn new(config: &Config) -> Self {
        Self {
            shard: config.shard(1, 0),
            correlator: config.correlator(),
            outbox: Outbox::default(),
            streams: HashMap::new(),
            next: 1,
        }
    }

    /// Takes a frame. An error says what could not be parsed; the engine goes on.
    pub fn packet(&mut self, frame: &Frame<'_>, tell: &mut dyn FnMut(Event)) -> Result<(), PacketError> {
        let result = self.shard.frame(frame, &mut self.outbox);
        self.correlate(tell);
        result
    }

    /// Opens a flow that the caller terminates itself.
    pub fn open(&mut self, at: Timestamp, key: FlowKey, tell: &mut dyn FnMut(Event)) -> FlowId {
        let id = FlowId(self.next);
        self.next += 1;
        let stream = self.shard.open_stream(id, key, at);
        self.outbox.push(0, at, Outcome::Opened { id, key });
        self.correlate(tell);
        self.streams.insert(id, Held { stream, held: [0; 2], verdict: Verdict::allow() });
        id
    }

    /// Inspects the next bytes of a flow and says how many may go.
    pub fn chunk(
        &mut self,
        at: Timestamp,
        flow: FlowId,
        direction: Direction,
        bytes: &[u8],
        tell: &mut dyn FnMut(Event),
    ) -> Decision {
        let Some(held) = self.streams.get_mut(&flow) else {
            return Decision::Forward(bytes.len());
        };
        self.shard.chunk(&mut held.stream, at, Chunk { direction, bytes }, &mut self.outbox);
        self.correlator.apply(&mut self.outbox, tell);
        let state = &held.stream.state;
        let hostname = state.summary.as_ref().and_then(|summary| summary.hostname.as_deref());
        held.verdict = self.correlator.judge(flow, &held.stream.key, state.protocol_name(), hostname);
        if held.verdict.action == Action::Block {
            held.stream.state.settled = true;
            held.stream.state.inspection = None;
            return Decision::Block(held.verdict.clone());
        }
        let waiting = &mut held.held[direction.index()];
        *waiting += bytes.len();
        let undecided = held.stream.state.undecided(direction).min(*waiting);
        let forward = *waiting - undecided;
        *waiting = undecided;
        Decision::Forward(forward)
    }

    /// Ends a flow that was opened with [`Self::open`].
    pub fn close(&mut self, flow: FlowId, tell: &mut dyn FnMut(Event)) {
        if let Some(held) = self.streams.remove(&flow) {
            self.shard.close_stream(held.stream, &mut self.outbox);
            self.correlate(tell);
        }
    }

    /// Ends every flow: the input is over.
    pub fn finish(&mut self, packet: u64, tell: &mut dyn FnMut(Event)) {
        self.shard.finish(packet, &mut self.outbox);
        self.correlate(tell);
    }

    /// Swaps rules and policy between two packets; flows go on.
    pub fn set_rules(&mut self, rules: &Arc<RuleSet>, policy: &Arc<Policy>) {
        self.shard.set_rules(Arc::clone(rules));
        self.correlator.set_rules(Arc::clone(rules), Arc::clone(policy));
    }

    fn correlate(&mut self, tell: &mut dyn FnMut(Event)) {
        if !self.outbox.is_empty() {
            self.correlator.apply(&mut self.outbox, tell);
        }
    }
}

/// What one flow left for the stages that see all flows.
#[derive(Debug)]
pub enum Outcome {
    Opened { id: FlowId, key: FlowKey },
    Learned(Learned),
    Expected { transport: Transport, server: Endpoint, protocol: &'static str },
    Found { id: FlowId, key: FlowKey, sighting: Sighting },
    Record { id: FlowId, key: FlowKey, protocol: &'static str, body: String },
    Ended(Box<FlowEvent>),
}

/// A DNS answer to `client`: `address` is `name`.
#[derive(Debug)]
pub struct Learned {
    client: Address,
    address: Address,
    name: Box<str>,
}

/// A flow at its end, as far as it is known from itself; the ordered stage adds service and verdict.
fn ended(stream: shard::Stream) -> Box<FlowEvent> {
    let state = stream.state;
    let encrypted = [state.protocol, state.inner]
        .into_iter()
        .any(|number| registered(number).is_some_and(protocol::Protocol::is_encrypted));
    let protocol = state.protocol_name();
    let inner = state.inner_name();
    let summary = state.summary.map(|summary| *summary).unwrap_or_default();
    Box::new(FlowEvent {
        id: stream.id,
        key: stream.key,
        tunnel: state.tunnel.map(|tunnel| *tunnel),
        start: stream.first,
        end: stream.last,
        packets: stream.packets,
        bytes: stream.bytes,
        protocol,
        inner,
        confidence: state.confidence,
        hostname: summary.hostname,
        hostname_cached: false,
        service: None,
        ja4: summary.ja4,
        app: None,
        findings: summary.findings,
        verdict: Verdict::allow(),
        unseen: unseen(state.unseen, encrypted),
    })
}

fn unseen(bits: u8, encrypted: bool) -> Vec<Unseen> {
    [Unseen::Encrypted, Unseen::Ech, Unseen::QuicUndecryptable, Unseen::Truncated]
        .into_iter()
        .filter(|what| bits & 1 << *what as u8 != 0 || (encrypted && *what == Unseen::Encrypted))
        .collect()
}

/// Outcomes on their way from a shard to the correlator, in packet order.
#[derive(Debug, Default)]
pub struct Outbox {
    outcomes: Vec<(Stamp, Outcome)>,
    /// The place of what comes next: a frame's id, or at the end of the input the id of the flow that ends.
    order: u64,
}

/// When an outcome came about.
#[derive(Debug, Clone, Copy)]
struct Stamp {
    order: u64,
    /// The packet's number in its capture.
    packet: u64,
    at: Timestamp,
}

impl Outbox {
    pub const fn is_empty(&self) -> bool {
        self.outcomes.is_empty()
    }

    pub const fn len(&self) -> usize {
        self.outcomes.len()
    }

    /// Flows among them that were opened.
    pub fn opened(&self) -> u64 {
        self.outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Opened { .. })).count() as u64
    }

    pub fn clear(&mut self) {
        self.outcomes.clear();
    }

    /// What several shards made of the same frames, in the order that one shard would have made it.
    pub fn merge(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut outcomes: Vec<(Stamp, Outcome)> = parts.into_iter().flat_map(|part| part.outcomes).collect();
        // All outcomes of one frame come from one shard, and a stable sort keeps their order.
        outcomes.sort_by_key(|(stamp, _)| stamp.order);
        Self { outcomes, order: 0 }
    }

    fn push(&mut self, packet: u64, at: Timestamp, outcome: Outcome) {
        self.outcomes.push((Stamp { order: self.order, packet, at }, outcome));
    }
}

/// What is kept with every flow; small, because there are many.
#[derive(Debug)]
struct State {
    inspection: Option<Box<Inspection>>,
    summary: Option<Box<Summary>>,
    tunnel: Option<Box<Tunnel>>,
    /// Places in the registry plus one; 0 for none.
    protocol: u16,
    inner: u16,
    confidence: Confidence,
    /// Bits by [`Unseen`].
    unseen: u8,
    /// Nothing more is looked at.
    settled: bool,
    /// Its datagrams' parser needs no memory and is made anew for each.
    stateless: bool,
    /// At least one message was complete.
    spoke: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            inspection: None,
            summary: None,
            tunnel: None,
            protocol: 0,
            inner: 0,
            confidence: Confidence::Unknown,
            unseen: 0,
            settled: false,
            stateless: false,
            spoke: false,
        }
    }
}

impl State {
    fn protocol_name(&self) -> Option<&'static str> {
        let variant = self.summary.as_ref().and_then(|summary| summary.variant);
        variant.or_else(|| registered(self.protocol).map(protocol::Protocol::name))
    }

    fn inner_name(&self) -> Option<&'static str> {
        registered(self.inner).map(protocol::Protocol::name)
    }

    fn undecided(&self, direction: Direction) -> usize {
        if self.settled {
            return 0;
        }
        self.inspection.as_ref().map_or(0, |inspection| inspection.undecided(direction))
    }
}

fn registered(number: u16) -> Option<&'static dyn protocol::Protocol> {
    protocol::all().get(usize::from(number).checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests;
