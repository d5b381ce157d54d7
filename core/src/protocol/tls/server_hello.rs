//! The ServerHello, RFC 8446 §4.1.3 and RFC 5246 §7.4.1.3. DTLS and QUIC use it unchanged.

use super::client_hello::{extension, extensions};
use crate::bytes::Reader;

/// A ServerHello's parts, borrowed.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerHello<'a> {
    /// `legacy_version`; see [`Self::negotiated_version`].
    pub version: u16,
    pub random: &'a [u8],
    pub cipher_suite: u16,
    pub compression_method: u8,
    /// All extensions as they stand on the wire.
    pub extensions: &'a [u8],
    pub selected_version: Option<u16>,
    pub alpn: Option<&'a [u8]>,
    /// A pre-shared key was accepted: the session is resumed (TLS 1.3).
    pub pre_shared_key: bool,
}

/// SHA-256 of "HelloRetryRequest", the random of a ServerHello that asks for another ClientHello.
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Reads a ServerHello's body, without the handshake header.
pub fn parse(body: &[u8]) -> Option<ServerHello<'_>> {
    let mut reader = Reader::new(body);
    let mut hello =
        ServerHello { version: reader.u16()?, random: reader.take(32)?, ..ServerHello::default() };
    // TLS 1.3 up to draft 21 had neither session id nor compression here (0x7f0x versions).
    let is_old_draft = (0x7f00..=0x7f15).contains(&hello.version);
    if !is_old_draft {
        reader.sub_u8()?;
    }
    hello.cipher_suite = reader.u16()?;
    if !is_old_draft {
        hello.compression_method = reader.u8()?;
    }
    if let Some(count) = reader.u16() {
        hello.extensions = reader.take(usize::from(count).min(reader.remaining()))?;
    }
    for (number, content) in extensions(hello.extensions) {
        match number {
            extension::SUPPORTED_VERSIONS => hello.selected_version = Reader::new(content).u16(),
            extension::ALPN => {
                hello.alpn = Reader::new(content)
                    .sub_u16()
                    .and_then(|mut list| list.sub_u8())
                    .map(|mut name| name.rest());
            }
            extension::PRE_SHARED_KEY => hello.pre_shared_key = true,
            _ => {}
        }
    }
    Some(hello)
}

impl ServerHello<'_> {
    pub fn negotiated_version(&self) -> u16 {
        self.selected_version.unwrap_or(self.version)
    }

    /// Whether this is a HelloRetryRequest.
    pub fn is_retry(&self) -> bool {
        self.random == RETRY
    }

    /// The mark that an able server leaves when it is made to negotiate less than it could, RFC 8446 §4.1.3:
    /// 1 if it ended at TLS 1.2, 0 below.
    pub fn downgrade_sentinel(&self) -> Option<u8> {
        match self.random.last_chunk::<8>() {
            Some([b'D', b'O', b'W', b'N', b'G', b'R', b'D', mark @ (0 | 1)]) => Some(*mark),
            _ => None,
        }
    }

    /// Numbers of the extensions, in order.
    pub fn extension_numbers(&self) -> impl Iterator<Item = u16> {
        extensions(self.extensions).map(|(number, _)| number)
    }
}

/// Whether the handshake goes on encrypted right after a ServerHello of this version (1.3, its drafts, DTLS 1.3).
pub const fn encrypts_after_hello(version: u16) -> bool {
    matches!(version, 0x0304 | 0xfefc) || is_draft(version)
}

/// TLS 1.3 before its RFC: the drafts' numbers, and Facebook's own.
const fn is_draft(version: u16) -> bool {
    matches!(version >> 8, 0x7f | 0xfb)
}

/// The version's name as Suricata writes it.
pub const fn version_name(version: u16) -> Option<&'static str> {
    Some(match version {
        0x0002 => "SSLv2",
        0x0300 => "SSLv3",
        0x0301 => "TLS 1.0",
        0x0302 => "TLS 1.1",
        0x0303 => "TLS 1.2",
        0x0304 => "TLS 1.3",
        0x0100 | 0xfeff => "DTLS 1.0",
        0xfefd => "DTLS 1.2",
        0xfefc => "DTLS 1.3",
        _ if is_draft(version) => "TLS 1.3",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{RETRY, encrypts_after_hello, parse};
    use sha2::{Digest, Sha256};

    /// TLS 1.2, no session id, suite c02f, no compression.
    fn hello(random: &[u8; 32]) -> Vec<u8> {
        [&[3, 3][..], random, &[0, 0xc0, 0x2f, 0]].concat()
    }

    #[test]
    fn knows_a_request_to_retry_by_its_random() {
        assert_eq!(Sha256::digest(b"HelloRetryRequest")[..], RETRY);
        assert!(parse(&hello(&RETRY)).expect("complete").is_retry());
        assert!(!parse(&hello(&[1; 32])).expect("complete").is_retry());
    }

    #[test]
    fn reads_the_sentinels_of_a_downgrade() {
        let mut random = [7; 32];
        assert_eq!(parse(&hello(&random)).expect("complete").downgrade_sentinel(), None);
        random[24..].copy_from_slice(b"DOWNGRD\x01");
        assert_eq!(parse(&hello(&random)).expect("complete").downgrade_sentinel(), Some(1));
        random[31] = 0;
        assert_eq!(parse(&hello(&random)).expect("complete").downgrade_sentinel(), Some(0));
        random[31] = 2;
        assert_eq!(parse(&hello(&random)).expect("complete").downgrade_sentinel(), None);
    }

    #[test]
    fn reads_the_version_that_was_selected() {
        let mut body = hello(&[1; 32]);
        body.extend([0, 6, 0, 0x2b, 0, 2, 3, 4]);
        let hello = parse(&body).expect("complete");
        assert_eq!(hello.negotiated_version(), 0x0304);
        assert!(encrypts_after_hello(hello.negotiated_version()));
        assert!(!encrypts_after_hello(hello.version));
    }
}
