//! What can go wrong, as sentences that say what to do.

use std::error::Error;
use std::fmt;
use std::io;

use crate::decoder::Decoder;
use crate::decompress::Compression;

/// Why a capture could not be read, or not be read further.
///
/// What is displayed is the whole story, causes included, so that no error has a `source()` to be told twice.
#[derive(Debug)]
#[non_exhaustive]
pub enum CaptureError {
    Open {
        name: String,
        source: io::Error,
    },
    Read {
        place: Place,
        source: io::Error,
    },
    Decompress {
        place: Place,
        compression: Compression,
        source: io::Error,
    },
    Broken {
        place: Place,
        defect: Defect,
    },
    NoCaptures {
        folder: String,
    },
    /// No interface has this name; `known` are those that there are.
    UnknownInterface {
        name: String,
        known: Vec<String>,
    },
    NotPermitted {
        name: String,
        reason: String,
    },
    Filter {
        filter: String,
        reason: String,
    },
    Interface {
        name: String,
        reason: String,
    },
}

/// Where in a capture it broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, or whatever stands for it.
    pub name: String,
    /// The packet that could not be read; all before it were.
    pub packet: u64,
    /// Where its record, or a block in front of it, begins; counted in the decompressed capture.
    pub offset: u64,
}

/// What is wrong with a capture's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defect {
    /// There is not one byte.
    Empty,
    NotACapture {
        magic: [u8; 4],
    },
    /// pcapng of a major version that does not exist yet.
    Version {
        major: u16,
        minor: u16,
    },
    /// A pcapng section header whose byte-order magic is neither one nor the other.
    ByteOrder {
        magic: [u8; 4],
    },
    /// The capture ends within a header, record or block that is at least `need` bytes long.
    Truncated {
        have: usize,
        need: usize,
    },
    /// A frame longer than [`weir_core::limits::FRAME_BYTES`] or than the block around it.
    FrameLength {
        length: u32,
    },
    /// A pcapng block too short for what it must hold, or longer than [`weir_core::limits::BLOCK_BYTES`].
    BlockLength {
        length: u32,
    },
    /// The lengths in front of and behind a pcapng block differ.
    BlockLengths {
        length: u32,
        trailer: u32,
    },
    /// A packet of an interface that its section has not described; it has described `known` of them.
    NoInterface {
        interface: u32,
        known: usize,
    },
    TooManyInterfaces,
    /// More than [`weir_core::limits::ZERO_RECORDS`] records of zeros.
    Zeros,
}

impl Place {
    #[cold]
    pub(crate) fn new(name: &str, decoder: &Decoder) -> Self {
        Self { name: name.to_owned(), packet: decoder.frames().saturating_add(1), offset: decoder.offset() }
    }

    /// What there is in spite of the error.
    fn salvaged(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.packet.saturating_sub(1) {
            0 => Ok(()),
            1 => f.write_str(" The packet before it was read."),
            before => write!(f, " The {before} packets before it were read."),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, packet, offset } = self;
        write!(f, "{name}, packet {packet} at byte {offset}")
    }
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { name, source } => write!(f, "cannot open {name}: {source}"),
            Self::Read { place, source } => {
                write!(f, "{place}: cannot be read further: {source}.")?;
                place.salvaged(f)
            }
            Self::Decompress { place, compression, source } => {
                write!(f, "{place} of the decompressed data: the {compression} data is ")?;
                match source.kind() {
                    io::ErrorKind::UnexpectedEof => write!(f, "cut short. {CUT_SHORT}")?,
                    _ => write!(f, "damaged: {source}. {DAMAGED}")?,
                }
                place.salvaged(f)
            }
            // Before the first packet the place says nothing.
            Self::Broken { place, defect: defect @ (Defect::Empty | Defect::NotACapture { .. }) } => {
                write!(f, "{}: {defect}", place.name)
            }
            Self::Broken { place, defect } => {
                write!(f, "{place}: {defect}")?;
                place.salvaged(f)
            }
            Self::NoCaptures { folder } => write!(
                f,
                "{folder} holds no capture: no file in it ends in .pcap, .pcapng, .cap or .dmp, with or without .gz \
                 or .zst. Name the file itself if it is called otherwise."
            ),
            Self::UnknownInterface { name, known } if known.is_empty() => write!(
                f,
                "there is no interface {name}, nor any that this user may see. Capturing needs root or the \
                 capability CAP_NET_RAW."
            ),
            Self::UnknownInterface { name, known } => {
                write!(f, "there is no interface {name}. There are: {}.", known.join(", "))
            }
            Self::NotPermitted { name, reason } => write!(
                f,
                "no permission to capture on {name} ({reason}). Run as root, or give the program the capability \
                 CAP_NET_RAW: `sudo setcap cap_net_raw+ep` and the program's path."
            ),
            Self::Filter { filter, reason } => {
                write!(
                    f,
                    "the filter `{filter}` is not understood: {reason}. `man pcap-filter` tells its language."
                )
            }
            Self::Interface { name, reason } => write!(f, "cannot capture on {name}: {reason}"),
        }
    }
}

