//! What arrives at protocol 50 and at UDP port 4500: ESP, IKE behind a marker, keepalives of translators. RFC 3948 §2.

use std::ops::Range;

use crate::doors::Door;
use crate::ipv4::{self, HEADER_LENGTH, address};
use crate::sas::Place;

const NON_ESP_MARKER: [u8; 4] = [0; 4];
/// RFC 3948 §2.3: one octet keeps a mapping.
const KEEPALIVE: usize = 1;
/// SPI and sequence number.
const ESP_HEADER: usize = 8;

/// An ESP packet, and what the headers before it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Where we received it.
    pub local: Door,
    /// Where it came from.
    pub source: Place,
    /// Type of service of the outer header.
    pub tos: u8,
    /// From SPI to check value, in the arena that it was received in.
    pub packet: Range<usize>,
}

/// A header that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// What a UDP datagram to port 4500 is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datagram {
    /// The non-ESP marker, and behind it IKE.
    Ike,
    /// Nothing to do.
    Keepalive,
    /// Perhaps.
    Esp,
}

impl Datagram {
    /// See what these octets are.
    pub fn of(octets: &[u8]) -> Self {
        if octets.starts_with(&NON_ESP_MARKER) {
            Self::Ike
        } else if octets.len() == KEEPALIVE {
            Self::Keepalive
        } else {
            Self::Esp
        }
    }
}

/// Where the payload of an IPv4 packet begins, as a raw socket returns it.
pub fn payload(octets: &[u8]) -> Result<usize, Malformed> {
    let start = octets.first().map_or(0, |first| usize::from(first & 0x0F) << 2);
    if start < HEADER_LENGTH || start > octets.len() { Err(Malformed) } else { Ok(start) }
}

impl Arrived {
    /// A whole IPv4 packet of protocol 50 that was received there, outer header first.
    pub fn raw(arena: &[u8], local: Door, packet: Range<usize>) -> Result<Self, Malformed> {
        let octets = &arena[packet.clone()];
        let start = payload(octets)?;
        Ok(Self {
            local,
            source: Place { address: address(octets, 12), port: 0 },
            tos: octets[1],
            packet: packet.start + start..packet.end,
        })
    }

    /// The SPI that it says it is of.
    pub fn spi(&self, arena: &[u8]) -> Result<u32, Malformed> {
        let octets = &arena[self.packet.clone()];
        let spi = octets.first_chunk().filter(|_| octets.len() >= ESP_HEADER).ok_or(Malformed)?;
        Ok(u32::from_be_bytes(*spi))
    }

    /// The sequence number that it shows, where it has an SPI.
    pub fn number(&self, arena: &[u8]) -> u32 {
        ipv4::long(&arena[self.packet.clone()], 4)
    }
}
