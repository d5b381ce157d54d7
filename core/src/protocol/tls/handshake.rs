//! Handshake messages become facts; the same for TLS over records, DTLS over datagrams and QUIC over CRYPTO frames.

use sha1::{Digest, Sha1};

use super::certificate::{self, Certificate, iso_8601};
use super::client_hello::{self, ClientHello, is_grease};
use super::fingerprint::{self, Carrier};
use super::server_hello::{self, ServerHello, encrypts_after_hello, version_name};
use super::{ciphers, host_name};
use crate::bytes::Reader;
use crate::flow::Direction;
use crate::limits;
use crate::protocol::{Field, Sink, Unseen, Value};

/// Handshake message types, IANA "TLS HandshakeType".
pub mod message {
    pub const HELLO_REQUEST: u8 = 0;
    pub const CLIENT_HELLO: u8 = 1;
    pub const SERVER_HELLO: u8 = 2;
    pub const HELLO_VERIFY_REQUEST: u8 = 3;
    pub const NEW_SESSION_TICKET: u8 = 4;
    pub const HELLO_RETRY_REQUEST: u8 = 6;
    pub const CERTIFICATE: u8 = 11;
    pub const SERVER_KEY_EXCHANGE: u8 = 12;
    pub const CERTIFICATE_REQUEST: u8 = 13;
    pub const SERVER_HELLO_DONE: u8 = 14;
    pub const CERTIFICATE_VERIFY: u8 = 15;
    pub const CLIENT_KEY_EXCHANGE: u8 = 16;
    pub const FINISHED: u8 = 20;
    pub const CERTIFICATE_STATUS: u8 = 22;

    /// Whether a message of this type may stand in the clear.
    pub const fn is_known(kind: u8) -> bool {
        matches!(
            kind,
            HELLO_REQUEST..=NEW_SESSION_TICKET | HELLO_RETRY_REQUEST | CERTIFICATE..=CLIENT_KEY_EXCHANGE | 21..=23
        )
    }

    /// Whether its content is read at all.
    pub const fn is_read(kind: u8) -> bool {
        matches!(kind, CLIENT_HELLO | SERVER_HELLO | CERTIFICATE)
    }
}

/// The facts of a handshake, under one protocol's name.
#[derive(Debug)]
pub struct Fields {
    pub sni: Field,
    /// A server name that no host can have: too long, not ASCII; or one too many.
    pub sni_malformed: Field,
    /// Each application protocol offered.
    pub alpn: Field,
    /// The highest version offered, as its number.
    pub client_version: Field,
    /// Suites offered, two bytes each.
    pub ciphers_offered: Field,
    pub ja3: Field,
    /// By FoxIO's specification.
    pub ja4: Field,
    /// In nDPI's reading.
    pub ja4_ndpi: Field,
    /// Encrypted Client Hello, or GREASE that looks like it.
    pub ech: Field,
    pub esni: Field,
    pub hello_retry: Field,
    /// The negotiated version's name.
    pub version: Field,
    pub version_code: Field,
    pub cipher: Field,
    pub cipher_name: Field,
    pub alpn_selected: Field,
    /// The compression method, if not null.
    pub compression: Field,
    pub ja3s: Field,
    /// 1: made to end at TLS 1.2; 0: below. RFC 8446 §4.1.3.
    pub downgrade_sentinel: Field,
    pub session_resumed: Field,
    /// The description of an alert in the clear, RFC 8446 §6.
    pub alert: Field,
    /// The server's own.
    pub certificate: Field,
    /// Those it sent behind its own.
    pub chain_certificate: Field,
    pub subject: Field,
    pub issuer: Field,
    pub serial: Field,
    /// SHA-1 of the leaf.
    pub fingerprint: Field,
    pub not_before: Field,
    pub not_after: Field,
    pub subject_alt_name: Field,
    pub client_certificate: Field,
}

