use super::{CLEARTEXT, FACTS, PROTOCOL, is_dtls_record};
use crate::flow::FlowKey;
use crate::packet::Transport;
use crate::protocol::Probe;
use crate::protocol::testing::{
    Conversation, TO_CLIENT, TO_SERVER, Transcript, feed, flow, keeps_promises, probe,
};
use crate::protocol::tls::testing::{Hello, LEAF, certificate, server_hello};

fn udp() -> FlowKey {
    flow(Transport::UDP, 5684)
}

fn read(conversation: Conversation<'_>) -> Transcript {
    feed(&PROTOCOL, &udp(), conversation)
}

fn hello() -> Hello {
    Hello::datagram(0xfefd).sni(b"sensor.example").alpn(&[b"coap"])
}

/// A record of DTLS 1.2; the sequence number does not matter.
fn record(kind: u8, epoch: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16).to_be_bytes();
    [&[kind, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 0][..], &length, content].concat()
}

/// A piece of a message that was built with the header of TLS.
fn fragment(message: &[u8], sequence: u8, from: usize, to: usize) -> Vec<u8> {
    let body = &message[4..];
    let u24 = |number: usize| (number as u32).to_be_bytes()[1..].to_vec();
    [&message[..4], &[0, sequence], &u24(from), &u24(to - from), &body[from..to]].concat()
}

fn whole(message: &[u8], sequence: u8) -> Vec<u8> {
    fragment(message, sequence, 0, message.len() - 4)
}

/// A ServerHello that says 1.2, as DTLS numbers it.
fn dtls_server_hello(suite: u16) -> Vec<u8> {
    let mut message = server_hello(0x0303, suite);
    message[4..6].copy_from_slice(&[0xfe, 0xfd]);
    message
}

#[test]
fn reads_a_conversation() {
    let client = record(22, 0, &whole(&hello().message(), 0));
    let verify = record(22, 0, &[3, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3, 0xfe, 0xff, 0]);
    let again = record(22, 0, &whole(&hello().sni(b"other.example").message(), 1));
    let server = [
        record(22, 0, &whole(&dtls_server_hello(0xc02b), 1)),
        record(22, 0, &whole(&certificate(&[LEAF]), 2)),
        record(22, 0, &[14, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0]),
    ]
    .concat();
    let finish = [record(20, 0, &[1]), record(22, 1, &[9; 40])].concat();
    assert_eq!(probe(&PROTOCOL, &udp(), TO_SERVER, &client), Probe::Match);
    let conversation = [
        (TO_SERVER, &client[..]),
        (TO_CLIENT, &verify),
        (TO_SERVER, &again),
        (TO_CLIENT, &server),
        (TO_SERVER, &finish),
        (TO_CLIENT, &finish),
    ];
    let said = read(&conversation);
    assert_eq!(said.value(&FACTS.sni), "sensor.example");
    assert_eq!(said.value(&FACTS.alpn), "coap");
    assert_eq!(said.value(&FACTS.version), "DTLS 1.2");
    assert!(said.value(&FACTS.ja4).starts_with("dd2d0102cp_"));
    assert_eq!(said.value(&FACTS.subject), "C=DE, O=Weir Test, CN=host.example");
    assert!(said.values(&FACTS.session_resumed).is_empty());
    assert!(said.says("[unseen encrypted]") && said.says("[done]"));
    keeps_promises(&PROTOCOL, &udp(), &conversation);
}

#[test]
fn puts_messages_together_from_fragments_in_any_order() {
    let message = certificate(&[LEAF]);
    let end = message.len() - 4;
    let pieces: Vec<Vec<u8>> = [(300, end), (0, 200), (150, 320)]
        .iter()
        .map(|&(from, to)| record(22, 0, &fragment(&message, 2, from, to)))
        .collect();
    let conversation: Vec<_> = pieces.iter().map(|piece| (TO_CLIENT, &piece[..])).collect();
    let said = read(&conversation);
    assert_eq!(said.values(&FACTS.certificate).len(), 1);
    keeps_promises(&PROTOCOL, &udp(), &conversation);

    let hello = hello().message();
    let first = record(22, 0, &fragment(&hello, 0, 0, 50));
    let second = record(22, 0, &fragment(&hello, 0, 50, hello.len() - 4));
    let said = read(&[(TO_SERVER, &second), (TO_SERVER, &first)]);
    assert_eq!(said.value(&FACTS.sni), "sensor.example");
}

