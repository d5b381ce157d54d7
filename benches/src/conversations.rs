//! One conversation for each heavy dissector, with what it must state.
//!
//! A conversation is added by one line in [`all`]; the benchmark `protocol`, the fuzzers' seeds and the mixed capture take
//! theirs from there.

mod dns;
mod http;
mod http2;
mod quic;
mod ssh;
mod tls;

use weir_core::flow::Direction;
use weir_core::packet::Transport;

/// Who said what, in order: stretches of a stream, or datagrams.
pub type Messages = Vec<(Direction, Vec<u8>)>;

/// A conversation of a protocol, and some of the facts it holds.
#[derive(Debug)]
pub struct Conversation {
    /// The dissector's name in the registry.
    pub protocol: &'static str,
    /// What is special about it.
    pub about: &'static str,
    pub transport: Transport,
    /// The server's.
    pub port: u16,
    pub messages: Messages,
    /// Fields and values that must be stated.
    pub states: &'static [(&'static str, &'static str)],
}

impl Conversation {
    pub fn bytes(&self) -> usize {
        self.messages.iter().map(|(_, bytes)| bytes.len()).sum()
    }
}

const UP: Direction = Direction::ToServer;
const DOWN: Direction = Direction::ToClient;

/// Every conversation.
pub fn all() -> Vec<Conversation> {
    vec![
        tcp(
            "tls",
            "TLS 1.3",
            443,
            tls::version_13(),
            &[("tls.sni", "www.example.org"), ("tls.version", "TLS 1.3")],
        ),
        tcp(
            "tls",
            "TLS 1.2 with a certificate",
            443,
            tls::version_12(),
            &[("tls.sni", "www.example.org"), ("tls.subject", "CN=www.example.org")],
        ),
        udp("quic", "Initials of both sides", 443, quic::handshake(), &[("quic.sni", "h3.example.org")]),
        tcp(
            "http",
            "a page",
            80,
            http::page(),
            &[("http.request.target", "/news"), ("http.response.status", "200")],
        ),
        tcp("http", "chunked", 80, http::chunked(), &[("http.response.status", "200")]),
        tcp("http", "gzip", 80, http::gzip(), &[("http.response.status", "200")]),
        tcp("http", "JSON upload", 80, http::upload(), &[("http.request.method", "POST")]),
        tcp("http2", "HPACK", 8080, http2::requests(), &[("http2.request.target", "/v1/items/17")]),
        udp(
            "dns",
            "a query and its answer",
            53,
            dns::over_udp(),
            &[("dns.question.name", "www.example.org")],
        ),
        tcp("dns", "over TCP", 53, dns::over_tcp(), &[("dns.question.name", "www.example.org")]),
        tcp("ssh", "key exchange", 22, ssh::key_exchange(), &[("ssh.host_key_type", "ssh-ed25519")]),
        tcp("smtp", "a mail", 25, lines(SMTP), &[("smtp.helo", "client.example.org")]),
        tcp("ftp", "a login", 21, lines(FTP), &[("ftp.username", "marta")]),
        tcp("imap", "a login", 143, lines(IMAP), &[("imap.username", "marta")]),
        tcp("redis", "commands", 6379, lines(REDIS), &[("redis.command", "SET")]),
        udp("sip", "a call", 5060, lines(SIP), &[("sip.request.method", "INVITE")]),
        udp("ssdp", "a search", 1900, lines(SSDP), &[]),
    ]
}

/// A QUIC packet of a connection that goes on.
pub fn quic_data(length: usize) -> Vec<u8> {
    quic::short(22, length)
}

/// The first conversation of a protocol.
pub fn of(protocol: &str) -> Conversation {
    all().into_iter().find(|conversation| conversation.protocol == protocol).expect("in the table")
}

type States = &'static [(&'static str, &'static str)];

fn tcp(
    protocol: &'static str,
    about: &'static str,
    port: u16,
    messages: Messages,
    states: States,
) -> Conversation {
    Conversation { protocol, about, transport: Transport::TCP, port, messages, states }
}

fn udp(
    protocol: &'static str,
    about: &'static str,
    port: u16,
    messages: Messages,
    states: States,
) -> Conversation {
    Conversation { protocol, about, transport: Transport::UDP, port, messages, states }
}

