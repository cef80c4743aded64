//! The way out: finish what the kernel left to the network card, on whole frames of a TAP with `vnet_hdr`.
//!
//! A single packet may lack its checksum: [`complete`]. A [`Train`] is a TCP buffer of up to 64 KiB that still is to be
//! cut into packets of `gso_size` octets of data. Only the headers of these are written anew; their data stays where
//! the kernel put it, is read once for the checksum, and goes from there to the socket.

use std::ops::Range;

use crate::checksum::Sum;
use crate::ipv4::{self, Packet, long, put_word, seal_header, word};
use crate::vnet::{GSO_NONE, GSO_TCPV4, NEEDS_CHECKSUM, Vnet};
use crate::{ETHERNET, MAX_PACKET};

const TCP_HEADER: usize = 20;
const FIN_PSH: u8 = 0x09;
const CWR: u8 = 0x80;

/// The vnet header does not fit its frame: the packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadOffload {
    /// The checksum is to be put where there is no room for it.
    Checksum(Vnet),
    /// Segmentation of something that is no TCP over IPv4, or into segments of no length.
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
    // The field holds the pseudo header's sum: summing from `start` on completes it. UDP sends zero as ones (RFC 768).
    let value = match Sum::of(&packet[start..]).checksum() {
        0 if packet[9] == ipv4::UDP => 0xFFFF,
        value => value,
    };
    put_word(packet, at, value);
    Ok(())
}

/// A TCP buffer and how it is cut.
#[derive(Clone, Copy)]
pub struct Train<'a> {
    packet: Packet<'a>,
    ip_length: usize,
    header_length: usize,
    size: usize,
}

impl<'a> Train<'a> {
    /// See a train in a packet; None: it is a single one, for [`complete`].
    pub fn of(vnet: Vnet, packet: Packet<'a>) -> Result<Option<Self>, BadOffload> {
        if vnet.gso_type == GSO_NONE {
            return Ok(None);
        }
        if vnet.gso_type & 0x7F != GSO_TCPV4 || vnet.gso_size == 0 {
            return Err(BadOffload::Segmentation(vnet));
        }
        let octets = packet.octets();
        let bad = BadOffload::Headers(octets.len());
        let ip_length = packet.header_length();
        let whole = ip_length >= ipv4::HEADER_LENGTH && octets.len() >= ip_length + TCP_HEADER;
        if !whole || packet.protocol() != ipv4::TCP || octets.len() > MAX_PACKET {
            return Err(bad);
        }
        let header_length = ip_length + (usize::from(octets[ip_length + 12] >> 4) << 2);
        if header_length < ip_length + TCP_HEADER || header_length > octets.len() {
            return Err(bad);
        }
        Ok(Some(Self { packet, ip_length, header_length, size: usize::from(vnet.gso_size) }))
    }

    /// How many packets it makes: one even of a buffer without data.
    pub fn count(&self) -> usize {
        (self.packet.octets().len() - self.header_length).div_ceil(self.size).max(1)
    }

    /// Where the data of packet `number` stands in the buffer.
    pub fn body(&self, number: usize) -> Range<usize> {
        let start = self.header_length + number * self.size;
        start..(start + self.size).min(self.packet.octets().len())
    }

    /// Append IP and TCP header of packet `number`: sequence numbers and IP identification count up, FIN and PSH stay
    /// on the last one.
    pub fn write_head(&self, number: usize, to: &mut Vec<u8>) {
        let octets = self.packet.octets();
        let body = self.body(number);
        let begin = to.len();
        to.extend_from_slice(&octets[..self.header_length]);
        let head = &mut to[begin..];
        put_word(head, 2, (self.header_length + body.len()) as u16);
        put_word(head, 4, word(octets, 4).wrapping_add(number as u16));
        seal_header(head, self.ip_length);
        let tcp = &mut head[self.ip_length..];
        let sequence = long(tcp, 4).wrapping_add((number * self.size) as u32);
        tcp[4..8].copy_from_slice(&sequence.to_be_bytes());
        if body.end < octets.len() {
            tcp[13] &= !FIN_PSH;
        }
        if number > 0 {
            tcp[13] &= !CWR; // RFC 3168 §6.1.2: it belongs to the first segment of a window only
        }
        put_word(tcp, 16, 0);
        let pseudo = self.packet.pseudo_header(tcp.len() + body.len());
        put_word(tcp, 16, pseudo.and(tcp).and(&octets[body]).checksum());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let packet = Packet::of(octets).ok_or(BadOffload::Headers(octets.len()))?;
        let train = Train::of(vnet, packet)?.ok_or(BadOffload::Segmentation(vnet))?;
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
        packet[9] = ipv4::UDP;
        packet[20..22].copy_from_slice(&[0xff, 0xfe]);
        packet[26..28].copy_from_slice(&[0, 1]); // stands for the sum of the pseudo header
        assert_eq!(complete(vnet, &mut packet), Ok(()));
        assert_eq!(packet[26..28], [0xff, 0xff], "zero is sent as ones");
        for (start, offset) in [(0, 0), (33, 6), (34, 7), (0xffff, 0xffff)] {
            let vnet = Vnet { checksum_start: start, checksum_offset: offset, ..vnet };
            assert_eq!(complete(vnet, &mut packet), Err(BadOffload::Checksum(vnet)));
        }
    }
}
