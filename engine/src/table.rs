//! What we know from the control plane: tunnels, their neighbors, and which tunnel a GRE packet belongs to.

use std::collections::BTreeMap;
use std::slice;

use crate::doors::Door;
use crate::gre::Extras;
use crate::hash::Told;
use crate::ipv4::Address;
use crate::ipv6;

/// A link-layer address.
pub type Mac = [u8; 6];

/// First octets of a neighbor's address on a TAP; its peer id follows.
const PEER: [u8; 2] = [0x02, 0x00];
/// Bit of the first octet of a MAC address: a group.
const GROUP: u8 = 0x01;

/// What decides which packets are a tunnel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ends {
    /// Where they are received.
    pub source: Door,
    /// The far end's; None: multipoint.
    pub destination: Option<Address>,
    /// The key of its packets, RFC 2890.
    pub key: Option<u32>,
}

/// Where a tunnel sends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// Its NBMA address.
    pub nbma: Address,
    /// On a protected tunnel, over this connection; 0: the newest with that address, or in clear.
    pub connection: u64,
}

impl Neighbor {
    /// The one at an NBMA address.
    pub fn at(nbma: Address) -> Self {
        Self { nbma, connection: 0 }
    }
}

/// The "do not fragment" bit of an outer header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Df {
    /// Any router on the path may cut.
    #[default]
    Clear,
    /// As in the packet inside.
    Copy,
    /// Nobody may.
    Set,
}

/// What may change while a tunnel is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Octets, of the inner packets.
    pub mtu: usize,
    /// Lower TCP's maximum segment size to this, octets.
    pub mss: Option<u16>,
    /// GRE leaves in ESP or not at all, and comes out of ESP or is dropped.
    pub protected: bool,
    /// Of outer headers.
    pub df: Df,
    /// Of GRE headers.
    pub extras: Extras,
}

/// What is reported of transit packets.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// The NHRP network that a tunnel belongs to.
    pub network: Option<u32>,
    /// Report transit packets that came out of it.
    pub report: bool,
    /// At most once in so many seconds for a pair of addresses.
    pub interval: f64,
}

impl Default for Watch {
    fn default() -> Self {
        Self { network: None, report: false, interval: 8.0 }
    }
}

/// IPv6 inside a tunnel, whose NHRP may be of another network.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    /// Octets; 0: it is not carried.
    pub mtu: usize,
    /// Lower TCP's maximum segment size to this, octets.
    pub mss: Option<u16>,
    /// Its own address.
    pub address: Option<ipv6::Address>,
    /// What it reports.
    pub watch: Watch,
    /// Where multicast goes.
    pub multicast: Vec<Neighbor>,
}

/// One tunnel.
#[derive(Clone, Debug)]
pub struct Tunnel {
    /// Which packets are its.
    pub ends: Ends,
    /// Of the TAP.
    pub own_mac: Mac,
    /// How it does what it does.
    pub settings: Settings,
    /// Its own address.
    pub address: Option<Address>,
    /// The routing table that it is in. The number is the owner's.
    pub table: u32,
    /// What it reports.
    pub watch: Watch,
    /// Where multicast goes.
    pub multicast: Vec<Neighbor>,
    /// What is IPv6's own; the rest is IPv4's.
    pub ipv6: Overlay,
    /// Of a protected tunnel: NBMA addresses whose connections are other tunnels'.
    pub barred: Vec<Address>,
    destination: Option<Neighbor>,
    peers: Told<u32, Neighbor>,
    ids: Told<Address, u32>,
    ids_over: Told<u64, u32>,
}

impl Tunnel {
    /// A tunnel that knows no neighbors yet.
    pub fn new(ends: Ends, own_mac: Mac, settings: Settings) -> Self {
        Self {
            ends,
            own_mac,
            settings,
            address: None,
            table: 0,
            watch: Watch::default(),
            multicast: Vec::new(),
            ipv6: Overlay::default(),
            barred: Vec::new(),
            destination: ends.destination.map(Neighbor::at),
            peers: Told::default(),
            ids: Told::default(),
            ids_over: Told::default(),
        }
    }

