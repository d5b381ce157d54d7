//! What every dissector's tests use: feed bytes, read the facts.

use super::{Field, Opening, Parser, Probe, Progress, Protocol, Sink, Unseen, Value};
use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::{Address, Endpoint, IpVersion, LinkId, Transport};

pub(crate) const TO_SERVER: Direction = Direction::ToServer;
pub(crate) const TO_CLIENT: Direction = Direction::ToClient;

/// A flow from 192.0.2.1:40000 to 198.51.100.2 at `port`.
pub(crate) fn flow(transport: Transport, port: u16) -> FlowKey {
    FlowKey {
        client: Endpoint::new(Address::v4([192, 0, 2, 1]), 40_000),
        server: Endpoint::new(Address::v4([198, 51, 100, 2]), port),
        link: LinkId(0),
        transport,
        version: IpVersion::V4,
    }
}

/// What a parser said, as text: `tls.sni=example.org`, `dns.id=7`, and its other words in brackets: `[end]`, `[refine grpc]`,
/// `[inner tls]`, `[expect ftp-data 198.51.100.2:5001]`, `[unseen ech]`, `[become tls]`, `[done]`, `[malformed what]`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Transcript(pub(crate) Vec<String>);

impl Transcript {
    /// The values of one field, in order.
    pub(crate) fn values(&self, field: &Field) -> Vec<&str> {
        let prefix = format!("{}=", field.name);
        self.0.iter().filter_map(|line| line.strip_prefix(&prefix)).collect()
    }

    /// The only value of a field.
    #[track_caller]
    pub(crate) fn value(&self, field: &Field) -> &str {
        let values = self.values(field);
        assert_eq!(values.len(), 1, "{} should be stated once in {:#?}", field.name, self.0);
        values[0]
    }

    pub(crate) fn says(&self, word: &str) -> bool {
        self.0.iter().any(|line| line == word)
    }
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec())
        .unwrap_or_else(|_| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Checks that every fact is declared, and writes it down.
struct Recorder<'a> {
    declared: &'a [&'static Field],
    transcript: Transcript,
}

impl Sink for Recorder<'_> {
    fn fact(&mut self, field: &'static Field, _: Direction, value: Value<'_>) {
        assert!(
            self.declared.iter().any(|known| std::ptr::eq(*known, field)),
            "{} is stated but not declared",
            field.name
        );
        let text = match value {
            Value::Bytes(bytes) => show(bytes),
            Value::Text(text) => text.to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Pair(key, value) => format!("{}: {}", show(key), show(value)),
        };
        self.transcript.0.push(format!("{}={text}", field.name));
    }

    fn end_record(&mut self) {
        self.transcript.0.push("[end]".to_owned());
    }

    fn refine(&mut self, name: &'static str) {
        self.transcript.0.push(format!("[refine {name}]"));
    }

    fn inner(&mut self, name: &'static str) {
        self.transcript.0.push(format!("[inner {name}]"));
    }

    fn expect(&mut self, _: Transport, server: Endpoint, protocol: &'static str) {
        self.transcript.0.push(format!("[expect {protocol} {server}]"));
    }

    fn unseen(&mut self, what: Unseen) {
        self.transcript.0.push(format!("[unseen {}]", what.name()));
    }
}

