//! Most of what is said in the clear holds nothing: header fields that every browser sends, plain paths, names of hosts.
//! One cheap look says so before anything is taken apart, and must never say so where the search would find something.

use super::device::Device;
use crate::protocol::{Fact, Value};

/// Digits in a row that no identifier, number or precise position is shorter than.
const DIGITS: u8 = 5;
/// Letters and digits in a row that no encoded value or secret is shorter than.
const RUN: u8 = 16;

/// Whether it pays to search a fact.
pub(super) fn may_hold_something(fact: &Fact<'_>, device: &Device) -> bool {
    let bytes = fact.value.bytes();
    let suspicious = match fact.value {
        Value::Number(_) => return false,
        Value::Pair(name, value) if fact.field.name.ends_with(".header") => match kind(name) {
            // Fixed words and numbers by their own grammar (RFC 9110): only a value of the phone's own can be out of place.
            Header::Grammar => false,
            Header::Text => is_suspicious(value),
            Header::Other => return true,
        },
        Value::Bytes(_) | Value::Text(_) if fact.field.name.ends_with(".bearer") => return true,
        Value::Bytes(value) if is_target(fact) => {
            is_suspicious(value) || memchr::memchr3(b'?', b'=', b';', value).is_some()
        }
        Value::Bytes(value) if fact.field.name.ends_with(".question.content") => is_suspicious(value),
        // Bodies may be compressed or a container; everything else that is binary is no text to take apart.
        Value::Bytes(value) if !fact.field.name.ends_with(".body") && is_binary(value) => false,
        Value::Bytes(value) | Value::Pair(_, value) => is_suspicious(value),
        Value::Text(text) => is_suspicious(text.as_bytes()),
    };
    suspicious || device.is_in(bytes)
}

fn is_target(fact: &Fact<'_>) -> bool {
    fact.field.name.ends_with(".request.query")
}

/// Ciphertext, media, binary records: many bytes that no text has. Compressed data does not count, it may become text.
fn is_binary(bytes: &[u8]) -> bool {
    const GZIP: &[u8] = &[0x1f, 0x8b];
    let start = bytes.get(..96).unwrap_or(bytes);
    let odd = start.iter().filter(|byte| matches!(byte, 0..=8 | 14..=31 | 127)).count();
    let high = start.iter().filter(|byte| **byte >= 0x80).count();
    let no_text = odd * 8 > start.len()
        || (high * 4 > start.len() && str::from_utf8(start).is_err_and(|e| e.error_len().is_some()));
    no_text && !start.starts_with(GZIP)
}

/// What a header field may hold.
#[derive(Clone, Copy)]
enum Header {
    Grammar,
    /// Words that programs write; suspicious only by their look.
    Text,
    Other,
}

/// Header fields whose values follow a grammar of their own (RFC 9110; SIP, RFC 3261; RTSP, RFC 7826; SSDP), or are written
/// by programs. Sorted.
static KNOWN: &[(&str, Header)] = &[
    ("accept", Header::Grammar),
    ("accept-charset", Header::Grammar),
    ("accept-encoding", Header::Grammar),
    ("accept-language", Header::Grammar),
    ("allow", Header::Grammar),
    ("allow-events", Header::Grammar),
    ("cache-control", Header::Grammar),
    ("call-id", Header::Grammar),
    ("connection", Header::Grammar),
    ("contact", Header::Grammar),
    ("content-encoding", Header::Grammar),
    ("content-language", Header::Grammar),
    ("content-length", Header::Grammar),
    ("content-type", Header::Grammar),
    ("cseq", Header::Grammar),
    ("date", Header::Grammar),
    ("dnt", Header::Grammar),
    ("event", Header::Grammar),
    ("expect", Header::Grammar),
    ("expires", Header::Grammar),
    ("from", Header::Grammar),
    ("if-modified-since", Header::Grammar),
    ("if-unmodified-since", Header::Grammar),
    ("keep-alive", Header::Grammar),
    ("location", Header::Text),
    ("man", Header::Grammar),
    ("max-forwards", Header::Grammar),
    ("min-se", Header::Grammar),
    ("mx", Header::Grammar),
    ("nt", Header::Grammar),
    ("nts", Header::Grammar),
    ("origin", Header::Text),
    ("pragma", Header::Grammar),
    ("proxy-connection", Header::Grammar),
    ("proxy-require", Header::Grammar),
    ("rack", Header::Grammar),
    ("range", Header::Grammar),
    ("record-route", Header::Grammar),
    ("referer", Header::Text),
    ("require", Header::Grammar),
    ("route", Header::Grammar),
    ("rseq", Header::Grammar),
    ("rtp-info", Header::Grammar),
    ("sec-websocket-version", Header::Text),
    ("server", Header::Text),
    ("session", Header::Grammar),
    ("session-expires", Header::Grammar),
    ("st", Header::Grammar),
    ("subject", Header::Grammar),
    ("subscription-state", Header::Grammar),
    ("supported", Header::Grammar),
    ("te", Header::Grammar),
    ("timestamp", Header::Grammar),
    ("to", Header::Grammar),
    ("trailer", Header::Grammar),
    ("transfer-encoding", Header::Grammar),
    ("transport", Header::Grammar),
    ("unsupported", Header::Grammar),
    ("upgrade", Header::Grammar),
    ("upgrade-insecure-requests", Header::Grammar),
    ("user-agent", Header::Text),
    ("usn", Header::Grammar),
    ("via", Header::Grammar),
    ("x-requested-with", Header::Text),
];

