//! Marks of programs, games and tools.

use super::{BOTH, Marked, TCP, UDP, begins, verdict};
use crate::bytes::Reader;
use crate::flow::Chunk;
use crate::protocol::strings::is_printable;
use crate::protocol::{FirstByte, Probe};

/// AJP 1.3: container and server have different marks; a length and one of few codes follow.
pub(in super::super) static AJP: Marked = Marked {
    name: "ajp",
    about: "Apache JServ Protocol 1.3, between a web server and Tomcat",
    transports: TCP,
    ports: &[8009],
    first: FirstByte::OneOf(&[0x12, 0x41]),
    mark: |opening| {
        let mut reader = Reader::new(opening.newest());
        let fits = match (reader.u16(), reader.u16(), reader.u8()) {
            (Some(0x1234), Some(length), Some(code)) => {
                // Forward request, shutdown, ping, cping; a method between 1 and 27 begins the first.
                let method = reader.u8().is_none_or(|method| (1..=27).contains(&method));
                Some(matches!(code, 7 | 8 | 10) && length == 1 || (code == 2 && length > 8 && method))
            }
            (Some(0x4142), Some(length), Some(code)) => Some(match code {
                9 => length == 1,
                5 | 6 => (2..=3).contains(&length),
                3 | 4 => length > 4 && length < 0x2000,
                _ => false,
            }),
            (Some(0x1234 | 0x4142), ..) => None,
            (None, ..) => None,
            _ => Some(false),
        };
        verdict(opening, fits)
    },
};

/// Bitcoin's networks' magic numbers, and a command filled up with zeros.
pub(in super::super) static BITCOIN: Marked = Marked {
    name: "bitcoin",
    about: "Bitcoin's peer-to-peer protocol",
    transports: TCP,
    ports: &[8333],
    first: FirstByte::OneOf(&[0xf9, 0x0b, 0xfa, 0x1c]),
    mark: |opening| {
        let mut reader = Reader::new(opening.newest());
        let magic = reader.u32();
        if magic.is_some_and(|magic| !matches!(magic, 0xf9be_b4d9 | 0x0b11_0907 | 0xfabf_b5da | 0x1c16_3f28))
        {
            return Probe::Mismatch;
        }
        let fits = reader.take(12).map(|command| {
            let name = command.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
            name > 2 && command.iter().skip(name).all(|byte| matches!(byte, 0 | b'0'..=b'9'))
        });
        verdict(opening, fits)
    },
};

pub(in super::super) static BJNP: Marked = Marked {
    name: "bjnp",
    about: "BJNP, Canon's printers and scanners",
    transports: UDP,
    ports: &[8611, 8612],
    first: FirstByte::OneOf(b"BM"),
    mark: |opening| {
        begins(
            opening,
            &[
                b"BJNP\x01",
                b"BJNP\x02",
                b"BJNP\x81",
                b"BJNP\x82",
                b"BJNB\x01",
                b"BJNB\x02",
                b"MFNP\x01",
                b"MFNP\x02",
            ],
        )
    },
};

pub(in super::super) static CEPH: Marked = Marked {
    name: "ceph",
    about: "Ceph's messenger protocol, distributed storage",
    transports: TCP,
    ports: &[6789, 3300],
    first: FirstByte::OneOf(b"c"),
    mark: |opening| begins(opening, &[b"ceph v0", b"ceph v2\n"]),
};

pub(in super::super) static CHECKMK: Marked = Marked {
    name: "checkmk",
    about: "Checkmk's agent, monitoring",
    transports: TCP,
    ports: &[6556],
    first: FirstByte::OneOf(b"<"),
    mark: |opening| begins(opening, &[b"<<<check_mk>>>"]),
};

