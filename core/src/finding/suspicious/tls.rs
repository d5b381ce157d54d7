//! Encryption that does not hold any more: old versions, broken ciphers. CATALOGUE S-41, S-42.
//!
//! Only what the server chose counts; what a client offers to be polite to old servers harms nobody.

use crate::finding::{Detector, Explanation, Finding, Scene, Severity, Tier};
use crate::protocol::tls::ciphers;
use crate::protocol::{Fact, Field, Value};

/// Judges the negotiated version and cipher.
#[derive(Debug)]
pub struct WeakTls;

pub static DETECTOR: WeakTls = WeakTls;

static EXPLANATIONS: &[Explanation] = &[
    Explanation {
        id: "suspicious.obsolete-tls",
        title: "Obsolete encryption",
        meaning: "The connection uses a version of TLS that was withdrawn (RFC 8996) because it can be attacked.",
        advice: "Update the app and the server. A person in the middle can force old versions on both.",
        method: "The version that the server chose. Certain.",
    },
    Explanation {
        id: "suspicious.weak-cipher",
        title: "Weak encryption",
        meaning: "The server chose a cipher that somebody on the way can break, or one that does not encrypt or does not \
                  prove who answers.",
        advice: "Update the app and the server.",
        method: "The cipher suite that the server chose. Certain.",
    },
];

impl Detector for WeakTls {
    fn name(&self) -> &'static str {
        "weak-tls"
    }

    fn explains(&self) -> &'static [Explanation] {
        EXPLANATIONS
    }

    fn wants(&self, field: &Field) -> bool {
        matches!(field.name, "tls.version_code" | "dtls.version_code" | "tls.cipher" | "dtls.cipher")
    }

    fn inspect(&self, _: &Scene<'_>, fact: &Fact<'_>, out: &mut dyn FnMut(Finding)) {
        let Value::Number(number) = fact.value else { return };
        let Ok(number) = u16::try_from(number) else { return };
        let report = |id, severity, shown: String, kind| Finding {
            id,
            kind,
            tier: Tier::Exact,
            severity,
            place: fact.field.name.to_owned(),
            encoding: Vec::new(),
            shown,
            rule: None,
        };
        if fact.field.name.ends_with(".cipher") {
            if let Some(weakness) = ciphers::weakness(number) {
                let name = ciphers::name(number).unwrap_or(weakness);
                out(report("suspicious.weak-cipher", Severity::High, name.to_owned(), Some(weakness)));
            }
        } else if let Some(name) = obsolete(number) {
            out(report("suspicious.obsolete-tls", Severity::Medium, name.to_owned(), None));
        }
    }
}

/// Versions withdrawn by RFC 6176, RFC 7568 and RFC 8996.
const fn obsolete(version: u16) -> Option<&'static str> {
    match version {
        0x0002 => Some("SSL 2.0"),
        0x0300 => Some("SSL 3.0"),
        0x0301 => Some("TLS 1.0"),
        0x0302 => Some("TLS 1.1"),
        0x0100 | 0xfeff => Some("DTLS 1.0"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::WeakTls;
    use crate::finding::testing::inspect;
    use crate::protocol::{Field, Value};

    static VERSION: Field = Field::meta("tls.version_code", "");
    static CIPHER: Field = Field::meta("tls.cipher", "");

    #[test]
    fn withdrawn_versions_are_told_by_name_and_current_ones_are_not() {
        assert_eq!(inspect(&WeakTls, &VERSION, Value::Number(0x0301))[0].shown, "TLS 1.0");
        assert!(inspect(&WeakTls, &VERSION, Value::Number(0x0303)).is_empty());
        assert!(inspect(&WeakTls, &VERSION, Value::Number(0x0304)).is_empty());
    }

    #[test]
    fn a_weak_cipher_is_told_with_its_flaw() {
        let found = inspect(&WeakTls, &CIPHER, Value::Number(0x0005));
        assert_eq!((found[0].shown.as_str(), found[0].kind), ("TLS_RSA_WITH_RC4_128_SHA", Some("rc4")));
        assert!(inspect(&WeakTls, &CIPHER, Value::Number(0x1301)).is_empty());
    }
}
