//! The station behind the TAP gets the same packets as without merging.

use super::*;
use crate::checksum::Sum;
use crate::ipv4::{self, word};
use crate::segment;
use crate::vnet::{GSO_TCPV4, GSO_UDP_L4};
use proptest::prelude::*;

const ACK: u8 = 0x10;

/// What a sender's next packet looks like.
#[derive(Clone, Debug)]
struct Next {
    flow: u8,
    data: usize,
    flags: u8,
    protocol: u8,
    acknowledgement: u8,
    /// 0: as it should be; else something about the packet is odd.
    odd: u8,
}

/// Packets of some flows as a sender cuts them, now and then with something odd about them.
fn packets(nexts: &[Next]) -> Vec<Vec<u8>> {
    let mut counters = [(0xfffe_u16, 0xffff_ff00_u32); 4];
    let mut packet = |next: &Next| {
        let (identification, sequence) = &mut counters[usize::from(next.flow)];
        let mut octets = vec![0; 52 + next.data];
        octets[0] = 0x45;
        put_word(&mut octets, 2, (52 + next.data) as u16);
        put_word(&mut octets, 4, *identification);
        octets[6] = 0x40;
        octets[8..10].copy_from_slice(&[63, next.protocol]);
        octets[12..20].copy_from_slice(&[10, 1, 0, 1, 10, 2, 0, next.flow & 1]);
        octets[20..24].copy_from_slice(&[0x12, 0x34, 0, next.flow]);
        octets[24..28].copy_from_slice(&sequence.to_be_bytes());
        octets[31] = next.acknowledgement;
        octets[32..36].copy_from_slice(&[0x80, next.flags, 1, 0]);
        octets[52..].fill(next.data as u8);
        *identification = identification.wrapping_add(1);
        *sequence = sequence.wrapping_add(next.data as u32);
        match next.odd {
            1 => octets[1] = 8,
            2 => octets[6] = 0x20,
            3 => octets[5] ^= 1,
            4 => octets[27] ^= 1,
            5 => octets[45] = 1,
            9 => octets[34] = 2,
            10 => octets[39] = 1,
            _ => (),
        }
        seal_header(&mut octets, HEADER_LENGTH);
        if let Some(pseudo) = Packet::of(&octets).map(|packet| packet.pseudo_header(32 + next.data)) {
            let checksum = pseudo.and(&octets[20..]).checksum();
            put_word(&mut octets, 36, checksum);
        }
        if next.protocol == ipv4::UDP && next.acknowledgement == 0 {
            as_datagram(&mut octets);
        }
        match next.odd {
            6 => octets[36] ^= 1,
            7 => octets[10] ^= 1,
            8 => octets.push(0),
            _ => (),
        }
        octets
    };
    nexts.iter().map(&mut packet).collect()
}

/// Length and checksum of UDP where TCP's sequence number is.
fn as_datagram(octets: &mut [u8]) {
    let length = octets.len() - HEADER_LENGTH;
    put_word(octets, UDP_LENGTH, length as u16);
    put_word(octets, 26, 0);
    if let Some(pseudo) = Packet::of(octets).map(|packet| packet.pseudo_header(length)) {
        let checksum = pseudo.and(&octets[HEADER_LENGTH..]).checksum();
        put_word(octets, 26, if checksum == 0 { 0xFFFF } else { checksum });
    }
}

fn merged(packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
    merged_from(&[7], packets)
}

fn merged_from(neighbors: &[u8], packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let (arena, mut merger) = (packets.concat(), Merger::default());
    push_all(&mut merger, packets, &arena, neighbors);
    merger.finish().iter().map(|train| train.octets(&arena)).collect()
}

/// neighbors: they take turns in sending. arena: the packets, one behind the other.
fn push_all(merger: &mut Merger, packets: &[Vec<u8>], arena: &[u8], neighbors: &[u8]) {
    let mut start = 0;
    for (packet, neighbor) in packets.iter().zip(neighbors.iter().cycle()) {
        let place = Span::from(start..start + packet.len());
        start += packet.len();
        let ethernet = [*neighbor; ETHERNET];
        let frame = Frame { tunnel: 1, offload: Vnet::default(), ethernet, packet: place };
        merger.push(&frame, arena);
    }
}

/// As the kernel cuts a frame.
fn cut(frame: &[u8]) -> Vec<Vec<u8>> {
    let octets = &frame[PACKET..];
    let train = Packet::of(octets)
        .zip(Vnet::parse(frame))
        .and_then(|(packet, vnet)| segment::Train::of(vnet, packet.octets()).ok().flatten());
    let Some(train) = train else { return vec![octets.to_vec()] };
    let packet = |number| {
        let mut packet = Vec::new();
        train.write_head(number, &mut packet);
        packet.extend_from_slice(&octets[train.body(number)]);
        packet
    };
    (0..train.count()).map(packet).collect()
}

/// Packets by what their order matters for: the flow, or the hosts of what has no ports.
fn by_flow(packets: &[Vec<u8>]) -> std::collections::BTreeMap<Vec<u8>, Vec<Vec<u8>>> {
    let mut flows = std::collections::BTreeMap::new();
    for packet in packets {
        let whole = [ipv4::TCP, ipv4::UDP].contains(&packet[9]) && packet[6] & 0x20 == 0;
        let ports = if whole { 24 } else { 20 };
        let flow: &mut Vec<_> = flows.entry(packet[12..ports].to_vec()).or_default();
        flow.push(packet.clone());
    }
    flows
}

