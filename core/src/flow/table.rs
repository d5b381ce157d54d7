//! The flow table: open addressing over a slab of records.
//!
//! A look-up touches one slot (eight bytes) and one record. Slots hold 32 bits of a seeded hash, so that growing and
//! deleting never touch records and a stranger cannot aim for collisions. Nothing is relinked per packet: idle flows are
//! found by a hand that sweeps a few records at every arrival, and a full table gives up the longest idle of the next few.

use std::time::Duration;

use super::{Direction, FlowId, FlowKey, stream::Stream};
use crate::limits;
use crate::packet::{Endpoint, IpVersion, LinkId, Packet, Transport};
use crate::time::Timestamp;

/// A flow: its key, its counters, and what the stages behind keep with it.
#[derive(Debug)]
pub struct Record<S> {
    pub key: FlowKey,
    /// When a flow is over early: reset, or finished from both sides.
    pub finished: bool,
    /// To the server, to the client.
    pub streams: [Stream; 2],
    pub packets: [u32; 2],
    pub bytes: [u64; 2],
    pub id: FlowId,
    pub first: Timestamp,
    pub last: Timestamp,
    pub state: S,
    occupied: bool,
    tag: u32,
}

/// Where a record stands; valid until the next insertion or sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u32);

/// Secret keys of the hash: whoever knows them can make every flow collide.
#[derive(Debug, Clone, Copy)]
pub struct Seed(pub [u64; 4]);

impl Seed {
    /// Hash of a packet's flow, the same for both directions.
    #[inline]
    pub fn hash(&self, packet: &Packet<'_>) -> u64 {
        let [first, second, third, fourth] = self.0;
        let side = |endpoint: &Endpoint| {
            let (high, low) = halves(endpoint);
            fold(high ^ first, low ^ second ^ (u64::from(endpoint.port) << 32))
        };
        let (source, destination) = (side(&packet.source), side(&packet.destination));
        let rest =
            u64::from(packet.link.0) << 16 | u64::from(packet.transport.0) << 1 | (packet.version as u64);
        fold(source.wrapping_add(destination) ^ third, source ^ destination ^ rest ^ fourth)
    }
}

#[inline]
fn halves(endpoint: &Endpoint) -> (u64, u64) {
    let octets = u128::from_ne_bytes(endpoint.address.0);
    ((octets >> 64) as u64, octets as u64)
}

/// Both halves of the 128-bit product, folded: the mixing step of wyhash.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a | 1).wrapping_mul(u128::from(b));
    (product as u64) ^ ((product >> 64) as u64)
}

/// Flows of one partition.
#[derive(Debug)]
pub struct FlowTable<S> {
    /// 0 for empty, otherwise the hash tag above and the record's index plus one below.
    slots: Vec<u64>,
    records: Vec<Record<S>>,
    free: Vec<u32>,
    live: usize,
    capacity: usize,
    hand: usize,
}

/// What was found, or room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Known(Slot, Direction),
    New,
}

impl<S: Default> FlowTable<S> {
    pub fn new(capacity: usize) -> Self {
        Self { slots: vec![0; 64], records: Vec::new(), free: Vec::new(), live: 0, capacity, hand: 0 }
    }

    pub const fn len(&self) -> usize {
        self.live
    }

    pub const fn is_empty(&self) -> bool {
        self.live == 0
    }

    pub const fn is_full(&self) -> bool {
        self.live >= self.capacity
    }

    /// Reads the slot a hash leads to, and nothing else; called for a whole batch first, so that cache misses overlap.
    #[inline]
    pub fn touch_slot(&self, hash: u64) -> u64 {
        let mask = self.slots.len() - 1;
        self.slots[hash as usize & mask]
    }

    /// Reads the record behind a slot's content, if there is one.
    #[inline]
    pub fn touch_record(&self, slot: u64) -> u32 {
        let index = (slot as u32).wrapping_sub(1) as usize;
        self.records.get(index).map_or(0, |record| record.tag.wrapping_add(record.packets[0]))
    }

