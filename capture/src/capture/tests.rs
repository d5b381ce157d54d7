use std::io::{self, Cursor, Read, Write};

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use weir_core::limits::FRAME_BYTES;
use weir_core::packet::LinkType;
use weir_core::time::Timestamp;

use super::Capture;
use crate::batch::Batch;
use crate::decompress::Compression;
use crate::error::{CaptureError, Defect, Place};
use crate::testing::{Folder, MICROSECONDS, Writer, sample_pcap, sample_pcapng};

/// A frame that has left its capture.
type Owned = (u64, Timestamp, LinkType, Vec<u8>, u32, u32);

fn read(mut capture: Capture) -> (Vec<Owned>, Option<CaptureError>) {
    let mut frames = Vec::new();
    let end = capture.for_each(|frame| {
        frames.push((
            frame.number,
            frame.time,
            frame.link,
            frame.bytes.to_vec(),
            frame.original_length,
            frame.interface,
        ));
    });
    assert!(capture.next_frame().is_none(), "after the end or an error there is nothing more");
    (frames, end.err())
}

fn stream(bytes: &[u8]) -> Capture {
    Capture::from_reader("stream", Cursor::new(bytes.to_vec())).expect("readable")
}

fn frames(capture: Capture) -> Vec<Owned> {
    let (frames, error) = read(capture);
    assert!(error.is_none(), "{error:?}");
    frames
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// A reader that gives as little at a time as it is told, over and over.
struct Dribble {
    bytes: Cursor<Vec<u8>>,
    pieces: Vec<usize>,
    next: usize,
}

impl Read for Dribble {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.pieces[self.next % self.pieces.len()].min(buffer.len());
        self.next += 1;
        if piece == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.bytes.read(&mut buffer[..piece])
    }
}

#[test]
fn a_mapped_file_and_a_stream_give_the_same_frames() {
    let folder = Folder::new("same");
    for (name, bytes) in [("a.pcap", sample_pcap(50)), ("b.pcapng", sample_pcapng())] {
        let path = folder.write(name, &bytes);
        let streamed = frames(stream(&bytes));
        assert!(streamed.len() >= 8);
        assert_eq!(frames(Capture::open(&path).expect("readable")), streamed);

        let mapped = Capture::open(&path).expect("readable");
        let borrowed =
            mapped.frames().expect("a plain file is mapped").map(|frame| frame.expect("good").bytes);
        assert!(borrowed.eq(streamed.iter().map(|frame| frame.3.as_slice())));
    }
}

