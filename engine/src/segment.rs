//! The way out: finish what the kernel left to the network card, on whole frames of a TAP with `vnet_hdr`.
//!
//! A single packet may lack its checksum: [`complete`]. A [`Train`] is a buffer of up to 64 KiB, of TCP or of UDP, that
//! still is to be cut into packets of `gso_size` octets of data. Only the headers of these are written again; their data
//! stays where the kernel put it, is read once for the checksum, and goes from there to the socket.

use std::ops::Range;

use crate::checksum::Sum;
use crate::ip::{Packet, write_header};
use crate::ipv4::{self, long, put_word};
use crate::vnet::{GSO_ECN, GSO_NONE, GSO_UDP_L4, NEEDS_CHECKSUM, Vnet, tcp_train};
use crate::{ETHERNET, MAX_PACKET};

const TCP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
const FIN_PSH: u8 = 0x09;
const CWR: u8 = 0x80;

/// The vnet header does not fit its frame: the packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadOffload {
    /// The checksum is to be put where there is no room for it.
    Checksum(Vnet),
    /// Segmentation of something that is neither TCP over this version of IP nor UDP, or into segments of no length.
    Segmentation(Vnet),
    /// A buffer whose headers are not all there, or of more octets than a packet has.
    Headers(usize),
}

/// Complete the checksum of a single packet, if the header asks for it.
pub fn complete(vnet: Vnet, packet: &mut [u8]) -> Result<(), BadOffload> {
    if vnet.flags & NEEDS_CHECKSUM == 0 {
        return Ok(());
    }
    let bad = BadOffload::Checksum(vnet);
    let start = usize::from(vnet.checksum_start).checked_sub(ETHERNET).ok_or(bad)?;
    let at = start + usize::from(vnet.checksum_offset);
    if start < ipv4::HEADER_LENGTH || at + 2 > packet.len() {
        return Err(bad);
    }
    // The field holds the pseudo header's sum: summing from `start` on completes it.
    let protocol = Packet::of(packet).ok_or(bad)?.protocol();
    let value = written(protocol, Sum::of(&packet[start..]).checksum());
    put_word(packet, at, value);
    Ok(())
}

/// A checksum as it is written: UDP sends zero as ones (RFC 768).
fn written(protocol: u8, checksum: u16) -> u16 {
    if checksum == 0 && protocol == ipv4::UDP { 0xFFFF } else { checksum }
}

/// A buffer and how it is cut.
#[derive(Clone, Copy)]
pub struct Train<'a> {
    packet: Packet<'a>,
    octets: &'a [u8],
    protocol: u8,
    ip_length: usize,
    header_length: usize,
    size: usize,
}

impl<'a> Train<'a> {
    /// See a train in a packet; None: it is a single one, for [`complete`].
    pub fn of(vnet: Vnet, octets: &'a [u8]) -> Result<Option<Self>, BadOffload> {
        if vnet.gso_type == GSO_NONE {
            return Ok(None);
        }
        let bad = BadOffload::Headers(octets.len());
        let packet = Packet::of(octets).ok_or(bad)?;
        let (protocol, least) = match vnet.gso_type & !GSO_ECN {
            GSO_UDP_L4 => (ipv4::UDP, UDP_HEADER),
            tcp if tcp == tcp_train(packet) => (ipv4::TCP, TCP_HEADER),
            _ => return Err(BadOffload::Segmentation(vnet)),
        };
        if vnet.gso_size == 0 {
            return Err(BadOffload::Segmentation(vnet));
        }
        let ip_length = packet.header_length();
        let whole = ip_length >= ipv4::HEADER_LENGTH && octets.len() >= ip_length + least;
        if !whole || packet.protocol() != protocol || octets.len() > MAX_PACKET {
            return Err(bad);
        }
        let length =
            if protocol == ipv4::TCP { usize::from(octets[ip_length + 12] >> 4) << 2 } else { least };
        let header_length = ip_length + length;
        if length < least || header_length > octets.len() {
            return Err(bad);
        }
        let size = usize::from(vnet.gso_size);
        Ok(Some(Self { packet, octets, protocol, ip_length, header_length, size }))
    }

    /// How many packets it makes: one even of a buffer without data.
    pub fn count(&self) -> usize {
        (self.octets.len() - self.header_length).div_ceil(self.size).max(1)
    }