fn lines(said: &[(Direction, &str)]) -> Messages {
    said.iter().map(|(direction, text)| (*direction, text.as_bytes().to_vec())).collect()
}

/// RFC 5321 appendix D.1.
const SMTP: &[(Direction, &str)] = &[
    (DOWN, "220 mail.example.com ESMTP ready\r\n"),
    (UP, "EHLO client.example.org\r\n"),
    (DOWN, "250-mail.example.com\r\n250-8BITMIME\r\n250-SIZE 35882577\r\n250 HELP\r\n"),
    (UP, "MAIL FROM:<smith@example.org>\r\n"),
    (DOWN, "250 OK\r\n"),
    (UP, "RCPT TO:<jones@example.com>\r\n"),
    (DOWN, "250 OK\r\n"),
    (UP, "DATA\r\n"),
    (DOWN, "354 Start mail input; end with <CRLF>.<CRLF>\r\n"),
    (
        UP,
        "From: smith@example.org\r\nTo: jones@example.com\r\nSubject: Lunch\r\n\r\nBlah blah blah...\r\n.\r\n",
    ),
    (DOWN, "250 OK\r\n"),
    (UP, "QUIT\r\n"),
    (DOWN, "221 mail.example.com closing\r\n"),
];

/// RFC 959 section 7.
const FTP: &[(Direction, &str)] = &[
    (DOWN, "220 Service ready\r\n"),
    (UP, "USER marta\r\n"),
    (DOWN, "331 User name ok, need password\r\n"),
    (UP, "PASS mumble\r\n"),
    (DOWN, "230 User logged in\r\n"),
    (UP, "PASV\r\n"),
    (DOWN, "227 Entering Passive Mode (198,51,100,2,19,137)\r\n"),
    (UP, "RETR test\r\n"),
    (DOWN, "150 File status okay; about to open data connection\r\n"),
    (DOWN, "226 Closing data connection, file transfer successful\r\n"),
    (UP, "QUIT\r\n"),
    (DOWN, "221 Goodbye\r\n"),
];

/// RFC 3501 section 8, shortened.
const IMAP: &[(Direction, &str)] = &[
    (DOWN, "* OK IMAP4rev1 Service Ready\r\n"),
    (UP, "a001 LOGIN marta secret\r\n"),
    (DOWN, "a001 OK LOGIN completed\r\n"),
    (UP, "a002 SELECT inbox\r\n"),
    (
        DOWN,
        "* 18 EXISTS\r\n* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\na002 OK [READ-WRITE] SELECT completed\r\n",
    ),
    (UP, "a003 LOGOUT\r\n"),
    (DOWN, "* BYE IMAP4rev1 server terminating connection\r\na003 OK LOGOUT completed\r\n"),
];

const REDIS: &[(Direction, &str)] = &[
    (UP, "*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$11\r\nhello there\r\n"),
    (DOWN, "+OK\r\n"),
    (UP, "*2\r\n$4\r\nINCR\r\n$7\r\ncounter\r\n"),
    (DOWN, ":1\r\n"),
];

/// RFC 3261 section 24.2, without the body.
const SIP: &[(Direction, &str)] = &[
    (
        UP,
        "INVITE sip:bob@biloxi.example SIP/2.0\r\nVia: SIP/2.0/UDP pc33.atlanta.example;branch=z9hG4bKnashds8\r\n\
         Max-Forwards: 70\r\nTo: Bob <sip:bob@biloxi.example>\r\nFrom: Alice <sip:alice@atlanta.example>;tag=1928301774\r\n\
         Call-ID: a84b4c76e66710\r\nCSeq: 314159 INVITE\r\nContact: <sip:alice@pc33.atlanta.example>\r\n\
         Content-Length: 0\r\n\r\n",
    ),
    (
        DOWN,
        "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP pc33.atlanta.example;branch=z9hG4bKnashds8\r\n\
         To: Bob <sip:bob@biloxi.example>;tag=a6c85cf\r\nFrom: Alice <sip:alice@atlanta.example>;tag=1928301774\r\n\
         Call-ID: a84b4c76e66710\r\nCSeq: 314159 INVITE\r\nContent-Length: 0\r\n\r\n",
    ),
];

/// UPnP Device Architecture 2.0 section 1.3.2.
const SSDP: &[(Direction, &str)] = &[(
    UP,
    "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n",
)];
