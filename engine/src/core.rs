//! What is done to each packet between a TAP and GRE, as a value: octets in, octets out, no system call.
//!
//! ```text
//! outbound   what the kernel routed into a TAP -> checksums, segments, MSS, ICMP source -> GRE -> Outcome::wire
//! inbound    what came from an NBMA neighbour   -> tunnel by address and key -> frame -> Outcome::frames,
//!                                                  or NHRP and keepalives -> Outcome::punts
//! ```
//!
//! The kernel names the neighbour by the destination of the Ethernet frame: 02:00 and a 32-bit peer id, which the table
//! turns into an NBMA address; a point-to-point tunnel has only one. `PacketCore` of dmvpn's Python plane does the same
//! to the octet: both are fuzzed against each other, so whatever changes here changes there.
//!
//! Packets are not copied. They lie in an arena of the caller's, who keeps it until everything in the outcome, which
//! refers to it, is sent; what must be changed in a packet is changed in place.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use crate::ETHERNET;
use crate::gre;
use crate::hairpin::{Hairpins, Origin};
use crate::ipv4::{self, Address, HEADER_LENGTH, Packet, address, seal_header};
use crate::mss;
use crate::segment::{self, BadOffload, Train};
use crate::table::{Ends, Mac, Table, Tunnel};
use crate::unfinished::unfinished;
use crate::usage::{Counted, Usage};
use crate::vnet::{self, Vnet};
use crate::wire::{self, Span, Wire};

const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
/// Octets before the IP packet in a frame of a TAP.
const FRAME_HEADER: usize = vnet::SIZE + ETHERNET;
/// Octets of a hairpinned packet that are reported: enough for any header the redirect quotes.
const REPORTED: usize = 64;
const DESTINATION_PORT_UNREACHABLE: [u8; 2] = [3, 3];

/// There is no tunnel of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchTunnel(pub u32);

/// How much is remembered of addresses that anybody may forge.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Pairs of addresses, by the hairpin detector.
    pub pairs: usize,
    /// NBMA addresses that a tunnel counts although no adjacency names them.
    pub counted: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pairs: 65536, counted: 65536 }
    }
}

/// A frame that the kernel shall receive on a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The tunnel's number.
    pub tunnel: u32,
    /// What the kernel still has to do.
    pub offload: Vnet,
    /// The Ethernet header.
    pub ethernet: [u8; ETHERNET],
    /// The IP packet, in the arena that it was received in.
    pub packet: Span,
}

/// Why a packet is for the router itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is NHRP.
    Nhrp,
    /// Our own keepalive came back.
    Keepalive,
    /// A transit packet left by the tunnel of this number.
    Hairpin(u32),
}

/// Something for the router itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Punt {
    /// Why.
    pub reason: Reason,
    /// The tunnel it came from.
    pub tunnel: u32,
    /// The neighbour it came from.
    pub nbma: Address,
    /// The NHRP packet, or the first octets of a hairpinned one.
    pub data: Vec<u8>,
}

/// What became of a batch of packets. Results collect until the owner takes them.
#[derive(Debug, Default)]
pub struct Outcome {
    /// To NBMA addresses.
    pub wire: Wire,
    /// To the kernel.
    pub frames: Vec<Frame>,
    /// To the router.
    pub punts: Vec<Punt>,
}

/// Packets that went nowhere, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// A header that is none.
    pub malformed: u64,
    /// No tunnel has these addresses and this key.
    pub no_tunnel: u64,
    /// No peer has this MAC address.
    pub no_peer: u64,
    /// Neither IPv4 nor NHRP.
    pub not_ipv4: u64,
    /// The kernel refused it.
    pub unsent: u64,
}

/// All tunnels of one router.
#[derive(Debug)]
pub struct Core {
    /// What the control plane has told us.
    pub table: Table,
    /// All our addresses.
    pub own_addresses: HashSet<Address>,
    /// Counters.
    pub dropped: Dropped,
    usage: BTreeMap<u32, Usage>,
    hairpins: Hairpins,
    limits: Limits,
}

impl Core {
    /// A core without tunnels.
    pub fn new(limits: Limits) -> Self {
        Self {
            table: Table::default(),
            own_addresses: HashSet::new(),
            dropped: Dropped::default(),
            usage: BTreeMap::new(),
            hairpins: Hairpins::new(limits.pairs),
            limits,
        }
    }

    /// Make a tunnel, or change what is known of it.
    pub fn set_tunnel(&mut self, number: u32, ends: Ends, own_mac: Mac, mtu: usize, mss: Option<u16>) {
        self.table.set(number, ends, own_mac, mtu, mss);
        self.usage.entry(number).or_default();
    }

    /// Forget a tunnel and what it carried.
    pub fn remove_tunnel(&mut self, number: u32) {
        self.table.remove(number);
        self.usage.remove(&number);
    }

    /// Packets sent and received on a tunnel, by NBMA address.
    pub fn usage(&self, number: u32) -> Result<Vec<(Address, u64, u64)>, NoSuchTunnel> {
        self.usage.get(&number).map(Usage::by_neighbour).ok_or(NoSuchTunnel(number))
    }

    // ------------------------------------------------------------------------------------------------ out

    /// A frame from the TAP of a tunnel, vnet header first. now: seconds, for the hairpin interval.
    pub fn outbound(
        &mut self,
        number: u32,
        arena: &mut [u8],
        frame: Range<usize>,
        now: f64,
        out: &mut Outcome,
    ) -> Result<(), NoSuchTunnel> {
        let tunnel = self.table.get(number).ok_or(NoSuchTunnel(number))?;
        let Some((offload, mac, packet)) = opened(&arena[frame.clone()]) else {
            self.dropped.not_ipv4 += 1;
            return Ok(());
        };
        if packet.protocol() == ipv4::IGMP {
            return Ok(()); // group membership is of no interest to a tunnel's neighbours
        }
        let neighbours = tunnel.neighbours(mac);
        let Some(&first) = neighbours.first() else {
            self.dropped.no_peer += 1;
            return Ok(());
        };
        let hairpin = if mac[0] & 1 == 0 { self.hairpin(tunnel, first, packet) } else { None };
        let span = frame.start + FRAME_HEADER..frame.end;
        let shape = Shape { protocol: gre::IPV4, key: tunnel.ends.key, mss: tunnel.mss };
        let packets = match Train::of(offload, packet) {
            Ok(Some(train)) => Ok(cut(&train, shape, span.start, &mut out.wire)),
            Ok(None) => segment::complete(offload, &mut arena[span.clone()]).map(|()| {
                let head = out.wire.begin_head(shape.protocol, shape.key);
                vec![(out.wire.end_head(head), Span::from(span.clone()))]
            }),
            Err(bad) => Err(bad),
        };
        todo!()
    }
}
