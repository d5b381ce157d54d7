use super::*;
use crate::flow::FlowKey;
use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

fn server() -> FlowKey {
    flow(Transport::TCP, 5900)
}

const VERSION_3_8: &[u8] = b"RFB 003.008\n";
/// ServerInit: 640x480, a pixel format, the name `desk`.
const SERVER_INIT: &[u8] = b"\x02\x80\x01\xe0\x20\x18\0\x01\0\xff\0\xff\0\xff\x10\x08\0\0\0\0\0\0\0\x04desk";
/// ClientCutText.
const CUT: &[u8] = b"\x06\0\0\0\0\0\0\x05hello";

#[test]
fn reads_a_connection_without_authentication() {
    let transcript = feed(
        &PROTOCOL,
        &server(),
        &[
            (TO_CLIENT, VERSION_3_8),
            (TO_SERVER, VERSION_3_8),
            (TO_CLIENT, b"\x02\x01\x02"),
            (TO_SERVER, b"\x01"),
            (TO_CLIENT, b"\0\0\0\0"),
            (TO_SERVER, b"\x01"),
            (TO_CLIENT, SERVER_INIT),
            (TO_SERVER, b"\x04\x01\0\0\0\0\0\x61"),
            (TO_SERVER, CUT),
        ],
    );
    assert_eq!(
        transcript.0,
        [
            "vnc.server_version=003.008",
            "[end]",
            "vnc.client_version=003.008",
            "[end]",
            "vnc.security_types=1",
            "vnc.security_types=2",
            "[end]",
            "vnc.security=none",
            "[end]",
            "vnc.security_result=OK",
            "[end]",
            "vnc.desktop_name=desk",
            "[end]",
            "vnc.clipboard=hello",
            "[end]",
        ]
    );
}

#[test]
fn reads_a_challenge_and_its_failure() {
    let transcript = feed(
        &PROTOCOL,
        &server(),
        &[
            (TO_CLIENT, VERSION_3_8),
            (TO_SERVER, VERSION_3_8),
            (TO_CLIENT, b"\x01\x02"),
            (TO_SERVER, b"\x02"),
            (TO_CLIENT, b"0123456789abcdef"),
            (TO_SERVER, b"fedcba9876543210"),
            (TO_CLIENT, b"\0\0\0\x01\0\0\0\x03no!"),
        ],
    );
    assert_eq!(transcript.value(&SECURITY), "vnc");
    assert_eq!(transcript.value(&RESULT), "FAIL");
    assert_eq!(transcript.value(&REASON), "no!");
}

#[test]
fn reads_version_3_3() {
    let transcript = feed(
        &PROTOCOL,
        &server(),
        &[
            (TO_CLIENT, b"RFB 003.003\n"),
            (TO_SERVER, b"RFB 003.003\n"),
            (TO_CLIENT, b"\0\0\0\x02"),
            (TO_CLIENT, b"0123456789abcdef"),
            (TO_SERVER, b"fedcba9876543210"),
            (TO_CLIENT, b"\0\0\0\0"),
            (TO_SERVER, b"\x01"),
            (TO_CLIENT, SERVER_INIT),
            (TO_SERVER, CUT),
        ],
    );
    assert_eq!(transcript.value(&SECURITY), "vnc");
    assert_eq!(transcript.value(&NAME), "desk");
    assert_eq!(transcript.value(&CLIPBOARD), "hello");
}

const VENCRYPT_START: &[(Direction, &[u8])] = &[
    (TO_CLIENT, VERSION_3_8),
    (TO_SERVER, VERSION_3_8),
    (TO_CLIENT, b"\x01\x13"),
    (TO_SERVER, b"\x13"),
    (TO_CLIENT, b"\0\x02"),
    (TO_SERVER, b"\0\x02"),
    (TO_CLIENT, b"\0\x02\0\0\x01\x04\0\0\x01\0"),
];

#[test]
fn reads_a_vencrypt_login_in_the_clear() {
    let mut conversation = VENCRYPT_START.to_vec();
    conversation.push((TO_SERVER, b"\0\0\x01\0"));
    conversation.push((TO_SERVER, b"\0\0\0\x04\0\0\0\x06annasecret"));
    conversation.push((TO_CLIENT, b"\0\0\0\0"));
    let transcript = feed(&PROTOCOL, &server(), &conversation);
    assert_eq!(transcript.value(&USER), "anna");
    assert_eq!(transcript.value(&PASSWORD), "secret");
    assert_eq!(transcript.value(&RESULT), "OK");
    keeps_promises(&PROTOCOL, &server(), &conversation);
}

#[test]
fn lets_vencrypts_tls_be_probed() {
    let mut conversation = VENCRYPT_START.to_vec();
    conversation.push((TO_SERVER, b"\0\0\x01\x04"));
    conversation.push((TO_CLIENT, b"\x01"));
    let transcript = feed(&PROTOCOL, &server(), &conversation);
    assert!(transcript.says("[carries]"));
    assert_eq!(transcript.value(&SUBTYPE), "260");
}

#[test]
fn reads_one_side_alone() {
    let client =
        feed(&PROTOCOL, &server(), &[(TO_SERVER, VERSION_3_8), (TO_SERVER, b"\x01\x01"), (TO_SERVER, CUT)]);
    assert_eq!(client.value(&SECURITY), "none");
    assert_eq!(client.value(&CLIPBOARD), "hello");
    let server_alone = feed(
        &PROTOCOL,
        &server(),
        &[
            (TO_CLIENT, VERSION_3_8),
            (TO_CLIENT, b"\x01\x01"),
            (TO_CLIENT, b"\0\0\0\0"),
            (TO_CLIENT, SERVER_INIT),
        ],
    );
    assert_eq!(server_alone.value(&NAME), "desk");
}

#[test]
fn is_known_by_its_version() {
    let odd = flow(Transport::TCP, 443);
    for version in [VERSION_3_8, b"RFB 003.889\n", b"RFB 005.000\n"] {
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, version), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, version), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, &version[..9]), Probe::NeedMore);
    }
    for bytes in [&b"RFB 003.008\r\n"[..], b"RFB-003.008\n", b"REGISTER sip", b"GET / HTTP/1.1"] {
        assert_eq!(probe(&PROTOCOL, &server(), TO_SERVER, bytes), Probe::Mismatch);
    }
}

#[test]
fn keeps_a_dissectors_promises() {
    keeps_promises(
        &PROTOCOL,
        &server(),
        &[
            (TO_CLIENT, VERSION_3_8),
            (TO_SERVER, VERSION_3_8),
            (TO_CLIENT, b"\x02\x01\x02"),
            (TO_SERVER, b"\x02"),
            (TO_CLIENT, b"0123456789abcdef"),
            (TO_SERVER, b"fedcba9876543210"),
            (TO_CLIENT, b"\0\0\0\0"),
            (TO_SERVER, b"\x01"),
            (TO_CLIENT, SERVER_INIT),
            (TO_SERVER, CUT),
        ],
    );
}
