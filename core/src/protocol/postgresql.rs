//! PostgreSQL's frontend/backend protocol, version 3 (PostgreSQL documentation, chapter "Frontend/Backend Protocol").
//!
//! Read: the startup parameters, who logs in and how, cleartext passwords, every query with its parameters, rows copied
//! in, errors. What follows an accepted SSLRequest is handed on to `tls`; GSSAPI encryption ends the reading. Function
//! calls and replication streams are passed over.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::strings::zero_ended;
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Unseen, Value};

/// Codes in place of a protocol version, in messages without a type.
const CANCEL_REQUEST: u32 = 80_877_102;
const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;
/// Protocol version 3.0; later minor versions keep the layout.
const VERSION_3: u32 = 0x0003_0000;
/// Longest startup packet a server takes (`MAX_STARTUP_PACKET_LENGTH`).
const STARTUP_BYTES: u32 = 10_000;

static VERSION: Field = Field::meta("postgresql.protocol_version", "request.protocol_version");
static USER: Field = Field::new("postgresql.user", Role::Username);
static PASSWORD: Field = Field::new("postgresql.password", Role::Password);
static DATABASE: Field = Field::meta("postgresql.database", "request.startup_parameters.database");
static APPLICATION: Field =
    Field::meta("postgresql.application_name", "request.startup_parameters.application_name");
static REQUEST: Field = Field::meta("postgresql.request", "request.message");
static QUERY: Field = Field::new("postgresql.query", Role::Content);
static PARAMETER: Field = Field::new("postgresql.parameter", Role::Content);
static COPY_DATA: Field = Field::new("postgresql.copy_data", Role::Content);
static AUTHENTICATION: Field = Field::meta("postgresql.authentication", "response.authentication");
static SERVER_VERSION: Field = Field::meta("postgresql.server_version", "response.server_version");
static COMPLETED: Field = Field::meta("postgresql.command_completed", "response.command_completed");
static SEVERITY: Field = Field::meta("postgresql.severity", "response.severity");
static CODE: Field = Field::meta("postgresql.code", "response.code");
static ERROR: Field = Field::meta("postgresql.message", "response.message");

static FIELDS: &[&Field] = &[
    &VERSION,
    &USER,
    &PASSWORD,
    &DATABASE,
    &APPLICATION,
    &REQUEST,
    &QUERY,
    &PARAMETER,
    &COPY_DATA,
    &AUTHENTICATION,
    &SERVER_VERSION,
    &COMPLETED,
    &SEVERITY,
    &CODE,
    &ERROR,
];

pub(super) static PROTOCOL: PostgreSql = PostgreSql;

#[derive(Debug)]
pub(super) struct PostgreSql;

impl Protocol for PostgreSql {
    fn name(&self) -> &'static str {
        "postgresql"
    }

    fn about(&self) -> &'static str {
        "PostgreSQL's frontend/backend protocol 3, a database"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[5432]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"\0RENSGQC")
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

/// A startup packet, the server's first answer to one, or a query under way.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let mut reader = Reader::new(bytes);
    match bytes.first() {
        None => Probe::NeedMore,
        Some(0) => probe_startup(bytes),
        // The one-byte answers mean something behind a request only.
        Some(b'S' | b'N' | b'G') if is_request(opening.of(opening.direction.opposite())) => Probe::Match,
        Some(b'N') => match bytes.get(1..) {
            Some([]) => Probe::NeedMore,
            Some(behind) => probe_answer(behind),
            None => Probe::Mismatch,
        },
        Some(b'Q') => {
            let (Some(_), Some(length)) = (reader.u8(), reader.u32()) else {
                return Probe::NeedMore;
            };
            if !(6..=0x10_0000).contains(&length) || !opening.flow.has_port(5432) {
                return Probe::Mismatch;
            }
            match reader.take(length as usize - 4) {
                Some([text @ .., 0]) if !text.contains(&0) => Probe::Match,
                Some(_) => Probe::Mismatch,
                None => Probe::NeedMore,
            }
        }
        Some(_) => probe_answer(bytes),
    }
}

fn is_request(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    reader.u32() == Some(8) && matches!(reader.u32(), Some(SSL_REQUEST | GSSENC_REQUEST))
}

