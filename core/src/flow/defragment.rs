//! Fragments of IP packets become packets again (RFC 791 §3.2, RFC 8200 §4.5).
//!
//! Receivers disagree on which of two overlapping fragments wins; here the byte that came first does, and
//! [`Defragmented::Complete`] tells when another byte was offered for its place. What does not fit the length that the
//! last fragment fixed is refused in the same way. Nothing is kept for long: packets, pieces, bytes and seconds are
//! capped in [`limits`], and the oldest packet goes first.

use std::collections::VecDeque;
use std::ops::Range;

use foldhash::HashMap;

use crate::limits;
use crate::packet::{Address, Fragment, IpHeader, IpVersion, LinkId, Transport};
use crate::time::Timestamp;

/// What a fragment led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Defragmented {
    /// Pieces are missing yet, or the fragment was refused.
    Pending,
    /// A whole packet, for [`Packet::from_reassembled`](crate::packet::Packet::from_reassembled).
    Complete {
        header: IpHeader,
        payload: Vec<u8>,
        /// Whether fragments contradicted each other.
        differs: bool,
    },
}

/// Puts fragmented packets together.
#[derive(Debug, Default)]
pub struct Defragmenter {
    unfinished: HashMap<Key, Unfinished>,
    /// Oldest first. An entry whose number is not the packet's any more is stale.
    order: VecDeque<(u64, Key)>,
    started: u64,
    /// Bytes that all buffers take.
    bytes: usize,
}

/// What the fragments of one packet share (RFC 791 §2.3, and the link).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    source: Address,
    destination: Address,
    identification: u32,
    transport: Transport,
    version: IpVersion,
    link: LinkId,
}

#[derive(Debug)]
struct Unfinished {
    number: u64,
    since: Timestamp,
    header: IpHeader,
    buffer: Vec<u8>,
    /// Filled parts of the buffer: sorted, neither overlapping nor touching.
    filled: Vec<Range<usize>>,
    /// The payload's length, once the last fragment said it.
    length: Option<usize>,
    differs: bool,
}

impl Defragmenter {
    pub fn new() -> Self {
        Self::default()
    }

    /// Packets that wait for fragments.
    pub fn len(&self) -> usize {
        self.unfinished.len()
    }

    pub fn is_empty(&self) -> bool {
        self.unfinished.is_empty()
    }

    pub fn add(&mut self, now: Timestamp, fragment: &Fragment<'_>) -> Defragmented {
        self.expire(now);
        let Some(piece) = Piece::new(fragment) else {
            return Defragmented::Pending;
        };
        let key = Key::new(fragment);
        if piece.end > limits::FRAGMENT_BYTES {
            self.remove(&key);
            return Defragmented::Pending;
        }

        if !self.unfinished.contains_key(&key) {
            self.start(now, key, fragment.header);
        }
        let Some(packet) = self.unfinished.get_mut(&key) else {
            return Defragmented::Pending;
        };
        if piece.start == 0 {
            packet.header = fragment.header;
        }
        let before = packet.buffer.capacity();
        packet.add(&piece);
        self.bytes = (self.bytes + packet.buffer.capacity()).saturating_sub(before);

        if packet.is_complete() {
            return self.remove(&key).map_or(Defragmented::Pending, Unfinished::finish);
        }
        if packet.filled.len() > limits::FRAGMENT_PIECES {
            self.remove(&key);
        }
        while self.bytes > limits::FRAGMENT_MEMORY && self.evict_oldest() {}
        Defragmented::Pending
    }

    fn start(&mut self, now: Timestamp, key: Key, header: IpHeader) {
        while self.unfinished.len() >= limits::FRAGMENT_TRACKERS && self.evict_oldest() {}
        self.started += 1;
        self.unfinished.insert(key, Unfinished::new(self.started, now, header));
        // Packets that were finished leave stale entries, swept out once they are the greater part.
        if self.order.len() >= 2 * limits::FRAGMENT_TRACKERS {
            let unfinished = &self.unfinished;
            self.order.retain(|(number, key)| is_current(unfinished, *number, key));
        }
        self.order.push_back((self.started, key));
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some((number, key)) = self.order.front() {
            let is_young = |packet: &Unfinished| now.since(packet.since).as_secs() < limits::FRAGMENT_SECONDS;
            if is_current(&self.unfinished, *number, key) && self.unfinished.get(key).is_some_and(is_young) {
                return;
            }
            self.evict_oldest();
        }
    }

