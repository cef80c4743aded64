//! Put fragments together again, RFC 791 §3.2: bounded in datagrams, pieces, octets and time.
//!
//! What overlaps is no packet of anybody's (RFC 5722 says so for IPv6): all of its datagram is forgotten. What a router on
//! the way marked in one of the pieces holds for the whole (RFC 3168 §5.3). `dmvpn.dataplane.fragmentation` does the same.

use std::collections::{BTreeMap, VecDeque};

use crate::MAX_PACKET;
use crate::ecn;
use crate::ipv4::{Address, Packet, word};

/// Seconds that a datagram may stay incomplete (RFC 791 suggests 15), and how many may be at a time.
pub const TIMEOUT: f64 = 15.0;
/// Datagrams that may be incomplete at a time.
pub const DATAGRAMS: usize = 64;
/// Pieces of one datagram: one of 64 KiB has 125 of them where they are packets of 552 octets.
pub const PIECES: usize = 128;
/// Octets of all incomplete datagrams.
pub const OCTETS: usize = 1 << 18;

const MORE_FRAGMENTS: u16 = 0x2000;
/// The bits before the offset.
const FLAGS: u16 = 0xE000;

/// A fragment that does not fit the others, or is part of no packet, or made one that is to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoiled;

/// A datagram that is all there: type of service, and what is behind the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Of the first piece, and the marks of all.
    pub tos: u8,
    /// Of all pieces.
    pub payload: Vec<u8>,
}

/// Collects fragments of one protocol until a datagram is whole.
#[derive(Debug, Default)]
pub struct Reassembler {
    /// In the order in which they began.
    incomplete: VecDeque<Datagram>,
    octets: usize,
}

/// What tells datagrams apart: source, destination, identification.
type Key = (Address, Address, u16);

/// What came of one. pieces: by where they begin. end: of the last one. marks: of all, a bit for each value of ECN.
#[derive(Debug)]
struct Datagram {
    key: Key,
    since: f64,
    pieces: BTreeMap<usize, Piece>,
    octets: usize,
    end: Option<usize>,
    marks: u8,
}

#[derive(Debug, PartialEq, Eq)]
struct Piece {
    flags: u16,
    tos: u8,
    header: usize,
    payload: Vec<u8>,
}

impl Reassembler {
    /// Take a fragment; return the datagram if that was its last missing one. tos: of it, with what outer headers said.
    /// now: seconds.
    pub fn add(&mut self, fragment: Packet, tos: u8, now: f64) -> Result<Option<Whole>, Spoiled> {
        if !fragment.is_right() {
            return Err(Spoiled);
        }
        let (octets, header) = (fragment.octets(), fragment.header_length());
        let (place, payload) = (word(octets, 6), &octets[header..fragment.total_length()]);
        let (start, more) = (usize::from(place & !FLAGS) << 3, place & MORE_FRAGMENTS != 0);
        let end = start + payload.len();
        if start >= end || end > MAX_PACKET || more && end & 7 != 0 {
            return Err(Spoiled);
        }
        self.forget_old(now);
        let key = (fragment.source(), fragment.destination(), word(octets, 4));
        let known = self.incomplete.iter().position(|datagram| datagram.key == key);
        let index = known.unwrap_or_else(|| {
            self.incomplete.push_back(Datagram::new(key, now));
            self.incomplete.len() - 1
        });
        let datagram = &mut self.incomplete[index];
        let known = datagram.pieces.get(&start);
        if known.is_some_and(|known| known.flags == place & FLAGS && known.payload == payload) {
            return Ok(None); // it came twice
        }
        if !datagram.fits(start, end, more) {
            self.forget(index);
            return Err(Spoiled);
        }
        let piece = Piece { flags: place & FLAGS, tos, header, payload: payload.to_vec() };
        datagram.take(piece, start, if more { None } else { Some(end) });
        self.octets += end - start;
        if Some(datagram.octets) == datagram.end {
            return self.forget(index).ok_or(Spoiled)?.whole().map(Some);
        }
        while self.incomplete.len() > DATAGRAMS || self.octets > OCTETS {
            self.forget(0);
        }
        Ok(None)
    }

