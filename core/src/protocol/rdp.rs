//! Remote Desktop Protocol (MS-RDPBCGR): the connection's beginning, until it is encrypted.
//!
//! Read: the X.224 connection request with the user's name in its cookie, the security the server chose, the client's
//! name, and the login where neither TLS nor RDP's own encryption protects it. TLS behind the negotiation is probed
//! anew while the flow stays `rdp`. Of RDP over UDP (MS-RDPEUDP) only the handshake is known.

use memchr::memmem;

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::strings::utf16_le;
use crate::protocol::{Field, Opening, Parser, Probe, Protocol, Role, Sink, Unseen, Value};

/// TPKT's version, RFC 1006 §6, and its header's length.
const TPKT: u8 = 3;
const TPKT_BYTES: usize = 4;
/// X.224 TPDU codes.
const CONNECTION_REQUEST: u8 = 0xe0;
const CONNECTION_CONFIRM: u8 = 0xd0;
const DATA: u8 = 0xf0;
/// Where a connection TPDU's variable part starts, counted from the TPKT header.
const VARIABLE_PART: usize = 11;

/// RDP_NEG_REQ, RDP_NEG_RSP and RDP_NEG_FAILURE, MS-RDPBCGR §2.2.1.1.1: a type, flags, the length 8, a number.
const NEG_REQUEST: u8 = 1;
const NEG_RESPONSE: u8 = 2;
const NEG_FAILURE: u8 = 3;

/// Flags of the security header, MS-RDPBCGR §2.2.8.1.1.2.1.
const SEC_EXCHANGE_PKT: u16 = 0x0001;
const SEC_ENCRYPT: u16 = 0x0008;
const SEC_INFO_PKT: u16 = 0x0040;
/// The login's strings are UTF-16, MS-RDPBCGR §2.2.1.11.1.1.
const INFO_UNICODE: u32 = 0x0000_0010;

static USER: Field = Field::new("rdp.user", Role::Username);
static PASSWORD: Field = Field::new("rdp.password", Role::Password);
static DOMAIN: Field = Field::meta("rdp.domain", "domain");
static TOKEN: Field = Field::meta("rdp.routing_token", "cookie");
static REQUESTED: Field = Field::meta("rdp.requested_protocols", "requested_protocols");
static SECURITY: Field = Field::meta("rdp.security", "protocol");
static FAILURE: Field = Field::meta("rdp.failure", "error_code");
static CLIENT_NAME: Field = Field::meta("rdp.client_name", "client.client_name");
static CLIENT_BUILD: Field = Field::meta("rdp.client_build", "client.build");

static FIELDS: &[&Field] =
    &[&USER, &PASSWORD, &DOMAIN, &TOKEN, &REQUESTED, &SECURITY, &FAILURE, &CLIENT_NAME, &CLIENT_BUILD];

pub(super) static PROTOCOL: Rdp = Rdp;

#[derive(Debug)]
pub(super) struct Rdp;

impl Protocol for Rdp {
    fn name(&self) -> &'static str {
        "rdp"
    }

    fn about(&self) -> &'static str {
        "Remote Desktop Protocol, Windows' remote screen (MS-RDPBCGR)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP, Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[3389]
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
        return probe_datagram(opening.newest());
    }
    let bytes = opening.newest();
    let mut reader = Reader::new(bytes);
    match bytes {
        [] | [TPKT] => return Probe::NeedMore,
        [TPKT, 0, ..] => {}
        _ => return Probe::Mismatch,
    }
    let (Some(length), Some(indicator), Some(code)) =
        (reader.skip(2).and_then(|()| reader.u16()), reader.u8(), reader.u8())
    else {
        return Probe::NeedMore;
    };
    // Nothing stands behind the TPDU of a connection.
    let fits = usize::from(length) == usize::from(indicator) + TPKT_BYTES + 1
        && usize::from(length) >= VARIABLE_PART
        && matches!(code, CONNECTION_REQUEST | CONNECTION_CONFIRM);
    if !fits {
        return Probe::Mismatch;
    }
    let Some(variable) = bytes.get(VARIABLE_PART..length.into()) else {
        return Probe::NeedMore;
    };
    let negotiates = match (code, negotiation(variable)) {
        (CONNECTION_REQUEST, Some((NEG_REQUEST, _))) => true,
        (CONNECTION_CONFIRM, Some((NEG_RESPONSE | NEG_FAILURE, _))) => variable.len() == 8,
        _ => false,
    };
    let old = variable.is_empty() && opening.flow.has_port(3389);
    if negotiates || old || (code == CONNECTION_REQUEST && cookie(variable).is_some()) {
        Probe::Match
    } else {
        // X.224 carries S7, MMS and H.323 as well.
        Probe::Mismatch
    }
}

