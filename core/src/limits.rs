//! Every cap in the program. Memory and time spent on a stranger's bytes end here.

/// First bytes kept per direction of a stream while its protocol is not known.
pub const PROBE_BYTES: usize = 4096;
/// Datagrams of a flow that are probed before it is called unknown.
pub const PROBE_DATAGRAMS: u32 = 8;
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
/// A fragmented IP packet's largest payload, RFC 791.
pub const FRAGMENT_BYTES: usize = 65_535;
/// Fragmented packets being put together at once.
pub const FRAGMENT_TRACKERS: usize = 256;
/// Pieces of one fragmented packet.
pub const FRAGMENT_PIECES: usize = 128;
/// Seconds until an unfinished fragmented packet is dropped (Linux `ipfrag_time`).
pub const FRAGMENT_SECONDS: u64 = 30;
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
/// One header list of HTTP/2, as RFC 9113 §6.5.2 counts it.
pub const HEADER_LIST_BYTES: usize = 128 * 1024;
/// HPACK's dynamic table; browsers ask for 64 KiB.
pub const HPACK_TABLE_BYTES: usize = 64 * 1024;
/// Streams of one HTTP/2 connection that are followed at once; most servers allow 100 or 128.
pub const HTTP2_STREAMS: usize = 128;
