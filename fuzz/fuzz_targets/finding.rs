//! Every detector, on every field that it wants, with a phone whose values are known.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use weir_benches::{bodies, reading};
use weir_core::finding::leak::device::Device;
use weir_core::finding::{self, Detector, Scene};
use weir_core::flow::Direction;
use weir_core::packet::Transport;
use weir_core::protocol::{self, Fact, Field, Value};
use weir_core::rules::RuleSet;
use weir_core::time::Timestamp;

static RULES: LazyLock<RuleSet> = LazyLock::new(|| {
    let signatures = weir_signatures::builtin();
    RuleSet {
        device: Device::parse(&bodies::device()).expect("a valid file"),
        services: signatures.services,
        lists: signatures.lists,
        ..RuleSet::default()
    }
});

/// Every detector with every field that it wants.
static PAIRS: LazyLock<Vec<(&dyn Detector, &Field)>> = LazyLock::new(|| {
    let fields = || protocol::all().iter().flat_map(|protocol| protocol.fields()).copied();
    finding::all()
        .iter()
        .flat_map(|detector| fields().filter(|field| detector.wants(field)).map(|field| (*detector, field)))
        .collect()
});

fuzz_target!(|input: &[u8]| {
    let Some((header, value)) = input.split_first_chunk::<3>() else {
        return;
    };
    let [high, low, shape] = *header;
    let (detector, field) = PAIRS[usize::from(u16::from_be_bytes([high, low])) % PAIRS.len()];
    let text = std::str::from_utf8(value);
    let value = match (shape & 3, text) {
        (0, Ok(text)) => Value::Text(text),
        (1, _) => {
            let (key, value) = value.split_at(value.iter().position(|byte| *byte == b':').unwrap_or(0));
            Value::Pair(key, value)
        }
        (2, _) => Value::Number(value.first_chunk().map_or(0, |number| u64::from_be_bytes(*number))),
        _ => Value::Bytes(value),
    };
    let flow = reading::flow(Transport::TCP, 80);
    let scene = Scene {
        at: Timestamp::from_seconds(1_780_272_000),
        flow: &flow,
        protocol: "http",
        hostname: (shape & 4 != 0).then_some("www.example.org"),
        rules: &RULES,
    };
    let direction = Direction::BOTH[usize::from(shape >> 3 & 1)];
    detector.inspect(&scene, &Fact { field, value, direction }, &mut |found| {
        assert!(finding::explanation(found.id).is_some(), "{} is found but not explained", found.id);
        assert!(
            !(found.place.chars().chain(found.shown.chars())).any(char::is_control),
            "what is shown of {} is not clean: {found:?}",
            found.id
        );
    });
});
