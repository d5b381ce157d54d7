//! TLS 1.0 to 1.3 and SSL 3.0 over a stream (RFC 8446, RFC 5246, RFC 6101), and the hellos of SSL 2.0.
//!
//! Read are the records, the hellos, certificates that are sent in the clear (up to TLS 1.2) and alerts. Nothing is
//! decrypted. A conversation is done with when both sides encrypt; with a NULL cipher it is read to its end.
//!
//! One ClientHello may come in many records, even of one byte each; a HelloRetryRequest's second one changes nothing.

pub mod certificate;
pub mod ciphers;
pub mod client_hello;
mod der;
pub mod fingerprint;
pub(crate) mod fragments;
pub mod handshake;
mod host_name;
mod opening;
pub mod server_hello;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits;
use crate::packet::Transport;
use crate::protocol::{
    Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Unseen, Value,
};
use fingerprint::Carrier;
use handshake::{Fields, Handshake, message};

#[derive(Debug)]
pub struct Tls;

pub static PROTOCOL: Tls = Tls;

/// What is stated of a handshake.
pub static FACTS: Fields = handshake::fields!("tls", "tls.version", "version");

/// What is sent under a cipher that does not encrypt.
pub static CLEARTEXT: Field = Field::new("tls.cleartext", Role::Content);

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
    pub(super) const HEARTBEAT: u8 = 24;
}

const HEADER: usize = 5;
/// RFC 5246 §6.2.3: 2^14 bytes of content, 2048 of overhead.
const LONGEST: usize = (1 << 14) + 2048;

impl Protocol for Tls {
    fn name(&self) -> &'static str {
        "tls"
    }

    fn about(&self) -> &'static str {
        "Transport Layer Security 1.0 to 1.3 and SSL (RFC 8446, RFC 5246)."
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[443, 465, 563, 636, 853, 989, 990, 992, 993, 995, 5061, 5671, 6514, 8443, 8883]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        // Record types, then the lengths of hellos of SSL 2.0 (the highest bit is set).
        FirstByte::OneOf(&[20, 21, 22, 23, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88])
    }

    fn is_encrypted(&self) -> bool {
        true
    }

    fn fields(&self) -> &'static [&'static Field] {
        &FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        opening::probe(opening.newest())
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(TlsParser {
            handshake: Handshake::new(&FACTS, Carrier::Tcp),
            sides: [Side::default(), Side::default()],
            early: 0,
        })
    }
}

#[derive(Debug)]
struct TlsParser {
    handshake: Handshake,
    sides: [Side; 2],
    /// Bytes of application data that came before the ServerHello.
    early: u32,
}

/// What one side is in the middle of.
#[derive(Debug, Default)]
struct Side {
    /// Its first record was seen.
    started: bool,
    /// It encrypts, or its bytes are lost: nothing of it is read any more.
    over: bool,
    /// The current record's type, and how much of its content is still to come.
    kind: u8,
    left: usize,
    /// The beginning of a handshake message that goes on in the next record.
    message: Vec<u8>,
    /// Bytes of a handshake message that nobody reads.
    skip: usize,
}

/// How far a piece of a record was read.
enum Step {
    Consumed(usize),
    /// So many bytes are needed in one piece.
    Need(usize),
}

