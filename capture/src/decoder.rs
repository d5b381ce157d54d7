//! pcap and pcapng as bytes, without I/O.
//!
//! The caller shows the decoder the bytes that it has, from the first one not yet consumed, and is told what stands
//! there. The decoder keeps the formats' state (byte order, link types, clocks), never bytes, so a mapped file and a
//! stream that arrives in pieces are read by the same code.

mod order;
mod pcap;
mod pcapng;
#[cfg(test)]
mod tests;

use pcap::Pcap;
use pcapng::Section;

use crate::error::Defect;
use crate::frame::Entry;

/// What stands at the front of the bytes. `consumed` bytes are done with; the next call gets the ones behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A frame, at `entry.start` of the bytes.
    Frame { entry: Entry, consumed: usize },
    /// Something complete that is no frame: a header, an interface's description, a comment.
    Skip { consumed: usize },
    /// Nothing was consumed: at least `need` bytes are needed, more than were shown.
    NeedMore { need: usize },
}

/// Reads a capture from its first byte on.
///
/// The answers do not depend on how many bytes are shown at a time. After an error the decoder is of no more use.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    format: Format,
    frames: u64,
    offset: u64,
}

/// Bytes that tell the format.
const MAGIC: usize = 4;

#[derive(Debug, Clone, Default)]
enum Format {
    #[default]
    Unknown,
    Pcap(Pcap),
    Pcapng(Section),
}

impl Decoder {
    pub fn new() -> Self {
        Self::default()
    }

    #[inline]
    pub fn step(&mut self, bytes: &[u8]) -> Result<Step, Defect> {
        // Frames that one file can hold do not overflow 64 bits; saturating says so without a branch that can panic.
        let number = self.frames.saturating_add(1);
        let step = match &mut self.format {
            Format::Pcap(pcap) => pcap.step(bytes, number)?,
            Format::Pcapng(section) => section.step(bytes, number)?,
            Format::Unknown => self.begin(bytes)?,
        };
        match step {
            Step::Frame { consumed, .. } => {
                self.frames = number;
                self.offset = self.offset.saturating_add(consumed as u64);
            }
            Step::Skip { consumed } => self.offset = self.offset.saturating_add(consumed as u64),
            Step::NeedMore { .. } => {}
        }
        Ok(step)
    }

    /// What it means that the capture ended where a step had asked for `need` bytes and `rest` was all there was.
    pub fn end(&self, rest: &[u8], need: usize) -> Result<(), Defect> {
        match (&self.format, rest.len()) {
            (Format::Unknown, 0) => Err(Defect::Empty),
            (_, 0) => Ok(()),
            (_, have) => Err(Defect::Truncated { have, need }),
        }
    }

    /// Frames found so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Offset of the next byte from the start of the (decompressed) capture.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    #[cold]
    fn begin(&mut self, bytes: &[u8]) -> Result<Step, Defect> {
        let Some(&magic) = bytes.first_chunk() else {
            return Ok(Step::NeedMore { need: MAGIC });
        };
        if magic == pcapng::SECTION_HEADER {
            let mut section = Section::default();
            let step = section.step(bytes, 1)?;
            if !matches!(step, Step::NeedMore { .. }) {
                self.format = Format::Pcapng(section);
            }
            return Ok(step);
        }
        let Some(header) = bytes.first_chunk() else {
            // Nothing but a pcap's own magic is worth waiting for.
            Pcap::magic(magic)?;
            return Ok(Step::NeedMore { need: pcap::FILE_HEADER });
        };
        self.format = Format::Pcap(Pcap::new(header)?);
        Ok(Step::Skip { consumed: pcap::FILE_HEADER })
    }
}
