use super::*;
use crate::protocol::testing::{self, Conversation, TO_CLIENT, TO_SERVER};

const SESSION: Conversation<'_> = &[
    (TO_CLIENT, b"220 mx.example.org ESMTP Postfix\r\n"),
    (TO_SERVER, b"EHLO phone.example\r\n"),
    (TO_CLIENT, b"250-mx.example.org\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n"),
    // NUL marta.k NUL Tr0ub4dor&3x
    (TO_SERVER, b"AUTH PLAIN AG1hcnRhLmsAVHIwdWI0ZG9yJjN4\r\n"),
    (TO_CLIENT, b"235 ok\r\n"),
    (TO_SERVER, b"MAIL FROM:<b@example.org> SIZE=100\r\nRCPT TO:<a@example.org>\r\nRCPT TO:<c@example.org>\r\nDATA\r\n"),
    (TO_CLIENT, b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
    (
        TO_SERVER,
        b"From: b@example.org\r\nTo: a@example.org,\r\n c@example.org\r\nSubject: re\r\n port\r\n\r\n..dot\r\n.\nnot the end\r\n.\r\nQUIT\r\n",
    ),
    (TO_CLIENT, b"250 queued\r\n221 bye\r\n"),
];

fn flow() -> FlowKey {
    testing::flow(Transport::TCP, 25)
}

#[test]
fn reads_envelope_login_and_message() {
    let said = testing::feed(&PROTOCOL, &flow(), SESSION);
    assert_eq!(said.value(&SERVER_NAME), "mx.example.org");
    assert_eq!(said.value(&HELO), "phone.example");
    assert_eq!(said.value(&USERNAME), "marta.k");
    assert_eq!(said.value(&PASSWORD), "Tr0ub4dor&3x");
    assert_eq!(said.value(&MAIL_FROM), "<b@example.org>");
    assert_eq!(said.values(&RCPT_TO), ["<a@example.org>", "<c@example.org>"]);
    assert_eq!(said.values(&TO), ["a@example.org", "c@example.org"]);
    assert_eq!(said.value(&SUBJECT), "re port");
    assert_eq!(said.values(&EXTENSION), ["mx.example.org", "AUTH PLAIN LOGIN", "STARTTLS"]);
    let content = said.value(&CONTENT);
    assert!(content.ends_with("\n\n.dot\n\nnot the end\n"), "{content}");
    testing::keeps_promises(&PROTOCOL, &flow(), SESSION);
}

#[test]
fn transfer_encodings_are_undone_in_every_part() {
    let conversation: Conversation<'_> = &[
        (TO_SERVER, b"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n"),
        (
            TO_SERVER,
            b"Subject: parts\r\nContent-Type: multipart/mixed;\r\n boundary=\"=_b\"\r\n\r\n\
              --=_b\r\nContent-Transfer-Encoding: base64\r\n\r\nKzQ5MTUx\r\nMTIzNDU2\r\nNzg=\r\n\
              --=_b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=40b.exam=\r\nple\r\n\
              --=_b--\r\n.\r\n",
        ),
    ];
    let said = testing::feed(&PROTOCOL, &flow(), conversation);
    let content = said.value(&CONTENT);
    assert!(content.contains("+4915112345678"), "{content}");
    assert!(content.contains("a@b.example"), "{content}");
    testing::keeps_promises(&PROTOCOL, &flow(), conversation);
}

#[test]
fn a_message_in_chunks_is_read_and_commands_go_on_behind_it() {
    let conversation: Conversation<'_> = &[
        (TO_SERVER, b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nBDAT 19\r\nSubject: y\r\n\r\nhell"),
        (TO_SERVER, b"oBDAT 8 LAST\r\no\r\nyou\r\nRSET\r\nMAIL FROM:<c@d.example>\r\n"),
    ];
    let flat: Vec<u8> = conversation.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
    let said = testing::feed(&PROTOCOL, &flow(), &[(TO_SERVER, &flat)]);
    assert!(said.values(&MAIL_FROM).len() == 2, "{said:?}");
    // What the first chunk said is stated before the second may come.
    assert_eq!(said.values(&CONTENT), ["Subject: y\n\nhello", "Subject: y\n\nhelloo\nyou\n"]);
    testing::keeps_promises(&PROTOCOL, &flow(), conversation);
}

