//! QUIC: version 1 (RFC 9000, RFC 9001), version 2 (RFC 9369), drafts 22 to 34, Facebook's mvfst, and Google QUIC
//! from Q024 to Q050, T050 and T051.
//!
//! Read are Initial packets, whose keys everybody can derive: the ClientHello, wherever its CRYPTO frames are, and
//! the ServerHello. Of Google QUIC, the CHLO. Everything later is encrypted for good. Packets with short headers say
//! nothing, so that a flow of nothing else stays unknown.

mod google;
mod keys;
mod packet;
#[cfg(test)]
mod tests;

use std::mem;

use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits;
use crate::packet::Transport;
use crate::protocol::tls::client_hello;
use crate::protocol::tls::fingerprint::Carrier;
use crate::protocol::tls::fragments::{Fragments, whole_message};
use crate::protocol::tls::handshake::{self, Fields, Handshake, message};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Sink, Unseen, Value};
use keys::Secrets;
use packet::{Family, Kind, LongPacket, Version, variable};

#[derive(Debug)]
pub(super) struct Quic;

pub(super) static PROTOCOL: Quic = Quic;

/// What is stated of the TLS handshake inside.
pub(super) static FACTS: Fields = handshake::fields!("quic", "quic.tls_version", "");

/// QUIC's own version: `1`, `2`, `draft-29`, `Q046`.
pub(super) static VERSION: Field = Field::meta("quic.version", "version");

/// The program that speaks, as Google's say in a transport parameter or in the CHLO.
pub(super) static USER_AGENT: Field = Field::meta("quic.user_agent", "ua");

static FIELDS: [&Field; Fields::COUNT + 2] = {
    let mut fields = [&VERSION; Fields::COUNT + 2];
    let (most, own) = fields.split_at_mut(Fields::COUNT);
    most.copy_from_slice(&FACTS.all());
    own.copy_from_slice(&[&VERSION, &USER_AGENT]);
    fields
};

impl Protocol for Quic {
    fn name(&self) -> &'static str {
        "quic"
    }

    fn about(&self) -> &'static str {
        "QUIC, the transport of HTTP/3 (RFC 9000, RFC 9369), and Google's QUIC before it."
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[443, 80, 853, 8443, 784]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        // Long headers have the highest bit; Google's public headers with version and connection id are below 0x80.
        FirstByte::Any
    }

    fn is_encrypted(&self) -> bool {
        true
    }

    fn fields(&self) -> &'static [&'static Field] {
        &FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        if is_quic(opening.newest()) { Probe::Match } else { Probe::Mismatch }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(QuicParser {
            handshake: Handshake::new(&FACTS, Carrier::Quic),
            client: None,
            version: None,
            secrets: None,
            crypto: Fragments::default(),
            opened: false,
            unopened: false,
            datagrams: 0,
        })
    }
}

/// Whether a datagram begins with a packet whose header tells that it is QUIC.
fn is_quic(datagram: &[u8]) -> bool {
    if google::packet(datagram).is_some() {
        return true;
    }
    let Some((packet, _)) = packet::long(datagram) else {
        return packet::is_negotiation(datagram);
    };
    if packet.version.is_known() {
        return true;
    }
    // Only the right keys make a stranger's version believable; and a client pads its first datagram to 1200 bytes.
    packet.kind == Kind::Initial
        && datagram.len() >= 1200
        && packet.destination.len() >= 8
        && Secrets::discover(&packet, &mut Vec::new()).is_some()
}

#[derive(Debug)]
struct QuicParser {
    handshake: Handshake,
    /// Who sent an Initial that opened with a client's keys.
    client: Option<Direction>,
    /// Of the newest long header.
    version: Option<Version>,
    secrets: Option<Box<Secrets>>,
    /// Of the client until its hello is whole, then of the server.
    crypto: Fragments,
    /// Whether an Initial was decrypted, and whether one was not.
    opened: bool,
    unopened: bool,
    datagrams: u8,
}

