//! Where a message ends, RFC 9112 §6, and what its head says about that.

use super::content::Codings;
use super::lines::{HeaderField, decimal, elements};

/// What is odd about a message: harmless mistakes, or a try to be understood differently by us and by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anomaly {
    HostDiffersFromUri,
    DuplicateHost,
    MissingHost,
    BadHost,
    ConflictingLength,
    BadLength,
    LengthAndChunked,
    OddTransferEncoding,
    BadChunk,
    FoldedHeader,
    SpaceBeforeColon,
    HeaderWithoutColon,
    ControlInHeader,
}

impl Anomaly {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::HostDiffersFromUri => "host-differs-from-uri",
            Self::DuplicateHost => "duplicate-host",
            Self::MissingHost => "missing-host",
            Self::BadHost => "bad-host",
            Self::ConflictingLength => "conflicting-length",
            Self::BadLength => "bad-length",
            Self::LengthAndChunked => "length-and-chunked",
            Self::OddTransferEncoding => "odd-transfer-encoding",
            Self::BadChunk => "bad-chunk",
            Self::FoldedHeader => "folded-header",
            Self::SpaceBeforeColon => "space-before-colon",
            Self::HeaderWithoutColon => "header-without-colon",
            Self::ControlInHeader => "control-in-header",
        }
    }
}

/// The anomalies of one message, each told once.
#[derive(Debug, Default)]
pub(super) struct Anomalies(u16);

impl Anomalies {
    /// Whether this is the first of its kind.
    pub(super) const fn note(&mut self, anomaly: Anomaly) -> bool {
        let bit = 1 << anomaly as u16;
        let is_new = self.0 & bit == 0;
        self.0 |= bit;
        is_new
    }
}

/// What another protocol will be spoken after the head, if the server agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Switch {
    WebSocket,
    Http2,
    /// CONNECT, and every other token of `Upgrade`.
    Tunnel,
}

impl Switch {
    /// Reads the value of an `Upgrade` field.
    fn parse(value: &[u8]) -> Self {
        for token in elements(value) {
            if token.eq_ignore_ascii_case(b"websocket") {
                return Self::WebSocket;
            }
            if token.eq_ignore_ascii_case(b"h2c") {
                return Self::Http2;
            }
        }
        Self::Tunnel
    }
}

/// What the header fields of one message say about its body.
#[derive(Debug, Default)]
pub(super) struct Framing {
    pub(super) codings: Codings,
    pub(super) upgrade: Option<Switch>,
    length: Option<u64>,
    chunked: bool,
    transfer_encoding: bool,
    /// A length that cannot be read: what follows belongs to the message as far as anybody can tell.
    unreadable: bool,
}

impl Framing {
    /// Looks at one header field.
    pub(super) fn note(&mut self, field: &HeaderField<'_>) -> Option<Anomaly> {
        match field.name.len() {
            7 if field.is(b"upgrade") => self.upgrade = Some(Switch::parse(&field.value)),
            14 if field.is(b"content-length") => return self.note_length(&field.value),
            16 if field.is(b"content-encoding") => self.codings.add(&field.value),
            17 if field.is(b"transfer-encoding") => return self.note_transfer_encoding(&field.value),
            _ => {}
        }
        None
    }

    /// RFC 9110 §8.6: a list of equal numbers counts as one.
    fn note_length(&mut self, value: &[u8]) -> Option<Anomaly> {
        let mut anomaly = None;
        for element in elements(value) {
            let digits = element.strip_prefix(b"+").unwrap_or(element);
            if digits.len() != element.len() {
                anomaly = Some(Anomaly::BadLength);
            }
            match (decimal(digits), self.length) {
                (None, _) => {
                    self.unreadable = true;
                    anomaly = Some(Anomaly::BadLength);
                }
                (Some(length), Some(before)) if length != before => {
                    anomaly = Some(Anomaly::ConflictingLength);
                }
                (Some(length), _) => self.length = Some(length),
            }
        }
        anomaly
    }

    fn note_transfer_encoding(&mut self, value: &[u8]) -> Option<Anomaly> {
        let is_repeated = std::mem::replace(&mut self.transfer_encoding, true);
        let mut is_odd = is_repeated;
        for element in elements(value) {
            if self.chunked {
                is_odd = true;
            } else if element.eq_ignore_ascii_case(b"chunked") {
                self.chunked = true;
            } else if element.eq_ignore_ascii_case(b"gzip") || element.eq_ignore_ascii_case(b"deflate") {
                self.codings.add(element);
            } else if is_disguised_chunked(element) {
                self.chunked = true;
                is_odd = true;
            } else {
                is_odd |= !element.eq_ignore_ascii_case(b"identity");
            }
        }
        is_odd.then_some(Anomaly::OddTransferEncoding)
    }

