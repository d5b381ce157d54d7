//! One direction's message in progress: what its head said, and how far its body is.

use super::State;
use crate::flow::Direction;
use crate::limits::{BODY_BYTES, HEADER_FIELDS, REQUEST_BODY_BYTES};
use crate::protocol::http::authority::{Authority, authority_of_url};
use crate::protocol::http::content::Content;
use crate::protocol::http::framing::{Anomalies, Anomaly, Framing};
use crate::protocol::http::lines::{HeaderField, Lines, RequestLine};
use crate::protocol::http::{CONNECT, FIELDS};
use crate::protocol::{Field, Sink, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Request,
    Response,
}

impl Role {
    pub(super) fn of(direction: Direction, requests: Direction) -> Self {
        if direction == requests { Self::Request } else { Self::Response }
    }

    const fn direction(self) -> Direction {
        match self {
            Self::Request => Direction::ToServer,
            Self::Response => Direction::ToClient,
        }
    }

    fn body(self) -> &'static Field {
        match self {
            Self::Request => &FIELDS.request_body,
            Self::Response => &FIELDS.response_body,
        }
    }

    /// How much of a decoded body is looked at.
    const fn cap(self) -> usize {
        match self {
            Self::Request => REQUEST_BODY_BYTES,
            Self::Response => BODY_BYTES,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) lines: Lines,
    pub(super) state: State,
    pub(super) framing: Framing,
    pub(super) head_bytes: usize,
    /// Bytes of the body so far, out of their chunks.
    pub(super) body_bytes: u64,
    pub(super) is_head: bool,
    pub(super) is_connect: bool,
    /// Of a response, and whether it says `Connection established`.
    pub(super) status: u16,
    pub(super) established: bool,
    /// RFC 9112 §3.2: HTTP/1.1 requires a Host.
    needs_host: bool,
    has_host: bool,
    /// The host of an absolute target, to hold the Host against.
    target_host: Option<Box<[u8]>>,
    fields: u16,
    anomalies: Anomalies,
    reading: Reading,
}

/// What is done with the bytes of a body.
#[derive(Debug, Default)]
enum Reading {
    #[default]
    Untouched,
    Gathering(Box<Content>),
    Skipping,
}

impl Message {
    /// Forgets the message before.
    pub(super) fn begin(&mut self, state: State) {
        let lines = std::mem::take(&mut self.lines);
        *self = Self { lines, state, ..Self::default() };
    }

    pub(super) fn note(&mut self, anomaly: Anomaly, out: &mut dyn Sink) {
        if self.anomalies.note(anomaly) {
            let role = if self.status == 0 { Role::Request } else { Role::Response };
            out.fact(&FIELDS.anomaly, role.direction(), Value::Text(anomaly.name()));
        }
    }

    pub(super) fn state_request_line(&mut self, line: &RequestLine<'_>, out: &mut dyn Sink) {
        let mut state = |field, value| out.fact(field, Direction::ToServer, Value::Bytes(value));
        state(&FIELDS.method, line.method);
        state(&FIELDS.target, line.target);
        state(&FIELDS.version, line.version);
        if out.wants_content() {
            out.fact(&FIELDS.query, Direction::ToServer, Value::Bytes(line.target));
        }
        self.is_head = line.method == b"HEAD";
        self.is_connect = line.method == b"CONNECT";
        self.needs_host = line.version != b"HTTP/1.0" && !self.is_connect;
        let authority = if self.is_connect {
            out.refine(CONNECT);
            Some(line.target)
        } else {
            authority_of_url(line.target)
        };
        let Some(text) = authority else {
            return;
        };
        match Authority::parse(text) {
            Some(authority) => {
                authority.state_host(&FIELDS.host, out);
                authority.state_login(&FIELDS.login, out);
                self.target_host = Some(authority.name().into());
            }
            None => self.note(Anomaly::BadHost, out),
        }
    }

    /// Reads one header field of the head.
    pub(super) fn state_field(&mut self, role: Role, line: &[u8], out: &mut dyn Sink) {
        let Some(field) = HeaderField::parse(line) else {
            self.note(Anomaly::HeaderWithoutColon, out);
            self.state_header(role, line, b"", out);
            return;
        };
        if field.spaced {
            self.note(Anomaly::SpaceBeforeColon, out);
        }
        if field.is_folded() {
            self.note(Anomaly::FoldedHeader, out);
        }
        if memchr::memchr2(0, b'\r', line).is_some_and(|at| line.get(at..at + 2) != Some(b"\r\n")) {
            self.note(Anomaly::ControlInHeader, out);
        }
        if let Some(anomaly) = self.framing.note(&field) {
            self.note(anomaly, out);
        }
        if role == Role::Request && field.is(b"host") {
            self.state_host(&field.value, out);
        } else {
            self.state_header(role, field.name, &field.value, out);
        }
    }

