//! RTSP 1.0 (RFC 2326) and 2.0 (RFC 7826).
//!
//! Read are requests and responses of both sides with their bodies; interleaved media (`$` frames) are passed over. The
//! ports of SETUP announce the flows of RTP and RTCP.

use super::http::auth;
use super::http::authority::{Authority, authority_of_url};
use super::http::lines::{HeaderField, RequestLine, StatusLine, decimal, parameter};
use super::http::messages::{self, Between, Context, Messages, Reader};
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Unseen, Value};
use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::{Endpoint, Transport};

static METHOD: Field = Field::meta("rtsp.request.method", "method");
static URL: Field = Field::meta("rtsp.request.url", "url");
static HOST: Field = Field::hostname("rtsp.host", "hostname");
static USER_AGENT: Field = Field::meta("rtsp.request.user_agent", "user_agent");
static STATUS: Field = Field::meta("rtsp.response.status", "status");
static SERVER: Field = Field::meta("rtsp.response.server", "server");
static TRANSPORT: Field = Field::meta("rtsp.transport", "transport");
static HEADER: Field = Field::new("rtsp.header", Role::Content);
static BODY: Field = Field::new("rtsp.body", Role::Content);
static LOGIN: auth::Fields =
    auth::Fields::new("rtsp.auth.scheme", "rtsp.username", "rtsp.password", "rtsp.bearer");
static FIELDS: &[&Field] = &[
    &METHOD,
    &URL,
    &HOST,
    &USER_AGENT,
    &STATUS,
    &SERVER,
    &TRANSPORT,
    &HEADER,
    &BODY,
    &LOGIN.scheme,
    &LOGIN.username,
    &LOGIN.password,
    &LOGIN.bearer,
];

static VERSIONS: &[&[u8]] = &[b"RTSP/1.", b"RTSP/2."];

/// RTSP.
#[derive(Debug)]
pub(super) struct Rtsp;

pub(super) static PROTOCOL: Rtsp = Rtsp;

impl Protocol for Rtsp {
    fn name(&self) -> &'static str {
        "rtsp"
    }

    fn about(&self) -> &'static str {
        "Real-Time Streaming Protocol (RFC 2326, RFC 7826)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[554, 8554]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::Range(b'A', b'Z')
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        messages::probe(opening.newest(), VERSIONS, &[b"rtsp://", b"rtsps://", b"rtspu://"])
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Connection>::default()
    }
}

#[derive(Debug, Default)]
struct Connection {
    sides: [Messages<Message>; 2],
}

impl Connection {
    const fn side(&mut self, direction: Direction) -> &mut Messages<Message> {
        let [to_server, to_client] = &mut self.sides;
        match direction {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        }
    }
}

impl Parser for Connection {
    fn feed(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let mut context = Context { flow, direction: chunk.direction, out };
        self.side(chunk.direction).feed(chunk.bytes, &mut context)
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
    is_request: bool,
}

impl Reader for Message {
    fn start_line(&mut self, line: &[u8], context: &mut Context<'_>) -> bool {
        let (direction, out) = (context.direction, &mut *context.out);
        let request = VERSIONS.iter().find_map(|version| RequestLine::parse(line, version));
        let status = VERSIONS.iter().find_map(|version| StatusLine::parse(line, version));
        self.is_request = request.is_some();
        if let Some(line) = request {
            out.fact(&METHOD, direction, Value::Bytes(line.method));
            out.fact(&URL, direction, Value::Bytes(line.target));
            if let Some(authority) = authority_of_url(line.target).and_then(Authority::parse) {
                authority.state_host(&HOST, out);
                authority.state_login(&LOGIN, out);
            }
        } else if let Some(line) = status {
            out.fact(&STATUS, direction, Value::Number(line.status.into()));
        }
        request.is_some() || status.is_some()
    }

    fn field(&mut self, field: &HeaderField<'_>, context: &mut Context<'_>) {
        let direction = context.direction;
        let mut state = |known| context.out.fact(known, direction, Value::Bytes(&field.value));
        if field.is(b"user-agent") {
            state(&USER_AGENT);
        } else if field.is(b"server") {
            state(&SERVER);
        } else if field.is(b"transport") {
            state(&TRANSPORT);
            if !self.is_request {
                announce(&field.value, context);
            }
        } else if field.is(b"authorization") || field.is(b"proxy-authorization") {
            LOGIN.state(&field.value, context.out);
        }
        context.out.fact(&HEADER, direction, Value::Pair(field.name, &field.value));
    }