    /// Forget what waits too long already. To be called with every packet of the peer, or the pieces of a packet that is
    /// never completed would stay until the next piece.
    pub fn forget_old(&mut self, now: f64) {
        while self.incomplete.front().is_some_and(|oldest| now - oldest.since > TIMEOUT) {
            self.forget(0);
        }
    }

    fn forget(&mut self, index: usize) -> Option<Datagram> {
        let datagram = self.incomplete.remove(index)?;
        self.octets -= datagram.octets;
        Some(datagram)
    }
}

impl Datagram {
    fn new(key: Key, since: f64) -> Self {
        Self { key, since, pieces: BTreeMap::new(), octets: 0, end: None, marks: 0 }
    }

    /// May a piece be there, beside the others?
    fn fits(&self, start: usize, end: usize, more: bool) -> bool {
        let before = self.pieces.range(..=start).next_back();
        let overlaps = before.is_some_and(|(place, piece)| place + piece.payload.len() > start);
        if self.pieces.len() == PIECES || overlaps {
            return false;
        }
        match self.pieces.range(start..).next() {
            Some((&behind, _)) => more && end <= behind,
            None => self.end.is_none(),
        }
    }

    /// Keep a piece that fits. end: of the datagram, if it is the last one.
    fn take(&mut self, piece: Piece, start: usize, end: Option<usize>) {
        self.octets += piece.payload.len();
        self.marks |= 1 << ecn::mark(piece.tos);
        self.end = self.end.or(end);
        self.pieces.insert(start, piece);
    }

