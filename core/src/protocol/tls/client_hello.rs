//! The ClientHello, shared by TLS, DTLS and QUIC (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2, RFC 6347 §4.2.1), and the one
//! that SSL 2.0 wrote (RFC 5246 appendix E.2).
//!
//! The parser is lenient: lengths that lie end the list they are in, and what was understood before still counts.

use crate::bytes::Reader;

/// Extension numbers, IANA "TLS ExtensionType Values".
pub mod extension {
    pub const SERVER_NAME: u16 = 0x0000;
    pub const SUPPORTED_GROUPS: u16 = 0x000a;
    pub const EC_POINT_FORMATS: u16 = 0x000b;
    pub const SIGNATURE_ALGORITHMS: u16 = 0x000d;
    pub const ALPN: u16 = 0x0010;
    pub const PRE_SHARED_KEY: u16 = 0x0029;
    pub const EARLY_DATA: u16 = 0x002a;
    pub const SUPPORTED_VERSIONS: u16 = 0x002b;
    pub const QUIC_TRANSPORT_PARAMETERS: u16 = 0x0039;
    /// QUIC drafts before 33.
    pub const QUIC_TRANSPORT_PARAMETERS_DRAFT: u16 = 0xffa5;
    pub const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
    /// ECH's forerunner, withdrawn in 2020.
    pub const ENCRYPTED_SERVER_NAME: u16 = 0xffce;
}

/// A ClientHello's parts, borrowed. Absent extensions are `None`, present ones their whole content.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClientHello<'a> {
    /// `legacy_version`.
    pub version: u16,
    pub random: &'a [u8],
    pub session_id: &'a [u8],
    /// Two bytes each.
    pub cipher_suites: &'a [u8],
    pub compression_methods: &'a [u8],
    /// All extensions as they stand on the wire.
    pub extensions: &'a [u8],
    pub server_name: Option<&'a [u8]>,
    pub alpn: Option<&'a [u8]>,
    pub supported_versions: Option<&'a [u8]>,
    pub supported_groups: Option<&'a [u8]>,
    pub point_formats: Option<&'a [u8]>,
    pub signature_algorithms: Option<&'a [u8]>,
    pub quic_transport_parameters: Option<&'a [u8]>,
    pub early_data: bool,
    pub encrypted_client_hello: bool,
    pub encrypted_server_name: bool,
}

/// Reads a ClientHello's body, without the handshake header. `None` if it ends before its cipher suites do.
pub fn parse(body: &[u8]) -> Option<ClientHello<'_>> {
    read(body, false)
}

/// The same for DTLS, whose ClientHello has a cookie after the session's id.
pub fn parse_datagram(body: &[u8]) -> Option<ClientHello<'_>> {
    read(body, true)
}

/// The ClientHello of SSL 2.0, after the two-byte record header. Suites that only SSL 2.0 has are left out.
pub fn parse_ssl2(message: &[u8]) -> Option<Ssl2Hello<'_>> {
    let mut reader = Reader::new(message);
    if reader.u8()? != 1 {
        return None;
    }
    let version = reader.u16()?;
    let specs: usize = reader.u16()?.into();
    let session_id: usize = reader.u16()?.into();
    let challenge: usize = reader.u16()?.into();
    let plausible = (version == 0x0002 || version >> 8 == 3)
        && specs > 0
        && specs.is_multiple_of(3)
        && matches!(session_id, 0 | 16)
        && (16..=32).contains(&challenge);
    if !plausible || reader.remaining() != specs + session_id + challenge {
        return None;
    }
    let cipher_specs = reader.take(specs)?;
    Some(Ssl2Hello { version, cipher_specs })
}

/// What is told by a ClientHello in SSL 2.0's form.
#[derive(Debug, Clone, Copy)]
pub struct Ssl2Hello<'a> {
    /// The highest version that the client speaks; usually not SSL 2.0.
    pub version: u16,
    /// Three bytes each; the first is zero for suites of SSL 3.0 and later.
    pub cipher_specs: &'a [u8],
}

fn read(body: &[u8], has_cookie: bool) -> Option<ClientHello<'_>> {
    let mut reader = Reader::new(body);
    let mut hello = ClientHello {
        version: reader.u16()?,
        random: reader.take(32)?,
        session_id: reader.sub_u8()?.rest(),
        ..ClientHello::default()
    };
    if has_cookie {
        reader.sub_u8()?;
    }
    hello.cipher_suites = reader.sub_u16()?.rest();
    if let Some(mut methods) = reader.sub_u8() {
        hello.compression_methods = methods.rest();
        if let Some(count) = reader.u16() {
            let count = usize::from(count).min(reader.remaining());
            hello.extensions = reader.take(count)?;
            hello.read_extensions();
        }
    }
    Some(hello)
}

