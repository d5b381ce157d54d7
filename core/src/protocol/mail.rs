//! Messages as mail protocols carry them, line by line: RFC 5322 headers, MIME parts (RFC 2046) and their transfer
//! encodings (RFC 2045).
//!
//! States a few headers, and everything the message says with base64 and quoted-printable undone. Not read: encoded
//! words in headers (RFC 2047), charsets, compressed attachments.

use super::line::{self, Line};
use super::pieces::Pieces;
use super::{Field, Sink, Value, sasl};
use crate::flow::Direction;
use crate::limits::{LINE_BYTES, MIME_DEPTH};

/// Where a protocol states what a message says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    pub(super) from: &'static Field,
    pub(super) to: &'static Field,
    pub(super) subject: &'static Field,
    pub(super) content: &'static Field,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Identity,
    Base64,
    QuotedPrintable,
}

/// One message being read.
#[derive(Debug)]
pub(super) struct Message {
    fields: Fields,
    direction: Direction,
    in_header: bool,
    /// The header field being read, unfolded.
    header: Vec<u8>,
    encoding: Encoding,
    /// The boundary that a multipart header announced, until its part ends.
    boundaries: Vec<Vec<u8>>,
    /// Base64 characters left over from the last line.
    carry: Vec<u8>,
    content: Pieces,
    /// Bytes of the lines that the next statement will speak of.
    undecided: usize,
}

impl Message {
    pub(super) const fn new(fields: Fields, direction: Direction) -> Self {
        Self {
            fields,
            direction,
            in_header: true,
            header: Vec::new(),
            encoding: Encoding::Identity,
            boundaries: Vec::new(),
            carry: Vec::new(),
            content: Pieces::new(fields.content, direction),
            undecided: 0,
        }
    }

    /// Takes the next line, dots already unstuffed.
    pub(super) fn line(&mut self, line: Line<'_>, out: &mut dyn Sink) {
        let before = self.content.undecided();
        self.read(line, out);
        // Less than before means that a piece was stated.
        if self.content.undecided() < before {
            self.undecided = 0;
        }
        self.undecided += line.text.len() + 2;
    }

    /// More of the message comes only after an answer: states what there is.
    pub(super) fn pause(&mut self, out: &mut dyn Sink) {
        self.content.pause(out);
        self.undecided = 0;
    }

    /// Bytes on the wire that were read and not stated.
    pub(super) const fn undecided(&self) -> usize {
        self.undecided
    }

    fn read(&mut self, line: Line<'_>, out: &mut dyn Sink) {
        if self.in_header {
            self.header_line(line, out);
            self.content.push(line.text, out);
            self.end_line(line, out);
            return;
        }
        if line.is_whole() && line.text.starts_with(b"--") && self.boundary(line.text, out) {
            return;
        }
        match self.encoding {
            Encoding::Identity => {
                self.content.push(line.text, out);
                self.end_line(line, out);
            }
            Encoding::Base64 => self.base64(line.text, out),
            Encoding::QuotedPrintable => {
                let soft = line.text.trim_ascii_end();
                if let Some(text) = soft.strip_suffix(b"=") {
                    self.content.push(&quoted_printable(text), out);
                } else {
                    self.content.push(&quoted_printable(line.text), out);
                    self.end_line(line, out);
                }
            }
        }
    }

    /// The message is over: states what is left of it.
    pub(super) fn finish(&mut self, out: &mut dyn Sink) {
        self.end_header(out);
        self.flush_base64(out);
        self.content.finish(out);
        *self = Self::new(self.fields, self.direction);
    }

    fn end_line(&mut self, line: Line<'_>, out: &mut dyn Sink) {
        if line.ends {
            self.content.push(b"\n", out);
        }
    }

    fn header_line(&mut self, line: Line<'_>, out: &mut dyn Sink) {
        if line.is_whole() && line.text.is_empty() {
            self.end_header(out);
            self.in_header = false;
            return;
        }
        let folded = !line.starts || matches!(line.text, [b' ' | b'\t', ..]);
        if !folded {
            self.end_header(out);
        }
        let room = LINE_BYTES.saturating_sub(self.header.len());
        let text = line.text.get(..room).unwrap_or(line.text);
        self.header.extend_from_slice(text);
    }

