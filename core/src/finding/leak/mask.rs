//! Values as they may be shown: enough to know which one it is, never more than a third of it.

use crate::text;

/// `m•••@p•••.net`
pub(super) fn email(address: &[u8]) -> String {
    let address = String::from_utf8_lossy(address);
    let Some((local, domain)) = address.split_once('@') else {
        return text::mask(&address);
    };
    let suffix = domain.rsplit('.').next().unwrap_or_default();
    format!("{}•••@{}•••.{}", first(local), first(domain), text::clean(suffix.as_bytes(), 12))
}

/// A number, key or token: its first characters, four at most.
pub(super) fn head(value: &[u8]) -> String {
    let shown = (value.len() / 3).min(4);
    format!("{}•••", text::clean(value.get(..shown).unwrap_or_default(), 4).trim_end_matches('…'))
}

/// `M••• K•••`
pub(super) fn name(value: &[u8]) -> String {
    let value = String::from_utf8_lossy(value);
    let words: Vec<_> = value.split_whitespace().take(4).map(|word| format!("{}•••", first(word))).collect();
    words.join(" ")
}

/// `52.5•••, 13.3•••`: about eleven kilometres.
pub(super) fn position(latitude: f64, longitude: f64) -> String {
    let cut = |degrees: f64| format!("{:.1}•••", (degrees * 10.0).trunc() / 10.0);
    format!("{}, {}", cut(latitude), cut(longitude))
}

fn first(word: &str) -> String {
    text::clean(word.chars().next().map(String::from).unwrap_or_default().as_bytes(), 1)
}

#[cfg(test)]
mod tests {
    use super::{email, head, name, position};

    #[test]
    fn no_mask_shows_more_than_a_third() {
        assert_eq!(email(b"marta.kowalczyk@post-haus.net"), "m•••@p•••.net");
        assert_eq!(head(b"356938035643809"), "3569•••");
        assert_eq!(head(b"abc"), "a•••");
        assert_eq!(head(b""), "•••");
        assert_eq!(name("Marta Kowalczyk".as_bytes()), "M••• K•••");
        assert_eq!(position(52.516_275, -13.377_704), "52.5•••, -13.3•••");
    }
}
