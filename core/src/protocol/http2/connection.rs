//! Frame by frame: header blocks are put together, DATA goes to its stream, everything else is passed over.

use super::frame::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, HEADERS, PADDED, PREFACE, PRIORITY_FLAG,
    PUSH_PROMISE, RST_STREAM,
};
use super::hpack;
use super::stream::{Message, Stream, state_block};
use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits::{HEAD_BYTES, HTTP2_STREAMS};
use crate::protocol::{Parser, Progress, Sink, Unseen};

#[derive(Debug, Default)]
pub(super) struct Connection {
    /// The direction that requests go in.
    requests: Option<Direction>,
    sides: [Side; 2],
    /// In the order in which they were opened.
    streams: Vec<(u32, Stream)>,
}

/// What one direction is in the middle of.
#[derive(Debug, Default)]
struct Side {
    begun: bool,
    hpack: hpack::Decoder,
    /// A header block whose CONTINUATION is still to come, and the stream and flags it began with.
    block: Option<(Frame, Vec<u8>)>,
    payload: Payload,
}

/// What is left of a frame that is not waited for.
#[derive(Debug, Default, Clone, Copy)]
enum Payload {
    #[default]
    None,
    Skipped(u32),
    Data {
        stream: u32,
        left: u32,
        padding: u32,
        is_last: bool,
    },
}

enum Step {
    Taken(usize),
    /// So many bytes are needed.
    Wait(usize),
    Malformed(&'static str),
}

impl Parser for Connection {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let mut at = 0;
        loop {
            let rest = chunk.bytes.get(at..).unwrap_or_default();
            match self.step(chunk.direction, rest, out) {
                Step::Taken(count) => at += count,
                Step::Wait(_) if rest.is_empty() => return Progress::Consumed(at),
                Step::Wait(need) => return Progress::NeedMore { consumed: at, need },
                Step::Malformed(what) => return Progress::Malformed { what, at },
            }
        }
    }

    /// Only the middle of a frame can be lost; behind a lost header nothing tells where the next one stands.
    fn gap(&mut self, direction: Direction, missing: u64, out: &mut dyn Sink) -> Progress {
        out.unseen(Unseen::Truncated);
        let is_request = self.is_request(direction);
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        match &mut self.side(direction).payload {
            Payload::Skipped(left) if missing <= *left => *left -= missing,
            Payload::Data { stream, left, .. } if missing <= *left => {
                *left -= missing;
                let stream = *stream;
                if let Some(message) = self.message(stream, is_request) {
                    message.interrupt(out);
                }
            }
            _ => {
                self.finish(out);
                return Progress::Done;
            }
        }
        Progress::Consumed(0)
    }

    fn close(&mut self, _: &FlowKey, out: &mut dyn Sink) {
        self.finish(out);
    }
}

impl Connection {
    const fn side(&mut self, direction: Direction) -> &mut Side {
        let [one, other] = &mut self.sides;
        match direction {
            Direction::ToServer => one,
            Direction::ToClient => other,
        }
    }

    fn is_request(&self, direction: Direction) -> bool {
        self.requests.unwrap_or(Direction::ToServer) == direction
    }

    fn step(&mut self, direction: Direction, rest: &[u8], out: &mut dyn Sink) -> Step {
        if !self.side(direction).begun {
            return self.begin(direction, rest);
        }
        match self.side(direction).payload {
            Payload::None => self.frame(direction, rest, out),
            Payload::Skipped(0) => {
                self.side(direction).payload = Payload::None;
                Step::Taken(0)
            }
            _ if rest.is_empty() => Step::Wait(1),
            Payload::Skipped(left) => {
                let now = rest.len().min(left as usize);
                self.side(direction).payload = Payload::Skipped(left - now as u32);
                Step::Taken(now)
            }
            Payload::Data { stream, left, padding, is_last } => {
                let now = rest.get(..rest.len().min(left as usize)).unwrap_or_default();
                let left = left - now.len() as u32;
                self.data(direction, stream, now, out);
                self.side(direction).payload = Payload::Data { stream, left, padding, is_last };
                if left == 0 {
                    self.data_ended(direction, stream, padding, is_last, out);
                }
                Step::Taken(now.len())
            }
        }
    }