#[test]
fn keeps_few_unfinished_messages() {
    let message = certificate(&[LEAF]);
    let pieces: Vec<Vec<u8>> =
        (0..200).map(|sequence| record(22, 0, &fragment(&message, sequence, 0, 10))).collect();
    let mut conversation: Vec<_> = pieces.iter().map(|piece| (TO_CLIENT, &piece[..])).collect();
    let last = record(22, 0, &fragment(&message, 199, 10, message.len() - 4));
    conversation.push((TO_CLIENT, &last));
    assert_eq!(read(&conversation).values(&FACTS.certificate).len(), 1);
}

#[test]
fn reads_version_1_3() {
    let client = hello().versions(&[0xfefc, 0xfefd]);
    let client = record(22, 0, &whole(&client.message(), 0));
    let mut server = server_hello(0x0304, 0x1301);
    let end = server.len();
    server[4..6].copy_from_slice(&[0xfe, 0xfd]);
    server[end - 2..].copy_from_slice(&[0xfe, 0xfc]);
    // An encrypted record follows in the same datagram.
    let server = [record(22, 0, &whole(&server, 0)), [&[0x2e, 0, 0, 0, 20][..], &[7; 20]].concat()].concat();
    assert!(is_dtls_record(&server));
    let said = read(&[(TO_SERVER, &client), (TO_CLIENT, &server)]);
    assert_eq!(said.value(&FACTS.client_version), 0xfefc.to_string());
    assert_eq!(said.value(&FACTS.version), "DTLS 1.3");
    assert!(said.says("[done]"));
}

#[test]
fn reads_on_under_a_null_cipher() {
    let said = read(&[
        (TO_SERVER, &record(22, 0, &whole(&hello().message(), 0))),
        (TO_CLIENT, &record(22, 0, &whole(&dtls_server_hello(0x003b), 0))),
        (TO_SERVER, &record(23, 1, b"imei=490154203237518")),
    ]);
    assert_eq!(said.value(&CLEARTEXT), "imei=490154203237518");
}

#[test]
fn recognises_the_middle_of_a_conversation() {
    assert!(is_dtls_record(&record(23, 1, &[7; 60])));
    assert!(is_dtls_record(&[record(20, 0, &[1]), record(22, 1, &[9; 40])].concat()));
    let data = record(23, 1, &[7; 60]);
    assert!(!is_dtls_record(&data[..70]), "the length lies");
    let said = read(&[(TO_SERVER, &data), (TO_CLIENT, &data)]);
    assert_eq!(said.0, ["[unseen encrypted]", "[done]"]);
}

#[test]
fn tells_others_apart() {
    let others: [&[u8]; 7] = [
        &[],
        // TLS, STUN, RTP, a DNS query, QUIC
        &[22, 3, 3, 0, 5, 1, 0, 0, 1, 3, 3, 3, 3, 3, 3, 3],
        &[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
        &[0x80, 0x60, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 5, 5, 5],
        &[0x16, 0xfe, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, b'w', b'w', b'w', 0],
        &[0xc0, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x44, 0xd0],
        // A ClientHello whose fragment is longer than its record.
        &[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 1, 0, 0, 90, 0, 0, 0, 0, 0, 0, 0, 90],
    ];
    for bytes in others {
        assert_eq!(probe(&PROTOCOL, &udp(), TO_SERVER, bytes), Probe::Mismatch, "{bytes:x?}");
    }
    let mut state = 7_u64;
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..64)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        assert_eq!(probe(&PROTOCOL, &udp(), TO_SERVER, &bytes), Probe::Mismatch);
    }
}
