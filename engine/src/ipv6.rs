//! The fields of an IPv6 packet (RFC 8200 §3) that forwarding looks at, read from octets that nobody has checked.

use crate::ipv4::word;

/// Octets of the header without extensions.
pub const HEADER_LENGTH: usize = 40;
/// The next header value of `ICMPv6` (IANA).
pub const ICMPV6: u8 = 58;
/// Octets that every path takes (RFC 8200 §5): where there is less room, the packet around it is cut (RFC 2473 §7.1).
pub const LEAST: usize = 1280;

/// Hop-by-Hop Options: before messages of Multicast Listener Discovery (RFC 3810 §5).
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;
/// No header, and no data, follows.
const NOTHING: u8 = 59;
/// `ICMPv6` messages that are no errors have these numbers and higher ones; but a redirect is not to be answered either.
const FIRST_INFORMATIONAL: u8 = 128;
const REDIRECT: u8 = 137;

/// An IPv6 address, as it is in a packet.
pub type Address = [u8; 16];

/// An address at a place that the caller knows to be there.
pub(crate) fn address(octets: &[u8], at: usize) -> Address {
    let mut found = [0; 16];
    found.copy_from_slice(&octets[at..at + 16]);
    found
}

/// Whether kernels follow such a header to a message.
fn precedes(protocol: u8) -> bool {
    matches!(protocol, HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION_OPTIONS)
}

/// A packet of at least [`HEADER_LENGTH`] octets and version 6. Nothing else about it need be true.
#[derive(Clone, Copy)]
pub struct Packet<'a>(&'a [u8]);

impl<'a> Packet<'a> {
    /// See a packet in these octets; None: it is too short or of another version.
    pub fn of(octets: &'a [u8]) -> Option<Self> {
        (octets.len() >= HEADER_LENGTH && octets[0] >> 4 == 6).then_some(Self(octets))
    }

    /// Traffic class.
    pub fn tos(self) -> u8 {
        (word(self.0, 0) >> 4) as u8
    }

    /// What follows the header.
    pub fn next_header(self) -> u8 {
        self.0[6]
    }

    /// Octets of header and payload, as it says itself.
    pub fn total_length(self) -> usize {
        HEADER_LENGTH + usize::from(word(self.0, 4))
    }

    /// Who sent it.
    pub fn source(self) -> Address {
        address(self.0, 8)
    }

    /// Source and destination as one key.
    pub fn pair(self) -> [u8; 32] {
        let mut pair = [0; 32];
        pair.copy_from_slice(&self.0[8..40]);
        pair
    }

