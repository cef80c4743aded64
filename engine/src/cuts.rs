//! Packets that are too big for the paths to some of their neighbors: each is cut once for each size, however many
//! neighbors it goes to. `dmvpn.dataplane.python.core` is the same in Python.

use std::ops::Range;

use crate::fragments;
use crate::gre;
use crate::ip;
use crate::ipv4::Packet;
use crate::pieces::Piece;
use crate::wire::{Span, Wire};

/// Octets of a packet that an ICMP error quotes, RFC 1812 §4.3.2.3: 576 with both headers.
const QUOTED: usize = 576 - 20 - 8;
/// Of `ICMPv6`, RFC 4443 §2.4 (c).
const QUOTED_V6: usize = 1280 - 40 - 8;

/// What becomes of a packet.
#[derive(Clone, Debug)]
pub(crate) enum Cut {
    /// It is not what its header says, or all header.
    Malformed,
    /// It must not be cut.
    Whole,
    /// In [`Cuts::pieces`].
    Pieces(Range<usize>),
}

/// What became of one packet, by the octets that were to fit.
#[derive(Debug, Default)]
pub(crate) struct Cuts {
    known: Vec<(usize, Cut)>,
    /// Each in GRE, and all of it in [`Wire::heads`].
    pub(crate) pieces: Vec<Piece>,
}

impl Cuts {
    /// Another packet is the next one.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.pieces.clear();
    }

    /// The packet in pieces of at most `largest` octets each. arena: where its body is.
    pub(crate) fn of(
        &mut self,
        packet: Piece,
        key: Option<u32>,
        largest: usize,
        arena: &[u8],
        wire: &mut Wire,
    ) -> Cut {
        if let Some((_, cut)) = self.known.iter().find(|(size, _)| *size == largest) {
            return cut.clone();
        }
        let cut = self.cut(packet, key, largest, arena, wire);
        self.known.push((largest, cut.clone()));
        cut
    }

    fn cut(&mut self, packet: Piece, key: Option<u32>, largest: usize, arena: &[u8], wire: &mut Wire) -> Cut {
        let (head, body) = parts(packet, key, wire, arena);
        let length = head.len() + body.len();
        if let Some(ip::Packet::V6(packet)) = header(head, body) {
            return if packet.total_length() <= length { Cut::Whole } else { Cut::Malformed };
        }
        let found = Packet::of(if head.is_empty() { body } else { head });
        let Some(header) = found.filter(|header| header.is_right_of(length)) else {
            return Cut::Malformed;
        };
        if header.is_to_stay_whole() {
            return Cut::Whole;
        }
        let joined = if head.is_empty() { Vec::new() } else { [head, body].concat() };
        let Some(whole) = Packet::of(if joined.is_empty() { body } else { &joined }) else {
            return Cut::Malformed;
        };
        let begin = self.pieces.len();
        let all = fragments::cut(whole, largest, |header, data| {
            let begin = wire.begin_head(gre::IPV4, key);
            wire.heads.extend_from_slice(header);
            wire.heads.extend_from_slice(data);
            self.pieces.push(Piece { head: wire.end_head(begin), body: Span::default() });
        });
        if all { Cut::Pieces(begin..self.pieces.len()) } else { Cut::Malformed }
    }
}

/// The first octets of a packet in GRE, with at least its IP header; None: it has none.
pub(crate) fn beginning<'a>(
    packet: Piece,
    key: Option<u32>,
    wire: &'a Wire,
    arena: &'a [u8],
) -> Option<ip::Packet<'a>> {
    let (head, body) = parts(packet, key, wire, arena);
    header(head, body)
}

/// So much of a packet in GRE as an ICMP error quotes.
pub(crate) fn quoted(packet: Piece, key: Option<u32>, wire: &Wire, arena: &[u8]) -> Vec<u8> {
    let (head, body) = parts(packet, key, wire, arena);
    let most = if matches!(header(head, body), Some(ip::Packet::V6(_))) { QUOTED_V6 } else { QUOTED };
    head.iter().chain(body).take(most).copied().collect()
}

/// A packet in GRE without that: the headers of one that was cut from a train, and the octets where it was read.
fn parts<'w, 'a>(packet: Piece, key: Option<u32>, wire: &'w Wire, arena: &'a [u8]) -> (&'w [u8], &'a [u8]) {
    (&packet.head.of(&wire.heads)[gre::length(key)..], packet.body.of(arena))
}

fn header<'a>(head: &'a [u8], body: &'a [u8]) -> Option<ip::Packet<'a>> {
    let octets = if head.is_empty() { body } else { head };
    ip::Packet::of(octets)
}
