//! ONC RPC (RFC 5531): Sun's remote procedure calls; among its programs NFS (RFC 1813, RFC 7530), which is named `nfs`.
//!
//! Read: program, version, procedure, and the caller's machine name and user number (AUTH_SYS). What the programs say to
//! each other is stated raw, as far as calls go.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, Opening, Parser, Probe, Protocol, Role, Sink, Value};

const CALL: u32 = 0;
const REPLY: u32 = 1;
const RPC_VERSION: u32 = 2;
const AUTH_SYS: u32 = 1;
/// Longest body of a credential, RFC 5531 §8.2.
const AUTH_BYTES: u32 = 400;
/// The last-fragment bit of a record mark, RFC 5531 §11.
const LAST: u32 = 0x8000_0000;

/// Program numbers (IANA "Remote Procedure Call Program Numbers").
const NFS: u32 = 100_003;
const MOUNT: u32 = 100_005;

static PROGRAM: Field = Field::meta("sunrpc.program", "program");
static VERSION: Field = Field::meta("sunrpc.version", "version");
static PROCEDURE: Field = Field::meta("sunrpc.procedure", "procedure");
static MACHINE: Field = Field::meta("sunrpc.machine_name", "creds.machine_name");
static UID: Field = Field::meta("sunrpc.uid", "creds.uid");
static ARGUMENTS: Field = Field::new("sunrpc.arguments", Role::Content);

static FIELDS: &[&Field] = &[&PROGRAM, &VERSION, &PROCEDURE, &MACHINE, &UID, &ARGUMENTS];

pub(super) static PROTOCOL: SunRpc = SunRpc;

#[derive(Debug)]
pub(super) struct SunRpc;

impl Protocol for SunRpc {
    fn name(&self) -> &'static str {
        "sunrpc"
    }

    fn about(&self) -> &'static str {
        "ONC RPC, Sun's remote procedure calls (RFC 5531)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP, Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[111, 2049]
    }

    fn variants(&self) -> &'static [&'static str] {
        &["nfs"]
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

fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    if opening.is_datagram() {
        return match (Call::read(&mut Reader::new(bytes)), opening.previous) {
            (Some(_), _) => Probe::Match,
            // A reply is believed behind its call.
            (None, _) if is_reply(bytes) => Probe::NeedMore,
            _ => Probe::Mismatch,
        };
    }
    let mut reader = Reader::new(bytes);
    match reader.u32() {
        None if bytes.first().is_none_or(|byte| *byte == 0x80) => Probe::NeedMore,
        Some(mark) if mark & LAST != 0 && (24..0x20_0000).contains(&(mark & !LAST)) => {
            if Call::read(&mut reader).is_some() {
                return Probe::Match;
            }
            let call = Reader::new(bytes.get(8..).unwrap_or_default()).u32();
            match call {
                None => Probe::NeedMore,
                Some(CALL) if bytes.len() < 36 => Probe::NeedMore,
                Some(REPLY) if is_reply(bytes.get(4..).unwrap_or_default()) => Probe::NeedMore,
                Some(_) => Probe::Mismatch,
            }
        }
        _ => Probe::Mismatch,
    }
}

/// The head of a call, RFC 5531 §9.
struct Call<'a> {
    program: u32,
    version: u32,
    procedure: u32,
    credential: (u32, Reader<'a>),
}

impl<'a> Call<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        reader.skip(4)?;
        if reader.u32()? != CALL || reader.u32()? != RPC_VERSION {
            return None;
        }
        let (program, version, procedure) = (reader.u32()?, reader.u32()?, reader.u32()?);
        // Numbers that are assigned, or free for whoever wants them, and small ones.
        let fits = (100_000..0x6000_0000).contains(&program) && version < 64 && procedure < 256;
        let credential = opaque_auth(reader)?;
        let verifier = opaque_auth(reader)?;
        let flavors = matches!(credential.0, 0..=6) && matches!(verifier.0, 0..=6);
        (fits && flavors).then_some(Self { program, version, procedure, credential })
    }
}

fn opaque_auth<'a>(reader: &mut Reader<'a>) -> Option<(u32, Reader<'a>)> {
    let flavor = reader.u32()?;
    let length = reader.u32()?;
    if length > AUTH_BYTES {
        return None;
    }
    Some((flavor, reader.sub(length.next_multiple_of(4) as usize)?))
}

