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
use crate::hairpin::{Hairpins, Origin, Pair};
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
    /// What the control plane has told us. Tunnels are made and removed by [`Core`].
    pub table: Table,
    /// All our addresses.
    pub own_addresses: HashSet<Address>,
    /// Counters.
    pub dropped: Dropped,
    usage: BTreeMap<u32, Usage>,
    hairpins: Hairpins,
    limits: Limits,
    /// What the frame at hand becomes. Kept for its memory only.
    pieces: Vec<Piece>,
}

/// A GRE packet without addresses.
#[derive(Clone, Copy, Debug)]
struct Piece {
    head: Span,
    body: Span,
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
            pieces: Vec::new(),
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
        let (pair, tos) = (packet.pair(), packet.tos());
        let packet = frame.start + FRAME_HEADER..frame.end;
        self.pieces.clear();
        let key = tunnel.ends.key;
        if finish(offload, arena, packet.clone(), key, &mut out.wire, &mut self.pieces).is_err() {
            self.dropped.malformed += 1;
            return Ok(());
        }
        if !is_group(mac) {
            if let Some(origin) = transit(&self.table, &mut self.hairpins, tunnel, first, pair, now) {
                out.punts.push(Punt {
                    reason: Reason::Hairpin(number),
                    tunnel: origin.tunnel,
                    nbma: origin.nbma,
                    data: beginning(&self.pieces, key, &out.wire, arena),
                });
            }
        }
        adjust(tunnel, &self.own_addresses, &mut arena[packet], &self.pieces, &mut out.wire);
        for piece in &self.pieces {
            let to = |&nbma| wire::Packet {
                source: tunnel.ends.source,
                nbma,
                tos,
                head: piece.head,
                body: piece.body,
            };
            out.wire.packets.extend(neighbours.iter().map(to));
        }
        let usage = self.usage.entry(number).or_default();
        for &nbma in neighbours {
            let who = Counted { known: tunnel.knows(nbma), limit: self.limits.counted };
            usage.sent(nbma, self.pieces.len(), who);
        }
        Ok(())
    }

    /// Send something of the router's own in GRE, straight to an NBMA address.
    pub fn send(
        &mut self,
        number: u32,
        nbma: Address,
        protocol: u16,
        payload: &[u8],
        tos: u8,
        wire: &mut Wire,
    ) -> Result<(), NoSuchTunnel> {
        let tunnel = self.table.get(number).ok_or(NoSuchTunnel(number))?;
        let begin = wire.begin_head(protocol, tunnel.ends.key);
        wire.heads.extend_from_slice(payload);
        let (source, head) = (tunnel.ends.source, wire.end_head(begin));
        wire.packets.push(wire::Packet { source, nbma, tos, head, body: Span::default() });
        let who = Counted { known: tunnel.knows(nbma), limit: self.limits.counted };
        self.usage.entry(number).or_default().sent(nbma, 1, who);
        Ok(())
    }

    // ------------------------------------------------------------------------------------------------ in

    /// A whole IPv4 packet of protocol 47, outer header first, as a raw socket returns it.
    pub fn inbound(&mut self, arena: &mut [u8], packet: Range<usize>, out: &mut Outcome) {
        let octets = &arena[packet.clone()];
        let start = octets.first().map_or(0, |first| usize::from(first & 0x0F) << 2);
        if start < HEADER_LENGTH || start > octets.len() {
            self.dropped.malformed += 1;
            return;
        }
        let (nbma, local) = (address(octets, 12), address(octets, 16));
        let Ok(header) = gre::Header::parse(&octets[start..]) else {
            self.dropped.malformed += 1;
            return;
        };
        let found = self.table.demultiplex(local, nbma, header.key);
        let Some((number, tunnel)) = found.and_then(|number| Some((number, self.table.get(number)?))) else {
            self.dropped.no_tunnel += 1;
            return;
        };
        let who = Counted { known: tunnel.knows(nbma), limit: self.limits.counted };
        self.usage.entry(number).or_default().received(nbma, who);
        let payload = packet.start + start + header.length..packet.end;
        let octets = &arena[payload.clone()];
        let punt = |reason, data| Punt { reason, tunnel: number, nbma, data };
        match header.protocol {
            gre::NHRP => out.punts.push(punt(Reason::Nhrp, octets.to_vec())),
            gre::KEEPALIVE => out.punts.push(punt(Reason::Keepalive, Vec::new())),
            gre::IPV4 => match Packet::of(octets) {
                None => self.dropped.not_ipv4 += 1,
                Some(inner) if is_keepalive(inner, local, nbma) => {
                    if let Some(returned) = returned_keepalive(inner, payload, local, nbma) {
                        out.wire.packets.push(returned);
                    }
                }
                Some(inner) => {
                    if tunnel.report {
                        self.hairpins.arrived(inner.pair(), Origin { tunnel: number, nbma });
                    }
                    out.frames.push(delivered(number, tunnel, nbma, arena, payload));
                }
            },
            _ => self.dropped.not_ipv4 += 1,
        }
    }
}

fn is_group(mac: Mac) -> bool {
    mac[0] & 1 != 0
}

/// The vnet header, the destination and the IPv4 packet of a frame; None: it carries something else.
fn opened(frame: &[u8]) -> Option<(Vnet, Mac, Packet<'_>)> {
    let offload = Vnet::parse(frame)?;
    let (ethernet, packet) = frame.get(vnet::SIZE..)?.split_at_checked(ETHERNET)?;
    let packet = Packet::of(packet).filter(|_| ethernet[12..] == ETHERTYPE_IPV4)?;
    Some((offload, *ethernet.first_chunk()?, packet))
}

