//! GRE packets of protected tunnels on their way out: decided under the core's lock, sealed outside of it.
//!
//! The core plans: which pair of SAs, which sequence number, where to. [`Sealing::seal`] then copies each packet to where
//! it is sent from, one behind the other, and seals it there, a slice of the batch at a time. Packets of equal length that follow each other to one
//! place are a [`Train`]: the kernel takes them in one piece (`UDP_SEGMENT`) and cuts it.

use std::ops::Range;
use std::sync::Arc;

use crate::MAX_PACKET;
use crate::doors::Door;
use crate::ipv4::{self, Address, HEADER_LENGTH, put_word, seal_header};
use crate::sas::{Link, Pair, Place};
use crate::wire::{Outer, Span, Wire};

/// Next header (RFC 4303 §2.6) of transport mode with GRE, and of tunnel mode.
pub(crate) const GRE_IN_ESP: u8 = ipv4::GRE;
pub(crate) const IPV4_IN_ESP: u8 = 4;
/// Time to live of an inner IP header.
const TTL: u8 = 255;
/// Packets of a train, and its octets: what every kernel with `UDP_SEGMENT` takes (`UDP_MAX_SEGMENTS`, 64 at first).
const TRAIN: usize = 64;
const TRAIN_OCTETS: usize = 65_000;
/// Octets of sealed packets after which they are sent before others are sealed. What one neighbor gets in a batch is
/// less; multicast to a thousand neighbors would be a copy for each of them.
const SLICE: usize = 256 << 10;

/// Where sealed packets go.
#[derive(Debug)]
struct Route {
    pair: Arc<Pair>,
    local: Door,
    place: Place,
}

/// A GRE packet that has its sequence number.
#[derive(Clone, Copy, Debug)]
struct Plan {
    route: usize,
    number: u64,
    outer: Outer,
    head: Span,
    body: Span,
}

/// Why a GRE packet is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unplanned {
    /// Its pair may send nothing more, and has counted it.
    Spent,
    /// With an inner IP header it would be longer than a packet can be.
    TooLong,
}

/// An ESP packet to send to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Where we send it from.
    pub local: Door,
    /// The peer's. From UDP port 4500, or by protocol 50.
    pub to: Place,
    /// Of the outer header.
    pub outer: Outer,
    /// In [`Sealing::buffer`].
    pub place: Span,
    /// Whose it is, by its place in the batch.
    route: usize,
}

/// Packets for one system call. segment: octets of each but the last; 0: there is only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Train {
    /// The first one, all of whose octets these are.
    pub packet: Sealed,
    /// Octets of each packet but the last; 0: there is only one.
    pub segment: u16,
    /// How many.
    pub count: usize,
}

/// A batch of them.
#[derive(Debug, Default)]
pub struct Sealing {
    routes: Vec<Route>,
    plans: Vec<Plan>,
    /// Plans that were sealed.
    done: usize,
    /// Where the sealed packets are.
    pub buffer: Vec<u8>,
    /// In the order in which they are sent.
    pub packets: Vec<Sealed>,
}

impl Sealing {
    /// Packets planned from now on may take this way.
    pub(crate) fn route(&mut self, link: &Link) -> usize {
        let known = self.routes.last().is_some_and(|last| {
            Arc::ptr_eq(&last.pair, &link.current) && last.place == link.place && last.local == link.local
        });
        if !known {
            let pair = Arc::clone(&link.current);
            self.routes.push(Route { pair, local: link.local, place: link.place });
        }
        self.routes.len() - 1
    }

    /// Give a GRE packet its number.
    pub(crate) fn plan(
        &mut self,
        route: usize,
        outer: Outer,
        head: Span,
        body: Span,
    ) -> Result<(), Unplanned> {
        let pair = &self.routes[route].pair;
        let inner = if pair.inner.is_some() { HEADER_LENGTH } else { 0 };
        let length = inner + head.len() + body.len();
        if inner > 0 && length > MAX_PACKET {
            return Err(Unplanned::TooLong);
        }
        let number = pair.next_number(length).ok_or(Unplanned::Spent)?;
        self.plans.push(Plan { route, number, outer, head, body });
        Ok(())
    }

    /// Seal what was planned, or a slice of it, in the place of what was sealed before; whether there is more. arena:
    /// where the packets were received.
    pub fn seal(&mut self, wire: &Wire, arena: &[u8]) -> bool {
        self.buffer.clear();
        self.packets.clear();
        while self.buffer.len() < SLICE {
            let Some(&plan) = self.plans.get(self.done) else { break };
            self.done += 1;
            self.seal_one(plan, wire, arena);
        }
        self.done < self.plans.len()
    }

    fn seal_one(&mut self, plan: Plan, wire: &Wire, arena: &[u8]) {
        let Route { pair, local, place } = &self.routes[plan.route];
        let begin = self.buffer.len();
        self.buffer.resize(begin + pair.outbound.head(), 0);
        let (head, body) = (plan.head.of(&wire.heads), plan.body.of(arena));
        let mut next_header = GRE_IN_ESP;
        if let Some(addresses) = pair.inner {
            next_header = IPV4_IN_ESP;
            let length = head.len() + body.len();
            self.buffer.extend_from_slice(&inner_header(addresses, plan.number, length, plan.outer.tos));
        }
        self.buffer.extend_from_slice(head);
        self.buffer.extend_from_slice(body);
        if pair.outbound.seal(&mut self.buffer, begin, plan.number, next_header).is_err() {
            pair.count_unsent(1); // a cipher does not refuse a packet; were it to, there is nothing to send
            return;
        }
        let octets = (begin..self.buffer.len()).into();
        let (local, to, route) = (*local, *place, plan.route);
        self.packets.push(Sealed { local, to, outer: plan.outer, place: octets, route });
    }

