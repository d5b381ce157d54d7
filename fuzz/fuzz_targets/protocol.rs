//! Every dissector: the first byte picks it, the second one its transport, the rest is what happens to the flow.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_benches::reading::{Reading, flow};
use weir_core::flow::{Chunk, Direction, FlowKey};
use weir_core::limits;
use weir_core::packet::{Endpoint, Transport};
use weir_core::protocol::{self, Field, Opening, Protocol, Role, Sink, Unseen, Value};
use weir_fuzz::script::{self, Step};

fuzz_target!(|input: &[u8]| {
    let [which, how, script @ ..] = input else { return };
    let protocol = protocol::all()[usize::from(*which) % protocol::all().len()];
    let transports = protocol.transports();
    let transport = transports[usize::from(*how) % transports.len()];
    let flow = flow(transport, protocol.ports().first().copied().unwrap_or(4433));
    probe(protocol, &flow, script);

    let mut reading = Reading::new(protocol, flow);
    let mut sink = Declared { protocol, carried: None };
    for step in script::steps(script) {
        match step {
            Step::Bytes(direction, bytes) => reading.feed(direction, bytes, &mut sink),
            Step::Gap(direction, missing) if transport == Transport::TCP => {
                reading.gap(direction, missing, &mut sink)
            }
            Step::Gap(..) => {}
        }
        if reading.is_over() {
            return;
        }
    }
    reading.close(&mut sink);
});

/// Asks the probe at every step, with what it is shown then.
fn probe(protocol: &dyn Protocol, flow: &FlowKey, script: &[u8]) {
    let is_stream = flow.transport == Transport::TCP;
    let mut seen = [Vec::new(), Vec::new()];
    let mut previous: Option<Chunk<'_>> = None;
    for step in script::steps(script) {
        let Step::Bytes(direction, bytes) = step else {
            continue;
        };
        if is_stream {
            seen[direction.index()].extend_from_slice(bytes);
            seen[direction.index()].truncate(limits::PROBE_BYTES);
        } else {
            seen = [Vec::new(), Vec::new()];
            seen[direction.index()] = bytes.to_vec();
        }
        protocol.probe(&Opening {
            flow,
            direction,
            to_server: &seen[0],
            to_client: &seen[1],
            previous: previous.filter(|_| !is_stream),
        });
        previous = Some(Chunk { direction, bytes });
    }
}

/// Takes only what the protocol declares, or one that it says it carries.
#[derive(Debug)]
struct Declared {
    protocol: &'static dyn Protocol,
    carried: Option<&'static dyn Protocol>,
}

impl Sink for Declared {
    fn fact(&mut self, field: &'static Field, _: Direction, value: Value<'_>) {
        let speakers = [Some(self.protocol), self.carried];
        assert!(
            speakers
                .iter()
                .flatten()
                .any(|protocol| protocol.fields().iter().any(|known| std::ptr::eq(*known, field))),
            "{} states {} but does not declare it",
            self.protocol.name(),
            field.name
        );
        assert!(
            field.role != Role::Content || value.bytes().len() <= limits::BODY_BYTES,
            "{} is stated in a piece of {} bytes",
            field.name,
            value.bytes().len()
        );
    }

    fn end_record(&mut self) {}

    fn refine(&mut self, name: &'static str) {
        assert!(
            self.protocol.variants().contains(&name),
            "{} does not declare the variant {name}",
            self.protocol.name()
        );
    }

    fn inner(&mut self, name: &'static str) {
        self.carried = protocol::named(name);
        assert!(self.carried.is_some(), "nobody knows {name}");
    }

    fn expect(&mut self, _: Transport, _: Endpoint, name: &'static str) {
        assert!(protocol::named(name).is_some(), "nobody knows {name}");
    }

    fn unseen(&mut self, _: Unseen) {}
}
