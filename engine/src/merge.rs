//! Generic receive offload of our own: TCP segments that follow each other become one frame for the kernel.
//!
//! The kernel takes a frame of 64 KiB for little more than one of 1400 octets. Segments are merged only if the kernel,
//! cutting the frame again by the rules of [`crate::segment`], would make exactly the same packets: same addresses,
//! ports, TOS, TTL, options, acknowledgement and window; identification and sequence number count up; all of the same
//! size but the last, which alone may have PSH; and all checksums right, as nobody looks at them again. So whoever is
//! behind the TAP gets the same octets as without it. The order of packets within a flow is kept; that between flows
//! may change, within one batch.

use crate::ETHERNET;
use crate::MAX_PACKET;
use crate::core::Frame;
use crate::ipv4::{self, HEADER_LENGTH, Packet, long, put_word, seal_header, word};
use crate::vnet::{self, GSO_TCPV4, NEEDS_CHECKSUM, Vnet};
use crate::wire::Span;

const TCP_HEADER: usize = 20;
const ACK: u8 = 0x10;
const PSH: u8 = 0x08;
/// Flows that can be merged at a time; more of them take turns.
const FLOWS: usize = 8;
/// Segments of a train: what one system call takes, with room for headers.
const SEGMENTS: usize = 128;
/// Octets of the headers before the data of a train: vnet, Ethernet, IPv4 without options, TCP with all options.
const HEADERS: usize = vnet::SIZE + ETHERNET + HEADER_LENGTH + 60;

/// A frame for the kernel in pieces: `head`, and then all of `bodies`.
#[derive(Clone, Debug)]
pub struct Train {
    /// The tunnel's number.
    pub tunnel: u32,
    /// Data, in the arena that the packets were received in.
    pub bodies: Vec<Span>,
    head: [u8; HEADERS],
    head_length: usize,
}

impl Train {
    /// The headers: vnet, Ethernet, and those of the packets if there are many.
    pub fn head(&self) -> &[u8] {
        &self.head[..self.head_length]
    }

    /// The octets of the frame, for those who want them in one piece. arena: where its packets were received.
    pub fn octets(&self, arena: &[u8]) -> Vec<u8> {
        let mut octets = self.head().to_vec();
        self.bodies.iter().for_each(|body| octets.extend_from_slice(body.of(arena)));
        octets
    }
}

/// A segment that may become part of a train.
#[derive(Clone, Copy)]
struct Segment<'a> {
    octets: &'a [u8],
    header_length: usize,
    pushes: bool,
}

impl<'a> Segment<'a> {
    /// See a segment in a packet; None: it must stay alone.
    fn of(octets: &'a [u8]) -> Option<Self> {
        let packet = Packet::of(octets)?;
        let plain = octets[0] == 0x45
            && packet.protocol() == ipv4::TCP
            && packet.total_length() == octets.len()
            && word(octets, 6) & !0x4000 == 0
            && octets.len() >= HEADER_LENGTH + TCP_HEADER;
        if !plain {
            return None;
        }
        let tcp = &octets[HEADER_LENGTH..];
        let header_length = HEADER_LENGTH + (usize::from(tcp[12] >> 4) << 2);
        let data = header_length >= HEADER_LENGTH + TCP_HEADER && header_length < octets.len();
        if !data || tcp[13] & !PSH != ACK {
            return None;
        }
        // Ones' complement has two zeros; who cuts the frame writes the one, so a packet with the other stays alone.
        let written = word(octets, 10) != 0xFFFF && word(tcp, 16) != 0xFFFF;
        let right = crate::checksum::Sum::of(&octets[..HEADER_LENGTH]).checksum() == 0
            && packet.pseudo_header(tcp.len()).add(tcp).checksum() == 0;
        (written && right).then_some(Self { octets, header_length, pushes: tcp[13] & PSH != 0 })
    }

    fn data(&self) -> usize {
        self.octets.len() - self.header_length
    }

    fn sequence(&self) -> u32 {
        long(self.octets, 24)
    }

    fn identification(&self) -> u16 {
        word(self.octets, 4)
    }

    /// Whether both are of the same flow and tunnel.
    fn is_of_flow(&self, head: &[u8]) -> bool {
        self.octets[12..24] == head[12..24]
    }

    /// Whether its headers differ from those of a train only in what cutting changes.
    fn fits(&self, head: &[u8]) -> bool {
        let same = |from: usize, to: usize| self.octets[from..to] == head[from..to];
        // TOS; flags, TTL, protocol; then acknowledgement and header length; window; urgent pointer and options.
        head.len() == self.header_length
            && same(1, 2)
            && same(6, 10)
            && same(28, 33)
            && same(34, 36)
            && same(38, self.header_length)
    }
}

/// A train that may grow.
#[derive(Clone, Copy)]
struct Open {
    train: usize,
    size: usize,
    length: usize,
    next_sequence: u32,
    next_identification: u16,
}

/// Merges the frames of one batch.
#[derive(Default)]
pub struct Merger {
    /// Frames, those that were merged among them, in the order of their first packets.
    pub trains: Vec<Train>,
    open: Vec<Open>,
}

impl Merger {
    /// Forget the last batch.
    pub fn clear(&mut self) {
        self.trains.clear();
        self.open.clear();
    }

    /// The next frame. arena: where its packet was received.
    pub fn push(&mut self, frame: &Frame, arena: &[u8]) {
        let octets = frame.packet.of(arena);
        let segment = if frame.offload == Vnet::default() { Segment::of(octets) } else { None };
        let Some(segment) = segment else {
            self.close_pair(frame.tunnel, octets);
            self.trains.push(alone(frame));
            return;
        };
        let mine = |open: &Open| {
            let train = &self.trains[open.train];
            train.tunnel == frame.tunnel && segment.is_of_flow(packet_of(train))
        };
        if let Some(place) = self.open.iter().position(mine) {
            if self.joined(place, frame, &segment) {
                return;
            }
            self.open.remove(place);
        }
        self.begin(frame, &segment);
    }

    /// Complete the headers of what was merged. To be called before the trains are written.
    pub fn finish(&mut self) {
        for train in &mut self.trains {
            if train.bodies.len() > 1 && train.head_length > vnet::SIZE + ETHERNET {
                complete(train);
            }
        }
        self.open.clear();
    }
}
