//! ESP that came before its SA: the responder of `IKE_AUTH` may send at once, while the router here still looks at the
//! answer.
//!
//! Such packets wait for a moment. They are the first ones of their SA, so what a peer goes on sending on one that we
//! have lost is not taken for early, and the router hears of it at once. A stranger can fill the room there is, and no more.

use crate::arrived::Arrived;
use crate::sas::Sas;

/// Packets that wait, which is also the highest sequence number of one that is early.
const ROOM: usize = 64;
/// How long, seconds.
const PATIENCE: f64 = 0.2;

/// A copy of a packet, from SPI to check value, and what the headers before it said.
#[derive(Clone, Debug)]
pub struct Held {
    /// `packet` is all of `octets`.
    pub came: Arrived,
    /// The packet.
    pub octets: Vec<u8>,
    since: f64,
}

/// Those that wait for their SA.
#[derive(Debug, Default)]
pub struct Early(Vec<Held>);

impl Early {
    /// Whether none wait.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Have a packet wait, if it may be early; false: it may not. arena: where it was received. now: seconds.
    pub fn hold(&mut self, sas: &Sas, came: &Arrived, arena: &[u8], now: f64) -> bool {
        let early = self.0.len() < ROOM && waits(sas, came, arena) && came.number(arena) as usize <= ROOM;
        if early {
            let octets = arena[came.packet.clone()].to_vec();
            self.0.push(Held { came: Arrived { packet: 0..octets.len(), ..*came }, octets, since: now });
        }
        early
    }

    /// Take those that wait no longer, in the order in which they came. now: seconds.
    pub fn take(&mut self, sas: &Sas, now: f64) -> Vec<Held> {
        let still = |held: &Held| now - held.since < PATIENCE && waits(sas, &held.came, &held.octets);
        let (waiting, over) = std::mem::take(&mut self.0).into_iter().partition(still);
        self.0 = waiting;
        over
    }
}

/// Is there no SA for a packet?
fn waits(sas: &Sas, came: &Arrived, arena: &[u8]) -> bool {
    came.spi(arena).is_ok_and(|spi| sas.find(spi, came.local).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doors::Door;
    use crate::esp::Suite;
    use crate::sas::{Place, Terms};

    const OURS: Door = Door(0);
    const THEIRS: Place = Place { address: [192, 0, 2, 9], port: 4500 };

    fn packet(spi: u32, number: u32) -> (Arrived, Vec<u8>) {
        let octets = [&spi.to_be_bytes()[..], &number.to_be_bytes(), &[0; 24]].concat();
        (Arrived { local: OURS, source: THEIRS, tos: 0, packet: 0..octets.len() }, octets)
    }

    fn install(sas: &mut Sas, spi: u32) {
        let terms = Terms {
            connection: 1,
            spi_in: spi,
            spi_out: 7,
            suite: Suite { bits: 128, hash: None },
            key_in: &[1; 20],
            key_out: &[2; 20],
            hash_key_in: b"",
            hash_key_out: b"",
            local: OURS,
            remote: THEIRS,
            esn: false,
            window: 1024,
            inner: None,
            soft: 0,
            hard: 0,
        };
        assert_eq!(sas.install(&terms, true), Ok(()));
    }

    fn held(early: &mut Early, sas: &Sas, spi: u32, number: u32) -> bool {
        let (came, octets) = packet(spi, number);
        early.hold(sas, &came, &octets, 5.0)
    }

    #[test]
    fn the_first_packets_of_an_sa_wait_for_it_and_come_in_their_order() {
        let (mut early, mut sas) = (Early::default(), Sas::default());
        assert!(held(&mut early, &sas, 9, 1) && held(&mut early, &sas, 8, 1) && held(&mut early, &sas, 9, 2));
        assert!(early.take(&sas, 5.1).is_empty());
        install(&mut sas, 9);
        let numbers: Vec<_> =
            early.take(&sas, 5.1).iter().map(|held| held.came.number(&held.octets)).collect();
        assert_eq!(numbers, [1, 2]);
        assert!(!held(&mut early, &sas, 9, 3), "it has its SA");
        assert_eq!(early.take(&sas, 5.3).len(), 1, "in vain");
        assert!(early.is_empty());
    }

    #[test]
    fn what_is_sent_on_an_sa_that_we_have_lost_does_not_wait() {
        let (mut early, sas) = (Early::default(), Sas::default());
        assert!(!held(&mut early, &sas, 9, 65) && !held(&mut early, &sas, 9, u32::MAX));
        let (came, _) = packet(9, 1);
        let short = Arrived { packet: 0..7, ..came };
        assert!(!early.hold(&sas, &short, &[0, 0, 0, 9, 0, 0, 0], 5.0));
        assert!(early.is_empty());
    }

    #[test]
    fn a_stranger_fills_the_room_for_a_moment_and_no_more() {
        let (mut early, sas) = (Early::default(), Sas::default());
        assert_eq!((0..1000).filter(|&spi| held(&mut early, &sas, spi, 1)).count(), ROOM);
        assert_eq!(early.take(&sas, 5.2).len(), ROOM);
        assert!(held(&mut early, &sas, 9, 1));
    }
}