/// Where the names of each first letter begin in [`KNOWN`].
static LETTERS: [u8; 27] = {
    let mut letters = [0; 27];
    let mut letter = 0;
    while letter < 27 {
        let mut at = 0;
        while at < KNOWN.len() && KNOWN[at].0.as_bytes()[0] < b'a' + letter as u8 {
            at += 1;
        }
        letters[letter] = at as u8;
        letter += 1;
    }
    letters
};

fn kind(name: &[u8]) -> Header {
    let letter = name.first().map_or(u8::MAX, |first| first.to_ascii_lowercase().wrapping_sub(b'a'));
    let (Some(&from), Some(&to)) = (LETTERS.get(usize::from(letter)), LETTERS.get(usize::from(letter) + 1))
    else {
        return Header::Other;
    };
    let same_letter = KNOWN.get(usize::from(from)..usize::from(to)).unwrap_or_default();
    let known = same_letter
        .iter()
        .find(|(known, _)| known.len() == name.len() && name.eq_ignore_ascii_case(known.as_bytes()));
    match known {
        Some((_, kind)) => *kind,
        None if name.len() > 9 && name[..10].eq_ignore_ascii_case(b"sec-fetch-") => Header::Grammar,
        None => Header::Other,
    }
}

/// Whether the bytes have anything that an address, a number, an encoded value or a secret must have.
fn is_suspicious(bytes: &[u8]) -> bool {
    let (mut digits, mut run) = (0_u8, 0_u8);
    for &byte in bytes {
        match CLASSES[usize::from(byte)] {
            Class::Digit => {
                digits += 1;
                run += 1;
            }
            Class::Letter => {
                digits = 0;
                run += 1;
            }
            Class::Telling => return true,
            Class::Other => {
                digits = 0;
                run = 0;
            }
        }
        if digits >= DIGITS || run >= RUN {
            return true;
        }
    }
    false
}

#[derive(Clone, Copy)]
enum Class {
    Digit,
    /// Also what joins the letters of encoded values: `-`, `_`, `+`.
    Letter,
    /// `@`, `%`, `=`, `{`, `<`, `&`, control characters and whatever is not ASCII.
    Telling,
    Other,
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' => Class::Digit,
            b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'+' => Class::Letter,
            b'@' | b'%' | b'=' | b'{' | b'<' | b'&' | 0..=31 | 127.. => Class::Telling,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
};

#[cfg(test)]
mod tests {
    use super::{KNOWN, is_suspicious, may_hold_something};
    use crate::finding::leak::device::Device;
    use crate::flow::Direction;
    use crate::protocol::{Fact, Field, Role, Value};

    static HEADER: Field = Field::new("http.request.header", Role::Content);
    static BODY: Field = Field::new("http.request.body", Role::Content);
    static QUERY: Field = Field::new("http.request.query", Role::Content);

    fn passes(field: &'static Field, value: Value<'_>, device: &Device) -> bool {
        may_hold_something(&Fact { field, value, direction: Direction::ToServer }, device)
    }

    #[test]
    fn what_every_browser_sends_is_passed_over() {
        let device = Device::default();
        for (name, value) in [
            ("Accept-Encoding", "gzip, deflate, br"),
            ("User-Agent", "Mozilla/5.0 (Linux; Android 13) Chrome/103.0.5060.71 Safari/537.36"),
            ("Referer", "http://www.example.org/news/today.html"),
        ] {
            let fact = Value::Pair(name.as_bytes(), value.as_bytes());
            assert!(!passes(&HEADER, fact, &device), "{name}");
        }
        assert!(!passes(&QUERY, Value::Bytes(b"/static/css/main.css"), &device));
    }

    #[test]
    fn whatever_could_hold_something_is_searched() {
        let device = Device::default();
        for (name, value) in [
            ("Cookie", "uid=1"),
            ("X-Anything", "1"),
            ("User-Agent", "app/1.0 (a@example.org)"),
            ("User-Agent", "app/1.0 356938035643809"),
            ("Referer", "http://www.example.org/?u=1"),
        ] {
            assert!(passes(&HEADER, Value::Pair(name.as_bytes(), value.as_bytes()), &device), "{name}");
        }
        assert!(passes(&BODY, Value::Bytes(&[0x1f, 0x8b, 8, 0, 1, 2, 3]), &device), "compressed");
        for target in ["/a?b", "/bWFydGFAZXhhbXBsZS5vcmc", "/ll=52.5162,13.3777", "/user%40example.org"] {
            assert!(passes(&QUERY, Value::Bytes(target.as_bytes()), &device), "{target}");
        }
        assert!(is_suspicious(b"52.516275"));
    }

    #[test]
    fn known_headers_are_sorted() {
        assert!(KNOWN.is_sorted_by(|(a, _), (b, _)| a < b));
    }

    #[test]
    fn the_phones_own_values_are_found_in_any_header() {
        let device = Device::parse(r#"{"serial": "R58M42ABCDE"}"#).expect("a valid file");
        assert!(passes(&HEADER, Value::Pair(b"Accept", b"text/R58M42ABCDE"), &device));
    }
}
