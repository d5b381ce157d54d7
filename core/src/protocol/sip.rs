//! SIP, RFC 3261, over UDP and TCP, with the session descriptions (RFC 8866) in it.
//!
//! Read are requests and responses of both sides, also with short field names (RFC 3261 §7.3.3), logins, and the bodies of
//! messages. An offer or answer announces the flows of RTP and RTCP.

mod sdp;
#[cfg(test)]
mod tests;

use super::http::auth;
use super::http::authority::Authority;
use super::http::lines::{HeaderField, RequestLine, StatusLine};
use super::http::messages::{self, Between, Context, Messages, Reader};
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Unseen, Value};
use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::Transport;

static METHOD: Field = Field::meta("sip.request.method", "method");
static URI: Field = Field::meta("sip.request.uri", "uri");
static VERSION: Field = Field::meta("sip.version", "version");
static HOST: Field = Field::hostname("sip.host", "hostname");
static STATUS: Field = Field::meta("sip.response.status", "code");
static FROM: Field = Field::meta("sip.from", "from");
static TO: Field = Field::meta("sip.to", "to");
static CALL_ID: Field = Field::meta("sip.call_id", "call_id");
static USER_AGENT: Field = Field::meta("sip.user_agent", "user_agent");
static HEADER: Field = Field::new("sip.header", Role::Content);
static BODY: Field = Field::new("sip.body", Role::Content);
static LOGIN: auth::Fields =
    auth::Fields::new("sip.auth.scheme", "sip.username", "sip.password", "sip.bearer");
static FIELDS: &[&Field] = &[
    &METHOD,
    &URI,
    &VERSION,
    &HOST,
    &STATUS,
    &FROM,
    &TO,
    &CALL_ID,
    &USER_AGENT,
    &HEADER,
    &BODY,
    &LOGIN.scheme,
    &LOGIN.username,
    &LOGIN.password,
    &LOGIN.bearer,
];

static VERSIONS: &[&[u8]] = &[b"SIP/2."];

/// SIP.
#[derive(Debug)]
pub(super) struct Sip;

pub(super) static PROTOCOL: Sip = Sip;

impl Protocol for Sip {
    fn name(&self) -> &'static str {
        "sip"
    }

    fn about(&self) -> &'static str {
        "Session Initiation Protocol (RFC 3261)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP, Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[5060]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n\0")
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let bytes = opening.newest();
        if is_keep_alive(bytes) {
            return if opening.flow.has_port(5060) { Probe::NeedMore } else { Probe::Mismatch };
        }
        let start = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        match messages::probe(bytes.get(start..).unwrap_or_default(), VERSIONS, &[b"sip:", b"sips:"]) {
            // A datagram gets no longer.
            Probe::NeedMore if opening.is_datagram() => Probe::Mismatch,
            verdict => verdict,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Conversation>::default()
    }
}

