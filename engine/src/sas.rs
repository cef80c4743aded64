//! The security associations: which connection a packet takes, and which of its pairs of SAs.
//!
//! [`Sas`] is all of them, by number of the connection, by addresses and by inbound SPI. A [`Link`] is a connection:
//! where its peer is, its pairs, and which of them is sent on. A [`Pair`] is what one peer and we send each other under
//! one set of keys (RFC 4301 §4.4.2). `dmvpn.dataplane.esp.table` says the same in Python.
//!
//! What changes with each packet of a pair is atomic or behind a lock of its own, since packets are sealed and opened
//! while nobody holds the core's lock. A sequence number, which is a nonce, is given out once, however many threads
//! ask; that packets of a batch have theirs in order is because the core plans them under its lock.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use crate::doors::Door;
use crate::esp::{BadKeys, Inbound, Opened, Outbound, Refused, Suite};
use crate::hash::Told;
use crate::ipv4::{Address, HEADER_LENGTH};
use crate::locked;
use crate::reassembly::Reassembler;
use crate::silence::Silence;

/// Packets after which a pair without extended sequence numbers is worn: three quarters of them.
const WORN_PACKETS: u64 = 3 << 30;
/// Octets of a UDP header.
const UDP_HEADER: usize = 8;

/// Where a peer is. port: of UDP, 0: protocol 50.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// Its NBMA address.
    pub address: Address,
    /// Of UDP, 0: protocol 50.
    pub port: u16,
}

/// What the control plane says of a pair of SAs.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// Its connection, never 0.
    pub connection: u64,
    /// We chose it; it names the pair.
    pub spi_in: u32,
    /// The peer chose it.
    pub spi_out: u32,
    /// How packets are protected.
    pub suite: Suite,
    /// Of the cipher, an AEAD's salt at the end; what we receive with.
    pub key_in: &'a [u8],
    /// What we send with.
    pub key_out: &'a [u8],
    /// Of HMAC, empty for an AEAD.
    pub hash_key_in: &'a [u8],
    /// Likewise.
    pub hash_key_out: &'a [u8],
    /// Where we receive.
    pub local: Door,
    /// The peer.
    pub remote: Place,
    /// Extended sequence numbers.
    pub esn: bool,
    /// Of replay protection, packets; 0: none.
    pub window: u64,
    /// Source and destination of the IP header inside ESP as we write it; None: transport mode.
    pub inner: Option<(Address, Address)>,
    /// Octets after which the pair is worn, 0: never.
    pub soft: u64,
    /// Octets after which nothing goes any more, 0: no limit.
    pub hard: u64,
}

/// What a pair carried. Octets are of the payload, before padding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Which pair.
    pub spi_in: u32,
    /// Packets.
    pub sent: u64,
    /// Octets.
    pub sent_octets: u64,
    /// Packets.
    pub received: u64,
    /// Octets.
    pub received_octets: u64,
    /// Packets that were too old, or came before.
    pub replayed: u64,
    /// Packets that did not open.
    pub broken: u64,
    /// Packets that a limit, or the kernel, refused.
    pub unsent: u64,
}

#[derive(Default)]
struct Counters {
    sent: AtomicU64,
    sent_octets: AtomicU64,
    received: AtomicU64,
    received_octets: AtomicU64,
    replayed: AtomicU64,
    broken: AtomicU64,
    unsent: AtomicU64,
    top: AtomicU64,
}

/// What one peer and we send each other under one set of keys.
pub struct Pair {
    /// We chose it; it names the pair.
    pub spi_in: u32,
    /// Whose it is.
    pub connection: u64,
    /// Source and destination of the IP header inside ESP as we write it; None: transport mode.
    pub inner: Option<(Address, Address)>,
    /// What we send.
    pub outbound: Outbound,
    inbound: Mutex<Inbound>,
    order: u64,
    esn: bool,
    soft: u64,
    hard: u64,
    worn: AtomicBool,
    counters: Counters,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Pair({:08x} of {})", self.spi_in, self.connection)
    }
}

