//! What the engine hands up to the router, with the reason.

use crate::doors::Door;
use crate::ipv4::Address;

/// Why something is for the router itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is NHRP.
    Nhrp,
    /// Our own keepalive came back.
    Keepalive,
    /// A packet is too big for the path to its neighbor and must not be cut; octets of what would fit.
    TooBig(usize),
    /// A transit packet left by the tunnel of this number.
    Hairpin(u32),
    /// It is IKE, behind the non-ESP marker, from this UDP port to 4500 of this door, with this TOS.
    Ike(Door, u16, u8),
    /// ESP came to this door, from this UDP port (0: protocol 50), for an SA that is not: its SPI.
    UnknownSpi(Door, u16, u32),
    /// GRE in clear came to this door for a protected tunnel.
    Clear(Door),
    /// A good and newest packet of the connection came from elsewhere than its peer is: this UDP port.
    Heard(u16),
    /// The pair of this SPI is worn.
    Worn(u32),
    /// Packets went out on the connection for a while, and none came in.
    Unheard,
}

/// Something for the router itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Punt {
    /// Why.
    pub reason: Reason,
    /// The tunnel it came from, 0: none.
    pub tunnel: u32,
    /// Where it came from.
    pub nbma: Address,
    /// The connection that protected it, or is spoken of; 0: none.
    pub connection: u64,
    /// An NHRP packet, the octets of an IKE datagram, or the first ones of a packet that is too big or hairpinned.
    pub data: Vec<u8>,
}

impl Punt {
    /// A fact without octets.
    pub fn fact(reason: Reason, nbma: Address, connection: u64) -> Self {
        Self { reason, tunnel: 0, nbma, connection, data: Vec::new() }
    }
}