/// RDPUDP_FEC_HEADER and RDPUDP_SYNDATA_PAYLOAD of a SYN, MS-RDPEUDP §3.1.5.1.1: padded to 1232 bytes.
fn probe_datagram(bytes: &[u8]) -> Probe {
    const SYN: u16 = 0x0001;
    const ACK: u16 = 0x0004;
    const MTU: std::ops::RangeInclusive<u16> = 1132..=1232;
    let mut reader = Reader::new(bytes);
    let header = (reader.u32(), reader.u16(), reader.u16(), reader.u32(), reader.u16(), reader.u16());
    let (Some(acknowledged), Some(window), Some(flags), Some(_), Some(up), Some(down)) = header else {
        return Probe::Mismatch;
    };
    let kind = match flags & (SYN | ACK) {
        SYN => acknowledged == u32::MAX,
        0x0005 => acknowledged != u32::MAX,
        _ => false,
    };
    let fits = kind && window > 0 && flags & 0xe000 == 0 && MTU.contains(&up) && MTU.contains(&down);
    if fits && (1100..=1232).contains(&bytes.len()) { Probe::Match } else { Probe::Mismatch }
}

#[derive(Debug, Default)]
struct Session {
    /// The client asked for more than RDP's own security: TLS may follow.
    may_be_tls: bool,
}

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        match *bytes {
            // The server's answer was not seen, and the client's TLS handshake begins.
            [0x16, ..] if self.may_be_tls => Size::Turns(After::Carries),
            [TPKT, _, high, low, ..] => match u16::from_be_bytes([high, low]) {
                length @ 7.. => Size::Is(length.into()),
                _ => Size::Broken("a TPKT shorter than its headers"),
            },
            [TPKT, ..] => Size::Needs(TPKT_BYTES),
            // Fast-path, MS-RDPBCGR §2.2.8.1.2: a length of one or two bytes.
            [_, high, low, ..] if high & 0x80 != 0 => {
                Size::Is(u64::from(u16::from_be_bytes([high & 0x7f, low])))
            }
            [_, length, _, ..] => Size::Is(length.into()),
            _ => Size::Needs(3),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let variable = message.get(VARIABLE_PART..).unwrap_or_default();
        match message {
            [TPKT, _, _, _, _, CONNECTION_REQUEST, ..] => {
                self.request(variable, direction, out);
                After::Next
            }
            [TPKT, _, _, _, _, CONNECTION_CONFIRM, ..] => self.confirm(variable, direction, out),
            [TPKT, _, _, _, _, DATA, _, data @ ..] => mcs(data, direction, out),
            _ => After::Next,
        }
    }

    fn datagram(&mut self, _: Direction, _: &[u8], out: &mut dyn Sink) -> After {
        out.unseen(Unseen::Encrypted);
        out.end_record();
        After::Done
    }
}

impl Session {
    fn request(&mut self, variable: &[u8], direction: Direction, out: &mut dyn Sink) {
        match cookie(variable) {
            Some(Cookie::User(user)) => out.fact(&USER, direction, Value::Bytes(user)),
            Some(Cookie::Token(token)) => out.fact(&TOKEN, direction, Value::Bytes(token)),
            None => {}
        }
        if let Some((NEG_REQUEST, protocols)) = negotiation(variable) {
            out.fact(&REQUESTED, direction, Value::Number(protocols.into()));
            self.may_be_tls = protocols != 0;
        }
        out.end_record();
    }

    fn confirm(&mut self, variable: &[u8], direction: Direction, out: &mut dyn Sink) -> After {
        let (security, after) = match negotiation(variable) {
            Some((NEG_FAILURE, code)) => {
                out.fact(&FAILURE, direction, Value::Number(code.into()));
                out.end_record();
                return After::Next;
            }
            Some((NEG_RESPONSE, selected)) if selected != 0 => (security_name(selected), After::Carries),
            _ => ("rdp", After::Next),
        };
        out.fact(&SECURITY, direction, Value::Text(security));
        out.end_record();
        self.may_be_tls = false;
        after
    }
}

/// The requestedProtocols' and selectedProtocol's flags, MS-RDPBCGR §2.2.1.1.1.
const fn security_name(selected: u32) -> &'static str {
    match selected {
        0x01 => "tls",
        0x02 => "credssp",
        0x04 => "rdstls",
        0x08 => "credssp-ex",
        0x10 => "rdsaad",
        _ => "unknown",
    }
}

