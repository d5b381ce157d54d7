//! The inspection of one flow: probe, then feed its parser, keep what the parser leaves.

use super::collect::{Collector, Scratch};
use super::index::{Answer, Index, Set};
use crate::flow::stream::{Queue, Recent};
use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits;
use crate::packet::Transport;
use crate::protocol::{self, Field, Opening, Parser, Progress, Role, Sink, Unseen, Value};

/// Payload of a flow whose protocol is not known; searched like any other content.
pub static UNKNOWN_PAYLOAD: Field = Field::new("unknown.payload", Role::Content);

/// Whether a flow still wants to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Open,
    /// No later byte changes anything.
    Settled,
}

#[derive(Debug, Default)]
enum Reader {
    #[default]
    Probing,
    Parser(Box<dyn Parser>),
    /// Not recognised, or lost track of: the bytes are only searched.
    Raw,
}

/// What is kept of a flow while it is being looked at.
#[derive(Debug, Default)]
pub(super) struct Inspection {
    reader: Reader,
    /// Of a stream: bytes not consumed yet. While datagrams are probed: the datagram before.
    pending: [Vec<u8>; 2],
    need: [usize; 2],
    /// Segments out of order; only while there are any.
    pub(super) order: Option<Box<Order>>,
    candidates: Option<Set>,
    first_direction: Option<Direction>,
    tries: u32,
    changes: u32,
    /// Another protocol carries what is being read now.
    carried: bool,
    raw_bytes: [usize; 2],
    /// The beginning of a message whose end is still to come.
    gathered: Option<Box<Scratch>>,
}

/// What putting segments in order needs.
#[derive(Debug, Default)]
pub(super) struct Order {
    pub(super) queues: [Queue; 2],
    pub(super) recent: [Recent; 2],
}

impl Order {
    fn reset(&mut self) {
        for side in 0..2 {
            self.queues[side].clear();
            self.recent[side].clear();
        }
    }
}

impl Inspection {
    /// Makes a used one as good as new, keeping its buffers' memory where that is modest.
    pub(super) fn reset(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        for buffer in &mut pending {
            buffer.clear();
            buffer.shrink_to(limits::PROBE_BYTES);
        }
        let mut order = self.order.take();
        if let Some(order) = &mut order {
            order.reset();
        }
        *self = Self { pending, order, ..Self::default() };
    }

    /// Bytes of a direction that were taken in but not judged yet.
    pub(super) fn undecided(&self, direction: Direction) -> usize {
        let held = match &self.reader {
            Reader::Parser(parser) => parser.undecided(direction),
            Reader::Probing | Reader::Raw => 0,
        };
        self.pending[direction.index()].len() + held
    }

    /// Whether it holds nothing that the next datagram needs: its parser has no state.
    pub(super) fn is_stateless(&self) -> bool {
        matches!(&self.reader, Reader::Parser(parser) if size_of_val(&**parser) == 0) && !self.carried
    }

    /// Goes on with a protocol whose parser has no state.
    pub(super) fn resume(&mut self, at: usize) {
        if let Some(protocol) = protocol::all().get(at) {
            self.reader = Reader::Parser(protocol.parser());
        }
    }

    /// Takes the next in-order bytes of a stream, or a datagram.
    pub(super) fn chunk(
        &mut self,
        index: &Index,
        flow: &FlowKey,
        chunk: Chunk<'_>,
        out: &mut Collector<'_>,
    ) -> Status {
        out.scratch.resume(&mut self.gathered);
        let status = self.take(index, flow, chunk, out);
        out.scratch.suspend(&mut self.gathered);
        status
    }

    /// `missing` bytes of a stream will never come.
    pub(super) fn gap(&mut self, direction: Direction, missing: u64, out: &mut Collector<'_>) -> Status {
        out.scratch.resume(&mut self.gathered);
        let status = self.lose(direction, missing, out);
        out.scratch.suspend(&mut self.gathered);
        status
    }

    /// The flow is over.
    pub(super) fn close(&mut self, index: &Index, flow: &FlowKey, out: &mut Collector<'_>) {
        out.scratch.resume(&mut self.gathered);
        self.end(index, flow, out);
        out.scratch.suspend(&mut self.gathered);
    }

