//! `virtio_net_hdr` (virtio 1.2 §5.1.6): what the kernel has left to do on a frame of a TAP, or we to the kernel.

use crate::ip::Packet;

/// Octets.
pub const SIZE: usize = 10;
/// Flag: the checksum field holds the sum of the pseudo header only.
pub const NEEDS_CHECKSUM: u8 = 1;
/// The frame is one packet.
pub const GSO_NONE: u8 = 0;
/// The frame is a train of TCP segments over IPv4.
pub const GSO_TCPV4: u8 = 1;
/// The frame is a train of TCP segments over IPv6.
pub const GSO_TCPV6: u8 = 4;
/// The frame is a train of UDP datagrams (Linux 6.2).
pub const GSO_UDP_L4: u8 = 5;
/// Flag of `gso_type`: the first segment may carry CWR (RFC 3168 §6.1.2).
pub const GSO_ECN: u8 = 0x80;

/// The type of a train of TCP segments in packets of this version.
pub(crate) fn tcp_train(packet: Packet) -> u8 {
    match packet {
        Packet::V4(_) => GSO_TCPV4,
        Packet::V6(_) => GSO_TCPV6,
    }
}

/// The header before each frame, in the machine's byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vnet {
    /// [`NEEDS_CHECKSUM`].
    pub flags: u8,
    /// [`GSO_NONE`], [`GSO_TCPV4`], [`GSO_TCPV6`] or [`GSO_UDP_L4`].
    pub gso_type: u8,
    /// Octets of all headers, a hint.
    pub header_length: u16,
    /// Octets of data in each segment but the last.
    pub gso_size: u16,
    /// Where summing begins, octets from the Ethernet header.
    pub checksum_start: u16,
    /// Where the checksum is, in octets from there.
    pub checksum_offset: u16,
}

impl Vnet {
    /// The header at the start of a frame; None: the frame is too short.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let octets = frame.first_chunk::<SIZE>()?;
        let word = |at: usize| u16::from_ne_bytes([octets[at], octets[at + 1]]);
        Some(Self {
            flags: octets[0],
            gso_type: octets[1],
            header_length: word(2),
            gso_size: word(4),
            checksum_start: word(6),
            checksum_offset: word(8),
        })
    }

    /// The octets before a frame.
    pub fn serialize(self) -> [u8; SIZE] {
        let [length, size] = [self.header_length, self.gso_size].map(u16::to_ne_bytes);
        let [start, offset] = [self.checksum_start, self.checksum_offset].map(u16::to_ne_bytes);
        [
            self.flags,
            self.gso_type,
            length[0],
            length[1],
            size[0],
            size[1],
            start[0],
            start[1],
            offset[0],
            offset[1],
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_header_survives_the_round_trip(octets: [u8; SIZE]) {
            prop_assert_eq!(Vnet::parse(&octets).map(Vnet::serialize), Some(octets));
        }
    }

    #[test]
    fn a_frame_without_a_whole_header_has_none() {
        assert_eq!(Vnet::parse(&[0; SIZE - 1]), None);
    }
}
