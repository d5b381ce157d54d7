//! The report as one page: no network requests, readable from disk, safe to open whatever the traffic said.
//!
//! What came off the wire stands in a JSON block that no browser runs; the script puts it on the page as text, never as
//! markup, and the content security policy lets nothing run but that one script.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use weir_core::event::{Event, FlowEvent};
use weir_core::finding;
use weir_core::protocol::Unseen;
use weir_core::report::{Found, Talk};
use weir_core::time::Timestamp;

use super::{Heard, Output, Summary};

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");

/// Flows listed; more would make the page slow. Those with findings are listed up to twice as many.
const FLOWS: usize = 20_000;
/// Findings listed.
const FINDINGS: usize = 2000;
/// Pairs of protocol and party listed.
const TALKS: usize = 2000;

#[derive(Debug)]
pub(crate) struct Html {
    path: PathBuf,
    file: File,
    /// The flows' JSON, one element per flow.
    flows: Vec<String>,
}

impl Html {
    /// Opens the file now, so that a wrong path is told before an hour of work and not after it.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file =
            File::create(path).with_context(|| format!("the report {} cannot be written", path.display()))?;
        Ok(Self { path: path.to_owned(), file, flows: Vec::new() })
    }
}

impl Output for Html {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if let Event::Flow(flow) = event {
            let room = if flow.findings.is_empty() { FLOWS } else { 2 * FLOWS };
            if self.flows.len() < room {
                self.flows.push(flow_json(flow).to_string());
            }
        }
        Ok(())
    }

    fn finish(&mut self, summary: &Summary<'_>) -> io::Result<()> {
        let mut out = BufWriter::new(&self.file);
        write_page(summary, &self.flows, &mut out).and_then(|()| out.flush()).map_err(|error| {
            io::Error::other(format!("the report {} cannot be written: {error}", self.path.display()))
        })
    }
}

fn write_page(summary: &Summary<'_>, flows: &[String], out: &mut impl Write) -> io::Result<()> {
    let mut rest = PAGE;
    while let Some((before, (name, after))) =
        rest.split_once("{{").and_then(|(before, after)| Some((before, after.split_once("}}")?)))
    {
        out.write_all(before.as_bytes())?;
        match name {
            "policy" => out.write_all(content_security_policy().as_bytes())?,
            "style" => out.write_all(STYLE.as_bytes())?,
            "script" => out.write_all(SCRIPT.as_bytes())?,
            "data" => write_data(summary, flows, out)?,
            _ => {}
        }
        rest = after;
    }
    out.write_all(rest.as_bytes())
}

/// Nothing is fetched, and only this very style and script are obeyed.
fn content_security_policy() -> String {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn write_data(summary: &Summary<'_>, flows: &[String], out: &mut impl Write) -> io::Result<()> {
    let data = data(summary).to_string();
    let open = data.strip_suffix('}').unwrap_or(&data);
    out.write_all(escaped(open).as_bytes())?;
    out.write_all(b",\"flows\":[")?;
    for (at, flow) in flows.iter().enumerate() {
        if at > 0 {
            out.write_all(b",\n")?;
        }
        out.write_all(escaped(flow).as_bytes())?;
    }
    out.write_all(b"]}")
}

/// JSON that cannot end the element it stands in. These characters only ever stand inside of its strings.
fn escaped(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            '\u{2028}' => safe.push_str("\\u2028"),
            '\u{2029}' => safe.push_str("\\u2029"),
            c => safe.push(c),
        }
    }
    safe
}

fn data(summary: &Summary<'_>) -> Value {
    let Summary { totals, report, captures, judge } = summary;
    let mut findings = report.given_away();
    findings.extend(report.suspicious());
    let more_findings = findings.len().saturating_sub(FINDINGS) as u64 + report.findings_beyond();
    findings.truncate(FINDINGS);
    let bins: Vec<(Timestamp, u64)> = totals.timeline.bins().collect();
    let unseen = [Unseen::Encrypted, Unseen::Ech, Unseen::QuicUndecryptable, Unseen::Truncated]
        .map(|what| (what.name().to_owned(), Value::from(report.unseen(what))));
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "judge": judge,
        "captures": captures.iter().map(heard_json).collect::<Value>(),
        "packets": totals.packets,
        "first": totals.first.map(millis),
        "last": totals.last.map(millis),
        "flowCount": report.flows,
        "unknown": report.unknown,
        "bytes": report.bytes,
        "talks": report.talks().into_iter().take(TALKS).map(talk_json).collect::<Value>(),
        "findings": findings.iter().map(|found| found_json(found)).collect::<Value>(),
        "moreFindings": more_findings,
        "explanations": explanations(&findings),
        "unseen": Map::from_iter(unseen),
        "unparsed": totals
            .unparsed
            .iter()
            .map(|(reason, (count, _))| json!([reason, count]))
            .collect::<Value>(),
        "unsupported": totals.unsupported,
        "tunnels": report.tunnels,
        "timeline": {
            "start": bins.first().map(|(at, _)| millis(*at)),
            "width": totals.timeline.width() as f64 / 1e6,
            "bytes": bins.iter().map(|(_, bytes)| *bytes).collect::<Vec<u64>>(),
        },
    })
}