impl Fields {
    pub const COUNT: usize = 31;

    pub const fn all(&'static self) -> [&'static Field; Self::COUNT] {
        [
            &self.sni,
            &self.sni_malformed,
            &self.alpn,
            &self.client_version,
            &self.ciphers_offered,
            &self.ja3,
            &self.ja4,
            &self.ja4_ndpi,
            &self.ech,
            &self.esni,
            &self.hello_retry,
            &self.version,
            &self.version_code,
            &self.cipher,
            &self.cipher_name,
            &self.alpn_selected,
            &self.compression,
            &self.ja3s,
            &self.downgrade_sentinel,
            &self.session_resumed,
            &self.alert,
            &self.certificate,
            &self.chain_certificate,
            &self.subject,
            &self.issuer,
            &self.serial,
            &self.fingerprint,
            &self.not_before,
            &self.not_after,
            &self.subject_alt_name,
            &self.client_certificate,
        ]
    }
}

/// [`Fields`] named after a protocol. The version is named apart, and where it stands in the event record: QUIC has
/// one of its own.
macro_rules! fields {
    ($protocol:literal, $version:literal, $version_eve:literal) => {{
        use $crate::protocol::{Field, Role, tls::handshake::Fields};
        Fields {
            sni: Field::hostname(concat!($protocol, ".sni"), "sni"),
            sni_malformed: Field::meta(concat!($protocol, ".sni_malformed"), ""),
            alpn: Field::meta(concat!($protocol, ".alpn"), "client_alpns[]"),
            client_version: Field::meta(concat!($protocol, ".client_version"), ""),
            ciphers_offered: Field::meta(concat!($protocol, ".ciphers_offered"), ""),
            ja3: Field::meta(concat!($protocol, ".ja3"), "ja3.hash"),
            ja4: Field::meta(concat!($protocol, ".ja4"), "ja4"),
            ja4_ndpi: Field::new(concat!($protocol, ".ja4_ndpi"), Role::Ja4),
            ech: Field::meta(concat!($protocol, ".ech"), ""),
            esni: Field::meta(concat!($protocol, ".esni"), ""),
            hello_retry: Field::meta(concat!($protocol, ".hello_retry"), ""),
            version: Field::meta($version, $version_eve),
            version_code: Field::meta(concat!($version, "_code"), ""),
            cipher: Field::meta(concat!($protocol, ".cipher"), ""),
            cipher_name: Field::meta(concat!($protocol, ".cipher_name"), "cipher"),
            alpn_selected: Field::meta(concat!($protocol, ".alpn_selected"), "server_alpns[]"),
            compression: Field::meta(concat!($protocol, ".compression"), ""),
            ja3s: Field::meta(concat!($protocol, ".ja3s"), "ja3s.hash"),
            downgrade_sentinel: Field::meta(concat!($protocol, ".downgrade_sentinel"), ""),
            session_resumed: Field::meta(concat!($protocol, ".session_resumed"), "session_resumed"),
            alert: Field::meta(concat!($protocol, ".alert"), ""),
            certificate: Field::new(concat!($protocol, ".certificate"), Role::Certificate),
            chain_certificate: Field::meta(concat!($protocol, ".chain_certificate"), ""),
            subject: Field::meta(concat!($protocol, ".subject"), "subject"),
            issuer: Field::meta(concat!($protocol, ".issuer"), "issuerdn"),
            serial: Field::meta(concat!($protocol, ".serial"), "serial"),
            fingerprint: Field::meta(concat!($protocol, ".fingerprint"), "fingerprint"),
            not_before: Field::meta(concat!($protocol, ".not_before"), "notbefore"),
            not_after: Field::meta(concat!($protocol, ".not_after"), "notafter"),
            subject_alt_name: Field::meta(concat!($protocol, ".subject_alt_name"), "subjectaltname[]"),
            client_certificate: Field::meta(concat!($protocol, ".client_certificate"), ""),
        }
    }};
}
pub(crate) use fields;

