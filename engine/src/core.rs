//! What is done to each packet between a TAP and GRE, as a value: octets in, octets out, no system call.
//!
//! ```text
//! outbound   what the kernel routed into a TAP -> checksums, segments, MSS, ICMP source -> GRE -> Outcome::wire,
//!                                                  or from a protected tunnel: Outcome::sealing
//! inbound    what came from an NBMA neighbor   -> tunnel by address and key -> frame -> Outcome::frames,
//!                                                  or NHRP and keepalives -> Outcome::punts
//! find       ESP -> the pair of SAs that opens it; opened: GRE that came out of it, then as `inbound`
//! ```
//!
//! What a protected tunnel sends is planned here and sealed by [`crate::sealing::Sealing`] outside of the core's lock;
//! what it takes came out of ESP. Which connection a packet takes is what its neighbor says, else the newest between the
//! tunnel's source and the NBMA address.
//!
//! The kernel names the neighbor by the destination of the Ethernet frame: 02:00 and a 32-bit peer id, which the table
//! turns into an NBMA address; a point-to-point tunnel has only one. `PacketCore` of dmvpn's Python plane does the same
//! to the octet: both are fuzzed against each other, so whatever changes here changes there.
//!
//! Packets are not copied. They are in an arena of the caller, which keeps it until everything in the outcome, which
//! refers to it, is sent; what must be changed in a packet is changed in place.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::ops::Range;

use crate::MAX_PACKET;
use crate::alarms::{Alarm, Alarms};
use crate::arrived::payload;
use crate::delivery::{delivered, delivered_v6, is_keepalive, returned_keepalive};
use crate::doors::{Door, Doors};
use crate::ecn;
use crate::gre;
use crate::hairpin::{Hairpins, Origin, Way};
use crate::ip;
use crate::ipv4::{self, Address, Packet, address};
use crate::ipv6;
use crate::leaving::{Leaving, Limit, Lost, Narrow, leads_to, note_sent};
use crate::outcome::{Came, Joined, Outcome};
use crate::paths::PathMtus;
use crate::pieces::{
    FRAME_HEADER, Piece, as_ios_would, as_ios_would_v6, beginning, clamp, finish, is_group, opened,
};
use crate::punt::{Punt, Reason};
use crate::sas::Sas;
use crate::sealing::Unplanned;
use crate::table::{Df, Ends, Mac, Neighbor, Settings, Table, Tunnel, Watch};
use crate::usage::{Amount, Counted, Counts, Usage};
use crate::wire::{self, Outer, Span};

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

/// A packet of the router's own.
#[derive(Clone, Copy, Debug)]
pub struct Own<'a> {
    /// What GRE says that it is.
    pub protocol: u16,
    /// Without a header.
    pub payload: &'a [u8],
    /// Of the outer header.
    pub tos: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pairs: 65536, counted: 65536 }
    }
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
    /// It came without ESP for a protected tunnel.
    pub in_clear: u64,
    /// It should have left by a protected tunnel, to a neighbor without SA.
    pub no_sa: u64,
    /// ESP for an SA that is not.
    pub no_spi: u64,
}

impl Dropped {
    fn count(&mut self, lost: Lost) {
        self.no_sa += lost.no_sa;
        self.malformed += lost.malformed;
    }
}

/// All tunnels of one router.
#[derive(Debug)]
pub struct Core {
    /// What the control plane has told us. Tunnels are made and removed by [`Core`].
    pub table: Table,
    /// The security associations.
    pub sas: Sas,
    /// What the numbers of doors mean.
    pub doors: Doors,
    /// How large packets may be, by where they go.
    pub paths: PathMtus,
    /// All our addresses, each with the number of the routing table that it is in.
    pub own_addresses: HashSet<(u32, Address)>,
    /// The same of IPv6.
    pub own_addresses_v6: HashSet<(u32, ipv6::Address)>,
    /// Counters.
    pub dropped: Dropped,
    usage: BTreeMap<u32, Usage>,
    pub(crate) alarms: Alarms,
    refusals: Alarms,
    hairpins: Hairpins<[u8; 8]>,
    hairpins_v6: Hairpins<[u8; 32]>,
    limits: Limits,
    /// What the frame at hand becomes. Kept for its memory only.
    pieces: Vec<Piece>,
}

impl Core {
    /// A core without tunnels.
    pub fn new(limits: Limits) -> Self {
        Self {
            table: Table::default(),
            sas: Sas::default(),
            doors: Doors::default(),
            paths: PathMtus::default(),
            own_addresses: HashSet::new(),
            own_addresses_v6: HashSet::new(),
            dropped: Dropped::default(),
            usage: BTreeMap::new(),
            alarms: Alarms::default(),
            refusals: Alarms::default(),
            hairpins: Hairpins::new(limits.pairs),
            hairpins_v6: Hairpins::new(limits.pairs),
            limits,
            pieces: Vec::new(),
        }
    }

