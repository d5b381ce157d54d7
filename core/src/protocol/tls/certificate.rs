//! X.509 certificates (RFC 5280), as far as records and detectors need them.
//!
//! Read without allocating and without refusing: a field that is broken is empty, and so are those behind the break.
//! Signatures are not verified here, and chains are not built.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use super::der::iso_8601;
use super::der::{self, Values};

/// A certificate's content, borrowed from its DER.
#[derive(Debug, Clone, Copy)]
pub struct Certificate<'a> {
    /// Big-endian, as sent.
    pub serial: &'a [u8],
    pub issuer: Name<'a>,
    pub subject: Name<'a>,
    /// Seconds since 1970.
    pub not_before: Option<i64>,
    pub not_after: Option<i64>,
    pub key: PublicKey<'a>,
    /// The algorithm that the issuer signed with, as an OID in DER; see [`Self::signature_algorithm`].
    signature: &'a [u8],
    /// The content of subjectAltName: GeneralNames.
    alternative_names: &'a [u8],
    /// Key identifiers of the issuer and of this certificate; empty if absent.
    authority_key: &'a [u8],
    subject_key: &'a [u8],
    /// BasicConstraints says that this may sign other certificates.
    pub is_ca: bool,
}

/// A distinguished name. Displays as `C=US, O=Example, CN=example.org`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Name<'a>(&'a [u8]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    Rsa,
    Dsa,
    /// ECDSA or ECDH on a named curve.
    Ec,
    Ed25519,
    Ed448,
    MlDsa,
    Other,
}

#[derive(Debug, Clone, Copy)]
pub struct PublicKey<'a> {
    pub kind: KeyKind,
    /// Of the modulus, the prime or the curve; 0 if unknown.
    pub bits: usize,
    /// The whole SubjectPublicKeyInfo without its outer header.
    pub info: &'a [u8],
}

/// What a host name was found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostMatch {
    /// subjectAltName, the only place that RFC 9525 allows.
    AlternativeName,
    /// The subject's common name, in a certificate without alternative names.
    CommonName,
    No,
}

/// Reads a certificate in DER. `None` if not even its serial number is there.
pub fn read(der: &[u8]) -> Option<Certificate<'_>> {
    let mut tbs = Values::new(der).enter(der::SEQUENCE)?.enter(der::SEQUENCE)?;
    // The version, [0] EXPLICIT; absent in version 1.
    tbs.expect(0xa0);
    let mut certificate = Certificate {
        serial: tbs.expect(der::INTEGER)?,
        issuer: Name::default(),
        subject: Name::default(),
        not_before: None,
        not_after: None,
        key: PublicKey::UNKNOWN,
        signature: &[],
        alternative_names: &[],
        authority_key: &[],
        subject_key: &[],
        is_ca: false,
    };
    // Stops at the first field that is not there; what was read stays.
    let _ = certificate.read_fields(tbs);
    Some(certificate)
}

impl<'a> Certificate<'a> {
    fn read_fields(&mut self, mut tbs: Values<'a>) -> Option<()> {
        self.signature = tbs.enter(der::SEQUENCE)?.expect(der::OBJECT_IDENTIFIER)?;
        self.issuer = Name(tbs.expect(der::SEQUENCE)?);
        let mut validity = tbs.enter(der::SEQUENCE)?;
        self.not_before = validity.next().and_then(|(tag, text)| der::time(tag, text));
        self.not_after = validity.next().and_then(|(tag, text)| der::time(tag, text));
        self.subject = Name(tbs.expect(der::SEQUENCE)?);
        self.key = PublicKey::read(tbs.expect(der::SEQUENCE)?);
        // issuerUniqueID [1] and subjectUniqueID [2], then extensions [3] EXPLICIT.
        let (_, extensions) = tbs.find(|&(tag, _)| tag == 0xa3)?;
        for (_, extension) in Values::new(extensions).enter(der::SEQUENCE)? {
            self.read_extension(Values::new(extension));
        }
        Some(())
    }

