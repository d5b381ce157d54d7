//! A frame, and where in some bytes it is.

use weir_core::packet::LinkType;
use weir_core::time::Timestamp;

/// One captured frame, borrowed from wherever the capture keeps its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Counted from 1 in its file, as Wireshark does.
    pub number: u64,
    pub time: Timestamp,
    pub link: LinkType,
    pub bytes: &'a [u8],
    /// Length on the wire as the capture tells it: larger than `bytes` when a snapshot length cut the frame, and in
    /// broken captures sometimes smaller.
    pub original_length: u32,
    /// Number of the interface in its pcapng section; 0 in pcap.
    pub interface: u32,
}

/// A frame without its bytes: they stand at `start` of the slice that the decoder was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub number: u64,
    pub time: Timestamp,
    pub link: LinkType,
    pub original_length: u32,
    pub interface: u32,
    pub start: usize,
    pub length: usize,
}

impl Entry {
    /// The frame, given the slice that the entry belongs to; over any other slice its bytes are others, or none.
    #[inline]
    pub fn frame<'a>(&self, bytes: &'a [u8]) -> Frame<'a> {
        let behind = bytes.get(self.start..).unwrap_or_default();
        Frame {
            number: self.number,
            time: self.time,
            link: self.link,
            bytes: behind.get(..self.length).unwrap_or_default(),
            original_length: self.original_length,
            interface: self.interface,
        }
    }
}
