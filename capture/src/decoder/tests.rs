use proptest::prelude::*;
use weir_core::limits::{BLOCK_BYTES, CAPTURE_INTERFACES, FRAME_BYTES, ZERO_RECORDS};
use weir_core::packet::LinkType;
use weir_core::time::Timestamp;

use super::{Decoder, Step};
use crate::error::Defect;
use crate::frame::Frame;
use crate::testing::{BOTH, MICROSECONDS, MODIFIED, NANOSECONDS, Writer, sample_pcap, sample_pcapng};

/// Every frame of the bytes, and what stopped the reading.
fn decode(bytes: &[u8]) -> (Vec<Frame<'_>>, Result<(), Defect>) {
    let (mut decoder, mut frames, mut rest) = (Decoder::new(), Vec::new(), bytes);
    loop {
        let offset = bytes.len() - rest.len();
        assert_eq!((decoder.offset(), decoder.frames()), (offset as u64, frames.len() as u64));
        rest = match decoder.step(rest) {
            Ok(Step::Frame { entry, consumed }) => {
                frames.push(entry.frame(rest));
                &rest[consumed..]
            }
            Ok(Step::Skip { consumed }) => &rest[consumed..],
            Ok(Step::NeedMore { need }) => {
                assert!(need > rest.len(), "asking for what it was shown would never end");
                return (frames, decoder.end(rest, need));
            }
            Err(defect) => return (frames, Err(defect)),
        };
    }
}

fn frames(bytes: &[u8]) -> Vec<Frame<'_>> {
    let (frames, end) = decode(bytes);
    assert_eq!(end, Ok(()));
    frames
}

fn defect(bytes: &[u8]) -> (usize, Defect) {
    let (frames, end) = decode(bytes);
    (frames.len(), end.expect_err("a defect"))
}

#[test]
fn reads_pcap_in_both_byte_orders_and_both_resolutions() {
    for writer in BOTH {
        for (magic, nanoseconds) in [(MICROSECONDS, 987_654_000), (NANOSECONDS, 987_654)] {
            let mut bytes = writer.pcap(magic, 113);
            bytes.extend(writer.record(1_700_000_000, 987_654, 1500, b"first"));
            bytes.extend(writer.record(1_700_000_001, 0, 0, b""));
            let first = Frame {
                number: 1,
                time: Timestamp(1_700_000_000_000_000_000 + nanoseconds),
                link: LinkType::LINUX_SLL,
                bytes: b"first",
                original_length: 1500,
                interface: 0,
            };
            let second = Frame {
                number: 2,
                time: Timestamp::from_seconds(1_700_000_001),
                bytes: b"",
                original_length: 0,
                ..first
            };
            assert_eq!(frames(&bytes), [first, second], "{writer:?} {magic:x}");
        }
    }
}

#[test]
fn reads_the_longer_records_of_modified_pcap() {
    for writer in BOTH {
        let mut bytes = writer.pcap(MODIFIED, 1);
        for frame in [b"one", b"two"] {
            let record = writer.record(1, 2, 3, frame);
            let (header, frame) = record.split_at(16);
            // Interface index, protocol, packet type, padding.
            bytes.extend([header, &[0xff; 8], frame].concat());
        }
        let read = frames(&bytes);
        assert_eq!(read.iter().map(|frame| frame.bytes).collect::<Vec<_>>(), [b"one", b"two"]);
        assert_eq!(read[0].time, Timestamp(1_000_002_000));
    }
}

#[test]
fn the_upper_half_of_pcaps_link_type_is_not_part_of_it() {
    // Frame check sequences of four bytes (the word's upper four bits, in 16-bit units, and the bit that says so).
    let mut bytes = Writer::Little.pcap(MICROSECONDS, 0x2400_0001);
    bytes.extend(Writer::Little.record(1, 0, 1, b"x"));
    assert_eq!(frames(&bytes)[0].link, LinkType::ETHERNET);
}

#[test]
fn old_pcap_may_have_its_two_lengths_the_other_way_round() {
    let mut bytes = Writer::Big.pcap(MICROSECONDS, 1);
    bytes[7] = 2;
    let mut record = Writer::Big.record(1, 0, 3, b"abc");
    // Captured length 9, original length 3: version 2.2 means 3 of 9.
    record[11] = 9;
    bytes.extend(record);
    let frame = frames(&bytes)[0];
    assert_eq!((frame.bytes, frame.original_length), (b"abc".as_slice(), 9));
}

#[test]
fn a_pcap_of_only_a_header_is_an_empty_capture() {
    assert_eq!(decode(&Writer::Little.pcap(MICROSECONDS, 1)), (vec![], Ok(())));
    assert_eq!(decode(&Writer::Big.section()), (vec![], Ok(())));
}

#[test]
fn no_bytes_at_all_are_no_capture() {
    assert_eq!(defect(b""), (0, Defect::Empty));
    assert_eq!(defect(b"\xd4\xc3"), (0, Defect::Truncated { have: 2, need: 4 }));
}

