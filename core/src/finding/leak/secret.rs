//! Keys and tokens that programs prove themselves with, told by the prefixes their issuers gave them.
//! CATALOGUE L-25 to L-27 and section 1.6.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::decode;

/// A key or token and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Secret<'a> {
    pub(super) sort: Sort,
    pub(super) text: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Of which issuer.
    ApiKey(&'static str),
    Jwt,
    PrivateKey,
}

/// How a secret that begins with some prefix goes on.
#[derive(Debug, Clone, Copy)]
struct Rule {
    prefix: &'static str,
    kind: &'static str,
    /// Characters behind the prefix, at least and at most.
    length: (usize, usize),
    allowed: fn(u8) -> bool,
    /// Bits of entropy per character, at least.
    entropy: f64,
}

const fn rule(
    prefix: &'static str,
    kind: &'static str,
    length: (usize, usize),
    allowed: fn(u8) -> bool,
    entropy: f64,
) -> Rule {
    Rule { prefix, kind, length, allowed, entropy }
}

/// Letters, digits, `_` and `-`.
const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

const fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

const fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

const fn is_base32(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'0'..=b'9')
}

const fn is_dotted(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'.' | b'=')
}

static RULES: &[Rule] = &[
    rule("AKIA", "aws", (16, 16), is_base32, 3.0),
    rule("ASIA", "aws", (16, 16), is_base32, 3.0),
    rule("ABIA", "aws", (16, 16), is_base32, 3.0),
    rule("ACCA", "aws", (16, 16), is_base32, 3.0),
    rule("AIza", "google", (35, 35), is_word, 3.5),
    rule("ya29.", "google", (20, 2048), is_dotted, 3.5),
    rule("ghp_", "github", (36, 36), is_alphanumeric, 3.0),
    rule("gho_", "github", (36, 36), is_alphanumeric, 3.0),
    rule("ghu_", "github", (36, 36), is_alphanumeric, 3.0),
    rule("ghs_", "github", (36, 36), is_alphanumeric, 3.0),
    rule("ghr_", "github", (36, 76), is_alphanumeric, 3.0),
    rule("github_pat_", "github", (82, 82), is_word, 3.0),
    rule("glpat-", "gitlab", (20, 64), is_word, 3.0),
    rule("xoxb-", "slack", (20, 255), is_word, 3.0),
    rule("xoxp-", "slack", (20, 255), is_word, 3.0),
    rule("xoxa-", "slack", (20, 255), is_word, 3.0),
    rule("xoxr-", "slack", (20, 255), is_word, 3.0),
    rule("xoxs-", "slack", (20, 255), is_word, 3.0),
    rule("xapp-", "slack", (20, 255), is_word, 3.0),
    rule("sk_live_", "stripe", (10, 247), is_alphanumeric, 2.0),
    rule("sk_test_", "stripe", (10, 247), is_alphanumeric, 2.0),
    rule("rk_live_", "stripe", (10, 247), is_alphanumeric, 2.0),
    rule("rk_test_", "stripe", (10, 247), is_alphanumeric, 2.0),
    rule("SG.", "sendgrid", (66, 66), is_dotted, 3.0),
    rule("sk-ant-", "anthropic", (80, 120), is_word, 3.0),
    rule("sk-proj-", "openai", (40, 200), is_word, 3.0),
    rule("npm_", "npm", (36, 36), is_alphanumeric, 3.0),
    rule("shpat_", "shopify", (32, 32), is_hex, 2.5),
    rule("shpss_", "shopify", (32, 32), is_hex, 2.5),
    rule("dop_v1_", "digitalocean", (64, 64), is_hex, 3.0),
    rule("hf_", "huggingface", (34, 34), is_alphanumeric, 3.0),
];

const BEGIN: &str = "-----BEGIN ";
const JWT: &str = "eyJ";
const AGE: &str = "AGE-SECRET-KEY-1";
const PUTTY: &str = "PuTTY-User-Key-File-";
const TELEGRAM: &str = ":AA";

/// What is behind the rules' prefixes in the automaton.
static OTHERS: [&str; 5] = [BEGIN, JWT, AGE, PUTTY, TELEGRAM];

