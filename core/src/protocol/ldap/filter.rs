//! Search filters, RFC 4511 §4.5.1.7, written as text the way RFC 4515 does.

use super::{content, element};
use crate::bytes::Reader;

/// Filters inside each other.
const DEPTH: u8 = 16;
/// Bytes of text that are written.
const TEXT_BYTES: usize = 4096;

/// Writes the next filter. `None` if it is not one.
pub(super) fn write(reader: &mut Reader<'_>, text: &mut Vec<u8>, depth: u8) -> Option<()> {
    let (tag, body) = element(reader)?;
    if depth > DEPTH || text.len() > TEXT_BYTES {
        return Some(());
    }
    let mut body = Reader::new(body);
    text.push(b'(');
    match tag {
        0xa0..=0xa2 => {
            text.push(match tag {
                0xa0 => b'&',
                0xa1 => b'|',
                _ => b'!',
            });
            while !body.is_empty() {
                write(&mut body, text, depth + 1)?;
            }
        }
        // present
        0x87 => {
            text.extend_from_slice(body.peek());
            text.extend_from_slice(b"=*");
        }
        0xa4 => substrings(&mut body, text)?,
        0xa3 | 0xa5 | 0xa6 | 0xa8 => {
            text.extend_from_slice(content(&mut body, 0x04)?);
            text.extend_from_slice(match tag {
                0xa5 => b">=",
                0xa6 => b"<=",
                0xa8 => b"~=",
                _ => b"=",
            });
            value(content(&mut body, 0x04)?, text);
        }
        0xa9 => extensible(&mut body, text),
        _ => return None,
    }
    text.push(b')');
    Some(())
}

/// `type, substrings SEQUENCE OF CHOICE { initial [0], any [1], final [2] }`
fn substrings(body: &mut Reader<'_>, text: &mut Vec<u8>) -> Option<()> {
    text.extend_from_slice(content(body, 0x04)?);
    text.push(b'=');
    let mut parts = Reader::new(content(body, 0x30)?);
    let mut last = 0x80;
    while let Some((tag, part)) = element(&mut parts) {
        if tag != 0x80 {
            text.push(b'*');
        }
        value(part, text);
        last = tag;
    }
    if last != 0x82 {
        text.push(b'*');
    }
    Some(())
}

/// `matchingRule [1], type [2], matchValue [3], dnAttributes [4]`
fn extensible(body: &mut Reader<'_>, text: &mut Vec<u8>) {
    let (mut rule, mut kind, mut wanted): (&[u8], &[u8], &[u8]) = (b"", b"", b"");
    while let Some((tag, part)) = element(body) {
        match tag {
            0x81 => rule = part,
            0x82 => kind = part,
            0x83 => wanted = part,
            _ => {}
        }
    }
    text.extend_from_slice(kind);
    if !rule.is_empty() {
        text.push(b':');
        text.extend_from_slice(rule);
    }
    text.extend_from_slice(b":=");
    value(wanted, text);
}

/// A value with what would end it escaped.
fn value(bytes: &[u8], text: &mut Vec<u8>) {
    for &byte in bytes.iter().take(TEXT_BYTES) {
        if matches!(byte, b'*' | b'(' | b')' | b'\\' | 0) {
            text.extend_from_slice(format!("\\{byte:02x}").as_bytes());
        } else {
            text.push(byte);
        }
    }
}