/// GIOP 1.0 to 1.4 with a message type; MIOP is the same over multicast.
pub(in super::super) static CORBA: Marked = Marked {
    name: "corba",
    about: "GIOP, CORBA's calls between objects",
    transports: BOTH,
    ports: &[],
    first: FirstByte::OneOf(b"GM"),
    mark: |opening| match opening.newest() {
        [b'G', b'I', b'O', b'P', 1, 0..=4, _, 0..=7, ..] => Probe::Match,
        [b'M', b'I', b'O', b'P', 0x10, _, _, _, ..] if opening.is_datagram() => Probe::Match,
        bytes
            if bytes.len() < 8
                && bytes.starts_with(&b"GIOP"[..bytes.len().min(4)])
                && !opening.is_datagram() =>
        {
            Probe::NeedMore
        }
        _ => Probe::Mismatch,
    },
};

/// DDM: a length, 0xd0, a kind, and a second length six less; the first message exchanges attributes.
pub(in super::super) static DRDA: Marked = Marked {
    name: "drda",
    about: "DRDA, IBM's databases",
    transports: TCP,
    ports: &[446, 50000],
    first: FirstByte::Any,
    mark: |opening| {
        let bytes = opening.newest();
        let mut reader = Reader::new(bytes);
        if bytes.get(2).is_some_and(|magic| *magic != 0xd0) {
            return Probe::Mismatch;
        }
        let fits = (|| {
            let length = reader.u16()?;
            reader.skip(4)?;
            let inner = reader.u16()?;
            let code = reader.u16()?;
            Some(length == inner.wrapping_add(6) && matches!(code, 0x1041 | 0x1443))
        })();
        verdict(opening, fits)
    },
};

/// Dropbox' clients announce themselves in JSON.
pub(in super::super) static DROPBOX: Marked = Marked {
    name: "dropbox",
    about: "Dropbox' discovery in the local network",
    transports: UDP,
    ports: &[17500],
    first: FirstByte::OneOf(b"{"),
    mark: |opening| {
        let bytes = opening.newest();
        let has = |key: &[u8]| memchr::memmem::find(bytes, key).is_some();
        let fits =
            bytes.starts_with(b"{\"") && has(b"\"host_int\"") && has(b"\"version\"") && has(b"\"port\"");
        verdict(opening, Some(fits))
    },
};

/// FCGI_BEGIN_REQUEST: version 1, type 1, eight bytes with a role and five zeros.
pub(in super::super) static FASTCGI: Marked = Marked {
    name: "fastcgi",
    about: "FastCGI, between a web server and a program",
    transports: TCP,
    ports: &[9000],
    first: FirstByte::OneOf(&[1]),
    mark: |opening| {
        let bytes = opening.newest();
        match *bytes {
            [1, 1, _, _, 0, 8, _, 0, 0, 1..=3, 0 | 1, 0, 0, 0, 0, 0, ..] => Probe::Match,
            [] | [1] | [1, 1] | [1, 1, _] | [1, 1, _, _] | [1, 1, _, _, 0] => Probe::NeedMore,
            [1, 1, _, _, 0, 8, ..] if bytes.len() < 16 => Probe::NeedMore,
            _ => Probe::Mismatch,
        }
    },
};

/// The version is the first field, the length the second.
pub(in super::super) static FIX: Marked = Marked {
    name: "fix",
    about: "FIX, trading of securities",
    transports: TCP,
    ports: &[],
    first: FirstByte::OneOf(b"8"),
    mark: |opening| begins(opening, &[b"8=FIX.4.", b"8=FIX.5.", b"8=FIXT.1.1\x01", b"8=O\x019="]),
};

pub(in super::super) static GEARMAN: Marked = Marked {
    name: "gearman",
    about: "Gearman, jobs for workers",
    transports: TCP,
    ports: &[4730],
    first: FirstByte::OneOf(&[0]),
    mark: |opening| match opening.newest() {
        [0, b'R', b'E', b'Q' | b'S', 0, 0, 0, 1..=42, ..] => Probe::Match,
        bytes @ ([] | [0] | [0, b'R', ..]) if bytes.len() < 8 => Probe::NeedMore,
        _ => Probe::Mismatch,
    },
};

