//! What a message carries: taken out of its content codings (RFC 9110 §8.4) and cut into pieces that are searched.

mod decoder;

use self::decoder::Decoder;
pub(in crate::protocol) use self::decoder::Inflater;
use super::lines::elements;
use crate::limits::{BODY_BYTES, CONTENT_CODINGS, PIECE_OVERLAP_BYTES};

/// Where pieces of content go.
pub(in crate::protocol) type Emit<'a> = &'a mut dyn FnMut(&[u8]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocol) enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

/// The codings of one body, in the order in which they were applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::protocol) struct Codings([Option<Coding>; CONTENT_CODINGS]);

impl Codings {
    /// Reads the value of a `Content-Encoding` or `grpc-encoding` field. Codings that are not known are left out: what
    /// is in them is searched as it is.
    pub(in crate::protocol) fn add(&mut self, value: &[u8]) {
        for element in elements(value) {
            let coding = match element {
                name if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") => {
                    Coding::Gzip
                }
                name if name.eq_ignore_ascii_case(b"deflate") => Coding::Deflate,
                name if name.eq_ignore_ascii_case(b"br") => Coding::Brotli,
                _ => continue,
            };
            if let Some(free) = self.0.iter_mut().find(|coding| coding.is_none()) {
                *free = Some(coding);
            }
        }
    }

    pub(in crate::protocol) fn is_identity(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

/// One body on its way to the detectors.
#[derive(Debug)]
pub(in crate::protocol) struct Content {
    decoders: Vec<Decoder>,
    pieces: Pieces,
}

impl Content {
    /// At most `cap` decoded bytes are looked at.
    pub(in crate::protocol) fn new(codings: Codings, cap: usize) -> Self {
        let decoders = codings.0.iter().flatten();
        Self {
            decoders: decoders.map(|coding| Decoder::new(*coding, cap)).collect(),
            pieces: Pieces::new(cap),
        }
    }

    pub(in crate::protocol) fn push(&mut self, data: &[u8], emit: Emit<'_>) {
        decode(&mut self.decoders, data, &mut |plain| {
            self.pieces.push(plain, emit);
        });
    }

    /// The body is over: what is left is the last piece.
    pub(in crate::protocol) fn finish(&mut self, emit: Emit<'_>) {
        self.pieces.finish(emit);
    }

    /// Nothing that could follow will be looked at.
    pub(in crate::protocol) fn is_full(&self) -> bool {
        self.pieces.room() == 0 || self.decoders.iter().any(Decoder::is_spent)
    }
}

/// The coding that was applied last comes off first.
fn decode(decoders: &mut [Decoder], data: &[u8], emit: Emit<'_>) {
    match decoders.split_last_mut() {
        Some((outer, inner)) => outer.push(data, &mut |plain| decode(inner, plain, emit)),
        None => emit(data),
    }
}

/// Gathers bytes into pieces of at most [`BODY_BYTES`], cut at offsets that do not depend on how the bytes arrive.
#[derive(Debug)]
pub(in crate::protocol) struct Pieces {
    piece: Vec<u8>,
    /// Bytes of `piece` that the one before ended with.
    repeated: usize,
    room: usize,
}

impl Pieces {
    pub(in crate::protocol) const fn new(cap: usize) -> Self {
        Self { piece: Vec::new(), repeated: 0, room: cap }
    }

    pub(in crate::protocol) const fn room(&self) -> usize {
        self.room
    }

    pub(in crate::protocol) fn push(&mut self, data: &[u8], emit: Emit<'_>) {
        let mut rest = data.get(..self.room.min(data.len())).unwrap_or_default();
        self.room -= rest.len();
        while !rest.is_empty() {
            if self.piece.len() >= BODY_BYTES {
                self.emit(emit);
            }
            let free = BODY_BYTES.saturating_sub(self.piece.len()).min(rest.len());
            let (now, later) = rest.split_at(free);
            self.piece.extend_from_slice(now);
            rest = later;
        }
        if self.room == 0 {
            self.finish(emit);
        }
    }

    pub(in crate::protocol) fn finish(&mut self, emit: Emit<'_>) {
        if self.piece.len() > self.repeated {
            emit(&self.piece);
        }
        self.piece = Vec::new();
        self.repeated = 0;
    }

    fn emit(&mut self, emit: Emit<'_>) {
        emit(&self.piece);
        self.piece.drain(..self.piece.len().saturating_sub(PIECE_OVERLAP_BYTES));
        self.repeated = self.piece.len();
    }
}

#[cfg(test)]
mod tests;
