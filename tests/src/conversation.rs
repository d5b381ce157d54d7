//! TCP conversations out of captures, put in order the plain way, so that they can be cut anew and given to the other
//! door of the engine.

use std::collections::{BTreeMap, HashMap};

use weir_core::engine::{Config, Engine};
use weir_core::event::Event;
use weir_core::flow::table::key_of_first;
use weir_core::flow::{Direction, FlowKey};
use weir_core::packet::{Packet, Parsed, Tcp, Transport, parse};
use weir_core::time::Timestamp;

use crate::case::Recording;

/// What two sides of a TCP connection said to each other, in order.
#[derive(Debug)]
pub struct Conversation {
    pub at: Timestamp,
    pub key: FlowKey,
    pub messages: Vec<(Direction, Vec<u8>)>,
}

/// A conversation being read out of segments.
struct Gathering {
    conversation: Conversation,
    next: [Option<u32>; 2],
    early: [BTreeMap<u32, Vec<u8>>; 2],
    /// Bytes were cut off, or came in two versions: nothing to compare with.
    spoilt: bool,
}

/// Every complete TCP conversation of a recording. IP fragments are left out.
pub fn all(recording: &Recording) -> Vec<Conversation> {
    let mut order = Vec::new();
    let mut known: HashMap<FlowKey, usize> = HashMap::new();
    for frame in &recording.frames {
        let Ok(Parsed::Packet(packet)) = parse(frame.link, &frame.bytes) else {
            continue;
        };
        if packet.transport != Transport::TCP {
            continue;
        }
        let mut key = key_of_first(&packet);
        let swapped = FlowKey { client: key.server, server: key.client, ..key };
        if known.contains_key(&swapped) {
            key = swapped;
        }
        let begins = packet.tcp.flags & (Tcp::SYN | Tcp::ACK) == Tcp::SYN;
        let at = match known.get(&key) {
            Some(&at) if !begins => at,
            _ => {
                order.push(Gathering::new(frame.at, key));
                known.insert(key, order.len() - 1);
                order.len() - 1
            }
        };
        order[at].take(&packet);
    }
    order
        .into_iter()
        .filter(|gathering| !gathering.spoilt && gathering.early.iter().all(BTreeMap::is_empty))
        .map(|gathering| gathering.conversation)
        .filter(|conversation| !conversation.messages.is_empty())
        .collect()
}

impl Gathering {
    fn new(at: Timestamp, key: FlowKey) -> Self {
        Self {
            conversation: Conversation { at, key, messages: Vec::new() },
            next: [None; 2],
            early: Default::default(),
            spoilt: false,
        }
    }

    fn take(&mut self, packet: &Packet<'_>) {
        let direction = if packet.source == self.conversation.key.client {
            Direction::ToServer
        } else {
            Direction::ToClient
        };
        let side = direction.index();
        let syn = packet.tcp.flags & Tcp::SYN != 0;
        let sequence = packet.tcp.sequence.wrapping_add(u32::from(syn));
        self.next[side].get_or_insert(sequence);
        self.spoilt |= packet.missing > 0;
        if !packet.payload.is_empty() {
            self.early[side].entry(sequence).or_insert_with(|| packet.payload.to_vec());
            self.release(direction);
        }
    }

    fn release(&mut self, direction: Direction) {
        let side = direction.index();
        let mut next = self.next[side].expect("a segment was taken");
        let far = |sequence: u32, next: u32| next.wrapping_sub(sequence) > 1 << 30;
        while let Some(sequence) = self.early[side].keys().copied().find(|&sequence| !far(sequence, next)) {
            let bytes = self.early[side].remove(&sequence).expect("it was just found");
            let skip = (next.wrapping_sub(sequence) as usize).min(bytes.len());
            if skip < bytes.len() {
                next = next.wrapping_add((bytes.len() - skip) as u32);
                self.conversation.messages.push((direction, bytes[skip..].to_vec()));
            }
        }
        self.next[side] = Some(next);
    }
}

/// What is told about a conversation given through [`Engine::chunk`], without what depends on how it was cut: the numbers
/// of packets. `close` says whether the flow is ended; without it only what was told before is returned.
pub fn told<'a>(
    conversation: &Conversation,
    pieces: impl IntoIterator<Item = (Direction, &'a [u8])>,
    config: &Config,
    close: bool,
) -> Vec<String> {
    let mut engine = Engine::new(config);
    let mut told = Vec::new();
    let mut tell = |event: Event| told.push(summary(&event));
    let flow = engine.open(conversation.at, conversation.key, &mut tell);
    for (direction, bytes) in pieces {
        engine.chunk(conversation.at, flow, direction, bytes, &mut tell);
    }
    if close {
        engine.close(flow, &mut tell);
    }
    told
}

/// An event as text: all of it that the bytes decide.
pub fn summary(event: &Event) -> String {
    match event {
        Event::Record(record) => format!("{} {}", record.protocol, record.body),
        // The server's name may have been learned from another flow.
        Event::Alert(alert) => format!("alert {:?}", alert.sighting.finding),
        Event::Flow(flow) => {
            let findings: Vec<_> = flow
                .findings
                .iter()
                .map(|sighting| (sighting.finding.id, &sighting.finding.encoding))
                .collect();
            format!(
                "flow {:?} inside {:?} ({}), {:?}, {:?}, {findings:?}, {:?}",
                flow.protocol,
                flow.inner,
                flow.confidence.name(),
                flow.hostname,
                flow.ja4,
                flow.unseen
            )
        }
    }
}