    fn take(&mut self, index: &Index, flow: &FlowKey, chunk: Chunk<'_>, out: &mut Collector<'_>) -> Status {
        match self.reader {
            Reader::Probing if flow.transport == Transport::TCP => self.probe_stream(index, flow, chunk, out),
            Reader::Probing => self.probe_datagram(index, flow, chunk, out),
            Reader::Parser(_) => self.read(index, flow, chunk, out),
            Reader::Raw => self.search(flow, chunk, out),
        }
    }

    fn lose(&mut self, direction: Direction, missing: u64, out: &mut Collector<'_>) -> Status {
        let side = direction.index();
        self.pending[side].clear();
        self.need[side] = 0;
        match &mut self.reader {
            Reader::Probing => {
                self.reader = Reader::Raw;
                out.unseen(Unseen::Truncated);
            }
            Reader::Parser(parser) => {
                if !matches!(parser.gap(direction, missing, out), Progress::Consumed(_)) {
                    out.unseen(Unseen::Truncated);
                    self.reader = Reader::Raw;
                }
            }
            Reader::Raw => {}
        }
        Status::Open
    }

    fn end(&mut self, index: &Index, flow: &FlowKey, out: &mut Collector<'_>) {
        if matches!(self.reader, Reader::Probing) && flow.transport == Transport::TCP {
            self.settle_for(index, flow, out);
        }
        match &mut self.reader {
            Reader::Parser(parser) => parser.close(flow, out),
            Reader::Probing if flow.transport == Transport::TCP => {
                for direction in self.order_of_arrival() {
                    let bytes = std::mem::take(&mut self.pending[direction.index()]);
                    self.search(flow, Chunk { direction, bytes: &bytes }, out);
                }
            }
            Reader::Probing | Reader::Raw => {}
        }
    }

    fn probe_stream(
        &mut self,
        index: &Index,
        flow: &FlowKey,
        chunk: Chunk<'_>,
        out: &mut Collector<'_>,
    ) -> Status {
        let Some(&first) = chunk.bytes.first() else {
            return Status::Open;
        };
        let side = chunk.direction.index();
        if self.candidates.is_none() {
            self.candidates = Some(index.candidates(flow.transport, chunk.direction, first));
            self.first_direction = Some(chunk.direction);
        }
        let alone = self.pending.iter().all(Vec::is_empty);
        if !alone {
            self.pending[side].extend_from_slice(chunk.bytes);
        }
        let answer = {
            let mut seen = [&self.pending[0][..], &self.pending[1][..]];
            if alone {
                seen[side] = chunk.bytes;
            }
            let opening = Opening {
                flow,
                direction: chunk.direction,
                to_server: first_bytes(seen[0]),
                to_client: first_bytes(seen[1]),
                previous: None,
            };
            index.ask(&opening, self.candidates.get_or_insert_default())
        };
        match answer {
            Answer::Is(at) if alone => self.begin(index, at, flow, chunk, out),
            Answer::Is(at) => self.begin_with_pending(index, at, flow, out),
            Answer::NeedMore => {
                if alone {
                    self.pending[side].extend_from_slice(chunk.bytes);
                }
                if self.pending[side].len() < limits::PROBE_BYTES {
                    return Status::Open;
                }
                self.settle_for(index, flow, out);
                if matches!(self.reader, Reader::Probing) {
                    return self.give_up_with_pending(flow, out);
                }
                Status::Open
            }
            Answer::Unknown if alone => {
                self.reader = Reader::Raw;
                self.search(flow, chunk, out)
            }
            Answer::Unknown => self.give_up_with_pending(flow, out),
        }
    }