/// Where a handshake stands, and what of it was stated.
#[derive(Debug)]
pub struct Handshake {
    fields: &'static Fields,
    carrier: Carrier,
    /// Who sent the ClientHello, or did not send the ServerHello.
    client: Option<Direction>,
    client_hello: bool,
    /// The ClientHello announces data that is sent before the server answers.
    early_data: bool,
    hello_retry: bool,
    server_hello: bool,
    server_certificate: bool,
    client_certificate: bool,
    version: u16,
    cipher: u16,
    /// Something was stated since the last record ended.
    open: bool,
}

impl Handshake {
    pub const fn new(fields: &'static Fields, carrier: Carrier) -> Self {
        Self {
            fields,
            carrier,
            client: None,
            client_hello: false,
            early_data: false,
            hello_retry: false,
            server_hello: false,
            server_certificate: false,
            client_certificate: false,
            version: 0,
            cipher: 0,
            open: false,
        }
    }

    /// Takes one whole message without its header; without content too, if nobody reads it or it was too long to
    /// keep.
    pub fn message(&mut self, kind: u8, body: &[u8], direction: Direction, out: &mut dyn Sink) {
        match kind {
            kind if message::is_read(kind) && body.is_empty() => out.unseen(Unseen::Truncated),
            message::CLIENT_HELLO => self.client_hello_message(body, direction, out),
            message::SERVER_HELLO => self.server_hello(body, direction, out),
            // TLS 1.3 before draft 22 (RFC 8446 uses a ServerHello for it).
            message::HELLO_RETRY_REQUEST => self.retry(direction, out),
            message::CERTIFICATE => self.certificates(body, direction, out),
            message::SERVER_HELLO_DONE => self.end_record(out),
            _ => {}
        }
    }

    /// A side is about to send under the negotiated keys.
    pub fn change_cipher_spec(&mut self, direction: Direction, out: &mut dyn Sink) {
        if self.server_hello && self.client == Some(direction.opposite()) && !self.server_certificate {
            // An abbreviated handshake (RFC 5246 §7.3): suites without certificates say ServerHelloDone before, and
            // had their record ended by it.
            if self.open {
                self.fact(direction, &self.fields.session_resumed, Value::Number(1), out);
            }
        }
        self.end_record(out);
    }

    pub fn alert(&mut self, description: u8, direction: Direction, out: &mut dyn Sink) {
        let value = Value::Number(description.into());
        self.fact(direction, &self.fields.alert, value, out);
        self.end_record(out);
    }

    /// Ends the event record, if there is anything in it.
    pub fn end_record(&mut self, out: &mut dyn Sink) {
        if std::mem::take(&mut self.open) {
            out.end_record();
        }
    }

    pub const fn has_client_hello(&self) -> bool {
        self.client_hello
    }

    pub const fn has_server_hello(&self) -> bool {
        self.server_hello
    }

    /// Whether the ServerHello asked for another ClientHello and the real one has not come.
    pub const fn is_retrying(&self) -> bool {
        self.hello_retry && !self.server_hello
    }

    /// Whether everything after the ServerHello is encrypted.
    pub const fn is_encrypted_after_hello(&self) -> bool {
        self.server_hello && encrypts_after_hello(self.version)
    }

    /// Whether records stay readable although keys were negotiated.
    pub fn is_null_cipher(&self) -> bool {
        self.server_hello && ciphers::is_null(self.cipher)
    }

    /// Whether application data of this side may come before the server said anything (0-RTT).
    pub fn may_send_early(&self, direction: Direction) -> bool {
        self.early_data && !self.server_hello && self.client == Some(direction)
    }

    fn fact(&mut self, direction: Direction, field: &'static Field, value: Value<'_>, out: &mut dyn Sink) {
        self.open = true;
        out.fact(field, direction, value);
    }

