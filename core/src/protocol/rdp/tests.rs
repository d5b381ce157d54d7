use super::*;
use crate::flow::FlowKey;
use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

fn server() -> FlowKey {
    flow(Transport::TCP, 3389)
}

/// A TPKT around an X.224 TPDU.
fn tpkt(tpdu: &[u8]) -> Vec<u8> {
    let mut packet = vec![3, 0];
    packet.extend((tpdu.len() as u16 + 4).to_be_bytes());
    packet.extend(tpdu);
    packet
}

fn connection(code: u8, variable: &[u8]) -> Vec<u8> {
    let mut tpdu = vec![variable.len() as u8 + 6, code, 0, 0, 0, 0, 0];
    tpdu.extend(variable);
    tpkt(&tpdu)
}

fn request() -> Vec<u8> {
    connection(0xe0, b"Cookie: mstshash=anna\r\n\x01\0\x08\0\x03\0\0\0")
}

fn confirm(selected: u8) -> Vec<u8> {
    connection(0xd0, &[2, 0x1f, 8, 0, selected, 0, 0, 0])
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// SendDataRequest with a Client Info PDU that nothing protects.
fn client_info() -> Vec<u8> {
    let strings = ["WORK", "anna", "secret"].map(utf16);
    let mut body = vec![0x40, 0, 0, 0];
    body.extend([0, 0, 0, 0, 0x10, 0, 0, 0]);
    for string in &strings {
        body.extend((string.len() as u16).to_le_bytes());
    }
    body.extend([0; 4]);
    for string in &strings {
        body.extend(string);
        body.extend([0, 0]);
    }
    let mut tpdu = vec![2, 0xf0, 0x80, 0x64, 0, 6, 3, 0xeb, 0x70, 0x80, body.len() as u8];
    tpdu.extend(body);
    tpkt(&tpdu)
}

fn connect_initial() -> Vec<u8> {
    let mut tpdu = b"\x02\xf0\x80\x7f\x65\x82\x01\x00Duca\x81\x0f\x01\xc0\xd8\0\x04\0\x08\0".to_vec();
    tpdu.extend(b"\0\x05\0\x04\x01\xca\x03\xaa\x09\x04\0\0\x28\x0a\0\0");
    let mut name = utf16("PHONE");
    name.resize(32, 0);
    tpdu.extend(name);
    tpkt(&tpdu)
}

#[test]
fn reads_the_user_and_the_security_and_lets_tls_be_probed() {
    let transcript = feed(&PROTOCOL, &server(), &[(TO_SERVER, &request()), (TO_CLIENT, &confirm(2))]);
    assert_eq!(
        transcript.0,
        ["rdp.user=anna", "rdp.requested_protocols=3", "[end]", "rdp.security=credssp", "[end]", "[carries]",]
    );
}

#[test]
fn lets_tls_be_probed_when_only_the_client_was_seen() {
    let transcript = feed(&PROTOCOL, &server(), &[(TO_SERVER, &request()), (TO_SERVER, b"\x16\x03\x01")]);
    assert!(transcript.says("[carries]"));
}

#[test]
fn reads_a_login_that_nothing_protects() {
    let transcript = feed(
        &PROTOCOL,
        &server(),
        &[
            (TO_SERVER, &connection(0xe0, b"")),
            (TO_CLIENT, &connection(0xd0, b"")),
            (TO_SERVER, &connect_initial()),
            (TO_SERVER, &client_info()),
        ],
    );
    assert_eq!(transcript.value(&SECURITY), "rdp");
    assert_eq!(transcript.value(&CLIENT_NAME), "PHONE");
    assert_eq!(transcript.value(&CLIENT_BUILD), "2600");
    assert_eq!(transcript.value(&DOMAIN), "WORK");
    assert_eq!(transcript.value(&USER), "anna");
    assert_eq!(transcript.value(&PASSWORD), "secret");
}

#[test]
fn says_that_rdps_own_encryption_hides_the_rest() {
    let exchange = tpkt(b"\x02\xf0\x80\x64\0\x06\x03\xeb\x70\x08\x01\0\0\0abcd");
    let transcript = feed(&PROTOCOL, &server(), &[(TO_SERVER, &exchange)]);
    assert_eq!(transcript.0, ["[unseen encrypted]", "[done]"]);
}

#[test]
fn is_known_by_either_sides_first_packet() {
    let odd = flow(Transport::TCP, 443);
    for bytes in [
        request(),
        connection(0xe0, b"\x01\0\x08\0\x0b\0\0\0"),
        connection(0xe0, b"Cookie: msts=3640205228.15629.0000\r\n"),
        confirm(1),
        connection(0xd0, &[3, 0, 8, 0, 5, 0, 0, 0]),
    ] {
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &bytes), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &bytes[..9]), Probe::NeedMore);
    }
    assert_eq!(probe(&PROTOCOL, &server(), TO_SERVER, &connection(0xe0, b"")), Probe::Match);
}

#[test]
fn knows_the_handshake_over_udp() {
    let udp = flow(Transport::UDP, 3389);
    let mut syn = b"\xff\xff\xff\xff\x02\0\x10\x01\x01\x02\x03\x04\x04\xd0\x04\xd0".to_vec();
    syn.resize(1232, 0);
    assert_eq!(probe(&PROTOCOL, &udp, TO_SERVER, &syn), Probe::Match);
    assert_eq!(probe(&PROTOCOL, &udp, TO_SERVER, &syn[..100]), Probe::Mismatch);
    assert_eq!(probe(&PROTOCOL, &udp, TO_SERVER, &[0xff; 1232]), Probe::Mismatch);
}

#[test]
fn what_else_x224_carries_is_not_taken_for_it() {
    let odd = flow(Transport::TCP, 102);
    for bytes in [
        connection(0xe0, b"\xc0\x01\x0a\xc1\x02\x01\0\xc2\x02\x01\x02"),
        connection(0xd0, b"\xc0\x01\x0a\xc1\x02\x01\0\xc2\x02\x01\x02"),
        connection(0xe0, b""),
        tpkt(b"\x08\x02\x00\x01\x05\x04"),
        b"\x16\x03\x01\x02\0\x01".to_vec(),
        b"GET / HTTP/1.1".to_vec(),
    ] {
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &bytes), Probe::Mismatch);
    }
}

#[test]
fn keeps_a_dissectors_promises() {
    keeps_promises(
        &PROTOCOL,
        &server(),
        &[
            (TO_SERVER, &request()),
            (TO_CLIENT, &confirm(0)),
            (TO_SERVER, &connect_initial()),
            (TO_SERVER, &client_info()),
        ],
    );
}
