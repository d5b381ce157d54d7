//! Multicast DNS (RFC 6762): DNS messages on port 5353 between neighbours.
//!
//! Read like [`dns`](super::dns). What an announcement without a question is about stands in `mdns.subject`.

use super::dns::fields::{message_fields, section};
use super::dns::message::{self, Likeness, Setting};
use super::dns::report;
use super::{Field, Opening, Parser, Probe, Progress, Protocol, Role, Sink};
use crate::flow::{Chunk, FlowKey};
use crate::packet::{Address, Endpoint, Transport};

message_fields!("mdns");

pub(crate) const PORT: u16 = 5353;

const GROUP_V4: Address = Address::v4([224, 0, 0, 251]);
/// ff02::fb
const GROUP_V6: Address = Address([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfb]);

pub(crate) static PROTOCOL: Mdns = Mdns;

#[derive(Debug)]
pub(crate) struct Mdns;

impl Protocol for Mdns {
    fn name(&self) -> &'static str {
        "mdns"
    }

    fn about(&self) -> &'static str {
        "Multicast DNS, RFC 6762"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[PORT]
    }

    fn fields(&self) -> &'static [&'static Field] {
        DECLARED
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        if !is_between_neighbours(opening.flow) {
            return Probe::Mismatch;
        }
        let bytes = opening.newest();
        match message::likeness(bytes, bytes.len(), Setting::OwnPort) {
            Likeness::Message => Probe::Match,
            _ => Probe::Mismatch,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(MdnsParser)
    }
}

/// The group's address, port 5353 on both sides, or a query sent to one neighbour alone (RFC 6762 §5.5). Some public
/// resolvers answer ordinary DNS on 5353 as well.
fn is_between_neighbours(flow: &FlowKey) -> bool {
    let FlowKey { client, server, .. } = *flow;
    let is_group = |end: Endpoint| end.address == GROUP_V4 || end.address == GROUP_V6;
    if client.port != PORT && server.port != PORT {
        return false;
    }
    client.port == server.port
        || is_group(client)
        || is_group(server)
        || (client.address.is_local() && server.address.is_local())
}

#[derive(Debug)]
struct MdnsParser;

impl Parser for MdnsParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        report::datagram(&FIELDS, chunk, out)
    }
}
