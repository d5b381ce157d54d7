//! DTLS 1.0, 1.2 and 1.3 (RFC 4347, RFC 6347, RFC 9147), and the version before them that OpenSSL called "bad" and
//! Cisco made popular.
//!
//! Read are records of epoch 0: the hellos, certificates, alerts. Handshake messages are put together from fragments
//! over several datagrams. The first ClientHello counts; the second one only brings the cookie back.

#[cfg(test)]
mod tests;

use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits;
use crate::packet::Transport;
use crate::protocol::tls::fingerprint::Carrier;
use crate::protocol::tls::fragments::Fragments;
use crate::protocol::tls::handshake::{self, Fields, Handshake, message};
use crate::protocol::{
    Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Unseen, Value,
};

#[derive(Debug)]
pub(super) struct Dtls;

pub(super) static PROTOCOL: Dtls = Dtls;

/// What is stated of a handshake.
pub(super) static FACTS: Fields = handshake::fields!("dtls", "dtls.version", "version");

/// What is sent under a cipher that does not encrypt.
pub(super) static CLEARTEXT: Field = Field::new("dtls.cleartext", Role::Content);

static FIELDS: [&Field; Fields::COUNT + 1] = {
    let mut fields = [&CLEARTEXT; Fields::COUNT + 1];
    let (most, _) = fields.split_at_mut(Fields::COUNT);
    most.copy_from_slice(&FACTS.all());
    fields
};

/// Record types, IANA "TLS ContentType".
mod content_type {
    pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
    pub(super) const ALERT: u8 = 21;
    pub(super) const HANDSHAKE: u8 = 22;
    pub(super) const APPLICATION_DATA: u8 = 23;
    pub(super) const ACK: u8 = 26;
}

/// Encrypted records after which nothing in the clear is waited for.
const ENCRYPTED_RECORDS: u8 = 16;

impl Protocol for Dtls {
    fn name(&self) -> &'static str {
        "dtls"
    }

    fn about(&self) -> &'static str {
        "Datagram Transport Layer Security 1.0 to 1.3 (RFC 9147, RFC 6347)."
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP, Transport::SCTP]
    }

    fn ports(&self) -> &'static [u16] {
        &[443, 853, 2221, 4433, 5061, 5349, 5684, 6514, 10161]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::Range(content_type::CHANGE_CIPHER_SPEC, content_type::ACK)
    }

    fn is_encrypted(&self) -> bool {
        true
    }

    fn fields(&self) -> &'static [&'static Field] {
        &FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        if opening.is_datagram() && is_dtls_record(opening.newest()) { Probe::Match } else { Probe::Mismatch }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(DtlsParser {
            handshake: Handshake::new(&FACTS, Carrier::Datagram),
            messages: Vec::new(),
            over: [false; 2],
            encrypted: 0,
        })
    }
}

/// Whether a datagram is DTLS: records up to its end, or a handshake message's beginning that a short capture cut
/// off.
pub(super) fn is_dtls_record(datagram: &[u8]) -> bool {
    let mut reader = Reader::new(datagram);
    let Some(first) = Header::read(&mut reader) else {
        return false;
    };
    if first.kind == content_type::HANDSHAKE && first.epoch == 0 {
        let content = reader.peek().get(..first.length).unwrap_or(reader.peek());
        return Fragment::read(&mut Reader::new(content))
            .is_some_and(|fragment| fragment.is_plausible(first.length));
    }
    let mut header = Some(first);
    while let Some(Header { length, .. }) = header {
        if reader.skip(length).is_none() {
            return false;
        }
        if reader.peek().first().is_none_or(|&byte| is_unified(byte)) {
            return true;
        }
        header = Header::read(&mut reader);
    }
    false
}

/// The first byte of an encrypted record of DTLS 1.3, RFC 9147 §4. Too little to recognise anything by alone.
const fn is_unified(byte: u8) -> bool {
    byte >> 5 == 1
}

/// A record's header, RFC 6347 §4.1.
struct Header {
    kind: u8,
    epoch: u16,
    length: usize,
}

impl Header {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        const LONGEST: usize = (1 << 14) + 2048;
        let kind = reader.u8()?;
        let version = reader.u16()?;
        let epoch = reader.u16()?;
        // The sequence number.
        reader.skip(6)?;
        let length = usize::from(reader.u16()?);
        let is_version = matches!(version, 0xfeff | 0xfefd | 0xfefc | 0x0100);
        let is_kind = matches!(kind, content_type::CHANGE_CIPHER_SPEC..=content_type::ACK);
        // An epoch is a count of changes of keys.
        let fits = is_version && is_kind && epoch < 0x0100 && (1..=LONGEST).contains(&length);
        fits.then_some(Self { kind, epoch, length })
    }
}

/// A piece of a handshake message, RFC 6347 §4.2.2.
struct Fragment<'a> {
    kind: u8,
    /// Of the whole message.
    length: usize,
    sequence: u16,
    offset: usize,
    /// As it is said to be; `content` is less where the datagram was cut off.
    content_length: usize,
    content: &'a [u8],
}

