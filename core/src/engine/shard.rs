//! Flows depend on themselves alone here, so that they can be spread over cores: table, reassembly, inspection.

use std::sync::Arc;

use arrayvec::ArrayVec;

use super::collect::{Collector, Depth, Scratch, Shared};
use super::inspect::{Inspection, Status};
use super::{Outbox, Outcome, State};
use crate::flow::defragment::{Defragmented, Defragmenter};
use crate::flow::stream::{Overlap, Place};
use crate::flow::table::{self, FlowTable, Found, Record, Seed};
use crate::flow::{Chunk, Direction, FlowId, FlowKey};
use crate::limits;
use crate::packet::{Fragment, LinkType, Packet, PacketError, Parsed, Tcp, Transport};
use crate::protocol::Unseen;
use crate::rules::RuleSet;
use crate::time::Timestamp;

/// Used inspections for the next flows. The boxes themselves move between the pool and the flows.
type Pool = Vec<Box<Inspection>>;

/// Packets worked on together; their headers fit the first-level cache.
const BATCH: usize = 32;

/// A parsed packet on its way into a flow.
#[derive(Debug, Clone, Copy)]
struct Arrival<'a> {
    id: u64,
    number: u64,
    at: Timestamp,
    length: u32,
    hash: u64,
    partition: usize,
    packet: Packet<'a>,
}

/// The flow tables of some partitions, and everything that is done to one flow alone.
#[derive(Debug)]
pub struct Shard {
    shared: Arc<Shared>,
    tables: Vec<FlowTable<State>>,
    seed: Seed,
    pool: Pool,
    scratch: Scratch,
    defragmenter: Defragmenter,
    /// This shard takes the partitions whose number leaves `turn` when divided by `workers`.
    workers: usize,
    turn: usize,
}

impl Shard {
    pub(super) fn new(shared: Arc<Shared>, seed: Seed, workers: usize, turn: usize) -> Self {
        let capacity = limits::FLOWS / limits::PARTITIONS;
        Self {
            shared,
            tables: (0..limits::PARTITIONS).map(|_| FlowTable::new(capacity)).collect(),
            seed,
            pool: Vec::new(),
            scratch: Scratch::default(),
            defragmenter: Defragmenter::new(),
            workers,
            turn,
        }
    }

    /// Replaces what detectors look for; flows go on.
    pub(super) fn set_rules(&mut self, rules: Arc<RuleSet>) {
        self.shared = Arc::new(Shared::new(rules, self.shared.depth));
    }

    /// Takes one frame: parses it, puts fragments together, and hands the packet to its flow if that flow is this shard's.
    pub fn frame(&mut self, frame: &Frame<'_>, out: &mut Outbox) -> Result<(), PacketError> {
        match crate::packet::parse(frame.link, frame.bytes)? {
            Parsed::Packet(packet) => self.packet(frame, packet, out),
            Parsed::Fragment(fragment) => self.fragment(frame, &fragment, out)?,
            Parsed::Other => {}
        }
        Ok(())
    }

    /// Takes frames in small batches: all are parsed and hashed, then all slots are read, then all records, so that the
    /// cache misses of different packets overlap; then each is worked on in order.
    pub fn frames<'a>(
        &mut self,
        frames: impl IntoIterator<Item = Frame<'a>>,
        out: &mut Outbox,
        failed: &mut dyn FnMut(&Frame<'_>, PacketError),
    ) {
        let mut batch: ArrayVec<Arrival<'a>, BATCH> = ArrayVec::new();
        for frame in frames {
            match crate::packet::parse(frame.link, frame.bytes) {
                Ok(Parsed::Packet(packet)) => {
                    let arrival = self.arrival(&frame, packet);
                    if !self.is_mine(&arrival) {
                        continue;
                    }
                    batch.push(arrival);
                    if batch.is_full() {
                        self.batch(&batch, out);
                        batch.clear();
                    }
                }
                Ok(Parsed::Fragment(fragment)) => {
                    self.batch(&batch, out);
                    batch.clear();
                    if let Err(error) = self.fragment(&frame, &fragment, out) {
                        failed(&frame, error);
                    }
                }
                Ok(Parsed::Other) => {}
                Err(error) => failed(&frame, error),
            }
        }
        self.batch(&batch, out);
    }

