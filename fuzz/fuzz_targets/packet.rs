//! Frames of any link type, and the packets that their fragments make.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_core::flow::defragment::{Defragmented, Defragmenter};
use weir_core::limits;
use weir_core::packet::{self, Packet, Parsed};
use weir_core::time::Timestamp;
use weir_fuzz::link;

fuzz_target!(|input: &[u8]| {
    let mut defragmenter = Defragmenter::new();
    let mut now = Timestamp(0);
    for frame in link::frames(input) {
        now.0 += u64::from(frame.wait) * 1_000_000;
        match packet::parse(frame.link, frame.bytes) {
            Ok(Parsed::Packet(packet)) => check(&packet, frame.bytes),
            Ok(Parsed::Fragment(fragment)) => {
                assert!(is_within(fragment.payload, frame.bytes));
                if let Defragmented::Complete { header, payload, .. } = defragmenter.add(now, &fragment) {
                    assert!(payload.len() <= limits::FRAGMENT_BYTES);
                    if let Ok(Parsed::Packet(packet)) = Packet::from_reassembled(&header, &payload) {
                        check(&packet, &payload);
                    }
                }
                assert!(defragmenter.len() <= limits::FRAGMENT_TRACKERS);
            }
            Ok(Parsed::Other) | Err(_) => {}
        }
    }
});

fn check(packet: &Packet<'_>, bytes: &[u8]) {
    assert!(is_within(packet.payload, bytes));
    assert!(packet.missing <= 1 << 16, "{} bytes are missing of one packet", packet.missing);
}

/// Whether a slice is a piece of another one; an empty slice always is.
fn is_within(piece: &[u8], whole: &[u8]) -> bool {
    let (piece, whole) = (piece.as_ptr_range(), whole.as_ptr_range());
    piece.is_empty() || whole.start <= piece.start && piece.end <= whole.end
}
