//! VNC: the Remote Framebuffer protocol (RFC 6143), with the security types of VeNCrypt and Apple's Remote Desktop.
//!
//! Read: both versions, the security types offered and chosen, a VeNCrypt login in the clear, the desktop's name, and
//! text the client puts on the clipboard. TLS inside is probed anew while the flow stays `vnc`. The screen's content
//! is passed over; security types that encrypt by themselves end the reading.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Unseen, Value};

/// ProtocolVersion, §7.1.1: `RFB 003.008` and a line feed.
const VERSION_BYTES: usize = 12;

/// Security types, §7.1.2 and IANA's registry.
const NONE: u8 = 1;
const VNC: u8 = 2;
const TLS: u8 = 18;
const VENCRYPT: u8 = 19;
const APPLE: u8 = 30;
/// VeNCrypt's subtypes: a login in the clear; what is above runs inside TLS.
const VENCRYPT_PLAIN: u32 = 256;

static SERVER_VERSION: Field = Field::meta("vnc.server_version", "server_protocol_version");
static CLIENT_VERSION: Field = Field::meta("vnc.client_version", "client_protocol_version");
static OFFERED: Field = Field::meta("vnc.security_types", "authentication.offered[]");
static SECURITY: Field = Field::meta("vnc.security", "authentication.security_type");
static SUBTYPE: Field = Field::meta("vnc.vencrypt_subtype", "authentication.vencrypt_subtype");
static RESULT: Field = Field::meta("vnc.security_result", "authentication.security_result");
static REASON: Field = Field::meta("vnc.reason", "authentication.reason");
static USER: Field = Field::new("vnc.user", Role::Username);
static PASSWORD: Field = Field::new("vnc.password", Role::Password);
static NAME: Field = Field::meta("vnc.desktop_name", "framebuffer.name");
static CLIPBOARD: Field = Field::new("vnc.clipboard", Role::Content);

static FIELDS: &[&Field] = &[
    &SERVER_VERSION,
    &CLIENT_VERSION,
    &OFFERED,
    &SECURITY,
    &SUBTYPE,
    &RESULT,
    &REASON,
    &USER,
    &PASSWORD,
    &NAME,
    &CLIPBOARD,
];

pub(super) static PROTOCOL: Vnc = Vnc;

#[derive(Debug)]
pub(super) struct Vnc;

impl Protocol for Vnc {
    fn name(&self) -> &'static str {
        "vnc"
    }

    fn about(&self) -> &'static str {
        "VNC, a remote screen (Remote Framebuffer, RFC 6143)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[5900, 5901]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"R")
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
    let bytes = opening.newest();
    let fits = |(index, byte): (usize, &u8)| match index {
        0..4 => b"RFB ".get(index) == Some(byte),
        7 => *byte == b'.',
        11 => *byte == b'\n',
        _ => byte.is_ascii_digit(),
    };
    if !bytes.iter().take(VERSION_BYTES).enumerate().all(fits) {
        Probe::Mismatch
    } else if bytes.len() < VERSION_BYTES {
        Probe::NeedMore
    } else {
        Probe::Match
    }
}

/// What a side says next.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Version,
    /// The server's security types, or since 3.3 has no choice, the type.
    Types,
    /// The server's part of the chosen security type: challenge, parameters, VeNCrypt's version.
    Challenge,
    VencryptTypes,
    VencryptAccept,
    Result,
    ServerInit,
    /// The client's choice.
    Choice,
    /// The client's part of the chosen security type.
    Response,
    VencryptChoice,
    Login,
    ClientInit,
    Messages,
    Opaque,
}

#[derive(Debug, Default)]
struct Session {
    /// Who sent the first version; the server, if the other side answered.
    first: Option<Direction>,
    answered: bool,
    /// The minor version both agree on: 3, 7 or 8.
    minor: u32,
    security: u8,
    stages: [Stage; 2],
}

