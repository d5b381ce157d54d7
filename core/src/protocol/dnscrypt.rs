//! DNSCrypt version 2 (dnscrypt.info/protocol, draft-denis-dprive-dnscrypt): encrypted questions to a name server.
//!
//! A client first asks in the clear for the certificate of `2.dnscrypt-cert.<provider>`; that question and its answer are part
//! of this protocol. Encrypted answers begin with a fixed mark. Encrypted questions begin with what the certificate said, and
//! are known by their answer alone.

use crate::bytes::Reader;
use crate::flow::{Chunk, Direction};
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, Opening, Parser, Probe, Protocol, Sink, Unseen, Value};

/// What an encrypted answer begins with.
const RESOLVER_MAGIC: &[u8] = b"r6fnvWj8";
/// The first two labels of a certificate's name.
const CERTIFICATE: &[u8] = b"\x012\x0ddnscrypt-cert";
/// Client magic, public key, nonce, and the authentication tag around at least 64 bytes.
const QUERY: usize = 8 + 32 + 12 + 16 + 64;
/// A DNS header, RFC 1035 §4.1.1.
const DNS_HEADER: usize = 12;

static PROVIDER: Field = Field::hostname("dnscrypt.provider", "provider");

static FIELDS: &[&Field] = &[&PROVIDER];

pub(super) static PROTOCOL: DnsCrypt = DnsCrypt;

#[derive(Debug)]
pub(super) struct DnsCrypt;

impl Protocol for DnsCrypt {
    fn name(&self) -> &'static str {
        "dnscrypt"
    }

    fn about(&self) -> &'static str {
        "DNSCrypt 2, encrypted questions to a name server"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP, Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[443, 5353]
    }

    fn is_encrypted(&self) -> bool {
        true
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        probe(opening)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Framed<Session>>::default()
    }
}

fn probe(opening: &Opening<'_>) -> Probe {
    let mut bytes = opening.newest();
    if !opening.is_datagram() {
        match *bytes {
            // One message, and not more, of a length that a name server takes.
            [high, low, ref rest @ ..]
                if (28..=4096).contains(&u16::from_be_bytes([high, low]))
                    && rest.len() <= usize::from(u16::from_be_bytes([high, low])) =>
            {
                bytes = rest;
            }
            [_, _, ..] => return Probe::Mismatch,
            _ => return Probe::NeedMore,
        }
        if bytes.len() < DNS_HEADER + CERTIFICATE.len() {
            return Probe::NeedMore;
        }
    }
    if bytes.starts_with(RESOLVER_MAGIC) || provider(bytes).is_some() {
        return Probe::Match;
    }
    match opening.previous {
        None if opening.is_datagram() && bytes.len() >= QUERY => Probe::NeedMore,
        // A stream's question waits for its answer.
        None if !opening.is_datagram() && opening.of(opening.direction.opposite()).is_empty() => {
            Probe::NeedMore
        }
        Some(Chunk { direction, .. }) if direction == opening.direction && bytes.len() >= QUERY => {
            Probe::NeedMore
        }
        _ => Probe::Mismatch,
    }
}

/// The provider's name of a question for its certificate, or of the answer.
fn provider(message: &[u8]) -> Option<String> {
    let mut reader = Reader::new(message);
    reader.skip(2)?;
    // A query or its answer; one question.
    let flags = reader.u16()?;
    if flags & 0x7800 != 0 || reader.u16()? != 1 {
        return None;
    }
    let name = message.get(DNS_HEADER..)?.strip_prefix(CERTIFICATE)?;
    let mut labels = Reader::new(name);
    let mut text = String::from("2.dnscrypt-cert");
    loop {
        let label = labels.sub_u8()?.rest();
        if label.is_empty() {
            return Some(text);
        }
        if label.len() > 63 || text.len() > 255 {
            return None;
        }
        text.push('.');
        text.push_str(&String::from_utf8_lossy(label));
    }
}

#[derive(Debug, Default)]
struct Session {
    encrypted: bool,
}

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        match Reader::new(bytes).u16() {
            Some(length) => Size::of(2, length),
            None => Size::Needs(2),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        self.datagram(direction, message.get(2..).unwrap_or_default(), out)
    }

    fn datagram(&mut self, direction: Direction, datagram: &[u8], out: &mut dyn Sink) -> After {
        if let Some(provider) = provider(datagram) {
            out.fact(&PROVIDER, direction, Value::Text(&provider));
        } else if !std::mem::replace(&mut self.encrypted, true) {
            out.unseen(Unseen::Encrypted);
        }
        out.end_record();
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const QUESTION: &[u8] =
        b"\x7f\x47\x01\0\0\x01\0\0\0\0\0\0\x012\x0ddnscrypt-cert\x07example\x03org\0\0\x10\0\x01";

    #[test]
    fn reads_the_providers_name() {
        let udp = flow(Transport::UDP, 443);
        let answer = [RESOLVER_MAGIC, &[7; 100]].concat();
        let conversation: &[(Direction, &[u8])] = &[(TO_SERVER, QUESTION), (TO_CLIENT, &answer)];
        let transcript = feed(&PROTOCOL, &udp, conversation);
        assert_eq!(transcript.value(&PROVIDER), "2.dnscrypt-cert.example.org");
        assert!(transcript.says("[unseen encrypted]"));
        keeps_promises(&PROTOCOL, &udp, conversation);
    }

    #[test]
    fn is_known_by_certificates_and_answers() {
        let odd = flow(Transport::UDP, 4000);
        let answer = [RESOLVER_MAGIC, &[7; 100]].concat();
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, QUESTION), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, &answer), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &[9; 512]), Probe::NeedMore);
        let dns = b"\x7f\x47\x01\0\0\x01\0\0\0\0\0\0\x07example\x03org\0\0\x10\0\x01";
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, dns), Probe::Mismatch);
        let tcp = flow(Transport::TCP, 4000);
        let framed = [&(answer.len() as u16).to_be_bytes()[..], &answer].concat();
        assert_eq!(probe(&PROTOCOL, &tcp, TO_CLIENT, &framed), Probe::Match);
    }
}
