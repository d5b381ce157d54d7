//! How MySQL's packets are laid out, and what tells them from anything else.

use super::HEADER;
use crate::bytes::Reader;
use crate::protocol::Probe;
use crate::protocol::strings::zero_ended;

/// The greeting's first byte: the version of the handshake.
pub(super) const PROTOCOL_10: u8 = 0x0a;
/// The first byte of an error packet.
pub(super) const ERROR: u8 = 0xff;
/// Capabilities, largest packet, character set and reserved bytes: a login that stops before the user's name.
pub(super) const SSL_REQUEST_BYTES: usize = 32;

/// `CLIENT_…` flags.
pub(super) mod capability {
    pub(in super::super) const CONNECT_WITH_DB: u32 = 1 << 3;
    pub(in super::super) const COMPRESS: u32 = 1 << 5;
    pub(in super::super) const PROTOCOL_41: u32 = 1 << 9;
    pub(in super::super) const SSL: u32 = 1 << 11;
    pub(in super::super) const SECURE_CONNECTION: u32 = 1 << 15;
    pub(in super::super) const PLUGIN_AUTH: u32 = 1 << 19;
    pub(in super::super) const CONNECT_ATTRS: u32 = 1 << 20;
    pub(in super::super) const PLUGIN_AUTH_LENENC: u32 = 1 << 21;
    pub(in super::super) const ZSTD: u32 = 1 << 26;
    pub(in super::super) const QUERY_ATTRIBUTES: u32 = 1 << 27;
}

/// Protocol::HandshakeV10.
pub(super) struct Greeting<'a> {
    pub(super) version: &'a [u8],
}

impl<'a> Greeting<'a> {
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        if reader.u8()? != PROTOCOL_10 {
            return None;
        }
        let version = zero_ended(&mut reader)?;
        let fits = version.first().is_some_and(u8::is_ascii_digit)
            && version.len() < 256
            && version.iter().all(|byte| (b' '..0x7f).contains(byte));
        // Thread, half of the challenge, and a zero.
        reader.skip(4 + 8)?;
        (fits && reader.u8()? == 0).then_some(Self { version })
    }
}

/// Protocol::HandshakeResponse41, and its elder HandshakeResponse320.
pub(super) struct Login<'a> {
    pub(super) capabilities: u32,
    pub(super) user: &'a [u8],
    pub(super) response: &'a [u8],
    pub(super) database: Option<&'a [u8]>,
    pub(super) plugin: Option<&'a [u8]>,
    pub(super) attributes: Reader<'a>,
}

impl<'a> Login<'a> {
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let capabilities = if is_41(body) {
            let capabilities = reader.u32_le()?;
            reader.skip(SSL_REQUEST_BYTES - 4)?;
            capabilities
        } else {
            let capabilities = reader.u16_le()?;
            reader.skip(3)?;
            u32::from(capabilities)
        };
        let has = |flag| capabilities & flag != 0;
        let user = zero_ended(&mut reader)?;
        let mut login = Self {
            capabilities,
            user,
            response: &[],
            database: None,
            plugin: None,
            attributes: Reader::new(&[]),
        };
        login.response = if has(capability::PLUGIN_AUTH_LENENC) {
            sized(&mut reader)?
        } else if has(capability::SECURE_CONNECTION) {
            reader.sub_u8()?.rest()
        } else {
            zero_ended(&mut reader).unwrap_or_else(|| reader.rest())
        };
        if has(capability::CONNECT_WITH_DB) {
            login.database = zero_ended(&mut reader);
        }
        if has(capability::PLUGIN_AUTH) {
            login.plugin = zero_ended(&mut reader);
        }
        if has(capability::CONNECT_ATTRS)
            && let Some(attributes) = sized(&mut reader)
        {
            login.attributes = Reader::new(attributes);
        }
        Some(login)
    }
}

fn is_41(body: &[u8]) -> bool {
    matches!(body, [_, high, ..] if u32::from(*high) << 8 & capability::PROTOCOL_41 != 0)
}

pub(super) fn is_ssl_request(body: &[u8]) -> bool {
    let capabilities = Reader::new(body).u32_le().unwrap_or(0);
    body.len() == SSL_REQUEST_BYTES && capabilities & capability::SSL != 0
}

