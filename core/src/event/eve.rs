//! Events as JSON Lines in Suricata's EVE format, so that what reads Suricata reads Weir. Weir's own fields stand under
//! `weir`.

use std::fmt::Write;

use serde_json::{Map, Value as Json, json};

use super::{AlertEvent, Event, FlowEvent, RecordEvent};
use crate::finding::{Finding, Severity, Sighting};
use crate::flow::community_id::community_id;
use crate::flow::{FlowId, FlowKey};
use crate::limits;
use crate::packet::{IpVersion, Transport};
use crate::policy::{Action, Verdict};
use crate::protocol::{Field, Value};
use crate::text;
use crate::time::Timestamp;

/// Appends an event as one line, with its line feed.
pub fn write_line(event: &Event, out: &mut String) {
    match event {
        Event::Flow(flow) => write_object(&flow_json(flow), out),
        Event::Alert(alert) => write_object(&alert_json(alert), out),
        Event::Record(record) => write_record(record, out),
    }
    out.push('\n');
}

fn write_object(object: &Json, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{object}");
}

/// What every EVE record begins with.
fn head(kind: &str, at: Timestamp, id: FlowId, key: &FlowKey) -> Map<String, Json> {
    let head = json!({
        "timestamp": at.to_string(),
        "flow_id": id.0,
        "event_type": kind,
        "src_ip": key.client.address.to_string(),
        "src_port": key.client.port,
        "dest_ip": key.server.address.to_string(),
        "dest_port": key.server.port,
        "proto": transport(key.transport),
        "ip_v": if key.version == IpVersion::V4 { 4 } else { 6 },
        "community_id": community_id(key),
    });
    let Json::Object(map) = head else {
        return Map::new();
    };
    map
}

/// As Suricata names them: upper-case, but for IPv6-ICMP.
fn transport(transport: Transport) -> String {
    match transport {
        Transport::ICMPV6 => "IPv6-ICMP".to_owned(),
        other => other.to_string().to_ascii_uppercase(),
    }
}

fn flow_json(flow: &FlowEvent) -> Json {
    let mut object = head("flow", flow.end, flow.id, &flow.key);
    let [to_server, to_client] = flow.packets;
    let [bytes_to_server, bytes_to_client] = flow.bytes;
    object.insert("app_proto".to_owned(), flow.protocol.unwrap_or("unknown").into());
    object.insert(
        "flow".to_owned(),
        json!({
            "pkts_toserver": to_server,
            "pkts_toclient": to_client,
            "bytes_toserver": bytes_to_server,
            "bytes_toclient": bytes_to_client,
            "start": flow.start.to_string(),
            "end": flow.end.to_string(),
            "age": flow.end.since(flow.start).as_secs(),
            "alerted": !flow.findings.is_empty(),
        }),
    );
    let findings: Vec<Json> = flow.findings.iter().map(sighting_json).collect();
    let unseen: Vec<&str> = flow.unseen.iter().map(|what| what.name()).collect();
    let service = flow.service.as_ref();
    let mut weir = json!({
        "service": service.map(|service| &*service.name),
        "owner": service.map(|service| &*service.owner),
        "category": service.map(|service| service.category),
        "confidence": flow.confidence.name(),
        "app": flow.app.as_deref(),
        "hostname": flow.hostname,
        "inner": flow.inner,
        "ja4": flow.ja4,
        "findings": findings,
        "verdict": verdict_json(&flow.verdict),
        "unseen": unseen,
    });
    if flow.hostname_cached {
        weir["hostname_from"] = "dns".into();
    }
    if let Some(tunnel) = &flow.tunnel {
        weir["tunnel"] = json!({
            "name": tunnel.kind.name(),
            "src_ip": tunnel.source.to_string(),
            "dest_ip": tunnel.destination.to_string(),
        });
    }
    object.insert("weir".to_owned(), weir);
    Json::Object(object)
}

fn alert_json(alert: &AlertEvent) -> Json {
    let finding = &alert.sighting.finding;
    let mut object = head("alert", alert.sighting.at, alert.id, &alert.key);
    object.insert("pcap_cnt".to_owned(), alert.sighting.packet.into());
    object.insert("app_proto".to_owned(), alert.protocol.unwrap_or("unknown").into());
    object.insert(
        "alert".to_owned(),
        json!({
            "action": if alert.verdict.action == Action::Block { "blocked" } else { "allowed" },
            "signature": format!("{} in {}", finding.id, finding.place),
            "category": finding.id.split('.').next(),
            "severity": suricata_severity(finding.severity),
        }),
    );
    object.insert(
        "weir".to_owned(),
        json!({
            "hostname": alert.hostname,
            "finding": sighting_json(&alert.sighting),
            "verdict": verdict_json(&alert.verdict),
        }),
    );
    Json::Object(object)
}

