//! What the engine tells: flows, findings and protocol records, as values. How they are written down (EVE JSON, a
//! table, a page) is the business of who receives them.

pub mod eve;

use std::sync::Arc;

use crate::finding::Sighting;
use crate::flow::{FlowId, FlowKey};
use crate::packet::Tunnel;
use crate::policy::Verdict;
use crate::protocol::Unseen;
use crate::time::Timestamp;

/// How a flow's protocol or service came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    Unknown,
    /// A registered port, said as a guess and never as more.
    Port,
    /// An address range that its owner publishes.
    Address,
    /// A name that a DNS answer gave to this address shortly before.
    Cached,
    /// The beginning fits, but the evidence broke off.
    Partial,
    /// The bytes themselves.
    Dpi,
}

impl Confidence {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Port => "port",
            Self::Address => "address",
            Self::Cached => "cached",
            Self::Partial => "partial",
            Self::Dpi => "dpi",
        }
    }
}

/// Who is behind a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceName {
    pub name: Arc<str>,
    pub owner: Arc<str>,
    pub category: &'static str,
}

/// A flow at its end (or as it stands now).
#[derive(Debug, Clone)]
pub struct FlowEvent {
    pub id: FlowId,
    pub key: FlowKey,
    pub tunnel: Option<Tunnel>,
    pub start: Timestamp,
    pub end: Timestamp,
    /// To the server, to the client.
    pub packets: [u64; 2],
    /// Bytes of whole frames as they were on the wire, to the server and to the client.
    pub bytes: [u64; 2],
    pub protocol: Option<&'static str>,
    pub inner: Option<&'static str>,
    pub confidence: Confidence,
    pub hostname: Option<Box<str>>,
    /// The name comes from an earlier DNS answer, not from this flow.
    pub hostname_cached: bool,
    pub service: Option<ServiceName>,
    pub ja4: Option<Box<str>>,
    pub app: Option<Arc<str>>,
    pub findings: Vec<Sighting>,
    pub verdict: Verdict,
    pub unseen: Vec<Unseen>,
}

/// A finding at the moment it was made.
#[derive(Debug, Clone)]
pub struct AlertEvent {
    pub id: FlowId,
    pub key: FlowKey,
    pub protocol: Option<&'static str>,
    pub hostname: Option<Box<str>>,
    pub sighting: Sighting,
    /// What policy says to this flow, now that this was found.
    pub verdict: Verdict,
}

/// One message or transaction of a protocol.
#[derive(Debug, Clone)]
pub struct RecordEvent {
    pub id: FlowId,
    pub key: FlowKey,
    pub at: Timestamp,
    pub packet: u64,
    pub protocol: &'static str,
    /// The protocol's EVE object, as JSON text.
    pub body: String,
}

/// Anything the engine tells.
#[derive(Debug, Clone)]
pub enum Event {
    Flow(Box<FlowEvent>),
    Alert(Box<AlertEvent>),
    Record(Box<RecordEvent>),
}
