//! Marks of devices: industry, cars, homes, clocks.

use super::{BOTH, Marked, TCP, UDP, verdict};
use crate::bytes::Reader;
use crate::protocol::{FirstByte, Probe};

/// IEEE C37.118: synchronisation byte, a kind and version, the frame's size, and a checksum at its end.
pub(in super::super) static C37118: Marked = Marked {
    name: "synchrophasor",
    about: "IEEE C37.118, measurements of power grids",
    transports: BOTH,
    ports: &[4712, 4713],
    first: FirstByte::OneOf(&[0xaa]),
    mark: |opening| {
        let bytes = opening.newest();
        let mut reader = Reader::new(bytes);
        if bytes.first().is_some_and(|sync| *sync != 0xaa) {
            return Probe::Mismatch;
        }
        let fits = (|| {
            reader.skip(1)?;
            let kind = reader.u8()?;
            let size = usize::from(reader.u16()?);
            if kind & 0x80 != 0 || kind >> 4 > 5 || !(1..=2).contains(&(kind & 0x0f)) || size < 16 {
                return Some(false);
            }
            let frame = bytes.get(..size)?;
            let (body, sum) = frame.split_at(size - 2);
            Some(crc_ccitt(body).to_be_bytes() == sum)
        })();
        verdict(opening, fits)
    },
};

/// CRC-CCITT with all ones at the start.
fn crc_ccitt(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |sum, byte| {
        (0..8).fold(
            sum ^ u16::from(*byte) << 8,
            |sum, _| {
                if sum & 0x8000 != 0 { sum << 1 ^ 0x1021 } else { sum << 1 }
            },
        )
    })
}

/// DNP3: two start bytes, and a checksum over the header.
pub(in super::super) static DNP3: Marked = Marked {
    name: "dnp3",
    about: "DNP3, control of power and water (IEEE 1815)",
    transports: BOTH,
    ports: &[20000],
    first: FirstByte::OneOf(&[0x05]),
    mark: |opening| match opening.newest() {
        [0x05, 0x64, 5..=0xff, ..] => {
            let header = opening.newest().get(..10);
            let fits = header.map(|header| crc_dnp(&header[..8]).to_le_bytes() == header[8..]);
            verdict(opening, fits)
        }
        [] | [0x05] | [0x05, 0x64] => verdict(opening, None),
        _ => Probe::Mismatch,
    },
};

/// CRC-16/DNP, reflected.
fn crc_dnp(bytes: &[u8]) -> u16 {
    !bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte), |sum, _| if sum & 1 != 0 { sum >> 1 ^ 0xa6bc } else { sum >> 1 })
    })
}

/// EtherNet/IP: a command, a length that is there, status 0 and no options.
pub(in super::super) static ENIP: Marked = Marked {
    name: "enip",
    about: "EtherNet/IP, factories' controllers",
    transports: BOTH,
    ports: &[44818],
    first: FirstByte::Range(0x04, 0x70),
    mark: |opening| {
        let bytes = opening.newest();
        let mut reader = Reader::new(bytes);
        let (Some(command), Some(length)) = (reader.u16_le(), reader.u16_le()) else {
            return verdict(opening, None);
        };
        let size = match command {
            0x0004 | 0x0063 | 0x0064 => length < 2048,
            0x0065 => length == 4,
            0x0066 => length == 0,
            0x006f | 0x0070 => (6..4096).contains(&length),
            _ => false,
        };
        if !size {
            return Probe::Mismatch;
        }
        // Session and status, the sender's context, options.
        let fits = (|| {
            reader.skip(4)?;
            let status = reader.u32()?;
            reader.skip(8)?;
            let options = reader.u32()?;
            let registers = command != 0x0065 || reader.u32()? == 0x0100_0000;
            Some(status == 0 && options == 0 && registers && opening.flow.has_port(44818))
        })();
        verdict(opening, fits)
    },
};

