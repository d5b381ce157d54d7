//! The two directions of a connection, message by message.

mod message;

use std::collections::VecDeque;

use self::message::{Message, Role};
use super::framing::{Anomaly, Body, Chunked, Switch, chunk_size};
use super::lines::{Line, RequestLine, StatusLine};
use super::{CONNECT, FIELDS, VERSION, probe_request};
use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits::{HEAD_BYTES, LINE_BYTES, PIPELINED_REQUESTS};
use crate::protocol::{Parser, Probe, Progress, Sink, Unseen, Value};

#[derive(Debug, Default)]
pub(super) struct Connection {
    /// The direction that requests go in.
    requests: Option<Direction>,
    sides: [Message; 2],
    /// Requests that wait for their response, oldest first.
    asked: VecDeque<Asked>,
}

/// What a response to a request means that its own head does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Plain,
    Head,
    Connect,
    Upgrade(Switch),
}

/// Where a side is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Start,
    Fields,
    Body(Body),
    /// Behind bytes that make no sense; until a start line is found again.
    Lost,
}

enum Step {
    Taken(usize),
    Wait,
    /// Another protocol begins behind so many bytes.
    Switch(Switch, usize),
    Malformed(&'static str),
}

impl Parser for Connection {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let Some(role) = self.role(chunk) else {
            return Progress::NeedMore { consumed: 0, need: chunk.bytes.len() + 1 };
        };
        let mut at = 0;
        loop {
            let rest = chunk.bytes.get(at..).unwrap_or_default();
            match self.step(role, rest, out) {
                Step::Taken(count) => at += count,
                Step::Wait if rest.is_empty() => return Progress::Consumed(at),
                Step::Wait => {
                    return Progress::NeedMore { consumed: at, need: rest.len() + 1 };
                }
                Step::Switch(switch, count) => return switched(switch, at + count),
                Step::Malformed(what) => return Progress::Malformed { what, at },
            }
        }
    }

    fn gap(&mut self, direction: Direction, missing: u64, out: &mut dyn Sink) -> Progress {
        out.unseen(Unseen::Truncated);
        let requests = *self.requests.get_or_insert(Direction::ToServer);
        let role = Role::of(direction, requests);
        let side = self.side(role);
        side.lines = super::lines::Lines::default();
        side.body_bytes = side.body_bytes.saturating_add(missing);
        match side.state {
            State::Body(Body::Length(left)) if missing <= left => {
                side.interrupt(role, out);
                side.state = State::Body(Body::Length(left - missing));
            }
            State::Body(Body::Chunked(Chunked::Data(left))) if missing <= left => {
                side.interrupt(role, out);
                side.state = State::Body(Body::Chunked(Chunked::Data(left - missing)));
            }
            State::Body(Body::UntilClose) => side.interrupt(role, out),
            State::Start | State::Lost => {
                side.end_content(role, out);
                side.state = State::Lost;
            }
            State::Fields | State::Body(_) => {
                self.finish(role, out);
                self.side(role).state = State::Lost;
            }
        }
        Progress::Consumed(0)
    }

    fn close(&mut self, _: &FlowKey, out: &mut dyn Sink) {
        for role in [Role::Request, Role::Response] {
            if matches!(self.side(role).state, State::Fields | State::Body(_)) {
                self.finish(role, out);
            }
            self.side(role).end_content(role, out);
        }
    }
}

impl Connection {
    /// Whether requests or responses come this way. Without a start line to tell, the flow's own idea is believed.
    fn role(&mut self, chunk: Chunk<'_>) -> Option<Role> {
        if let Some(requests) = self.requests {
            return Some(Role::of(chunk.direction, requests));
        }
        let start = chunk.bytes.trim_ascii_start();
        let known = VERSION.len().min(start.len());
        let requests = if start.get(..known) != VERSION.get(..known) {
            match probe_request(start) {
                Probe::Match => chunk.direction,
                Probe::NeedMore => return None,
                Probe::Mismatch => Direction::ToServer,
            }
        } else if known == VERSION.len() {
            chunk.direction.opposite()
        } else {
            return None;
        };
        self.requests = Some(requests);
        Some(Role::of(chunk.direction, requests))
    }

    fn side(&mut self, role: Role) -> &mut Message {
        let [request, response] = &mut self.sides;
        match role {
            Role::Request => request,
            Role::Response => response,
        }
    }

    fn step(&mut self, role: Role, rest: &[u8], out: &mut dyn Sink) -> Step {
        match self.side(role).state {
            State::Body(body) => self.body(role, body, rest, out),
            _ if rest.is_empty() => Step::Wait,
            State::Start => self.start(role, rest, out),
            State::Fields => self.field(role, rest, out),
            State::Lost => self.search(role, rest, out),
        }
    }