#[test]
fn other_files_are_no_captures() {
    for magic in [*b"\xde\xad\xbe\xef", *b"{\"pr", *b"PK\x03\x04", *b"\0\0\0\0", *b"\x7fELF", *b"GET "] {
        assert_eq!(defect(&magic), (0, Defect::NotACapture { magic }));
        assert_eq!(defect(&[&magic[..], &[0; 100]].concat()), (0, Defect::NotACapture { magic }));
    }
}

#[test]
fn a_pcap_record_longer_than_any_frame_is_refused_at_once() {
    let mut bytes = Writer::Little.pcap(MICROSECONDS, 1);
    bytes.extend(Writer::Little.record(1, 0, 1, b"x"));
    for length in [FRAME_BYTES as u32 + 1, u32::MAX] {
        let mut broken = bytes.clone();
        broken.extend([[0; 4], [0; 4], length.to_le_bytes(), length.to_le_bytes()].concat());
        assert_eq!(defect(&broken), (1, Defect::FrameLength { length }));
    }
    bytes.extend([[0; 4], [0; 4], (FRAME_BYTES as u32).to_le_bytes(), [0; 4]].concat());
    assert_eq!(defect(&bytes), (1, Defect::Truncated { have: 16, need: 16 + FRAME_BYTES }));
}

#[test]
fn zeros_without_end_are_an_error_and_a_few_are_frames() {
    let mut bytes = Writer::Little.pcap(MICROSECONDS, 1);
    let zeros = vec![0; 16 * ZERO_RECORDS as usize];
    bytes.extend(&zeros);
    bytes.extend(Writer::Little.record(1, 0, 1, b"x"));
    bytes.extend(&zeros);
    assert_eq!(frames(&bytes).len(), 2 * ZERO_RECORDS as usize + 1);
    bytes.extend([0; 16]);
    assert_eq!(defect(&bytes), (2 * ZERO_RECORDS as usize + 1, Defect::Zeros));
}

#[test]
fn reads_pcapng_with_sections_interfaces_and_all_kinds_of_packets() {
    let bytes = sample_pcapng();
    let read = frames(&bytes);
    let told: Vec<_> = read
        .iter()
        .map(|frame| {
            (frame.number, frame.time.0, frame.link.0, frame.bytes, frame.original_length, frame.interface)
        })
        .collect();
    let section = |first| {
        [
            (first, 1_700_000_000_123_456_789, 1, b"ethernet".as_slice(), 60, 0),
            (first + 1, 1_700_000_000_123_456_000, 101, b"raw", 5, 1),
            (first + 2, 1_700_000_001_000_000_000, 101, b"obsolete.", 9, 1),
            // Of the first interface, and without a time of its own.
            (first + 3, 1_700_000_001_000_000_000, 1, b"simple", 6, 0),
        ]
    };
    assert_eq!(told, [section(1), section(5)].concat());
}

#[test]
fn a_section_forgets_the_interfaces_of_the_one_before() {
    let mut bytes = [Writer::Little.section(), Writer::Little.interface(1, 0, &[])].concat();
    bytes.extend(Writer::Little.enhanced(0, 1, 1, b"x"));
    bytes.extend(Writer::Little.section());
    bytes.extend(Writer::Little.enhanced(0, 1, 1, b"x"));
    assert_eq!(defect(&bytes), (1, Defect::NoInterface { interface: 0, known: 0 }));
}

#[test]
fn the_clock_follows_the_interface_options() {
    let clocked = |options: &[(u16, &[u8])], ticks| {
        let mut bytes = [Writer::Big.section(), Writer::Big.interface(1, 0, options)].concat();
        bytes.extend(Writer::Big.enhanced(0, ticks, 1, b"x"));
        frames(&bytes)[0].time.0
    };
    assert_eq!(clocked(&[], 5), 5_000);
    assert_eq!(clocked(&[(9, &[3])], 5), 5_000_000);
    assert_eq!(clocked(&[(9, &[0x81])], 5), 2_500_000_000);
    assert_eq!(clocked(&[(14, &10_i64.to_be_bytes())], 5), 10_000_005_000);
    assert_eq!(clocked(&[(1, b"comment"), (9, &[9]), (0, b"")], 5), 5);
    // Nothing behind the end of the options counts, and options of a wrong size say nothing.
    assert_eq!(clocked(&[(0, b""), (9, &[9])], 5), 5_000);
    assert_eq!(clocked(&[(9, &[9, 9]), (14, &[1])], 5), 5_000);
    assert_eq!(clocked(&[], u64::MAX), u64::MAX);
}

#[test]
fn a_simple_packet_ends_at_the_snapshot_length() {
    let mut bytes = [Writer::Little.section(), Writer::Little.interface(1, 3, &[])].concat();
    bytes.extend(Writer::Little.simple(60, b"abc"));
    bytes.extend(Writer::Little.simple(2, b"ab"));
    let read = frames(&bytes);
    assert_eq!((read[0].bytes, read[0].original_length), (b"abc".as_slice(), 60));
    assert_eq!((read[1].bytes, read[1].original_length), (b"ab".as_slice(), 2));
}

