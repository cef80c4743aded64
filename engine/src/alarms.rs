//! How often the router is told what others can make happen: ESP that nobody knows, GRE in clear, packets too big.
//!
//! The same addresses are told once a second, so that one peer that lost its SAs is heard beside others; and there is a
//! limit to all of them together, because an address costs a forger nothing.

use std::collections::HashSet;

use crate::doors::Door;
use crate::ipv4::Address;
use crate::sas::Place;

/// Alarms in all.
const PER_SECOND: usize = 100;

/// The subject of a report, mostly with the door that received the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alarm {
    /// GRE in clear for a protected tunnel, from there.
    Clear(Door, Address),
    /// ESP for an SA that is not, from there.
    Spi(Door, Place),
    /// A packet between these two is too big for its path.
    TooBig([u8; 8]),
    /// The same over IPv6.
    TooBigV6([u8; 32]),
}

/// Who was told of within the running second.
#[derive(Debug, Default)]
pub struct Alarms {
    since: f64,
    told: HashSet<Alarm>,
}

impl Alarms {
    /// Is this to be told? now: seconds.
    pub fn may_tell(&mut self, alarm: Alarm, now: f64) -> bool {
        if !(self.since <= now && now < self.since + 1.0) {
            self.since = now;
            self.told.clear();
        }
        self.told.len() < PER_SECOND && self.told.insert(alarm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_told_once_a_second_and_not_more_than_a_hundred_in_all() {
        let mut alarms = Alarms::default();
        let alarm = |number: u8| Alarm::Clear(Door(0), [192, 0, 2, number]);
        assert!(alarms.may_tell(alarm(0), 7.0));
        assert!(!alarms.may_tell(alarm(0), 7.9));
        assert_eq!((1..200).filter(|&number| alarms.may_tell(alarm(number), 7.5)).count(), PER_SECOND - 1);
        assert!(alarms.may_tell(alarm(0), 8.0));
    }
}
