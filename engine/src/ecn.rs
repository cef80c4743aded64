//! Explicit congestion notification through a tunnel: RFC 6040 §4.2.
//!
//! On the way in the outer header gets the inner one's two bits, with its TOS. On the way out the inner header takes what
//! routers between the tunnel's ends marked, or, if its sender would not understand, the packet is dropped, as the router
//! would have done.

use crate::checksum::update;
use crate::ipv4::{put_word, word};

/// The two lower bits of TOS (RFC 3168 §5).
const MASK: u8 = 0b11;
const NOT_ECT: u8 = 0b00;
const ECT_1: u8 = 0b01;
const ECT_0: u8 = 0b10;
const CE: u8 = 0b11;

/// The packet is to be dropped: a router wanted to say so, and its sender would not hear it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Congested;

/// The inner TOS after decapsulation (figure 4 of RFC 6040).
pub fn merged(outer: u8, inner: u8) -> Result<u8, Congested> {
    match (outer & MASK, inner & MASK) {
        (CE, NOT_ECT) => Err(Congested),
        (_, NOT_ECT) => Ok(inner),
        (CE, _) => Ok(inner | CE),
        (ECT_1, ECT_0) => Ok(inner & !MASK | ECT_1),
        _ => Ok(inner),
    }
}

/// The two bits, 0 to 3.
pub fn mark(tos: u8) -> u8 {
    tos & MASK
}

/// The TOS of a packet that came in pieces, RFC 3168 §5.3. tos: of the first one. marks: of all of them, bit n says that
/// one has the mark n.
pub fn reassembled(tos: u8, marks: u8) -> Result<u8, Congested> {
    if marks & 1 << CE == 0 {
        Ok(tos)
    } else if marks & 1 << NOT_ECT != 0 {
        Err(Congested)
    } else {
        Ok(tos | CE)
    }
}

/// Let an IPv6 packet that came out of a tunnel have what the outer TOS says.
pub fn decapsulate_v6(outer: u8, packet: &mut [u8]) -> Result<(), Congested> {
    let first = word(packet, 0);
    let tos = merged(outer, (first >> 4) as u8)?;
    put_word(packet, 0, first & 0xF00F | u16::from(tos) << 4);
    Ok(())
}

/// Let an IPv4 packet that came out of a tunnel have what the outer TOS says.
pub fn decapsulate(outer: u8, packet: &mut [u8]) -> Result<(), Congested> {
    let tos = merged(outer, packet[1])?;
    if tos != packet[1] {
        let before = word(packet, 0);
        packet[1] = tos;
        let checksum = update(word(packet, 10), before, word(packet, 0));
        put_word(packet, 10, checksum);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::Sum;
    use crate::ipv4::seal_header;

    #[test]
    fn what_routers_marked_comes_out_as_figure_4_says() {
        let table = [
            (NOT_ECT, [Ok(NOT_ECT), Ok(NOT_ECT), Ok(NOT_ECT), Err(Congested)]),
            (ECT_0, [Ok(ECT_0), Ok(ECT_1), Ok(ECT_0), Ok(CE)]),
            (ECT_1, [Ok(ECT_1), Ok(ECT_1), Ok(ECT_1), Ok(CE)]),
            (CE, [Ok(CE), Ok(CE), Ok(CE), Ok(CE)]),
        ];
        for (inner, expected) in table {
            assert_eq!([NOT_ECT, ECT_1, ECT_0, CE].map(|outer| merged(outer, inner)), expected);
            assert_eq!(merged(0xB8 | CE, 0x28 | ECT_0), Ok(0x28 | CE), "the rest of TOS is the inner one's");
        }
    }

    #[test]
    fn the_traffic_class_of_ipv6_is_marked_and_the_flow_label_stays() {
        let mut packet = [0x6B, 0xA7, 0x65, 0x43];
        assert_eq!(decapsulate_v6(CE, &mut packet), Ok(()));
        assert_eq!(packet, [0x6B, 0xB7, 0x65, 0x43]);
    }

    #[test]
    fn the_checksum_stays_right() {
        let mut packet = [0x45, 0xBA, 0, 20, 1, 2, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        seal_header(&mut packet, 20);
        assert_eq!(decapsulate(CE, &mut packet), Ok(()));
        assert_eq!((packet[1], Sum::of(&packet).checksum()), (0xBB, 0));
    }
}
