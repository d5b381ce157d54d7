//! The engine's two doors, packets and chunks, and running twice: the same traffic gives the same answers.

use std::collections::HashMap;

use weir_core::engine::{Decision, Depth, Engine};
use weir_core::event::Event;
use weir_core::flow::{Direction, FlowId, FlowKey};
use weir_tests::conversation::{self, summary};
use weir_tests::{case, config, lines, replay};

/// What was told about every flow, by its two ends; of flows with the same ends, one after the other.
fn by_flow(events: &[Event]) -> HashMap<FlowKey, Vec<String>> {
    let mut told: HashMap<FlowKey, Vec<String>> = HashMap::new();
    for event in events {
        let key = match event {
            Event::Flow(flow) => flow.key,
            Event::Alert(alert) => alert.key,
            Event::Record(record) => record.key,
        };
        told.entry(key).or_default().push(summary(event));
    }
    told
}

#[test]
fn both_doors_tell_the_same() {
    let config = config(Depth::Records);
    let mut compared = 0;
    for (case, recording) in case::readable() {
        // Packets tell more than chunks here: two versions of the same bytes, or bytes in no TCP segment of their own.
        if ["overlap", "badsum", "fuzz", "ipfrag"].iter().any(|odd| case.name.contains(odd)) {
            continue;
        }
        let packets = by_flow(&replay(&recording, &config));
        let conversations = conversation::all(&recording);
        for conversation in &conversations {
            let twice = conversations.iter().filter(|other| other.key == conversation.key).count();
            let Some(told) = packets.get(&conversation.key) else {
                continue;
            };
            // What other flows taught (names, announced protocols) is not there when a conversation comes alone.
            if twice > 1 || told.iter().any(|line| line.contains("(cached)")) {
                continue;
            }
            let pieces = conversation.messages.iter().map(|(direction, bytes)| (*direction, &bytes[..]));
            let chunks = conversation::told(conversation, pieces, &config, true);
            let only = |lines: &[String]| -> Vec<String> {
                lines.iter().filter(|line| !line.starts_with("flow")).cloned().collect()
            };
            assert_eq!(only(told), only(&chunks), "{} {}", case.name, conversation.key.server);
            compared += 1;
        }
    }
    assert!(compared > 100, "only {compared} conversations were compared");
}

#[test]
fn two_runs_write_the_same_bytes() {
    let config = config(Depth::Records);
    for (case, recording) in case::readable() {
        let first = lines(&replay(&recording, &config));
        assert_eq!(first, lines(&replay(&recording, &config)), "{}", case.name);
    }
}

#[test]
fn the_seed_of_the_flow_table_shows_nowhere() {
    let config = config(Depth::Records);
    let mut other = config.clone();
    other.seed.0 = [1, 2, 3, 4];
    for (case, recording) in case::readable() {
        let first = lines(&replay(&recording, &config));
        assert_eq!(first, lines(&replay(&recording, &other)), "{}", case.name);
    }
}

/// Nothing is promised twice and nothing is kept for ever: what may go never exceeds what came.
#[test]
fn the_tunnels_door_lets_go_no_more_than_it_was_given() {
    let config = config(Depth::Detect);
    for (case, recording) in case::readable() {
        for conversation in conversation::all(&recording) {
            let mut engine = Engine::new(&config);
            let flow = engine.open(conversation.at, conversation.key, &mut |_| {});
            let mut held = [0_usize; 2];
            for (direction, bytes) in &conversation.messages {
                let waiting = &mut held[direction.index()];
                *waiting += bytes.len();
                match engine.chunk(conversation.at, flow, *direction, bytes, &mut |_| {}) {
                    Decision::Forward(count) => {
                        assert!(count <= *waiting, "{}: {count} of {waiting} bytes", case.name);
                        *waiting -= count;
                    }
                    Decision::Block(verdict) => panic!("{}: {verdict:?} under monitor", case.name),
                }
            }
            engine.close(flow, &mut |_| {});
        }
    }
}

#[test]
fn bytes_of_a_flow_that_nobody_opened_may_go() {
    let mut engine = Engine::new(&config(Depth::Detect));
    let decision = engine.chunk(Default::default(), FlowId(7), Direction::ToServer, b"hello", &mut |_| {});
    assert_eq!(decision, Decision::Forward(5));
}
