//! A mixed capture: many flows at once, as a phone and its neighbours make them.

use weir_core::engine::Frame;
use weir_core::flow::Direction;
use weir_core::packet::{LinkType, Transport};
use weir_core::time::Timestamp;

use crate::conversations::{self, Conversation};
use crate::frames::{Flags, Wire};
use crate::wire::noise;

/// Largest payload of a TCP segment on Ethernet without options.
const SEGMENT: usize = 1460;
/// Flows that are under way at the same time.
const TOGETHER: usize = 64;
/// 2026-06-01 12:00 UTC.
const START: Timestamp = Timestamp::from_seconds(1_780_315_200);

/// Frames in memory.
#[derive(Debug)]
pub struct Capture {
    frames: Vec<Vec<u8>>,
    pub flows: usize,
}

/// How often a conversation comes in a hundred flows, and how many segments or datagrams of encrypted bulk follow it.
const MIX: &[(&str, usize, usize)] =
    &[("dns", 40, 0), ("tls", 30, 40), ("quic", 20, 60), ("http", 8, 0), ("ssh", 1, 30), ("smtp", 1, 0)];

impl Capture {
    /// A capture of `flows` flows.
    pub fn mixed(flows: usize) -> Self {
        let kinds: Vec<(Conversation, usize)> = MIX
            .iter()
            .flat_map(|&(protocol, share, bulk)| (0..share).map(move |_| (conversations::of(protocol), bulk)))
            .collect();
        let mut frames = Vec::new();
        for first in (0..flows).step_by(TOGETHER) {
            let mut under_way: Vec<_> = (first..flows.min(first + TOGETHER))
                .map(|number| {
                    // A step that has no factor in common with a hundred mixes the kinds.
                    let (conversation, bulk) = &kinds[number * 37 % kinds.len()];
                    packets(number as u32, conversation, *bulk).into_iter()
                })
                .collect();
            while !under_way.is_empty() {
                under_way.retain_mut(|flow| flow.next().map(|frame| frames.push(frame)).is_some());
            }
        }
        Self { frames, flows }
    }

    /// How many of the flows speak this protocol.
    pub fn flows_of(&self, protocol: &str) -> usize {
        let shares: Vec<&str> =
            MIX.iter().flat_map(|&(name, share, _)| std::iter::repeat_n(name, share)).collect();
        (0..self.flows).filter(|number| shares[number * 37 % shares.len()] == protocol).count()
    }

    pub fn packets(&self) -> usize {
        self.frames.len()
    }

    pub fn bytes(&self) -> u64 {
        self.frames.iter().map(|frame| frame.len() as u64).sum()
    }

    /// The frames, twenty microseconds apart.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        (1..).zip(&self.frames).map(|(number, bytes)| Frame {
            id: number,
            number,
            at: Timestamp(START.0 + number * 20_000),
            link: LinkType::ETHERNET,
            length: bytes.len() as u32,
            bytes,
        })
    }
}

/// All packets of one flow.
fn packets(number: u32, conversation: &Conversation, bulk: usize) -> Vec<Vec<u8>> {
    let wire = Wire { number, server_port: conversation.port };
    if conversation.transport == Transport::TCP {
        Stream::new(wire).play(conversation, bulk)
    } else {
        let said = conversation.messages.iter().map(|(direction, bytes)| wire.udp(*direction, bytes));
        let more = (0..bulk).map(|_| wire.udp(Direction::ToClient, &conversations::quic_data(1200)));
        said.chain(more).collect()
    }
}

/// A TCP connection that is written down.
struct Stream {
    wire: Wire,
    /// Sequence numbers of the next byte, to the server and to the client.
    next: [u32; 2],
    frames: Vec<Vec<u8>>,
}

impl Stream {
    fn new(wire: Wire) -> Self {
        Self { wire, next: [1000, 5000], frames: Vec::new() }
    }

    fn play(mut self, conversation: &Conversation, bulk: usize) -> Vec<Vec<u8>> {
        let syn = Flags { syn: true, fin: false };
        let fin = Flags { syn: false, fin: true };
        self.frames.push(self.wire.tcp(Direction::ToServer, self.next[0], 0, syn, &[]));
        self.next[0] += 1;
        self.frames.push(self.wire.tcp(Direction::ToClient, self.next[1], self.next[0], syn, &[]));
        self.next[1] += 1;
        self.say(Direction::ToServer, &[]);
        for (direction, bytes) in &conversation.messages {
            for segment in bytes.chunks(SEGMENT) {
                self.say(*direction, segment);
            }
        }
        let data = noise(7, SEGMENT);
        for segment in 0..bulk {
            self.say(Direction::ToClient, &data);
            if segment % 2 == 1 {
                self.say(Direction::ToServer, &[]);
            }
        }
        for direction in Direction::BOTH {
            let (sequence, acknowledgment) = self.numbers(direction);
            self.frames.push(self.wire.tcp(direction, sequence, acknowledgment, fin, &[]));
            self.next[direction.index()] += 1;
        }
        self.frames
    }

    fn say(&mut self, direction: Direction, payload: &[u8]) {
        let (sequence, acknowledgment) = self.numbers(direction);
        self.frames.push(self.wire.tcp(direction, sequence, acknowledgment, Flags::default(), payload));
        self.next[direction.index()] += payload.len() as u32;
    }

    fn numbers(&self, direction: Direction) -> (u32, u32) {
        (self.next[direction.index()], self.next[direction.opposite().index()])
    }
}
