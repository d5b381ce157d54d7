//! Link layers: what stands before IP on a wire or in a capture's frames.

use etherparse::{Ethernet2Slice, SingleVlanSlice};

use super::walk::{Answer, Walk};
use super::{Address, Layer, LinkType, PacketError, Parsed, Tunnel, TunnelKind};

/// EtherTypes (IANA "IEEE 802 Numbers").
pub(super) mod ether_type {
    pub(crate) const IPV4: u16 = 0x0800;
    pub(crate) const TRANSPARENT_ETHERNET: u16 = 0x6558;
    pub(crate) const VLAN: u16 = 0x8100;
    pub(crate) const IPV6: u16 = 0x86dd;
    pub(crate) const PPP: u16 = 0x880b;
    pub(crate) const MPLS: u16 = 0x8847;
    pub(crate) const MPLS_UPSTREAM: u16 = 0x8848;
    /// Cisco's FabricPath, which has no number of its own in IANA's list.
    pub(crate) const FABRIC_PATH: u16 = 0x8903;
    pub(crate) const PPPOE_SESSION: u16 = 0x8864;
    pub(crate) const PROVIDER_BRIDGE: u16 = 0x88a8;
    pub(crate) const ERSPAN: u16 = 0x88be;
    pub(crate) const ERSPAN_III: u16 = 0x22eb;
    /// Stacked tags before IEEE 802.1ad.
    pub(crate) const QINQ: u16 = 0x9100;
    /// Smaller numbers are an IEEE 802.3 frame's length.
    pub(crate) const FIRST: u16 = 0x0600;
}

