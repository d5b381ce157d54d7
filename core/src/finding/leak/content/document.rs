//! Walks through a fact: documents inside documents, and the encodings that hide them.

use super::super::json::{self, Token, Tokens};
use super::super::key::Key;
use super::super::location::Pair;
use super::super::trail::{Step, Trail};
use super::super::{decode, form, login, mask, multipart, xml};
use super::{Leaf, Search};
use crate::finding::{Severity, Tier};
use crate::limits;

impl Search<'_> {
    pub(super) fn header(&mut self, name: &[u8], value: &[u8], field: &Trail<'_>) {
        if name.eq_ignore_ascii_case(b"cookie") {
            let mut pair = Pair::default();
            for (name, value) in form::cookies(value) {
                let trail = field.then(Step::Key("cookie", name));
                if login::is_session(&Key::new(name), value) {
                    self.report(
                        "leak.session-cookie",
                        Tier::Plausible,
                        Severity::Low,
                        &trail,
                        mask::head(value),
                    );
                }
                self.parameter(name, value, &trail, &mut pair, false);
            }
            return;
        }
        let trail = field.then(Step::Key("", name));
        if name.eq_ignore_ascii_case(b"authorization") || name.eq_ignore_ascii_case(b"proxy-authorization") {
            // The credentials of other schemes are the login's to report.
            let (scheme, token) = value.split_at_checked(7).unwrap_or((value, &[]));
            if scheme.eq_ignore_ascii_case(b"bearer ") {
                self.bearer(token, &trail);
            }
            return;
        }
        if form::is_target(value) {
            self.document(value, &trail);
        } else {
            self.value(name, value, &trail, &mut Pair::default());
        }
    }

    pub(super) fn bearer(&mut self, token: &[u8], trail: &Trail<'_>) {
        let token = token.trim_ascii();
        self.hits(token, trail);
        let before = self.found.len();
        self.secrets(token, trail);
        if self.found.len() == before && token.len() >= 8 {
            self.report("leak.bearer-token", Tier::Validated, Severity::High, trail, mask::head(token));
        }
    }

    /// A name that was asked for: values hide in its labels, whole or encoded.
    pub(super) fn domain(&mut self, name: &[u8], trail: &Trail<'_>) {
        self.free(name, trail);
        for label in name.split(|byte| *byte == b'.').filter(|label| label.len() >= 16) {
            match decode::base32(label).filter(|plain| decode::is_text(plain)) {
                Some(plain) => self.decoded("base32", b"", &plain, trail),
                None => self.undo(b"", label, trail),
            }
        }
    }

    /// A whole body, or what an encoded value turned out to be.
    pub(super) fn document(&mut self, data: &[u8], trail: &Trail<'_>) {
        if trail.depth() > limits::TRAIL_STEPS {
            return;
        }
        if !self.packed(b"", data, trail) && !self.structured(data, trail) {
            self.text(data, trail);
        }
    }

    /// Data of a known structure.
    fn structured(&mut self, data: &[u8], trail: &Trail<'_>) -> bool {
        if json::is_json(data) {
            self.json(data, trail);
        } else if xml::is_xml(data) {
            self.xml(data, trail);
        } else if let Some(boundary) = multipart::boundary(data) {
            self.multipart(data, boundary, trail);
        } else if form::is_target(data) {
            self.target(data, trail);
        } else if form::is_form(data) {
            self.form(data, trail);
        } else {
            return false;
        }
        true
    }

    /// Compressed data and UTF-16, which nothing can be seen in before they are undone.
    fn packed(&mut self, key: &[u8], data: &[u8], trail: &Trail<'_>) -> bool {
        let unpacked =
            decode::inflate(data, self.bytes_left).or_else(|| Some(("utf-16", decode::utf16(data)?)));
        let Some((name, text)) = unpacked.filter(|_| self.texts_left > 0) else {
            return false;
        };
        self.decoded(name, key, &text, trail);
        true
    }

    /// What an encoded value turned out to be: a document, or still the value of its key.
    fn decoded(&mut self, encoding: &'static str, key: &[u8], data: &[u8], trail: &Trail<'_>) {
        if trail.layers() >= limits::DECODE_LAYERS || self.texts_left == 0 || data.len() > self.bytes_left {
            return;
        }
        self.texts_left -= 1;
        self.bytes_left -= data.len();
        let trail = trail.then(Step::Decoded(encoding));
        self.anew(|search| {
            search.absent = search.survey(data);
            if key.is_empty() {
                search.document(data, &trail);
            } else if !search.structured(data, &trail) {
                search.value(key, data, &trail, &mut Pair::default());
            }
        });
    }

    fn target(&mut self, target: &[u8], trail: &Trail<'_>) {
        let end = memchr::memchr2(b'?', b'#', target).unwrap_or(target.len());
        let (path, query) = target.split_at_checked(end).unwrap_or((target, &[]));
        let path_trail = trail.then(Step::Key("path", b""));
        let decoded = decode::percent(path, false);
        match &decoded {
            Some(path) => self.anew(|search| search.free(path, &path_trail)),
            None => self.free(path, &path_trail),
        }
        let path = decoded.as_deref().unwrap_or(path);
        for segment in path.split(|byte| *byte == b'/').filter(|segment| segment.len() >= 16) {
            self.undo(b"", segment, &path_trail);
        }
        for part in query.split(|byte| matches!(byte, b'?' | b'#')) {
            self.form(part, trail);
        }
    }

    fn form(&mut self, text: &[u8], trail: &Trail<'_>) {
        let mut pair = Pair::default();
        for (name, value) in form::pairs(text) {
            self.parameter(name, value, &trail.then(Step::Key("", name)), &mut pair, true);
        }
    }

    /// A value that may be percent-encoded, as all are that stand in a URL, a form or a cookie.
    fn parameter(&mut self, name: &[u8], value: &[u8], trail: &Trail<'_>, pair: &mut Pair, plus: bool) {
        let name_decoded = decode::percent(name, plus);
        let name = name_decoded.as_deref().unwrap_or(name);
        match &name_decoded {
            Some(name) => self.anew(|search| drop(search.hits(name, trail))),
            None => drop(self.hits(name, trail)),
        }
        match decode::percent(value, plus) {
            Some(plain) => {
                let undone = trail.then(Step::Decoded("percent"));
                let trail = if memchr::memchr(b'%', value).is_some() { &undone } else { trail };
                self.anew(|search| search.value(name, &plain, trail, pair));
                if plus && memchr::memchr(b'+', value).is_some() {
                    self.with_plus(name, value, trail);
                }
            }
            None => self.value(name, value, trail, pair),
        }
    }

    /// A plus may also be meant: in addresses and in base64 it often is.
    fn with_plus(&mut self, name: &[u8], value: &[u8], trail: &Trail<'_>) {
        match decode::percent(value, false) {
            Some(plain) => self.anew(|search| {
                search.hits(&plain, trail);
                search.undo(name, &plain, trail);
            }),
            None => {
                self.hits(value, trail);
                self.undo(name, value, trail);
            }
        }
    }

    fn multipart(&mut self, body: &[u8], boundary: &[u8], trail: &Trail<'_>) {
        let mut pair = Pair::default();
        for part in multipart::parts(body, boundary) {
            self.value(part.name, part.content, &trail.then(Step::Key("part", part.name)), &mut pair);
        }
    }

    fn xml(&mut self, text: &[u8], trail: &Trail<'_>) {
        let mut pair = Pair::default();
        xml::leaves(text, |name, value| {
            self.value(name, value, &trail.then(Step::Key("xml", name)), &mut pair);
        });
    }

    fn json(&mut self, text: &[u8], trail: &Trail<'_>) {
        // The objects and arrays around the current value: their keys, and the coordinates seen among their members.
        let mut keys: Vec<&[u8]> = vec![b""];
        let mut pairs = vec![Pair::default()];
        let mut objects = vec![false];
        let mut expects_key = false;
        let mut hidden = 0usize;
        for token in Tokens::new(text) {
            let is_object = objects.last().copied().unwrap_or_default();
            match token {
                Token::OpenObject | Token::OpenArray if keys.len() >= limits::JSON_DEPTH => hidden += 1,
                Token::OpenObject | Token::OpenArray => {
                    keys.push(b"");
                    pairs.push(Pair::default());
                    objects.push(token == Token::OpenObject);
                    expects_key = token == Token::OpenObject;
                }
                Token::Close if hidden > 0 => hidden -= 1,
                Token::Close => {
                    if keys.len() > 1 {
                        keys.pop();
                        pairs.pop();
                        objects.pop();
                    }
                    expects_key = false;
                }
                Token::Comma => expects_key = is_object,
                Token::Colon => expects_key = false,
                Token::String(key) if expects_key && is_object => {
                    if key.len() >= 6 {
                        self.hits(
                            key,
                            &trail.then(Step::Json(keys.get(..keys.len() - 1).unwrap_or_default())),
                        );
                    }
                    if let Some(slot) = keys.last_mut() {
                        *slot = key;
                    }
                }
                Token::String(value) | Token::Scalar(value) => {
                    let plain =
                        matches!(token, Token::String(_)).then(|| decode::json_string(value)).flatten();
                    // An array's elements go by the key that the array has.
                    let name = keys.iter().rev().find(|key| !key.is_empty()).copied().unwrap_or_default();
                    let mut pair = pairs.pop().unwrap_or_default();
                    let trail = trail.then(Step::Json(&keys));
                    match &plain {
                        Some(plain) => self.anew(|search| search.value(name, plain, &trail, &mut pair)),
                        None => self.value(name, value, &trail, &mut pair),
                    }
                    pairs.push(pair);
                }
                Token::Garbage(rest) => self.text(rest, trail),
            }
        }
    }

    /// Text of no known structure, or bytes.
    fn text(&mut self, text: &[u8], trail: &Trail<'_>) {
        self.free(text, trail);
        if !decode::is_text(text) {
            return;
        }
        let mut pair = Pair::default();
        for (name, value) in form::words(text) {
            let key = Key::new(name);
            if name.is_empty() {
                self.undo(b"", value, trail);
                continue;
            }
            let trail = trail.then(Step::Key("", name));
            self.keyed(&Leaf { key, value, trail: &trail, whole: false }, &[]);
            self.position(&key, value, &trail, &mut pair);
            self.undo(name, value, &trail);
        }
    }

    /// Looks for what is hidden in a value: another document, or an encoding of one.
    pub(super) fn undo(&mut self, key: &[u8], value: &[u8], trail: &Trail<'_>) {
        if value.len() < 6 || trail.depth() > limits::TRAIL_STEPS {
            return;
        }
        if self.packed(key, value, trail) {
            return;
        }
        let is_document = match value.first() {
            Some(b'{' | b'[') => json::is_json(value),
            Some(b'<') => xml::is_xml(value),
            Some(_) => {
                form::is_target(value) && memchr::memchr(b'?', value).is_some()
                    || value.contains(&b'&') && form::is_form(value)
            }
            None => false,
        };
        if is_document {
            self.document(value, &trail.then(Step::Key("", b"")));
            return;
        }
        if let Some(plain) = decode::percent(value, false) {
            self.decoded("percent", key, &plain, trail);
            return;
        }
        if value.len() < 16 {
            return;
        }
        for (encoding, decode) in LADDER {
            if let Some(plain) = decode(value).filter(|plain| is_worthwhile(plain)) {
                self.decoded(encoding, key, &plain, trail);
                return;
            }
        }
    }
}

type Undo = fn(&[u8]) -> Option<Vec<u8>>;

/// Hexadecimal first: its digits are all letters of base64.
static LADDER: [(&str, Undo); 2] = [("hex", decode::hex), ("base64", decode::base64)];

/// Whether decoded bytes are anything: text, or compressed data.
fn is_worthwhile(plain: &[u8]) -> bool {
    decode::is_text(plain) || matches!(plain, [0x1f, 0x8b, 8, ..] | [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..])
}
