//! SOCKS 4 and 4a, and SOCKS 5 (RFC 1928) with user and password (RFC 1929).
//!
//! What the proxy opens is probed anew behind its reply. Of GSSAPI (RFC 1961) only the choice is seen, and the datagrams of
//! UDP ASSOCIATE are left alone.

mod probe;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Value};
use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits::LINE_BYTES;
use crate::packet::Transport;

static VERSION: Field = Field::meta("socks.version", "version");
static COMMAND: Field = Field::meta("socks.command", "command");
static HOST: Field = Field::hostname("socks.host", "hostname");
static ADDRESS: Field = Field::meta("socks.address", "address");
static PORT: Field = Field::meta("socks.port", "port");
static METHOD: Field = Field::meta("socks.method", "method");
static STATUS: Field = Field::meta("socks.status", "status");
static USERNAME: Field = Field::new("socks.username", Role::Username);
static PASSWORD: Field = Field::new("socks.password", Role::Password);
static FIELDS: &[&Field] =
    &[&VERSION, &COMMAND, &HOST, &ADDRESS, &PORT, &METHOD, &STATUS, &USERNAME, &PASSWORD];

/// SOCKS.
#[derive(Debug)]
pub(super) struct Socks;

pub(super) static PROTOCOL: Socks = Socks;

impl Protocol for Socks {
    fn name(&self) -> &'static str {
        "socks"
    }

    fn about(&self) -> &'static str {
        "SOCKS proxy protocol 4, 4a and 5 (RFC 1928)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[1080, 9050]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[0, V4, V5])
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        probe::probe(opening)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Connection>::default()
    }
}

const V4: u8 = 4;
const V5: u8 = 5;
/// RFC 1928 §3.
const NO_AUTHENTICATION: u8 = 0x00;
const GSSAPI: u8 = 0x01;
const NONE_ACCEPTABLE: u8 = 0xff;
/// Of the subnegotiation, RFC 1929 §2.
const LOGIN_VERSION: u8 = 1;
const BIND: u8 = 2;
const UDP_ASSOCIATE: u8 = 3;
const V4_GRANTED: u8 = 0x5a;

#[derive(Debug, Default)]
struct Connection {
    /// The direction that the client speaks in.
    client: Option<Direction>,
    version: u8,
    command: u8,
    method: Option<u8>,
    client_at: At,
    /// The proxy has said something: its side is in the capture.
    is_answered: bool,
    /// A client that was told to wait for a second reply.
    is_bound: bool,
}

/// How far the client is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    #[default]
    Greeting,
    Login,
    /// Nothing is left but what the proxy passes on.
    Asked,
}

enum Step {
    Taken(usize),
    Wait,
    Done,
    Carries(usize),
    Malformed(&'static str),
}

/// Where a client wants to go, or where the proxy went for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Destination<'a> {
    Address(IpAddr),
    Name(&'a [u8]),
}

impl Parser for Connection {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let mut at = 0;
        loop {
            let rest = chunk.bytes.get(at..).unwrap_or_default();
            let Some(client) = self.client_direction(chunk.direction, rest) else {
                return waiting(at, rest);
            };
            let step = if rest.is_empty() {
                Step::Wait
            } else if chunk.direction == client {
                self.client_said(rest, out)
            } else {
                self.proxy_said(rest, out)
            };
            match step {
                Step::Taken(count) => at += count,
                Step::Wait if rest.len() > LINE_BYTES => {
                    return Progress::Malformed { what: "a message without end", at };
                }
                Step::Wait => return waiting(at, rest),
                Step::Done => return Progress::Done,
                Step::Carries(count) => return Progress::Carries { consumed: at + count },
                Step::Malformed(what) => return Progress::Malformed { what, at },
            }
        }
    }
}

const fn waiting(at: usize, rest: &[u8]) -> Progress {
    if rest.is_empty() {
        return Progress::Consumed(at);
    }
    Progress::NeedMore { consumed: at, need: rest.len() + 1 }
}