fn probe_startup(bytes: &[u8]) -> Probe {
    let mut reader = Reader::new(bytes);
    let Some(length) = reader.u32() else {
        return if bytes.get(1).is_none_or(|byte| *byte == 0) { Probe::NeedMore } else { Probe::Mismatch };
    };
    if !(8..=STARTUP_BYTES).contains(&length) {
        return Probe::Mismatch;
    }
    let Some(code) = reader.u32() else {
        return Probe::NeedMore;
    };
    match code {
        SSL_REQUEST | GSSENC_REQUEST if length == 8 => Probe::Match,
        // A secret key has 4 bytes, and up to 256 since protocol 3.2.
        CANCEL_REQUEST if (16..=268).contains(&length) => Probe::Match,
        VERSION_3..0x0003_0100 => {
            // The first parameter's name begins with a letter ("user" must be there), the last byte is 0.
            match reader.take(length as usize - 8) {
                Some([b'_' | b'a'..=b'z', .., 0, 0]) => Probe::Match,
                Some(_) => Probe::Mismatch,
                None => Probe::NeedMore,
            }
        }
        _ => Probe::Mismatch,
    }
}

fn probe_answer(bytes: &[u8]) -> Probe {
    let mut reader = Reader::new(bytes);
    let (Some(kind), Some(length)) = (reader.u8(), reader.u32()) else {
        return Probe::NeedMore;
    };
    if !(8..=STARTUP_BYTES).contains(&length) {
        return Probe::Mismatch;
    }
    match kind {
        b'R' => match reader.u32() {
            None => Probe::NeedMore,
            Some(0 | 2 | 3 | 7 | 9) if length == 8 => Probe::Match,
            Some(5) if length == 12 => Probe::Match,
            Some(10) => match reader.take(5) {
                None => Probe::NeedMore,
                Some(b"SCRAM") => Probe::Match,
                Some(_) => Probe::Mismatch,
            },
            Some(_) => Probe::Mismatch,
        },
        // An error before the login is fatal; its first field is the severity.
        b'E' => match reader.take(1 + 5) {
            None => Probe::NeedMore,
            Some(b"SFATAL" | b"SPANIC" | b"SERROR") => Probe::Match,
            Some(_) => Probe::Mismatch,
        },
        // What a server says when a client's minor version is too new.
        b'v' if length >= 12 => Probe::NeedMore,
        _ => Probe::Mismatch,
    }
}

/// What the server last asked for, AuthenticationRequest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Asked {
    /// The server was not seen.
    #[default]
    Unheard,
    Cleartext,
    Hashed,
}

#[derive(Debug, Default)]
struct Session {
    /// The side that sent the startup packet.
    client: Option<Direction>,
    /// A one-byte answer is due.
    requested: bool,
    /// The startup packet was seen, or the server goes on as if it had.
    started: bool,
    asked: Asked,
}

impl Messages for Session {
    fn size(&self, direction: Direction, bytes: &[u8]) -> Size {
        let from_client = self.is_client(direction, bytes);
        if from_client && !self.started && matches!(bytes.first(), Some(0)) {
            return match Reader::new(bytes).u32() {
                None => Size::Needs(4),
                Some(length @ 8..=STARTUP_BYTES) => Size::Is(length.into()),
                Some(_) => Size::Broken("a startup packet of an impossible length"),
            };
        }
        if self.requested {
            match (from_client, bytes) {
                // The server was not seen, and the client has begun its TLS handshake.
                (true, [0x16, ..]) => return Size::Turns(After::Secured("tls")),
                (false, [b'S' | b'G' | b'N', ..]) => return Size::Is(1),
                _ => {}
            }
        }
        let mut reader = Reader::new(bytes);
        match (reader.u8(), reader.u32()) {
            (Some(_), Some(length @ 4..)) => Size::of(1, length),
            (Some(kind), None) if kind.is_ascii_alphanumeric() => Size::Needs(5),
            _ => Size::Broken("no message type and length where one must stand"),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let from_client = self.is_client(direction, message);
        let mut reader = Reader::new(message);
        if let &[answer] = message {
            self.requested = false;
            return match answer {
                b'S' => After::Secured("tls"),
                b'G' => {
                    out.unseen(Unseen::Encrypted);
                    After::Done
                }
                _ => After::Next,
            };
        }
        if message.first() == Some(&0) {
            self.client = Some(direction);
            self.startup(&mut reader, direction, out);
            return After::Next;
        }
        let kind = reader.u8().unwrap_or(0);
        if reader.skip(4).is_none() {
            return After::Next;
        }
        if from_client {
            self.requested = false;
            self.started = true;
            self.frontend(kind, &mut reader, direction, out);
        } else {
            self.backend(kind, &mut reader, direction, out);
        }
        After::Next
    }
}

impl Session {
    /// A capture may begin with the server's answer: then the side that asks for a login is the server.
    fn is_client(&self, direction: Direction, bytes: &[u8]) -> bool {
        match self.client {
            Some(client) => client == direction,
            None => match bytes.first() {
                Some(0 | b'Q') => true,
                Some(b'R' | b'N') => false,
                _ => direction == Direction::ToServer,
            },
        }
    }

