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
/// Longest TLS handshake message that is read; a certificate chain, or a ClientHello with large keys.
pub const HANDSHAKE_BYTES: usize = 64 * 1024;
/// Certificates of one chain that are stated.
pub const CERTIFICATES: usize = 32;
/// Alternative names of a certificate that are stated; some sites share one with hundreds.
pub const CERTIFICATE_NAMES: usize = 256;
/// TLS application data that is passed over while a server that was sent 0-RTT data has not answered.
pub const EARLY_DATA_BYTES: usize = 64 * 1024;
/// Pieces of a QUIC or DTLS handshake message that are not joined yet.
pub const FRAGMENTS: usize = 64;
/// DTLS handshake messages of one flow that are being put together at once.
pub const DTLS_MESSAGES: usize = 4;
/// Datagrams of a QUIC client in which its ClientHello must have come.
pub const QUIC_HELLO_DATAGRAMS: u8 = 10;