/// Omron's FINS over TCP has a mark; over UDP only a header of few values, believed on its port.
pub(in super::super) static FINS: Marked = Marked {
    name: "fins",
    about: "FINS, Omron's controllers",
    transports: BOTH,
    ports: &[9600],
    first: FirstByte::OneOf(&[b'F', 0x80, 0x81, 0xc0, 0xc1]),
    mark: |opening| match *opening.newest() {
        [b'F', b'I', b'N', b'S', 0, 0, _, _, 0, 0, 0, 0..=6, ..] => Probe::Match,
        [0x80 | 0x81 | 0xc0 | 0xc1, 0, 0..=7, _, _, _, _, _, _, _, 1..=0x28, ..]
            if opening.is_datagram() && opening.flow.has_port(9600) =>
        {
            Probe::Match
        }
        ref bytes
            if !opening.is_datagram()
                && bytes.len() < 12
                && bytes.starts_with(&b"FINS"[..bytes.len().min(4)]) =>
        {
            Probe::NeedMore
        }
        _ => Probe::Mismatch,
    },
};

/// HART-IP: version, a kind, a message, a status of 0, and the message's own length.
pub(in super::super) static HART_IP: Marked = Marked {
    name: "hart-ip",
    about: "HART-IP, sensors in plants",
    transports: BOTH,
    ports: &[5094],
    first: FirstByte::OneOf(&[1, 2]),
    mark: |opening| {
        let bytes = opening.newest();
        let mut reader = Reader::new(bytes);
        if !opening.flow.has_port(5094) {
            return Probe::Mismatch;
        }
        let fits = (|| {
            let (version, kind, message) = (reader.u8()?, reader.u8()?, reader.u8()?);
            if !(1..=2).contains(&version) || kind > 2 || message > 4 {
                return Some(false);
            }
            reader.skip(3)?;
            let length = usize::from(reader.u16()?);
            // A stream begins with the session's initiation or its answer.
            let initiates = kind <= 1 && message == 0 && length == 13;
            Some(if opening.is_datagram() { length == bytes.len() } else { initiates })
        })();
        verdict(opening, fits)
    },
};

/// HiSLIP: two letters, a kind, a control code, a parameter and a length of eight bytes.
pub(in super::super) static HISLIP: Marked = Marked {
    name: "hislip",
    about: "HiSLIP, laboratory instruments (IVI-6.1)",
    transports: TCP,
    ports: &[4880],
    first: FirstByte::OneOf(b"H"),
    mark: |opening| match *opening.newest() {
        [b'H', b'S', 0..=27, _, _, _, _, _, 0, 0, 0, 0, ..] => Probe::Match,
        ref bytes if bytes.len() < 12 && bytes.starts_with(&b"HS"[..bytes.len().min(2)]) => {
            verdict(opening, bytes.get(2).is_some_and(|kind| *kind > 27).then_some(false))
        }
        _ => Probe::Mismatch,
    },
};

/// KNXnet/IP: header size 6, version 1.0, a service, the message's own length.
pub(in super::super) static KNX: Marked = Marked {
    name: "knx",
    about: "KNXnet/IP, buildings' controls",
    transports: BOTH,
    ports: &[3671],
    first: FirstByte::OneOf(&[0x06]),
    mark: |opening| match *opening.newest() {
        [0x06, 0x10, 0x02..=0x05 | 0x09 | 0x0a, 0x00..=0x3f, high, low, ..] => {
            let length = usize::from(u16::from_be_bytes([high, low]));
            let there = opening.newest().len();
            let fits = if opening.is_datagram() {
                length == there
            } else {
                (6..=512).contains(&length) && length <= there
            };
            verdict(opening, Some(fits))
        }
        [] | [0x06] | [0x06, 0x10] | [0x06, 0x10, _] | [0x06, 0x10, _, _] | [0x06, 0x10, _, _, _] => {
            verdict(opening, None)
        }
        _ => Probe::Mismatch,
    },
};

/// PTP version 2: a kind, the version, the message's length and a domain, on its own ports.
pub(in super::super) static PTP: Marked = Marked {
    name: "ptp",
    about: "Precision Time Protocol 2 (IEEE 1588)",
    transports: UDP,
    ports: &[319, 320],
    first: FirstByte::Any,
    mark: |opening| {
        let bytes = opening.newest();
        let fits = match *bytes {
            [kind, version, high, low, ..] => {
                matches!(kind & 0x0f, 0..=3 | 8..=13)
                    && version & 0x0f == 2
                    && bytes.get(32).is_some_and(|control| *control <= 5)
                    // Over IPv6 two bytes stand behind the message.
                    && (44..=bytes.len()).contains(&usize::from(u16::from_be_bytes([high, low])))
                    && (opening.flow.has_port(319) || opening.flow.has_port(320))
            }
            _ => false,
        };
        verdict(opening, Some(fits))
    },
};

