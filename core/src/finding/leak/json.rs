//! The tokens of JSON, read leniently: a body may be cut, several values may follow each other.

/// One token. Strings are as they stand, escapes and all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    OpenObject,
    OpenArray,
    Close,
    Colon,
    Comma,
    String(&'a [u8]),
    /// A number, `true`, `false` or `null`.
    Scalar(&'a [u8]),
    /// What stands here is not JSON; nothing is read behind it.
    Garbage(&'a [u8]),
}

#[derive(Debug, Clone)]
pub(super) struct Tokens<'a> {
    rest: &'a [u8],
}

/// Whether this begins as an object or an array does.
pub(super) fn is_json(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let inside = text.get(1..).unwrap_or_default().trim_ascii_start().first();
    match text.first() {
        Some(b'{') => matches!(inside, Some(b'"' | b'}')),
        Some(b'[') => {
            matches!(inside, Some(b'"' | b'{' | b'[' | b']' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n'))
        }
        _ => false,
    }
}

impl<'a> Tokens<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    fn string(&mut self) -> Token<'a> {
        self.take(1);
        let mut end = 0;
        while let Some(at) = memchr::memchr2(b'"', b'\\', self.rest.get(end..).unwrap_or_default()) {
            end += at;
            if self.rest.get(end) == Some(&b'"') {
                let text = self.take(end);
                self.take(1);
                return Token::String(text);
            }
            end += 2;
        }
        Token::String(self.take(self.rest.len()))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.rest = self.rest.trim_ascii_start();
        let first = *self.rest.first()?;
        let single = match first {
            b'{' => Token::OpenObject,
            b'[' => Token::OpenArray,
            b'}' | b']' => Token::Close,
            b':' => Token::Colon,
            b',' => Token::Comma,
            b'"' => return Some(self.string()),
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                let end =
                    self.rest.iter().position(|byte| !byte.is_ascii_alphanumeric() && !b"+-.".contains(byte));
                return Some(Token::Scalar(self.take(end.unwrap_or(self.rest.len()))));
            }
            _ => return Some(Token::Garbage(self.take(self.rest.len()))),
        };
        self.take(1);
        Some(single)
    }
}

#[cfg(test)]
mod tests {
    use super::{Token, Tokens, is_json};

    #[test]
    fn a_cut_body_still_has_tokens() {
        let tokens: Vec<_> = Tokens::new(br#"{"a": [1.5, "x\"y"], "b": "cut of"#).collect();
        assert_eq!(tokens.len(), 12);
        assert_eq!(tokens[4], Token::Scalar(b"1.5"));
        assert_eq!(tokens[6], Token::String(br#"x\"y"#));
        assert_eq!(tokens[11], Token::String(b"cut of"));
    }

    #[test]
    fn text_in_brackets_is_not_json() {
        assert!(is_json(b" {\"a\":1}") && is_json(b"[1]") && is_json(b"[]"));
        assert!(!is_json(b"{a}") && !is_json(b"[INFO] started"));
        assert!(!is_json(b"[") && !is_json(b"") && !is_json(b"(1)"));
    }
}