    fn client_hello_message(&mut self, body: &[u8], direction: Direction, out: &mut dyn Sink) {
        let hello = match self.carrier {
            Carrier::Datagram => client_hello::parse_datagram(body),
            Carrier::Tcp | Carrier::Quic => client_hello::parse(body),
        };
        if let Some(hello) = hello {
            self.client_hello(&hello, direction, out);
        }
    }

    /// States a ClientHello and ends its record. The second one, which answers a HelloRetryRequest or a
    /// HelloVerifyRequest or renegotiates, changes nothing.
    pub fn client_hello(&mut self, hello: &ClientHello<'_>, direction: Direction, out: &mut dyn Sink) {
        if self.client_hello {
            return;
        }
        let fields = self.fields;
        self.client_hello = true;
        self.client = Some(direction);
        self.early_data = hello.early_data;

        let hides_name = self.state_names(hello, direction, out);
        for name in hello.alpn().filter(|name| !is_grease_name(name)) {
            self.fact(direction, &fields.alpn, Value::Bytes(name), out);
        }
        let version = highest(hello.versions());
        self.fact(direction, &fields.client_version, Value::Number(version.into()), out);
        self.fact(direction, &fields.ciphers_offered, Value::Bytes(hello.cipher_suites), out);
        if out.wants(&fields.ja3) {
            let ja3 = fingerprint::ja3(hello);
            self.fact(direction, &fields.ja3, Value::Text(ja3.as_str()), out);
        }
        let ja4 = fingerprint::ja4(hello, self.carrier);
        self.fact(direction, &fields.ja4, Value::Text(ja4.as_str()), out);
        let as_ndpi = fingerprint::ja4_as_ndpi(&ja4, hello);
        self.fact(direction, &fields.ja4_ndpi, Value::Text(as_ndpi.as_str()), out);
        if hello.encrypted_client_hello {
            self.fact(direction, &fields.ech, Value::Number(1), out);
        }
        if hello.encrypted_server_name {
            self.fact(direction, &fields.esni, Value::Number(1), out);
        }
        if hello.encrypted_server_name || (hello.encrypted_client_hello && hides_name) {
            out.unseen(Unseen::Ech);
        }
        self.end_record(out);
    }

    /// States the server's name and answers whether it is one that stands in for another.
    fn state_names(&mut self, hello: &ClientHello<'_>, direction: Direction, out: &mut dyn Sink) -> bool {
        let mut first = None;
        for sent in hello.server_names() {
            if first.is_none() {
                if self.server_name(sent, direction, out) {
                    first = Some(sent);
                }
            } else if first != Some(sent) {
                self.fact(direction, &self.fields.sni_malformed, Value::Bytes(sent), out);
            }
        }
        first.is_some_and(|name| {
            ECH_PUBLIC_NAMES.iter().any(|public| name.eq_ignore_ascii_case(public.as_bytes()))
        })
    }

    /// States a name as it was sent. Answers whether it is a host's.
    fn server_name(&mut self, sent: &[u8], direction: Direction, out: &mut dyn Sink) -> bool {
        let mut lower = [0; host_name::LENGTH];
        let name = host_name::canonical(sent, &mut lower);
        match name {
            Some(name) => self.fact(direction, &self.fields.sni, Value::Text(name), out),
            None => self.fact(direction, &self.fields.sni_malformed, Value::Bytes(sent), out),
        }
        name.is_some()
    }

    /// A hello of Google QUIC, which may have a name and is no ClientHello otherwise.
    pub fn google_hello(&mut self, name: Option<&[u8]>, direction: Direction, out: &mut dyn Sink) {
        self.client_hello = true;
        self.client = Some(direction);
        if let Some(name) = name {
            self.server_name(name, direction, out);
        }
        self.open = true;
        self.end_record(out);
    }

