use super::*;
use crate::protocol::testing::{self, Conversation, TO_CLIENT, TO_SERVER};

fn flow() -> FlowKey {
    testing::flow(Transport::TCP, 23)
}

#[test]
fn reads_a_login_between_negotiations() {
    let conversation: Conversation<'_> = &[
        (TO_CLIENT, b"\xff\xfd\x18\xff\xfd\x1f"),
        (TO_SERVER, b"\xff\xfb\x18\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0"),
        (TO_CLIENT, b"\xff\xfa\x18\x01\xff\xf0"),
        (TO_SERVER, b"\xff\xfa\x18\x00XTERM\xff\xf0"),
        (TO_CLIENT, b"Last login: Monday\r\nlab login: "),
        (TO_SERVER, b"marta\r\x00"),
        (TO_CLIENT, b"marta\r\nPassword: "),
        (TO_SERVER, b"hunter2\r\n"),
        (TO_CLIENT, b"\r\x00\r\n$ "),
        (TO_SERVER, b"cat secrets\r\n"),
    ];
    let said = testing::feed(&PROTOCOL, &flow(), conversation);
    assert_eq!(said.value(&USERNAME), "marta");
    assert_eq!(said.value(&PASSWORD), "hunter2");
    assert_eq!(said.value(&TERMINAL_TYPE), "XTERM");
    assert_eq!(said.value(&WINDOW_WIDTH), "80");
    assert!(said.values(&CONTENT).contains(&"cat secrets"));
    testing::keeps_promises(&PROTOCOL, &flow(), conversation);
}

#[test]
fn typing_is_followed_character_by_character() {
    let conversation: Conversation<'_> = &[
        (TO_CLIENT, b"router\r\nUsername: "),
        (TO_SERVER, b"m"),
        (TO_CLIENT, b"m"),
        (TO_SERVER, b"x"),
        (TO_CLIENT, b"x"),
        (TO_SERVER, b"\x7f"),
        (TO_CLIENT, b"\x08 \x08"),
        (TO_SERVER, b"a\r\x00"),
        (TO_CLIENT, b"a\r\nPassword:"),
        (TO_SERVER, b"wrong\x15right\r\n"),
    ];
    let said = testing::feed(&PROTOCOL, &flow(), conversation);
    assert_eq!(said.value(&USERNAME), "ma");
    assert_eq!(said.value(&PASSWORD), "right");
    testing::keeps_promises(&PROTOCOL, &flow(), conversation);
}

#[test]
fn what_is_encrypted_is_not_read() {
    let said = testing::feed(
        &PROTOCOL,
        &flow(),
        &[(TO_CLIENT, b"\xff\xfd\x26"), (TO_SERVER, b"\xff\xfb\x26\xff\xfa\x26\x03\x00\xff\xf0junk\r\n")],
    );
    assert_eq!(said.0, ["[unseen encrypted]", "[done]"]);
    let said = testing::feed(
        &PROTOCOL,
        &flow(),
        &[(TO_CLIENT, b"\xff\xfa\x2e\x01\xff\xf0"), (TO_SERVER, b"\xff\xfa\x2e\x01\xff\xf0")],
    );
    assert_eq!(said.0, ["[become tls]"]);
}

#[test]
fn negotiation_is_recognised_on_any_port() {
    let odd = testing::flow(Transport::TCP, 4000);
    let probe = |bytes| testing::probe(&PROTOCOL, &odd, TO_CLIENT, bytes);
    assert_eq!(probe(b"\xff\xfb\x25\xff\xfb\x26"), Probe::Match);
    assert_eq!(probe(b"\xff\xfd\x18"), Probe::NeedMore);
    assert_eq!(probe(b"\xff\xfb\x01login: "), Probe::Match);
    assert_eq!(probe(b"lab login: "), Probe::Mismatch);
    let usual = |bytes| testing::probe(&PROTOCOL, &flow(), TO_CLIENT, bytes);
    assert_eq!(usual(b"\xff\xfd\x18"), Probe::Match);
    assert_eq!(usual(b"Welcome\r\nlab log"), Probe::NeedMore);
    assert_eq!(usual(b"Welcome\r\nlab login: "), Probe::Match);
    assert_eq!(usual(b"Welcome\r\n\xff\xfd\x18\xff\xfb\x01"), Probe::Match);
    assert_eq!(usual(b"Welcome\r\n\xff\xd2\x18"), Probe::Mismatch);
}

#[test]
fn other_protocols_are_not_telnet() {
    for bytes in [
        &b"\xff\xd8\xff\xe0"[..],
        b"\xff\xfb\x90\x64",
        b"\xff\xfb\x50",
        b"SSH-2.0-x\r\n",
        b"220 ready\r\n",
        b"HTTP/1.1 401 Password:",
        b"GET / HTTP/1.1\r\nX: login:",
        b"\x16\x03\x01\x02",
    ] {
        assert_eq!(testing::probe(&PROTOCOL, &flow(), TO_CLIENT, bytes), Probe::Mismatch, "{bytes:?}");
    }
}