/// Accepted or denied, with a verifier or a reason that exists.
fn is_reply(message: &[u8]) -> bool {
    let mut reader = Reader::new(message);
    reader.skip(4);
    matches!(
        (reader.u32(), reader.u32(), reader.u32(), reader.u32()),
        (Some(REPLY), Some(0 | 1), Some(0..=6), Some(0..=AUTH_BYTES))
    )
}

#[derive(Debug, Default)]
struct Session {
    refined: bool,
}

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        match Reader::new(bytes).u32() {
            Some(mark) => Size::of(4, mark & !LAST),
            None => Size::Needs(4),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        self.datagram(direction, message.get(4..).unwrap_or_default(), out)
    }

    fn datagram(&mut self, direction: Direction, datagram: &[u8], out: &mut dyn Sink) -> After {
        let mut reader = Reader::new(datagram);
        if let Some(call) = Call::read(&mut reader) {
            self.call(call, &mut reader, direction, out);
            out.end_record();
        }
        After::Next
    }
}

impl Session {
    fn call(&mut self, call: Call<'_>, rest: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) {
        if matches!(call.program, NFS | MOUNT) && !std::mem::replace(&mut self.refined, true) {
            out.refine("nfs");
        }
        out.fact(&PROGRAM, direction, Value::Number(call.program.into()));
        out.fact(&VERSION, direction, Value::Number(call.version.into()));
        out.fact(&PROCEDURE, direction, Value::Number(call.procedure.into()));
        if let (AUTH_SYS, mut credential) = call.credential {
            sys(&mut credential, direction, out);
        }
        if !rest.is_empty() {
            out.fact(&ARGUMENTS, direction, Value::Bytes(rest.rest()));
        }
    }
}

/// authsys_parms, RFC 5531 appendix A.
fn sys(reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    reader.skip(4)?;
    let length = usize::try_from(reader.u32()?).ok()?;
    let name = reader.take(length)?;
    reader.skip(length.next_multiple_of(4) - length)?;
    out.fact(&MACHINE, direction, Value::Bytes(name));
    out.fact(&UID, direction, Value::Number(reader.u32()?.into()));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    /// A call with AUTH_SYS of machine `pc`, user 1000.
    fn call(program: u32) -> Vec<u8> {
        let mut call = b"\x12\x34\x56\x78\0\0\0\0\0\0\0\x02".to_vec();
        call.extend(program.to_be_bytes());
        call.extend(b"\0\0\0\x03\0\0\0\x01");
        call.extend(b"\0\0\0\x01\0\0\0\x18\0\0\0\x07\0\0\0\x02pc\0\0\0\0\x03\xe8\0\0\x03\xe8\0\0\0\0");
        call.extend(b"\0\0\0\0\0\0\0\0path");
        call
    }

    fn record(message: &[u8]) -> Vec<u8> {
        [&(message.len() as u32 | LAST).to_be_bytes()[..], message].concat()
    }

    const REPLIED: &[u8] = b"\x12\x34\x56\x78\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

    #[test]
    fn reads_calls_and_names_nfs() {
        let tcp = flow(Transport::TCP, 2049);
        let (call, reply) = (record(&call(NFS)), record(REPLIED));
        let conversation: &[(Direction, &[u8])] = &[(TO_SERVER, &call), (TO_CLIENT, &reply)];
        assert_eq!(
            feed(&PROTOCOL, &tcp, conversation).0,
            [
                "[refine nfs]",
                "sunrpc.program=100003",
                "sunrpc.version=3",
                "sunrpc.procedure=1",
                "sunrpc.machine_name=pc",
                "sunrpc.uid=1000",
                "sunrpc.arguments=path",
                "[end]",
            ]
        );
        keeps_promises(&PROTOCOL, &tcp, conversation);
    }

    #[test]
    fn a_call_is_known_and_a_reply_alone_is_not() {
        let (udp, tcp) = (flow(Transport::UDP, 4000), flow(Transport::TCP, 4000));
        assert_eq!(probe(&PROTOCOL, &udp, TO_SERVER, &call(100_000)), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &tcp, TO_SERVER, &record(&call(100_000))), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &tcp, TO_SERVER, &record(&call(100_000))[..20]), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &udp, TO_CLIENT, REPLIED), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &udp, TO_SERVER, &call(7)), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &tcp, TO_SERVER, &[0x80; 64]), Probe::Mismatch);
    }
}
