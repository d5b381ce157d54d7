//! ASN.1's Basic Encoding Rules (ITU-T X.690), as far as SNMP and Kerberos use them: definite lengths, one-byte tags.

use crate::bytes::Reader;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;

/// The tag and length in front of a value.
pub(super) fn header(reader: &mut Reader<'_>) -> Option<(u8, usize)> {
    let tag = reader.u8()?;
    let length = match reader.u8()? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => reader.u8()?.into(),
        0x82 => reader.u16()?.into(),
        0x83 => usize::try_from(reader.u24()?).ok()?,
        0x84 => usize::try_from(reader.u32()?).ok()?,
        _ => return None,
    };
    Some((tag, length))
}

/// The next value of any tag.
pub(super) fn any<'a>(reader: &mut Reader<'a>) -> Option<(u8, Reader<'a>)> {
    let (tag, length) = header(reader)?;
    Some((tag, reader.sub(length)?))
}

/// The next value, which must have this tag; nothing is read if it has another.
pub(super) fn tagged<'a>(reader: &mut Reader<'a>, tag: u8) -> Option<Reader<'a>> {
    if *reader.peek().first()? != tag {
        return None;
    }
    any(reader).map(|(_, value)| value)
}

/// The next value, a small integer without sign.
pub(super) fn integer(reader: &mut Reader<'_>) -> Option<u64> {
    let value = tagged(reader, INTEGER)?.rest();
    if value.is_empty() || value.len() > 8 {
        return None;
    }
    Some(value.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// An object identifier in dotted form, X.690 §8.19.
pub(super) fn oid(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let mut arc: u64 = 0;
    for byte in bytes {
        arc = arc.wrapping_shl(7) | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        // The first number holds two arcs. Writing to a string cannot fail.
        let _ = if text.is_empty() {
            let first = (arc / 40).min(2);
            write!(text, "{first}.{}", arc - first * 40)
        } else {
            write!(text, ".{arc}")
        };
        arc = 0;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_long_lengths_and_refuses_indefinite_ones() {
        let mut reader = Reader::new(b"\x04\x81\x02hi\x04\x80");
        assert_eq!(tagged(&mut reader, OCTET_STRING).map(|mut value| value.rest()), Some(&b"hi"[..]));
        assert!(any(&mut reader).is_none());
    }

    #[test]
    fn writes_object_identifiers() {
        assert_eq!(oid(b"\x2b\x06\x01\x02\x01\x01\x05\0"), "1.3.6.1.2.1.1.5.0");
        assert_eq!(oid(b"\x88\x37"), "2.999");
    }
}
