//! The clamp of TCP's maximum segment size, `ip tcp adjust-mss`: the number in a SYN (RFC 9293 §3.7.1) is lowered to
//! what fits the tunnel, never raised. Whatever is malformed stays as it is: judging it is the receiver's business.

use crate::checksum::update;
use crate::ipv4::{self, Packet, put_word, word};
use crate::ipv6;

const TCP_HEADER: usize = 20;
const SYN: u8 = 0x02;
const END_OF_OPTIONS: u8 = 0;
const NO_OPERATION: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;

/// Lower the maximum segment size in a packet to `mss`; its checksum is corrected by RFC 1624.
///
/// With `partial` the checksum field is left alone: it only holds the sum of the pseudo header yet.
/// The octets may end behind the TCP header.
pub fn clamp(packet: &mut [u8], mss: u16, partial: bool) {
    let Some(start) = tcp_header(packet) else { return };
    if packet[start + 13] & SYN == 0 {
        return;
    }
    let Some(at) = value(packet, start) else { return };
    let old = word(packet, at);
    if old <= mss {
        return;
    }
    put_word(packet, at, mss);
    if !partial {
        // At an odd place the value lies across two words of the sum: there it counts with its octets swapped.
        let odd = (at - start) & 1 != 0;
        let (old, new) = if odd { (old.swap_bytes(), mss.swap_bytes()) } else { (old, mss) };
        let checksum = update(word(packet, start + 16), old, new);
        put_word(packet, start + 16, checksum);
    }
}

/// Where a whole TCP header begins; None: other protocol, not the first fragment, or too short.
fn tcp_header(packet: &[u8]) -> Option<usize> {
    if let Some(ip) = ipv6::Packet::of(packet) {
        let whole = ip.next_header() == ipv4::TCP && packet.len() >= ipv6::HEADER_LENGTH + TCP_HEADER;
        return whole.then_some(ipv6::HEADER_LENGTH);
    }
    let ip = Packet::of(packet)?;
    let start = ip.header_length();
    let first_of_tcp = ip.protocol() == ipv4::TCP && word(packet, 6) & 0x1FFF == 0;
    (first_of_tcp && start >= ipv4::HEADER_LENGTH && packet.len() >= start + TCP_HEADER).then_some(start)
}

/// Where the value of the maximum segment size option is, RFC 9293 §3.2.
fn value(packet: &[u8], start: usize) -> Option<usize> {
    let end = (start + (usize::from(packet[start + 12] >> 4) << 2)).min(packet.len());
    let mut at = start + TCP_HEADER;
    while at < end && packet[at] != END_OF_OPTIONS {
        if packet[at] == NO_OPERATION {
            at += 1;
            continue;
        }
        let length = if at + 1 < end { usize::from(packet[at + 1]) } else { 0 };
        if length < 2 || at + length > end {
            return None;
        }
        if packet[at] == MAXIMUM_SEGMENT_SIZE {
            return (length == 4).then_some(at + 2);
        }
        at += length;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::Sum;

    /// A TCP packet with flags and options, and the right checksum.
    fn packet(flags: u8, options: &[u8]) -> Vec<u8> {
        let length = 40 + options.len().next_multiple_of(4);
        let mut octets = vec![0; length];
        octets[0] = 0x45;
        put_word(&mut octets, 2, length as u16);
        octets[9] = ipv4::TCP;
        octets[12..20].copy_from_slice(&[10, 1, 0, 1, 10, 2, 0, 1]);
        octets[32] = (((length - 20) / 4) << 4) as u8;
        octets[33] = flags;
        octets[40..40 + options.len()].copy_from_slice(options);
        seal(&mut octets);
        octets
    }

    fn seal(octets: &mut [u8]) {
        put_word(octets, 36, 0);
        let checksum = sum(octets).checksum();
        put_word(octets, 36, checksum);
    }

    fn sum(octets: &[u8]) -> Sum {
        let pseudo =
            crate::ip::Packet::of(octets).map(|ip| ip.pseudo_header(octets.len() - 20)).unwrap_or_default();
        pseudo.and(&octets[20..])
    }

    #[test]
    fn a_syn_gets_the_smaller_value_and_its_checksum_at_even_and_odd_places() {
        for before in [&b""[..], b"\x01", b"\x04\x02", b"\x03\x03\x07"] {
            let mut octets = packet(SYN, &[before, &[2, 4, 0x05, 0xb4]].concat());
            clamp(&mut octets, 1360, false);
            assert_eq!(octets, packet(SYN, &[before, &[2, 4, 0x05, 0x50]].concat()), "{before:?}");
            assert_eq!(sum(&octets).checksum(), 0);
        }
    }

    #[test]
    fn what_is_small_enough_or_no_syn_or_malformed_stays_as_it_is() {
        for (flags, options) in [
            (SYN, &[2u8, 4, 0x05, 0x50][..]),
            (0x10, &[2, 4, 0x05, 0xb4]),
            (SYN, &[2, 3, 0x05, 0xb4]),
            (SYN, &[2, 0, 0x05, 0xb4]),
            (SYN, &[5, 40, 2, 4]),
            (SYN, &[0, 2, 4, 0xff, 0xff]),
            (SYN, &[1, 1, 1, 2]),
        ] {
            let before = packet(flags, options);
            let mut octets = before.clone();
            clamp(&mut octets, 1360, false);
            assert_eq!(octets, before);
        }
    }

    #[test]
    fn a_partial_checksum_is_left_alone() {
        let mut octets = packet(SYN, &[2, 4, 0x05, 0xb4]);
        let checksum = word(&octets, 36);
        clamp(&mut octets, 1360, true);
        assert_eq!((word(&octets, 42), word(&octets, 36)), (1360, checksum));
    }
}
