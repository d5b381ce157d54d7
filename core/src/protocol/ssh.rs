//! Secure Shell's transport layer, RFC 4253, as far as it is in the clear: identification, key exchange, host key.
//!
//! Read: both version strings, both KEXINIT messages with HASSH fingerprints (<https://github.com/salesforce/hassh>), and
//! the server's host key. SSH 1 is named by its version and not read further.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use md5::{Digest, Md5};
use sha2::Sha256;

use super::line::{self, Lines};
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Sink, Unseen, Value};
use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits::PENDING_BYTES;
use crate::packet::Transport;

pub(super) static PROTOCOL: Ssh = Ssh;

/// What one side says of itself.
#[derive(Debug)]
struct SideFields {
    proto_version: Field,
    software_version: Field,
    comments: Field,
    hassh: Field,
    hassh_string: Field,
    kex_algorithms: Field,
    host_key_algorithms: Field,
    ciphers: Field,
    macs: Field,
    compression: Field,
}

static CLIENT: SideFields = SideFields {
    proto_version: Field::meta("ssh.client.proto_version", "client.proto_version"),
    software_version: Field::meta("ssh.client.software_version", "client.software_version"),
    comments: Field::meta("ssh.client.comments", ""),
    hassh: Field::meta("ssh.client.hassh", "client.hassh.hash"),
    hassh_string: Field::meta("ssh.client.hassh_string", "client.hassh.string"),
    kex_algorithms: Field::meta("ssh.client.kex_algorithms", ""),
    host_key_algorithms: Field::meta("ssh.client.host_key_algorithms", ""),
    ciphers: Field::meta("ssh.client.ciphers", ""),
    macs: Field::meta("ssh.client.macs", ""),
    compression: Field::meta("ssh.client.compression", ""),
};
static SERVER: SideFields = SideFields {
    proto_version: Field::meta("ssh.server.proto_version", "server.proto_version"),
    software_version: Field::meta("ssh.server.software_version", "server.software_version"),
    comments: Field::meta("ssh.server.comments", ""),
    hassh: Field::meta("ssh.server.hassh", "server.hassh.hash"),
    hassh_string: Field::meta("ssh.server.hassh_string", "server.hassh.string"),
    kex_algorithms: Field::meta("ssh.server.kex_algorithms", ""),
    host_key_algorithms: Field::meta("ssh.server.host_key_algorithms", ""),
    ciphers: Field::meta("ssh.server.ciphers", ""),
    macs: Field::meta("ssh.server.macs", ""),
    compression: Field::meta("ssh.server.compression", ""),
};
static HOST_KEY_TYPE: Field = Field::meta("ssh.host_key_type", "server.host_key.type");
/// As OpenSSH writes it: `SHA256:` and base64.
static HOST_KEY: Field = Field::meta("ssh.host_key_fingerprint", "server.host_key.fingerprint");
static FIELDS: &[&Field] = &[
    &CLIENT.proto_version,
    &CLIENT.software_version,
    &CLIENT.comments,
    &CLIENT.hassh,
    &CLIENT.hassh_string,
    &CLIENT.kex_algorithms,
    &CLIENT.host_key_algorithms,
    &CLIENT.ciphers,
    &CLIENT.macs,
    &CLIENT.compression,
    &SERVER.proto_version,
    &SERVER.software_version,
    &SERVER.comments,
    &SERVER.hassh,
    &SERVER.hassh_string,
    &SERVER.kex_algorithms,
    &SERVER.host_key_algorithms,
    &SERVER.ciphers,
    &SERVER.macs,
    &SERVER.compression,
    &HOST_KEY_TYPE,
    &HOST_KEY,
];

/// Message numbers, RFC 4250 §4.1.2.
const SSH_MSG_KEXINIT: u8 = 20;
const SSH_MSG_NEWKEYS: u8 = 21;
/// Carries the host key in a Diffie-Hellman exchange; the group in RFC 4419's.
const SSH_MSG_KEXDH_REPLY: u8 = 31;
const SSH_MSG_KEX_DH_GEX_REPLY: u8 = 33;

/// The largest packet that OpenSSH takes; RFC 4253 §6.1 asks for 35,000 bytes.
const PACKET_BYTES: u32 = 256 * 1024;

#[derive(Debug)]
pub(super) struct Ssh;

