//! How MQTT packets are laid out, and what tells them from anything else.

use super::{AUTH, CONNACK, CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, VERSION_5};
use crate::bytes::Reader;
use crate::protocol::Probe;
use crate::protocol::framing::Size;

/// A CONNECT packet, MQTT 5 §3.1.
pub(super) struct Connect<'a> {
    pub(super) name: &'a [u8],
    pub(super) version: u8,
    pub(super) properties: Reader<'a>,
    pub(super) client_id: &'a [u8],
    pub(super) will_topic: Option<&'a [u8]>,
    pub(super) will_message: Option<&'a [u8]>,
    pub(super) username: Option<&'a [u8]>,
    pub(super) password: Option<&'a [u8]>,
}

impl<'a> Connect<'a> {
    /// Reads what stands behind the fixed header.
    pub(super) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let name = string(reader)?;
        // Mosquitto's bridges set the top bit of the version.
        let version = reader.u8()? & 0x7f;
        let flags = reader.u8()?;
        reader.skip(2)?;
        let mut connect = Self {
            name,
            version,
            properties: Reader::new(&[]),
            client_id: &[],
            will_topic: None,
            will_message: None,
            username: None,
            password: None,
        };
        if version == VERSION_5 {
            connect.properties = properties(reader)?;
        }
        connect.client_id = string(reader)?;
        if flags & 0x04 != 0 {
            if version == VERSION_5 {
                properties(reader)?;
            }
            connect.will_topic = Some(string(reader)?);
            connect.will_message = Some(string(reader)?);
        }
        if flags & 0x80 != 0 {
            connect.username = Some(string(reader)?);
        }
        if flags & 0x40 != 0 {
            connect.password = Some(string(reader)?);
        }
        Some(connect)
    }
}

/// Bytes behind a two-byte length (UTF-8 string or binary data, MQTT 5 §1.5.4).
pub(super) fn string<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    reader.sub_u16().map(|mut string| string.rest())
}

/// A variable byte integer, MQTT 5 §1.5.5. At most four bytes.
pub(super) fn variable(reader: &mut Reader<'_>) -> Option<u32> {
    let mut value = 0;
    for shift in [0, 7, 14, 21] {
        let byte = reader.u8()?;
        value |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

pub(super) fn properties<'a>(reader: &mut Reader<'a>) -> Option<Reader<'a>> {
    let length = variable(reader)?;
    reader.sub(usize::try_from(length).ok()?)
}

/// The next property, MQTT 5 §2.2.2: a user property's name and value, or nothing of interest. `None` at the end.
#[allow(clippy::option_option)]
pub(super) fn property<'a>(reader: &mut Reader<'a>) -> Option<Option<(&'a [u8], &'a [u8])>> {
    match reader.u8()? {
        0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2a => reader.skip(1)?,
        0x13 | 0x21 | 0x22 | 0x23 => reader.skip(2)?,
        0x02 | 0x11 | 0x18 | 0x27 => reader.skip(4)?,
        0x0b => drop(variable(reader)?),
        0x03 | 0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1a | 0x1c | 0x1f => drop(string(reader)?),
        0x26 => return Some(Some((string(reader)?, string(reader)?))),
        _ => return None,
    }
    Some(None)
}

/// The length of the packet that begins with `bytes`.
pub(super) fn size(bytes: &[u8]) -> Size {
    let mut reader = Reader::new(bytes);
    if reader.skip(1).is_none() {
        return Size::Needs(2);
    }
    match variable(&mut reader) {
        Some(length) => Size::of(reader.offset() as u64, length),
        None if bytes.len() < 5 => Size::Needs(bytes.len() + 1),
        None => Size::Broken("an MQTT remaining length of more than four bytes"),
    }
}

/// CONNECT names its protocol. A broker's CONNACK is four bytes that could be anything's, and so is every packet of a
/// connection that was under way: these need company that fits, or the registered port.
pub(super) fn probe(bytes: &[u8], registered_port: bool) -> Probe {
    match bytes.first().map(|first| first >> 4) {
        None => Probe::NeedMore,
        Some(CONNECT) => probe_connect(bytes),
        Some(_) => probe_packets(bytes, registered_port),
    }
}

