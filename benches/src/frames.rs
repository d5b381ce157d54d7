//! Frames as a capture holds them.

use etherparse::PacketBuilder;
use weir_core::flow::Direction;

const PHONE: [u8; 6] = [2, 0, 0, 0, 0, 1];
const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// A flow between a phone and a server, as frames see it: its number makes the endpoints.
#[derive(Debug, Clone, Copy)]
pub struct Wire {
    pub number: u32,
    pub server_port: u16,
}

impl Wire {
    fn addresses(self, direction: Direction) -> ([u8; 4], [u8; 4]) {
        let [_, a, b, c] = self.number.to_be_bytes();
        let (client, server) = ([10, a, b, c], [198, 18, b ^ a, c]);
        match direction {
            Direction::ToServer => (client, server),
            Direction::ToClient => (server, client),
        }
    }

    fn ports(self, direction: Direction) -> (u16, u16) {
        let client = 32_768 + (self.number % 28_000) as u16;
        match direction {
            Direction::ToServer => (client, self.server_port),
            Direction::ToClient => (self.server_port, client),
        }
    }

    fn ethernet(direction: Direction) -> ([u8; 6], [u8; 6]) {
        match direction {
            Direction::ToServer => (PHONE, ROUTER),
            Direction::ToClient => (ROUTER, PHONE),
        }
    }

    /// A datagram over Ethernet and IPv4.
    pub fn udp(self, direction: Direction, payload: &[u8]) -> Vec<u8> {
        let ((from, to), (source, destination)) = (Self::ethernet(direction), self.addresses(direction));
        let (source_port, destination_port) = self.ports(direction);
        let builder = PacketBuilder::ethernet2(from, to)
            .ipv4(source, destination, 64)
            .udp(source_port, destination_port);
        let mut frame = Vec::with_capacity(builder.size(payload.len()));
        builder.write(&mut frame, payload).expect("fits a packet");
        frame
    }

    /// A segment over Ethernet and IPv4. A segment without flags carries data; `syn` and `fin` say what they say.
    pub fn tcp(
        self,
        direction: Direction,
        sequence: u32,
        acknowledgment: u32,
        flags: Flags,
        payload: &[u8],
    ) -> Vec<u8> {
        let ((from, to), (source, destination)) = (Self::ethernet(direction), self.addresses(direction));
        let (source_port, destination_port) = self.ports(direction);
        let mut builder = PacketBuilder::ethernet2(from, to).ipv4(source, destination, 64).tcp(
            source_port,
            destination_port,
            sequence,
            64_240,
        );
        if flags.syn {
            builder = builder.syn();
        }
        if flags.fin {
            builder = builder.fin();
        }
        if acknowledgment != 0 {
            builder = builder.ack(acknowledgment);
        }
        let mut frame = Vec::with_capacity(builder.size(payload.len()));
        builder.write(&mut frame, payload).expect("fits a packet");
        frame
    }
}

/// Flags of a segment besides ACK, which stands wherever there is something to acknowledge.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flags {
    pub syn: bool,
    pub fin: bool,
}

/// Frames of the usual shapes, each with a name and what its innermost packet is: transport, destination port, payload.
pub fn shapes() -> Vec<(&'static str, Vec<u8>)> {
    const PAYLOAD: &[u8] = &[0x5a; SHAPE_PAYLOAD];
    let ethernet = || PacketBuilder::ethernet2(PHONE, ROUTER);
    let v6 = ([0x20; 16], [0x21; 16]);
    let write = |builder: etherparse::PacketBuilderStep<etherparse::UdpHeader>| {
        let mut frame = Vec::with_capacity(builder.size(PAYLOAD.len()));
        builder.write(&mut frame, PAYLOAD).expect("fits a packet");
        frame
    };
    let tcp =
        Wire { number: 1, server_port: SHAPE_PORT }.tcp(Direction::ToServer, 1, 1, Flags::default(), PAYLOAD);
    let inner = write(PacketBuilder::ipv4([10, 0, 0, 1], [198, 18, 0, 1], 64).udp(40_000, SHAPE_PORT));
    // GTP-U, 3GPP TS 29.281 section 5.1: version 1, a G-PDU, its length and the tunnel's number.
    let length = u16::try_from(inner.len()).expect("short").to_be_bytes();
    let gtp = [&[0x30, 0xff][..], &length, &[0, 0, 0, 7], &inner].concat();
    let tunnel = ethernet().ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64).udp(2152, 2152);
    let mut tunnelled = Vec::new();
    tunnel.write(&mut tunnelled, &gtp).expect("fits a packet");
    vec![
        ("tcp-v4", tcp),
        ("udp-v4", write(ethernet().ipv4([10, 0, 0, 1], [198, 18, 0, 1], 64).udp(40_000, SHAPE_PORT))),
        ("udp-v6", write(ethernet().ipv6(v6.0, v6.1, 64).udp(40_000, SHAPE_PORT))),
        (
            "udp-vlan-v4",
            write(
                ethernet()
                    .single_vlan(etherparse::VlanId::try_new(7).expect("twelve bits"))
                    .ipv4([10, 0, 0, 1], [198, 18, 0, 1], 64)
                    .udp(40_000, SHAPE_PORT),
            ),
        ),
        ("udp-gtp-u", tunnelled),
    ]
}

/// The server's port in every one of the [`shapes`].
pub const SHAPE_PORT: u16 = 4433;
/// The length of their innermost payload.
pub const SHAPE_PAYLOAD: usize = 512;
