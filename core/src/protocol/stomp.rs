//! STOMP 1.0 to 1.2 (stomp.github.io): messages between programs and a broker, as text.
//!
//! Read: the login, destinations, headers and bodies.

use memchr::memmem;

use crate::flow::Direction;
use crate::limits::{LINE_BYTES, MESSAGE_BYTES};
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::strings::decimal;
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

static COMMAND: Field = Field::meta("stomp.command", "command");
static SERVER: Field = Field::meta("stomp.server", "server");
static USER: Field = Field::new("stomp.login", Role::Username);
static PASSWORD: Field = Field::new("stomp.passcode", Role::Password);
static HEADER: Field = Field::new("stomp.header", Role::Content);
static BODY: Field = Field::new("stomp.body", Role::Content);

static FIELDS: &[&Field] = &[&COMMAND, &SERVER, &USER, &PASSWORD, &HEADER, &BODY];

pub(super) static PROTOCOL: Stomp = Stomp;

#[derive(Debug)]
pub(super) struct Stomp;

impl Protocol for Stomp {
    fn name(&self) -> &'static str {
        "stomp"
    }

    fn about(&self) -> &'static str {
        "STOMP, messages between programs and a broker"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[61613]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"CS")
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        probe(opening)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Framed<Session>>::default()
    }
}

/// CONNECT or STOMP with a header that they must have, or CONNECTED with a version or session.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let head = &bytes[..bytes.len().min(512)];
    for start in
        [&b"CONNECT\n"[..], b"CONNECT\r\n", b"STOMP\n", b"STOMP\r\n", b"CONNECTED\n", b"CONNECTED\r\n"]
    {
        let both = head.len().min(start.len());
        if head[..both] != start[..both] {
            continue;
        }
        let Some(headers) = head.get(start.len()..) else {
            return Probe::NeedMore;
        };
        let known =
            [&b"accept-version:"[..], b"login:", b"version:1.", b"session:", b"host:", b"heart-beat:"];
        if known.iter().any(|name| headers.starts_with(name)) {
            return Probe::Match;
        }
        let could = known.iter().any(|name| name.starts_with(headers));
        return if could { Probe::NeedMore } else { Probe::Mismatch };
    }
    Probe::Mismatch
}

#[derive(Debug, Default)]
struct Session;

/// Where the headers end, behind the empty line.
fn body_start(bytes: &[u8]) -> Option<usize> {
    let lines = memmem::find(bytes, b"\n\n").map(|at| at + 2);
    let returns = memmem::find(bytes, b"\n\r\n").map(|at| at + 3);
    match (lines, returns) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The headers between the command and the empty line.
fn headers(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    head.split(|byte| *byte == b'\n').skip(1).filter_map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = memchr::memchr(b':', line)?;
        Some((&line[..colon], &line[colon + 1..]))
    })
}

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        // Heart-beats are line ends.
        if let Some(b'\n' | b'\r' | 0) = bytes.first() {
            return Size::Is(1);
        }
        let Some(start) = body_start(bytes) else {
            return if bytes.len() < LINE_BYTES {
                Size::Needs(bytes.len() + 1)
            } else {
                Size::Broken("STOMP headers without an end")
            };
        };
        let length = headers(&bytes[..start])
            .find_map(|(name, value)| (name == b"content-length").then(|| decimal(value)).flatten());
        match (length, memchr::memchr(0, &bytes[start..])) {
            (Some(length), _) => Size::of(start as u64 + 1, length),
            (None, Some(end)) => Size::Is((start + end + 1) as u64),
            // Without a length a body ends with a zero.
            (None, None) if bytes.len() < MESSAGE_BYTES => Size::Needs(bytes.len() + 1),
            (None, None) => Size::Broken("a STOMP body without an end"),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let Some(start) = body_start(message) else {
            return After::Next;
        };
        let (head, body) = message.split_at(start);
        let command = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let command = command.strip_suffix(b"\r").unwrap_or(command);
        out.fact(&COMMAND, direction, Value::Bytes(command));
        for (name, value) in headers(head) {
            match name {
                b"login" => out.fact(&USER, direction, Value::Bytes(value)),
                b"passcode" => out.fact(&PASSWORD, direction, Value::Bytes(value)),
                b"server" => out.fact(&SERVER, direction, Value::Bytes(value)),
                _ => out.fact(&HEADER, direction, Value::Pair(name, value)),
            }
        }
        let body = body.strip_suffix(b"\0").unwrap_or(body);
        if !body.is_empty() {
            out.fact(&BODY, direction, Value::Bytes(body));
        }
        out.end_record();
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const CONNECT: &[u8] = b"CONNECT\naccept-version:1.1\nlogin:anna\npasscode:secret\n\n\0\n";
    const SEND: &[u8] = b"SEND\ndestination:/queue/a\ncontent-length:5\n\nhello\0";
    const CONVERSATION: &[(Direction, &[u8])] =
        &[(TO_SERVER, CONNECT), (TO_CLIENT, b"CONNECTED\nversion:1.1\nserver:x/1\n\n\0"), (TO_SERVER, SEND)];

    #[test]
    fn reads_logins_and_messages() {
        let tcp = flow(Transport::TCP, 61613);
        let transcript = feed(&PROTOCOL, &tcp, CONVERSATION);
        assert_eq!(transcript.value(&USER), "anna");
        assert_eq!(transcript.value(&PASSWORD), "secret");
        assert_eq!(transcript.value(&SERVER), "x/1");
        assert_eq!(transcript.value(&BODY), "hello");
        keeps_promises(&PROTOCOL, &tcp, CONVERSATION);
    }

    #[test]
    fn is_known_by_command_and_header() {
        let odd = flow(Transport::TCP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, CONNECT), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"STOMP\r\naccept"), Probe::NeedMore);
        for bytes in [&b"CONNECT a.org:443 HTTP/1.1\r\n"[..], b"CONNECT {\"verbose\":true}\r\n", b"STAT\r\n"]
        {
            assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, bytes), Probe::Mismatch);
        }
    }
}
