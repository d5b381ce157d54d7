//! STUN (RFC 8489, classic STUN: RFC 3489) and TURN (RFC 8656), over UDP and TCP.
//!
//! How two sides find a way to each other, and the relay where there is none. Calls go on with DTLS, RTP and RTCP on the
//! same port; the first octet tells them apart (RFC 7983). They, and what a relay carries, are read by their own parsers
//! while the flow stays `stun`.

mod message;
mod probe;

use std::ops::ControlFlow;

use super::short::Short;
use super::{
    Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Sink, Unseen, Value, named, rtcp, rtp,
};
use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits::PENDING_BYTES;
use crate::packet::Transport;
use message::{HEADER, Header, attribute};
use probe::Framing;

static METHOD: Field = Field::meta("stun.method", "method");
static CLASS: Field = Field::meta("stun.class", "class");
/// For ICE two random fragments; never sent with its password.
static USERNAME: Field = Field::meta("stun.username", "username");
static REALM: Field = Field::meta("stun.realm", "realm");
/// The realm where it is a domain.
static DOMAIN: Field = Field::hostname("stun.domain", "");
static SOFTWARE: Field = Field::meta("stun.software", "software");
static ERROR: Field = Field::meta("stun.error", "error_code");
static MAPPED: Field = Field::meta("stun.mapped-address", "mapped_address");
static PEER: Field = Field::meta("stun.peer-address", "peer_address");
static RELAYED: Field = Field::meta("stun.relayed-address", "relayed_address");

static FIELDS: &[&Field] =
    &[&METHOD, &CLASS, &USERNAME, &REALM, &DOMAIN, &SOFTWARE, &ERROR, &MAPPED, &PEER, &RELAYED];

pub(crate) static PROTOCOL: Stun = Stun;

#[derive(Debug)]
pub(crate) struct Stun;

impl Protocol for Stun {
    fn name(&self) -> &'static str {
        "stun"
    }

    fn about(&self) -> &'static str {
        "Session Traversal Utilities for NAT and its relays (TURN), RFC 8489, RFC 8656"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP, Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[3478, 3479]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::Range(0, 0x7f)
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        if opening.is_datagram() { probe::datagram(opening) } else { probe::stream(opening.newest()) }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<StunParser>::default()
    }
}

#[derive(Debug, Default)]
struct StunParser {
    /// Of the handshake that follows on the same port.
    dtls: Option<Box<dyn Parser>>,
    /// Whether what is inside was told.
    told: bool,
    framing: Option<Framing>,
}

impl Parser for StunParser {
    fn feed(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        if flow.transport == Transport::TCP {
            return self.stream(flow, chunk, out);
        }
        self.datagram(flow, chunk, out)
    }

    fn close(&mut self, flow: &FlowKey, out: &mut dyn Sink) {
        if let Some(dtls) = &mut self.dtls {
            dtls.close(flow, out);
        }
    }
}

impl StunParser {
    /// RFC 7983 §7: the first octet decides.
    fn datagram(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        match chunk.bytes.first() {
            Some(0..=3) => return self.message(flow, chunk, out),
            Some(64..=127) => self.channel_data(flow, chunk, out),
            _ => self.inside(flow, chunk, out),
        }
        Progress::Consumed(chunk.bytes.len())
    }

    fn message(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let mut reader = Reader::new(chunk.bytes);
        let Some(header) = Header::read(&mut reader) else {
            // Something of the application's own that begins alike.
            return Progress::Consumed(chunk.bytes.len());
        };
        let direction = chunk.direction;
        if let Some(method) = header.method_name() {
            out.fact(&METHOD, direction, Value::Text(method));
        }
        out.fact(&CLASS, direction, Value::Text(header.class()));
        let mut carried: Option<&[u8]> = None;
        let walked = reader.sub(header.length).and_then(|body| {
            message::attributes(body, |kind, mut value| {
                if kind == attribute::DATA {
                    carried = Some(value.rest());
                } else {
                    state(kind, value, header, direction, out);
                }
                ControlFlow::Continue(())
            })
        });
        out.end_record();
        if let Some(bytes) = carried {
            self.inside(flow, Chunk { direction, bytes }, out);
        }
        if walked.is_none() {
            return Progress::Malformed {
                what: "a STUN message's attributes do not fit into it",
                at: HEADER.min(chunk.bytes.len()),
            };
        }
        Progress::Consumed(chunk.bytes.len())
    }

    fn channel_data(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) {
        let mut reader = Reader::new(chunk.bytes);
        let carried = probe::channel(&mut reader).and_then(|(_, length)| reader.take(length));
        if let Some(bytes) = carried {
            let direction = chunk.direction;
            self.inside(flow, Chunk { direction, bytes }, out);
        }
    }

