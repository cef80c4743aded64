//! ESP on its way in: the core says which pair of SAs a packet is of, the pair opens it outside of the core's lock, and
//! the core takes what came out.
//!
//! Modes: transport mode carries GRE (next header 47), tunnel mode an IPv4 header of its own before it (4), which may be
//! that of a fragment (RFC 4303 §3.3.4): pieces are put together here. An SA carries what was agreed for it and nothing
//! else; dummy packets (59, §2.6) are welcome and go nowhere.

use std::ops::Range;
use std::sync::Arc;

use crate::alarms::Alarm;
use crate::arrived::{Arrived, Datagram};
use crate::core::Core;
use crate::doors::Door;
use crate::ecn;
use crate::esp::Opened;
use crate::ipv4::{self, Address, HEADER_LENGTH, Packet};
use crate::outcome::{Came, Joined, Outcome};
use crate::punt::{Punt, Reason};
use crate::reassembly::{Spoiled, Whole};
use crate::sas::{Pair, Place};
use crate::sealing::{GRE_IN_ESP, IPV4_IN_ESP};
use crate::table::Neighbor;

/// Next header of a dummy packet.
const NOTHING: u8 = 59;

impl Core {
    /// The pair that opens a packet; None: it is counted, and perhaps told. now: seconds, for alarms.
    pub fn find(&mut self, arena: &[u8], came: &Arrived, now: f64, out: &mut Outcome) -> Option<Arc<Pair>> {
        let Ok(spi) = came.spi(arena) else {
            self.dropped.malformed += 1;
            return None;
        };
        let found = self.sas.find(spi, came.local).map(Arc::clone);
        if found.is_none() {
            self.dropped.no_spi += 1;
            if self.alarms.may_tell(Alarm::Spi(came.local, came.source), now) {
                let reason = Reason::UnknownSpi(came.local, came.source.port, spi);
                out.punts.push(Punt::fact(reason, came.source.address, 0));
            }
        }
        found
    }

    /// A packet was opened by its pair. now: seconds, for those that come in pieces.
    pub fn opened(
        &mut self,
        arena: &mut [u8],
        came: &Arrived,
        pair: &Arc<Pair>,
        opened: &Opened,
        now: f64,
        out: &mut Outcome,
    ) {
        let Some(link) = self.sas.link_mut(pair.connection) else { return }; // it has just been taken away
        link.fragments.forget_old(now);
        link.confirm(pair);
        link.silence.ended();
        if opened.newest && link.heard(pair, came.source) {
            let reason = Reason::Heard(came.source.port);
            out.punts.push(Punt::fact(reason, came.source.address, link.number));
        }
        if pair.wears_out() {
            out.punts.push(Punt::fact(Reason::Worn(pair.spi_in), link.place.address, link.number));
        }
        let from = Neighbor { nbma: link.place.address, connection: link.number };
        let start = came.packet.start + opened.payload.start;
        let payload = start..start + opened.payload.len();
        let inside = match (pair.inner, opened.next_header) {
            (_, NOTHING) => return,
            (None, GRE_IN_ESP) => Ok(Inside::Gre(came.tos, payload)),
            (Some(ends), IPV4_IN_ESP) => {
                without_inner_header(ends, came.tos, arena, payload, |packet, tos| {
                    link.fragments.add(packet, tos, now)
                })
            }
            _ => Err(Astray),
        };
        let came = |tos| Came { local: came.local, from, tos: Some(tos), now };
        match inside {
            Ok(Inside::Gre(tos, gre)) => self.decapsulate(arena, gre, came(tos), out),
            Ok(Inside::Joined(Whole { tos, payload: octets })) => {
                // It comes after the rest of its batch, which does no harm: what a peer cuts it cuts by size, so packets
                // of one flow that are overtaken are overtaken by small ones alone, and by one batch of them.
                out.joined.push(Joined { octets, came: came(tos) });
            }
            Ok(Inside::Piece) => (),
            Err(Astray) => self.dropped.malformed += 1,
        }
    }

    /// All of it for one ESP packet.
    pub fn inbound_esp(&mut self, arena: &mut [u8], came: &Arrived, now: f64, out: &mut Outcome) {
        if let Some(pair) = self.find(arena, came, now, out) {
            if let Some(opened) = pair.open(&mut arena[came.packet.clone()]) {
                self.opened(arena, came, &pair, &opened, now, out);
            }
        }
    }
}

/// What a datagram to UDP port 4500 of a door is; if it is ESP there is more to do.
pub fn sort(
    arena: &[u8],
    local: Door,
    source: Place,
    tos: u8,
    packet: Range<usize>,
    out: &mut Outcome,
) -> Option<Arrived> {
    match Datagram::of(&arena[packet.clone()]) {
        Datagram::Esp => Some(Arrived { local, source, tos, packet }),
        Datagram::Keepalive => None,
        Datagram::Ike => {
            let reason = Reason::Ike(local, source.port, tos);
            let data = arena[packet].to_vec();
            out.punts.push(Punt { data, ..Punt::fact(reason, source.address, 0) });
            None
        }
    }
}

/// What was in a packet in tunnel mode.
enum Inside {
    /// GRE: type of service, and where it is.
    Gre(u8, Range<usize>),
    /// The last piece of a packet.
    Joined(Whole),
    /// Another piece.
    Piece,
}

/// A packet is none that its SA was made for (RFC 4301 §5.2, step 4), or was marked and must not be.
struct Astray;

/// What is in a packet in tunnel mode. join: takes fragments.
fn without_inner_header(
    (ours, theirs): (Address, Address),
    outer_tos: u8,
    arena: &[u8],
    place: Range<usize>,
    join: impl FnOnce(Packet, u8) -> Result<Option<Whole>, Spoiled>,
) -> Result<Inside, Astray> {
    let packet = Packet::of(&arena[place.clone()]).ok_or(Astray)?;
    let (start, end) = (packet.header_length(), packet.total_length());
    let agreed = HEADER_LENGTH <= start
        && start <= end
        && end <= place.len()
        && packet.protocol() == ipv4::GRE
        && (packet.source(), packet.destination()) == (theirs, ours);
    let tos = ecn::merged(outer_tos, packet.tos()).ok().filter(|_| agreed).ok_or(Astray)?;
    if packet.is_fragment() {
        let whole = join(packet, tos).map_err(|_| Astray)?;
        return Ok(whole.map_or(Inside::Piece, Inside::Joined));
    }
    Ok(Inside::Gre(tos, place.start + start..place.start + end))
}