    /// A ClientHello of SSL 2.0: no names and nothing to fingerprint. Its suites are told if later versions have
    /// them.
    pub fn ssl2_client_hello(
        &mut self,
        hello: &client_hello::Ssl2Hello<'_>,
        direction: Direction,
        out: &mut dyn Sink,
    ) {
        let fields = self.fields;
        self.client_hello = true;
        self.client = Some(direction);
        self.fact(direction, &fields.client_version, Value::Number(hello.version.into()), out);
        let mut suites = Vec::with_capacity(hello.cipher_specs.len());
        for spec in hello.cipher_specs.chunks_exact(3) {
            if spec[0] == 0 {
                suites.extend_from_slice(&spec[1..]);
            }
        }
        self.fact(direction, &fields.ciphers_offered, Value::Bytes(&suites), out);
        self.end_record(out);
    }

    /// SSL 2.0 was agreed on. What follows is encrypted with a cipher that is none of TLS's.
    pub fn ssl2_server_hello(&mut self, certificate: &[u8], direction: Direction, out: &mut dyn Sink) {
        self.server_hello = true;
        self.client = Some(direction.opposite());
        self.state_version(0x0002, direction, out);
        self.state_certificates([certificate].into_iter(), direction, out);
        self.end_record(out);
    }

    fn retry(&mut self, direction: Direction, out: &mut dyn Sink) {
        self.client = Some(direction.opposite());
        if !self.hello_retry {
            self.hello_retry = true;
            self.fact(direction, &self.fields.hello_retry, Value::Number(1), out);
        }
    }

    fn server_hello(&mut self, body: &[u8], direction: Direction, out: &mut dyn Sink) {
        if self.server_hello {
            return;
        }
        let Some(hello) = server_hello::parse(body) else {
            return;
        };
        if hello.is_retry() {
            return self.retry(direction, out);
        }
        self.state_server_hello(&hello, direction, out);
        if self.is_encrypted_after_hello() {
            self.end_record(out);
        }
    }

    fn state_server_hello(&mut self, hello: &ServerHello<'_>, direction: Direction, out: &mut dyn Sink) {
        let fields = self.fields;
        self.server_hello = true;
        self.client = Some(direction.opposite());
        self.version = hello.negotiated_version();
        self.cipher = hello.cipher_suite;

        self.state_version(self.version, direction, out);
        self.fact(direction, &fields.cipher, Value::Number(self.cipher.into()), out);
        if let Some(name) = ciphers::name(self.cipher) {
            self.fact(direction, &fields.cipher_name, Value::Text(name), out);
        }
        if let Some(protocol) = hello.alpn {
            self.fact(direction, &fields.alpn_selected, Value::Bytes(protocol), out);
        }
        if hello.compression_method != 0 {
            let method = Value::Number(hello.compression_method.into());
            self.fact(direction, &fields.compression, method, out);
        }
        if out.wants(&fields.ja3s) {
            let ja3s = fingerprint::ja3s(hello);
            self.fact(direction, &fields.ja3s, Value::Text(ja3s.as_str()), out);
        }
        if let Some(mark) = hello.downgrade_sentinel() {
            self.fact(direction, &fields.downgrade_sentinel, Value::Number(mark.into()), out);
        }
        if hello.pre_shared_key {
            self.fact(direction, &fields.session_resumed, Value::Number(1), out);
        }
    }

    fn state_version(&mut self, version: u16, direction: Direction, out: &mut dyn Sink) {
        if let Some(name) = version_name(version) {
            self.fact(direction, &self.fields.version, Value::Text(name), out);
        }
        let code = Value::Number(version.into());
        self.fact(direction, &self.fields.version_code, code, out);
    }

    /// RFC 5246 §7.4.2: a list of certificates, the sender's own first.
    fn certificates(&mut self, body: &[u8], direction: Direction, out: &mut dyn Sink) {
        let mut body = Reader::new(body);
        let Some(mut list) = body.sub_u24() else {
            return;
        };
        let ders = std::iter::from_fn(|| list.sub_u24().map(|mut der| der.rest()));
        self.state_certificates(ders, direction, out);
    }