    /// Frames to 02:00 and this id go to a neighbor.
    pub fn set_peer(&mut self, peer: u32, neighbor: Neighbor) {
        self.peers.insert(peer, neighbor);
        if neighbor.connection == 0 {
            self.ids.insert(neighbor.nbma, peer);
        } else {
            self.ids_over.insert(neighbor.connection, peer);
        }
    }

    /// Forget a peer id.
    pub fn clear_peer(&mut self, peer: u32) {
        match self.peers.remove(&peer) {
            Some(Neighbor { nbma, connection: 0 }) => self.ids.remove(&nbma),
            Some(Neighbor { connection, .. }) => self.ids_over.remove(&connection),
            None => None,
        };
    }

    /// Whether packets may come out of ESP for this tunnel, and from there.
    pub fn takes_sealed(&self, nbma: Address) -> bool {
        self.settings.protected && !self.barred.contains(&nbma)
    }

    /// Whether a peer id means this NBMA address.
    pub fn knows(&self, nbma: Address) -> bool {
        self.ids.contains_key(&nbma)
    }

    /// Whether its interface takes larger packets than IPv4's may be.
    pub fn is_wide(&self) -> bool {
        self.ipv6.mtu != 0 && self.ipv6.mtu.max(ipv6::LEAST) > self.settings.mtu
    }

    /// The neighbors that a frame to this MAC address goes to. multicast: those of its version of IP.
    pub fn neighbors<'a>(&'a self, mac: Mac, multicast: &'a [Neighbor]) -> &'a [Neighbor] {
        if let Some(destination) = &self.destination {
            return slice::from_ref(destination);
        }
        if mac[0] & GROUP != 0 {
            return multicast;
        }
        let [first, second, id @ ..] = mac;
        let peer = if [first, second] == PEER { self.peers.get(&u32::from_be_bytes(id)) } else { None };
        peer.map_or(&[], slice::from_ref)
    }

    /// The MAC address that a neighbor's frames come from; id 0 is for those without adjacency.
    pub fn mac_of(&self, neighbor: Neighbor) -> Mac {
        let over = if neighbor.connection == 0 { None } else { self.ids_over.get(&neighbor.connection) };
        let id = over.or_else(|| self.ids.get(&neighbor.nbma)).copied().unwrap_or(0).to_be_bytes();
        [PEER[0], PEER[1], id[0], id[1], id[2], id[3]]
    }
}

/// All tunnels. Numbers are the owner's; a tunnel made later has a higher one.
#[derive(Debug, Default)]
pub struct Table {
    tunnels: BTreeMap<u32, Tunnel>,
    numbers: Told<Ends, u32>,
}

impl Table {
    /// A tunnel by its number.
    pub fn get(&self, number: u32) -> Option<&Tunnel> {
        self.tunnels.get(&number)
    }

