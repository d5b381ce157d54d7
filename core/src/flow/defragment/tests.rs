use super::{Defragmented, Defragmenter};
use crate::limits;
use crate::packet::{Fragment, IpHeader, IpVersion, LinkId, Transport};
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_seconds(1000);

fn fragment(identification: u32, offset: u32, payload: &[u8], more: bool) -> Fragment<'_> {
    let header = IpHeader {
        source: crate::packet::Address::v4([10, 0, 0, 1]),
        destination: crate::packet::Address::v4([10, 0, 0, 2]),
        link: LinkId(0),
        transport: Transport::UDP,
        version: IpVersion::V4,
        ttl: 64,
        tunnel: None,
        depth: 0,
    };
    Fragment { header, identification, offset, more, payload, missing: 0 }
}

/// The pieces' payload and whether they differed, if they came to a packet.
fn put_together(pieces: &[(u32, &[u8], bool)]) -> Option<(Vec<u8>, bool)> {
    let mut defragmenter = Defragmenter::new();
    let mut done = None;
    for (offset, payload, more) in pieces {
        if let Defragmented::Complete { payload, differs, .. } =
            defragmenter.add(NOW, &fragment(7, *offset, payload, *more))
        {
            assert_eq!(done.replace((payload, differs)), None, "complete twice");
            assert_eq!((defragmenter.len(), defragmenter.bytes), (0, 0));
        }
    }
    done
}

#[test]
fn pieces_come_in_any_order() {
    let data: Vec<u8> = (0..60).collect();
    let pieces: Vec<(u32, &[u8], bool)> =
        data.chunks(8).zip((0..).step_by(8)).map(|(piece, at)| (at, piece, at < 56)).collect();
    // Every rotation of the pieces, forwards and backwards.
    for turn in 0..pieces.len() {
        let mut order = pieces.clone();
        order.rotate_left(turn);
        assert_eq!(put_together(&order), Some((data.clone(), false)));
        order.reverse();
        assert_eq!(put_together(&order), Some((data.clone(), false)));
    }
}

#[test]
fn a_long_packet_in_the_smallest_pieces_and_the_worst_order() {
    let data: Vec<u8> = (0..=255).cycle().take(1480).collect();
    let pieces: Vec<(u32, &[u8], bool)> =
        data.chunks(8).zip((0..).step_by(8)).map(|(piece, at)| (at, piece, at < 1472)).collect();
    let (even, odd): (Vec<_>, Vec<_>) = pieces.into_iter().partition(|(at, ..)| at % 16 == 0);
    assert_eq!(put_together(&[even, odd].concat()), Some((data, false)));
}

#[test]
fn the_first_byte_wins_and_a_difference_is_told() {
    let rest = (16, b"rest".as_slice(), false);
    let first = (0, b"AAAAAAAA".as_slice(), true);
    let same = (0, b"AAAAAAAABBBBBBBB".as_slice(), true);
    assert_eq!(put_together(&[first, same, rest]), Some((b"AAAAAAAABBBBBBBBrest".to_vec(), false)));

    let other = (0, b"xxxxxxxxBBBBBBBB".as_slice(), true);
    assert_eq!(put_together(&[first, other, rest]), Some((b"AAAAAAAABBBBBBBBrest".to_vec(), true)));

    // Around and over two islands.
    let island = (8, b"IIIIIIII".as_slice(), true);
    let sea = (0, b"ssssssssssssssssssssssss".as_slice(), true);
    let end = (24, b"end".as_slice(), false);
    assert_eq!(put_together(&[island, end, sea]), Some((b"ssssssssIIIIIIIIssssssssend".to_vec(), true)));
}

#[test]
fn the_last_fragment_fixes_the_length() {
    let head = (0, b"AAAAAAAA".as_slice(), true);
    let end = (8, b"end".as_slice(), false);
    let beyond = (16, b"BBBBBBBB".as_slice(), true);
    let second_end = (8, b"another".as_slice(), false);
    assert_eq!(put_together(&[end, beyond, second_end, head]), Some((b"AAAAAAAAend".to_vec(), true)));
    // What came first says that the packet is longer.
    assert_eq!(put_together(&[beyond, end, head]), None);
}

#[test]
fn holes_and_cut_off_bytes_never_complete() {
    assert_eq!(put_together(&[(0, &[1; 8], true), (16, &[3; 8], false)]), None);

    let mut defragmenter = Defragmenter::new();
    let cut = Fragment { missing: 4, ..fragment(7, 0, &[1; 4], true) };
    assert_eq!(defragmenter.add(NOW, &cut), Defragmented::Pending);
    assert_eq!(defragmenter.add(NOW, &fragment(7, 8, &[2; 8], false)), Defragmented::Pending);
    assert_eq!(defragmenter.len(), 1);
}

