//! Long headers, in the clear part: RFC 9000 §17.2, RFC 9369 §3.2, and what all versions have in common, RFC 8999.

use crate::bytes::Reader;

/// A version's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version(pub(super) u32);

/// How a version's packets look and what protects them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Version 1 and its drafts from 22 on.
    One,
    /// Version 2 and its drafts: other numbers for the packet types.
    Two,
    /// Google QUIC with IETF's headers: Q050, and T050 and T051 with TLS.
    Google,
    /// Reserved for making servers say which versions they know, RFC 9000 §15.
    Grease,
    /// Never heard of.
    Unknown,
}

impl Version {
    pub(super) const NEGOTIATION: Self = Self(0);

    pub(super) const fn family(self) -> Family {
        match self.0 {
            1 | 0xff00_0016..=0xff00_0022 => Family::One,
            // Facebook's mvfst: drafts 22 and 27, its aliases and experiments.
            0xface_b000..=0xface_b0ff => Family::One,
            0x6b33_43cf | 0x709a_50c4 | 0xff02_0000 => Family::Two,
            0x5130_3530 | 0x5430_3530 | 0x5430_3531 => Family::Google,
            number if number & 0x0f0f_0f0f == 0x0a0a_0a0a => Family::Grease,
            _ => Family::Unknown,
        }
    }

    pub(super) const fn is_known(self) -> bool {
        !matches!(self.family(), Family::Grease | Family::Unknown)
    }

    /// Drafts before 27 wrote transport parameters with two-byte numbers and lengths.
    pub(super) const fn has_old_parameters(self) -> bool {
        matches!(self.0, 0xff00_0016..=0xff00_001a | 0xface_b001 | 0x5430_3530)
    }