    fn batch(&mut self, batch: &[Arrival<'_>], out: &mut Outbox) {
        let mut slots = [0; BATCH];
        for (slot, arrival) in slots.iter_mut().zip(batch) {
            *slot = self.tables[arrival.partition].touch_slot(arrival.hash);
        }
        let touched = batch.iter().zip(slots).fold(0, |sum: u32, (arrival, slot)| {
            sum.wrapping_add(self.tables[arrival.partition].touch_record(slot))
        });
        // The reads above are for the cache's sake only; this keeps them from being optimised away.
        std::hint::black_box(touched);
        for arrival in batch {
            self.arrive(arrival, out);
        }
    }

    fn arrival<'a>(&self, frame: &Frame<'_>, packet: Packet<'a>) -> Arrival<'a> {
        Arrival {
            id: frame.id,
            number: frame.number,
            at: frame.at,
            length: frame.length,
            hash: self.seed.hash(&packet),
            partition: table::partition(&packet),
            packet,
        }
    }

    fn packet(&mut self, frame: &Frame<'_>, packet: Packet<'_>, out: &mut Outbox) {
        let arrival = self.arrival(frame, packet);
        if self.is_mine(&arrival) {
            self.arrive(&arrival, out);
        }
    }

    fn fragment(
        &mut self,
        frame: &Frame<'_>,
        fragment: &Fragment<'_>,
        out: &mut Outbox,
    ) -> Result<(), PacketError> {
        let Defragmented::Complete { header, payload, differs } = self.defragmenter.add(frame.at, fragment)
        else {
            return Ok(());
        };
        // A fragment inside a fragmented tunnel is not put together a second time.
        if let Parsed::Packet(packet) = Packet::from_reassembled(&header, &payload)? {
            let arrival = self.arrival(frame, packet);
            if self.is_mine(&arrival) {
                self.arrive(&arrival, out);
                if differs {
                    self.report_overlap(&arrival, out);
                }
            }
        }
        Ok(())
    }

    fn report_overlap(&mut self, arrival: &Arrival<'_>, out: &mut Outbox) {
        let table = &mut self.tables[arrival.partition];
        let Found::Known(slot, _) = table.find(arrival.hash, &arrival.packet) else {
            return;
        };
        let Some(record) = table.get_mut(slot) else { return };
        let (key, id) = (record.key, record.id);
        let mut collector = Collector {
            shared: &self.shared,
            key: &key,
            id,
            at: arrival.at,
            packet: arrival.number,
            state: &mut record.state,
            scratch: &mut self.scratch,
            out,
            ended: false,
        };
        collector.overlap_differs("ip fragments");
    }

    /// Whether this shard is the one for a packet.
    #[inline]
    const fn is_mine(&self, arrival: &Arrival<'_>) -> bool {
        self.workers == 1 || arrival.partition % self.workers == self.turn
    }

    /// Takes one parsed packet.
    #[inline]
    fn arrive(&mut self, arrival: &Arrival<'_>, out: &mut Outbox) {
        out.order = arrival.id;
        let (partition, hash) = (arrival.partition, arrival.hash);
        if let Some(idle) = self.tables[partition].sweep(arrival.at) {
            self.end(idle, arrival.number, out);
        }
        let found = self.tables[partition].find(hash, &arrival.packet);
        let (slot, direction) = match found {
            Found::Known(slot, direction) => match self.begins_anew(partition, slot, direction, arrival) {
                false => (slot, direction),
                true => {
                    if let Some(old) = self.tables[partition].remove(slot) {
                        self.end(old, arrival.number, out);
                    }
                    self.open(partition, hash, arrival, out)
                }
            },
            Found::New => self.open(partition, hash, arrival, out),
        };
        let Some(record) = self.tables[partition].get_mut(slot) else {
            return;
        };
        let side = direction.index();
        record.packets[side] = record.packets[side].saturating_add(1);
        record.bytes[side] += u64::from(arrival.length);
        record.last = record.last.max(arrival.at);
        if record.state.settled || self.shared.depth == Depth::Count {
            return;
        }
        let mut work = Work {
            shared: &self.shared,
            pool: &mut self.pool,
            scratch: &mut self.scratch,
            arrival,
            direction,
            out,
        };
        if arrival.packet.transport == Transport::TCP {
            work.segment(record);
        } else {
            work.datagram(record);
        }
    }

    /// A SYN on a flow that was over, or with a number that none of its bytes had: the port is used again.
    fn begins_anew(
        &mut self,
        partition: usize,
        slot: table::Slot,
        direction: Direction,
        arrival: &Arrival<'_>,
    ) -> bool {
        let tcp = &arrival.packet.tcp;
        if tcp.flags & (Tcp::SYN | Tcp::ACK) != Tcp::SYN || arrival.packet.transport != Transport::TCP {
            return false;
        }
        self.tables[partition].get_mut(slot).is_some_and(|record| {
            let side = direction.index();
            let behind = record.streams[side].distance_behind(tcp.sequence.wrapping_add(1));
            record.streams[side].is_known() && (record.finished || u64::from(behind) > record.bytes[side])
        })
    }

    fn open(
        &mut self,
        partition: usize,
        hash: u64,
        arrival: &Arrival<'_>,
        out: &mut Outbox,
    ) -> (table::Slot, Direction) {
        if let Some(idle) = self.tables[partition].make_room() {
            self.end(idle, arrival.number, out);
        }
        let key = table::key_of_first(&arrival.packet);
        let id = FlowId(arrival.id);
        let slot = self.tables[partition].insert(hash, key, id, arrival.at);
        if let Some(tunnel) = arrival.packet.tunnel
            && let Some(record) = self.tables[partition].get_mut(slot)
        {
            record.state.tunnel = Some(Box::new(tunnel));
        }
        out.push(arrival.number, arrival.at, Outcome::Opened { id, key });
        let direction =
            if key.client == arrival.packet.source { Direction::ToServer } else { Direction::ToClient };
        (slot, direction)
    }

    /// A flow is over: its parser says its last words, its summary goes out.
    fn end(&mut self, mut record: Record<State>, packet: u64, out: &mut Outbox) {
        if let Some(mut inspection) = record.state.inspection.take() {
            let mut collector = Collector {
                shared: &self.shared,
                key: &record.key,
                id: record.id,
                at: record.last,
                packet,
                state: &mut record.state,
                scratch: &mut self.scratch,
                out,
                ended: false,
            };
            inspection.close(&self.shared.index, &record.key, &mut collector);
            recycle(&mut self.pool, inspection);
        }
        if self.shared.depth >= Depth::Detect {
            let last = record.last;
            let stream = Stream {
                id: record.id,
                key: record.key,
                first: record.first,
                last,
                state: record.state,
                packets: record.packets.map(u64::from),
                bytes: record.bytes,
            };
            out.push(packet, last, Outcome::Ended(super::ended(stream)));
        }
    }

    /// Ends every flow that is left, oldest first.
    pub fn finish(&mut self, packet: u64, out: &mut Outbox) {
        let mut left: Vec<Record<State>> = self.tables.iter_mut().flat_map(FlowTable::drain).collect();
        left.sort_by_key(|record| record.id);
        for record in left {
            out.order = record.id.0;
            self.end(record, packet, out);
        }
    }

    /// Opens a flow for [`Self::chunk`]: the tunnel's door.
    pub(super) fn open_stream(&mut self, id: FlowId, key: FlowKey, at: Timestamp) -> Stream {
        Stream { id, key, first: at, last: at, state: State::default(), packets: [0; 2], bytes: [0; 2] }
    }

    /// Inspects the next in-order bytes of a flow that the caller keeps.
    pub(super) fn chunk(&mut self, stream: &mut Stream, at: Timestamp, chunk: Chunk<'_>, out: &mut Outbox) {
        let side = chunk.direction.index();
        stream.last = at;
        stream.packets[side] += 1;
        stream.bytes[side] += chunk.bytes.len() as u64;
        if stream.state.settled {
            return;
        }
        let mut inspection =
            stream.state.inspection.take().unwrap_or_else(|| self.pool.pop().unwrap_or_default());
        let mut collector = Collector {
            shared: &self.shared,
            key: &stream.key,
            id: stream.id,
            at,
            packet: stream.packets[0] + stream.packets[1],
            state: &mut stream.state,
            scratch: &mut self.scratch,
            out,
            ended: false,
        };
        let status = inspection.chunk(&self.shared.index, &stream.key, chunk, &mut collector);
        let ended = collector.ended;
        store(&self.shared, &mut self.pool, &mut stream.state, inspection, status, ended);
    }

    /// Closes a flow of the tunnel's door.
    pub(super) fn close_stream(&mut self, mut stream: Stream, out: &mut Outbox) {
        let packet = stream.packets[0] + stream.packets[1];
        if let Some(mut inspection) = stream.state.inspection.take() {
            let mut collector = Collector {
                shared: &self.shared,
                key: &stream.key,
                id: stream.id,
                at: stream.last,
                packet,
                state: &mut stream.state,
                scratch: &mut self.scratch,
                out,
                ended: false,
            };
            inspection.close(&self.shared.index, &stream.key, &mut collector);
            recycle(&mut self.pool, inspection);
        }
        let last = stream.last;
        out.push(packet, last, Outcome::Ended(super::ended(stream)));
    }

    /// Flows in the tables now.
    pub fn flows(&self) -> usize {
        self.tables.iter().map(FlowTable::len).sum()
    }
}

/// A frame as a capture or an interface gives it.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Counted over all inputs.
    pub id: u64,
    /// Counted within its capture.
    pub number: u64,
    pub at: Timestamp,
    pub link: LinkType,
    /// Bytes on the wire; the capture may hold fewer.
    pub length: u32,
    pub bytes: &'a [u8],
}