impl Protocol for Ssh {
    fn name(&self) -> &'static str {
        "ssh"
    }

    fn about(&self) -> &'static str {
        "Secure Shell, RFC 4253"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[22]
    }

    fn first_byte(&self, direction: Direction) -> FirstByte {
        match direction {
            Direction::ToServer => FirstByte::OneOf(b"S"),
            // RFC 4253 §4.2: a server may send other lines first.
            Direction::ToClient => FirstByte::Any,
        }
    }

    fn is_encrypted(&self) -> bool {
        true
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let on_port = opening.flow.has_port(22);
        let sides = [opening.to_server, opening.to_client].map(|bytes| probe_side(bytes, on_port));
        match sides {
            [Probe::Match, _] | [_, Probe::Match] => Probe::Match,
            [Probe::Mismatch, _] | [_, Probe::Mismatch] => Probe::Mismatch,
            _ => Probe::NeedMore,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(SshParser::default())
    }
}

fn probe_side(bytes: &[u8], on_port: bool) -> Probe {
    let head = |bytes: &[u8]| match bytes {
        [b'S', b'S', b'H', b'-', b'1' | b'2', b'.', b'0'..=b'9', ..] => Probe::Match,
        _ if b"SSH-1.".starts_with(bytes) || b"SSH-2.".starts_with(bytes) => Probe::NeedMore,
        _ => Probe::Mismatch,
    };
    match head(bytes) {
        Probe::Mismatch
            if on_port
                && line::is_text(
                    bytes.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end(),
                ) =>
        {
            let behind = memchr::memmem::find(bytes, b"\nSSH-").and_then(|at| bytes.get(at + 1..));
            behind.map_or(Probe::NeedMore, head)
        }
        probe => probe,
    }
}

/// Which part of the protocol one side is in.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Identification,
    Packets,
    /// So many bytes of a packet that is not read.
    Skip(u32),
    Encrypted,
}

#[derive(Debug, Default)]
struct SshParser {
    lines: [Lines; 2],
    phases: [Phase; 2],
    kexinit: [bool; 2],
    open: bool,
    unseen: bool,
}

impl Parser for SshParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let direction = chunk.direction;
        let side = direction.index();
        let mut rest = chunk.bytes;
        loop {
            let phase = self.phases.get(side).copied().unwrap_or_default();
            let next = match phase {
                Phase::Identification => {
                    let Some(line) = self.lines.get_mut(side).and_then(|lines| lines.next(&mut rest)) else {
                        break;
                    };
                    self.identification(line.text, direction, out)
                }
                Phase::Skip(left) => {
                    let skipped = rest.get(..left as usize).unwrap_or(rest).len();
                    rest = rest.get(skipped..).unwrap_or_default();
                    match u32::try_from(skipped).map_or(0, |skipped| left.saturating_sub(skipped)) {
                        0 => Phase::Packets,
                        left => Phase::Skip(left),
                    }
                }
                Phase::Packets => match self.packet(&mut rest, direction, out) {
                    Ok(phase) => phase,
                    Err(need) => {
                        return Progress::NeedMore { consumed: chunk.bytes.len() - rest.len(), need };
                    }
                },
                Phase::Encrypted => {
                    rest = &[];
                    Phase::Encrypted
                }
            };
            if let Some(slot) = self.phases.get_mut(side) {
                *slot = next;
            }
            if next == Phase::Encrypted {
                self.end_record(out);
                if !std::mem::replace(&mut self.unseen, true) {
                    out.unseen(Unseen::Encrypted);
                }
                if self.phases == [Phase::Encrypted; 2] {
                    return Progress::Done;
                }
                rest = &[];
            }
            if rest.is_empty() {
                break;
            }
        }
        Progress::Consumed(chunk.bytes.len() - rest.len())
    }

    fn gap(&mut self, direction: Direction, missing: u64, out: &mut dyn Sink) -> Progress {
        match self.phases.get_mut(direction.index()) {
            Some(Phase::Encrypted) => Progress::Consumed(0),
            Some(Phase::Skip(left)) if u64::from(*left) > missing => {
                *left = left.saturating_sub(u32::try_from(missing).unwrap_or(u32::MAX));
                Progress::Consumed(0)
            }
            _ => {
                out.unseen(Unseen::Truncated);
                self.end_record(out);
                Progress::Done
            }
        }
    }

    fn close(&mut self, _: &FlowKey, out: &mut dyn Sink) {
        self.end_record(out);
    }
}

impl SshParser {
    fn end_record(&mut self, out: &mut dyn Sink) {
        if std::mem::take(&mut self.open) {
            out.end_record();
        }
    }

    /// `SSH-protoversion-softwareversion SP comments`
    fn identification(&mut self, text: &[u8], direction: Direction, out: &mut dyn Sink) -> Phase {
        let Some(version) = text.strip_prefix(b"SSH-") else {
            return Phase::Identification;
        };
        let fields = side_fields(direction);
        let dash = memchr::memchr(b'-', version).unwrap_or(version.len());
        let (proto, software) = version.split_at(dash);
        let (software, comments) = line::split_word(software.get(1..).unwrap_or_default());
        out.fact(&fields.proto_version, direction, Value::Bytes(proto));
        out.fact(&fields.software_version, direction, Value::Bytes(software));
        if !comments.is_empty() {
            out.fact(&fields.comments, direction, Value::Bytes(comments));
        }
        self.open = true;
        // 1.99 is a server that speaks both (RFC 4253 §5.1).
        if proto.starts_with(b"1.") && proto != b"1.99" {
            return Phase::Encrypted;
        }
        Phase::Packets
    }