impl<'a> Fragment<'a> {
    const HEADER: usize = 12;

    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let kind = reader.u8()?;
        let length = reader.u24()? as usize;
        let sequence = reader.u16()?;
        let offset = reader.u24()? as usize;
        let content_length = reader.u24()? as usize;
        let content = reader.take(content_length.min(reader.remaining()))?;
        Some(Self { kind, length, sequence, offset, content_length, content })
    }

    const fn is_plausible(&self, record: usize) -> bool {
        message::is_known(self.kind)
            && self.offset + self.content_length <= self.length
            && self.content_length + Self::HEADER <= record
    }

    const fn is_whole(&self) -> bool {
        self.offset == 0 && self.content.len() == self.length
    }
}

#[derive(Debug)]
struct DtlsParser {
    handshake: Handshake,
    messages: Vec<Message>,
    /// Which sides encrypt.
    over: [bool; 2],
    encrypted: u8,
}

/// A handshake message of which there are pieces.
#[derive(Debug)]
struct Message {
    direction: Direction,
    kind: u8,
    sequence: u16,
    length: usize,
    fragments: Fragments,
}

impl Parser for DtlsParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let Chunk { direction, bytes } = chunk;
        let mut reader = Reader::new(bytes);
        while let Some(&first) = reader.peek().first() {
            if is_unified(first) {
                self.encrypts(direction);
                break;
            }
            let Some(header) = Header::read(&mut reader) else {
                break;
            };
            let content = reader.take(header.length.min(reader.remaining())).unwrap_or_default();
            self.record(&header, content, direction, out);
        }
        if self.is_over() {
            self.handshake.end_record(out);
            out.unseen(Unseen::Encrypted);
            return Progress::Done;
        }
        Progress::Consumed(bytes.len())
    }

    fn close(&mut self, _: &FlowKey, out: &mut dyn Sink) {
        self.handshake.end_record(out);
    }
}

impl DtlsParser {
    fn is_over(&self) -> bool {
        !self.handshake.is_null_cipher()
            && (self.handshake.is_encrypted_after_hello()
                || self.over == [true; 2]
                || self.encrypted >= ENCRYPTED_RECORDS)
    }

    const fn encrypts(&mut self, direction: Direction) {
        self.over[direction.index()] = true;
        self.encrypted = self.encrypted.saturating_add(1);
    }

    fn record(&mut self, header: &Header, content: &[u8], direction: Direction, out: &mut dyn Sink) {
        match (header.kind, header.epoch) {
            (content_type::CHANGE_CIPHER_SPEC, 0) => {
                self.handshake.change_cipher_spec(direction, out);
                self.over[direction.index()] = true;
            }
            (content_type::ALERT, 0) => {
                if let [_, description] = *content {
                    self.handshake.alert(description, direction, out);
                }
            }
            (content_type::HANDSHAKE, 0) => {
                let mut reader = Reader::new(content);
                while let Some(fragment) = Fragment::read(&mut reader) {
                    if !fragment.is_plausible(header.length) {
                        break;
                    }
                    self.fragment(&fragment, direction, out);
                }
            }
            (content_type::APPLICATION_DATA, _) if self.handshake.is_null_cipher() => {
                if out.wants_content() {
                    out.fact(&CLEARTEXT, direction, Value::Bytes(content));
                }
            }
            (_, 0) => {}
            _ => self.encrypts(direction),
        }
    }

    fn fragment(&mut self, fragment: &Fragment<'_>, direction: Direction, out: &mut dyn Sink) {
        let Fragment { kind, length, .. } = *fragment;
        if !message::is_read(kind) {
            if fragment.offset == 0 {
                self.handshake.message(kind, &[], direction, out);
            }
            return;
        }
        if fragment.is_whole() {
            self.handshake.message(kind, fragment.content, direction, out);
            return;
        }
        if length > limits::HANDSHAKE_BYTES {
            return;
        }
        let known = self.messages.iter().position(|message| {
            (message.direction, message.kind, message.sequence, message.length)
                == (direction, kind, fragment.sequence, length)
        });
        let at = known.unwrap_or_else(|| self.begin(fragment, direction));
        let Some(message) = self.messages.get_mut(at) else {
            return;
        };
        message.fragments.insert(fragment.offset as u64, fragment.content);
        if message.fragments.beginning().len() == length {
            let message = self.messages.swap_remove(at);
            self.handshake.message(kind, message.fragments.beginning(), direction, out);
        }
    }

    /// A place for another message; the oldest gives way.
    fn begin(&mut self, fragment: &Fragment<'_>, direction: Direction) -> usize {
        if self.messages.len() >= limits::DTLS_MESSAGES {
            self.messages.remove(0);
        }
        self.messages.push(Message {
            direction,
            kind: fragment.kind,
            sequence: fragment.sequence,
            length: fragment.length,
            fragments: Fragments::default(),
        });
        self.messages.len() - 1
    }
}
