use super::*;
use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER, Transcript};

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;

fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let masked = u8::from(mask.is_some()) << 7;
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(masked | length as u8),
        length @ 126..0x1_0000 => {
            frame.push(masked | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(masked | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(mask.unwrap_or_default().iter().take(if mask.is_some() { 4 } else { 0 }));
    let mask = mask.unwrap_or_default();
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn read(conversation: testing::Conversation<'_>) -> Transcript {
    testing::feed(&PROTOCOL, &testing::flow(Transport::TCP, 80), conversation)
}

#[test]
fn puts_messages_together_over_masked_frames() {
    let mask = Some([0x37, 0xfa, 0x21, 0x3d]);
    let client = [
        // RFC 6455 §5.7: "Hello", masked.
        b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58".to_vec(),
        frame(TEXT, mask, b"marta@exa"),
        frame(FIN | PING, mask, b"ping"),
        frame(CONTINUATION, mask, b""),
        frame(FIN | CONTINUATION, Some([1, 2, 3, 4]), b"mple.org"),
        frame(FIN | CLOSE, mask, b"\x03\xe8bye"),
    ]
    .concat();
    let server = [frame(FIN | BINARY, None, &[7; 300]), frame(FIN | TEXT, None, b"")].concat();
    let conversation: testing::Conversation<'_> = &[(TO_SERVER, &client), (TO_CLIENT, &server)];
    testing::keeps_promises(&PROTOCOL, &testing::flow(Transport::TCP, 80), conversation);
    let transcript = read(&[(TO_SERVER, &client), (TO_CLIENT, &server)]);
    assert_eq!(transcript.values(&PAYLOAD)[..2], ["Hello", "marta@example.org"]);
    assert_eq!(transcript.values(&PAYLOAD)[2].len(), 300);
    assert_eq!(transcript.values(&OPCODE), ["text", "text", "binary", "text"]);
    assert_eq!(transcript.value(&CLOSE_CODE), "1000");
}

#[test]
fn inflates_messages_that_share_a_window() {
    // RFC 7692 §7.2.3.1 and §7.2.3.2: "Hello" twice, the second time out of the window of the first; then §7.2.3.4,
    // in a block marked as the last one.
    let client = [
        b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00".to_vec(),
        b"\xc1\x05\xf2\x00\x11\x00\x00".to_vec(),
        b"\x41\x03\xf3\x48\xcd\x80\x05\xc9\xc9\x07\x00\x00".to_vec(),
    ]
    .concat();
    let conversation: testing::Conversation<'_> = &[(TO_SERVER, &client)];
    testing::keeps_promises(&PROTOCOL, &testing::flow(Transport::TCP, 80), conversation);
    assert_eq!(read(conversation).values(&PAYLOAD), ["Hello", "Hello", "Hello"]);
}

#[test]
fn a_bomb_ends_at_the_cap_and_what_follows_is_read() {
    let bomb = miniz_oxide::deflate::compress_to_vec(&vec![b'a'; 4 << 20], 6);
    let server = [frame(FIN | RSV1 | BINARY, None, &bomb), frame(FIN | TEXT, None, b"next")].concat();
    let transcript = read(&[(TO_CLIENT, &server)]);
    assert_eq!(transcript.values(&PAYLOAD)[0].len(), BODY_BYTES);
    assert_eq!(transcript.values(&PAYLOAD)[1], "next");
}

#[test]
fn refuses_what_is_no_frame() {
    for bytes in [&b"\xb1\x00"[..], b"\x83\x00", b"\x09\x00", b"\x89\x7e"] {
        let transcript = read(&[(TO_SERVER, bytes)]);
        assert!(transcript.0[0].starts_with("[malformed"), "{bytes:?}");
    }
    let huge = b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xffabc";
    assert_eq!(read(&[(TO_SERVER, huge)]).value(&PAYLOAD), "abc");
}

#[test]
fn passes_over_a_handshake_that_comes_late() {
    let server =
        [b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec(), frame(FIN | TEXT, None, b"hi")].concat();
    assert_eq!(read(&[(TO_CLIENT, &server)]).value(&PAYLOAD), "hi");
}

#[test]
fn goes_on_behind_a_gap_in_a_payload() {
    let flow = testing::flow(Transport::TCP, 80);
    let message = frame(FIN | BINARY, Some([1, 2, 3, 4]), &[9; 100]);
    assert_eq!(testing::feed(&PROTOCOL, &flow, &[(TO_SERVER, &message[..50])]).values(&PAYLOAD).len(), 1);
    assert_eq!(
        testing::probe(&PROTOCOL, &flow, TO_SERVER, &message),
        Probe::Mismatch,
        "frames alone prove nothing"
    );
}