/// The record's body is JSON text already; it is put into the object as it is.
fn write_record(record: &RecordEvent, out: &mut String) {
    let mut object = head(record.protocol, record.at, record.id, &record.key);
    object.insert("pcap_cnt".to_owned(), record.packet.into());
    write_object(&Json::Object(object), out);
    out.pop();
    let _ = write!(out, ",\"{}\":{}}}", record.protocol, record.body);
}

fn sighting_json(sighting: &Sighting) -> Json {
    let Finding { id, kind, tier, severity, place, encoding, shown, rule } = &sighting.finding;
    json!({
        "id": id,
        "kind": kind,
        "tier": *tier as u8,
        "severity": severity.name(),
        "packet": sighting.packet,
        "where": place,
        "encoding": encoding,
        "shown": shown,
        "rule": rule,
    })
}

fn verdict_json(verdict: &Verdict) -> Json {
    let because = (!verdict.because.is_empty()).then_some(&*verdict.because);
    json!({ "action": verdict.action.name(), "because": because })
}

/// Suricata counts down: 1 is the worst.
const fn suricata_severity(severity: Severity) -> u8 {
    match severity {
        Severity::Critical | Severity::High => 1,
        Severity::Medium => 2,
        Severity::Low => 3,
        Severity::Info => 4,
    }
}

/// Facts gathered until their message is complete.
#[derive(Debug, Default)]
pub struct Record {
    facts: Vec<(&'static Field, Json)>,
}

impl Record {
    pub fn push(&mut self, field: &'static Field, value: Value<'_>) {
        if self.facts.len() < limits::RECORD_FACTS {
            self.facts.push((field, value_json(value)));
        }
    }

    pub const fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    pub fn clear(&mut self) {
        self.facts.clear();
    }

    /// The gathered facts as one JSON object; the record is empty afterwards. Values that repeat something of `leaky` are
    /// masked.
    pub fn finish(&mut self, leaky: &[Box<[u8]>]) -> String {
        let mut root = Map::new();
        for (field, mut value) in self.facts.drain(..) {
            if let Json::String(text) = &mut value {
                mask(text, leaky);
            }
            insert(&mut root, field.eve, value);
        }
        Json::Object(root).to_string()
    }
}

/// Masks a text that stands in content with a finding, or that such content stands in. Of an address its path stays
/// readable where the query follows, since that is what a reader looks for.
fn mask(text: &mut String, leaky: &[Box<[u8]>]) {
    const SHORTEST: usize = 6;
    let repeats = leaky.iter().any(|content| {
        let (short, long) = if content.len() < text.len() {
            (&content[..], text.as_bytes())
        } else {
            (text.as_bytes(), &content[..])
        };
        short.len() >= SHORTEST && memchr::memmem::find(long, short).is_some()
    });
    if repeats {
        let kept = text.find('?').map_or(0, |at| at + 1);
        text.truncate(kept);
        text.push_str("•••");
    }
}

/// The body of an `anomaly` record: a flow that broke its protocol's rules.
pub fn anomaly(protocol: &str, what: &str, at: usize) -> String {
    json!({ "type": "applayer", "app_proto": protocol, "event": what, "offset": at }).to_string()
}

fn value_json(value: Value<'_>) -> Json {
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
            let Json::Array(items) = object.entry(list).or_insert_with(|| Json::Array(Vec::new())) else {
                return;
            };
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

    static URL: Field = Field::meta("http.request.target", "url");
    static NAME: Field = Field::meta("dns.answer.name", "answers[].rrname");
    static DATA: Field = Field::meta("dns.answer.data", "answers[].rdata");
    static HASH: Field = Field::meta("tls.ja3", "ja3.hash");
    static ALPN: Field = Field::meta("tls.alpn", "alpns[]");

    #[test]
    fn paths_nest_and_a_repeated_key_begins_the_next_object() {
        let mut record = Record::default();
        for (field, text) in [
            (&NAME, "a"),
            (&DATA, "1"),
            (&NAME, "b"),
            (&DATA, "2"),
            (&HASH, "ff"),
            (&ALPN, "h2"),
            (&ALPN, "h3"),
        ] {
            record.push(field, Value::Text(text));
        }
        assert_eq!(
            record.finish(&[]),
            r#"{"answers":[{"rrname":"a","rdata":"1"},{"rrname":"b","rdata":"2"}],"ja3":{"hash":"ff"},"alpns":["h2","h3"]}"#
        );
        assert!(record.is_empty());
    }

    #[test]
    fn a_record_does_not_repeat_what_a_finding_masks() {
        let mut record = Record::default();
        record.push(&URL, Value::Text("/v1/track?mail=a@example.org"));
        record.push(&NAME, Value::Text("unrelated"));
        let leaky: [Box<[u8]>; 1] = [Box::from(&b"/v1/track?mail=a@example.org"[..])];
        assert_eq!(record.finish(&leaky), r#"{"url":"/v1/track?•••","answers":[{"rrname":"unrelated"}]}"#);
    }
}
