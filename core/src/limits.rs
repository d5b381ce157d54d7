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
/// Octets of a title, an owner or a source in a table.
pub const TITLE_BYTES: usize = 256;
/// Size of one file of services or of one list.
pub const SIGNATURE_FILE_BYTES: usize = 16 * 1024 * 1024;
