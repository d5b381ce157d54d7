//! Stratum and its kin (JSON-RPC in lines): mining of crypto currencies in a pool.
//!
//! Read: methods, the miner's program, and the wallet or worker it logs in with.

use memchr::memmem;

use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

/// Methods of Stratum 1, of Monero's pools, and of Ethereum's.
const METHODS: [&str; 14] = [
    "mining.subscribe",
    "mining.authorize",
    "mining.configure",
    "mining.notify",
    "mining.set_difficulty",
    "mining.set_target",
    "mining.extranonce.subscribe",
    "mining.submit",
    "login",
    "eth_submitLogin",
    "eth_getWork",
    "eth_submitWork",
    "eth_submitHashrate",
    "keepalived",
];
/// How far into the first line is looked for a method.
const LOOKED_AT: usize = 2048;

static METHOD: Field = Field::meta("stratum.method", "method");
static AGENT: Field = Field::meta("stratum.agent", "agent");
static WORKER: Field = Field::new("stratum.worker", Role::Username);
static PASSWORD: Field = Field::new("stratum.password", Role::Password);

static FIELDS: &[&Field] = &[&METHOD, &AGENT, &WORKER, &PASSWORD];

pub(super) static PROTOCOL: Stratum = Stratum;

#[derive(Debug)]
pub(super) struct Stratum;

impl Protocol for Stratum {
    fn name(&self) -> &'static str {
        "stratum"
    }

    fn about(&self) -> &'static str {
        "Stratum, mining of crypto currencies (JSON-RPC)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[3333]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"{")
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

/// A JSON object with a method that only miners call.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let head = &bytes[..bytes.len().min(LOOKED_AT)];
    if head.first().is_some_and(|byte| *byte != b'{') {
        return Probe::Mismatch;
    }
    let line = memchr::memchr(b'\n', head).map_or(head, |end| &head[..end]);
    if head.contains(&0) {
        return Probe::Mismatch;
    }
    match line_method(line) {
        Some(method) if method.starts_with(b"mining.") || method.starts_with(b"eth_") => return Probe::Match,
        // Monero's login has a wallet and the program's name beside it.
        Some(b"login")
            if memmem::find(line, b"\"login\":").is_some() || memmem::find(line, b"\"agent\"").is_some() =>
        {
            return Probe::Match;
        }
        _ => {}
    }
    if line.len() < head.len() || head.len() >= LOOKED_AT { Probe::Mismatch } else { Probe::NeedMore }
}

/// The value of `"method"`, if a miner's.
fn line_method(line: &[u8]) -> Option<&[u8]> {
    let rest = line.get(memmem::find(line, b"\"method\"")? + 8..)?.trim_ascii_start();
    let rest = rest.strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    let method = &rest[..memchr::memchr(b'"', rest)?];
    METHODS.iter().any(|name| name.as_bytes() == method).then_some(method)
}

#[derive(Debug, Default)]
struct Session;

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        Size::line(bytes, |_| 0)
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        if read(message, direction, out).is_some() {
            out.end_record();
        }
        After::Next
    }
}

fn read(line: &[u8], direction: Direction, out: &mut dyn Sink) -> Option<()> {
    let object: serde_json::Value = serde_json::from_slice(line).ok()?;
    let method = object.get("method")?.as_str()?;
    out.fact(&METHOD, direction, Value::Text(method));
    let params = object.get("params")?;
    let text = |key: &str, index: usize| params.get(key).or_else(|| params.get(index))?.as_str();
    let (agent, worker, password) = match method {
        "mining.subscribe" => (text("agent", 0), None, None),
        "mining.authorize" => (None, text("login", 0), text("pass", 1)),
        "login" => (text("agent", 9), text("login", 0), text("pass", 1)),
        "eth_submitLogin" => (None, text("login", 0), text("pass", 1)),
        _ => return Some(()),
    };
    for (field, value) in [(&AGENT, agent), (&WORKER, worker), (&PASSWORD, password)] {
        if let Some(value) = value {
            out.fact(field, direction, Value::Text(value));
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_SERVER, feed, flow, keeps_promises, probe};

    const SUBSCRIBE: &[u8] =
        b"{\"id\": 1, \"method\": \"mining.subscribe\", \"params\": [\"cgminer/4.12\"]}\n";
    const AUTHORIZE: &[u8] = b"{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"wallet.1\",\"x\"]}\n";
    const LOGIN: &[u8] = b"{\"method\":\"login\",\"params\":{\"login\":\"4BC\",\"pass\":\"x\",\"agent\":\"XMRig/6\"},\"id\":1}\n";

    #[test]
    fn reads_miners_and_wallets() {
        let tcp = flow(Transport::TCP, 3333);
        let conversation: &[(Direction, &[u8])] =
            &[(TO_SERVER, SUBSCRIBE), (TO_SERVER, AUTHORIZE), (TO_SERVER, LOGIN)];
        let transcript = feed(&PROTOCOL, &tcp, conversation);
        assert_eq!(transcript.values(&AGENT), ["cgminer/4.12", "XMRig/6"]);
        assert_eq!(transcript.values(&WORKER), ["wallet.1", "4BC"]);
        keeps_promises(&PROTOCOL, &tcp, conversation);
    }

    #[test]
    fn other_json_is_not_taken_for_it() {
        let odd = flow(Transport::TCP, 4000);
        for bytes in [SUBSCRIBE, AUTHORIZE, LOGIN] {
            assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, bytes), Probe::Match);
            assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &bytes[..5]), Probe::NeedMore);
        }
        let login = b"{\"method\":\"login\",\"params\":[\"anna\"]}\n";
        let other = b"{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"params\":[1]}\n";
        for bytes in [&login[..], other, b"GET / HTTP/1.1\r\n"] {
            assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, bytes), Probe::Mismatch);
        }
    }
}
