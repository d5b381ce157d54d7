use super::super::{
    IpHeader, IpVersion, Layer, LinkType, Packet, PacketError, Parsed, Tcp, Transport, parse, parse_ip,
};
use super::*;

#[test]
fn reads_a_tcp_segment() {
    let frame = ethernet(0x0800, &ipv4(6, &tcp(40000, 80, b"GET")));
    let packet = packet(LinkType::ETHERNET, &frame);
    assert_eq!(packet.source.to_string(), "10.0.0.1:40000");
    assert_eq!(packet.destination.to_string(), "10.0.0.2:80");
    assert_eq!((packet.version, packet.transport, packet.ttl), (IpVersion::V4, Transport::TCP, 64));
    let tcp = Tcp { sequence: 1000, acknowledgment: 2000, flags: 0x18, window: 500, urgent: 0 };
    assert_eq!((packet.tcp, packet.payload, packet.missing), (tcp, b"GET".as_slice(), 0));
}

#[test]
fn the_payload_ends_where_ip_says() {
    let frame = join(&[&ethernet(0x0800, &ipv4(6, &tcp(1, 2, b"x"))), &[0; 5]]);
    assert_eq!(packet(LinkType::ETHERNET, &frame).payload, b"x");
    let frame = join(&[&ethernet(0x86dd, &ipv6(6, &tcp(1, 2, b"x"))), &[0; 5]]);
    assert_eq!(packet(LinkType::ETHERNET, &frame).payload, b"x");
}

#[test]
fn the_payload_ends_where_udp_says_if_that_is_possible() {
    let mut datagram = udp(1, 2, b"four");
    for (length, payload) in
        [(10, b"fo".as_slice()), (12, b"four"), (13, b"four"), (0, b"four"), (7, b"four")]
    {
        datagram[5] = length;
        assert_eq!(packet(LinkType::RAW, &ipv4(17, &datagram)).payload, payload, "length {length}");
    }
}

#[test]
fn a_length_of_zero_means_the_rest() {
    let mut v4 = ipv4(6, &tcp(1, 2, b"segmented later"));
    v4[2..4].fill(0);
    assert_eq!(packet(LinkType::RAW, &v4).payload, b"segmented later");

    // RFC 2675: the length stands in a hop-by-hop option.
    let jumbo = [6, 0, 0xc2, 4, 0, 0, 0, 36];
    let mut v6 = ipv6(0, &join(&[&jumbo, &tcp(1, 2, b"jumbo")]));
    v6[4..6].fill(0);
    assert_eq!(packet(LinkType::RAW, &v6).payload, b"jumbo");
}

#[test]
fn counts_what_the_capture_cut_off() {
    let whole = ipv4(6, &tcp(1, 2, &[7; 100]));
    let cut = packet(LinkType::RAW, &whole[..60]);
    assert_eq!((cut.payload.len(), cut.missing), (20, 80));

    let whole = ipv6(17, &udp(1, 2, &[7; 100]));
    let cut = packet(LinkType::RAW, &whole[..58]);
    assert_eq!((cut.payload.len(), cut.missing), (10, 90));

    // Sixteen bytes of TCP: no urgent pointer, but the flags.
    let whole = ipv4(6, &tcp(1, 2, &[7; 100]));
    let cut = packet(LinkType::RAW, &whole[..36]);
    assert_eq!((cut.tcp.sequence, cut.tcp.flags, cut.payload.len(), cut.missing), (1000, 0x18, 0, 100));
}

#[test]
fn lies_about_lengths_are_malformed() {
    let malformed = |packet: &[u8]| match parse_ip(packet) {
        Err(PacketError::Malformed { layer, at, .. }) => (layer, at),
        other => panic!("{other:?}"),
    };
    let good = ipv4(6, &tcp(1, 2, b"x"));
    let with = |place: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[place] = byte;
        bytes
    };
    assert_eq!(malformed(&with(0, 0x44)), (Layer::Ipv4, 0), "header length 16");
    assert_eq!(malformed(&with(3, 19)), (Layer::Ipv4, 0), "total length 19");
    assert_eq!(malformed(&with(0, 0x55)), (Layer::Ipv4, 0), "version 5");
    assert_eq!(malformed(&with(32, 0x40)), (Layer::Tcp, 20), "data offset 16");
    assert_eq!(malformed(&with(32, 0x60)), (Layer::Tcp, 20), "data offset 24 of 21 bytes");
    assert!(matches!(
        parse(LinkType::ETHERNET, &ethernet(0x86dd, &good)),
        Err(PacketError::Malformed { layer: Layer::Ipv6, at: 14, .. })
    ));
}

