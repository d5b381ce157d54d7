//! The thorough way through a frame: what is known at a header, and what every layer needs.

use super::{Address, IpHeader, IpVersion, Layer, LinkId, Packet, PacketError, Parsed, Tunnel, TunnelKind};
use crate::limits;

pub(super) type Answer<'a> = Result<Parsed<'a>, PacketError>;

/// What was learned on the way to the next header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk<'a> {
    pub(super) frame: &'a [u8],
    pub(super) depth: usize,
    pub(super) link: LinkId,
    pub(super) tunnel: Option<Tunnel>,
    /// Bytes behind the ones at hand that an outer length promises but the capture cut off.
    pub(super) missing: usize,
    /// Whether the next headers are a guess that their lengths must confirm.
    pub(super) strict: bool,
    /// Whether an outer IP packet will answer if this one cannot be read.
    pub(super) nested: bool,
}

/// The part of an IP header that its transport's packet repeats.
#[derive(Debug, Clone, Copy)]
pub(super) struct Network {
    pub(super) source: Address,
    pub(super) destination: Address,
    pub(super) version: IpVersion,
    pub(super) ttl: u8,
}

impl IpHeader {
    pub(super) const fn network(&self) -> Network {
        Network { source: self.source, destination: self.destination, version: self.version, ttl: self.ttl }
    }
}

impl<'a> Walk<'a> {
    pub(super) const fn new(frame: &'a [u8]) -> Self {
        Self { frame, depth: 0, link: LinkId(0), tunnel: None, missing: 0, strict: false, nested: false }
    }

    /// Goes on where fragments were found.
    pub(super) const fn resume(header: &IpHeader, payload: &'a [u8]) -> Self {
        Self { depth: header.depth, link: header.link, tunnel: header.tunnel, ..Self::new(payload) }
    }

    /// One tag or tunnel further in.
    pub(super) fn deeper(self) -> Result<Self, PacketError> {
        if self.depth >= limits::TUNNEL_DEPTH {
            return Err(PacketError::TooDeep);
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    /// Into the payload of `outer`, a tunnel's packet. `id` tells the tunnels between the same two ends apart and must be
    /// the same in both directions; 0 if there is none.
    pub(super) fn enter(self, kind: TunnelKind, outer: &Packet<'_>, id: u32) -> Result<Self, PacketError> {
        let (a, b) = (outer.source.address, outer.destination.address);
        let tunnel = Tunnel { kind, source: outer.source.address, destination: outer.destination.address };
        Ok(Self {
            link: self.link.mix(&a.min(b).0).mix(&a.max(b).0).mix(&id.to_be_bytes()),
            tunnel: self.tunnel.or(Some(tunnel)),
            missing: usize::try_from(outer.missing).unwrap_or(usize::MAX),
            nested: true,
            ..self.deeper()?
        })
    }

    /// What a tunnel's packet comes to: the inner packet if there is one, else the outer one.
    pub(super) fn settle(self, outer: Packet<'a>, inner: Answer<'a>) -> Answer<'a> {
        match inner {
            Ok(Parsed::Packet(_) | Parsed::Fragment(_)) => inner,
            // A matryoshka without end says nothing in its middle; let the outermost packet answer.
            Err(PacketError::TooDeep) if self.nested => inner,
            Ok(Parsed::Other) | Err(_) => Ok(Parsed::Packet(outer)),
        }
    }

    /// A header of fixed length, and what is behind it.
    pub(super) fn split<const N: usize>(
        &self,
        layer: Layer,
        bytes: &'a [u8],
    ) -> Result<(&'a [u8; N], &'a [u8]), PacketError> {
        bytes.split_first_chunk().ok_or_else(|| self.truncated(layer, bytes, N))
    }

    /// What is behind a header of `length` bytes.
    pub(super) fn behind(
        &self,
        layer: Layer,
        bytes: &'a [u8],
        length: usize,
    ) -> Result<&'a [u8], PacketError> {
        bytes.get(length..).ok_or_else(|| self.truncated(layer, bytes, length))
    }

    pub(super) fn truncated(&self, layer: Layer, header: &[u8], need: usize) -> PacketError {
        PacketError::Truncated { layer, at: self.at(header), need, have: header.len() }
    }

    pub(super) fn malformed(&self, layer: Layer, header: &[u8], what: &'static str) -> PacketError {
        PacketError::Malformed { layer, at: self.at(header), what }
    }

    /// Where a part of the frame begins in it.
    fn at(&self, part: &[u8]) -> usize {
        part.as_ptr().addr().saturating_sub(self.frame.as_ptr().addr())
    }
}

impl LinkId {
    /// Of stacked tags the innermost one counts, which is the customer's network; a provider may well use another outer
    /// tag for each direction (IEEE 802.1ad). Number 0 is a priority without a VLAN (IEEE 802.1Q §9.6).
    pub(super) fn vlan(self, tag: u16) -> Self {
        match (self.0, tag & 0x0fff) {
            (_, 0) => self,
            (0..=0x0fff, vlan) => Self(vlan.into()),
            (_, vlan) => self.mix(&vlan.to_be_bytes()),
        }
    }

    /// FNV-1a.
    pub(super) fn mix(self, bytes: &[u8]) -> Self {
        let start = 0x811c_9dc5 ^ self.0;
        Self(bytes.iter().fold(start, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)))
    }
}
