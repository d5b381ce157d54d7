//! `Authorization` as HTTP, RTSP and SIP use it: Basic (RFC 7617), Digest (RFC 7616), Bearer (RFC 6750), NTLM.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memchr;

use super::lines::parameter;
use crate::bytes::Reader;
use crate::flow::Direction;
use crate::protocol::{Field, Role, Sink, Value};

/// The facts of a login; each protocol has its own.
#[derive(Debug)]
pub(in crate::protocol) struct Fields {
    pub(in crate::protocol) scheme: Field,
    pub(in crate::protocol) username: Field,
    pub(in crate::protocol) password: Field,
    pub(in crate::protocol) bearer: Field,
}

impl Fields {
    pub(in crate::protocol) const fn new(
        scheme: &'static str,
        username: &'static str,
        password: &'static str,
        bearer: &'static str,
    ) -> Self {
        Self {
            scheme: Field::meta(scheme, ""),
            username: Field::new(username, Role::Username),
            password: Field::new(password, Role::Password),
            bearer: Field::new(bearer, Role::Content),
        }
    }

    /// States what the value of an `Authorization` or `Proxy-Authorization` field gives away.
    pub(in crate::protocol) fn state(&'static self, value: &[u8], out: &mut dyn Sink) {
        let end = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
        let Some((scheme, credentials)) = value.split_at_checked(end) else {
            return;
        };
        let credentials = credentials.trim_ascii();
        let Some((name, read)) =
            SCHEMES.iter().find(|(name, _)| scheme.eq_ignore_ascii_case(name.as_bytes()))
        else {
            return;
        };
        out.fact(&self.scheme, Direction::ToServer, Value::Text(name));
        read(self, credentials, out);
    }

    fn say(&self, field: &'static Field, text: &[u8], out: &mut dyn Sink) {
        if !text.is_empty() {
            out.fact(field, Direction::ToServer, Value::Bytes(text));
        }
    }
}

type Read = fn(&'static Fields, &[u8], &mut dyn Sink);

/// IANA "HTTP Authentication Schemes", as far as somebody can be told from them.
static SCHEMES: &[(&str, Read)] =
    &[("basic", basic), ("digest", digest), ("bearer", bearer), ("ntlm", ntlm), ("negotiate", ntlm)];

fn basic(fields: &'static Fields, credentials: &[u8], out: &mut dyn Sink) {
    let Ok(plain) = BASE64.decode(credentials) else {
        return;
    };
    // RFC 7617 §2: the user's name cannot hold a colon, the password can.
    let colon = memchr(b':', &plain).unwrap_or(plain.len());
    fields.say(&fields.username, plain.get(..colon).unwrap_or_default(), out);
    fields.say(&fields.password, plain.get(colon + 1..).unwrap_or_default(), out);
}

fn digest(fields: &'static Fields, credentials: &[u8], out: &mut dyn Sink) {
    if let Some(user) = parameter(credentials, b',', b"username") {
        fields.say(&fields.username, user, out);
    }
}

fn bearer(fields: &'static Fields, credentials: &[u8], out: &mut dyn Sink) {
    fields.say(&fields.bearer, credentials, out);
}

/// The user's name of an AUTHENTICATE_MESSAGE, \[MS-NLMP\] §2.2.1.3.
fn ntlm(fields: &'static Fields, credentials: &[u8], out: &mut dyn Sink) {
    const SIGNATURE: &[u8] = b"NTLMSSP\0";
    const AUTHENTICATE: u32 = 3;
    /// Before `UserNameFields`: the signature, the type, and the three fields in front.
    const USER_NAME_AT: usize = 36;
    const FLAGS_AT: usize = 60;
    const NEGOTIATE_UNICODE: u32 = 1;
    let read = |message: &[u8]| -> Option<Vec<u8>> {
        let mut reader = Reader::new(message.strip_prefix(SIGNATURE)?);
        if reader.u32_le()? != AUTHENTICATE {
            return None;
        }
        let mut field = Reader::new(message.get(USER_NAME_AT..)?);
        let (length, _, offset) = (field.u16_le()?, field.u16_le()?, field.u32_le()?);
        let start = usize::try_from(offset).ok()?;
        let name = message.get(start..start.checked_add(length.into())?)?;
        let flags = Reader::new(message.get(FLAGS_AT..)?).u32_le()?;
        if flags & NEGOTIATE_UNICODE == 0 {
            return Some(name.to_vec());
        }
        let units = name.chunks_exact(2).map(|unit| match unit {
            [low, high] => u16::from_le_bytes([*low, *high]),
            _ => 0,
        });
        Some(
            char::decode_utf16(units)
                .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect::<String>()
                .into_bytes(),
        )
    };
    if let Some(user) = BASE64.decode(credentials).ok().and_then(|message| read(&message)) {
        fields.say(&fields.username, &user, out);
    }
}

/// Takes what is sent, with its padding or without.
static BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
