//! Stage 3: bytes of a flow become a protocol and its facts.
//!
//! One file per dissector and one registry, [`all`]. A dissector states facts (`tls.sni`, `http.request.method`) and never
//! judges them. Choosing a parser, `weir protocols`, checking a rule's fields, the registry tests, fuzzing and benches are
//! loops over [`all`].
//!
//! A protocol is recognised by [`Protocol::probe`] from what its specification requires of the first bytes; ports only
//! decide who is asked first. Once recognised, its [`Parser`] is fed every later byte of the flow until it says that
//! nothing later matters.

mod adb;
mod amqp;
mod bacnet;
mod beanstalk;
mod ber;
mod bgp;
mod bittorrent;
mod cassandra;
mod coap;
mod dhcp;
mod dhcpv6;
mod distcc;
pub mod dns;
mod dnscrypt;
mod dtls;
mod esp;
mod finger;
mod firebird;
mod framing;
mod ftp;
mod ftp_data;
mod git;
mod gopher;
mod gpsd;
pub mod http;
mod http2;
mod icmp;
mod icmpv6;
mod iec104;
mod igmp;
mod ike;
mod imap;
mod ipsec;
mod irc;
mod iscsi;
mod kafka;
mod kerberos;
mod ldap;
mod line;
mod llmnr;
mod mail;
mod marks;
mod mdns;
mod memcached;
mod minecraft;
mod modbus;
mod mongodb;
mod mpd;
mod mqtt;
mod mumble;
mod munin;
mod mysql;
mod nat_pmp;
mod nats;
mod nbd;
mod netbios;
mod netflow;
mod nntp;
mod ntlm;
mod ntp;
mod opcua;
mod openvpn;
mod pieces;
mod pop3;
mod postgresql;
mod quic;
mod radius;
mod rdp;
mod redis;
mod rsync;
mod rtcp;
mod rtmp;
mod rtp;
mod rtsp;
mod s7comm;
mod sasl;
mod sflow;
mod short;
mod sip;
mod smb;
mod smpp;
mod smtp;
mod snmp;
mod socks;
mod ssdp;
mod ssh;
mod stomp;
mod stratum;
mod strings;
mod stun;
mod sunrpc;
mod svn;
mod syslog;
mod tds;
mod telnet;
mod tftp;
pub mod tls;
mod vnc;
mod websocket;
mod whois;
mod wireguard;
mod wsd;
mod x11;
mod xmpp;
mod zabbix;
mod zeromq;
mod zookeeper;

use std::fmt::Debug;

use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::{Endpoint, Transport};

/// What a fact is good for, to stages that do not know its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Something about the connection; for records and rules.
    Meta,
    /// A name for the server: SNI, Host, the question of a DNS query. Decides service, owner and category.
    Hostname,
    /// Who logs in, readable by everybody on the way.
    Username,
    /// What they log in with, readable by everybody on the way. Never written out.
    Password,
    /// Something the two sides say in the clear that may hold personal data; searched for leaks when it goes to the server.
    Content,
    /// The X.509 certificate that the server shows for itself, in DER; not those behind it in its chain.
    Certificate,
    /// Four or sixteen octets of an address that the last stated hostname stands for (a DNS answer).
    Address,
    /// The client's JA4 fingerprint, as it is told with the flow.
    Ja4,
}

/// A named value that a dissector declares. Names start with the protocol's: `http.request.method`.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub role: Role,
    /// Where the value stands in the protocol's EVE record: `"hostname"`, `"ja3.hash"`, `"answers[].rdata"`
    /// (a key that is already set in the last element starts the next one), `"cookies[]"` for a plain list; empty for
    /// nowhere, which is a must for [`Role::Username`], [`Role::Password`] and [`Role::Content`].
    pub eve: &'static str,
}

impl Field {
    /// A fact that stands in the event record under `eve`, or nowhere if that is empty.
    pub const fn meta(name: &'static str, eve: &'static str) -> Self {
        Self { name, role: Role::Meta, eve }
    }

    pub const fn new(name: &'static str, role: Role) -> Self {
        Self { name, role, eve: "" }
    }

    pub const fn hostname(name: &'static str, eve: &'static str) -> Self {
        Self { name, role: Role::Hostname, eve }
    }
}