    fn head_ended(&mut self, _: &mut Context<'_>) {}

    fn body(&mut self, body: &[u8], context: &mut Context<'_>) {
        context.out.fact(&BODY, context.direction, Value::Bytes(body));
    }

    /// RFC 2326 §10.12: `$`, a channel, and the length of what follows.
    fn between(&self, bytes: &[u8]) -> Between {
        match bytes {
            [b'$', _, high, low, ..] => Between::Skip(4 + u64::from(u16::from_be_bytes([*high, *low]))),
            [b'$', ..] => Between::NeedsMore,
            _ => Between::Nothing,
        }
    }
}

/// Says which flows the two sides have agreed on: media to either, and the reports on it one port higher.
fn announce(transport: &[u8], context: &mut Context<'_>) {
    let (server, client) = match context.direction {
        Direction::ToClient => (context.flow.server, context.flow.client),
        Direction::ToServer => (context.flow.client, context.flow.server),
    };
    for (name, host) in [(&b"server_port"[..], server), (b"client_port", client)] {
        let Some(ports) = parameter(transport, b';', name) else {
            continue;
        };
        for (port, protocol) in ports.split(|byte| *byte == b'-').zip(["rtp", "rtcp"]) {
            if let Some(port) =
                decimal(port).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
            {
                context.out.expect(Transport::UDP, Endpoint::new(host.address, port), protocol);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER};

    const CONVERSATION: testing::Conversation<'_> = &[
        (
            TO_SERVER,
            b"DESCRIBE rtsp://u:p@Camera.example.org:554/live RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: vlc\r\n\
              Authorization: Basic bWFydGE6c2VjcmV0\r\n\r\n",
        ),
        (
            TO_CLIENT,
            b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: s\r\nContent-Length: 5\r\n\r\nv=0\r\n$\x01\x00\x04RTCP",
        ),
        (
            TO_SERVER,
            b"$\x00\x00\x02ab\r\nSETUP rtsp://camera.example.org/live RTSP/1.0\r\nCSeq: 2\r\n\
              Transport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n",
        ),
        (
            TO_CLIENT,
            b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nTransport: RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971\r\n\r\n\
              OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n",
        ),
    ];

    #[test]
    fn reads_both_sides_and_announces_the_media() {
        let flow = testing::flow(Transport::TCP, 554);
        testing::keeps_promises(&PROTOCOL, &flow, CONVERSATION);
        let transcript = testing::feed(&PROTOCOL, &flow, CONVERSATION);
        assert_eq!(transcript.values(&HOST), ["camera.example.org", "camera.example.org"]);
        assert_eq!(transcript.values(&METHOD), ["DESCRIBE", "SETUP", "OPTIONS"]);
        assert_eq!(transcript.values(&LOGIN.username), ["u", "marta"]);
        assert_eq!(transcript.values(&LOGIN.password), ["p", "secret"]);
        assert_eq!(transcript.value(&BODY), "v=0\r\n");
        for expected in [
            "[expect rtp 198.51.100.2:6970]",
            "[expect rtcp 198.51.100.2:6971]",
            "[expect rtp 192.0.2.1:5000]",
            "[expect rtcp 192.0.2.1:5001]",
        ] {
            assert!(transcript.says(expected), "{expected}");
        }
    }

    #[test]
    fn is_told_from_its_relatives() {
        let flow = testing::flow(Transport::TCP, 554);
        let probe = |bytes| testing::probe(&PROTOCOL, &flow, TO_SERVER, bytes);
        for bytes in [
            &b"OPTIONS * RTSP/1.0\r\n"[..],
            b"RTSP/1.0 200 OK\r\n",
            b"RTSP/2.0 404 Not Found",
            b"DESCRIBE rtsp://a",
            b"SET_PARAMETER rtsp://a/",
        ] {
            assert_eq!(probe(bytes), Probe::Match, "{bytes:?}");
        }
        for bytes in [&b""[..], b"OPT", b"OPTIONS *", b"RTSP/1", b"RTSP/1.0 2"] {
            assert_eq!(probe(bytes), Probe::NeedMore, "{bytes:?}");
        }
        for bytes in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"OPTIONS sip:a SIP/2.0\r\n",
            b"HTTP/1.1 200 OK\r\n",
            b"SSH-2.0-x\r\n",
            b"\x16\x03\x01",
            b"USER marta\r\n",
            b"RTSP/1.0\r\n",
        ] {
            assert_eq!(probe(bytes), Probe::Mismatch, "{bytes:?}");
        }
    }
}
