//! Requests that want to be understood differently by two readers, and such as want to exhaust one.

use super::*;

fn anomalies_and_methods(request: &[u8]) -> (Vec<String>, Vec<String>) {
    let transcript = read(&[(TO_SERVER, request)]);
    let own = |field| transcript.values(field).iter().map(|text| (*text).to_owned()).collect();
    (own(&FIELDS.anomaly), own(&FIELDS.method))
}

#[test]
fn a_length_and_chunks_are_read_as_chunks() {
    // CL.TE: whoever believes the length takes the second request for a body.
    let (anomalies, methods) = anomalies_and_methods(
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 43\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\
          GET /admin HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assert_eq!(anomalies, ["length-and-chunked"]);
    assert_eq!(methods, ["POST", "GET"]);
    // TE.CL: whoever believes the length finds a second request in the chunk.
    let (anomalies, methods) = anomalies_and_methods(
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding : chunked\r\n\r\n\
          1d\r\nGET /admin HTTP/1.1\r\nA: b\r\n\r\n\r\n0\r\n\r\n",
    );
    assert_eq!(anomalies, ["space-before-colon", "length-and-chunked"]);
    assert_eq!(methods, ["POST"]);
}

#[test]
fn a_broken_chunk_makes_content_of_the_rest() {
    for size in ["zz", "10000000000000000", "-1", ""] {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n{size}\r\nmarta@example.org"
        );
        let transcript = read(&[(TO_SERVER, request.as_bytes())]);
        assert_eq!(transcript.value(&FIELDS.anomaly), "bad-chunk");
        assert_eq!(transcript.value(&FIELDS.request_body), format!("a{size}\r\nmarta@example.org"));
    }
    let largest = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc";
    assert_eq!(read(&[(TO_SERVER, largest)]).value(&FIELDS.request_body), "abc");
}

#[test]
fn a_length_that_is_no_number_makes_content_of_the_rest() {
    let transcript =
        read(&[(TO_SERVER, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nmarta@example.org")]);
    assert_eq!(transcript.value(&FIELDS.anomaly), "bad-length");
    assert_eq!(transcript.value(&FIELDS.request_body), "marta@example.org");
    let transcript = read(&[(
        TO_SERVER,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\nabc",
    )]);
    assert_eq!(transcript.value(&FIELDS.request_body), "abc");
}

/// Feeds in steps, keeping what is not consumed as the engine does; answers with the last progress and the bytes that
/// were looked at.
fn feed_in_steps(bytes: &[u8], step: usize) -> (Progress, usize) {
    let flow = testing::flow(Transport::TCP, 80);
    let mut parser = PROTOCOL.parser();
    let (mut start, mut given, mut last) = (0, 0, Progress::Consumed(0));
    for end in (0..bytes.len()).step_by(step).map(|at| (at + step).min(bytes.len())) {
        let chunk = Chunk { direction: TO_SERVER, bytes: &bytes[start..end] };
        assert!(chunk.bytes.len() <= PENDING_BYTES + step, "more is kept than the engine allows");
        last = parser.feed(&flow, chunk, &mut Ignore);
        given += 1;
        match last {
            Progress::Consumed(count) | Progress::NeedMore { consumed: count, .. } => start += count,
            _ => break,
        }
    }
    (last, given)
}

#[test]
fn heads_end_at_the_cap() {
    let malformed = |what| {
        move |(progress, _): (Progress, usize)| {
            assert!(
                matches!(progress, Progress::Malformed { what: said, .. } if said == what),
                "{progress:?}"
            );
        }
    };
    let many = [b"GET / HTTP/1.1\r\n".to_vec(), b"A: b\r\n".repeat(100_000)].concat();
    malformed("a head without end")(feed_in_steps(&many, 1400));
    let long = [b"GET / HTTP/1.1\r\nA: ".to_vec(), vec![b'x'; 10_000_000]].concat();
    malformed("a head without end")(feed_in_steps(&long, 1400));
    let folded = [b"GET / HTTP/1.1\r\nA: ".to_vec(), b"x\r\n ".repeat(100_000)].concat();
    malformed("a head without end")(feed_in_steps(&folded, 1400));
    let target = [b"GET /".to_vec(), vec![b'x'; 10_000_000]].concat();
    malformed("a start line without end")(feed_in_steps(&target, 1400));
    let trailers =
        [b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n".to_vec(), b"A: b\r\n".repeat(100_000)]
            .concat();
    malformed("trailers without end")(feed_in_steps(&trailers, 1400));
}

#[test]
fn a_million_pipelined_requests_are_read_in_bounded_memory() {
    let many = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100_000);
    assert!(matches!(feed_in_steps(&many, 64 * 1024).0, Progress::Consumed(_)));
}

#[test]
fn a_gzip_bomb_is_searched_up_to_the_cap() {
    let bomb = miniz_oxide::deflate::compress_to_vec(&vec![b'a'; 8 << 20], 6);
    let mut response = b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n".to_vec();
    response.extend(&bomb);
    let transcript = read(&[(TO_CLIENT, &response)]);
    assert_eq!(transcript.value(&FIELDS.response_body).len(), BODY_BYTES);
    assert_eq!(transcript.value(&FIELDS.length), bomb.len().to_string());
}
