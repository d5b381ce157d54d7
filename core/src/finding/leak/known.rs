//! The phone's own values in every form and encoding, found in one pass.

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;

use super::device::{Class, Value};
use super::{decode, phone};

/// Characters of an encoded value that do not depend on what stands around it, at least; fewer occur by accident.
const STABLE: usize = 8;
/// Bytes of a text that can hold a value, at least.
const SHORTEST: usize = 2;

/// Where a value was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit {
    /// Its place among the device's values.
    pub(super) value: usize,
    pub(super) start: usize,
    pub(super) end: usize,
    /// How it was encoded, outermost first.
    pub(super) encoding: &'static [&'static str],
}

/// What may stand around a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    Anything,
    NoDigit,
    /// A value inside a longer word is another word.
    NoLetterOrDigit,
}

struct Pattern {
    value: usize,
    encoding: &'static [&'static str],
    edge: Edge,
    /// The text, where case matters.
    exact: Option<Box<[u8]>>,
}

/// One automaton over every value, form and encoding.
#[derive(Default)]
pub(super) struct Known {
    automaton: Option<AhoCorasick>,
    patterns: Vec<Pattern>,
}

impl Known {
    pub(super) fn new(values: &[Value]) -> Result<Self, BuildError> {
        let mut builder = Builder::default();
        for (index, value) in values.iter().enumerate() {
            builder.add(index, value);
        }
        if builder.texts.is_empty() {
            return Ok(Self::default());
        }
        // The contiguous automaton needs a twentieth of the memory of a DFA for two thirds of its speed.
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .ascii_case_insensitive(true)
            .build(&builder.texts)?;
        Ok(Self { automaton: Some(automaton), patterns: builder.patterns })
    }

    /// Whether any value could be in `text`.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        self.automaton.as_ref().is_some_and(|automaton| automaton.is_match(text))
    }

    /// Every value in `text`.
    pub(super) fn hits(&self, text: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        let Some(automaton) = self.automaton.as_ref().filter(|_| text.len() >= SHORTEST) else {
            return hits;
        };
        for hit in automaton.find_overlapping_iter(text) {
            let Some(pattern) = self.patterns.get(hit.pattern().as_usize()) else {
                continue;
            };
            if hits.len() < crate::limits::FLOW_FINDINGS && pattern.fits(text, hit.start(), hit.end()) {
                hits.push(Hit {
                    value: pattern.value,
                    start: hit.start(),
                    end: hit.end(),
                    encoding: pattern.encoding,
                });
            }
        }
        hits
    }
}

impl Pattern {
    fn fits(&self, text: &[u8], start: usize, end: usize) -> bool {
        let found = text.get(start..end).unwrap_or_default();
        let around = [start.checked_sub(1).and_then(|at| text.get(at)), text.get(end)];
        let bounded = match self.edge {
            Edge::Anything => true,
            Edge::NoDigit => !around.into_iter().flatten().any(u8::is_ascii_digit),
            Edge::NoLetterOrDigit => {
                !around.into_iter().flatten().any(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80)
            }
        };
        let bounded = bounded || is_length_prefixed(text, start, end);
        bounded && self.exact.as_ref().is_none_or(|exact| exact.as_ref() == found)
    }
}

/// In binary formats a value's neighbours are not letters but look like some: there its length stands before it. Protocol
/// buffers write it as it is, MessagePack with 0xa0 and CBOR with 0x60 added.
fn is_length_prefixed(text: &[u8], start: usize, end: usize) -> bool {
    let Some((length, prefix)) =
        u8::try_from(end - start).ok().zip(start.checked_sub(1).and_then(|at| text.get(at)))
    else {
        return false;
    };
    let fits = *prefix == length
        || length < 32 && *prefix == 0xa0 | length
        || length < 24 && *prefix == 0x60 | length;
    fits && !decode::is_text(text.get(..start).unwrap_or_default())
}

#[derive(Default)]
struct Builder {
    texts: Vec<Vec<u8>>,
    patterns: Vec<Pattern>,
}

