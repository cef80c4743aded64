//! A packet of either version of IP: what both have, at different places. Headers of IPv6 are those without extensions.

use crate::checksum::Sum;
use crate::ipv4::{self, put_word, seal_header, word};
use crate::ipv6;

/// A packet whose least header is there. Nothing else about it need be true.
#[derive(Clone, Copy)]
pub enum Packet<'a> {
    /// Version 4.
    V4(ipv4::Packet<'a>),
    /// Version 6.
    V6(ipv6::Packet<'a>),
}

impl<'a> Packet<'a> {
    /// See a packet in these octets; None: it is too short, or of another version.
    pub fn of(octets: &'a [u8]) -> Option<Self> {
        ipv4::Packet::of(octets).map(Self::V4).or_else(|| ipv6::Packet::of(octets).map(Self::V6))
    }

    /// The octets.
    pub fn octets(self) -> &'a [u8] {
        match self {
            Self::V4(packet) => packet.octets(),
            Self::V6(packet) => packet.octets(),
        }
    }

    /// Octets of the header. One of IPv4 may say anything itself.
    pub fn header_length(self) -> usize {
        match self {
            Self::V4(packet) => packet.header_length(),
            Self::V6(_) => ipv6::HEADER_LENGTH,
        }
    }

    /// Octets of header and data, as it says itself.
    pub fn total_length(self) -> usize {
        match self {
            Self::V4(packet) => packet.total_length(),
            Self::V6(packet) => packet.total_length(),
        }
    }

    /// What follows the header.
    pub fn protocol(self) -> u8 {
        match self {
            Self::V4(packet) => packet.protocol(),
            Self::V6(packet) => packet.next_header(),
        }
    }

    /// Whether its data, all of it and nothing else, follows a header without faults in its lengths.
    pub fn is_whole(self) -> bool {
        let length = self.octets().len();
        let right = match self {
            Self::V4(packet) => {
                !packet.is_fragment() && (ipv4::HEADER_LENGTH..=length).contains(&packet.header_length())
            }
            Self::V6(_) => true,
        };
        right && self.total_length() == length
    }

    /// Source and destination.
    pub fn hosts(self) -> &'a [u8] {
        match self {
            Self::V4(packet) => &packet.octets()[12..20],
            Self::V6(packet) => &packet.octets()[8..40],
        }
    }

    /// The sum of the pseudo header (RFC 9293 §3.1, RFC 8200 §8.1) for so many octets of transport header and data.
    pub fn pseudo_header(self, length: usize) -> Sum {
        Sum::of(self.hosts()).word(u16::from(self.protocol())).word(length as u16)
    }
}

/// Write the header of one of the packets of a train.
///
/// `ip_length`: octets of the header; `length`: of what follows; `number`: of the packet, from 0, by which the
/// identification counts up.
pub(crate) fn write_header(octets: &mut [u8], ip_length: usize, length: usize, number: usize) {
    if octets[0] >> 4 == 6 {
        put_word(octets, 4, length as u16);
    } else {
        put_word(octets, 2, (ip_length + length) as u16);
        let identification = word(octets, 4).wrapping_add(number as u16);
        put_word(octets, 4, identification);
        seal_header(octets, ip_length);
    }
}
