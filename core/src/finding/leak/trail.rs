//! The way from a fact to a leaf of it: through keys, documents inside documents, and encodings.

use crate::text;

/// One step of the way, linked to the one before it. Lives on the stack while a leaf is looked at; it becomes text only when
/// something is found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trail<'t> {
    outer: Option<&'t Self>,
    step: Step<'t>,
    /// Steps before this one.
    depth: u8,
    /// Encodings undone so far.
    layers: u8,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'t> {
    /// The fact's field.
    Field(&'static str),
    /// What kind of key it is (`cookie`, `part`, or nothing for a plain parameter) and the key.
    Key(&'static str, &'t [u8]),
    /// The keys of JSON objects inside each other; empty for an array's element.
    Json(&'t [&'t [u8]]),
    /// An encoding that was undone.
    Decoded(&'static str),
}

impl<'t> Trail<'t> {
    pub(super) const fn new(field: &'static str) -> Self {
        Self { outer: None, step: Step::Field(field), depth: 0, layers: 0 }
    }

    pub(super) const fn then(&'t self, step: Step<'t>) -> Self {
        let layer = matches!(step, Step::Decoded(_)) as u8;
        Self {
            outer: Some(self),
            step,
            depth: self.depth.saturating_add(1),
            layers: self.layers.saturating_add(layer),
        }
    }

    pub(super) const fn depth(&self) -> u8 {
        self.depth
    }

    pub(super) const fn layers(&self) -> u8 {
        self.layers
    }

    fn steps(&self) -> Vec<Step<'t>> {
        let mut steps: Vec<_> =
            std::iter::successors(Some(self), |trail| trail.outer).map(|trail| trail.step).collect();
        steps.reverse();
        steps
    }

    /// The encodings that were undone, outermost first.
    pub(super) fn encodings(&self) -> Vec<&'static str> {
        self.steps()
            .into_iter()
            .filter_map(|step| match step {
                Step::Decoded(encoding) => Some(encoding),
                _ => None,
            })
            .collect()
    }

    /// `http.request.body: json /user/mail`
    pub(super) fn place(&self) -> String {
        let mut place = String::new();
        let mut separator = ": ";
        for step in self.steps() {
            let words = match step {
                Step::Field(field) => {
                    place.push_str(field);
                    continue;
                }
                Step::Decoded(_) => continue,
                Step::Key(kind, key) => [kind.to_owned(), shown(key)].join(" ").trim().to_owned(),
                Step::Json(keys) => {
                    let path: String = keys
                        .iter()
                        .filter(|key| !key.is_empty())
                        .map(|key| format!("/{}", shown(key)))
                        .collect();
                    format!("json {path}").trim_end().to_owned()
                }
            };
            if !words.is_empty() {
                place.push_str(separator);
                place.push_str(&words);
                separator = " ";
            }
        }
        place
    }
}

/// A key as it may be shown. Some programs use personal data as keys; those are not repeated.
fn shown(key: &[u8]) -> String {
    let digits = key.iter().filter(|byte| byte.is_ascii_digit()).count();
    if key.len() > 32
        || digits > 4
        || key.iter().any(|byte| matches!(byte, b'@' | b'%' | b' ' | b'+' | b'=') || *byte >= 0x80)
    {
        return "…".to_owned();
    }
    text::clean(key, 32)
}

#[cfg(test)]
mod tests {
    use super::{Step, Trail};

    #[test]
    fn a_trail_reads_from_the_outside_in() {
        let field = Trail::new("http.request.body");
        let key = field.then(Step::Key("", b"data"));
        let decoded = key.then(Step::Decoded("base64"));
        let json = decoded.then(Step::Json(&[b"user", b"", b"mail"]));
        assert_eq!(json.place(), "http.request.body: data json /user/mail");
        assert_eq!(json.encodings(), ["base64"]);
        assert_eq!(field.place(), "http.request.body");
    }

    #[test]
    fn a_key_that_is_personal_itself_is_not_repeated() {
        let field = Trail::new("http.request.body");
        assert_eq!(field.then(Step::Json(&[b"a@b.example", b"x"])).place(), "http.request.body: json /…/x");
        assert_eq!(
            field.then(Step::Key("cookie", b"356938035643809")).place(),
            "http.request.body: cookie …"
        );
    }
}
