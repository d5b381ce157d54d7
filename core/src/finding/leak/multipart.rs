//! The parts of a multipart body, RFC 2046 section 5.1 and RFC 7578. The boundary is read from the body itself.

use memchr::memmem;

/// A part's name, as its `Content-Disposition` gives it, and its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) name: &'a [u8],
    pub(super) content: &'a [u8],
}

/// The line that separates the parts, with its two dashes; `None` if this is no multipart body.
pub(super) fn boundary(body: &[u8]) -> Option<&[u8]> {
    let end = memchr::memchr(b'\n', body.get(..75.min(body.len()))?)?;
    let line = body.get(..end)?.trim_ascii_end();
    let header = body.get(end + 1..)?;
    let begins_header = header.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"content-"));
    (line.len() > 2 && line.starts_with(b"--") && begins_header).then_some(line)
}

pub(super) fn parts<'a>(body: &'a [u8], boundary: &'a [u8]) -> impl Iterator<Item = Part<'a>> {
    let starts = memmem::find_iter(body, boundary).collect::<Vec<_>>();
    let ends: Vec<_> = starts.iter().skip(1).copied().chain([body.len()]).collect();
    starts.into_iter().zip(ends).filter_map(move |(start, end)| part(body.get(start + boundary.len()..end)?))
}

fn part(text: &[u8]) -> Option<Part<'_>> {
    let (blank, length) = match (memmem::find(text, b"\r\n\r\n"), memmem::find(text, b"\n\n")) {
        (Some(crlf), lf) if lf.is_none_or(|lf| crlf < lf) => (crlf, 4),
        (_, Some(lf)) => (lf, 2),
        _ => return None,
    };
    let content = text.get(blank + length..)?;
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    let content = content.strip_suffix(b"\r").unwrap_or(content);
    Some(Part { name: name(text.get(..blank)?), content })
}

/// The parameter `name` (not `filename`) in a part's header.
fn name(header: &[u8]) -> &[u8] {
    memmem::find_iter(header, b"name=")
        .find(|at| {
            at.checked_sub(1).and_then(|before| header.get(before)).is_some_and(|byte| b" ;\t".contains(byte))
        })
        .and_then(|at| {
            let value = header.get(at + 5..)?;
            match value.strip_prefix(b"\"") {
                Some(quoted) => quoted.get(..memchr::memchr(b'"', quoted)?),
                None => value.split(|byte| b";\r\n".contains(byte)).next(),
            }
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Part, boundary, parts};

    #[test]
    fn parts_have_names() {
        let body = b"--x\r\nContent-Disposition: form-data; filename=\"d.txt\"; name=\"mail\"\r\nContent-Type: text/plain\r\n\r\n\
                     a@b.c\r\n--x\r\nContent-Disposition: form-data; name=n\r\n\r\n1\r\n--x--\r\n";
        let line = boundary(body).unwrap();
        let found: Vec<_> = parts(body, line).collect();
        assert_eq!(found, [Part { name: b"mail", content: b"a@b.c" }, Part { name: b"n", content: b"1" }]);
    }

    #[test]
    fn a_key_in_pem_is_no_multipart_body() {
        assert_eq!(boundary(b"-----BEGIN PRIVATE KEY-----\nMII"), None);
        assert_eq!(boundary(b"--"), None);
    }
}