/// The value of a fact, borrowed from the bytes it was found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    Bytes(&'a [u8]),
    Text(&'a str),
    Number(u64),
    /// One of many with a name of its own: a header, a form field.
    Pair(&'a [u8], &'a [u8]),
}

impl<'a> Value<'a> {
    /// The bytes of the value, of a pair its second half; empty for a number.
    pub const fn bytes(&self) -> &'a [u8] {
        match *self {
            Value::Bytes(bytes) | Value::Pair(_, bytes) => bytes,
            Value::Text(text) => text.as_bytes(),
            Value::Number(_) => &[],
        }
    }
}

/// One thing that a dissector saw.
#[derive(Debug, Clone, Copy)]
pub struct Fact<'a> {
    pub field: &'static Field,
    pub value: Value<'a>,
    pub direction: Direction,
}

/// Why something in a flow could not be seen. Said to the user, so that silence is never taken for safety.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unseen {
    /// The content is encrypted.
    Encrypted,
    /// The name is hidden by Encrypted Client Hello.
    Ech,
    /// A QUIC Initial that does not decrypt with the keys of its version.
    QuicUndecryptable,
    /// Bytes are missing: cut by the capture's snap length, lost, or past a cap.
    Truncated,
}

impl Unseen {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Ech => "ech",
            Self::QuicUndecryptable => "quic-undecryptable",
            Self::Truncated => "truncated",
        }
    }
}

/// Where a parser says what it saw.
pub trait Sink {
    /// States a fact. `field` must be one that the protocol declares.
    fn fact(&mut self, field: &'static Field, direction: Direction, value: Value<'_>);

    /// A message or transaction is complete: the facts since the last call make one event record.
    fn end_record(&mut self);

    /// The protocol turned out to be something more exact (`http2` that carries gRPC is `grpc`). Must be a name that
    /// the protocol lists in [`Protocol::variants`].
    fn refine(&mut self, name: &'static str);

    /// Another protocol is carried inside, while this one keeps its name (TLS in a SOCKS tunnel).
    fn inner(&mut self, name: &'static str);

    /// A flow to `server` that was announced in this one, and what it will speak (FTP's data connection).
    fn expect(&mut self, transport: Transport, server: Endpoint, protocol: &'static str);

    /// Something could not be seen.
    fn unseen(&mut self, what: Unseen);

    /// Whether anybody reads this field now. Where this is `false` a parser may skip the work of computing its value.
    fn wants(&self, field: &'static Field) -> bool {
        let _ = field;
        true
    }

    /// Whether content is searched at all. Where this is `false` a parser may skip the work of decoding bodies.
    fn wants_content(&self) -> bool {
        true
    }
}

/// What a protocol thinks of the first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// It is this protocol: what the specification requires is there.
    Match,
    /// It cannot be.
    Mismatch,
    /// It could be; more bytes (or another datagram) will tell.
    NeedMore,
}

/// The beginning of a flow, as far as it was seen.
///
/// Of a stream: the first bytes of both directions, at most [`crate::limits::PROBE_BYTES`] each. Of datagrams: the one
/// that just came, alone in its direction's slice, and the one before it in `previous` if that was not enough to tell.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    pub flow: &'a FlowKey,
    /// Who sent the newest bytes; of a datagram, its direction.
    pub direction: Direction,
    pub to_server: &'a [u8],
    pub to_client: &'a [u8],
    pub previous: Option<Chunk<'a>>,
}

impl<'a> Opening<'a> {
    /// The bytes of one direction.
    pub const fn of(&self, direction: Direction) -> &'a [u8] {
        match direction {
            Direction::ToServer => self.to_server,
            Direction::ToClient => self.to_client,
        }
    }

    /// The newest bytes: the datagram itself, or the stream so far in the direction that just spoke.
    pub const fn newest(&self) -> &'a [u8] {
        self.of(self.direction)
    }

    pub const fn is_datagram(&self) -> bool {
        !matches!(self.flow.transport, Transport::TCP)
    }
}

