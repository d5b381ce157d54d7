//! Frames copied out of a stream, so that they can go to another thread.

use weir_core::limits::FRAME_BYTES;

use crate::frame::{Entry, Frame};

/// Frames one after the other in one buffer. Cleared and filled again, it allocates nothing.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    entries: Vec<Entry>,
    bytes: Vec<u8>,
}

/// Enough to make the hand-over cheap, little enough to stay in the cache.
const FULL_FRAMES: usize = 1024;
const FULL_BYTES: usize = 256 * 1024;

impl Batch {
    pub fn new() -> Self {
        Self::default()
    }

    /// Copies a frame in. A full batch takes more, but is not meant to.
    pub fn push(&mut self, frame: Frame<'_>) {
        self.entries.push(Entry {
            number: frame.number,
            time: frame.time,
            link: frame.link,
            original_length: frame.original_length,
            interface: frame.interface,
            start: self.bytes.len(),
            length: frame.bytes.len(),
        });
        self.bytes.extend_from_slice(frame.bytes);
    }

    pub fn frames(&self) -> impl ExactSizeIterator<Item = Frame<'_>> {
        self.entries.iter().map(|entry| entry.frame(&self.bytes))
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.entries.len() >= FULL_FRAMES || self.bytes.len() >= FULL_BYTES
    }

    /// Empties the batch. Its memory is kept, unless one huge frame had made it grow.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.bytes.clear();
        if self.bytes.capacity() > FRAME_BYTES {
            self.bytes.shrink_to(FULL_BYTES);
        }
    }
}
