//! A packet that may become part of a train of [`crate::merge`]: which may, and which of them belong together.

use crate::checksum::Sum;
use crate::ip::Packet;
use crate::ipv4::{self, HEADER_LENGTH, long, word};
use crate::vnet::{GSO_UDP_L4, tcp_train};

const TCP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
/// Octets of two ports.
const PORTS: usize = 4;
/// In a TCP header.
const TCP_HEADER_LENGTH: usize = 12;
/// The same.
pub(crate) const TCP_FLAGS: usize = 13;
const ACK: u8 = 0x10;
/// What nothing may follow.
pub(crate) const PSH: u8 = 0x08;

/// What a train consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Segments that follow each other.
    Tcp,
    /// Datagrams.
    Udp,
}

impl Kind {
    /// What the kernel calls a train of them. packet: one of them.
    pub(crate) fn gso_type(self, packet: Packet) -> u8 {
        match self {
            Self::Tcp => tcp_train(packet),
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
    packet: Packet<'a>,
    octets: &'a [u8],
    /// Octets of its IP header.
    pub(crate) ip_length: usize,
    /// TCP or UDP.
    pub(crate) kind: Kind,
    /// Octets before its data.
    pub(crate) header_length: usize,
    /// It has PSH: nothing may follow.
    pub(crate) pushes: bool,
}

impl<'a> Part<'a> {
    /// See a part in a packet; None: it must stay alone, as whatever has IP options or extension headers.
    pub(crate) fn of(octets: &'a [u8]) -> Option<Self> {
        let packet = Packet::of(octets)?;
        let ip_length = packet.header_length();
        let plain = match packet {
            Packet::V4(_) => ip_length == HEADER_LENGTH && octets[6] & 0x80 == 0,
            Packet::V6(_) => true,
        };
        if !plain || !packet.is_whole() {
            return None;
        }
        let (_, transport) = octets.split_at(ip_length);
        let (kind, length) = match packet.protocol() {
            ipv4::TCP => (Kind::Tcp, tcp_header(transport)?),
            ipv4::UDP => (Kind::Udp, udp_header(transport)?),
            _ => return None,
        };
        // Ones' complement has two zeros; the code that cuts the frame writes one of them, so a packet with the other
        // stays alone.
        let header_is_right = match packet {
            Packet::V4(_) => Sum::of(&octets[..ip_length]).checksum() == 0 && word(octets, 10) != 0xFFFF,
            Packet::V6(_) => true,
        };
        let right = header_is_right && packet.pseudo_header(transport.len()).and(transport).checksum() == 0;
        let pushes = kind == Kind::Tcp && transport[TCP_FLAGS] & PSH != 0;
        right.then_some(Self { packet, octets, ip_length, kind, header_length: ip_length + length, pushes })
    }

    /// Where in its stream it is, if it is part of one.
    pub(crate) fn sequence(&self) -> Option<u32> {
        (self.kind == Kind::Tcp).then(|| long(self.octets, self.ip_length + 4))
    }

    /// The IP header's, if it has one.
    pub(crate) fn identification(&self) -> Option<u16> {
        matches!(self.packet, Packet::V4(_)).then(|| word(self.octets, 4))
    }

    /// Whether it has the hosts and ports of these headers.
    pub(crate) fn is_of_flow(&self, headers: &[u8]) -> bool {
        // The hosts are the last of an IP header, and the ports the first behind it.
        let flow = self.ip_length - self.packet.hosts().len()..self.ip_length + PORTS;
        self.octets[0] >> 4 == headers[0] >> 4 && self.octets[flow.clone()] == headers[flow]
    }

    /// Whether its headers differ from those of a train of its flow only in what cutting changes.
    pub(crate) fn fits(&self, headers: &[u8]) -> bool {
        let same = |from: usize, to: usize| self.octets[from..to] == headers[from..to];
        let ip_fits = match self.packet {
            // TOS; flags, TTL and protocol.
            Packet::V4(_) => same(1, 2) && same(6, 10),
            // Traffic class and flow label; next header and hop limit.
            Packet::V6(_) => same(0, 4) && same(6, 8),
        };
        let tcp = self.ip_length;
        // Acknowledgement and header length; window; urgent pointer and options.
        let tcp_fits =
            || same(tcp + 8, tcp + 13) && same(tcp + 14, tcp + 16) && same(tcp + 18, self.header_length);
        headers.len() == self.header_length && ip_fits && (self.kind == Kind::Udp || tcp_fits())
    }
}

/// Octets of the header of a segment that may be merged; None: it must stay alone.
fn tcp_header(tcp: &[u8]) -> Option<usize> {
    let length = usize::from(tcp.get(TCP_HEADER_LENGTH)? >> 4) << 2;
    let with_data = TCP_HEADER <= length && length < tcp.len();
    (with_data && tcp[TCP_FLAGS] & !PSH == ACK && word(tcp, 16) != 0xFFFF).then_some(length)
}

/// The same of a datagram: one without a checksum would get one.
fn udp_header(udp: &[u8]) -> Option<usize> {
    let with_data = udp.len() > UDP_HEADER;
    (with_data && usize::from(word(udp, 4)) == udp.len() && word(udp, 6) != 0).then_some(UDP_HEADER)
}
