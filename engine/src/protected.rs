//! The way out of a protected tunnel: which connection a packet takes, and that none goes without.

use crate::core::Outcome;
use crate::pieces::Piece;
use crate::punt::{Punt, Reason};
use crate::sas::{Link, Sas};
use crate::table::{Neighbour, Tunnel};
use crate::usage::Usage;

/// The way out of a protected tunnel.
pub(crate) struct Protected<'a> {
    pub(crate) sas: &'a Sas,
    /// Connections that are counted.
    pub(crate) limit: usize,
    pub(crate) tunnel: &'a Tunnel,
}

impl Protected<'_> {
    /// Plan the pieces of a packet for all these neighbours; returns how many have no SA to go by.
    pub(crate) fn send(
        &self,
        neighbours: &[Neighbour],
        pieces: &[Piece],
        tos: u8,
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
                if out.sealing.plan(route, tos, piece.head, piece.body) {
                    usage.sent_over(link.number, 1, self.limit, |other| self.sas.link(other).is_some());
                    note_wear(link, out);
                }
            }
        }
        unsecured
    }
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
    if !tunnel.protected {
        return neighbour.nbma == sender.nbma;
    }
    link(sas, tunnel, neighbour).is_some_and(|link| link.number == sender.connection)
}

pub(crate) fn note_wear(link: &Link, out: &mut Outcome) {
    if link.current.wears_out() {
        out.punts.push(Punt::fact(Reason::Worn(link.current.spi_in), link.place.address, link.number));
    }
}
