//! Every event as a line of EVE JSON, and a `stats` record behind them.

use std::io::{self, Write};

use serde_json::{Map, Value, json};
use weir_core::event::{Event, eve};
use weir_core::protocol::Unseen;
use weir_core::severity::Severity;

use super::{Output, Summary};

#[derive(Debug)]
pub(crate) struct Json<W> {
    out: W,
    line: String,
}

impl<W: Write> Json<W> {
    pub(crate) const fn new(out: W) -> Self {
        Self { out, line: String::new() }
    }
}

impl<W: Write> Output for Json<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.line.clear();
        eve::write_line(event, &mut self.line);
        self.out.write_all(self.line.as_bytes())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self, summary: &Summary<'_>) -> io::Result<()> {
        writeln!(self.out, "{}", stats(summary))?;
        self.out.flush()
    }
}

/// What Suricata calls statistics, as far as they mean the same here. Nothing in it depends on the machine.
fn stats(summary: &Summary<'_>) -> Value {
    let Summary { totals, report, .. } = summary;
    let unseen = [Unseen::Encrypted, Unseen::Ech, Unseen::QuicUndecryptable, Unseen::Truncated]
        .into_iter()
        .map(|what| (what.name().to_owned(), Value::from(report.unseen(what))));
    let unparsed = totals
        .unparsed
        .iter()
        .map(|(reason, (count, first))| json!({ "reason": reason, "packets": count, "first": first }));
    json!({
        "timestamp": totals.last.unwrap_or_default().to_string(),
        "event_type": "stats",
        "stats": {
            "decoder": {
                "pkts": totals.packets,
                "bytes": totals.bytes,
                "invalid": totals.unparsed.values().map(|(count, _)| count).sum::<u64>(),
            },
            "flow": { "total": report.flows },
        },
        "weir": {
            "given_away": report.given_away().len(),
            "suspicious": report.suspicious().len(),
            "worst": report.worst().map(Severity::name),
            "unknown_flows": report.unknown,
            "unseen": unseen.collect::<Map<_, _>>(),
            "tunnels": report.tunnels,
            "unparsed": unparsed.collect::<Vec<_>>(),
            "unsupported_link_types": totals.unsupported,
        },
    })
}
