//! Packets on their way to NBMA addresses: a batch of heads, each with data that stays where it was received.

use std::ops::Range;

use crate::doors::Door;
use crate::gre;
use crate::ipv4::Address;

/// Octets of an arena from `start` to `end`. Arenas are smaller than 4 GiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// How many octets.
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The first octets of it, and the others.
    pub fn split_at(self, octets: usize) -> (Self, Self) {
        let middle = self.start + octets as u32;
        (Self { end: middle, ..self }, Self { start: middle, ..self })
    }

    /// With so many octets before it.
    #[must_use]
    pub fn preceded_by(self, octets: usize) -> Self {
        Self { start: self.start - octets as u32, ..self }
    }

    /// From the beginning of this one to the end of another, which follows it.
    #[must_use]
    pub fn extended_to(self, other: Self) -> Self {
        Self { end: other.end, ..self }
    }

    /// Where it is.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The octets of the arena that it was made for.
    pub fn of(self, arena: &[u8]) -> &[u8] {
        &arena[self.start as usize..self.end as usize]
    }

    /// The same, to change them.
    pub fn of_mut(self, arena: &mut [u8]) -> &mut [u8] {
        &mut arena[self.start as usize..self.end as usize]
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start as u32, end: range.end as u32 }
    }
}

/// What an outer header gets of the packet inside, RFC 4301 §5.1.2.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outer {
    /// Type of service.
    pub tos: u8,
    /// Nobody may cut it.
    pub df: bool,
}

impl Outer {
    /// One that may be cut.
    pub fn of(tos: u8) -> Self {
        Self { tos, df: false }
    }
}

/// A GRE packet to a neighbor's NBMA address: `head` and then `body`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Where we send it from.
    pub source: Door,
    /// Where it goes to.
    pub nbma: Address,
    /// Of the outer header.
    pub outer: Outer,
    /// In [`Wire::heads`].
    pub head: Span,
    /// In the arena that the packet was received in.
    pub body: Span,
}

/// A batch of packets to send.
#[derive(Debug, Default)]
pub struct Wire {
    /// GRE headers, and the headers of packets that were cut.
    pub heads: Vec<u8>,
    /// In the order in which they are sent.
    pub packets: Vec<Packet>,
}

impl Wire {
    /// Begin a head with a GRE header; what is appended to `heads` until [`Self::end_head`] belongs to it.
    pub fn begin_head(&mut self, protocol: u16, key: Option<u32>) -> usize {
        let begin = self.heads.len();
        gre::write(protocol, key, &mut self.heads);
        begin
    }

    /// The head that was begun there.
    pub fn end_head(&self, begin: usize) -> Span {
        (begin..self.heads.len()).into()
    }

    /// The octets of a packet, for those who want them in one piece. arena: where it was received.
    pub fn octets(&self, packet: &Packet, arena: &[u8]) -> Vec<u8> {
        [packet.head.of(&self.heads), packet.body.of(arena)].concat()
    }

    /// Forget all packets.
    pub fn clear(&mut self) {
        self.heads.clear();
        self.packets.clear();
    }
}
