//! Stage 1: bytes become a packet.
//!
//! [`parse`] takes a frame as a capture or a TUN device gives it and answers with the innermost IP packet: link layers
//! and tunnels are walked through, the inner flow counts and the outer one is told in [`Packet::tunnel`].

mod error;
mod fast;
mod ip;
mod link;
mod transport;
mod tunnel;
mod walk;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use self::error::{Layer, PacketError};
use self::walk::Walk;

/// Reads a frame of a capture or an interface.
///
/// A break inside a tunnel does not undo what was understood before it: the packet that carries the tunnel counts then.
#[inline]
pub fn parse(link: LinkType, frame: &[u8]) -> Result<Parsed<'_>, PacketError> {
    match fast::frame(link, frame) {
        Some(packet) => Ok(Parsed::Packet(packet)),
        None => parse_thoroughly(link, frame),
    }
}

/// Reads a packet without a link layer, as a TUN device gives it.
#[inline]
pub fn parse_ip(ip: &[u8]) -> Result<Parsed<'_>, PacketError> {
    parse(LinkType::RAW, ip)
}

/// The way of every frame that is not plain TCP or UDP. Gives the same answers for those, only slower.
#[cold]
#[inline(never)]
fn parse_thoroughly(link: LinkType, frame: &[u8]) -> Result<Parsed<'_>, PacketError> {
    Walk::new(frame).link(link, frame)
}

/// What a frame held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed<'a> {
    Packet(Packet<'a>),
    /// A piece of an IP packet, for [`Defragmenter`](crate::flow::defragment::Defragmenter).
    Fragment(Fragment<'a>),
    /// Nothing of IP: ARP, spanning tree, PPP negotiation, …
    Other,
}

/// An IP protocol number (IANA "Assigned Internet Protocol Numbers").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Transport(pub u8);

impl Transport {
    pub const ICMP: Self = Self(1);
    pub const IGMP: Self = Self(2);
    /// IPv4 in IP, RFC 2003.
    pub const IPIP: Self = Self(4);
    pub const TCP: Self = Self(6);
    pub const UDP: Self = Self(17);
    /// IPv6 in IP, RFC 4213 and RFC 2473.
    pub const IPV6: Self = Self(41);
    pub const GRE: Self = Self(47);
    pub const ESP: Self = Self(50);
    pub const AH: Self = Self(51);
    pub const ICMPV6: Self = Self(58);
    pub const SCTP: Self = Self(132);
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ICMP => f.write_str("icmp"),
            Self::IGMP => f.write_str("igmp"),
            Self::IPIP => f.write_str("ipv4"),
            Self::TCP => f.write_str("tcp"),
            Self::UDP => f.write_str("udp"),
            Self::IPV6 => f.write_str("ipv6"),
            Self::GRE => f.write_str("gre"),
            Self::ESP => f.write_str("esp"),
            Self::AH => f.write_str("ah"),
            Self::ICMPV6 => f.write_str("ipv6-icmp"),
            Self::SCTP => f.write_str("sctp"),
            Self(number) => write!(f, "{number}"),
        }
    }
}

/// An address of either family in sixteen bytes; IPv4 is stored mapped (`::ffff:a.b.c.d`).
///
/// Which family the packet had stands in [`FlowKey`](crate::flow::FlowKey), so that a real IPv6 packet with a mapped
/// address is never taken for an IPv4 one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Address(pub [u8; 16]);

impl Address {
    #[inline]
    pub const fn v4([a, b, c, d]: [u8; 4]) -> Self {
        Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d])
    }

    pub const fn is_v4(self) -> bool {
        matches!(self.0, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ..])
    }

    pub const fn ip(self) -> IpAddr {
        match self.0 {
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d] => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            octets => IpAddr::V6(Ipv6Addr::from_bits(u128::from_be_bytes(octets))),
        }
    }

    /// IPv4 or IPv6 multicast, or the IPv4 limited broadcast.
    pub fn is_multicast(self) -> bool {
        match self.ip() {
            IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast(),
            IpAddr::V6(ip) => ip.is_multicast(),
        }
    }

    /// An address that only means something inside one network: private, link-local, loopback, shared, ULA.
    pub fn is_local(self) -> bool {
        match self.ip() {
            IpAddr::V4(ip) => {
                let [a, b, ..] = ip.octets();
                ip.is_private()
                    || ip.is_loopback()
                    || ip.is_link_local()
                    || ip.is_unspecified()
                    || (a == 100 && (64..128).contains(&b))
            }
            IpAddr::V6(ip) => {
                ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local()
            }
        }
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::v4(ip.octets()),
            IpAddr::V6(ip) => Self(ip.octets()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(f)
    }
}

/// One end of a flow. Transports without ports have port 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Endpoint {
    pub address: Address,
    pub port: u16,
}