/// A flow of the tunnel's door, kept by the engine.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: FlowId,
    pub(super) key: FlowKey,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) state: State,
    pub(super) packets: [u64; 2],
    pub(super) bytes: [u64; 2],
}

/// A bare acknowledgment that a middle box padded to Ethernet's minimum and counted into IP's length: up to six zeros that
/// the real data then stands in the place of. As data they would be the first version of those bytes, and win.
fn is_padding(tcp: &Tcp, payload: &[u8]) -> bool {
    tcp.flags == Tcp::ACK && payload.len() <= 6 && payload.iter().all(|byte| *byte == 0)
}

fn recycle(pool: &mut Pool, mut inspection: Box<Inspection>) {
    if pool.len() < limits::POOLED_INSPECTIONS {
        inspection.reset();
        pool.push(inspection);
    }
}

/// Puts an inspection back with its flow, or lets it go when nothing more is to be learned.
fn store(
    shared: &Shared,
    pool: &mut Pool,
    state: &mut State,
    inspection: Box<Inspection>,
    status: Status,
    ended: bool,
) {
    let enough = shared.depth == Depth::Classify && ended;
    if status == Status::Settled || enough {
        state.settled = true;
        recycle(pool, inspection);
    } else {
        state.inspection = Some(inspection);
    }
}

