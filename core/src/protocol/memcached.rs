//! memcached: its text protocol and its binary one (memcached's `protocol.txt` and `protocol_binary.txt`), TCP and UDP.
//!
//! Read: commands with their keys and values, and the SASL PLAIN login of the binary protocol.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::strings::{decimal, sasl_plain, word};
use crate::protocol::{Field, Opening, Parser, Probe, Protocol, Role, Sink, Value};

/// Magic bytes and header length of the binary protocol.
const REQUEST: u8 = 0x80;
const RESPONSE: u8 = 0x81;
const HEADER: usize = 24;
const SASL_AUTH: u8 = 0x21;
/// Request id, sequence number, count and reserved bytes in front of a datagram.
const UDP_HEADER: usize = 8;

static COMMAND: Field = Field::meta("memcached.command", "command");
static KEY: Field = Field::new("memcached.key", Role::Content);
static VALUE: Field = Field::new("memcached.value", Role::Content);
static USER: Field = Field::new("memcached.user", Role::Username);
static PASSWORD: Field = Field::new("memcached.password", Role::Password);

static FIELDS: &[&Field] = &[&COMMAND, &KEY, &VALUE, &USER, &PASSWORD];

pub(super) static PROTOCOL: Memcached = Memcached;

#[derive(Debug)]
pub(super) struct Memcached;

impl Protocol for Memcached {
    fn name(&self) -> &'static str {
        "memcached"
    }

    fn about(&self) -> &'static str {
        "memcached, a cache of keys and values"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP, Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[11211]
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

fn probe(opening: &Opening<'_>) -> Probe {
    let mut bytes = opening.newest();
    if opening.is_datagram() {
        // One datagram of one, nothing reserved.
        match bytes {
            [_, _, 0, 0, 0, 1, 0, 0, text @ ..] => bytes = text,
            _ => return Probe::Mismatch,
        }
    }
    if let Some(&(REQUEST | RESPONSE)) = bytes.first() {
        return probe_binary(bytes, opening.flow.has_port(11211));
    }
    let head = &bytes[..bytes.len().min(512)];
    let Some(end) = memchr::memchr(b'\n', head) else {
        let fits = head.len() < 512 && head.first().is_none_or(u8::is_ascii_alphabetic);
        return if fits && !opening.is_datagram() { Probe::NeedMore } else { Probe::Mismatch };
    };
    match head[..end].strip_suffix(b"\r") {
        Some(line) => match evidence(line) {
            Evidence::Sure => Probe::Match,
            Evidence::Likely if opening.flow.has_port(11211) => Probe::Match,
            _ => Probe::Mismatch,
        },
        None => Probe::Mismatch,
    }
}

enum Evidence {
    Sure,
    /// Other text protocols have the word, too.
    Likely,
    None,
}

fn evidence(line: &[u8]) -> Evidence {
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').take(8).collect();
    let numbers = |range: std::ops::Range<usize>| {
        words.get(range).is_some_and(|words| words.iter().all(|word| decimal(word).is_some()))
    };
    match *words.as_slice() {
        [b"set" | b"add" | b"replace" | b"append" | b"prepend", key, ..]
            if !key.is_empty() && numbers(2..5) =>
        {
            Evidence::Sure
        }
        [b"cas", key, ..] if !key.is_empty() && numbers(2..6) => Evidence::Sure,
        // A server's answers.
        [b"VALUE", key, ..] if !key.is_empty() && numbers(2..4) => Evidence::Sure,
        [b"STAT", b"pid", _] => Evidence::Sure,
        [
            b"get" | b"gets" | b"gat" | b"delete" | b"incr" | b"decr" | b"touch" | b"mg" | b"ms" | b"md",
            key,
            ..,
        ] if !key.is_empty() => Evidence::Likely,
        [b"stats" | b"version" | b"flush_all" | b"verbosity" | b"mn", ..]
        | [b"STORED" | b"NOT_STORED" | b"END" | b"DELETED" | b"ERROR" | b"OK" | b"HD" | b"EN"]
        | [b"VERSION", _] => Evidence::Likely,
        _ => Evidence::None,
    }
}

/// A header whose lengths agree with each other and with the command. Answers, and commands that are all zeros, are
/// believed on the registered port.
fn probe_binary(bytes: &[u8], registered_port: bool) -> Probe {
    let mut reader = Reader::new(bytes);
    let head = (reader.u8(), reader.u8(), reader.u16(), reader.u8(), reader.u8(), reader.u16(), reader.u32());
    let (Some(magic), Some(opcode), Some(key), Some(extras), Some(kind), Some(bucket), Some(body)) = head
    else {
        return Probe::NeedMore;
    };
    let lengths = u32::from(key) + u32::from(extras) <= body && key <= 250 && body < 0x200_0000;
    // The extras of get, set, delete, increment, append, touch and SASL, and whether they have a key.
    let fits = match (magic, opcode, extras) {
        (RESPONSE, 0..=0x48, 0 | 4 | 8) => registered_port && bucket < 0x100,
        (_, 0x00 | 0x09 | 0x0c | 0x0d | 0x04 | 0x14 | 0x0e | 0x0f | 0x19 | 0x1a | SASL_AUTH | 0x22, 0) => {
            key > 0
        }
        (_, 0x01..=0x03 | 0x11..=0x13, 8) | (_, 0x05 | 0x06 | 0x15 | 0x16, 20) | (_, 0x1c | 0x1d, 4) => {
            key > 0
        }
        (_, 0x07 | 0x08 | 0x0a | 0x0b | 0x10 | 0x17 | 0x18 | 0x20, 0 | 4) => registered_port,
        _ => false,
    };
    if fits && lengths && kind == 0 && bucket < 1024 { Probe::Match } else { Probe::Mismatch }
}

