use super::*;
use crate::flow::FlowKey;
use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

fn server() -> FlowKey {
    flow(Transport::TCP, 5432)
}

/// A message with a type.
fn typed(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend((body.len() as u32 + 4).to_be_bytes());
    message.extend(body);
    message
}

const STARTUP: &[u8] = b"\0\0\0\x36\0\x03\0\0user\0anna\0database\0shop\0application_name\0psq\0\0";
const SSL: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const ASK_CLEARTEXT: &[u8] = b"R\0\0\0\x08\0\0\0\x03";
const ASK_MD5: &[u8] = b"R\0\0\0\x0c\0\0\0\x05salt";
const ASK_SCRAM: &[u8] = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0";

#[test]
fn reads_a_cleartext_login() {
    let transcript = feed(
        &PROTOCOL,
        &server(),
        &[
            (TO_SERVER, STARTUP),
            (TO_CLIENT, ASK_CLEARTEXT),
            (TO_SERVER, &typed(b'p', b"secret\0")),
            (TO_CLIENT, b"R\0\0\0\x08\0\0\0\0"),
            (TO_CLIENT, &typed(b'S', b"server_version\x0016.2\0")),
        ],
    );
    assert_eq!(
        transcript.0,
        [
            "postgresql.request=Startup",
            "postgresql.protocol_version=3.0",
            "postgresql.user=anna",
            "postgresql.database=shop",
            "postgresql.application_name=psq",
            "[end]",
            "postgresql.authentication=cleartext",
            "[end]",
            "postgresql.request=Password",
            "postgresql.password=secret",
            "[end]",
            "postgresql.server_version=16.2",
            "[end]",
        ]
    );
}

#[test]
fn a_hash_is_no_password() {
    let hash = typed(b'p', b"md5a3556571e93b0d20722ba62be61e8c2d\0");
    let scram = typed(b'p', b"SCRAM-SHA-256\0\0\0\0\x08n,,n=,r=x");
    for (asked, answer) in [(ASK_MD5, &hash), (ASK_SCRAM, &scram)] {
        let with_server = [(TO_SERVER, STARTUP), (TO_CLIENT, asked), (TO_SERVER, answer)];
        let alone = [(TO_SERVER, STARTUP), (TO_SERVER, answer)];
        for conversation in [&with_server[..], &alone] {
            let transcript = feed(&PROTOCOL, &server(), conversation);
            assert!(transcript.values(&PASSWORD).is_empty());
        }
    }
}

#[test]
fn reads_queries_their_parameters_and_errors() {
    let transcript = feed(
        &PROTOCOL,
        &server(),
        &[
            (TO_SERVER, &typed(b'Q', b"SELECT 1\0")),
            (TO_CLIENT, &typed(b'C', b"SELECT 1\0")),
            (TO_SERVER, &typed(b'P', b"\0INSERT INTO t VALUES ($1, $2)\0\0\0")),
            (TO_SERVER, &typed(b'B', b"\0\0\0\0\0\x02\0\0\0\x02hi\xff\xff\xff\xff\0\0")),
            (TO_CLIENT, &typed(b'E', b"SERROR\0C42P01\0Mno table\0\0")),
            (TO_SERVER, &typed(b'd', b"a\tb\n")),
        ],
    );
    assert_eq!(transcript.values(&QUERY), ["SELECT 1", "INSERT INTO t VALUES ($1, $2)"]);
    assert_eq!(transcript.value(&PARAMETER), "hi");
    assert_eq!(transcript.value(&CODE), "42P01");
    assert_eq!(transcript.value(&COPY_DATA), "a\tb\n");
}

#[test]
fn hands_tls_on_once_the_server_agreed() {
    let refused = feed(&PROTOCOL, &server(), &[(TO_SERVER, SSL), (TO_CLIENT, b"N"), (TO_SERVER, STARTUP)]);
    assert_eq!(refused.value(&USER), "anna");
    let agreed = feed(&PROTOCOL, &server(), &[(TO_SERVER, SSL), (TO_CLIENT, b"S")]);
    assert!(agreed.says("[secured by tls]"));
    let client_alone = feed(&PROTOCOL, &server(), &[(TO_SERVER, SSL), (TO_SERVER, b"\x16\x03\x01")]);
    assert!(client_alone.says("[secured by tls]"));
}

#[test]
fn is_known_by_either_sides_first_message() {
    let odd = flow(Transport::TCP, 7000);
    for bytes in [STARTUP, SSL, b"\0\0\0\x10\x04\xd2\x16\x2eabcdefgh"] {
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, bytes), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &bytes[..7]), Probe::NeedMore);
    }
    for bytes in [ASK_CLEARTEXT, ASK_MD5, ASK_SCRAM, &typed(b'E', b"SFATAL\0VFATAL\0\0")] {
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, bytes), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, bytes), Probe::Match);
    }
    let refused = [b"N", ASK_MD5].concat();
    assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, &refused), Probe::Match);
}

#[test]
fn other_protocols_are_not_taken_for_it() {
    for bytes in [
        &b"\0\0\0\x85\xffSMB\x72\0\0\0\0"[..],
        b"\0\0\0\x08\0\0\0\0",
        b"\0\x1d\x01\0\0\x01\0\0",
        b"EHLO example.org\r\n",
        b"RFB 003.008\n",
        b"REGISTER sip:example.org SIP/2.0\r\n",
        b"NICK anna\r\n",
        b"GET / HTTP/1.1\r\n",
        b"QUIT\r\n\r\n\r\n",
    ] {
        assert_eq!(probe(&PROTOCOL, &server(), TO_SERVER, bytes), Probe::Mismatch);
    }
}

#[test]
fn keeps_a_dissectors_promises() {
    keeps_promises(
        &PROTOCOL,
        &server(),
        &[
            (TO_SERVER, SSL),
            (TO_CLIENT, b"N"),
            (TO_SERVER, STARTUP),
            (TO_CLIENT, ASK_CLEARTEXT),
            (TO_SERVER, &typed(b'p', b"secret\0")),
            (TO_SERVER, &typed(b'Q', b"SELECT 1\0")),
            (TO_CLIENT, &typed(b'E', b"SERROR\0C42P01\0Mno table\0\0")),
        ],
    );
}