/// Milliseconds, as JavaScript counts time.
fn millis(at: Timestamp) -> f64 {
    (at.0 / 1000) as f64 / 1000.0
}

fn heard_json(heard: &Heard) -> Value {
    json!({
        "name": heard.name,
        "packets": heard.packets,
        "first": heard.first.map(millis),
        "last": heard.last.map(millis),
    })
}

fn talk_json(talk: &Talk) -> Value {
    json!({
        "protocol": talk.protocol,
        "name": &*talk.party.name,
        "owner": talk.party.owner.as_deref(),
        "category": talk.party.category,
        "flows": talk.flows,
        "bytes": talk.bytes,
        "leaking": talk.leaking,
    })
}

fn found_json(found: &Found) -> Value {
    let finding = &found.finding;
    json!({
        "id": finding.id,
        "kind": finding.kind,
        "severity": finding.severity.name(),
        "where": finding.place,
        "encoding": finding.encoding,
        "shown": finding.shown,
        "to": &*found.to,
        "protocol": found.protocol,
        "action": found.action.name(),
        "because": &*found.because,
        "times": found.times,
        "capture": found.capture,
        "packet": found.packet,
        "at": millis(found.at),
        "flow": found.flow.0,
    })
}

fn explanations(findings: &[&Found]) -> Value {
    let known = findings.iter().filter_map(|found| {
        let explanation = finding::explanation(found.finding.id)?;
        let words = json!({
            "title": explanation.title,
            "meaning": explanation.meaning,
            "advice": explanation.advice,
            "method": explanation.method,
        });
        Some((explanation.id.to_owned(), words))
    });
    Value::Object(known.collect())
}

/// In the order of `FLOW` in the script.
fn flow_json(flow: &FlowEvent) -> Value {
    let mut findings: Vec<&str> = flow.findings.iter().map(|sighting| sighting.finding.id).collect();
    findings.dedup();
    let service = flow.service.as_ref();
    json!([
        flow.id.0,
        millis(flow.start),
        flow.protocol.unwrap_or("unknown"),
        flow.inner,
        flow.key.client.to_string(),
        flow.key.server.to_string(),
        flow.key.transport.to_string(),
        flow.hostname.as_deref(),
        service.map(|service| &*service.name),
        service.map(|service| &*service.owner),
        flow.bytes[0],
        flow.bytes[1],
        findings,
        flow.verdict.action.name(),
        flow.unseen.iter().map(|what| what.name()).collect::<Vec<_>>(),
        flow.confidence.name(),
    ])
}

#[cfg(test)]
mod tests {
    use super::{PAGE, SCRIPT, STYLE, content_security_policy, escaped, write_page};
    use crate::output::Summary;
    use crate::pipeline::Totals;
    use weir_core::report::Report;

    fn page(flows: &[String]) -> String {
        let summary = Summary {
            captures: &[],
            totals: &Totals::default(),
            report: &Report::default(),
            judge: "balanced",
        };
        let mut out = Vec::new();
        write_page(&summary, flows, &mut out).expect("a vector takes everything");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn wire_text_cannot_end_the_block_it_stands_in() {
        let safe = escaped("\"</script><!-- \u{2028} &amp;\"");
        assert_eq!(safe, r#""\u003c/script\u003e\u003c!-- \u2028 \u0026amp;""#);
        let page = page(&[r#"["</script><script>alert(1)</script>"]"#.to_owned()]);
        assert!(!page.contains("<script>alert"));
        assert_eq!(page.matches("</script>").count(), PAGE.matches("</script>").count());
    }

    #[test]
    fn nothing_is_fetched_from_anywhere() {
        for part in [PAGE, STYLE, SCRIPT] {
            for request in ["http:", "https:", "src=", "url(", "@import", "fetch(", "XMLHttp", "import("] {
                assert!(!part.contains(request), "{request} in {part}");
            }
        }
        assert!(content_security_policy().starts_with("default-src 'none'; "));
    }

    #[test]
    fn text_is_never_put_on_the_page_as_markup() {
        for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!SCRIPT.contains(way), "{way}");
        }
    }

    #[test]
    fn every_placeholder_is_filled_and_the_data_is_json() {
        let page = page(&["[1]".to_owned(), "[2]".to_owned()]);
        assert!(!page.contains("{{"));
        let (_, data) =
            page.split_once("<script type=\"application/json\" id=\"data\">").expect("a data block");
        let (data, _) = data.split_once("</script>").expect("its end");
        let data: serde_json::Value = serde_json::from_str(data).expect("JSON");
        assert_eq!(data["flows"], serde_json::json!([[1], [2]]));
    }
}
