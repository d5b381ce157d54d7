//! Tunnels: packets inside packets.
//!
//! A tunnel that has a protocol number of its own is trusted. One that a UDP port or a first nibble only suggests must
//! prove itself: it is a tunnel if an IP packet inside fits into it, else an ordinary datagram.

use super::link::ether_type;
use super::walk::{Answer, Walk};
use super::{IpVersion, Layer, Packet, PacketError, Parsed, Transport, TunnelKind};

/// UDP ports of tunnels (IANA "Service Name and Transport Protocol Port Number Registry").
mod port {
    pub(super) const GTP_U: u16 = 2152;
    pub(super) const TEREDO: u16 = 3544;
    pub(super) const VXLAN: u16 = 4789;
    pub(super) const GENEVE: u16 = 6081;
}

/// Whether a datagram between these ports may be a tunnel's.
#[inline]
pub(super) const fn may_tunnel(source: u16, destination: u16) -> bool {
    matches!(destination, port::GTP_U | port::TEREDO | port::VXLAN | port::GENEVE)
        || matches!(source, port::GTP_U | port::TEREDO)
}

impl<'a> Walk<'a> {
    /// The packet inside a datagram, or the datagram.
    pub(super) fn through_udp(self, outer: Packet<'a>) -> Answer<'a> {
        let walk = Self { strict: true, ..self };
        let inner = match (outer.source.port, outer.destination.port) {
            (_, port::VXLAN) => walk.vxlan(&outer),
            (_, port::GENEVE) => walk.geneve(&outer),
            (port::GTP_U, _) | (_, port::GTP_U) => walk.gtp_u(&outer),
            (port::TEREDO, _) | (_, port::TEREDO) => walk.teredo(&outer),
            _ => Ok(Parsed::Other),
        };
        self.settle(outer, inner)
    }

    /// The packet inside an IP packet without ports, or that packet.
    pub(super) fn through_ip(self, outer: Packet<'a>) -> Answer<'a> {
        let inner = match (outer.version, outer.transport) {
            (_, Transport::GRE) => self.gre(&outer),
            (IpVersion::V4, Transport::IPIP) => {
                self.enter(TunnelKind::IpIp, &outer, 0).and_then(|walk| walk.ipv4(outer.payload))
            }
            (IpVersion::V6, Transport::IPIP) => {
                self.enter(TunnelKind::FourInSix, &outer, 0).and_then(|walk| walk.ipv4(outer.payload))
            }
            (IpVersion::V4, Transport::IPV6) => {
                self.enter(TunnelKind::SixInFour, &outer, 0).and_then(|walk| walk.ipv6(outer.payload))
            }
            (IpVersion::V6, Transport::IPV6) => {
                self.enter(TunnelKind::SixInSix, &outer, 0).and_then(|walk| walk.ipv6(outer.payload))
            }
            _ => Ok(Parsed::Other),
        };
        self.settle(outer, inner)
    }

    /// RFC 2784 with RFC 2890's key and sequence number, and RFC 2637's version 1.
    fn gre(self, outer: &Packet<'a>) -> Answer<'a> {
        const CHECKSUM: u8 = 0x80;
        const ROUTING: u8 = 0x40;
        const KEY: u8 = 0x20;
        const SEQUENCE: u8 = 0x10;
        const ACKNOWLEDGMENT: u8 = 0x80;

        let bytes = outer.payload;
        let ([flags, version, high, low], options) = self.split::<4>(Layer::Gre, bytes)?;
        let protocol = u16::from_be_bytes([*high, *low]);
        let word = |flag: u8| if flags & flag != 0 { 4 } else { 0 };
        match version & 0x07 {
            0 if flags & ROUTING != 0 => Err(self.malformed(Layer::Gre, bytes, "has RFC 1701's routing")),
            0 => {
                let key = match options.get(word(CHECKSUM)..).and_then(<[u8]>::first_chunk) {
                    Some(key) if flags & KEY != 0 => u32::from_be_bytes(*key),
                    _ => 0,
                };
                let length = 4 + word(CHECKSUM) + word(KEY) + word(SEQUENCE);
                let inner = self.behind(Layer::Gre, bytes, length)?;
                match protocol {
                    ether_type::ERSPAN | ether_type::ERSPAN_III => {
                        let header = erspan_length(protocol, flags & SEQUENCE != 0, inner);
                        self.enter(TunnelKind::Erspan, outer, key)?.ethernet(self.behind(
                            Layer::Gre,
                            inner,
                            header,
                        )?)
                    }
                    _ => self.enter(TunnelKind::Gre, outer, key)?.ether_type(protocol, inner),
                }
            }
            // Call numbers differ between the directions, so they do not tell links apart.
            1 if protocol == ether_type::PPP && flags & KEY != 0 => {
                let acknowledgment = if version & ACKNOWLEDGMENT != 0 { 4 } else { 0 };
                let inner = self.behind(Layer::Gre, bytes, 8 + word(SEQUENCE) + acknowledgment)?;
                let length =
                    options.first_chunk().map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
                self.enter(TunnelKind::Pptp, outer, 0)?.ppp(inner.get(..length).unwrap_or(inner))
            }
            _ => Ok(Parsed::Other),
        }
    }

    /// RFC 3032. What the labels carry is not said, only guessed (RFC 4928 §3, RFC 4385 §3).
    ///
    /// A label means something in one direction only, so labels do not tell links apart.
    pub(super) fn mpls(self, bytes: &'a [u8]) -> Answer<'a> {
        const BOTTOM_OF_STACK: u8 = 0x01;
        let mut rest = bytes;
        let inner = loop {
            let ([_, _, label_end, _ttl], behind) = self.split::<4>(Layer::Mpls, rest)?;
            if label_end & BOTTOM_OF_STACK != 0 {
                break behind;
            }
            rest = behind;
        };

        let walk = self.enter_unaddressed(TunnelKind::Mpls)?;
        let by_nibble = |walk: Self| match inner {
            [0x40..0x50, ..] => walk.ipv4(inner),
            [0x60..0x70, ..] => walk.ipv6(inner),
            // A control word.
            [0x00..0x10, _, _, _, frame @ ..] => walk.ethernet(frame),
            _ => walk.ethernet(inner),
        };
        // A guess inside a guess is not made: tries would multiply with the depth.
        if self.strict {
            return by_nibble(walk);
        }
        // A MAC address may begin like anything, so what the nibble says must fit, or else a frame must.
        let sure = Self { strict: true, ..walk };
        first_found(by_nibble(sure), || first_found(sure.ethernet(inner), || by_nibble(walk)))
    }

    /// RFC 7348 §5, with the group policy extension's bits.
    fn vxlan(self, outer: &Packet<'a>) -> Answer<'a> {
        let (header, frame) = self.split::<8>(Layer::Vxlan, outer.payload)?;
        match *header {
            [0x08, 0, 0, 0, a, b, c, 0] | [0x88, _, _, _, a, b, c, 0] => {
                self.enter(TunnelKind::Vxlan, outer, u32::from_be_bytes([0, a, b, c]))?.ethernet(frame)
            }
            _ => Err(self.malformed(Layer::Vxlan, outer.payload, "flags or reserved bits are wrong")),
        }
    }

    /// RFC 8926 §3.4.
    fn geneve(self, outer: &Packet<'a>) -> Answer<'a> {
        let ([first, flags, high, low, a, b, c, reserved], _) =
            self.split::<8>(Layer::Geneve, outer.payload)?;
        if first >> 6 != 0 || flags & 0x3f != 0 || *reserved != 0 {
            return Err(self.malformed(Layer::Geneve, outer.payload, "version or reserved bits are wrong"));
        }
        let options = usize::from(first & 0x3f) * 4;
        let inner = self.behind(Layer::Geneve, outer.payload, 8 + options)?;
        let walk = self.enter(TunnelKind::Geneve, outer, u32::from_be_bytes([0, *a, *b, *c]))?;
        walk.ether_type(u16::from_be_bytes([*high, *low]), inner)
    }

    /// 3GPP TS 29.281 §5. The tunnel's number differs between the directions, so it does not tell links apart.
    fn gtp_u(self, outer: &Packet<'a>) -> Answer<'a> {
        const T_PDU: u8 = 0xff;
        let ([flags, kind, high, low, _tunnel @ ..], rest) = self.split::<8>(Layer::GtpU, outer.payload)?;
        // Version 1, GTP rather than GTP', and a bit that is spare.
        if flags & 0xf8 != 0x30 {
            return Err(self.malformed(Layer::GtpU, outer.payload, "not GTP-U version 1"));
        }
        if *kind != T_PDU {
            return Ok(Parsed::Other);
        }
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let message = rest.get(..length).unwrap_or(rest);
        let inner = if flags & 0x07 == 0 { message } else { self.behind_gtp_extensions(message)? };
        self.enter(TunnelKind::GtpU, outer, 0)?.ip(inner)
    }

    /// §5.2: sequence number, N-PDU number and a chain of extension headers, counted in words.
    fn behind_gtp_extensions(&self, message: &'a [u8]) -> Result<&'a [u8], PacketError> {
        let ([_, _, _, next], mut rest) = self.split::<4>(Layer::GtpU, message)?;
        let mut next = *next;
        while next != 0 {
            let length = usize::from(rest.first().copied().unwrap_or_default()) * 4;
            let header = match rest.split_at_checked(length) {
                Some((header, behind)) => {
                    rest = behind;
                    header
                }
                None => return Err(self.truncated(Layer::GtpU, rest, length)),
            };
            let Some(last) = header.last() else {
                return Err(self.malformed(Layer::GtpU, rest, "extension header of no length"));
            };
            next = *last;
        }
        Ok(rest)
    }

    /// RFC 4380 §5.1.1.
    fn teredo(self, outer: &Packet<'a>) -> Answer<'a> {
        let mut inner = outer.payload;
        if let [0, 1, id, value, ..] = *inner {
            inner = self.behind(Layer::Teredo, inner, 13 + usize::from(id) + usize::from(value))?;
        }
        if let [0, 0, ..] = *inner {
            inner = self.behind(Layer::Teredo, inner, 8)?;
        }
        let (header, rest) = self.split::<40>(Layer::Teredo, inner)?;
        if !looks_like_teredo(header, rest.len().saturating_add(self.missing)) {
            return Err(self.malformed(Layer::Teredo, inner, "addresses or length do not fit"));
        }
        self.enter(TunnelKind::Teredo, outer, 0)?.ipv6(inner)
    }
}

/// Whether an IPv6 header with `behind` bytes behind it is a Teredo client's or for one.
///
/// One end has the prefix of RFC 4380 §2.6 or a link-local address (§5.2.1), but implementations with other prefixes
/// exist; of them, ordinary addresses and an exact length are asked.
fn looks_like_teredo(header: &[u8; 40], behind: usize) -> bool {
    let [_, _, _, _, l0, l1, _, _, addresses @ ..] = header;
    let ([source, destination], _) = addresses.as_chunks::<16>() else {
        return false;
    };
    let is_teredo = |address: &[u8; 16]| matches!(address, [0x20, 0x01, 0, 0, ..] | [0xfe, 0x80, ..]);
    // Global or unique local unicast (IANA "Internet Protocol Version 6 Address Space").
    let is_ordinary = |address: &[u8; 16]| matches!(address, [0x20..0x40 | 0xfc | 0xfd, ..]);
    is_teredo(source)
        || is_teredo(destination)
        || (is_ordinary(source)
            && is_ordinary(destination)
            && usize::from(u16::from_be_bytes([*l0, *l1])) == behind)
}

/// The length of ERSPAN's header: type I has none, type II eight bytes, type III twelve and perhaps eight more
/// (draft-foschiano-erspan-03 §4).
fn erspan_length(protocol: u16, has_sequence: bool, header: &[u8]) -> usize {
    match (protocol, header.get(11)) {
        (ether_type::ERSPAN, _) => {
            if has_sequence {
                8
            } else {
                0
            }
        }
        (_, Some(flags)) if flags & 1 == 1 => 20,
        _ => 12,
    }
}

/// The first guess if it found a packet, else the second.
fn first_found<'a>(guess: Answer<'a>, otherwise: impl FnOnce() -> Answer<'a>) -> Answer<'a> {
    match guess {
        Ok(Parsed::Packet(_) | Parsed::Fragment(_)) => guess,
        Ok(Parsed::Other) | Err(_) => otherwise(),
    }
}