/// An error packet's number and text; the SQL state between them may be left out.
pub(super) fn error(body: &[u8]) -> Option<(u16, &[u8])> {
    let mut reader = Reader::new(body);
    reader.skip(1)?;
    let code = reader.u16_le()?;
    if reader.peek().first() == Some(&b'#') {
        reader.skip(6)?;
    }
    Some((code, reader.rest()))
}

/// The names of the commands that say something.
pub(super) const fn command_name(command: u8) -> Option<&'static str> {
    Some(match command {
        0x01 => "quit",
        0x02 => "init_db",
        0x03 => "query",
        0x04 => "field_list",
        0x05 => "create_db",
        0x06 => "drop_db",
        0x08 => "shutdown",
        0x09 => "statistics",
        0x0a => "process_info",
        0x0c => "process_kill",
        0x0e => "ping",
        0x11 => "change_user",
        0x12 => "binlog_dump",
        0x16 => "stmt_prepare",
        0x17 => "stmt_execute",
        0x18 => "stmt_send_long_data",
        0x19 => "stmt_close",
        0x1a => "stmt_reset",
        0x1b => "set_option",
        0x1c => "stmt_fetch",
        0x1f => "reset_connection",
        _ => return None,
    })
}

/// Bytes behind a length-encoded integer.
pub(super) fn sized<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = match reader.u8()? {
        length @ 0..=0xfa => u64::from(length),
        0xfc => reader.u16_le()?.into(),
        0xfd => reader.u24_le()?.into(),
        0xfe => reader.u64_le()?,
        _ => return None,
    };
    reader.take(usize::try_from(length).ok()?)
}

/// The server's greeting or its refusal, or the client's login.
pub(super) fn probe(bytes: &[u8]) -> Probe {
    let mut reader = Reader::new(bytes);
    let (Some(length), Some(sequence)) = (reader.u24_le(), reader.u8()) else {
        // The third byte of the length is 0 in all first packets.
        return match bytes {
            [_, _, 1..=0xff, ..] => Probe::Mismatch,
            _ => Probe::NeedMore,
        };
    };
    if !(9..0x4000).contains(&length) {
        return Probe::Mismatch;
    }
    let body = &reader.peek()[..reader.remaining().min(length as usize)];
    let complete = body.len() == length as usize;
    match (sequence, body) {
        (0 | 1, []) => Probe::NeedMore,
        (0, [PROTOCOL_10, version @ ..]) => {
            let shown = version.split(|byte| *byte == 0).next().unwrap_or_default();
            let fits = shown.len() < 256
                && shown.first().is_none_or(u8::is_ascii_digit)
                && shown.iter().all(|byte| (b' '..0x7f).contains(byte));
            match Greeting::read(body) {
                Some(_) => Probe::Match,
                None if fits && !complete => Probe::NeedMore,
                None => Probe::Mismatch,
            }
        }
        (0, [ERROR, ..]) if complete => match error(body) {
            // Too many connections, out of resources, host unknown, blocked, not allowed, handshake, not before login.
            Some((1040 | 1041 | 1042 | 1043 | 1045 | 1053 | 1129 | 1130 | 1203 | 1226 | 1927, text))
                if text.len() > 4 && text.iter().all(|byte| *byte >= b' ') =>
            {
                Probe::Match
            }
            _ => Probe::Mismatch,
        },
        (0, [ERROR, ..]) => Probe::NeedMore,
        (1, _) if bytes.len() < HEADER + SSL_REQUEST_BYTES && !complete => {
            // 23 reserved bytes; MariaDB keeps its own capabilities in the last four.
            match body.get(9..) {
                Some(reserved) if reserved.iter().take(19).any(|byte| *byte != 0) => Probe::Mismatch,
                _ if body.len() >= 2 && !is_41(body) => Probe::Mismatch,
                _ => Probe::NeedMore,
            }
        }
        (1, _) => match body.get(9..28) {
            Some(reserved) if is_41(body) && reserved.iter().all(|byte| *byte == 0) => Probe::Match,
            _ => Probe::Mismatch,
        },
        _ => Probe::Mismatch,
    }
}
