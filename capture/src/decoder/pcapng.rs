//! pcapng (draft-ietf-opsawg-pcapng): sections of blocks, each block with its length in front and behind.
//!
//! Read are section headers, interface descriptions (link type, snapshot length, `if_tsresol`, `if_tsoffset`) and the
//! three kinds of packet blocks. Every other block is stepped over: names, statistics, secrets, custom blocks. So are
//! all other options, comments among them.

mod clock;

use clock::Clock;
use weir_core::limits::{BLOCK_BYTES, CAPTURE_INTERFACES, FRAME_BYTES};
use weir_core::packet::LinkType;
use weir_core::time::Timestamp;

use super::Step;
use super::order::{Fields, Order};
use crate::error::Defect;
use crate::frame::Entry;

/// The type of a section header block, the same in both byte orders.
pub(super) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const INTERFACE_DESCRIPTION: u32 = 1;
/// Obsolete since 2004, still written by some.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const MAJOR_VERSION: u16 = 1;

/// Type and length in front of a block's body.
const BLOCK_HEADER: usize = 8;
/// The length, repeated.
const BLOCK_TRAILER: usize = 4;

const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
const OPT_ENDOFOPT: u16 = 0;

/// The section being read: its byte order and its interfaces by number.
#[derive(Debug, Clone, Default)]
pub(super) struct Section {
    order: Order,
    interfaces: Vec<Interface>,
    /// Simple packet blocks have no time of their own and get that of the frame before them.
    latest: Timestamp,
}

#[derive(Debug, Clone, Copy)]
struct Interface {
    link: LinkType,
    /// 0 for no limit.
    snapshot: u32,
    clock: Clock,
}

/// Where a packet block says that its frame is.
struct Packet {
    interface: u32,
    time: Option<[u32; 2]>,
    captured: u32,
    original: u32,
    /// Offset of the frame in the block's body.
    start: usize,
}

impl Section {
    #[inline]
    pub(super) fn step(&mut self, bytes: &[u8], number: u64) -> Result<Step, Defect> {
        // The smallest block has no body; a section header's byte order stands in the four bytes behind its length.
        let Some(&[k0, k1, k2, k3, l0, l1, l2, l3, m0, m1, m2, m3]) = bytes.first_chunk() else {
            return Ok(Step::NeedMore { need: BLOCK_HEADER + BLOCK_TRAILER });
        };
        let kind = [k0, k1, k2, k3];
        let order = if kind == SECTION_HEADER { byte_order([m0, m1, m2, m3])? } else { self.order };
        let length = order.u32([l0, l1, l2, l3]);
        let consumed = length as usize;
        if !(BLOCK_HEADER + BLOCK_TRAILER..=BLOCK_BYTES).contains(&consumed) {
            return Err(Defect::BlockLength { length });
        }
        let Some(block) = bytes.get(..consumed) else {
            return Ok(Step::NeedMore { need: consumed });
        };
        let body = body(block, order, length)?;
        if kind == SECTION_HEADER {
            self.begin(body, order, length)?;
            return Ok(Step::Skip { consumed });
        }
        let packet = match order.u32(kind) {
            ENHANCED_PACKET => enhanced_packet(body, order),
            PACKET => obsolete_packet(body, order),
            SIMPLE_PACKET => self.simple_packet(body),
            INTERFACE_DESCRIPTION => {
                self.describe(body, length)?;
                return Ok(Step::Skip { consumed });
            }
            _ => return Ok(Step::Skip { consumed }),
        };
        let packet = packet.ok_or(Defect::BlockLength { length })?;
        let entry = self.entry(&packet, body.len(), number)?;
        Ok(Step::Frame { entry, consumed })
    }

    #[cold]
    fn begin(&mut self, body: &[u8], order: Order, length: u32) -> Result<(), Defect> {
        let mut fields = Fields::new(body, order);
        let versions = (|| {
            fields.u32()?;
            Some((fields.u16()?, fields.u16()?))
        })();
        let (major, minor) = versions.ok_or(Defect::BlockLength { length })?;
        if major != MAJOR_VERSION {
            return Err(Defect::Version { major, minor });
        }
        self.order = order;
        self.interfaces.clear();
        Ok(())
    }

    #[cold]
    fn describe(&mut self, body: &[u8], length: u32) -> Result<(), Defect> {
        if self.interfaces.len() >= CAPTURE_INTERFACES {
            return Err(Defect::TooManyInterfaces);
        }
        let interface = interface(body, self.order).ok_or(Defect::BlockLength { length })?;
        self.interfaces.push(interface);
        Ok(())
    }

