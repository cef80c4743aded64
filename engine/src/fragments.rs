//! An IPv4 packet in pieces, RFC 791 §2.3 and §3.2. `dmvpn.net.ipv4` cuts at the same places.

use crate::MAX_PACKET;
use crate::ipv4::{HEADER_LENGTH, Packet, put_word, seal_header, word};

const MORE_FRAGMENTS: u16 = 0x2000;
/// Where a fragment begins, in units of 8 octets.
const OFFSET: u16 = 0x1FFF;
/// Kinds of options, RFC 791 §3.1.
const END_OF_OPTIONS: u8 = 0;
const NO_OPERATION: u8 = 1;
/// The option is in every fragment.
const COPIED: u8 = 0x80;

/// Cut a packet whose header is right so that every piece has at most `mtu` octets; `each` gets header and data of one
/// after the other. Octets after the packet's own length are left out. Whether it may be cut at all is the caller's
/// decision. False: there is no room for a header and 8 octets, or it is a fragment of no packet, since it would end
/// where none does.
pub fn cut(packet: Packet, mtu: usize, mut each: impl FnMut(&[u8], &[u8])) -> bool {
    let (length, end) = (packet.header_length(), packet.total_length());
    let (head, payload) = packet.octets()[..end].split_at(length);
    let place = word(head, 6);
    let mut header = head.to_vec();
    if end <= mtu {
        seal_header(&mut header, length); // of the two zeros that a sum has, a checksum is the other one
        each(&header, payload);
        return true;
    }
    if 8 * usize::from(place & OFFSET) + payload.len() > MAX_PACKET - length {
        return false;
    }
    let mut start = 0;
    while start < payload.len() {
        let room = mtu.saturating_sub(header.len()) & !7;
        if room == 0 {
            return false;
        }
        let end = (start + room).min(payload.len());
        let more = if end < payload.len() { MORE_FRAGMENTS } else { 0 };
        let offset = (place & OFFSET) + (start >> 3) as u16;
        let length = header.len();
        put_word(&mut header, 2, (length + end - start) as u16);
        put_word(&mut header, 6, place & !OFFSET | more | offset);
        seal_header(&mut header, length);
        each(&header, &payload[start..end]);
        if start == 0 {
            keep_copied_options(&mut header);
        }
        start = end;
    }
    true
}