    /// The preface, if this side sends one.
    fn begin(&mut self, direction: Direction, rest: &[u8]) -> Step {
        let known = PREFACE.len().min(rest.len());
        if rest.get(..known) != PREFACE.get(..known) {
            self.side(direction).begun = true;
            return Step::Taken(0);
        }
        if known < PREFACE.len() {
            return Step::Wait(PREFACE.len());
        }
        self.requests = Some(direction);
        self.side(direction).begun = true;
        Step::Taken(known)
    }

    fn frame(&mut self, direction: Direction, rest: &[u8], out: &mut dyn Sink) -> Step {
        let Some(frame) = Frame::parse(rest) else {
            return Step::Wait(Frame::HEADER_BYTES);
        };
        if !frame.is_sane() {
            return Step::Malformed("a frame of a wrong size or stream");
        }
        let expects_continuation = self.side(direction).block.is_some();
        if expects_continuation != (frame.kind == CONTINUATION) {
            return Step::Malformed("a header block that is interrupted");
        }
        match frame.kind {
            HEADERS | PUSH_PROMISE | CONTINUATION => return self.block(direction, frame, rest, out),
            DATA => return self.begin_data(direction, frame, rest, out),
            RST_STREAM => self.close_stream(frame.stream, out),
            _ => {}
        }
        self.side(direction).payload = Payload::Skipped(frame.length);
        Step::Taken(Frame::HEADER_BYTES)
    }

    /// Takes a piece of a header block once it is there as a whole.
    fn block(&mut self, direction: Direction, frame: Frame, rest: &[u8], out: &mut dyn Sink) -> Step {
        let length = frame.length as usize;
        let side = self.side(direction);
        let known = side.block.as_ref().map_or(0, |(_, block)| block.len());
        if known.saturating_add(length) >= HEAD_BYTES {
            return Step::Malformed("a header block without end");
        }
        let whole = Frame::HEADER_BYTES + length;
        let Some(payload) = rest.get(Frame::HEADER_BYTES..whole) else {
            return Step::Wait(whole);
        };
        let Some(fragment) = fragment(&frame, payload) else {
            return Step::Malformed("more padding than there is");
        };
        let (first, block) = match side.block.take() {
            Some((first, _)) if first.stream != frame.stream => {
                return Step::Malformed("a header block that goes on in another stream");
            }
            Some((first, mut block)) => {
                block.extend_from_slice(fragment);
                (first, block)
            }
            None if frame.has(END_HEADERS) => {
                return match self.headers(direction, frame, fragment, out) {
                    Ok(()) => Step::Taken(whole),
                    Err(what) => Step::Malformed(what),
                };
            }
            None => (frame, fragment.to_vec()),
        };
        if !frame.has(END_HEADERS) {
            self.side(direction).block = Some((first, block));
            return Step::Taken(whole);
        }
        match self.headers(direction, first, &block, out) {
            Ok(()) => Step::Taken(whole),
            Err(what) => Step::Malformed(what),
        }
    }