impl Endpoint {
    pub const fn new(address: Address, port: u16) -> Self {
        Self { address, port }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address.ip() {
            IpAddr::V4(ip) => write!(f, "{ip}:{}", self.port),
            IpAddr::V6(ip) => write!(f, "[{ip}]:{}", self.port),
        }
    }
}

/// The family of the innermost IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IpVersion {
    V4,
    V6,
}

/// Keeps equal addresses on different links apart: VLAN tags and tunnel identifiers, folded into one number; 0 for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct LinkId(pub u32);

/// How a capture's frames begin: a LINKTYPE number of the tcpdump group's registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    pub const NULL: Self = Self(0);
    pub const ETHERNET: Self = Self(1);
    pub const PPP: Self = Self(9);
    pub const PPP_HDLC: Self = Self(50);
    pub const PPP_ETHER: Self = Self(51);
    /// Raw IP as OpenBSD and old libpcaps number it.
    pub const RAW_BSD: Self = Self(12);
    pub const RAW_OPENBSD: Self = Self(14);
    pub const RAW: Self = Self(101);
    pub const CISCO_HDLC: Self = Self(104);
    pub const LOOP: Self = Self(108);
    pub const LINUX_SLL: Self = Self(113);
    pub const PPI: Self = Self(192);
    pub const IPV4: Self = Self(228);
    pub const IPV6: Self = Self(229);
    pub const LINUX_SLL2: Self = Self(276);
}

/// The part of a TCP header that reassembly needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tcp {
    pub sequence: u32,
    pub acknowledgment: u32,
    /// FIN 0x01, SYN 0x02, RST 0x04, PSH 0x08, ACK 0x10, URG 0x20 (RFC 9293 §3.1).
    pub flags: u8,
    pub window: u16,
    pub urgent: u16,
}

impl Tcp {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const ACK: u8 = 0x10;
    pub const URG: u8 = 0x20;
}

/// The outermost tunnel that a packet came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tunnel {
    pub kind: TunnelKind,
    /// Unspecified for tunnels between neighbours (MPLS, PPPoE).
    pub source: Address,
    pub destination: Address,
}

/// The tunnels that are walked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TunnelKind {
    IpIp,
    FourInSix,
    SixInFour,
    SixInSix,
    Erspan,
    Gre,
    Pptp,
    Mpls,
    Vxlan,
    Geneve,
    GtpU,
    Teredo,
    Pppoe,
}

impl TunnelKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::IpIp => "ipip",
            Self::FourInSix => "4in6",
            Self::SixInFour => "6in4",
            Self::SixInSix => "6in6",
            Self::Erspan => "erspan",
            Self::Gre => "gre",
            Self::Pptp => "pptp",
            Self::Mpls => "mpls",
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::GtpU => "gtp-u",
            Self::Teredo => "teredo",
            Self::Pppoe => "pppoe",
        }
    }
}

/// The innermost IP packet of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    pub source: Endpoint,
    pub destination: Endpoint,
    pub link: LinkId,
    pub transport: Transport,
    pub version: IpVersion,
    pub ttl: u8,
    /// Zeros for every transport but TCP.
    pub tcp: Tcp,
    /// What stands behind the TCP or UDP header, ended where IP (or UDP) says it ends; for other transports (ICMP, IGMP,
    /// ESP, …) everything behind the IP headers.
    pub payload: &'a [u8],
    /// Payload bytes that the headers promise but the capture cut off.
    pub missing: u32,
    pub tunnel: Option<Tunnel>,
}

impl<'a> Packet<'a> {
    /// Reads the payload of an IP packet whose fragments have all come, through tunnels where there are some.
    pub fn from_reassembled(header: &IpHeader, payload: &'a [u8]) -> Result<Parsed<'a>, PacketError> {
        Walk::resume(header, payload).ip_payload(header.network(), header.transport.0, payload)
    }
}

/// What all fragments of an IP packet have in common, and all that is needed to read their payload once it is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpHeader {
    pub source: Address,
    pub destination: Address,
    pub link: LinkId,
    /// IPv4's protocol, or the next header that IPv6's fragment header names, which may be another extension header.
    pub transport: Transport,
    pub version: IpVersion,
    pub ttl: u8,
    pub tunnel: Option<Tunnel>,
    /// Tags and tunnels that were walked through; see [`limits::TUNNEL_DEPTH`](crate::limits::TUNNEL_DEPTH).
    pub depth: usize,
}

/// A piece of an IP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment<'a> {
    pub header: IpHeader,
    pub identification: u32,
    /// Where the payload belongs, in bytes.
    pub offset: u32,
    /// Whether this is not the last piece.
    pub more: bool,
    pub payload: &'a [u8],
    /// Payload bytes that the header promises but the capture cut off.
    pub missing: u32,
}
