//! E-mail addresses. CATALOGUE L-13.

/// Local parts that stand for an office, not for a person.
static ROLES: &[&str] = &[
    "abuse",
    "admin",
    "administrator",
    "bounce",
    "bounces",
    "contact",
    "donotreply",
    "do-not-reply",
    "help",
    "hello",
    "hostmaster",
    "info",
    "mailer-daemon",
    "newsletter",
    "no-reply",
    "noreply",
    "notifications",
    "office",
    "postmaster",
    "press",
    "privacy",
    "root",
    "sales",
    "security",
    "service",
    "support",
    "team",
    "webmaster",
];

/// Whether this is an e-mail address that can be a person's: shape, a public suffix, nobody's office.
pub(super) fn is_personal(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    is_local(local) && is_domain(domain) && !ROLES.iter().any(|role| local.eq_ignore_ascii_case(role))
}

/// RFC 5321 section 4.1.2, without quoted strings.
fn is_local(local: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&'*+-/=?^_`{|}~.".contains(&byte);
    // Keys of reporting services look like addresses: thirty-two hexadecimal digits at an ingest host.
    let is_key = local.len() >= 32 && local.bytes().all(|byte| byte.is_ascii_hexdigit());
    (1..=64).contains(&local.len())
        && local.bytes().all(allowed)
        && local.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("//")
        && !is_key
}

fn is_domain(domain: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    let labels_fit = domain.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    });
    // `icon@2x.zip`: a picture for screens of double density.
    let is_density = domain.as_bytes().get(..2).is_some_and(|start| matches!(start, [b'1'..=b'4', b'x']))
        && domain.as_bytes().get(2) == Some(&b'.');
    if domain.len() > 253 || !labels_fit || is_density {
        return false;
    }
    let Some(suffix) = psl::suffix(domain.as_bytes()).filter(psl::Suffix::is_known) else {
        return false;
    };
    let Some(name) = domain.strip_suffix(std::str::from_utf8(suffix.as_bytes()).unwrap_or_default()) else {
        return false;
    };
    // `package@1.2.dev` is a version.
    name.trim_end_matches('.')
        .rsplit('.')
        .next()
        .is_some_and(|label| label.bytes().any(|byte| byte.is_ascii_alphabetic()))
        || name.split('.').filter(|label| !label.is_empty()).count() == 1 && name.len() > 3
}

/// The addresses in free text.
pub(super) fn addresses(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    memchr::memchr_iter(b'@', text).filter_map(move |at| {
        let before = text.get(..at)?;
        let local = before.iter().rev().take(64).take_while(|byte| is_word(**byte) || **byte == b'+').count();
        let behind = text.get(at + 1..)?;
        let domain = behind
            .iter()
            .take(253)
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
            .count();
        let start = at.checked_sub(local)?;
        let whole = text.get(start..at + 1 + domain)?;
        let trimmed = whole.strip_suffix(b".").unwrap_or(whole);
        is_personal(trimmed).then_some((start, trimmed))
    })
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::{addresses, is_personal};

    #[test]
    fn addresses_of_people() {
        for address in [
            "marta.kowalczyk@post-haus.net",
            "a+b@example.co.uk",
            "x_1@xn--bcher-kva.example.com",
            "q@163.com",
        ] {
            assert!(is_personal(address.as_bytes()), "{address}");
        }
    }

    #[test]
    fn what_only_looks_like_one() {
        for text in [
            "lodash@4.17.21",
            "@scope/pkg@1.2.3",
            "img@2x.png",
            "icon@3x.zip",
            "noreply@example.com",
            "a@b",
            "@",
            "a@",
            "@b.com",
            "0123456789abcdef0123456789abcdef@sentry.io",
            "pkg@1.2.dev",
            "a b@c.de",
            "10749@2x.png",
            "user@localhost",
        ] {
            assert!(!is_personal(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn addresses_in_a_sentence() {
        let text = b"write to <jo@example.org>, or to an@example.com.";
        let found: Vec<_> = addresses(text).map(|(_, address)| address).collect();
        assert_eq!(found, [b"jo@example.org".as_slice(), b"an@example.com"]);
    }
}