impl Parser for TlsParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let Chunk { direction, bytes } = chunk;
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let side = &mut self.sides[direction.index()];
            if side.left > 0 {
                let piece = rest.get(..side.left).unwrap_or(rest);
                if piece.is_empty() {
                    return Progress::Consumed(at);
                }
                match self.content(piece, direction, out) {
                    Step::Consumed(count) => {
                        let side = &mut self.sides[direction.index()];
                        side.left = side.left.saturating_sub(count);
                        at += count;
                    }
                    Step::Need(need) => return Progress::NeedMore { consumed: at, need },
                }
                if self.handshake.is_encrypted_after_hello() && !self.handshake.is_null_cipher() {
                    return self.done(out);
                }
                continue;
            }
            if !side.started && rest.first().is_some_and(|first| first & 0x80 != 0) {
                match self.ssl2_record(rest, direction, out) {
                    Some(Step::Consumed(count)) => at += count,
                    Some(Step::Need(need)) => return Progress::NeedMore { consumed: at, need },
                    None => {
                        return Progress::Malformed { what: "no record begins like this", at };
                    }
                }
                continue;
            }
            let Some((header, _)) = rest.split_first_chunk::<HEADER>() else {
                return Progress::NeedMore { consumed: at, need: HEADER };
            };
            if let Some(what) = flaw(header) {
                self.handshake.end_record(out);
                return Progress::Malformed { what, at };
            }
            at += HEADER;
            side.started = true;
            side.kind = header[0];
            side.left = record_length(header);
            if self.record_begins(direction, out) {
                return self.done(out);
            }
        }
    }

    fn gap(&mut self, direction: Direction, missing: u64, out: &mut dyn Sink) -> Progress {
        let _ = missing;
        out.unseen(Unseen::Truncated);
        let side = &mut self.sides[direction.index()];
        *side = Side {
            started: true,
            over: true,
            // Where the next record begins is not known: everything is skipped.
            left: usize::MAX,
            kind: content_type::APPLICATION_DATA,
            ..Side::default()
        };
        if self.sides.iter().all(|side| side.over) {
            return self.done(out);
        }
        Progress::Consumed(0)
    }

    fn close(&mut self, _: &FlowKey, out: &mut dyn Sink) {
        self.handshake.end_record(out);
    }
}

/// What is wrong with a record's header. Versions are not looked at closely: clients write any.
const fn flaw(header: &[u8; HEADER]) -> Option<&'static str> {
    if !matches!(header[0], content_type::CHANGE_CIPHER_SPEC..=content_type::HEARTBEAT) {
        Some("unknown record type")
    } else if header[1] != 3 {
        Some("unknown record version")
    } else if record_length(header) > LONGEST {
        Some("overlong record")
    } else {
        None
    }
}

const fn record_length(header: &[u8; HEADER]) -> usize {
    u16::from_be_bytes([header[3], header[4]]) as usize
}

impl TlsParser {
    fn done(&mut self, out: &mut dyn Sink) -> Progress {
        self.handshake.end_record(out);
        out.unseen(Unseen::Encrypted);
        Progress::Done
    }

    /// A record's header was read. Answers whether nothing that matters can follow.
    fn record_begins(&mut self, direction: Direction, out: &mut dyn Sink) -> bool {
        let is_retrying = self.handshake.is_retrying();
        let is_null = self.handshake.is_null_cipher();
        let side = &mut self.sides[direction.index()];
        let is_in_message = !side.message.is_empty() || side.skip > 0;
        match side.kind {
            // In the middle of a message it is a trick to make us look away. After a HelloRetryRequest it is RFC 8446
            // appendix D.4's, for middleboxes, and hellos still follow.
            content_type::CHANGE_CIPHER_SPEC if !is_in_message && !is_retrying => {
                let is_new = !std::mem::replace(&mut side.over, true);
                if is_new {
                    self.handshake.change_cipher_spec(direction, out);
                }
                !is_null && self.sides.iter().all(|side| side.over)
            }
            content_type::APPLICATION_DATA if is_null => false,
            content_type::APPLICATION_DATA if self.handshake.may_send_early(direction) => {
                self.early = self.early.saturating_add(side.left as u32);
                self.early as usize > limits::EARLY_DATA_BYTES
            }
            content_type::APPLICATION_DATA => true,
            _ => false,
        }
    }

    /// Takes a piece of the current record's content; never more than the record has left.
    fn content(&mut self, piece: &[u8], direction: Direction, out: &mut dyn Sink) -> Step {
        let side = &self.sides[direction.index()];
        match side.kind {
            content_type::HANDSHAKE if !side.over => self.handshake_piece(piece, direction, out),
            // Encrypted alerts are longer.
            content_type::ALERT if !side.over && side.left == 2 => match *piece {
                [_, description] => {
                    self.handshake.alert(description, direction, out);
                    Step::Consumed(2)
                }
                _ => Step::Need(2),
            },
            content_type::APPLICATION_DATA if side.left <= LONGEST && self.handshake.is_null_cipher() => {
                if piece.len() < side.left {
                    return Step::Need(side.left);
                }
                if out.wants_content() {
                    out.fact(&CLEARTEXT, direction, Value::Bytes(piece));
                }
                Step::Consumed(piece.len())
            }
            _ => Step::Consumed(piece.len()),
        }
    }

