//! Captures built by hand, and the command run on them.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The command, without colours of whoever runs the tests.
pub(crate) fn weir(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_weir"))
        .args(arguments)
        .env_remove("CLICOLOR_FORCE")
        .output()
        .expect("weir runs")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// A folder that goes away with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("weir-cli-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file and gives its path.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).expect("a file");
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A pcap file of raw IPv4 packets (link type 101), ten milliseconds apart.
pub(crate) fn pcap(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = header(101);
    for (number, packet) in (0_u32..).zip(packets) {
        file.extend(1_780_272_000_u32.to_le_bytes());
        file.extend((number % 100 * 10_000).to_le_bytes());
        file.extend((packet.len() as u32).to_le_bytes());
        file.extend((packet.len() as u32).to_le_bytes());
        file.extend(packet);
    }
    file
}

/// The header of a little-endian pcap file with microseconds.
pub(crate) fn header(link: u32) -> Vec<u8> {
    let mut file = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    file.extend(2_u16.to_le_bytes());
    file.extend(4_u16.to_le_bytes());
    for word in [0, 0, 262_144, link] {
        file.extend(u32::to_le_bytes(word));
    }
    file
}

/// A TCP connection to 192.0.2.80:80 in which the client sends one thing and the server answers another.
pub(crate) fn conversation(port: u16, request: &[u8], response: &[u8]) -> Vec<Vec<u8>> {
    const SYN: u8 = 0x02;
    const ACK: u8 = 0x10;
    const PUSH_ACK: u8 = 0x18;
    let (client, server) = (([198, 51, 100, 7], port), ([192, 0, 2, 80], 80));
    let (asked, answered) = (101 + request.len() as u32, 501 + response.len() as u32);
    vec![
        tcp(client, server, SYN, 100, 0, b""),
        tcp(server, client, SYN | ACK, 500, 101, b""),
        tcp(client, server, ACK, 101, 501, b""),
        tcp(client, server, PUSH_ACK, 101, 501, request),
        tcp(server, client, PUSH_ACK, 501, asked, response),
        tcp(client, server, ACK, asked, answered, b""),
    ]
}

pub(crate) const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A login anybody can read: Aladdin, open sesame (RFC 7617 section 2).
pub(crate) fn login(port: u16) -> Vec<Vec<u8>> {
    conversation(
        port,
        b"GET / HTTP/1.1\r\nHost: login.example.org\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n",
        OK,
    )
}

type End = ([u8; 4], u16);

fn tcp(from: End, to: End, flags: u8, sequence: u32, acknowledged: u32, payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::new();
    segment.extend(from.1.to_be_bytes());
    segment.extend(to.1.to_be_bytes());
    segment.extend(sequence.to_be_bytes());
    segment.extend(acknowledged.to_be_bytes());
    segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(payload);
    let mut pseudo = [from.0, to.0].concat();
    pseudo.extend([0, 6]);
    pseudo.extend((segment.len() as u16).to_be_bytes());
    pseudo.extend(&segment);
    segment[16..18].copy_from_slice(&checksum(&pseudo).to_be_bytes());

    let mut packet = vec![0x45, 0];
    packet.extend((20 + segment.len() as u16).to_be_bytes());
    packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    packet.extend(from.0);
    packet.extend(to.0);
    let sum = checksum(&packet);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend(segment);
    packet
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)))
        .sum();
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