/// One packet meeting its flow.
struct Work<'a, 'b> {
    shared: &'a Shared,
    pool: &'a mut Pool,
    scratch: &'a mut Scratch,
    arrival: &'a Arrival<'b>,
    direction: Direction,
    out: &'a mut Outbox,
}

impl Work<'_, '_> {
    fn datagram(&mut self, record: &mut Record<State>) {
        let payload = self.arrival.packet.payload;
        if payload.is_empty() {
            return;
        }
        let status = self.inspect(record, payload);
        if self.arrival.packet.missing > 0 {
            record.state.unseen |= 1 << Unseen::Truncated as u8;
        }
        if let Some(inspection) =
            record.state.inspection.take_if(|inspection| status == Status::Open && inspection.is_stateless())
        {
            record.state.stateless = true;
            recycle(self.pool, inspection);
        }
    }

    fn segment(&mut self, record: &mut Record<State>) {
        let tcp = &self.arrival.packet.tcp;
        let side = self.direction.index();
        let payload = self.arrival.packet.payload;
        if tcp.flags & (Tcp::SYN | Tcp::RST | Tcp::FIN) != 0 {
            self.control(record);
        }
        let acknowledges =
            record.state.inspection.as_ref().is_some_and(|inspection| inspection.order.is_some());
        if payload.is_empty() {
            if acknowledges {
                self.acknowledged(record);
            }
            return;
        }
        if is_padding(tcp, payload) {
            return;
        }
        let sequence = tcp.sequence.wrapping_add(u32::from(tcp.flags & Tcp::SYN != 0));
        match record.streams[side].place(sequence, payload.len()) {
            Place::Next { skip } => {
                if skip > 0 {
                    self.compare(record, sequence, payload);
                }
                self.in_order(record, sequence.wrapping_add(skip as u32), &payload[skip..]);
            }
            Place::Old => self.compare(record, sequence, payload),
            Place::Ahead => self.early(record, sequence, payload),
            Place::Elsewhere => {}
        }
        if acknowledges && !record.state.settled {
            self.acknowledged(record);
        }
    }