/// SOME/IP: the message's length, version 1, a kind and a return code.
pub(in super::super) static SOMEIP: Marked = Marked {
    name: "someip",
    about: "SOME/IP, calls between parts of a car",
    transports: BOTH,
    ports: &[30490],
    first: FirstByte::Any,
    mark: |opening| {
        let bytes = opening.newest();
        let mut reader = Reader::new(bytes);
        let fits = (|| {
            let service = reader.u32()?;
            let length = usize::try_from(reader.u32()?).ok()?;
            if service == 0
                || !(8..0x1_0000).contains(&length)
                || (opening.is_datagram() && length + 8 > bytes.len())
            {
                return Some(false);
            }
            reader.skip(4)?;
            let (protocol, _, kind, code) = (reader.u8()?, reader.u8()?, reader.u8()?, reader.u8()?);
            let known = matches!(kind & !0x20, 0 | 1 | 2 | 0x80 | 0x81);
            // An error's code belongs to an answer.
            let code_fits = code == 0 || (code <= 0x5e && kind & 0x80 != 0);
            let exact = length + 8 == bytes.len();
            Some(protocol == 1 && known && code_fits && (exact || opening.flow.has_port(30490)))
        })();
        verdict(opening, fits)
    },
};

/// TP-Link's plugs: JSON whose every byte is XORed with the one before, the first with 171; over TCP behind a length.
pub(in super::super) static TPLINK: Marked = Marked {
    name: "tplink-shp",
    about: "TP-Link's Smart Home Protocol, plugs and lamps",
    transports: BOTH,
    ports: &[9999],
    first: FirstByte::OneOf(&[0, 0xd0]),
    mark: |opening| {
        let bytes = opening.newest();
        let body = match bytes {
            [0, 0, _, _, body @ ..] if !opening.is_datagram() => body,
            [] | [0] | [0, 0] | [0, 0, _] if !opening.is_datagram() => return Probe::NeedMore,
            _ if opening.is_datagram() => bytes,
            _ => return Probe::Mismatch,
        };
        let mut key = 171;
        let clear: Vec<u8> =
            body.iter().take(12).map(|byte| byte ^ std::mem::replace(&mut key, *byte)).collect();
        let fits = clear.starts_with(b"{\"") && clear.iter().all(|byte| (b' '..0x7f).contains(byte));
        match clear.len() {
            8.. => verdict(opening, Some(fits)),
            _ => verdict(opening, None),
        }
    },
};

/// Tuya's frames: a mark in front and one at the end.
pub(in super::super) static TUYA: Marked = Marked {
    name: "tuya",
    about: "Tuya's local protocol, plugs and lamps",
    transports: BOTH,
    ports: &[6666, 6667, 6668],
    first: FirstByte::OneOf(&[0]),
    mark: |opening| {
        let bytes = opening.newest();
        let marks: [(&[u8], &[u8]); 2] =
            [(b"\0\0\x55\xaa", b"\0\0\xaa\x55"), (b"\0\0\x66\x99", b"\0\0\x99\x66")];
        match marks.iter().find(|(front, _)| bytes.starts_with(front)) {
            Some((_, end)) if bytes.len() >= 20 && bytes.ends_with(end) => Probe::Match,
            Some(_) => verdict(opening, (bytes.len() > 1024).then_some(false)),
            None if marks.iter().any(|(front, _)| front.starts_with(bytes)) => verdict(opening, None),
            None => Probe::Mismatch,
        }
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standards() {
        // The check values of the catalogue of CRCs, over "123456789".
        assert_eq!(crc_ccitt(b"123456789"), 0x29b1);
        assert_eq!(crc_dnp(b"123456789"), 0xea82);
    }
}
