//! The way out of a tunnel: which connection a packet takes, that none of a protected tunnel goes without, and what
//! becomes of those that are too big for the path.

use std::ops::AddAssign;

use crate::MAX_PACKET;
use crate::alarms::{Alarm, Alarms};
use crate::cuts::{self, Cut, Cuts};
use crate::doors::Front;
use crate::gre;
use crate::ip;
use crate::ipv4::{Address, HEADER_LENGTH};
use crate::outcome::Outcome;
use crate::paths::{LEAST, PathMtus};
use crate::pieces::Piece;
use crate::punt::{Punt, Reason};
use crate::sas::{Link, Sas};
use crate::sealing::Unplanned;
use crate::table::{Neighbor, Tunnel};
use crate::usage::{Amount, Counted, Usage};
use crate::wire::{self, Outer, Wire};

/// The way out of a tunnel, for packets with equal outer headers.
#[derive(Clone, Copy)]
pub(crate) struct Leaving<'a> {
    pub(crate) sas: &'a Sas,
    /// Neighbors that are counted.
    pub(crate) limit: usize,
    pub(crate) number: u32,
    pub(crate) tunnel: &'a Tunnel,
    pub(crate) outer: Outer,
    /// Of these packets.
    pub(crate) limit_of_version: Limit,
    /// Seconds.
    pub(crate) now: f64,
}

/// Path MTUs, the senders that got a report, and the routing table of the tunnel's outer packets.
pub(crate) struct Narrow<'a> {
    pub(crate) paths: &'a mut PathMtus,
    pub(crate) refusals: &'a mut Alarms,
    pub(crate) front: Front,
}

/// Packets that did not leave.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lost {
    /// They had no SA to go by.
    pub(crate) no_sa: u64,
    /// They were to be cut, and are not what their headers say; or they are longer than a packet can be.
    pub(crate) malformed: u64,
}

impl AddAssign for Lost {
    fn add_assign(&mut self, other: Self) {
        self.no_sa += other.no_sa;
        self.malformed += other.malformed;
    }
}

impl Leaving<'_> {
    /// Send the pieces of a packet to all these neighbors.
    pub(crate) fn send(
        &self,
        neighbors: &[Neighbor],
        pieces: &[Piece],
        arena: &[u8],
        usage: &mut Usage,
        out: &mut Outcome,
    ) -> Lost {
        let dressed;
        let pieces = if self.tunnel.settings.extras.any() {
            dressed = self.dressed(pieces, arena, usage, &mut out.wire);
            &dressed
        } else {
            pieces
        };
        if self.tunnel.settings.protected {
            return self.send_sealed(neighbors, pieces, usage, out);
        }
        let (source, outer) = (self.tunnel.ends.source, self.outer);
        let mut amount = Amount::default();
        for &piece in pieces {
            let Piece { head, body } = piece;
            let to = |&Neighbor { nbma, .. }: &Neighbor| wire::Packet { source, nbma, outer, head, body };
            out.wire.packets.extend(neighbors.iter().map(to));
            amount += self.amount(piece);
        }
        for &Neighbor { nbma, .. } in neighbors {
            usage.sent(nbma, amount, Counted { known: self.tunnel.knows(nbma), limit: self.limit });
        }
        Lost::default()
    }

    /// A piece with its whole header, as it counts.
    fn amount(&self, piece: Piece) -> Amount {
        Amount::packet(piece.len() - self.header())
    }

    /// Octets of the GRE header.
    fn header(&self) -> usize {
        gre::length(self.tunnel.ends.key) + self.tunnel.settings.extras.length()
    }

    /// The pieces with what `tunnel checksum` and `tunnel sequence-datagrams` add to their headers.
    fn dressed(
        &self,
        pieces: &[Piece],
        arena: &[u8],
        usage: &mut Usage,
        wire: &mut wire::Wire,
    ) -> Vec<Piece> {
        let (key, extras) = (self.tunnel.ends.key, self.tunnel.settings.extras);
        let dress = |&Piece { head, body }: &Piece| {
            let number = if extras.sequence { usage.sequence.number() } else { 0 };
            let old = head.of(&wire.heads).to_vec();
            let begin = wire.heads.len();
            extras.dress(&old, key, number, body.of(arena), &mut wire.heads);
            Piece { head: wire.end_head(begin), body }
        };
        pieces.iter().map(dress).collect()
    }

    /// The same where something is known of paths: what is too big is cut, or told. arena: where bodies are.
    pub(crate) fn send_by_path(
        &self,
        neighbors: &[Neighbor],
        pieces: &[Piece],
        arena: &[u8],
        narrow: Narrow,
        usage: &mut Usage,
        out: &mut Outcome,
    ) -> Lost {
        let (Narrow { paths, refusals, front }, now) = (narrow, self.now);
        let key = self.tunnel.ends.key;
        let (mut lost, mut cuts) = (Lost::default(), Cuts::default());
        for &piece in pieces {
            cuts.clear();
            let length = piece.len() - gre::length(key);
            for neighbor in neighbors {
                let room = self.room(*neighbor, |remote| paths.to((front, remote), now)).unwrap_or(Room::ANY);
                let largest = match self.limit_of_version {
                    Limit::AtMost(most) => room.largest.min(most),
                    Limit::AtLeast(least) => room.largest.max(least),
                };
                let df = self.outer.df && room.df && (length <= room.largest || length > largest);
                let way = Leaving { outer: Outer { df, ..self.outer }, ..*self };
                if length <= largest {
                    lost += way.send(&[*neighbor], &[piece], arena, usage, out);
                    continue;
                }
                match cuts.of(piece, key, largest, arena, &mut out.wire) {
                    Cut::Malformed => lost.malformed += 1,
                    Cut::Pieces(range) => {
                        lost += way.send(&[*neighbor], &cuts.pieces[range], arena, usage, out);
                    }
                    Cut::Whole if may_tell(piece, key, &out.wire, arena, refusals, now) => {
                        let (reason, tunnel, nbma) = (Reason::TooBig(largest), self.number, neighbor.nbma);
                        let data = cuts::quoted(piece, key, &out.wire, arena);
                        out.punts.push(Punt { reason, tunnel, nbma, connection: 0, data });
                    }
                    Cut::Whole => (), // its sender has just heard, or must not
                }
            }
        }
        lost
    }

    fn send_sealed(
        &self,
        neighbors: &[Neighbor],
        pieces: &[Piece],
        usage: &mut Usage,
        out: &mut Outcome,
    ) -> Lost {
        let mut lost = Lost::default();
        for &piece in pieces {
            for &neighbor in neighbors {
                let Some(link) = link(self.sas, self.tunnel, neighbor) else {
                    lost.no_sa += 1;
                    continue;
                };
                let route = out.sealing.route(link);
                match out.sealing.plan(route, self.outer, piece.head, piece.body) {
                    Ok(()) => {
                        let is_there = |other| self.sas.link(other).is_some();
                        usage.sent_over(link.number, self.amount(piece), self.limit, is_there);
                        note_sent(link, self.now, out);
                    }
                    Err(Unplanned::TooLong) => lost.malformed += 1,
                    Err(Unplanned::Spent) => (),
                }
            }
        }
        lost
    }

    /// The size that a path to a neighbor accepts; None: nothing is known about the path.
    fn room(&self, neighbor: Neighbor, path: impl FnOnce(Address) -> Option<usize>) -> Option<Room> {
        let protected = self.tunnel.settings.protected;
        let link = if protected { link(self.sas, self.tunnel, neighbor) } else { None };
        let mtu = path(link.map_or(neighbor.nbma, |link| link.place.address))?;
        let room = link.map_or(mtu.saturating_sub(HEADER_LENGTH), |link| link.room(mtu));
        Some(Room { largest: room.saturating_sub(self.header()), df: mtu > LEAST })
    }
}

