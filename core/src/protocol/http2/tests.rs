use super::frame::{CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, RST_STREAM, SETTINGS};
use super::*;
use crate::limits::{BODY_BYTES, HTTP2_STREAMS};
use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER, Transcript};

const GET: &[(&str, &str)] = &[
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/t?id=1"),
    (":authority", "API.Example.org:8080"),
    ("authorization", "Bearer abc"),
];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Fields as literals without indexing (RFC 7541 §6.2.2), without Huffman codes.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).ok().filter(|length| *length < 0x7f).unwrap());
            block.extend(text.bytes());
        }
    }
    block
}

fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, stream, &block(fields))
}

/// A client's first bytes: the preface, and SETTINGS that disable push.
fn opening() -> Vec<u8> {
    [&PREFACE[..], &frame(SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 0])].concat()
}

fn read(conversation: testing::Conversation<'_>) -> Transcript {
    testing::feed(&PROTOCOL, &testing::flow(Transport::TCP, 8080), conversation)
}

fn probe(bytes: &[u8]) -> Probe {
    testing::probe(&PROTOCOL, &testing::flow(Transport::TCP, 8080), TO_SERVER, bytes)
}

#[test]
fn reads_requests_and_responses() {
    let client = [
        opening(),
        headers(1, END_STREAM, GET),
        headers(
            3,
            0,
            &[
                (":method", "POST"),
                (":path", "/u"),
                (":authority", "api.example.org"),
                ("content-type", "a/b"),
            ],
        ),
        frame(DATA, PADDED, 3, b"\x03marta@\0\0\0"),
        frame(DATA, END_STREAM, 3, b"example.org"),
    ]
    .concat();
    let server = [
        frame(SETTINGS, 0, 0, &[]),
        frame(SETTINGS, 1, 0, &[]),
        headers(1, 0, &[(":status", "103"), ("link", "</a>")]),
        headers(1, 0, &[(":status", "200"), ("content-length", "2"), ("server", "s")]),
        frame(DATA, END_STREAM, 1, b"ok"),
        headers(3, END_STREAM, &[(":status", "204")]),
    ]
    .concat();
    let conversation: testing::Conversation<'_> = &[(TO_SERVER, &client), (TO_CLIENT, &server)];
    testing::keeps_promises(&PROTOCOL, &testing::flow(Transport::TCP, 8080), conversation);
    let transcript = read(conversation);
    assert_eq!(
        transcript.0[..5],
        [
            "http2.request.method=GET",
            "http2.request.target=/t?id=1",
            "http2.request.version=HTTP/2",
            "http2.request.query=/t?id=1",
            "http2.host=api.example.org",
        ]
    );
    assert_eq!(transcript.value(&FIELDS.login.bearer), "abc");
    assert_eq!(transcript.value(&FIELDS.request_body), "marta@example.org");
    assert_eq!(transcript.values(&FIELDS.status), ["103", "200", "204"]);
    assert_eq!(transcript.value(&FIELDS.length), "2");
    assert_eq!(transcript.value(&FIELDS.response_body), "ok");
    let (mirrored_client, mirrored_server) = ((TO_CLIENT, &client[..]), (TO_SERVER, &server[..]));
    assert_eq!(read(&[mirrored_client, mirrored_server]), transcript);
}

#[test]
fn reads_grpc_messages_out_of_their_frames() {
    let call = [
        (":method", "POST"),
        (":path", "/pkg.Service/Call"),
        (":authority", "api.example.org"),
        ("content-type", "application/grpc+proto"),
        ("grpc-encoding", "gzip"),
    ];
    // A gzip member without a name, and its trailer, which is not looked at.
    let mut coded = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    coded.extend(miniz_oxide::deflate::compress_to_vec(b"second", 6));
    coded.extend([0; 8]);
    let message = |flag: u8, data: &[u8]| {
        [&[flag][..], &u32::try_from(data.len()).unwrap().to_be_bytes(), data].concat()
    };
    let messages = [message(0, b"first"), message(0, b""), message(1, &coded)].concat();
    let (one, other) = messages.split_at(8);
    let client =
        [opening(), headers(1, 0, &call), frame(DATA, 0, 1, one), frame(DATA, END_STREAM, 1, other)].concat();
    let server = [
        frame(SETTINGS, 0, 0, &[]),
        headers(1, 0, &[(":status", "200"), ("content-type", "application/grpc")]),
        frame(DATA, 0, 1, &message(0, b"answer")),
        headers(1, END_STREAM, &[("grpc-status", "0")]),
    ]
    .concat();
    let conversation: testing::Conversation<'_> = &[(TO_SERVER, &client), (TO_CLIENT, &server)];
    testing::keeps_promises(&PROTOCOL, &testing::flow(Transport::TCP, 50_051), conversation);
    let transcript = read(conversation);
    assert!(transcript.says("[refine grpc]"));
    assert_eq!(transcript.values(&FIELDS.request_body), ["first", "second"]);
    assert_eq!(transcript.values(&FIELDS.response_body), ["answer"]);
}

#[test]
fn a_header_block_may_go_on_in_other_frames() {
    let fields = block(GET);
    let (one, rest) = fields.split_at(10);
    let (two, three) = rest.split_at(20);
    let client = [
        opening(),
        frame(HEADERS, 0, 1, one),
        frame(CONTINUATION, 0, 1, two),
        frame(CONTINUATION, END_HEADERS, 1, three),
    ]
    .concat();
    assert_eq!(read(&[(TO_SERVER, &client)]).value(&FIELDS.host), "api.example.org");
    let interrupted = [opening(), frame(HEADERS, 0, 1, one), frame(DATA, 0, 1, b"")].concat();
    assert!(read(&[(TO_SERVER, &interrupted)]).says("[malformed a header block that is interrupted]"));
}

