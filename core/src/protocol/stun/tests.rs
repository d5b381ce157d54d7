use super::{CLASS, DOMAIN, ERROR, MAPPED, METHOD, PROTOCOL, SOFTWARE};
use crate::flow::Chunk;
use crate::packet::Transport;
use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER};
use crate::protocol::{Opening, Probe, Protocol};

/// A message with the cookie, of transaction `abcdefghijkl`.
fn message(kind: u16, attributes: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend_from_slice(&(attributes.len() as u16).to_be_bytes());
    bytes.extend_from_slice(b"\x21\x12\xa4\x42abcdefghijkl");
    bytes.extend_from_slice(attributes);
    bytes
}

fn request() -> Vec<u8> {
    message(0x0001, b"")
}

/// 401 with realm `example.org` (padded) and software `test`.
fn unauthorized() -> Vec<u8> {
    message(0x0113, b"\0\x09\0\x04\0\0\x04\x01\0\x14\0\x0bexample.org\0\x80\x22\0\x04test")
}

/// XOR-MAPPED-ADDRESS 192.0.2.1:32853, as in RFC 5769 §2.2.
fn success() -> Vec<u8> {
    message(0x0101, b"\0\x20\0\x08\0\x01\xa1\x47\xe1\x12\xa6\x43")
}

/// Channel 0x4000 with an RTP packet of 13 octets, without padding.
const CHANNEL: &[u8] = b"\x40\x00\0\x0d\x80\x60\0\x01\0\0\0\x09\0\0\0\x07m";

#[test]
fn reads_requests_and_responses() {
    let flow = testing::flow(Transport::UDP, 3478);
    let (request, success, error) = (request(), success(), unauthorized());
    let conversation = [(TO_SERVER, &request[..]), (TO_CLIENT, &success[..]), (TO_CLIENT, &error[..])];
    testing::keeps_promises(&PROTOCOL, &flow, &conversation);
    let said = testing::feed(&PROTOCOL, &flow, &conversation);
    assert_eq!(said.values(&METHOD), ["binding", "binding", "allocate"]);
    assert_eq!(said.values(&CLASS), ["request", "success", "error"]);
    assert_eq!(said.value(&MAPPED), "192.0.2.1:32853");
    assert_eq!(said.value(&ERROR), "401");
    assert_eq!(said.value(&DOMAIN), "example.org");
    assert_eq!(said.value(&SOFTWARE), "test");
}

#[test]
fn tells_once_that_media_follows() {
    let flow = testing::flow(Transport::UDP, 3478);
    let said = testing::feed(
        &PROTOCOL,
        &flow,
        &[(TO_SERVER, &request()), (TO_SERVER, CHANNEL), (TO_CLIENT, CHANNEL)],
    );
    assert_eq!(said.0.iter().filter(|line| *line == "[inner rtp]").count(), 1);
}

#[test]
fn reads_both_framings_of_a_stream() {
    let flow = testing::flow(Transport::TCP, 3478);
    let padded = [CHANNEL, b"\0\0\0"].concat();
    let own = [&request()[..], &padded, &unauthorized()].concat();
    testing::keeps_promises(&PROTOCOL, &flow, &[(TO_SERVER, &own)]);
    let said = testing::feed(&PROTOCOL, &flow, &[(TO_SERVER, &own)]);
    assert_eq!(said.values(&CLASS), ["request", "error"]);
    assert!(said.says("[inner rtp]"));

    let prefixed: Vec<u8> = [request(), unauthorized()]
        .iter()
        .flat_map(|message| [&(message.len() as u16).to_be_bytes(), &message[..]].concat())
        .collect();
    testing::keeps_promises(&PROTOCOL, &flow, &[(TO_SERVER, &prefixed)]);
    let said = testing::feed(&PROTOCOL, &flow, &[(TO_SERVER, &prefixed)]);
    assert_eq!(said.values(&CLASS), ["request", "error"]);

    for stream in [&own, &prefixed] {
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &stream[..9]), Probe::NeedMore);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, stream), Probe::Match);
    }
}

#[test]
fn recognises_the_cookie_on_any_port() {
    let flow = testing::flow(Transport::UDP, 50_000);
    for message in [request(), success(), unauthorized()] {
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &message), Probe::Match);
    }
}

#[test]
fn classic_messages_need_more_evidence() {
    let on_port = testing::flow(Transport::UDP, 3478);
    let elsewhere = testing::flow(Transport::UDP, 50_000);
    let request = b"\0\x01\0\0abcdefghijklmnop";
    let response = b"\x01\x01\0\x0cabcdefghijklmnop\0\x01\0\x08\0\x01\x12\x34\xc0\0\x02\x01";
    assert_eq!(testing::probe(&PROTOCOL, &on_port, TO_SERVER, request), Probe::Match);
    assert_eq!(testing::probe(&PROTOCOL, &elsewhere, TO_SERVER, request), Probe::NeedMore);
    assert_eq!(testing::probe(&PROTOCOL, &elsewhere, TO_CLIENT, response), Probe::Match);
}

#[test]
fn two_datagrams_on_one_channel_are_proof() {
    let flow = testing::flow(Transport::UDP, 50_000);
    assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, CHANNEL), Probe::NeedMore);
    let mut next = CHANNEL.to_vec();
    next[7] += 1;
    let probed = PROTOCOL.probe(&Opening {
        flow: &flow,
        direction: TO_SERVER,
        to_server: &next,
        to_client: b"",
        previous: Some(Chunk { direction: TO_SERVER, bytes: CHANNEL }),
    });
    assert_eq!(probed, Probe::Match);
}

#[test]
fn others_are_not_stun() {
    let udp = testing::flow(Transport::UDP, 3478);
    let tcp = testing::flow(Transport::TCP, 3478);
    let others: [&[u8]; 5] = [
        &[0; 40],
        &[0xff; 40],
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\0\0",
        b"\0\x01\0\x04abcdefghijklmnop\0\x77\0\x09",
    ];
    for bytes in others {
        assert_eq!(testing::probe(&PROTOCOL, &udp, TO_SERVER, bytes), Probe::Mismatch);
        assert_eq!(testing::probe(&PROTOCOL, &tcp, TO_SERVER, bytes), Probe::Mismatch);
    }
}