impl<'a> Walk<'a> {
    pub(super) fn link(self, link: LinkType, bytes: &'a [u8]) -> Answer<'a> {
        match link {
            LinkType::ETHERNET => self.ethernet(bytes),
            LinkType::NULL | LinkType::LOOP => self.loopback(bytes),
            LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD | LinkType::IPV4 | LinkType::IPV6 => {
                self.ip(bytes)
            }
            LinkType::PPP | LinkType::PPP_HDLC => match bytes {
                // Cisco's framing on the same kind of line.
                [0x0f | 0x8f, 0x00, ..] => self.cisco_hdlc(bytes),
                _ => self.ppp(bytes),
            },
            LinkType::PPP_ETHER => self.pppoe(bytes),
            LinkType::CISCO_HDLC => self.cisco_hdlc(bytes),
            LinkType::LINUX_SLL => {
                let ([.., high, low], rest) = self.split::<16>(Layer::LinuxSll, bytes)?;
                self.type_or_length(u16::from_be_bytes([*high, *low]), rest)
            }
            LinkType::LINUX_SLL2 => {
                let ([high, low, ..], rest) = self.split::<20>(Layer::LinuxSll, bytes)?;
                self.type_or_length(u16::from_be_bytes([*high, *low]), rest)
            }
            LinkType::PPI => self.ppi(bytes),
            LinkType(link) => Err(PacketError::Unsupported { link }),
        }
    }

    pub(super) fn ethernet(self, bytes: &'a [u8]) -> Answer<'a> {
        let frame = Ethernet2Slice::from_slice_without_fcs(bytes)
            .map_err(|error| self.truncated(Layer::Ethernet, bytes, error.required_len))?;
        self.type_or_length(frame.ether_type().0, frame.payload_slice())
    }

    pub(super) fn ether_type(self, ether_type: u16, bytes: &'a [u8]) -> Answer<'a> {
        match ether_type {
            ether_type::IPV4 => self.ipv4(bytes),
            ether_type::IPV6 => self.ipv6(bytes),
            ether_type::VLAN | ether_type::PROVIDER_BRIDGE | ether_type::QINQ => self.vlan(bytes),
            ether_type::MPLS | ether_type::MPLS_UPSTREAM => self.mpls(bytes),
            ether_type::PPPOE_SESSION => self.pppoe(bytes),
            ether_type::PPP => self.ppp(bytes),
            ether_type::TRANSPARENT_ETHERNET => self.ethernet(bytes),
            ether_type::FABRIC_PATH => {
                let (_tree_and_ttl, frame) = self.split::<2>(Layer::Ethernet, bytes)?;
                self.deeper()?.ethernet(frame)
            }
            _ => Ok(Parsed::Other),
        }
    }

    fn type_or_length(self, number: u16, bytes: &'a [u8]) -> Answer<'a> {
        match number {
            ether_type::FIRST.. => self.ether_type(number, bytes),
            // Linux's cooked captures write these where others have the length: raw 802.3 and 802.2 (if_ether.h).
            0x0001 => Ok(Parsed::Other),
            0x0004 => self.llc(bytes),
            length => self.llc(bytes.get(..length.into()).unwrap_or(bytes)),
        }
    }

    /// IEEE 802.2. Names IP by its own service access point, or by an EtherType behind SNAP (RFC 1042).
    fn llc(self, bytes: &'a [u8]) -> Answer<'a> {
        let ([destination, source, control], rest) = self.split::<3>(Layer::Llc, bytes)?;
        match [*destination, *source, *control] {
            [0x06, 0x06, 0x03] => self.ipv4(rest),
            [0xaa, 0xaa, 0x03] => {
                let ([organization @ .., high, low], rest) = self.split::<5>(Layer::Llc, rest)?;
                match organization {
                    // RFC 1042, and IEEE 802.1H's bridge tunnel.
                    [0, 0, 0 | 0xf8] => self.ether_type(u16::from_be_bytes([*high, *low]), rest),
                    _ => Ok(Parsed::Other),
                }
            }
            _ => Ok(Parsed::Other),
        }
    }

    fn vlan(self, bytes: &'a [u8]) -> Answer<'a> {
        let tag = SingleVlanSlice::from_slice(bytes)
            .map_err(|error| self.truncated(Layer::Vlan, bytes, error.required_len))?;
        let walk = Self { link: self.link.vlan(tag.vlan_identifier().value()), ..self.deeper()? };
        walk.type_or_length(tag.ether_type().0, tag.payload_slice())
    }

    /// BSD's loopback: the address family in the byte order of whoever wrote the capture.
    fn loopback(self, bytes: &'a [u8]) -> Answer<'a> {
        let (header, rest) = self.split::<4>(Layer::Loopback, bytes)?;
        match header {
            [family, 0, 0, 0] | [0, 0, 0, family] => match family {
                2 => self.ipv4(rest),
                // AF_INET6 of Linux, of NetBSD and OpenBSD, of FreeBSD, of Darwin.
                10 | 24 | 28 | 30 => self.ipv6(rest),
                _ => Ok(Parsed::Other),
            },
            _ => Ok(Parsed::Other),
        }
    }

    /// RFC 1661 §2, with or without the address and control bytes of RFC 1662 §3.1.
    pub(super) fn ppp(self, bytes: &'a [u8]) -> Answer<'a> {
        let bytes = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
        let (protocol, rest) = match bytes {
            // A protocol's last byte is odd and every other byte even, so the first one may be left out (§6.5).
            [low, rest @ ..] if low & 1 == 1 => (u16::from(*low), rest),
            [high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
            _ => return Err(self.truncated(Layer::Ppp, bytes, 2)),
        };
        match protocol {
            0x0021 => self.ipv4(rest),
            0x0057 => self.ipv6(rest),
            0x0281 | 0x0283 => self.mpls(rest),
            _ => Ok(Parsed::Other),
        }
    }

    /// RFC 2516 §4.
    pub(super) fn pppoe(self, bytes: &'a [u8]) -> Answer<'a> {
        let ([kind, code, session @ .., high, low], rest) = self.split::<6>(Layer::Pppoe, bytes)?;
        if *kind != 0x11 {
            return Err(self.malformed(Layer::Pppoe, bytes, "not version 1 and type 1"));
        }
        if *code != 0 {
            return Ok(Parsed::Other);
        }
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let walk = self.enter_unaddressed(TunnelKind::Pppoe)?;
        let walk = Self { link: walk.link.mix(session), ..walk };
        walk.ppp(rest.get(..length).unwrap_or(rest))
    }

    /// Into a tunnel between neighbours, who have no addresses.
    pub(super) fn enter_unaddressed(self, kind: TunnelKind) -> Result<Self, PacketError> {
        let tunnel = Tunnel { kind, source: Address::default(), destination: Address::default() };
        Ok(Self { tunnel: self.tunnel.or(Some(tunnel)), ..self.deeper()? })
    }

    fn cisco_hdlc(self, bytes: &'a [u8]) -> Answer<'a> {
        let ([_address, _control, high, low], rest) = self.split::<4>(Layer::CiscoHdlc, bytes)?;
        self.ether_type(u16::from_be_bytes([*high, *low]), rest)
    }

    /// CACE's Per-Packet Information: little-endian, with the frame's real link type.
    fn ppi(self, bytes: &'a [u8]) -> Answer<'a> {
        let ([_version, _flags, low, high, link @ ..], _) = self.split::<8>(Layer::Ppi, bytes)?;
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        if length < 8 {
            return Err(self.malformed(Layer::Ppi, bytes, "length is less than its own header's"));
        }
        let inner = self.behind(Layer::Ppi, bytes, length)?;
        let link = u16::try_from(u32::from_le_bytes(*link)).unwrap_or(u16::MAX);
        self.deeper()?.link(LinkType(link), inner)
    }
}
