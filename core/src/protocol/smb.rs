//! SMB 1, 2 and 3 (MS-SMB, MS-SMB2): Windows' file sharing, over TCP and over NetBIOS sessions (RFC 1002 §4.3).
//!
//! Read: dialect, commands' shares and files, who logs in with NTLM, and what SMB 2 writes in the clear. SMB 1 is read
//! only as far as the login; encrypted SMB 3 is said to be so.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::ntlm;
use crate::protocol::strings::utf16_le;
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Unseen, Value};

/// Packet types of the session service; message 0 is the only one over plain TCP.
const SESSION_MESSAGE: u8 = 0x00;
const SESSION_REQUEST: u8 = 0x81;
const KEEP_ALIVE: u8 = 0x85;

const SMB1: &[u8] = b"\xffSMB";
const SMB2: &[u8] = b"\xfeSMB";
/// Encrypted and compressed messages, MS-SMB2 §2.2.41 and §2.2.42.
const TRANSFORM: &[u8] = b"\xfdSMB";
const COMPRESSED: &[u8] = b"\xfcSMB";
/// Length of SMB 2's header.
const HEADER_2: usize = 64;
/// Commands of one chain that are looked at.
const CHAIN: usize = 16;

static VERSION: Field = Field::meta("smb.version", "version");
static DIALECT: Field = Field::meta("smb.dialect", "dialect");
static USER: Field = Field::new("smb.user", Role::Username);
static DOMAIN: Field = Field::meta("smb.domain", "ntlmssp.domain");
static WORKSTATION: Field = Field::meta("smb.workstation", "ntlmssp.host");
static SHARE: Field = Field::meta("smb.share", "share");
static FILE: Field = Field::meta("smb.filename", "filename");
static DATA: Field = Field::new("smb.data", Role::Content);

static FIELDS: &[&Field] = &[&VERSION, &DIALECT, &USER, &DOMAIN, &WORKSTATION, &SHARE, &FILE, &DATA];

pub(super) static PROTOCOL: Smb = Smb;

#[derive(Debug)]
pub(super) struct Smb;

impl Protocol for Smb {
    fn name(&self) -> &'static str {
        "smb"
    }

    fn about(&self) -> &'static str {
        "SMB 1 to 3, Windows' file sharing (MS-SMB2)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[445, 139]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[SESSION_MESSAGE, SESSION_REQUEST])
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
    match bytes.first() {
        None => Probe::NeedMore,
        // Two encoded names of 34 bytes.
        Some(&SESSION_REQUEST) => match bytes.get(..5) {
            Some([_, 0, 0, 68, 32]) => Probe::Match,
            Some(_) => Probe::Mismatch,
            None => Probe::NeedMore,
        },
        Some(_) => match bytes.get(4..8) {
            Some(SMB1 | SMB2 | TRANSFORM | COMPRESSED) if bytes.get(1..4) > Some(&[0, 0, 31]) => Probe::Match,
            None if bytes.get(4).is_none_or(|byte| (0xfc..).contains(byte)) => Probe::NeedMore,
            _ => Probe::Mismatch,
        },
    }
}

#[derive(Debug, Default)]
struct Session {
    /// The version was stated.
    known: bool,
    /// Encryption was stated.
    encrypted: bool,
}

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        let mut reader = Reader::new(bytes);
        match (reader.u8(), reader.u24()) {
            (Some(SESSION_MESSAGE | SESSION_REQUEST..=KEEP_ALIVE), Some(length)) => Size::of(4, length),
            (Some(_), Some(_)) => Size::Broken("no NetBIOS session packet where one must stand"),
            _ => Size::Needs(4),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let body = message.get(4..).unwrap_or_default();
        match body.get(..4) {
            Some(SMB1) => {
                self.version(1, direction, out);
                login(body, direction, out);
            }
            Some(SMB2) => {
                self.version(2, direction, out);
                chain(body, direction, out);
            }
            Some(TRANSFORM) if !self.encrypted => {
                self.version(3, direction, out);
                self.encrypted = true;
                out.unseen(Unseen::Encrypted);
            }
            _ => {}
        }
        After::Next
    }
}

impl Session {
    fn version(&mut self, version: u64, direction: Direction, out: &mut dyn Sink) {
        if !std::mem::replace(&mut self.known, true) {
            out.fact(&VERSION, direction, Value::Number(version));
            out.end_record();
        }
    }
}

fn login(message: &[u8], direction: Direction, out: &mut dyn Sink) {
    let Some(login) = ntlm::login(message) else {
        return;
    };
    // An anonymous login has no name.
    for (field, value) in [(&USER, &login.user), (&DOMAIN, &login.domain), (&WORKSTATION, &login.workstation)]
    {
        if !value.is_empty() {
            out.fact(field, direction, Value::Text(value));
        }
    }
    out.end_record();
}

/// The commands of one message, each at the offset its predecessor says.
fn chain(mut message: &[u8], direction: Direction, out: &mut dyn Sink) {
    for _ in 0..CHAIN {
        let mut header = Reader::new(message);
        let fields = (
            header.skip(12).and_then(|()| header.u16_le()),
            header.skip(2).and_then(|()| header.u32_le()),
            header.u32_le(),
        );
        let (Some(command), Some(flags), Some(next)) = fields else {
            return;
        };
        let is_response = flags & 1 != 0;
        if command_2(command, is_response, message, direction, out).is_some() {
            out.end_record();
        }
        match usize::try_from(next).ok().filter(|next| *next >= HEADER_2) {
            Some(next) => message = message.get(next..).unwrap_or_default(),
            None => return,
        }
    }
}