impl<'a> ClientHello<'a> {
    fn read_extensions(&mut self) {
        for (number, content) in self.extensions() {
            let place = match number {
                extension::SERVER_NAME => &mut self.server_name,
                extension::ALPN => &mut self.alpn,
                extension::SUPPORTED_VERSIONS => &mut self.supported_versions,
                extension::SUPPORTED_GROUPS => &mut self.supported_groups,
                extension::EC_POINT_FORMATS => &mut self.point_formats,
                extension::SIGNATURE_ALGORITHMS => &mut self.signature_algorithms,
                extension::QUIC_TRANSPORT_PARAMETERS | extension::QUIC_TRANSPORT_PARAMETERS_DRAFT => {
                    &mut self.quic_transport_parameters
                }
                extension::EARLY_DATA => {
                    self.early_data = true;
                    continue;
                }
                extension::ENCRYPTED_CLIENT_HELLO => {
                    self.encrypted_client_hello = true;
                    continue;
                }
                extension::ENCRYPTED_SERVER_NAME => {
                    self.encrypted_server_name = true;
                    continue;
                }
                _ => continue,
            };
            // An extension must not come twice (RFC 8446 §4.2); servers look at the first.
            place.get_or_insert(content);
        }
    }

    /// Number and content of every extension, in order.
    pub fn extensions(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        extensions(self.extensions)
    }

    pub fn cipher_suites(&self) -> impl Iterator<Item = u16> + use<'a> {
        numbers(self.cipher_suites)
    }

    /// Versions of the `supported_versions` extension, or the legacy one alone where there is none.
    pub fn versions(&self) -> impl Iterator<Item = u16> + use<'a> {
        let listed = self
            .supported_versions
            .and_then(|content| Reader::new(content).sub_u8())
            .map_or(&[][..], |mut list| list.rest());
        let legacy = self.supported_versions.is_none().then_some(self.version);
        numbers(listed).chain(legacy)
    }

    pub fn signature_algorithms(&self) -> impl Iterator<Item = u16> + use<'a> {
        numbers(list_u16(self.signature_algorithms))
    }

    pub fn supported_groups(&self) -> impl Iterator<Item = u16> + use<'a> {
        numbers(list_u16(self.supported_groups))
    }

    /// One byte each.
    pub fn point_formats(&self) -> &'a [u8] {
        self.point_formats
            .and_then(|content| Reader::new(content).sub_u8())
            .map_or(&[], |mut list| list.rest())
    }

    /// Application protocols, the preferred one first.
    pub fn alpn(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut list = Reader::new(list_u16(self.alpn));
        std::iter::from_fn(move || list.sub_u8().map(|mut name| name.rest()))
    }

    /// Host names as sent; RFC 6066 §3 allows one, and one extension that has it.
    pub fn server_names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let present = if self.server_name.is_some() { self.extensions } else { &[] };
        extensions(present)
            .filter(|&(number, _)| number == extension::SERVER_NAME)
            .flat_map(|(_, content)| host_names(content))
    }
}

/// Whether the number is one of RFC 8701's, sent only to keep servers tolerant.
pub const fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

/// Number and content of every extension in a list of them; ends where a length lies.
pub(super) fn extensions(list: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut list = Reader::new(list);
    std::iter::from_fn(move || Some((list.u16()?, list.sub_u16()?.rest())))
}

/// The names of a `server_name` extension that are host names, the only kind there ever was.
fn host_names(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    const HOST_NAME: u8 = 0;
    let mut list = Reader::new(list_u16(Some(content)));
    std::iter::from_fn(move || {
        loop {
            let kind = list.u8()?;
            let name = list.sub_u16()?.rest();
            if kind == HOST_NAME {
                return Some(name);
            }
        }
    })
}

/// Two-byte numbers; an odd byte at the end is left out.
fn numbers(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
}

/// The list behind a two-byte length; what is there of it if the length lies.
fn list_u16(content: Option<&[u8]>) -> &[u8] {
    let Some([high, low, list @ ..]) = content else {
        return &[];
    };
    let count = usize::from(u16::from_be_bytes([*high, *low]));
    list.get(..count).unwrap_or(list)
}

#[cfg(test)]
mod tests {
    use super::{is_grease, parse, parse_ssl2};
    use crate::protocol::tls::testing::Hello;

    #[test]
    fn reads_names_and_lists() {
        let body = Hello::default().sni(b"example.org").alpn(&[b"h2", b"http/1.1"]).body();
        let hello = parse(&body).expect("complete");
        assert_eq!(hello.server_names().collect::<Vec<_>>(), [b"example.org"]);
        assert_eq!(hello.alpn().collect::<Vec<_>>(), [&b"h2"[..], b"http/1.1"]);
        assert_eq!(hello.versions().collect::<Vec<_>>(), [0x0303]);
    }

    #[test]
    fn keeps_what_stands_before_a_lying_length() {
        let mut body = Hello::default().sni(b"example.org").body();
        // An extension that claims more than there is.
        let at = body.len();
        body.extend([0x00, 0x17, 0xff, 0xff]);
        let hello = parse(&body[..at]).expect("complete");
        assert_eq!(hello.server_names().count(), 1);
        assert!(parse(&body[..38]).is_none());
    }

    #[test]
    fn reads_the_form_of_ssl_2() {
        let message = [&[0x01, 0x03, 0x01, 0, 3, 0, 0, 0, 16][..], &[0x00, 0x00, 0x05], &[7; 16]].concat();
        assert_eq!(parse_ssl2(&message).map(|hello| hello.version), Some(0x0301));
        assert!(parse_ssl2(&message[..message.len() - 1]).is_none());
    }

    #[test]
    fn knows_the_sixteen_grease_values() {
        let grease: Vec<u16> = (0..=u16::MAX).filter(|&number| is_grease(number)).collect();
        assert_eq!(grease.len(), 16);
        assert_eq!((grease[0], grease[15]), (0x0a0a, 0xfafa));
    }
}