    /// Reads one packet. `Err` says how many bytes are needed.
    fn packet(&mut self, rest: &mut &[u8], direction: Direction, out: &mut dyn Sink) -> Result<Phase, usize> {
        let mut reader = Reader::new(rest);
        let (Some(length), Some(padding), Some(kind)) = (reader.u32(), reader.u8(), reader.u8()) else {
            return Err(6);
        };
        // What is no packet is encrypted already, or SSH 1 under a 1.99 banner.
        if !(2..=PACKET_BYTES).contains(&length) || u32::from(padding) >= length {
            return Ok(Phase::Encrypted);
        }
        let is_wanted = matches!(kind, SSH_MSG_KEXINIT | SSH_MSG_KEXDH_REPLY | SSH_MSG_KEX_DH_GEX_REPLY);
        let total = length as usize + 4;
        if !is_wanted || total > PENDING_BYTES {
            if kind == SSH_MSG_NEWKEYS {
                return Ok(Phase::Encrypted);
            }
            return Ok(Phase::Skip(length + 4));
        }
        let packet = rest.get(..total).ok_or(total)?;
        *rest = rest.get(total..).unwrap_or_default();
        let payload = packet.get(6..total - usize::from(padding)).unwrap_or_default();
        if kind == SSH_MSG_KEXINIT {
            self.kexinit(payload, direction, out);
        } else {
            self.host_key(payload, direction, out);
        }
        Ok(Phase::Packets)
    }

    /// RFC 4253 §7.1: a cookie of 16 bytes and ten name lists.
    fn kexinit(&mut self, payload: &[u8], direction: Direction, out: &mut dyn Sink) {
        let Some(lists) = name_lists(payload) else {
            return;
        };
        let [kex, host_key, ciphers_up, ciphers_down, macs_up, macs_down, compression_up, compression_down] =
            lists;
        let fields = side_fields(direction);
        let (ciphers, macs, compression) = match direction {
            Direction::ToServer => (ciphers_up, macs_up, compression_up),
            Direction::ToClient => (ciphers_down, macs_down, compression_down),
        };
        for (field, list) in [
            (&fields.kex_algorithms, kex),
            (&fields.host_key_algorithms, host_key),
            (&fields.ciphers, ciphers),
            (&fields.macs, macs),
            (&fields.compression, compression),
        ] {
            out.fact(field, direction, Value::Bytes(list));
        }
        let string = [kex, ciphers, macs, compression].join(&b';');
        let hash = hex(&Md5::digest(&string));
        out.fact(&fields.hassh, direction, Value::Text(&hash));
        out.fact(&fields.hassh_string, direction, Value::Bytes(&string));
        self.open = true;
        if let Some(seen) = self.kexinit.get_mut(direction.index()) {
            *seen = true;
        }
        if self.kexinit == [true, true] {
            self.end_record(out);
        }
    }

    fn host_key(&mut self, payload: &[u8], direction: Direction, out: &mut dyn Sink) {
        let mut reader = Reader::new(payload);
        let Some(key) = string(&mut reader) else {
            return;
        };
        // In a group exchange, message 31 carries a prime here.
        let is_name = |name: &&[u8]| {
            (4..=64).contains(&name.len())
                && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-@.".contains(byte))
        };
        let Some(name) = string(&mut Reader::new(key)).filter(is_name) else {
            return;
        };
        let fingerprint = format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key)));
        out.fact(&HOST_KEY_TYPE, direction, Value::Bytes(name));
        out.fact(&HOST_KEY, direction, Value::Text(&fingerprint));
        self.open = true;
    }
}

fn side_fields(direction: Direction) -> &'static SideFields {
    match direction {
        Direction::ToServer => &CLIENT,
        Direction::ToClient => &SERVER,
    }
}

/// A `string` of RFC 4251 §5: a four-byte length and so many bytes.
fn string<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = reader.u32()?;
    reader.take(usize::try_from(length).ok()?)
}

fn name_lists(payload: &[u8]) -> Option<[&[u8]; 8]> {
    let mut reader = Reader::new(payload);
    reader.skip(16)?;
    let mut lists: [&[u8]; 8] = [b""; 8];
    for list in &mut lists {
        *list = string(&mut reader)?;
    }
    Some(lists)
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests;
