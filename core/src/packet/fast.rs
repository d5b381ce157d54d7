//! The short way for nearly every frame: Ethernet with up to two tags or nothing, IP without surprises, TCP or UDP.
//!
//! Everything here may give up with `None`; the thorough way then has the word. A property test holds the two together.

use super::link::ether_type;
use super::tunnel::may_tunnel;
use super::walk::Network;
use super::{Address, Endpoint, IpVersion, LinkId, LinkType, Packet, Tcp, Transport};

#[inline(always)]
pub(super) fn frame(link: LinkType, bytes: &[u8]) -> Option<Packet<'_>> {
    match link {
        LinkType::ETHERNET => ethernet(bytes),
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD | LinkType::IPV4 | LinkType::IPV6 => {
            match bytes.first()? >> 4 {
                4 => ipv4(LinkId(0), bytes),
                6 => ipv6(LinkId(0), bytes),
                _ => None,
            }
        }
        _ => None,
    }
}

#[inline(always)]
fn ethernet(bytes: &[u8]) -> Option<Packet<'_>> {
    let ([.., high, low], mut rest) = bytes.split_first_chunk::<14>()?;
    let mut number = u16::from_be_bytes([*high, *low]);
    let mut link = LinkId(0);
    for _ in 0..2 {
        if !matches!(number, ether_type::VLAN | ether_type::PROVIDER_BRIDGE | ether_type::QINQ) {
            break;
        }
        let ([tag @ .., high, low], behind) = rest.split_first_chunk::<4>()?;
        link = link.vlan(u16::from_be_bytes(*tag));
        number = u16::from_be_bytes([*high, *low]);
        rest = behind;
    }
    match number {
        ether_type::IPV4 => ipv4(link, rest),
        ether_type::IPV6 => ipv6(link, rest),
        _ => None,
    }
}

#[inline(always)]
fn ipv4(link: LinkId, bytes: &[u8]) -> Option<Packet<'_>> {
    const MORE_FRAGMENTS_OR_OFFSET: u16 = 0x3fff;
    let [first, _, t0, t1, _, _, f0, f1, ttl, transport, _, _, addresses @ ..] = bytes.first_chunk::<20>()?;
    let header = usize::from(first & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([*t0, *t1]));
    let fragment = u16::from_be_bytes([*f0, *f1]) & MORE_FRAGMENTS_OR_OFFSET;
    if first >> 4 != 4 || header < 20 || fragment != 0 {
        return None;
    }
    let [s0, s1, s2, s3, d0, d1, d2, d3] = *addresses;
    let network = Network {
        source: Address::v4([s0, s1, s2, s3]),
        destination: Address::v4([d0, d1, d2, d3]),
        version: IpVersion::V4,
        ttl: *ttl,
    };
    // Also gives up on a total length that is less than the header's.
    let payload = bytes.get(header..total.min(bytes.len()))?;
    ports(link, network, *transport, payload, total.saturating_sub(bytes.len()))
}

#[inline(always)]
fn ipv6(link: LinkId, bytes: &[u8]) -> Option<Packet<'_>> {
    let (header, rest) = bytes.split_first_chunk::<40>()?;
    let [first, _, _, _, l0, l1, transport, ttl, addresses @ ..] = header;
    let length = usize::from(u16::from_be_bytes([*l0, *l1]));
    if first >> 4 != 6 || length == 0 {
        return None;
    }
    let ([source, destination], _) = addresses.as_chunks::<16>() else {
        return None;
    };
    let network = Network {
        source: Address(*source),
        destination: Address(*destination),
        version: IpVersion::V6,
        ttl: *ttl,
    };
    let payload = rest.get(..length).unwrap_or(rest);
    ports(link, network, *transport, payload, length.saturating_sub(rest.len()))
}

#[inline(always)]
fn ports(link: LinkId, network: Network, transport: u8, bytes: &[u8], missing: usize) -> Option<Packet<'_>> {
    let [s0, s1, d0, d1, l0, l1, ..] = *bytes.first_chunk::<8>()?;
    let (source, destination) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
    let transport = Transport(transport);
    let (tcp, payload, missing) = match transport {
        Transport::TCP => {
            let (tcp, offset) = Tcp::read(bytes.first_chunk()?);
            if offset < Tcp::HEADER_LENGTH {
                return None;
            }
            (tcp, bytes.get(offset..)?, missing)
        }
        Transport::UDP => {
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            if may_tunnel(source, destination) || length > bytes.len() + missing {
                return None;
            }
            (Tcp::default(), bytes.get(8..length.min(bytes.len()))?, length.saturating_sub(bytes.len()))
        }
        _ => return None,
    };
    Some(Packet {
        source: Endpoint::new(network.source, source),
        destination: Endpoint::new(network.destination, destination),
        link,
        transport,
        version: network.version,
        ttl: network.ttl,
        tcp,
        payload,
        missing: u32::try_from(missing).ok()?,
        tunnel: None,
    })
}
