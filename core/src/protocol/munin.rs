//! Munin's node protocol ("Munin's protocol", munin-monitoring.org): measurements, in lines of text.
//!
//! Read: the node's name and what is asked.

use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Sink, Value};

const GREETING: &[u8] = b"# munin node at ";

static NODE: Field = Field::hostname("munin.node", "node");
static COMMAND: Field = Field::meta("munin.command", "command");

static FIELDS: &[&Field] = &[&NODE, &COMMAND];

pub(super) static PROTOCOL: Munin = Munin;

#[derive(Debug)]
pub(super) struct Munin;

impl Protocol for Munin {
    fn name(&self) -> &'static str {
        "munin"
    }

    fn about(&self) -> &'static str {
        "Munin's node protocol, measurements of machines"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[4949]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"#")
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

/// The node speaks first, and says its name.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let both = bytes.len().min(GREETING.len());
    if bytes[..both] != GREETING[..both] {
        Probe::Mismatch
    } else if bytes.len() < GREETING.len() {
        Probe::NeedMore
    } else {
        Probe::Match
    }
}

#[derive(Debug, Default)]
struct Session {
    node: Option<Direction>,
}

impl Messages for Session {
    fn size(&self, direction: Direction, bytes: &[u8]) -> Size {
        if self.node == Some(direction) {
            return Size::Opaque;
        }
        Size::line(bytes, |_| 0)
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let line = message.trim_ascii();
        if let Some(node) = line.strip_prefix(GREETING) {
            self.node = Some(direction);
            out.fact(&NODE, direction, Value::Bytes(node));
        } else {
            out.fact(&COMMAND, direction, Value::Bytes(line));
        }
        out.end_record();
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const CONVERSATION: &[(Direction, &[u8])] = &[
        (TO_CLIENT, b"# munin node at vm.example.org\n"),
        (TO_SERVER, b"list\n"),
        (TO_CLIENT, b"cpu load\n"),
    ];

    #[test]
    fn reads_the_node_and_commands() {
        let tcp = flow(Transport::TCP, 4949);
        let transcript = feed(&PROTOCOL, &tcp, CONVERSATION);
        assert_eq!(transcript.value(&NODE), "vm.example.org");
        assert_eq!(transcript.value(&COMMAND), "list");
        keeps_promises(&PROTOCOL, &tcp, CONVERSATION);
    }

    #[test]
    fn is_known_by_its_greeting() {
        let odd = flow(Transport::TCP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, b"# munin node at vm\n"), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, b"# mun"), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, b"#!/bin/sh\n"), Probe::Mismatch);
    }
}