/// Leave those options whose copied flag is set, padded to whole words.
fn keep_copied_options(header: &mut Vec<u8>) {
    let options = header.split_off(HEADER_LENGTH);
    let mut rest = &options[..];
    while let [kind, others @ ..] = rest {
        let length = match (*kind, others) {
            (END_OF_OPTIONS, _) => break,
            (NO_OPERATION, _) => 1,
            (_, [length, ..]) if *length >= 2 && usize::from(*length) <= rest.len() => usize::from(*length),
            _ => break, // malformed from here on: nothing of it can be copied
        };
        if *kind & COPIED != 0 {
            header.extend_from_slice(&rest[..length]);
        }
        rest = &rest[length..];
    }
    header.resize(header.len().next_multiple_of(4), END_OF_OPTIONS);
    header[0] = 0x40 | (header.len() >> 2) as u8;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::Sum;
    use proptest::prelude::*;

    /// A packet with these options, which begins at this offset (in units of 8 octets).
    fn packet(options: &[u8], data: usize, offset: u16) -> Vec<u8> {
        let length = HEADER_LENGTH + options.len();
        let mut octets = vec![0; HEADER_LENGTH];
        octets[0] = 0x40 | (length >> 2) as u8;
        octets[8..10].copy_from_slice(&[64, 17]);
        octets.extend_from_slice(options);
        octets.extend((0..data).map(|octet| octet as u8));
        let total = octets.len() as u16;
        put_word(&mut octets, 2, total);
        put_word(&mut octets, 6, offset);
        seal_header(&mut octets, length);
        octets
    }

    fn pieces(octets: &[u8], mtu: usize) -> Option<Vec<Vec<u8>>> {
        let mut pieces = Vec::new();
        let cut = cut(Packet::of(octets)?, mtu, |header, data| pieces.push([header, data].concat()));
        cut.then_some(pieces)
    }

    proptest! {
        #[test]
        fn pieces_fit_are_whole_packets_and_make_the_packet_again(
            data in 0usize..2000, mtu in 68usize..1500, offset in 0u16..100, last: bool
        ) {
            let whole = packet(&[0x94, 4, 0, 0, 7, 3, 4, 0], data, offset | if last { 0 } else { MORE_FRAGMENTS });
            let cut = pieces(&whole, mtu).unwrap_or_default();
            let mut payload = Vec::new();
            for (number, piece) in cut.iter().enumerate() {
                let length = usize::from(piece[0] & 0x0F) << 2;
                prop_assert!(piece.len() <= mtu && piece.len() == usize::from(word(piece, 2)));
                prop_assert_eq!(Sum::of(&piece[..length]).checksum(), 0);
                prop_assert_eq!(length, if number == 0 { 28 } else { 24 }, "the first option is copied, not the second");
                prop_assert_eq!(usize::from(word(piece, 6) & 0x1FFF), usize::from(offset) + payload.len() / 8);
                let more = number + 1 < cut.len() || !last;
                prop_assert_eq!(word(piece, 6) & MORE_FRAGMENTS != 0, more);
                payload.extend_from_slice(&piece[length..]);
            }
            prop_assert_eq!(&payload, &whole[28..]);
        }

        #[test]
        fn whatever_the_options_are_headers_stay_right(options: [u8; 40]) {
            for piece in pieces(&packet(&options, 100, 0), 76).unwrap_or_default() {
                let length = usize::from(piece[0] & 0x0F) << 2;
                prop_assert!((HEADER_LENGTH..=60).contains(&length) && piece.len() <= 76);
                prop_assert_eq!(Sum::of(&piece[..length]).checksum(), 0);
            }
        }
    }

    #[test]
    fn what_stands_behind_a_packet_is_no_part_of_it() {
        let mut octets = packet(&[], 100, 0);
        octets.extend([0; 50]);
        assert_eq!(pieces(&octets, 120), Some(vec![packet(&[], 100, 0)]));
    }

    #[test]
    fn a_fragment_that_ends_where_no_packet_does_is_not_cut() {
        for (offset, data, fine) in [(8123, 531, true), (8123, 532, false), (8191, 1000, false)] {
            let cut = pieces(&packet(&[], data, offset), 300);
            assert_eq!(cut.is_some(), fine, "{offset} {data}");
            let mut place = usize::from(offset);
            for piece in cut.unwrap_or_default() {
                assert_eq!(usize::from(word(&piece, 6) & OFFSET), place);
                place += (piece.len() - HEADER_LENGTH) / 8;
            }
        }
    }

    #[test]
    fn what_fits_without_the_octets_behind_it_has_the_one_checksum_that_we_write() {
        let mut octets = packet(&[], 100, 0);
        for identification in 0..=u16::MAX {
            put_word(&mut octets, 4, identification);
            seal_header(&mut octets, HEADER_LENGTH);
            if word(&octets, 10) == 0 {
                break;
            }
        }
        let right = octets.clone();
        put_word(&mut octets, 10, 0xFFFF);
        octets.extend([0; 50]);
        assert!(Packet::of(&octets).is_some_and(Packet::is_right));
        assert_eq!(pieces(&octets, 120), Some(vec![right]));
    }

    #[test]
    fn where_nothing_fits_nothing_is_cut() {
        assert_eq!(pieces(&packet(&[], 100, 0), 27), None);
        assert_eq!(pieces(&packet(&[], 100, 0), 28).map(|pieces| pieces.len()), Some(13));
    }
}
