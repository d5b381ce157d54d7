//! A list of frames: for each a link type's place in [`LINKS`], the milliseconds since the one before, and a length.

use weir_core::bytes::Reader;
use weir_core::packet::LinkType;

/// Every link type that is read, and one that is not.
pub const LINKS: [LinkType; 16] = [
    LinkType::ETHERNET,
    LinkType::RAW,
    LinkType::NULL,
    LinkType::PPP,
    LinkType::PPP_HDLC,
    LinkType::PPP_ETHER,
    LinkType::RAW_BSD,
    LinkType::RAW_OPENBSD,
    LinkType::CISCO_HDLC,
    LinkType::LOOP,
    LinkType::LINUX_SLL,
    LinkType::PPI,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType::LINUX_SLL2,
    LinkType(147),
];

/// One frame of an input.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    pub link: LinkType,
    pub wait: u8,
    pub bytes: &'a [u8],
}

/// The frames of an input; the last one may be shorter than it says.
pub fn frames(input: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    let mut reader = Reader::new(input);
    std::iter::from_fn(move || {
        let (link, wait, length) = (reader.u8()?, reader.u8()?, reader.u16()?);
        let length = usize::from(length).min(reader.remaining());
        Some(Frame { link: LINKS[usize::from(link) % LINKS.len()], wait, bytes: reader.take(length)? })
    })
}

/// The other way round. `None` for a link type or a length that has no place in an input.
pub fn write(link: LinkType, bytes: &[u8]) -> Option<Vec<u8>> {
    let link = LINKS.iter().position(|known| *known == link)? as u8;
    let length = u16::try_from(bytes.len()).ok()?.to_be_bytes();
    Some([&[link, 1][..], &length, bytes].concat())
}