    fn control(&mut self, record: &mut Record<State>) {
        let tcp = &self.arrival.packet.tcp;
        let stream = &mut record.streams[self.direction.index()];
        if tcp.flags & Tcp::SYN != 0 && !stream.is_known() {
            stream.open(tcp.sequence);
        }
        if tcp.flags & Tcp::FIN != 0 {
            stream.ended = true;
        }
        let reset = tcp.flags & Tcp::RST != 0 && (!stream.is_known() || stream.next() == tcp.sequence);
        if reset || record.streams.iter().all(|stream| stream.ended) {
            record.finished = true;
        }
    }

    /// Passes on the next bytes and whatever waited for them.
    fn in_order(&mut self, record: &mut Record<State>, sequence: u32, bytes: &[u8]) {
        let side = self.direction.index();
        record.streams[side].advance(bytes.len());
        let status = self.inspect(record, bytes);
        if status == Status::Settled {
            return;
        }
        if self.arrival.packet.missing > 0 {
            let missing = self.arrival.packet.missing;
            record.streams[side].advance(missing as usize);
            self.gap(record, u64::from(missing));
        }
        let young = self.shared.depth >= Depth::Detect && record.bytes[side] < limits::SAMPLED_BYTES;
        let Some(inspection) = &mut record.state.inspection else {
            return;
        };
        if !young && inspection.order.is_none() {
            return;
        }
        let order = inspection.order.get_or_insert_default();
        if young {
            order.recent[side].note(sequence, bytes);
        }
        if order.queues[side].is_empty() {
            return;
        }
        if order.queues[side].compare(sequence, bytes) == Overlap::Differs {
            self.collect(record, |out| out.overlap_differs("tcp segments"));
        }
        self.release(record);
    }

    /// Passes on queued segments whose turn has come.
    fn release(&mut self, record: &mut Record<State>) {
        let side = self.direction.index();
        loop {
            let Some(inspection) = &mut record.state.inspection else {
                return;
            };
            let Some(order) = &mut inspection.order else {
                return;
            };
            let Some((bytes, skip)) = order.queues[side].pop(&mut record.streams[side]) else {
                return;
            };
            let bytes = &bytes[skip..];
            record.streams[side].advance(bytes.len());
            if self.inspect(record, bytes) == Status::Settled {
                return;
            }
        }
    }