    /// StartupMessage, SSLRequest, GSSENCRequest, CancelRequest.
    fn startup(&mut self, reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) {
        let code = reader.skip(4).and_then(|()| reader.u32());
        let request = match code {
            Some(SSL_REQUEST) => "SSL Request",
            Some(GSSENC_REQUEST) => "GSSENC Request",
            Some(CANCEL_REQUEST) => "Cancel Request",
            _ => "Startup",
        };
        out.fact(&REQUEST, direction, Value::Text(request));
        self.requested = matches!(code, Some(SSL_REQUEST | GSSENC_REQUEST));
        if request == "Startup" {
            self.started = true;
            if code == Some(VERSION_3) {
                out.fact(&VERSION, direction, Value::Text("3.0"));
            }
            while let (Some(name), Some(value)) = (zero_ended(reader), zero_ended(reader)) {
                match name {
                    b"user" => out.fact(&USER, direction, Value::Bytes(value)),
                    b"database" => out.fact(&DATABASE, direction, Value::Bytes(value)),
                    b"application_name" => out.fact(&APPLICATION, direction, Value::Bytes(value)),
                    _ => {}
                }
            }
        }
        out.end_record();
    }

    fn frontend(&self, kind: u8, reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) {
        match kind {
            b'p' => {
                let Some(password) = self.password(reader.rest()) else {
                    return;
                };
                out.fact(&REQUEST, direction, Value::Text("Password"));
                out.fact(&PASSWORD, direction, Value::Bytes(password));
            }
            b'Q' => {
                let Some(query) = zero_ended(reader) else { return };
                out.fact(&REQUEST, direction, Value::Text("Query"));
                out.fact(&QUERY, direction, Value::Bytes(query));
            }
            b'P' => {
                let (Some(_), Some(query)) = (zero_ended(reader), zero_ended(reader)) else {
                    return;
                };
                out.fact(&REQUEST, direction, Value::Text("Parse"));
                out.fact(&QUERY, direction, Value::Bytes(query));
            }
            b'B' => {
                out.fact(&REQUEST, direction, Value::Text("Bind"));
                bind(reader, direction, out);
            }
            b'd' => out.fact(&COPY_DATA, direction, Value::Bytes(reader.rest())),
            _ => return,
        }
        out.end_record();
    }

    /// A PasswordMessage's password. MD5 hashes, SCRAM and GSSAPI messages have the same type.
    fn password<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let password = bytes.strip_suffix(b"\0")?;
        let plain = match self.asked {
            Asked::Cleartext => true,
            Asked::Hashed => false,
            Asked::Unheard => {
                let hash = password.len() == 35 && password.starts_with(b"md5");
                !hash && !password.is_empty() && password.iter().all(|byte| *byte >= b' ')
            }
        };
        plain.then_some(password)
    }

    fn backend(&mut self, kind: u8, reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) {
        match kind {
            b'R' => {
                self.client = Some(direction.opposite());
                self.started = true;
                let Some(request) = reader.u32() else { return };
                let name = match request {
                    2 => "kerberos",
                    3 => "cleartext",
                    5 => "md5",
                    7 => "gss",
                    9 => "sspi",
                    10 => "sasl",
                    _ => return,
                };
                self.asked = if request == 3 { Asked::Cleartext } else { Asked::Hashed };
                out.fact(&AUTHENTICATION, direction, Value::Text(name));
            }
            b'S' => {
                let (Some(b"server_version"), Some(version)) = (zero_ended(reader), zero_ended(reader))
                else {
                    return;
                };
                out.fact(&SERVER_VERSION, direction, Value::Bytes(version));
            }
            b'C' => {
                let Some(tag) = zero_ended(reader) else { return };
                out.fact(&COMPLETED, direction, Value::Bytes(tag));
            }
            b'E' => {
                while let Some(field @ 1..) = reader.u8() {
                    let Some(value) = zero_ended(reader) else { break };
                    match field {
                        b'S' => out.fact(&SEVERITY, direction, Value::Bytes(value)),
                        b'C' => out.fact(&CODE, direction, Value::Bytes(value)),
                        b'M' => out.fact(&ERROR, direction, Value::Bytes(value)),
                        _ => {}
                    }
                }
            }
            _ => return,
        }
        out.end_record();
    }
}

/// Bind: the portal's and the statement's names, format codes, then the parameters' values.
fn bind(reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    zero_ended(reader)?;
    zero_ended(reader)?;
    let formats = reader.u16()?;
    reader.skip(usize::from(formats) * 2)?;
    for _ in 0..reader.u16()? {
        let length = reader.u32()?;
        // All ones for NULL.
        if length != u32::MAX {
            let value = reader.take(usize::try_from(length).ok()?)?;
            out.fact(&PARAMETER, direction, Value::Bytes(value));
        }
    }
    Some(())
}

#[cfg(test)]
mod tests;