#[derive(Debug, Default)]
struct Session;

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        if let Some(&(REQUEST | RESPONSE)) = bytes.first() {
            let body = Reader::new(bytes.get(8..).unwrap_or_default()).u32();
            return body.map_or(Size::Needs(HEADER), |body| Size::of(HEADER as u64, body));
        }
        // A block of data and its line end follow.
        Size::line(bytes, |line| data_length(line).map_or(0, |length| length.saturating_add(2)))
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        if let Some(&(REQUEST | RESPONSE)) = message.first() {
            binary(message, direction, out);
        } else {
            text(message, direction, out);
        }
        After::Next
    }

    fn datagram(&mut self, direction: Direction, datagram: &[u8], out: &mut dyn Sink) -> After {
        self.message(direction, datagram.get(UDP_HEADER..).unwrap_or_default(), out)
    }
}

/// The length of the data that a storage command or a VALUE announces.
fn data_length(line: &[u8]) -> Option<u64> {
    let mut words = line.split(|byte| *byte == b' ');
    let place = match words.next()? {
        b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas" => 3,
        b"VALUE" => 2,
        b"ms" => 1,
        b"VA" => 0,
        _ => return None,
    };
    decimal(words.nth(place)?)
}

fn text(message: &[u8], direction: Direction, out: &mut dyn Sink) {
    let end = memchr::memchr(b'\n', message).unwrap_or(message.len());
    let (line, data) = message.split_at(end);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut rest = line;
    let command = word(&mut rest);
    let has_key = match command {
        b"get" | b"gets" | b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas" | b"delete"
        | b"incr" | b"decr" | b"touch" | b"VALUE" | b"mg" | b"ms" | b"md" | b"ma" => true,
        b"stats" | b"version" | b"flush_all" => false,
        _ => return,
    };
    out.fact(&COMMAND, direction, Value::Bytes(command));
    if has_key {
        out.fact(&KEY, direction, Value::Bytes(word(&mut rest)));
    }
    let data = data.get(1..).unwrap_or_default();
    let data = data.strip_suffix(b"\r\n").unwrap_or(data);
    if !data.is_empty() {
        out.fact(&VALUE, direction, Value::Bytes(data));
    }
    out.end_record();
}

fn binary(message: &[u8], direction: Direction, out: &mut dyn Sink) -> Option<()> {
    let mut reader = Reader::new(message);
    let magic = reader.u8()?;
    let opcode = reader.u8()?;
    let key = usize::from(reader.u16()?);
    let extras = usize::from(reader.u8()?);
    reader.skip(HEADER - 5 + extras)?;
    let key = reader.take(key)?;
    let value = reader.rest();
    if magic == REQUEST && opcode == SASL_AUTH {
        if let (b"PLAIN", Some((user, password))) = (key, sasl_plain(value)) {
            out.fact(&USER, direction, Value::Bytes(user));
            out.fact(&PASSWORD, direction, Value::Bytes(password));
        }
    } else {
        out.fact(&COMMAND, direction, Value::Number(opcode.into()));
        for (field, bytes) in [(&KEY, key), (&VALUE, value)] {
            if !bytes.is_empty() {
                out.fact(field, direction, Value::Bytes(bytes));
            }
        }
    }
    out.end_record();
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const SET: &[u8] = b"set k 0 60 5\r\nhello\r\n";
    /// SASL auth, mechanism PLAIN.
    const AUTH: &[u8] = b"\x80\x21\0\x05\0\0\0\0\0\0\0\x11\0\0\0\0\0\0\0\0\0\0\0\0PLAIN\0anna\0secret";

    #[test]
    fn reads_both_protocols() {
        let tcp = flow(Transport::TCP, 11211);
        let conversation: &[(Direction, &[u8])] =
            &[(TO_SERVER, SET), (TO_CLIENT, b"STORED\r\n"), (TO_SERVER, b"get k\r\n"), (TO_SERVER, AUTH)];
        let transcript = feed(&PROTOCOL, &tcp, conversation);
        assert_eq!(transcript.values(&COMMAND), ["set", "get"]);
        assert_eq!(transcript.values(&KEY), ["k", "k"]);
        assert_eq!(transcript.value(&VALUE), "hello");
        assert_eq!(transcript.value(&USER), "anna");
        assert_eq!(transcript.value(&PASSWORD), "secret");
        keeps_promises(&PROTOCOL, &tcp, conversation);
    }

    #[test]
    fn common_words_need_the_port() {
        let (known, odd) = (flow(Transport::TCP, 11211), flow(Transport::TCP, 4000));
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, SET), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, AUTH), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &known, TO_SERVER, b"stats\r\n"), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"stats\r\n"), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"GET / HTTP/1.1\r\n"), Probe::Mismatch);
        let udp = flow(Transport::UDP, 11211);
        assert_eq!(probe(&PROTOCOL, &udp, TO_SERVER, b"\0\x01\0\0\0\x01\0\0stats\r\n"), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &[0x80; 40]), Probe::Mismatch);
        let mut noop = [0; 24];
        (noop[0], noop[1]) = (REQUEST, 0x0a);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &noop), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &known, TO_SERVER, &noop), Probe::Match);
    }
}