    /// What is neither STUN nor TURN: DTLS, or media.
    fn inside(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) {
        match chunk.bytes.first() {
            Some(20..=63) => self.handshake(flow, chunk, out),
            Some(128..=191) if !self.told && is_media(chunk.bytes) => {
                self.told = true;
                out.inner("rtp");
            }
            _ => {}
        }
    }

    fn handshake(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) {
        if self.dtls.is_none() {
            if self.told || !is_dtls_record(chunk.bytes) {
                return;
            }
            let Some(protocol) = named("dtls") else {
                return;
            };
            self.told = true;
            out.inner("dtls");
            self.dtls = Some(protocol.parser());
        }
        let Some(dtls) = &mut self.dtls else {
            return;
        };
        if let Progress::Done | Progress::Malformed { .. } = dtls.feed(flow, chunk, out) {
            dtls.close(flow, out);
            self.dtls = None;
        }
    }

    fn stream(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        if self.framing.is_none() && chunk.bytes.len() < Framing::NEED {
            return Progress::NeedMore { consumed: 0, need: Framing::NEED };
        }
        let framing = *self.framing.get_or_insert_with(|| Framing::of(chunk.bytes));
        let mut reader = Reader::new(chunk.bytes);
        loop {
            let consumed = reader.offset();
            let Some(frame) = frame(framing, reader) else {
                return Progress::NeedMore { consumed, need: 4 };
            };
            if frame.octets > PENDING_BYTES {
                out.unseen(Unseen::Truncated);
                return Progress::Done;
            }
            let Some(whole) = reader.take(frame.octets) else {
                return Progress::NeedMore { consumed, need: frame.octets };
            };
            let inner =
                Chunk { direction: chunk.direction, bytes: whole.get(frame.prefix..).unwrap_or_default() };
            if let Progress::Malformed { what, at } = self.datagram(flow, inner, out) {
                return Progress::Malformed { what, at: consumed + frame.prefix + at };
            }
        }
    }
}

/// One message of a stream: how long it is altogether, and what of that stands before the message.
struct Frame {
    octets: usize,
    prefix: usize,
}

fn frame(framing: Framing, mut reader: Reader<'_>) -> Option<Frame> {
    let first = reader.u16()?;
    let second = usize::from(reader.u16()?);
    Some(match framing {
        Framing::Prefixed => Frame { octets: 2 + usize::from(first), prefix: 2 },
        // Channel data is padded on TCP (RFC 8656 §12.5).
        Framing::Own if first >= 0x4000 => Frame { octets: 4 + second.next_multiple_of(4), prefix: 0 },
        Framing::Own => Frame { octets: HEADER + second, prefix: 0 },
    })
}

fn state(kind: u16, mut value: Reader<'_>, header: Header, direction: Direction, out: &mut dyn Sink) {
    let (field, key) = match kind {
        attribute::USERNAME => return out.fact(&USERNAME, direction, Value::Bytes(value.rest())),
        attribute::SOFTWARE => return out.fact(&SOFTWARE, direction, Value::Bytes(trimmed(value.rest()))),
        attribute::REALM => {
            let realm = trimmed(value.rest());
            out.fact(&REALM, direction, Value::Bytes(realm));
            if is_domain(realm) {
                out.fact(&DOMAIN, direction, Value::Bytes(realm));
            }
            return;
        }
        attribute::ERROR_CODE => {
            // Class and number stand behind 21 reserved bits (RFC 8489 §14.8).
            if let Some([_, _, class, number]) = value.array() {
                let code = u64::from(class & 7) * 100 + u64::from(number);
                out.fact(&ERROR, direction, Value::Number(code));
            }
            return;
        }
        attribute::MAPPED_ADDRESS => (&MAPPED, None),
        attribute::XOR_MAPPED_ADDRESS => (&MAPPED, Some(header)),
        attribute::XOR_PEER_ADDRESS => (&PEER, Some(header)),
        attribute::XOR_RELAYED_ADDRESS => (&RELAYED, Some(header)),
        _ => return,
    };
    if let Some(endpoint) = message::address(value, key) {
        out.fact(field, direction, Short::<60>::of(endpoint).value());
    }
}

/// Without the zeros that some programs count into a text's length.
fn trimmed(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    text.get(..end).unwrap_or_default()
}

fn is_domain(realm: &[u8]) -> bool {
    realm.contains(&b'.')
        && realm.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

/// A record of DTLS 1.0 to 1.2, as every handshake begins (RFC 6347 §4.1).
const fn is_dtls_record(bytes: &[u8]) -> bool {
    matches!(bytes, [20..=25, 0xfe, 0xfd | 0xff, ..])
}

fn is_media(bytes: &[u8]) -> bool {
    rtcp::is_packet_type(bytes) || rtp::Header::read(bytes).is_some()
}

#[cfg(test)]
mod tests;
