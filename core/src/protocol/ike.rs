//! Internet Key Exchange, versions 1 (RFC 2409, ISAKMP: RFC 2408) and 2 (RFC 7296), with NAT traversal (RFC 3948).
//!
//! Read are headers, and of what is sent in the clear vendor identifications and the identity that version 1's
//! aggressive mode gives away. ESP on the same port is told as the inner protocol.

use super::short::Short;
use super::{Field, Opening, Parser, Probe, Progress, Protocol, Sink, Value, esp};
use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::Transport;

// EVE paths are those of Suricata's `ike` record.
static VERSION: Field = Field::meta("ike.version", "version_major");
static EXCHANGE: Field = Field::meta("ike.exchange", "exchange_type");
static INITIATOR: Field = Field::meta("ike.initiator-spi", "init_spi");
static RESPONDER: Field = Field::meta("ike.responder-spi", "resp_spi");
static VENDOR: Field = Field::meta("ike.vendor", "vendor_ids[]");
static IDENTITY: Field = Field::meta("ike.identity", "identity");

static FIELDS: &[&Field] = &[&VERSION, &EXCHANGE, &INITIATOR, &RESPONDER, &VENDOR, &IDENTITY];

const HEADER: usize = 28;
/// Stands before IKE on port 4500, where ESP has an association's number (RFC 3948 §2.2).
const NON_ESP_MARKER: [u8; 4] = [0; 4];

pub(crate) static PROTOCOL: Ike = Ike;

#[derive(Debug)]
pub(crate) struct Ike;

impl Protocol for Ike {
    fn name(&self) -> &'static str {
        "ike"
    }

    fn about(&self) -> &'static str {
        "Internet Key Exchange, the beginning of IPsec, RFC 7296, RFC 2409"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[500, 4500]
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        match Message::read(opening.newest()) {
            Some(_) => Probe::Match,
            None => Probe::Mismatch,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<IkeParser>::default()
    }
}

/// A header that agrees with itself, and the payloads behind it.
struct Message<'a> {
    initiator: u64,
    responder: u64,
    next_payload: u8,
    version: u8,
    exchange: u8,
    is_encrypted: bool,
    payloads: Reader<'a>,
}

impl<'a> Message<'a> {
    fn read(datagram: &'a [u8]) -> Option<Self> {
        let bytes = datagram.strip_prefix(&NON_ESP_MARKER).unwrap_or(datagram);
        let mut reader = Reader::new(bytes);
        let initiator = reader.u64()?;
        let responder = reader.u64()?;
        let next_payload = reader.u8()?;
        let version = reader.u8()? >> 4;
        let exchange = reader.u8()?;
        let flags = reader.u8()?;
        reader.skip(4)?;
        let length = usize::try_from(reader.u32()?).ok()?;
        let known = match version {
            1 => is_v1_payload(next_payload) && matches!(exchange, 0..=6 | 32..=34) && flags & !0x07 == 0,
            2 => is_v2_payload(next_payload) && matches!(exchange, 34..=44 | 240..) && flags & !0x38 == 0,
            _ => false,
        };
        let fits = initiator != 0 && length == bytes.len() && length >= HEADER;
        (known && fits).then_some(Self {
            initiator,
            responder,
            next_payload,
            version,
            exchange,
            is_encrypted: version == 1 && flags & 1 != 0,
            payloads: reader,
        })
    }

    fn exchange_name(&self) -> Option<&'static str> {
        Some(match (self.version, self.exchange) {
            (1, 1) => "base",
            (1, 2) => "identity-protection",
            (1, 3) => "authentication-only",
            (1, 4) => "aggressive",
            (1, 5) => "informational",
            (1, 6) => "transaction",
            (1, 32) => "quick",
            (1, 33) => "new-group",
            (2, 34) => "ike-sa-init",
            (2, 35) => "ike-auth",
            (2, 36) => "create-child-sa",
            (2, 37) => "informational",
            (2, 38) => "ike-session-resume",
            (2, 43) => "ike-intermediate",
            (2, 44) => "ike-followup-ke",
            _ => return None,
        })
    }

    /// Walks the chain of payloads in the clear. Each names the next one's type (RFC 2408 §3.2, RFC 7296 §3.2); version
    /// 2's encrypted payload (46, 53) is the last that can be seen.
    fn state_payloads(&self, direction: Direction, out: &mut dyn Sink) -> Option<()> {
        let mut kind = self.next_payload;
        let mut payloads = self.payloads;
        while kind != 0 && !matches!(kind, 46 | 53) && !self.is_encrypted {
            let next = payloads.u8()?;
            payloads.skip(1)?;
            let length = usize::from(payloads.u16()?);
            let mut body = payloads.sub(length.checked_sub(4)?)?;
            match (self.version, kind) {
                (1, 13) | (2, 43) => vendor(body.rest(), direction, out),
                (1, 5) => identity(body, direction, out),
                _ => {}
            }
            kind = next;
        }
        Some(())
    }
}

/// RFC 2408 §3.1, with those of RFC 3947 and the drafts before it.
const fn is_v1_payload(kind: u8) -> bool {
    matches!(kind, 0..=21 | 128..)
}