    fn start(&mut self, role: Role, rest: &[u8], out: &mut dyn Sink) -> Step {
        if let (Role::Request, Some(switch)) = (role, self.unanswered_switch()) {
            // Only one side may be captured: what follows shows whether the server agreed.
            match probe_request(rest) {
                Probe::Match => {}
                Probe::NeedMore => return Step::Wait,
                Probe::Mismatch if rest.starts_with(b"\r") || rest.starts_with(b"\n") => {}
                Probe::Mismatch => return Step::Switch(switch, 0),
            }
        }
        let Some(line) = self.side(role).lines.line(rest) else {
            return match rest.len() {
                HEAD_BYTES.. => Step::Malformed("a start line without end"),
                _ => Step::Wait,
            };
        };
        if !line.text.is_empty() && !self.start_line(role, line.text, out) {
            if role == Role::Request && rest.starts_with(b"PRI * HTTP/2.0") {
                return Step::Switch(Switch::Http2, 0);
            }
            self.side(role).begin(State::Lost);
            return Step::Taken(0);
        }
        Step::Taken(line.len)
    }

    /// Begins a message, if this is its first line.
    fn start_line(&mut self, role: Role, line: &[u8], out: &mut dyn Sink) -> bool {
        match role {
            Role::Request => match RequestLine::parse(line, VERSION) {
                Some(line) => {
                    self.side(role).begin(State::Fields);
                    self.side(role).state_request_line(&line, out);
                    true
                }
                None => false,
            },
            Role::Response => match StatusLine::parse(line, VERSION) {
                Some(parsed) => {
                    let side = self.side(role);
                    side.begin(State::Fields);
                    side.status = parsed.status;
                    side.established = says_established(line);
                    // An interim response is not what the request is answered with.
                    if !matches!(parsed.status, 100 | 102..=199) {
                        let status = Value::Number(parsed.status.into());
                        out.fact(&FIELDS.status, Direction::ToClient, status);
                    }
                    true
                }
                None => false,
            },
        }
    }

    fn field(&mut self, role: Role, rest: &[u8], out: &mut dyn Sink) -> Step {
        let side = self.side(role);
        let line = side.lines.field(rest);
        let end = line.map_or(rest.len(), |line| line.len);
        if side.head_bytes.saturating_add(end) >= HEAD_BYTES {
            return Step::Malformed("a head without end");
        }
        let Some(Line { text, len }) = line else {
            return Step::Wait;
        };
        side.head_bytes += len;
        if !text.is_empty() {
            side.state_field(role, text, out);
            return Step::Taken(len);
        }
        match role {
            Role::Request => {
                self.request_head_ended(out);
                Step::Taken(len)
            }
            Role::Response => match self.response_head_ended(out) {
                Some(switch) => Step::Switch(switch, len),
                None => Step::Taken(len),
            },
        }
    }

    fn request_head_ended(&mut self, out: &mut dyn Sink) {
        let side = self.side(Role::Request);
        side.check_head(out);
        out.end_record();
        side.state = State::Body(side.framing.request_body());
        let asked = if side.is_connect {
            side.state = State::Start;
            Asked::Connect
        } else if let Some(switch) = side.framing.upgrade {
            Asked::Upgrade(switch)
        } else if side.is_head {
            Asked::Head
        } else {
            Asked::Plain
        };
        if self.asked.len() < PIPELINED_REQUESTS {
            self.asked.push_back(asked);
        }
    }

    /// Answers with what is spoken from here on, if it is something else.
    fn response_head_ended(&mut self, out: &mut dyn Sink) -> Option<Switch> {
        let side = self.side(Role::Response);
        side.check_head(out);
        let (status, upgrade) = (side.status, side.framing.upgrade);
        let (body, established) = (side.framing.response_body(), side.established);
        if matches!(status, 100 | 102..=199) {
            side.state = State::Start;
            return None;
        }
        let asked = self.asked.pop_front();
        let switch = match asked {
            Some(Asked::Connect) if (200..300).contains(&status) => Some(Switch::Tunnel),
            // The request was not captured, but the proxy says what it was.
            None if status == 200 && established && body == Body::UntilClose => {
                out.refine(CONNECT);
                Some(Switch::Tunnel)
            }
            Some(Asked::Upgrade(switch)) if status == 101 => Some(upgrade.unwrap_or(switch)),
            _ if status == 101 => Some(upgrade.unwrap_or(Switch::Tunnel)),
            _ => None,
        };
        if switch.is_some() {
            out.end_record();
            return switch;
        }
        let is_empty = asked == Some(Asked::Head) || matches!(status, 204 | 304);
        self.side(Role::Response).state = State::Body(if is_empty { Body::Length(0) } else { body });
        None
    }

    /// CONNECT or Upgrade was the last thing asked for.
    fn unanswered_switch(&self) -> Option<Switch> {
        match self.asked.back()? {
            Asked::Connect => Some(Switch::Tunnel),
            Asked::Upgrade(switch) => Some(*switch),
            Asked::Plain | Asked::Head => None,
        }
    }

