//! Minecraft, Java edition (wiki.vg/Minecraft Wiki, "Java Edition protocol"): the handshake and the player's name.
//!
//! What follows the login is compressed and mostly encrypted, and is not read.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, Opening, Parser, Probe, Protocol, Role, Sink, Value};

static VERSION: Field = Field::meta("minecraft.protocol_version", "protocol_version");
static HOSTNAME: Field = Field::hostname("minecraft.hostname", "hostname");
static STATE: Field = Field::meta("minecraft.next_state", "next_state");
static USER: Field = Field::new("minecraft.player", Role::Username);

static FIELDS: &[&Field] = &[&VERSION, &HOSTNAME, &STATE, &USER];

pub(super) static PROTOCOL: Minecraft = Minecraft;

#[derive(Debug)]
pub(super) struct Minecraft;

impl Protocol for Minecraft {
    fn name(&self) -> &'static str {
        "minecraft"
    }

    fn about(&self) -> &'static str {
        "Minecraft, Java edition, a game"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[25565]
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

/// A handshake whose fields fill it: packet 0, version, address, the port, what comes next.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let mut reader = Reader::new(bytes);
    // A handshake has at most 2 + 5 + 257 + 2 + 1 bytes, its length one or two.
    let Some(length) = variable(&mut reader) else {
        return if bytes.len() < 3 { Probe::NeedMore } else { Probe::Mismatch };
    };
    if !(7..=270).contains(&length) {
        return Probe::Mismatch;
    }
    if reader.peek().first().is_some_and(|kind| *kind != 0) {
        return Probe::Mismatch;
    }
    let Some(mut packet) = reader.sub(length as usize) else {
        return Probe::NeedMore;
    };
    match Handshake::read(&mut packet) {
        Some(handshake) if opening.flow.has_port(handshake.port) || opening.flow.has_port(25565) => {
            Probe::Match
        }
        _ => Probe::Mismatch,
    }
}

struct Handshake<'a> {
    version: u32,
    address: &'a [u8],
    port: u16,
    next: u32,
}

impl<'a> Handshake<'a> {
    fn read(packet: &mut Reader<'a>) -> Option<Self> {
        if variable(packet)? != 0 {
            return None;
        }
        let version = variable(packet)?;
        let length = variable(packet)?;
        let address = packet.take(usize::try_from(length).ok()?)?;
        let handshake = Self { version, address, port: packet.u16()?, next: variable(packet)? };
        let printable = address.iter().all(|byte| matches!(byte, 0 | b'-'..=b':' | b'A'..=b'z'));
        let fits = packet.is_empty() && printable && !address.is_empty() && (1..=3).contains(&handshake.next);
        fits.then_some(handshake)
    }
}

/// A VarInt: seven bits a byte, the least significant first.
fn variable(reader: &mut Reader<'_>) -> Option<u32> {
    let mut value = 0;
    for shift in [0, 7, 14, 21, 28] {
        let byte = reader.u8()?;
        value |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[derive(Debug, Default)]
struct Session {
    client: Option<Direction>,
    /// Packets of the client read; the second is the last in the clear.
    packets: u8,
    login: bool,
}

impl Messages for Session {
    fn size(&self, direction: Direction, bytes: &[u8]) -> Size {
        let is_client = self.client.is_none_or(|client| client == direction);
        if !is_client || self.packets >= 2 || (self.client.is_none() && direction == Direction::ToClient) {
            return Size::Opaque;
        }
        let mut reader = Reader::new(bytes);
        match variable(&mut reader) {
            Some(length) => Size::of(reader.offset() as u64, length),
            None if bytes.len() < 5 => Size::Needs(bytes.len() + 1),
            None => Size::Opaque,
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let mut reader = Reader::new(message);
        variable(&mut reader);
        self.client = Some(direction);
        self.packets += 1;
        if self.packets == 1 {
            if let Some(handshake) = Handshake::read(&mut reader) {
                self.login = handshake.next == 2;
                out.fact(&VERSION, direction, Value::Number(handshake.version.into()));
                // Forge writes its mark behind a zero.
                let host = handshake.address.split(|byte| *byte == 0).next().unwrap_or_default();
                out.fact(&HOSTNAME, direction, Value::Bytes(host));
                out.fact(&STATE, direction, Value::Number(handshake.next.into()));
                out.end_record();
            }
        } else if self.login && variable(&mut reader) == Some(0) {
            let length = variable(&mut reader).unwrap_or(0);
            if let Some(name) = reader.take(length as usize).filter(|_| length <= 16) {
                out.fact(&USER, direction, Value::Bytes(name));
                out.end_record();
            }
        }
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_SERVER, feed, flow, keeps_promises, probe};

    /// To mc.example.org:25565, version 754, login; then the player's name.
    const LOGIN: &[u8] = b"\x15\0\xf2\x05\x0emc.example.org\x63\xdd\x02\x06\0\x04anna";

    #[test]
    fn reads_the_handshake_and_the_player() {
        let tcp = flow(Transport::TCP, 25565);
        let transcript = feed(&PROTOCOL, &tcp, &[(TO_SERVER, LOGIN)]);
        assert_eq!(transcript.value(&HOSTNAME), "mc.example.org");
        assert_eq!(transcript.value(&VERSION), "754");
        assert_eq!(transcript.value(&USER), "anna");
        keeps_promises(&PROTOCOL, &tcp, &[(TO_SERVER, LOGIN)]);
    }

    #[test]
    fn the_handshake_must_name_the_port_it_goes_to() {
        let (known, odd) = (flow(Transport::TCP, 25565), flow(Transport::TCP, 4000));
        assert_eq!(probe(&PROTOCOL, &known, TO_SERVER, LOGIN), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &known, TO_SERVER, &LOGIN[..9]), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, LOGIN), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &known, TO_SERVER, b"\x16\x03\x01\x02\0\x01"), Probe::Mismatch);
        assert_eq!(
            probe(&PROTOCOL, &known, TO_SERVER, b"\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
            Probe::Mismatch
        );
    }
}
