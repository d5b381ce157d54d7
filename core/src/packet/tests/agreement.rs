//! The short and the thorough way give the same answers.

use etherparse::PacketBuilder;
use proptest::prelude::*;

use super::super::{LinkType, Parsed, fast, parse, parse_thoroughly};

#[derive(Debug, Clone)]
struct Plan {
    tags: Vec<u16>,
    raw: bool,
    v6: bool,
    tcp: bool,
    ports: (u16, u16),
    payload: Vec<u8>,
    options: usize,
    padding: usize,
}

fn plans() -> impl Strategy<Value = Plan> {
    let ports = prop_oneof![any::<u16>(), Just(53), Just(2152), Just(3544), Just(4789), Just(6081)];
    (
        (prop::collection::vec(any::<u16>(), 0..=2), any::<bool>(), any::<bool>(), any::<bool>()),
        (ports.clone(), ports),
        prop::collection::vec(any::<u8>(), 0..80),
        0..=2_usize,
        0..20_usize,
    )
        .prop_map(|((tags, raw, v6, tcp), ports, payload, options, padding)| Plan {
            tags,
            raw,
            v6,
            tcp,
            ports,
            payload,
            options,
            padding,
        })
}

/// Etherparse writes the frame, so the tests do not share the parsers' view of it. Tags go in afterwards.
fn build(plan: &Plan) -> (LinkType, Vec<u8>) {
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let builder = if plan.v6 {
        builder.ipv6([0x20; 16], [0xfd; 16], 47)
    } else {
        let mut header =
            etherparse::Ipv4Header::new(0, 47, etherparse::IpNumber(0), [10, 0, 0, 1], [10, 0, 0, 2])
                .expect("an empty payload fits");
        header.options = vec![1; plan.options * 4].as_slice().try_into().expect("at most 40 bytes");
        builder.ip(etherparse::IpHeaders::Ipv4(header, etherparse::Ipv4Extensions::default()))
    };
    let (source, destination) = plan.ports;
    let mut frame = Vec::new();
    if plan.tcp {
        builder
            .tcp(source, destination, 0x0102_0304, 500)
            .ack(0x0506_0708)
            .psh()
            .options_raw(&vec![1; plan.options * 4])
            .expect("at most 40 bytes")
            .write(&mut frame, &plan.payload)
    } else {
        builder.udp(source, destination).write(&mut frame, &plan.payload)
    }
    .expect("a vector takes everything");
    frame.resize(frame.len() + plan.padding, 0xee);
    if plan.raw {
        return (LinkType::RAW, frame.split_off(14));
    }
    for (tag, ether_type) in plan.tags.iter().zip([[0x81, 0x00], [0x88, 0xa8]]) {
        let [high, low] = tag.to_be_bytes();
        frame.splice(12..12, [ether_type[0], ether_type[1], high, low]);
    }
    (LinkType::ETHERNET, frame)
}

proptest! {
    #[test]
    fn on_what_etherparse_builds(plan in plans()) {
        let (link, frame) = build(&plan);
        let thorough = parse_thoroughly(link, &frame);
        prop_assert_eq!(parse(link, &frame), thorough);
        let Ok(Parsed::Packet(packet)) = thorough else {
            return Err(TestCaseError::fail(format!("{thorough:?}")));
        };
        if packet.tunnel.is_none() {
            prop_assert_eq!(packet.payload, plan.payload.as_slice());
            prop_assert_eq!((packet.source.port, packet.destination.port), plan.ports);
            prop_assert_eq!(packet.missing, 0);
        }
    }

    #[test]
    fn on_what_was_cut_and_garbled(
        plan in plans(),
        cut in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let (link, mut frame) = build(&plan);
        frame.truncate(cut.index(frame.len()) + 1);
        for (place, byte) in changes {
            let place = place.index(frame.len().min(60));
            frame[place] = byte;
        }
        if let Some(packet) = fast::frame(link, &frame) {
            prop_assert_eq!(Ok(Parsed::Packet(packet)), parse_thoroughly(link, &frame));
        }
    }

    #[test]
    fn plain_packets_take_the_short_way(mut plan in plans()) {
        plan.ports = (40_000, 443);
        let (link, frame) = build(&plan);
        prop_assert!(fast::frame(link, &frame).is_some());
    }

    #[test]
    fn no_bytes_make_it_panic(
        link in prop::sample::select(vec![0, 1, 9, 12, 50, 51, 101, 104, 108, 113, 192, 276]),
        frame in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        if let Ok(Parsed::Packet(packet)) = parse(LinkType(link), &frame) {
            prop_assert!(packet.payload.len() <= frame.len());
        }
    }
}
