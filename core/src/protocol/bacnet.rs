//! BACnet/IP (ASHRAE 135 annex J): buildings' heating, light and doors.
//!
//! Read: the kind of message and of service.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{Datagram, Datagrams};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Sink, Value};

/// The virtual link layer's type, J.2.
const BACNET_IP: u8 = 0x81;
/// The network layer's version, 6.2.1.
const VERSION: u8 = 1;

static FUNCTION: Field = Field::meta("bacnet.function", "function");
static TYPE: Field = Field::meta("bacnet.apdu_type", "apdu_type");
static SERVICE: Field = Field::meta("bacnet.service", "service");

static FIELDS: &[&Field] = &[&FUNCTION, &TYPE, &SERVICE];

pub(super) static PROTOCOL: BacNet = BacNet;

#[derive(Debug)]
pub(super) struct BacNet;

impl Protocol for BacNet {
    fn name(&self) -> &'static str {
        "bacnet"
    }

    fn about(&self) -> &'static str {
        "BACnet/IP, buildings' controls (ASHRAE 135)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[47808]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[BACNET_IP])
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        probe(opening)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Datagrams<Packet>>::default()
    }
}

/// The type, one of the functions, the datagram's length, and behind it the network layer's version.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    if network_layer(bytes).is_some() { Probe::Match } else { Probe::Mismatch }
}

/// The function, and what stands behind the link layer's header.
fn network_layer(bytes: &[u8]) -> Option<(u8, Reader<'_>)> {
    let mut reader = Reader::new(bytes);
    let (kind, function, length) = (reader.u8()?, reader.u8()?, reader.u16()?);
    if kind != BACNET_IP || usize::from(length) != bytes.len() {
        return None;
    }
    match function {
        // A result and foreign device requests have fixed lengths, tables are made of ten-byte entries.
        0x00 | 0x05 => (length == 6).then_some((function, reader)),
        0x02 | 0x06 => (length == 4).then_some((function, reader)),
        0x01 | 0x03 | 0x07 => (length % 10 == 4).then_some((function, reader)),
        0x04 | 0x09..=0x0b => {
            if function == 0x04 {
                reader.skip(6)?;
            }
            (reader.u8()? == VERSION).then_some((function, reader))
        }
        _ => None,
    }
}

#[derive(Debug, Default)]
struct Packet;

impl Datagram for Packet {
    fn read(&mut self, direction: Direction, datagram: &[u8], out: &mut dyn Sink) -> Option<()> {
        let (function, mut reader) = network_layer(datagram)?;
        out.fact(&FUNCTION, direction, Value::Number(function.into()));
        if !matches!(function, 0x04 | 0x09..=0x0b) {
            return None;
        }
        // NPDU, 6.2.2: control bits say whether destination and source addresses follow.
        let control = reader.u8()?;
        if control & 0x20 != 0 {
            reader.skip(2)?;
            reader.sub_u8()?;
        }
        if control & 0x08 != 0 {
            reader.skip(2)?;
            reader.sub_u8()?;
        }
        if control & 0x20 != 0 {
            reader.skip(1)?;
        }
        if control & 0x80 != 0 {
            return None;
        }
        let first = reader.u8()?;
        let (name, before) = match first >> 4 {
            0 => ("confirmed-request", if first & 0x08 == 0 { 2 } else { 4 }),
            1 => ("unconfirmed-request", 0),
            2 => ("simple-ack", 1),
            3 => ("complex-ack", if first & 0x08 == 0 { 1 } else { 3 }),
            4 => ("segment-ack", 0),
            5 => ("error", 1),
            6 => ("reject", 0),
            7 => ("abort", 0),
            _ => return None,
        };
        out.fact(&TYPE, direction, Value::Text(name));
        if matches!(first >> 4, 0..=3 | 5) {
            reader.skip(before)?;
            out.fact(&SERVICE, direction, Value::Number(reader.u8()?.into()));
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_SERVER, feed, flow, keeps_promises, probe};

    const WHO_IS: &[u8] = b"\x81\x0a\0\x08\x01\0\x10\x08";
    const READ_PROPERTY: &[u8] = b"\x81\x0a\0\x11\x01\x04\x02\x44\0\x0c\x0c\x02\0\x03\xe7\x19\x4d";

    #[test]
    fn reads_services() {
        let udp = flow(Transport::UDP, 47808);
        let conversation: &[(Direction, &[u8])] = &[(TO_SERVER, WHO_IS), (TO_SERVER, READ_PROPERTY)];
        let transcript = feed(&PROTOCOL, &udp, conversation);
        assert_eq!(transcript.values(&TYPE), ["unconfirmed-request", "confirmed-request"]);
        assert_eq!(transcript.values(&SERVICE), ["8", "12"]);
        keeps_promises(&PROTOCOL, &udp, conversation);
    }

    #[test]
    fn is_known_by_lengths_and_version() {
        let odd = flow(Transport::UDP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, WHO_IS), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &WHO_IS[..7]), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &[0x81; 30]), Probe::Mismatch);
    }
}
