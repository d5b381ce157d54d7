//! OpenVPN (openvpn.net, "OpenVPN protocol"; draft-openvpn-wire-protocol): a VPN over UDP or TCP.
//!
//! Only the beginning of the control channel can be told from random bytes: the resets that open a session, and the
//! answers that repeat its session id. Two packets must agree, since one byte of opcode proves nothing; a plain or
//! `tls-auth` reset on the registered port is enough by itself. Data packets alone are not recognised.

use crate::bytes::Reader;
use crate::flow::{Chunk, Direction};
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, Opening, Parser, Probe, Protocol, Sink, Unseen, Value};

/// Opcodes, the upper five bits of the first byte; the lower three are the key's number.
const HARD_RESET_CLIENT_V1: u8 = 1;
const HARD_RESET_SERVER_V1: u8 = 2;
const SOFT_RESET: u8 = 3;
const CONTROL: u8 = 4;
const ACK: u8 = 5;
const HARD_RESET_CLIENT_V2: u8 = 7;
const HARD_RESET_SERVER_V2: u8 = 8;
const HARD_RESET_CLIENT_V3: u8 = 10;
const CONTROL_WKC: u8 = 11;

/// Opcode and session id.
const HEADER: usize = 9;
/// Packet id and time in front of a replay-protected packet's content.
const REPLAY: usize = 8;
/// Lengths of the HMACs that `tls-auth` can use: none, MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512.
const HMACS: [usize; 7] = [0, 16, 20, 28, 32, 48, 64];
/// HMAC of `tls-crypt`, behind packet id and time.
const TLS_CRYPT_HMAC: usize = 32;
/// Array of acknowledged packets without an entry, and a message's packet id.
const EMPTY_MESSAGE: usize = 5;

static OPCODE: Field = Field::meta("openvpn.opcode", "opcode");
static PROTECTION: Field = Field::meta("openvpn.protection", "protection");

static FIELDS: &[&Field] = &[&OPCODE, &PROTECTION];

pub(super) static PROTOCOL: OpenVpn = OpenVpn;

#[derive(Debug)]
pub(super) struct OpenVpn;

impl Protocol for OpenVpn {
    fn name(&self) -> &'static str {
        "openvpn"
    }

    fn about(&self) -> &'static str {
        "OpenVPN, a VPN over UDP or TCP (draft-openvpn-wire-protocol)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP, Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[1194]
    }

    fn is_encrypted(&self) -> bool {
        true
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

fn probe(opening: &Opening<'_>) -> Probe {
    if opening.is_datagram() {
        let Some(newest) = Control::read(opening.newest()) else {
            return Probe::Mismatch;
        };
        let Some(Chunk { direction, bytes }) = opening.previous else {
            return alone(&newest, opening.flow.has_port(1194));
        };
        return match Control::read(bytes) {
            Some(previous) if agree(&previous, &newest, direction == opening.direction) => Probe::Match,
            _ => alone(&newest, opening.flow.has_port(1194)),
        };
    }
    probe_stream(opening)
}

/// Over TCP every packet stands behind its length.
fn probe_stream(opening: &Opening<'_>) -> Probe {
    let (bytes, other) = (opening.newest(), opening.of(opening.direction.opposite()));
    let mut reader = Reader::new(bytes);
    let first = match next_packet(&mut reader) {
        Ok(Some(packet)) => packet,
        Ok(None) => return Probe::NeedMore,
        Err(()) => return Probe::Mismatch,
    };
    if let Ok(Some(answer)) = next_packet(&mut Reader::new(other))
        && (agree(&first, &answer, false) || agree(&answer, &first, false))
    {
        return Probe::Match;
    }
    match next_packet(&mut reader) {
        Ok(Some(second)) if agree(&first, &second, true) => Probe::Match,
        Ok(Some(_)) | Err(()) => Probe::Mismatch,
        Ok(None) => alone(&first, opening.flow.has_port(1194)),
    }
}

/// The next complete control packet of a stream; an error if there can be none.
fn next_packet<'a>(reader: &mut Reader<'a>) -> Result<Option<Control<'a>>, ()> {
    let Some(length) = reader.u16() else {
        return Ok(None);
    };
    if usize::from(length) < HEADER + EMPTY_MESSAGE {
        return Err(());
    }
    match reader.peek().first() {
        Some(first) if Control::opcode(*first).is_none() => Err(()),
        _ => match reader.sub(length.into()) {
            Some(mut packet) => Control::read(packet.rest()).map(Some).ok_or(()),
            None => Ok(None),
        },
    }
}

/// A packet of the control channel.
struct Control<'a> {
    opcode: u8,
    session: &'a [u8],
    /// The whole packet.
    bytes: &'a [u8],
}

