//! WS-Discovery (OASIS WS-DD 1.1): printers and computers find each other, with SOAP over UDP.
//!
//! Read: the action and the message, which names devices.

use memchr::memmem;

use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{Datagram, Datagrams};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

/// The name spaces of the draft that devices speak, and of the standard. Actions stand below them.
const NAMESPACES: [&[u8]; 2] = [
    b"http://schemas.xmlsoap.org/ws/2005/04/discovery",
    b"http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01",
];

static ACTION: Field = Field::meta("wsd.action", "action");
static MESSAGE: Field = Field::new("wsd.message", Role::Content);

static FIELDS: &[&Field] = &[&ACTION, &MESSAGE];

pub(super) static PROTOCOL: Wsd = Wsd;

#[derive(Debug)]
pub(super) struct Wsd;

impl Protocol for Wsd {
    fn name(&self) -> &'static str {
        "wsd"
    }

    fn about(&self) -> &'static str {
        "WS-Discovery, devices find each other (OASIS WS-DD)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[3702]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"<\xef")
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        probe(opening)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Datagrams<Message>>::default()
    }
}

fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let is_soap = memmem::find(bytes, b"Envelope").is_some();
    if is_soap && NAMESPACES.iter().any(|name| memmem::find(bytes, name).is_some()) {
        Probe::Match
    } else {
        Probe::Mismatch
    }
}

/// The action's last word: Hello, Bye, Probe, ProbeMatches, Resolve, ResolveMatches.
fn action(bytes: &[u8]) -> Option<&[u8]> {
    NAMESPACES.iter().find_map(|name| {
        memmem::find_iter(bytes, name).find_map(|at| {
            let word = bytes.get(at + name.len()..)?.strip_prefix(b"/")?;
            let end = word.iter().position(|byte| !byte.is_ascii_alphabetic())?;
            word.get(..end).filter(|word| !word.is_empty())
        })
    })
}

#[derive(Debug, Default)]
struct Message;

impl Datagram for Message {
    fn read(&mut self, direction: Direction, datagram: &[u8], out: &mut dyn Sink) -> Option<()> {
        if let Some(action) = action(datagram) {
            out.fact(&ACTION, direction, Value::Bytes(action));
        }
        out.fact(&MESSAGE, direction, Value::Bytes(datagram));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_SERVER, feed, flow, keeps_promises, probe};

    const HELLO: &[u8] =
        b"<?xml version=\"1.0\"?><soap:Envelope xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\">\
        <a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Hello</a:Action></soap:Envelope>";

    #[test]
    fn reads_the_action() {
        let udp = flow(Transport::UDP, 3702);
        assert_eq!(feed(&PROTOCOL, &udp, &[(TO_SERVER, HELLO)]).value(&ACTION), "Hello");
        keeps_promises(&PROTOCOL, &udp, &[(TO_SERVER, HELLO)]);
        let odd = flow(Transport::UDP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, HELLO), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"<?xml version=\"1.0\"?><a/>"), Probe::Mismatch);
    }
}