impl Pair {
    fn new(terms: &Terms, order: u64) -> Result<Self, BadKeys> {
        let Terms { suite, esn, .. } = *terms;
        Ok(Self {
            spi_in: terms.spi_in,
            connection: terms.connection,
            inner: terms.inner,
            outbound: Outbound::new(suite, terms.spi_out, terms.key_out, terms.hash_key_out, esn)?,
            inbound: Mutex::new(Inbound::new(suite, terms.key_in, terms.hash_key_in, esn, terms.window)?),
            order,
            esn,
            soft: terms.soft,
            hard: terms.hard,
            worn: AtomicBool::new(false),
            counters: Counters::default(),
        })
    }

    /// The sequence number of the next packet, which has so many octets of payload; None: nothing more may be sent.
    /// No number is given out twice, also where two threads ask: the counter and its check are one step.
    pub fn next_number(&self, octets: usize) -> Option<u64> {
        let number = self.reserve(octets as u64);
        if number.is_none() {
            self.counters.unsent.fetch_add(1, Relaxed);
        }
        number
    }

    fn reserve(&self, octets: u64) -> Option<u64> {
        let Counters { sent, sent_octets, .. } = &self.counters;
        let most = if self.hard == 0 { u64::MAX } else { self.hard };
        let fits = |total: u64| total.checked_add(octets).filter(|&total| total <= most);
        sent_octets.fetch_update(Relaxed, Relaxed, fits).ok()?;
        let next = |number: u64| (number < self.outbound.last()).then_some(number + 1);
        let number = sent.fetch_update(Relaxed, Relaxed, next).ok();
        if number.is_none() {
            sent_octets.fetch_sub(octets, Relaxed);
        }
        Some(number? + 1)
    }

    /// Packets that got a number were refused by the kernel.
    pub fn count_unsent(&self, packets: u64) {
        self.counters.unsent.fetch_add(packets, Relaxed);
    }

    /// Open a packet in its place; None: it is counted, and nothing else is to be done with it.
    pub fn open(&self, packet: &mut [u8]) -> Option<Opened> {
        let counters = &self.counters;
        let mut inbound = locked(&self.inbound);
        if self.hard != 0 && counters.received_octets.load(Relaxed) >= self.hard {
            counters.broken.fetch_add(1, Relaxed);
            return None;
        }
        match inbound.open(packet) {
            Ok(opened) => {
                counters.received.fetch_add(1, Relaxed);
                counters.received_octets.fetch_add(opened.payload.len() as u64, Relaxed);
                counters.top.store(inbound.top(), Relaxed);
                Some(opened)
            }
            Err(why) => {
                let counter = if why == Refused::Replayed { &counters.replayed } else { &counters.broken };
                counter.fetch_add(1, Relaxed);
                None
            }
        }
    }

    /// Has it carried all that it should? True once.
    pub fn wears_out(&self) -> bool {
        let most = |one: &AtomicU64, other: &AtomicU64| one.load(Relaxed).max(other.load(Relaxed));
        let counters = &self.counters;
        let worn = self.soft != 0 && most(&counters.sent_octets, &counters.received_octets) >= self.soft
            || !self.esn && most(&counters.sent, &counters.top) >= WORN_PACKETS;
        worn && !self.worn.swap(true, Relaxed)
    }

    fn count(&self) -> Count {
        let counters = &self.counters;
        Count {
            spi_in: self.spi_in,
            sent: counters.sent.load(Relaxed),
            sent_octets: counters.sent_octets.load(Relaxed),
            received: counters.received.load(Relaxed),
            received_octets: counters.received_octets.load(Relaxed),
            replayed: counters.replayed.load(Relaxed),
            broken: counters.broken.load(Relaxed),
            unsent: counters.unsent.load(Relaxed),
        }
    }
}

/// A connection.
#[derive(Debug)]
pub struct Link {
    /// A newer one has a higher number.
    pub number: u64,
    /// Where we receive.
    pub local: Door,
    /// Where the peer is.
    pub place: Place,
    /// The pair that is sent on.
    pub current: Arc<Pair>,
    /// In the order of installation.
    pairs: Vec<Received>,
    /// The newest pair that the peer was heard on, by its order.
    latest: u64,
    /// The place that was reported last, because good packets came from there.
    elsewhere: Option<Place>,
    /// Of what came in pieces out of tunnel mode; what one peer sends of them costs the others nothing.
    pub fragments: Reassembler,
    /// Whether the peer answers.
    pub silence: Silence,
}