    #[inline]
    pub fn find(&self, hash: u64, packet: &Packet<'_>) -> Found {
        let mask = self.slots.len() - 1;
        let tag = hash as u32;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return Found::New;
            }
            if (slot >> 32) as u32 == tag {
                let index = (slot as u32).wrapping_sub(1);
                if let Some(record) = self.records.get(index as usize)
                    && let Some(direction) = direction_of(&record.key, packet)
                {
                    return Found::Known(Slot(index), direction);
                }
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds a flow that [`Self::find`] did not know. Call [`Self::make_room`] first.
    pub fn insert(&mut self, hash: u64, key: FlowKey, id: FlowId, at: Timestamp) -> Slot {
        if (self.live + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let tag = hash as u32;
        let record = Record {
            key,
            finished: false,
            streams: [Stream::default(); 2],
            packets: [0; 2],
            bytes: [0; 2],
            id,
            first: at,
            last: at,
            state: S::default(),
            occupied: true,
            tag,
        };
        let index = match self.free.pop() {
            Some(index) => {
                self.records[index as usize] = record;
                index
            }
            None => {
                self.records.push(record);
                (self.records.len() - 1) as u32
            }
        };
        self.live += 1;
        self.place(u64::from(tag) << 32 | u64::from(index + 1));
        Slot(index)
    }

    #[inline]
    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut Record<S>> {
        self.records.get_mut(slot.0 as usize).filter(|record| record.occupied)
    }

    /// Takes a flow out.
    pub fn remove(&mut self, slot: Slot) -> Option<Record<S>> {
        let record = self.records.get_mut(slot.0 as usize).filter(|record| record.occupied)?;
        let (tag, key) = (record.tag, record.key);
        let vacant = Record {
            key,
            finished: true,
            streams: [Stream::default(); 2],
            packets: [0; 2],
            bytes: [0; 2],
            id: record.id,
            first: record.first,
            last: record.last,
            state: S::default(),
            occupied: false,
            tag,
        };
        let taken = std::mem::replace(record, vacant);
        self.erase(u64::from(tag) << 32 | u64::from(slot.0 + 1));
        self.free.push(slot.0);
        self.live -= 1;
        Some(taken)
    }

    /// A flow that has been idle for longer than its kind allows, if the hand meets one at its next step.
    #[inline]
    pub fn sweep(&mut self, now: Timestamp) -> Option<Record<S>> {
        if self.records.is_empty() {
            return None;
        }
        self.hand = if self.hand + 1 < self.records.len() { self.hand + 1 } else { 0 };
        let record = &self.records[self.hand];
        if record.occupied && now.since(record.last) > idle_limit(record) {
            return self.remove(Slot(self.hand as u32));
        }
        None
    }

    /// The longest idle of the next few flows, when the table is full.
    pub fn make_room(&mut self) -> Option<Record<S>> {
        if !self.is_full() {
            return None;
        }
        let mut oldest: Option<(usize, Timestamp)> = None;
        let mut seen = 0;
        for step in 0..self.records.len() {
            let index = (self.hand + step) % self.records.len();
            let record = &self.records[index];
            if record.occupied {
                if oldest.is_none_or(|(_, last)| record.last < last) {
                    oldest = Some((index, record.last));
                }
                seen += 1;
            }
            if seen == limits::EVICTION_SAMPLE {
                break;
            }
        }
        self.hand = (self.hand + limits::EVICTION_SAMPLE) % self.records.len().max(1);
        oldest.and_then(|(index, _)| self.remove(Slot(index as u32)))
    }

    /// Every flow left, in the order of their first packets.
    pub fn drain(&mut self) -> Vec<Record<S>> {
        let mut all: Vec<Record<S>> =
            std::mem::take(&mut self.records).into_iter().filter(|record| record.occupied).collect();
        all.sort_by_key(|record| record.id);
        self.slots.fill(0);
        self.free.clear();
        self.live = 0;
        all
    }

    fn place(&mut self, slot: u64) {
        let mask = self.slots.len() - 1;
        let mut at = (slot >> 32) as usize & mask;
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    /// Deletes one slot and moves those behind it back to where a look-up finds them.
    fn erase(&mut self, slot: u64) {
        let mask = self.slots.len() - 1;
        let mut hole = (slot >> 32) as usize & mask;
        while self.slots[hole] != slot {
            if self.slots[hole] == 0 {
                return;
            }
            hole = (hole + 1) & mask;
        }
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let next = self.slots[at];
            if next == 0 {
                break;
            }
            let home = (next >> 32) as usize & mask;
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                self.slots[hole] = next;
                hole = at;
            }
        }
        self.slots[hole] = 0;
    }

    fn grow(&mut self) {
        let old = std::mem::take(&mut self.slots);
        self.slots = vec![0; old.len() * 2];
        for slot in old.into_iter().filter(|slot| *slot != 0) {
            self.place(slot);
        }
    }
}

fn idle_limit<S>(record: &Record<S>) -> Duration {
    match record.key.transport {
        Transport::TCP if record.finished => limits::IDLE_FINISHED,
        Transport::TCP => limits::IDLE_TCP,
        _ => limits::IDLE_OTHER,
    }
}

/// Which way a packet goes in a flow, if it belongs to it.
#[inline]
fn direction_of(key: &FlowKey, packet: &Packet<'_>) -> Option<Direction> {
    let same = key.transport == packet.transport && key.link == packet.link && key.version == packet.version;
    if !same {
        return None;
    }
    if equal(&key.client, &packet.source) && equal(&key.server, &packet.destination) {
        Some(Direction::ToServer)
    } else if equal(&key.client, &packet.destination) && equal(&key.server, &packet.source) {
        Some(Direction::ToClient)
    } else {
        None
    }
}

#[inline]
fn equal(a: &Endpoint, b: &Endpoint) -> bool {
    a.port == b.port && u128::from_ne_bytes(a.address.0) == u128::from_ne_bytes(b.address.0)
}

/// Which partition a flow belongs to. Not seeded: what happens in a partition must be the same in every run.
#[inline]
pub fn partition(packet: &Packet<'_>) -> usize {
    let (a, b) = (halves(&packet.source), halves(&packet.destination));
    let mixed = a.0 ^ a.1 ^ b.0 ^ b.1 ^ u64::from(packet.source.port ^ packet.destination.port);
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize % limits::PARTITIONS
}

/// The key of a flow that begins with this packet: who opened it, as far as one packet tells.
pub fn key_of_first(packet: &Packet<'_>) -> FlowKey {
    let reply = if packet.transport == Transport::TCP && packet.tcp.flags & crate::packet::Tcp::SYN != 0 {
        packet.tcp.flags & crate::packet::Tcp::ACK != 0
    } else {
        // Picked up in the middle: a system port on one side only is the server's (RFC 6335 section 6).
        packet.source.port != 0 && packet.source.port < 1024 && packet.destination.port >= 1024
    };
    let (client, server) =
        if reply { (packet.destination, packet.source) } else { (packet.source, packet.destination) };
    FlowKey { client, server, link: packet.link, transport: packet.transport, version: packet.version }
}

impl Default for Seed {
    fn default() -> Self {
        Self([0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344, 0xa409_3822_299f_31d0, 0x082e_fa98_ec4e_6c89])
    }
}

const _: () = assert!(matches!(IpVersion::V4 as u8, 0));
const _: () = assert!(size_of::<LinkId>() == 4);

#[cfg(test)]
mod tests;