/// The fields of one command, MS-SMB2 §2.2.3 ff.; offsets count from the header. `None` where nothing is stated.
fn command_2(
    command: u16,
    is_response: bool,
    message: &[u8],
    direction: Direction,
    out: &mut dyn Sink,
) -> Option<()> {
    let mut body = Reader::new(message.get(HEADER_2..)?);
    let piece = |offset: u16, length: usize| message.get(usize::from(offset)..)?.get(..length);
    match (command, is_response) {
        (0, true) => {
            body.skip(4)?;
            let dialect = body.u16_le()?;
            let name = match dialect {
                0x02ff => "2.???".to_owned(),
                _ => format!("{}.{}.{}", dialect >> 8, dialect >> 4 & 15, dialect & 15),
            };
            out.fact(&DIALECT, direction, Value::Text(&name));
        }
        (1, false) => {
            login(message, direction, out);
            return None;
        }
        (3, false) => {
            body.skip(4)?;
            let share = piece(body.u16_le()?, body.u16_le()?.into())?;
            out.fact(&SHARE, direction, Value::Text(&utf16_le(share)));
        }
        (5, false) => {
            body.skip(44)?;
            let name = piece(body.u16_le()?, body.u16_le()?.into())?;
            if name.is_empty() {
                return None;
            }
            out.fact(&FILE, direction, Value::Text(&utf16_le(name)));
        }
        (9, false) => {
            body.skip(2)?;
            let offset = body.u16_le()?;
            let length = usize::try_from(body.u32_le()?).ok()?;
            let rest = message.get(offset.into()..)?;
            out.fact(&DATA, direction, Value::Bytes(&rest[..rest.len().min(length)]));
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    fn message(command: u8, flags: u8, body: &[u8]) -> Vec<u8> {
        let mut message = vec![0, 0, 0, (HEADER_2 + body.len()) as u8];
        message.extend(b"\xfeSMB\x40\0\0\0\0\0\0\0");
        message.extend([command, 0, 1, 0, flags, 0, 0, 0]);
        message.resize(4 + HEADER_2, 0);
        message.extend(body);
        message
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    /// AUTHENTICATE_MESSAGE for LAB\anna from PC.
    fn session_setup() -> Vec<u8> {
        let mut blob = b"NTLMSSP\0\x03\0\0\0".to_vec();
        blob.extend([0; 16]);
        let mut at = 64_u8;
        for text in ["LAB", "anna", "PC"] {
            let length = text.len() as u8 * 2;
            blob.extend([length, 0, length, 0, at, 0, 0, 0]);
            at += length;
        }
        blob.extend([0; 8]);
        blob.extend([1, 0, 0, 0]);
        for text in ["LAB", "anna", "PC"] {
            blob.extend(wide(text));
        }
        message(1, 0, &[&[25, 0][..], &[0; 22], &blob].concat())
    }

    fn conversation() -> Vec<(Direction, Vec<u8>)> {
        let share = wide(r"\\fs\home");
        let connect = [&[9, 0, 0, 0, 72, 0, share.len() as u8, 0][..], &share].concat();
        let mut create = vec![57, 0];
        create.resize(44, 0);
        create.extend([120, 0, 10, 0]);
        create.resize(56, 0);
        create.extend(wide("a.txt"));
        let mut write = vec![49, 0, 112, 0, 5, 0, 0, 0];
        write.resize(48, 0);
        write.extend(b"hello");
        vec![
            (TO_SERVER, message(0, 0, &[36, 0])),
            (TO_CLIENT, message(0, 1, b"\x41\0\x01\0\x11\x03")),
            (TO_SERVER, session_setup()),
            (TO_SERVER, message(3, 0, &connect)),
            (TO_SERVER, message(5, 0, &create)),
            (TO_SERVER, message(9, 0, &write)),
        ]
    }

    #[test]
    fn reads_logins_shares_files_and_data() {
        let tcp = flow(Transport::TCP, 445);
        let owned = conversation();
        let parts: Vec<_> = owned.iter().map(|(side, bytes)| (*side, &bytes[..])).collect();
        let transcript = feed(&PROTOCOL, &tcp, &parts);
        assert_eq!(transcript.value(&VERSION), "2");
        assert_eq!(transcript.value(&DIALECT), "3.1.1");
        assert_eq!(transcript.value(&USER), "anna");
        assert_eq!(transcript.value(&DOMAIN), "LAB");
        assert_eq!(transcript.value(&SHARE), r"\\fs\home");
        assert_eq!(transcript.value(&FILE), "a.txt");
        assert_eq!(transcript.value(&DATA), "hello");
        keeps_promises(&PROTOCOL, &tcp, &parts);
    }

    #[test]
    fn is_known_by_its_marks() {
        let odd = flow(Transport::TCP, 4000);
        let negotiate = b"\0\0\0\x2f\xffSMB\x72\0\0\0\0";
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, negotiate), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &negotiate[..7]), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"\0\0\0\x2f\xffSMC"), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"\0\0\0\x08\x04\xd2\x16\x2f"), Probe::Mismatch);
    }
}
