//! Messages of a start line, header fields and a body behind a `Content-Length`, as RTSP and SIP send them.

use memchr::memchr;

use super::content::Pieces;
use super::lines::{HeaderField, Lines, RequestLine, StatusLine, decimal, is_method};
use crate::flow::{Direction, FlowKey};
use crate::limits::{BODY_BYTES, HEAD_BYTES, HEADER_FIELDS};
use crate::protocol::{Probe, Progress, Sink};

/// Where a message is read, and where its facts go.
pub(in crate::protocol) struct Context<'a> {
    pub(in crate::protocol) flow: &'a FlowKey,
    pub(in crate::protocol) direction: Direction,
    pub(in crate::protocol) out: &'a mut dyn Sink,
}

/// What a protocol makes of the parts of a message.
pub(in crate::protocol) trait Reader {
    /// The first line. `false` if it cannot be one.
    fn start_line(&mut self, line: &[u8], context: &mut Context<'_>) -> bool;

    fn field(&mut self, field: &HeaderField<'_>, context: &mut Context<'_>);

    fn head_ended(&mut self, context: &mut Context<'_>);

    /// A piece of the body; bodies of up to [`BODY_BYTES`] come as a whole.
    fn body(&mut self, body: &[u8], context: &mut Context<'_>);

    fn ended(&mut self, context: &mut Context<'_>) {
        let _ = context;
    }

    /// Something that may stand between messages: its length as a whole, once that can be told.
    fn between(&self, bytes: &[u8]) -> Between {
        let _ = bytes;
        Between::Nothing
    }

    /// The one-letter name of `Content-Length`, if the protocol has it.
    fn short_length(&self) -> &'static [u8] {
        b""
    }
}

/// What the first bytes say about a protocol whose start lines hold its version and whose targets are URLs of its schemes.
pub(in crate::protocol) fn probe(bytes: &[u8], versions: &[&[u8]], schemes: &[&[u8]]) -> Probe {
    /// Longer first lines are possible, but then the scheme has been seen.
    const LONGEST: usize = 1024;
    let line = memchr(b'\n', bytes).and_then(|end| bytes.get(..end));
    let text = line.unwrap_or(bytes);
    let is_start = versions.iter().any(|version| {
        RequestLine::parse(text, version).is_some() || StatusLine::parse(text, version).is_some()
    });
    if let Some(line) = line {
        return if is_start && !line.is_empty() { Probe::Match } else { Probe::Mismatch };
    }
    let is_prefix_of_version = versions.iter().any(|version| {
        let known = version.len().min(text.len());
        text.get(..known) == version.get(..known)
    });
    if is_prefix_of_version {
        return if is_start && text.len() > b"XXXX/1.0 200".len() { Probe::Match } else { Probe::NeedMore };
    }
    let space = memchr(b' ', text);
    let method = text.get(..space.unwrap_or(text.len())).unwrap_or_default();
    let target = space.and_then(|at| text.get(at + 1..)).unwrap_or_default();
    // The line feed may be on its way already.
    let target = target.strip_suffix(b"\r").unwrap_or(target);
    if !(text.is_empty()
        || is_method(method) && method.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_'))
    {
        return Probe::Mismatch;
    }
    let has_scheme =
        |scheme: &&[u8]| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if schemes.iter().any(has_scheme) {
        return Probe::Match;
    }
    if text.len() > LONGEST || target.iter().any(u8::is_ascii_control) {
        return Probe::Mismatch;
    }
    Probe::NeedMore
}

/// What stands in front of a message.
pub(in crate::protocol) enum Between {
    Nothing,
    NeedsMore,
    /// So many bytes that are passed over.
    Skip(u64),
}

/// One direction's messages.
#[derive(Debug, Default)]
pub(in crate::protocol) struct Messages<R> {
    reader: R,
    lines: Lines,
    state: State,
    head_bytes: usize,
    fields: u16,
    length: Option<u64>,
    pieces: Option<Pieces>,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Start,
    Fields,
    Body(u64),
    Skip(u64),
}

enum Step {
    Taken(usize),
    Wait,
    Malformed(&'static str),
}

impl<R: Reader> Messages<R> {
    pub(in crate::protocol) fn feed(&mut self, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            match self.step(rest, context) {
                Step::Taken(count) => at += count,
                Step::Wait if rest.is_empty() => return Progress::Consumed(at),
                Step::Wait => {
                    return Progress::NeedMore { consumed: at, need: rest.len() + 1 };
                }
                Step::Malformed(what) => return Progress::Malformed { what, at },
            }
        }
    }

    /// A datagram is one message; a body without a length goes to its end (RFC 3261 §18.3).
    pub(in crate::protocol) fn feed_datagram(&mut self, bytes: &[u8], context: &mut Context<'_>) -> Progress
    where
        R: Default,
    {
        *self = Self::default();
        let mut at = 0;
        while let Some(rest) = bytes.get(at..) {
            match self.step(rest, context) {
                Step::Taken(count) => at += count,
                Step::Wait => {
                    // The last field, where nothing follows to tell that it is complete.
                    if matches!(self.state, State::Fields) {
                        self.state_field(rest, context);
                    }
                    break;
                }
                Step::Malformed(what) => return Progress::Malformed { what, at },
            }
            if matches!(self.state, State::Body(0)) && self.length.is_none() {
                let body = bytes.get(at..).unwrap_or_default();
                self.state = State::Body(body.len() as u64);
                self.length = Some(body.len() as u64);
            }
        }
        self.close(context);
        Progress::Consumed(bytes.len())
    }

    /// Bytes are missing; only a body can do without.
    pub(in crate::protocol) fn gap(&mut self, missing: u64) -> bool {
        let (State::Body(left) | State::Skip(left)) = &mut self.state else {
            return false;
        };
        let is_inside = missing <= *left;
        *left = left.saturating_sub(missing);
        is_inside
    }

    /// States what there is of an unfinished message.
    pub(in crate::protocol) fn close(&mut self, context: &mut Context<'_>) {
        match self.state {
            State::Body(_) => self.finish(context),
            State::Fields => {
                self.reader.head_ended(context);
                self.finish(context);
            }
            State::Start | State::Skip(_) => {}
        }
    }

    fn step(&mut self, rest: &[u8], context: &mut Context<'_>) -> Step {
        match self.state {
            State::Body(0) => {
                self.finish(context);
                Step::Taken(0)
            }
            State::Skip(0) => {
                self.state = State::Start;
                Step::Taken(0)
            }
            _ if rest.is_empty() => Step::Wait,
            State::Start => self.start(rest, context),
            State::Fields => self.field(rest, context),
            State::Body(left) => {
                let now = rest.get(..at_most(left, rest.len())).unwrap_or_default();
                self.state = State::Body(left - now.len() as u64);
                self.gather(now, context);
                Step::Taken(now.len())
            }
            State::Skip(left) => {
                let count = at_most(left, rest.len());
                self.state = State::Skip(left - count as u64);
                Step::Taken(count)
            }
        }
    }

    fn start(&mut self, rest: &[u8], context: &mut Context<'_>) -> Step {
        match self.reader.between(rest) {
            Between::Nothing => {}
            Between::NeedsMore => return Step::Wait,
            Between::Skip(count) => {
                self.state = State::Skip(count);
                return Step::Taken(0);
            }
        }
        let Some(line) = self.lines.line(rest) else {
            return too_long_or_wait(rest.len());
        };
        if line.text.is_empty() {
            return Step::Taken(line.len);
        }
        if !self.reader.start_line(line.text, context) {
            return Step::Malformed("a first line of something else");
        }
        self.state = State::Fields;
        self.head_bytes = line.len;
        self.fields = 0;
        self.length = None;
        Step::Taken(line.len)
    }

    fn field(&mut self, rest: &[u8], context: &mut Context<'_>) -> Step {
        let line = self.lines.field(rest);
        let end = line.map_or(rest.len(), |line| line.len);
        if self.head_bytes.saturating_add(end) >= HEAD_BYTES {
            return too_long_or_wait(HEAD_BYTES);
        }
        let Some(line) = line else {
            return Step::Wait;
        };
        self.head_bytes += line.len;
        if line.text.is_empty() {
            self.reader.head_ended(context);
            self.state = State::Body(self.length.unwrap_or(0));
            return Step::Taken(line.len);
        }
        self.state_field(line.text, context);
        Step::Taken(line.len)
    }

    fn state_field(&mut self, text: &[u8], context: &mut Context<'_>) {
        let Some(field) = HeaderField::parse(text) else {
            return;
        };
        let short = self.reader.short_length();
        if field.is(b"content-length") || (!short.is_empty() && field.is(short)) {
            self.length = decimal(&field.value);
        }
        if self.fields < HEADER_FIELDS {
            self.fields += 1;
            self.reader.field(&field, context);
        }
    }

    fn gather(&mut self, data: &[u8], context: &mut Context<'_>) {
        let pieces = self.pieces.get_or_insert_with(|| Pieces::new(BODY_BYTES));
        let reader = &mut self.reader;
        pieces.push(data, &mut |piece| reader.body(piece, context));
    }

    fn finish(&mut self, context: &mut Context<'_>) {
        if let Some(mut pieces) = self.pieces.take() {
            let reader = &mut self.reader;
            pieces.finish(&mut |piece| reader.body(piece, context));
        }
        self.reader.ended(context);
        context.out.end_record();
        self.state = State::Start;
    }
}

const fn too_long_or_wait(len: usize) -> Step {
    if len >= HEAD_BYTES { Step::Malformed("a head without end") } else { Step::Wait }
}

fn at_most(left: u64, len: usize) -> usize {
    usize::try_from(left).map_or(len, |left| left.min(len))
}
