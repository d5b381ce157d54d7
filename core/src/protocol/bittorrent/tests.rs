use super::{CLIENT, INFO_HASH, KIND, PEER_ID, PROTOCOL, QUERY};
use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::Transport;
use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER};
use crate::protocol::{Opening, Probe, Protocol};

const HASH: &str = "6868686868686868686868686868686868686868";

fn handshake() -> Vec<u8> {
    [b"\x13BitTorrent protocol".as_slice(), &[0; 8], &[b'h'; 20], b"-TS0001-abcdefghijkl"].concat()
}

/// A µTP packet: type, extension octet, connection, sequence, acknowledgement.
fn utp(kind: u8, connection: u16, sequence: u16, acknowledged: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind << 4 | 1, 0];
    bytes.extend_from_slice(&connection.to_be_bytes());
    bytes.extend_from_slice(&(1000 + u32::from(sequence)).to_be_bytes());
    bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0x10, 0, 0]);
    bytes.extend_from_slice(&sequence.to_be_bytes());
    bytes.extend_from_slice(&acknowledged.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

fn udp() -> FlowKey {
    testing::flow(Transport::UDP, 51413)
}

const GET_PEERS: &[u8] =
    b"d1:ad2:id20:abcdefghijklmnopqrst9:info_hash20:hhhhhhhhhhhhhhhhhhhhe1:q9:get_peers1:t2:aa1:v4:TS011:y1:qe";
const CONNECT: &[u8] = b"\0\0\x04\x17\x27\x10\x19\x80\0\0\0\0tran";

#[test]
fn reads_peers_on_tcp() {
    let flow = testing::flow(Transport::TCP, 6881);
    // Handshake, keepalive, a piece that is counted over, and the extension handshake.
    let stream = [
        &handshake()[..],
        &[0; 4],
        b"\0\0\0\x0d\x07\0\0\0\0\0\0\0\0data",
        b"\0\0\0\x11\x14\0d1:v8:Test 1.0e",
    ]
    .concat();
    let stream = stream.as_slice();
    assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, stream), Probe::Match);
    assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &stream[..9]), Probe::NeedMore);
    testing::keeps_promises(&PROTOCOL, &flow, &[(TO_SERVER, stream), (TO_CLIENT, stream)]);
    let said = testing::feed(&PROTOCOL, &flow, &[(TO_SERVER, stream)]);
    assert_eq!(said.values(&KIND), ["handshake", "extended"]);
    assert_eq!(said.value(&INFO_HASH), HASH);
    assert_eq!(said.value(&PEER_ID), "-TS0001-abcdefghijkl");
    assert_eq!(said.value(&CLIENT), "Test 1.0");
}

#[test]
fn reads_the_hash_table() {
    let answer = b"d1:rd2:id20:abcdefghijklmnopqrste1:t2:aa1:y1:re";
    let error = b"d1:eli201e5:oopsee1:t2:aa1:y1:ee";
    for message in [GET_PEERS, answer, error] {
        assert_eq!(testing::probe(&PROTOCOL, &udp(), TO_SERVER, message), Probe::Match);
    }
    let conversation = [(TO_SERVER, GET_PEERS), (TO_CLIENT, &answer[..])];
    testing::keeps_promises(&PROTOCOL, &udp(), &conversation);
    let said = testing::feed(&PROTOCOL, &udp(), &conversation);
    assert_eq!(said.value(&QUERY), "get_peers");
    assert_eq!(said.value(&INFO_HASH), HASH);
    assert_eq!(said.value(&CLIENT), "TS01");
}

#[test]
fn reads_a_tracker_and_local_discovery() {
    let announce =
        [b"connecti\0\0\0\x01tran".as_slice(), &[b'h'; 20], b"-TS0001-abcdefghijkl", &[0; 42]].concat();
    assert_eq!(testing::probe(&PROTOCOL, &udp(), TO_SERVER, CONNECT), Probe::Match);
    let conversation = [(TO_SERVER, CONNECT), (TO_SERVER, &announce[..])];
    testing::keeps_promises(&PROTOCOL, &udp(), &conversation);
    let said = testing::feed(&PROTOCOL, &udp(), &conversation);
    assert_eq!(said.value(&INFO_HASH), HASH);
    assert_eq!(said.value(&QUERY), "announce");

    let search =
        b"BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 51413\r\nInfohash: abc\r\n\r\n\r\n";
    assert_eq!(testing::probe(&PROTOCOL, &udp(), TO_SERVER, search), Probe::Match);
    let said = testing::feed(&PROTOCOL, &udp(), &[(TO_SERVER, search)]);
    assert_eq!(said.value(&INFO_HASH), "abc");
}

fn probe_after(previous: (Direction, &[u8]), newest: &[u8]) -> Probe {
    PROTOCOL.probe(&Opening {
        flow: &udp(),
        direction: TO_SERVER,
        to_server: newest,
        to_client: b"",
        previous: Some(Chunk { direction: previous.0, bytes: previous.1 }),
    })
}

#[test]
fn utp_is_known_by_its_first_packet_or_by_two() {
    let syn = utp(4, 100, 1, 0, b"");
    assert_eq!(testing::probe(&PROTOCOL, &udp(), TO_SERVER, &syn), Probe::Match);
    let (data, state) = (utp(0, 101, 7, 500, b"data"), utp(2, 100, 501, 7, b""));
    assert_eq!(testing::probe(&PROTOCOL, &udp(), TO_SERVER, &data), Probe::NeedMore);
    assert_eq!(probe_after((TO_CLIENT, &state), &data), Probe::Match);
    assert_eq!(probe_after((TO_SERVER, &data), &utp(0, 101, 8, 500, b"more")), Probe::Match);
    assert_eq!(probe_after((TO_SERVER, &data), &utp(0, 333, 8, 500, b"more")), Probe::NeedMore);
}

#[test]
fn reads_a_handshake_inside_utp() {
    let syn = utp(4, 100, 1, 0, b"");
    let data = utp(0, 101, 2, 500, &handshake());
    let said = testing::feed(&PROTOCOL, &udp(), &[(TO_SERVER, &syn), (TO_SERVER, &data)]);
    assert_eq!(said.values(&KIND), ["utp", "handshake"]);
    assert_eq!(said.value(&INFO_HASH), HASH);
}

#[test]
fn others_are_not_bittorrent() {
    let tcp = testing::flow(Transport::TCP, 6881);
    let others: [&[u8]; 8] = [
        b"d",
        b"dictionary",
        b"d1:y1:qe",
        &GET_PEERS[..50],
        b"BT-SEARCH",
        &[0; 40],
        &[0xff; 40],
        &CONNECT[..15],
    ];
    for bytes in others {
        assert_eq!(testing::probe(&PROTOCOL, &udp(), TO_SERVER, bytes), Probe::Mismatch);
        assert_eq!(testing::probe(&PROTOCOL, &tcp, TO_SERVER, bytes), Probe::Mismatch);
    }
}
