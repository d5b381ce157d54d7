//! WebSocket, RFC 6455, from the byte behind its HTTP handshake.
//!
//! Messages are put together from their frames and unmasked; compressed ones (RFC 7692) are inflated whatever was agreed
//! on, since the bit in the frame says so. The parser takes over from HTTP and is never probed for: a frame's first
//! bytes prove nothing.

#[cfg(test)]
mod tests;

use super::http::content::{Inflater, Pieces};
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Unseen, Value};
use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits::{BODY_BYTES, HEAD_BYTES, REQUEST_BODY_BYTES};
use crate::packet::Transport;

static OPCODE: Field = Field::meta("websocket.opcode", "opcode");
static CLOSE_CODE: Field = Field::meta("websocket.close_code", "");
static PAYLOAD: Field = Field::new("websocket.payload", Role::Content);

static FIELDS: &[&Field] = &[&OPCODE, &CLOSE_CODE, &PAYLOAD];

/// WebSocket.
#[derive(Debug)]
pub(super) struct WebSocket;

pub(super) static PROTOCOL: WebSocket = WebSocket;

impl Protocol for WebSocket {
    fn name(&self) -> &'static str {
        "websocket"
    }

    fn about(&self) -> &'static str {
        "WebSocket (RFC 6455)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[])
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, _: &Opening<'_>) -> Probe {
        Probe::Mismatch
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Connection>::default()
    }
}

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// A frame header, RFC 6455 §5.2.
#[derive(Debug, Clone, Copy, Default)]
struct Frame {
    is_last: bool,
    is_compressed: bool,
    opcode: u8,
    mask: [u8; 4],
    /// Bytes of the payload that are still to come.
    left: u64,
    /// How far in the mask the next byte is.
    phase: usize,
}

impl Frame {
    /// The header and its length.
    fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut reader = Reader::new(bytes);
        let (first, second) = (reader.u8()?, reader.u8()?);
        let left = match second & 0x7f {
            126 => reader.u16()?.into(),
            127 => reader.u64()?,
            length => length.into(),
        };
        let mask = if second & 0x80 == 0 { [0; 4] } else { reader.array()? };
        let frame = Self {
            is_last: first & 0x80 != 0,
            is_compressed: first & 0x40 != 0,
            opcode: first & 0x0f,
            mask,
            left,
            phase: 0,
        };
        Some((frame, reader.offset()))
    }

    /// What RFC 6455 §5.2 and §5.5 forbid, seen in the first two bytes.
    const fn complaint(first: u8, second: u8) -> Option<&'static str> {
        if first & 0x30 != 0 {
            return Some("a frame with reserved bits");
        }
        match first & 0x0f {
            CONTINUATION | TEXT | BINARY => None,
            CLOSE | PING | PONG if first & 0x80 == 0 || second & 0x7f > 125 => {
                Some("a control frame that is fragmented or long")
            }
            CLOSE | PING | PONG => None,
            _ => Some("a frame of an unknown kind"),
        }
    }

    const fn is_control(&self) -> bool {
        self.opcode & 0x08 != 0
    }

    /// Takes the mask off, in place.
    fn unmask(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte ^= self.mask.get(self.phase & 3).copied().unwrap_or_default();
            self.phase = self.phase.wrapping_add(1);
        }
    }
}

#[derive(Debug, Default)]
struct Connection {
    sides: [Side; 2],
}

#[derive(Debug, Default)]
struct Side {
    begun: bool,
    frame: Option<Frame>,
    message: Option<Message>,
    inflater: Option<Inflater>,
}

/// A message that is not complete yet.
#[derive(Debug)]
struct Message {
    pieces: Pieces,
    room: usize,
    is_compressed: bool,
}

impl Parser for Connection {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let side = self.side(chunk.direction);
        let mut at = 0;
        loop {
            let rest = chunk.bytes.get(at..).unwrap_or_default();
            match side.step(chunk.direction, rest, out) {
                Ok(Some(count)) => at += count,
                Ok(None) if rest.is_empty() => return Progress::Consumed(at),
                Ok(None) => {
                    return Progress::NeedMore { consumed: at, need: rest.len() + 1 };
                }
                Err(what) => return Progress::Malformed { what, at },
            }
        }
    }

    /// Only bytes of a payload can be done without.
    fn gap(&mut self, direction: Direction, missing: u64, out: &mut dyn Sink) -> Progress {
        out.unseen(Unseen::Truncated);
        let side = self.side(direction);
        side.inflater = None;
        match &mut side.frame {
            Some(frame) if missing <= frame.left => {
                frame.left -= missing;
                frame.phase = frame.phase.wrapping_add((missing & 3) as usize);
                side.interrupt(direction, out);
                Progress::Consumed(0)
            }
            _ => Progress::Done,
        }
    }

    fn close(&mut self, _: &FlowKey, out: &mut dyn Sink) {
        for direction in Direction::BOTH {
            self.side(direction).interrupt(direction, out);
        }
    }
}

