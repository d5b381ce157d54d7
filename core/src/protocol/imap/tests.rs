use super::*;
use crate::protocol::testing::{self, Conversation, TO_CLIENT, TO_SERVER};

fn flow() -> FlowKey {
    testing::flow(Transport::TCP, 143)
}

#[track_caller]
fn login(conversation: Conversation<'_>) -> (String, String) {
    let said = testing::feed(&PROTOCOL, &flow(), conversation);
    testing::keeps_promises(&PROTOCOL, &flow(), conversation);
    (said.value(&USERNAME).to_owned(), said.value(&PASSWORD).to_owned())
}

#[test]
fn a_login_may_be_written_in_atoms_quotes_and_literals() {
    let greeting: (Direction, &[u8]) = (TO_CLIENT, b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n");
    let atoms = login(&[greeting, (TO_SERVER, b"a1 LOGIN marta hunter2\r\n"), (TO_CLIENT, b"a1 OK in\r\n")]);
    assert_eq!(atoms, ("marta".to_owned(), "hunter2".to_owned()));
    let quoted = login(&[greeting, (TO_SERVER, b"a1 login \"marta k\" \"a\\\"b\\\\c\"\r\n")]);
    assert_eq!(quoted, ("marta k".to_owned(), "a\"b\\c".to_owned()));
    let literals = login(&[
        greeting,
        (TO_SERVER, b"a1 LOGIN {5}\r\n"),
        (TO_CLIENT, b"+ go\r\n"),
        (TO_SERVER, b"marta {7+}\r\nhunter2\r\n"),
        (TO_CLIENT, b"a1 OK in\r\n"),
    ]);
    assert_eq!(literals, atoms);
}

#[test]
fn an_authentication_may_come_at_once_or_when_asked() {
    let at_once = login(&[(TO_SERVER, b"A2 AUTHENTICATE PLAIN AGxhYgBsYWJwdw==\r\n")]);
    assert_eq!(at_once, ("lab".to_owned(), "labpw".to_owned()));
    let asked = login(&[
        (TO_CLIENT, b"* OK ready\r\n"),
        (TO_SERVER, b"A2 AUTHENTICATE PLAIN\r\n"),
        (TO_CLIENT, b"+ \r\n"),
        (TO_SERVER, b"AGxhYgBsYWJwdw==\r\n"),
        (TO_CLIENT, b"A2 OK in\r\n"),
        (TO_SERVER, b"A3 NOOP\r\n"),
    ]);
    assert_eq!(asked, at_once);
}

#[test]
fn an_appended_message_and_a_fetched_one_are_content() {
    let conversation: Conversation<'_> = &[
        (TO_CLIENT, b"* OK ready\r\n"),
        (TO_SERVER, b"a1 APPEND INBOX (\\Seen) {30}\r\n"),
        (TO_CLIENT, b"+ go\r\n"),
        (TO_SERVER, b"Subject: note\r\n\r\nmy phone 42\r\n"),
        (TO_CLIENT, b"a1 OK done\r\n"),
        (TO_SERVER, b"a2 UID FETCH 1 BODY[]\r\n"),
        (TO_CLIENT, b"* 1 FETCH (UID 1 BODY[] {11}\r\nhello\r\nyou\n)\r\na2 OK done\r\n"),
    ];
    let said = testing::feed(&PROTOCOL, &flow(), conversation);
    assert_eq!(said.value(&SUBJECT), "note");
    assert_eq!(said.values(&STATUS), ["OK", "OK"]);
    let content = said.values(&CONTENT);
    assert!(content.iter().any(|text| text.contains("my phone 42")), "{content:?}");
    assert!(content.contains(&"hello\r\nyou\n"), "{content:?}");
    testing::keeps_promises(&PROTOCOL, &flow(), conversation);
}

#[test]
fn tls_starts_behind_the_answer_to_its_tag() {
    let said = testing::feed(
        &PROTOCOL,
        &flow(),
        &[
            (TO_CLIENT, b"* OK ready\r\n"),
            (TO_SERVER, b"a1 CAPABILITY\r\na2 STARTTLS\r\n"),
            (TO_CLIENT, b"* CAPABILITY IMAP4rev1\r\na1 OK\r\na2 OK begin\r\n"),
        ],
    );
    assert!(said.says("[become tls]"));
    assert_eq!(said.values(&CAPABILITY), ["IMAP4rev1"]);
}

#[test]
fn greetings_and_commands_are_recognised() {
    let odd = testing::flow(Transport::TCP, 9143);
    let probe = |bytes| testing::probe(&PROTOCOL, &odd, TO_SERVER, bytes);
    for bytes in [
        &b"* OK IMAP4Rev1 ready\r\n"[..],
        b"* PREAUTH in\r\n",
        b"* BYE no\r\n",
        b"A001 CAPABILITY\r\n",
        b"a login x y\r\n",
        b"1 ID NIL\r\n",
        b"3.7 UID FETCH 1:* FLAGS\r\n",
    ] {
        assert_eq!(probe(bytes), Probe::Match, "{bytes:?}");
    }
    assert_eq!(probe(b"* O"), Probe::NeedMore);
    assert_eq!(probe(b"A001 CAPAB"), Probe::NeedMore);
}

#[test]
fn other_protocols_are_not_imap() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"*2\r\n$7\r\nCOMMAND\r\n",
        b"NICK x\r\n",
        b"EHLO me\r\n",
        b"LIST ID\r\n",
        b"GET LIST\r\n",
        b"* hello\r\n",
        b"SSH-2.0-x\r\n",
        b"\x16\x03\x01",
        b"220 x\r\n",
    ] {
        let odd = testing::flow(Transport::TCP, 9143);
        assert_eq!(testing::probe(&PROTOCOL, &odd, TO_SERVER, bytes), Probe::Mismatch, "{bytes:?}");
    }
}
