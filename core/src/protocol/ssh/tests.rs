use super::*;
use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER};

fn flow() -> FlowKey {
    testing::flow(Transport::TCP, 22)
}

fn packet(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::to_be_bytes(payload.len() as u32 + 2 + 4).to_vec();
    bytes.extend([4, kind]);
    bytes.extend_from_slice(payload);
    bytes.extend([0; 4]);
    bytes
}

fn text(value: &[u8]) -> Vec<u8> {
    let mut bytes = u32::to_be_bytes(value.len() as u32).to_vec();
    bytes.extend_from_slice(value);
    bytes
}

fn kexinit(up: &str, down: &str) -> Vec<u8> {
    let mut payload = vec![7; 16];
    for list in ["kex", "ssh-ed25519", up, down, "hmac-up", "hmac-down", "none", "zlib", "", ""] {
        payload.extend(text(list.as_bytes()));
    }
    payload.extend([0; 5]);
    packet(SSH_MSG_KEXINIT, &payload)
}

#[test]
fn reads_versions_fingerprints_and_the_host_key() {
    let client = [b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n".to_vec(), kexinit("aes-up", "aes-down")].concat();
    let key = [text(b"ssh-ed25519"), text(&[9; 32])].concat();
    let server = [
        b"Welcome\r\nSSH-2.0-dropbear_2022.83\r\n".to_vec(),
        kexinit("aes-up", "aes-down"),
        packet(SSH_MSG_KEXDH_REPLY, &text(&key)),
        packet(SSH_MSG_NEWKEYS, b""),
        vec![0xaa; 50],
    ]
    .concat();
    let end = [packet(30, &text(&[1; 32])), packet(SSH_MSG_NEWKEYS, b"")].concat();
    let conversation = [(TO_SERVER, &client[..]), (TO_CLIENT, &server[..]), (TO_SERVER, &end[..])];
    let said = testing::feed(&PROTOCOL, &flow(), &conversation);
    assert_eq!(said.value(&CLIENT.software_version), "OpenSSH_9.2p1");
    assert_eq!(said.value(&CLIENT.comments), "Debian-2");
    assert_eq!(said.value(&SERVER.software_version), "dropbear_2022.83");
    assert_eq!(said.value(&CLIENT.hassh_string), "kex;aes-up;hmac-up;none");
    assert_eq!(said.value(&SERVER.hassh_string), "kex;aes-down;hmac-down;zlib");
    // printf 'kex;aes-up;hmac-up;none' | md5sum
    assert_eq!(said.value(&CLIENT.hassh), "932efa2e26357330464b68661696e60a");
    assert_eq!(said.value(&HOST_KEY_TYPE), "ssh-ed25519");
    assert!(said.value(&HOST_KEY).starts_with("SHA256:"));
    assert_eq!(said.0[said.0.len() - 2..], ["[unseen encrypted]", "[done]"][..]);
    testing::keeps_promises(&PROTOCOL, &flow(), &conversation);
}

#[test]
fn a_banner_without_an_end_is_skipped_by_counting() {
    let endless = vec![b'x'; 100_000];
    let said = testing::feed(&PROTOCOL, &flow(), &[(TO_CLIENT, &endless), (TO_CLIENT, b"\nSSH-2.0-x\r\n")]);
    assert_eq!(said.value(&SERVER.software_version), "x");
}

#[test]
fn version_1_is_named_and_left_alone() {
    let said = testing::feed(
        &PROTOCOL,
        &flow(),
        &[(TO_CLIENT, b"SSH-1.5-Cisco-1.25\n"), (TO_SERVER, b"SSH-1.5-1.2.27\n")],
    );
    assert_eq!(said.value(&SERVER.software_version), "Cisco-1.25");
    assert!(said.says("[done]"));
}

#[test]
fn either_side_is_recognised_by_its_version() {
    let odd = testing::flow(Transport::TCP, 443);
    let probe = |bytes| testing::probe(&PROTOCOL, &odd, TO_CLIENT, bytes);
    assert_eq!(probe(b"SSH-2.0-OpenSSH"), Probe::Match);
    assert_eq!(probe(b"SSH-1.99-x"), Probe::Match);
    assert_eq!(probe(b"SSH-2"), Probe::NeedMore);
    assert_eq!(probe(b"SSH-x"), Probe::Mismatch);
    let usual = |bytes| testing::probe(&PROTOCOL, &flow(), TO_CLIENT, bytes);
    assert_eq!(usual(b"Go away\r\n"), Probe::NeedMore);
    assert_eq!(usual(b"Go away\r\nSSH-2.0-x\r\n"), Probe::Match);
}

#[test]
fn other_protocols_are_not_ssh() {
    let odd = testing::flow(Transport::TCP, 443);
    for bytes in
        [&b"GET / HTTP/1.1\r\n"[..], b"SSTP_DUPLEX_POST", b"220 SSH-2.0\r\n", b"\x16\x03\x01", b"SIP/2.0 200"]
    {
        assert_eq!(testing::probe(&PROTOCOL, &odd, TO_SERVER, bytes), Probe::Mismatch, "{bytes:?}");
    }
    assert_eq!(testing::probe(&PROTOCOL, &flow(), TO_SERVER, b"\x16\x03\x01\x02"), Probe::Mismatch);
}