/// Leftmost-first, because only then does the automaton's vectorised prefilter work.
static PREFIXES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let prefixes = RULES.iter().map(|rule| rule.prefix).chain(OTHERS);
    AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(prefixes).ok()
});

/// Whether any secret could be in a text.
pub(super) fn may_be_in(text: &[u8]) -> bool {
    PREFIXES.as_ref().is_some_and(|prefixes| prefixes.is_match(text))
}

/// Every secret in a text.
pub(super) fn secrets(text: &[u8]) -> Vec<Secret<'_>> {
    let mut found = Vec::new();
    let Some(prefixes) = PREFIXES.as_ref().filter(|_| text.len() >= 20) else {
        return found;
    };
    for hit in prefixes.find_iter(text) {
        let secret = match RULES.get(hit.pattern().as_usize()) {
            Some(rule) => rule.read(text, hit.start()),
            None => other(text, hit.start(), hit.pattern().as_usize() - RULES.len()),
        };
        if let Some(secret) = secret
            && found.len() < 16
        {
            found.push(secret);
        }
    }
    found
}

impl Rule {
    fn read<'a>(&self, text: &'a [u8], start: usize) -> Option<Secret<'a>> {
        if !begins_word(text, start) {
            return None;
        }
        let rest = text.get(start..)?;
        let body = rest.get(self.prefix.len()..)?;
        let (least, most) = self.length;
        let length = body.iter().take(most + 1).take_while(|byte| (self.allowed)(**byte)).count();
        let delimited = !body.get(length).is_some_and(|byte| is_word(*byte));
        let body = body.get(..length)?;
        let fits = (least..=most).contains(&length) && delimited && entropy(body) >= self.entropy;
        // Manuals show keys that say so.
        let example = memchr::memmem::find(body, b"EXAMPLE").is_some();
        (fits && !example).then_some(Secret {
            sort: Sort::ApiKey(self.kind),
            text: rest.get(..self.prefix.len() + length)?,
        })
    }
}

fn other(text: &[u8], start: usize, which: usize) -> Option<Secret<'_>> {
    let rest = text.get(start..)?;
    match *OTHERS.get(which)? {
        BEGIN => pem(rest),
        JWT if begins_word(text, start) => jwt(rest),
        AGE => {
            let body = rest.get(AGE.len()..AGE.len() + 58)?;
            body.iter()
                .all(u8::is_ascii_alphanumeric)
                .then_some(Secret { sort: Sort::PrivateKey, text: rest.get(..AGE.len() + 58)? })
        }
        PUTTY => memchr::memmem::find(rest.get(..4096).unwrap_or(rest), b"Private-Lines:")
            .map(|end| Secret { sort: Sort::PrivateKey, text: rest.get(..end).unwrap_or_default() }),
        TELEGRAM => telegram(text, start),
        _ => None,
    }
}

/// `-----BEGIN RSA PRIVATE KEY-----` and enough of what follows to be one: RFC 7468.
fn pem(text: &[u8]) -> Option<Secret<'_>> {
    let label = text.get(BEGIN.len()..)?;
    let label = label.get(..memchr::memmem::find(label.get(..128).unwrap_or(label), b"-----")?)?;
    if !label.ends_with(b"PRIVATE KEY") && !label.ends_with(b"PRIVATE KEY BLOCK") {
        return None;
    }
    let header = BEGIN.len() + label.len() + 5;
    let body = text.get(header..)?;
    let body = body.get(..512).unwrap_or(body);
    let body = body.get(..memchr::memmem::find(body, b"-----").unwrap_or(body.len()))?;
    let letters =
        body.iter().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')).count();
    (letters >= 64).then_some(Secret { sort: Sort::PrivateKey, text: text.get(..header)? })
}

/// Three parts of base64url, the first a JSON object with `alg`: RFC 7519.
fn jwt(text: &[u8]) -> Option<Secret<'_>> {
    let length = text.iter().take(8192).take_while(|byte| is_word(**byte) || **byte == b'.').count();
    let token = text.get(..length)?;
    let mut parts = token.split(|byte| *byte == b'.');
    let (header, claims) = (parts.next()?, parts.next()?);
    parts.next()?;
    let object = |part: &[u8]| decode::base64(part).filter(|json| json.first() == Some(&b'{'));
    let is_header = memchr::memmem::find(&object(header)?, b"\"alg\"").is_some();
    (is_header && claims.len() >= 8).then_some(Secret { sort: Sort::Jwt, text: token })
}