    fn read_extension(&mut self, mut extension: Values<'a>) -> Option<()> {
        const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x0e];
        const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x23];
        const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
        const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
        let identifier = extension.expect(der::OBJECT_IDENTIFIER)?;
        extension.expect(der::BOOLEAN);
        let mut content = extension.enter(der::OCTET_STRING)?;
        match identifier {
            SUBJECT_ALT_NAME => self.alternative_names = content.expect(der::SEQUENCE)?,
            BASIC_CONSTRAINTS => {
                let mut constraints = content.enter(der::SEQUENCE)?;
                self.is_ca = constraints.expect(der::BOOLEAN).is_some_and(|value| value != [0]);
            }
            SUBJECT_KEY_IDENTIFIER => self.subject_key = content.expect(der::OCTET_STRING)?,
            // keyIdentifier [0]
            AUTHORITY_KEY_IDENTIFIER => self.authority_key = content.enter(der::SEQUENCE)?.expect(0x80)?,
            _ => {}
        }
        Some(())
    }

    /// dNSName entries of subjectAltName.
    pub fn dns_names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        const DNS_NAME: u8 = 0x82;
        Values::new(self.alternative_names).filter(|&(tag, _)| tag == DNS_NAME).map(|(_, name)| name)
    }

    /// iPAddress entries of subjectAltName.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + use<'a> {
        const IP_ADDRESS: u8 = 0x87;
        Values::new(self.alternative_names).filter(|&(tag, _)| tag == IP_ADDRESS).filter_map(|(_, bytes)| {
            match bytes.len() {
                4 => <[u8; 4]>::try_from(bytes).ok().map(|octets| Ipv4Addr::from(octets).into()),
                16 => <[u8; 16]>::try_from(bytes).ok().map(|octets| Ipv6Addr::from(octets).into()),
                _ => None,
            }
        })
    }

    /// Issuer and subject are the same name.
    pub fn is_self_issued(&self) -> bool {
        !self.subject.is_empty() && self.issuer == self.subject
    }

    /// Self-issued, and not said to be signed with another key of that name. The signature is not verified.
    pub fn is_self_signed(&self) -> bool {
        let other_key = !self.authority_key.is_empty()
            && !self.subject_key.is_empty()
            && self.authority_key != self.subject_key;
        self.is_self_issued() && !other_key
    }

    /// `sha256WithRSAEncryption` and the like; `unknown` if it has no name here.
    pub fn signature_algorithm(&self) -> &'static str {
        signature_name(self.signature)
    }

    /// Whether the certificate is for this host (or address in text), RFC 9525 §6: whole names, or `*` as the whole
    /// left-most label for exactly one label.
    pub fn host_match(&self, host: &str) -> HostMatch {
        let host = host.strip_suffix('.').unwrap_or(host);
        let address: Option<IpAddr> = host.parse().ok();
        let is_named = match address {
            Some(address) => self.addresses().any(|listed| listed == address),
            None => self.dns_names().any(|name| name_matches(name, host.as_bytes())),
        };
        if is_named {
            return HostMatch::AlternativeName;
        }
        let has_names = self.dns_names().next().is_some() || self.addresses().next().is_some();
        let by_common_name = !has_names
            && self.subject.common_name().is_some_and(|name| match address {
                Some(_) => *name == *host,
                None => name_matches(name.as_bytes(), host.as_bytes()),
            });
        if by_common_name { HostMatch::CommonName } else { HostMatch::No }
    }

    /// Whether the certificate names this host at all; [`Self::host_match`] says where.
    pub fn matches_host(&self, host: &str) -> bool {
        self.host_match(host) != HostMatch::No
    }
}