    /// The octets.
    pub fn octets(self) -> &'a [u8] {
        self.0
    }

    /// Is it one of Neighbor Discovery or Multicast Listener Discovery (RFC 4861, RFC 2710, RFC 3810)? They concern one
    /// link alone.
    ///
    /// A kernel takes them behind extension headers, too. Only the first fragment says what it is of, and no kernel
    /// takes the others without it. None: this first one does not, and is to be dropped (RFC 7112 §5, RFC 6980 §5).
    pub fn is_of_the_link(self) -> Option<bool> {
        let (mut protocol, mut at, mut is_first) = (self.next_header(), HEADER_LENGTH, false);
        while precedes(protocol) && self.0.len() > at + 3 {
            let mut more = usize::from(self.0[at + 1]);
            if protocol == FRAGMENT {
                if word(self.0, at + 2) & 0xFFF8 != 0 {
                    return Some(false);
                }
                (is_first, more) = (true, 0);
            }
            protocol = self.0[at];
            at += 8 + 8 * more;
        }
        match self.0.get(at).filter(|_| !precedes(protocol)) {
            Some(kind) => Some(protocol == ICMPV6 && matches!(kind, 130..=137 | 143)),
            None => (!is_first || protocol == NOTHING).then_some(false),
        }
    }

    /// May an `ICMPv6` error answer it? RFC 4443 §2.4 (e).
    pub fn may_be_answered(self) -> bool {
        if self.0[24] == 0xFF || self.0[8] == 0xFF || self.source() == [0; 16] {
            return false;
        }
        let kind = if self.total_length() > HEADER_LENGTH { self.0.get(HEADER_LENGTH) } else { None };
        self.next_header() != ICMPV6
            || kind.is_none_or(|&kind| kind >= FIRST_INFORMATIONAL && kind != REDIRECT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet with this next header and these octets behind its header.
    fn packet(next_header: u8, payload: &[u8]) -> Vec<u8> {
        let mut octets = vec![0; HEADER_LENGTH];
        (octets[0], octets[1], octets[5], octets[6]) = (0x6B, 0x80, payload.len() as u8, next_header);
        (octets[8], octets[24]) = (0x20, 0x20);
        octets.extend_from_slice(payload);
        octets
    }

    #[test]
    fn the_traffic_class_lies_across_two_octets() {
        assert_eq!(Packet::of(&packet(17, &[])).map(Packet::tos), Some(0xB8));
        assert!(Packet::of(&packet(17, &[])[..39]).is_none());
    }

    #[test]
    fn what_belongs_to_the_link_is_known_behind_a_header_of_options_too() {
        let report = [ICMPV6, 0, 5, 2, 0, 0, 1, 0, 143];
        let long = [&[ICMPV6, 1], &[0; 14][..], &[131]].concat();
        for (next_header, payload, expected) in [
            (ICMPV6, &[135][..], Some(true)),
            (ICMPV6, &[128], Some(false)),
            (ICMPV6, &[], Some(false)),
            (HOP_BY_HOP, &report, Some(true)),
            (HOP_BY_HOP, &report[..8], Some(false)),
            (HOP_BY_HOP, &long, Some(true)),
            (HOP_BY_HOP, &[ICMPV6], Some(false)),
            (DESTINATION_OPTIONS, &report, Some(true)),
            (ROUTING, &report, Some(true)),
            (FRAGMENT, &[ICMPV6, 9, 0, 1, 0, 0, 0, 7, 136], Some(true)),
            (FRAGMENT, &[ICMPV6, 0, 0, 8, 0, 0, 0, 7, 136], Some(false)),
            (HOP_BY_HOP, &[FRAGMENT, 0, 1, 4, 0, 0, 0, 0, ICMPV6, 0, 0, 0, 0, 0, 0, 7, 135], Some(true)),
            (17, &[135], Some(false)),
        ] {
            let packet = packet(next_header, payload);
            assert_eq!(Packet::of(&packet).map(Packet::is_of_the_link), Some(expected));
        }
    }

    #[test]
    fn a_first_fragment_without_all_headers_does_not_say_what_it_is_of() {
        let first = |next_header: u8, rest: &[u8]| [&[next_header, 0, 0, 1, 0, 0, 0, 7], rest].concat();
        for (fragment, expected) in [
            (first(ICMPV6, &[]), None),
            (first(17, &[]), None),
            (first(NOTHING, &[]), Some(false)),
            (first(17, &[0]), Some(false)),
            (first(DESTINATION_OPTIONS, &[]), None),
            (first(DESTINATION_OPTIONS, &[ICMPV6, 1, 1, 12, 0, 0, 0, 0]), None),
            (first(DESTINATION_OPTIONS, &[ICMPV6, 0, 1, 4, 0, 0, 0, 0]), None),
            (first(DESTINATION_OPTIONS, &[ICMPV6, 0, 1, 4, 0, 0, 0, 0, 128]), Some(false)),
            (first(FRAGMENT, &[DESTINATION_OPTIONS, 0, 0, 9, 0, 0, 0, 0]), Some(false)),
        ] {
            let packet = packet(FRAGMENT, &fragment);
            assert_eq!(Packet::of(&packet).map(Packet::is_of_the_link), Some(expected));
        }
    }

    #[test]
    fn errors_redirects_and_groups_are_not_answered() {
        for (kind, expected) in [(1, false), (128, true), (137, false)] {
            assert_eq!(Packet::of(&packet(ICMPV6, &[kind])).map(Packet::may_be_answered), Some(expected));
        }
        for place in [8, 24] {
            let mut octets = packet(17, &[]);
            octets[place] = 0xFF;
            assert_eq!(Packet::of(&octets).map(Packet::may_be_answered), Some(false));
        }
    }
}
