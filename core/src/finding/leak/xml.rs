//! Texts and attributes of XML, without checking that it is well-formed.

use memchr::memchr;

/// Whether this begins as XML does.
pub(super) fn is_xml(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    matches!(text, [b'<', b'a'..=b'z' | b'A'..=b'Z' | b'?' | b'!', ..]) && memchr(b'>', text).is_some()
}

/// Calls `see` with the name and value of every attribute, and of every text with the element before it.
pub(super) fn leaves<'a>(text: &'a [u8], mut see: impl FnMut(&'a [u8], &'a [u8])) {
    let mut rest = text;
    let mut element: &[u8] = &[];
    loop {
        let open = memchr(b'<', rest).unwrap_or(rest.len());
        let inner = rest.get(..open).unwrap_or_default().trim_ascii();
        if !inner.is_empty() {
            see(element, inner);
        }
        let Some(behind) = rest.get(open + 1..) else {
            return;
        };
        if let Some(data) = behind.strip_prefix(b"![CDATA[") {
            let end = memchr::memmem::find(data, b"]]>").unwrap_or(data.len());
            see(element, data.get(..end).unwrap_or_default());
            rest = data.get(end..).unwrap_or_default();
            rest = rest.strip_prefix(b"]]>").unwrap_or(rest);
            continue;
        }
        let close = memchr(b'>', behind).unwrap_or(behind.len());
        let tag = behind.get(..close).unwrap_or_default();
        let name =
            tag.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'/').unwrap_or(tag.len());
        if name > 0 {
            element = tag.get(..name).unwrap_or_default();
        }
        attributes(tag.get(name..).unwrap_or_default(), &mut see);
        rest = behind.get(close + 1..).unwrap_or_default();
    }
}

fn attributes<'a>(tag: &'a [u8], see: &mut impl FnMut(&'a [u8], &'a [u8])) {
    let mut rest = tag;
    while let Some(equals) = memchr(b'=', rest) {
        let name = rest.get(..equals).unwrap_or_default().trim_ascii();
        let behind = rest.get(equals + 1..).unwrap_or_default().trim_ascii_start();
        let Some((&quote, value)) = behind.split_first() else {
            return;
        };
        if !matches!(quote, b'"' | b'\'') {
            return;
        }
        let end = memchr(quote, value).unwrap_or(value.len());
        see(name, value.get(..end).unwrap_or_default());
        rest = value.get(end + 1..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::{is_xml, leaves};

    #[test]
    fn texts_and_attributes_come_with_their_names() {
        let mut found = Vec::new();
        leaves(
            br#"<?xml version="1.0"?><a b='1' c = "2"><mail>x</mail><![CDATA[y]]></a><cut d="3"#,
            |name, value| {
                found.push(format!("{}={}", name.escape_ascii(), value.escape_ascii()));
            },
        );
        assert_eq!(found, ["version=1.0", "b=1", "c=2", "mail=x", "mail=y", "d=3"]);
        assert!(is_xml(b"<a>") && !is_xml(b"<13>1 x") && !is_xml(b"a"));
    }
}