fn name_matches(name: &[u8], host: &[u8]) -> bool {
    let name = name.strip_suffix(b".").unwrap_or(name);
    let Some(parent) = name.strip_prefix(b"*.") else {
        return !name.is_empty() && name.eq_ignore_ascii_case(host);
    };
    // `*.com` would be every site there is.
    if !parent.contains(&b'.') {
        return false;
    }
    let Some(dot) = host.iter().position(|&byte| byte == b'.') else {
        return false;
    };
    dot > 0 && host.get(dot + 1..).is_some_and(|rest| rest.eq_ignore_ascii_case(parent))
}

impl<'a> Name<'a> {
    /// The last commonName, the most specific one.
    pub fn common_name(&self) -> Option<Cow<'a, str>> {
        self.attributes()
            .filter(|&(kind, _, _)| kind == COMMON_NAME)
            .last()
            .map(|(_, tag, value)| text(tag, value))
    }

    /// The organizationName.
    pub fn organization(&self) -> Option<Cow<'a, str>> {
        const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
        self.attributes().find(|&(kind, _, _)| kind == ORGANIZATION).map(|(_, tag, value)| text(tag, value))
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Identifier, tag and content of each attribute.
    fn attributes(&self) -> impl Iterator<Item = (&'a [u8], u8, &'a [u8])> + use<'a> {
        Values::new(self.0)
            .filter(|&(tag, _)| tag == der::SET)
            .flat_map(|(_, set)| Values::new(set))
            .filter_map(|(_, attribute)| {
                let mut attribute = Values::new(attribute);
                let kind = attribute.expect(der::OBJECT_IDENTIFIER)?;
                let (tag, value) = attribute.next()?;
                Some((kind, tag, value))
            })
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (kind, tag, value)) in self.attributes().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            match attribute_name(kind) {
                Some(name) => f.write_str(name)?,
                None => f.write_str(&der::dotted(kind))?,
            }
            write!(f, "={}", text(tag, value))?;
        }
        Ok(())
    }
}

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// Short names of RFC 4519 and RFC 2985.
const fn attribute_name(identifier: &[u8]) -> Option<&'static str> {
    Some(match identifier {
        COMMON_NAME => "CN",
        [0x55, 0x04, 0x04] => "SN",
        [0x55, 0x04, 0x05] => "serialNumber",
        [0x55, 0x04, 0x06] => "C",
        [0x55, 0x04, 0x07] => "L",
        [0x55, 0x04, 0x08] => "ST",
        [0x55, 0x04, 0x09] => "street",
        [0x55, 0x04, 0x0a] => "O",
        [0x55, 0x04, 0x0b] => "OU",
        [0x55, 0x04, 0x0c] => "title",
        [0x55, 0x04, 0x11] => "postalCode",
        [0x55, 0x04, 0x2a] => "GN",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01] => "emailAddress",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01] => "UID",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19] => "DC",
        _ => return None,
    })
}

/// A directory string. Those that are not UTF-8 and do not say what they are are taken for Latin-1.
fn text(tag: u8, value: &[u8]) -> Cow<'_, str> {
    match tag {
        der::BMP_STRING => {
            let units = value.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        der::UNIVERSAL_STRING => value
            .chunks_exact(4)
            .map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
            .map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect(),
        _ => str::from_utf8(value)
            .map_or_else(|_| value.iter().copied().map(char::from).collect(), Cow::Borrowed),
    }
}

impl<'a> PublicKey<'a> {
    const UNKNOWN: Self = Self { kind: KeyKind::Other, bits: 0, info: &[] };

    /// Reads the content of a SubjectPublicKeyInfo.
    fn read(info: &'a [u8]) -> Self {
        let mut reader = Values::new(info);
        let (kind, bits) = key_kind(&mut reader).unwrap_or((KeyKind::Other, 0));
        Self { kind, bits, info }
    }
}