impl Parser for QuicParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let Chunk { direction, bytes } = chunk;
        self.datagrams = self.datagrams.saturating_add(1);
        let is_over = match google::packet(bytes) {
            Some(packet) => {
                self.version = Some(packet.version);
                if let Some(hello) = packet.hello {
                    self.google_hello(&hello, packet.version, direction, out);
                }
                self.handshake.has_client_hello()
            }
            None => self.packets(bytes, direction, out),
        };
        if is_over || self.datagrams >= 2 * limits::QUIC_HELLO_DATAGRAMS {
            self.conclude(out);
            out.unseen(Unseen::Encrypted);
            return Progress::Done;
        }
        Progress::Consumed(bytes.len())
    }

    fn close(&mut self, _: &FlowKey, out: &mut dyn Sink) {
        self.conclude(out);
    }
}

impl QuicParser {
    /// States what is known if the hello never was seen, and why it was not.
    fn conclude(&mut self, out: &mut dyn Sink) {
        if self.handshake.has_client_hello() {
            self.handshake.end_record(out);
            return;
        }
        if let Some(version) = self.version {
            let direction = self.client.unwrap_or(Direction::ToServer);
            out.fact(&VERSION, direction, Value::Text(&version.name()));
            out.end_record();
        }
        if self.opened {
            out.unseen(Unseen::Truncated);
        } else if self.unopened {
            out.unseen(Unseen::QuicUndecryptable);
        }
    }

    /// Takes the packets of one datagram. Answers whether nothing that matters can follow.
    fn packets(&mut self, datagram: &[u8], direction: Direction, out: &mut dyn Sink) -> bool {
        let mut rest = datagram;
        while rest.first().is_some_and(|first| first & 0x80 != 0) {
            let Some((packet, behind)) = packet::long(rest) else {
                return false;
            };
            rest = behind;
            self.version = Some(packet.version);
            match packet.kind {
                Kind::Initial if self.client == Some(direction.opposite()) => {
                    self.server_initial(&packet, direction, out);
                }
                Kind::Initial => self.client_initial(&packet, direction, out),
                // Only after its Initial can a side send these.
                Kind::Handshake if self.handshake.has_client_hello() => return true,
                Kind::Handshake => self.unopened = true,
                Kind::ZeroRtt | Kind::Retry => {}
            }
            if self.handshake.has_server_hello() || self.handshake.is_retrying() {
                return true;
            }
        }
        // Short headers come when the handshake is over; others are stray bytes behind the last packet.
        let is_short = rest.len() == datagram.len() && rest.first().is_some_and(|first| first & 0x40 != 0);
        is_short && self.handshake.has_client_hello()
    }

    fn client_initial(&mut self, packet: &LongPacket<'_>, direction: Direction, out: &mut dyn Sink) {
        if self.handshake.has_client_hello() {
            return;
        }
        let mut plain = Vec::new();
        // Later packets have the server's connection id, but the first one's keys; after a Retry, or behind a decoy,
        // there are new keys.
        let opened = self.secrets.as_ref().and_then(|secrets| secrets.open_client(packet, &mut plain));
        if opened.is_none() {
            let Some(secrets) = Secrets::discover(packet, &mut plain) else {
                self.unopened = true;
                return;
            };
            self.secrets = Some(Box::new(secrets));
            self.crypto = Fragments::default();
        }
        self.opened = true;
        self.client = Some(direction);
        let mut crypto = mem::take(&mut self.crypto);
        match gather(&mut crypto, &plain, packet.version) {
            Some([message::CLIENT_HELLO, _, _, _, body @ ..]) => {
                self.client_hello(body, packet.version, direction, out);
            }
            Some(message) => {
                if let Some(hello) = google::hello(message) {
                    self.google_hello(&hello, packet.version, direction, out);
                }
            }
            None => self.crypto = crypto,
        }
    }

    fn client_hello(&mut self, body: &[u8], version: Version, direction: Direction, out: &mut dyn Sink) {
        let Some(hello) = client_hello::parse(body) else {
            return;
        };
        out.fact(&VERSION, direction, Value::Text(&version.name()));
        let parameters = hello.quic_transport_parameters.unwrap_or_default();
        if let Some(agent) = user_agent(parameters, version.has_old_parameters()) {
            out.fact(&USER_AGENT, direction, Value::Bytes(agent));
        }
        self.handshake.client_hello(&hello, direction, out);
    }