#[test]
fn impossible_pcapng_blocks_are_errors() {
    let good = [Writer::Little.section(), Writer::Little.interface(1, 0, &[])].concat();
    let broken = |block: &[u8]| defect(&[&good, block].concat()).1;
    let with_length = |length: u32| {
        let mut block = Writer::Little.enhanced(0, 0, 1, b"x");
        block[4..8].copy_from_slice(&length.to_le_bytes());
        block
    };
    for length in [0, 8, 11, BLOCK_BYTES as u32 + 1, u32::MAX] {
        assert_eq!(broken(&with_length(length)), Defect::BlockLength { length });
    }
    let length = Writer::Little.enhanced(0, 0, 1, b"x").len() as u32;
    let mut trailer = with_length(length);
    *trailer.last_mut().expect("a block") = 1;
    assert_eq!(broken(&trailer), Defect::BlockLengths { length, trailer: length | 1 << 24 });

    for kind in [1, 2, 3, 6] {
        assert_eq!(broken(&Writer::Little.block(kind, b"")), Defect::BlockLength { length: 12 });
    }
    assert_eq!(broken(&Writer::Little.simple(9, b"eight...")), Defect::FrameLength { length: 9 });
    let mut beyond = Writer::Little.enhanced(0, 0, 1, b"x");
    beyond[20..24].copy_from_slice(&1000_u32.to_le_bytes());
    assert_eq!(broken(&beyond), Defect::FrameLength { length: 1000 });
    assert_eq!(
        broken(&Writer::Little.enhanced(3, 0, 1, b"x")),
        Defect::NoInterface { interface: 3, known: 1 }
    );
}

#[test]
fn section_headers_are_checked() {
    let mut order = Writer::Little.section();
    order[8..12].copy_from_slice(b"\x11\x22\x33\x44");
    assert_eq!(defect(&order), (0, Defect::ByteOrder { magic: *b"\x11\x22\x33\x44" }));
    let mut version = Writer::Big.section();
    version[13] = 2;
    assert_eq!(defect(&version), (0, Defect::Version { major: 2, minor: 0 }));
    let short = Writer::Big.block(0x0a0d_0d0a, &0x1a2b_3c4d_u32.to_be_bytes());
    assert_eq!(defect(&short), (0, Defect::BlockLength { length: 16 }));
}

#[test]
fn interfaces_without_end_are_an_error() {
    let mut bytes = Writer::Little.section();
    bytes.extend(Writer::Little.interface(1, 0, &[]).repeat(CAPTURE_INTERFACES));
    assert_eq!(decode(&bytes), (vec![], Ok(())));
    bytes.extend(Writer::Little.interface(1, 0, &[]));
    assert_eq!(defect(&bytes), (0, Defect::TooManyInterfaces));
}

#[test]
fn every_prefix_of_a_capture_has_a_prefix_of_its_frames() {
    for bytes in [sample_pcap(20), sample_pcapng()] {
        let all = frames(&bytes);
        let mut before = 0;
        for end in 0..bytes.len() {
            let (some, result) = decode(&bytes[..end]);
            assert_eq!(some, all[..some.len()]);
            assert!(some.len() >= before, "a longer prefix has more frames");
            before = some.len();
            let fine = matches!(result, Ok(()) | Err(Defect::Empty | Defect::Truncated { .. }));
            assert!(fine, "{result:?} after {end} bytes");
        }
    }
}

proptest! {
    #[test]
    fn frames_do_not_depend_on_how_many_bytes_are_shown(which: bool, shown in proptest::collection::vec(1_usize..200, 1..40)) {
        let bytes = if which { sample_pcap(30) } else { sample_pcapng() };
        let (mut decoder, mut read) = (Decoder::new(), Vec::new());
        let (mut start, mut end) = (0, 0);
        for more in shown.iter().cycle() {
            match decoder.step(&bytes[start..end]).expect("a good capture") {
                Step::Frame { entry, consumed } => {
                    read.push(entry.frame(&bytes[start..end]));
                    start += consumed;
                }
                Step::Skip { consumed } => start += consumed,
                Step::NeedMore { .. } if end == bytes.len() => break,
                Step::NeedMore { .. } => end = bytes.len().min(end + more),
            }
        }
        prop_assert_eq!(read, frames(&bytes));
    }

    #[test]
    fn random_bytes_do_not_panic(start in 0_usize..8, bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let headers = [
            Vec::new(),
            Writer::Little.pcap(MICROSECONDS, 1),
            Writer::Big.pcap(MODIFIED, 1),
            Writer::Little.section(),
            Writer::Big.section(),
            [Writer::Little.section(), Writer::Little.interface(1, 0, &[])].concat(),
            sample_pcapng(),
            sample_pcap(5),
        ];
        decode(&[&headers[start], bytes.as_slice()].concat()).1.ok();
    }

    #[test]
    fn damaged_captures_do_not_panic(which: bool, damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..8)) {
        let mut bytes = if which { sample_pcap(10) } else { sample_pcapng() };
        for (at, byte) in damage {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        decode(&bytes).1.ok();
    }
}
