//! The whole engine over a mixed capture in memory: packets per second, by how much of the pipeline runs.

use std::collections::HashMap;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use weir_benches::traffic::Capture;
use weir_core::engine::{Config, Depth, Outbox};
use weir_core::event::Event;
use weir_core::flow::table::Seed;
use weir_core::policy::Policy;
use weir_core::rules::RuleSet;

const FLOWS: usize = 1000;

fn depths(criterion: &mut Criterion) {
    let capture = Capture::mixed(FLOWS);
    let mut group = criterion.benchmark_group("engine");
    group.throughput(Throughput::Elements(capture.packets() as u64)).sample_size(20);
    for (name, depth) in [
        ("count", Depth::Count),
        ("classify", Depth::Classify),
        ("detect", Depth::Detect),
        ("records", Depth::Records),
    ] {
        let config = config(depth);
        if depth >= Depth::Detect {
            assert_names(&config, &capture);
        }
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                || (config.shard(1, 0), config.correlator(), Outbox::default()),
                |(shard, correlator, outbox)| {
                    let mut events = 0_usize;
                    shard.frames(capture.frames(), outbox, &mut |frame, error| {
                        panic!("frame {}: {error}", frame.number);
                    });
                    correlator.apply(outbox, &mut |_| events += 1);
                    shard.finish(capture.packets() as u64, outbox);
                    correlator.apply(outbox, &mut |_| events += 1);
                    events
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn config(depth: Depth) -> Config {
    Config {
        rules: Arc::new(RuleSet::default()),
        policy: Arc::new(Policy::default()),
        depth,
        seed: Seed::default(),
    }
}

/// Every flow must come out under its protocol's name.
fn assert_names(config: &Config, capture: &Capture) {
    let (mut shard, mut correlator, mut outbox) =
        (config.shard(1, 0), config.correlator(), Outbox::default());
    let mut flows: HashMap<&str, usize> = HashMap::new();
    shard.frames(capture.frames(), &mut outbox, &mut |_, _| {});
    shard.finish(capture.packets() as u64, &mut outbox);
    correlator.apply(&mut outbox, &mut |event| {
        if let Event::Flow(flow) = event {
            *flows.entry(flow.protocol.unwrap_or("unknown")).or_default() += 1;
        }
    });
    for protocol in ["dns", "tls", "quic", "http", "ssh", "smtp"] {
        assert_eq!(flows.remove(protocol), Some(capture.flows_of(protocol)), "flows of {protocol}");
    }
    assert!(flows.is_empty(), "nobody spoke {flows:?}");
}

criterion_group!(benches, depths);
criterion_main!(benches);
