//! Community ID version 1: the same short name for a flow in every tool (<https://github.com/corelight/community-id-spec>).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::FlowKey;
use crate::packet::{Address, Endpoint, IpVersion, Transport};

/// The name of a flow with the specification's default seed, 0.
pub fn community_id(key: &FlowKey) -> String {
    let (a, b) = (key.client, key.server);
    name(key, a.min(b), a.max(b))
}

/// The name of an ICMP or ICMPv6 flow, whose client sent this type and code.
///
/// Types that ask and answer stand for ports. Other types have no way back: their type and code do, unordered.
pub fn community_id_icmp(key: &FlowKey, kind: u8, code: u8) -> String {
    let counterpart = if key.transport == Transport::ICMPV6 { icmpv6_counterpart } else { icmp_counterpart };
    let answer = counterpart(kind);
    let client = Endpoint { port: kind.into(), ..key.client };
    let server = Endpoint { port: answer.unwrap_or(code).into(), ..key.server };
    match answer {
        Some(_) => name(key, client.min(server), client.max(server)),
        None => name(key, client, server),
    }
}

fn name(key: &FlowKey, first: Endpoint, second: Endpoint) -> String {
    const SEED: [u8; 2] = [0, 0];
    const PADDING: u8 = 0;

    let mut hash = Sha1::new();
    hash.update(SEED);
    hash.update(octets(&first.address, key.version));
    hash.update(octets(&second.address, key.version));
    hash.update([key.transport.0, PADDING]);
    if has_ports(key.transport) {
        hash.update(first.port.to_be_bytes());
        hash.update(second.port.to_be_bytes());
    }
    format!("1:{}", STANDARD.encode(hash.finalize()))
}

const fn has_ports(transport: Transport) -> bool {
    matches!(
        transport,
        Transport::TCP | Transport::UDP | Transport::SCTP | Transport::ICMP | Transport::ICMPV6
    )
}

fn octets(address: &Address, version: IpVersion) -> &[u8] {
    match version {
        IpVersion::V4 => address.0.last_chunk::<4>().map_or(&[], |v4| v4),
        IpVersion::V6 => &address.0,
    }
}

/// Echo, router discovery, timestamp, information, address mask.
const fn icmp_counterpart(kind: u8) -> Option<u8> {
    Some(match kind {
        0 => 8,
        8 => 0,
        9 => 10,
        10 => 9,
        13 => 14,
        14 => 13,
        15 => 16,
        16 => 15,
        17 => 18,
        18 => 17,
        _ => return None,
    })
}

/// Echo, multicast listeners, router and neighbour discovery, node information, home agent discovery.
const fn icmpv6_counterpart(kind: u8) -> Option<u8> {
    Some(match kind {
        128 => 129,
        129 => 128,
        130 => 131,
        131 => 130,
        133 => 134,
        134 => 133,
        135 => 136,
        136 => 135,
        139 => 140,
        140 => 139,
        144 => 145,
        145 => 144,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{community_id, community_id_icmp};
    use crate::flow::FlowKey;
    use crate::packet::{Endpoint, IpVersion, LinkId, Transport};
    use std::net::IpAddr;

    fn key(transport: Transport, client: (&str, u16), server: (&str, u16)) -> FlowKey {
        let ip = |text: &str| text.parse::<IpAddr>().expect("a literal");
        FlowKey {
            client: Endpoint::new(ip(client.0).into(), client.1),
            server: Endpoint::new(ip(server.0).into(), server.1),
            link: LinkId(0),
            transport,
            version: if ip(client.0).is_ipv4() { IpVersion::V4 } else { IpVersion::V6 },
        }
    }

    // The vectors are those of the specification's baseline captures.

    #[test]
    fn both_directions_of_a_flow_have_one_name() {
        let (a, b) = (("128.232.110.120", 34855), ("66.35.250.204", 80));
        assert_eq!(community_id(&key(Transport::TCP, a, b)), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        assert_eq!(community_id(&key(Transport::TCP, b, a)), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");

        let (a, b) = (("192.168.1.52", 54585), ("8.8.8.8", 53));
        assert_eq!(community_id(&key(Transport::UDP, a, b)), "1:d/FP5EW3wiY1vCndhwleRRKHowQ=");
        assert_eq!(community_id(&key(Transport::UDP, b, a)), "1:d/FP5EW3wiY1vCndhwleRRKHowQ=");

        let (a, b) = (("192.168.170.8", 7), ("192.168.170.56", 80));
        assert_eq!(community_id(&key(Transport::SCTP, a, b)), "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=");
        assert_eq!(community_id(&key(Transport::SCTP, b, a)), "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=");
    }

    #[test]
    fn icmp_questions_and_answers_have_one_name() {
        let (a, b) = (("192.168.0.89", 0), ("192.168.0.1", 0));
        let name = "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=";
        assert_eq!(community_id_icmp(&key(Transport::ICMP, a, b), 8, 0), name);
        assert_eq!(community_id_icmp(&key(Transport::ICMP, b, a), 0, 0), name);

        let (a, b) = (("fe80::200:86ff:fe05:80da", 0), ("fe80::260:97ff:fe07:69ea", 0));
        let name = "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=";
        assert_eq!(community_id_icmp(&key(Transport::ICMPV6, a, b), 135, 0), name);
        assert_eq!(community_id_icmp(&key(Transport::ICMPV6, b, a), 136, 0), name);
    }

    #[test]
    fn icmp_types_without_an_answer_keep_their_direction() {
        let (a, b) = (("192.168.0.89", 0), ("192.168.0.1", 0));
        assert_eq!(community_id_icmp(&key(Transport::ICMP, a, b), 20, 0), "1:3o2RFccXzUgjl7zDpqmY7yJi8rI=");
        assert_eq!(community_id_icmp(&key(Transport::ICMP, a, b), 20, 1), "1:tz/fHIDUHs19NkixVVoOZywde+I=");
        let (a, b) = (("3ffe:507:0:1:260:97ff:fe07:69ea", 0), ("3ffe:507:0:1:200:86ff:fe05:80da", 0));
        assert_eq!(community_id_icmp(&key(Transport::ICMPV6, a, b), 3, 0), "1:NdobDX8PQNJbAyfkWxhtL2Pqp5w=");
    }

    #[test]
    fn transports_without_ports_are_named_by_their_addresses() {
        let (a, b) = (("192.168.1.10", 0), ("192.168.1.20", 0));
        let name = community_id(&key(Transport::GRE, a, b));
        assert_eq!(name, community_id(&key(Transport::GRE, b, a)));
        assert_ne!(name, community_id(&key(Transport::ESP, a, b)));
    }
}