    /// The head is over. RFC 9112 §6.3: chunked is believed before a length.
    pub(super) const fn anomaly(&self) -> Option<Anomaly> {
        if self.chunked && (self.length.is_some() || self.unreadable) {
            Some(Anomaly::LengthAndChunked)
        } else if self.transfer_encoding && !self.chunked && self.length.is_some() {
            Some(Anomaly::OddTransferEncoding)
        } else {
            None
        }
    }

    pub(super) const fn request_body(&self) -> Body {
        match (self.chunked, self.unreadable, self.length) {
            (true, ..) => Body::Chunked(Chunked::Size),
            (_, true, _) => Body::UntilClose,
            (_, _, Some(length)) => Body::Length(length),
            (_, _, None) => Body::Length(0),
        }
    }

    /// A response without a length goes on until its connection ends.
    pub(super) const fn response_body(&self) -> Body {
        match (self.chunked, self.unreadable, self.length) {
            (true, ..) => Body::Chunked(Chunked::Size),
            (_, false, Some(length)) => Body::Length(length),
            _ => Body::UntilClose,
        }
    }
}

/// `"chunked"`, `chunked\0` and the like: tricks to be read as chunked by one side only.
fn is_disguised_chunked(element: &[u8]) -> bool {
    let trimmed = element.trim_ascii();
    let start = trimmed.iter().position(u8::is_ascii_alphabetic).unwrap_or(0);
    let end = trimmed.iter().rposition(u8::is_ascii_alphabetic).map_or(0, |at| at + 1);
    trimmed.get(start..end).is_some_and(|word| word.eq_ignore_ascii_case(b"chunked"))
}

/// How much of a body is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunked {
    Size,
    /// Bytes of the chunk that are still to come, and then a line end.
    Data(u64),
    Trailers,
}

/// RFC 9112 §7.1: hex digits, and extensions that mean nothing to us.
pub(super) fn chunk_size(line: &[u8]) -> Option<u64> {
    let line = line.trim_ascii();
    let end = line.iter().position(|byte| matches!(byte, b';' | b' ' | b'\t')).unwrap_or(line.len());
    let digits = line.get(..end).filter(|digits| !digits.is_empty())?;
    digits.iter().try_fold(0_u64, |size, byte| {
        let digit = super::authority::hex_digit(*byte)?;
        size.checked_mul(16)?.checked_add(digit.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing(fields: &[&str]) -> (Framing, Vec<Anomaly>) {
        let mut framing = Framing::default();
        let mut anomalies: Vec<_> = fields
            .iter()
            .filter_map(|line| framing.note(&HeaderField::parse(line.as_bytes()).expect("has a colon")))
            .collect();
        anomalies.extend(framing.anomaly());
        (framing, anomalies)
    }

    #[test]
    fn chunked_is_believed_before_a_length() {
        let (framing, anomalies) = framing(&["Content-Length: 5", "Transfer-Encoding: gzip, chunked"]);
        assert_eq!(framing.request_body(), Body::Chunked(Chunked::Size));
        assert!(!framing.codings.is_identity());
        assert_eq!(anomalies, [Anomaly::LengthAndChunked]);
    }

    #[test]
    fn disguises_of_chunked_are_seen_through() {
        for value in ["\"chunked\"", "chunked, identity", "chunked\0", "x, chunked"] {
            let (framing, anomalies) = framing(&[&format!("Transfer-Encoding: {value}")]);
            assert_eq!(framing.request_body(), Body::Chunked(Chunked::Size), "{value}");
            assert_eq!(anomalies, [Anomaly::OddTransferEncoding], "{value}");
        }
        let (framing, anomalies) = framing(&["Transfer-Encoding: xchunked", "Content-Length: 3"]);
        assert_eq!(framing.request_body(), Body::Length(3));
        assert!(anomalies.contains(&Anomaly::OddTransferEncoding));
    }

    #[test]
    fn lengths_are_decimal_and_agree() {
        assert_eq!(framing(&["Content-Length: 5, 5"]).0.request_body(), Body::Length(5));
        assert_eq!(framing(&["Content-Length: 5, 5"]).1, []);
        assert_eq!(framing(&["Content-Length: 5", "Content-Length: 6"]).1, [Anomaly::ConflictingLength]);
        assert_eq!(framing(&["Content-Length: +5"]).0.request_body(), Body::Length(5));
        for bad in ["-5", "0x5", "5 5", "99999999999999999999"] {
            let (framing, anomalies) = framing(&[&format!("Content-Length: {bad}")]);
            assert_eq!(framing.request_body(), Body::UntilClose, "{bad}");
            assert_eq!(anomalies, [Anomaly::BadLength], "{bad}");
        }
    }

    #[test]
    fn a_chunk_size_is_hex_and_does_not_overflow() {
        assert_eq!(chunk_size(b"1aF;name=\"value\""), Some(0x1af));
        assert_eq!(chunk_size(b" 0 "), Some(0));
        for bad in [&b""[..], b";x", b"-1", b"0x5", b"10000000000000000"] {
            assert_eq!(chunk_size(bad), None);
        }
    }
}
