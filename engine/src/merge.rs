//! Generic receive offload of our own: packets of one flow that follow each other become one frame for the kernel.
//!
//! The kernel takes a frame of 64 KiB for little more than one of 1400 octets. TCP segments, and UDP datagrams, are
//! merged only if the kernel, cutting the frame again by the rules of [`crate::segment`], would make exactly the same
//! packets: same addresses, ports, TOS, TTL, options, acknowledgement and window, and in IPv6 the same flow label;
//! identification and sequence number count up; all of the same size but the last, which alone may be shorter or have
//! PSH; and all checksums right, as nobody looks at them again. What has IP options or extension headers stays alone.
//! So the station behind the TAP gets the same octets as without it. The order of packets within a flow is kept; that
//! between flows may change, within one batch.

use crate::ETHERNET;
use crate::MAX_PACKET;
use crate::delivery::Frame;
use crate::ip::{Packet, write_header};
use crate::ipv4::put_word;
use crate::ipv6;
use crate::part::{Kind, PSH, Part, TCP_FLAGS};
use crate::vnet::{self, NEEDS_CHECKSUM, Vnet};
use crate::wire::Span;

/// Flows that can be merged at a time; more of them take turns.
const FLOWS: usize = 8;
/// Packets of a train: what one system call takes, with room for headers.
const PARTS: usize = 128;
/// Octets of the headers before the data of a train: vnet, Ethernet, IP without options, TCP with all options.
const HEADERS: usize = PACKET + ipv6::HEADER_LENGTH + 60;
/// Where the packet begins in a frame.
const PACKET: usize = vnet::SIZE + ETHERNET;
/// In a UDP header.
const UDP_LENGTH: usize = 4;

/// A frame for the kernel in pieces: the head, and then all bodies.
#[derive(Clone, Debug)]
pub struct Train {
    /// The tunnel's number.
    pub tunnel: u32,
    head: [u8; HEADERS],
    head_length: usize,
    kind: Option<Kind>,
    first: Span,
    others: Vec<Span>,
}

impl Train {
    /// A frame on its own.
    fn alone(frame: &Frame) -> Self {
        Self::new(frame, &[], frame.packet, None)
    }

    fn new(frame: &Frame, headers: &[u8], first: Span, kind: Option<Kind>) -> Self {
        let mut head = [0; HEADERS];
        head[..vnet::SIZE].copy_from_slice(&frame.offload.serialize());
        head[vnet::SIZE..PACKET].copy_from_slice(&frame.ethernet);
        head[PACKET..PACKET + headers.len()].copy_from_slice(headers);
        let head_length = PACKET + headers.len();
        Self { tunnel: frame.tunnel, head, head_length, kind, first, others: Vec::new() }
    }

    /// The headers: vnet, Ethernet, and those of the packets if there may be many.
    pub fn head(&self) -> &[u8] {
        &self.head[..self.head_length]
    }

    /// Data, in the arena that the packets were received in.
    pub fn bodies(&self) -> impl Iterator<Item = Span> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }

    /// The octets of the frame, for those who want them in one piece. arena: where its packets were received.
    pub fn octets(&self, arena: &[u8]) -> Vec<u8> {
        let mut octets = self.head().to_vec();
        self.bodies().for_each(|body| octets.extend_from_slice(body.of(arena)));
        octets
    }

    /// Whether datagrams were merged: a kernel before Linux 6.2 refuses that.
    pub fn has_datagrams(&self) -> bool {
        self.kind == Some(Kind::Udp) && !self.others.is_empty()
    }

    /// The same packets, each in a frame of its own.
    pub fn taken_apart(&self) -> impl Iterator<Item = Self> {
        let headers = self.headers().len();
        self.bodies().map(move |body| {
            let mut one = Self { others: Vec::new(), first: body.preceded_by(headers), ..self.clone() };
            one.head[..vnet::SIZE].copy_from_slice(&Vnet::default().serialize());
            one.head_length = PACKET;
            one
        })
    }

    /// IP header and that behind it, of the packets.
    fn headers(&self) -> &[u8] {
        &self.head[PACKET..self.head_length]
    }

    /// Write headers for what was merged.
    fn complete(&mut self) {
        let Some(kind) = self.kind.filter(|_| !self.others.is_empty()) else { return };
        let Some(packet) = Packet::of(self.headers()) else { return };
        let (ip_length, data) = (packet.header_length(), self.bodies().map(Span::len).sum::<usize>());
        let length = self.headers().len() - ip_length + data;
        let pseudo = packet.pseudo_header(length).folded();
        let offload = Vnet {
            flags: NEEDS_CHECKSUM,
            gso_type: kind.gso_type(packet),
            header_length: (self.head_length - vnet::SIZE) as u16,
            gso_size: self.first.len() as u16,
            checksum_start: (ETHERNET + ip_length) as u16,
            checksum_offset: kind.checksum_offset() as u16,
        };
        self.head[..vnet::SIZE].copy_from_slice(&offload.serialize());
        let headers = &mut self.head[PACKET..self.head_length];
        write_header(headers, ip_length, length, 0);
        let transport = &mut headers[ip_length..];
        if kind == Kind::Udp {
            put_word(transport, UDP_LENGTH, length as u16);
        }
        put_word(transport, kind.checksum_offset(), pseudo);
    }
}