    /// Where the data of packet `number` is in the buffer.
    pub fn body(&self, number: usize) -> Range<usize> {
        let start = self.header_length + number * self.size;
        start..(start + self.size).min(self.octets.len())
    }

    /// Append the headers of packet `number`; the IP identification counts up.
    pub fn write_head(&self, number: usize, to: &mut Vec<u8>) {
        let octets = self.octets;
        let body = self.body(number);
        let begin = to.len();
        to.extend_from_slice(&octets[..self.header_length]);
        let head = &mut to[begin..];
        let length = self.header_length - self.ip_length + body.len();
        write_header(head, self.ip_length, length, number);
        let inner = &mut head[self.ip_length..];
        let checksum_at = if self.protocol == ipv4::TCP {
            self.write_tcp(number, inner);
            16
        } else {
            put_word(inner, 4, (UDP_HEADER + body.len()) as u16);
            6
        };
        put_word(inner, checksum_at, 0);
        let checksum = self.packet.pseudo_header(length).and(inner).and(&octets[body]).checksum();
        put_word(inner, checksum_at, written(self.protocol, checksum));
    }

    /// Sequence numbers count up, FIN and PSH stay on the last packet.
    fn write_tcp(&self, number: usize, tcp: &mut [u8]) {
        let sequence = long(tcp, 4).wrapping_add((number * self.size) as u32);
        tcp[4..8].copy_from_slice(&sequence.to_be_bytes());
        if self.body(number).end < self.octets.len() {
            tcp[13] &= !FIN_PSH;
        }
        if number > 0 {
            tcp[13] &= !CWR; // RFC 3168 §6.1.2: it belongs to the first segment of a window only
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipv4::word;
    use crate::vnet::{GSO_TCPV4, GSO_TCPV6};

    /// A TCP buffer with `data` octets of data: identification 65535, sequence number 2^32 - 1, ACK, PSH, FIN and CWR.
    fn buffer(data: usize) -> Vec<u8> {
        let mut octets = vec![0; 40];
        octets[0] = 0x45;
        octets[4..6].copy_from_slice(&[0xff, 0xff]);
        octets[8..10].copy_from_slice(&[64, ipv4::TCP]);
        octets[12..20].copy_from_slice(&[10, 1, 0, 1, 10, 2, 0, 1]);
        octets[24..28].copy_from_slice(&[0xff; 4]);
        octets[32..34].copy_from_slice(&[0x50, 0x10 | FIN_PSH | CWR]);
        octets.extend((0..data).map(|octet| octet as u8));
        octets
    }

    fn cut(octets: &[u8], size: u16) -> Result<Vec<Vec<u8>>, BadOffload> {
        let vnet = Vnet { gso_type: GSO_TCPV4, gso_size: size, ..Vnet::default() };
        let train = Train::of(vnet, octets)?.ok_or(BadOffload::Segmentation(vnet))?;
        let packet = |number| {
            let mut packet = Vec::new();
            train.write_head(number, &mut packet);
            packet.extend_from_slice(&octets[train.body(number)]);
            packet
        };
        Ok((0..train.count()).map(packet).collect())
    }

    #[test]
    fn a_buffer_is_cut_into_packets_with_right_lengths_checksums_and_counters() {
        let packets = cut(&buffer(250), 100).unwrap_or_default();
        assert_eq!(packets.iter().map(Vec::len).collect::<Vec<_>>(), [140, 140, 90]);
        for (number, packet) in packets.iter().enumerate() {
            assert_eq!(usize::from(word(packet, 2)), packet.len());
            assert_eq!(word(packet, 4), 0xffff_u16.wrapping_add(number as u16));
            assert_eq!(long(packet, 24), u32::MAX.wrapping_add(100 * number as u32));
            assert_eq!(Sum::of(&packet[..20]).checksum(), 0);
            let pseudo = Packet::of(packet).map(|ip| ip.pseudo_header(packet.len() - 20));
            assert_eq!(pseudo.map(|sum| sum.and(&packet[20..]).checksum()), Some(0));
        }
    }

    #[test]
    fn fin_and_psh_stay_on_the_last_packet_and_cwr_on_the_first() {
        let flags: Vec<u8> =
            cut(&buffer(250), 100).unwrap_or_default().iter().map(|packet| packet[33]).collect();
        assert_eq!(flags, [0x10 | CWR, 0x10, 0x10 | FIN_PSH]);
    }

    #[test]
    fn datagrams_are_cut_with_right_lengths_and_checksums() {
        let mut octets = buffer(250);
        octets[9] = ipv4::UDP;
        let vnet = Vnet { gso_type: GSO_UDP_L4, gso_size: 112, ..Vnet::default() };
        let train = Train::of(vnet, &octets).ok().flatten();
        let heads: Vec<(Vec<u8>, Range<usize>)> = train
            .iter()
            .flat_map(|train| {
                (0..train.count()).map(|number| {
                    let mut head = Vec::new();
                    train.write_head(number, &mut head);
                    (head, train.body(number))
                })
            })
            .collect();
        assert_eq!(heads.iter().map(|(_, body)| body.len()).collect::<Vec<_>>(), [112, 112, 38]);
        for (number, (head, body)) in heads.into_iter().enumerate() {
            let packet = [&head, &octets[body]].concat();
            assert_eq!(word(&packet, 4), 0xffff_u16.wrapping_add(number as u16));
            assert_eq!(usize::from(word(&packet, 24)), packet.len() - 20);
            let pseudo = Packet::of(&packet).map(|ip| ip.pseudo_header(packet.len() - 20));
            assert_eq!(pseudo.map(|sum| sum.and(&packet[20..]).checksum()), Some(0));
        }
    }

    #[test]
    fn a_buffer_of_ipv6_is_cut_with_right_lengths_and_checksums() {
        let mut octets = vec![0; 40];
        (octets[0], octets[6], octets[23], octets[39]) = (0x60, ipv4::TCP, 1, 2);
        octets.extend_from_slice(&buffer(250)[20..]);
        let vnet = Vnet { gso_type: GSO_TCPV6, gso_size: 100, ..Vnet::default() };
        let train = Train::of(vnet, &octets).ok().flatten();
        assert_eq!(train.map(|train| train.count()), Some(3));
        for (train, number) in train.iter().flat_map(|train| (0..3).map(move |number| (train, number))) {
            let mut packet = Vec::new();
            train.write_head(number, &mut packet);
            packet.extend_from_slice(&octets[train.body(number)]);
            assert_eq!(usize::from(word(&packet, 4)), packet.len() - 40);
            let pseudo = Packet::of(&packet).map(|ip| ip.pseudo_header(packet.len() - 40));
            assert_eq!(pseudo.map(|sum| sum.and(&packet[40..]).checksum()), Some(0));
        }
        let other = Vnet { gso_type: GSO_TCPV4, ..vnet };
        assert_eq!(Train::of(other, &octets).err(), Some(BadOffload::Segmentation(other)));
    }

    #[test]
    fn a_buffer_without_data_is_one_packet() {
        assert_eq!(cut(&buffer(0), 100).map(|packets| packets.len()), Ok(1));
    }

    #[test]
    fn what_is_no_whole_tcp_header_is_refused() {
        let mut without_tcp = buffer(10);
        without_tcp[9] = ipv4::UDP;
        let mut long_header = buffer(10);
        long_header[32] = 0xf0;
        let mut short_header = buffer(10);
        short_header[32] = 0x40;
        for octets in [&without_tcp, &long_header, &short_header, &buffer(0)[..39].to_vec(), &buffer(65_496)]
        {
            assert_eq!(cut(octets, 100).err(), Some(BadOffload::Headers(octets.len())));
        }
    }

    #[test]
    fn a_checksum_is_completed_where_the_header_says() {
        let vnet = Vnet { flags: NEEDS_CHECKSUM, checksum_start: 34, checksum_offset: 6, ..Vnet::default() };
        let mut packet = vec![0; 28];
        (packet[0], packet[9]) = (0x45, ipv4::UDP);
        packet[20..22].copy_from_slice(&[0xff, 0xfe]);
        packet[26..28].copy_from_slice(&[0, 1]); // in place of the sum of the pseudo header
        assert_eq!(complete(vnet, &mut packet), Ok(()));
        assert_eq!(packet[26..28], [0xff, 0xff], "zero is sent as ones");
        for (start, offset) in [(0, 0), (33, 6), (34, 7), (0xffff, 0xffff)] {
            let vnet = Vnet { checksum_start: start, checksum_offset: offset, ..vnet };
            assert_eq!(complete(vnet, &mut packet), Err(BadOffload::Checksum(vnet)));
        }
    }
}
