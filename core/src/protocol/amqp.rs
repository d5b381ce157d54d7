//! AMQP 0-9-1 (and its elders 0-8 to 0-10) and AMQP 1.0 (ISO/IEC 19464): messages between programs and a broker.
//!
//! Both versions begin with the same header and share nothing else. Read: the login (SASL PLAIN, AMQPLAIN), the virtual
//! host or host name, what the broker says of itself, where messages go and their bodies. What follows AMQP's own TLS
//! header is handed on to `tls`. AMQP 0-10's methods are not read.

use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::strings::sasl_plain;
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

mod v0;
mod v1;

pub(super) static PROTOCOL: Amqp = Amqp;

static VERSION: Field = Field::meta("amqp.version", "version");
static METHOD: Field = Field::meta("amqp.method", "method");
static PRODUCT: Field = Field::meta("amqp.product", "product");
static PRODUCT_VERSION: Field = Field::meta("amqp.product_version", "product_version");
static MECHANISMS: Field = Field::meta("amqp.mechanisms", "mechanisms");
static MECHANISM: Field = Field::meta("amqp.mechanism", "mechanism");
static USERNAME: Field = Field::new("amqp.username", Role::Username);
static PASSWORD: Field = Field::new("amqp.password", Role::Password);
static VHOST: Field = Field::meta("amqp.vhost", "vhost");
static HOSTNAME: Field = Field::hostname("amqp.hostname", "hostname");
static CONTAINER: Field = Field::new("amqp.container_id", Role::Content);
static ADDRESS: Field = Field::new("amqp.address", Role::Content);
static HEADER: Field = Field::new("amqp.header", Role::Content);
static BODY: Field = Field::new("amqp.body", Role::Content);
static REPLY: Field = Field::meta("amqp.reply_text", "reply_text");

/// The protocol header, AMQP 0-9-1 §4.2.2 and AMQP 1.0 §2.2: `AMQP`, an identifier and the version.
const HEADER_BYTES: usize = 8;
/// Identifier of TLS in an AMQP 1.0 header (§5.2).
const ID_TLS: u8 = 2;

static FIELDS: &[&Field] = &[
    &VERSION,
    &METHOD,
    &PRODUCT,
    &PRODUCT_VERSION,
    &MECHANISMS,
    &MECHANISM,
    &USERNAME,
    &PASSWORD,
    &VHOST,
    &HOSTNAME,
    &CONTAINER,
    &ADDRESS,
    &HEADER,
    &BODY,
    &REPLY,
];

#[derive(Debug)]
pub(super) struct Amqp;

impl Protocol for Amqp {
    fn name(&self) -> &'static str {
        "amqp"
    }

    fn about(&self) -> &'static str {
        "AMQP 0-9-1 and 1.0, messages between programs and a broker (ISO/IEC 19464)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[5672]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[b'A', 1, 2, 3, 8])
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let bytes = opening.newest();
        match Version::of_header(bytes) {
            Some(_) => Probe::Match,
            None if bytes.len() < HEADER_BYTES && b"AMQP".starts_with(&bytes[..bytes.len().min(4)]) => {
                Probe::NeedMore
            }
            None if bytes.starts_with(b"AMQP") => Probe::Mismatch,
            None => v0::probe(bytes),
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Framed<Session>>::default()
    }
}

/// What the protocol header announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// 0-8, 0-9 and 0-9-1: the same frames and methods.
    V0_9,
    V0_10,
    V1 {
        id: u8,
    },
}

impl Version {
    fn of_header(bytes: &[u8]) -> Option<Self> {
        match *bytes {
            [b'A', b'M', b'Q', b'P', 0, 0, 9, 0 | 1, ..]
            | [b'A', b'M', b'Q', b'P', 1, 1, 8, 0, ..]
            | [b'A', b'M', b'Q', b'P', 1, 1, 0, 8 | 9, ..]
            | [b'A', b'M', b'Q', b'P', 1, 1, 9, 0 | 1, ..] => Some(Self::V0_9),
            [b'A', b'M', b'Q', b'P', 1, 1, 0, 10, ..] => Some(Self::V0_10),
            [b'A', b'M', b'Q', b'P', id @ (0 | 2 | 3), 1, 0, 0, ..] => Some(Self::V1 { id }),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::V0_9 => "0-9-1",
            Self::V0_10 => "0-10",
            Self::V1 { .. } => "1.0",
        }
    }
}

#[derive(Debug, Default)]
struct Session {
    version: Option<Version>,
    /// Bytes of the message body that are still to come, AMQP 0-9-1.
    body: [u64; 2],
}

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        if bytes.starts_with(b"AMQP") {
            return Size::Is(HEADER_BYTES as u64);
        }
        match self.version {
            _ if bytes.len() < 4 => Size::Needs(8),
            Some(Version::V0_10) => Size::Opaque,
            Some(Version::V1 { .. }) => v1::size(bytes),
            Some(Version::V0_9) | None => v0::size(bytes),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        if message.starts_with(b"AMQP") {
            return self.header(direction, message, out);
        }
        match self.version {
            Some(Version::V1 { .. }) => {
                v1::frame(direction, message, out);
                After::Next
            }
            _ => v0::frame(&mut self.body, direction, message, out),
        }
    }
}

impl Session {
    fn header(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let Some(version) = Version::of_header(message) else {
            return After::Broken("an AMQP header of an unknown version");
        };
        if self.version.map(Version::name) != Some(version.name()) {
            out.fact(&VERSION, direction, Value::Text(version.name()));
            out.end_record();
        }
        self.version = Some(version);
        match version {
            // The server's header is the agreement, §5.2.1; a client alone goes on with its ClientHello.
            Version::V1 { id: ID_TLS } if direction == Direction::ToClient => After::Secured("tls"),
            _ => After::Next,
        }
    }
}

/// States a value that is there and not empty.
fn state(field: &'static Field, value: Option<&[u8]>, direction: Direction, out: &mut dyn Sink) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        out.fact(field, direction, Value::Bytes(value));
    }
}

/// States who logs in with SASL PLAIN.
fn plain(response: &[u8], direction: Direction, out: &mut dyn Sink) {
    if let Some((username, password)) = sasl_plain(response) {
        out.fact(&USERNAME, direction, Value::Bytes(username));
        out.fact(&PASSWORD, direction, Value::Bytes(password));
    }
}

#[cfg(test)]
mod tests;
