//! Packets of a tunnel, counted by the NBMA address of the neighbour.

use std::collections::{BTreeMap, HashMap};

use crate::ipv4::Address;

/// What one tunnel carried.
#[derive(Debug, Default)]
pub struct Usage {
    sent: HashMap<Address, u64>,
    received: HashMap<Address, u64>,
}

/// Who is counted: neighbours that we know, and only so many others, since anybody may forge an address.
#[derive(Clone, Copy)]
pub struct Counted {
    /// An adjacency names this address.
    pub known: bool,
    /// Addresses that are counted without.
    pub limit: usize,
}

impl Usage {
    /// Packets were sent to a neighbour.
    pub fn sent(&mut self, nbma: Address, packets: usize, who: Counted) {
        count(&mut self.sent, nbma, packets, who);
    }

    /// A packet was received from a neighbour.
    pub fn received(&mut self, nbma: Address, who: Counted) {
        count(&mut self.received, nbma, 1, who);
    }

    /// Packets sent and received, by NBMA address.
    pub fn by_neighbour(&self) -> Vec<(Address, u64, u64)> {
        let mut counts: BTreeMap<Address, (u64, u64)> = BTreeMap::new();
        for (&nbma, &packets) in &self.sent {
            counts.entry(nbma).or_default().0 = packets;
        }
        for (&nbma, &packets) in &self.received {
            counts.entry(nbma).or_default().1 = packets;
        }
        counts.into_iter().map(|(nbma, (sent, received))| (nbma, sent, received)).collect()
    }
}

fn count(counts: &mut HashMap<Address, u64>, nbma: Address, packets: usize, who: Counted) {
    if let Some(counted) = counts.get_mut(&nbma) {
        *counted += packets as u64;
    } else if who.known || counts.len() < who.limit {
        counts.insert(nbma, packets as u64);
    }
}
