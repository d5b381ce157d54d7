use super::*;
use crate::flow::Chunk;
use crate::limits::{BODY_BYTES, PENDING_BYTES};
use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER, Transcript};
use crate::protocol::{Progress, Sink, Unseen, Value};

mod framing;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

fn read(conversation: testing::Conversation<'_>) -> Transcript {
    testing::feed(&PROTOCOL, &testing::flow(Transport::TCP, 80), conversation)
}

fn probe(bytes: &[u8]) -> Probe {
    testing::probe(&PROTOCOL, &testing::flow(Transport::TCP, 80), TO_SERVER, bytes)
}

#[test]
fn reads_a_request_and_its_response() {
    let conversation: testing::Conversation<'_> = &[
        (
            TO_SERVER,
            b"POST /login?next=%2F HTTP/1.1\r\nHost: Shop.Example.org:8080\r\nUser-Agent: app/1\r\n\
              Referer: http://example.org/\r\nCookie: sid=1\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
        ),
        (
            TO_CLIENT,
            b"HTTP/1.1 302 Found\r\nServer: nginx\r\nLocation: /home\r\nContent-Type: text/html\r\n\
              Content-Length: 3\r\n\r\nbye",
        ),
        (TO_SERVER, b"GET /home HTTP/1.1\r\nHost: shop.example.org\r\n\r\n"),
        (TO_CLIENT, OK),
    ];
    let transcript = read(conversation);
    let words: Vec<&str> = transcript.0.iter().map(String::as_str).collect();
    assert_eq!(
        words,
        [
            "http.request.method=POST",
            "http.request.target=/login?next=%2F",
            "http.request.version=HTTP/1.1",
            "http.request.query=/login?next=%2F",
            "http.host=shop.example.org",
            "http.request.user_agent=app/1",
            "http.request.header=User-Agent: app/1",
            "http.request.referer=http://example.org/",
            "http.request.header=Referer: http://example.org/",
            "http.request.header=Cookie: sid=1",
            "http.request.content_type=text/plain",
            "http.request.header=Content-Type: text/plain",
            "http.request.header=Content-Length: 5",
            "[end]",
            "http.request.body=hello",
            "http.response.status=302",
            "http.response.server=nginx",
            "http.response.header=Server: nginx",
            "http.response.location=/home",
            "http.response.header=Location: /home",
            "http.response.content_type=text/html",
            "http.response.header=Content-Type: text/html",
            "http.response.header=Content-Length: 3",
            "http.response.body=bye",
            "http.response.length=3",
            "[end]",
            "http.request.method=GET",
            "http.request.target=/home",
            "http.request.version=HTTP/1.1",
            "http.request.query=/home",
            "http.host=shop.example.org",
            "[end]",
            "http.response.status=200",
            "http.response.header=Content-Length: 0",
            "http.response.length=0",
            "[end]",
        ]
    );
    testing::keeps_promises(&PROTOCOL, &testing::flow(Transport::TCP, 80), conversation);
}

