//! DNS over UDP and TCP (RFC 1035), with EDNS (RFC 6891), service bindings (RFC 9460) and dynamic update (RFC 2136).
//!
//! Every section of every message is read. Data is put into text for the types people look at; of DNSSEC's records only
//! owner, type and TTL are stated. `mdns` and `llmnr` speak the same messages.

pub(crate) mod fields;
pub(crate) mod message;
mod name;
mod rdata;
pub(crate) mod report;

pub(crate) use name::Name;

use super::{Field, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Unseen};
use crate::bytes::Reader;
use crate::flow::{Chunk, FlowKey};
use crate::limits::PENDING_BYTES;
use crate::packet::Transport;
use fields::{message_fields, section};
use message::{Likeness, Setting};

message_fields!("dns");

pub(crate) const PORT: u16 = 53;

/// Octets of the length before each message on TCP (RFC 1035 §4.2.2).
const LENGTH: usize = 2;

/// How a message breaks the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It ends inside something.
    Short,
    LabelType,
    ForwardPointer,
    LongName,
    /// A record's data does not fit its type.
    Data,
    /// Possible, but nobody would send it (only said while probing).
    Implausible,
}

impl Fault {
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::Short => "the message ends before what its counts and lengths promise",
            Self::LabelType => "a label of a reserved type",
            Self::ForwardPointer => "a compression pointer that does not lead backwards",
            Self::LongName => "a name of more than 255 octets",
            Self::Data => "a record's data does not fit its type",
            Self::Implausible => "a question of no known class or type",
        }
    }
}

pub(crate) static PROTOCOL: Dns = Dns;

#[derive(Debug)]
pub(crate) struct Dns;

impl Protocol for Dns {
    fn name(&self) -> &'static str {
        "dns"
    }

    fn about(&self) -> &'static str {
        "Domain Name System over UDP and TCP, RFC 1035"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP, Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[PORT]
    }

    fn variants(&self) -> &'static [&'static str] {
        &[report::DNSCRYPT]
    }

    fn fields(&self) -> &'static [&'static Field] {
        DECLARED
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let bytes = opening.newest();
        let setting = if opening.flow.has_port(PORT) { Setting::OwnPort } else { Setting::AnyPort };
        if opening.is_datagram() {
            return match message::likeness(bytes, bytes.len(), setting) {
                Likeness::Message => Probe::Match,
                // A capture's snap length cuts the question itself only in the rarest case.
                _ => Probe::Mismatch,
            };
        }
        probe_stream(bytes, setting)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(DnsParser)
    }
}

pub(super) fn probe_stream(bytes: &[u8], setting: Setting) -> Probe {
    let mut reader = Reader::new(bytes);
    let Some(length) = reader.u16().map(usize::from) else {
        return Probe::NeedMore;
    };
    if length < message::HEADER {
        return Probe::Mismatch;
    }
    let here = reader.remaining().min(length);
    let message = reader.take(here).unwrap_or_default();
    match message::likeness(message, length, setting) {
        Likeness::Message => Probe::Match,
        Likeness::Unfinished => Probe::NeedMore,
        Likeness::Other => Probe::Mismatch,
    }
}

/// Every message stands for itself, so nothing is remembered.
#[derive(Debug)]
struct DnsParser;

impl Parser for DnsParser {
    fn feed(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        if flow.transport == Transport::TCP {
            stream(&FIELDS, chunk, out)
        } else {
            report::datagram(&FIELDS, chunk, out)
        }
    }
}

/// Reads the complete messages of a stream, each behind its length.
pub(super) fn stream(fields: &'static fields::Fields, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
    let mut reader = Reader::new(chunk.bytes);
    loop {
        let consumed = reader.offset();
        let Some(length) = reader.u16().map(usize::from) else {
            return Progress::NeedMore { consumed, need: LENGTH };
        };
        if LENGTH + length > PENDING_BYTES {
            out.unseen(Unseen::Truncated);
            return Progress::Done;
        }
        let Some(bytes) = reader.take(length) else {
            return Progress::NeedMore { consumed, need: LENGTH + length };
        };
        let direction = chunk.direction;
        if let Err((fault, at)) = report::message(fields, Chunk { direction, bytes }, out) {
            return Progress::Malformed { what: fault.sentence(), at: consumed + LENGTH + at };
        }
    }
}

#[cfg(test)]
mod tests;
