use proptest::prelude::*;

use super::super::{IpVersion, LinkType, PacketError, Parsed, Transport, parse};
use super::*;

/// The packet that every tunnel carries here, in one direction or the other.
fn inner_v4(is_answer: bool) -> Vec<u8> {
    let (a, b) = ([192, 168, 7, 1], [192, 168, 7, 2]);
    if is_answer {
        ipv4_between(b, a, 6, &tcp(80, 1234, b"hello"))
    } else {
        ipv4_between(a, b, 6, &tcp(1234, 80, b"hello"))
    }
}

fn inner_v6(is_answer: bool) -> Vec<u8> {
    if is_answer { ipv6(6, &tcp(80, 1234, b"hello")) } else { ipv6(6, &tcp(1234, 80, b"hello")) }
}

fn outer_v4(is_answer: bool, transport: u8, payload: &[u8]) -> Vec<u8> {
    let (a, b) = if is_answer { (SERVER, CLIENT) } else { (CLIENT, SERVER) };
    ethernet(0x0800, &ipv4_between(a, b, transport, payload))
}

/// A tunnel's name and a frame of it.
fn tunnels(is_answer: bool) -> Vec<(&'static str, Vec<u8>)> {
    let (v4, v6) = (inner_v4(is_answer), inner_v6(is_answer));
    let frame = ethernet(0x0800, &v4);
    let gre = |header: &[u8], inner: &[u8]| outer_v4(is_answer, 47, &join(&[header, inner]));
    let over_udp = |port: u16, header: &[u8], inner: &[u8]| {
        let source = if is_answer { 50_000 } else { 60_000 };
        outer_v4(is_answer, 17, &udp(source, port, &join(&[header, inner])))
    };
    // Numbers that tunnels choose for each direction.
    let number = u8::from(is_answer) + 1;
    let gtp = |flags: u8, optional: &[u8], inner: &[u8]| {
        let length = word(optional.len() + inner.len());
        over_udp(2152, &join(&[&[flags, 0xff], &length, &[0, 0, 0, number], optional]), inner)
    };
    let pptp = |flags: u8, header: &[u8], inner: &[u8]| {
        let length = word(inner.len());
        gre(&join(&[&[0x30, flags, 0x88, 0x0b], &length, &[0, number], header]), inner)
    };
    let mut teredo_client = [0; 16];
    teredo_client[..4].copy_from_slice(&[0x20, 0x01, 0, 0]);
    let native = [0x20; 16];
    let teredo = if is_answer {
        ipv6_between(native, teredo_client, 6, &tcp(80, 1234, b"hello"))
    } else {
        ipv6_between(teredo_client, native, 6, &tcp(1234, 80, b"hello"))
    };
    let authentication = join(&[&[0, 1, 2, 3], &[0xaa; 2 + 3 + 9]]);
    let origin = [0, 0, 0x11, 0x11, 0x22, 0x22, 0x22, 0x22];
    let pppoe = |protocol: u8, inner: &[u8]| {
        ethernet(0x8864, &join(&[&[0x11, 0, 0x01, 0x07], &word(2 + inner.len()), &[0, protocol], inner]))
    };

    vec![
        ("mpls", ethernet(0x8847, &join(&[&[0, number, 1, 64], &v4]))),
        ("mpls", ethernet(0x8847, &join(&[&[0, number, 0, 64, 0, 2, 1, 64], &v6]))),
        // Pseudo-wires, with a control word and without.
        ("mpls", ethernet(0x8847, &join(&[&[0, number, 1, 64, 0, 0, 0, 0], &frame]))),
        ("mpls", ethernet(0x8848, &join(&[&[0, number, 1, 64], &frame]))),
        ("pppoe", pppoe(0x21, &v4)),
        ("pppoe", pppoe(0x57, &v6)),
        ("gre", gre(&[0, 0, 0x08, 0x00], &v4)),
        ("gre", gre(&[0xb0, 0, 0x86, 0xdd, 0xab, 0xcd, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1], &v6)),
        ("gre", gre(&[0x20, 0, 0x65, 0x58, 0, 0, 0, 9], &frame)),
        ("erspan", gre(&[0, 0, 0x88, 0xbe], &frame)),
        ("erspan", gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 5, 0, 6, 0, 0, 0, 0], &frame)),
        ("erspan", gre(&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 5, 0, 6, 0, 0, 0, 0, 0, 6, 0, 0], &frame)),
        ("pptp", pptp(0x01, &[0, 0, 0, 1], &join(&[&[0xff, 0x03, 0x00, 0x21], &v4]))),
        ("pptp", pptp(0x81, &[0, 0, 0, 1, 0, 0, 0, 2], &join(&[&[0x57], &v6]))),
        ("ipip", outer_v4(is_answer, 4, &v4)),
        ("6in4", outer_v4(is_answer, 41, &v6)),
        ("6in6", ethernet(0x86dd, &ipv6(41, &v6))),
        ("4in6", ethernet(0x86dd, &ipv6(4, &v4))),
        ("vxlan", over_udp(4789, &[0x08, 0, 0, 0, 0, 0, 7, 0], &frame)),
        ("vxlan", over_udp(4789, &[0x88, 0, 0, 5, 0, 0, 7, 0], &frame)),
        ("geneve", over_udp(6081, &[0, 0, 0x65, 0x58, 0, 0, 7, 0], &frame)),
        ("geneve", over_udp(6081, &[2, 0, 0x86, 0xdd, 0, 0, 7, 0, 1, 2, 0, 1, 0, 0, 0, 0], &v6)),
        ("gtp-u", gtp(0x30, &[], &v4)),
        ("gtp-u", gtp(0x32, &[0, 1, 0, 0], &v6)),
        // A PDU session container and another extension header behind it.
        ("gtp-u", gtp(0x34, &[0, 0, 0, 0x85, 1, 0, 9, 0xc0, 1, 0, 0, 0], &v4)),
        ("teredo", over_udp(3544, &[], &teredo)),
        ("teredo", over_udp(3544, &join(&[&authentication, &origin]), &teredo)),
    ]
}