    /// The sealed packets, as trains where they may be.
    pub fn trains(&self) -> impl Iterator<Item = Train> {
        let mut rest = &self.packets[..];
        std::iter::from_fn(move || {
            let (train, others) = first_train(rest)?;
            rest = others;
            Some(train)
        })
    }

    /// The kernel refused so many packets of a train.
    pub fn count_unsent(&self, train: &Train, packets: u64) {
        self.routes[train.packet.route].pair.count_unsent(packets);
    }

    /// Forget everything.
    pub fn clear(&mut self) {
        self.routes.clear();
        self.plans.clear();
        self.done = 0;
        self.buffer.clear();
        self.packets.clear();
    }
}

/// How many of these packets can be sent in one piece; the last may be shorter.
fn first_train(packets: &[Sealed]) -> Option<(Train, &[Sealed])> {
    let first = packets.first()?;
    let (size, mut count, mut octets) = (first.place.len(), 1, first.place.len());
    if first.to.port != 0 {
        for next in &packets[1..packets.len().min(TRAIN)] {
            let fits = (next.route, next.to, next.outer) == (first.route, first.to, first.outer)
                && next.place.len() <= size
                && octets + next.place.len() <= TRAIN_OCTETS;
            if !fits {
                break;
            }
            count += 1;
            octets += next.place.len();
            if next.place.len() < size {
                break;
            }
        }
    }
    let segment = if count > 1 { size as u16 } else { 0 };
    let packet = Sealed { place: first.place.extended_to(packets[count - 1].place), ..*first };
    Some((Train { packet, segment, count }, &packets[count..]))
}

impl Train {
    /// The packets one by one.
    pub fn packets(&self) -> impl Iterator<Item = Range<usize>> {
        let (place, size) = (self.packet.place.range(), usize::from(self.segment));
        let size = if size == 0 { place.len() } else { size };
        place.clone().step_by(size.max(1)).map(move |start| start..(start + size).min(place.end))
    }
}

/// RFC 4301 §5.1.2.1. The identification is that of the ESP sequence: the peer may cut the packet further on.
fn inner_header(addresses: (Address, Address), number: u64, length: usize, tos: u8) -> [u8; HEADER_LENGTH] {
    let mut header = [0; HEADER_LENGTH];
    (header[0], header[1], header[8], header[9]) = (0x45, tos, TTL, ipv4::GRE);
    put_word(&mut header, 2, (HEADER_LENGTH + length) as u16);
    put_word(&mut header, 4, number as u16);
    header[12..16].copy_from_slice(&addresses.0);
    header[16..].copy_from_slice(&addresses.1);
    seal_header(&mut header, HEADER_LENGTH);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each: octets, port, TOS with DF in its lowest bit.
    fn packets(described: &[(usize, u16, u8)]) -> Vec<Sealed> {
        let mut end = 0;
        let mut packet = |&(length, port, tos)| {
            let start = end;
            end += length;
            let to = Place { address: [10, 0, 0, 2], port };
            let outer = Outer { tos: tos & !1, df: tos & 1 != 0 };
            Sealed { local: Door(0), to, outer, place: (start..start + length).into(), route: 0 }
        };
        described.iter().map(&mut packet).collect()
    }

    fn trains(described: &[(usize, u16, u8)]) -> Vec<(usize, u16)> {
        let sealing = Sealing { packets: packets(described), ..Sealing::default() };
        sealing.trains().map(|train| (train.count, train.segment)).collect()
    }

    #[test]
    fn packets_of_equal_length_to_one_place_are_a_train_which_a_shorter_one_ends() {
        let described = [(100, 4500, 0), (100, 4500, 0), (60, 4500, 0), (60, 4500, 0), (100, 4500, 0)];
        assert_eq!(trains(&described), [(3, 100), (1, 0), (1, 0)]);
        assert_eq!(
            trains(&[(100, 4500, 0), (100, 4501, 0), (100, 4501, 2), (100, 4501, 2)]),
            [(1, 0), (1, 0), (2, 100)]
        );
        assert_eq!(trains(&[(100, 0, 0), (100, 0, 0)]), [(1, 0), (1, 0)], "protocol 50");
        assert_eq!(trains(&[(100, 4500, 0), (100, 4500, 1), (100, 4500, 1)]), [(1, 0), (2, 100)], "DF");
        assert_eq!(trains(&[(1400, 4500, 0); 47]), [(46, 1400), (1, 0)]);
        assert_eq!(trains(&[(100, 4500, 0); 65]), [(64, 100), (1, 0)]);
    }

    #[test]
    fn a_train_is_cut_into_its_packets_again() {
        let sealing =
            Sealing { packets: packets(&[(100, 9, 0), (100, 9, 0), (7, 9, 0)]), ..Sealing::default() };
        let cut: Vec<_> = sealing.trains().flat_map(|train| train.packets().collect::<Vec<_>>()).collect();
        assert_eq!(cut, [0..100, 100..200, 200..207]);
    }
}
