//! Constrained Application Protocol (RFC 7252) over UDP: HTTP's idea for small devices.
//!
//! Read are method or response code, the URI's parts and the payload. Blocks of a larger transfer (RFC 7959) are read
//! one by one. On port 5683 a valid message is enough; elsewhere a request must name a resource, in text.

use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Value};
use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits::BODY_BYTES;
use crate::packet::Transport;
use crate::protocol::short::Short;

static TYPE: Field = Field::meta("coap.type", "type");
static CODE: Field = Field::meta("coap.code", "code");
static MESSAGE_ID: Field = Field::meta("coap.message-id", "message_id");
static HOST: Field = Field::hostname("coap.host", "host");
static PATH: Field = Field::meta("coap.path", "path");
/// Path and query as sent: `/light?on=1`.
static URI: Field = Field::new("coap.uri", Role::Content);
static PAYLOAD: Field = Field::new("coap.payload", Role::Content);
static CONTENT_FORMAT: Field = Field::meta("coap.content-format", "content_format");

static FIELDS: &[&Field] = &[&TYPE, &CODE, &MESSAGE_ID, &HOST, &PATH, &URI, &PAYLOAD, &CONTENT_FORMAT];

const PORT: u16 = 5683;

const CONFIRMABLE: u8 = 0;
const NON_CONFIRMABLE: u8 = 1;
const RESET: u8 = 3;

const URI_HOST: u32 = 3;
const URI_PATH: u32 = 11;
const FORMAT: u32 = 12;
const URI_QUERY: u32 = 15;
const PROXY_URI: u32 = 35;

pub(crate) static PROTOCOL: Coap = Coap;

#[derive(Debug)]
pub(crate) struct Coap;

impl Protocol for Coap {
    fn name(&self) -> &'static str {
        "coap"
    }

    fn about(&self) -> &'static str {
        "Constrained Application Protocol, RFC 7252"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[PORT]
    }

    /// Version 1 in the top two bits.
    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::Range(0x40, 0x7f)
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let Some(message) = Message::read(opening.newest()) else {
            return Probe::Mismatch;
        };
        // Options that nobody knows may be skipped (RFC 7252 §5.4.1), but are no evidence.
        if opening.flow.has_port(PORT) {
            return if message.options_fit() { Probe::Match } else { Probe::Mismatch };
        }
        let Some(names_resource) = message.check_options() else {
            return Probe::Mismatch;
        };
        if message.is_request() && names_resource {
            return Probe::Match;
        }
        let answers = opening.previous.is_some_and(|previous| {
            previous.direction != opening.direction
                && Message::read(previous.bytes)
                    .is_some_and(|before| message.answers(&before) && before.check_options().is_some())
        });
        if answers { Probe::Match } else { Probe::NeedMore }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(CoapParser)
    }
}

/// A message whose fixed part agrees with itself (RFC 7252 §3).
#[derive(Debug, Clone, Copy)]
struct Message<'a> {
    kind: u8,
    code: u8,
    id: u16,
    token: &'a [u8],
    /// Options, perhaps a marker and payload.
    rest: Reader<'a>,
}

impl<'a> Message<'a> {
    fn read(datagram: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(datagram);
        let first = reader.u8()?;
        let code = reader.u8()?;
        let id = reader.u16()?;
        let token_length = first & 0x0f;
        if first >> 6 != 1 || token_length > 8 {
            return None;
        }
        let message =
            Self { kind: first >> 4 & 3, code, id, token: reader.take(token_length.into())?, rest: reader };
        message.is_allowed().then_some(message)
    }

    /// Which types go with which codes (Table 1, §12.1).
    fn is_allowed(&self) -> bool {
        match self.code {
            0 => self.kind != NON_CONFIRMABLE && self.token.is_empty() && self.rest.is_empty(),
            1..=7 => matches!(self.kind, CONFIRMABLE | NON_CONFIRMABLE),
            // 2.01 to 2.05 and 2.31; 4.00 to 4.31; 5.00 to 5.08.
            0x41..=0x45 | 0x5f | 0x80..=0x9f | 0xa0..=0xa8 => self.kind != RESET,
            _ => false,
        }
    }

    const fn is_request(&self) -> bool {
        matches!(self.code, 1..=7)
    }

    fn answers(&self, request: &Self) -> bool {
        let same_token = !self.token.is_empty() && self.token == request.token;
        self.id == request.id || same_token
    }