/// iperf 3 begins every connection with a cookie of 36 letters and digits of base 32, and a zero.
pub(in super::super) static IPERF: Marked = Marked {
    name: "iperf",
    about: "iperf 3, measuring throughput",
    transports: TCP,
    ports: &[5201],
    first: FirstByte::Range(b'2', b'z'),
    mark: |opening| {
        let bytes = opening.newest();
        let letters = bytes.iter().take(36).all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
        match bytes.get(36) {
            _ if !letters => Probe::Mismatch,
            Some(0) => Probe::Match,
            Some(_) => Probe::Mismatch,
            None => Probe::NeedMore,
        }
    },
};

pub(in super::super) static JRMI: Marked = Marked {
    name: "jrmi",
    about: "Java's Remote Method Invocation",
    transports: TCP,
    ports: &[1099],
    first: FirstByte::OneOf(b"J"),
    mark: |opening| {
        begins(
            opening,
            &[b"JRMI\0\x01K", b"JRMI\0\x01L", b"JRMI\0\x01M", b"JRMI\0\x02K", b"JRMI\0\x02L", b"JRMI\0\x02M"],
        )
    },
};

pub(in super::super) static KISMET: Marked = Marked {
    name: "kismet",
    about: "Kismet's server, wireless monitoring",
    transports: TCP,
    ports: &[2501],
    first: FirstByte::OneOf(b"*"),
    mark: |opening| begins(opening, &[b"*KISMET: ", b"*SERVER: "]),
};

/// The token of a Megaco message in text form, RFC 3525 annex B.
pub(in super::super) static MEGACO: Marked = Marked {
    name: "megaco",
    about: "Megaco/H.248, control of media gateways",
    transports: BOTH,
    ports: &[2944],
    first: FirstByte::OneOf(b"!M"),
    mark: |opening| {
        begins(
            opening,
            &[
                b"!/1 [",
                b"!/1 <",
                b"!/2 [",
                b"!/2 <",
                b"!/3 [",
                b"!/3 <",
                b"MEGACO/1 ",
                b"MEGACO/2 ",
                b"MEGACO/3 ",
            ],
        )
    },
};

/// Mosh's packets begin with a nonce: who speaks in the top bit, and a counter. Two sides that have just begun to count
/// are proof.
pub(in super::super) static MOSH: Marked = Marked {
    name: "mosh",
    about: "Mosh, a remote terminal over UDP",
    transports: UDP,
    ports: &[],
    first: FirstByte::OneOf(&[0, 0x80]),
    mark: |opening| {
        let bytes = opening.newest();
        let (Some((from_server, _)), true) = (mosh_nonce(bytes), bytes.len() >= MOSH_SHORTEST) else {
            return Probe::Mismatch;
        };
        match opening.previous {
            Some(Chunk { direction, bytes: previous }) if direction != opening.direction => {
                match mosh_nonce(previous) {
                    Some((other, _)) if other != from_server && previous.len() >= MOSH_SHORTEST => {
                        Probe::Match
                    }
                    _ => Probe::Mismatch,
                }
            }
            _ => Probe::NeedMore,
        }
    },
};

/// Nonce, two timestamps, an OCB tag, and a fragment's header.
const MOSH_SHORTEST: usize = 8 + 4 + 16 + 10;

fn mosh_nonce(bytes: &[u8]) -> Option<(bool, u64)> {
    let nonce = Reader::new(bytes).u64()?;
    let counter = nonce & !(1 << 63);
    // Payloads are encrypted: they do not go on with zeros.
    let sealed = bytes.get(8..24)?.iter().filter(|byte| **byte == 0).count() < 4;
    (counter < 1024 && sealed).then_some((nonce >> 63 == 1, counter))
}