/// RFC 7296 §3.2 and the registry after it.
const fn is_v2_payload(kind: u8) -> bool {
    matches!(kind, 0 | 33..=56 | 128..)
}

/// A hash that stands for a program or an extension; some are text.
fn vendor(id: &[u8], direction: Direction, out: &mut dyn Sink) {
    if id.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
        return out.fact(&VENDOR, direction, Value::Bytes(id));
    }
    let hex: String = id.iter().take(64).map(|byte| format!("{byte:02x}")).collect();
    out.fact(&VENDOR, direction, Value::Text(&hex));
}

/// A name (FQDN, user@FQDN) or key identifier (RFC 2407 §4.6.2).
fn identity(mut body: Reader<'_>, direction: Direction, out: &mut dyn Sink) {
    const FQDN: u8 = 2;
    const USER_FQDN: u8 = 3;
    const KEY_ID: u8 = 11;
    if let Some(FQDN | USER_FQDN | KEY_ID) = body.u8()
        && body.skip(3).is_some()
    {
        out.fact(&IDENTITY, direction, Value::Bytes(body.rest()));
    }
}

#[derive(Debug, Default)]
struct IkeParser {
    has_esp: bool,
}

impl Parser for IkeParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let direction = chunk.direction;
        let done = Progress::Consumed(chunk.bytes.len());
        let Some(message) = Message::read(chunk.bytes) else {
            if !self.has_esp && esp::Packet::read(chunk.bytes).is_some() {
                self.has_esp = true;
                out.inner("esp");
            }
            return done;
        };
        out.fact(&VERSION, direction, Value::Number(message.version.into()));
        if let Some(name) = message.exchange_name() {
            out.fact(&EXCHANGE, direction, Value::Text(name));
        }
        for (field, spi) in [(&INITIATOR, message.initiator), (&RESPONDER, message.responder)] {
            out.fact(field, direction, Short::<16>::of(format_args!("{spi:016x}")).value());
        }
        let walked = message.state_payloads(direction, out);
        out.end_record();
        match walked {
            Some(()) => done,
            None => Progress::Malformed { what: "IKE payloads do not fit into their message", at: HEADER },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{EXCHANGE, IDENTITY, PROTOCOL, VENDOR};
    use crate::packet::Transport;
    use crate::protocol::Probe;
    use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER};

    fn message(version: u8, exchange: u8, next: u8, flags: u8, payloads: &[u8]) -> Vec<u8> {
        let mut bytes = b"initiate\0\0\0\0\0\0\0\0".to_vec();
        bytes.extend_from_slice(&[next, version << 4, exchange, flags, 0, 0, 0, 0]);
        bytes.extend_from_slice(&(28 + payloads.len() as u32).to_be_bytes());
        bytes.extend_from_slice(payloads);
        bytes
    }

    #[test]
    fn reads_both_versions() {
        let flow = testing::flow(Transport::UDP, 500);
        // Aggressive mode: identity `me@x` (USER_FQDN), then vendor `strong`.
        let first = message(1, 4, 5, 0, b"\x0d\0\0\x0c\x03\0\0\0me@x\0\0\0\x0astrong");
        // IKE_SA_INIT of the initiator with vendor 0xff00.
        let second = message(2, 34, 43, 0x08, b"\0\0\0\x06\xff\0");
        let conversation = [(TO_SERVER, &first[..]), (TO_CLIENT, &second[..])];
        testing::keeps_promises(&PROTOCOL, &flow, &conversation);
        let said = testing::feed(&PROTOCOL, &flow, &conversation);
        assert_eq!(said.values(&EXCHANGE), ["aggressive", "ike-sa-init"]);
        assert_eq!(said.values(&VENDOR), ["strong", "ff00"]);
        assert_eq!(said.value(&IDENTITY), "me@x");
    }

    #[test]
    fn finds_ike_and_esp_on_the_port_of_nat_traversal() {
        let flow = testing::flow(Transport::UDP, 4500);
        let auth = [&[0; 4][..], &message(2, 35, 46, 0x08, b"\x23\0\0\x04")].concat();
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &auth), Probe::Match);
        let packet = b"\xca\xfe\0\x01\0\0\0\x01ciphertext and more";
        let said = testing::feed(
            &PROTOCOL,
            &flow,
            &[(TO_SERVER, &auth), (TO_SERVER, b"\xff"), (TO_SERVER, packet), (TO_CLIENT, packet)],
        );
        assert_eq!(said.value(&EXCHANGE), "ike-auth");
        assert_eq!(said.0.iter().filter(|line| *line == "[inner esp]").count(), 1);
    }

    #[test]
    fn others_are_not_ike() {
        let flow = testing::flow(Transport::UDP, 500);
        let good = message(2, 34, 33, 0x08, &[]);
        let others: [&[u8]; 5] = [b"", &good[..27], &[0; 60], &[0xff; 60], &[&good[..], b"x"].concat()];
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &good), Probe::Match);
        for bytes in others {
            assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, bytes), Probe::Mismatch);
        }
    }
}
