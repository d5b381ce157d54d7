//! The advertising identifier: a UUID under a key that says so. CATALOGUE L-02.

use super::key::Key;

static KEYS: &[&str] = &[
    "gaid",
    "advertisingid",
    "advertisementid",
    "advertiserid",
    "advid",
    "ifa",
    "idfa",
    "rdid",
    "googleaid",
    "googleadid",
    "googleadvertisingid",
    "oaid",
    "adtruthid",
    "gpsadid",
    "gadid",
    "playadid",
];

/// Words that are something else when they are two: `ad_id` is an advertisement's own number.
static WORDS: &[&str] = &["adid", "aaid"];

pub(super) fn is_named(key: &Key) -> bool {
    key.has(KEYS) || key.has_word(WORDS)
}

/// A UUID, with or without dashes, that is not all zeros: zeros mean that its owner opted out.
pub(super) fn is_uuid(value: &[u8]) -> bool {
    let dashes: &[usize] = match value.len() {
        36 => &[8, 13, 18, 23],
        32 => &[],
        _ => return false,
    };
    let fits = value
        .iter()
        .enumerate()
        .all(|(at, byte)| if dashes.contains(&at) { *byte == b'-' } else { byte.is_ascii_hexdigit() });
    fits && value.iter().any(|byte| !matches!(byte, b'0' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::{Key, is_named, is_uuid};

    #[test]
    fn an_advertisement_has_a_number_too() {
        assert!(
            is_named(&Key::new(b"adid"))
                && is_named(&Key::new(b"google_advertising_id"))
                && is_named(&Key::new(b"device.gaid"))
        );
        assert!(
            !is_named(&Key::new(b"ad_id"))
                && !is_named(&Key::new(b"adId"))
                && !is_named(&Key::new(b"request_id"))
        );
    }

    #[test]
    fn zeros_are_an_opt_out() {
        assert!(is_uuid(b"38400000-8cf0-11bd-b23e-10b96e40000d"));
        assert!(!is_uuid(b"00000000-0000-0000-0000-000000000000"));
        assert!(!is_uuid(b"38400000-8cf0-11bd-b23e10b96e40000d0"));
        assert!(!is_uuid(b"38400000"));
    }
}
