use super::*;
use crate::protocol::testing::{self, Conversation, TO_CLIENT, TO_SERVER};

fn flow() -> FlowKey {
    testing::flow(Transport::TCP, 389)
}

/// One element; every one in these tests is shorter than 128 bytes.
fn ber(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [vec![tag, u8::try_from(body.len()).expect("short")], body].concat()
}

fn message(id: u8, operation: &[u8]) -> Vec<u8> {
    ber(SEQUENCE, &[&ber(INTEGER, &[&[id]]), operation])
}

fn bind(name: &[u8], password: &[u8]) -> Vec<u8> {
    let parts = [ber(INTEGER, &[&[3]]), ber(OCTET_STRING, &[name]), ber(0x80, &[password])].concat();
    message(1, &ber(0x60, &[&parts]))
}

fn result(id: u8, tag: u8, code: u8) -> Vec<u8> {
    message(id, &ber(tag, &[&[ENUMERATED, 1, code, 4, 0, 4, 0]]))
}

fn search() -> Vec<u8> {
    let mail = ber(0xa3, &[&ber(4, &[b"mail"]), &ber(4, &[b"jo@example.org"])]);
    let parts = ber(SEQUENCE, &[&ber(0x80, &[b"a"]), &ber(0x82, &[b"(z"])]);
    let name = ber(0xa4, &[&ber(4, &[b"cn"]), &parts]);
    let body = [
        ber(OCTET_STRING, &[b"dc=lab"]),
        vec![ENUMERATED, 1, 2, ENUMERATED, 1, 0, INTEGER, 1, 0, INTEGER, 1, 0, 1, 1, 0],
        ber(0xa0, &[&mail, &name]),
        ber(SEQUENCE, &[&ber(4, &[b"phone"])]),
    ]
    .concat();
    message(2, &ber(0x63, &[&body]))
}

#[test]
fn reads_binds_searches_and_results() {
    let (bind, search) = (bind(b"cn=admin", b"secret"), search());
    let (bound, done) = (result(1, 0x61, 0), result(2, 0x65, 32));
    let conversation =
        [(TO_SERVER, &bind[..]), (TO_CLIENT, &bound[..]), (TO_SERVER, &search[..]), (TO_CLIENT, &done[..])];
    let said = testing::feed(&PROTOCOL, &flow(), &conversation);
    assert_eq!(said.value(&USERNAME), "cn=admin");
    assert_eq!(said.value(&PASSWORD), "secret");
    assert_eq!(said.value(&BASE_OBJECT), "dc=lab");
    assert_eq!(said.value(&SCOPE), "whole_subtree");
    assert_eq!(said.value(&FILTER), "(&(mail=jo@example.org)(cn=a*\\28z))");
    assert_eq!(said.value(&ATTRIBUTE), "phone");
    assert_eq!(said.values(&RESULT_CODE), ["0", "32"]);
    testing::keeps_promises(&PROTOCOL, &flow(), &conversation);
}

#[test]
fn an_anonymous_bind_is_no_login() {
    let said = testing::feed(&PROTOCOL, &flow(), &[(TO_SERVER, &bind(b"", b""))]);
    assert!(said.values(&USERNAME).is_empty() && said.values(&PASSWORD).is_empty());
    assert_eq!(said.value(&VERSION), "3");
}

#[test]
fn what_is_added_is_content() {
    let attribute = ber(SEQUENCE, &[&ber(4, &[b"mobile"]), &ber(0x31, &[&ber(4, &[b"+4915112345678"])])]);
    let add = message(3, &ber(0x68, &[&ber(4, &[b"cn=Jo"]), &ber(SEQUENCE, &[&attribute])]));
    let said = testing::feed(&PROTOCOL, &flow(), &[(TO_SERVER, &add)]);
    assert_eq!(said.value(&CONTENT), "cn=Jo\nmobile\n+4915112345678\n");
}

#[test]
fn tls_starts_behind_the_answer_to_start_tls() {
    let ask = message(1, &ber(0x77, &[&ber(0x80, &[START_TLS])]));
    let agreed = result(1, 0x78, 0);
    let said = testing::feed(&PROTOCOL, &flow(), &[(TO_SERVER, &ask), (TO_CLIENT, &agreed)]);
    assert!(said.says("[become tls]"));
    let refused = result(1, 0x78, 2);
    let said = testing::feed(&PROTOCOL, &flow(), &[(TO_SERVER, &ask), (TO_CLIENT, &refused)]);
    assert!(!said.says("[become tls]"));
}

#[test]
fn a_security_layer_ends_the_reading() {
    let gssapi = ber(0xa3, &[&ber(4, &[b"GSSAPI"])]);
    let bind = message(1, &ber(0x60, &[&ber(INTEGER, &[&[3]]), &ber(4, &[]), &gssapi]));
    let said = testing::feed(&PROTOCOL, &flow(), &[(TO_SERVER, &bind), (TO_SERVER, &[0, 0, 0, 9, 1, 2, 3])]);
    assert_eq!(said.value(&SASL_MECHANISM), "GSSAPI");
    assert!(said.says("[unseen encrypted]") && said.says("[done]"));
}

#[test]
fn a_message_that_is_too_long_is_skipped() {
    let mut long = vec![SEQUENCE, 0x83, 0x01, 0x86, 0xa0, INTEGER, 1, 4, 0x64];
    long.resize(100_000 + 5, 0);
    let bind = bind(b"cn=a", b"b");
    let conversation: Conversation<'_> = &[(TO_CLIENT, &long), (TO_SERVER, &bind), (TO_CLIENT, &[0x30])];
    let said = testing::feed(&PROTOCOL, &flow(), conversation);
    assert_eq!(said.value(&PASSWORD), "b");
    assert!(said.says("[unseen truncated]"));
}

#[test]
fn every_operation_is_recognised() {
    let udp = testing::flow(Transport::UDP, 389);
    let control = ber(CONTROLS, &[&ber(SEQUENCE, &[&ber(4, &[b"2.16.840"])])]);
    let with_control = ber(SEQUENCE, &[&[INTEGER, 1, 3, 0x42, 0], &control]);
    for bytes in [bind(b"", b""), search(), result(1, 0x61, 49), with_control] {
        assert_eq!(testing::probe(&PROTOCOL, &flow(), TO_SERVER, &bytes), Probe::Match, "{bytes:x?}");
        assert_eq!(testing::probe(&PROTOCOL, &udp, TO_SERVER, &bytes), Probe::Match, "{bytes:x?}");
        assert_eq!(testing::probe(&PROTOCOL, &flow(), TO_SERVER, &bytes[..4]), Probe::NeedMore);
    }
}

#[test]
fn other_protocols_are_not_ldap() {
    for bytes in [
        // SNMPv1 and SNMPv3
        &b"\x30\x26\x02\x01\x00\x04\x06public\xa0\x19"[..],
        b"\x30\x3e\x02\x01\x03\x30\x11\x02\x04",
        // A certificate
        b"\x30\x82\x03\x00\x30\x82\x02\x00\xa0\x03\x02\x01\x02",
        // T.125 in RDP, Kerberos
        b"\x03\x00\x00\x13\x0e\xe0",
        b"\x6a\x81\x80\x30",
        b"0123456789",
        b"\x30\x80\x02\x01\x01\x60",
        b"\x30\x0c\x02\x01\x01\x60\x70\x02\x01\x03\x04\x00",
        b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x09\x04\x00\x80\x00",
    ] {
        assert_eq!(testing::probe(&PROTOCOL, &flow(), TO_SERVER, bytes), Probe::Mismatch, "{bytes:x?}");
    }
}