impl Connection {
    /// A capture may begin with the proxy's answer, and then take it for the client's.
    fn client_direction(&mut self, direction: Direction, bytes: &[u8]) -> Option<Direction> {
        if self.client.is_none() {
            self.client = match probe::speaker(bytes)? {
                probe::Speaker::Client => Some(direction),
                probe::Speaker::Proxy => Some(direction.opposite()),
            };
        }
        self.client
    }

    fn client_said(&mut self, rest: &[u8], out: &mut dyn Sink) -> Step {
        match (self.client_at, rest) {
            (At::Asked, _) if self.is_answered => Step::Wait,
            // Only the client's side was captured.
            (At::Asked, _) => Step::Carries(0),
            (At::Greeting, [V4, ..]) => self.request_v4(rest, out).unwrap_or(Step::Wait),
            (At::Greeting, [V5, ..]) => greeting(rest).map_or(Step::Wait, |(count, _)| {
                self.version = V5;
                self.client_at = At::Login;
                Step::Taken(count)
            }),
            (At::Login, [LOGIN_VERSION, ..]) if self.method == Some(GSSAPI) => {
                out.end_record();
                Step::Done
            }
            (At::Login, [LOGIN_VERSION, ..]) => login(rest, out).map_or(Step::Wait, Step::Taken),
            (At::Login, [V5, ..]) => self.request_v5(rest, out).unwrap_or(Step::Wait),
            _ => Step::Malformed("a message of another version"),
        }
    }

    /// RFC 1928 §4.
    fn request_v5(&mut self, rest: &[u8], out: &mut dyn Sink) -> Option<Step> {
        let mut reader = Reader::new(rest);
        reader.skip(1)?;
        let command = reader.u8()?;
        reader.skip(1)?;
        let (destination, port) = match destination(&mut reader)? {
            Ok(destination) => (destination, reader.u16()?),
            Err(what) => return Some(Step::Malformed(what)),
        };
        self.state_request(command, destination, port, out);
        Some(Step::Taken(reader.offset()))
    }

    /// Ying-Da Lee, "SOCKS: A protocol for TCP proxy across firewalls", and "SOCKS 4A": an address 0.0.0.x stands for a
    /// name that follows.
    fn request_v4(&mut self, rest: &[u8], out: &mut dyn Sink) -> Option<Step> {
        let request = V4Request::parse(rest)?;
        self.version = V4;
        if !request.user.is_empty() {
            out.fact(&USERNAME, Direction::ToServer, Value::Bytes(request.user));
        }
        self.state_request(request.command, request.destination, request.port, out);
        Some(Step::Taken(request.len))
    }

    fn state_request(&mut self, command: u8, destination: Destination<'_>, port: u16, out: &mut dyn Sink) {
        self.client_at = At::Asked;
        self.command = command;
        let mut state = |field, value: Value<'_>| out.fact(field, Direction::ToServer, value);
        state(&VERSION, Value::Number(self.version.into()));
        state(&COMMAND, Value::Text(command_name(command)));
        match destination {
            Destination::Address(address) => state(&ADDRESS, Value::Text(&address.to_string())),
            Destination::Name(name) => {
                let name = name.strip_suffix(b".").unwrap_or(name).to_ascii_lowercase();
                state(&HOST, Value::Bytes(&name));
            }
        }
        state(&PORT, Value::Number(port.into()));
        out.end_record();
    }

    fn proxy_said(&mut self, rest: &[u8], out: &mut dyn Sink) -> Step {
        self.is_answered = true;
        match rest {
            [0, ..] => self.reply_v4(rest, out).unwrap_or(Step::Wait),
            [V5, method, ..] if self.method.is_none() => {
                self.method = Some(*method);
                out.fact(&METHOD, Direction::ToClient, Value::Number((*method).into()));
                if *method == NONE_ACCEPTABLE {
                    out.end_record();
                }
                Step::Taken(2)
            }
            [V5, ..] if self.method.is_some() => self.reply_v5(rest, out).unwrap_or(Step::Wait),
            [LOGIN_VERSION, ..] if self.method == Some(GSSAPI) => Step::Done,
            [LOGIN_VERSION, _, ..] => Step::Taken(2),
            [_] => Step::Wait,
            _ => Step::Malformed("a reply of another version"),
        }
    }