impl Messages for Session {
    fn size(&self, direction: Direction, bytes: &[u8]) -> Size {
        let mut reader = Reader::new(bytes);
        match self.stage(direction) {
            Stage::Version => Size::Is(VERSION_BYTES as u64),
            Stage::Types if self.minor < 7 => Size::Is(4),
            Stage::Types => match reader.u8() {
                // No type: the connection is refused, and a reason follows.
                Some(0) => with_length(reader, 1),
                count => Size::of(1, count.unwrap_or(0)),
            },
            Stage::Challenge => match self.security {
                VNC => Size::Is(16),
                APPLE => match (reader.skip(2), reader.u16()) {
                    (Some(()), Some(length)) => Size::of(4, u64::from(length) * 2),
                    _ => Size::Needs(4),
                },
                VENCRYPT => Size::Is(2),
                _ => Size::Opaque,
            },
            // 0 agrees to the version, then come the subtypes.
            Stage::VencryptTypes => match (reader.u8(), reader.u8()) {
                (Some(0), Some(count)) => Size::of(2, u64::from(count) * 4),
                (Some(0), None) => Size::Needs(2),
                _ => Size::Is(1),
            },
            Stage::VencryptAccept | Stage::Choice | Stage::ClientInit => Size::Is(1),
            Stage::Result => match reader.u32() {
                Some(0) => Size::Is(4),
                Some(_) if self.minor >= 8 => with_length(reader, 4),
                Some(_) => Size::Is(4),
                None => Size::Needs(4),
            },
            // Width, height, pixel format, the name's length.
            Stage::ServerInit => match reader.skip(20) {
                Some(()) => with_length(reader, 20),
                None => Size::Needs(24),
            },
            Stage::Response => match self.security {
                VNC => Size::Is(16),
                VENCRYPT => Size::Is(2),
                // The key's length was the server's to say.
                _ => Size::Opaque,
            },
            Stage::VencryptChoice => Size::Is(4),
            Stage::Login => match (reader.u32(), reader.u32()) {
                (Some(user), Some(password)) => Size::of(8, u64::from(user) + u64::from(password)),
                _ => Size::Needs(8),
            },
            Stage::Messages => client_message_size(bytes),
            Stage::Opaque => Size::Opaque,
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let mut reader = Reader::new(message);
        let mut after = After::Next;
        let next = match self.stage(direction) {
            Stage::Version => {
                self.version(direction, message, out);
                return After::Next;
            }
            Stage::Types => self.types(&mut reader, direction, out),
            Stage::Challenge if self.security == VENCRYPT => Stage::VencryptTypes,
            Stage::Challenge => Stage::Result,
            Stage::VencryptTypes => Stage::VencryptAccept,
            Stage::VencryptAccept if message == [1] => {
                after = After::Carries;
                Stage::Opaque
            }
            Stage::Result => result(&mut reader, direction, out),
            Stage::ServerInit => {
                if let Some(name) = message.get(24..) {
                    out.fact(&NAME, direction, Value::Bytes(name));
                    out.end_record();
                }
                Stage::Opaque
            }
            Stage::Choice => {
                let choice = reader.u8().unwrap_or(0);
                after = self.chosen(choice, direction, out);
                if choice == NONE { Stage::ClientInit } else { Stage::Response }
            }
            Stage::Response if self.security == VENCRYPT => Stage::VencryptChoice,
            Stage::Response => Stage::ClientInit,
            Stage::VencryptChoice => {
                let subtype = reader.u32().unwrap_or(0);
                out.fact(&SUBTYPE, direction, Value::Number(subtype.into()));
                out.end_record();
                if subtype == VENCRYPT_PLAIN {
                    self.stages[direction.opposite().index()] = Stage::Result;
                    Stage::Login
                } else {
                    Stage::Opaque
                }
            }
            Stage::Login => {
                login(&mut reader, direction, out);
                Stage::ClientInit
            }
            Stage::ClientInit => Stage::Messages,
            Stage::Messages => {
                if let [6, _, _, _, 0..=0x7f, _, _, _, text @ ..] = message {
                    out.fact(&CLIPBOARD, direction, Value::Bytes(text));
                    out.end_record();
                }
                Stage::Messages
            }
            Stage::VencryptAccept | Stage::Opaque => Stage::Opaque,
        };
        self.stages[direction.index()] = next;
        after
    }
}

impl Session {
    fn server(&self) -> Direction {
        match self.first {
            Some(first) if self.answered => first,
            _ => Direction::ToClient,
        }
    }

    /// What `direction` says next. Which side is the server is known once both have said their version.
    fn stage(&self, direction: Direction) -> Stage {
        let stage = self.stages[direction.index()];
        let client_is_next = stage == Stage::Types && direction != self.server();
        if client_is_next { Stage::Choice } else { stage }
    }

    fn version(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) {
        let first = *self.first.get_or_insert(direction);
        self.answered |= first != direction;
        let from_server = direction == self.server() && (self.answered || direction == Direction::ToClient);
        let shown = message.get(4..11).unwrap_or_default();
        // Only 3.3, 3.7 and 3.8 are versions; others (3.889, 4.1, 5.0) speak 3.8's handshake, 3.5 and less are 3.3.
        let minor = match shown {
            [b'0', b'0', b'3', _, digits @ ..] => match digits {
                b"003" | b"004" | b"005" | b"006" => 3,
                b"007" => 7,
                _ => 8,
            },
            _ => 8,
        };
        self.minor = if self.minor == 0 { minor } else { self.minor.min(minor) };
        let field = if from_server { &SERVER_VERSION } else { &CLIENT_VERSION };
        out.fact(field, direction, Value::Bytes(shown));
        out.end_record();
        self.stages[direction.index()] = if self.minor < 7 && !from_server && !self.answered {
            // The type was the server's to say, and it is not seen.
            Stage::Opaque
        } else {
            Stage::Types
        };
    }