impl Error for CaptureError {}

const CUT_SHORT: &str = "Was the capture stopped, or copied, before it was complete?";
const DAMAGED: &str = "The file is damaged here or shortly before; copy it again.";

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => f.write_str(
                "there is not one byte in it. Did the program that captured have the right to write it?",
            ),
            Self::NotACapture { magic } => {
                let [a, b, c, d] = magic;
                let text = magic.escape_ascii();
                write!(f, "not a capture: it begins with {a:02x} {b:02x} {c:02x} {d:02x} (`{text}`), ")?;
                write!(f, "as neither pcap nor pcapng does. {}", advice(magic))
            }
            Self::Version { major, minor } => {
                write!(f, "pcapng version {major}.{minor} is unknown. Save it as pcapng 1.0, or as pcap.")
            }
            Self::ByteOrder { magic } => write!(
                f,
                "a pcapng section begins here, but its byte order is given as `{}`. {DAMAGED}",
                magic.escape_ascii()
            ),
            Self::Truncated { have, need } => {
                write!(f, "the capture is cut short, {have} of {need} bytes are there. {CUT_SHORT}")
            }
            Self::FrameLength { length } => {
                write!(f, "a packet cannot be {length} bytes long here. {DAMAGED}")
            }
            Self::BlockLength { length } => {
                write!(f, "a block cannot be {length} bytes long here. {DAMAGED}")
            }
            Self::BlockLengths { length, trailer } => {
                write!(f, "a block says {length} bytes in front and {trailer} behind. {DAMAGED}")
            }
            Self::NoInterface { interface, known } => write!(
                f,
                "the packet came from interface {interface}, of which no description stands before it ({known} others \
                 do), so nothing says what its bytes are. {DAMAGED}"
            ),
            Self::TooManyInterfaces => {
                write!(f, "more interfaces are described than any machine has. {DAMAGED}")
            }
            Self::Zeros => f.write_str(
                "only zeros have come for a long while. The file was not written to \
                 its end, as after a crash or on a full disk.",
            ),
        }
    }
}

impl Error for Defect {}

/// What to do with a file of another kind.
fn advice(magic: [u8; 4]) -> &'static str {
    match magic {
        [0xfd, b'7', b'z', b'X'] => "It is xz-compressed: decompress it first.",
        [b'B', b'Z', b'h', _] => "It is bzip2-compressed: decompress it first.",
        [0x04, 0x22, 0x4d, 0x18] => "It is lz4-compressed: decompress it first.",
        [b'P', b'K', 3, 4] => "It is a zip archive: unpack it first.",
        [b's', b'n', b'o', b'o'] => "It is a snoop capture: `editcap -F pcapng` converts it.",
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd] => "It is compressed twice: decompress it once.",
        _ => "Other programs' captures can be converted with `editcap -F pcapng`.",
    }
}
