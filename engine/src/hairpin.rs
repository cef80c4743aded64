//! The hairpin detector: which transit packets came from a tunnel and leave by one of the same NHRP network.
//!
//! The kernel routes between the two, so the only trace of a packet's way is its pair of addresses: where it came from
//! is remembered on its way in and looked up on its way out, for each network: customers may have the same addresses.
//! Both memories are bounded; the oldest is forgotten first.

use std::collections::HashMap;
use std::hash::Hash;

use crate::table::Neighbor;

/// A packet's source and destination, and the NHRP network whose tunnel it came from or leaves by. A detector is for one
/// version of IP, so that the keys of IPv4 are short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Way<P> {
    /// The NHRP network.
    pub network: u32,
    /// Source and destination.
    pub pair: P,
}

/// Where the packets of a pair came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The tunnel's number.
    pub tunnel: u32,
    /// The neighbor.
    pub neighbor: Neighbor,
}

/// What the detector remembers.
#[derive(Debug)]
pub struct Hairpins<P> {
    came_from: Recent<P, Origin>,
    reported: Recent<P, f64>,
}

impl<P: Copy + Eq + Hash> Hairpins<P> {
    /// limit: ways that are remembered.
    pub fn new(limit: usize) -> Self {
        Self { came_from: Recent::new(limit), reported: Recent::new(limit) }
    }

    /// A packet came in.
    pub fn arrived(&mut self, way: Way<P>, origin: Origin) {
        self.came_from.remember(way, origin);
    }

    /// Where the packets of this way came from last.
    pub fn origin(&self, way: Way<P>) -> Option<Origin> {
        self.came_from.get(way)
    }

    /// Whether a way is to be reported now, as it was not within the interval (seconds). If so, that is remembered.
    pub fn is_due(&mut self, way: Way<P>, now: f64, interval: f64) -> bool {
        let due = self.reported.get(way).is_none_or(|last| now - last >= interval);
        if due {
            self.reported.remember(way, now);
        }
        due
    }
}

/// A map that forgets what was remembered longest ago.
#[derive(Debug)]
struct Recent<P, V> {
    limit: usize,
    places: HashMap<Way<P>, usize>,
    entries: Vec<Entry<P, V>>,
    oldest: usize,
    newest: usize,
}

#[derive(Debug)]
struct Entry<P, V> {
    way: Way<P>,
    value: V,
    older: usize,
    newer: usize,
}

/// No entry.
const NONE: usize = usize::MAX;

impl<P: Copy + Eq + Hash, V: Copy> Recent<P, V> {
    fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), places: HashMap::new(), entries: Vec::new(), oldest: NONE, newest: NONE }
    }

    fn get(&self, way: Way<P>) -> Option<V> {
        self.places.get(&way).map(|&place| self.entries[place].value)
    }

    fn remember(&mut self, way: Way<P>, value: V) {
        let place = if let Some(&place) = self.places.get(&way) {
            if place == self.newest {
                self.entries[place].value = value;
                return;
            }
            self.unlink(place);
            place
        } else if self.entries.len() < self.limit {
            self.entries.push(Entry { way, value, older: NONE, newer: NONE });
            self.entries.len() - 1
        } else {
            let place = self.oldest;
            self.unlink(place);
            self.places.remove(&self.entries[place].way);
            place
        };
        self.places.insert(way, place);
        self.entries[place] = Entry { way, value, older: self.newest, newer: NONE };
        match self.newest {
            NONE => self.oldest = place,
            newest => self.entries[newest].newer = place,
        }
        self.newest = place;
    }

    fn unlink(&mut self, place: usize) {
        let Entry { older, newer, .. } = self.entries[place];
        match older {
            NONE => self.oldest = newer,
            older => self.entries[older].newer = newer,
        }
        match newer {
            NONE => self.newest = older,
            newer => self.entries[newer].older = older,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn way(number: u8) -> Way<[u8; 8]> {
        Way { network: 1, pair: [number; 8] }
    }

    #[test]
    fn a_way_is_reported_once_an_interval() {
        let mut hairpins = Hairpins::new(2);
        let due: Vec<bool> = [0.0, 1.0, 7.9, 8.0, 8.1].map(|now| hairpins.is_due(way(1), now, 8.0)).to_vec();
        assert_eq!(due, [true, false, false, true, false]);
        assert!(hairpins.is_due(way(2), 8.2, 8.0), "another pair");
        assert!(hairpins.is_due(Way { network: 2, ..way(1) }, 8.2, 8.0), "another network");
    }

    #[test]
    fn two_pairs_of_ipv6_addresses_are_not_the_same_because_they_begin_alike() {
        let way = |last| {
            let mut pair = [0; 32];
            pair[31] = last;
            Way { network: 1, pair }
        };
        let mut hairpins = Hairpins::new(2);
        assert!(hairpins.is_due(way(1), 0.0, 8.0) && hairpins.is_due(way(2), 0.0, 8.0));
        assert!(!hairpins.is_due(way(1), 1.0, 8.0));
    }

    proptest! {
        /// Against the same as a list, newest last.
        #[test]
        fn exactly_the_last_ones_are_remembered(pairs in prop::collection::vec(0u8..8, 0..60), limit in 1usize..5) {
            let mut recent = Recent::new(limit);
            let mut list: Vec<(u8, usize)> = Vec::new();
            for (value, number) in pairs.into_iter().enumerate() {
                recent.remember(way(number), value);
                list.retain(|(other, _)| *other != number);
                list.push((number, value));
                if list.len() > limit {
                    list.remove(0);
                }
                for number in 0..8 {
                    let expected = list.iter().find(|(other, _)| *other == number).map(|(_, value)| *value);
                    prop_assert_eq!(recent.get(way(number)), expected);
                }
            }
        }
    }
}
