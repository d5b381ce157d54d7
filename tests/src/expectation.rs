//! What belongs to one capture: its flows and what must be said of each, or how it is broken.
//!
//! ```toml
//! error = "ends in packet 3"        # only where the capture cannot be read to its end
//! packets = 0                       # where there is not much else to say
//! any = true                        # any flows may come; only survival counts
//!
//! [[flow]]
//! transport = "tcp"
//! server = "203.0.113.43:80"        # an address, a port (":80") or both
//! count = 2                         # flows of this kind; 1 where it is left out
//! protocol = "http"                 # "unknown" where no name is right
//! hostname = "api.example.org"
//! ja4 = "t13d…"                    # as its record tells it, which is FoxIO's reading
//! inner = "tls"
//! tunnel = "gre"
//! unseen = ["encrypted"]
//! findings = ["leak.password", { id = "leak.email", encoding = ["md5"] }]
//! absent = ["leak.*"]
//! ```
//!
//! Every flow of the capture belongs to one entry, every entry to a flow. `findings` must be among those of the entry's
//! flows together, with these steps among their encoding; nothing that fits `absent` may be there unless `findings` names it.

use std::fmt;

use serde::Deserialize;
use weir_core::event::{Event, FlowEvent};
use weir_core::finding::Finding;

use crate::case::Recording;

/// One `expect.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Part of the sentence that says why the capture cannot be read to its end.
    error: Option<String>,
    packets: Option<usize>,
    #[serde(default)]
    any: bool,
    #[serde(default)]
    flow: Vec<Flow>,
}

/// One kind of flow in a capture.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Flow {
    transport: String,
    server: Server,
    #[serde(default = "one")]
    count: usize,
    protocol: String,
    hostname: Option<String>,
    ja4: Option<String>,
    inner: Option<String>,
    tunnel: Option<String>,
    unseen: Option<Vec<String>>,
    #[serde(default)]
    findings: Vec<Expected>,
    #[serde(default)]
    absent: Vec<String>,
}

const fn one() -> usize {
    1
}

/// Which flows an entry speaks of.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
struct Server {
    address: Option<String>,
    port: Option<u16>,
}

impl TryFrom<String> for Server {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (address, port) = match text.rsplit_once(':') {
            // An IPv6 address with a port stands in brackets.
            Some((address, port)) if !address.contains(':') || address.starts_with('[') => (
                address.trim_matches(['[', ']']),
                Some(port.parse().map_err(|_| format!("{port} is no port"))?),
            ),
            _ => (&*text, None),
        };
        Ok(Self { address: (!address.is_empty()).then(|| address.to_owned()), port })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address.as_deref().unwrap_or_default();
        match self.port {
            Some(port) => write!(f, "{address}:{port}"),
            None => f.write_str(address),
        }
    }
}

/// A finding that must be there.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Expected {
    Id(String),
    Exactly(Exactly),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exactly {
    id: String,
    kind: Option<String>,
    #[serde(default)]
    encoding: Vec<String>,
}

impl Expected {
    fn fits(&self, finding: &Finding) -> bool {
        match self {
            Self::Id(id) => id == finding.id,
            Self::Exactly(Exactly { id, kind, encoding }) => {
                id == finding.id
                    && kind.as_deref().is_none_or(|kind| finding.kind == Some(kind))
                    && encoding.iter().all(|step| finding.encoding.contains(&step.as_str()))
            }
        }
    }
}

impl Expectation {
    pub fn parse(text: &str) -> Result<Self, String> {
        let expectation: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        let Self { error, packets, any, flow } = &expectation;
        if error.is_none() && packets.is_none() && !any && flow.is_empty() {
            return Err("expects nothing; say what the capture holds".to_owned());
        }
        Ok(expectation)
    }

