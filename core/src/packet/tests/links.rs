use super::super::{Layer, LinkId, LinkType, PacketError, Parsed, parse};
use super::*;

#[test]
fn every_link_type_leads_to_ip() {
    let (v4, v6) = (ipv4(17, &udp(5353, 53, b"inside")), ipv6(17, &udp(5353, 53, b"inside")));
    let sll = |kind: [u8; 2]| join(&[&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], &kind]);
    let sll2 = |kind: [u8; 2]| join(&[&kind, &[0, 0, 0, 0, 0, 2, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0]]);
    let pppoe = join(&[&[0x11, 0, 0, 7], &word(2 + v4.len())]);
    let ppi_raw = [0, 0, 12, 0, 101, 0, 0, 0, 0xaa, 0xaa, 0xaa, 0xaa];
    let ppi_ethernet = [0, 0, 8, 0, 1, 0, 0, 0];
    let snap = [0xaa, 0xaa, 0x03, 0, 0, 0, 0x86, 0xdd];

    let frames: Vec<(LinkType, Vec<u8>)> = vec![
        (LinkType::ETHERNET, ethernet(0x0800, &v4)),
        (LinkType::ETHERNET, ethernet(0x86dd, &v6)),
        // IEEE 802.3 with a length: SNAP, and IP's own service access point.
        (LinkType::ETHERNET, join(&[&ethernet(48 + 14, &snap), &v6, &[0; 4]])),
        (LinkType::ETHERNET, join(&[&ethernet(37, &[0x06, 0x06, 0x03]), &v4, &[0; 9]])),
        (LinkType::RAW, v4.clone()),
        (LinkType::RAW, v6.clone()),
        (LinkType::RAW_BSD, v4.clone()),
        (LinkType::RAW_OPENBSD, v6.clone()),
        (LinkType::IPV4, v4.clone()),
        (LinkType::IPV6, v6.clone()),
        (LinkType::LINUX_SLL, join(&[&sll([0x08, 0x00]), &v4])),
        (LinkType::LINUX_SLL, join(&[&sll([0x00, 0x04]), &snap, &v6])),
        (LinkType::LINUX_SLL2, join(&[&sll2([0x86, 0xdd]), &v6])),
        (LinkType::NULL, join(&[&[2, 0, 0, 0], &v4])),
        (LinkType::NULL, join(&[&[0, 0, 0, 2], &v4])),
        (LinkType::NULL, join(&[&[10, 0, 0, 0], &v6])),
        (LinkType::NULL, join(&[&[24, 0, 0, 0], &v6])),
        (LinkType::NULL, join(&[&[0, 0, 0, 28], &v6])),
        (LinkType::LOOP, join(&[&[0, 0, 0, 30], &v6])),
        (LinkType::PPP, join(&[&[0xff, 0x03, 0x00, 0x21], &v4])),
        (LinkType::PPP, join(&[&[0x00, 0x57], &v6])),
        (LinkType::PPP, join(&[&[0x21], &v4])),
        (LinkType::PPP_HDLC, join(&[&[0xff, 0x03, 0x57], &v6])),
        (LinkType::PPP_HDLC, join(&[&[0x0f, 0x00, 0x08, 0x00], &v4])),
        (LinkType::PPP_ETHER, join(&[&pppoe, &[0x00, 0x21], &v4])),
        (LinkType::CISCO_HDLC, join(&[&[0x8f, 0x00, 0x86, 0xdd], &v6])),
        (LinkType::PPI, join(&[&ppi_raw, &v4])),
        (LinkType::PPI, join(&[&ppi_ethernet, &ethernet(0x86dd, &v6)])),
        // Cisco's FabricPath.
        (LinkType::ETHERNET, ethernet(0x8903, &join(&[&[0, 0x20], &ethernet(0x0800, &v4)]))),
    ];
    for (link, frame) in &frames {
        let packet = packet(*link, frame);
        assert_eq!((packet.source.port, packet.destination.port), (5353, 53), "{link:?}");
        assert_eq!(packet.payload, b"inside", "{link:?}");
        for end in 0..frame.len() {
            if let Err(PacketError::Truncated { at, need, have, .. }) = parse(*link, &frame[..end]) {
                assert!(at + have <= end && have < need, "{link:?} cut at {end}");
            }
        }
    }
}

#[test]
fn vlan_tags_keep_links_apart() {
    let inner = ipv4(17, &udp(1, 2, b""));
    let tagged = |tag: u16| ethernet(0x8100, &join(&[&tag.to_be_bytes(), &[0x08, 0x00], &inner]));
    let twice = |outer: u8, inner_tag: u8| {
        ethernet(0x88a8, &join(&[&[0, outer, 0x81, 0x00, 0, inner_tag, 0x08, 0x00], &inner]))
    };
    let link = |frame: &[u8]| packet(LinkType::ETHERNET, frame).link;

    assert_eq!(link(&ethernet(0x0800, &inner)), LinkId(0));
    assert_eq!(link(&tagged(0x6000)), LinkId(0), "a priority is no VLAN");
    assert_eq!(link(&tagged(0x6064)), LinkId(100));
    assert_ne!(link(&twice(1, 2)), link(&twice(2, 1)));
    assert_eq!(link(&twice(1, 2)), LinkId(2), "the customer's own tag counts");
    assert_eq!(link(&twice(7, 2)), link(&twice(1, 2)));
    assert_eq!(packet(LinkType::ETHERNET, &twice(1, 2)).tunnel, None);

    let three = ethernet(0x9100, &join(&[&[0, 1, 0x91, 0x00, 0, 2, 0x81, 0x00, 0, 3, 0x08, 0x00], &inner]));
    assert_eq!(packet(LinkType::ETHERNET, &three).destination.port, 2);
}

#[test]
fn what_is_not_ip_is_something_else() {
    let arp = ethernet(0x0806, &[0; 28]);
    let spanning_tree = ethernet(38, &[0x42, 0x42, 0x03, 0, 0, 0, 0, 0]);
    let discovery = ethernet(0x8863, &[0x11, 0x09, 0, 0, 0, 0]);
    for frame in [arp, spanning_tree, discovery] {
        assert_eq!(parse(LinkType::ETHERNET, &frame), Ok(Parsed::Other));
    }
    // Link control protocol.
    assert_eq!(parse(LinkType::PPP, &[0xff, 0x03, 0xc0, 0x21, 1, 1, 0, 4]), Ok(Parsed::Other));
}

#[test]
fn an_unknown_link_type_is_told() {
    assert_eq!(parse(LinkType(105), &[0; 64]), Err(PacketError::Unsupported { link: 105 }));
    let ppi_wifi = [0, 0, 8, 0, 105, 0, 0, 0, 0x80, 0];
    assert_eq!(parse(LinkType::PPI, &ppi_wifi), Err(PacketError::Unsupported { link: 105 }));
}

#[test]
fn errors_name_the_byte() {
    let frame = ethernet(0x0800, &[0x45, 0, 0, 40, 0]);
    let error = parse(LinkType::ETHERNET, &frame).expect_err("five bytes of IPv4");
    assert_eq!(error, PacketError::Truncated { layer: Layer::Ipv4, at: 14, need: 20, have: 5 });
    assert_eq!(error.to_string(), "ipv4 header at byte 14 needs 20 bytes, 5 are left");
}
