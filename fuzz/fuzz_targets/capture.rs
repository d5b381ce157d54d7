//! Captures: the same frames whether all bytes are shown at once or few at a time, and compressed ones through a stream.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use weir_capture::{Capture, Decoder, Defect, Step};
use weir_core::packet::LinkType;
use weir_core::time::Timestamp;

/// Frames that are read at most: a zstd bomb of empty records would only cost time.
const MOST: usize = 20_000;

fuzz_target!(|input: &[u8]| {
    let (whole, first) = decode(input, usize::MAX);
    let (pieces, second) = decode(input, 7);
    assert!(whole == pieces, "{} frames at once, {} in pieces", whole.len(), pieces.len());
    assert_eq!(first, second);

    if let Ok(mut capture) = Capture::from_reader("fuzz", Cursor::new(input.to_vec())) {
        for _ in 0..MOST {
            match capture.next_frame() {
                Some(Ok(frame)) => assert!(frame.number > 0),
                Some(Err(error)) => {
                    assert!(!error.to_string().is_empty());
                    assert!(capture.next_frame().is_none(), "goes on behind a break");
                    break;
                }
                None => break,
            }
        }
    }
});

type Seen<'a> = (Timestamp, LinkType, u32, &'a [u8]);

/// Every frame, shown `step` bytes more whenever the decoder asks for more.
fn decode(input: &[u8], step: usize) -> (Vec<Seen<'_>>, Result<(), Defect>) {
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    let (mut at, mut shown) = (0, step.min(input.len()));
    loop {
        match decoder.step(&input[at..shown]) {
            Ok(Step::Frame { entry, consumed }) => {
                let frame = entry.frame(&input[at..shown]);
                assert_eq!(frame.bytes.len(), entry.length);
                assert!(consumed > 0 && consumed <= shown - at);
                frames.push((frame.time, frame.link, frame.original_length, frame.bytes));
                at += consumed;
            }
            Ok(Step::Skip { consumed }) => {
                assert!(consumed > 0 && consumed <= shown - at);
                at += consumed;
            }
            Ok(Step::NeedMore { need }) => {
                assert!(need > shown - at, "asks for bytes that it has");
                if shown == input.len() {
                    return (frames, decoder.end(&input[at..], need));
                }
                shown = shown.saturating_add(step).min(input.len());
            }
            Err(defect) => return (frames, Err(defect)),
        }
    }
}