#[test]
fn keeps_its_promises_on_chunks_folds_and_codings() {
    let mut request = b"\r\nPUT  /x  HTTP/1.1\r\nhOsT:a.org\t\r\nX-Long: a\r\n  b\r\n\tc\r\nX-None\r\nA : b\nTransfer-Encoding: chunked\r\n\
        Content-Encoding: deflate\r\n\r\n"
        .to_vec();
    let body = miniz_oxide::deflate::compress_to_vec(b"name=Marta&mail=marta@example.org", 6);
    for chunk in body.chunks(7) {
        request.extend(format!("{:x};a=b\r\n", chunk.len()).bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\nX-Trailer: t\r\n\r\nHEAD / HTTP/1.0\n\n");
    let responses = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\nTransfer-Encoding: chunked\r\n\r\n\
        2\r\nab\r\n1\r\nc\r\n0\r\n\r\nHTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nHTTP/1.0 200 OK\r\n\r\nuntil the end";
    let conversation: testing::Conversation<'_> = &[(TO_SERVER, &request), (TO_CLIENT, responses)];
    testing::keeps_promises(&PROTOCOL, &testing::flow(Transport::TCP, 80), conversation);
    let transcript = read(conversation);
    assert_eq!(transcript.value(&FIELDS.host), "a.org");
    assert_eq!(transcript.value(&FIELDS.request_body), "name=Marta&mail=marta@example.org");
    assert!(transcript.says("http.request.header=X-Long: a b c"));
    assert!(transcript.says("http.request.header=X-Trailer: t"));
    assert_eq!(
        transcript.values(&FIELDS.anomaly),
        ["folded-header", "header-without-colon", "space-before-colon"]
    );
    assert_eq!(transcript.values(&FIELDS.status), ["201", "200", "200"]);
    assert_eq!(transcript.values(&FIELDS.response_body), ["abc", "until the end"]);
    assert_eq!(transcript.values(&FIELDS.length), ["3", "0", "13"]);
}

#[test]
fn the_host_is_told_in_one_way_and_ambiguity_is_noted() {
    let host = |request: &str| {
        let transcript = read(&[(TO_SERVER, request.as_bytes())]);
        let join = |field| transcript.values(field).join(" ");
        (join(&FIELDS.host), join(&FIELDS.anomaly))
    };
    let expect = |request: &str, wanted: &str, anomaly: &str| {
        assert_eq!(host(request), (wanted.to_owned(), anomaly.to_owned()), "{request:?}");
    };
    expect("GET / HTTP/1.1\r\nHost: a.org\r\nHost: b.org\r\n\r\n", "a.org", "duplicate-host");
    expect("GET http://B.org:80/x HTTP/1.1\r\nHost: a.org\r\n\r\n", "b.org", "host-differs-from-uri");
    expect("GET http://b.org/x HTTP/1.1\r\nHost: B.org:80\r\n\r\n", "b.org", "");
    expect("GET / HTTP/1.1\r\nHost: [2001:DB8::1]:8080\r\n\r\n", "2001:db8::1", "");
    expect("GET / HTTP/1.1\r\nHost: evil@a.org\r\n\r\n", "a.org", "bad-host");
    expect("GET / HTTP/1.1\r\nHost: a.org, b.org\r\n\r\n", "", "bad-host");
    expect("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", "", "control-in-header bad-host");
    expect("GET / HTTP/1.1\r\n\r\n", "", "missing-host");
    expect("GET / HTTP/1.0\r\n\r\n", "", "");
    expect("GET / HTTP/1.1\nHost: a.org\n\n", "a.org", "");
}

#[test]
fn logins_are_read_wherever_they_stand() {
    let logins = |head: &str| {
        let request = format!("GET {head}\r\n\r\n");
        let transcript = read(&[(TO_SERVER, request.as_bytes())]);
        let join = |field| transcript.values(field).join(" ");
        [
            join(&FIELDS.login.scheme),
            join(&FIELDS.login.username),
            join(&FIELDS.login.password),
            join(&FIELDS.login.bearer),
        ]
    };
    // "marta:se:cret" of RFC 7617's kind, with and without its padding.
    for basic in ["bWFydGE6c2U6Y3JldA==", "bWFydGE6c2U6Y3JldA"] {
        let seen = logins(&format!("/ HTTP/1.0\r\nAuthorization: Basic {basic}"));
        assert_eq!(seen, ["basic", "marta", "se:cret", ""]);
    }
    assert_eq!(
        logins("/ HTTP/1.0\r\nProxy-authorization: digest realm=\"a, b\", username=\"Mufasa\", nc=1"),
        ["digest", "Mufasa", "", ""]
    );
    assert_eq!(logins("/ HTTP/1.0\r\nAuthorization: Bearer abc.def"), ["bearer", "", "", "abc.def"]);
    assert_eq!(logins("http://us%40er:p%3aw@a.org/ HTTP/1.0"), ["", "us@er", "p:w", ""]);
    // An AUTHENTICATE_MESSAGE whose user name, "User" in UTF-16, stands at offset 64.
    let mut ntlm = b"NTLMSSP\0\x03\0\0\0".to_vec();
    ntlm.resize(36, 0);
    ntlm.extend([8, 0, 8, 0, 64, 0, 0, 0]);
    ntlm.resize(60, 0);
    ntlm.extend(b"\x01\0\0\0U\0s\0e\0r\0");
    let ntlm = base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, ntlm);
    assert_eq!(logins(&format!("/ HTTP/1.0\r\nAuthorization: NTLM {ntlm}")), ["ntlm", "User", "", ""]);
    for nothing in ["Basic", "Basic !!", "NTLM TlRMTVNTUAADAAAA", "Magic abc", ""] {
        assert_eq!(logins(&format!("/ HTTP/1.0\r\nAuthorization: {nothing}"))[1..], ["", "", ""]);
    }
}

#[test]
fn switches_to_what_was_agreed_on_at_the_exact_byte() {
    let upgrade = |token: &str, answer: &str| {
        let request =
            format!("GET /ws HTTP/1.1\r\nHost: a.org\r\nConnection: Upgrade\r\nUpgrade: {token}\r\n\r\n");
        let transcript = read(&[(TO_SERVER, request.as_bytes()), (TO_CLIENT, answer.as_bytes())]);
        transcript.0.last().expect("something was said").clone()
    };
    let agreed = "HTTP/1.1 101 \r\nUpgrade: WebSocket\r\n\r\n\x01";
    assert_eq!(upgrade("websocket", agreed), "[become websocket]");
    assert_eq!(upgrade("h2c", "HTTP/1.1 101 Switching Protocols\r\n\r\n"), "[become http2]");
    assert_eq!(upgrade("tcp", "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n"), "[carries]");
    assert_eq!(upgrade("h2c", "HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n"), "[end]");

    let mut parser = PROTOCOL.parser();
    let flow = testing::flow(Transport::TCP, 80);
    let progress = parser.feed(&flow, Chunk { direction: TO_CLIENT, bytes: agreed.as_bytes() }, &mut Ignore);
    let become_websocket = Progress::Become { protocol: "websocket", consumed: agreed.len() - 1 };
    assert_eq!(progress, become_websocket);
}

#[test]
fn a_switch_shows_in_the_clients_bytes_alone() {
    let upgrade = b"GET /ws HTTP/1.1\r\nHost: a.org\r\nUpgrade: websocket\r\n\r\n";
    assert!(read(&[(TO_SERVER, upgrade), (TO_SERVER, b"\x81\x85")]).says("[become websocket]"));
    let connect = b"CONNECT a.org:443 HTTP/1.1\r\n\r\n";
    assert!(read(&[(TO_SERVER, connect), (TO_SERVER, b"\x16\x03\x01")]).says("[carries]"));
    let refused = read(&[(TO_SERVER, connect), (TO_SERVER, connect)]);
    assert_eq!(refused.values(&FIELDS.host), ["a.org", "a.org"]);
}

#[test]
fn connect_opens_a_tunnel_that_keeps_the_name() {
    let conversation: testing::Conversation<'_> = &[
        (TO_SERVER, b"CONNECT www.example.org:443 HTTP/1.1\r\nProxy-Authorization: Basic YTpi\r\n\r\n"),
        (TO_CLIENT, b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno"),
        (TO_SERVER, b"CONNECT www.example.org:443 HTTP/1.1\r\n\r\n"),
        (TO_CLIENT, b"HTTP/1.0 200 Connection established\r\n\r\n"),
    ];
    let transcript = read(conversation);
    assert!(transcript.says("[refine http-connect]") && transcript.says("[carries]"));
    assert_eq!(transcript.values(&FIELDS.host)[0], "www.example.org");
    assert_eq!(transcript.value(&FIELDS.login.password), "b");
    testing::keeps_promises(&PROTOCOL, &testing::flow(Transport::TCP, 3128), conversation);
    let one_sided = read(&conversation[3..]);
    assert!(one_sided.says("[refine http-connect]") && one_sided.says("[carries]"));
}

#[test]
fn a_capture_may_begin_with_the_server() {
    let transcript = read(&[
        (TO_SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        (TO_CLIENT, b"GET /next HTTP/1.1\r\nHost: a.org\r\n\r\n"),
        (TO_SERVER, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
    ]);
    assert_eq!(transcript.value(&FIELDS.host), "a.org");
    assert_eq!(transcript.values(&FIELDS.status), ["200", "304", "200"]);
}

#[test]
fn finds_its_way_again_behind_the_middle_of_a_body() {
    let transcript = read(&[
        (TO_CLIENT, b"rest of a page\r\n</html>HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        (TO_SERVER, b"rest of a form: marta@example.org\r\nGET /a HTTP/1.1\r\nHost: a.org\r\n\r\n"),
    ]);
    assert_eq!(transcript.value(&FIELDS.host), "a.org");
    assert_eq!(transcript.value(&FIELDS.status), "200");
    assert_eq!(transcript.value(&FIELDS.request_body), "rest of a form: marta@example.org\r\n");
}

#[test]
fn recognises_requests_and_responses_early() {
    for bytes in [
        &b"GET /"[..],
        b"POST /a/b?c",
        b"\r\nHEAD http://a",
        b"PROPFIND /dav/ HTTP/1.1\r\n",
        b"BREW /pot HTTP/1.0\r\n",
        b"OPTIONS * HTTP/1.1\n",
        b"CONNECT a.org:443 HTTP/1.1\r\n",
        b"get / HTTP/1.1\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 404\r\n",
        b"HTTP/1.1 101 ",
    ] {
        assert_eq!(probe(bytes), Probe::Match, "{bytes:?}");
    }
    for bytes in [
        &b""[..],
        b"\r\n",
        b"G",
        b"GET",
        b"GET ",
        b"GET h",
        b"HTTP/1",
        b"HTTP/1.1 20",
        b"OPTIONS *",
        b"NOTIFY /x",
    ] {
        assert_eq!(probe(bytes), Probe::NeedMore, "{bytes:?}");
    }
}

#[test]
fn does_not_take_others_for_itself() {
    for bytes in [
        &b"OPTIONS * RTSP/1.0\r\n"[..],
        b"DESCRIBE rtsp://a/ RTSP/1.0\r\n",
        b"RTSP/1.0 200 OK\r\n",
        b"REGISTER sip:a.org SIP/2.0\r\n",
        b"SIP/2.0 200 OK\r\n",
        b"OPTIONS icap://a/ ICAP/1.0\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\r\n",
        b"HTTP/1.1 OK\r\n",
        b"EHLO a.org\r\n",
        b"USER marta\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"220 ready\r\n",
        b"\x16\x03\x01\x02\0",
        b"GET\0/ HTTP/1.1\r\n",
        b"GET key\r\n",
        b"\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n",
    ] {
        assert_eq!(probe(bytes), Probe::Mismatch, "{bytes:?}");
    }
    let mut state = 1_u64;
    for _ in 0..10_000 {
        let mut bytes = [0; 64];
        for byte in &mut bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 33) as u8;
        }
        assert_ne!(probe(&bytes), Probe::Match, "{bytes:?}");
    }
}

/// A sink that only counts.
struct Ignore;

impl Sink for Ignore {
    fn fact(&mut self, _: &'static Field, _: Direction, _: Value<'_>) {}
    fn end_record(&mut self) {}
    fn refine(&mut self, _: &'static str) {}
    fn inner(&mut self, _: &'static str) {}
    fn expect(&mut self, _: Transport, _: crate::packet::Endpoint, _: &'static str) {}
    fn unseen(&mut self, _: Unseen) {}
    fn wants_content(&self) -> bool {
        false
    }
}

#[test]
fn goes_on_behind_a_gap_in_a_body() {
    let flow = testing::flow(Transport::TCP, 80);
    let mut parser = PROTOCOL.parser();
    let feed = |parser: &mut dyn Parser, bytes: &[u8]| {
        parser.feed(&flow, Chunk { direction: TO_SERVER, bytes }, &mut Ignore)
    };
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nab";
    assert_eq!(feed(&mut *parser, head), Progress::Consumed(head.len()));
    assert_eq!(parser.gap(TO_SERVER, 90, &mut Ignore), Progress::Consumed(0));
    let rest = b"12345678GET /ne";
    assert_eq!(feed(&mut *parser, rest), Progress::NeedMore { consumed: 8, need: 8 });
    assert_eq!(parser.gap(TO_SERVER, 9_999, &mut Ignore), Progress::Consumed(0));
    let found = b"xt\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n";
    assert_eq!(feed(&mut *parser, found), Progress::Consumed(found.len()));
}

#[test]
fn a_long_upload_comes_in_pieces_and_a_long_download_is_counted() {
    let body = vec![b'x'; BODY_BYTES + 10];
    let mut request =
        format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    request.extend(&body);
    let mut response = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    response.extend(&body);
    for step in [5000, PENDING_BYTES * 2] {
        let mut parts: Vec<(Direction, &[u8])> = Vec::new();
        parts.extend(request.chunks(step).map(|part| (TO_SERVER, part)));
        parts.extend(response.chunks(step).map(|part| (TO_CLIENT, part)));
        let transcript = read(&parts);
        let lengths = |field| transcript.values(field).iter().map(|text| text.len()).collect::<Vec<_>>();
        assert_eq!(lengths(&FIELDS.request_body), [BODY_BYTES, 256 + 10]);
        assert_eq!(lengths(&FIELDS.response_body), [BODY_BYTES]);
        assert_eq!(transcript.value(&FIELDS.length), body.len().to_string());
    }
}
