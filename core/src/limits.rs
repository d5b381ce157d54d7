//! Every cap in the program. Memory and time spent on a stranger's bytes end here.

use std::time::Duration;

/// First bytes kept per direction of a stream while its protocol is not known.
pub const PROBE_BYTES: usize = 4096;
/// Datagrams of a flow that are probed before it is called unknown.
pub const PROBE_DATAGRAMS: u32 = 16;
/// Unconsumed bytes kept per direction for a parser. Fits a ClientHello with post-quantum shares and a long header block.
pub const PENDING_BYTES: usize = 64 * 1024;
/// Decoded bytes of one message body that are searched.
pub const BODY_BYTES: usize = 64 * 1024;
/// Longest line of a text protocol.
pub const LINE_BYTES: usize = 8 * 1024;
/// Output bytes per input byte when inflating; more is a bomb.
pub const INFLATE_RATIO: usize = 1024;
/// Link layers and tunnels walked through before a packet is left alone.
pub const TUNNEL_DEPTH: usize = 8;
/// Extension headers of an IPv6 packet that are walked through.
pub const EXTENSION_HEADERS: usize = 8;
/// A fragmented IP packet's largest payload, RFC 791.
pub const FRAGMENT_BYTES: usize = 65_535;
/// Fragmented packets being put together at once.
pub const FRAGMENT_TRACKERS: usize = 256;
/// Bytes of unfinished fragmented packets that are kept.
pub const FRAGMENT_MEMORY: usize = 4 * 1024 * 1024;
/// Separate pieces of one fragmented packet.
pub const FRAGMENT_PIECES: usize = 128;
/// Seconds until an unfinished fragmented packet is dropped (Linux `ipfrag_time`).
pub const FRAGMENT_SECONDS: u64 = 30;
/// Rules of one policy file.
pub const POLICY_RULES: usize = 10_000;
/// Flows kept at once, over all partitions.
pub const FLOWS: usize = 131_072;
/// Parts of the flow table that never share a flow; the most workers there can be. Fixed, so that what a full partition
/// gives up does not depend on the number of workers.
pub const PARTITIONS: usize = 16;
/// Flows compared when a full table gives one up.
pub const EVICTION_SAMPLE: usize = 16;
/// Silence after which a TCP flow is over.
pub const IDLE_TCP: Duration = Duration::from_secs(1800);
/// Silence after which a TCP flow that was reset or finished from both sides is over.
pub const IDLE_FINISHED: Duration = Duration::from_secs(30);
/// Silence after which any other flow is over.
pub const IDLE_OTHER: Duration = Duration::from_secs(300);
/// How far from the expected sequence number a segment may be and still belong to the connection (64 MiB).
pub const STREAM_WINDOW: u32 = 64 << 20;
/// Segments per direction that wait for missing ones.
pub const QUEUE_SEGMENTS: usize = 256;
/// Bytes per direction that wait for missing ones.
pub const QUEUE_BYTES: usize = 256 * 1024;
/// Bytes of an unrecognised flow that are searched, per direction.
pub const UNKNOWN_BYTES: usize = 64 * 1024;
/// Different findings kept per flow.
pub const FLOW_FINDINGS: usize = 64;
/// Times a flow may turn into another protocol.
pub const PROTOCOL_CHANGES: u32 = 8;
/// Facts gathered into one event record.
pub const RECORD_FACTS: usize = 512;
/// Names learned from DNS answers that are remembered.
pub const LEARNED_NAMES: usize = 16_384;
/// Announced flows (FTP data, RTP) that are awaited.
pub const EXPECTED_FLOWS: usize = 1024;
/// Used inspections kept for the next flow.
pub const POOLED_INSPECTIONS: usize = 256;
/// Characters of a wire value that are written into a record.
pub const SHOWN_CHARACTERS: usize = 512;
/// Longest frame that a capture's record may claim; libpcap itself stops at 256 KiB.
pub const FRAME_BYTES: usize = 16 * 1024 * 1024;
/// Longest pcapng block: the longest frame with its header and options.
pub const BLOCK_BYTES: usize = FRAME_BYTES + 64 * 1024;
/// Interfaces described in one pcapng section.
pub const CAPTURE_INTERFACES: usize = 65_536;
/// Consecutive pcap records of nothing but zeros; more are the unwritten end of a preallocated or sparse file.
pub const ZERO_RECORDS: u32 = 65_536;
/// Largest window of a zstd-compressed capture, what `zstd -d` itself accepts unasked.
pub const ZSTD_WINDOW_BYTES: u64 = 128 * 1024 * 1024;
/// Bytes of one message or file that are searched at all.
pub const CONTENT_BYTES: usize = 1024 * 1024;
/// Bytes that two consecutive pieces of one content have in common.
pub const CONTENT_OVERLAP: usize = 256;
/// Multipart bodies inside each other, RFC 2046.
pub const MIME_DEPTH: usize = 8;
/// Bytes of one length-prefixed message that are read at once; what a longer one has behind them is counted past.
/// Below [`PENDING_BYTES`], so that a whole message can be waited for.
pub const MESSAGE_BYTES: usize = 60 * 1024;
/// Octets of a host name, RFC 1035 section 2.3.4 without the length octets.
pub const HOST_BYTES: usize = 253;
/// Octets of one label of a host name, RFC 1035 section 2.3.4.
pub const LABEL_BYTES: usize = 63;
/// Names in one suffix table: of all services, or of all domain lists.
pub const HOST_ENTRIES: usize = 2_000_000;
/// Services that can be told apart.
pub const SERVICES: usize = 16_384;
/// Domain lists in force at once.
pub const DOMAIN_LISTS: usize = 1_024;
/// Address prefixes of all services.
pub const ADDRESS_PREFIXES: usize = 65_536;
/// Octets of an identifier that a table gives: of a service, a list, an owner.
pub const IDENTIFIER_BYTES: usize = 64;
/// Longest TLS handshake message that is read; a certificate chain, or a ClientHello with large keys.
pub const HANDSHAKE_BYTES: usize = 64 * 1024;
/// Certificates of one chain that are stated.
pub const CERTIFICATES: usize = 32;
/// Alternative names of a certificate that are stated; some sites share one with hundreds.
pub const CERTIFICATE_NAMES: usize = 256;
/// TLS application data that is passed over while a server that was sent 0-RTT data has not answered.
pub const EARLY_DATA_BYTES: usize = 64 * 1024;
/// One head (start line and header fields) of HTTP and its relatives; must be below what is kept for a parser.
pub const HEAD_BYTES: usize = PENDING_BYTES - 1024;
/// Header fields of one message that are stated; servers accept 100 (Apache) to 2000 (Node.js).
pub const HEADER_FIELDS: u16 = 1024;
/// Requests waiting for their response on one connection.
pub const PIPELINED_REQUESTS: usize = 64;
/// Decoded bytes of one message to the server that are searched, in pieces of `BODY_BYTES`.
pub const REQUEST_BODY_BYTES: usize = 1024 * 1024;
/// Bytes at the end of a piece that the next one begins with, so that nothing hides on the cut.
pub const PIECE_OVERLAP_BYTES: usize = 256;
/// Content codings of one body, one inside the other.
pub const CONTENT_CODINGS: usize = 3;
/// Bytes of one fact that are searched for personal data: the longest piece of content and its overlap.
pub const SEARCHED_BYTES: usize = BODY_BYTES + CONTENT_OVERLAP;
/// Encodings that are undone one inside the other.
pub const DECODE_LAYERS: u8 = 3;
/// Texts of one fact that are decoded.
pub const DECODED_TEXTS: usize = 16;
/// Bytes of one fact that decoding may make.
pub const DECODED_BYTES: usize = 64 * 1024;
/// Output bytes per input byte of compressed data inside a value.
pub const DECODE_RATIO: usize = 32;
/// Documents and keys inside each other on the way to one value.
pub const TRAIL_STEPS: u8 = 16;
/// Objects and arrays of JSON inside each other.
pub const JSON_DEPTH: usize = 64;
/// Values of the phone's own, its contacts' included.
pub const DEVICE_VALUES: usize = 4096;
/// Forms and encodings of these values that are looked for at once.
pub const DEVICE_PATTERNS: usize = 65_536;
/// Octets of a title, an owner or a source in a table.
pub const TITLE_BYTES: usize = 256;
/// Size of one file of services or of one list.
pub const SIGNATURE_FILE_BYTES: usize = 16 * 1024 * 1024;
/// Lists and dictionaries in each other in bencoded data; BitTorrent's messages need three.
pub const BENCODE_DEPTH: u8 = 16;
/// RTP sources told for each side of a flow; a call has one per microphone, camera and quality.
pub const RTP_SOURCES: usize = 8;
/// Pieces of a QUIC handshake that are not joined yet.
pub const CRYPTO_RANGES: usize = 64;
/// Pieces of a QUIC or DTLS handshake message that are not joined yet.
pub const FRAGMENTS: usize = 64;
/// DTLS handshake messages of one flow that are being put together at once.
pub const DTLS_MESSAGES: usize = 4;
/// Datagrams of a QUIC client in which its ClientHello must have come.
pub const QUIC_HELLO_DATAGRAMS: u8 = 10;
/// Different pairs of protocol and party that a report tells apart.
pub const REPORT_TALKS: usize = 16_384;
/// Different findings that a report lists.
pub const REPORT_FINDINGS: usize = 10_000;
/// One header list of HTTP/2, as RFC 9113 §6.5.2 counts it.
pub const HEADER_LIST_BYTES: usize = 128 * 1024;
/// HPACK's dynamic table; browsers ask for 64 KiB.
pub const HPACK_TABLE_BYTES: usize = 64 * 1024;
/// Streams of one HTTP/2 connection that are followed at once; most servers allow 100 or 128.
pub const HTTP2_STREAMS: usize = 128;
/// Pieces of one message with findings in them that its record is kept from repeating.
pub const LEAKY_FACTS: usize = 16;
/// Bytes per direction whose segments are sampled, to notice a retransmission with other content.
pub const SAMPLED_BYTES: u64 = 64 * 1024;
