//! Classic pcap (draft-ietf-opsawg-pcap): a file header of 24 bytes, then records.
//!
//! Read are both byte orders, microseconds and nanoseconds, and the "modified" records of A. Kuznetzov's libpcap, which
//! are eight bytes longer. The snapshot length is not read: writers exceed it.

use weir_core::limits::{FRAME_BYTES, ZERO_RECORDS};
use weir_core::packet::LinkType;
use weir_core::time::Timestamp;

use super::Step;
use super::order::{Fields, Order};
use crate::error::Defect;
use crate::frame::Entry;

pub(super) const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
/// Interface index, protocol, packet type and padding behind the ordinary record header.
const MODIFIED_RECORD_HEADER: usize = 24;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const MODIFIED: u32 = 0xa1b2_cd34;

#[derive(Debug, Clone)]
pub(super) struct Pcap {
    order: Order,
    link: LinkType,
    /// Nanoseconds in one unit of the timestamps' second word.
    unit: u64,
    record_header: usize,
    /// Until version 2.3 the two lengths stood in either order.
    swapped_lengths: bool,
    zero_records: u32,
}

impl Pcap {
    /// The byte order that a magic number tells, and the number itself.
    pub(super) fn magic(magic: [u8; 4]) -> Result<(Order, u32), Defect> {
        [Order::Little, Order::Big]
            .into_iter()
            .map(|order| (order, order.u32(magic)))
            .find(|(_, number)| matches!(*number, MICROSECONDS | NANOSECONDS | MODIFIED))
            .ok_or(Defect::NotACapture { magic })
    }

    pub(super) fn new(header: &[u8; FILE_HEADER]) -> Result<Self, Defect> {
        let &[m0, m1, m2, m3, a0, a1, i0, i1, .., l0, l1, l2, l3] = header;
        let (order, magic) = Self::magic([m0, m1, m2, m3])?;
        let version = (order.u16([a0, a1]), order.u16([i0, i1]));
        // The upper half says how long the frames' check sequences are, not what the frames are.
        let [link, _] = split(order.u32([l0, l1, l2, l3]));
        Ok(Self {
            order,
            link: LinkType(link),
            unit: if magic == NANOSECONDS { 1 } else { 1_000 },
            record_header: if magic == MODIFIED { MODIFIED_RECORD_HEADER } else { RECORD_HEADER },
            swapped_lengths: version <= (2, 3),
            zero_records: 0,
        })
    }

    #[inline]
    pub(super) fn step(&mut self, bytes: &[u8], number: u64) -> Result<Step, Defect> {
        let Some(record) = self.record(bytes) else {
            return Ok(Step::NeedMore { need: self.record_header });
        };
        let length = record.captured as usize;
        if length > FRAME_BYTES {
            return Err(Defect::FrameLength { length: record.captured });
        }
        let consumed = self.record_header + length;
        if bytes.len() < consumed {
            return Ok(Step::NeedMore { need: consumed });
        }
        self.count_zeros(&record)?;
        let entry = Entry {
            number,
            // The largest is 2^32 · (10^9 + 10^3) ns, which fits; saturating costs nothing.
            time: Timestamp(
                Timestamp::from_seconds(record.seconds.into())
                    .0
                    .saturating_add(u64::from(record.fraction).saturating_mul(self.unit)),
            ),
            link: self.link,
            original_length: record.original,
            interface: 0,
            start: self.record_header,
            length,
        };
        Ok(Step::Frame { entry, consumed })
    }

    /// The record header, if all of it is there.
    #[inline]
    fn record(&self, bytes: &[u8]) -> Option<Record> {
        let mut fields = Fields::new(bytes.get(..self.record_header)?, self.order);
        let (seconds, fraction) = (fields.u32()?, fields.u32()?);
        let (mut captured, mut original) = (fields.u32()?, fields.u32()?);
        if self.swapped_lengths && captured > original {
            (captured, original) = (original, captured);
        }
        Some(Record { seconds, fraction, captured, original })
    }

    /// After a crash or in a sparse file, gigabytes of zeros would be as many empty frames of 1970.
    #[inline]
    fn count_zeros(&mut self, record: &Record) -> Result<(), Defect> {
        if record.captured != 0 || record.original != 0 || record.seconds != 0 || record.fraction != 0 {
            self.zero_records = 0;
            return Ok(());
        }
        self.zero_records += 1;
        if self.zero_records > ZERO_RECORDS {
            return Err(Defect::Zeros);
        }
        Ok(())
    }
}

struct Record {
    seconds: u32,
    fraction: u32,
    captured: u32,
    original: u32,
}

/// Lower and upper half.
const fn split(word: u32) -> [u16; 2] {
    [(word & 0xffff) as u16, (word >> 16) as u16]
}
