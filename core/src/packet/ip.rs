//! IPv4 and IPv6 headers, down to the transport.

use etherparse::{
    IpAuthHeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice, LaxIpv4Slice, err,
};

use super::walk::{Answer, Network, Walk};
use super::{Address, Fragment, IpHeader, IpVersion, Layer, PacketError, Parsed, Transport};
use crate::limits;

/// Numbers of headers that are not transports (IANA "Protocol Numbers").
mod next_header {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const NONE: u8 = 59;
    pub(super) const DESTINATION_OPTIONS: u8 = 60;
    pub(super) const MOBILITY: u8 = 135;
    pub(super) const HOST_IDENTITY: u8 = 139;
    pub(super) const SHIM6: u8 = 140;
}

impl<'a> Walk<'a> {
    /// Either family, as the first four bits say.
    pub(super) fn ip(self, bytes: &'a [u8]) -> Answer<'a> {
        match bytes.first().map(|byte| byte >> 4) {
            Some(4) => self.ipv4(bytes),
            Some(6) => self.ipv6(bytes),
            Some(_) => Err(self.malformed(Layer::Ipv4, bytes, "version is neither 4 nor 6")),
            None => Err(self.truncated(Layer::Ipv4, bytes, 20)),
        }
    }

    pub(super) fn ipv4(self, bytes: &'a [u8]) -> Answer<'a> {
        let (packet, _) = LaxIpv4Slice::from_slice(bytes).map_err(|error| self.ipv4_error(bytes, &error))?;
        let header = packet.header();
        let header_length = header.slice().len();
        let total = match usize::from(header.total_len()) {
            // Segmentation is left to the network card, and the capture came first.
            0 if !self.strict => bytes.len().saturating_add(self.missing),
            total if total < header_length => {
                return Err(self.malformed(Layer::Ipv4, bytes, "total length is less than the header's"));
            }
            total => total,
        };
        self.check_length(Layer::Ipv4, bytes, total)?;

        let walk = Self { missing: total.saturating_sub(bytes.len()), ..self };
        let network = Network {
            source: Address::v4(header.source()),
            destination: Address::v4(header.destination()),
            version: IpVersion::V4,
            ttl: header.ttl(),
        };
        if header.is_fragmenting_payload() {
            return Ok(Parsed::Fragment(Fragment {
                header: walk.ip_header(network, header.protocol().0),
                identification: header.identification().into(),
                offset: u32::from(header.fragments_offset().value()) * 8,
                more: header.more_fragments(),
                payload: bytes.get(header_length..total.min(bytes.len())).unwrap_or_default(),
                missing: saturated(walk.missing),
            }));
        }
        // Behind the authentication header, if there is one.
        let payload = packet.payload();
        walk.ip_payload(network, payload.ip_number.0, payload.payload)
    }

    fn ipv4_error(&self, bytes: &[u8], error: &err::ipv4::HeaderSliceError) -> PacketError {
        use err::ipv4::{HeaderError, HeaderSliceError};
        match error {
            HeaderSliceError::Len(error) => self.truncated(Layer::Ipv4, bytes, error.required_len),
            HeaderSliceError::Content(HeaderError::UnexpectedVersion { .. }) => {
                self.malformed(Layer::Ipv4, bytes, "version is not 4")
            }
            HeaderSliceError::Content(HeaderError::HeaderLengthSmallerThanHeader { .. }) => {
                self.malformed(Layer::Ipv4, bytes, "header length is less than 20 bytes")
            }
        }
    }

    pub(super) fn ipv6(self, bytes: &'a [u8]) -> Answer<'a> {
        use err::ipv6::HeaderSliceError;
        let header = Ipv6HeaderSlice::from_slice(bytes).map_err(|error| match error {
            HeaderSliceError::Len(error) => self.truncated(Layer::Ipv6, bytes, error.required_len),
            HeaderSliceError::Content(_) => self.malformed(Layer::Ipv6, bytes, "version is not 6"),
        })?;
        let rest = self.behind(Layer::Ipv6, bytes, header.slice().len())?;
        let length = match (header.payload_length(), header.next_header().0) {
            (0, next_header::NONE) => 0,
            // A jumbogram (RFC 2675 §3), or one that the network card has yet to cut up.
            (0, _) if !self.strict => rest.len().saturating_add(self.missing),
            (length, _) => length.into(),
        };
        self.check_length(Layer::Ipv6, bytes, header.slice().len().saturating_add(length))?;

        let walk = Self { missing: length.saturating_sub(rest.len()), ..self };
        let network = Network {
            source: Address(header.source()),
            destination: Address(header.destination()),
            version: IpVersion::V6,
            ttl: header.hop_limit(),
        };
        walk.ip_payload(network, header.next_header().0, rest.get(..length).unwrap_or(rest))
    }

    /// A guess is only right if the packet fits into what carries it.
    fn check_length(&self, layer: Layer, bytes: &[u8], length: usize) -> Result<(), PacketError> {
        if self.strict && length > bytes.len().saturating_add(self.missing) {
            return Err(self.malformed(layer, bytes, "length is more than the outer packet holds"));
        }
        Ok(())
    }

    /// Walks through authentication headers and IPv6's extension headers (RFC 8200 §4), then reads the transport.
    ///
    /// The order of extension headers is not enforced: receivers "must accept and attempt to process" any (§4.1).
    pub(super) fn ip_payload(self, network: Network, first: u8, payload: &'a [u8]) -> Answer<'a> {
        let (mut next, mut rest) = (first, payload);
        for _ in 0..=limits::EXTENSION_HEADERS {
            match (network.version, next) {
                (_, next_header::AUTHENTICATION) => {
                    let Ok(header) = IpAuthHeaderSlice::from_slice(rest) else {
                        return self.transport(network, next, rest);
                    };
                    next = header.next_header().0;
                    rest = self.behind(Layer::Extension, rest, header.slice().len())?;
                }
                (
                    IpVersion::V6,
                    next_header::HOP_BY_HOP
                    | next_header::ROUTING
                    | next_header::DESTINATION_OPTIONS
                    | next_header::MOBILITY
                    | next_header::HOST_IDENTITY
                    | next_header::SHIM6,
                ) => {
                    let header = Ipv6RawExtHeaderSlice::from_slice(rest)
                        .map_err(|error| self.truncated(Layer::Extension, rest, error.required_len))?;
                    next = header.next_header().0;
                    rest = self.behind(Layer::Extension, rest, header.slice().len())?;
                }
                (IpVersion::V6, next_header::FRAGMENT) => {
                    let header = Ipv6FragmentHeaderSlice::from_slice(rest)
                        .map_err(|error| self.truncated(Layer::Extension, rest, error.required_len))?;
                    next = header.next_header().0;
                    rest = self.behind(Layer::Extension, rest, header.slice().len())?;
                    // A fragment that is the whole packet is none (RFC 6946).
                    if header.is_fragmenting_payload() {
                        return Ok(Parsed::Fragment(Fragment {
                            header: self.ip_header(network, next),
                            identification: header.identification(),
                            offset: u32::from(header.fragment_offset().value()) * 8,
                            more: header.more_fragments(),
                            payload: rest,
                            missing: saturated(self.missing),
                        }));
                    }
                }
                _ => return self.transport(network, next, rest),
            }
        }
        Err(PacketError::TooDeep)
    }

    const fn ip_header(&self, network: Network, transport: u8) -> IpHeader {
        IpHeader {
            source: network.source,
            destination: network.destination,
            link: self.link,
            transport: Transport(transport),
            version: network.version,
            ttl: network.ttl,
            tunnel: self.tunnel,
            depth: self.depth,
        }
    }
}

pub(super) fn saturated(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
