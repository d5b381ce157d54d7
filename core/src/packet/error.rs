use std::fmt;

/// Why a frame is not a packet. Offsets count from the frame's first byte, so one line finds the byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketError {
    /// A header that begins at `at` needs more bytes than are left.
    Truncated { layer: Layer, at: usize, need: usize, have: usize },
    /// A header that begins at `at` says what cannot be.
    Malformed { layer: Layer, at: usize, what: &'static str },
    /// A link type that is not read.
    Unsupported { link: u16 },
    /// More tags, tunnels or extension headers than any honest packet has.
    TooDeep,
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { layer, at, need, have } => {
                write!(f, "{layer} header at byte {at} needs {need} bytes, {have} are left")
            }
            Self::Malformed { layer, at, what } => write!(f, "{layer} header at byte {at}: {what}"),
            Self::Unsupported { link } => write!(f, "link type {link} is not supported"),
            Self::TooDeep => f.write_str("too many headers inside each other"),
        }
    }
}

impl std::error::Error for PacketError {}

/// The header at which reading stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    Ethernet,
    Vlan,
    Llc,
    Loopback,
    LinuxSll,
    Ppp,
    Pppoe,
    CiscoHdlc,
    Ppi,
    Mpls,
    Ipv4,
    Ipv6,
    /// An IPv6 extension header.
    Extension,
    Gre,
    Vxlan,
    Geneve,
    GtpU,
    Teredo,
    Tcp,
    Udp,
    Sctp,
}

impl Layer {
    /// In lower case, as in `malformed.<layer>`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ethernet => "ethernet",
            Self::Vlan => "vlan",
            Self::Llc => "llc",
            Self::Loopback => "loopback",
            Self::LinuxSll => "linux-sll",
            Self::Ppp => "ppp",
            Self::Pppoe => "pppoe",
            Self::CiscoHdlc => "cisco-hdlc",
            Self::Ppi => "ppi",
            Self::Mpls => "mpls",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Extension => "ipv6-extension",
            Self::Gre => "gre",
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::GtpU => "gtp-u",
            Self::Teredo => "teredo",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