/// What a parser did with what it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The first `n` bytes are done with. The rest is kept and given again with more behind it.
    /// Datagrams are always done with entirely; their parsers answer `Consumed(bytes.len())`.
    Consumed(usize),
    /// The first `consumed` bytes are done with; there is no sense in asking again before at least `need` bytes
    /// stand behind them. Keeps byte-by-byte arrival linear.
    NeedMore { consumed: usize, need: usize },
    /// Nothing that comes later changes anything: the rest is encrypted, or not to be read.
    Done,
    /// From `consumed` on, in both directions, this is another protocol (STARTTLS, Upgrade: websocket). The name is a
    /// registered protocol's.
    Become { protocol: &'static str, consumed: usize },
    /// From `consumed` on, in both directions, this protocol goes on inside the named one, which hides it (a database that
    /// negotiates TLS on its own connection). It keeps its name; the other is told as the inner one.
    Secured { protocol: &'static str, consumed: usize },
    /// From `consumed` on, in both directions, this carries an unknown protocol that must be probed anew, while the
    /// outer one keeps its name (SOCKS, HTTP CONNECT).
    Carries { consumed: usize },
    /// This breaks the protocol's specification at byte `at`; the sentence says how. What was stated before still holds.
    Malformed { what: &'static str, at: usize },
}

/// Reads one flow of a protocol. Must state the same facts however the stream is cut into chunks.
pub trait Parser: Debug + Send {
    /// Takes the next bytes of one direction: of a stream, everything not yet consumed; of datagrams, one datagram.
    fn feed(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress;

    /// `missing` bytes of `direction` were lost, and what was left unconsumed before them is gone. A parser that can go
    /// on (inside a body of known length) answers `Consumed(0)`; the default gives up on the flow.
    fn gap(&mut self, direction: Direction, missing: u64, out: &mut dyn Sink) -> Progress {
        let _ = (direction, missing);
        out.unseen(Unseen::Truncated);
        Progress::Done
    }

    /// Bytes of `direction` that were consumed but that no fact has spoken of yet (a body that is being gathered). A filter
    /// holds them back until there is a verdict.
    fn undecided(&self, direction: Direction) -> usize {
        let _ = direction;
        0
    }

    /// The flow is over: state what was only waiting for its end (a body without a length).
    fn close(&mut self, flow: &FlowKey, out: &mut dyn Sink) {
        let _ = (flow, out);
    }
}

/// Which first bytes a protocol can begin with; lets the registry ask two or three protocols instead of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstByte {
    Any,
    OneOf(&'static [u8]),
    /// An inclusive range.
    Range(u8, u8),
}

/// One protocol: how it is recognised and how it is read.
pub trait Protocol: Debug + Sync {
    /// Lower-case, the field's usual name: `tls`, `ftp-data`.
    fn name(&self) -> &'static str;

    /// One sentence for `weir protocols`: what it is, with its specification's number.
    fn about(&self) -> &'static str;

    /// The transports it runs on.
    fn transports(&self) -> &'static [Transport];

    /// Its registered ports: a hint for the order of probing, never proof.
    fn ports(&self) -> &'static [u16] {
        &[]
    }

    /// The first byte that `direction` can begin with.
    fn first_byte(&self, direction: Direction) -> FirstByte {
        let _ = direction;
        FirstByte::Any
    }

    /// More exact names that its parser may [`Sink::refine`] to.
    fn variants(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether content is protected on the way, so that a flow may settle once named.
    fn is_encrypted(&self) -> bool {
        false
    }

    fn fields(&self) -> &'static [&'static Field];

    fn probe(&self, opening: &Opening<'_>) -> Probe;

    /// A parser for one flow. Parsers without state are zero-sized, so that boxing them allocates nothing.
    fn parser(&self) -> Box<dyn Parser>;
}

/// Every protocol, strongest evidence first: when two could match, the earlier one is believed.
pub fn all() -> &'static [&'static dyn Protocol] {
    ALL
}

/// The protocol of that name.
pub fn named(name: &str) -> Option<&'static dyn Protocol> {
    ALL.iter().copied().find(|protocol| protocol.name() == name)
}

static ALL: &[&dyn Protocol] = &[
    &tls::PROTOCOL,
    &dtls::PROTOCOL,
    &quic::PROTOCOL,
    &http2::PROTOCOL,
    &http::PROTOCOL,
    &ssh::PROTOCOL,
    &smtp::PROTOCOL,
    &ftp::PROTOCOL,
    &imap::PROTOCOL,
    &pop3::PROTOCOL,
    &irc::PROTOCOL,
    &xmpp::PROTOCOL,
    &rtsp::PROTOCOL,
    &sip::PROTOCOL,
    &ssdp::PROTOCOL,
    &websocket::PROTOCOL,
    &socks::PROTOCOL,
    &telnet::PROTOCOL,
    &mysql::PROTOCOL,
    &postgresql::PROTOCOL,
    &redis::PROTOCOL,
    &mqtt::PROTOCOL,
    &amqp::PROTOCOL,
    &rdp::PROTOCOL,
    &vnc::PROTOCOL,
    &ldap::PROTOCOL,
    &kerberos::PROTOCOL,
    &smb::PROTOCOL,
    &netbios::PROTOCOL,
    &mdns::PROTOCOL,
    &llmnr::PROTOCOL,
    &dns::PROTOCOL,
    &dhcp::PROTOCOL,
    &dhcpv6::PROTOCOL,
    &stun::PROTOCOL,
    &wireguard::PROTOCOL,
    &openvpn::PROTOCOL,
    &ike::PROTOCOL,
    &bittorrent::PROTOCOL,
    &icmp::PROTOCOL,
    &icmpv6::PROTOCOL,
    &igmp::PROTOCOL,
    &adb::PROTOCOL,
    &bacnet::PROTOCOL,
    &beanstalk::PROTOCOL,
    &bgp::PROTOCOL,
    &cassandra::PROTOCOL,
    &distcc::PROTOCOL,
    &dnscrypt::PROTOCOL,
    &esp::PROTOCOL,
    &finger::PROTOCOL,
    &firebird::PROTOCOL,
    &git::PROTOCOL,
    &gopher::PROTOCOL,
    &gpsd::PROTOCOL,
    &iec104::PROTOCOL,
    &ipsec::PROTOCOL,
    &iscsi::PROTOCOL,
    &kafka::PROTOCOL,
    &memcached::PROTOCOL,
    &minecraft::PROTOCOL,
    &modbus::PROTOCOL,
    &mongodb::PROTOCOL,
    &mpd::PROTOCOL,
    &mumble::PROTOCOL,
    &munin::PROTOCOL,
    &nat_pmp::PROTOCOL,
    &nats::PROTOCOL,
    &nbd::PROTOCOL,
    &netflow::PROTOCOL,
    &nntp::PROTOCOL,
    &opcua::PROTOCOL,
    &radius::PROTOCOL,
    &rsync::PROTOCOL,
    &rtmp::PROTOCOL,
    &s7comm::PROTOCOL,
    &sflow::PROTOCOL,
    &smpp::PROTOCOL,
    &snmp::PROTOCOL,
    &stomp::PROTOCOL,
    &stratum::PROTOCOL,
    &sunrpc::PROTOCOL,
    &svn::PROTOCOL,
    &tds::PROTOCOL,
    &tftp::PROTOCOL,
    &whois::PROTOCOL,
    &wsd::PROTOCOL,
    &x11::PROTOCOL,
    &zabbix::PROTOCOL,
    &zeromq::PROTOCOL,
    &zookeeper::PROTOCOL,
    &marks::AJP,
    &marks::BITCOIN,
    &marks::BJNP,
    &marks::C37118,
    &marks::CEPH,
    &marks::CHECKMK,
    &marks::CORBA,
    &marks::DNP3,
    &marks::DRDA,
    &marks::DROPBOX,
    &marks::FASTCGI,
    &marks::FINS,
    &marks::FIX,
    &marks::GEARMAN,
    &marks::HISLIP,
    &marks::IPERF,
    &marks::JRMI,
    &marks::KISMET,
    &marks::KNX,
    &marks::MEGACO,
    &marks::NOMACHINE,
    &marks::OPENFLOW,
    &marks::ORACLE,
    &marks::RADMIN,
    &marks::RAKNET,
    &marks::SOURCE_ENGINE,
    &marks::SPOTIFY,
    &marks::SYNCTHING,
    &marks::TEAMSPEAK,
    &marks::TINC,
    &marks::TPLINK,
    &marks::TUYA,
    &marks::MOSH,
    &marks::N2N,
    &marks::PTP,
    &marks::ENIP,
    &marks::SOMEIP,
    &marks::THRIFT,
    &marks::HART_IP,
    &marks::TEAMVIEWER,
    &marks::RMCP,
    &ntp::PROTOCOL,
    &coap::PROTOCOL,
    &syslog::PROTOCOL,
    &rtcp::PROTOCOL,
    &rtp::PROTOCOL,
    &ftp_data::PROTOCOL,
];

#[cfg(test)]
pub(crate) mod testing;