/// n2n's versions 1 to 3: a type, and the community's name filled up with zeros (in version 1 with anything); two packets
/// must agree on it.
pub(in super::super) static N2N: Marked = Marked {
    name: "n2n",
    about: "n2n, a peer-to-peer VPN",
    transports: UDP,
    ports: &[7654],
    first: FirstByte::Range(1, 3),
    mark: |opening| match (n2n_community(opening.newest()), opening.previous) {
        (Some(_), None) => Probe::NeedMore,
        (Some(name), Some(Chunk { bytes, .. })) if n2n_community(bytes) == Some(name) => Probe::Match,
        _ => Probe::Mismatch,
    },
};

fn n2n_community(bytes: &[u8]) -> Option<&[u8]> {
    let (length, filled) = match *bytes.get(..4)? {
        [1, 1..=9, 0..=15, 0 | 1] => (16, false),
        [2, 0..=15, 0, flags] if (1..=10).contains(&(flags & 0x1f)) => (16, true),
        [3, 0..=15, 0, flags] if (1..=15).contains(&(flags & 0x1f)) => (20, true),
        _ => return None,
    };
    let community = bytes.get(4..4 + length)?;
    let end = community.iter().position(|byte| *byte == 0)?;
    let (name, rest) = community.split_at(end);
    let fits = name.len() > 1
        && name.iter().all(u8::is_ascii_graphic)
        && (!filled || rest.iter().all(|byte| *byte == 0));
    fits.then_some(community)
}

pub(in super::super) static NOMACHINE: Marked = Marked {
    name: "nomachine",
    about: "NoMachine NX, a remote screen",
    transports: TCP,
    ports: &[4000],
    first: FirstByte::OneOf(b"N"),
    mark: |opening| begins(opening, &[b"NXSH-", b"NXD-"]),
};

/// HELLO comes first; with its list of versions it is sure, without one only on the registered port.
pub(in super::super) static OPENFLOW: Marked = Marked {
    name: "openflow",
    about: "OpenFlow, control of switches",
    transports: TCP,
    ports: &[6653, 6633],
    first: FirstByte::Range(1, 6),
    mark: |opening| {
        let registered = opening.flow.has_port(6653) || opening.flow.has_port(6633);
        match *opening.newest() {
            [1..=6, 0, 0, 8, _, _, _, _, ..] if registered => Probe::Match,
            [4..=6, 0, 0, 16, _, _, _, _, 0, 1, 0, 8, ..] => Probe::Match,
            ref bytes @ ([] | [1..=6] | [1..=6, 0] | [1..=6, 0, 0, ..]) if bytes.len() < 12 => {
                Probe::NeedMore
            }
            _ => Probe::Mismatch,
        }
    },
};

/// TNS' connect packet, with the connect descriptor in text.
pub(in super::super) static ORACLE: Marked = Marked {
    name: "oracle",
    about: "Oracle's Transparent Network Substrate, a database",
    transports: TCP,
    ports: &[1521],
    first: FirstByte::Any,
    mark: |opening| {
        let bytes = opening.newest();
        match *bytes {
            [high, low, 0, 0, 1, _, 0, 0, 1, _, 1, _, ..] if u16::from_be_bytes([high, low]) > 34 => {
                let whole = usize::from(u16::from_be_bytes([high, low]));
                let text = &bytes[..bytes.len().min(whole)];
                if memchr::memmem::find(text, b"(CONNECT_DATA=").is_some()
                    || memchr::memmem::find(text, b"(DESCRIPTION=").is_some()
                {
                    Probe::Match
                } else if bytes.len() < whole {
                    Probe::NeedMore
                } else {
                    Probe::Mismatch
                }
            }
            [_, _, 0, 0, 1, ..] | [_, _, 0, 0] | [_, _, 0] | [_, _] | [_] | [] if bytes.len() < 12 => {
                Probe::NeedMore
            }
            _ => Probe::Mismatch,
        }
    },
};

/// Radmin 2 and 3 begin with the same ten bytes.
pub(in super::super) static RADMIN: Marked = Marked {
    name: "radmin",
    about: "Radmin, a remote screen",
    transports: TCP,
    ports: &[4899],
    first: FirstByte::OneOf(&[1]),
    mark: |opening| begins(opening, &[b"\x01\0\0\0\x01\0\0\0\x08\x08", b"\x01\0\0\0\x01\0\0\0\x1b\x1b"]),
};