    fn probe_datagram(
        &mut self,
        index: &Index,
        flow: &FlowKey,
        chunk: Chunk<'_>,
        out: &mut Collector<'_>,
    ) -> Status {
        let Some(&first) = chunk.bytes.first() else {
            return Status::Open;
        };
        let none: &[u8] = &[];
        let (to_server, to_client) =
            if chunk.direction == Direction::ToServer { (chunk.bytes, none) } else { (none, chunk.bytes) };
        let kept = Direction::BOTH.into_iter().find(|side| !self.pending[side.index()].is_empty());
        // Every datagram is a beginning: whoever was ruled out by the last one may still fit this one.
        let mut candidates = index.candidates(flow.transport, chunk.direction, first);
        let answer = {
            let previous = kept.map(|direction| Chunk { direction, bytes: &self.pending[direction.index()] });
            let opening = Opening { flow, direction: chunk.direction, to_server, to_client, previous };
            index.ask(&opening, &mut candidates)
        };
        match answer {
            Answer::Is(at) => match kept {
                None => self.begin(index, at, flow, chunk, out),
                Some(direction) => {
                    let before = std::mem::take(&mut self.pending[direction.index()]);
                    match self.begin(index, at, flow, Chunk { direction, bytes: &before }, out) {
                        Status::Open => self.take(index, flow, chunk, out),
                        Status::Settled => Status::Settled,
                    }
                }
            },
            Answer::NeedMore | Answer::Unknown => {
                for buffer in &mut self.pending {
                    buffer.clear();
                }
                if answer == Answer::NeedMore {
                    self.pending[chunk.direction.index()]
                        .extend_from_slice(&chunk.bytes[..chunk.bytes.len().min(limits::PROBE_BYTES)]);
                }
                let status = self.search(flow, chunk, out);
                self.tries += 1;
                if self.tries >= limits::PROBE_DATAGRAMS {
                    self.reader = Reader::Raw;
                    self.pending[0].clear();
                    self.pending[1].clear();
                }
                status
            }
        }
    }

    /// No more bytes will tell: whoever matches now, matches.
    fn settle_for(&mut self, index: &Index, flow: &FlowKey, out: &mut Collector<'_>) {
        let Some(direction) = self.first_direction else {
            return;
        };
        let opening = Opening {
            flow,
            direction,
            to_server: first_bytes(&self.pending[0]),
            to_client: first_bytes(&self.pending[1]),
            previous: None,
        };
        if let Some(at) = self.candidates.and_then(|candidates| index.settle_for(&opening, &candidates)) {
            self.begin_with_pending(index, at, flow, out);
        }
    }

    fn give_up_with_pending(&mut self, flow: &FlowKey, out: &mut Collector<'_>) -> Status {
        self.reader = Reader::Raw;
        for direction in self.order_of_arrival() {
            let bytes = std::mem::take(&mut self.pending[direction.index()]);
            if self.search(flow, Chunk { direction, bytes: &bytes }, out) == Status::Settled {
                return Status::Settled;
            }
        }
        Status::Open
    }

    fn begin(
        &mut self,
        index: &Index,
        at: usize,
        flow: &FlowKey,
        chunk: Chunk<'_>,
        out: &mut Collector<'_>,
    ) -> Status {
        let protocol = protocol::all()[at];
        if self.carried {
            out.inner(protocol.name());
        } else {
            out.recognised(at);
        }
        self.reader = Reader::Parser(protocol.parser());
        self.read(index, flow, chunk, out)
    }

    fn begin_with_pending(
        &mut self,
        index: &Index,
        at: usize,
        flow: &FlowKey,
        out: &mut Collector<'_>,
    ) -> Status {
        let [first, second] = self.order_of_arrival();
        let bytes = std::mem::take(&mut self.pending[first.index()]);
        let later = std::mem::take(&mut self.pending[second.index()]);
        let status = self.begin(index, at, flow, Chunk { direction: first, bytes: &bytes }, out);
        if status == Status::Settled || later.is_empty() {
            return status;
        }
        self.take(index, flow, Chunk { direction: second, bytes: &later }, out)
    }

    fn order_of_arrival(&self) -> [Direction; 2] {
        let first = self.first_direction.unwrap_or(Direction::ToServer);
        [first, first.opposite()]
    }

    /// Feeds the parser.
    fn read(&mut self, index: &Index, flow: &FlowKey, chunk: Chunk<'_>, out: &mut Collector<'_>) -> Status {
        let side = chunk.direction.index();
        if self.pending[side].is_empty() {
            return self.feed(index, flow, chunk, out);
        }
        self.pending[side].extend_from_slice(chunk.bytes);
        if self.pending[side].len() < self.need[side] {
            return Status::Open;
        }
        let mut bytes = std::mem::take(&mut self.pending[side]);
        let status = self.feed(index, flow, Chunk { direction: chunk.direction, bytes: &bytes }, out);
        // Give the buffer's memory back for the next leftovers.
        let left = &mut self.pending[side];
        if left.is_empty() {
            bytes.clear();
            *left = bytes;
        }
        status
    }