/// A pair of a link. pending: it is sent on when the peer is heard on it.
#[derive(Debug)]
struct Received {
    pair: Arc<Pair>,
    pending: bool,
}

impl Link {
    fn new(terms: &Terms, pair: &Arc<Pair>) -> Self {
        Self {
            number: terms.connection,
            local: terms.local,
            place: terms.remote,
            current: Arc::clone(pair),
            pairs: vec![Received { pair: Arc::clone(pair), pending: false }],
            latest: 0,
            elsewhere: None,
            fragments: Reassembler::default(),
            silence: Silence::default(),
        }
    }

    /// Octets of the largest GRE packet that leaves on the current pair in an IPv4 packet of `mtu` octets.
    pub fn room(&self, mtu: usize) -> usize {
        let outside = HEADER_LENGTH + if self.place.port == 0 { 0 } else { UDP_HEADER };
        let inside = if self.current.inner.is_some() { HEADER_LENGTH } else { 0 };
        self.current.outbound.largest(mtu.saturating_sub(outside)).saturating_sub(inside)
    }

    fn add(&mut self, pair: &Arc<Pair>, eager: bool) {
        self.pairs.push(Received { pair: Arc::clone(pair), pending: !eager });
        if eager {
            self.send_on(pair);
        }
    }

    /// Send on this pair from now on: those before it are over, those after it still wait.
    fn send_on(&mut self, pair: &Arc<Pair>) {
        self.current = Arc::clone(pair);
        for known in &mut self.pairs {
            known.pending = false;
            if Arc::ptr_eq(&known.pair, pair) {
                return;
            }
        }
    }

    /// The peer sends on this pair: so may we.
    pub fn confirm(&mut self, pair: &Arc<Pair>) {
        if self.pairs.iter().any(|known| known.pending && Arc::ptr_eq(&known.pair, pair)) {
            self.send_on(pair);
        }
    }

    /// A good packet, the newest of this pair, came from there: is that worth telling? What still comes on a pair after
    /// the peer went over to a newer one says nothing of where the peer is.
    pub fn heard(&mut self, pair: &Pair, source: Place) -> bool {
        if pair.order < self.latest {
            return false;
        }
        self.latest = pair.order;
        if source == self.place {
            self.elsewhere = None;
            return false;
        }
        self.elsewhere.replace(source) != Some(source)
    }
}

/// All connections and their pairs of SAs.
#[derive(Debug, Default)]
pub struct Sas {
    links: Told<u64, Link>,
    between: Told<(Door, Address), Vec<u64>>,
    pairs: Told<u32, Arc<Pair>>,
    installed: u64,
}

impl Sas {
    /// Receive on a pair, and send on it if `eager`, or if its connection has nothing else. One that is there stays as
    /// it is: to begin again under its keys would repeat nonces, and take replays.
    pub fn install(&mut self, terms: &Terms, eager: bool) -> Result<(), BadKeys> {
        if self.pairs.contains_key(&terms.spi_in) {
            return Ok(());
        }
        let pair = Arc::new(Pair::new(terms, self.installed + 1)?);
        self.installed += 1;
        let Terms { connection, local, remote, .. } = *terms;
        if let Some(link) = self.links.get_mut(&connection) {
            link.add(&pair, eager);
            self.put(connection, local, remote);
        } else {
            self.links.insert(connection, Link::new(terms, &pair));
            self.enter(connection, (local, remote.address));
        }
        self.pairs.insert(terms.spi_in, pair);
        Ok(())
    }

    /// Send on this pair.
    pub fn send_on(&mut self, spi_in: u32) {
        if let Some(pair) = self.pairs.get(&spi_in) {
            if let Some(link) = self.links.get_mut(&pair.connection) {
                link.send_on(pair);
            }
        }
    }

    /// Forget a pair; a connection without any is forgotten, too.
    pub fn remove(&mut self, spi_in: u32) {
        let Some(pair) = self.pairs.remove(&spi_in) else { return };
        let Some(link) = self.links.get_mut(&pair.connection) else { return };
        link.pairs.retain(|known| !Arc::ptr_eq(&known.pair, &pair));
        match link.pairs.last().map(|known| Arc::clone(&known.pair)) {
            None => {
                let ends = (link.local, link.place.address);
                self.links.remove(&pair.connection);
                self.leave(pair.connection, ends);
            }
            Some(last) if Arc::ptr_eq(&link.current, &pair) => link.send_on(&last),
            Some(_) => (),
        }
    }