fn next() -> impl Strategy<Value = Next> {
    let sizes = prop::sample::select(vec![0usize, 1, 100, 100, 100, 100, 101]);
    let flags = prop::sample::select(vec![ACK, ACK, ACK, ACK | PSH, ACK | 1, ACK | 0x40]);
    let protocol = prop::sample::select(vec![ipv4::TCP, ipv4::TCP, ipv4::UDP]);
    let odd = prop_oneof![3 => Just(0u8), 2 => 1u8..11];
    (0u8..4, sizes, flags, protocol, prop::sample::select(vec![0u8, 0, 0, 0, 0, 1]), odd).prop_map(
        |(flow, data, flags, protocol, acknowledgement, odd)| Next {
            flow,
            data,
            flags,
            protocol,
            acknowledgement,
            odd,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn whoever_is_behind_the_tap_gets_the_same_octets_in_the_same_order(
        nexts in prop::collection::vec(next(), 0..40),
    ) {
        let packets = packets(&nexts);
        let delivered: Vec<Vec<u8>> = merged(&packets).iter().flat_map(|frame| cut(frame)).collect();
        prop_assert_eq!(by_flow(&delivered), by_flow(&packets));
    }
}

fn plain(count: usize, data: usize) -> Vec<Vec<u8>> {
    let next = Next { flow: 0, data, flags: ACK, protocol: ipv4::TCP, acknowledgement: 0, odd: 0 };
    packets(&vec![next; count])
}

#[test]
fn segments_of_one_flow_become_one_frame_with_a_checksum_to_complete() {
    let frames = merged(&plain(5, 1000));
    assert_eq!(frames.len(), 1);
    let expected = Vnet {
        flags: NEEDS_CHECKSUM,
        gso_type: GSO_TCPV4,
        header_length: 66,
        gso_size: 1000,
        checksum_start: 34,
        checksum_offset: 16,
    };
    assert_eq!(Vnet::parse(&frames[0]), Some(expected));
    let packet = &frames[0][PACKET..];
    assert_eq!((packet.len(), word(packet, 2)), (5052, 5052));
    let pseudo = Packet::of(packet).map_or(0, |packet| packet.pseudo_header(5032).folded());
    assert_eq!(word(packet, 36), pseudo);
    assert_eq!(Sum::of(&packet[..20]).checksum(), 0);
}

fn datagrams(count: usize, data: usize) -> Vec<Vec<u8>> {
    let next = Next { flow: 0, data, flags: 0, protocol: ipv4::UDP, acknowledgement: 0, odd: 0 };
    packets(&vec![next; count])
}

#[test]
fn datagrams_of_one_flow_become_one_frame_and_can_be_taken_apart_again() {
    let packets = datagrams(5, 1000);
    let frames = merged(&packets);
    assert_eq!(frames.len(), 1);
    let expected = Vnet {
        flags: NEEDS_CHECKSUM,
        gso_type: GSO_UDP_L4,
        header_length: 42,
        gso_size: 1024,
        checksum_start: 34,
        checksum_offset: 6,
    };
    assert_eq!(Vnet::parse(&frames[0]), Some(expected));
    let packet = &frames[0][PACKET..];
    assert_eq!((packet.len(), word(packet, 2), word(packet, 24)), (5148, 5148, 5128));
    assert_eq!(cut(&frames[0]), packets);
    let (arena, mut merger) = (packets.concat(), Merger::default());
    push_all(&mut merger, &packets, &arena, &[7]);
    let train = &merger.finish()[0];
    assert!(train.has_datagrams());
    let alone = train.taken_apart().map(|one| one.octets(&arena));
    assert!(alone.eq(packets.iter().map(|packet| [&[0; vnet::SIZE][..], &[7; ETHERNET], packet].concat())));
}

#[test]
fn where_the_kernel_takes_no_trains_of_datagrams_tcp_alone_is_merged() {
    let packets = [datagrams(3, 100), plain(3, 100)].concat();
    let (arena, mut merger) = (packets.concat(), Merger::default());
    merger.spare_datagrams();
    push_all(&mut merger, &packets, &arena, &[7]);
    assert_eq!(merger.finish().len(), 4);
}

#[test]
fn a_datagram_without_checksum_stays_without() {
    let mut packets = datagrams(2, 100);
    for packet in &mut packets {
        put_word(packet, 26, 0);
    }
    assert_eq!(merged(&packets).len(), 2);
}

#[test]
fn no_frame_is_longer_than_a_packet_may_be() {
    let frames = merged(&plain(100, 1400));
    assert_eq!(frames.iter().map(|frame| frame.len() - PACKET).max(), Some(52 + 46 * 1400));
}

#[test]
fn two_flows_that_take_turns_are_merged_each() {
    let plain = |flow| Next { flow, data: 9, flags: ACK, protocol: ipv4::TCP, acknowledgement: 0, odd: 0 };
    assert_eq!(merged(&packets(&[plain(0), plain(1), plain(0), plain(1)])).len(), 2);
}

#[test]
fn each_frame_comes_from_one_neighbor() {
    assert_eq!(merged_from(&[1, 2], &plain(4, 100)).len(), 4);
}

#[test]
fn a_checksum_of_ones_stays_as_it_was_written() {
    let mut packets = plain(2, 100);
    for packet in &mut packets {
        // Choose the data so that the checksum is zero, of which the other way to write it is ones.
        let checksum = word(packet, 36);
        let data = Sum::default().word(checksum).word(word(packet, 60)).folded();
        put_word(packet, 60, data);
        put_word(packet, 36, 0xFFFF);
        let sum = Packet::of(packet).map(|ip| ip.pseudo_header(132).and(&packet[20..]).checksum());
        assert_eq!(sum, Some(0), "it is right");
    }
    assert_eq!(merged(&packets).len(), 2);
}