fn key_kind(info: &mut Values<'_>) -> Option<(KeyKind, usize)> {
    let mut algorithm = info.enter(der::SEQUENCE)?;
    Some(match algorithm.expect(der::OBJECT_IDENTIFIER)? {
        // rsaEncryption, RSASSA-PSS
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01 | 0x0a] => {
            (KeyKind::Rsa, rsa_bits(info).unwrap_or(0))
        }
        // id-dsa
        [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01] => {
            let prime =
                algorithm.enter(der::SEQUENCE).and_then(|mut parameters| parameters.expect(der::INTEGER));
            (KeyKind::Dsa, prime.map_or(0, bit_length))
        }
        // id-ecPublicKey
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] => {
            let curve = algorithm.expect(der::OBJECT_IDENTIFIER).unwrap_or_default();
            (KeyKind::Ec, curve_bits(curve))
        }
        [0x2b, 0x65, 0x70] => (KeyKind::Ed25519, 256),
        [0x2b, 0x65, 0x71] => (KeyKind::Ed448, 456),
        // id-ml-dsa-44, -65, -87
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x11..=0x13] => (KeyKind::MlDsa, 0),
        _ => (KeyKind::Other, 0),
    })
}

/// The modulus of an RSAPublicKey, behind the BIT STRING's count of unused bits.
fn rsa_bits(info: &mut Values<'_>) -> Option<usize> {
    let key = info.expect(der::BIT_STRING)?.get(1..)?;
    let modulus = Values::new(key).enter(der::SEQUENCE)?.expect(der::INTEGER)?;
    Some(bit_length(modulus))
}

fn bit_length(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    match number.get(zeros..) {
        Some([first, rest @ ..]) => rest.len() * 8 + 8 - first.leading_zeros() as usize,
        _ => 0,
    }
}

const fn curve_bits(identifier: &[u8]) -> usize {
    match identifier {
        // prime192v1, prime256v1
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01] => 192,
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07] => 256,
        // secp224r1, secp256k1, secp384r1, secp521r1
        [0x2b, 0x81, 0x04, 0x00, 0x21] => 224,
        [0x2b, 0x81, 0x04, 0x00, 0x0a] => 256,
        [0x2b, 0x81, 0x04, 0x00, 0x22] => 384,
        [0x2b, 0x81, 0x04, 0x00, 0x23] => 521,
        // brainpoolP256r1, P384r1, P512r1
        [0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07] => 256,
        [0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0b] => 384,
        [0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0d] => 512,
        // SM2
        [0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d] => 256,
        _ => 0,
    }
}

