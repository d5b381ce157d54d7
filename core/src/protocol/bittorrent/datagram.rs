//! BitTorrent's four kinds of datagrams.

use super::bencode::Dictionary;
use crate::bytes::Reader;

/// A datagram that is one by its own bytes alone.
pub(super) enum Datagram<'a> {
    /// A node's question, answer or error in the distributed hash table (KRPC, BEP 5).
    Dht(Dictionary<'a>),
    /// Announces torrents to neighbours (BEP 14).
    LocalDiscovery(&'a [u8]),
    /// Asks a tracker for a connection (BEP 15).
    TrackerConnect,
    /// Opens a µTP connection (BEP 29).
    UtpSyn,
}

const LOCAL_DISCOVERY: &[u8] = b"BT-SEARCH * HTTP/1.1\r\n";
/// The protocol's number before there is a connection's (BEP 15).
const TRACKER: u64 = 0x0417_2710_1980;

impl<'a> Datagram<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        match bytes.first()? {
            b'd' => krpc(bytes).map(Self::Dht),
            b'B' if bytes.starts_with(LOCAL_DISCOVERY) => Some(Self::LocalDiscovery(bytes)),
            0 => {
                let mut reader = Reader::new(bytes);
                let fits = bytes.len() == 16 && reader.u64()? == TRACKER && reader.u32()? == CONNECT;
                fits.then_some(Self::TrackerConnect)
            }
            0x41 => Utp::read(bytes)?.is_first().then_some(Self::UtpSyn),
            _ => None,
        }
    }
}

/// A message names its kind under `y` and has the part that goes with it; queries and answers carry an id of 20 octets.
fn krpc(bytes: &[u8]) -> Option<Dictionary<'_>> {
    let message = Dictionary::read(bytes)?;
    let has_id =
        |part| message.dictionary(part).and_then(|part| part.string(b"id")).is_some_and(|id| id.len() == 20);
    let fits = match message.string(b"y")? {
        b"q" => message.string(b"q").is_some() && has_id(b"a"),
        b"r" => has_id(b"r"),
        b"e" => message.string(b"t").is_some(),
        _ => false,
    };
    fits.then_some(message)
}

pub(super) const CONNECT: u32 = 0;
const ANNOUNCE: u32 = 1;

/// What an announce to a tracker names.
pub(super) struct Announce<'a> {
    pub(super) info_hash: &'a [u8],
    pub(super) peer_id: &'a [u8],
}

impl<'a> Announce<'a> {
    /// Connection, action, transaction, then the torrent and who asks: 98 octets in all, options behind (BEP 15, BEP 41).
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() < 98 {
            return None;
        }
        let mut reader = Reader::new(bytes);
        reader.skip(8)?;
        if reader.u32()? != ANNOUNCE {
            return None;
        }
        reader.skip(4)?;
        Some(Self { info_hash: reader.take(20)?, peer_id: reader.take(20)? })
    }
}

/// A µTP packet (BEP 29).
pub(super) struct Utp<'a> {
    kind: u8,
    connection: u16,
    timestamp: u32,
    difference: u32,
    sequence: u16,
    acknowledged: u16,
    pub(super) payload: &'a [u8],
}

impl<'a> Utp<'a> {
    const DATA: u8 = 0;
    const FIN: u8 = 1;
    const SYN: u8 = 4;
    /// How far packets of both sides may be apart.
    const WINDOW: u16 = 2048;

    /// The header and its chain of extensions: selective acknowledgements (1) and extension bits (2), and libtorrent's
    /// close reason (3).
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let first = reader.u8()?;
        let (kind, version) = (first >> 4, first & 0x0f);
        if version != 1 || kind > Self::SYN {
            return None;
        }
        let mut extension = reader.u8()?;
        let connection = reader.u16()?;
        let timestamp = reader.u32()?;
        let difference = reader.u32()?;
        reader.skip(4)?;
        let sequence = reader.u16()?;
        let acknowledged = reader.u16()?;
        while extension != 0 {
            if extension > 3 {
                return None;
            }
            extension = reader.u8()?;
            let length = reader.u8()?;
            if !length.is_multiple_of(4) {
                return None;
            }
            reader.skip(length.into())?;
        }
        let packet =
            Self { kind, connection, timestamp, difference, sequence, acknowledged, payload: reader.rest() };
        let carries = matches!(kind, Self::DATA | Self::FIN) || packet.payload.is_empty();
        carries.then_some(packet)
    }

    /// The first packet has nothing to acknowledge and has measured nothing.
    fn is_first(&self) -> bool {
        self.kind == Self::SYN
            && self.sequence == 1
            && self.acknowledged == 0
            && self.difference == 0
            && self.timestamp != 0
    }

    /// Whether both are of one connection. The sides' numbers differ by one, but for the first packet's.
    pub(super) fn belongs_to(&self, before: &Self, same_side: bool) -> bool {
        let near = |a: u16, b: u16| a.wrapping_sub(b) < Self::WINDOW || b.wrapping_sub(a) < Self::WINDOW;
        let apart = self.connection.wrapping_sub(before.connection);
        let (same_connection, in_step) = if same_side {
            (
                apart == 0 || (apart == 1 && before.kind == Self::SYN),
                near(self.sequence, before.sequence) && self.timestamp != before.timestamp,
            )
        } else {
            (
                matches!(apart, 1 | u16::MAX) || (apart == 0 && before.kind == Self::SYN),
                near(self.acknowledged, before.sequence),
            )
        };
        same_connection && in_step && self.timestamp != 0 && before.timestamp != 0
    }
}