    /// The peer of a connection is there now.
    pub fn relocate(&mut self, number: u64, place: Place) {
        if let Some(link) = self.links.get(&number) {
            self.put(number, link.local, place);
        }
    }

    /// A connection by its number.
    pub fn link(&self, number: u64) -> Option<&Link> {
        self.links.get(&number)
    }

    /// A connection by its number, to note what was heard.
    pub fn link_mut(&mut self, number: u64) -> Option<&mut Link> {
        self.links.get_mut(&number)
    }

    /// The newest connection between these addresses: the one of the highest number.
    pub fn between(&self, local: Door, remote: Address) -> Option<&Link> {
        self.links.get(self.between.get(&(local, remote))?.last()?)
    }

    /// The pair of an SPI that arrived at this door.
    pub fn find(&self, spi_in: u32, local: Door) -> Option<&Arc<Pair>> {
        let pair = self.pairs.get(&spi_in)?;
        (self.links.get(&pair.connection)?.local == local).then_some(pair)
    }

    /// What every pair carried, in the order of their installation.
    pub fn counts(&self) -> Vec<Count> {
        let mut pairs: Vec<_> = self.pairs.values().collect();
        pairs.sort_by_key(|pair| pair.order);
        pairs.into_iter().map(|pair| pair.count()).collect()
    }

    fn put(&mut self, number: u64, local: Door, place: Place) {
        let Some(link) = self.links.get_mut(&number) else { return };
        if (link.local, link.place) == (local, place) {
            return;
        }
        let ends = (link.local, link.place.address);
        (link.local, link.place, link.elsewhere) = (local, place, None);
        link.silence.ended();
        self.leave(number, ends);
        self.enter(number, (local, place.address));
    }

    fn enter(&mut self, number: u64, ends: (Door, Address)) {
        let there = self.between.entry(ends).or_default();
        let place = there.partition_point(|&other| other < number);
        there.insert(place, number);
    }

    fn leave(&mut self, number: u64, ends: (Door, Address)) {
        if let Some(there) = self.between.get_mut(&ends) {
            there.retain(|&other| other != number);
            if there.is_empty() {
                self.between.remove(&ends);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        connection: 1,
        spi_in: 8,
        spi_out: 9,
        suite: Suite { bits: 128, hash: None },
        key_in: &[1; 20],
        key_out: &[2; 20],
        hash_key_in: b"",
        hash_key_out: b"",
        local: Door(0),
        remote: Place { address: [10, 0, 0, 2], port: 0 },
        esn: false,
        window: 0,
        inner: None,
        soft: 0,
        hard: 0,
    };

    #[test]
    fn no_sequence_number_is_given_out_twice_and_no_octet_above_the_limit() {
        const EACH: usize = 20_000;
        let Ok(pair) = Pair::new(&Terms { hard: 3 * EACH as u64, ..TERMS }, 1) else { return };
        let ask = || (0..EACH).filter_map(|_| pair.next_number(1)).collect::<Vec<_>>();
        let mut numbers = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            asking.into_iter().filter_map(|one| one.join().ok()).flatten().collect::<Vec<_>>()
        });
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(1..=3 * EACH as u64));
        let Count { sent, sent_octets, unsent, .. } = pair.count();
        assert_eq!((sent, sent_octets, unsent), (3 * EACH as u64, 3 * EACH as u64, EACH as u64));
    }

    #[test]
    fn without_extended_numbers_a_pair_is_worn_in_time_and_ends_where_they_do() {
        for (esn, after) in [(false, None), (true, Some(1 << 32))] {
            let Ok(pair) = Pair::new(&Terms { esn, ..TERMS }, 1) else { return };
            pair.counters.sent.store(WORN_PACKETS - 1, Relaxed);
            assert!(!pair.wears_out());
            assert_eq!(pair.next_number(1), Some(WORN_PACKETS));
            assert_eq!((pair.wears_out(), pair.wears_out()), (!esn, false), "told once");
            pair.counters.sent.store(u64::from(u32::MAX) - 1, Relaxed);
            assert_eq!((pair.next_number(1), pair.next_number(1)), (Some(u32::MAX.into()), after));
        }
    }
}
