//! Transport headers: ports, TCP's fields, and where the payload ends.

use etherparse::{TcpSlice, UdpSlice};

use super::ip::saturated;
use super::walk::{Answer, Network, Walk};
use super::{Endpoint, Layer, Packet, PacketError, Parsed, Tcp, Transport};

impl Tcp {
    /// The shortest header, which is the longest without options (RFC 9293 §3.1).
    pub(super) const HEADER_LENGTH: usize = 20;

    /// The fixed fields of a header, and its length in bytes as it says.
    #[inline]
    pub(super) fn read(header: &[u8; Self::HEADER_LENGTH]) -> (Self, usize) {
        let [_, _, _, _, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags, w0, w1, _, _, u0, u1] = *header;
        let tcp = Self {
            sequence: u32::from_be_bytes([s0, s1, s2, s3]),
            acknowledgment: u32::from_be_bytes([a0, a1, a2, a3]),
            flags,
            window: u16::from_be_bytes([w0, w1]),
            urgent: u16::from_be_bytes([u0, u1]),
        };
        (tcp, usize::from(offset >> 4) * 4)
    }
}

impl<'a> Walk<'a> {
    pub(super) fn transport(self, network: Network, number: u8, bytes: &'a [u8]) -> Answer<'a> {
        let packet = self.packet(network, Transport(number), bytes);
        match packet.transport {
            Transport::TCP => self.tcp(packet).map(Parsed::Packet),
            Transport::UDP => self.udp(packet).and_then(|packet| self.through_udp(packet)),
            Transport::SCTP => self.sctp(packet).map(Parsed::Packet),
            _ => self.through_ip(packet),
        }
    }

    /// A packet without ports, whose payload is all that IP carries.
    fn packet(&self, network: Network, transport: Transport, payload: &'a [u8]) -> Packet<'a> {
        Packet {
            source: Endpoint::new(network.source, 0),
            destination: Endpoint::new(network.destination, 0),
            link: self.link,
            transport,
            version: network.version,
            ttl: network.ttl,
            tcp: Tcp::default(),
            payload,
            missing: saturated(self.missing),
            tunnel: self.tunnel,
        }
    }

    fn tcp(&self, packet: Packet<'a>) -> Result<Packet<'a>, PacketError> {
        let Ok(segment) = TcpSlice::from_slice(packet.payload) else {
            return self.cut_tcp(packet);
        };
        let tcp = Tcp {
            sequence: segment.sequence_number(),
            acknowledgment: segment.acknowledgment_number(),
            flags: segment.header_slice().get(13).copied().unwrap_or_default(),
            window: segment.window_size(),
            urgent: segment.urgent_pointer(),
        };
        Ok(Packet {
            tcp,
            payload: segment.payload(),
            ..with_ports(packet, segment.source_port(), segment.destination_port())
        })
    }

    /// A header that lies about its length, or that the capture cut off. A cut one still counts if its flags are there.
    fn cut_tcp(&self, packet: Packet<'a>) -> Result<Packet<'a>, PacketError> {
        const UP_TO_FLAGS: usize = 14;
        let bytes = packet.payload;
        if bytes.len() < UP_TO_FLAGS {
            return Err(self.truncated(Layer::Tcp, bytes, Tcp::HEADER_LENGTH));
        }
        let mut header = [0; Tcp::HEADER_LENGTH];
        header.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        let (tcp, offset) = Tcp::read(&header);
        let promised = bytes.len().saturating_add(self.missing);
        if offset < Tcp::HEADER_LENGTH || offset > promised {
            return Err(self.malformed(Layer::Tcp, bytes, "data offset is outside of the segment"));
        }
        let [s0, s1, d0, d1, ..] = header;
        Ok(Packet {
            tcp,
            payload: bytes.get(bytes.len()..).unwrap_or_default(),
            missing: saturated(promised - offset),
            ..with_ports(packet, u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]))
        })
    }

    fn udp(&self, packet: Packet<'a>) -> Result<Packet<'a>, PacketError> {
        let bytes = packet.payload;
        // Falls back to IP's length if UDP's is impossible.
        let datagram = UdpSlice::from_slice_lax(bytes)
            .map_err(|error| self.truncated(Layer::Udp, bytes, error.required_len))?;
        let length = usize::from(datagram.length());
        let missing = match length {
            8.. if length <= bytes.len().saturating_add(self.missing) => length.saturating_sub(bytes.len()),
            _ => self.missing,
        };
        Ok(Packet {
            payload: datagram.payload(),
            missing: saturated(missing),
            ..with_ports(packet, datagram.source_port(), datagram.destination_port())
        })
    }

    /// RFC 9260 §3.1.
    fn sctp(&self, packet: Packet<'a>) -> Result<Packet<'a>, PacketError> {
        let ([s0, s1, d0, d1, ..], payload) = self.split::<12>(Layer::Sctp, packet.payload)?;
        let packet = with_ports(packet, u16::from_be_bytes([*s0, *s1]), u16::from_be_bytes([*d0, *d1]));
        Ok(Packet { payload, ..packet })
    }
}

const fn with_ports(mut packet: Packet<'_>, source: u16, destination: u16) -> Packet<'_> {
    packet.source.port = source;
    packet.destination.port = destination;
    packet
}
