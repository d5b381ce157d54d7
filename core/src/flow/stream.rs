//! One direction of a TCP connection: which bytes come next.
//!
//! [`Stream`] is what every flow keeps (eight bytes); [`Queue`] exists only while segments are missing. The first bytes
//! that arrive for a place in the stream count; later ones for the same place are compared where they are still held and
//! a difference is told, because two receivers may read the two versions differently (Ptacek and Newsham 1998).

use crate::limits;

/// Where a direction stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stream {
    next: u32,
    known: bool,
    /// The sender is done: a FIN was reached in order.
    pub ended: bool,
}

/// What a segment is to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// From byte `skip` of the segment on, this is what comes next.
    Next { skip: usize },
    /// Everything in it was there before.
    Old,
    /// Bytes before it are missing.
    Ahead,
    /// Too far away to belong to this connection.
    Elsewhere,
}

impl Stream {
    /// A SYN: the stream begins behind it (RFC 9293 section 3.4).
    pub const fn open(&mut self, sequence: u32) {
        *self = Self { next: sequence.wrapping_add(1), known: true, ended: false };
    }

    pub const fn is_known(&self) -> bool {
        self.known
    }

    /// How far `sequence` lies before the next byte; a large number if it lies behind it.
    pub const fn distance_behind(&self, sequence: u32) -> u32 {
        self.next.wrapping_sub(sequence)
    }

    /// The sequence number of the next byte.
    pub const fn next(&self) -> u32 {
        self.next
    }

    /// Where a segment stands. A stream picked up in the middle begins with the first segment seen.
    #[inline]
    pub fn place(&mut self, sequence: u32, length: usize) -> Place {
        if !self.known {
            self.known = true;
            self.next = sequence;
            return Place::Next { skip: 0 };
        }
        let ahead = sequence.wrapping_sub(self.next);
        if ahead == 0 {
            return Place::Next { skip: 0 };
        }
        let behind = self.next.wrapping_sub(sequence);
        if behind <= limits::STREAM_WINDOW {
            let skip = behind as usize;
            return if skip < length { Place::Next { skip } } else { Place::Old };
        }
        if ahead <= limits::STREAM_WINDOW { Place::Ahead } else { Place::Elsewhere }
    }

    /// `count` in-order bytes were passed on.
    #[inline]
    pub const fn advance(&mut self, count: usize) {
        self.next = self.next.wrapping_add(count as u32);
    }
}

/// Segments that came before their turn, and samples of the last ones that were passed on.
#[derive(Debug, Default)]
pub struct Queue {
    segments: Vec<Segment>,
    bytes: usize,
}

#[derive(Debug)]
struct Segment {
    sequence: u32,
    bytes: Vec<u8>,
}

/// Whether two versions of the same bytes were told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    None,
    Same,
    Differs,
}

impl Queue {
    pub fn clear(&mut self) {
        self.segments.clear();
        self.bytes = 0;
    }

    pub const fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    pub const fn held(&self) -> usize {
        self.bytes
    }

    /// Keeps a segment that came early. Of bytes held twice the first version stays.
    pub fn insert(&mut self, stream: &Stream, sequence: u32, bytes: &[u8]) -> Overlap {
        let overlap = self.compare(sequence, bytes);
        if self.segments.len() >= limits::QUEUE_SEGMENTS || self.bytes + bytes.len() > limits::QUEUE_BYTES {
            return overlap;
        }
        let distance = |sequence: u32| sequence.wrapping_sub(stream.next);
        let at = self.segments.partition_point(|held| distance(held.sequence) <= distance(sequence));
        self.bytes += bytes.len();
        self.segments.insert(at, Segment { sequence, bytes: bytes.to_vec() });
        overlap
    }

    /// Whether there is no sense in waiting any longer for the missing bytes.
    pub const fn is_full(&self) -> bool {
        self.segments.len() >= limits::QUEUE_SEGMENTS || self.bytes >= limits::QUEUE_BYTES / 2
    }

    /// Whether the other side acknowledged bytes that are held here: it got what is missing, the capture did not.
    pub fn is_acknowledged(&self, acknowledgment: u32) -> bool {
        self.segments.first().is_some_and(|first| {
            acknowledgment.wrapping_sub(first.sequence).wrapping_sub(1) < limits::STREAM_WINDOW
        })
    }

    /// How many bytes are missing before the first held segment.
    pub fn missing(&self, stream: &Stream) -> u32 {
        self.segments.first().map_or(0, |first| first.sequence.wrapping_sub(stream.next))
    }

    /// The next segment, if its turn has come: its bytes and where in them the new ones begin.
    pub fn pop(&mut self, stream: &mut Stream) -> Option<(Vec<u8>, usize)> {
        while let Some(first) = self.segments.first() {
            match stream.place(first.sequence, first.bytes.len()) {
                Place::Next { skip } => {
                    let segment = self.segments.remove(0);
                    self.bytes -= segment.bytes.len();
                    return Some((segment.bytes, skip));
                }
                Place::Old | Place::Elsewhere => {
                    let segment = self.segments.remove(0);
                    self.bytes -= segment.bytes.len();
                }
                Place::Ahead => return None,
            }
        }
        None
    }

