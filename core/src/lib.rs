//! Weir's core: bytes in, verdicts out.
//!
//! This crate opens no file and no socket, reads no clock, starts no thread, writes no log and holds no `unsafe`. Frames
//! come as slices, time comes as an argument ([`time::Timestamp`]), and every answer is a value. So a capture from last
//! year gives the same answers as an interface, and a test moves time by passing another number.
//!
//! Bytes go one way through seven stages:
//!
//! ```text
//! bytes → packet → flow → protocol → finding → verdict → event → report
//! &[u8]   Packet   Chunk   Fact       Finding   Verdict   Event   Report
//! ```
//!
//! A stage may use the stages to its left, never one to its right. Only [`engine`] knows them all.
//!
//! # 1. Packets
//!
//! [`packet`] reads a frame's headers and answers with the innermost IP packet: link layers, VLAN tags and tunnels are
//! walked through, at most [`limits::TUNNEL_DEPTH`] of them. Plain TCP and UDP take a short straight way; everything
//! else goes through `etherparse`'s slices, and a property test holds the two ways together. A frame that breaks gives a
//! [`packet::PacketError`] with layer, offset and the bytes that it needed.
//!
//! # 2. Flows
//!
//! [`flow`] puts packets into conversations. [`flow::table`] finds the flow, [`flow::defragment`] puts IP fragments
//! together, [`flow::stream`] puts TCP segments in order. Out come [`flow::Chunk`]s: the next bytes of one direction, or one
//! datagram. The first version of a byte wins; where another one is noticed, that is a finding.
//!
//! # 3. Protocols
//!
//! [`protocol`] holds one file per dissector and one registry, [`protocol::all`]. A dissector recognises its protocol by
//! [`probe`](protocol::Protocol::probe) and reads it with a [`Parser`](protocol::Parser), which states facts
//! (`tls.sni`, `http.request.method`) to a [`Sink`](protocol::Sink) and never judges them. What a fact is good for to
//! stages that do not know the protocol is its field's [`Role`](protocol::Role).
//!
//! # 4. Findings
//!
//! [`finding`] turns facts into [`Finding`](finding::Finding)s: what leaks ([`finding::leak`]), what is suspicious
//! ([`finding::suspicious`]), what looks like somebody in between ([`finding::interception`]), what tries to be read
//! otherwise ([`finding::evasion`]). A [`Detector`](finding::Detector) sees one fact at a time and keeps no state. It
//! compares with what is in [`rules::RuleSet`]: the phone's own values, services and lists ([`names`]). A finding holds the
//! masked value, never the value.
//!
//! # 5. Verdicts
//!
//! [`policy`] is a pure function from what is known of a flow and its findings to a [`Verdict`](policy::Verdict), with the
//! rule or the finding that decided.
//!
//! # 6. Events
//!
//! [`event`] is what the engine tells: a flow at its end, a finding at the moment it was made, a message of a protocol.
//! [`event::eve`] writes them as JSON Lines in Suricata's EVE format.
//!
//! # 7. Reports
//!
//! [`report`] adds events up into who talked to whom and what was given away. How that looks is the business of whoever
//! shows it.
//!
//! # The engine
//!
//! [`engine::Engine`] is all of it in one thread, with two doors: [`packet`](engine::Engine::packet) for captures and
//! interfaces, [`chunk`](engine::Engine::chunk) for a tunnel that ends TCP itself and forwards only what was inspected.
//! [`engine::Shard`] and [`engine::Correlator`] are its two halves, for whoever wants several cores.
//!
//! ```
//! use weir_core::engine::{Config, Depth, Engine, Frame};
//! use weir_core::event::Event;
//! use weir_core::packet::LinkType;
//! use weir_core::time::Timestamp;
//!
//! let mut engine = Engine::new(&Config {
//!     rules: Default::default(),
//!     policy: Default::default(),
//!     depth: Depth::Detect,
//!     seed: Default::default(),
//! });
//! // 192.0.2.1:40000 asks 192.0.2.53:53 over UDP for the address of example.org.
//! let packet: &[u8] = b"\x45\0\0\x39\0\0\0\0\x40\x11\0\0\xc0\0\x02\x01\xc0\0\x02\x35\
//!     \x9c\x40\0\x35\0\x25\0\0\
//!     \0\x07\x01\0\0\x01\0\0\0\0\0\0\x07example\x03org\0\0\x01\0\x01";
//! let mut told = Vec::new();
//! let frame = Frame {
//!     id: 1,
//!     number: 1,
//!     at: Timestamp::from_seconds(1_780_272_000),
//!     link: LinkType::RAW,
//!     length: packet.len() as u32,
//!     bytes: packet,
//! };
//! engine.packet(&frame, &mut |event| told.push(event)).expect("a whole packet");
//! engine.finish(1, &mut |event| told.push(event));
//! let [Event::Flow(flow)] = &told[..] else { panic!("one flow") };
//! assert_eq!(flow.protocol, Some("dns"));
//! assert_eq!(flow.hostname.as_deref(), Some("example.org"));
//! ```
//!
//! Every cap on memory and time stands in [`limits`].

#![forbid(unsafe_code)]

pub mod bytes;
pub mod engine;
pub mod event;
pub mod finding;
pub mod flow;
pub mod limits;
pub mod names;
pub mod packet;
pub mod policy;
pub mod protocol;
pub mod report;
pub mod rules;
pub mod severity;
pub mod text;
pub mod time;