#[test]
fn the_inner_flow_counts() {
    for (name, frame) in tunnels(false) {
        let packet = packet(LinkType::ETHERNET, &frame);
        assert_eq!((packet.source.port, packet.destination.port), (1234, 80), "{name}");
        assert_eq!((packet.payload, packet.missing), (b"hello".as_slice(), 0), "{name}");
        let tunnel = packet.tunnel.expect("it came in one");
        assert_eq!(tunnel.kind.name(), name);
        match name {
            "mpls" | "pppoe" => assert_eq!(tunnel.source, Address::default()),
            "6in6" | "4in6" => assert_eq!(tunnel.source, address("2001:db8::1")),
            _ => assert_eq!(tunnel.source, address("10.0.0.1"), "{name}"),
        }
    }
}

#[test]
fn both_directions_share_a_link() {
    for ((name, question), (_, answer)) in tunnels(false).into_iter().zip(tunnels(true)) {
        let (question, answer) = (packet(LinkType::ETHERNET, &question), packet(LinkType::ETHERNET, &answer));
        assert_eq!((question.source.port, answer.source.port), (1234, 80), "{name}");
        assert_eq!(question.link, answer.link, "{name}");
        assert_eq!(question.link.0 == 0, name == "mpls", "{name}");
    }
}

#[test]
fn tunnels_with_different_numbers_are_different_links() {
    let with = |vni: u8| {
        let inner = ethernet(0x0800, &inner_v4(false));
        outer_v4(false, 17, &udp(50_000, 4789, &join(&[&[0x08, 0, 0, 0, 0, 0, vni, 0], &inner])))
    };
    assert_ne!(packet(LinkType::ETHERNET, &with(1)).link, packet(LinkType::ETHERNET, &with(2)).link);
}

#[test]
fn a_cut_anywhere_leaves_something_understood() {
    for (name, frame) in tunnels(false) {
        for end in 0..frame.len() {
            match parse(LinkType::ETHERNET, &frame[..end]) {
                Ok(Parsed::Packet(packet)) => assert!(packet.payload.len() < end, "{name} cut at {end}"),
                Ok(Parsed::Fragment(_)) => panic!("{name} cut at {end} is no fragment"),
                // No outer IP header, or not yet a whole one and eight bytes.
                Ok(Parsed::Other) | Err(_) => {
                    assert!(end < 62 || matches!(name, "mpls" | "pppoe"), "{name} cut at {end}");
                }
            }
        }
    }
}