impl Builder {
    fn add(&mut self, index: usize, value: &Value) {
        let forms = forms(value);
        for form in &forms {
            let digits = form.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b' '));
            let edge = if digits { Edge::NoDigit } else { Edge::NoLetterOrDigit };
            if form.len() >= shortest(value.class) {
                self.push(index, form.as_bytes().to_vec(), &[], edge, value.class == Class::Password);
            }
            if is_weak(value.class) || form.len() < shortest(value.class) {
                continue;
            }
            for text in base64_texts(form.as_bytes()) {
                self.push(index, text, &["base64"], Edge::Anything, true);
            }
            if form.len() * 2 >= STABLE {
                self.push(index, hex(form.as_bytes()), &["hex"], Edge::Anything, false);
            }
        }
        if is_weak(value.class) {
            return;
        }
        for form in with_cases(&forms) {
            self.add_digest(index, &Md5::digest(&form), &["md5"], &["base64", "md5"]);
            self.add_digest(index, &Sha1::digest(&form), &["sha1"], &["base64", "sha1"]);
            self.add_digest(index, &Sha256::digest(&form), &["sha256"], &["base64", "sha256"]);
        }
    }

    fn add_digest(
        &mut self,
        index: usize,
        digest: &[u8],
        in_hex: &'static [&'static str],
        in_base64: &'static [&'static str],
    ) {
        self.push(index, hex(digest), in_hex, Edge::Anything, false);
        for text in alphabets(STANDARD_NO_PAD.encode(digest)) {
            self.push(index, text, in_base64, Edge::Anything, true);
        }
    }

    fn push(
        &mut self,
        value: usize,
        text: Vec<u8>,
        encoding: &'static [&'static str],
        edge: Edge,
        exact: bool,
    ) {
        let exact = exact.then(|| text.clone().into_boxed_slice());
        let known = self
            .texts
            .iter()
            .zip(&self.patterns)
            .rev()
            .take(128)
            .any(|(old, pattern)| *old == text && pattern.value == value);
        if !known && self.texts.len() < crate::limits::DEVICE_PATTERNS {
            self.texts.push(text);
            self.patterns.push(Pattern { value, encoding, edge, exact });
        }
    }
}

/// Characters of a value that is looked for as it is, at least. The two parts of a name only count together.
const fn shortest(class: Class) -> usize {
    if matches!(class, Class::FirstName | Class::LastName) { SHORTEST } else { 5 }
}

/// Values that tell nobody apart alone: they are looked for as they are, not encoded.
const fn is_weak(class: Class) -> bool {
    matches!(class, Class::FirstName | Class::LastName | Class::Username | Class::Contact | Class::Model)
}

/// The ways a value is written.
fn forms(value: &Value) -> Vec<String> {
    let text = value.text.as_str();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let mut forms = match value.class {
        // By itself a user's name or a phone's model tells nobody apart.
        Class::Username | Class::Model => Vec::new(),
        Class::Email => vec![text.to_lowercase(), text.to_owned()],
        Class::Imei => imei_forms(text, &digits),
        Class::Card => vec![
            digits.clone(),
            grouped(&digits, &[4, 4, 4, 4, 4], " "),
            grouped(&digits, &[4, 4, 4, 4, 4], "-"),
        ],
        Class::Imsi | Class::Iccid => vec![digits],
        Class::Mac | Class::Bssid => mac_forms(text),
        Class::AdvertisingId => vec![text.to_lowercase(), text.replace('-', "").to_lowercase()],
        Class::Phone => phone_forms(text, &digits),
        Class::Iban => {
            let compact = text.replace([' ', '-'], "").to_uppercase();
            vec![grouped(&compact, &[4; 9], " "), compact]
        }
        Class::Name => name_forms(text),
        Class::Contact if text.contains('@') => vec![text.to_lowercase()],
        Class::Contact if digits.len() >= 7 => phone_forms(text, &digits),
        // A first name alone is anybody's.
        Class::Contact if text.contains(' ') => vec![text.to_owned()],
        Class::Contact => Vec::new(),
        _ => vec![text.to_owned()],
    };
    forms.retain(|form| !form.is_empty());
    forms.dedup();
    forms
}

/// 3GPP TS 23.003 section 6.2.1 and how it is printed on the box.
fn imei_forms(text: &str, digits: &str) -> Vec<String> {
    if digits.len() < 14 {
        return vec![text.to_owned()];
    }
    vec![digits.to_owned(), grouped(digits, &[2, 6, 6, 1], "-"), grouped(digits, &[2, 6, 6, 1], " ")]
}

fn mac_forms(text: &str) -> Vec<String> {
    let bare: String = text.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_lowercase();
    let mut forms: Vec<_> =
        [":", "-"].into_iter().map(|separator| grouped(&bare, &[2; 6], separator)).collect();
    forms.push(grouped(&bare, &[4; 3], "."));
    forms.push(bare);
    forms
}

fn phone_forms(text: &str, digits: &str) -> Vec<String> {
    if !text.starts_with('+') && !text.starts_with("00") {
        return vec![digits.to_owned(), text.to_owned()];
    }
    let digits = if text.starts_with('+') { digits } else { digits.get(2..).unwrap_or_default() };
    let national = digits.get(phone::country_code(digits.as_bytes())..).unwrap_or_default();
    let mut forms = vec![format!("+{digits}"), digits.to_owned(), format!("00{digits}")];
    if national.len() >= 7 {
        forms.push(format!("0{national}"));
        forms.push(national.to_owned());
    }
    forms
}

