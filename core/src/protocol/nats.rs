//! NATS (docs.nats.io, "Client Protocol"): messages between services, in lines of text.
//!
//! Read: the server's name and version, the login in CONNECT, subjects and payloads. Where the server demands TLS the
//! client's ClientHello is handed on to `tls`.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::strings::{decimal, word};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

static SERVER: Field = Field::meta("nats.server_name", "server_name");
static VERSION: Field = Field::meta("nats.version", "version");
static USER: Field = Field::new("nats.user", Role::Username);
static PASSWORD: Field = Field::new("nats.password", Role::Password);
static NAME: Field = Field::meta("nats.client_name", "client_name");
static COMMAND: Field = Field::meta("nats.command", "command");
static SUBJECT: Field = Field::new("nats.subject", Role::Content);
static PAYLOAD: Field = Field::new("nats.payload", Role::Content);

static FIELDS: &[&Field] = &[&SERVER, &VERSION, &USER, &PASSWORD, &NAME, &COMMAND, &SUBJECT, &PAYLOAD];

pub(super) static PROTOCOL: Nats = Nats;

#[derive(Debug)]
pub(super) struct Nats;

impl Protocol for Nats {
    fn name(&self) -> &'static str {
        "nats"
    }

    fn about(&self) -> &'static str {
        "NATS, messages between services"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[4222]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"IC")
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

/// The server's INFO or the client's CONNECT, each with a JSON object.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    for start in [&b"INFO {\""[..], b"CONNECT {\""] {
        let both = bytes.len().min(start.len());
        if bytes[..both] != start[..both] {
            continue;
        }
        let Some(rest) = bytes.get(start.len()..) else {
            return Probe::NeedMore;
        };
        let known: [&[u8]; 2] = match start.first() {
            Some(b'I') => [b"server_id\"", b"max_payload\""],
            _ => [b"verbose\"", b"lang\""],
        };
        if known.iter().any(|key| memchr::memmem::find(rest, key).is_some()) {
            return Probe::Match;
        }
        let ended = memchr::memchr(b'\n', rest).is_some();
        return if ended { Probe::Mismatch } else { Probe::NeedMore };
    }
    Probe::Mismatch
}

#[derive(Debug, Default)]
struct Session;

/// The payload's length is the last word of a message's line, and two bytes end it.
fn payload_length(line: &[u8]) -> Option<u64> {
    let command = word(&mut &*line);
    let carries = [&b"PUB"[..], b"HPUB", b"MSG", b"HMSG"];
    if !carries.iter().any(|name| command.eq_ignore_ascii_case(name)) {
        return None;
    }
    decimal(line.rsplit(|byte| *byte == b' ').next()?)
}

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        if bytes.starts_with(&[0x16]) {
            return Size::Turns(After::Secured("tls"));
        }
        Size::line(bytes, |line| payload_length(line).map_or(0, |length| length.saturating_add(2)))
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let mut reader = Reader::new(message);
        let end = memchr::memchr(b'\n', message).unwrap_or(message.len());
        let line = reader.take(end).unwrap_or_default();
        let mut rest = line.strip_suffix(b"\r").unwrap_or(line);
        reader.skip(1);
        let command = word(&mut rest);
        match &command.to_ascii_uppercase()[..] {
            b"INFO" => info(rest, direction, out),
            b"CONNECT" => connect(rest, direction, out),
            name @ (b"PUB" | b"HPUB" | b"SUB" | b"MSG" | b"HMSG") => {
                out.fact(&COMMAND, direction, Value::Bytes(name));
                out.fact(&SUBJECT, direction, Value::Bytes(word(&mut rest)));
                let payload = reader.rest();
                let payload = payload.strip_suffix(b"\r\n").unwrap_or(payload);
                if !payload.is_empty() {
                    out.fact(&PAYLOAD, direction, Value::Bytes(payload));
                }
            }
            _ => return After::Next,
        }
        out.end_record();
        After::Next
    }
}

fn info(json: &[u8], direction: Direction, out: &mut dyn Sink) {
    strings(json, direction, out, &[("server_name", &SERVER), ("version", &VERSION)]);
}

fn connect(json: &[u8], direction: Direction, out: &mut dyn Sink) {
    let fields = [("name", &NAME), ("user", &USER), ("pass", &PASSWORD), ("auth_token", &PASSWORD)];
    strings(json, direction, out, &fields);
}

/// States strings of a JSON object.
fn strings(json: &[u8], direction: Direction, out: &mut dyn Sink, fields: &[(&str, &'static Field)]) {
    let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(json) else {
        return;
    };
    for (key, field) in fields {
        if let Some(text) = object.get(*key).and_then(serde_json::Value::as_str) {
            out.fact(field, direction, Value::Text(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const INFO: &[u8] = b"INFO {\"server_id\":\"X\",\"server_name\":\"n1\",\"version\":\"2.9\"} \r\n";
    const CONNECT: &[u8] = b"CONNECT {\"verbose\":false,\"user\":\"anna\",\"pass\":\"secret\"}\r\n";
    const CONVERSATION: &[(Direction, &[u8])] =
        &[(TO_CLIENT, INFO), (TO_SERVER, CONNECT), (TO_SERVER, b"PUB a.b 5\r\nhello\r\nPING\r\n")];

    #[test]
    fn reads_logins_and_messages() {
        let tcp = flow(Transport::TCP, 4222);
        let transcript = feed(&PROTOCOL, &tcp, CONVERSATION);
        assert_eq!(transcript.value(&SERVER), "n1");
        assert_eq!(transcript.value(&USER), "anna");
        assert_eq!(transcript.value(&PASSWORD), "secret");
        assert_eq!(transcript.value(&SUBJECT), "a.b");
        assert_eq!(transcript.value(&PAYLOAD), "hello");
        keeps_promises(&PROTOCOL, &tcp, CONVERSATION);
    }

    #[test]
    fn is_known_by_info_or_connect() {
        let odd = flow(Transport::TCP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, INFO), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, CONNECT), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"CONN"), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"CONNECT a.org:443 HTTP/1.1\r\n"), Probe::Mismatch);
    }
}
