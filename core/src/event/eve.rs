//! Facts become the body of an EVE record: the `"tls": {…}` of a `tls` event.

use serde_json::{Map, Value as Json};

use crate::limits;
use crate::protocol::{Field, Value};
use crate::text;

/// Facts gathered until their message is complete.
#[derive(Debug, Default)]
pub struct Record {
    facts: Vec<(&'static Field, Json)>,
}

impl Record {
    pub fn push(&mut self, field: &'static Field, value: Value<'_>) {
        if self.facts.len() < limits::RECORD_FACTS {
            self.facts.push((field, json(value)));
        }
    }

    pub const fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    pub fn clear(&mut self) {
        self.facts.clear();
    }

    /// The gathered facts as one JSON object; the record is empty afterwards.
    pub fn finish(&mut self) -> String {
        let mut root = Map::new();
        for (field, value) in self.facts.drain(..) {
            insert(&mut root, field.eve, value);
        }
        Json::Object(root).to_string()
    }
}

/// The body of an `anomaly` record: a flow that broke its protocol's rules.
pub fn anomaly(protocol: &str, what: &str, at: usize) -> String {
    serde_json::json!({ "type": "applayer", "app_proto": protocol, "event": what, "offset": at }).to_string()
}

fn json(value: Value<'_>) -> Json {
    match value {
        Value::Number(number) => number.into(),
        Value::Text(text) => text::clean(text.as_bytes(), limits::SHOWN_CHARACTERS).into(),
        Value::Bytes(bytes) => text::clean(bytes, limits::SHOWN_CHARACTERS).into(),
        Value::Pair(name, value) => {
            let mut pair = Map::new();
            pair.insert("name".to_owned(), text::clean(name, limits::SHOWN_CHARACTERS).into());
            pair.insert("value".to_owned(), text::clean(value, limits::SHOWN_CHARACTERS).into());
            Json::Object(pair)
        }
    }
}

/// Puts a value at a path: `a.b` nests, `a[]` is a list of values, `a[].b` a list of objects in which a key that is set
/// already begins the next object.
fn insert(object: &mut Map<String, Json>, path: &str, value: Json) {
    let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
    match (head.strip_suffix("[]"), rest) {
        (None, None) => {
            object.entry(head).or_insert(value);
        }
        (None, Some(rest)) => {
            if let Json::Object(inner) = object.entry(head).or_insert_with(|| Map::new().into()) {
                insert(inner, rest, value);
            }
        }
        (Some(list), rest) => {
            let Json::Array(items) = object.entry(list).or_insert_with(|| Json::Array(Vec::new())) else { return };
            let Some(rest) = rest else {
                items.push(value);
                return;
            };
            let key = rest.split('.').next().unwrap_or(rest);
            let taken = items.last().is_none_or(|last| last.get(key).is_some());
            if taken {
                items.push(Map::new().into());
            }
            if let Some(Json::Object(last)) = items.last_mut() {
                insert(last, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Record;
    use crate::protocol::{Field, Value};

    static NAME: Field = Field::meta("dns.answer.name", "answers[].rrname");
    static DATA: Field = Field::meta("dns.answer.data", "answers[].rdata");
    static HASH: Field = Field::meta("tls.ja3", "ja3.hash");
    static ALPN: Field = Field::meta("tls.alpn", "alpns[]");

    #[test]
    fn paths_nest_and_a_repeated_key_begins_the_next_object() {
        let mut record = Record::default();
        for (field, text) in
            [(&NAME, "a"), (&DATA, "1"), (&NAME, "b"), (&DATA, "2"), (&HASH, "ff"), (&ALPN, "h2"), (&ALPN, "h3")]
        {
            record.push(field, Value::Text(text));
        }
        assert_eq!(
            record.finish(),
            r#"{"answers":[{"rrname":"a","rdata":"1"},{"rrname":"b","rdata":"2"}],"ja3":{"hash":"ff"},"alpns":["h2","h3"]}"#
        );
        assert!(record.is_empty());
    }
}
