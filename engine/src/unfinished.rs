//! The way in: what is still to be done to a packet that came out of GRE. Mostly nothing.
//!
//! Generic receive offload, on by default on every Ethernet card, looks into GRE and merges the TCP segments it finds;
//! a raw socket then returns one packet of up to 64 KiB whose inner TCP checksum is the pseudo header's sum (seen on
//! Linux 6.18). So does a neighbor behind a virtual cable, whose kernel leaves the checksum to a card that is not
//! there. The TAP is told what is missing, as a network card would.

use crate::ETHERNET;
use crate::ip::Packet;
use crate::ipv4::{self, word};
use crate::vnet::{NEEDS_CHECKSUM, Vnet, tcp_train};

const TCP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
/// Linux sends no smaller segments (`TCP_MIN_SND_MSS`).
const LEAST_SEGMENT: usize = 48;

/// Where in its transport header a whole packet has a checksum that is to be completed; None: it lacks nothing.
///
/// A right checksum that happens to be equal to the pseudo header's sum does no harm: completing it gives the same value
/// again.
pub fn lacks_checksum(packet: Packet) -> Option<usize> {
    let (checksum_offset, least) = match packet.protocol() {
        ipv4::TCP => (16, TCP_HEADER),
        ipv4::UDP => (6, UDP_HEADER),
        _ => return None,
    };
    let (octets, ip_length) = (packet.octets(), packet.header_length());
    if !packet.is_whole() || octets.len() < ip_length + least {
        return None;
    }
    let pseudo = packet.pseudo_header(octets.len() - ip_length).folded();
    (word(octets, ip_length + checksum_offset) == pseudo).then_some(checksum_offset)
}

/// What the TAP must be told about a packet.
///
/// mtu: octets, what the segments of a merged packet must fit, since nobody says how long they were.
pub fn unfinished(packet: Packet, mtu: usize) -> Vnet {
    let Some(checksum_offset) = lacks_checksum(packet) else {
        return Vnet::default();
    };
    let train = (packet.protocol() == ipv4::TCP).then(|| tcp_train(packet));
    left(packet.octets(), packet.header_length(), train, checksum_offset, mtu)
}

/// The work left on a packet without a checksum. train: its type if it may be a merged one.
fn left(octets: &[u8], ip_length: usize, train: Option<u8>, checksum_offset: usize, mtu: usize) -> Vnet {
    let left = Vnet {
        flags: NEEDS_CHECKSUM,
        checksum_start: (ETHERNET + ip_length) as u16,
        checksum_offset: checksum_offset as u16,
        ..Vnet::default()
    };
    let Some(gso_type) = train.filter(|_| octets.len() > mtu) else { return left };
    let header_length = ip_length + (usize::from(octets[ip_length + 12] >> 4) << 2);
    let size = mtu.saturating_sub(header_length).max(LEAST_SEGMENT);
    if header_length < ip_length + TCP_HEADER || header_length + size >= octets.len() {
        return left;
    }
    Vnet { gso_type, header_length: (ETHERNET + header_length) as u16, gso_size: size as u16, ..left }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::Sum;
    use crate::ipv4::put_word;
    use crate::vnet::GSO_TCPV4;

    /// A packet with `data` octets of data, whose checksum is the sum of the pseudo header.
    fn merged(protocol: u8, data: usize) -> Vec<u8> {
        let mut octets = vec![0; 40 + data];
        octets[0] = 0x45;
        put_word(&mut octets, 2, (40 + data) as u16);
        octets[9] = protocol;
        octets[12..20].copy_from_slice(&[10, 1, 0, 1, 10, 2, 0, 1]);
        octets[32..34].copy_from_slice(&[0x50, 0x10]);
        let pseudo = Packet::of(&octets).map_or(0, |packet| packet.pseudo_header(20 + data).folded());
        put_word(&mut octets, if protocol == ipv4::TCP { 36 } else { 26 }, pseudo);
        octets
    }

    fn offload(octets: &[u8]) -> Option<Vnet> {
        Packet::of(octets).map(|packet| unfinished(packet, 1400))
    }

    #[test]
    fn a_merged_packet_is_cut_again_to_the_mtu() {
        let expected = Vnet {
            flags: NEEDS_CHECKSUM,
            gso_type: GSO_TCPV4,
            header_length: 54,
            gso_size: 1360,
            checksum_start: 34,
            checksum_offset: 16,
        };
        assert_eq!(offload(&merged(ipv4::TCP, 60_000)), Some(expected));
    }

    #[test]
    fn a_small_one_only_lacks_its_checksum() {
        for (protocol, checksum_offset) in [(ipv4::TCP, 16), (ipv4::UDP, 6)] {
            let expected =
                Vnet { flags: NEEDS_CHECKSUM, checksum_start: 34, checksum_offset, ..Vnet::default() };
            assert_eq!(offload(&merged(protocol, 1000)), Some(expected));
        }
    }

    #[test]
    fn a_finished_packet_and_a_fragment_and_a_padded_one_lack_nothing() {
        let mut right = merged(ipv4::TCP, 1000);
        put_word(&mut right, 36, 0);
        let pseudo = Packet::of(&right).map(|packet| packet.pseudo_header(1020)).unwrap_or_default();
        let checksum = pseudo.and(&right[20..]).checksum();
        put_word(&mut right, 36, checksum);
        let mut fragment = merged(ipv4::TCP, 1000);
        fragment[6] = 0x20;
        let mut padded = merged(ipv4::TCP, 1000);
        padded.push(0);
        for octets in [right, fragment, padded, merged(ipv4::ICMP, 1000)] {
            assert_eq!(offload(&octets), Some(Vnet::default()));
        }
    }

    #[test]
    fn completing_a_right_checksum_gives_the_same_again() {
        let mut octets = merged(ipv4::TCP, 2);
        let pseudo = word(&octets, 36);
        // Choose the data so that the right checksum is the pseudo header's sum.
        let rest = Sum::of(&octets[20..]).word(pseudo).checksum();
        put_word(&mut octets, 40, rest);
        let vnet = offload(&octets).unwrap_or_default();
        assert_eq!(vnet.flags, NEEDS_CHECKSUM);
        let before = octets.clone();
        assert_eq!(crate::segment::complete(vnet, &mut octets), Ok(()));
        assert_eq!(octets, before);
    }
}
