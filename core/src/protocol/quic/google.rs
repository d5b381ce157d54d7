//! Google QUIC before IETF's (versions Q024 to Q049), and the CHLO, its ClientHello, which Q050 still has.
//!
//! Up to Q043 packets begin with the "public header": flags, a connection id of eight bytes, the version. From Q044
//! on they have a long header whose connection ids' lengths share a byte. The CHLO is not encrypted in either. (QUIC
//! Wire Layout Specification, and QUIC Crypto, both by Google, 2016.)

use super::packet::Version;
use crate::bytes::Reader;

/// What a client says first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet<'a> {
    pub(super) version: Version,
    pub(super) hello: Option<Hello<'a>>,
}

/// A CHLO's values, as far as they are read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hello<'a> {
    pub(super) server_name: Option<&'a [u8]>,
    pub(super) user_agent: Option<&'a [u8]>,
}

/// A client's packet that names its version. The server's do not, and look like nothing.
pub(super) fn packet(datagram: &[u8]) -> Option<Packet<'_>> {
    let mut reader = Reader::new(datagram);
    let flags = reader.u8()?;
    let version = if flags & 0x80 == 0 {
        const VERSION: u8 = 0x01;
        const RESET: u8 = 0x02;
        const CONNECTION_ID: u8 = 0x08;
        if flags & (VERSION | RESET | CONNECTION_ID) != VERSION | CONNECTION_ID {
            return None;
        }
        reader.skip(8)?;
        reader.array().filter(|version| is_version(version, 24..=43))?
    } else {
        let version = reader.array().filter(|version| is_version(version, 44..=49))?;
        // Lengths of the two connection ids less three, or zero.
        let lengths = reader.u8()?;
        for length in [lengths >> 4, lengths & 0x0f] {
            reader.skip(if length == 0 { 0 } else { usize::from(length) + 3 })?;
        }
        version
    };
    // A packet number and a hash of twelve bytes at least.
    if reader.remaining() < 13 {
        return None;
    }
    Some(Packet { version: Version(u32::from_be_bytes(version)), hello: find_hello(reader.peek()) })
}

fn is_version(version: &[u8; 4], numbers: std::ops::RangeInclusive<u8>) -> bool {
    match *version {
        [b'Q', b'0', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            numbers.contains(&((tens - b'0') * 10 + ones - b'0'))
        }
        _ => false,
    }
}

/// The CHLO stands behind a packet number, a hash and a stream frame's header, none of which has a fixed length.
fn find_hello(bytes: &[u8]) -> Option<Hello<'_>> {
    const FARTHEST: usize = 48;
    let near = bytes.get(..FARTHEST).unwrap_or(bytes);
    let at = near.windows(4).position(|window| window == b"CHLO")?;
    hello(bytes.get(at..)?)
}

/// Reads a CHLO: a tag, a count, the tags' table, the values. Values that are cut off are left out.
pub(super) fn hello(message: &[u8]) -> Option<Hello<'_>> {
    let mut reader = Reader::new(message);
    if reader.take(4)? != b"CHLO" {
        return None;
    }
    let count: usize = reader.u16_le()?.into();
    reader.skip(2)?;
    let mut table = reader.sub(count.checked_mul(8)?)?;
    let values = reader.rest();
    let mut hello = Hello::default();
    let mut begin = 0;
    while let (Some(tag), Some(end)) = (table.take(4), table.u32_le()) {
        let end = usize::try_from(end).ok()?;
        let value = values.get(begin..end);
        match tag {
            b"SNI\0" => hello.server_name = value,
            b"UAID" => hello.user_agent = value,
            _ => {}
        }
        begin = end;
    }
    Some(hello)
}

/// Whether a handshake's bytes may be a CHLO, and it is all there: the last value's end tells.
pub(super) fn is_whole(message: &[u8]) -> bool {
    let mut reader = Reader::new(message);
    let (Some(b"CHLO"), Some(count), Some(())) = (reader.take(4), reader.u16_le(), reader.skip(2)) else {
        return false;
    };
    let table = reader.take(usize::from(count) * 8);
    let end = table.and_then(|table| table.last_chunk::<4>()).copied();
    end.is_some_and(|end| reader.remaining() as u64 >= u64::from(u32::from_le_bytes(end)))
}

#[cfg(test)]
pub(super) mod testing {
    /// A CHLO with a server's name and a user agent.
    pub(in crate::protocol::quic) fn chlo(name: &[u8], agent: &[u8]) -> Vec<u8> {
        let first = name.len() as u32;
        let second = first + agent.len() as u32;
        [&b"CHLO\x02\0\0\0SNI\0"[..], &first.to_le_bytes(), b"UAID", &second.to_le_bytes(), name, agent]
            .concat()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::chlo;
    use super::{hello, is_whole, packet};

    /// Flags (version, connection id), connection id, version, number, hash, stream frame.
    fn q043(version: &[u8; 4]) -> Vec<u8> {
        let chlo = chlo(b"www.example.org", b"Chrome/60");
        [&[0x09][..], &[7; 8], version, &[1], &[0; 12], &[0xa0, 1, 0x40, 0], &chlo].concat()
    }

    #[test]
    fn reads_the_chlo_of_a_public_header() {
        let bytes = q043(b"Q043");
        let packet = packet(&bytes).expect("a client's packet");
        assert_eq!(packet.version.name(), "Q043");
        let hello = packet.hello.expect("has a CHLO");
        assert_eq!(hello.server_name, Some(&b"www.example.org"[..]));
        assert_eq!(hello.user_agent, Some(&b"Chrome/60"[..]));
    }

    #[test]
    fn reads_the_chlo_of_a_long_header() {
        let chlo = chlo(b"www.example.org", b"");
        let bytes =
            [&b"\xc3Q046\x50"[..], &[7; 8], &[0, 0, 0, 1], &[0; 12], &[0xa0, 1, 0x40, 0], &chlo].concat();
        let hello = packet(&bytes).expect("a client's packet").hello.expect("has a CHLO");
        assert_eq!(hello.server_name, Some(&b"www.example.org"[..]));
    }

    #[test]
    fn refuses_other_versions_and_flags() {
        assert!(packet(&q043(b"Q044")).is_none());
        assert!(packet(&q043(b"X043")).is_none());
        let mut reset = q043(b"Q043");
        reset[0] = 0x0b;
        assert!(packet(&reset).is_none());
    }

    #[test]
    fn leaves_out_values_that_are_cut_off() {
        let whole = chlo(b"a.example", b"agent");
        assert!(is_whole(&whole));
        let cut = &whole[..whole.len() - 2];
        assert!(!is_whole(cut));
        let hello = hello(cut).expect("the table is there");
        assert_eq!((hello.server_name, hello.user_agent), (Some(&b"a.example"[..]), None));
    }
}
