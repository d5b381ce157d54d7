use super::*;
use crate::protocol::testing::{self, Conversation, TO_CLIENT, TO_SERVER};

fn flow() -> FlowKey {
    testing::flow(Transport::TCP, 6379)
}

#[test]
fn reads_commands_values_and_replies() {
    let conversation: Conversation<'_> = &[
        (TO_SERVER, b"*3\r\n$3\r\nSET\r\n$5\r\nphone\r\n$12\r\n+49\r\n1234567\r\n"),
        (TO_CLIENT, b"+OK\r\n"),
        (TO_SERVER, b"*2\r\n$3\r\nGET\r\n$5\r\nphone\r\n"),
        (TO_CLIENT, b"$12\r\n+49\r\n1234567\r\n"),
        (TO_SERVER, b"PING\r\n"),
        (TO_CLIENT, b"-ERR no\r\n"),
    ];
    let said = testing::feed(&PROTOCOL, &flow(), conversation);
    assert_eq!(said.values(&COMMAND), ["SET", "GET", "PING"]);
    assert_eq!(said.values(&CONTENT), ["phone +49\r\n1234567 ", "phone ", "+49\r\n1234567\n"]);
    assert_eq!(said.value(&ERROR), "ERR no");
    testing::keeps_promises(&PROTOCOL, &flow(), conversation);
}

#[test]
fn reads_every_way_to_log_in() {
    let login = |bytes: &[u8]| {
        let said = testing::feed(&PROTOCOL, &flow(), &[(TO_SERVER, bytes)]);
        testing::keeps_promises(&PROTOCOL, &flow(), &[(TO_SERVER, bytes)]);
        assert!(said.values(&CONTENT).is_empty(), "{said:?}");
        (said.values(&USERNAME).join(" "), said.value(&PASSWORD).to_owned())
    };
    assert_eq!(login(b"*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n"), (String::new(), "pw".to_owned()));
    assert_eq!(login(b"AUTH marta pw\r\n"), ("marta".to_owned(), "pw".to_owned()));
    let hello = b"*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$5\r\nmarta\r\n$2\r\npw\r\n";
    assert_eq!(login(hello), ("marta".to_owned(), "pw".to_owned()));
}

#[test]
fn arrays_and_evident_replies_are_recognised_on_any_port() {
    let odd = testing::flow(Transport::TCP, 7000);
    let probe = |bytes| testing::probe(&PROTOCOL, &odd, TO_SERVER, bytes);
    assert_eq!(probe(b"*1\r\n$4\r\nPING\r\n"), Probe::Match);
    assert_eq!(probe(b"*240\r\n*10\r\n$11\r\nsinterstore\r\n"), Probe::Match);
    assert_eq!(probe(b"-NOAUTH Authentication required.\r\n"), Probe::Match);
    assert_eq!(probe(b"*1\r"), Probe::NeedMore);
    assert_eq!(probe(b"+OK\r\n"), Probe::NeedMore);
    assert_eq!(probe(b"PING\r\n"), Probe::Mismatch);
    assert_eq!(testing::probe(&PROTOCOL, &flow(), TO_SERVER, b"PING\r\n"), Probe::Match);
}

#[test]
fn other_protocols_are_not_redis() {
    for bytes in [
        &b"* OK IMAP4 ready\r\n"[..],
        b"*hello\r\n",
        b"*1\r\nxx",
        b"GET / HTTP/1.1\r\n",
        b"POST / HTTP/1.1\r\n",
        b"SSH-2.0-x\r\n",
        b"-\x00\x01\r\n",
        b"$abc\r\n",
    ] {
        assert_eq!(testing::probe(&PROTOCOL, &flow(), TO_SERVER, bytes), Probe::Mismatch, "{bytes:?}");
    }
}
