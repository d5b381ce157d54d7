//! Domain names off the wire: labels and compression pointers (RFC 1035 §3.1, §4.1.4).

use super::Fault;
use crate::bytes::Reader;

/// Octets of a name on the wire, its root included (RFC 1035 §2.3.4).
const NAME_OCTETS: usize = 255;
/// Labels that fit into [`NAME_OCTETS`].
const LABELS: usize = 127;
/// The longest text: 250 octets in four labels, each written `\DDD`, and the dots between them.
const TEXT_BYTES: usize = 4 * 250 + 3;

/// The top two bits of a length octet (RFC 1035 §4.1.4).
const KIND: u8 = 0xc0;
const POINTER: u8 = 0xc0;

/// A domain name as text. Holds its bytes itself, so one is enough for all names of a message.
///
/// Dots stand between labels and none at the end; the root is `.`. A dot or backslash inside a label and octets that do
/// not print are escaped as in a zone file (RFC 1035 §5.1). Octets above 0x7f stay, being UTF-8 in mDNS names.
#[derive(Debug, Clone)]
pub(crate) struct Name {
    text: [u8; TEXT_BYTES],
    length: usize,
}

impl Name {
    pub(crate) const fn new() -> Self {
        Self { text: [0; TEXT_BYTES], length: 0 }
    }

    /// Reads the name at `reader`, a reader over (the beginning of) `message`, and moves behind it.
    pub(crate) fn read<'a>(&mut self, message: &'a [u8], reader: &mut Reader<'a>) -> Result<(), Fault> {
        self.length = 0;
        walk(message, reader, |label| self.push(label))?;
        if self.length == 0 {
            self.put(b".");
        }
        Ok(())
    }

    pub(crate) fn text(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }

    /// Names compare without case (RFC 4343); this makes them compare as bytes.
    pub(crate) fn make_lowercase(&mut self) {
        if let Some(text) = self.text.get_mut(..self.length) {
            text.make_ascii_lowercase();
        }
    }

    fn push(&mut self, label: &[u8]) {
        if self.length > 0 {
            self.put(b".");
        }
        if label.iter().all(|&byte| stands_for_itself(byte)) {
            self.put(label);
        } else {
            label.iter().for_each(|&byte| self.escape(byte));
        }
    }

    fn escape(&mut self, byte: u8) {
        let digit = |power| b'0' + byte / power % 10;
        match byte {
            b'.' | b'\\' => self.put(&[b'\\', byte]),
            _ if stands_for_itself(byte) => self.put(&[byte]),
            _ => self.put(&[b'\\', digit(100), digit(10), digit(1)]),
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if let Some(room) = self.text.get_mut(self.length..end) {
            room.copy_from_slice(bytes);
            self.length = end;
        }
    }
}

const fn stands_for_itself(byte: u8) -> bool {
    byte >= b' ' && byte != 0x7f && byte != b'.' && byte != b'\\'
}

/// Moves behind the name at `reader` without writing it down, but checking all of it.
pub(crate) fn skip<'a>(message: &'a [u8], reader: &mut Reader<'a>) -> Result<(), Fault> {
    walk(message, reader, |_| ())
}

/// Calls `each` with every label. A pointer must lead to before the labels that it ends, so that no chain of pointers
/// comes around: "a pointer to a prior occurrence" (RFC 1035 §4.1.4).
#[inline]
fn walk<'a>(message: &'a [u8], reader: &mut Reader<'a>, mut each: impl FnMut(&'a [u8])) -> Result<(), Fault> {
    let mut away: Option<Reader<'a>> = None;
    let mut run_begins = reader.offset();
    let mut octets = 1;
    for _ in 0..=LABELS * 2 {
        let labels = away.as_mut().unwrap_or(&mut *reader);
        let length = labels.u8().ok_or(Fault::Short)?;
        match length & KIND {
            0 if length == 0 => return Ok(()),
            0 => {
                let label = labels.take(length.into()).ok_or(Fault::Short)?;
                octets += 1 + label.len();
                if octets > NAME_OCTETS {
                    return Err(Fault::LongName);
                }
                each(label);
            }
            POINTER => {
                let low = labels.u8().ok_or(Fault::Short)?;
                let target = usize::from(u16::from_be_bytes([length & !KIND, low]));
                if target >= run_begins {
                    return Err(Fault::ForwardPointer);
                }
                let mut there = Reader::new(message);
                there.skip(target).ok_or(Fault::Short)?;
                away = Some(there);
                run_begins = target;
            }
            _ => return Err(Fault::LabelType),
        }
    }
    Err(Fault::LongName)
}

#[cfg(test)]
mod tests {
    use super::{Name, skip};
    use crate::bytes::Reader;
    use crate::protocol::dns::Fault;

    /// Reads the name at `at`: its text and the offset behind it.
    fn read(message: &[u8], at: usize) -> Result<(String, usize), Fault> {
        let mut reader = Reader::new(message);
        reader.skip(at).expect("the test's offset");
        let mut name = Name::new();
        name.read(message, &mut reader)?;
        let text = String::from_utf8(name.text().to_vec()).expect("ASCII in these tests");
        Ok((text, reader.offset()))
    }

    #[test]
    fn joins_labels_with_dots() {
        assert_eq!(read(b"\x03www\x07Example\x03org\0", 0), Ok(("www.Example.org".to_owned(), 17)));
        assert_eq!(read(b"\0", 0), Ok((".".to_owned(), 1)));
    }

    #[test]
    fn follows_pointers_backwards() {
        let message = b"\x03org\0\x07example\xc0\x00\x03www\xc0\x05";
        assert_eq!(read(message, 15), Ok(("www.example.org".to_owned(), 21)));
    }

    #[test]
    fn refuses_loops_and_forward_pointers() {
        assert_eq!(read(b"\xc0\x00", 0), Err(Fault::ForwardPointer));
        assert_eq!(read(b"\x01a\xc0\x00", 0), Err(Fault::ForwardPointer));
        assert_eq!(read(b"\xc0\x02\x01a\0", 0), Err(Fault::ForwardPointer));
        assert_eq!(read(b"\xc0\x02\xc0\x00", 2), Err(Fault::ForwardPointer));
    }

    #[test]
    fn refuses_what_the_specification_reserves_or_forbids() {
        assert_eq!(read(b"\x41a\0", 0), Err(Fault::LabelType));
        assert_eq!(read(b"\x03ww", 0), Err(Fault::Short));
        let long = [b"\x3f".as_slice(), &[b'a'; 63]].concat().repeat(4);
        assert_eq!(read(&long, 0), Err(Fault::LongName));
        assert_eq!(skip(&long, &mut Reader::new(&long)), Err(Fault::LongName));
    }

    #[test]
    fn escapes_what_would_be_misread() {
        assert_eq!(read(b"\x06a.b\\c\x07\x05local\0", 0), Ok(("a\\.b\\\\c\\007.local".to_owned(), 14)));
    }

    #[test]
    fn holds_the_longest_name_escaped() {
        let label = |length: u8| [&[length][..], &vec![1; length.into()]].concat();
        let message = [label(63), label(63), label(63), label(61), vec![0]].concat();
        let (text, end) = read(&message, 0).expect("255 octets");
        assert_eq!((text.len(), end), (1003, 255));
    }
}
