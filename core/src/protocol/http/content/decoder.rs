//! One content coding, undone as its bytes arrive, up to a cap.

use std::fmt;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

use super::{Coding, Emit};
use crate::limits::INFLATE_RATIO;

/// Decoded bytes that are handed on at a time.
const STEP: usize = 8 * 1024;
/// A gzip header with a file's name and comment; longer ones are taken for something else.
const GZIP_HEADER_BYTES: usize = 1024;
/// CRC-32 and size, RFC 1952 §2.3.1.
const GZIP_TRAILER_BYTES: usize = 8;

pub(super) struct Decoder {
    state: State,
    /// Decoded bytes that may still come out.
    room: usize,
    taken: usize,
    made: usize,
}

enum State {
    /// The header of a gzip member, as far as it came. `first` is not set behind another member.
    GzipHeader {
        header: Vec<u8>,
        first: bool,
    },
    Gzip(Box<InflateState>),
    GzipTrailer {
        left: usize,
    },
    /// The first byte of a `deflate` body, which is zlib by RFC 9110 §8.4.1.2 and raw DEFLATE by some senders.
    DeflateHeader(Option<u8>),
    Deflate(Box<InflateState>),
    Brotli(Box<Brotli>),
    /// It is not what the header field says; it is handed on as it is.
    Plain,
    Spent,
}

type Brotli = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::GzipHeader { .. } => "gzip header",
            State::Gzip(_) => "gzip",
            State::GzipTrailer { .. } => "gzip trailer",
            State::DeflateHeader(_) => "deflate header",
            State::Deflate(_) => "deflate",
            State::Brotli(_) => "brotli",
            State::Plain => "plain",
            State::Spent => "spent",
        };
        write!(f, "Decoder({state}, room for {})", self.room)
    }
}

/// What came of one step.
enum Outcome {
    /// Everything was taken.
    Wants,
    /// The stream ended, with so many bytes left.
    Ended(usize),
    Broken,
}

impl Decoder {
    pub(super) fn new(coding: Coding, cap: usize) -> Self {
        let state = match coding {
            Coding::Gzip => State::GzipHeader { header: Vec::new(), first: true },
            Coding::Deflate => State::DeflateHeader(None),
            // Strict: RFC 7932 has windows of at most 16 MiB, whose pages are only touched as they are filled.
            Coding::Brotli => State::Brotli(Box::new(BrotliState::new_strict(
                StandardAlloc::default(),
                StandardAlloc::default(),
                StandardAlloc::default(),
            ))),
        };
        Self { state, room: cap, taken: 0, made: 0 }
    }

    pub(super) const fn is_spent(&self) -> bool {
        matches!(self.state, State::Spent)
    }

    pub(super) fn push(&mut self, data: &[u8], emit: Emit<'_>) {
        self.taken = self.taken.saturating_add(data.len());
        let mut rest = data;
        while !rest.is_empty() && !self.is_spent() {
            rest = self.step(rest, emit);
            let most = self.taken.saturating_mul(INFLATE_RATIO).saturating_add(STEP);
            if self.room == 0 || self.made > most {
                self.state = State::Spent;
            }
        }
    }

    /// Takes some of `data` and answers with the rest.
    fn step<'a>(&mut self, data: &'a [u8], emit: Emit<'_>) -> &'a [u8] {
        match &mut self.state {
            State::GzipHeader { header, first } => {
                let (first, known) = (*first, header.len());
                header.extend_from_slice(data.get(..data.len().min(GZIP_HEADER_BYTES)).unwrap_or_default());
                match gzip_header(header) {
                    Header::Needs if header.len() < GZIP_HEADER_BYTES => &[],
                    Header::Whole(length) => {
                        self.state = State::Gzip(InflateState::new_boxed(DataFormat::Raw));
                        data.get(length.saturating_sub(known)..).unwrap_or_default()
                    }
                    _ if !first => {
                        self.state = State::Spent;
                        &[]
                    }
                    _ => {
                        let begun = header.get(..known).unwrap_or_default().to_vec();
                        self.state = State::Plain;
                        self.make(&begun, emit);
                        data
                    }
                }
            }
            State::Gzip(state) => match inflate_all(state, data, &mut self.room, &mut self.made, emit) {
                Outcome::Wants => &[],
                Outcome::Broken => self.spend(),
                Outcome::Ended(left) => {
                    self.state = State::GzipTrailer { left: GZIP_TRAILER_BYTES };
                    last(data, left)
                }
            },
            State::GzipTrailer { left } => {
                let now = data.len().min(*left);
                *left -= now;
                if *left == 0 {
                    self.state = State::GzipHeader { header: Vec::new(), first: false };
                }
                data.get(now..).unwrap_or_default()
            }
            State::DeflateHeader(begun) => {
                let (first, second, rest) = match (*begun, data) {
                    (Some(first), [second, rest @ ..]) => (first, *second, rest),
                    (None, [first, second, rest @ ..]) => (*first, *second, rest),
                    (None, [first]) => {
                        *begun = Some(*first);
                        return &[];
                    }
                    (_, []) => return &[],
                };
                let format =
                    if is_zlib(first, second) { DataFormat::ZLibIgnoreChecksum } else { DataFormat::Raw };
                let mut state = InflateState::new_boxed(format);
                match inflate_all(&mut state, &[first, second], &mut self.room, &mut self.made, emit) {
                    Outcome::Wants => self.state = State::Deflate(state),
                    Outcome::Ended(_) | Outcome::Broken => self.state = State::Spent,
                }
                rest
            }
            State::Deflate(state) => match inflate_all(state, data, &mut self.room, &mut self.made, emit) {
                Outcome::Wants => &[],
                Outcome::Ended(_) | Outcome::Broken => self.spend(),
            },
            State::Brotli(state) => match brotli_all(state, data, &mut self.room, &mut self.made, emit) {
                Outcome::Wants => &[],
                Outcome::Broken if self.made == 0 && self.taken == data.len() => {
                    self.state = State::Plain;
                    data
                }
                Outcome::Ended(_) | Outcome::Broken => self.spend(),
            },
            State::Plain => {
                self.make(data, emit);
                &[]
            }
            State::Spent => &[],
        }
    }