    /// `1`, `2`, `draft-29`, `Q050`, `mvfst-1`, or the number.
    pub(super) fn name(self) -> String {
        match self.0 {
            1 => "1".to_owned(),
            0x6b33_43cf => "2".to_owned(),
            0x709a_50c4 | 0xff02_0000 => "2-draft".to_owned(),
            draft @ 0xff00_0016..=0xff00_0022 => format!("draft-{}", draft & 0xff),
            mvfst @ 0xface_b000..=0xface_b0ff => format!("mvfst-{:x}", mvfst & 0xff),
            number => {
                let letters = number.to_be_bytes();
                match str::from_utf8(&letters) {
                    Ok(text) if letters.iter().all(u8::is_ascii_alphanumeric) => text.to_owned(),
                    _ => format!("{number:#010x}"),
                }
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Initial,
    ZeroRtt,
    Handshake,
    Retry,
}

/// The longest connection id of the versions known.
const CONNECTION_ID: usize = 20;

/// A packet with a long header, and nothing of what follows it in the datagram.
#[derive(Debug, Clone, Copy)]
pub(super) struct LongPacket<'a> {
    pub(super) version: Version,
    pub(super) kind: Kind,
    pub(super) destination: &'a [u8],
    /// The whole packet, header included.
    pub(super) bytes: &'a [u8],
    /// Where the protected packet number begins.
    pub(super) number_at: usize,
}

/// Version and destination id of any long header, RFC 8999 §5.1, and what follows the source's.
pub(super) fn invariants(datagram: &[u8]) -> Option<(Version, &[u8], Reader<'_>)> {
    let mut reader = Reader::new(datagram);
    if reader.u8()? & 0x80 == 0 {
        return None;
    }
    let version = Version(reader.u32()?);
    let destination = reader.sub_u8()?.rest();
    let source = reader.sub_u8()?.rest();
    let fits = destination.len() <= CONNECTION_ID && source.len() <= CONNECTION_ID;
    fits.then_some((version, destination, reader))
}

/// Reads the first packet of a datagram and answers with the rest of it. `None` if it has no long header, or its
/// lengths lie. Unknown versions are read as version 1.
pub(super) fn long(datagram: &[u8]) -> Option<(LongPacket<'_>, &[u8])> {
    let (version, destination, mut reader) = invariants(datagram)?;
    if version == Version::NEGOTIATION {
        return None;
    }
    let first = *datagram.first()?;
    let number = (first >> 4) & 3;
    let kind = match (version.family(), number) {
        (Family::Two, 1) | (Family::One | Family::Google | Family::Grease | Family::Unknown, 0) => {
            Kind::Initial
        }
        (Family::Two, 2) | (Family::One | Family::Google | Family::Grease | Family::Unknown, 1) => {
            Kind::ZeroRtt
        }
        (Family::Two, 3) | (_, 2) => Kind::Handshake,
        _ => Kind::Retry,
    };
    let mut packet = LongPacket { version, kind, destination, bytes: datagram, number_at: 0 };
    if kind == Kind::Retry {
        // A token and an integrity tag of 16 bytes, to the datagram's end.
        return (reader.remaining() > 16).then_some((packet, &[]));
    }
    if kind == Kind::Initial {
        let token = variable(&mut reader)?;
        reader.skip(usize::try_from(token).ok()?)?;
    }
    let length = usize::try_from(variable(&mut reader)?).ok()?;
    packet.number_at = reader.offset();
    // A packet number and a sample for its protection, RFC 9001 §5.4.2.
    if length < 20 {
        return None;
    }
    let end = packet.number_at.checked_add(length)?;
    let (bytes, rest) = datagram.split_at_checked(end)?;
    packet.bytes = bytes;
    Some((packet, rest))
}

/// Whether this is a Version Negotiation packet: a list of versions, one of them at least known. RFC 9000 §17.2.1.
pub(super) fn is_negotiation(datagram: &[u8]) -> bool {
    let Some((Version::NEGOTIATION, _, mut list)) = invariants(datagram) else {
        return false;
    };
    let list = list.rest();
    let is_known = |bytes: &[u8]| match *bytes {
        [b'Q', b'0', b'2'..=b'5', b'0'..=b'9'] => true,
        [a, b, c, d] => Version(u32::from_be_bytes([a, b, c, d])).is_known(),
        _ => false,
    };
    !list.is_empty() && list.len().is_multiple_of(4) && list.chunks_exact(4).any(is_known)
}

/// A variable-length integer, RFC 9000 §16.
pub(super) fn variable(reader: &mut Reader<'_>) -> Option<u64> {
    let first = reader.u8()?;
    let mut number = u64::from(first & 0x3f);
    for _ in 1..1_u8 << (first >> 6) {
        number = number << 8 | u64::from(reader.u8()?);
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::{Kind, Version, is_negotiation, long, variable};
    use crate::bytes::Reader;

    #[test]
    fn reads_the_specifications_integers() {
        let cases: [(&[u8], u64); 5] = [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
            (&[0x40, 0x25], 37),
        ];
        for (bytes, number) in cases {
            assert_eq!(variable(&mut Reader::new(bytes)), Some(number));
        }
        assert_eq!(variable(&mut Reader::new(&[0xc2, 0x19])), None);
    }

    #[test]
    fn reads_packets_one_after_the_other() {
        let initial = [&[0xc0, 0, 0, 0, 1, 2, 0xaa, 0xbb, 1, 0xcc, 0, 20][..], &[7; 20]].concat();
        let handshake = [&[0xe0, 0, 0, 0, 1, 0, 0, 0x40, 21][..], &[8; 21]].concat();
        let datagram = [initial.clone(), handshake].concat();
        let (first, rest) = long(&datagram).expect("complete");
        assert_eq!((first.kind, first.destination), (Kind::Initial, &[0xaa, 0xbb][..]));
        let (second, rest) = long(rest).expect("complete");
        assert_eq!((second.kind, second.number_at), (Kind::Handshake, 9));
        assert!(rest.is_empty());
        assert!(long(&initial[..initial.len() - 1]).is_none(), "the length lies");
    }

    #[test]
    fn version_2_numbers_its_packets_differently() {
        let bytes = [&[0xd0, 0x6b, 0x33, 0x43, 0xcf, 0, 0, 0, 20][..], &[7; 20]].concat();
        assert_eq!(long(&bytes).expect("complete").0.kind, Kind::Initial);
    }

    #[test]
    fn a_negotiation_names_a_version_that_exists() {
        let head = [0x80, 0, 0, 0, 0, 1, 9, 1, 8];
        assert!(is_negotiation(&[&head[..], &[0x1a, 0x2a, 0x3a, 0x4a, 0, 0, 0, 1]].concat()));
        assert!(is_negotiation(&[&head[..], b"Q043"].concat()));
        assert!(!is_negotiation(&[&head[..], &[0x1a, 0x2a, 0x3a, 0x4a]].concat()));
        assert!(!is_negotiation(&[&head[..], &[0, 0, 0, 1, 0]].concat()));
        assert!(!is_negotiation(&head));
    }

    #[test]
    fn names_versions() {
        let cases = [
            (1, "1"),
            (0x6b33_43cf, "2"),
            (0xff00_001d, "draft-29"),
            (0x5130_3530, "Q050"),
            (0xface_b002, "mvfst-2"),
            (0x1a2a_3a4a, "0x1a2a3a4a"),
        ];
        for (number, name) in cases {
            assert_eq!(Version(number).name(), name);
        }
    }
}
