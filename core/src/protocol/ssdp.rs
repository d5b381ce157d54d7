//! SSDP, the Simple Service Discovery Protocol of UPnP (UPnP Device Architecture 2.0 §1): HTTP messages in datagrams.

use super::http::authority::lower_case;
use super::http::lines::{HeaderField, RequestLine, StatusLine};
use super::http::messages::{Context, Messages, Reader};
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Value};
use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::Transport;

static METHOD: Field = Field::meta("ssdp.method", "method");
static STATUS: Field = Field::meta("ssdp.status", "status");
static HOST: Field = Field::hostname("ssdp.host", "host");
static TARGET: Field = Field::meta("ssdp.st", "st");
static TYPE: Field = Field::meta("ssdp.nt", "nt");
static SUBTYPE: Field = Field::meta("ssdp.nts", "nts");
static NAME: Field = Field::meta("ssdp.usn", "usn");
static USER_AGENT: Field = Field::meta("ssdp.user_agent", "user_agent");
static SERVER: Field = Field::meta("ssdp.server", "server");
static LOCATION: Field = Field::meta("ssdp.location", "location");
static HEADER: Field = Field::new("ssdp.header", Role::Content);
static FIELDS: &[&Field] =
    &[&METHOD, &STATUS, &HOST, &TARGET, &TYPE, &SUBTYPE, &NAME, &USER_AGENT, &SERVER, &LOCATION, &HEADER];

const VERSION: &[u8] = b"HTTP/1.";

/// SSDP.
#[derive(Debug)]
pub(super) struct Ssdp;

pub(super) static PROTOCOL: Ssdp = Ssdp;

impl Protocol for Ssdp {
    fn name(&self) -> &'static str {
        "ssdp"
    }

    fn about(&self) -> &'static str {
        "Simple Service Discovery Protocol (UPnP Device Architecture 2.0)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[1900]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"MNH")
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let bytes = opening.newest();
        let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
        let line = bytes.get(..end).unwrap_or_default();
        let is_request = RequestLine::parse(line, VERSION).is_some_and(|line| is_method(line.method));
        // What answers a search names its target, or the one who answers.
        let is_answer = || {
            StatusLine::parse(line, VERSION).is_some()
                && bytes
                    .split(|byte| *byte == b'\n')
                    .filter_map(HeaderField::parse)
                    .any(|field| field.is(b"st") || field.is(b"usn"))
        };
        if is_request || is_answer() { Probe::Match } else { Probe::Mismatch }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(Datagrams)
    }
}

fn is_method(method: &[u8]) -> bool {
    matches!(method, b"M-SEARCH" | b"NOTIFY")
}

#[derive(Debug)]
struct Datagrams;

impl Parser for Datagrams {
    fn feed(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let mut context = Context { flow, direction: chunk.direction, out };
        Messages::<Message>::default().feed_datagram(chunk.bytes, &mut context)
    }
}

#[derive(Debug, Default)]
struct Message;

impl Reader for Message {
    fn start_line(&mut self, line: &[u8], context: &mut Context<'_>) -> bool {
        if let Some(line) = RequestLine::parse(line, VERSION) {
            context.out.fact(&METHOD, context.direction, Value::Bytes(line.method));
            return is_method(line.method);
        }
        let status = StatusLine::parse(line, VERSION).map(|line| line.status);
        if let Some(status) = status {
            context.out.fact(&STATUS, context.direction, Value::Number(status.into()));
        }
        status.is_some()
    }

    fn field(&mut self, field: &HeaderField<'_>, context: &mut Context<'_>) {
        let known: &[(&[u8], &'static Field)] = &[
            (b"st", &TARGET),
            (b"nt", &TYPE),
            (b"nts", &SUBTYPE),
            (b"usn", &NAME),
            (b"user-agent", &USER_AGENT),
            (b"server", &SERVER),
            (b"location", &LOCATION),
        ];
        let direction = context.direction;
        if field.is(b"host") {
            context.out.fact(&HOST, direction, Value::Bytes(&lower_case(&field.value)));
            return;
        }
        if let Some((_, known)) = known.iter().find(|(name, _)| field.is(name)) {
            context.out.fact(known, direction, Value::Bytes(&field.value));
        }
        context.out.fact(&HEADER, direction, Value::Pair(field.name, &field.value));
    }

    fn head_ended(&mut self, _: &mut Context<'_>) {}

    fn body(&mut self, _: &[u8], _: &mut Context<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER};

    const SEARCH: &[u8] =
        b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\n\
        ST: ssdp:all\r\nUSER-AGENT: Android/14 UPnP/1.1\r\n\r\n";
    const ANSWER: &[u8] =
        b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nLOCATION: http://192.0.2.9/d.xml\r\n\
        SERVER: Linux UPnP/1.0\r\nST: upnp:rootdevice\r\nUSN: uuid:1::upnp:rootdevice\r\n\r\n";
    /// Without the empty line that should end it.
    const NOTIFY: &[u8] = b"NOTIFY * HTTP/1.1\nHost: [FF02::C]:1900\nNT: upnp:rootdevice\nNTS: ssdp:alive";

    #[test]
    fn reads_searches_answers_and_notices() {
        let flow = testing::flow(Transport::UDP, 1900);
        let conversation: testing::Conversation<'_> =
            &[(TO_SERVER, SEARCH), (TO_CLIENT, ANSWER), (TO_SERVER, NOTIFY)];
        testing::keeps_promises(&PROTOCOL, &flow, conversation);
        let transcript = testing::feed(&PROTOCOL, &flow, conversation);
        assert_eq!(transcript.values(&HOST), ["239.255.255.250:1900", "[ff02::c]:1900"]);
        assert_eq!(transcript.values(&TARGET), ["ssdp:all", "upnp:rootdevice"]);
        assert_eq!(transcript.value(&USER_AGENT), "Android/14 UPnP/1.1");
        assert_eq!(transcript.value(&LOCATION), "http://192.0.2.9/d.xml");
        assert_eq!(transcript.value(&SUBTYPE), "ssdp:alive");
        assert_eq!(transcript.0.iter().filter(|line| *line == "[end]").count(), 3);
    }

    #[test]
    fn is_told_from_other_text_in_datagrams() {
        let flow = testing::flow(Transport::UDP, 1900);
        for datagram in [SEARCH, ANSWER, NOTIFY] {
            assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, datagram), Probe::Match);
        }
        for datagram in [
            &b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"[..],
            b"GET / HTTP/1.1\r\n\r\n",
            b"M-SEARCH *",
            b"NOTIFY sip:a SIP/2.0\r\n\r\n",
            b"",
            b"\0\x01\x02",
        ] {
            assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, datagram), Probe::Mismatch);
        }
    }
}