/// A conversation: who said what, in order.
pub(crate) type Conversation<'a> = &'a [(Direction, &'a [u8])];

/// Feeds a conversation the way the engine does (keeping what a parser leaves) and closes the flow.
pub(crate) fn feed(
    protocol: &'static dyn Protocol,
    flow: &FlowKey,
    conversation: Conversation<'_>,
) -> Transcript {
    feed_to(&mut *protocol.parser(), protocol.fields(), flow, conversation, true)
}

fn feed_to(
    parser: &mut dyn Parser,
    declared: &[&'static Field],
    flow: &FlowKey,
    conversation: Conversation<'_>,
    close: bool,
) -> Transcript {
    let mut recorder = Recorder { declared, transcript: Transcript::default() };
    let mut pending = [Vec::new(), Vec::new()];
    let mut need = [0, 0];
    for &(direction, bytes) in conversation {
        let side = direction.index();
        pending[side].extend_from_slice(bytes);
        if pending[side].len() < need[side] {
            continue;
        }
        let given = std::mem::take(&mut pending[side]);
        let progress = parser.feed(flow, Chunk { direction, bytes: &given }, &mut recorder);
        let consumed = match progress {
            Progress::Consumed(consumed) => {
                need[side] = 0;
                consumed
            }
            Progress::NeedMore { consumed, need: until } => {
                assert!(until > given.len() - consumed, "asked to wait for bytes that are there");
                need[side] = until;
                consumed
            }
            Progress::Done => {
                recorder.transcript.0.push("[done]".to_owned());
                return recorder.transcript;
            }
            Progress::Become { protocol, consumed } => {
                assert!(consumed <= given.len());
                recorder.transcript.0.push(format!("[become {protocol}]"));
                return recorder.transcript;
            }
            Progress::Secured { protocol, consumed } => {
                assert!(consumed <= given.len());
                recorder.transcript.0.push(format!("[secured by {protocol}]"));
                return recorder.transcript;
            }
            Progress::Carries { consumed } => {
                assert!(consumed <= given.len());
                recorder.transcript.0.push("[carries]".to_owned());
                return recorder.transcript;
            }
            Progress::Malformed { what, at } => {
                assert!(at <= given.len());
                recorder.transcript.0.push(format!("[malformed {what}]"));
                return recorder.transcript;
            }
        };
        assert!(consumed <= given.len(), "consumed more than was given");
        if flow.transport == Transport::TCP {
            pending[side] = given[consumed..].to_vec();
        }
    }
    if close {
        parser.close(flow, &mut recorder);
    }
    recorder.transcript
}

/// What the protocol thinks of one side's first bytes.
pub(crate) fn probe(protocol: &dyn Protocol, flow: &FlowKey, direction: Direction, bytes: &[u8]) -> Probe {
    let none: &[u8] = &[];
    let (to_server, to_client) = if direction == TO_SERVER { (bytes, none) } else { (none, bytes) };
    protocol.probe(&Opening { flow, direction, to_server, to_client, previous: None })
}

/// A dissector's promises, checked on one conversation: nothing panics on any prefix, a prefix states a prefix of the
/// facts, every cut of every message states the same facts, and garbage of the same length is survived.
#[track_caller]
pub(crate) fn keeps_promises(
    protocol: &'static dyn Protocol,
    flow: &FlowKey,
    conversation: Conversation<'_>,
) {
    let run = |parts: Conversation<'_>, close| {
        feed_to(&mut *protocol.parser(), protocol.fields(), flow, parts, close)
    };
    let whole = run(conversation, false);
    let is_prefix =
        |part: &Transcript| part.0.len() <= whole.0.len() && part.0[..] == whole.0[..part.0.len()];
    for (index, &(direction, bytes)) in conversation.iter().enumerate() {
        for cut in (0..bytes.len().min(4096)).step_by((bytes.len() / 512).max(1)) {
            let mut parts = conversation[..index].to_vec();
            parts.push((direction, &bytes[..cut]));
            let prefix = run(&parts, false);
            if flow.transport == Transport::TCP {
                assert!(
                    is_prefix(&prefix),
                    "cut at {cut} of message {index}: {prefix:#?}\nwhole: {whole:#?}"
                );
                parts.push((direction, &bytes[cut..]));
                parts.extend_from_slice(&conversation[index + 1..]);
                assert_eq!(run(&parts, false), whole, "split at {cut} of message {index}");
            }
        }
    }
    for seed in 1..64_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut damaged: Vec<(Direction, Vec<u8>)> =
            conversation.iter().map(|&(direction, bytes)| (direction, bytes.to_vec())).collect();
        for (_, bytes) in &mut damaged {
            for _ in 0..=bytes.len() / 16 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                if let Some(at) = (state >> 33).checked_rem(bytes.len() as u64) {
                    bytes[at as usize] = (state >> 24) as u8;
                }
            }
        }
        let parts: Vec<(Direction, &[u8])> =
            damaged.iter().map(|(direction, bytes)| (*direction, &bytes[..])).collect();
        run(&parts, true);
    }
}
