//! Where packets of a tunnel or of an SA are received: an address of ours in a front door, as one small number.
//!
//! Two front doors may have the same address. A socket knows by itself which of them it is at, so its number is known at
//! no cost for every packet that it receives, and tables have one short key instead of two, whatever addresses are like.
//! `dmvpn.dataplane.contract` is the same in Python.

use crate::hash::Told;
use crate::ipv4::Address;

/// An address of ours in a front door. The number is the owner's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Door(pub u32);

/// The routing table that outer packets are of: a VRF, or the global table. The number is the owner's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Front(pub u32);

/// What the numbers of doors mean. It is asked only where an address, or a path, is spoken of.
#[derive(Debug, Default)]
pub struct Doors(Told<Door, (Front, Address)>);

impl Doors {
    /// Take in what a number means.
    pub fn set(&mut self, door: Door, front: Front, address: Address) {
        self.0.insert(door, (front, address));
    }

    /// The address of a door; None: it is unknown.
    pub fn address(&self, door: Door) -> Option<Address> {
        self.0.get(&door).map(|&(_, address)| address)
    }

    /// The table of a door. An unknown one has no sockets, so it does not matter which is said.
    pub fn front(&self, door: Door) -> Front {
        self.0.get(&door).map(|&(front, _)| front).unwrap_or_default()
    }
}
