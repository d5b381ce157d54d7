//! Link-Local Multicast Name Resolution (RFC 4795): DNS messages on port 5355 between neighbours, over UDP and TCP.

use super::dns::fields::{message_fields, section};
use super::dns::message::{self, Likeness, Setting};
use super::dns::{self, report};
use super::{Field, Opening, Parser, Probe, Progress, Protocol, Role, Sink};
use crate::flow::{Chunk, FlowKey};
use crate::packet::Transport;

message_fields!("llmnr");

pub(crate) const PORT: u16 = 5355;

pub(crate) static PROTOCOL: Llmnr = Llmnr;

#[derive(Debug)]
pub(crate) struct Llmnr;

impl Protocol for Llmnr {
    fn name(&self) -> &'static str {
        "llmnr"
    }

    fn about(&self) -> &'static str {
        "Link-Local Multicast Name Resolution, RFC 4795"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP, Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[PORT]
    }

    fn fields(&self) -> &'static [&'static Field] {
        DECLARED
    }

    /// The format is DNS's, so the port decides between the two.
    fn probe(&self, opening: &Opening<'_>) -> Probe {
        if !opening.flow.has_port(PORT) {
            return Probe::Mismatch;
        }
        let bytes = opening.newest();
        if !opening.is_datagram() {
            return dns::probe_stream(bytes, Setting::OwnPort);
        }
        match message::likeness(bytes, bytes.len(), Setting::OwnPort) {
            Likeness::Message => Probe::Match,
            _ => Probe::Mismatch,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(LlmnrParser)
    }
}

#[derive(Debug)]
struct LlmnrParser;

impl Parser for LlmnrParser {
    fn feed(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        if flow.transport == Transport::TCP {
            dns::stream(&FIELDS, chunk, out)
        } else {
            report::datagram(&FIELDS, chunk, out)
        }
    }
}
