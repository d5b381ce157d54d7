//! SASL mechanisms (RFC 4422) as text protocols carry them: base64 responses of the client.
//!
//! Read: PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195), XOAUTH2, OAUTHBEARER (RFC 7628), the user of SCRAM (RFC 5802).
//! Of others nothing is in the clear that is worth stating.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::{Field, Sink, Value};
use crate::flow::Direction;

/// Programs differ about padding; everything is understood.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Decodes base64 with or without padding; `None` if it is none.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    LENIENT.decode(text).ok()
}

/// Where a protocol states who logs in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    pub(super) username: &'static Field,
    pub(super) password: &'static Field,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mechanism {
    Plain,
    Login,
    CramMd5,
    XOauth2,
    OauthBearer,
    Scram,
    Other,
}

/// One authentication, from its mechanism to its last response.
#[derive(Debug)]
pub(super) struct Exchange {
    mechanism: Mechanism,
    responses: u8,
}

impl Exchange {
    /// Responses of an unknown mechanism before the client is taken to speak commands again.
    const MOST_RESPONSES: u8 = 8;

    pub(super) fn new(mechanism: &[u8]) -> Self {
        let known: [(&[u8], Mechanism); 5] = [
            (b"PLAIN", Mechanism::Plain),
            (b"LOGIN", Mechanism::Login),
            (b"CRAM-MD5", Mechanism::CramMd5),
            (b"XOAUTH2", Mechanism::XOauth2),
            (b"OAUTHBEARER", Mechanism::OauthBearer),
        ];
        let mechanism = known
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(mechanism))
            .map(|&(_, known)| known)
            .or_else(|| mechanism.starts_with(b"SCRAM-").then_some(Mechanism::Scram));
        Self { mechanism: mechanism.unwrap_or(Mechanism::Other), responses: 0 }
    }

    /// Takes the client's next response in base64. Answers whether it was the last.
    pub(super) fn respond(
        &mut self,
        response: &[u8],
        fields: Fields,
        direction: Direction,
        out: &mut dyn Sink,
    ) -> bool {
        if response == b"*" {
            return true;
        }
        // "=" stands for an empty initial response (RFC 4954 §4).
        let decoded = base64(if response == b"=" { b"" } else { response }).unwrap_or_default();
        self.respond_raw(&decoded, fields, direction, out)
    }

    /// Takes the client's next response, already decoded.
    pub(super) fn respond_raw(
        &mut self,
        response: &[u8],
        fields: Fields,
        direction: Direction,
        out: &mut dyn Sink,
    ) -> bool {
        self.responses = self.responses.saturating_add(1);
        let mut username = |value: &[u8]| state(fields.username, value, direction, out);
        match (self.mechanism, self.responses) {
            (Mechanism::Plain, _) => {
                // authorization NUL authentication NUL password
                let mut parts = response.splitn(3, |&byte| byte == 0);
                if let (Some(_), Some(user), Some(secret)) = (parts.next(), parts.next(), parts.next()) {
                    username(user);
                    state(fields.password, secret, direction, out);
                }
                true
            }
            (Mechanism::Login, 1) => {
                username(response);
                false
            }
            (Mechanism::Login, _) => {
                state(fields.password, response, direction, out);
                true
            }
            (Mechanism::CramMd5, _) => {
                // user SP digest
                if let Some(space) = memchr::memrchr(b' ', response) {
                    username(response.get(..space).unwrap_or_default());
                }
                true
            }
            (Mechanism::XOauth2 | Mechanism::OauthBearer, _) => {
                self.oauth(response, fields, direction, out);
                true
            }
            (Mechanism::Scram, 1) => {
                // n,,n=user,r=nonce
                if let Some(user) = value_behind(response, b"n=", |byte| byte == b',') {
                    username(user);
                }
                false
            }
            (Mechanism::Scram, responses) => responses > 2,
            (Mechanism::Other, responses) => responses >= Self::MOST_RESPONSES,
        }
    }

    fn oauth(&self, response: &[u8], fields: Fields, direction: Direction, out: &mut dyn Sink) {
        let prefix: &[u8] = if self.mechanism == Mechanism::XOauth2 { b"user=" } else { b"a=" };
        if let Some(user) = value_behind(response, prefix, |byte| matches!(byte, 0x01 | b',')) {
            state(fields.username, user, direction, out);
        }
        if let Some(token) = value_behind(response, b"auth=Bearer ", |byte| byte == 0x01) {
            state(fields.password, token, direction, out);
        }
    }
}

fn state(field: &'static Field, value: &[u8], direction: Direction, out: &mut dyn Sink) {
    if !value.is_empty() {
        out.fact(field, direction, Value::Bytes(value));
    }
}

/// What stands behind `prefix` (at the start, or behind a comma or 0x01) up to a byte that `ends` it.
fn value_behind<'a>(text: &'a [u8], prefix: &[u8], ends: fn(u8) -> bool) -> Option<&'a [u8]> {
    let at = text.windows(prefix.len()).enumerate().position(|(at, window)| {
        window == prefix && (at == 0 || matches!(text.get(at - 1), Some(b',' | 0x01)))
    })?;
    let value = text.get(at + prefix.len()..)?;
    let end = value.iter().position(|&byte| ends(byte)).unwrap_or(value.len());
    value.get(..end)
}
