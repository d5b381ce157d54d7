use super::*;
use crate::protocol::testing::{self, Conversation, TO_CLIENT, TO_SERVER};

const SESSION: Conversation<'_> = &[
    (TO_CLIENT, b"220-Welcome\r\n to this (vsFTPd 3.0.3)\r\n220 \r\n"),
    (TO_SERVER, b"USER marta.k\r\n"),
    (TO_CLIENT, b"331 Please specify the password.\r\n"),
    (TO_SERVER, b"PASS  hunter 2\r\n"),
    (TO_CLIENT, b"230 Login successful.\r\n"),
    (TO_SERVER, b"PASV\r\n"),
    (TO_CLIENT, b"227 Entering Passive Mode (10,0,0,9,164,31).\r\n"),
    (TO_SERVER, b"EPSV\r\n"),
    (TO_CLIENT, b"229 Entering Extended Passive Mode (|||42015|)\r\n"),
    (TO_SERVER, b"EPRT |1|192.0.2.1|38211|\r\nPORT 192,0,2,1,149,67\r\nSTOR contacts.csv\r\n"),
    (TO_CLIENT, b"200 EPRT ok\r\n200 PORT ok\r\n150 Ok to send data.\r\n226 Transfer complete.\r\n"),
];

fn flow() -> FlowKey {
    testing::flow(Transport::TCP, 21)
}

#[test]
fn reads_commands_replies_and_the_login() {
    let said = testing::feed(&PROTOCOL, &flow(), SESSION);
    assert_eq!(said.value(&USERNAME), "marta.k");
    assert_eq!(said.value(&PASSWORD), " hunter 2");
    assert_eq!(said.values(&COMMAND), ["USER", "PASS", "PASV", "EPSV", "EPRT", "PORT", "STOR"]);
    assert!(!said.values(&COMMAND_DATA).iter().any(|data| data.contains("hunter")));
    assert_eq!(said.values(&COMPLETION_CODE)[..3], ["220", "331", "230"]);
    assert_eq!(said.value(&CONTENT), "contacts.csv");
    testing::keeps_promises(&PROTOCOL, &flow(), SESSION);
}

#[test]
fn announces_every_data_connection() {
    let said = testing::feed(&PROTOCOL, &flow(), SESSION);
    for endpoint in ["10.0.0.9:42015", "198.51.100.2:42015", "192.0.2.1:38211", "192.0.2.1:38211"] {
        assert!(said.says(&format!("[expect ftp-data {endpoint}]")), "{endpoint}");
    }
}

#[test]
fn a_reply_of_several_lines_is_one_record_with_its_greeting() {
    let said = testing::feed(&PROTOCOL, &flow(), &SESSION[..1]);
    assert_eq!(said.values(&REPLY), ["Welcome", "to this (vsFTPd 3.0.3)", ""]);
    assert_eq!(said.0.iter().filter(|line| *line == "[end]").count(), 1);
}

#[test]
fn tls_starts_behind_the_reply_to_auth() {
    let said = testing::feed(
        &PROTOCOL,
        &flow(),
        &[
            (TO_CLIENT, b"220 ready\r\n"),
            (TO_SERVER, b"AUTH TLS\r\n"),
            (TO_CLIENT, b"234 Proceed with negotiation.\r\n"),
        ],
    );
    assert!(said.says("[become tls]"));
    let refused = testing::feed(
        &PROTOCOL,
        &flow(),
        &[(TO_SERVER, b"AUTH TLS\r\n"), (TO_CLIENT, b"502 no\r\n"), (TO_SERVER, b"USER x\r\n")],
    );
    assert_eq!(refused.value(&USERNAME), "x");
}

#[test]
fn the_server_may_be_the_side_that_was_seen_first() {
    let said = testing::feed(
        &PROTOCOL,
        &flow(),
        &[(TO_SERVER, b"220 FTP\r\n"), (TO_CLIENT, b"EPSV\r\n"), (TO_SERVER, b"229 ok (|||5001|)\r\n")],
    );
    assert!(said.says("[expect ftp-data 192.0.2.1:5001]"));
}

#[test]
fn greetings_are_told_from_smtp_by_their_words() {
    let odd = testing::flow(Transport::TCP, 2121);
    let probe = |bytes| testing::probe(&PROTOCOL, &odd, TO_CLIENT, bytes);
    assert_eq!(probe(b"220 (vsFTPd 3.0.3)\r\n"), Probe::Match);
    assert_eq!(probe(b"220 ProFTPD Server ready.\r\n"), Probe::Match);
    assert_eq!(probe(b"220-FileZilla Server 1.5\r\n"), Probe::Match);
    assert_eq!(probe(b"220 mx.example.org ESMTP Postfix\r\n"), Probe::Mismatch);
    assert_eq!(probe(b"220 Service ready\r\n"), Probe::NeedMore);
    assert_eq!(probe(b"220 Service re"), Probe::NeedMore);
    assert_eq!(probe(b"220 hello\r\n331 Password required\r\n"), Probe::Match);
    let usual = testing::probe(&PROTOCOL, &flow(), TO_CLIENT, b"220 Service ready\r\n");
    assert_eq!(usual, Probe::Match);
}

#[test]
fn commands_alone_are_recognised() {
    let odd = testing::flow(Transport::TCP, 2121);
    let probe = |bytes| testing::probe(&PROTOCOL, &odd, TO_SERVER, bytes);
    assert_eq!(probe(b"USER anonymous\r\n"), Probe::NeedMore);
    assert_eq!(probe(b"USER anonymous\r\nPASS x\r\nSYST\r\n"), Probe::Match);
    assert_eq!(probe(b"AUTH TLS\r\n"), Probe::Match);
    assert_eq!(probe(b"USER a b c :d\r\nNICK x\r\n"), Probe::Mismatch);
}

#[test]
fn other_protocols_are_not_ftp() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"HTTP/1.1 200 OK\r\n",
        b"SSH-2.0-x\r\n",
        b"EHLO me\r\n",
        b"NICK x\r\n",
        b"200 news.example NNRP ready\r\n",
        b"220\x00\x01\x02",
        b"2200 x\r\n",
        b"\x16\x03\x01\x02\x00",
    ] {
        assert_eq!(testing::probe(&PROTOCOL, &flow(), TO_SERVER, bytes), Probe::Mismatch, "{bytes:?}");
    }
}