/// RakNet's messages before a connection hold sixteen fixed bytes, at a place that hangs on the kind of message.
pub(in super::super) static RAKNET: Marked = Marked {
    name: "raknet",
    about: "RakNet, games over UDP",
    transports: UDP,
    ports: &[19132],
    first: FirstByte::Range(0x01, 0x7e),
    mark: |opening| {
        const MAGIC: &[u8] = b"\0\xff\xff\0\xfe\xfe\xfe\xfe\xfd\xfd\xfd\xfd\x12\x34\x56\x78";
        let bytes = opening.newest();
        let at = match bytes.first() {
            Some(0x01 | 0x02) => 9,
            Some(0x1c) => 17,
            Some(0x05..=0x08) => 1,
            // Roblox' own kinds.
            Some(0x78..=0x7e) => 1,
            _ => return Probe::Mismatch,
        };
        let fits = bytes.get(at..at + MAGIC.len()) == Some(MAGIC);
        verdict(opening, Some(fits))
    },
};

/// RMCP's version, reserved byte, sequence number without acknowledgement, and class; of class ASF its enterprise, of class
/// IPMI an authentication type.
pub(in super::super) static RMCP: Marked = Marked {
    name: "rmcp",
    about: "RMCP and IPMI, management of servers",
    transports: UDP,
    ports: &[623],
    first: FirstByte::OneOf(&[6]),
    mark: |opening| {
        let fits = match *opening.newest() {
            [6, 0, _, 6, 0, 0, 0x11, 0xbe, ..] => true,
            [6, 0, 0xff, 7, 0..=2 | 4..=6, ..] => opening.flow.has_port(623),
            _ => false,
        };
        verdict(opening, Some(fits))
    },
};

/// A question for information, or its answer: a protocol version and names.
pub(in super::super) static SOURCE_ENGINE: Marked = Marked {
    name: "source-engine",
    about: "Source engine's server queries, games",
    transports: UDP,
    ports: &[27015],
    first: FirstByte::OneOf(&[0xff]),
    mark: |opening| {
        let bytes = opening.newest();
        let fits = match bytes.strip_prefix(b"\xff\xff\xff\xff") {
            Some([b'T', rest @ ..]) => rest.starts_with(b"Source Engine Query\0"),
            Some([b'I', 2..=32, names @ ..]) => {
                let mut strings = names.split(|byte| *byte == 0);
                let four: Vec<_> = strings.by_ref().take(4).collect();
                four.len() == 4
                    && strings.next().is_some()
                    && four.iter().skip(1).all(|name| is_printable(name))
            }
            _ => false,
        };
        verdict(opening, Some(fits))
    },
};

pub(in super::super) static SPOTIFY: Marked = Marked {
    name: "spotify",
    about: "Spotify's discovery in the local network",
    transports: UDP,
    ports: &[57621],
    first: FirstByte::OneOf(b"S"),
    mark: |opening| begins(opening, &[b"SpotUdp0"]),
};

/// Local announcements: the magic numbers of both versions.
pub(in super::super) static SYNCTHING: Marked = Marked {
    name: "syncthing",
    about: "Syncthing's discovery in the local network",
    transports: UDP,
    ports: &[21027],
    first: FirstByte::OneOf(&[0x2e, 0x7d]),
    mark: |opening| begins(opening, &[b"\x2e\xa7\xd9\x0b", b"\x7d\x79\xbc\x40"]),
};

pub(in super::super) static TEAMSPEAK: Marked = Marked {
    name: "teamspeak",
    about: "TeamSpeak 3, voice over IP",
    transports: UDP,
    ports: &[9987],
    first: FirstByte::OneOf(b"T"),
    mark: |opening| begins(opening, &[b"TS3INIT1"]),
};