impl Connection {
    const fn side(&mut self, direction: Direction) -> &mut Side {
        let [to_server, to_client] = &mut self.sides;
        match direction {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        }
    }
}

impl Side {
    /// Takes some bytes; `None` if there are too few.
    fn step(
        &mut self,
        direction: Direction,
        rest: &[u8],
        out: &mut dyn Sink,
    ) -> Result<Option<usize>, &'static str> {
        if let Some(frame) = self.frame {
            if frame.left == 0 {
                self.frame_ended(frame, direction, out);
                return Ok(Some(0));
            }
            // What a close frame says is only read as a whole.
            if rest.is_empty() || (frame.opcode == CLOSE && (rest.len() as u64) < frame.left) {
                return Ok(None);
            }
            return Ok(Some(self.payload(frame, direction, rest, out)));
        }
        let [first, ..] = rest else {
            return Ok(None);
        };
        if !self.begun {
            if *first == b'H' {
                return handshake(rest);
            }
            self.begun = true;
        }
        let [first, second, ..] = rest else {
            return Ok(None);
        };
        if let Some(complaint) = Frame::complaint(*first, *second) {
            return Err(complaint);
        }
        let Some((frame, length)) = Frame::parse(rest) else {
            return Ok(None);
        };
        self.begin_frame(&frame, direction, out);
        self.frame = Some(frame);
        Ok(Some(length))
    }

    fn begin_frame(&mut self, frame: &Frame, direction: Direction, out: &mut dyn Sink) {
        if frame.is_control() {
            return;
        }
        if frame.opcode != CONTINUATION {
            let name = if frame.opcode == TEXT { "text" } else { "binary" };
            out.fact(&OPCODE, direction, Value::Text(name));
        }
        if frame.opcode != CONTINUATION || self.message.is_none() {
            let room = match direction {
                Direction::ToServer => REQUEST_BODY_BYTES,
                Direction::ToClient => BODY_BYTES,
            };
            self.message =
                Some(Message { pieces: Pieces::new(room), room, is_compressed: frame.is_compressed });
        }
    }

    /// Takes bytes of a frame's payload.
    fn payload(&mut self, mut frame: Frame, direction: Direction, rest: &[u8], out: &mut dyn Sink) -> usize {
        const STEP: usize = 4096;
        let count = usize::try_from(frame.left).map_or(rest.len(), |left| left.min(rest.len()));
        let now = rest.get(..count).unwrap_or_default();
        if frame.opcode == CLOSE {
            if let [high, low, ..] = now {
                let mut code = [*high, *low];
                frame.unmask(&mut code);
                out.fact(&CLOSE_CODE, direction, Value::Number(u16::from_be_bytes(code).into()));
            }
        } else if !frame.is_control() && out.wants_content() {
            let mut plain = [0; STEP];
            for part in now.chunks(STEP) {
                let Some(plain) = plain.get_mut(..part.len()) else {
                    break;
                };
                plain.copy_from_slice(part);
                frame.unmask(plain);
                self.gather(plain, direction, out);
            }
        }
        frame.left -= count as u64;
        self.frame = Some(frame);
        count
    }

    fn gather(&mut self, data: &[u8], direction: Direction, out: &mut dyn Sink) {
        let Some(message) = &mut self.message else {
            return;
        };
        let mut emit = |piece: &[u8]| out.fact(&PAYLOAD, direction, Value::Bytes(piece));
        if !message.is_compressed {
            message.pieces.push(data, &mut emit);
            return;
        }
        if message.room == 0 {
            return;
        }
        let inflater = self.inflater.get_or_insert_default();
        let pieces = &mut message.pieces;
        let read = inflater.push(data, &mut message.room, &mut |plain| {
            pieces.push(plain, &mut emit);
        });
        if read.is_none() {
            message.room = 0;
            self.inflater = None;
        }
    }

    fn frame_ended(&mut self, frame: Frame, direction: Direction, out: &mut dyn Sink) {
        /// What a sender takes off the end of every compressed message, RFC 7692 §7.2.1.
        const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
        self.frame = None;
        if frame.is_control() || !frame.is_last {
            return;
        }
        if self.message.as_ref().is_some_and(|message| message.is_compressed) && out.wants_content() {
            self.gather(&TAIL, direction, out);
        }
        self.interrupt(direction, out);
        self.message = None;
        out.end_record();
    }

    /// States what there is of a message.
    fn interrupt(&mut self, direction: Direction, out: &mut dyn Sink) {
        if let Some(message) = &mut self.message {
            message.pieces.finish(&mut |piece| out.fact(&PAYLOAD, direction, Value::Bytes(piece)));
        }
    }
}

/// The server's answer, where the client's side was captured first: it is passed over.
fn handshake(rest: &[u8]) -> Result<Option<usize>, &'static str> {
    match memchr::memmem::find(rest, b"\r\n\r\n") {
        Some(end) => Ok(Some(end + 4)),
        None if rest.len() < HEAD_BYTES => Ok(None),
        None => Err("a handshake without end"),
    }
}