    /// Compares new bytes with those held for the same place.
    pub fn compare(&self, sequence: u32, bytes: &[u8]) -> Overlap {
        let mut result = Overlap::None;
        for held in &self.segments {
            let ahead = held.sequence.wrapping_sub(sequence) as usize;
            let behind = sequence.wrapping_sub(held.sequence) as usize;
            let pair = if ahead < bytes.len() {
                (&bytes[ahead..], &held.bytes[..])
            } else if behind < held.bytes.len() {
                (bytes, &held.bytes[behind..])
            } else {
                continue;
            };
            let common = pair.0.len().min(pair.1.len());
            if pair.0[..common] != pair.1[..common] {
                return Overlap::Differs;
            }
            result = Overlap::Same;
        }
        result
    }
}

/// The beginnings of the last segments that were passed on, to notice a retransmission with other bytes.
///
/// Keeping the whole stream would cost as much as inspecting it; an attacker who wants two readings must change the
/// field that matters, and that stands at the beginning of a segment or is caught by length.
#[derive(Debug, Default)]
pub struct Recent {
    samples: [Sample; 4],
    turn: usize,
}

#[derive(Debug, Default, Clone, Copy)]
struct Sample {
    sequence: u32,
    length: u32,
    head: [u8; 32],
    tail: [u8; 32],
}

fn sample(bytes: &[u8]) -> ([u8; 32], [u8; 32]) {
    let mut head = [0; 32];
    let mut tail = [0; 32];
    let count = bytes.len().min(32);
    head[..count].copy_from_slice(&bytes[..count]);
    tail[..count].copy_from_slice(&bytes[bytes.len() - count..]);
    (head, tail)
}

impl Recent {
    pub fn clear(&mut self) {
        for sample in &mut self.samples {
            sample.length = 0;
        }
    }

    pub fn note(&mut self, sequence: u32, bytes: &[u8]) {
        let (head, tail) = sample(bytes);
        self.samples[self.turn] = Sample { sequence, length: bytes.len() as u32, head, tail };
        self.turn = (self.turn + 1) % self.samples.len();
    }

    /// Whether these bytes are another version of a segment passed on before.
    pub fn differs(&self, sequence: u32, bytes: &[u8]) -> bool {
        let (head, tail) = sample(bytes);
        self.samples.iter().filter(|old| old.length > 0 && old.sequence == sequence).any(|old| {
            let common = (old.length as usize).min(bytes.len()).min(32);
            old.head[..common] != head[..common] || (old.length as usize == bytes.len() && old.tail != tail)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Overlap, Place, Queue, Recent, Stream};

    #[test]
    fn takes_what_comes_next_and_skips_what_was_there() {
        let mut stream = Stream::default();
        stream.open(99);
        assert_eq!(stream.place(100, 10), Place::Next { skip: 0 });
        stream.advance(10);
        assert_eq!(stream.place(105, 10), Place::Next { skip: 5 });
        assert_eq!(stream.place(100, 10), Place::Old);
        assert_eq!(stream.place(120, 5), Place::Ahead);
        assert_eq!(stream.place(0x8000_0000, 5), Place::Elsewhere);
    }

    #[test]
    fn sequence_numbers_wrap() {
        let mut stream = Stream::default();
        stream.open(u32::MAX - 1);
        assert_eq!(stream.place(u32::MAX, 4), Place::Next { skip: 0 });
        stream.advance(4);
        assert_eq!(stream.next(), 3);
        assert_eq!(stream.place(u32::MAX, 4), Place::Old);
    }

    #[test]
    fn held_segments_come_out_in_order_and_the_first_version_wins() {
        let mut stream = Stream::default();
        stream.open(0);
        let mut queue = Queue::default();
        assert_eq!(queue.insert(&stream, 7, b"ghi"), Overlap::None);
        assert_eq!(queue.insert(&stream, 4, b"defg"), Overlap::Same);
        assert_eq!(queue.insert(&stream, 4, b"dXfg"), Overlap::Differs);
        assert_eq!(queue.pop(&mut stream), None);
        stream.advance(3);
        let (bytes, skip) = queue.pop(&mut stream).expect("its turn has come");
        assert_eq!(&bytes[skip..], b"defg");
        stream.advance(4);
        let (bytes, skip) = queue.pop(&mut stream).expect("the rest");
        assert_eq!(&bytes[skip..], b"hi");
        stream.advance(2);
        assert_eq!(queue.pop(&mut stream), None);
        assert_eq!(queue.held(), 0);
    }

    #[test]
    fn a_retransmission_with_other_bytes_is_noticed() {
        let mut recent = Recent::default();
        recent.note(10, b"GET /real HTTP/1.1\r\n");
        assert!(!recent.differs(10, b"GET /real HTTP/1.1\r\n"));
        assert!(!recent.differs(10, b"GET /real"));
        assert!(recent.differs(10, b"GET /fake HTTP/1.1\r\n"));
    }
}