    fn end_header(&mut self, out: &mut dyn Sink) {
        let header = std::mem::take(&mut self.header);
        let Some(colon) = memchr::memchr(b':', &header) else {
            return;
        };
        let (name, value) = header.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let is = |known: &[u8]| name.trim_ascii_end().eq_ignore_ascii_case(known);
        if is(b"Content-Transfer-Encoding") {
            let word = value.split(|byte| matches!(byte, b';' | b' ')).next().unwrap_or_default();
            self.encoding = if word.eq_ignore_ascii_case(b"base64") {
                Encoding::Base64
            } else if word.eq_ignore_ascii_case(b"quoted-printable") {
                Encoding::QuotedPrintable
            } else {
                Encoding::Identity
            };
        } else if is(b"Content-Type") && line::starts_with_ignore_case(value, b"multipart/") {
            if let Some(boundary) = boundary_parameter(value)
                && self.boundaries.len() < MIME_DEPTH
            {
                self.boundaries.push(boundary.to_vec());
            }
        } else if !self.boundaries.is_empty() || value.is_empty() {
            // Headers of a part say nothing about the message.
        } else if is(b"From") {
            out.fact(self.fields.from, self.direction, Value::Bytes(value));
        } else if is(b"To") {
            for address in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                out.fact(self.fields.to, self.direction, Value::Bytes(address));
            }
        } else if is(b"Subject") {
            out.fact(self.fields.subject, self.direction, Value::Bytes(value));
        }
    }

    /// Whether the line is a boundary: the next part begins, or the innermost multipart ends.
    fn boundary(&mut self, text: &[u8], out: &mut dyn Sink) -> bool {
        let text = text.strip_prefix(b"--").unwrap_or_default().trim_ascii_end();
        let matching = |boundary: &Vec<u8>| {
            text.strip_prefix(&boundary[..]).is_some_and(|rest| rest.is_empty() || rest == b"--")
        };
        let Some(level) = self.boundaries.iter().rposition(matching) else {
            return false;
        };
        self.flush_base64(out);
        let ends = self.boundaries.get(level).is_some_and(|boundary| text.len() > boundary.len());
        self.boundaries.truncate(if ends { level } else { level + 1 });
        self.encoding = Encoding::Identity;
        self.in_header = !ends;
        self.content.push(b"\n", out);
        true
    }

    fn base64(&mut self, text: &[u8], out: &mut dyn Sink) {
        let meaningful = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        self.carry.extend(text.iter().filter(meaningful));
        let whole = self.carry.len() / 4 * 4;
        let rest = self.carry.split_off(whole);
        let decoded = sasl::base64(&self.carry).unwrap_or_default();
        self.content.push(&decoded, out);
        self.carry = rest;
    }

    fn flush_base64(&mut self, out: &mut dyn Sink) {
        let carry = std::mem::take(&mut self.carry);
        let decoded = sasl::base64(&carry).unwrap_or_default();
        self.content.push(&decoded, out);
    }
}

fn boundary_parameter(value: &[u8]) -> Option<&[u8]> {
    let name = b"boundary=";
    let at = value.windows(name.len()).position(|window| window.eq_ignore_ascii_case(name))?;
    let value = value.get(at + name.len()..)?;
    let boundary = match value {
        [b'"', quoted @ ..] => quoted.split(|&byte| byte == b'"').next()?,
        _ => value.split(|byte| matches!(byte, b';' | b' ' | b'\t')).next()?,
    };
    // RFC 2046 §5.1.1: at most 70 characters; some programs write longer ones.
    (1..=200).contains(&boundary.len()).then_some(boundary)
}

/// Undoes `=41`; what is no escape stays as it is.
fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        if let (b'=', [high, low, behind @ ..]) = (byte, after)
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            decoded.push(high << 4 | low);
            rest = behind;
        } else {
            decoded.push(*byte);
            rest = after;
        }
    }
    decoded
}