    fn google_hello(
        &mut self,
        hello: &google::Hello<'_>,
        version: Version,
        direction: Direction,
        out: &mut dyn Sink,
    ) {
        out.fact(&VERSION, direction, Value::Text(&version.name()));
        if let Some(agent) = hello.user_agent {
            out.fact(&USER_AGENT, direction, Value::Bytes(agent));
        }
        self.handshake.google_hello(hello.server_name, direction, out);
    }

    fn server_initial(&mut self, packet: &LongPacket<'_>, direction: Direction, out: &mut dyn Sink) {
        let mut plain = Vec::new();
        let opened = self.secrets.as_mut().and_then(|secrets| secrets.open_server(packet, &mut plain));
        if opened.is_none() || !self.handshake.has_client_hello() {
            return;
        }
        let mut crypto = mem::take(&mut self.crypto);
        match gather(&mut crypto, &plain, packet.version) {
            Some([message::SERVER_HELLO, _, _, _, body @ ..]) => {
                self.handshake.message(message::SERVER_HELLO, body, direction, out);
            }
            _ => self.crypto = crypto,
        }
    }
}

/// Gathers the CRYPTO frames of an Initial. Answers with the first handshake message once it is whole: from `frames`
/// itself if it stands there in one piece.
fn gather<'a>(stream: &'a mut Fragments, frames: &'a [u8], version: Version) -> Option<&'a [u8]> {
    let is_google = version.family() == Family::Google;
    let mut reader = Reader::new(frames);
    while let Some((offset, data)) = next_crypto(&mut reader, is_google) {
        if offset == 0 && stream.is_empty() {
            let message = whole_message(data);
            if message.is_some() {
                return message;
            }
        }
        stream.insert(offset, data);
    }
    let beginning = stream.beginning();
    if is_google && google::is_whole(beginning) {
        return Some(beginning);
    }
    whole_message(beginning)
}

/// Offset and content of the next CRYPTO frame. RFC 9000 §19; of others, Initials may only have those that are passed
/// over here (§17.2.2).
fn next_crypto<'a>(reader: &mut Reader<'a>, is_google: bool) -> Option<(u64, &'a [u8])> {
    const PADDING: u8 = 0x00;
    const PING: u8 = 0x01;
    const ACK: u8 = 0x02;
    const ACK_ECN: u8 = 0x03;
    const CRYPTO: u8 = 0x06;
    const GOOGLE_PING: u8 = 0x07;
    const GOOGLE_CRYPTO: u8 = 0x08;
    loop {
        match reader.u8()? {
            PADDING | PING => {}
            GOOGLE_PING if is_google => {}
            kind @ (ACK | ACK_ECN) => {
                variable(reader)?;
                variable(reader)?;
                let ranges = variable(reader)?;
                variable(reader)?;
                for _ in 0..ranges {
                    variable(reader)?;
                    variable(reader)?;
                }
                if kind == ACK_ECN {
                    for _ in 0..3 {
                        variable(reader)?;
                    }
                }
            }
            kind if kind == CRYPTO || (kind == GOOGLE_CRYPTO && is_google) => {
                let offset = variable(reader)?;
                let length = usize::try_from(variable(reader)?).ok()?;
                return Some((offset, reader.take(length)?));
            }
            _ => return None,
        }
    }
}

/// Google's `user_agent` among the transport parameters, RFC 9000 §18; before draft 27 their numbers and lengths had
/// two bytes each.
fn user_agent(parameters: &[u8], are_old: bool) -> Option<&[u8]> {
    const USER_AGENT: u64 = 0x3129;
    let mut reader = Reader::new(parameters);
    if are_old {
        reader = reader.sub_u16()?;
    }
    loop {
        let (number, value) = if are_old {
            (reader.u16()?.into(), reader.sub_u16()?.rest())
        } else {
            let number = variable(&mut reader)?;
            let length = usize::try_from(variable(&mut reader)?).ok()?;
            (number, reader.take(length)?)
        };
        if number == USER_AGENT {
            return Some(value);
        }
    }
}
