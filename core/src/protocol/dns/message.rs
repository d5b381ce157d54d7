//! A message's header, and whether a message is one (RFC 1035 §4.1).

use super::{Fault, name, rdata};
use crate::bytes::Reader;

/// Octets of a header.
pub(crate) const HEADER: usize = 12;

/// The header's first words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) id: u16,
    pub(crate) flags: u16,
    pub(crate) questions: u16,
    pub(crate) answers: u16,
    pub(crate) authorities: u16,
    pub(crate) additionals: u16,
}

impl Header {
    const QR: u16 = 0x8000;
    const AA: u16 = 0x0400;
    const RA: u16 = 0x0080;
    /// Must be zero (RFC 1035 §4.1.1; AD and CD beside it were taken by RFC 4035).
    const Z: u16 = 0x0040;

    const QUERY: u16 = 0;
    const NOTIFY: u16 = 4;
    const UPDATE: u16 = 5;

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            id: reader.u16()?,
            flags: reader.u16()?,
            questions: reader.u16()?,
            answers: reader.u16()?,
            authorities: reader.u16()?,
            additionals: reader.u16()?,
        })
    }

    pub(crate) const fn is_response(self) -> bool {
        self.flags & Self::QR != 0
    }

    pub(crate) const fn opcode(self) -> u16 {
        self.flags >> 11 & 0xf
    }

    pub(crate) const fn rcode(self) -> u16 {
        self.flags & 0xf
    }

    /// Whether that many questions (5 octets or more each) and records (11 or more) fit into a message of `length` octets.
    fn fits(self, length: usize) -> bool {
        let records =
            usize::from(self.answers) + usize::from(self.authorities) + usize::from(self.additionals);
        HEADER + usize::from(self.questions) * 5 + records * 11 <= length
    }

    /// Whether the flags and counts are some that a program sends. Operations seen in practice are QUERY, NOTIFY
    /// (RFC 1996) and UPDATE (RFC 2136); a query's authorities are IXFR's, its additionals OPT, TSIG and SIG(0).
    fn is_usual(self) -> bool {
        if self.flags & Self::Z != 0 {
            return false;
        }
        match self.opcode() {
            Self::QUERY if self.is_response() => self.questions <= 1,
            Self::QUERY => {
                self.questions == 1
                    && self.answers == 0
                    && self.authorities <= 1
                    && self.additionals <= 3
                    && self.rcode() == 0
                    && self.flags & (Self::AA | Self::RA) == 0
            }
            Self::NOTIFY | Self::UPDATE => self.questions == 1,
            _ => false,
        }
    }
}

/// What a message claims to be, by its port or address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    /// Nothing but the message itself speaks for it.
    AnyPort,
    /// On a registered port: odd flags, several questions and a cut end are let pass.
    OwnPort,
}

/// What the bytes at hand tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Likeness {
    Message,
    /// Everything so far fits, but it ends too early to be sure.
    Unfinished,
    Other,
}

/// Whether `bytes`, the beginning of a message of `length` octets, are one.
pub(crate) fn likeness(bytes: &[u8], length: usize, setting: Setting) -> Likeness {
    let mut reader = Reader::new(bytes);
    let Some(header) = Header::read(&mut reader) else {
        return if length < HEADER { Likeness::Other } else { Likeness::Unfinished };
    };
    match setting {
        Setting::AnyPort if !header.is_usual() || !header.fits(length) => return Likeness::Other,
        Setting::OwnPort if header.opcode() > 6 || !header.fits(u16::MAX.into()) => return Likeness::Other,
        _ => {}
    }
    if header.questions == 0 && !stands_without_question(header, length, setting) {
        return Likeness::Other;
    }
    match contents(bytes, &mut reader, header, setting) {
        Ok(()) if reader.is_empty() && bytes.len() >= length => Likeness::Message,
        // A trailer that is not the message's: padding, or a program's mistake.
        Ok(()) if setting == Setting::OwnPort => Likeness::Message,
        Ok(()) => Likeness::Other,
        Err(Broken::AfterQuestion(Fault::Short)) if bytes.len() < length => Likeness::Message,
        Err(Broken::AfterQuestion(_)) if setting == Setting::OwnPort => Likeness::Message,
        Err(Broken::InQuestion(Fault::Short)) if bytes.len() < length => Likeness::Unfinished,
        Err(_) => Likeness::Other,
    }
}

/// A message without a question: an error that repeats nothing, a later part of a zone transfer, or a query for a server
/// cookie (RFC 7873 §5.4).
fn stands_without_question(header: Header, length: usize, setting: Setting) -> bool {
    match setting {
        Setting::OwnPort => header.is_response() || header.answers > 0 || header.additionals > 0,
        Setting::AnyPort => header.is_response() && header.answers > 0 && length > HEADER,
    }
}

enum Broken {
    InQuestion(Fault),
    AfterQuestion(Fault),
}

fn contents<'a>(
    bytes: &'a [u8],
    reader: &mut Reader<'a>,
    header: Header,
    setting: Setting,
) -> Result<(), Broken> {
    for index in 0..header.questions {
        question(bytes, reader, setting).map_err(if index == 0 {
            Broken::InQuestion
        } else {
            Broken::AfterQuestion
        })?;
    }
    for count in [header.answers, header.authorities, header.additionals] {
        for _ in 0..count {
            record(bytes, reader, setting).map_err(Broken::AfterQuestion)?;
        }
    }
    Ok(())
}

fn question<'a>(bytes: &'a [u8], reader: &mut Reader<'a>, setting: Setting) -> Result<(), Fault> {
    let kind = owner_and_type(bytes, reader, setting)?;
    let class = reader.u16().ok_or(Fault::Short)?;
    if setting == Setting::AnyPort && !(is_class(class) && rdata::is_plausible_type(kind)) {
        return Err(Fault::Implausible);
    }
    Ok(())
}

fn record<'a>(bytes: &'a [u8], reader: &mut Reader<'a>, setting: Setting) -> Result<(), Fault> {
    owner_and_type(bytes, reader, setting)?;
    reader.skip(6).ok_or(Fault::Short)?;
    reader.sub_u16().map(drop).ok_or(Fault::Short)
}

fn owner_and_type<'a>(bytes: &'a [u8], reader: &mut Reader<'a>, setting: Setting) -> Result<u16, Fault> {
    let owner = reader.peek();
    name::skip(bytes, reader)?;
    let kind = reader.u16().ok_or(Fault::Short)?;
    if setting == Setting::AnyPort && is_netbios(owner, kind) {
        return Err(Fault::Implausible);
    }
    Ok(kind)
}

/// IN, CH, HS, NONE, ANY; the top bit asks for a unicast answer in mDNS (RFC 6762 §5.4).
const fn is_class(class: u16) -> bool {
    matches!(class & 0x7fff, 1 | 3 | 4 | 254 | 255)
}

/// The NetBIOS name service shares the format: sixteen octets in sixteen pairs of letters, type NB or NBSTAT (RFC 1002 §4.2).
fn is_netbios(owner: &[u8], kind: u16) -> bool {
    const NB: u16 = 0x20;
    const NBSTAT: u16 = 0x21;
    let Some((32, letters)) = owner.split_first() else {
        return false;
    };
    matches!(kind, NB | NBSTAT) && letters.iter().take(32).all(|letter| (b'A'..=b'P').contains(letter))
}
