//! NNTP (RFC 3977): network news, in lines of text.
//!
//! Read: the server's greeting, commands, the login of AUTHINFO (RFC 4643) and posted articles. STARTTLS (RFC 4642) is handed
//! on to `tls`. Articles sent to the client are passed over.

use base64::Engine as _;
use memchr::memmem;

use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::strings::{sasl_plain, word};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

static GREETING: Field = Field::meta("nntp.greeting", "greeting");
static COMMAND: Field = Field::meta("nntp.command", "command");
static ARGUMENTS: Field = Field::new("nntp.arguments", Role::Content);
static USER: Field = Field::new("nntp.user", Role::Username);
static PASSWORD: Field = Field::new("nntp.password", Role::Password);
static ARTICLE: Field = Field::new("nntp.article", Role::Content);

static FIELDS: &[&Field] = &[&GREETING, &COMMAND, &ARGUMENTS, &USER, &PASSWORD, &ARTICLE];

pub(super) static PROTOCOL: Nntp = Nntp;

#[derive(Debug)]
pub(super) struct Nntp;

impl Protocol for Nntp {
    fn name(&self) -> &'static str {
        "nntp"
    }

    fn about(&self) -> &'static str {
        "NNTP, network news (RFC 3977)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[119]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::Range(b'2', b'z')
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        probe(opening)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Framed<Session>>::default()
    }
}

/// A greeting of 200 or 201 that says news, or a command that no other protocol has. On the registered port any greeting
/// will do, since its text is free.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let head = &bytes[..bytes.len().min(512)];
    let registered = opening.flow.has_port(119);
    let could = [
        &b"200 "[..],
        b"201 ",
        b"400 ",
        b"502 ",
        b"MODE READER",
        b"AUTHINFO USER ",
        b"CAPABILITIES",
        b"GROUP ",
        b"LIST ACTIVE",
        b"XOVER ",
        b"NEWGROUPS ",
    ];
    let fits = could.iter().any(|start| {
        let both = head.len().min(start.len());
        head[..both].eq_ignore_ascii_case(&start[..both])
    });
    if !fits {
        return Probe::Mismatch;
    }
    let Some(end) = memchr::memchr(b'\n', head) else {
        return if head.len() < 512 { Probe::NeedMore } else { Probe::Mismatch };
    };
    let line = head[..end].trim_ascii_end().to_ascii_uppercase();
    let sure = match line.get(..4) {
        Some(b"200 " | b"201 ") => {
            memmem::find(&line, b"NNTP").is_some() || memmem::find(&line, b"INN ").is_some()
        }
        _ => line == b"MODE READER" || line.starts_with(b"AUTHINFO USER ") || line.starts_with(b"XOVER "),
    };
    if sure || registered { Probe::Match } else { Probe::Mismatch }
}

#[derive(Debug, Default)]
struct Session {
    server: Option<Direction>,
    greeted: bool,
    /// The client may send its article, which ends with a dot.
    posting: bool,
    wants_tls: bool,
}

impl Session {
    fn is_server(&self, direction: Direction) -> bool {
        self.server.map_or(direction == Direction::ToClient, |server| server == direction)
    }
}

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        Size::line(bytes, |_| 0)
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let line = message.strip_suffix(b"\n").unwrap_or(message);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.server.is_none() && line.first().is_some_and(u8::is_ascii_digit) {
            self.server = Some(direction);
        }
        if self.is_server(direction) {
            self.answer(line, direction, out)
        } else {
            self.command(line, direction, out);
            After::Next
        }
    }
}

impl Session {
    fn answer(&mut self, line: &[u8], direction: Direction, out: &mut dyn Sink) -> After {
        match line.get(..3) {
            Some(b"382") if self.wants_tls => return After::Become("tls"),
            Some(b"340" | b"335") => self.posting = true,
            Some(b"200" | b"201") if !self.greeted => {
                self.greeted = true;
                out.fact(&GREETING, direction, Value::Bytes(line.get(4..).unwrap_or_default()));
                out.end_record();
            }
            _ => {}
        }
        After::Next
    }

    fn command(&mut self, line: &[u8], direction: Direction, out: &mut dyn Sink) {
        if self.posting {
            self.posting = line != b".";
            if self.posting && !line.is_empty() {
                out.fact(&ARTICLE, direction, Value::Bytes(line));
            }
            return;
        }
        let mut rest = line;
        let command = word(&mut rest).to_ascii_uppercase();
        if command.is_empty() {
            return;
        }
        self.wants_tls = command == b"STARTTLS";
        out.fact(&COMMAND, direction, Value::Bytes(&command));
        if command == b"AUTHINFO" {
            login(rest, direction, out);
        } else if !rest.is_empty() {
            out.fact(&ARGUMENTS, direction, Value::Bytes(rest));
        }
        out.end_record();
    }
}

/// `USER name`, `PASS password` and `SASL PLAIN base64`.
fn login(mut rest: &[u8], direction: Direction, out: &mut dyn Sink) {
    match &word(&mut rest).to_ascii_uppercase()[..] {
        b"USER" => out.fact(&USER, direction, Value::Bytes(rest)),
        b"PASS" => out.fact(&PASSWORD, direction, Value::Bytes(rest)),
        b"SASL" if word(&mut rest).eq_ignore_ascii_case(b"PLAIN") => {
            let decoded = base64::engine::general_purpose::STANDARD.decode(rest).unwrap_or_default();
            if let Some((user, password)) = sasl_plain(&decoded) {
                out.fact(&USER, direction, Value::Bytes(user));
                out.fact(&PASSWORD, direction, Value::Bytes(password));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const CONVERSATION: &[(Direction, &[u8])] = &[
        (TO_CLIENT, b"200 news.example.org NNTP ready\r\n"),
        (TO_SERVER, b"AUTHINFO USER anna\r\nAUTHINFO PASS secret\r\nPOST\r\n"),
        (TO_CLIENT, b"381 more\r\n281 ok\r\n340 send\r\n"),
        (TO_SERVER, b"Subject: hi\r\n\r\nhello\r\n.\r\nQUIT\r\n"),
    ];

    #[test]
    fn reads_logins_and_articles() {
        let tcp = flow(Transport::TCP, 119);
        let transcript = feed(&PROTOCOL, &tcp, CONVERSATION);
        assert_eq!(transcript.value(&USER), "anna");
        assert_eq!(transcript.value(&PASSWORD), "secret");
        assert_eq!(transcript.values(&ARTICLE), ["Subject: hi", "hello"]);
        assert_eq!(transcript.values(&COMMAND), ["AUTHINFO", "AUTHINFO", "POST", "QUIT"]);
        keeps_promises(&PROTOCOL, &tcp, CONVERSATION);
    }

    #[test]
    fn hands_tls_on() {
        let tcp = flow(Transport::TCP, 119);
        let conversation: &[(Direction, &[u8])] = &[(TO_SERVER, b"STARTTLS\r\n"), (TO_CLIENT, b"382 go\r\n")];
        assert!(feed(&PROTOCOL, &tcp, conversation).says("[become tls]"));
    }

    #[test]
    fn is_known_by_greeting_or_command() {
        let (known, odd) = (flow(Transport::TCP, 119), flow(Transport::TCP, 4000));
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, b"200 x NNTP Service Ready\r\n"), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"MODE READER\r\n"), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &known, TO_CLIENT, b"201 hello\r\n"), Probe::Match);
        for bytes in [&b"220 ftp ready\r\n"[..], b"200 OK\r\n", b"GET / HTTP/1.1\r\n", b"EHLO a\r\n"] {
            assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, bytes), Probe::Mismatch);
        }
    }
}