#[test]
fn refuses_what_no_receiver_takes() {
    let mut defragmenter = Defragmenter::new();
    // Nothing at all, and the ping of death.
    defragmenter.add(NOW, &fragment(7, 0, &[], true));
    defragmenter.add(NOW, &fragment(7, 65_528, &[0; 8], false));
    assert!(defragmenter.is_empty());

    // IPv6 has no piece of odd length in the middle; IPv4 stacks ignore its end.
    let mut odd = fragment(7, 0, &[0; 12], true);
    odd.header.version = IpVersion::V6;
    defragmenter.add(NOW, &odd);
    assert!(defragmenter.is_empty());
    let pieces = [(0, b"AAAAAAAAxxxx".as_slice(), true), (8, b"end", false)];
    assert_eq!(put_together(&pieces), Some((b"AAAAAAAAend".to_vec(), false)));
}

#[test]
fn packets_do_not_mix() {
    let mut defragmenter = Defragmenter::new();
    defragmenter.add(NOW, &fragment(7, 0, &[1; 8], true));
    let mut others = [fragment(8, 8, &[2; 8], false); 4];
    others[1] = fragment(7, 8, &[2; 8], false);
    others[1].header.transport = Transport::TCP;
    others[2] = fragment(7, 8, &[2; 8], false);
    others[2].header.link = LinkId(1);
    others[3] = fragment(7, 8, &[2; 8], false);
    others[3].header.version = IpVersion::V6;
    for other in &others {
        assert_eq!(defragmenter.add(NOW, other), Defragmented::Pending);
    }
    assert_eq!(defragmenter.len(), 5);
}

#[test]
fn an_identification_may_be_used_again() {
    let mut defragmenter = Defragmenter::new();
    for round in 0..1000 {
        let now = Timestamp(NOW.0 + round);
        let byte = u8::try_from(round % 256).expect("a byte");
        assert_eq!(defragmenter.add(now, &fragment(7, 0, &[byte; 8], true)), Defragmented::Pending);
        let Defragmented::Complete { payload, differs, .. } =
            defragmenter.add(now, &fragment(7, 8, &[byte; 1], false))
        else {
            panic!("round {round}");
        };
        assert_eq!((payload, differs), (vec![byte; 9], false));
        assert!(defragmenter.order.len() <= 2 * limits::FRAGMENT_TRACKERS);
    }
}

#[test]
fn the_time_to_live_is_the_first_fragments() {
    let mut defragmenter = Defragmenter::new();
    let mut last = fragment(7, 8, &[2; 8], false);
    last.header.ttl = 3;
    defragmenter.add(NOW, &last);
    let Defragmented::Complete { header, .. } = defragmenter.add(NOW, &fragment(7, 0, &[1; 8], true)) else {
        panic!("complete");
    };
    assert_eq!(header.ttl, 64);
}

#[test]
fn unfinished_packets_are_forgotten() {
    let mut defragmenter = Defragmenter::new();
    defragmenter.add(NOW, &fragment(7, 0, &[1; 8], true));
    let late = Timestamp::from_seconds(NOW.seconds() + limits::FRAGMENT_SECONDS);
    assert_eq!(defragmenter.add(late, &fragment(7, 8, &[2; 8], false)), Defragmented::Pending);
    assert_eq!(defragmenter.len(), 1, "the late fragment waits alone");
}

#[test]
fn ten_thousand_unfinished_packets_stay_within_bounds() {
    let mut defragmenter = Defragmenter::new();
    for identification in 0..10_000 {
        // The highest offset takes the most memory.
        defragmenter.add(NOW, &fragment(identification, 65_520, &[1; 8], true));
        assert!(defragmenter.len() <= limits::FRAGMENT_TRACKERS);
        assert!(defragmenter.bytes <= limits::FRAGMENT_MEMORY);
        assert!(defragmenter.order.len() <= 2 * limits::FRAGMENT_TRACKERS);
        let real: usize = defragmenter.unfinished.values().map(|packet| packet.buffer.capacity()).sum();
        assert_eq!(defragmenter.bytes, real);
    }
    // The newest are the ones that are kept.
    defragmenter.add(NOW, &fragment(9_999, 65_528, &[2; 1], false));
    let Defragmented::Complete { payload, .. } =
        defragmenter.add(NOW, &fragment(9_999, 0, &vec![0; 65_520], true))
    else {
        panic!("the last packet is still there");
    };
    assert_eq!(payload.len(), 65_529);
}

#[test]
fn too_many_pieces_end_a_packet() {
    let mut defragmenter = Defragmenter::new();
    for piece in 0..=u32::try_from(limits::FRAGMENT_PIECES).expect("small") {
        defragmenter.add(NOW, &fragment(7, piece * 16, &[1; 8], true));
    }
    assert!(defragmenter.is_empty());
}