#[test]
fn a_tunnels_port_alone_is_no_tunnel() {
    let inner = ethernet(0x0800, &inner_v4(false));
    let mut too_long = inner.clone();
    too_long[17] += 1;
    let datagrams: [(u16, Vec<u8>); 10] = [
        (4789, b"\x08\0\0\0\0\0\x07\0 not a frame at all".to_vec()),
        (4789, join(&[&[0x08, 0, 0, 0, 0, 0, 7, 1], &inner])),
        (4789, join(&[&[0x08, 0, 0, 0, 0, 0, 7, 0], &too_long])),
        (4789, join(&[&[0x08, 0, 0, 0, 0, 0, 7, 0], &ethernet(0x0806, &[0; 28])])),
        (6081, join(&[&[0x40, 0, 0x65, 0x58, 0, 0, 7, 0], &inner])),
        (2152, join(&[&[0x30, 0x01, 0, 4, 0, 0, 0, 1], &inner_v4(false)])),
        (2152, join(&[&[0x34, 0xff, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0x85, 0, 0, 0, 0], &inner_v4(false)])),
        (3544, b"\x60not an IPv6 header, though it is long enough".to_vec()),
        (3544, vec![0, 1, 255, 255]),
        (3544, vec![]),
    ];
    for (port, datagram) in datagrams {
        let frame = outer_v4(false, 17, &udp(50_000, port, &datagram));
        let packet = packet(LinkType::ETHERNET, &frame);
        assert_eq!((packet.destination.port, packet.tunnel), (port, None));
        assert_eq!(packet.payload, datagram);
    }
}

#[test]
fn a_tunnel_without_a_packet_is_a_packet_itself() {
    let keepalive = outer_v4(false, 47, &[0, 0, 0, 0]);
    let packet_1 = packet(LinkType::ETHERNET, &keepalive);
    assert_eq!((packet_1.transport, packet_1.payload), (Transport::GRE, [0; 4].as_slice()));

    let broken = outer_v4(false, 41, &[0x60, 0, 0]);
    let packet_2 = packet(LinkType::ETHERNET, &broken);
    assert_eq!((packet_2.transport, packet_2.version), (Transport(41), IpVersion::V4));
}

#[test]
fn an_inner_fragment_knows_its_tunnel() {
    let mut fragment = inner_v4(false);
    fragment[6] = 0x20;
    let frame = outer_v4(false, 4, &fragment);
    let Ok(Parsed::Fragment(found)) = parse(LinkType::ETHERNET, &frame) else { panic!("an inner fragment") };
    assert_eq!(found.header.tunnel.map(|tunnel| tunnel.kind.name()), Some("ipip"));
    assert_eq!((found.header.source, found.header.depth), (address("192.168.7.1"), 1));
}

#[test]
fn of_too_many_tunnels_the_outermost_packet_counts() {
    let nest = |depth: u8| {
        (0..depth)
            .fold(inner_v4(false), |inner, level| ipv4_between([1, 1, 1, level], [2, 2, 2, level], 4, &inner))
    };
    assert_eq!(packet(LinkType::RAW, &nest(8)).payload, b"hello");
    let bytes = nest(9);
    let outermost = packet(LinkType::RAW, &bytes);
    assert_eq!((outermost.source.address, outermost.tunnel), (address("1.1.1.8"), None));

    let tags = join(&[&[0, 1, 0x81, 0x00].repeat(9), &inner_v4(false)]);
    assert_eq!(parse(LinkType::ETHERNET, &ethernet(0x8100, &tags)), Err(PacketError::TooDeep));
}

#[test]
fn guesses_do_not_multiply() {
    // Pseudo-wires whose frames hold pseudo-wires: every guess would open more of them.
    let wire = |inner: Vec<u8>| ethernet(0x8847, &join(&[&[0, 0, 1, 64, 0, 0, 0, 0], &inner]));
    let frame = (0..8).fold(ethernet(0x0800, &inner_v4(false)), |inner, _| wire(inner));
    assert_eq!(packet(LinkType::ETHERNET, &frame).payload, b"hello");
}

proptest! {
    #[test]
    fn a_garbled_tunnel_does_not_make_it_panic(
        which in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut frame = which.get(&tunnels(false)).1.clone();
        for (place, byte) in changes {
            let place = place.index(frame.len());
            frame[place] = byte;
        }
        let cut = frame.get(cut.index(frame.len())..).unwrap_or_default();
        for frame in [frame.as_slice(), cut] {
            let _ = parse(LinkType::ETHERNET, frame);
            let _ = parse(LinkType::RAW, frame);
        }
    }
}
