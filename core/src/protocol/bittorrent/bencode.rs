//! Bencoding (BEP 3): `d1:ad2:id20:…ee`, with no more than a slice borrowed.

use crate::bytes::Reader;
use crate::limits::BENCODE_DEPTH;

/// The entries of a dictionary, in the order sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dictionary<'a> {
    entries: Reader<'a>,
}

impl<'a> Dictionary<'a> {
    /// A dictionary whose bytes all agree, nothing behind it.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        skip(&mut reader, BENCODE_DEPTH)?;
        let inner = bytes.strip_prefix(b"d")?.strip_suffix(b"e")?;
        reader.is_empty().then_some(Self { entries: Reader::new(inner) })
    }

    /// The string under `key`.
    pub(super) fn string(self, key: &[u8]) -> Option<&'a [u8]> {
        let mut reader = Reader::new(self.value(key)?);
        string(&mut reader)
    }

    /// The dictionary under `key`.
    pub(super) fn dictionary(self, key: &[u8]) -> Option<Self> {
        Self::read(self.value(key)?)
    }

    fn value(self, key: &[u8]) -> Option<&'a [u8]> {
        let mut entries = self.entries;
        while let Some(name) = string(&mut entries) {
            let before = entries.peek();
            skip(&mut entries, BENCODE_DEPTH)?;
            if name == key {
                return before.get(..before.len() - entries.remaining());
            }
        }
        None
    }
}

/// Moves behind one value.
fn skip(reader: &mut Reader<'_>, depth: u8) -> Option<()> {
    let deeper = depth.checked_sub(1)?;
    match reader.peek().first()? {
        b'i' => skip_integer(reader),
        b'l' => {
            reader.skip(1)?;
            while reader.peek().first()? != &b'e' {
                skip(reader, deeper)?;
            }
            reader.skip(1)
        }
        b'd' => {
            reader.skip(1)?;
            while reader.peek().first()? != &b'e' {
                string(reader)?;
                skip(reader, deeper)?;
            }
            reader.skip(1)
        }
        _ => string(reader).map(drop),
    }
}

/// `i-42e`: at most twenty characters for 64 bits.
fn skip_integer(reader: &mut Reader<'_>) -> Option<()> {
    let bytes = reader.peek();
    let end = bytes.iter().take(22).position(|byte| *byte == b'e')?;
    let number = bytes.get(1..end)?;
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    reader.skip(end + 1).filter(|()| is_number)
}

/// `4:spam`
fn string<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let mut length = 0_usize;
    let mut digits = 0;
    loop {
        match reader.u8()? {
            digit @ b'0'..=b'9' if digits < 6 => {
                length = length * 10 + usize::from(digit - b'0');
                digits += 1;
            }
            b':' if digits > 0 => return reader.take(length),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Dictionary;

    #[test]
    fn finds_values_by_key() {
        let dictionary = Dictionary::read(b"d1:ad2:id3:abce1:lli-1e2:xye1:y1:qe").expect("well-formed");
        assert_eq!(dictionary.string(b"y"), Some(&b"q"[..]));
        assert_eq!(dictionary.dictionary(b"a").and_then(|a| a.string(b"id")), Some(&b"abc"[..]));
        assert_eq!(dictionary.string(b"z"), None);
    }

    #[test]
    fn refuses_what_does_not_add_up() {
        let nested = [[b'l'; 64], [b'e'; 64]].concat();
        let others: [&[u8]; 8] = [b"", b"d", b"de ", b"d1:a", b"d1:ai1-e", b"d9:ae", b"d1:ae", &nested];
        for bytes in others {
            assert!(Dictionary::read(bytes).is_none(), "{bytes:?}");
        }
    }
}