/// What a path takes. largest: octets of a packet that goes in one piece. df: it may have DF.
struct Room {
    largest: usize,
    df: bool,
}

impl Room {
    /// Nothing is known about the path.
    const ANY: Self = Self { largest: MAX_PACKET, df: true };
}

/// What a version of IP says of the largest packet, whatever the path takes, octets.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    /// IPv4's own MTU, where the interface takes more.
    AtMost(usize),
    /// Every path of IPv6 takes so much.
    AtLeast(usize),
}

/// Is the sender of a packet that must stay whole to hear that it is too big? Whom nobody answers takes no one's turn.
fn may_tell(
    packet: Piece,
    key: Option<u32>,
    wire: &Wire,
    arena: &[u8],
    refusals: &mut Alarms,
    now: f64,
) -> bool {
    cuts::beginning(packet, key, wire, arena).is_some_and(|packet| match packet {
        ip::Packet::V4(packet) => {
            packet.may_be_answered() && refusals.may_tell(Alarm::TooBig(packet.pair()), now)
        }
        ip::Packet::V6(packet) => {
            packet.may_be_answered() && refusals.may_tell(Alarm::TooBigV6(packet.pair()), now)
        }
    })
}

/// The connection that a neighbor of a protected tunnel is reached by.
pub(crate) fn link<'a>(sas: &'a Sas, tunnel: &Tunnel, neighbor: Neighbor) -> Option<&'a Link> {
    let link = match neighbor.connection {
        0 => sas.between(tunnel.ends.source, neighbor.nbma),
        number => sas.link(number).filter(|link| link.local == tunnel.ends.source),
    };
    link.filter(|link| !tunnel.barred.contains(&link.place.address))
}

/// Does a packet go back to where it came from? `is_with`: whether that is in the tunnel's own front door.
pub(crate) fn leads_to(
    sas: &Sas,
    tunnel: &Tunnel,
    neighbor: Neighbor,
    sender: Neighbor,
    is_with: impl FnOnce() -> bool,
) -> bool {
    if !tunnel.settings.protected {
        return neighbor.nbma == sender.nbma && is_with();
    }
    link(sas, tunnel, neighbor).is_some_and(|link| link.number == sender.connection)
}

/// A packet went out on a connection.
pub(crate) fn note_sent(link: &Link, now: f64, out: &mut Outcome) {
    if link.current.wears_out() {
        out.punts.push(Punt::fact(Reason::Worn(link.current.spi_in), link.place.address, link.number));
    }
    if link.silence.sent(now) {
        out.punts.push(Punt::fact(Reason::Unheard, link.place.address, link.number));
    }
}