/// RFC 5626 §3.5.1, and what is sent for the same end.
fn is_keep_alive(bytes: &[u8]) -> bool {
    (1..=4).contains(&bytes.len()) && bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

#[derive(Debug, Default)]
struct Conversation {
    sides: [Messages<Message>; 2],
}

impl Conversation {
    const fn side(&mut self, direction: Direction) -> &mut Messages<Message> {
        let [to_server, to_client] = &mut self.sides;
        match direction {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        }
    }
}

impl Parser for Conversation {
    fn feed(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let mut context = Context { flow, direction: chunk.direction, out };
        let side = self.side(chunk.direction);
        if flow.transport == Transport::TCP {
            return side.feed(chunk.bytes, &mut context);
        }
        // Keep-alives and whatever else shares the port are no reason to give up.
        side.feed_datagram(chunk.bytes, &mut context);
        Progress::Consumed(chunk.bytes.len())
    }

    fn gap(&mut self, direction: Direction, missing: u64, out: &mut dyn Sink) -> Progress {
        out.unseen(Unseen::Truncated);
        if self.side(direction).gap(missing) { Progress::Consumed(0) } else { Progress::Done }
    }

    fn close(&mut self, flow: &FlowKey, out: &mut dyn Sink) {
        for direction in Direction::BOTH {
            let mut context = Context { flow, direction, out };
            self.side(direction).close(&mut context);
        }
    }
}

#[derive(Debug, Default)]
struct Message {
    is_description: bool,
}

impl Reader for Message {
    fn start_line(&mut self, line: &[u8], context: &mut Context<'_>) -> bool {
        let (direction, out) = (context.direction, &mut *context.out);
        let request = VERSIONS.iter().find_map(|version| RequestLine::parse(line, version));
        let status = VERSIONS.iter().find_map(|version| StatusLine::parse(line, version));
        self.is_description = false;
        if let Some(line) = request {
            out.fact(&METHOD, direction, Value::Bytes(line.method));
            out.fact(&URI, direction, Value::Bytes(line.target));
            out.fact(&VERSION, direction, Value::Bytes(line.version));
            if let Some(authority) = authority_of_uri(line.target) {
                authority.state_host(&HOST, out);
            }
        } else if let Some(line) = status {
            out.fact(&STATUS, direction, Value::Number(line.status.into()));
            out.fact(&VERSION, direction, Value::Bytes(line.version));
        }
        request.is_some() || status.is_some()
    }

    fn field(&mut self, field: &HeaderField<'_>, context: &mut Context<'_>) {
        let known: &[(&[u8], &[u8], &'static Field)] = &[
            (b"from", b"f", &FROM),
            (b"to", b"t", &TO),
            (b"call-id", b"i", &CALL_ID),
            (b"user-agent", b"user-agent", &USER_AGENT),
            (b"server", b"server", &USER_AGENT),
        ];
        let direction = context.direction;
        if let Some((.., known)) = known.iter().find(|(name, short, _)| field.is(name) || field.is(short)) {
            context.out.fact(known, direction, Value::Bytes(&field.value));
        } else if field.is(b"authorization") || field.is(b"proxy-authorization") {
            LOGIN.state(&field.value, context.out);
        } else if field.is(b"content-type") || field.is(b"c") {
            self.is_description = is_description(&field.value);
        }
        context.out.fact(&HEADER, direction, Value::Pair(field.name, &field.value));
    }

    fn head_ended(&mut self, _: &mut Context<'_>) {}

    fn body(&mut self, body: &[u8], context: &mut Context<'_>) {
        context.out.fact(&BODY, context.direction, Value::Bytes(body));
        if self.is_description {
            sdp::announce(body, context.out);
        }
    }

    /// RFC 5626 §3.5.1 over TCP: lines that are empty, which start lines skip anyway; zeros are sent as well.
    fn between(&self, bytes: &[u8]) -> Between {
        match bytes {
            [0, ..] => Between::Skip(1),
            _ => Between::Nothing,
        }
    }

    fn short_length(&self) -> &'static [u8] {
        b"l"
    }
}

fn is_description(content_type: &[u8]) -> bool {
    content_type.get(..15).is_some_and(|start| start.eq_ignore_ascii_case(b"application/sdp"))
}

/// RFC 3261 §19.1.1: `sip:user:password@host:port;parameters?headers`.
fn authority_of_uri(uri: &[u8]) -> Option<Authority<'_>> {
    let colon = memchr::memchr(b':', uri)?;
    let scheme = uri.get(..colon)?;
    if !scheme.eq_ignore_ascii_case(b"sip") && !scheme.eq_ignore_ascii_case(b"sips") {
        return None;
    }
    let rest = uri.get(colon + 1..)?;
    // A user may hold semicolons and question marks.
    let host = memchr::memchr(b'@', rest).map_or(0, |at| at + 1);
    let end = rest
        .iter()
        .skip(host)
        .position(|byte| matches!(byte, b';' | b'?'))
        .map_or(rest.len(), |at| host + at);
    Authority::parse(rest.get(..end)?)
}