    fn early(&mut self, record: &mut Record<State>, sequence: u32, payload: &[u8]) {
        let side = self.direction.index();
        let inspection = record.state.inspection.get_or_insert_with(|| self.pool.pop().unwrap_or_default());
        let queue = &mut inspection.order.get_or_insert_default().queues[side];
        let overlap = queue.insert(&record.streams[side], sequence, payload);
        let full = queue.is_full();
        if overlap == Overlap::Differs {
            self.collect(record, |out| out.overlap_differs("tcp segments"));
        }
        if full {
            self.skip_missing(record);
        }
    }

    /// The receiver has what the capture lacks: do not wait for it.
    fn acknowledged(&mut self, record: &mut Record<State>) {
        let tcp = &self.arrival.packet.tcp;
        if tcp.flags & Tcp::ACK == 0 {
            return;
        }
        let other = self.direction.opposite();
        let lost = record.state.inspection.as_ref().is_some_and(|inspection| {
            inspection
                .order
                .as_ref()
                .is_some_and(|order| order.queues[other.index()].is_acknowledged(tcp.acknowledgment))
        });
        if lost {
            let mine = std::mem::replace(&mut self.direction, other);
            self.skip_missing(record);
            self.direction = mine;
        }
    }

    fn skip_missing(&mut self, record: &mut Record<State>) {
        let side = self.direction.index();
        let Some(inspection) = &record.state.inspection else {
            return;
        };
        let Some(order) = &inspection.order else { return };
        let missing = order.queues[side].missing(&record.streams[side]);
        record.streams[side].advance(missing as usize);
        self.gap(record, u64::from(missing));
        self.release(record);
    }

    fn gap(&mut self, record: &mut Record<State>, missing: u64) {
        let Some(mut inspection) = record.state.inspection.take() else {
            record.state.unseen |= 1 << Unseen::Truncated as u8;
            return;
        };
        let direction = self.direction;
        self.collect(record, |out| inspection.gap(direction, missing, out));
        record.state.inspection = Some(inspection);
    }

    /// A retransmission: the same bytes again, or others.
    fn compare(&mut self, record: &mut Record<State>, sequence: u32, payload: &[u8]) {
        let side = self.direction.index();
        let differs = record.state.inspection.as_ref().is_some_and(|inspection| {
            inspection.order.as_ref().is_some_and(|order| order.recent[side].differs(sequence, payload))
        });
        if differs {
            self.collect(record, |out| out.overlap_differs("tcp segments"));
        }
    }

    fn inspect(&mut self, record: &mut Record<State>, bytes: &[u8]) -> Status {
        let mut inspection = match record.state.inspection.take() {
            Some(inspection) => inspection,
            None => {
                let mut fresh = self.pool.pop().unwrap_or_default();
                if record.state.stateless {
                    fresh.resume(usize::from(record.state.protocol).wrapping_sub(1));
                }
                fresh
            }
        };
        let key = record.key;
        let chunk = Chunk { direction: self.direction, bytes };
        let index = &self.shared.index;
        let (status, ended) =
            self.collect(record, |out| (inspection.chunk(index, &key, chunk, out), out.ended));
        store(self.shared, self.pool, &mut record.state, inspection, status, ended);
        if record.state.settled { Status::Settled } else { Status::Open }
    }

    fn collect<T>(&mut self, record: &mut Record<State>, act: impl FnOnce(&mut Collector<'_>) -> T) -> T {
        let key = record.key;
        act(&mut Collector {
            shared: self.shared,
            key: &key,
            id: record.id,
            at: self.arrival.at,
            packet: self.arrival.number,
            state: &mut record.state,
            scratch: self.scratch,
            out: self.out,
            ended: false,
        })
    }
}