    /// RFC 1928 §6.
    fn reply_v5(&mut self, rest: &[u8], out: &mut dyn Sink) -> Option<Step> {
        let mut reader = Reader::new(rest);
        reader.skip(1)?;
        let status = reader.u8()?;
        reader.skip(1)?;
        if let Err(what) = destination(&mut reader)? {
            return Some(Step::Malformed(what));
        }
        reader.skip(2)?;
        Some(self.replied(status, 0, reader.offset(), out))
    }

    fn reply_v4(&mut self, rest: &[u8], out: &mut dyn Sink) -> Option<Step> {
        /// The reply's version and status, and a port and an address.
        const REPLY_BYTES: usize = 8;
        let reply = rest.get(..REPLY_BYTES)?;
        let status = *reply.get(1)?;
        Some(self.replied(status, V4_GRANTED, REPLY_BYTES, out))
    }

    fn replied(&mut self, status: u8, granted: u8, len: usize, out: &mut dyn Sink) -> Step {
        out.fact(&STATUS, Direction::ToClient, Value::Number(status.into()));
        out.end_record();
        match self.command {
            _ if status != granted => Step::Taken(len),
            UDP_ASSOCIATE if self.version == V5 => Step::Done,
            BIND if !std::mem::replace(&mut self.is_bound, true) => Step::Taken(len),
            _ => Step::Carries(len),
        }
    }
}

struct V4Request<'a> {
    command: u8,
    port: u16,
    destination: Destination<'a>,
    user: &'a [u8],
    len: usize,
}

impl<'a> V4Request<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        reader.skip(1)?;
        let (command, port) = (reader.u8()?, reader.u16()?);
        let address: [u8; 4] = reader.array()?;
        let user = until_zero(&mut reader)?;
        let destination = match address {
            [0, 0, 0, last] if last != 0 => Destination::Name(until_zero(&mut reader)?),
            _ => Destination::Address(IpAddr::V4(Ipv4Addr::from(address))),
        };
        Some(Self { command, port, destination, user, len: reader.offset() })
    }
}

fn until_zero<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let end = memchr::memchr(0, reader.peek())?;
    let text = reader.take(end)?;
    reader.skip(1)?;
    Some(text)
}

/// RFC 1928 §3: the length of a greeting, and the methods it offers.
fn greeting(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut reader = Reader::new(bytes);
    reader.skip(1)?;
    let count = reader.u8()?;
    let methods = reader.take(count.into())?;
    Some((reader.offset(), methods))
}

/// RFC 1929 §2.
fn login(bytes: &[u8], out: &mut dyn Sink) -> Option<usize> {
    let mut reader = Reader::new(bytes);
    reader.skip(1)?;
    let (user, password) = (reader.sub_u8()?.rest(), reader.sub_u8()?.rest());
    for (field, text) in [(&USERNAME, user), (&PASSWORD, password)] {
        if !text.is_empty() {
            out.fact(field, Direction::ToServer, Value::Bytes(text));
        }
    }
    Some(reader.offset())
}

/// RFC 1928 §5. `None` if there is too little of it.
fn destination<'a>(reader: &mut Reader<'a>) -> Option<Result<Destination<'a>, &'static str>> {
    Some(Ok(match reader.u8()? {
        1 => Destination::Address(IpAddr::V4(Ipv4Addr::from(reader.array::<4>()?))),
        3 => Destination::Name(reader.sub_u8()?.rest()),
        4 => Destination::Address(IpAddr::V6(Ipv6Addr::from(reader.array::<16>()?))),
        _ => return Some(Err("an address of an unknown type")),
    }))
}

const fn command_name(command: u8) -> &'static str {
    match command {
        1 => "connect",
        BIND => "bind",
        UDP_ASSOCIATE => "udp-associate",
        _ => "unknown",
    }
}
