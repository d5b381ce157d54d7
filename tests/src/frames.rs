//! Frames made up for a test: IPv4 without a link layer, checksums left at zero as an offloading card leaves them.

use std::net::Ipv4Addr;

use weir_core::packet::{LinkType, Tcp};
use weir_core::time::Timestamp;

use crate::case::Recorded;

/// One direction's address and port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side(pub Ipv4Addr, pub u16);

/// The `n`th of many clients, all different.
pub fn client(n: u32) -> Side {
    let [_, a, b, c] = (n / 40_000).to_be_bytes();
    Side(Ipv4Addr::new(10, a, b, c), 20_000 + (n % 40_000) as u16)
}

pub const SERVER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);

fn ip(protocol: u8, from: Side, to: Side, payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 1, 0, 0, 64, protocol, 0, 0]);
    packet.extend(from.0.octets());
    packet.extend(to.0.octets());
    packet.extend(payload);
    packet
}

fn frame(at: Timestamp, bytes: Vec<u8>) -> Recorded {
    Recorded { at, link: LinkType::RAW, length: bytes.len() as u32, bytes }
}

pub fn udp(at: Timestamp, from: Side, to: Side, payload: &[u8]) -> Recorded {
    let mut datagram = Vec::new();
    datagram.extend(from.1.to_be_bytes());
    datagram.extend(to.1.to_be_bytes());
    datagram.extend(((8 + payload.len()) as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    frame(at, ip(17, from, to, &datagram))
}

pub fn tcp(at: Timestamp, from: Side, to: Side, tcp: Tcp, payload: &[u8]) -> Recorded {
    let mut segment = Vec::new();
    segment.extend(from.1.to_be_bytes());
    segment.extend(to.1.to_be_bytes());
    segment.extend(tcp.sequence.to_be_bytes());
    segment.extend(tcp.acknowledgment.to_be_bytes());
    // Five words of header.
    segment.extend([5 << 4, tcp.flags]);
    segment.extend(tcp.window.to_be_bytes());
    segment.extend([0, 0, 0, 0]);
    segment.extend(payload);
    frame(at, ip(6, from, to, &segment))
}

/// A connection with its handshake, each message one segment or several of at most 1400 bytes. Both sides' sequence numbers start
/// at 1; the answer tells the next ones, to the server and to the client.
pub fn connection<'a>(
    at: Timestamp,
    client: Side,
    server: Side,
    messages: impl IntoIterator<Item = (bool, &'a [u8])>,
) -> (Vec<Recorded>, [u32; 2]) {
    let flags =
        |sequence, acknowledgment, flags| Tcp { sequence, acknowledgment, flags, window: 65_535, urgent: 0 };
    let mut frames = vec![
        tcp(at, client, server, flags(0, 0, Tcp::SYN), &[]),
        tcp(at, server, client, flags(0, 1, Tcp::SYN | Tcp::ACK), &[]),
        tcp(at, client, server, flags(1, 1, Tcp::ACK), &[]),
    ];
    let mut next = [1_u32; 2];
    for (to_client, message) in messages {
        let side = usize::from(to_client);
        let (from, to) = if to_client { (server, client) } else { (client, server) };
        for piece in message.chunks(1400) {
            let header = flags(next[side], next[1 - side], Tcp::ACK);
            frames.push(tcp(at, from, to, header, piece));
            next[side] = next[side].wrapping_add(piece.len() as u32);
        }
    }
    (frames, next)
}
