//! BitTorrent: peers on TCP (BEP 3) and µTP (BEP 29), the distributed hash table (BEP 5), trackers on UDP (BEP 15) and
//! local discovery (BEP 14).
//!
//! Trackers on HTTP are `http`. Connections with message stream encryption look like random bytes and stay unnamed.

mod bencode;
mod datagram;
mod peer;

use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Sink, Unseen, Value};
use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::Transport;
use bencode::Dictionary;
use datagram::{Announce, Datagram, Utp};
use peer::{PROTOCOL_NAME, Side};

/// `handshake`, `extended`, `utp`, `dht`, `tracker` or `local-discovery`.
static KIND: Field = Field::meta("bittorrent.kind", "type");
/// In hex.
static INFO_HASH: Field = Field::meta("bittorrent.info-hash", "info_hash");
static PEER_ID: Field = Field::meta("bittorrent.peer-id", "peer_id");
static CLIENT: Field = Field::meta("bittorrent.client", "client_version");
static QUERY: Field = Field::meta("bittorrent.query", "request_type");

static FIELDS: &[&Field] = &[&KIND, &INFO_HASH, &PEER_ID, &CLIENT, &QUERY];

pub(crate) static PROTOCOL: BitTorrent = BitTorrent;

#[derive(Debug)]
pub(crate) struct BitTorrent;

impl Protocol for BitTorrent {
    fn name(&self) -> &'static str {
        "bittorrent"
    }

    fn about(&self) -> &'static str {
        "BitTorrent peers, hash table and trackers, BEP 3, 5, 14, 15, 29"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP, Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[6881, 6771, 6969, 51413]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[0, 0x01, 0x11, 0x13, 0x21, 0x31, 0x41, b'B', b'd'])
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let bytes = opening.newest();
        if !opening.is_datagram() {
            return probe_stream(bytes);
        }
        if Datagram::read(bytes).is_some() {
            return Probe::Match;
        }
        let Some(packet) = Utp::read(bytes) else {
            return Probe::Mismatch;
        };
        let belongs = opening.previous.is_some_and(|previous| {
            Utp::read(previous.bytes)
                .is_some_and(|before| packet.belongs_to(&before, previous.direction == opening.direction))
        });
        if belongs { Probe::Match } else { Probe::NeedMore }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<BitTorrentParser>::default()
    }
}

fn probe_stream(bytes: &[u8]) -> Probe {
    if bytes.starts_with(PROTOCOL_NAME) {
        Probe::Match
    } else if PROTOCOL_NAME.starts_with(bytes) {
        Probe::NeedMore
    } else {
        Probe::Mismatch
    }
}

#[derive(Debug, Default)]
struct BitTorrentParser {
    /// Both sides of a connection on TCP.
    sides: [Side; 2],
    /// A tracker's messages are known by the connection request before them.
    is_tracker: bool,
    /// Whether µTP was told.
    has_utp: bool,
}

impl Parser for BitTorrentParser {
    fn feed(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        if flow.transport == Transport::TCP {
            return self.side(chunk.direction).feed(chunk.bytes, chunk.direction, out);
        }
        self.datagram(chunk, out);
        Progress::Consumed(chunk.bytes.len())
    }

    fn gap(&mut self, direction: Direction, missing: u64, out: &mut dyn Sink) -> Progress {
        out.unseen(Unseen::Truncated);
        match self.side(direction).gap(missing) {
            Some(()) => Progress::Consumed(0),
            None => Progress::Done,
        }
    }
}

impl BitTorrentParser {
    fn side(&mut self, direction: Direction) -> &mut Side {
        let [to_server, to_client] = &mut self.sides;
        match direction {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        }
    }

    fn datagram(&mut self, chunk: Chunk<'_>, out: &mut dyn Sink) {
        let direction = chunk.direction;
        match Datagram::read(chunk.bytes) {
            Some(Datagram::Dht(message)) => return dht(message, direction, out),
            Some(Datagram::LocalDiscovery(text)) => return local_discovery(text, direction, out),
            Some(Datagram::TrackerConnect) => {
                self.is_tracker = true;
                out.fact(&KIND, direction, Value::Text("tracker"));
                return out.end_record();
            }
            Some(Datagram::UtpSyn) | None => {}
        }
        if self.is_tracker {
            if let Some(announce) = Announce::read(chunk.bytes) {
                out.fact(&KIND, direction, Value::Text("tracker"));
                out.fact(&QUERY, direction, Value::Text("announce"));
                state_hash(&INFO_HASH, announce.info_hash, direction, out);
                out.fact(&PEER_ID, direction, Value::Bytes(announce.peer_id));
                out.end_record();
            }
            return;
        }
        let Some(packet) = Utp::read(chunk.bytes) else {
            return;
        };
        if !self.has_utp {
            self.has_utp = true;
            out.fact(&KIND, direction, Value::Text("utp"));
            out.end_record();
        }
        // A handshake that fits into one packet, as both sides' first data does.
        peer::handshake(&mut Reader::new(packet.payload), direction, out);
    }
}

fn dht(message: Dictionary<'_>, direction: Direction, out: &mut dyn Sink) {
    out.fact(&KIND, direction, Value::Text("dht"));
    if let Some(query) = message.string(b"q") {
        out.fact(&QUERY, direction, Value::Bytes(query));
    }
    let asked = message.dictionary(b"a").and_then(|arguments| arguments.string(b"info_hash"));
    if let Some(info_hash) = asked {
        state_hash(&INFO_HASH, info_hash, direction, out);
    }
    if let Some(client) = message.string(b"v") {
        out.fact(&CLIENT, direction, Value::Bytes(client));
    }
    out.end_record();
}

fn local_discovery(text: &[u8], direction: Direction, out: &mut dyn Sink) {
    out.fact(&KIND, direction, Value::Text("local-discovery"));
    for line in text.split(|byte| *byte == b'\n') {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
            continue;
        };
        if name.eq_ignore_ascii_case(b"Infohash") {
            out.fact(&INFO_HASH, direction, Value::Bytes(value.trim_ascii()));
        }
    }
    out.end_record();
}

fn state_hash(field: &'static Field, hash: &[u8], direction: Direction, out: &mut dyn Sink) {
    let text: String = hash.iter().take(32).map(|byte| format!("{byte:02x}")).collect();
    out.fact(field, direction, Value::Text(&text));
}

#[cfg(test)]
mod tests;