/// Complete a packet's checksum, or cut it; put a GRE header before each piece.
fn finish(
    offload: Vnet,
    arena: &mut [u8],
    place: Range<usize>,
    key: Option<u32>,
    wire: &mut Wire,
    pieces: &mut Vec<Piece>,
) -> Result<(), BadOffload> {
    let whole = &mut arena[place.clone()];
    let Some(train) = Packet::of(whole).map_or(Ok(None), |packet| Train::of(offload, packet))? else {
        segment::complete(offload, whole)?;
        let begin = wire.begin_head(gre::IPV4, key);
        pieces.push(Piece { head: wire.end_head(begin), body: place.into() });
        return Ok(());
    };
    for number in 0..train.count() {
        let begin = wire.begin_head(gre::IPV4, key);
        train.write_head(number, &mut wire.heads);
        let body = train.body(number);
        let body = place.start + body.start..place.start + body.end;
        pieces.push(Piece { head: wire.end_head(begin), body: body.into() });
    }
    Ok(())
}

/// Where a packet that leaves `tunnel` for `nbma` came from, if that is another neighbour of the same NHRP network and
/// nobody was told within the interval.
fn transit(
    table: &Table,
    hairpins: &mut Hairpins,
    leaves: &Tunnel,
    nbma: Address,
    pair: Pair,
    now: f64,
) -> Option<Origin> {
    let origin = hairpins.origin(pair).filter(|origin| origin.nbma != nbma)?;
    let arrived = table.get(origin.tunnel)?;
    let reported = arrived.report && arrived.network.is_some() && arrived.network == leaves.network;
    (reported && hairpins.is_due(pair, now, arrived.interval)).then_some(origin)
}

/// The first octets of the first piece, GRE header off.
fn beginning(pieces: &[Piece], key: Option<u32>, wire: &Wire, arena: &[u8]) -> Vec<u8> {
    let Some(first) = pieces.first() else { return Vec::new() };
    let head = &first.head.of(&wire.heads)[gre::length(key)..];
    head.iter().chain(first.body.of(arena)).take(REPORTED).copied().collect()
}

/// The source of ICMP port unreachable, and the maximum segment size: of a single packet in its place, of the pieces of
/// a train, which are TCP, in their heads.
fn adjust(tunnel: &Tunnel, own: &HashSet<Address>, packet: &mut [u8], pieces: &[Piece], wire: &mut Wire) {
    as_ios_would(tunnel, own, packet);
    let Some(mss) = tunnel.mss else { return };
    let header = gre::length(tunnel.ends.key);
    for piece in pieces {
        let head = &mut piece.head.of_mut(&mut wire.heads)[header..];
        mss::clamp(if head.is_empty() { &mut *packet } else { head }, mss, false);
    }
}

/// Our own ICMP port unreachable leaves with the tunnel's address, whichever of ours was probed.
fn as_ios_would(tunnel: &Tunnel, own: &HashSet<Address>, octets: &mut [u8]) {
    let Some((packet, tunnel_address)) = Packet::of(octets).zip(tunnel.address) else { return };
    let header = packet.header_length();
    let is_unreachable = packet.protocol() == ipv4::ICMP
        && octets.get(header..header + 2).is_some_and(|kind| kind == DESTINATION_PORT_UNREACHABLE)
        && own.contains(&packet.source());
    if is_unreachable {
        octets[12..16].copy_from_slice(&tunnel_address);
        seal_header(octets, header);
    }
}

/// A neighbour's keepalive is a packet "from us" to it, to be routed back (the kernel calls that a martian).
fn is_keepalive(packet: Packet, local: Address, nbma: Address) -> bool {
    packet.protocol() == ipv4::GRE && packet.source() == local && packet.destination() == nbma
}

fn returned_keepalive(
    packet: Packet,
    place: Range<usize>,
    source: Address,
    nbma: Address,
) -> Option<wire::Packet> {
    let header = packet.header_length();
    let body = place.start + header..place.end;
    (header >= HEADER_LENGTH && body.start <= body.end).then(|| wire::Packet {
        source,
        nbma,
        tos: packet.tos(),
        head: Span::default(),
        body: body.into(),
    })
}

/// A packet as a frame for the kernel, its maximum segment size clamped.
fn delivered(number: u32, tunnel: &Tunnel, nbma: Address, arena: &mut [u8], place: Range<usize>) -> Frame {
    let octets = &mut arena[place.clone()];
    let offload = Packet::of(octets).map(|packet| unfinished(packet, tunnel.mtu)).unwrap_or_default();
    if let Some(mss) = tunnel.mss {
        mss::clamp(octets, mss, offload.flags != 0);
    }
    let mut ethernet = [0; ETHERNET];
    ethernet[..6].copy_from_slice(&destination_mac(tunnel, address(octets, 16)));
    ethernet[6..12].copy_from_slice(&tunnel.mac_of(nbma));
    ethernet[12..].copy_from_slice(&ETHERTYPE_IPV4);
    Frame { tunnel: number, offload, ethernet, packet: place.into() }
}

/// RFC 1112 §6.4 for groups; the kernel takes what is for its own address.
fn destination_mac(tunnel: &Tunnel, destination: Address) -> Mac {
    match destination {
        [255, 255, 255, 255] => [0xFF; 6],
        [224..=239, high, middle, low] => [0x01, 0x00, 0x5E, high & 0x7F, middle, low],
        _ => tunnel.own_mac,
    }
}
