//! The way out of a tunnel: which connection a packet takes, that none of a protected tunnel goes without, and what
//! becomes of those that are too big for the path.

use crate::alarms::{Alarm, Alarms};
use crate::core::Outcome;
use crate::fragments;
use crate::gre;
use crate::hairpin::Pair;
use crate::ipv4::{Address, HEADER_LENGTH, Packet};
use crate::paths::PathMtus;
use crate::pieces::Piece;
use crate::punt::{Punt, Reason};
use crate::sas::{Link, Sas};
use crate::table::{Neighbour, Tunnel};
use crate::usage::{Counted, Usage};
use crate::wire::{self, Outer, Span};

/// The way out of a tunnel, for packets with equal outer headers.
pub(crate) struct Leaving<'a> {
    pub(crate) sas: &'a Sas,
    /// Neighbours that are counted.
    pub(crate) limit: usize,
    pub(crate) number: u32,
    pub(crate) tunnel: &'a Tunnel,
    pub(crate) outer: Outer,
}

/// What is known of paths, and who was told.
pub(crate) struct Narrow<'a> {
    pub(crate) paths: &'a mut PathMtus,
    pub(crate) refusals: &'a mut Alarms,
    pub(crate) now: f64,
}

/// Packets that did not leave.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lost {
    /// They had no SA to go by.
    pub(crate) no_sa: u64,
    /// They were to be cut, and are not what their headers say.
    pub(crate) malformed: u64,
}

impl Leaving<'_> {
    /// Have the pieces of a packet leave for all these neighbours; returns how many have no SA to go by.
    pub(crate) fn send(
        &self,
        neighbours: &[Neighbour],
        pieces: &[Piece],
        usage: &mut Usage,
        out: &mut Outcome,
    ) -> u64 {
        if self.tunnel.settings.protected {
            return self.send_sealed(neighbours, pieces, usage, out);
        }
        let (source, outer) = (self.tunnel.ends.source, self.outer);
        for &Piece { head, body } in pieces {
            let to = |&Neighbour { nbma, .. }: &Neighbour| wire::Packet { source, nbma, outer, head, body };
            out.wire.packets.extend(neighbours.iter().map(to));
        }
        for &Neighbour { nbma, .. } in neighbours {
            usage.sent(nbma, pieces.len(), Counted { known: self.tunnel.knows(nbma), limit: self.limit });
        }
        0
    }

    /// The same where something is known of paths: what is too big is cut, or told. arena: where bodies are.
    pub(crate) fn send_by_path(
        &self,
        neighbours: &[Neighbour],
        pieces: &[Piece],
        arena: &[u8],
        narrow: Narrow,
        usage: &mut Usage,
        out: &mut Outcome,
    ) -> Lost {
        let Narrow { paths, refusals, now } = narrow;
        let (mut lost, mut fitting) = (Lost::default(), Vec::new());
        for &piece in pieces {
            for neighbour in neighbours {
                let length = piece.len() - gre::length(self.tunnel.ends.key);
                let largest = self
                    .largest(*neighbour, |remote| paths.to(remote, now))
                    .filter(|largest| *largest < length);
                let Some(largest) = largest else {
                    lost.no_sa += self.send(&[*neighbour], &[piece], usage, out);
                    continue;
                };
                fitting.clear();
                match self.cut(piece, largest, arena, &mut out.wire, &mut fitting) {
                    Ok(()) => lost.no_sa += self.send(&[*neighbour], &fitting, usage, out),
                    Err(Uncut::Malformed) => lost.malformed += 1,
                    Err(Uncut::Whole(data, pair)) if refusals.may_tell(Alarm::TooBig(pair), now) => {
                        let (reason, tunnel, nbma) = (Reason::TooBig(largest), self.number, neighbour.nbma);
                        out.punts.push(Punt { reason, tunnel, nbma, connection: 0, data });
                    }
                    Err(Uncut::Whole(..)) => (), // its sender has just heard
                }
            }
        }
        lost
    }

    fn send_sealed(
        &self,
        neighbours: &[Neighbour],
        pieces: &[Piece],
        usage: &mut Usage,
        out: &mut Outcome,
    ) -> u64 {
        let mut unsecured = 0;
        for piece in pieces {
            for &neighbour in neighbours {
                let Some(link) = link(self.sas, self.tunnel, neighbour) else {
                    unsecured += 1;
                    continue;
                };
                let route = out.sealing.route(link);
                if out.sealing.plan(route, self.outer, piece.head, piece.body) {
                    usage.sent_over(link.number, 1, self.limit, |other| self.sas.link(other).is_some());
                    note_wear(link, out);
                }
            }
        }
        unsecured
    }

    /// Octets of the largest packet that goes to a neighbour in one piece; None: nothing is known of the path.
    fn largest(&self, neighbour: Neighbour, path: impl FnOnce(Address) -> Option<usize>) -> Option<usize> {
        let protected = self.tunnel.settings.protected;
        let link = if protected { link(self.sas, self.tunnel, neighbour) } else { None };
        let mtu = path(link.map_or(neighbour.nbma, |link| link.place.address))?;
        let room = link.map_or(mtu.saturating_sub(HEADER_LENGTH), |link| link.room(mtu));
        Some(room.saturating_sub(gre::length(self.tunnel.ends.key)))
    }

    /// A piece in pieces of at most `largest` octets each, each in GRE.
    fn cut(
        &self,
        piece: Piece,
        largest: usize,
        arena: &[u8],
        wire: &mut wire::Wire,
        fitting: &mut Vec<Piece>,
    ) -> Result<(), Uncut> {
        let key = self.tunnel.ends.key;
        let head = &piece.head.of(&wire.heads)[gre::length(key)..];
        let octets = [head, piece.body.of(arena)].concat();
        let packet = Packet::of(&octets).filter(|packet| packet.is_right()).ok_or(Uncut::Malformed)?;
        if packet.is_to_stay_whole() {
            let pair = packet.pair();
            return Err(Uncut::Whole(octets, pair));
        }
        let all = fragments::cut(packet, largest, |header, data| {
            let begin = wire.begin_head(gre::IPV4, key);
            wire.heads.extend_from_slice(header);
            wire.heads.extend_from_slice(data);
            fitting.push(Piece { head: wire.end_head(begin), body: Span::default() });
        });
        if all { Ok(()) } else { Err(Uncut::Malformed) }
    }
}

/// Why a packet is not cut.
enum Uncut {
    /// It is not what its header says, or all header.
    Malformed,
    /// It must not be: its octets, and between whom it is.
    Whole(Vec<u8>, Pair),
}

/// The connection that a neighbour of a protected tunnel is reached by.
pub(crate) fn link<'a>(sas: &'a Sas, tunnel: &Tunnel, neighbour: Neighbour) -> Option<&'a Link> {
    match neighbour.connection {
        0 => sas.between(tunnel.ends.source, neighbour.nbma),
        number => sas.link(number).filter(|link| link.local == tunnel.ends.source),
    }
}

/// Does a packet go back to where it came from?
pub(crate) fn leads_to(sas: &Sas, tunnel: &Tunnel, neighbour: Neighbour, sender: Neighbour) -> bool {
    if !tunnel.settings.protected {
        return neighbour.nbma == sender.nbma;
    }
    link(sas, tunnel, neighbour).is_some_and(|link| link.number == sender.connection)
}

pub(crate) fn note_wear(link: &Link, out: &mut Outcome) {
    if link.current.wears_out() {
        out.punts.push(Punt::fact(Reason::Worn(link.current.spi_in), link.place.address, link.number));
    }
}