/// The negotiation structure at the end of a connection TPDU: its type and number. A correlation id (type 6) may follow.
fn negotiation(variable: &[u8]) -> Option<(u8, u32)> {
    let behind_cookie = memmem::rfind(variable, b"\r\n").map_or(0, |at| at + 2);
    let mut reader = Reader::new(variable.get(behind_cookie..)?);
    let kind = reader.u8()?;
    reader.skip(1)?;
    let length = reader.u16_le()?;
    let number = reader.u32_le()?;
    (length == 8 && matches!(kind, NEG_REQUEST..=NEG_FAILURE)).then_some((kind, number))
}

enum Cookie<'a> {
    User(&'a [u8]),
    Token(&'a [u8]),
}

/// The line in front of the negotiation: who connects, or what a load balancer routes by.
fn cookie(variable: &[u8]) -> Option<Cookie<'_>> {
    let line = variable.get(..memmem::find(variable, b"\r\n")?)?;
    if let Some(user) = line.strip_prefix(b"Cookie: mstshash=") {
        return Some(Cookie::User(user));
    }
    line.strip_prefix(b"Cookie: msts=").map(Cookie::Token)
}

/// What T.125 carries: the client's settings, then data with a security header.
fn mcs(data: &[u8], direction: Direction, out: &mut dyn Sink) -> After {
    const CONNECT_INITIAL: [u8; 2] = [0x7f, 0x65];
    /// SendDataRequest, a PER choice.
    const SEND_DATA_REQUEST: u8 = 0x64;
    if data.starts_with(&CONNECT_INITIAL) {
        client_core(data, direction, out);
        return After::Next;
    }
    let mut reader = Reader::new(data);
    if reader.u8() != Some(SEND_DATA_REQUEST) {
        return After::Next;
    }
    // Initiator, channel, priority and segmentation, a length of one or two bytes.
    reader.skip(5);
    if reader.u8().is_some_and(|length| length & 0x80 != 0) {
        reader.skip(1);
    }
    let Some(flags) = reader.u16_le() else {
        return After::Next;
    };
    if flags & (SEC_EXCHANGE_PKT | SEC_ENCRYPT) != 0 {
        out.unseen(Unseen::Encrypted);
        return After::Done;
    }
    if flags & SEC_INFO_PKT != 0 && reader.skip(2).is_some() {
        client_info(&mut reader, direction, out);
    }
    After::Next
}

/// TS_UD_CS_CORE, MS-RDPBCGR §2.2.1.3.2, behind the key "Duca" of the GCC conference request.
fn client_core(data: &[u8], direction: Direction, out: &mut dyn Sink) -> Option<()> {
    const CS_CORE: u16 = 0xc001;
    let at = memmem::find(data, b"Duca")? + 4;
    let mut reader = Reader::new(data.get(at..)?);
    if reader.u8()? & 0x80 != 0 {
        reader.skip(1)?;
    }
    if reader.u16_le()? != CS_CORE {
        return None;
    }
    // The block's length, the version, width and height, colour depth, SAS sequence, keyboard layout.
    reader.skip(2 + 4 + 4 + 2 + 2 + 4)?;
    let build = reader.u32_le()?;
    let name = utf16_le(reader.take(32)?);
    let name = name.split('\0').next().unwrap_or_default();
    out.fact(&CLIENT_BUILD, direction, Value::Number(build.into()));
    out.fact(&CLIENT_NAME, direction, Value::Text(name));
    out.end_record();
    Some(())
}

/// TS_INFO_PACKET, MS-RDPBCGR §2.2.1.11.1.1.
fn client_info(reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    reader.skip(4)?;
    let unicode = reader.u32_le()? & INFO_UNICODE != 0;
    let mut lengths = [0; 3];
    for length in &mut lengths {
        *length = usize::from(reader.u16_le()?);
    }
    // The lengths of the shell and of the working directory.
    reader.skip(4)?;
    for (field, length) in [&DOMAIN, &USER, &PASSWORD].into_iter().zip(lengths) {
        let value = reader.take(length)?;
        reader.skip(if unicode { 2 } else { 1 })?;
        if value.is_empty() {
            continue;
        }
        if unicode {
            out.fact(field, direction, Value::Text(&utf16_le(value)));
        } else {
            out.fact(field, direction, Value::Bytes(value));
        }
    }
    out.end_record();
    Some(())
}

#[cfg(test)]
mod tests;