/// `123456789:AA…`, a bot's token.
fn telegram(text: &[u8], colon: usize) -> Option<Secret<'_>> {
    let digits = text.get(..colon)?.iter().rev().take(17).take_while(|byte| byte.is_ascii_digit()).count();
    let start = colon.checked_sub(digits)?;
    let body = text.get(colon + 1..)?.iter().take(36).take_while(|byte| is_word(**byte)).count();
    ((8..=16).contains(&digits) && body == 35)
        .then_some(Secret { sort: Sort::ApiKey("telegram"), text: text.get(start..colon + 36)? })
}

/// A prefix inside a longer word means nothing.
fn begins_word(text: &[u8], start: usize) -> bool {
    !start
        .checked_sub(1)
        .and_then(|at| text.get(at))
        .is_some_and(|byte| is_word(*byte) || *byte == b'+' || *byte == b'/' && is_in_base64(text, start))
}

/// A slash is a delimiter in a path and a letter in base64.
fn is_in_base64(text: &[u8], start: usize) -> bool {
    let before = text.get(start.saturating_sub(25)..start.saturating_sub(1)).unwrap_or_default();
    before.len() >= 24
        && before.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// Shannon's entropy in bits per byte.
pub(super) fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in text {
        counts[usize::from(*byte)] += 1;
    }
    let total = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX).max(1));
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total)
        .map(|share| -share * share.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::{Sort, entropy, secrets};

    fn sorts(text: &str) -> Vec<Sort> {
        secrets(text.as_bytes()).into_iter().map(|secret| secret.sort).collect()
    }

    #[test]
    fn keys_are_told_by_their_prefix() {
        assert_eq!(sorts("AKIAYA3USNSWACH4OOEI"), [Sort::ApiKey("aws")]);
        assert_eq!(sorts("k=AIza86ZdZGYaIh9EIvLo2hkWFyagHcKfXFoWLVV"), [Sort::ApiKey("google")]);
        assert_eq!(sorts("ghp_gzvb4CtFJllSovZ3bAAakIiaz9kIElxwZEiu"), [Sort::ApiKey("github")]);
        assert_eq!(sorts("xoxb-484753169914-532744564251-MfxwM670bSICv64zWt2qj0w9"), [Sort::ApiKey("slack")]);
        assert_eq!(sorts("{\"k\":\"sk_live_Hm9geMN0v3fC6mg0RUxR1UWp\"}"), [Sort::ApiKey("stripe")]);
        assert_eq!(
            sorts("/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaww/send"),
            [Sort::ApiKey("telegram")]
        );
    }

    #[test]
    fn what_only_begins_like_a_key_is_none() {
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            "XAKIAYA3USNSWACH4OOEI",
            "AKIAYA3USNSWACH4OOEIX",
            "AKIA0000000000000000",
            "AIza_short_and_no_key",
            "sk_live_",
        ] {
            assert_eq!(sorts(text), [], "{text}");
        }
    }

    #[test]
    fn a_token_must_decode_to_a_header() {
        let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiAibWFydGEuayJ9.rhTdFBol2v2MI54MtSsf";
        assert_eq!(sorts(token), [Sort::Jwt]);
        assert_eq!(sorts("eyJub3RoaW5nIjogdG8gc2VlIGhlcmV9.eyJzdWIiOiAibWFydGEuayJ9.rhTdFBol"), []);
    }

    #[test]
    fn private_keys_need_a_body() {
        let body = "MIICWwIBAAKBgQDmk894Np2ksU4ew/zo/WaA3hdG2vXWXx+47psgoU98k/On254O".repeat(2);
        assert_eq!(sorts(&format!("-----BEGIN RSA PRIVATE KEY-----\n{body}")), [Sort::PrivateKey]);
        assert_eq!(sorts("-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----"), []);
        assert_eq!(sorts(&format!("-----BEGIN PUBLIC KEY-----\n{body}")), []);
    }

    #[test]
    fn entropy_of_text() {
        assert!(
            entropy(b"aaaa") < 0.01 && (entropy(b"abcd") - 2.0).abs() < 0.01 && entropy(b"").abs() < 0.01
        );
    }
}