/// Packets of version 1 begin with 0x1724; over UDP behind eleven bytes of which the first ten are zeros.
pub(in super::super) static TEAMVIEWER: Marked = Marked {
    name: "teamviewer",
    about: "TeamViewer, a remote screen",
    transports: BOTH,
    ports: &[5938],
    first: FirstByte::OneOf(&[0, 0x17]),
    mark: |opening| {
        let bytes = opening.newest();
        if opening.is_datagram() {
            let zeros = bytes.get(..11).is_some_and(|zeros| zeros.iter().all(|byte| *byte == 0));
            let fits = zeros && matches!(bytes.get(11..14), Some([_, 0x17, 0x24] | [0x17, 0x24, _]));
            return verdict(opening, Some(fits));
        }
        match *bytes {
            [0x17, 0x24, 0x0a | 0x0d | 0x28 | 0x3c..=0x40, 0x20 | 0, ..] if opening.flow.has_port(5938) => {
                Probe::Match
            }
            [] | [0x17] | [0x17, 0x24] | [0x17, 0x24, _] if opening.flow.has_port(5938) => Probe::NeedMore,
            _ => Probe::Mismatch,
        }
    },
};

/// The strict binary encoding, bare or framed: version 1, a kind, a name; and the compact one over UDP.
pub(in super::super) static THRIFT: Marked = Marked {
    name: "thrift",
    about: "Apache Thrift, remote procedure calls",
    transports: BOTH,
    ports: &[],
    first: FirstByte::OneOf(&[0, 0x80, 0x82]),
    mark: |opening| {
        let bytes = opening.newest();
        let starts_binary = |bytes: &[u8]| bytes.starts_with(&[0x80, 0x01, 0x00]);
        let bare = match bytes.get(4..) {
            Some(framed) if !starts_binary(bytes) && starts_binary(framed) => framed,
            _ => bytes,
        };
        let mut reader = Reader::new(bare);
        if opening.is_datagram() && bare.first() == Some(&0x82) {
            // Compact: version 1 and a kind, a sequence number, a short name.
            let name = bare.iter().skip(1).position(|byte| byte & 0x80 == 0).map(|end| end + 2);
            let fits = name.and_then(|at| {
                let length = usize::from(*bare.get(at)?);
                let name = bare.get(at + 1..at + 1 + length)?;
                Some(bare.get(1)? & 0x1f == 1 && length > 2 && name.iter().all(u8::is_ascii_alphanumeric))
            });
            return verdict(opening, fits);
        }
        let fits = match (reader.u32(), reader.u32()) {
            (Some(0x8001_0001..=0x8001_0004), Some(length @ 1..=128)) => reader
                .take(length as usize)
                .map(|name| name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.:".contains(byte))),
            (Some(0x8001_0001..=0x8001_0004), None) => None,
            _ if bytes.len() < 8 && bytes.first().is_none_or(|byte| matches!(byte, 0 | 0x80)) => None,
            _ => Some(false),
        };
        verdict(opening, fits)
    },
};

/// The meta connection's first line: request 0, the node's name, protocol 17.
pub(in super::super) static TINC: Marked = Marked {
    name: "tinc",
    about: "tinc, a mesh VPN",
    transports: TCP,
    ports: &[655],
    first: FirstByte::OneOf(b"0"),
    mark: |opening| {
        let bytes = opening.newest();
        let head = &bytes[..bytes.len().min(64)];
        let Some(end) = memchr::memchr(b'\n', head) else {
            let fits = head.len() < 64 && head.starts_with(&b"0 "[..head.len().min(2)]) && is_printable(head);
            return if fits { Probe::NeedMore } else { Probe::Mismatch };
        };
        let words: Vec<_> = head[..end].split(|byte| *byte == b' ').collect();
        let fits = match words.as_slice() {
            [b"0", name, version] => {
                let named =
                    name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') && !name.is_empty();
                let known = *version == b"17" || (version.starts_with(b"17.") && version.len() <= 4);
                named && known
            }
            _ => false,
        };
        verdict(opening, Some(fits))
    },
};
