//! A packet that may become part of a train of [`crate::merge`]: which may, and which of them belong together.

use crate::checksum::Sum;
use crate::ipv4::{self, HEADER_LENGTH, Packet, long, word};
use crate::vnet::{GSO_TCPV4, GSO_UDP_L4};

const TCP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
const ACK: u8 = 0x10;
const PSH: u8 = 0x08;

/// What a train consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Segments that follow each other.
    Tcp,
    /// Datagrams.
    Udp,
}

impl Kind {
    /// What the kernel calls a train of them.
    pub(crate) fn gso_type(self) -> u8 {
        match self {
            Self::Tcp => GSO_TCPV4,
            Self::Udp => GSO_UDP_L4,
        }
    }

    /// Where the checksum is, in octets after the IP header.
    pub(crate) fn checksum_offset(self) -> usize {
        match self {
            Self::Tcp => 16,
            Self::Udp => 6,
        }
    }
}

/// A packet that may become part of a train.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    octets: &'a [u8],
    /// TCP or UDP.
    pub(crate) kind: Kind,
    /// Octets before its data.
    pub(crate) header_length: usize,
    /// It has PSH: nothing may follow.
    pub(crate) pushes: bool,
}

impl<'a> Part<'a> {
    /// See a part in a packet; None: it must stay alone.
    pub(crate) fn of(octets: &'a [u8]) -> Option<Self> {
        let packet = Packet::of(octets)?;
        let plain =
            octets[0] == 0x45 && packet.total_length() == octets.len() && word(octets, 6) & !0x4000 == 0;
        if !plain {
            return None;
        }
        let part = match packet.protocol() {
            ipv4::TCP => Self::tcp(octets),
            ipv4::UDP => Self::udp(octets),
            _ => None,
        }?;
        let right = Sum::of(&octets[..HEADER_LENGTH]).checksum() == 0
            && packet.pseudo_header(octets.len() - HEADER_LENGTH).and(&octets[HEADER_LENGTH..]).checksum()
                == 0;
        // Ones' complement has two zeros; the code that cuts the frame writes one of them, so a packet with the other
        // stays alone.
        (right && word(octets, 10) != 0xFFFF).then_some(part)
    }

    fn tcp(octets: &'a [u8]) -> Option<Self> {
        let tcp = octets.get(HEADER_LENGTH..).filter(|tcp| tcp.len() >= TCP_HEADER)?;
        let header_length = HEADER_LENGTH + (usize::from(tcp[12] >> 4) << 2);
        let data = header_length >= HEADER_LENGTH + TCP_HEADER && header_length < octets.len();
        let plain = data && tcp[13] & !PSH == ACK && word(tcp, 16) != 0xFFFF;
        plain.then_some(Self { octets, kind: Kind::Tcp, header_length, pushes: tcp[13] & PSH != 0 })
    }

    fn udp(octets: &'a [u8]) -> Option<Self> {
        let udp = octets.get(HEADER_LENGTH..).filter(|udp| udp.len() > UDP_HEADER)?;
        // Without a checksum it would get one.
        let plain = usize::from(word(udp, 4)) == udp.len() && word(udp, 6) != 0;
        let header_length = HEADER_LENGTH + UDP_HEADER;
        plain.then_some(Self { octets, kind: Kind::Udp, header_length, pushes: false })
    }

    /// Where in its stream it is, if it is part of one.
    pub(crate) fn sequence(&self) -> Option<u32> {
        (self.kind == Kind::Tcp).then(|| long(self.octets, 24))
    }

    /// The IP header's.
    pub(crate) fn identification(&self) -> u16 {
        word(self.octets, 4)
    }

    /// Whether it has the hosts and ports of these headers.
    pub(crate) fn is_of_flow(&self, headers: &[u8]) -> bool {
        self.octets[12..24] == headers[12..24]
    }

    /// Whether its headers differ from those of a train only in what cutting changes.
    pub(crate) fn fits(&self, headers: &[u8]) -> bool {
        let same = |from: usize, to: usize| self.octets[from..to] == headers[from..to];
        // TOS; flags, TTL, protocol; then of TCP acknowledgement and header length; window; urgent pointer and options.
        headers.len() == self.header_length
            && same(1, 2)
            && same(6, 10)
            && (self.kind == Kind::Udp || same(28, 33) && same(34, 36) && same(38, self.header_length))
    }
}
