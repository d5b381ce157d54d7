//! Content that arrives in small parts leaves in large pieces, cut at the same offsets however it arrived.

use super::{Field, Sink, Unseen, Value};
use crate::flow::Direction;
use crate::limits::{BODY_BYTES, CONTENT_BYTES, CONTENT_OVERLAP};

/// Gathers what one message says and states it in pieces of at most [`BODY_BYTES`]. The end of a piece is repeated at
/// the start of the next, so that nothing shorter than [`CONTENT_OVERLAP`] is cut in two.
#[derive(Debug)]
pub(super) struct Pieces {
    field: &'static Field,
    direction: Direction,
    buffer: Vec<u8>,
    /// Bytes at the start of `buffer` that were already stated.
    repeated: usize,
    /// Bytes taken so far; past [`CONTENT_BYTES`] the rest of the message is left out.
    taken: usize,
}

impl Pieces {
    pub(super) const fn new(field: &'static Field, direction: Direction) -> Self {
        Self { field, direction, buffer: Vec::new(), repeated: 0, taken: 0 }
    }

    pub(super) fn push(&mut self, mut bytes: &[u8], out: &mut dyn Sink) {
        if self.taken >= CONTENT_BYTES || bytes.is_empty() || !out.wants(self.field) {
            return;
        }
        if bytes.len() >= CONTENT_BYTES - self.taken {
            out.unseen(Unseen::Truncated);
            bytes = bytes.get(..CONTENT_BYTES - self.taken).unwrap_or_default();
        }
        self.taken += bytes.len();
        while !bytes.is_empty() {
            let room = (BODY_BYTES - self.buffer.len()).min(bytes.len());
            let (now, later) = bytes.split_at(room);
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == BODY_BYTES {
                out.fact(self.field, self.direction, Value::Bytes(&self.buffer));
                self.buffer.drain(..BODY_BYTES - CONTENT_OVERLAP);
                self.repeated = CONTENT_OVERLAP;
            }
        }
    }

    /// States what is left. Answers whether anything was said since the last time.
    pub(super) fn finish(&mut self, out: &mut dyn Sink) -> bool {
        if self.buffer.len() > self.repeated {
            out.fact(self.field, self.direction, Value::Bytes(&self.buffer));
        }
        let said = self.taken > 0;
        *self = Self::new(self.field, self.direction);
        said
    }

    /// States what there is while more may come: the sender waits for an answer.
    pub(super) fn pause(&mut self, out: &mut dyn Sink) {
        if self.undecided() > 0 {
            out.fact(self.field, self.direction, Value::Bytes(&self.buffer));
            let repeated = self.buffer.len().min(CONTENT_OVERLAP);
            self.buffer.drain(..self.buffer.len() - repeated);
            self.repeated = repeated;
        }
    }

    /// Bytes that were taken and not stated.
    pub(super) fn undecided(&self) -> usize {
        self.buffer.len().saturating_sub(self.repeated)
    }

    /// Bytes are missing: what follows must not look as if it stood next to what came before.
    pub(super) fn gap(&mut self, out: &mut dyn Sink) {
        let taken = self.taken;
        self.finish(out);
        self.taken = taken;
    }
}
