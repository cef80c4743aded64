//! Path MTUs: how large a packet may be that goes to an NBMA address with DF set. RFC 1191, RFC 4301 §8.2.
//!
//! Routers on the way say so in ICMP messages that nobody signs. So what they say holds for some minutes only, and packets
//! that every host must take are never called too big: a forger can make us cut packets, and no more.
//! `dmvpn.dataplane.paths` is the same in Python.

use crate::hash::Told;
use crate::ipv4::Address;

/// Seconds for which a message counts (RFC 1191 §6.3; `age-timer` of IOS's tunnels).
pub const AGE: f64 = 600.0;
/// Octets that every host takes (RFC 791 §3.1).
pub const LEAST: usize = 576;
/// Addresses that are remembered; the one that was heard of longest ago goes first.
pub const LARGEST: usize = 4096;

/// By address. Empty most of the time, which costs nothing to ask.
#[derive(Debug, Default)]
pub struct PathMtus {
    learned: Told<Address, Learned>,
    messages: u64,
}

/// mtu: octets. until: seconds. message: which one it was.
#[derive(Clone, Copy, Debug)]
struct Learned {
    mtu: usize,
    until: f64,
    message: u64,
}

impl PathMtus {
    /// Whether nothing is known of any path.
    pub fn is_empty(&self) -> bool {
        self.learned.is_empty()
    }

    /// A packet to there was too big. mtu: octets of one that is not; now: seconds.
    pub fn learn(&mut self, remote: Address, mtu: usize, now: f64) {
        self.messages += 1;
        let learned = Learned { mtu: mtu.max(LEAST), until: now + AGE, message: self.messages };
        self.learned.insert(remote, learned);
        if self.learned.len() > LARGEST {
            let oldest = self.learned.iter().min_by_key(|(_, learned)| learned.message);
            if let Some((&oldest, _)) = oldest {
                self.learned.remove(&oldest);
            }
        }
    }

    /// Octets of the largest packet to there, None: nothing is known.
    pub fn to(&mut self, remote: Address, now: f64) -> Option<usize> {
        let Learned { mtu, until, .. } = *self.learned.get(&remote)?;
        if now >= until {
            self.learned.remove(&remote);
            return None;
        }
        Some(mtu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: Address = [198, 51, 100, 1];

    #[test]
    fn what_was_heard_holds_for_some_minutes() {
        let mut paths = PathMtus::default();
        assert_eq!(paths.to(THERE, 0.0), None);
        paths.learn(THERE, 1300, 0.0);
        paths.learn(THERE, 1280, 10.0);
        assert_eq!(paths.to(THERE, AGE), Some(1280));
        assert!(!paths.is_empty());
        assert_eq!(paths.to(THERE, AGE + 10.0), None);
        assert!(paths.is_empty(), "it costs nothing any more");
    }

    #[test]
    fn a_forger_cannot_make_packets_smaller_than_every_host_takes_nor_fill_the_memory() {
        let mut paths = PathMtus::default();
        paths.learn(THERE, 0, 0.0);
        assert_eq!(paths.to(THERE, 1.0), Some(LEAST));
        for number in 0..LARGEST as u32 {
            paths.learn(number.to_be_bytes(), 1300, 1.0);
        }
        assert_eq!(paths.learned.len(), LARGEST);
        assert_eq!(paths.to(THERE, 2.0), None);
        assert_eq!(paths.to([0; 4], 2.0), Some(1300));
    }
}
