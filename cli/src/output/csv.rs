//! Every flow as a line of comma-separated values, RFC 4180, safe to open in a spreadsheet.

use std::borrow::Cow;
use std::io::{self, Write};

use weir_core::event::{Event, FlowEvent};

use super::{Output, Summary};

const HEADER: &str = "flow_id,start,end,src_ip,src_port,dest_ip,dest_port,proto,app_proto,inner,confidence,hostname,\
                      service,owner,category,ja4,packets_to_server,packets_to_client,bytes_to_server,\
                      bytes_to_client,findings,verdict,because,unseen,tunnel";

#[derive(Debug)]
pub(crate) struct Csv<W> {
    out: W,
    begun: bool,
}

impl<W: Write> Csv<W> {
    pub(crate) const fn new(out: W) -> Self {
        Self { out, begun: false }
    }

    fn begin(&mut self) -> io::Result<()> {
        if !self.begun {
            self.begun = true;
            write!(self.out, "{HEADER}\r\n")?;
        }
        Ok(())
    }
}

impl<W: Write> Output for Csv<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let Event::Flow(flow) = event else {
            return Ok(());
        };
        self.begin()?;
        write_row(&mut self.out, &columns(flow))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self, _: &Summary<'_>) -> io::Result<()> {
        self.begin()?;
        self.out.flush()
    }
}

fn columns(flow: &FlowEvent) -> [String; 25] {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let service = flow.service.as_ref();
    let mut findings: Vec<&str> = flow.findings.iter().map(|sighting| sighting.finding.id).collect();
    findings.dedup();
    let unseen: Vec<&str> = flow.unseen.iter().map(|what| what.name()).collect();
    [
        flow.id.0.to_string(),
        flow.start.to_string(),
        flow.end.to_string(),
        flow.key.client.address.to_string(),
        flow.key.client.port.to_string(),
        flow.key.server.address.to_string(),
        flow.key.server.port.to_string(),
        flow.key.transport.to_string(),
        flow.protocol.unwrap_or("unknown").to_owned(),
        text(flow.inner),
        flow.confidence.name().to_owned(),
        text(flow.hostname.as_deref()),
        text(service.map(|service| &*service.name)),
        text(service.map(|service| &*service.owner)),
        text(service.map(|service| service.category)),
        text(flow.ja4.as_deref()),
        flow.packets[0].to_string(),
        flow.packets[1].to_string(),
        flow.bytes[0].to_string(),
        flow.bytes[1].to_string(),
        findings.join(" "),
        flow.verdict.action.name().to_owned(),
        flow.verdict.because.to_string(),
        unseen.join(" "),
        text(flow.tunnel.as_ref().map(|tunnel| tunnel.kind.name())),
    ]
}

fn write_row(out: &mut impl Write, row: &[String]) -> io::Result<()> {
    for (at, value) in row.iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        out.write_all(quoted(value).as_bytes())?;
    }
    out.write_all(b"\r\n")
}

/// Quoted where RFC 4180 section 2 asks for it. What a spreadsheet would take for a formula gets an apostrophe in front.
fn quoted(value: &str) -> Cow<'_, str> {
    let formula = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let value = if formula { Cow::Owned(format!("'{value}")) } else { Cow::Borrowed(value) };
    if formula || value.contains([',', '"', '\r', '\n']) {
        Cow::Owned(format!("\"{}\"", value.replace('"', "\"\"")))
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::{HEADER, quoted, write_row};

    #[test]
    fn values_are_quoted_where_they_must_be() {
        assert_eq!(quoted("plain text"), "plain text");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"hi\""), "\"say \"\"hi\"\"\"");
        assert_eq!(quoted("two\nlines"), "\"two\nlines\"");
    }

    #[test]
    fn a_host_name_cannot_become_a_formula() {
        assert_eq!(quoted("=cmd|'/c calc'!a1"), "\"'=cmd|'/c calc'!a1\"");
        for formula in ["+1", "-1", "@sum(a1)", "\tx", "\rx"] {
            assert_eq!(quoted(formula), format!("\"'{formula}\""));
        }
    }

    #[test]
    fn rows_end_as_rfc_4180_asks() {
        let mut out = Vec::new();
        write_row(&mut out, &["a".to_owned(), "b,c".to_owned()]).expect("a vector takes everything");
        assert_eq!(out, b"a,\"b,c\"\r\n");
        assert!(!HEADER.contains(' '));
    }
}