#[test]
fn every_login_mechanism_names_its_user() {
    let login = |conversation| {
        let said = testing::feed(&PROTOCOL, &flow(), conversation);
        testing::keeps_promises(&PROTOCOL, &flow(), conversation);
        (said.value(&USERNAME).to_owned(), said.values(&PASSWORD).join(" "))
    };
    let in_three_lines: Conversation<'_> = &[
        (TO_CLIENT, b"220 x SMTP\r\n"),
        (TO_SERVER, b"AUTH LOGIN\r\n"),
        (TO_CLIENT, b"334 VXNlcm5hbWU6\r\n"),
        (TO_SERVER, b"bWFydGE=\r\n"),
        (TO_CLIENT, b"334 UGFzc3dvcmQ6\r\n"),
        (TO_SERVER, b"aHVudGVyMg\r\n"),
        (TO_CLIENT, b"235 ok\r\n"),
    ];
    assert_eq!(login(in_three_lines), ("marta".to_owned(), "hunter2".to_owned()));
    // "marta 9913b1e8"
    let challenge: Conversation<'_> = &[
        (TO_SERVER, b"AUTH CRAM-MD5\r\n"),
        (TO_CLIENT, b"334 PDFAeD4=\r\n"),
        (TO_SERVER, b"bWFydGEgOTkxM2IxZTg=\r\n"),
    ];
    assert_eq!(login(challenge), ("marta".to_owned(), String::new()));
    // "user=marta\x01auth=Bearer tok\x01\x01"
    let token: Conversation<'_> =
        &[(TO_SERVER, b"AUTH XOAUTH2 dXNlcj1tYXJ0YQFhdXRoPUJlYXJlciB0b2sBAQ==\r\n")];
    assert_eq!(login(token), ("marta".to_owned(), "tok".to_owned()));
}

#[test]
fn a_client_cannot_pass_for_the_server() {
    let conversation: Conversation<'_> = &[
        (TO_SERVER, b"220 I am the server\r\n"),
        (TO_CLIENT, b"220 mx ESMTP\r\n500 what?\r\n"),
        (TO_SERVER, b"MAIL FROM:<a@b.example>\r\n"),
    ];
    let said = testing::feed(&PROTOCOL, &flow(), conversation);
    assert_eq!(said.value(&MAIL_FROM), "<a@b.example>");
    testing::keeps_promises(&PROTOCOL, &flow(), conversation);
}

#[test]
fn tls_starts_only_when_the_server_agrees() {
    let ask: (Direction, &[u8]) = (TO_SERVER, b"STARTTLS\r\n");
    let hello: (Direction, &[u8]) = (TO_CLIENT, b"220 x ESMTP\r\n");
    let agreed = testing::feed(&PROTOCOL, &flow(), &[hello, ask, (TO_CLIENT, b"220 go ahead\r\n")]);
    assert!(agreed.says("[become tls]"));
    let refused = testing::feed(
        &PROTOCOL,
        &flow(),
        &[hello, ask, (TO_CLIENT, b"454 no\r\n"), (TO_SERVER, b"MAIL FROM:<a@b.example>\r\n")],
    );
    assert_eq!(refused.value(&MAIL_FROM), "<a@b.example>");
}

#[test]
fn greetings_are_told_from_ftp() {
    let odd = testing::flow(Transport::TCP, 3000);
    let probe = |direction, bytes| testing::probe(&PROTOCOL, &odd, direction, bytes);
    assert_eq!(probe(TO_CLIENT, b"220 mx.lab ESMTP\r\n"), Probe::Match);
    assert_eq!(probe(TO_CLIENT, b"220-mx.lab ESMTP Exim 4.96\r\n220 no spam\r\n"), Probe::Match);
    assert_eq!(probe(TO_CLIENT, b"220 (vsFTPd 3.0.3)\r\n"), Probe::Mismatch);
    assert_eq!(probe(TO_CLIENT, b"220 ready\r\n"), Probe::NeedMore);
    assert_eq!(probe(TO_CLIENT, b"220 ready\r\n250-SIZE 1000\r\n"), Probe::Match);
    assert_eq!(probe(TO_SERVER, b"EHLO [192.0.2.1]\r\n"), Probe::Match);
    assert_eq!(probe(TO_SERVER, b"helo x\r\n"), Probe::Match);
    assert_eq!(probe(TO_SERVER, b"EH"), Probe::NeedMore);
    let both = Opening {
        flow: &odd,
        direction: TO_SERVER,
        to_server: b"USER x\r\n",
        to_client: b"220 ready\r\n",
        previous: None,
    };
    assert_eq!(PROTOCOL.probe(&both), Probe::Mismatch);
}

#[test]
fn other_protocols_are_not_smtp() {
    for bytes in [
        &b"HELP\r\n"[..],
        b"HEAD / HTTP/1.1\r\n",
        b"HELO\r\n",
        b"LIST\r\n",
        b"MAIL\r\n",
        b"GET / HTTP/1.1\r\n",
        b"200 news.example ready\r\n",
        b"220\x00\x00\x00",
        b"5\x01\x00",
        b"HTTP/1.1 200 OK\r\n",
        b"RTSP/1.0 200 OK\r\n",
    ] {
        assert_eq!(testing::probe(&PROTOCOL, &flow(), TO_SERVER, bytes), Probe::Mismatch, "{bytes:?}");
    }
}
