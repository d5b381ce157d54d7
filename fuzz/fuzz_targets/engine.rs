//! The whole engine: frames through one door, chunks through the other; the first byte picks the door.
#![no_main]

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use weir_benches::{bodies, reading};
use weir_core::engine::{Config, Decision, Depth, Engine, Frame};
use weir_core::event::Event;
use weir_core::finding::leak::device::Device;
use weir_core::flow::FlowId;
use weir_core::flow::table::Seed;
use weir_core::packet::Transport;
use weir_core::policy::{Policy, Profile};
use weir_core::rules::RuleSet;
use weir_core::time::Timestamp;
use weir_fuzz::link;
use weir_fuzz::script::{self, Step};

static CONFIG: LazyLock<Config> = LazyLock::new(|| Config {
    rules: Arc::new(RuleSet {
        device: Device::parse(&bodies::device()).expect("a valid file"),
        ..RuleSet::default()
    }),
    policy: Arc::new(Policy::new(Profile::Strict)),
    depth: Depth::Records,
    seed: Seed::default(),
});

fuzz_target!(|input: &[u8]| {
    let Some((door, input)) = input.split_first() else {
        return;
    };
    let mut ledger = Ledger::default();
    match door {
        0 => packets(input, &mut ledger),
        _ => chunks(*door, input, &mut ledger),
    }
});

fn packets(input: &[u8], ledger: &mut Ledger) {
    let mut engine = Engine::new(&CONFIG);
    let mut at = Timestamp::from_seconds(1_780_272_000);
    let mut last = 0;
    for (frame, number) in link::frames(input).zip(1..) {
        at.0 += u64::from(frame.wait) * 1_000_000;
        last = number;
        let frame = Frame {
            id: number,
            number,
            at,
            link: frame.link,
            length: frame.bytes.len() as u32,
            bytes: frame.bytes,
        };
        // What cannot be parsed is told and left alone.
        let _ = engine.packet(&frame, &mut |event| ledger.note(event));
    }
    engine.finish(last, &mut |event| ledger.note(event));
}

fn chunks(door: u8, input: &[u8], ledger: &mut Ledger) {
    let mut engine = Engine::new(&CONFIG);
    let at = Timestamp::from_seconds(1_780_272_000);
    let transport = if door % 2 == 0 { Transport::TCP } else { Transport::UDP };
    let key = reading::flow(transport, 8080);
    let flow = engine.open(at, key, &mut |event| ledger.note(event));
    let (mut given, mut forwarded) = ([0; 2], [0; 2]);
    for step in script::steps(input) {
        let Step::Bytes(direction, bytes) = step else {
            continue;
        };
        given[direction.index()] += bytes.len();
        match engine.chunk(at, flow, direction, bytes, &mut |event| ledger.note(event)) {
            Decision::Forward(count) => forwarded[direction.index()] += count,
            Decision::Block(_) => break,
        }
        assert!(forwarded[0] <= given[0] && forwarded[1] <= given[1], "forwards what it was not given");
    }
    engine.close(flow, &mut |event| ledger.note(event));
    assert!(ledger.ended.contains(&flow), "the flow has no end");
}

/// What was told.
#[derive(Debug, Default)]
struct Ledger {
    ended: HashSet<FlowId>,
}

impl Ledger {
    fn note(&mut self, event: Event) {
        match event {
            Event::Flow(flow) => {
                assert!(self.ended.insert(flow.id), "a flow ended twice");
            }
            Event::Record(record) => {
                let parsed: Result<serde_json::Map<String, serde_json::Value>, _> =
                    serde_json::from_str(&record.body);
                assert!(parsed.is_ok(), "{:?} in {}", parsed.err(), record.body);
            }
            Event::Alert(alert) => assert!(!self.ended.contains(&alert.id), "a finding after the end"),
        }
    }
}