    /// Make a tunnel, or change what is known of it.
    pub fn set_tunnel(&mut self, number: u32, ends: Ends, own_mac: Mac, settings: Settings) {
        self.table.set(number, ends, own_mac, settings);
        self.usage.entry(number).or_default();
    }

    /// A protected tunnel has no business with these NBMA addresses.
    pub fn set_barred(&mut self, number: u32, barred: Vec<Address>) {
        if let Some(tunnel) = self.table.get_mut(number) {
            tunnel.barred = barred;
        }
    }

    /// Forget a tunnel and what it carried.
    pub fn remove_tunnel(&mut self, number: u32) {
        self.table.remove(number);
        self.usage.remove(&number);
    }

    /// What was sent and received on a tunnel, by NBMA address.
    pub fn usage(&self, number: u32) -> Result<Counts<Address>, NoSuchTunnel> {
        self.usage.get(&number).map(Usage::by_neighbor).ok_or(NoSuchTunnel(number))
    }

    /// What was sent and received on a protected tunnel, by connection.
    pub fn usage_over(&self, number: u32) -> Result<Counts<u64>, NoSuchTunnel> {
        self.usage.get(&number).map(Usage::by_connection).ok_or(NoSuchTunnel(number))
    }

    // ------------------------------------------------------------------------------------------------ out

    /// A frame from the TAP of a tunnel, vnet header first. now: seconds, for the hairpin interval and silent peers.
    pub fn outbound(
        &mut self,
        number: u32,
        arena: &mut [u8],
        frame: Range<usize>,
        now: f64,
        out: &mut Outcome,
    ) -> Result<(), NoSuchTunnel> {
        let tunnel = self.table.get(number).ok_or(NoSuchTunnel(number))?;
        let Some((offload, mac, packet)) = opened(&arena[frame.clone()])
            .filter(|(_, _, packet)| matches!(packet, ip::Packet::V4(_)) || tunnel.ipv6.mtu != 0)
        else {
            self.dropped.not_ipv4 += 1;
            return Ok(());
        };
        // Packets for this link alone (group membership, neighbor discovery) go to no neighbor of a tunnel.
        let is_of_the_link = match packet {
            ip::Packet::V4(packet) => Some(packet.protocol() == ipv4::IGMP),
            ip::Packet::V6(packet) => packet.is_of_the_link(),
        };
        if is_of_the_link != Some(false) {
            self.dropped.malformed += u64::from(is_of_the_link.is_none());
            return Ok(());
        }
        let (pair, protocol, tos, multicast) = match packet {
            ip::Packet::V4(packet) => (Pair::V4(packet.pair()), gre::IPV4, packet.tos(), &tunnel.multicast),
            ip::Packet::V6(packet) => {
                (Pair::V6(packet.pair()), gre::IPV6, packet.tos(), &tunnel.ipv6.multicast)
            }
        };
        let neighbors = tunnel.neighbors(mac, multicast);
        let Some(&first) = neighbors.first() else {
            self.dropped.no_peer += 1;
            return Ok(());
        };
        let packet = frame.start + FRAME_HEADER..frame.end;
        let df = stays_whole(tunnel.settings.df, protocol, &arena[packet.clone()]);
        let outer = Outer { tos, df };
        self.pieces.clear();
        let key = tunnel.ends.key;
        let made = finish(offload, arena, packet.clone(), (protocol, key), &mut out.wire, &mut self.pieces);
        if made.is_err() {
            self.dropped.malformed += 1;
            return Ok(());
        }
        if !is_group(mac) {
            let front = |tunnel: &Tunnel| self.doors.front(tunnel.ends.source);
            let back = |origin: Origin, arrived: &Tunnel| {
                leads_to(&self.sas, tunnel, first, origin.neighbor, || front(arrived) == front(tunnel))
            };
            let origin = match pair {
                Pair::V4(pair) => {
                    transit(&self.table, &mut self.hairpins, tunnel, |tunnel| tunnel.watch, back, pair, now)
                }
                Pair::V6(pair) => {
                    let watch = |tunnel: &Tunnel| tunnel.ipv6.watch;
                    transit(&self.table, &mut self.hairpins_v6, tunnel, watch, back, pair, now)
                }
            };
            if let Some(origin) = origin {
                out.punts.push(Punt {
                    reason: Reason::Hairpin(number),
                    tunnel: origin.tunnel,
                    nbma: origin.neighbor.nbma,
                    connection: origin.neighbor.connection,
                    data: beginning(&self.pieces, key, &out.wire, arena),
                });
            }
        }
        let packet = &mut arena[packet];
        let (mss, limit_of_version) = if let Pair::V4(_) = pair {
            as_ios_would(tunnel, &self.own_addresses, packet);
            let most = if tunnel.is_wide() { tunnel.settings.mtu } else { MAX_PACKET };
            (tunnel.settings.mss, Limit::AtMost(most))
        } else {
            as_ios_would_v6(tunnel, &self.own_addresses_v6, packet);
            (tunnel.ipv6.mss, Limit::AtLeast(ipv6::LEAST))
        };
        clamp(tunnel, mss, packet, &self.pieces, &mut out.wire);
        let usage = self.usage.entry(number).or_default();
        let limit = self.limits.counted;
        let way = Leaving { sas: &self.sas, limit, number, tunnel, outer, limit_of_version, now };
        let minds_paths = tunnel.settings.df != Df::Clear && self.paths.knows(now);
        let lost = if !minds_paths && !tunnel.is_wide() {
            way.send(neighbors, &self.pieces, arena, usage, out)
        } else {
            let front = self.doors.front(tunnel.ends.source);
            let narrow = Narrow { paths: &mut self.paths, refusals: &mut self.refusals, front };
            way.send_by_path(neighbors, &self.pieces, arena, narrow, usage, out)
        };
        self.dropped.count(lost);
        Ok(())
    }