fn name_forms(text: &str) -> Vec<String> {
    let words: Vec<_> = text.split_whitespace().collect();
    let (Some(first), Some(last)) = (words.first(), words.last()) else {
        return Vec::new();
    };
    if words.len() < 2 {
        return Vec::new();
    }
    let mut forms: Vec<_> =
        [" ", "_", ".", "-", "+", ""].into_iter().map(|separator| words.join(separator)).collect();
    forms.extend([format!("{last}, {first}"), format!("{last},{first}"), format!("{last} {first}")]);
    forms
}

/// Groups of these lengths; what is left over makes a last group.
fn grouped(text: &str, lengths: &[usize], separator: &str) -> String {
    let mut rest = text;
    let mut groups = Vec::new();
    for length in lengths {
        let (group, behind) = rest.split_at_checked(*length).unwrap_or((rest, ""));
        if !group.is_empty() {
            groups.push(group);
        }
        rest = behind;
    }
    groups.push(rest);
    groups.retain(|group| !group.is_empty());
    groups.join(separator)
}

/// Programs hash what they have, in the case they have it.
fn with_cases(forms: &[String]) -> Vec<String> {
    let mut all: Vec<_> =
        forms.iter().flat_map(|form| [form.clone(), form.to_lowercase(), form.to_uppercase()]).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The base64 of a value wherever it stands in a longer text: three alignments, without the characters at its edges
/// that also hold bits of its neighbours.
fn base64_texts(value: &[u8]) -> Vec<Vec<u8>> {
    (0..3)
        .filter_map(|offset| {
            let mut padded = vec![0; offset];
            padded.extend_from_slice(value);
            let end = padded.len() * 8 / 6;
            let start = (offset * 8).div_ceil(6);
            let text = STANDARD_NO_PAD.encode(&padded);
            text.get(start..end).filter(|text| text.len() >= STABLE).map(str::to_owned)
        })
        .flat_map(alphabets)
        .collect()
}

/// The text in the standard alphabet, and in the URL's where they differ: RFC 4648 section 5.
fn alphabets(text: String) -> Vec<Vec<u8>> {
    let url = text.replace('+', "-").replace('/', "_");
    if url == text { vec![text.into_bytes()] } else { vec![text.into_bytes(), url.into_bytes()] }
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::device::Device;
    use super::{base64_texts, phone_forms};

    fn encodings(json: &str, text: &str) -> Vec<&'static [&'static str]> {
        Device::parse(json).unwrap().known.hits(text.as_bytes()).into_iter().map(|hit| hit.encoding).collect()
    }

    #[test]
    fn a_value_is_found_in_every_encoding() {
        let device = r#"{"email": "marta.kowalczyk@post-haus.net"}"#;
        let none: &[&str] = &[];
        assert_eq!(encodings(device, "MARTA.kowalczyk@post-haus.net"), [none]);
        assert_eq!(encodings(device, "xbWFydGEua293YWxjenlrQHBvc3QtaGF1cy5uZXQ="), [["base64"]]);
        assert_eq!(encodings(device, "/u/e1403bb6da514d450307af68ef5ef832/profile.png"), [["md5"]]);
        assert_eq!(
            encodings(device, "ECB015BFC085F5E8F488934D42D3D15224939A08EE93B5459E6AB9228FDA5F8F"),
            [["sha256"]]
        );
    }

    #[test]
    fn a_value_inside_a_longer_word_is_not_found() {
        let device =
            r#"{"serial": "R58M42ABCDE", "imei": "356938035643809", "android_id": "9774d56d682e549c"}"#;
        for text in [
            "xR58M42ABCDE",
            "R58M42ABCDEF",
            "1356938035643809",
            "3569380356438091",
            "a9774d56d682e549c",
            "9774d56d682e549c0",
        ] {
            assert!(encodings(device, text).is_empty(), "{text}");
        }
        for text in ["R58M42ABCDE", "/R58M42ABCDE/", "imei356938035643809x", "9774d56d682e549c.t.example"] {
            assert_eq!(encodings(device, text).len(), 1, "{text}");
        }
    }

    #[test]
    fn the_same_text_in_another_case_is_another_base64() {
        let device = r#"{"serial": "R58M42ABCDE"}"#;
        assert_eq!(encodings(device, "UjU4TTQyQUJDREU="), [["base64"]]);
        assert!(encodings(device, "ujU4TTQyQUJDREU=").is_empty());
    }

    #[test]
    fn numbers_are_known_with_and_without_their_country() {
        let forms = phone_forms("+4915112345678", "4915112345678");
        assert_eq!(
            forms,
            ["+4915112345678", "4915112345678", "004915112345678", "015112345678", "15112345678"]
        );
    }

    #[test]
    fn base64_has_three_alignments() {
        use base64::Engine as _;
        for before in ["", "a", "ab", "abc"] {
            let text =
                base64::engine::general_purpose::STANDARD.encode(format!("{before}356938035643809\","));
            assert!(
                base64_texts(b"356938035643809")
                    .iter()
                    .any(|part| text.contains(std::str::from_utf8(part).unwrap())),
                "{text}"
            );
        }
    }
}