fn probe_connect(bytes: &[u8]) -> Probe {
    if bytes.first() != Some(&(CONNECT << 4)) {
        return Probe::Mismatch;
    }
    let header = match size(bytes) {
        Size::Is(12..) => {
            let mut reader = Reader::new(bytes);
            reader.skip(1);
            variable(&mut reader);
            reader.offset()
        }
        Size::Needs(_) => return Probe::NeedMore,
        _ => return Probe::Mismatch,
    };
    let start = bytes.get(header..).unwrap_or_default();
    for name in [&b"\0\x04MQTT"[..], b"\0\x06MQIsdp"] {
        let both = start.len().min(name.len());
        if start[..both] != name[..both] {
            continue;
        }
        let Some(&[version, flags, _, _]) = start.get(name.len()..name.len() + 4) else {
            return Probe::NeedMore;
        };
        let will = flags & 0x04 != 0;
        let will_ok = flags & 0x18 != 0x18 && (will || flags & 0x38 == 0);
        return match version & 0x7f {
            3..=5 if flags & 1 == 0 && will_ok => Probe::Match,
            _ => Probe::Mismatch,
        };
    }
    Probe::Mismatch
}

/// Two packets in a row that are laid out as they must be, one of which says something.
fn probe_packets(mut bytes: &[u8], registered_port: bool) -> Probe {
    let mut telling = 0;
    for complete in 0..3 {
        if complete >= 2 && telling > 0 || complete == 1 && telling > 0 && bytes.is_empty() && registered_port
        {
            return Probe::Match;
        }
        let Some(&first) = bytes.first() else {
            return Probe::NeedMore;
        };
        if !flags_fit(first) {
            return Probe::Mismatch;
        }
        let total = match size(bytes) {
            Size::Is(total) => total,
            Size::Needs(_) => return Probe::NeedMore,
            _ => return Probe::Mismatch,
        };
        let fits = |length: u64| match first >> 4 {
            CONNACK => length == 4 || (5..1024).contains(&length),
            12 | 13 => length == 2,
            14 => length < 1024,
            4..=7 | 11 => (4..64).contains(&length),
            _ => length >= 5,
        };
        // No topic of interest is longer than 255 bytes; the byte tells text protocols apart at once.
        if matches!(bytes, [0x30..0x40, 0..0x80, 1..=0xff, ..]) {
            return Probe::Mismatch;
        }
        let Some(packet) = usize::try_from(total).ok().filter(|_| fits(total)) else {
            return Probe::Mismatch;
        };
        let Some(packet) = bytes.get(..packet) else {
            return Probe::NeedMore;
        };
        match fields_fit(packet) {
            Some(says) => telling += usize::from(says),
            None => return Probe::Mismatch,
        }
        bytes = bytes.get(packet.len()..).unwrap_or_default();
    }
    Probe::Mismatch
}

/// The low half of the first byte is fixed for every type but PUBLISH, MQTT 5 §2.1.3.
fn flags_fit(first: u8) -> bool {
    let flags = first & 0x0f;
    match first >> 4 {
        PUBLISH => flags & 0x06 != 0x06,
        6 | SUBSCRIBE | UNSUBSCRIBE => flags == 2,
        0 | CONNECT | AUTH => false,
        _ => flags == 0,
    }
}

/// Whether a packet's fields fill it, and whether that says much.
fn fields_fit(packet: &[u8]) -> Option<bool> {
    let mut reader = Reader::new(packet);
    let kind = reader.u8()? >> 4;
    variable(&mut reader)?;
    match kind {
        CONNACK => {
            let flags = reader.u8()?;
            let code = reader.u8()?;
            let five = reader.is_empty() || properties(&mut reader).is_some_and(|_| reader.is_empty());
            let code_fits = code <= 5 || (0x80..=0xa2).contains(&code);
            (flags <= 1 && code_fits && five).then_some(true)
        }
        PUBLISH => {
            let topic = string(&mut reader)?;
            let text = std::str::from_utf8(topic).ok()?;
            let fits =
                !text.is_empty() && !text.contains(['\0', '#', '+']) && !text.contains(char::is_control);
            fits.then_some(topic.len() > 3)
        }
        SUBSCRIBE => {
            reader.skip(2)?;
            while !reader.is_empty() {
                let filter = string(&mut reader)?;
                let options = reader.u8()?;
                if filter.is_empty() || std::str::from_utf8(filter).is_err() || options & 3 == 3 {
                    return None;
                }
            }
            Some(true)
        }
        _ => Some(false),
    }
}