    /// Send something of the router's own in GRE, straight to a neighbor. now: seconds, for silent peers.
    pub fn send(
        &mut self,
        number: u32,
        neighbor: Neighbor,
        Own { protocol, payload, tos }: Own,
        now: f64,
        out: &mut Outcome,
    ) -> Result<(), NoSuchTunnel> {
        let tunnel = self.table.get(number).ok_or(NoSuchTunnel(number))?;
        let begin = out.wire.begin_head(protocol, tunnel.ends.key);
        out.wire.heads.extend_from_slice(payload);
        let piece = Piece { head: out.wire.end_head(begin), body: Span::default() };
        let usage = self.usage.entry(number).or_default();
        let outer = Outer { tos, df: stays_whole(tunnel.settings.df, protocol, payload) };
        let (limit, limit_of_version) = (self.limits.counted, Limit::AtMost(MAX_PACKET));
        let way = Leaving { sas: &self.sas, limit, number, tunnel, outer, limit_of_version, now };
        self.dropped.count(way.send(&[neighbor], &[piece], &[], usage, out));
        Ok(())
    }

    // ------------------------------------------------------------------------------------------------ in

    /// A whole IPv4 packet of protocol 47, outer header first, as the raw socket of a door returns it. now: seconds, for
    /// alarms.
    pub fn inbound(
        &mut self,
        arena: &mut [u8],
        local: Door,
        packet: Range<usize>,
        now: f64,
        out: &mut Outcome,
    ) {
        let octets = &arena[packet.clone()];
        let Ok(start) = payload(octets) else {
            self.dropped.malformed += 1;
            return;
        };
        let from = Neighbor::at(address(octets, 12));
        self.decapsulate(arena, packet.start + start..packet.end, Came { local, from, tos: None, now }, out);
    }