    /// Drops the front of the order; `false` if there is nothing left to drop.
    fn evict_oldest(&mut self) -> bool {
        let Some((number, key)) = self.order.pop_front() else {
            return false;
        };
        if is_current(&self.unfinished, number, &key) {
            self.remove(&key);
        }
        true
    }

    fn remove(&mut self, key: &Key) -> Option<Unfinished> {
        let packet = self.unfinished.remove(key)?;
        self.bytes = self.bytes.saturating_sub(packet.buffer.capacity());
        Some(packet)
    }
}

fn is_current(unfinished: &HashMap<Key, Unfinished>, number: u64, key: &Key) -> bool {
    unfinished.get(key).is_some_and(|packet| packet.number == number)
}

impl Key {
    const fn new(fragment: &Fragment<'_>) -> Self {
        Self {
            source: fragment.header.source,
            destination: fragment.header.destination,
            identification: fragment.identification,
            transport: fragment.header.transport,
            version: fragment.header.version,
            link: fragment.header.link,
        }
    }
}

/// A fragment's bytes and their place.
struct Piece<'a> {
    bytes: &'a [u8],
    start: usize,
    /// Where the fragment ends, which is behind the bytes if the capture cut them.
    end: usize,
    is_last: bool,
}

impl<'a> Piece<'a> {
    /// `None` for what no receiver would take.
    fn new(fragment: &Fragment<'a>) -> Option<Self> {
        let start = usize::try_from(fragment.offset).ok()?;
        let mut length = fragment.payload.len().checked_add(usize::try_from(fragment.missing).ok()?)?;
        // Only the last fragment may end in the middle of an eight-byte unit.
        if fragment.more && length % 8 != 0 {
            match fragment.header.version {
                IpVersion::V4 => length &= !7,
                // RFC 8200 §4.5: "that fragment must be discarded".
                IpVersion::V6 => return None,
            }
        }
        if length == 0 {
            return None;
        }
        let bytes = fragment.payload.get(..length).unwrap_or(fragment.payload);
        Some(Self { bytes, start, end: start.checked_add(length)?, is_last: !fragment.more })
    }
}

impl Unfinished {
    const fn new(number: u64, since: Timestamp, header: IpHeader) -> Self {
        Self { number, since, header, buffer: Vec::new(), filled: Vec::new(), length: None, differs: false }
    }

    fn add(&mut self, piece: &Piece<'_>) {
        let filled_to = self.filled.last().map_or(0, |last| last.end);
        let contradicts = match self.length {
            Some(length) => piece.end > length || (piece.is_last && piece.end < length),
            None => piece.is_last && piece.end < filled_to,
        };
        if contradicts {
            self.differs = true;
            return;
        }
        if piece.is_last {
            self.length = Some(piece.end);
        }
        self.fill(piece.start, piece.bytes);
    }

    /// Writes where nothing was written, compares where something was.
    fn fill(&mut self, start: usize, bytes: &[u8]) {
        let end = start + bytes.len();
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        let first = self.filled.partition_point(|filled| filled.end < start);
        let last = self.filled.partition_point(|filled| filled.start <= end).max(first);
        let mut merged = start..end;
        let mut at = start;
        for filled in self.filled.get(first..last).unwrap_or_default() {
            write(&mut self.buffer, at..filled.start, start, bytes);
            let overlap = filled.start.max(start)..filled.end.min(end);
            let offered = bytes.get(overlap.start - start..overlap.end.saturating_sub(start));
            self.differs |= self.buffer.get(overlap) != offered;
            at = at.max(filled.end);
            merged = merged.start.min(filled.start)..merged.end.max(filled.end);
        }
        write(&mut self.buffer, at..end, start, bytes);
        self.filled.splice(first..last, [merged]);
    }

    fn is_complete(&self) -> bool {
        matches!((self.length, self.filled.as_slice()), (Some(length), [Range { start: 0, end }]) if *end == length)
    }

    fn finish(self) -> Defragmented {
        Defragmented::Complete { header: self.header, payload: self.buffer, differs: self.differs }
    }
}

/// Copies the part of `bytes`, which begin at `start`, that belongs into `range`; nothing if the range is empty.
fn write(buffer: &mut [u8], range: Range<usize>, start: usize, bytes: &[u8]) {
    let from = bytes.get(range.start.saturating_sub(start)..range.end.saturating_sub(start));
    if let (Some(to), Some(from)) = (buffer.get_mut(range), from) {
        to.copy_from_slice(from);
    }
}

#[cfg(test)]
mod tests;
