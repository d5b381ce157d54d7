use super::*;
use crate::protocol::testing::{self, Conversation, TO_CLIENT, TO_SERVER};

fn flow() -> FlowKey {
    testing::flow(Transport::TCP, 6667)
}

#[test]
fn reads_registration_and_messages() {
    let conversation: Conversation<'_> = &[
        (TO_SERVER, b"NICK marta\r\nUSER marta localhost irc.lab :Marta K\r\n"),
        (TO_CLIENT, b":irc.lab 001 marta :Welcome\r\n:irc.lab 002 marta :Your host\r\n"),
        (TO_SERVER, b"JOIN #lab\r\nPRIVMSG #lab :hello all\r\n"),
        (TO_CLIENT, b"@time=x :jo!j@h PRIVMSG marta :\x02hi\x02\r\n"),
    ];
    let said = testing::feed(&PROTOCOL, &flow(), conversation);
    assert_eq!(said.values(&NICK), ["marta", "marta"]);
    assert_eq!(said.value(&SERVER), "irc.lab");
    assert_eq!(said.value(&REAL_NAME), "Marta K");
    assert_eq!(said.values(&CONTENT), ["hello all", "\x02hi\x02"]);
    assert!(said.values(&USERNAME).is_empty(), "nobody logs in");
    testing::keeps_promises(&PROTOCOL, &flow(), conversation);
}

#[test]
fn reads_every_way_to_log_in() {
    let login = |bytes: &[u8]| {
        let said = testing::feed(&PROTOCOL, &flow(), &[(TO_SERVER, bytes)]);
        testing::keeps_promises(&PROTOCOL, &flow(), &[(TO_SERVER, bytes)]);
        (said.values(&USERNAME).join(" "), said.value(&PASSWORD).to_owned())
    };
    let with = |user: &str, password: &str| (user.to_owned(), password.to_owned());
    assert_eq!(login(b"PASS secret\r\nNICK m\r\nUSER marta 0 * :M\r\n"), with("marta", "secret"));
    assert_eq!(login(b"PRIVMSG NickServ :IDENTIFY secret\r\n"), with("", "secret"));
    assert_eq!(login(b"PRIVMSG NickServ :identify marta secret\r\n"), with("marta", "secret"));
    assert_eq!(login(b"NS IDENTIFY marta secret\r\n"), with("marta", "secret"));
    assert_eq!(login(b"PRIVMSG Q@CServe.quakenet.org :AUTH marta secret\r\n"), with("marta", "secret"));
    assert_eq!(login(b"OPER marta secret\r\n"), with("marta", "secret"));
    let sasl = b"CAP REQ :sasl\r\nAUTHENTICATE PLAIN\r\nAUTHENTICATE AGxhYgBsYWJwdw==\r\nCAP END\r\n";
    assert_eq!(login(sasl), with("lab", "labpw"));
}

#[test]
fn either_side_is_recognised() {
    let probe = |bytes| testing::probe(&PROTOCOL, &flow(), TO_SERVER, bytes);
    for bytes in [
        &b"NICK marta\r\n"[..],
        b"USER x +iw x :Xxx\r\n",
        b"CAP LS 302\r\n",
        b"PASS x\r\nNICK y\r\n",
        b":card.freenode.net NOTICE * :*** Looking up\r\n",
        b":irc.lab 001 marta :Welcome\r\n",
        b"NOTICE AUTH :*** Checking Ident\r\n",
        b":a!b@c JOIN :#lab\r\n",
    ] {
        assert_eq!(probe(bytes), Probe::Match, "{bytes:?}");
    }
    assert_eq!(probe(b"NI"), Probe::NeedMore);
    assert_eq!(probe(b"PASS x\r\n"), Probe::NeedMore);
}

#[test]
fn other_protocols_are_not_irc() {
    for bytes in [
        &b"USER anonymous\r\n"[..],
        b"PASS\r\n",
        b"PUT / HTTP/1.1\r\n",
        b"CONNECT x:443 HTTP/1.1\r\n",
        b"NOTIFY * HTTP/1.1\r\n",
        b":1\r\n",
        b"PING\r\n",
        b"SSH-2.0-x\r\n",
        b"EHLO x\r\n",
        b"\x00\x01",
    ] {
        assert_eq!(testing::probe(&PROTOCOL, &flow(), TO_SERVER, bytes), Probe::Mismatch, "{bytes:?}");
    }
}
