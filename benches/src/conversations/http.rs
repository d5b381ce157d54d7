//! HTTP/1.1 (RFC 9112): a page with a length, in chunks, compressed, and an upload.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};

use super::{DOWN, Messages, UP};
use crate::bodies;

const BROWSER: &str = "Host: www.example.org\r\nUser-Agent: Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like \
    Gecko) Chrome/125.0.0.0 Mobile Safari/537.36\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Encoding: gzip, deflate, br\r\nAccept-Language: de-DE,de;q=0.9,en;q=0.8\r\nCookie: theme=dark; seen=12\r\n";

pub(super) fn page() -> Messages {
    let body = bodies::page(8 * 1024);
    exchange("GET /news", "", &[], &format!("Content-Length: {}\r\n", body.len()), &body)
}

pub(super) fn chunked() -> Messages {
    let mut body = Vec::new();
    for chunk in bodies::page(8 * 1024).chunks(1000) {
        body.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        body.extend(chunk);
        body.extend(b"\r\n");
    }
    body.extend(b"0\r\n\r\n");
    exchange("GET /news", "", &[], "Transfer-Encoding: chunked\r\n", &body)
}

pub(super) fn gzip() -> Messages {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&bodies::page(32 * 1024)).expect("into memory");
    let body = encoder.finish().expect("into memory");
    let head = format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", body.len());
    exchange("GET /news", "", &[], &head, &body)
}

pub(super) fn upload() -> Messages {
    let body = bodies::json(4 * 1024);
    let head = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    exchange("POST /v1/events", &head, &body, "Content-Length: 2\r\n", b"{}")
}

fn exchange(request: &str, request_head: &str, upload: &[u8], response_head: &str, body: &[u8]) -> Messages {
    let request = format!("{request} HTTP/1.1\r\n{BROWSER}{request_head}\r\n");
    let response = format!(
        "HTTP/1.1 200 OK\r\nDate: Mon, 01 Jun 2026 12:00:00 GMT\r\nServer: example\r\nContent-Type: text/html; \
         charset=utf-8\r\n{response_head}\r\n"
    );
    vec![(UP, [request.as_bytes(), upload].concat()), (DOWN, [response.as_bytes(), body].concat())]
}
