use std::net::Ipv4Addr;
use std::sync::Arc;

use proptest::prelude::*;

use super::{Config, Depth, Engine, Frame};
use crate::event::{Event, FlowEvent};
use crate::flow::table::Seed;
use crate::limits;
use crate::packet::{LinkType, Tcp};
use crate::policy::{Policy, Profile};
use crate::rules::RuleSet;
use crate::time::Timestamp;

const CLIENT: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 40_000);
const SERVER: (Ipv4Addr, u16) = (Ipv4Addr::new(198, 51, 100, 2), 80);
const NOW: Timestamp = Timestamp::from_seconds(1_780_272_000);

const REQUEST: &[u8] = b"POST /v1/collect?session=42 HTTP/1.1\r\nHost: events.example.org\r\n\
    Content-Type: text/plain\r\nContent-Length: 43\r\n\r\nthe quick brown fox jumps over the lazy dog";

fn engine() -> Engine {
    Engine::new(&Config {
        rules: Arc::new(RuleSet::default()),
        policy: Arc::new(Policy::new(Profile::Monitor)),
        depth: Depth::Records,
        seed: Seed::default(),
    })
}

fn ipv4(protocol: u8, from: Ipv4Addr, to: Ipv4Addr, payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 1, 0, 0, 64, protocol, 0, 0]);
    packet.extend(from.octets());
    packet.extend(to.octets());
    packet.extend(payload);
    packet
}

fn segment(from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::new();
    segment.extend(from.1.to_be_bytes());
    segment.extend(to.1.to_be_bytes());
    segment.extend(sequence.to_be_bytes());
    segment.extend([0, 0, 0, 0, 5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(payload);
    ipv4(6, from.0, to.0, &segment)
}

/// What is told about packets without a link layer that come one second apart.
fn told(packets: &[Vec<u8>]) -> Vec<Event> {
    told_at(packets.iter().zip(0..).map(|(packet, n)| {
        let at = Timestamp::from_seconds(NOW.seconds() + n);
        (at, &packet[..])
    }))
}

fn told_at<'a>(packets: impl IntoIterator<Item = (Timestamp, &'a [u8])>) -> Vec<Event> {
    let mut engine = engine();
    let mut events = Vec::new();
    let mut number = 0;
    for (at, bytes) in packets {
        number += 1;
        let frame = Frame { id: number, number, at, link: LinkType::RAW, length: bytes.len() as u32, bytes };
        let _ = engine.packet(&frame, &mut |event| events.push(event));
    }
    engine.finish(number, &mut |event| events.push(event));
    events
}

fn flows(events: &[Event]) -> Vec<&FlowEvent> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Flow(flow) => Some(&**flow),
            _ => None,
        })
        .collect()
}

fn records(events: &[Event]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Record(record) => Some(&*record.body),
            _ => None,
        })
        .collect()
}

fn finds(events: &[Event], id: &str) -> bool {
    events.iter().any(|event| matches!(event, Event::Alert(alert) if alert.sighting.finding.id == id))
}

/// The request as segments that begin and end where they are told to, behind a SYN with this sequence number.
fn request(initial: u32, pieces: &[(usize, usize)]) -> Vec<Vec<u8>> {
    let mut packets = vec![segment(CLIENT, SERVER, initial, Tcp::SYN, &[])];
    packets.extend(pieces.iter().map(|&(from, to)| {
        let sequence = initial.wrapping_add(1).wrapping_add(from as u32);
        segment(CLIENT, SERVER, sequence, Tcp::ACK, &REQUEST[from..to])
    }));
    packets
}

fn is_whole(events: &[Event]) -> bool {
    let whole = told(&request(0, &[(0, REQUEST.len())]));
    records(events) == records(&whole) && !records(&whole).is_empty()
}