    fn make(&mut self, plain: &[u8], emit: Emit<'_>) {
        hand_on(plain, &mut self.room, &mut self.made, emit);
    }

    fn spend(&mut self) -> &'static [u8] {
        self.state = State::Spent;
        &[]
    }
}

fn last(data: &[u8], count: usize) -> &[u8] {
    data.get(data.len().saturating_sub(count)..).unwrap_or_default()
}

fn hand_on(plain: &[u8], room: &mut usize, made: &mut usize, emit: Emit<'_>) {
    let plain = plain.get(..plain.len().min(*room)).unwrap_or_default();
    *room -= plain.len();
    *made = made.saturating_add(plain.len());
    if !plain.is_empty() {
        emit(plain);
    }
}

fn inflate_all(
    state: &mut InflateState,
    data: &[u8],
    room: &mut usize,
    made: &mut usize,
    emit: Emit<'_>,
) -> Outcome {
    let mut rest = data;
    let mut plain = [0; STEP];
    loop {
        let result = inflate(state, rest, &mut plain, MZFlush::None);
        rest = rest.get(result.bytes_consumed..).unwrap_or_default();
        hand_on(plain.get(..result.bytes_written).unwrap_or_default(), room, made, emit);
        match result.status {
            Ok(MZStatus::StreamEnd) => return Outcome::Ended(rest.len()),
            Ok(_) if *room == 0 => return Outcome::Wants,
            Ok(_) if rest.is_empty() && result.bytes_written < plain.len() => return Outcome::Wants,
            Ok(_) if result.bytes_consumed == 0 && result.bytes_written == 0 => return Outcome::Broken,
            Ok(_) => {}
            Err(MZError::Buf) => return Outcome::Wants,
            Err(_) => return Outcome::Broken,
        }
    }
}

fn brotli_all(
    state: &mut Brotli,
    data: &[u8],
    room: &mut usize,
    made: &mut usize,
    emit: Emit<'_>,
) -> Outcome {
    let (mut left, mut read, mut total) = (data.len(), 0, 0);
    let mut plain = [0; STEP];
    loop {
        let (mut free, mut written) = (plain.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut read,
            data,
            &mut free,
            &mut written,
            &mut plain,
            &mut total,
            state,
        );
        hand_on(plain.get(..written).unwrap_or_default(), room, made, emit);
        match result {
            BrotliResult::ResultSuccess => return Outcome::Ended(left),
            BrotliResult::NeedsMoreInput => return Outcome::Wants,
            BrotliResult::NeedsMoreOutput if *room > 0 && written > 0 => {}
            BrotliResult::NeedsMoreOutput => return Outcome::Wants,
            BrotliResult::ResultFailure => return Outcome::Broken,
        }
    }
}

/// RFC 1950 §2.2: method 8, and the first two bytes are a multiple of 31.
fn is_zlib(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && u16::from_be_bytes([first, second]).is_multiple_of(31)
}

enum Header {
    Whole(usize),
    Needs,
    Not,
}

/// RFC 1952 §2.3.
fn gzip_header(bytes: &[u8]) -> Header {
    const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
    const FHCRC: u8 = 0x02;
    const FEXTRA: u8 = 0x04;
    const FNAME: u8 = 0x08;
    const FCOMMENT: u8 = 0x10;
    /// Magic, method, flags, time, extra flags, operating system.
    const FIXED: usize = 10;
    if !bytes.iter().zip(MAGIC).all(|(byte, wanted)| *byte == wanted) {
        return Header::Not;
    }
    let length = || -> Option<usize> {
        let flags = *bytes.get(3)?;
        let mut end = FIXED;
        if flags & FEXTRA != 0 {
            let size = bytes.get(end..end + 2)?;
            end += 2 + size.iter().rev().fold(0, |size, byte| size << 8 | usize::from(*byte));
        }
        for flag in [FNAME, FCOMMENT] {
            if flags & flag != 0 {
                end += memchr::memchr(0, bytes.get(end..)?)? + 1;
            }
        }
        if flags & FHCRC != 0 {
            end += 2;
        }
        (end <= bytes.len()).then_some(end)
    };
    length().map_or(Header::Needs, Header::Whole)
}

/// Raw DEFLATE whose window lasts over many messages, RFC 7692 §7.2.2.
pub(in crate::protocol) struct Inflater(Box<InflateState>);

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inflater")
    }
}

impl Default for Inflater {
    fn default() -> Self {
        Self(InflateState::new_boxed(DataFormat::Raw))
    }
}

impl Inflater {
    /// Hands on what comes out of `data`, at most `room` bytes. `None` if it is broken, or if there is more: nothing
    /// that follows can be read then.
    pub(in crate::protocol) fn push(&mut self, data: &[u8], room: &mut usize, emit: Emit<'_>) -> Option<()> {
        match inflate_all(&mut self.0, data, room, &mut 0, emit) {
            Outcome::Wants if *room > 0 => Some(()),
            // A sender may mark a block as the last one; its next message begins anew.
            Outcome::Ended(_) => {
                *self = Self::default();
                Some(())
            }
            Outcome::Wants | Outcome::Broken => None,
        }
    }
}
