//! A settled flow's packet allocates nothing, and steady traffic next to nothing. One test in this file: the counter counts
//! for the whole process.

use weir_core::engine::{Config, Depth, Engine, Frame};
use weir_core::flow::Direction;
use weir_core::packet::Tcp;
use weir_core::time::Timestamp;
use weir_tests::case::{self, Recorded};
use weir_tests::frames::{SERVER, Side, client, connection, tcp, udp};
use weir_tests::{config, conversation, feed};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const PACKETS: u32 = 10_000;
const AT: Timestamp = Timestamp::from_seconds(1_780_000_000);

fn borrowed(frames: &[Recorded]) -> impl Iterator<Item = Frame<'_>> {
    frames.iter().zip(1..).map(|(frame, id)| frame.borrow(id))
}

/// Heap allocations while the engine takes `steady`, once `before` and as many of `steady` as `warm` have gone through.
fn allocations(config: &Config, before: &[Recorded], steady: &[Recorded], warm: usize) -> u64 {
    let mut engine = Engine::new(config);
    feed(&mut engine, borrowed(before));
    feed(&mut engine, borrowed(&steady[..warm]));
    let start = dhat::HeapStats::get().total_blocks;
    feed(&mut engine, borrowed(&steady[warm..]));
    dhat::HeapStats::get().total_blocks - start
}

/// The messages of a captured connection, given to a connection made up here.
fn replayed(name: &str) -> (Vec<Recorded>, [u32; 2]) {
    let recording = case::named(name);
    let conversations = conversation::all(&recording);
    let longest =
        conversations.iter().max_by_key(|conversation| conversation.messages.len()).expect("a conversation");
    let messages =
        longest.messages.iter().map(|(direction, bytes)| (*direction == Direction::ToClient, &bytes[..]));
    connection(AT, client(0), Side(SERVER, longest.key.server.port), messages)
}

/// More bytes from the server, segment after segment.
fn download(port: u16, next: [u32; 2], payload: &[u8]) -> Vec<Recorded> {
    (0..PACKETS)
        .map(|n| {
            let header = Tcp {
                sequence: next[1].wrapping_add(n * payload.len() as u32),
                acknowledgment: next[0],
                flags: Tcp::ACK,
                window: 65_535,
                urgent: 0,
            };
            tcp(AT, Side(SERVER, port), client(0), header, payload)
        })
        .collect()
}

#[test]
fn steady_traffic_does_not_allocate() {
    let _profiler = dhat::Profiler::builder().testing().build();
    for depth in [Depth::Classify, Depth::Detect, Depth::Records] {
        let config = config(depth);

        let (hello, next) = replayed("tls/https-h2");
        let encrypted = download(443, next, &[0x5a; 1200]);
        assert_eq!(allocations(&config, &hello, &encrypted, 0), 0, "TLS that has settled, {depth:?}");

        let request = b"GET /film HTTP/1.1\r\nHost: example.org\r\n\r\n";
        let response = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 1000000000\r\n\r\n";
        let (head, next) =
            connection(AT, client(0), Side(SERVER, 80), [(false, &request[..]), (true, &response[..])]);
        let body = download(80, next, &[0x41; 1200]);
        assert_eq!(allocations(&config, &head, &body, 100), 0, "the body of an HTTP response, {depth:?}");

        let unknown = download(9, [1, 1], &[0xf3; 1200]);
        assert_eq!(allocations(&config, &[], &unknown, 100), 0, "bytes of no known protocol, {depth:?}");
    }

    // A DNS query is a whole transaction of its own, so something may be made of each; but not much.
    let query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03org\0\0\x01\0\x01";
    let queries: Vec<Recorded> = (0..PACKETS).map(|_| udp(AT, client(0), Side(SERVER, 53), query)).collect();
    for (depth, most) in [(Depth::Classify, 0), (Depth::Detect, 2)] {
        let count = allocations(&config(depth), &[], &queries, 100);
        let each = count as f64 / f64::from(PACKETS);
        assert!(count <= most * u64::from(PACKETS), "{each:.2} allocations for a DNS query, {depth:?}");
    }
}