    fn handshake_piece(&mut self, piece: &[u8], direction: Direction, out: &mut dyn Sink) -> Step {
        let Self { handshake, sides, .. } = self;
        let side = &mut sides[direction.index()];
        if side.skip > 0 {
            let count = side.skip.min(piece.len());
            side.skip -= count;
            return Step::Consumed(count);
        }
        if side.message.is_empty() {
            return side.begin_message(piece, direction, handshake, out);
        }
        // The message began in an earlier record: it is put together in our own buffer.
        let mut wanted = 4;
        if let Some((kind, length)) = message_header(&side.message) {
            if let Some(skip) = unread(kind, length) {
                side.message.clear();
                side.skip = skip;
                handshake.message(kind, &[], direction, out);
                return Step::Consumed(0);
            }
            wanted += length;
        }
        let missing = wanted - side.message.len();
        let count = missing.min(piece.len());
        side.message.extend_from_slice(piece.get(..count).unwrap_or_default());
        if side.message.len() == wanted
            && let Some((kind, length)) = message_header(&side.message)
            && side.message.len() == 4 + length
        {
            let message = std::mem::take(&mut side.message);
            let body = message.get(4..).unwrap_or_default();
            handshake.message(kind, body, direction, out);
        }
        Step::Consumed(count)
    }

    /// The first record of SSL 2.0, which is no record of SSL 3.0: a hello.
    fn ssl2_record(&mut self, bytes: &[u8], direction: Direction, out: &mut dyn Sink) -> Option<Step> {
        let Some((header, rest)) = bytes.split_first_chunk::<2>() else {
            return Some(Step::Need(2));
        };
        let length = usize::from(u16::from_be_bytes(*header) & 0x7fff);
        let Some(message) = rest.get(..length) else {
            return Some(Step::Need(2 + length));
        };
        if let Some(hello) = client_hello::parse_ssl2(message) {
            self.handshake.ssl2_client_hello(&hello, direction, out);
        } else {
            let certificate = ssl2_server_certificate(message)?;
            self.handshake.ssl2_server_hello(certificate, direction, out);
            self.sides[direction.index()].over = true;
        }
        self.sides[direction.index()].started = true;
        Some(Step::Consumed(2 + length))
    }
}

impl Side {
    /// Reads a message in place if it is all there; starts to collect it if it goes on in the next record.
    fn begin_message(
        &mut self,
        piece: &[u8],
        direction: Direction,
        handshake: &mut Handshake,
        out: &mut dyn Sink,
    ) -> Step {
        let Some((kind, length)) = message_header(piece) else {
            return self.wait_or_collect(piece, 4);
        };
        if let Some(skip) = unread(kind, length) {
            self.skip = skip;
            handshake.message(kind, &[], direction, out);
            return Step::Consumed(4);
        }
        match piece.get(4..4 + length) {
            Some(body) => {
                handshake.message(kind, body, direction, out);
                Step::Consumed(4 + length)
            }
            None => self.wait_or_collect(piece, 4 + length),
        }
    }

    fn wait_or_collect(&mut self, piece: &[u8], need: usize) -> Step {
        if need <= self.left {
            return Step::Need(need);
        }
        self.message.extend_from_slice(piece);
        Step::Consumed(piece.len())
    }
}

/// Type and length of a handshake message.
fn message_header(bytes: &[u8]) -> Option<(u8, usize)> {
    let mut reader = Reader::new(bytes);
    Some((reader.u8()?, reader.u24()? as usize))
}

/// How many bytes to skip, for messages that nobody reads or that are too long.
const fn unread(kind: u8, length: usize) -> Option<usize> {
    if message::is_read(kind) && length <= limits::HANDSHAKE_BYTES { None } else { Some(length) }
}

/// The certificate in a SERVER-HELLO of SSL 2.0: type 4, session-id-hit, certificate type, version, three lengths.
fn ssl2_server_certificate(message: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(message);
    if reader.u8()? != 4 {
        return None;
    }
    reader.skip(2)?;
    if reader.u16()? != 0x0002 {
        return None;
    }
    let certificate: usize = reader.u16()?.into();
    let specs: usize = reader.u16()?.into();
    let connection_id: usize = reader.u16()?.into();
    let is_plausible = specs.is_multiple_of(3) && reader.remaining() == certificate + specs + connection_id;
    if is_plausible { reader.take(certificate) } else { None }
}