/// A train that may grow.
#[derive(Clone, Copy)]
struct Open {
    train: usize,
    size: usize,
    length: usize,
    next_sequence: Option<u32>,
    next_identification: Option<u16>,
}

/// Merges the frames of one batch.
#[derive(Default)]
pub struct Merger {
    trains: Vec<Train>,
    open: Vec<Open>,
    spares_datagrams: bool,
}

impl Merger {
    /// Forget the last batch.
    pub fn clear(&mut self) {
        self.trains.clear();
        self.open.clear();
    }

    /// Merge TCP alone from now on.
    pub fn spare_datagrams(&mut self) {
        self.spares_datagrams = true;
    }

    /// The next frame. arena: where its packet was received.
    pub fn push(&mut self, frame: &Frame, arena: &[u8]) {
        let octets = frame.packet.of(arena);
        let part = Part::of(octets)
            .filter(|_| frame.offload == Vnet::default())
            .filter(|part| part.kind == Kind::Tcp || !self.spares_datagrams);
        let Some(part) = part else {
            self.close_pair(frame.tunnel, octets);
            self.trains.push(Train::alone(frame));
            return;
        };
        let (headers, data) = frame.packet.split_at(part.header_length);
        let place = self.open.iter().position(|open| {
            let train = &self.trains[open.train];
            train.tunnel == frame.tunnel && part.is_of_flow(train.headers())
        });
        if let Some(place) = place {
            if self.join(place, frame, &part, data) {
                return;
            }
            self.open.remove(place);
        }
        self.trains.push(Train::new(frame, headers.of(arena), data, Some(part.kind)));
        if !part.pushes {
            if self.open.len() == FLOWS {
                self.open.remove(0);
            }
            self.open.push(Open {
                train: self.trains.len() - 1,
                size: data.len(),
                length: octets.len(),
                next_sequence: part.sequence().map(|number| number.wrapping_add(data.len() as u32)),
                next_identification: part.identification().map(|number| number.wrapping_add(1)),
            });
        }
    }

    /// All frames of the batch, merged ones among them, in the order of their first packets.
    pub fn finish(&mut self) -> &[Train] {
        self.open.clear();
        self.trains.iter_mut().for_each(Train::complete);
        &self.trains
    }

    /// Let a packet join a train of its flow; false: it does not fit.
    fn join(&mut self, place: usize, frame: &Frame, part: &Part, data: Span) -> bool {
        let open = &mut self.open[place];
        let train = &mut self.trains[open.train];
        let follows = data.len() <= open.size
            && open.length + data.len() <= MAX_PACKET
            && train.others.len() < PARTS - 1
            && part.sequence() == open.next_sequence
            && part.identification() == open.next_identification
            && part.fits(train.headers())
            && train.head[vnet::SIZE..PACKET] == frame.ethernet;
        if !follows {
            return false;
        }
        train.others.push(data);
        open.length += data.len();
        open.next_sequence = open.next_sequence.map(|number| number.wrapping_add(data.len() as u32));
        open.next_identification = open.next_identification.map(|number| number.wrapping_add(1));
        if part.pushes {
            train.head[PACKET + part.ip_length + TCP_FLAGS] |= PSH;
        }
        if part.pushes || data.len() < open.size {
            self.open.remove(place);
        }
        true
    }

    /// No later packet between these two hosts may overtake this packet.
    fn close_pair(&mut self, tunnel: u32, octets: &[u8]) {
        let (trains, hosts) = (&self.trains, |octets| Packet::of(octets).map(Packet::hosts));
        self.open.retain(|open| {
            let train = &trains[open.train];
            train.tunnel != tunnel || hosts(train.headers()) != hosts(octets)
        });
    }
}

#[cfg(test)]
mod tests;
