//! The fields of an IPv4 packet (RFC 791 §3.1) that forwarding looks at, read from octets that nobody has checked.

use crate::checksum::Sum;

/// Octets of a header without options: the least there is.
pub const HEADER_LENGTH: usize = 20;
/// Protocol numbers (IANA).
pub const ICMP: u8 = 1;
/// Group membership.
pub const IGMP: u8 = 2;
/// TCP.
pub const TCP: u8 = 6;
/// UDP.
pub const UDP: u8 = 17;
/// GRE.
pub const GRE: u8 = 47;
/// ESP.
pub const ESP: u8 = 50;

/// Types of ICMP messages that are about other packets: unreachable, redirect, time exceeded, parameter problem.
const ICMP_ERRORS: [u8; 4] = [3, 5, 11, 12];

/// An IPv4 address, as it is in a packet.
pub type Address = [u8; 4];

/// A word at a place that the caller knows to be there.
pub(crate) fn word(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([octets[at], octets[at + 1]])
}

/// Two words at a place that the caller knows to be there.
pub(crate) fn long(octets: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]])
}

/// Write a word.
pub(crate) fn put_word(octets: &mut [u8], at: usize, value: u16) {
    octets[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

/// An address at a place that the caller knows to be there.
pub(crate) fn address(octets: &[u8], at: usize) -> Address {
    [octets[at], octets[at + 1], octets[at + 2], octets[at + 3]]
}

/// A packet of at least [`HEADER_LENGTH`] octets and version 4. Nothing else about it need be true.
#[derive(Clone, Copy)]
pub struct Packet<'a>(&'a [u8]);

impl<'a> Packet<'a> {
    /// See a packet in these octets; None: it is too short or of another version.
    pub fn of(octets: &'a [u8]) -> Option<Self> {
        (octets.len() >= HEADER_LENGTH && octets[0] >> 4 == 4).then_some(Self(octets))
    }

    /// Octets of the header, as it says itself: 0 to 60, perhaps more than there are.
    pub fn header_length(self) -> usize {
        usize::from(self.0[0] & 0x0F) << 2
    }

    /// Type of service.
    pub fn tos(self) -> u8 {
        self.0[1]
    }

    /// Octets of header and data, as it says itself.
    pub fn total_length(self) -> usize {
        usize::from(word(self.0, 2))
    }

    /// More fragments follow, or it is not the first.
    pub fn is_fragment(self) -> bool {
        word(self.0, 6) & 0x3FFF != 0
    }

    /// What the data is.
    pub fn protocol(self) -> u8 {
        self.0[9]
    }

    /// Who sent it.
    pub fn source(self) -> Address {
        address(self.0, 12)
    }

    /// Who shall get it.
    pub fn destination(self) -> Address {
        address(self.0, 16)
    }

    /// Source and destination as one key.
    pub fn pair(self) -> [u8; 8] {
        let mut pair = [0; 8];
        pair.copy_from_slice(&self.0[12..20]);
        pair
    }

    /// Is it what its header says: all there, and the header's checksum right?
    pub fn is_right(self) -> bool {
        self.is_right_of(self.0.len())
    }

    /// The same of a packet of which these octets are the first ones. length: of all there are.
    pub fn is_right_of(self, length: usize) -> bool {
        let (header, total) = (self.header_length(), self.total_length());
        let lengths = HEADER_LENGTH <= header && header <= total && total <= length && header <= self.0.len();
        lengths && Sum::of(&self.0[..header]).checksum() == 0
    }

    /// May an ICMP error answer it? Not errors, multicast, fragments but the first: RFC 1122 §3.2.2.
    pub fn may_be_answered(self) -> bool {
        let destination = self.destination();
        if word(self.0, 6) & 0x1FFF != 0 || destination[0] & 0xF0 == 0xE0 || destination == [0xFF; 4] {
            return false;
        }
        let (header, total) = (self.header_length(), self.total_length());
        let kind = if header < total { self.0.get(header) } else { None };
        self.protocol() != ICMP || kind.is_none_or(|kind| !ICMP_ERRORS.contains(kind))
    }

    /// It must not be cut.
    pub fn is_to_stay_whole(self) -> bool {
        self.0[6] & 0x40 != 0
    }

    /// The octets.
    pub fn octets(self) -> &'a [u8] {
        self.0
    }
}

/// Put the right checksum into a packet whose header has so many octets (as it says itself: perhaps fewer than it needs).
pub(crate) fn seal_header(packet: &mut [u8], length: usize) {
    put_word(packet, 10, 0);
    let checksum = Sum::of(&packet[..length]).checksum();
    put_word(packet, 10, checksum);
}