    fn headers(
        &mut self,
        direction: Direction,
        frame: Frame,
        block: &[u8],
        out: &mut dyn Sink,
    ) -> Result<(), &'static str> {
        if frame.kind == PUSH_PROMISE {
            // The request that a server makes up for itself; only the tables matter.
            return self.side(direction).hpack.decode(block, &mut |_, _| {});
        }
        let expected = self.is_request(direction);
        let mut message = Message::default();
        let hpack = &mut self.side(direction).hpack;
        let is_request = state_block(hpack, block, expected, &mut message, out)?;
        if is_request != expected && self.requests.is_none() {
            self.requests = Some(if is_request { direction } else { direction.opposite() });
        }
        let stream = self.stream(frame.stream, out);
        let half = stream.half(is_request);
        if half.is_known() {
            // Trailers.
            half.finish(out);
        } else {
            message.is_request = is_request;
            *half = message;
        }
        if frame.has(END_STREAM) {
            self.end_half(frame.stream, is_request, out);
        }
        Ok(())
    }

    fn begin_data(&mut self, direction: Direction, frame: Frame, rest: &[u8], out: &mut dyn Sink) -> Step {
        let mut reader = Reader::new(rest);
        let mut padding = 0;
        let mut length = frame.length;
        let mut taken = Frame::HEADER_BYTES;
        if reader.skip(Frame::HEADER_BYTES).is_some() && frame.has(PADDED) {
            let Some(count) = reader.u8() else {
                return Step::Wait(Frame::HEADER_BYTES + 1);
            };
            padding = u32::from(count);
            taken += 1;
            let Some(data) = length.checked_sub(1 + padding) else {
                return Step::Malformed("more padding than there is");
            };
            length = data;
        }
        if length == 0 {
            self.data_ended(direction, frame.stream, padding, frame.has(END_STREAM), out);
        } else {
            self.side(direction).payload =
                Payload::Data { stream: frame.stream, left: length, padding, is_last: frame.has(END_STREAM) };
        }
        Step::Taken(taken)
    }

    fn data(&mut self, direction: Direction, id: u32, data: &[u8], out: &mut dyn Sink) {
        if !out.wants_content() {
            return;
        }
        let is_request = self.is_request(direction);
        let half = self.stream(id, out).half(is_request);
        half.is_request = is_request;
        half.push(data, out);
    }

    fn data_ended(&mut self, direction: Direction, id: u32, padding: u32, is_last: bool, out: &mut dyn Sink) {
        self.side(direction).payload = Payload::Skipped(padding);
        if is_last {
            self.end_half(id, self.is_request(direction), out);
        }
    }

    /// One side of a stream has said everything.
    fn end_half(&mut self, id: u32, is_request: bool, out: &mut dyn Sink) {
        let Some((_, stream)) = self.streams.iter_mut().find(|(known, _)| *known == id) else {
            return;
        };
        stream.half(is_request).finish(out);
        stream.half(is_request).is_over = true;
        if stream.is_over() {
            self.close_stream(id, out);
        }
    }

    fn close_stream(&mut self, id: u32, out: &mut dyn Sink) {
        if let Some(at) = self.streams.iter().position(|(known, _)| *known == id) {
            let (_, mut stream) = self.streams.remove(at);
            stream.finish(out);
        }
    }

    fn message(&mut self, id: u32, is_request: bool) -> Option<&mut Message> {
        let (_, stream) = self.streams.iter_mut().find(|(known, _)| *known == id)?;
        Some(stream.half(is_request))
    }

    /// The stream of that number; the oldest goes where there are too many.
    fn stream(&mut self, id: u32, out: &mut dyn Sink) -> &mut Stream {
        let at = match self.streams.iter().position(|(known, _)| *known == id) {
            Some(at) => at,
            None => {
                if self.streams.len() >= HTTP2_STREAMS {
                    let (_, mut oldest) = self.streams.remove(0);
                    oldest.finish(out);
                }
                self.streams.push((id, Stream::default()));
                self.streams.len() - 1
            }
        };
        &mut self.streams[at].1
    }

    fn finish(&mut self, out: &mut dyn Sink) {
        for (_, mut stream) in std::mem::take(&mut self.streams) {
            stream.finish(out);
        }
    }
}

/// The piece of a header block in a frame, RFC 9113 §6.2, §6.6 and §6.10.
fn fragment<'a>(frame: &Frame, payload: &'a [u8]) -> Option<&'a [u8]> {
    if frame.kind == CONTINUATION {
        return Some(payload);
    }
    let mut reader = Reader::new(payload);
    let padding = if frame.has(PADDED) { reader.u8()? } else { 0 };
    if frame.kind == PUSH_PROMISE {
        reader.skip(4)?;
    } else if frame.has(PRIORITY_FLAG) {
        reader.skip(5)?;
    }
    let length = reader.remaining().checked_sub(padding.into())?;
    reader.take(length)
}