    fn body(&mut self, role: Role, body: Body, rest: &[u8], out: &mut dyn Sink) -> Step {
        match body {
            Body::Length(0) => {
                self.finish(role, out);
                return Step::Taken(0);
            }
            _ if rest.is_empty() => return Step::Wait,
            Body::Length(left) => {
                let now = rest.get(..at_most(left, rest.len())).unwrap_or_default();
                let side = self.side(role);
                if !side.take_whole(role, left, now, out) {
                    side.gather(role, now, out);
                }
                side.state = State::Body(Body::Length(left - now.len() as u64));
                return Step::Taken(now.len());
            }
            Body::UntilClose => {
                self.side(role).gather(role, rest, out);
                return Step::Taken(rest.len());
            }
            Body::Chunked(Chunked::Data(left)) if left > 0 => {
                let now = rest.get(..at_most(left, rest.len())).unwrap_or_default();
                let side = self.side(role);
                side.gather(role, now, out);
                side.state = State::Body(Body::Chunked(Chunked::Data(left - now.len() as u64)));
                return Step::Taken(now.len());
            }
            Body::Chunked(_) => {}
        }
        self.chunked_line(role, body, rest, out)
    }

    /// The lines between the data of a chunked body.
    fn chunked_line(&mut self, role: Role, body: Body, rest: &[u8], out: &mut dyn Sink) -> Step {
        let side = self.side(role);
        if body == Body::Chunked(Chunked::Trailers) {
            let line = side.lines.field(rest);
            let end = line.map_or(rest.len(), |line| line.len);
            if side.head_bytes.saturating_add(end) >= HEAD_BYTES {
                return Step::Malformed("trailers without end");
            }
            let Some(Line { text, len }) = line else {
                return Step::Wait;
            };
            side.head_bytes += len;
            if text.is_empty() {
                self.finish(role, out);
            } else {
                side.state_trailer(role, text, out);
            }
            return Step::Taken(len);
        }
        let line = side.lines.line(rest);
        if line.is_none() && rest.len() < LINE_BYTES && body == Body::Chunked(Chunked::Size) {
            return Step::Wait;
        }
        let next = match (body, line) {
            (Body::Chunked(Chunked::Size), Some(line)) => chunk_size(line.text).map(|size| match size {
                0 => (Chunked::Trailers, line.len),
                _ => (Chunked::Data(size), line.len),
            }),
            (_, Some(line)) if line.text.is_empty() => Some((Chunked::Size, line.len)),
            (_, None) if rest == b"\r" => return Step::Wait,
            _ => None,
        };
        match next {
            Some((next, len)) => {
                side.state = State::Body(Body::Chunked(next));
                Step::Taken(len)
            }
            // Whatever follows is taken for content: nothing tells where the next message begins.
            None => {
                side.lines = super::lines::Lines::default();
                side.state = State::Body(Body::UntilClose);
                side.note(Anomaly::BadChunk, out);
                Step::Taken(0)
            }
        }
    }

    /// The message is complete, or what was seen of it.
    fn finish(&mut self, role: Role, out: &mut dyn Sink) {
        let side = self.side(role);
        side.end_content(role, out);
        let has_head = matches!(side.state, State::Body(_));
        if role == Role::Response && has_head {
            let length = Value::Number(side.body_bytes);
            out.fact(&FIELDS.length, Direction::ToClient, length);
        }
        if role == Role::Response || !has_head {
            out.end_record();
        }
        side.begin(State::Start);
    }

    /// Looks for the next start line. What a client sends until then may still be personal.
    fn search(&mut self, role: Role, rest: &[u8], out: &mut dyn Sink) -> Step {
        let side = self.side(role);
        let (text, len) = match side.lines.line(rest) {
            Some(line) => (line.text, line.len),
            None if rest.len() < LINE_BYTES => return Step::Wait,
            None => {
                side.lines = super::lines::Lines::default();
                (rest.get(..LINE_BYTES).unwrap_or_default(), LINE_BYTES.min(rest.len()))
            }
        };
        let start = match role {
            Role::Request => RequestLine::parse(text, VERSION).map(|_| 0),
            // A body may end in the middle of the line.
            Role::Response => memchr::memmem::rfind(text, VERSION)
                .filter(|at| StatusLine::parse(text.get(*at..).unwrap_or_default(), VERSION).is_some()),
        };
        let Some(start) = start else {
            if role == Role::Request {
                side.gather(role, rest.get(..len).unwrap_or_default(), out);
            }
            return Step::Taken(len);
        };
        side.end_content(role, out);
        side.begin(State::Start);
        Step::Taken(start)
    }
}

/// What proxies answer a CONNECT with.
fn says_established(line: &[u8]) -> bool {
    const REASON: &[u8] = b" connection established";
    line.len()
        .checked_sub(REASON.len())
        .and_then(|at| line.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(REASON))
}

fn switched(switch: Switch, consumed: usize) -> Progress {
    match switch {
        Switch::WebSocket => Progress::Become { protocol: "websocket", consumed },
        Switch::Http2 => Progress::Become { protocol: "http2", consumed },
        Switch::Tunnel => Progress::Carries { consumed },
    }
}

fn at_most(left: u64, len: usize) -> usize {
    usize::try_from(left).map_or(len, |left| left.min(len))
}
