//! Path MTUs: how large a packet may be that goes to an NBMA address with DF set. RFC 1191, RFC 4301 §8.2.
//!
//! Routers on the way say so in ICMP messages that nobody signs. So what they say holds for some minutes only, and there is
//! a least of it: a forger can make us cut packets, and no more.
//! `dmvpn.dataplane.fragmentation` is the same in Python.

use crate::doors::Front;
use crate::hash::Told;
use crate::ipv4::Address;

/// Seconds for which a message counts (RFC 1191 §6.3; `age-timer` of IOS's tunnels).
pub const AGE: f64 = 600.0;
/// Octets to which nobody can talk a path down: Linux believes no less either (`net.ipv4.route.min_pmtu`). A path that is
/// said to be this narrow may be narrower in truth: what goes there has no DF, for routers to cut it further.
pub const LEAST: usize = 552;
/// Addresses that are remembered; the one that was heard of longest ago goes first.
pub const LARGEST: usize = 4096;

/// By front door and address. Empty most of the time, which costs nothing to ask. earliest: when the first of them is over, seconds.
#[derive(Debug)]
pub struct PathMtus {
    learned: Told<Path, Learned>,
    messages: u64,
    earliest: f64,
}

/// The way to an address, in the front door whose table leads there: the same address in another one is elsewhere.
pub type Path = (Front, Address);

/// mtu: octets. until: seconds. message: which one it was.
#[derive(Clone, Copy, Debug)]
struct Learned {
    mtu: usize,
    until: f64,
    message: u64,
}

impl Default for PathMtus {
    fn default() -> Self {
        Self { learned: Told::default(), messages: 0, earliest: f64::INFINITY }
    }
}

impl PathMtus {
    /// Is anything known of any path? now: seconds.
    pub fn knows(&mut self, now: f64) -> bool {
        if self.learned.is_empty() {
            return false;
        }
        self.forget_old(now);
        !self.learned.is_empty()
    }

    /// A packet on this way was too big. mtu: octets of one that is not; now: seconds.
    pub fn learn(&mut self, path: Path, mtu: usize, now: f64) {
        self.forget_old(now);
        self.messages += 1;
        let learned = Learned { mtu: mtu.max(LEAST), until: now + AGE, message: self.messages };
        self.earliest = self.earliest.min(learned.until);
        self.learned.insert(path, learned);
        if self.learned.len() > LARGEST {
            let oldest = self.learned.iter().min_by_key(|(_, learned)| learned.message);
            if let Some((&oldest, _)) = oldest {
                self.learned.remove(&oldest);
            }
        }
    }

    /// Octets of the largest packet that takes this way, None: nothing is known.
    pub fn to(&mut self, path: Path, now: f64) -> Option<usize> {
        self.forget_old(now);
        self.learned.get(&path).map(|learned| learned.mtu)
    }

    /// What nobody asks for goes, too: else one peer that is gone would have all packets looked at forever.
    fn forget_old(&mut self, now: f64) {
        if now < self.earliest {
            return;
        }
        self.learned.retain(|_, learned| now < learned.until);
        self.earliest = self.learned.values().map(|learned| learned.until).fold(f64::INFINITY, f64::min);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: Path = (Front(0), [198, 51, 100, 1]);
    const NEAR: Path = (Front(0), [0; 4]);

    #[test]
    fn what_was_heard_holds_for_some_minutes() {
        let mut paths = PathMtus::default();
        assert_eq!(paths.to(THERE, 0.0), None);
        paths.learn(THERE, 1300, 0.0);
        paths.learn(THERE, 1280, 10.0);
        assert_eq!(paths.to(THERE, AGE), Some(1280));
        assert_eq!(paths.to((Front(1), THERE.1), AGE), None, "the same address in another front door");
        assert!(paths.knows(AGE));
        assert_eq!(paths.to(THERE, AGE + 10.0), None);
        assert!(!paths.knows(AGE + 10.0), "it costs nothing any more");
    }

    #[test]
    fn what_is_over_goes_though_nobody_asks_for_it() {
        let mut paths = PathMtus::default();
        paths.learn(THERE, 1300, 0.0);
        paths.learn(NEAR, 1300, 10.0);
        assert!(paths.knows(AGE));
        assert_eq!(paths.learned.len(), 1);
        assert!(!paths.knows(AGE + 10.0));
        paths.learn(THERE, 1300, 2000.0);
        paths.learn(NEAR, 1300, 2000.0 + AGE);
        assert_eq!(paths.learned.len(), 1);
    }

    #[test]
    fn a_forger_cannot_make_packets_smaller_than_linux_does_nor_fill_the_memory() {
        let mut paths = PathMtus::default();
        paths.learn(THERE, 0, 0.0);
        assert_eq!(paths.to(THERE, 1.0), Some(LEAST));
        for number in 0..LARGEST as u32 {
            paths.learn((Front(0), number.to_be_bytes()), 1300, 1.0);
        }
        assert_eq!(paths.learned.len(), LARGEST);
        assert_eq!(paths.to(THERE, 2.0), None);
        assert_eq!(paths.to(NEAR, 2.0), Some(1300));
    }
}