#[test]
fn floods_end_at_their_caps() {
    let flood =
        [opening(), frame(HEADERS, 0, 1, &[]), frame(CONTINUATION, 0, 1, &[0; 1000]).repeat(1000)].concat();
    assert!(read(&[(TO_SERVER, &flood)]).says("[malformed a header block without end]"));
    let huge = [opening(), frame(HEADERS, 0, 1, &vec![0; 1 << 17])[..100].to_vec()].concat();
    assert!(read(&[(TO_SERVER, &huge)]).says("[malformed a header block without end]"));
    let overflow = [opening(), frame(HEADERS, END_HEADERS, 1, b"\x7f\xff\xff\xff\xff\xff")].concat();
    assert!(read(&[(TO_SERVER, &overflow)]).says("[malformed a header block that is cut off]"));
    let padding = [opening(), frame(DATA, PADDED, 1, b"\x09abc")].concat();
    assert!(read(&[(TO_SERVER, &padding)]).says("[malformed more padding than there is]"));

    let mut reset = opening();
    let mut open = opening();
    for stream in (1..2001).step_by(2) {
        reset.extend(headers(stream, 0, GET));
        reset.extend(frame(RST_STREAM, 0, stream, &[0; 4]));
        open.extend(headers(stream, 0, GET));
        open.extend(frame(DATA, 0, stream, b"x"));
    }
    assert_eq!(read(&[(TO_SERVER, &reset)]).values(&FIELDS.method).len(), 1000);
    let transcript = read(&[(TO_SERVER, &open)]);
    assert_eq!(transcript.values(&FIELDS.request_body).len(), 1000);
    let first = transcript.0.iter().position(|line| line.starts_with("http2.request.body")).unwrap();
    let before = &transcript.0[..first];
    let opened = before.iter().filter(|line| line.starts_with("http2.request.method")).count();
    assert_eq!(opened, HTTP2_STREAMS + 1, "the oldest stream goes when there are too many");
}

#[test]
fn a_long_body_comes_in_pieces() {
    let mut client = [opening(), headers(1, 0, GET)].concat();
    for _ in 0..10 {
        client.extend(frame(DATA, 0, 1, &[b'x'; 10_000]));
    }
    let transcript = read(&[(TO_SERVER, &client)]);
    let lengths: Vec<usize> =
        transcript.values(&FIELDS.request_body).iter().map(|piece| piece.len()).collect();
    assert_eq!(lengths, [BODY_BYTES, 100_000 - BODY_BYTES + 256]);
}

#[test]
fn goes_on_behind_a_gap_in_data_only() {
    let flow = testing::flow(Transport::TCP, 8080);
    let client = [opening(), headers(1, 0, GET), frame(DATA, 0, 1, &[b'x'; 100])[..50].to_vec()].concat();
    let mut parser = PROTOCOL.parser();
    let mut sink = Ignore;
    let chunk = crate::flow::Chunk { direction: TO_SERVER, bytes: &client };
    let consumed = crate::protocol::Progress::Consumed;
    assert_eq!(parser.feed(&flow, chunk, &mut sink), consumed(client.len()));
    assert_eq!(parser.gap(TO_SERVER, 59, &mut sink), consumed(0));
    assert_eq!(parser.gap(TO_SERVER, 1, &mut sink), crate::protocol::Progress::Done);
}

struct Ignore;

impl crate::protocol::Sink for Ignore {
    fn fact(&mut self, _: &'static Field, _: Direction, _: crate::protocol::Value<'_>) {}
    fn end_record(&mut self) {}
    fn refine(&mut self, _: &'static str) {}
    fn inner(&mut self, _: &'static str) {}
    fn expect(&mut self, _: Transport, _: crate::packet::Endpoint, _: &'static str) {}
    fn unseen(&mut self, _: crate::protocol::Unseen) {}
}

#[test]
fn recognises_the_preface_and_a_servers_settings() {
    assert_eq!(probe(b"PRI * HTTP/2.0"), Probe::Match);
    assert_eq!(probe(b"PRI * H"), Probe::NeedMore);
    assert_eq!(probe(&opening()), Probe::Match);
    assert_eq!(probe(&frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])), Probe::Match);
    let empty = [frame(SETTINGS, 0, 0, &[]), frame(SETTINGS, 1, 0, &[])].concat();
    for known in 0..18 {
        assert_eq!(probe(&empty[..known]), Probe::NeedMore, "{known}");
    }
    assert_eq!(probe(&empty), Probe::Match);
}

#[test]
fn does_not_take_others_for_itself() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"PRI * HTTP/1.1\r\n",
        b"POST / HTTP/1.1\r\n",
        b"\0\0\0\x2a\xffSMB",
        b"\0\0\0\x04\0\0\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08\x09",
        b"\0\0\x06\x04\0\0\0\0\0\0\x05\0\0\0\0",
        b"\0\0\x05\x04\0\0\0\0\0",
        b"\0\x05ab",
        b"\x16\x03\x01",
    ] {
        assert_eq!(probe(bytes), Probe::Mismatch, "{bytes:?}");
    }
}
