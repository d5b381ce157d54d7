use super::*;
use crate::protocol::testing::{self, Conversation, TO_CLIENT, TO_SERVER};

fn flow() -> FlowKey {
    testing::flow(Transport::TCP, 110)
}

#[test]
fn reads_the_login_and_the_message() {
    let conversation: Conversation<'_> = &[
        (TO_CLIENT, b"+OK Dovecot ready.\r\n"),
        (TO_SERVER, b"CAPA\r\n"),
        (TO_CLIENT, b"+OK\r\nTOP\r\nSTLS\r\nSASL PLAIN\r\n.\r\n"),
        (TO_SERVER, b"USER marta\r\nPASS two words\r\nRETR 1\r\n"),
        (
            TO_CLIENT,
            b"+OK\r\n+OK in\r\n+OK 98 octets\r\nSubject: News\r\n\r\n..hidden dot\r\n+OK no status\r\n.\r\n",
        ),
        (TO_SERVER, b"QUIT\r\n"),
        (TO_CLIENT, b"+OK bye\r\n"),
    ];
    let said = testing::feed(&PROTOCOL, &flow(), conversation);
    assert_eq!(said.value(&USERNAME), "marta");
    assert_eq!(said.value(&PASSWORD), "two words");
    assert_eq!(said.value(&SUBJECT), "News");
    assert_eq!(said.values(&CAPABILITY), ["TOP", "STLS", "SASL PLAIN"]);
    assert_eq!(said.value(&CONTENT), "Subject: News\n\n.hidden dot\n+OK no status\n");
    testing::keeps_promises(&PROTOCOL, &flow(), conversation);
}

#[test]
fn reads_sasl_and_apop() {
    let sasl: Conversation<'_> = &[
        (TO_CLIENT, b"+OK ready\r\n"),
        (TO_SERVER, b"AUTH PLAIN\r\n"),
        (TO_CLIENT, b"+ \r\n"),
        (TO_SERVER, b"AGxhYgBsYWJwdw==\r\n"),
        (TO_CLIENT, b"+OK Logged in.\r\n"),
        (TO_SERVER, b"STAT\r\n"),
    ];
    let said = testing::feed(&PROTOCOL, &flow(), sasl);
    assert_eq!(said.value(&USERNAME), "lab");
    assert_eq!(said.value(&PASSWORD), "labpw");
    assert_eq!(said.values(&COMMAND), ["AUTH", "STAT"]);
    testing::keeps_promises(&PROTOCOL, &flow(), sasl);
    let apop: Conversation<'_> = &[(TO_SERVER, b"APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n")];
    let said = testing::feed(&PROTOCOL, &flow(), apop);
    assert_eq!(said.value(&USERNAME), "mrose");
    assert!(said.values(&PASSWORD).is_empty());
}

#[test]
fn tls_starts_behind_the_answer_to_stls() {
    let said = testing::feed(
        &PROTOCOL,
        &flow(),
        &[
            (TO_CLIENT, b"+OK ready\r\n"),
            (TO_SERVER, b"AUTH\r\n"),
            (TO_CLIENT, b"-ERR what\r\n"),
            (TO_SERVER, b"STLS\r\n"),
            (TO_CLIENT, b"+OK Begin TLS\r\n"),
        ],
    );
    assert!(said.says("[become tls]"));
}

#[test]
fn it_is_told_from_ftp_and_redis() {
    let odd = testing::flow(Transport::TCP, 9110);
    let probe = |direction, bytes| testing::probe(&PROTOCOL, &odd, direction, bytes);
    assert_eq!(probe(TO_CLIENT, b"+OK POP3 ready <1@x>\r\n"), Probe::Match);
    assert_eq!(probe(TO_CLIENT, b"+OK\r\n"), Probe::NeedMore);
    assert_eq!(probe(TO_CLIENT, b"+O"), Probe::NeedMore);
    assert_eq!(probe(TO_SERVER, b"CAPA\r\n"), Probe::Match);
    assert_eq!(probe(TO_SERVER, b"USER x\r\nPASS y\r\n"), Probe::NeedMore);
    assert_eq!(probe(TO_SERVER, b"USER x\r\nPASS y\r\nSTAT\r\n"), Probe::Match);
    assert_eq!(probe(TO_SERVER, b"USER x\r\nPASS y\r\nSYST\r\n"), Probe::Mismatch);
    let after_a_command = Opening {
        flow: &odd,
        direction: TO_CLIENT,
        to_server: b"*1\r\n$4\r\nPING\r\n",
        to_client: b"+OK yes\r\n",
        previous: None,
    };
    assert_eq!(PROTOCOL.probe(&after_a_command), Probe::Mismatch);
}

#[test]
fn other_protocols_are_not_pop3() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"+PONG\r\n",
        b"* OK x\r\n",
        b"-NOAUTH x\r\n",
        b"EHLO x\r\n",
        b"\x80\x01",
    ] {
        assert_eq!(testing::probe(&PROTOCOL, &flow(), TO_SERVER, bytes), Probe::Mismatch, "{bytes:?}");
    }
}