impl<'a> Control<'a> {
    /// The opcode of a control packet whose first byte is `first`. Resets are always of key 0.
    fn opcode(first: u8) -> Option<u8> {
        let (opcode, key) = (first >> 3, first & 7);
        match opcode {
            SOFT_RESET | CONTROL | ACK => Some(opcode),
            HARD_RESET_CLIENT_V1 | HARD_RESET_SERVER_V1 | HARD_RESET_CLIENT_V2 | HARD_RESET_SERVER_V2
            | HARD_RESET_CLIENT_V3 | CONTROL_WKC
                if key == 0 =>
            {
                Some(opcode)
            }
            _ => None,
        }
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let opcode = Self::opcode(*bytes.first()?)?;
        let session = bytes.get(1..HEADER)?;
        let varied = session.iter().any(|byte| Some(byte) != session.first());
        (varied && bytes.len() >= HEADER + EMPTY_MESSAGE).then_some(Self { opcode, session, bytes })
    }

    fn is_client_reset(&self) -> bool {
        matches!(self.opcode, HARD_RESET_CLIENT_V1 | HARD_RESET_CLIENT_V2 | HARD_RESET_CLIENT_V3)
    }

    fn is_server_reset(&self) -> bool {
        matches!(self.opcode, HARD_RESET_SERVER_V1 | HARD_RESET_SERVER_V2)
    }

    /// What protects a client's first packet, if it is laid out like one: nothing acknowledged, its own number 0.
    fn protection(&self) -> Option<&'static str> {
        let tail = self.bytes.len().checked_sub(EMPTY_MESSAGE)?;
        let empty = self.bytes.get(tail..)?.iter().all(|byte| *byte == 0);
        let between = tail.checked_sub(HEADER)?;
        if empty && between == 0 {
            return Some("none");
        }
        let hmac = between.checked_sub(REPLAY)?;
        if empty && hmac > 0 && HMACS.contains(&hmac) && self.is_first(HEADER + hmac) {
            return Some("tls-auth");
        }
        let crypt = HEADER + REPLAY + TLS_CRYPT_HMAC + EMPTY_MESSAGE;
        let fits = match self.opcode {
            // The wrapped client key stands behind.
            HARD_RESET_CLIENT_V3 => self.bytes.len() > crypt,
            _ => self.bytes.len() == crypt,
        };
        (fits && self.is_first(HEADER)).then_some("tls-crypt")
    }

    /// Whether a replay packet id of a session's beginning and a time of this century stand at `at`.
    fn is_first(&self, at: usize) -> bool {
        let mut reader = Reader::new(self.bytes.get(at..).unwrap_or_default());
        // OpenVPN 2.6 marks the ability to negotiate early with 0x0f in the upper byte.
        let id = reader.u32().filter(|id| id >> 24 <= 0x0f).map(|id| id & 0xffff);
        matches!(id, Some(1..=64)) && reader.u32().is_some_and(|time| time > 1_000_000_000)
    }

    /// Seconds since 1970 behind a `tls-crypt` packet id.
    fn time(&self) -> Option<u32> {
        Reader::new(self.bytes.get(HEADER + 4..)?).u32()
    }

    /// Whether this acknowledges something of the session `id`, whatever protects it.
    fn repeats(&self, id: &[u8]) -> bool {
        HMACS.into_iter().any(|hmac| {
            let at = HEADER + if hmac == 0 { 0 } else { hmac + REPLAY };
            let count = self.bytes.get(at).map_or(0, |count| usize::from(*count));
            let session = at + 1 + count * 4;
            (1..=8).contains(&count) && self.bytes.get(session..session + id.len()) == Some(id)
        })
    }
}

/// Whether two packets in a row belong to one session.
fn agree(first: &Control<'_>, second: &Control<'_>, same_side: bool) -> bool {
    if same_side {
        let opens = first.protection().is_some() && (first.is_client_reset() || first.is_server_reset());
        return opens && first.session == second.session;
    }
    if second.repeats(first.session) {
        return true;
    }
    // Behind `tls-crypt` the repeated id cannot be read; the clocks of the two sides are about the same.
    let clocks = match (first.time(), second.time()) {
        (Some(one), Some(other)) => one.abs_diff(other) < 24 * 3600,
        _ => false,
    };
    first.is_client_reset()
        && second.is_server_reset()
        && first.protection() == Some("tls-crypt")
        && second.is_first(HEADER)
        && clocks
}

/// A single packet: sure only with the registered port.
fn alone(packet: &Control<'_>, registered_port: bool) -> Probe {
    match packet.protection() {
        Some(_) if packet.is_client_reset() && registered_port => Probe::Match,
        _ => Probe::NeedMore,
    }
}

#[derive(Debug, Default)]
struct Session;

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        match Reader::new(bytes).u16() {
            Some(length) => Size::of(2, length),
            None => Size::Needs(2),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        self.datagram(direction, message.get(2..).unwrap_or_default(), out)
    }

    fn datagram(&mut self, direction: Direction, datagram: &[u8], out: &mut dyn Sink) -> After {
        if let Some(first) = datagram.first() {
            out.fact(&OPCODE, direction, Value::Number((first >> 3).into()));
        }
        if let Some(protection) = Control::read(datagram).and_then(|packet| packet.protection()) {
            out.fact(&PROTECTION, direction, Value::Text(protection));
        }
        out.end_record();
        out.unseen(Unseen::Encrypted);
        After::Done
    }
}

#[cfg(test)]
mod tests;