    /// A GRE packet, in clear or out of ESP.
    pub(crate) fn decapsulate(
        &mut self,
        arena: &mut [u8],
        packet: Range<usize>,
        came: Came,
        out: &mut Outcome,
    ) {
        let Came { local, from, .. } = came;
        let Ok(header) = gre::Header::parse(&arena[packet.clone()]) else {
            self.dropped.malformed += 1;
            return;
        };
        let found = self.table.demultiplex(local, from.nbma, header.key);
        let found = found.and_then(|number| Some((number, self.table.get(number)?)));
        let Some((number, tunnel)) =
            found.filter(|(_, tunnel)| from.connection == 0 || tunnel.takes_sealed(from.nbma))
        else {
            self.dropped.no_tunnel += 1;
            return;
        };
        let usage = self.usage.entry(number).or_default();
        let amount = Amount::packet(packet.len() - header.length);
        if from.connection != 0 {
            let is_there = |other| self.sas.link(other).is_some();
            usage.received_over(from.connection, amount, self.limits.counted, is_there);
        } else if tunnel.settings.protected {
            self.refuse_clear(&came, out);
            return;
        } else {
            let who = Counted { known: tunnel.knows(from.nbma), limit: self.limits.counted };
            usage.received(from.nbma, amount, who);
        }
        if tunnel.settings.extras.sequence && !usage.sequence.is_in_order(header.sequence) {
            self.dropped.malformed += 1;
            return;
        }
        let payload = packet.start + header.length..packet.end;
        let octets = &arena[payload.clone()];
        let punt =
            |reason, data, connection| Punt { reason, tunnel: number, nbma: from.nbma, connection, data };
        match header.protocol {
            gre::NHRP => out.punts.push(punt(Reason::Nhrp, octets.to_vec(), from.connection)),
            gre::KEEPALIVE => out.punts.push(punt(Reason::Keepalive, Vec::new(), 0)),
            gre::IPV4 => match Packet::of(octets) {
                None => self.dropped.not_ipv4 += 1,
                Some(inner) if is_keepalive(inner, || self.doors.address(local), from.nbma) => {
                    if let Some(returned) = returned_keepalive(inner, payload, local, from.nbma) {
                        self.send_back(returned, from, came.now, out);
                    }
                }
                Some(inner) => {
                    let pair = inner.pair();
                    if came.tos.is_some_and(|tos| ecn::decapsulate(tos, &mut arena[payload.clone()]).is_err())
                    {
                        self.dropped.malformed += 1;
                        return;
                    }
                    if let Some(network) = tunnel.watch.network.filter(|_| tunnel.watch.report) {
                        self.hairpins
                            .arrived(Way { network, pair }, Origin { tunnel: number, neighbor: from });
                    }
                    out.frames.push(delivered(number, tunnel, from, arena, payload));
                }
            },
            gre::IPV6 => {
                let carried = ipv6::Packet::of(octets).filter(|_| tunnel.ipv6.mtu != 0);
                let pair = match carried.map(|inner| (inner.pair(), inner.is_of_the_link())) {
                    Some((pair, Some(false))) => pair,
                    Some((_, None)) => {
                        self.dropped.malformed += 1;
                        return;
                    }
                    // NHRP finds neighbors: what a peer says of any would be forged.
                    Some((_, Some(true))) | None => {
                        self.dropped.not_ipv4 += 1;
                        return;
                    }
                };
                let marked =
                    came.tos.map_or(Ok(()), |tos| ecn::decapsulate_v6(tos, &mut arena[payload.clone()]));
                if marked.is_err() {
                    self.dropped.malformed += 1;
                    return;
                }
                let watch = tunnel.ipv6.watch;
                if let Some(network) = watch.network.filter(|_| watch.report) {
                    let origin = Origin { tunnel: number, neighbor: from };
                    self.hairpins_v6.arrived(Way { network, pair }, origin);
                }
                out.frames.push(delivered_v6(number, tunnel, from, arena, payload));
            }
            _ => self.dropped.not_ipv4 += 1,
        }
    }

    /// A GRE packet that was put together after the batch of its last piece.
    pub fn joined(&mut self, joined: &mut Joined, out: &mut Outcome) {
        let place = 0..joined.octets.len();
        self.decapsulate(&mut joined.octets, place, joined.came, out);
    }

    fn refuse_clear(&mut self, came: &Came, out: &mut Outcome) {
        self.dropped.in_clear += 1;
        if self.alarms.may_tell(Alarm::Clear(came.local, came.from.nbma), came.now) {
            out.punts.push(Punt::fact(Reason::Clear(came.local), came.from.nbma, 0));
        }
    }

    /// Return a keepalive the way it came.
    fn send_back(&mut self, returned: wire::Packet, to: Neighbor, now: f64, out: &mut Outcome) {
        if to.connection == 0 {
            out.wire.packets.push(returned);
            return;
        }
        let Some(link) = self.sas.link(to.connection) else { return };
        let route = out.sealing.route(link);
        match out.sealing.plan(route, returned.outer, returned.head, returned.body) {
            Ok(()) => note_sent(link, now, out),
            Err(Unplanned::TooLong) => self.dropped.malformed += 1,
            Err(Unplanned::Spent) => (),
        }
    }
}

/// Source and destination.
#[derive(Clone, Copy)]
enum Pair {
    V4([u8; 8]),
    V6([u8; 32]),
}

/// Must the GRE packet that carries this stay whole?
fn stays_whole(df: Df, protocol: u16, payload: &[u8]) -> bool {
    match df {
        Df::Clear => false,
        Df::Copy => {
            protocol == gre::IPV6
                || (protocol == gre::IPV4 && Packet::of(payload).is_some_and(Packet::is_to_stay_whole))
        }
        Df::Set => true,
    }
}

/// Where a packet that leaves by a tunnel came from, if that is another neighbor of the same NHRP network and nobody was
/// told within the interval. watch: of the packet's version of IP. back: does the packet go to this one?
fn transit<P: Copy + Eq + Hash>(
    table: &Table,
    hairpins: &mut Hairpins<P>,
    leaves: &Tunnel,
    watch: impl Fn(&Tunnel) -> Watch,
    back: impl Fn(Origin, &Tunnel) -> bool,
    pair: P,
    now: f64,
) -> Option<Origin> {
    let way = Way { network: watch(leaves).network?, pair };
    let origin = hairpins.origin(way)?;
    let arrived = table.get(origin.tunnel).filter(|arrived| !back(origin, arrived))?;
    let order = watch(arrived);
    let reported = order.report && order.network == Some(way.network);
    (reported && hairpins.is_due(way, now, order.interval)).then_some(origin)
}
