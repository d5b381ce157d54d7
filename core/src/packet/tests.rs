//! Frames are built from the inside out: `ethernet(0x0800, &ipv4(17, &udp(1, 2, b"…")))`.

mod agreement;
mod headers;
mod links;
mod tunnels;

use super::{Address, LinkType, Packet, Parsed, parse};

const CLIENT: [u8; 4] = [10, 0, 0, 1];
const SERVER: [u8; 4] = [10, 0, 0, 2];

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A length or number in two bytes.
fn word(number: usize) -> [u8; 2] {
    u16::try_from(number).expect("fits into two bytes").to_be_bytes()
}

fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let addresses = [0x52, 0x54, 0, 0, 0, 1, 0x52, 0x54, 0, 0, 0, 2];
    join(&[&addresses, &ether_type.to_be_bytes(), payload])
}

fn ipv4_between(source: [u8; 4], destination: [u8; 4], transport: u8, payload: &[u8]) -> Vec<u8> {
    let fixed = [0x45, 0];
    let rest = [0, 7, 0x40, 0, 64, transport, 0, 0];
    join(&[&fixed, &word(20 + payload.len()), &rest, &source, &destination, payload])
}

fn ipv4(transport: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_between(CLIENT, SERVER, transport, payload)
}

/// From `2001:db8::1` to `2001:db8::2`.
fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let (mut source, mut destination) = ([0; 16], [0; 16]);
    source[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    destination[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    (source[15], destination[15]) = (1, 2);
    ipv6_between(source, destination, next, payload)
}

fn ipv6_between(source: [u8; 16], destination: [u8; 16], next: u8, payload: &[u8]) -> Vec<u8> {
    join(&[&[0x60, 0, 0, 0], &word(payload.len()), &[next, 63], &source, &destination, payload])
}

fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let length = word(8 + payload.len());
    join(&[&source.to_be_bytes(), &destination.to_be_bytes(), &length, &[0, 0], payload])
}

/// Sequence 1000, acknowledgment 2000, PSH and ACK, window 500.
fn tcp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let rest = [0, 0, 0x03, 0xe8, 0, 0, 0x07, 0xd0, 0x50, 0x18, 0x01, 0xf4, 0, 0, 0, 0];
    join(&[&source.to_be_bytes(), &destination.to_be_bytes(), &rest, payload])
}

fn address(text: &str) -> Address {
    text.parse::<std::net::IpAddr>().expect("a literal").into()
}

#[track_caller]
fn packet(link: LinkType, frame: &[u8]) -> Packet<'_> {
    match parse(link, frame) {
        Ok(Parsed::Packet(packet)) => packet,
        other => panic!("not a packet: {other:?}"),
    }
}
