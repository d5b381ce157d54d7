//! gpsd's protocol (gpsd_json(5)): where the device is, in lines of JSON.
//!
//! Read: the version and every line, since positions are what it is about.

use memchr::memmem;

use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

static CLASS: Field = Field::meta("gpsd.class", "class");
static LINE: Field = Field::new("gpsd.line", Role::Content);

static FIELDS: &[&Field] = &[&CLASS, &LINE];

pub(super) static PROTOCOL: Gpsd = Gpsd;

#[derive(Debug)]
pub(super) struct Gpsd;

impl Protocol for Gpsd {
    fn name(&self) -> &'static str {
        "gpsd"
    }

    fn about(&self) -> &'static str {
        "gpsd's protocol, positions of a device"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[2947]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"{?")
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

/// The server's VERSION, or a client's commands that begin with a question mark.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    for start in
        [&b"{\"class\":\"VERSION\",\"release\":"[..], b"?WATCH={", b"?DEVICES;", b"?VERSION;", b"?POLL;"]
    {
        let both = bytes.len().min(start.len());
        if bytes[..both] == start[..both] {
            return if bytes.len() < start.len() { Probe::NeedMore } else { Probe::Match };
        }
    }
    Probe::Mismatch
}

#[derive(Debug, Default)]
struct Session;

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        Size::line(bytes, |_| 0)
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let line = message.trim_ascii();
        if line.is_empty() {
            return After::Next;
        }
        if let Some(at) = memmem::find(line, b"\"class\":\"") {
            let class = line[at + 9..].split(|byte| *byte == b'"').next().unwrap_or_default();
            out.fact(&CLASS, direction, Value::Bytes(class));
        }
        out.fact(&LINE, direction, Value::Bytes(line));
        out.end_record();
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const VERSION: &[u8] = b"{\"class\":\"VERSION\",\"release\":\"3.22\"}\r\n";
    const CONVERSATION: &[(Direction, &[u8])] = &[
        (TO_CLIENT, VERSION),
        (TO_SERVER, b"?WATCH={\"enable\":true};\n"),
        (TO_CLIENT, b"{\"class\":\"TPV\",\"lat\":52.5}\r\n"),
    ];

    #[test]
    fn reads_positions() {
        let tcp = flow(Transport::TCP, 2947);
        let transcript = feed(&PROTOCOL, &tcp, CONVERSATION);
        assert_eq!(transcript.values(&CLASS), ["VERSION", "TPV"]);
        assert_eq!(transcript.values(&LINE).len(), 3);
        keeps_promises(&PROTOCOL, &tcp, CONVERSATION);
    }

    #[test]
    fn is_known_by_version_or_commands() {
        let odd = flow(Transport::TCP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, VERSION), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"?WATCH={"), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"{\"cl"), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"{\"id\": 1, \"method\""), Probe::Mismatch);
    }
}