    /// Everything that is not as expected, a sentence each.
    pub fn complaints(&self, recording: &Recording, events: &[Event]) -> Vec<String> {
        let mut complaints = Vec::new();
        let flows: Vec<Told<'_>> = events
            .iter()
            .filter_map(|event| match event {
                Event::Flow(flow) => Some(Told::new(flow, events)),
                _ => None,
            })
            .collect();
        let packets = recording.frames.len();
        if let Some(expected) = self.packets
            && packets != expected
        {
            complaints.push(format!("{packets} packets instead of {expected}"));
        }
        match (&self.error, &recording.error) {
            (Some(expected), Some(error)) if !error.contains(expected) => {
                complaints.push(format!("the error should say \"{expected}\": {error}"));
            }
            (Some(expected), None) => complaints.push(format!("should fail with \"{expected}\"")),
            (None, Some(error)) => complaints.push(format!("cannot be read: {error}")),
            _ => {}
        }
        for Told { flow, .. } in &flows {
            let entries = self.flow.iter().filter(|entry| entry.speaks_of(flow)).count();
            if entries > 1 || entries == 0 && !self.any {
                complaints.push(format!("{entries} entries speak of the flow {}", describe(flow)));
            }
        }
        for entry in &self.flow {
            let mine: Vec<&Told<'_>> = flows.iter().filter(|told| entry.speaks_of(told.flow)).collect();
            entry.complain(&mine, &mut complaints);
        }
        complaints
    }
}

/// What was told about one flow.
struct Told<'a> {
    flow: &'a FlowEvent,
    ja4: Option<&'a str>,
}

impl<'a> Told<'a> {
    fn new(flow: &'a FlowEvent, events: &'a [Event]) -> Self {
        let ja4 = events.iter().find_map(|event| match event {
            Event::Record(record) if record.id == flow.id => {
                let (_, rest) = record.body.split_once("\"ja4\":\"")?;
                rest.split('"').next()
            }
            _ => None,
        });
        Self { flow, ja4 }
    }
}

impl Flow {
    fn speaks_of(&self, flow: &FlowEvent) -> bool {
        let server = flow.key.server;
        self.transport == flow.key.transport.to_string()
            && self.server.address.as_ref().is_none_or(|address| *address == server.address.to_string())
            && self.server.port.is_none_or(|port| port == server.port)
    }

    fn complain(&self, flows: &[&Told<'_>], complaints: &mut Vec<String>) {
        let whose = format!("{} {}", self.transport, self.server);
        let mut complain = |what: String| complaints.push(format!("{whose}: {what}"));
        if flows.len() != self.count {
            complain(format!("{} flows instead of {}", flows.len(), self.count));
        }
        for Told { flow, ja4 } in flows {
            for (what, expected, found) in [
                ("protocol", Some(&self.protocol), Some(flow.protocol.unwrap_or("unknown"))),
                ("hostname", self.hostname.as_ref(), flow.hostname.as_deref()),
                ("ja4", self.ja4.as_ref(), *ja4),
                ("inner", self.inner.as_ref(), flow.inner),
                ("tunnel", self.tunnel.as_ref(), flow.tunnel.map(|tunnel| tunnel.kind.name())),
            ] {
                if let Some(expected) = expected
                    && found != Some(expected)
                {
                    complain(format!("{what} should be {expected}, is {found:?}"));
                }
            }
            if let Some(expected) = &self.unseen
                && !flow.unseen.iter().map(|what| what.name()).eq(expected)
            {
                complain(format!("unseen should be {expected:?}, is {:?}", flow.unseen));
            }
        }
        let findings: Vec<&Finding> =
            flows.iter().flat_map(|told| &told.flow.findings).map(|sighting| &sighting.finding).collect();
        for expected in &self.findings {
            if !findings.iter().any(|finding| expected.fits(finding)) {
                complain(format!("should find {expected:?}"));
            }
        }
        for finding in findings {
            let named = self.findings.iter().any(|expected| expected.fits(finding));
            if !named && self.absent.iter().any(|pattern| fits(pattern, finding.id)) {
                complain(format!("should not find {} in {}: {}", finding.id, finding.place, finding.shown));
            }
        }
    }
}

/// An id, or the beginning of one with a star behind it.
fn fits(pattern: &str, id: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => id.starts_with(beginning),
        None => pattern == id,
    }
}

fn describe(flow: &FlowEvent) -> String {
    let (key, protocol) = (&flow.key, flow.protocol.unwrap_or("unknown"));
    format!("{} {} -> {} ({protocol})", key.transport, key.client, key.server)
}
