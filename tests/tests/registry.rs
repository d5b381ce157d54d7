//! What every entry of the registries promises, checked in loops over them.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use weir_core::finding;
use weir_core::flow::table::key_of_first;
use weir_core::flow::{Direction, FlowKey};
use weir_core::packet::{Address, Endpoint, IpVersion, LinkId, Parsed, Transport, parse};
use weir_core::protocol::{self, FirstByte, Opening, Probe, Protocol, Role};
use weir_tests::case;

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[test]
fn protocols_have_one_lower_case_name_each() {
    let mut seen = HashSet::new();
    for protocol in protocol::all() {
        let name = protocol.name();
        assert!(seen.insert(name), "two protocols are called {name}");
        for name in [name].iter().chain(protocol.variants()) {
            assert!(is_name(name), "{name} is not a name");
        }
    }
}

#[test]
fn protocols_say_what_they_are() {
    for protocol in protocol::all() {
        let name = protocol.name();
        assert!(!protocol.about().is_empty(), "{name} does not say what it is");
        assert!(!protocol.transports().is_empty(), "{name} runs on nothing");
        let ports: HashSet<_> = protocol.ports().iter().collect();
        assert_eq!(ports.len(), protocol.ports().len(), "{name} names a port twice: {:?}", protocol.ports());
    }
}

#[test]
fn fields_are_named_after_their_protocol_and_declared_once() {
    let mut seen = HashMap::new();
    for protocol in protocol::all() {
        let name = protocol.name();
        for field in protocol.fields() {
            assert!(
                field.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')),
                "{} does not begin with {name}",
                field.name
            );
            if let Some(other) = seen.insert(field.name, name) {
                panic!("{} is declared by {other} and by {name}", field.name);
            }
        }
    }
}

#[test]
fn what_may_be_personal_never_stands_in_a_record() {
    for field in protocol::all().iter().flat_map(|protocol| protocol.fields()) {
        if matches!(field.role, Role::Username | Role::Password | Role::Content) {
            assert!(field.eve.is_empty(), "{} is written out", field.name);
        }
    }
}

#[test]
fn findings_are_explained_once_in_words() {
    let mut seen = HashSet::new();
    for detector in finding::all() {
        for explanation in detector.explains() {
            let id = explanation.id;
            assert!(seen.insert(id), "{id} is explained twice");
            let family = id.split('.').next().unwrap_or_default();
            assert!(
                ["leak", "suspicious", "interception", "evasion"].contains(&family),
                "{id} is of no family"
            );
            for text in [explanation.title, explanation.meaning, explanation.advice, explanation.method] {
                assert!(!text.is_empty(), "{id} leaves something unsaid");
            }
        }
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the core's sources") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// A parser names the protocol that follows it by a string, which nothing but this checks.
#[test]
fn parsers_hand_over_to_registered_protocols_only() {
    let mut paths = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src/protocol");
    sources(&folder, &mut paths);
    let mut named = 0;
    for path in paths {
        if path.ends_with("testing.rs") || path.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source");
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        // A name as a value, and no longer chain of calls such as `.expect("…")` of the standard library.
        for beginning in ["protocol: \"", ".inner(\""] {
            for rest in text.split(beginning).skip(1) {
                let name = rest.split('"').next().unwrap_or_default();
                named += 1;
                assert!(
                    protocol::named(name).is_some(),
                    "{} names {name}, which is not registered",
                    path.display()
                );
            }
        }
    }
    assert!(named > 0, "nothing was found to check");
}

fn allows(protocol: &dyn Protocol, direction: Direction, byte: u8) -> bool {
    match protocol.first_byte(direction) {
        FirstByte::Any => true,
        FirstByte::OneOf(bytes) => bytes.contains(&byte),
        FirstByte::Range(low, high) => (low..=high).contains(&byte),
    }
}

fn opening<'a>(flow: &'a FlowKey, direction: Direction, bytes: &'a [u8]) -> Opening<'a> {
    let (to_server, to_client): (&[u8], &[u8]) = match direction {
        Direction::ToServer => (bytes, &[]),
        Direction::ToClient => (&[], bytes),
    };
    Opening { flow, direction, to_server, to_client, previous: None }
}

/// A first byte that is not declared keeps a protocol from being asked, so that it would never be found.
#[test]
fn whoever_matches_has_declared_the_first_byte() {
    for (case, recording) in case::readable() {
        let mut begun = HashSet::new();
        for frame in &recording.frames {
            let Ok(Parsed::Packet(packet)) = parse(frame.link, &frame.bytes) else {
                continue;
            };
            let Some(&first) = packet.payload.first() else {
                continue;
            };
            if packet.transport == Transport::TCP && !begun.insert((packet.source, packet.destination)) {
                continue;
            }
            let flow = key_of_first(&packet);
            for direction in Direction::BOTH {
                let opening = opening(&flow, direction, packet.payload);
                for protocol in protocol::all() {
                    if protocol.transports().contains(&packet.transport)
                        && protocol.probe(&opening) == Probe::Match
                    {
                        assert!(
                            allows(*protocol, direction, first),
                            "{}: {} matches {direction:?}, but its first byte cannot be {first:#04x}",
                            case.name,
                            protocol.name()
                        );
                    }
                }
            }
        }
    }
}

/// A port is a hint for the order of probing and never proof. A few headers are so short that noise meets one now and then.
#[test]
fn random_bytes_at_a_registered_port_are_nobodys() {
    const RARELY: usize = 20;
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |length: usize| -> Vec<u8> {
        (0..length)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 32) as u8
            })
            .collect()
    };
    let mut wrong = Vec::new();
    for protocol in protocol::all() {
        let (mut tries, mut matches) = (0, 0);
        for &transport in protocol.transports() {
            if transport != Transport::TCP && transport != Transport::UDP {
                continue;
            }
            for &port in protocol.ports() {
                let flow = FlowKey {
                    client: Endpoint::new(Address::v4([192, 0, 2, 1]), 40_000),
                    server: Endpoint::new(Address::v4([198, 51, 100, 2]), port),
                    link: LinkId(0),
                    transport,
                    version: IpVersion::V4,
                };
                for length in (8..520).step_by(8) {
                    let bytes = random(length);
                    let found = protocol.probe(&opening(&flow, Direction::ToServer, &bytes));
                    tries += 1;
                    matches += usize::from(found == Probe::Match);
                }
            }
        }
        if matches * RARELY > tries {
            wrong.push((protocol.name(), matches));
        }
    }
    assert!(wrong.is_empty(), "random bytes are taken for {wrong:?}");
}