/// Cuts of the request: every byte in at least one piece, some in several, in any order, some pieces twice.
fn pieces() -> impl Strategy<Value = Vec<(usize, usize)>> {
    let cuts = prop::collection::vec(0..REQUEST.len(), 0..12);
    let overlaps = prop::collection::vec((0..REQUEST.len(), 1..40_usize), 0..6);
    (cuts, overlaps)
        .prop_map(|(mut cuts, overlaps)| {
            cuts.extend([0, REQUEST.len()]);
            cuts.sort_unstable();
            cuts.dedup();
            let mut pieces: Vec<_> = cuts.windows(2).map(|pair| (pair[0], pair[1])).collect();
            pieces.extend(
                overlaps.into_iter().map(|(from, length)| (from, (from + length).min(REQUEST.len()))),
            );
            pieces
        })
        .prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn segments_in_any_order_repeated_and_overlapping_are_one_stream(pieces in pieces(), initial: u32) {
        let events = told(&request(initial, &pieces));
        prop_assert!(is_whole(&events), "{events:#?}");
        prop_assert!(!finds(&events, "evasion.overlap-differs"));
    }

    #[test]
    fn garbage_in_any_link_layer_is_survived(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..40),
        link in 0..300_u16,
    ) {
        let mut engine = engine();
        for (bytes, id) in frames.iter().zip(1..) {
            let frame = Frame {
                id,
                number: id,
                at: NOW,
                link: LinkType(link),
                length: bytes.len() as u32,
                bytes,
            };
            let _ = engine.packet(&frame, &mut |_| {});
        }
        engine.finish(frames.len() as u64, &mut |_| {});
    }

    #[test]
    fn garbage_inside_good_headers_is_survived(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..20),
        protocol in prop::sample::select(vec![1_u8, 2, 4, 6, 17, 41, 47, 50, 51, 58, 132]),
        port in prop::sample::select(vec![21_u16, 25, 53, 80, 123, 443, 1900, 3306, 4789, 5060, 5353]),
    ) {
        let packets: Vec<_> = payloads
            .iter()
            .map(|payload| {
                let mut ports = 40_000_u16.to_be_bytes().to_vec();
                ports.extend(port.to_be_bytes());
                if protocol == 17 {
                    ports.extend(((8 + payload.len()) as u16).to_be_bytes());
                    ports.extend([0, 0]);
                }
                ports.extend(payload);
                ipv4(protocol, CLIENT.0, SERVER.0, &ports)
            })
            .collect();
        told(&packets);
    }

    #[test]
    fn time_may_run_backwards(times in prop::collection::vec(any::<u64>(), 1..20)) {
        let packets = request(0, &[(0, REQUEST.len())]);
        let events = told_at(
            times
                .iter()
                .zip(packets.iter().cycle())
                .map(|(&at, packet)| (Timestamp(at), &packet[..])),
        );
        prop_assert!(!flows(&events).is_empty());
        for flow in flows(&events) {
            prop_assert!(flow.start <= flow.end);
        }
    }
}

#[test]
fn a_held_segment_and_another_version_of_its_bytes_are_told_apart() {
    let mut packets = request(0, &[]);
    packets.push(segment(CLIENT, SERVER, 11, Tcp::ACK, b"XXXXX"));
    packets.push(segment(CLIENT, SERVER, 1, Tcp::ACK, &REQUEST[..20]));
    assert!(finds(&told(&packets), "evasion.overlap-differs"));
}

#[test]
fn a_retransmission_that_brings_more_is_no_evasion() {
    // Bytes 0 to 19, then 10 to 59, then 10 to 29 once more.
    let events = told(&request(0, &[(0, 20), (10, 60), (10, 30), (60, REQUEST.len())]));
    assert!(is_whole(&events));
    assert!(!finds(&events, "evasion.overlap-differs"));
}

#[test]
fn a_message_that_goes_on_later_stays_with_its_flow() {
    let response = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\nbeginning";
    let other = (Ipv4Addr::new(192, 0, 2, 99), 50_000);
    let (head, rest) = response.split_at(response.len() - 4);
    let mut packets = request(0, &[(0, REQUEST.len())]);
    packets.push(segment(SERVER, CLIENT, 0, Tcp::SYN | Tcp::ACK, &[]));
    packets.push(segment(SERVER, CLIENT, 1, Tcp::ACK, head));
    packets.push(segment(other, SERVER, 0, Tcp::SYN, &[]));
    packets.push(segment(other, SERVER, 1, Tcp::ACK, REQUEST));
    packets.push(segment(SERVER, CLIENT, 1 + head.len() as u32, Tcp::ACK, rest));
    let events = told(&packets);
    let [first, second, answer] = records(&events)[..] else {
        panic!("{events:#?}");
    };
    assert_eq!(first, second, "both are the same request");
    assert!(answer.contains("200") && answer.contains("text/html"), "{answer}");
}

#[test]
fn a_syn_on_a_finished_connection_begins_another_flow() {
    let mut packets = request(0, &[(0, REQUEST.len())]);
    let end = 1 + REQUEST.len() as u32;
    packets.push(segment(SERVER, CLIENT, 0, Tcp::SYN | Tcp::ACK, &[]));
    packets.push(segment(CLIENT, SERVER, end, Tcp::FIN | Tcp::ACK, &[]));
    packets.push(segment(SERVER, CLIENT, 1, Tcp::FIN | Tcp::ACK, &[]));
    packets.extend(request(0x9000_0000, &[(0, REQUEST.len())]));
    let events = told(&packets);
    assert_eq!(flows(&events).len(), 2, "{events:#?}");
    assert_eq!(records(&events).len(), 2);
}

#[test]
fn more_flows_than_there_is_room_for_end_early_and_are_all_told() {
    let count = limits::FLOWS as u32 + limits::FLOWS as u32 / 2;
    let mut engine = engine();
    let (mut ended, mut most) = (0_u32, 0);
    let mut tell = |event: Event| ended += u32::from(matches!(event, Event::Flow(_)));
    for n in 0..count {
        let client = (Ipv4Addr::from(0x0a00_0000 + n / 50_000), 10_000 + (n % 50_000) as u16);
        let bytes = segment(client, SERVER, 0, Tcp::SYN, &[]);
        let frame = Frame {
            id: u64::from(n) + 1,
            number: u64::from(n) + 1,
            at: NOW,
            link: LinkType::RAW,
            length: 40,
            bytes: &bytes,
        };
        engine.packet(&frame, &mut tell).expect("a good packet");
        most = most.max(engine.shard.flows());
    }
    engine.finish(u64::from(count), &mut tell);
    assert!(most <= limits::FLOWS, "{most} flows were kept");
    assert_eq!(ended, count);
}
