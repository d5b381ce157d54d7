//! Host names as a ClientHello states them, brought into one form.

use std::net::IpAddr;

/// Longest host name, RFC 1035 §2.3.4, without the root's dot.
pub(super) const LENGTH: usize = 253;

/// The name in lower case without a trailing dot; `None` if no host can be called so: an empty or overlong name or
/// label, or characters outside letters, digits, `-` and `_` (which real hosts do use). Addresses are taken: RFC 6066
/// §3 forbids them, but clients send them, and there is no doubt who is meant.
pub(super) fn canonical<'a>(sent: &'a [u8], lower: &'a mut [u8; LENGTH]) -> Option<&'a str> {
    let name = sent.strip_suffix(b".").unwrap_or(sent);
    let mut labels = name.split(|&byte| byte == b'.');
    let last = name.rsplit(|&byte| byte == b'.').next()?;
    let is_name = name.len() <= LENGTH && labels.all(is_label) && !last.iter().all(u8::is_ascii_digit);
    if !is_name && !is_address(name) {
        return None;
    }
    if name.iter().any(u8::is_ascii_uppercase) {
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        return str::from_utf8(lower).ok();
    }
    str::from_utf8(name).ok()
}

fn is_address(name: &[u8]) -> bool {
    str::from_utf8(name).is_ok_and(|text| text.parse::<IpAddr>().is_ok())
}

fn is_label(label: &[u8]) -> bool {
    (1..=63).contains(&label.len())
        && label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::{LENGTH, canonical};

    #[test]
    fn writes_a_name_in_one_form() {
        let long = "a.".repeat(127);
        let cases: [(&[u8], Option<&str>); 14] = [
            (b"example.org", Some("example.org")),
            (b"Example.ORG.", Some("example.org")),
            (b"xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            (b"_dmarc.example", Some("_dmarc.example")),
            (b"localhost", Some("localhost")),
            (long.as_bytes(), long.strip_suffix('.')),
            (b"", None),
            (b".", None),
            (b"a..b", None),
            (b"exa\0mple.org", None),
            ("b\u{fc}cher.example".as_bytes(), None),
            (b"192.0.2.1", Some("192.0.2.1")),
            (b"2001:DB8::1", Some("2001:db8::1")),
            (b"192.0.2", None),
        ];
        for (sent, name) in cases {
            assert_eq!(canonical(sent, &mut [0; LENGTH]), name, "{}", sent.escape_ascii());
        }
        assert_eq!(canonical(&[b'a'; 64], &mut [0; LENGTH]), None);
        assert_eq!(canonical("a.".repeat(128).as_bytes(), &mut [0; LENGTH]), None);
    }
}