    /// Original length, then the frame, cut at the first interface's snapshot length.
    fn simple_packet(&self, body: &[u8]) -> Option<Packet> {
        let mut fields = Fields::new(body, self.order);
        let original = fields.u32()?;
        let snapshot = self.interfaces.first().map_or(0, |interface| interface.snapshot);
        let captured = if snapshot == 0 { original } else { original.min(snapshot) };
        Some(Packet { interface: 0, time: None, captured, original, start: fields.offset() })
    }

    #[inline]
    fn entry(&mut self, packet: &Packet, body: usize, number: u64) -> Result<Entry, Defect> {
        let length = packet.captured as usize;
        if length > FRAME_BYTES || length > body.saturating_sub(packet.start) {
            return Err(Defect::FrameLength { length: packet.captured });
        }
        let Some(interface) = self.interfaces.get(packet.interface as usize) else {
            return Err(Defect::NoInterface { interface: packet.interface, known: self.interfaces.len() });
        };
        if let Some([high, low]) = packet.time {
            self.latest = interface.clock.time(u64::from(high) << 32 | u64::from(low));
        }
        Ok(Entry {
            number,
            time: self.latest,
            link: interface.link,
            original_length: packet.original,
            interface: packet.interface,
            start: BLOCK_HEADER + packet.start,
            length,
        })
    }
}

fn byte_order(magic: [u8; 4]) -> Result<Order, Defect> {
    [Order::Little, Order::Big]
        .into_iter()
        .find(|order| order.u32(magic) == BYTE_ORDER_MAGIC)
        .ok_or(Defect::ByteOrder { magic })
}

/// What stands between the two lengths, if they agree.
#[inline]
fn body(block: &[u8], order: Order, length: u32) -> Result<&[u8], Defect> {
    let too_short = Defect::BlockLength { length };
    let (front, trailer) = block.split_last_chunk().ok_or(too_short)?;
    let trailer = order.u32(*trailer);
    if trailer != length {
        return Err(Defect::BlockLengths { length, trailer });
    }
    front.get(BLOCK_HEADER..).ok_or(too_short)
}

#[inline]
fn enhanced_packet(body: &[u8], order: Order) -> Option<Packet> {
    let mut fields = Fields::new(body, order);
    let interface = fields.u32()?;
    let time = Some([fields.u32()?, fields.u32()?]);
    let (captured, original) = (fields.u32()?, fields.u32()?);
    Some(Packet { interface, time, captured, original, start: fields.offset() })
}

fn obsolete_packet(body: &[u8], order: Order) -> Option<Packet> {
    let mut fields = Fields::new(body, order);
    let interface = fields.u16()?.into();
    let _drops = fields.u16()?;
    let time = Some([fields.u32()?, fields.u32()?]);
    let (captured, original) = (fields.u32()?, fields.u32()?);
    Some(Packet { interface, time, captured, original, start: fields.offset() })
}

fn interface(body: &[u8], order: Order) -> Option<Interface> {
    let mut fields = Fields::new(body, order);
    let link = LinkType(fields.u16()?);
    let _reserved = fields.u16()?;
    let snapshot = fields.u32()?;
    Some(Interface { link, snapshot, clock: clock(&mut fields, order) })
}

/// The clock that the options tell. Options that make no sense end the list: without them the times are merely coarser.
fn clock(fields: &mut Fields<'_>, order: Order) -> Clock {
    let mut clock = Clock::default();
    while let Some((code, value)) = option(fields) {
        match (code, value) {
            (OPT_ENDOFOPT, _) => break,
            (IF_TSRESOL, &[resolution]) => clock.set_resolution(resolution),
            (IF_TSOFFSET, value) => {
                if let Ok(seconds) = value.try_into() {
                    clock.set_offset(order.i64(seconds));
                }
            }
            _ => {}
        }
    }
    clock
}

/// Code and value; values are padded to four bytes.
fn option<'a>(fields: &mut Fields<'a>) -> Option<(u16, &'a [u8])> {
    let code = fields.u16()?;
    let length = usize::from(fields.u16()?);
    let value = fields.take(length)?;
    let padding = length.next_multiple_of(4) - length;
    fields.take(padding.min(fields.remaining()))?;
    Some((code, value))
}