#[test]
fn threads_can_share_the_frames_of_a_map() {
    let folder = Folder::new("threads");
    let path = folder.write("a.pcap", &sample_pcap(50));
    let capture = Capture::open(&path).expect("readable");
    let total: usize = std::thread::scope(|scope| {
        let frames: Vec<_> = capture.frames().expect("mapped").map(|frame| frame.expect("good")).collect();
        let (one, other) = frames.split_at(25);
        let lengths =
            |frames: &[crate::Frame<'_>]| frames.iter().map(|frame| frame.bytes.len()).sum::<usize>();
        let (one, other) = (one.to_vec(), other.to_vec());
        let threads = [scope.spawn(move || lengths(&one)), scope.spawn(move || lengths(&other))];
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(total, (0..50).sum::<usize>());
}

#[test]
fn position_reaches_the_size() {
    let folder = Folder::new("position");
    let bytes = sample_pcap(50);
    for (name, bytes) in [("a.pcap", bytes.clone()), ("a.gz", gzip(&bytes)), ("a.zst", zstd(&bytes))] {
        let path = folder.write(name, &bytes);
        let mut capture = Capture::open(&path).expect("readable");
        assert_eq!(capture.size(), Some(bytes.len() as u64));
        capture.for_each(|_| ()).expect("good");
        assert_eq!(capture.position(), bytes.len() as u64, "{name}");
    }
    let mut capture = stream(&bytes);
    assert_eq!(capture.size(), None);
    capture.for_each(|_| ()).expect("good");
    assert_eq!(capture.position(), bytes.len() as u64);
}

#[test]
fn compression_is_recognised_by_its_first_bytes_and_not_by_the_name() {
    let folder = Folder::new("compressed");
    let plain = sample_pcapng();
    let expected = frames(stream(&plain));
    for (name, bytes) in [("gzip.pcap", gzip(&plain)), ("zstd.pcap", zstd(&plain)), ("plain.gz", plain)] {
        let path = folder.write(name, &bytes);
        assert_eq!(frames(Capture::open(&path).expect("readable")), expected, "{name}");
        assert_eq!(frames(stream(&bytes)), expected, "{name}");
    }
}

#[test]
fn reads_what_the_zstd_command_wrote() {
    // `zstd -19` of sample_pcap(3), with a checksum.
    let bytes = b"\x28\xb5\x2f\xfd\x04\x68\x85\x01\x00\xb2\x82\x08\x0f\xe0\x2d\x06\xd4\x10\x2f\x81\x02\x8b\x02\x70\x2c\xb0\
        \x65\x0a\x11\xf1\x47\xd1\x06\xfc\x50\xb4\xf0\xa3\x17\xed\x3f\x0c\xcb\x61\x87\x19\x04\x00\x34\xf3\x31\x93\x7c\x90\
        \xfd\x06\xb8\xc5\x65\xcf\xaa";
    assert_eq!(frames(stream(bytes)), frames(stream(&sample_pcap(3))));

    let mut wrong_checksum = bytes.to_vec();
    *wrong_checksum.last_mut().expect("bytes") ^= 1;
    let (some, error) = read(stream(&wrong_checksum));
    assert_eq!(some.len(), 3);
    let text = error.expect("a wrong checksum").to_string();
    assert!(text.contains("the zstd data is damaged: the checksum does not fit the data"), "{text}");
}

#[test]
fn compressed_captures_may_have_several_members() {
    let plain = sample_pcap(60);
    let (front, behind) = plain.split_at(777);
    let expected = frames(stream(&plain));
    assert_eq!(frames(stream(&[gzip(front), gzip(b""), gzip(behind)].concat())), expected);
    // A skippable frame of three bytes, first and in the middle.
    let skipped = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
    let members = [skipped.clone(), zstd(front), skipped, zstd(b""), zstd(behind)].concat();
    assert_eq!(frames(stream(&members)), expected);
}

#[test]
fn a_compressed_capture_that_is_cut_gives_what_came_before() {
    let plain = sample_pcap(3000);
    let expected = frames(stream(&plain));
    for (compression, bytes) in [(Compression::Gzip, gzip(&plain)), (Compression::Zstd, zstd(&plain))] {
        // zstd cannot give less than a block of 128 KiB.
        for end in [bytes.len() * 99 / 100, bytes.len() - 1] {
            let (some, error) = read(stream(&bytes[..end]));
            assert!(some.len() > expected.len() / 2, "{compression}: {} of {}", some.len(), expected.len());
            assert_eq!(some, expected[..some.len()]);
            let error = error.expect("the end is missing");
            assert!(matches!(error, CaptureError::Decompress { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains(&format!("the {compression} data is cut short")), "{text}");
        }
    }
}

#[test]
fn garbage_in_compressed_captures_is_an_error_after_what_came_before() {
    let plain = sample_pcap(100);
    for mut bytes in [gzip(&plain), zstd(&plain)] {
        bytes.extend(b"garbage!garbage!garbage!");
        let (some, error) = read(stream(&bytes));
        assert_eq!(some.len(), 100);
        assert!(
            matches!(error, Some(CaptureError::Decompress { place: Place { packet: 101, .. }, .. })),
            "{error:?}"
        );
    }
}

#[test]
fn a_truncated_file_says_where_it_breaks_and_what_to_do() {
    let folder = Folder::new("truncated");
    let mut bytes = Writer::Little.pcap(MICROSECONDS, 1);
    bytes.extend(Writer::Little.record(1, 0, 60, &[7; 60]));
    bytes.extend(Writer::Little.record(2, 0, 60, &[8; 60]));
    bytes.truncate(bytes.len() - 14);
    let path = folder.write("cut.pcap", &bytes);
    let (some, error) = read(Capture::open(&path).expect("readable"));
    assert_eq!(some.len(), 1);
    let expected = "packet 2 at byte 100: the capture is cut short, 62 of 76 bytes are there. Was the capture stopped, or \
                    copied, before it was complete? The packet before it was read.";
    assert_eq!(error.expect("a cut").to_string(), format!("{}, {expected}", path.display()));
    let (_, error) = read(stream(&bytes));
    assert_eq!(error.expect("a cut").to_string(), format!("stream, {expected}"));
}

#[test]
fn files_that_are_no_captures_say_so() {
    let folder = Folder::new("no-captures");
    let told = |name: &str, bytes: &[u8]| {
        let path = folder.write(name, bytes);
        let (some, error) = read(Capture::open(&path).expect("readable"));
        assert!(some.is_empty());
        error.expect("no capture").to_string().replace(&path.display().to_string(), name)
    };
    assert_eq!(
        told("empty.pcap", b""),
        "empty.pcap: there is not one byte in it. Did the program that captured have the right to write it?"
    );
    assert_eq!(
        told("text.pcap", b"GET / HTTP/1.1\r\n"),
        "text.pcap: not a capture: it begins with 47 45 54 20 (`GET `), as neither pcap nor pcapng does. Other programs' \
         captures can be converted with `editcap -F pcapng`."
    );
    assert!(told("twice.pcap", &gzip(&gzip(b"x"))).contains("It is compressed twice"));
    let header = sample_pcap(0);
    assert!(
        told("header.pcap", &header[..13])
            .contains("packet 1 at byte 0: the capture is cut short, 13 of 24 bytes")
    );
}

#[test]
fn what_cannot_be_opened_is_an_error_with_the_path() {
    let folder = Folder::new("cannot-open");
    for path in [folder.path().to_path_buf(), folder.path().join("missing.pcap")] {
        let error = Capture::open(&path).expect_err("a folder, and nothing");
        assert!(error.to_string().starts_with(&format!("cannot open {}: ", path.display())), "{error}");
    }
}

#[test]
fn a_reader_that_fails_gives_what_came_before() {
    struct Failing(Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::other("the cable is out")),
                count => Ok(count),
            }
        }
    }
    let reader = Failing(Cursor::new(sample_pcap(5)));
    let (some, error) = read(Capture::from_reader("nfs", reader).expect("readable"));
    assert_eq!(some.len(), 5);
    let text = error.expect("the cable is out").to_string();
    assert_eq!(
        text,
        "nfs, packet 6 at byte 114: cannot be read further: the cable is out. The 5 packets before it were read."
    );
}

#[test]
fn long_frames_make_the_buffer_grow_and_lies_do_not() {
    let mut bytes = Writer::Big.pcap(MICROSECONDS, 1);
    for length in [10, 300_000, 10, FRAME_BYTES, 10] {
        bytes.extend(Writer::Big.record(0, 0, 0, &vec![1; length]));
    }
    let lengths: Vec<_> = frames(stream(&bytes)).iter().map(|frame| frame.3.len()).collect();
    assert_eq!(lengths, [10, 300_000, 10, FRAME_BYTES, 10]);

    let mut lie = Writer::Big.pcap(MICROSECONDS, 1);
    lie.extend([[0; 4], [0; 4], (FRAME_BYTES as u32).to_be_bytes(), [0; 4]].concat());
    let mut capture = stream(&lie);
    let error = capture.for_each(|_| ()).expect_err("a cut");
    assert!(
        matches!(error, CaptureError::Broken { defect: Defect::Truncated { have: 16, .. }, .. }),
        "{error}"
    );
}

#[test]
fn batches_hold_all_frames_in_order() {
    let bytes = sample_pcap(3000);
    let expected = frames(stream(&bytes));
    let folder = Folder::new("batches");
    let path = folder.write("a.pcap", &bytes);
    for mut capture in [stream(&bytes), Capture::open(&path).expect("readable")] {
        let (mut batch, mut read) = (Batch::new(), Vec::new());
        loop {
            capture.next_batch(&mut batch).expect("good");
            if batch.is_empty() {
                break;
            }
            assert_eq!(batch.frames().len(), batch.len());
            read.extend(batch.frames().map(|frame| (frame.number, frame.time, frame.bytes.to_vec())));
        }
        assert!(read.into_iter().eq(expected.iter().map(|frame| (frame.0, frame.1, frame.3.clone()))));
    }
}

#[test]
fn a_batch_holds_the_frames_before_an_error() {
    let mut bytes = sample_pcap(7);
    bytes.extend([0xff; 16]);
    let mut batch = Batch::new();
    let error = stream(&bytes).next_batch(&mut batch).expect_err("an impossible length");
    assert!(
        matches!(
            error,
            CaptureError::Broken { place: Place { packet: 8, .. }, defect: Defect::FrameLength { .. } }
        ),
        "{error}"
    );
    assert_eq!(batch.len(), 7);
}

#[test]
fn a_batch_does_not_wait_for_a_stream_that_pauses() {
    let header_and_two = sample_pcap(2);
    let length = header_and_two.len();
    let reader = Dribble { bytes: Cursor::new(sample_pcap(9)), pieces: vec![4, length - 4, 5], next: 0 };
    let mut capture = Capture::from_reader("pipe", reader).expect("readable");
    let mut batch = Batch::new();
    capture.next_batch(&mut batch).expect("good");
    assert_eq!(batch.len(), 2);
}

proptest! {
    #[test]
    fn a_stream_gives_the_same_frames_however_it_is_cut(
        which in 0..4,
        pieces in proptest::collection::vec(0_usize..300, 0..20),
    ) {
        let plain = if which % 2 == 0 { sample_pcap(40) } else { sample_pcapng() };
        let bytes = if which < 2 { plain.clone() } else { gzip(&plain) };
        let pieces = [pieces, vec![1]].concat();
        let reader = Dribble { bytes: Cursor::new(bytes), pieces, next: 0 };
        let cut = Capture::from_reader("cut", reader).expect("readable");
        prop_assert_eq!(frames(cut), frames(stream(&plain)));
    }

    #[test]
    fn damaged_compressed_captures_do_not_panic(
        which: bool,
        damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6),
    ) {
        let plain = sample_pcap(60);
        let mut bytes = if which { gzip(&plain) } else { zstd(&plain) };
        for (at, byte) in damage {
            let at = 4 + at % (bytes.len() - 4);
            bytes[at] = byte;
        }
        read(stream(&bytes));
    }
}