    fn feed(&mut self, index: &Index, flow: &FlowKey, chunk: Chunk<'_>, out: &mut Collector<'_>) -> Status {
        let Reader::Parser(parser) = &mut self.reader else {
            return Status::Open;
        };
        let (direction, bytes) = (chunk.direction, chunk.bytes);
        let stream = flow.transport == Transport::TCP;
        match parser.feed(flow, chunk, out) {
            Progress::Consumed(consumed) if stream => self.keep(direction, bytes, consumed, 0, out),
            Progress::NeedMore { consumed, need } if stream => {
                self.keep(direction, bytes, consumed, need, out)
            }
            Progress::Consumed(_) | Progress::NeedMore { .. } => Status::Open,
            Progress::Done => Status::Settled,
            Progress::Become { protocol, consumed } => {
                let rest = bytes.get(consumed..).unwrap_or_default();
                self.become_other(index, index.named(protocol), flow, Chunk { direction, bytes: rest }, out)
            }
            Progress::Secured { protocol, consumed } => {
                self.carried = true;
                let rest = bytes.get(consumed..).unwrap_or_default();
                self.become_other(index, index.named(protocol), flow, Chunk { direction, bytes: rest }, out)
            }
            Progress::Carries { consumed } => {
                let rest = bytes.get(consumed..).unwrap_or_default();
                self.become_other(index, None, flow, Chunk { direction, bytes: rest }, out)
            }
            Progress::Malformed { what, at } => {
                out.malformed(what, at);
                self.reader = Reader::Raw;
                let rest = bytes.get(at..).unwrap_or_default();
                self.search(flow, Chunk { direction, bytes: rest }, out)
            }
        }
    }

    /// Goes on as another protocol, or probes anew if it is not known which.
    fn become_other(
        &mut self,
        index: &Index,
        protocol: Option<usize>,
        flow: &FlowKey,
        rest: Chunk<'_>,
        out: &mut Collector<'_>,
    ) -> Status {
        self.changes += 1;
        self.need = [0; 2];
        let other = rest.direction.opposite();
        let waiting = std::mem::take(&mut self.pending[other.index()]);
        self.pending[rest.direction.index()].clear();
        self.candidates = None;
        match protocol {
            _ if self.changes > limits::PROTOCOL_CHANGES => self.reader = Reader::Raw,
            Some(at) => {
                if self.carried {
                    out.inner(protocol::all()[at].name());
                } else {
                    out.recognised(at);
                }
                self.reader = Reader::Parser(protocol::all()[at].parser());
            }
            None => {
                self.carried = true;
                self.reader = Reader::Probing;
            }
        }
        for chunk in [rest, Chunk { direction: other, bytes: &waiting }] {
            if !chunk.bytes.is_empty() && self.take(index, flow, chunk, out) == Status::Settled {
                return Status::Settled;
            }
        }
        Status::Open
    }

    /// Keeps what the parser left for its next turn.
    fn keep(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        consumed: usize,
        need: usize,
        out: &mut Collector<'_>,
    ) -> Status {
        let side = direction.index();
        let rest = bytes.get(consumed..).unwrap_or_default();
        self.need[side] = need;
        if rest.is_empty() {
            return Status::Open;
        }
        if rest.len() > limits::PENDING_BYTES {
            return self.lose(direction, rest.len() as u64, out);
        }
        self.pending[side].clear();
        self.pending[side].extend_from_slice(rest);
        Status::Open
    }

    /// Searches bytes without a protocol, up to the budget.
    fn search(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut Collector<'_>) -> Status {
        let side = chunk.direction.index();
        let room = limits::UNKNOWN_BYTES.saturating_sub(self.raw_bytes[side]);
        let bytes = &chunk.bytes[..chunk.bytes.len().min(room)];
        self.raw_bytes[side] += bytes.len();
        if !bytes.is_empty() && out.wants_content() {
            out.fact(&UNKNOWN_PAYLOAD, chunk.direction, Value::Bytes(bytes));
        }
        let spent = self.raw_bytes[0] >= limits::UNKNOWN_BYTES || self.raw_bytes[1] >= limits::UNKNOWN_BYTES;
        let given_up = matches!(self.reader, Reader::Raw);
        if given_up && (spent || !out.wants_content() || flow.transport == Transport::ESP) {
            Status::Settled
        } else {
            Status::Open
        }
    }
}

fn first_bytes(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(limits::PROBE_BYTES)]
}