    /// The server's types; where there is only one, or no choice, that is what follows.
    fn types(&mut self, reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Stage {
        if self.minor < 7 {
            let security = reader.u32().and_then(|kind| u8::try_from(kind).ok()).unwrap_or(0);
            self.chosen(security, direction, out);
            let client = &mut self.stages[direction.opposite().index()];
            *client = match security {
                NONE => Stage::ClientInit,
                VNC => Stage::Response,
                _ => Stage::Opaque,
            };
            return match security {
                NONE => Stage::ServerInit,
                VNC => Stage::Challenge,
                _ => Stage::Opaque,
            };
        }
        let count = reader.u8().unwrap_or(0);
        if count == 0 {
            reader.skip(4);
            out.fact(&REASON, direction, Value::Bytes(reader.rest()));
            out.end_record();
            return Stage::Opaque;
        }
        let types = reader.rest();
        for kind in types {
            out.fact(&OFFERED, direction, Value::Number((*kind).into()));
        }
        out.end_record();
        if let (&[only], 0) = (types, self.security) {
            self.security = only;
        }
        self.after_choice()
    }

    /// The security type is settled: says so, and what the server says next.
    fn chosen(&mut self, security: u8, direction: Direction, out: &mut dyn Sink) -> After {
        self.security = security;
        out.fact(&SECURITY, direction, Value::Text(security_name(security)));
        out.end_record();
        let server = self.server().index();
        if direction != self.server() && self.stages[server] != Stage::Version {
            self.stages[server] = self.after_choice();
        }
        match security {
            0 | NONE | VNC | VENCRYPT | APPLE => After::Next,
            TLS => After::Carries,
            _ => {
                out.unseen(Unseen::Encrypted);
                After::Done
            }
        }
    }

    fn after_choice(&self) -> Stage {
        match self.security {
            NONE if self.minor < 8 => Stage::ServerInit,
            NONE => Stage::Result,
            _ => Stage::Challenge,
        }
    }
}

const fn security_name(security: u8) -> &'static str {
    match security {
        0 => "invalid",
        NONE => "none",
        VNC => "vnc",
        5 | 129 => "ra2",
        6 | 130 => "ra2ne",
        13 | 133 => "ra2-256",
        16 => "tight",
        17 => "ultra",
        TLS => "tls",
        VENCRYPT => "vencrypt",
        20 => "sasl",
        21 => "md5",
        APPLE => "apple-dh",
        33 | 35 | 36 => "apple-srp",
        113 => "ms-logon",
        _ => "other",
    }
}

/// A four-byte length behind `header` bytes, which `reader` has passed.
fn with_length(mut reader: Reader<'_>, header: u64) -> Size {
    match reader.u32() {
        Some(length) => Size::of(header + 4, length),
        None => Size::Needs(reader.offset() + 4),
    }
}

/// SecurityResult, §7.1.3.
fn result(reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Stage {
    let accepted = reader.u32() == Some(0);
    let word = if accepted { "OK" } else { "FAIL" };
    out.fact(&RESULT, direction, Value::Text(word));
    if !accepted && reader.skip(4).is_some() {
        out.fact(&REASON, direction, Value::Bytes(reader.rest()));
    }
    out.end_record();
    if accepted { Stage::ServerInit } else { Stage::Opaque }
}

/// VeNCrypt's plain login: two lengths, the user's name, the password.
fn login(reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    let user = usize::try_from(reader.u32()?).ok()?;
    let password = usize::try_from(reader.u32()?).ok()?;
    out.fact(&USER, direction, Value::Bytes(reader.take(user)?));
    out.fact(&PASSWORD, direction, Value::Bytes(reader.take(password)?));
    out.end_record();
    Some(())
}

/// Client-to-server messages, §7.5, and the registered ones of common viewers.
fn client_message_size(bytes: &[u8]) -> Size {
    let mut reader = Reader::new(bytes);
    let at16 = |at: usize| Reader::new(bytes.get(at..).unwrap_or_default()).u16();
    match reader.u8() {
        Some(0) => Size::Is(20),
        Some(2) => at16(2).map_or(Size::Needs(4), |count| Size::of(4, u64::from(count) * 4)),
        Some(3 | 150) => Size::Is(10),
        Some(4) => Size::Is(8),
        Some(5) => Size::Is(6),
        // A negative length marks the extended clipboard.
        Some(6) => match (reader.skip(3), reader.u32()) {
            (Some(()), Some(length)) => Size::of(8, length.cast_signed().unsigned_abs()),
            _ => Size::Needs(8),
        },
        Some(248) => bytes.get(8).map_or(Size::Needs(9), |length| Size::of(9, *length)),
        Some(250) => Size::Is(4),
        Some(251) => bytes.get(6).map_or(Size::Needs(8), |screens| Size::of(8, u64::from(*screens) * 16)),
        // QEMU's extended key event.
        Some(255) => match bytes.get(1) {
            Some(0) => Size::Is(12),
            Some(_) => Size::Opaque,
            None => Size::Needs(2),
        },
        _ => Size::Opaque,
    }
}

#[cfg(test)]
mod tests;
