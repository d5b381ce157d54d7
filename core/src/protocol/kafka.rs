//! Apache Kafka's protocol (kafka.apache.org/protocol): records between programs and brokers.
//!
//! Read: what is asked, by which client, the SASL PLAIN login, and what producers send. A broker's answers do not say
//! what they are, and are passed over.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::strings::{is_printable, sasl_plain};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

/// API keys.
const PRODUCE: u16 = 0;
const METADATA: u16 = 3;
const SASL_HANDSHAKE: u16 = 17;
const API_VERSIONS: u16 = 18;
const SASL_AUTHENTICATE: u16 = 36;
const LAST_KEY: u16 = 92;
/// Largest request a broker takes (`socket.request.max.bytes`).
const LONGEST: u32 = 104_857_600;

static API: Field = Field::meta("kafka.api_key", "api_key");
static VERSION: Field = Field::meta("kafka.api_version", "api_version");
static CLIENT: Field = Field::new("kafka.client_id", Role::Content);
static MECHANISM: Field = Field::meta("kafka.mechanism", "mechanism");
static USER: Field = Field::new("kafka.user", Role::Username);
static PASSWORD: Field = Field::new("kafka.password", Role::Password);
static RECORDS: Field = Field::new("kafka.records", Role::Content);

static FIELDS: &[&Field] = &[&API, &VERSION, &CLIENT, &MECHANISM, &USER, &PASSWORD, &RECORDS];

pub(super) static PROTOCOL: Kafka = Kafka;

#[derive(Debug)]
pub(super) struct Kafka;

impl Protocol for Kafka {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn about(&self) -> &'static str {
        "Apache Kafka, records between programs and brokers"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[9092]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[0, 1, 2, 3, 4, 5, 6])
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

/// A request's length, key, version, number and client's name. Only the first requests of a connection are believed
/// off the registered port.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let mut reader = Reader::new(bytes);
    let Some(length) = reader.u32() else {
        return Probe::NeedMore;
    };
    if !(10..LONGEST).contains(&length) {
        return Probe::Mismatch;
    }
    let (Some(key), Some(version)) = (reader.u16(), reader.u16()) else {
        return Probe::NeedMore;
    };
    let registered = opening.flow.has_port(9092);
    let first = matches!(key, METADATA | API_VERSIONS | SASL_HANDSHAKE) && length < 0x1_0000;
    if key > LAST_KEY || version > 20 || !(first || registered) {
        return Probe::Mismatch;
    }
    let (Some(()), Some(name)) = (reader.skip(4), reader.u16()) else {
        return Probe::NeedMore;
    };
    // All ones for no name.
    if name == u16::MAX {
        return if registered && first { Probe::Match } else { Probe::Mismatch };
    }
    if !(1..=255).contains(&name) || u32::from(name) + 10 > length {
        return Probe::Mismatch;
    }
    match reader.take(name.into()) {
        Some(name) if is_printable(name) => Probe::Match,
        Some(_) => Probe::Mismatch,
        None if is_printable(reader.peek()) => Probe::NeedMore,
        None => Probe::Mismatch,
    }
}

#[derive(Debug, Default)]
struct Session {
    /// The side that sends requests.
    client: Option<Direction>,
    /// The chosen SASL mechanism is PLAIN.
    plain: bool,
}

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        match Reader::new(bytes).u32() {
            Some(length) if length < LONGEST => Size::of(4, length),
            Some(_) => Size::Broken("a Kafka message of an impossible length"),
            None => Size::Needs(4),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        if direction == *self.client.get_or_insert(direction)
            && self.request(message, direction, out).is_some()
        {
            out.end_record();
        }
        After::Next
    }
}

impl Session {
    fn request(&mut self, message: &[u8], direction: Direction, out: &mut dyn Sink) -> Option<()> {
        let mut reader = Reader::new(message);
        reader.skip(4)?;
        let key = reader.u16()?;
        let version = reader.u16()?;
        reader.skip(4)?;
        // The client's name is the last of the header's fields but for tags, which only later versions have.
        let name = string(&mut reader)?;
        out.fact(&API, direction, Value::Number(key.into()));
        out.fact(&VERSION, direction, Value::Number(version.into()));
        if !name.is_empty() {
            out.fact(&CLIENT, direction, Value::Bytes(name));
        }
        match key {
            SASL_HANDSHAKE => {
                let mechanism = string(&mut reader)?;
                self.plain = mechanism == b"PLAIN";
                out.fact(&MECHANISM, direction, Value::Bytes(mechanism));
            }
            SASL_AUTHENTICATE if self.plain => {
                // The compact encoding since version 2: tags, then a varint length.
                let skip = if version >= 2 { 2 } else { 4 };
                reader.skip(skip)?;
                let (user, password) = sasl_plain(reader.rest())?;
                out.fact(&USER, direction, Value::Bytes(user));
                let password =
                    if version >= 2 { password.strip_suffix(b"\0").unwrap_or(password) } else { password };
                out.fact(&PASSWORD, direction, Value::Bytes(password));
            }
            PRODUCE => out.fact(&RECORDS, direction, Value::Bytes(reader.rest())),
            _ => {}
        }
        Some(())
    }
}

/// A nullable string.
fn string<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    match reader.u16()? {
        u16::MAX => Some(&[]),
        length => reader.take(length.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    fn request(key: u16, version: u16, body: &[u8]) -> Vec<u8> {
        let mut request = (body.len() as u32 + 13).to_be_bytes().to_vec();
        request.extend(key.to_be_bytes());
        request.extend(version.to_be_bytes());
        request.extend(b"\0\0\0\x07\0\x03app");
        request.extend(body);
        request
    }

    #[test]
    fn reads_logins_and_records() {
        let tcp = flow(Transport::TCP, 9092);
        let parts = [
            request(SASL_HANDSHAKE, 1, b"\0\x05PLAIN"),
            request(SASL_AUTHENTICATE, 1, b"\0\0\0\x0c\0anna\0secret"),
            request(PRODUCE, 3, b"hello"),
        ];
        let conversation: Vec<_> = parts.iter().map(|part| (TO_SERVER, &part[..])).collect();
        let transcript = feed(&PROTOCOL, &tcp, &conversation);
        assert_eq!(transcript.values(&CLIENT), ["app", "app", "app"]);
        assert_eq!(transcript.value(&USER), "anna");
        assert_eq!(transcript.value(&PASSWORD), "secret");
        assert_eq!(transcript.value(&RECORDS), "hello");
        keeps_promises(&PROTOCOL, &tcp, &conversation);
    }

    #[test]
    fn is_known_by_a_first_request() {
        let odd = flow(Transport::TCP, 4000);
        let versions = request(API_VERSIONS, 4, b"");
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &versions), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &versions[..9]), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &request(1, 4, b"")), Probe::Mismatch);
        assert_eq!(
            probe(&PROTOCOL, &odd, TO_CLIENT, b"\0\0\0\x14\0\0\0\x07\0\0\0\0\0\0\0\0"),
            Probe::Mismatch
        );
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"\0\0\0\x85\xffSMB\x72\0\0\0\0"), Probe::Mismatch);
    }
}