    /// The datagram, when all of it is there.
    fn whole(self) -> Result<Whole, Spoiled> {
        let first = self.pieces.get(&0).ok_or(Spoiled)?;
        if first.header + self.octets > MAX_PACKET {
            return Err(Spoiled);
        }
        let tos = ecn::reassembled(first.tos, self.marks).map_err(|_| Spoiled)?;
        Ok(Whole { tos, payload: self.pieces.into_values().flat_map(|piece| piece.payload).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipv4::{put_word, seal_header};
    use proptest::prelude::*;

    fn fragment(identification: u16, start: usize, payload: &[u8], more: bool) -> Vec<u8> {
        let mut octets = vec![0; 20];
        octets[0] = 0x45;
        put_word(&mut octets, 2, (20 + payload.len()) as u16);
        put_word(&mut octets, 4, identification);
        put_word(&mut octets, 6, (start >> 3) as u16 | if more { MORE_FRAGMENTS } else { 0 });
        seal_header(&mut octets, 20);
        octets.extend_from_slice(payload);
        octets
    }

    fn add(to: &mut Reassembler, octets: &[u8], tos: u8, now: f64) -> Result<Option<Whole>, Spoiled> {
        to.add(Packet::of(octets).ok_or(Spoiled)?, tos, now)
    }

    proptest! {
        #[test]
        fn pieces_in_any_order_some_of_them_twice_are_the_datagram(
            data in prop::collection::vec(any::<u8>(), 1..500), size in 1usize..8, order in any::<Vec<prop::sample::Index>>()
        ) {
            let pieces = data.chunks(8 * size).enumerate();
            let pieces: Vec<_> = pieces.map(|(number, piece)| {
                let start = 8 * size * number;
                fragment(7, start, piece, start + piece.len() < data.len())
            }).collect();
            let (mut all, mut whole) = (Reassembler::default(), None);
            for index in order.iter().map(|index| index.index(pieces.len())).chain(0..pieces.len()) {
                let came = add(&mut all, &pieces[index], 0, 0.0);
                prop_assert!(came.is_ok());
                whole = whole.or(came.unwrap_or_default());
            }
            prop_assert_eq!(whole, Some(Whole { tos: 0, payload: data }));
        }

        #[test]
        fn whatever_comes_memory_is_bounded(
            pieces in prop::collection::vec((0u16..200, 0usize..8192, 1usize..9000, any::<bool>(), 0u8..20), 0..300)
        ) {
            let (mut all, mut now) = (Reassembler::default(), 0.0);
            for (identification, start, length, more, later) in pieces {
                now += f64::from(later) / 10.0;
                let _ = add(&mut all, &fragment(identification, 8 * start, &vec![0; length], more), 0, now);
                prop_assert!(all.octets <= OCTETS && all.incomplete.len() <= DATAGRAMS);
                prop_assert_eq!(all.octets, all.incomplete.iter().map(|datagram| datagram.octets).sum::<usize>());
                prop_assert!(all.incomplete.iter().all(|datagram| datagram.pieces.len() <= PIECES));
            }
        }
    }

    #[test]
    fn what_overlaps_or_ends_twice_is_forgotten() {
        for (second, fine) in [
            (fragment(7, 8, &[2; 8], true), true),
            (fragment(7, 0, &[2; 16], true), false),
            (fragment(7, 0, &[1; 8], false), false),
            (fragment(7, 16, &[2; 24], true), false),
            (fragment(7, 24, &[2; 16], true), false),
            (fragment(7, 32, &[2; 8], true), true),
        ] {
            let mut all = Reassembler::default();
            assert_eq!(add(&mut all, &fragment(7, 0, &[1; 8], true), 0, 0.0), Ok(None));
            assert_eq!(add(&mut all, &fragment(7, 16, &[3; 16], true), 0, 0.0), Ok(None));
            assert_eq!(add(&mut all, &second, 0, 0.0).is_ok(), fine);
            assert_eq!(all.incomplete.is_empty(), !fine);
        }
        let mut all = Reassembler::default();
        assert_eq!(add(&mut all, &fragment(7, 16, &[1; 5], false), 0, 0.0), Ok(None));
        assert_eq!(add(&mut all, &fragment(7, 24, &[1; 5], false), 0, 0.0), Err(Spoiled));
    }

    #[test]
    fn a_mark_in_one_piece_is_the_wholes_unless_another_forbids_it() {
        for (first, second, expected) in
            [(2, 3, Ok(3)), (3, 1, Ok(3)), (0xB8, 0, Ok(0xB8)), (0, 3, Err(Spoiled))]
        {
            let mut all = Reassembler::default();
            assert_eq!(add(&mut all, &fragment(7, 0, &[1; 8], true), first, 0.0), Ok(None));
            let whole = add(&mut all, &fragment(7, 8, &[1], false), second, 0.0);
            assert_eq!(whole.map(|whole| whole.map_or(0, |whole| whole.tos)), expected);
        }
    }

    #[test]
    fn only_so_many_datagrams_and_octets_wait_and_the_oldest_goes_first() {
        for (length, most) in [(8, DATAGRAMS), (8192, OCTETS / 8192)] {
            let mut all = Reassembler::default();
            for identification in 0..=most as u16 {
                let piece = fragment(identification, 0, &vec![1; length], true);
                assert_eq!(add(&mut all, &piece, 0, 0.0), Ok(None));
            }
            assert_eq!(all.incomplete.len(), most);
            assert_eq!(all.incomplete.front().map(|oldest| oldest.key.2), Some(1));
        }
    }

    #[test]
    fn what_stays_incomplete_too_long_is_forgotten_though_no_piece_comes_any_more() {
        let mut all = Reassembler::default();
        assert_eq!(add(&mut all, &fragment(7, 0, &[1; 8], true), 0, 0.0), Ok(None));
        all.forget_old(TIMEOUT);
        assert_eq!(all.incomplete.len(), 1);
        all.forget_old(TIMEOUT + 0.1);
        assert_eq!((all.incomplete.len(), all.octets), (0, 0));
    }

    #[test]
    fn what_stays_incomplete_too_long_is_forgotten() {
        for (later, complete) in [(TIMEOUT, true), (TIMEOUT + 0.1, false)] {
            let mut all = Reassembler::default();
            assert_eq!(add(&mut all, &fragment(7, 0, &[1; 8], true), 0, 0.0), Ok(None));
            let whole = add(&mut all, &fragment(7, 8, &[1], false), 0, later);
            assert_eq!(whole.map(|whole| whole.is_some()), Ok(complete));
        }
    }
}
