//! HTTP/1.x, RFC 9110 and RFC 9112.
//!
//! Read are heads (with what servers forgive: LF alone, folded fields, white space), bodies in every framing, content
//! codings gzip, deflate and br up to a cap, logins, and pipelined messages without end. `Upgrade: websocket` and `h2c`
//! hand over to those protocols at the exact byte; what CONNECT opens is probed anew. HTTP/0.9 is not read: nothing in it
//! tells it from other text. Facts about requests are always told as going to the server, even where a capture that
//! begins in the middle has the flow the other way round.

pub(super) mod auth;
pub(super) mod authority;
mod connection;
pub(super) mod content;
mod framing;
pub(super) mod lines;
pub(super) mod messages;
pub(super) mod semantics;

use super::{Field, FirstByte, Opening, Parser, Probe, Protocol};
use crate::flow::Direction;
use crate::packet::Transport;

use self::lines::{RequestLine, StatusLine, is_method};
use self::semantics::Fields;

/// HTTP/1.0 and HTTP/1.1 are read alike.
const VERSION: &[u8] = b"HTTP/1.";
const CONNECT: &str = "http-connect";

static FIELDS: Fields = semantics::fields!("http");
static ALL_FIELDS: [&Field; 22] = FIELDS.all();

/// HTTP/1.x.
#[derive(Debug)]
pub(super) struct Http;

pub(super) static PROTOCOL: Http = Http;

impl Protocol for Http {
    fn name(&self) -> &'static str {
        "http"
    }

    fn about(&self) -> &'static str {
        "Hypertext Transfer Protocol 1.x (RFC 9112)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[80, 8080, 8000, 8008, 3128, 8888, 591]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"GPHDOCTMNUSRLABEFIJKQVWXYZabcdefghijklmnopqrstuvwxyz\r\n")
    }

    fn variants(&self) -> &'static [&'static str] {
        &[CONNECT]
    }

    fn fields(&self) -> &'static [&'static Field] {
        &ALL_FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        match [opening.to_server, opening.to_client].map(probe_message) {
            [Probe::Match, _] | [_, Probe::Match] => Probe::Match,
            // A side that has not spoken proves nothing.
            [Probe::NeedMore, Probe::Mismatch] if !opening.to_server.is_empty() => Probe::NeedMore,
            [Probe::Mismatch, Probe::NeedMore] if !opening.to_client.is_empty() => Probe::NeedMore,
            [Probe::NeedMore, Probe::NeedMore] => Probe::NeedMore,
            _ => Probe::Mismatch,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<connection::Connection>::default()
    }
}

/// Methods with a target that is a path or a URL, and which no protocol of the family uses with its own version.
static METHODS: &[&[u8]] = &[
    b"GET",
    b"POST",
    b"HEAD",
    b"PUT",
    b"DELETE",
    b"PATCH",
    b"TRACE",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"REPORT",
    b"MKCALENDAR",
    b"SEARCH",
];

fn probe_message(bytes: &[u8]) -> Probe {
    let start = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    match bytes.get(start..) {
        // More than a stray line end or two in front is not what clients do.
        _ if start > 8 => Probe::Mismatch,
        None | Some([]) => Probe::NeedMore,
        Some(line) => match probe_response(line) {
            Probe::Mismatch => probe_request(line),
            verdict => verdict,
        },
    }
}

fn probe_response(bytes: &[u8]) -> Probe {
    /// `HTTP/1.1 200`, and the byte behind it.
    const ENOUGH: usize = 13;
    let known = VERSION.len().min(bytes.len());
    if bytes.get(..known) != VERSION.get(..known) {
        return Probe::Mismatch;
    }
    let line = first_line(bytes);
    match StatusLine::parse(line.unwrap_or(bytes), VERSION) {
        Some(_) if line.is_some() || bytes.len() >= ENOUGH => Probe::Match,
        Some(_) => Probe::NeedMore,
        None if line.is_some() || bytes.len() >= ENOUGH => Probe::Mismatch,
        None => Probe::NeedMore,
    }
}

/// What the beginning of a request line says.
fn probe_request(bytes: &[u8]) -> Probe {
    if let Some(line) = first_line(bytes) {
        return match RequestLine::parse(line, VERSION) {
            Some(_) => Probe::Match,
            None => Probe::Mismatch,
        };
    }
    let space = bytes.iter().position(|byte| matches!(byte, b' ' | b'\t'));
    let method = bytes.get(..space.unwrap_or(bytes.len())).unwrap_or_default();
    let target = space.and_then(|at| bytes.get(at + 1..)).unwrap_or_default();
    // The line feed may be on its way already.
    let target = target.strip_suffix(b"\r").unwrap_or(target);
    let is_odd = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    if !is_method(method) || target.iter().any(is_odd) {
        return Probe::Mismatch;
    }
    let is_target =
        target.starts_with(b"/") || target.starts_with(b"http:/") || target.starts_with(b"https:/");
    if is_target && METHODS.contains(&method) {
        return Probe::Match;
    }
    Probe::NeedMore
}

fn first_line(bytes: &[u8]) -> Option<&[u8]> {
    memchr::memchr(b'\n', bytes).and_then(|end| bytes.get(..end))
}

#[cfg(test)]
mod tests;
