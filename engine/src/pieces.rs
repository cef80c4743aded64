//! What a frame of a TAP becomes: GRE packets without addresses, their headers made, their data where it was read.

use std::collections::HashSet;
use std::ops::Range;

use crate::ETHERNET;
use crate::delivery::{ETHERTYPE_IPV4, ETHERTYPE_IPV6};
use crate::gre;
use crate::ip;
use crate::ipv4::{self, Address, Packet, put_word, seal_header};
use crate::ipv6;
use crate::mss;
use crate::segment::{self, BadOffload, Train};
use crate::table::{Mac, Tunnel};
use crate::vnet::{self, Vnet};
use crate::wire::{Span, Wire};

/// Octets before the IP packet in a frame of a TAP.
pub(crate) const FRAME_HEADER: usize = vnet::SIZE + ETHERNET;
/// Octets of a hairpinned packet that are reported: enough for any header the redirect quotes.
const REPORTED: usize = 64;
const DESTINATION_PORT_UNREACHABLE: [u8; 2] = [3, 3];
/// The same of `ICMPv6`.
const PORT_UNREACHABLE_V6: [u8; 2] = [1, 4];

/// A GRE packet without addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    /// In [`Wire::heads`]: GRE header, and the headers of a packet that was cut.
    pub(crate) head: Span,
    /// In the arena that the frame was read into.
    pub(crate) body: Span,
}

impl Piece {
    /// How many octets.
    pub(crate) fn len(self) -> usize {
        self.head.len() + self.body.len()
    }
}

/// The vnet header, the destination and the IP packet of a frame; None: it carries something else.
pub(crate) fn opened(frame: &[u8]) -> Option<(Vnet, Mac, ip::Packet<'_>)> {
    let offload = Vnet::parse(frame)?;
    let (ethernet, packet) = frame.get(vnet::SIZE..)?.split_at_checked(ETHERNET)?;
    let packet = match *ethernet.last_chunk()? {
        ETHERTYPE_IPV4 => ip::Packet::V4(Packet::of(packet)?),
        ETHERTYPE_IPV6 => ip::Packet::V6(ipv6::Packet::of(packet)?),
        _ => return None,
    };
    Some((offload, *ethernet.first_chunk()?, packet))
}

/// Whether a frame is for many.
pub(crate) fn is_group(mac: Mac) -> bool {
    mac[0] & 1 != 0
}

/// Complete a packet's checksum, or cut it; put a GRE header before each piece. protocol: of that.
pub(crate) fn finish(
    offload: Vnet,
    arena: &mut [u8],
    place: Range<usize>,
    (protocol, key): (u16, Option<u32>),
    wire: &mut Wire,
    pieces: &mut Vec<Piece>,
) -> Result<(), BadOffload> {
    let whole = &mut arena[place.clone()];
    let Some(train) = Train::of(offload, whole)? else {
        segment::complete(offload, whole)?;
        let begin = wire.begin_head(protocol, key);
        pieces.push(Piece { head: wire.end_head(begin), body: place.into() });
        return Ok(());
    };
    for number in 0..train.count() {
        let begin = wire.begin_head(protocol, key);
        train.write_head(number, &mut wire.heads);
        let body = train.body(number);
        let body = place.start + body.start..place.start + body.end;
        pieces.push(Piece { head: wire.end_head(begin), body: body.into() });
    }
    Ok(())
}

/// The first octets of the first piece, GRE header off.
pub(crate) fn beginning(pieces: &[Piece], key: Option<u32>, wire: &Wire, arena: &[u8]) -> Vec<u8> {
    let Some(first) = pieces.first() else { return Vec::new() };
    let head = &first.head.of(&wire.heads)[gre::length(key)..];
    head.iter().chain(first.body.of(arena)).take(REPORTED).copied().collect()
}

/// Lower the maximum segment size: of a single packet in its place, of the pieces of a train, which are TCP, in their
/// heads.
pub(crate) fn clamp(tunnel: &Tunnel, mss: Option<u16>, packet: &mut [u8], pieces: &[Piece], wire: &mut Wire) {
    let Some(mss) = mss else { return };
    let header = gre::length(tunnel.ends.key);
    for piece in pieces {
        let head = &mut piece.head.of_mut(&mut wire.heads)[header..];
        mss::clamp(if head.is_empty() { &mut *packet } else { head }, mss, false);
    }
}

/// Our own ICMP port unreachable leaves with the tunnel's address, whichever of ours was probed.
pub(crate) fn as_ios_would(tunnel: &Tunnel, own: &HashSet<(u32, Address)>, octets: &mut [u8]) {
    let Some((packet, tunnel_address)) = Packet::of(octets).zip(tunnel.address) else { return };
    let header = packet.header_length();
    let is_unreachable = packet.protocol() == ipv4::ICMP
        && octets.get(header..header + 2).is_some_and(|kind| kind == DESTINATION_PORT_UNREACHABLE)
        && own.contains(&(tunnel.table, packet.source()));
    if is_unreachable {
        octets[12..16].copy_from_slice(&tunnel_address);
        seal_header(octets, header);
    }
}

/// The same of `ICMPv6`, whose checksum covers the addresses.
pub(crate) fn as_ios_would_v6(tunnel: &Tunnel, own: &HashSet<(u32, ipv6::Address)>, octets: &mut [u8]) {
    let Some((packet, address)) = ipv6::Packet::of(octets).zip(tunnel.ipv6.address) else { return };
    let start = ipv6::HEADER_LENGTH;
    let is_unreachable = packet.next_header() == ipv6::ICMPV6
        && octets.len() >= start + 8
        && octets[start..start + 2] == PORT_UNREACHABLE_V6
        && own.contains(&(tunnel.table, packet.source()));
    if is_unreachable {
        octets[8..24].copy_from_slice(&address);
        put_word(octets, start + 2, 0);
        let sum = ip::Packet::of(octets).map(|packet| packet.pseudo_header(octets.len() - start));
        let checksum = sum.unwrap_or_default().and(&octets[start..]).checksum();
        put_word(octets, start + 2, checksum);
    }
}
