//! A parser at work as the engine works it: what it leaves is kept and given again, and its answers are checked.

use weir_core::flow::{Chunk, Direction, FlowKey};
use weir_core::limits;
use weir_core::packet::{Address, Endpoint, IpVersion, LinkId, Transport};
use weir_core::protocol::{self, Field, Opening, Parser, Probe, Progress, Protocol, Sink, Unseen, Value};

use crate::Conversation;

/// A flow from 192.0.2.1:40000 to 198.51.100.2 at `port`.
pub fn flow(transport: Transport, port: u16) -> FlowKey {
    FlowKey {
        client: Endpoint::new(Address::v4([192, 0, 2, 1]), 40_000),
        server: Endpoint::new(Address::v4([198, 51, 100, 2]), port),
        link: LinkId(0),
        transport,
        version: IpVersion::V4,
    }
}

/// What the protocol thinks of a flow's first message.
pub fn probe(protocol: &dyn Protocol, flow: &FlowKey, direction: Direction, first: &[u8]) -> Probe {
    let (to_server, to_client): (&[u8], &[u8]) = match direction {
        Direction::ToServer => (first, &[]),
        Direction::ToClient => (&[], first),
    };
    protocol.probe(&Opening { flow, direction, to_server, to_client, previous: None })
}

/// Reads a whole conversation.
pub fn read(conversation: &Conversation, out: &mut dyn Sink) {
    let protocol = protocol::named(conversation.protocol).expect("a registered name");
    let flow = flow(conversation.transport, conversation.port);
    let mut reading = Reading::new(protocol, flow);
    for (direction, bytes) in &conversation.messages {
        reading.feed(*direction, bytes, out);
    }
    reading.close(out);
}

/// One flow of one protocol.
#[derive(Debug)]
pub struct Reading {
    parser: Box<dyn Parser>,
    flow: FlowKey,
    pending: [Vec<u8>; 2],
    need: [usize; 2],
    over: bool,
}

impl Reading {
    pub fn new(protocol: &dyn Protocol, flow: FlowKey) -> Self {
        Self { parser: protocol.parser(), flow, pending: [Vec::new(), Vec::new()], need: [0; 2], over: false }
    }

    /// Whether the parser wants to see no more.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Gives the next bytes of a stream, or a datagram.
    pub fn feed(&mut self, direction: Direction, bytes: &[u8], out: &mut dyn Sink) {
        if self.over {
            return;
        }
        let side = direction.index();
        if self.flow.transport != Transport::TCP || self.pending[side].is_empty() {
            self.give(direction, bytes, out);
            return;
        }
        self.pending[side].extend_from_slice(bytes);
        if self.pending[side].len() >= self.need[side] {
            let given = std::mem::take(&mut self.pending[side]);
            self.give(direction, &given, out);
        }
    }

    /// Loses bytes.
    pub fn gap(&mut self, direction: Direction, missing: u64, out: &mut dyn Sink) {
        if self.over {
            return;
        }
        self.pending[direction.index()].clear();
        self.need[direction.index()] = 0;
        self.over = !matches!(self.parser.gap(direction, missing, out), Progress::Consumed(_));
    }

    /// Ends the flow.
    pub fn close(&mut self, out: &mut dyn Sink) {
        if !self.over {
            self.parser.close(&self.flow, out);
        }
    }

    fn give(&mut self, direction: Direction, bytes: &[u8], out: &mut dyn Sink) {
        let (consumed, need) = match self.parser.feed(&self.flow, Chunk { direction, bytes }, out) {
            Progress::Consumed(consumed) => (consumed, 0),
            Progress::NeedMore { consumed, need } => (consumed, need),
            Progress::Done => return self.over = true,
            Progress::Become { protocol, consumed } | Progress::Secured { protocol, consumed } => {
                assert!(protocol::named(protocol).is_some(), "becomes {protocol}, which nobody knows");
                assert!(consumed <= bytes.len(), "consumed {consumed} of {}", bytes.len());
                return self.over = true;
            }
            Progress::Carries { consumed: at } | Progress::Malformed { at, .. } => {
                assert!(at <= bytes.len(), "{at} is behind {}", bytes.len());
                return self.over = true;
            }
        };
        assert!(consumed <= bytes.len(), "consumed {consumed} of {}", bytes.len());
        if self.flow.transport != Transport::TCP {
            return;
        }
        let left = &bytes[consumed..];
        assert!(need == 0 || need > left.len(), "asks to wait for {need} bytes where {} are", left.len());
        if left.len() > limits::PENDING_BYTES {
            self.gap(direction, left.len() as u64, out);
            return;
        }
        self.pending[direction.index()] = left.to_vec();
        self.need[direction.index()] = need;
    }
}

/// Counts facts and keeps none.
#[derive(Debug, Default)]
pub struct Count {
    pub facts: usize,
    pub records: usize,
    /// Octets of all values, so that nobody can leave them out.
    pub bytes: usize,
}

impl Sink for Count {
    fn fact(&mut self, _: &'static Field, _: Direction, value: Value<'_>) {
        self.facts += 1;
        self.bytes += value.bytes().len();
    }

    fn end_record(&mut self) {
        self.records += 1;
    }

    fn refine(&mut self, _: &'static str) {}

    fn inner(&mut self, _: &'static str) {}

    fn expect(&mut self, _: Transport, _: Endpoint, _: &'static str) {}

    fn unseen(&mut self, _: Unseen) {}
}

/// Keeps what was stated, as text.
#[derive(Debug, Default)]
pub struct Notes(pub Vec<(&'static str, String)>);

impl Notes {
    pub fn has(&self, field: &str, value: &str) -> bool {
        self.0.iter().any(|(name, stated)| *name == field && stated == value)
    }
}

impl Sink for Notes {
    fn fact(&mut self, field: &'static Field, _: Direction, value: Value<'_>) {
        let text = match value {
            Value::Number(number) => number.to_string(),
            Value::Pair(key, value) => {
                format!("{}: {}", String::from_utf8_lossy(key), String::from_utf8_lossy(value))
            }
            Value::Bytes(_) | Value::Text(_) => String::from_utf8_lossy(value.bytes()).into_owned(),
        };
        self.0.push((field.name, text));
    }

    fn end_record(&mut self) {}

    fn refine(&mut self, _: &'static str) {}

    fn inner(&mut self, _: &'static str) {}

    fn expect(&mut self, _: Transport, _: Endpoint, _: &'static str) {}

    fn unseen(&mut self, _: Unseen) {}
}
