//! What waits for the router: punts in the order in which they came, so many and no more.
//!
//! Any station that knows one of our addresses can make us punt, and unsolicited IKE costs a forger nothing. What a
//! connection vouches for (NHRP of a peer, a pair that is worn, a peer that has moved) is told once and must not be lost
//! for that: strangers get half of the queue.

use std::collections::VecDeque;

use crate::punt::Punt;

/// Punts that may wait, and their octets. A router that is slower loses the newest; its neighbors ask again.
const PUNTS: usize = 8192;
const OCTETS: usize = 8 << 20;

/// Punts that wait, and how much of that is strangers'.
#[derive(Debug, Default)]
pub struct Queue {
    punts: VecDeque<Punt>,
    all: Load,
    strangers: Load,
}

#[derive(Clone, Copy, Debug, Default)]
struct Load {
    punts: usize,
    octets: usize,
}

impl Load {
    /// With another punt; None: it would be more than one part in `parts` of what may wait.
    fn with(self, punt: &Punt, parts: usize) -> Option<Self> {
        let load = Self { punts: self.punts + 1, octets: self.octets + punt.data.len() };
        (load.punts <= PUNTS / parts && load.octets <= OCTETS / parts).then_some(load)
    }
}

impl Queue {
    /// Have a punt wait; false: there is no room for it.
    pub fn put(&mut self, punt: Punt) -> bool {
        let Some(all) = self.all.with(&punt, 1) else { return false };
        if punt.connection == 0 {
            let Some(strangers) = self.strangers.with(&punt, 2) else { return false };
            self.strangers = strangers;
        }
        self.all = all;
        self.punts.push_back(punt);
        true
    }

    /// Take everything.
    pub fn take(&mut self) -> VecDeque<Punt> {
        std::mem::take(self).punts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doors::Door;
    use crate::punt::Reason;

    fn ike(octets: usize) -> Punt {
        let data = vec![0; octets];
        Punt { data, ..Punt::fact(Reason::Ike(Door(0), 500, 0), [192, 0, 2, 9], 0) }
    }

    fn worn() -> Punt {
        Punt::fact(Reason::Worn(7), [192, 0, 2, 1], 1)
    }

    #[test]
    fn a_flood_of_strangers_leaves_room_for_what_is_told_once() {
        for octets in [0, 28, 60_000] {
            let mut queue = Queue::default();
            let taken = (0..2 * PUNTS).filter(|_| queue.put(ike(octets))).count();
            assert!(taken <= PUNTS / 2 && taken * octets <= OCTETS / 2 && taken > 30, "{taken}");
            assert!(queue.put(worn()));
            assert_eq!(queue.take().back(), Some(&worn()));
            assert!(queue.put(ike(octets)), "there is room again");
        }
    }

    #[test]
    fn of_one_neighbor_not_more_waits_than_there_is_room_for() {
        let mut queue = Queue::default();
        assert_eq!((0..2 * PUNTS).filter(|_| queue.put(worn())).count(), PUNTS);
        assert!(!queue.put(ike(0)));
        assert_eq!(queue.take().len(), PUNTS);
    }
}