    /// Reads a field behind a chunked body, which says nothing about the message's framing any more.
    pub(super) fn state_trailer(&mut self, role: Role, line: &[u8], out: &mut dyn Sink) {
        if let Some(field) = HeaderField::parse(line) {
            self.state_header(role, field.name, &field.value, out);
        }
    }

    fn state_header(&mut self, role: Role, name: &[u8], value: &[u8], out: &mut dyn Sink) {
        if self.fields >= HEADER_FIELDS {
            return;
        }
        self.fields += 1;
        match role {
            Role::Request => FIELDS.state_request_header(name, value, out),
            Role::Response => FIELDS.state_response_header(name, value, out),
        }
    }

    /// RFC 9112 §3.2.2: the authority of an absolute target is believed before `Host`.
    fn state_host(&mut self, value: &[u8], out: &mut dyn Sink) {
        if std::mem::replace(&mut self.has_host, true) {
            self.note(Anomaly::DuplicateHost, out);
            return;
        }
        let authority = Authority::parse(value);
        let is_odd = authority.as_ref().map_or(!value.is_empty(), |host| host.user_info.is_some());
        if is_odd {
            self.note(Anomaly::BadHost, out);
        }
        match (&self.target_host, authority) {
            (Some(host), Some(authority)) if **host != *authority.name() => {
                self.note(Anomaly::HostDiffersFromUri, out);
            }
            (None, Some(authority)) => authority.state_host(&FIELDS.host, out),
            _ => {}
        }
    }

    /// The head is complete.
    pub(super) fn check_head(&mut self, out: &mut dyn Sink) {
        if let Some(anomaly) = self.framing.anomaly() {
            self.note(anomaly, out);
        }
        if self.needs_host && !self.has_host {
            self.note(Anomaly::MissingHost, out);
        }
    }

    /// Hands a body on without copying it, if all that is looked at of it is here and not coded. `left` bytes of the body
    /// were to come before `now`.
    pub(super) fn take_whole(&mut self, role: Role, left: u64, now: &[u8], out: &mut dyn Sink) -> bool {
        if !matches!(self.reading, Reading::Untouched) || !self.framing.codings.is_identity() {
            return false;
        }
        let wanted = match role {
            Role::Request if left > BODY_BYTES as u64 => return false,
            _ => super::at_most(left, BODY_BYTES),
        };
        let Some(whole) = now.get(..wanted) else {
            return false;
        };
        if out.wants(role.body()) {
            out.fact(role.body(), role.direction(), Value::Bytes(whole));
        }
        self.reading = Reading::Skipping;
        self.body_bytes = self.body_bytes.saturating_add(now.len() as u64);
        true
    }

    /// Takes bytes of the body.
    pub(super) fn gather(&mut self, role: Role, data: &[u8], out: &mut dyn Sink) {
        self.body_bytes = self.body_bytes.saturating_add(data.len() as u64);
        if matches!(self.reading, Reading::Untouched) {
            self.reading = if out.wants(role.body()) {
                Reading::Gathering(Box::new(Content::new(self.framing.codings, role.cap())))
            } else {
                Reading::Skipping
            };
        }
        let Reading::Gathering(content) = &mut self.reading else {
            return;
        };
        content.push(data, &mut |piece| {
            out.fact(role.body(), role.direction(), Value::Bytes(piece));
        });
        if content.is_full() {
            self.end_content(role, out);
            self.reading = Reading::Skipping;
        }
    }

    /// States the last piece of the body.
    pub(super) fn end_content(&mut self, role: Role, out: &mut dyn Sink) {
        if let Reading::Gathering(content) = &mut self.reading {
            content.finish(&mut |piece| {
                out.fact(role.body(), role.direction(), Value::Bytes(piece));
            });
        }
    }

    /// Bytes of the body are missing. A coding cannot be undone behind them.
    pub(super) fn interrupt(&mut self, role: Role, out: &mut dyn Sink) {
        self.end_content(role, out);
        if !self.framing.codings.is_identity() {
            self.reading = Reading::Skipping;
        }
    }
}
