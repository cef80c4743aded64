//! Packets of a tunnel, counted by the NBMA address of the neighbor, or by the connection that protected them.

use std::collections::{BTreeMap, HashMap};

use crate::gre::Sequence;
use crate::hash::Told;
use crate::ipv4::Address;

/// What one tunnel carried, and the numbers that it has got to.
#[derive(Debug, Default)]
pub struct Usage {
    sent: HashMap<Address, u64>,
    received: HashMap<Address, u64>,
    sent_over: Told<u64, u64>,
    received_over: Told<u64, u64>,
    /// The numbers on its GRE packets.
    pub sequence: Sequence,
}

/// The peers that are counted: neighbors that we know, and only so many others, since anybody may forge an address.
#[derive(Clone, Copy)]
pub struct Counted {
    /// An adjacency names this address.
    pub known: bool,
    /// Addresses that are counted without.
    pub limit: usize,
}

/// Packets sent and received, by whom.
pub type Counts<K> = Vec<(K, u64, u64)>;

impl Usage {
    /// Packets were sent to a neighbor.
    pub fn sent(&mut self, nbma: Address, packets: usize, who: Counted) {
        count(&mut self.sent, nbma, packets, who);
    }

    /// A packet was received from a neighbor.
    pub fn received(&mut self, nbma: Address, who: Counted) {
        count(&mut self.received, nbma, 1, who);
    }

    /// Packets were sent over a connection. limit: connections that are counted; beyond it, only those that `are_there`.
    pub fn sent_over(
        &mut self,
        connection: u64,
        packets: usize,
        limit: usize,
        is_there: impl Fn(u64) -> bool,
    ) {
        count_over(&mut self.sent_over, connection, packets, limit, is_there);
    }

    /// A packet was received over a connection.
    pub fn received_over(&mut self, connection: u64, limit: usize, is_there: impl Fn(u64) -> bool) {
        count_over(&mut self.received_over, connection, 1, limit, is_there);
    }

    /// Packets sent and received, by NBMA address.
    pub fn by_neighbor(&self) -> Counts<Address> {
        merged(&self.sent, &self.received)
    }

    /// Packets sent and received, by connection.
    pub fn by_connection(&self) -> Counts<u64> {
        merged(&self.sent_over, &self.received_over)
    }
}

fn count(counts: &mut HashMap<Address, u64>, nbma: Address, packets: usize, who: Counted) {
    if let Some(counted) = counts.get_mut(&nbma) {
        *counted += packets as u64;
    } else if who.known || counts.len() < who.limit {
        counts.insert(nbma, packets as u64);
    }
}

/// Connections that are gone make room when there are too many; they are few, as each has proved its identity.
fn count_over(
    counts: &mut Told<u64, u64>,
    connection: u64,
    packets: usize,
    limit: usize,
    is_there: impl Fn(u64) -> bool,
) {
    if counts.len() >= limit && !counts.contains_key(&connection) {
        counts.retain(|&number, _| is_there(number));
    }
    *counts.entry(connection).or_default() += packets as u64;
}

fn merged<K: Copy + Ord, S>(sent: &HashMap<K, u64, S>, received: &HashMap<K, u64, S>) -> Counts<K> {
    let mut counts: BTreeMap<K, (u64, u64)> = BTreeMap::new();
    for (&who, &packets) in sent {
        counts.entry(who).or_default().0 = packets;
    }
    for (&who, &packets) in received {
        counts.entry(who).or_default().1 = packets;
    }
    counts.into_iter().map(|(who, (sent, received))| (who, sent, received)).collect()
}