    /// A tunnel by its number, to change anything but its ends.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut Tunnel> {
        self.tunnels.get_mut(&number)
    }

    /// Make a tunnel, or change what is known of it; neighbors and the like stay.
    pub fn set(&mut self, number: u32, ends: Ends, own_mac: Mac, settings: Settings) {
        let tunnel = self.tunnels.entry(number).or_insert_with(|| Tunnel::new(ends, own_mac, settings));
        (tunnel.ends, tunnel.settings) = (ends, settings);
        tunnel.destination = ends.destination.map(Neighbor::at);
        self.index();
    }

    /// Forget a tunnel.
    pub fn remove(&mut self, number: u32) {
        self.tunnels.remove(&number);
        self.index();
    }

    /// The tunnel of a packet from `remote` to `local`: a point-to-point tunnel to that address before a multipoint one;
    /// keys must be equal, or both absent.
    pub fn demultiplex(&self, local: Door, remote: Address, key: Option<u32>) -> Option<u32> {
        let number = |destination| self.numbers.get(&Ends { source: local, destination, key });
        number(Some(remote)).or_else(|| number(None)).copied()
    }

    /// Of point-to-point tunnels with the same ends the first counts, of multipoint ones the last.
    fn index(&mut self) {
        self.numbers.clear();
        for (&number, tunnel) in &self.tunnels {
            let place = self.numbers.entry(tunnel.ends).or_insert(number);
            if tunnel.ends.destination.is_none() {
                *place = number;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Door = Door(1);
    const THERE_TOO: Door = Door(2);
    const THERE: Address = [10, 0, 0, 2];
    const ELSEWHERE: Address = [10, 0, 0, 3];

    fn table(tunnels: &[(Option<Address>, Option<u32>)]) -> Table {
        let mut table = Table::default();
        for (number, &(destination, key)) in (1..).zip(tunnels) {
            table.set(number, Ends { source: HERE, destination, key }, [0; 6], Settings::default());
        }
        table
    }

    #[test]
    fn a_point_to_point_tunnel_comes_before_a_multipoint_one_and_keys_must_be_equal() {
        let table = table(&[(None, None), (Some(THERE), None), (None, Some(0)), (Some(THERE), Some(7))]);
        for (remote, key, expected) in [
            (THERE, None, Some(2)),
            (ELSEWHERE, None, Some(1)),
            (THERE, Some(0), Some(3)),
            (THERE, Some(7), Some(4)),
            (ELSEWHERE, Some(7), None),
        ] {
            assert_eq!(table.demultiplex(HERE, remote, key), expected);
        }
        assert_eq!(table.demultiplex(THERE_TOO, THERE, None), None, "the same address in another front door");
    }

    #[test]
    fn a_removed_tunnel_gives_way_to_the_next_one() {
        let mut table = table(&[(Some(THERE), None), (Some(THERE), None), (None, None)]);
        for expected in [Some(1), Some(2), Some(3), None] {
            assert_eq!(table.demultiplex(HERE, THERE, None), expected);
            table.remove(expected.unwrap_or(0));
        }
    }

    #[test]
    fn a_frame_goes_to_the_peer_that_its_address_names() {
        let mut table = table(&[(None, None)]);
        let Some(tunnel) = table.get_mut(1) else { return };
        let [there, elsewhere] = [THERE, ELSEWHERE].map(Neighbor::at);
        let over = Neighbor { connection: 7, ..there };
        tunnel.multicast = vec![there, elsewhere];
        tunnel.set_peer(0x0102_0304, there);
        tunnel.set_peer(5, over);
        assert_eq!(tunnel.neighbors([2, 0, 1, 2, 3, 4], &tunnel.multicast), [there]);
        assert_eq!(tunnel.neighbors([2, 0, 0, 0, 0, 5], &tunnel.multicast), [over]);
        assert_eq!(tunnel.mac_of(there), [2, 0, 1, 2, 3, 4]);
        assert_eq!(tunnel.mac_of(over), [2, 0, 0, 0, 0, 5]);
        assert_eq!(tunnel.mac_of(Neighbor { connection: 8, ..there }), [2, 0, 1, 2, 3, 4]);
        assert_eq!(tunnel.mac_of(elsewhere), [2, 0, 0, 0, 0, 0]);
        assert_eq!(tunnel.neighbors([2, 1, 1, 2, 3, 4], &tunnel.multicast), [] as [Neighbor; 0], "our own");
        assert_eq!(tunnel.neighbors([1, 0, 0x5e, 0, 0, 10], &tunnel.multicast), [there, elsewhere]);
        tunnel.clear_peer(0x0102_0304);
        assert_eq!(tunnel.neighbors([2, 0, 1, 2, 3, 4], &tunnel.multicast), [] as [Neighbor; 0]);
        assert!(!tunnel.knows(THERE));
    }
}
