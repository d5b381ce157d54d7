use super::*;
use crate::protocol::testing::{self, Conversation, TO_CLIENT, TO_SERVER, Transcript};

const GREETING: &[u8] = b"\x05\x02\x00\x02";
const CONNECT: &[u8] = b"\x05\x01\x00\x03\x0fWWW.example.org\x01\xbb";
const REPLY: &[u8] = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00";

fn read(conversation: Conversation<'_>) -> Transcript {
    testing::feed(&PROTOCOL, &testing::flow(Transport::TCP, 1080), conversation)
}

fn probe(to_server: &[u8], to_client: &[u8]) -> Probe {
    PROTOCOL.probe(&Opening {
        flow: &testing::flow(Transport::TCP, 4000),
        direction: TO_SERVER,
        to_server,
        to_client,
        previous: None,
    })
}

#[track_caller]
fn promises(conversation: Conversation<'_>) {
    testing::keeps_promises(&PROTOCOL, &testing::flow(Transport::TCP, 1080), conversation);
}

#[test]
fn reads_a_login_and_a_name() {
    let conversation: Conversation<'_> = &[
        (TO_SERVER, GREETING),
        (TO_CLIENT, b"\x05\x02"),
        (TO_SERVER, b"\x01\x05marta\x06secret"),
        (TO_CLIENT, b"\x01\x00"),
        (TO_SERVER, CONNECT),
        (TO_CLIENT, REPLY),
    ];
    promises(conversation);
    assert_eq!(
        read(conversation).0,
        [
            "socks.method=2",
            "socks.username=marta",
            "socks.password=secret",
            "socks.version=5",
            "socks.command=connect",
            "socks.host=www.example.org",
            "socks.port=443",
            "[end]",
            "socks.status=0",
            "[end]",
            "[carries]",
        ]
    );
}

#[test]
fn reads_version_4_with_and_without_a_name() {
    let conversation: Conversation<'_> = &[
        (TO_SERVER, b"\x04\x01\x00\x16\x00\x00\x00\x01marta\0example.org\0"),
        (TO_CLIENT, b"\x00\x5a\x00\x00\x00\x00\x00\x00"),
    ];
    promises(conversation);
    let transcript = read(conversation);
    assert_eq!(transcript.value(&HOST), "example.org");
    assert_eq!(transcript.value(&USERNAME), "marta");
    assert!(transcript.says("[carries]"));
    let refused = read(&[
        (TO_SERVER, b"\x04\x01\x00\x16\xc0\x00\x02\x07\0"),
        (TO_CLIENT, b"\x00\x5b\x00\x00\x00\x00\x00\x00"),
    ]);
    assert_eq!(refused.value(&ADDRESS), "192.0.2.7");
    assert!(!refused.says("[carries]"));
}

#[test]
fn one_side_is_enough() {
    let client = [b"\x05\x01\x00", CONNECT, b"\x16\x03\x01"].concat();
    let transcript = read(&[(TO_SERVER, &client)]);
    assert_eq!(transcript.value(&HOST), "www.example.org");
    assert!(transcript.says("[carries]"));
    let proxy = [b"\x05\x00", REPLY].concat();
    assert!(read(&[(TO_CLIENT, &proxy)]).says("[carries]"));
    assert!(read(&[(TO_SERVER, &proxy)]).says("[carries]"), "a capture that begins with the proxy");
}

#[test]
fn other_commands_end_as_they_should() {
    let to = |request: &'static [u8], replies: &[u8]| {
        read(&[
            (TO_SERVER, b"\x05\x01\x00"),
            (TO_CLIENT, b"\x05\x00"),
            (TO_SERVER, request),
            (TO_CLIENT, replies),
        ])
    };
    assert!(to(b"\x05\x03\x00\x01\0\0\0\0\0\0", REPLY).says("[done]"));
    let bind = b"\x05\x02\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\x15";
    assert_eq!(to(bind, REPLY).value(&ADDRESS), "2001:db8::1");
    assert!(!to(bind, REPLY).says("[carries]"));
    assert!(to(bind, &REPLY.repeat(2)).says("[carries]"));
    assert!(to(b"\x05\x01\x00\x07\0\0\0", REPLY).says("[malformed an address of an unknown type]"));
}

#[test]
fn recognises_both_versions() {
    assert_eq!(probe(b"\x04\x01\x00\x16\x00\x00\x00\x01\0example.org\0", b""), Probe::Match);
    assert_eq!(probe(b"\x04\x01\x00\x50\xc0\x00\x02\x07marta\0", b""), Probe::Match);
    assert_eq!(probe(GREETING, b"\x05\x00"), Probe::Match);
    assert_eq!(probe(GREETING, b"\x05\xff"), Probe::Match);
    assert_eq!(probe(&[b"\x05\x01\x00", CONNECT].concat(), b""), Probe::Match);
    assert_eq!(probe(b"", &[b"\x05\x00", REPLY].concat()), Probe::Match);
    assert_eq!(probe(&[b"\x05\x02\x01\x00", REPLY].concat(), b""), Probe::Match, "the proxy's side alone");
    for early in [&b"\x05"[..], b"\x05\x02\x00", GREETING, b"\x04", b"\x04\x01\x00\x16\x00\x00\x00\x01\0exam"]
    {
        assert_eq!(probe(early, b""), Probe::NeedMore, "{early:?}");
    }
}

#[test]
fn does_not_take_others_for_itself() {
    for bytes in [
        &b"\x05\x00\x0b\x03\x10\x00\x00\x00\x48\x00\x00\x00"[..],
        b"\x05\x01\x00\x00\x00\x00\x00",
        b"\x05\x03\x41\x42\x43",
        b"\x04\x01\x00\x00\x01\x02\x03\x04\0",
        b"\x04\x01\x00\x50\x01\x02\x03\x04ab\0rest",
        b"\x04\x03\x00\x50",
        b"\x04\x01\x00\x50\x01\x02\x03\x04\x01\0",
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01",
        b"\x00\x5a\x00\x00\x00\x00\x00\x00",
    ] {
        assert_eq!(probe(bytes, b""), Probe::Mismatch, "{bytes:?}");
    }
    assert_eq!(probe(GREETING, b"\x05\x01"), Probe::Mismatch, "a choice that was not offered");
}
