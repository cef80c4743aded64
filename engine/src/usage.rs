//! What a tunnel carried, counted by the NBMA address of the neighbor, or by the connection that protected it.

use std::collections::{BTreeMap, HashMap};
use std::ops::AddAssign;

use crate::gre::Sequence;
use crate::hash::Told;
use crate::ipv4::Address;

/// Packets in GRE, and the octets behind their GRE headers: of IP packets with their own header, and of NHRP messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many packets.
    pub packets: u64,
    /// How many octets, all together.
    pub octets: u64,
}

impl Amount {
    /// One packet of so many octets.
    pub fn packet(octets: usize) -> Self {
        Self { packets: 1, octets: octets as u64 }
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.packets = self.packets.saturating_add(other.packets);
        self.octets = self.octets.saturating_add(other.octets);
    }
}

/// What one tunnel carried, and the numbers that it has got to.
#[derive(Debug, Default)]
pub struct Usage {
    sent: HashMap<Address, Amount>,
    received: HashMap<Address, Amount>,
    sent_over: Told<u64, Amount>,
    received_over: Told<u64, Amount>,
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

/// What was sent and received, by whom.
pub type Counts<K> = Vec<(K, Amount, Amount)>;

impl Usage {
    /// Packets were sent to a neighbor.
    pub fn sent(&mut self, nbma: Address, amount: Amount, who: Counted) {
        count(&mut self.sent, nbma, amount, who);
    }

    /// Packets were received from a neighbor.
    pub fn received(&mut self, nbma: Address, amount: Amount, who: Counted) {
        count(&mut self.received, nbma, amount, who);
    }

    /// Packets were sent over a connection. limit: connections that are counted; beyond it, only those that `are_there`.
    pub fn sent_over(
        &mut self,
        connection: u64,
        amount: Amount,
        limit: usize,
        is_there: impl Fn(u64) -> bool,
    ) {
        count_over(&mut self.sent_over, connection, amount, limit, is_there);
    }

    /// Packets were received over a connection.
    pub fn received_over(
        &mut self,
        connection: u64,
        amount: Amount,
        limit: usize,
        is_there: impl Fn(u64) -> bool,
    ) {
        count_over(&mut self.received_over, connection, amount, limit, is_there);
    }

    /// What was sent and received, by NBMA address.
    pub fn by_neighbor(&self) -> Counts<Address> {
        merged(&self.sent, &self.received)
    }

    /// What was sent and received, by connection.
    pub fn by_connection(&self) -> Counts<u64> {
        merged(&self.sent_over, &self.received_over)
    }
}

fn count(counts: &mut HashMap<Address, Amount>, nbma: Address, amount: Amount, who: Counted) {
    if let Some(counted) = counts.get_mut(&nbma) {
        *counted += amount;
    } else if who.known || counts.len() < who.limit {
        counts.insert(nbma, amount);
    }
}

/// Connections that are gone make room when there are too many; they are few, as each has proved its identity.
fn count_over(
    counts: &mut Told<u64, Amount>,
    connection: u64,
    amount: Amount,
    limit: usize,
    is_there: impl Fn(u64) -> bool,
) {
    if counts.len() >= limit && !counts.contains_key(&connection) {
        counts.retain(|&number, _| is_there(number));
    }
    *counts.entry(connection).or_default() += amount;
}

fn merged<K: Copy + Ord, S>(sent: &HashMap<K, Amount, S>, received: &HashMap<K, Amount, S>) -> Counts<K> {
    let mut counts: BTreeMap<K, (Amount, Amount)> = BTreeMap::new();
    for (&who, &amount) in sent {
        counts.entry(who).or_default().0 = amount;
    }
    for (&who, &amount) in received {
        counts.entry(who).or_default().1 = amount;
    }
    counts.into_iter().map(|(who, (sent, received))| (who, sent, received)).collect()
}
