use super::*;
use crate::flow::FlowKey;
use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe as probe_bytes};

const CLIENT: &[u8] = b"\x11\x22\x33\x44\x55\x66\x77\x88";
const SERVER: &[u8] = b"\xa1\xb2\xc3\xd4\xe5\xf6\x07\x18";
/// Packet id 1 and a time in 2024.
const REPLAY_1: &[u8] = b"\0\0\0\x01\x66\x00\0\0";

fn udp(port: u16) -> FlowKey {
    flow(Transport::UDP, port)
}

fn reset(opcode: u8, session: &[u8], protection: &[u8], rest: &[u8]) -> Vec<u8> {
    [&[opcode << 3], session, protection, rest].concat()
}

/// Nothing acknowledged, packet id 0.
const OPENS: &[u8] = b"\0\0\0\0\0";

fn answer(protection: &[u8]) -> Vec<u8> {
    let acknowledges = [b"\x01\0\0\0\0", CLIENT, b"\0\0\0\0"].concat();
    reset(HARD_RESET_SERVER_V2, SERVER, protection, &acknowledges)
}

fn tls_auth() -> Vec<u8> {
    [&[0xab; 20], REPLAY_1].concat()
}

fn tls_crypt(opcode: u8, session: &[u8], behind: usize) -> Vec<u8> {
    let sealed = vec![0x5c; TLS_CRYPT_HMAC + behind];
    reset(opcode, session, REPLAY_1, &sealed)
}

fn two(flow: &FlowKey, first: (Direction, &[u8]), second: (Direction, &[u8])) -> Probe {
    let mut sides: [&[u8]; 2] = [&[], &[]];
    sides[second.0.index()] = second.1;
    PROTOCOL.probe(&Opening {
        flow,
        direction: second.0,
        to_server: sides[0],
        to_client: sides[1],
        previous: Some(Chunk { direction: first.0, bytes: first.1 }),
    })
}

#[test]
fn an_answer_that_repeats_the_session_is_proof() {
    for protection in [&b""[..], &tls_auth()] {
        let opens = reset(HARD_RESET_CLIENT_V2, CLIENT, protection, OPENS);
        let answers = answer(protection);
        assert_eq!(two(&udp(443), (TO_SERVER, &opens), (TO_CLIENT, &answers)), Probe::Match);
        let other = reset(HARD_RESET_CLIENT_V2, SERVER, protection, OPENS);
        assert_eq!(two(&udp(443), (TO_SERVER, &other), (TO_CLIENT, &answers)), Probe::NeedMore);
    }
}

#[test]
fn sealed_resets_are_known_by_their_clocks() {
    let opens = tls_crypt(HARD_RESET_CLIENT_V2, CLIENT, 5);
    let with_key = tls_crypt(HARD_RESET_CLIENT_V3, CLIENT, 5 + 400);
    let answers = tls_crypt(HARD_RESET_SERVER_V2, SERVER, 17);
    for opens in [&opens, &with_key] {
        assert_eq!(two(&udp(443), (TO_SERVER, opens), (TO_CLIENT, &answers)), Probe::Match);
    }
}

#[test]
fn a_client_that_asks_twice_is_proof() {
    let opens = reset(HARD_RESET_CLIENT_V2, CLIENT, b"", OPENS);
    assert_eq!(two(&udp(443), (TO_SERVER, &opens), (TO_SERVER, &opens)), Probe::Match);
    assert_eq!(probe_bytes(&PROTOCOL, &udp(443), TO_SERVER, &opens), Probe::NeedMore);
    assert_eq!(probe_bytes(&PROTOCOL, &udp(1194), TO_SERVER, &opens), Probe::Match);
}

#[test]
fn knows_the_same_over_tcp() {
    let tcp = flow(Transport::TCP, 443);
    let framed = |packet: &[u8]| [&(packet.len() as u16).to_be_bytes(), packet].concat();
    let opens = framed(&reset(HARD_RESET_CLIENT_V2, CLIENT, b"", OPENS));
    let answers = framed(&answer(b""));
    let opening =
        Opening { flow: &tcp, direction: TO_CLIENT, to_server: &opens, to_client: &answers, previous: None };
    assert_eq!(PROTOCOL.probe(&opening), Probe::Match);
    let ack = framed(&[&[ACK << 3], CLIENT, b"\x01\0\0\0\0", SERVER].concat());
    let client_alone = [opens, ack].concat();
    assert_eq!(probe_bytes(&PROTOCOL, &tcp, TO_SERVER, &client_alone), Probe::Match);
    assert_eq!(probe_bytes(&PROTOCOL, &tcp, TO_SERVER, &client_alone[..12]), Probe::NeedMore);
}

#[test]
fn other_protocols_are_not_taken_for_it() {
    let tcp = flow(Transport::TCP, 443);
    for bytes in [
        &b"\0\x1d\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03org\0\0\x01\0\x01"[..],
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        b"\0\0\0\x85\xffSMB\x72\0\0\0\0",
        b"GET / HTTP/1.1\r\n",
    ] {
        assert_ne!(probe_bytes(&PROTOCOL, &tcp, TO_SERVER, bytes), Probe::Match);
        assert_ne!(probe_bytes(&PROTOCOL, &udp(1194), TO_SERVER, bytes), Probe::Match);
    }
    let data = [0x30; 60];
    assert_eq!(probe_bytes(&PROTOCOL, &udp(1194), TO_SERVER, &data), Probe::Mismatch);
}

#[test]
fn says_what_protects_the_control_channel() {
    let opens = reset(HARD_RESET_CLIENT_V2, CLIENT, &tls_auth(), OPENS);
    let transcript = feed(&PROTOCOL, &udp(1194), &[(TO_SERVER, &opens)]);
    assert_eq!(
        transcript.0,
        ["openvpn.opcode=7", "openvpn.protection=tls-auth", "[end]", "[unseen encrypted]", "[done]"]
    );
    keeps_promises(&PROTOCOL, &udp(1194), &[(TO_SERVER, &opens)]);
}
