//! STUN's messages and their attributes (RFC 8489 §5, §14; TURN: RFC 8656 §18).

use std::ops::ControlFlow;

use crate::bytes::Reader;
use crate::packet::{Address, Endpoint};

pub(super) const MAGIC_COOKIE: u32 = 0x2112_a442;
pub(super) const HEADER: usize = 20;

pub(super) mod attribute {
    pub(crate) const MAPPED_ADDRESS: u16 = 0x0001;
    pub(crate) const USERNAME: u16 = 0x0006;
    pub(crate) const ERROR_CODE: u16 = 0x0009;
    pub(crate) const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub(crate) const DATA: u16 = 0x0013;
    pub(crate) const REALM: u16 = 0x0014;
    pub(crate) const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    pub(crate) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub(crate) const SOFTWARE: u16 = 0x8022;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: u16,
    pub(super) length: usize,
    pub(super) cookie: u32,
    pub(super) transaction: [u8; 12],
}

impl Header {
    /// The header, if the two bits before the type are zero and the length is padded (RFC 8489 §5).
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let kind = reader.u16()?;
        let length = usize::from(reader.u16()?);
        let header = Self { kind, length, cookie: reader.u32()?, transaction: reader.array()? };
        (kind >> 14 == 0 && length.is_multiple_of(4)).then_some(header)
    }

    /// The type without the two bits of the class, which stand in its middle.
    pub(super) const fn method(self) -> u16 {
        self.kind & 0x000f | (self.kind & 0x00e0) >> 1 | (self.kind & 0x3e00) >> 2
    }

    pub(super) const fn class(self) -> &'static str {
        match self.kind & 0x0110 {
            0x0000 => "request",
            0x0010 => "indication",
            0x0100 => "success",
            _ => "error",
        }
    }

    pub(super) const fn method_name(self) -> Option<&'static str> {
        Some(match self.method() {
            1 => "binding",
            2 => "shared-secret",
            3 => "allocate",
            4 => "refresh",
            6 => "send",
            7 => "data",
            8 => "create-permission",
            9 => "channel-bind",
            10 => "connect",
            11 => "connection-bind",
            12 => "connection-attempt",
            0x80 => "goog-ping",
            _ => return None,
        })
    }
}

/// Calls `each` with every attribute; `None` if they do not fill `body` as their lengths say.
pub(super) fn attributes<'a>(
    mut body: Reader<'a>,
    mut each: impl FnMut(u16, Reader<'a>) -> ControlFlow<()>,
) -> Option<()> {
    while !body.is_empty() {
        let kind = body.u16()?;
        let value = body.sub_u16()?;
        // Padded to four octets; some programs leave the last one's padding out.
        let padding = value.remaining().wrapping_neg() % 4;
        body.skip(padding.min(body.remaining()))?;
        if each(kind, value).is_break() {
            return None;
        }
    }
    Some(())
}

/// MAPPED-ADDRESS (§14.1), or an XOR- address (§14.2) where `key` is the cookie and transaction.
pub(super) fn address(mut value: Reader<'_>, key: Option<Header>) -> Option<Endpoint> {
    value.skip(1)?;
    let family = value.u8()?;
    let mut port = value.u16()?;
    let mut mask = [0; 16];
    if let Some(header) = key {
        let (cookie, transaction) = mask.split_at_mut(4);
        cookie.copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
        transaction.copy_from_slice(&header.transaction);
        port ^= (MAGIC_COOKIE >> 16) as u16;
    }
    let [a, b, c, d, ..] = mask;
    let address = match family {
        1 => Address::v4(xor(value.array()?, [a, b, c, d])),
        2 => Address(xor(value.array()?, mask)),
        _ => return None,
    };
    Some(Endpoint::new(address, port))
}

fn xor<const N: usize>(mut octets: [u8; N], mask: [u8; N]) -> [u8; N] {
    octets.iter_mut().zip(mask).for_each(|(octet, mask)| *octet ^= mask);
    octets
}