const fn signature_name(identifier: &[u8]) -> &'static str {
    match identifier {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, number] => match number {
            0x02 => "md2WithRSAEncryption",
            0x03 => "md4WithRSAEncryption",
            0x04 => "md5WithRSAEncryption",
            0x05 => "sha1WithRSAEncryption",
            0x0a => "rsassaPss",
            0x0b => "sha256WithRSAEncryption",
            0x0c => "sha384WithRSAEncryption",
            0x0d => "sha512WithRSAEncryption",
            0x0e => "sha224WithRSAEncryption",
            _ => "unknown",
        },
        [0x2b, 0x0e, 0x03, 0x02, 0x03] => "md5WithRSAEncryption",
        [0x2b, 0x0e, 0x03, 0x02, 0x1d] => "sha1WithRSAEncryption",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01] => "ecdsa-with-SHA1",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, number] => match number {
            0x01 => "ecdsa-with-SHA224",
            0x02 => "ecdsa-with-SHA256",
            0x03 => "ecdsa-with-SHA384",
            0x04 => "ecdsa-with-SHA512",
            _ => "unknown",
        },
        [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03] => "dsa-with-SHA1",
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, number] => match number {
            0x01 => "dsa-with-SHA224",
            0x02 => "dsa-with-SHA256",
            0x11 => "ML-DSA-44",
            0x12 => "ML-DSA-65",
            0x13 => "ML-DSA-87",
            _ => "unknown",
        },
        [0x2b, 0x65, 0x70] => "Ed25519",
        [0x2b, 0x65, 0x71] => "Ed448",
        [0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75] => "SM2-with-SM3",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::{HostMatch, KeyKind, name_matches, read, text};
    use crate::protocol::tls::der;
    use crate::protocol::tls::testing::{LEAF, tlv};

    #[test]
    fn reads_a_certificate() {
        let leaf = read(LEAF).expect("complete");
        assert_eq!(leaf.subject.to_string(), "C=DE, O=Weir Test, CN=host.example");
        assert_eq!(leaf.subject.common_name().as_deref(), Some("host.example"));
        assert_eq!(leaf.subject.organization().as_deref(), Some("Weir Test"));
        assert!(leaf.is_self_issued() && leaf.is_self_signed());
        assert_eq!(leaf.signature_algorithm(), "ecdsa-with-SHA256");
        assert_eq!((leaf.key.kind, leaf.key.bits), (KeyKind::Ec, 256));
        assert_eq!(leaf.dns_names().collect::<Vec<_>>(), [&b"host.example"[..], b"*.wild.example"]);
        let addresses: Vec<_> = leaf.addresses().map(|address| address.to_string()).collect();
        assert_eq!(addresses, ["192.0.2.7", "2001:db8::7"]);
        assert!(leaf.is_ca);
        assert!(leaf.not_before < leaf.not_after);
    }

    #[test]
    fn says_what_was_read_before_a_break() {
        for cut in 0..LEAF.len() {
            let _ = read(&LEAF[..cut]);
        }
        let cut = read(&LEAF[..LEAF.len() / 2]).expect("the serial number is there");
        assert!(!cut.issuer.is_empty());
        assert_eq!(cut.dns_names().count(), 0);
    }

    #[test]
    fn matches_hosts_as_rfc_9525_says() {
        let leaf = read(LEAF).expect("complete");
        for host in ["host.example", "HOST.example.", "a.wild.example", "192.0.2.7", "2001:db8::7"] {
            assert_eq!(leaf.host_match(host), HostMatch::AlternativeName, "{host}");
        }
        for host in ["example", "other.example", "wild.example", "a.b.wild.example", "192.0.2.8", ""] {
            assert!(!leaf.matches_host(host), "{host}");
        }
    }

    #[test]
    fn a_wildcard_stands_for_one_whole_label_below_a_domain() {
        assert!(!name_matches(b"*.com", b"example.com"));
        assert!(!name_matches(b"f*.example.com", b"foo.example.com"));
        assert!(!name_matches(b"*", b"localhost"));
        assert!(!name_matches(b"*.example.com", b".example.com"));
    }

    #[test]
    fn falls_back_to_the_common_name_without_alternative_names() {
        let common_name = tlv(
            der::SET,
            &tlv(
                der::SEQUENCE,
                &[tlv(der::OBJECT_IDENTIFIER, &[0x55, 4, 3]), tlv(0x0c, b"old.example")].concat(),
            ),
        );
        let tbs = [
            tlv(der::INTEGER, &[1]),
            tlv(der::SEQUENCE, &tlv(der::OBJECT_IDENTIFIER, &[0x2b, 0x65, 0x70])),
            tlv(der::SEQUENCE, &[]),
            tlv(der::SEQUENCE, &[]),
            tlv(der::SEQUENCE, &common_name),
        ];
        let whole = tlv(der::SEQUENCE, &tlv(der::SEQUENCE, &tbs.concat()));
        let old = read(&whole).expect("has a serial number");
        assert_eq!(old.host_match("old.example"), HostMatch::CommonName);
        assert_eq!(old.host_match("new.example"), HostMatch::No);
        assert!(!old.is_self_issued());
    }

    #[test]
    fn decodes_the_kinds_of_string() {
        assert_eq!(text(0x13, b"plain"), "plain");
        assert_eq!(text(0x14, b"caf\xe9"), "caf\u{e9}");
        assert_eq!(text(der::BMP_STRING, &[0, b'a', 0x20, 0xac]), "a\u{20ac}");
        assert_eq!(text(der::UNIVERSAL_STRING, &[0, 1, 0xf6, 0]), "\u{1f600}");
    }
}
