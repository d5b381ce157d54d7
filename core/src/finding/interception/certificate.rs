//! Certificates that a careful client refuses. CATALOGUE S-42, S-43, M-10.
//!
//! Up to TLS 1.2 the server's certificate is readable on the way; in TLS 1.3 it is not, and nothing is said about it.
//! Chains are not built and signatures not verified: what is reported stands in the certificate itself.

use crate::finding::{Detector, Explanation, Finding, Scene, Severity, Tier};
use crate::protocol::tls::certificate::{self, Certificate, KeyKind};
use crate::protocol::{Fact, Field, Role};
use crate::text;

/// Judges the certificate that a server shows.
#[derive(Debug)]
pub struct ServerCertificate;

pub static DETECTOR: ServerCertificate = ServerCertificate;

const METHOD: &str = "The certificate in the handshake is read (up to TLS 1.2; in TLS 1.3 it is encrypted) and compared \
                      with the name asked for and the time of the connection. Certain, if the phone's clock is right.";

static EXPLANATIONS: &[Explanation] = &[
    Explanation {
        id: "interception.certificate-expired",
        title: "Certificate expired",
        meaning: "The server showed a certificate whose time is over. Usually somebody forgot to renew it; a stolen old \
                  certificate looks the same.",
        advice: "Do not log in there until it is renewed. Check that the phone's date is right.",
        method: METHOD,
    },
    Explanation {
        id: "interception.certificate-not-yet-valid",
        title: "Certificate not yet valid",
        meaning: "The server showed a certificate that begins in the future.",
        advice: "Check that the phone's date is right; if it is, do not trust this server.",
        method: METHOD,
    },
    Explanation {
        id: "interception.certificate-self-signed",
        title: "Self-signed certificate",
        meaning: "The server vouches for itself; nobody else does. Anybody between the phone and the server can make \
                  such a certificate.",
        advice: "Normal for a device of your own at home. On the internet, or on a strange network, do not go on.",
        method: METHOD,
    },
    Explanation {
        id: "interception.certificate-name-mismatch",
        title: "Certificate for another name",
        meaning: "The certificate belongs to another name than the one the app asked for. Someone on this network may \
                  be answering in the server's place.",
        advice: "Leave the network and try again. If it stays, tell the app's maker.",
        method: METHOD,
    },
    Explanation {
        id: "suspicious.weak-key",
        title: "Weak key",
        meaning: "The server's key is short enough to be broken by somebody with means.",
        advice: "The server's owner must renew the certificate with a key of at least 2048 bits (RSA) or 256 (EC).",
        method: "The length of the public key in the certificate. Certain.",
    },
    Explanation {
        id: "suspicious.weak-signature",
        title: "Weak signature",
        meaning: "The certificate is signed with MD5 or SHA-1, for which forgeries have been made.",
        advice: "The server's owner must renew the certificate.",
        method: "The signature algorithm in the certificate. Certain.",
    },
];

impl Detector for ServerCertificate {
    fn name(&self) -> &'static str {
        "server-certificate"
    }

    fn explains(&self) -> &'static [Explanation] {
        EXPLANATIONS
    }

    fn wants(&self, field: &Field) -> bool {
        field.role == Role::Certificate
    }

    fn inspect(&self, scene: &Scene<'_>, fact: &Fact<'_>, out: &mut dyn FnMut(Finding)) {
        let Some(certificate) = certificate::read(fact.value.bytes()) else {
            return;
        };
        let mut report = |id, severity, shown: String| {
            out(Finding {
                id,
                kind: None,
                tier: Tier::Exact,
                severity,
                place: fact.field.name.to_owned(),
                encoding: Vec::new(),
                shown: text::clean(shown.as_bytes(), 200),
                rule: None,
            });
        };
        validity(&certificate, scene, &mut report);
        if certificate.is_self_signed() {
            report("interception.certificate-self-signed", Severity::Medium, certificate.subject.to_string());
        } else if is_weakly_signed(&certificate) {
            let algorithm = certificate.signature_algorithm().to_owned();
            report("suspicious.weak-signature", Severity::Medium, algorithm);
        }
        if let Some(host) = scene.hostname
            && names_a_host(&certificate)
            && !certificate.matches_host(host)
        {
            let shown = format!("{host} was asked for, the certificate is for {}", subject(&certificate));
            report("interception.certificate-name-mismatch", Severity::High, shown);
        }
        let (kind, bits) = (certificate.key.kind, certificate.key.bits);
        if is_weak_key(kind, bits) {
            report("suspicious.weak-key", Severity::High, format!("{kind:?} with {bits} bits"));
        }
    }
}

fn validity(
    certificate: &Certificate<'_>,
    scene: &Scene<'_>,
    report: &mut dyn FnMut(&'static str, Severity, String),
) {
    const DAY: i64 = 86_400;
    let now = i64::try_from(scene.at.seconds()).unwrap_or(i64::MAX);
    if let Some(end) = certificate.not_after.filter(|end| *end < now) {
        let days = now.saturating_sub(end) / DAY;
        let since = if days == 0 { "today".to_owned() } else { format!("{days} days ago") };
        report("interception.certificate-expired", Severity::Medium, format!("expired {since}"));
    }
    if let Some(begin) = certificate.not_before.filter(|begin| *begin > now) {
        let days = begin.saturating_sub(now) / DAY;
        let begins = format!("valid in {days} days from then on");
        report("interception.certificate-not-yet-valid", Severity::Medium, begins);
    }
}

/// A certificate without any name that a host can have was never meant for one (a peer's, a device's).
fn names_a_host(certificate: &Certificate<'_>) -> bool {
    certificate.dns_names().next().is_some()
        || certificate.addresses().next().is_some()
        || certificate.subject.common_name().is_some_and(|name| name.contains('.'))
}

fn subject(certificate: &Certificate<'_>) -> String {
    let first = certificate.dns_names().next().map(|name| text::clean(name, 100));
    first
        .or_else(|| certificate.subject.common_name().map(|name| text::clean(name.as_bytes(), 100)))
        .unwrap_or_default()
}

fn is_weakly_signed(certificate: &Certificate<'_>) -> bool {
    let algorithm = certificate.signature_algorithm().to_ascii_lowercase();
    algorithm.contains("sha1") || algorithm.contains("md5") || algorithm.contains("md2")
}

/// NIST SP 800-131A: below 112 bits of security.
const fn is_weak_key(kind: KeyKind, bits: usize) -> bool {
    match kind {
        KeyKind::Rsa | KeyKind::Dsa => bits > 0 && bits < 2048,
        KeyKind::Ec => bits > 0 && bits < 224,
        KeyKind::Ed25519 | KeyKind::Ed448 | KeyKind::MlDsa | KeyKind::Other => false,
    }
}