    /// Whether options fill the message up to a payload. A marker must have something behind it (§3).
    fn options_fit(&self) -> bool {
        options(self.rest, |_, _| ()).is_some_and(|payload| payload.is_none_or(|payload| !payload.is_empty()))
    }

    /// Whether known options fill the message up to a payload, and if so, whether they name a resource in text.
    fn check_options(&self) -> Option<bool> {
        let mut names_resource = false;
        let mut are_plausible = true;
        let payload = options(self.rest, |number, value| {
            are_plausible &= is_plausible(number, value);
            names_resource |= matches!(number, URI_HOST | URI_PATH | PROXY_URI) && !value.is_empty();
        })?;
        (are_plausible && payload.is_none_or(|payload| !payload.is_empty())).then_some(names_resource)
    }
}

/// Calls `each` with every option and answers with the payload, if there is a marker. Numbers and lengths of 13 and more
/// continue in one or two octets (RFC 7252 §3.1).
fn options<'a>(mut reader: Reader<'a>, mut each: impl FnMut(u32, &'a [u8])) -> Option<Option<&'a [u8]>> {
    const PAYLOAD_MARKER: u8 = 0xff;
    let mut number = 0_u32;
    while let Some(first) = reader.u8() {
        if first == PAYLOAD_MARKER {
            return Some(Some(reader.rest()));
        }
        number += extended(first >> 4, &mut reader)?;
        let length = extended(first & 0x0f, &mut reader)?;
        let value = reader.take(usize::try_from(length).ok()?)?;
        if number > u16::MAX.into() {
            return None;
        }
        each(number, value);
    }
    Some(None)
}

fn extended(nibble: u8, reader: &mut Reader<'_>) -> Option<u32> {
    match nibble {
        13 => Some(u32::from(reader.u8()?) + 13),
        14 => Some(u32::from(reader.u16()?) + 269),
        15 => None,
        _ => Some(nibble.into()),
    }
}

/// The registered options with their lengths (RFC 7252 §5.10, RFC 7641, 7959, 8613, 9175, 9177), and private ones.
fn is_plausible(number: u32, value: &[u8]) -> bool {
    let length = value.len();
    match number {
        1 | 4 => length <= 8,
        URI_HOST | 8 | URI_PATH | URI_QUERY | 20 => length <= 255 && std::str::from_utf8(value).is_ok(),
        5 => length == 0,
        6 | 19 | 23 | 27 | 31 => length <= 3,
        7 | FORMAT | 17 => length <= 2,
        14 | 28 | 60 => length <= 4,
        16 | 258 => length <= 1,
        9 | 21 => length <= 255,
        PROXY_URI => length <= 1034 && std::str::from_utf8(value).is_ok(),
        39 => length <= 255 && value.is_ascii(),
        252 => length <= 40,
        292 => length <= 8,
        2048.. => true,
        _ => false,
    }
}

#[derive(Debug)]
struct CoapParser;

impl Parser for CoapParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let Some(message) = Message::read(chunk.bytes) else {
            return Progress::Malformed { what: "a CoAP header that does not agree with itself", at: 0 };
        };
        let read = state(&message, chunk.direction, out);
        out.end_record();
        match read {
            Some(()) => Progress::Consumed(chunk.bytes.len()),
            None => Progress::Malformed {
                what: "CoAP options do not fit into their message",
                at: chunk.bytes.len() - message.rest.remaining(),
            },
        }
    }
}

fn state(message: &Message<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    let kind = match message.kind {
        CONFIRMABLE => "confirmable",
        NON_CONFIRMABLE => "non-confirmable",
        RESET => "reset",
        _ => "acknowledgement",
    };
    out.fact(&TYPE, direction, Value::Text(kind));
    match method(message.code) {
        Some(method) => out.fact(&CODE, direction, Value::Text(method)),
        None => {
            let (class, detail) = (message.code >> 5, message.code & 0x1f);
            let code = Short::<4>::of(format_args!("{class}.{detail:02}"));
            out.fact(&CODE, direction, code.value());
        }
    }
    out.fact(&MESSAGE_ID, direction, Value::Number(message.id.into()));
    let mut uri = Uri::default();
    let payload = options(message.rest, |number, value| match number {
        URI_HOST => out.fact(&HOST, direction, Value::Bytes(value)),
        URI_PATH => uri.add_path(value),
        URI_QUERY => uri.add_query(value),
        PROXY_URI => uri.text.extend_from_slice(value),
        FORMAT => {
            let format = value.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
            out.fact(&CONTENT_FORMAT, direction, Value::Number(format));
        }
        _ => {}
    });
    uri.state(direction, out);
    if let Some(bytes) = payload?
        && out.wants_content()
    {
        let searched = bytes.get(..BODY_BYTES).unwrap_or(bytes);
        out.fact(&PAYLOAD, direction, Value::Bytes(searched));
    }
    Some(())
}