#[test]
fn transports_without_ports_keep_all_that_is_behind_ip() {
    let echo = [8, 0, 0, 0, 0, 1, 0, 1];
    let icmp = ipv4(1, &echo);
    let packet_1 = packet(LinkType::RAW, &icmp);
    assert_eq!((packet_1.source.port, packet_1.destination.port, packet_1.payload), (0, 0, echo.as_slice()));
    assert_eq!(packet_1.transport, Transport::ICMP);

    let sctp = ipv4(132, &[0x0b, 0x59, 0x0b, 0x5a, 0, 0, 0, 1, 0, 0, 0, 2, 0xda, 0x7a]);
    let packet_2 = packet(LinkType::RAW, &sctp);
    assert_eq!((packet_2.source.port, packet_2.destination.port), (2905, 2906));
    assert_eq!(packet_2.payload, [0xda, 0x7a]);
}

#[test]
fn walks_through_extension_headers() {
    let hop_by_hop = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
    let routing = |next: u8| join(&[&[next, 2, 0, 0, 0, 0, 0, 0], &[0; 16]]);
    let authentication = |next: u8| join(&[&[next, 4, 0, 0], &[0; 20]]);
    let atomic_fragment = |next: u8| [next, 0, 0, 0, 0, 0, 0, 9];
    let chain = join(&[
        &hop_by_hop(43),
        &routing(60),
        &hop_by_hop(51),
        &authentication(44),
        &atomic_fragment(17),
        &udp(7, 8, b"deep"),
    ]);
    let bytes = ipv6(0, &chain);
    let found = packet(LinkType::RAW, &bytes);
    assert_eq!((found.destination.port, found.payload, found.tunnel), (8, b"deep".as_slice(), None));

    let bytes = ipv4(51, &join(&[&authentication(6), &tcp(1, 2, b"signed")]));
    assert_eq!(packet(LinkType::RAW, &bytes).payload, b"signed");
}

#[test]
fn a_long_chain_of_extension_headers_is_left_alone() {
    let destination_options = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
    let chain = |count: usize| {
        let mut bytes = destination_options(60).repeat(count - 1);
        bytes.extend(destination_options(17));
        bytes.extend(udp(1, 2, b""));
        ipv6(60, &bytes)
    };
    assert_eq!(packet(LinkType::RAW, &chain(8)).destination.port, 2);
    assert_eq!(parse_ip(&chain(9)), Err(PacketError::TooDeep));
    assert_eq!(parse_ip(&chain(200)), Err(PacketError::TooDeep));
}

#[test]
fn fragments_are_told_apart_from_packets() {
    let mut bytes = ipv4(17, &[1; 24]);
    bytes[6..8].copy_from_slice(&[0x20, 0x03]);
    let Ok(Parsed::Fragment(fragment)) = parse_ip(&bytes) else { panic!("more fragments, at 24") };
    assert_eq!((fragment.offset, fragment.more, fragment.identification), (24, true, 7));
    assert_eq!((fragment.header.transport, fragment.payload), (Transport::UDP, [1; 24].as_slice()));

    let header = [17, 0, 0x00, 0x19, 0xde, 0xad, 0xbe, 0xef];
    let bytes = ipv6(44, &join(&[&header, &[2; 16]]));
    let Ok(Parsed::Fragment(fragment)) = parse_ip(&bytes) else { panic!("more fragments, at 24") };
    assert_eq!((fragment.offset, fragment.more, fragment.identification), (24, true, 0xdead_beef));
    assert_eq!((fragment.header.transport, fragment.payload), (Transport::UDP, [2; 16].as_slice()));

    let cut = ipv6(44, &join(&[&header, &[2; 16]]));
    let Ok(Parsed::Fragment(fragment)) = parse_ip(&cut[..cut.len() - 6]) else { panic!("still a fragment") };
    assert_eq!((fragment.payload.len(), fragment.missing), (10, 6));
}

#[test]
fn reads_what_fragments_were_put_together_to() {
    let header = IpHeader {
        source: address("2001:db8::1"),
        destination: address("2001:db8::2"),
        link: super::super::LinkId(5),
        transport: Transport(60),
        version: IpVersion::V6,
        ttl: 9,
        tunnel: None,
        depth: 1,
    };
    let payload = join(&[&[17, 0, 1, 4, 0, 0, 0, 0], &udp(1, 2, b"whole")]);
    let Ok(Parsed::Packet(packet)) = Packet::from_reassembled(&header, &payload) else {
        panic!("a datagram")
    };
    assert_eq!((packet.payload, packet.ttl, packet.link.0), (b"whole".as_slice(), 9, 5));

    let tunnel = IpHeader { transport: Transport::IPIP, ..header };
    let payload = ipv4(17, &udp(3, 4, b"inner"));
    let Ok(Parsed::Packet(packet)) = Packet::from_reassembled(&tunnel, &payload) else {
        panic!("a datagram")
    };
    assert_eq!((packet.payload, packet.version), (b"inner".as_slice(), IpVersion::V4));
    assert_eq!(packet.tunnel.map(|tunnel| tunnel.kind.name()), Some("4in6"));
}
