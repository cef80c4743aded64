//! What comes out of GRE: a frame for the kernel, or a keepalive to send back.

use std::ops::Range;

use crate::ETHERNET;
use crate::doors::Door;
use crate::ip;
use crate::ipv4::{self, Address, HEADER_LENGTH, Packet, address};
use crate::mss;
use crate::table::{Mac, Neighbor, Tunnel};
use crate::unfinished::unfinished;
use crate::vnet::Vnet;
use crate::wire::{self, Outer, Span};

/// What follows an Ethernet header that says so is IPv4.
pub(crate) const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];

/// What follows an Ethernet header that says so is IPv6.
pub(crate) const ETHERTYPE_IPV6: [u8; 2] = [0x86, 0xDD];

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

/// A neighbor's keepalive is a packet "from us" to it, to be routed back (the kernel calls that a martian).
/// local: our address, which is asked for only where it matters.
pub(crate) fn is_keepalive(packet: Packet, local: impl FnOnce() -> Option<Address>, nbma: Address) -> bool {
    packet.protocol() == ipv4::GRE && packet.destination() == nbma && Some(packet.source()) == local()
}

pub(crate) fn returned_keepalive(
    packet: Packet,
    place: Range<usize>,
    source: Door,
    nbma: Address,
) -> Option<wire::Packet> {
    let header = packet.header_length();
    let body = place.start + header..place.end;
    (header >= HEADER_LENGTH && body.start <= body.end).then(|| wire::Packet {
        source,
        nbma,
        outer: Outer::of(packet.tos()),
        head: Span::default(),
        body: body.into(),
    })
}

/// A packet as a frame for the kernel, its maximum segment size clamped.
pub(crate) fn delivered(
    number: u32,
    tunnel: &Tunnel,
    from: Neighbor,
    arena: &mut [u8],
    place: Range<usize>,
) -> Frame {
    let octets = &mut arena[place.clone()];
    let offload =
        ip::Packet::of(octets).map(|packet| unfinished(packet, tunnel.settings.mtu)).unwrap_or_default();
    if let Some(mss) = tunnel.settings.mss {
        mss::clamp(octets, mss, offload.flags != 0);
    }
    let to = destination_mac(tunnel, address(octets, 16));
    Frame {
        tunnel: number,
        offload,
        ethernet: ethernet(to, tunnel.mac_of(from), ETHERTYPE_IPV4),
        packet: place.into(),
    }
}

/// The same of an IPv6 packet.
pub(crate) fn delivered_v6(
    number: u32,
    tunnel: &Tunnel,
    from: Neighbor,
    arena: &mut [u8],
    place: Range<usize>,
) -> Frame {
    let octets = &mut arena[place.clone()];
    let overlay = &tunnel.ipv6;
    let offload = ip::Packet::of(octets).map(|packet| unfinished(packet, overlay.mtu)).unwrap_or_default();
    if let Some(mss) = overlay.mss {
        mss::clamp(octets, mss, offload.flags != 0);
    }
    let to = match octets[24..40] {
        [0xFF, .., first, second, third, last] => [0x33, 0x33, first, second, third, last], // RFC 2464 §7
        _ => tunnel.own_mac,
    };
    Frame {
        tunnel: number,
        offload,
        ethernet: ethernet(to, tunnel.mac_of(from), ETHERTYPE_IPV6),
        packet: place.into(),
    }
}

fn ethernet(to: Mac, from: Mac, kind: [u8; 2]) -> [u8; ETHERNET] {
    let mut header = [0; ETHERNET];
    header[..6].copy_from_slice(&to);
    header[6..12].copy_from_slice(&from);
    header[12..].copy_from_slice(&kind);
    header
}

/// RFC 1112 §6.4 for groups; the kernel takes what is for its own address.
fn destination_mac(tunnel: &Tunnel, destination: Address) -> Mac {
    match destination {
        [255, 255, 255, 255] => [0xFF; 6],
        [224..=239, high, middle, low] => [0x01, 0x00, 0x5E, high & 0x7F, middle, low],
        _ => tunnel.own_mac,
    }
}