/// Path and query, put together again from their options.
#[derive(Default)]
struct Uri {
    text: Vec<u8>,
    path_ends: Option<usize>,
}

impl Uri {
    fn add_path(&mut self, segment: &[u8]) {
        self.text.push(b'/');
        self.text.extend_from_slice(segment);
    }

    fn add_query(&mut self, parameter: &[u8]) {
        let separator = if self.path_ends.is_some() { b'&' } else { b'?' };
        self.path_ends.get_or_insert(self.text.len());
        self.text.push(separator);
        self.text.extend_from_slice(parameter);
    }

    fn state(&self, direction: Direction, out: &mut dyn Sink) {
        if self.text.is_empty() {
            return;
        }
        let path = self.text.get(..self.path_ends.unwrap_or(self.text.len()));
        out.fact(&PATH, direction, Value::Bytes(path.unwrap_or_default()));
        out.fact(&URI, direction, Value::Bytes(&self.text));
    }
}

const fn method(code: u8) -> Option<&'static str> {
    Some(match code {
        0 => "empty",
        1 => "GET",
        2 => "POST",
        3 => "PUT",
        4 => "DELETE",
        5 => "FETCH",
        6 => "PATCH",
        7 => "iPATCH",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{CODE, HOST, PATH, PAYLOAD, PROTOCOL, URI};
    use crate::flow::Chunk;
    use crate::packet::Transport;
    use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER};
    use crate::protocol::{Opening, Probe, Protocol};

    /// PUT of text to coap://example.org/light/1?on=1 with token `t`.
    const PUT: &[u8] = b"\x41\x03\0\x07t\x3bexample.org\x85light\x011\x10\x34on=1\xffhello";
    /// 2.04 to it.
    const CHANGED: &[u8] = b"\x61\x44\0\x07t";
    const EMPTY: &[u8] = b"\x60\0\0\x07";

    #[test]
    fn reads_request_and_answer() {
        let flow = testing::flow(Transport::UDP, 5683);
        let conversation = [(TO_SERVER, PUT), (TO_CLIENT, CHANGED), (TO_CLIENT, EMPTY)];
        testing::keeps_promises(&PROTOCOL, &flow, &conversation);
        let said = testing::feed(&PROTOCOL, &flow, &conversation);
        assert_eq!(said.values(&CODE), ["PUT", "2.04", "empty"]);
        assert_eq!(said.value(&HOST), "example.org");
        assert_eq!(said.value(&PATH), "/light/1");
        assert_eq!(said.value(&URI), "/light/1?on=1");
        assert_eq!(said.value(&PAYLOAD), "hello");
        for (direction, bytes) in conversation {
            assert_eq!(testing::probe(&PROTOCOL, &flow, direction, bytes), Probe::Match);
        }
    }

    #[test]
    fn elsewhere_a_resource_or_an_answer_must_be_seen() {
        let flow = testing::flow(Transport::UDP, 9999);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, PUT), Probe::Match);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_CLIENT, EMPTY), Probe::NeedMore);
        let get = b"\x41\x01\0\x07t";
        let answered = PROTOCOL.probe(&Opening {
            flow: &flow,
            direction: TO_CLIENT,
            to_server: b"",
            to_client: CHANGED,
            previous: Some(Chunk { direction: TO_SERVER, bytes: get }),
        });
        assert_eq!(answered, Probe::Match);
    }

    #[test]
    fn others_are_not_coap() {
        let flow = testing::flow(Transport::UDP, 5683);
        let others: [&[u8]; 6] = [
            b"",
            b"\x49\x01\0\x07123456789",
            b"\x40\x01\0\x07\xff",
            b"\x40\x01\0\x07\xf1x",
            &[0x40; 40],
            b"GET / HTTP/1.1\r\n\r\n",
        ];
        for bytes in others {
            assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, bytes), Probe::Mismatch, "{bytes:02x?}");
        }
    }
}