    fn state_certificates<'a>(
        &mut self,
        ders: impl Iterator<Item = &'a [u8]>,
        direction: Direction,
        out: &mut dyn Sink,
    ) {
        let fields = self.fields;
        let is_client = match self.client {
            Some(client) => client == direction,
            None => direction == Direction::ToServer,
        };
        if is_client {
            if !std::mem::replace(&mut self.client_certificate, true) {
                for der in ders.take(limits::CERTIFICATES) {
                    self.fact(direction, &fields.client_certificate, Value::Bytes(der), out);
                }
                self.end_record(out);
            }
            return;
        }
        if self.server_certificate {
            return;
        }
        for der in ders.take(limits::CERTIFICATES) {
            if std::mem::replace(&mut self.server_certificate, true) {
                self.fact(direction, &fields.chain_certificate, Value::Bytes(der), out);
            } else {
                self.state_leaf(der, direction, out);
                self.fact(direction, &fields.certificate, Value::Bytes(der), out);
            }
        }
    }

    fn state_leaf(&mut self, der: &[u8], direction: Direction, out: &mut dyn Sink) {
        let fields = self.fields;
        if !out.wants(&fields.fingerprint) {
            return;
        }
        if let Some(leaf) = certificate::read(der) {
            self.state_content(&leaf, direction, out);
        }
        let sha1 = Sha1::digest(der);
        let text = hex_with_colons(&sha1, false);
        self.fact(direction, &fields.fingerprint, Value::Text(&text), out);
    }

    fn state_content(&mut self, leaf: &Certificate<'_>, direction: Direction, out: &mut dyn Sink) {
        let fields = self.fields;
        let texts = [
            (&fields.subject, leaf.subject.to_string()),
            (&fields.issuer, leaf.issuer.to_string()),
            (&fields.serial, hex_with_colons(leaf.serial, true)),
            (&fields.not_before, leaf.not_before.map(iso_8601).unwrap_or_default()),
            (&fields.not_after, leaf.not_after.map(iso_8601).unwrap_or_default()),
        ];
        for (field, text) in &texts {
            if !text.is_empty() {
                self.fact(direction, field, Value::Text(text), out);
            }
        }
        for name in leaf.dns_names().take(limits::CERTIFICATE_NAMES) {
            self.fact(direction, &fields.subject_alt_name, Value::Bytes(name), out);
        }
        for address in leaf.addresses().take(limits::CERTIFICATE_NAMES) {
            let text = address.to_string();
            self.fact(direction, &fields.subject_alt_name, Value::Text(&text), out);
        }
    }
}

/// Names that servers of Encrypted Client Hello put into the hello that everybody sees, instead of their sites'.
/// Elsewhere a real ECH cannot be told from GREASE, by design.
static ECH_PUBLIC_NAMES: [&str; 3] = ["cloudflare-ech.com", "public.tls-ech.dev", "cover.defo.ie"];

/// RFC 8701 reserves two-byte protocol names like its numbers.
fn is_grease_name(name: &[u8]) -> bool {
    matches!(name, &[high, low] if is_grease(u16::from_be_bytes([high, low])))
}

/// The highest version by its meaning; DTLS counts down.
fn highest(versions: impl Iterator<Item = u16>) -> u16 {
    let age = |version: u16| {
        if version >> 8 == 0xfe { 0xffff - version } else { version }
    };
    versions.filter(|&version| !is_grease(version)).max_by_key(|&version| age(version)).unwrap_or_default()
}

fn hex_with_colons(bytes: &[u8], upper: bool) -> String {
    let digits: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let mut text = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        if !text.is_empty() {
            text.push(':');
        }
        text.push(digits[usize::from(byte >> 4)].into());
        text.push(digits[usize::from(byte & 15)].into());
    }
    text
}
