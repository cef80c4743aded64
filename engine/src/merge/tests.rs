//! The station behind the TAP gets the same packets as without merging.

use super::*;
use crate::checksum::Sum;
use crate::ipv4::{self, HEADER_LENGTH, seal_header, word};
use crate::segment;
use crate::vnet::{GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4};
use proptest::prelude::*;

const ACK: u8 = 0x10;

/// What a sender's next packet looks like.
#[derive(Clone, Debug)]
struct Next {
    version: u8,
    flow: u8,
    data: usize,
    flags: u8,
    protocol: u8,
    acknowledgement: u8,
    odd: Odd,
}

const NEXT: Next = Next {
    version: 4,
    flow: 0,
    data: 100,
    flags: ACK,
    protocol: ipv4::TCP,
    acknowledgement: 0,
    odd: Odd::Nothing,
};

/// What about a packet is not as it should be, or not as before.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Odd {
    Nothing,
    Class,
    Congested,
    TimeToLive,
    FlowLabel,
    Fragment,
    Options,
    Identification,
    Sequence,
    TcpOption,
    Window,
    Urgent,
    Checksum,
    HeaderChecksum,
    Padding,
}

const ODDS: [Odd; 14] = [
    Odd::Class,
    Odd::Congested,
    Odd::TimeToLive,
    Odd::FlowLabel,
    Odd::Fragment,
    Odd::Options,
    Odd::Identification,
    Odd::Sequence,
    Odd::TcpOption,
    Odd::Window,
    Odd::Urgent,
    Odd::Checksum,
    Odd::HeaderChecksum,
    Odd::Padding,
];

/// An IP header, its checksum not computed yet, of a packet with so many octets behind it.
fn ip_header(next: &Next, identification: u16, length: usize) -> Vec<u8> {
    let class = match next.odd {
        Odd::Class => 8,
        Odd::Congested => 3,
        _ => 2,
    };
    let ttl = if next.odd == Odd::TimeToLive { 62 } else { 63 };
    if next.version == 6 {
        let label = u8::from(next.odd == Odd::FlowLabel);
        let mut octets = vec![0; ipv6::HEADER_LENGTH];
        octets[..4].copy_from_slice(&[0x60, class << 4, 0x12, label]);
        put_word(&mut octets, 4, length as u16);
        octets[6..8].copy_from_slice(&[next.protocol, ttl]);
        (octets[8], octets[23], octets[24], octets[39]) = (0x20, 1, 0x20, next.flow & 1);
        return octets;
    }
    let mut octets = vec![0; HEADER_LENGTH];
    octets[..2].copy_from_slice(&[0x45, class]);
    put_word(&mut octets, 2, (HEADER_LENGTH + length) as u16);
    put_word(&mut octets, 4, identification);
    octets[5] ^= u8::from(next.odd == Odd::Identification);
    octets[6] = if next.odd == Odd::Fragment { 0x20 } else { 0x40 };
    octets[8..10].copy_from_slice(&[ttl, next.protocol]);
    octets[12..20].copy_from_slice(&[10, 1, 0, 1, 10, 2, 0, next.flow & 1]);
    octets
}

/// Octets of a header of TCP with options, and with data. sum: of the pseudo header.
fn segment(next: &Next, sequence: u32, sum: impl Fn(usize) -> Sum) -> Vec<u8> {
    let mut tcp = vec![0; 32 + next.data];
    tcp[..4].copy_from_slice(&[0x12, 0x34, 0, next.flow]);
    tcp[4..8].copy_from_slice(&sequence.to_be_bytes());
    tcp[11] = next.acknowledgement;
    tcp[12..16].copy_from_slice(&[0x80, next.flags, 1, 0]);
    tcp[32..].fill(next.data as u8);
    match next.odd {
        Odd::Sequence => tcp[7] ^= 1,
        Odd::TcpOption => tcp[25] = 1,
        Odd::Window => tcp[14] = 2,
        Odd::Urgent => tcp[19] = 1,
        _ => (),
    }
    let checksum = sum(tcp.len()).and(&tcp).checksum();
    put_word(&mut tcp, 16, checksum);
    if next.protocol == ipv4::UDP && next.acknowledgement == 0 {
        // Length and checksum of UDP where TCP's sequence number is.
        let length = tcp.len();
        put_word(&mut tcp, UDP_LENGTH, length as u16);
        put_word(&mut tcp, 6, 0);
        let checksum = sum(length).and(&tcp).checksum();
        put_word(&mut tcp, 6, if checksum == 0 { 0xFFFF } else { checksum });
    }
    tcp[16] ^= u8::from(next.odd == Odd::Checksum);
    tcp
}

/// Packets of some flows as a sender cuts them, now and then with something odd about them.
fn packets(nexts: &[Next]) -> Vec<Vec<u8>> {
    let mut counters = [(0xfffe_u16, 0xffff_ff00_u32); 8];
    let mut packet = |next: &Next| {
        let (identification, sequence) = &mut counters[usize::from(next.flow + 2 * (next.version - 4))];
        let mut octets = ip_header(next, *identification, 32 + next.data);
        let of_ip = octets.clone();
        let sum = |length| Packet::of(&of_ip).map(|ip| ip.pseudo_header(length)).unwrap_or_default();
        octets.extend(segment(next, *sequence, sum));
        *identification = identification.wrapping_add(1);
        *sequence = sequence.wrapping_add(next.data as u32);
        if next.odd == Odd::Options {
            behind_options(&mut octets);
        }
        if next.version == 4 {
            let length = usize::from(octets[0] & 15) << 2;
            seal_header(&mut octets, length);
            octets[10] ^= u8::from(next.odd == Odd::HeaderChecksum);
        } else if next.odd == Odd::Fragment {
            octets.splice(40..40, [octets[6], 0, 0, 1, 0, 0, 0, 1]);
            octets[6] = 44;
            let length = octets.len() - ipv6::HEADER_LENGTH;
            put_word(&mut octets, 4, length as u16);
        }
        if next.odd == Odd::Padding {
            octets.push(0);
        }
        octets
    };
    nexts.iter().map(&mut packet).collect()
}

/// Put options that do nothing before the data of a packet.
fn behind_options(octets: &mut Vec<u8>) {
    if octets[0] == 0x45 {
        octets.splice(20..20, [1, 1, 1, 1]);
        octets[0] = 0x46;
        let length = octets.len();
        put_word(octets, 2, length as u16);
    } else {
        octets.splice(40..40, [octets[6], 0, 1, 4, 0, 0, 0, 0]);
        octets[6] = 60;
        let length = octets.len() - ipv6::HEADER_LENGTH;
        put_word(octets, 4, length as u16);
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
        let Some(ip) = Packet::of(packet) else { continue };
        let has_ports = [ipv4::TCP, ipv4::UDP].contains(&ip.protocol()) && ip.is_whole();
        let start = ip.header_length();
        let ports = if has_ports { &packet[start..start + 4] } else { &[] };
        let flow: &mut Vec<_> = flows.entry([ip.hosts(), ports].concat()).or_default();
        flow.push(packet.clone());
    }
    flows
}

fn next() -> impl Strategy<Value = Next> {
    let sizes = prop::sample::select(vec![0usize, 1, 100, 100, 100, 100, 101]);
    let flags = prop::sample::select(vec![ACK, ACK, ACK, ACK | PSH, ACK | 1, ACK | 0x40]);
    let protocol = prop::sample::select(vec![ipv4::TCP, ipv4::TCP, ipv4::UDP]);
    let odd = prop_oneof![3 => Just(Odd::Nothing), 2 => prop::sample::select(ODDS.to_vec())];
    let version = prop::sample::select(vec![4u8, 6]);
    let acknowledgement = prop::sample::select(vec![0u8, 0, 0, 0, 0, 1]);
    (version, 0u8..4, sizes, flags, protocol, acknowledgement, odd).prop_map(
        |(version, flow, data, flags, protocol, acknowledgement, odd)| Next {
            version,
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
    packets(&vec![Next { data, ..NEXT }; count])
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

#[test]
fn a_stream_of_ipv6_arrives_in_one_frame_octet_for_octet() {
    let packets = packets(&vec![Next { version: 6, data: 1000, ..NEXT }; 5]);
    let frames = merged(&packets);
    assert_eq!(frames.len(), 1);
    let expected = Vnet {
        flags: NEEDS_CHECKSUM,
        gso_type: GSO_TCPV6,
        header_length: 86,
        gso_size: 1000,
        checksum_start: 54,
        checksum_offset: 16,
    };
    assert_eq!(Vnet::parse(&frames[0]), Some(expected));
    let packet = &frames[0][PACKET..];
    assert_eq!((packet.len(), word(packet, 4)), (5072, 5032));
    let pseudo = Packet::of(packet).map_or(0, |packet| packet.pseudo_header(5032).folded());
    assert_eq!(word(packet, 56), pseudo);
    assert_eq!(cut(&frames[0]), packets);
}

#[test]
fn datagrams_of_ipv6_become_one_frame_and_can_be_taken_apart_again() {
    let packets = packets(&vec![Next { version: 6, protocol: ipv4::UDP, ..NEXT }; 3]);
    let frames = merged(&packets);
    assert_eq!(
        frames.iter().map(|frame| Vnet::parse(frame).map(|vnet| vnet.gso_type)).collect::<Vec<_>>(),
        [Some(GSO_UDP_L4)]
    );
    assert_eq!(cut(&frames[0]), packets);
}

#[test]
fn what_cutting_would_not_bring_back_is_not_merged() {
    for version in [4, 6] {
        for odd in ODDS {
            let only_of_ipv4 = [Odd::Identification, Odd::HeaderChecksum].contains(&odd);
            if version == 6 && only_of_ipv4 || version == 4 && odd == Odd::FlowLabel {
                continue;
            }
            let plain = Next { version, ..NEXT };
            let packets = packets(&[plain.clone(), Next { odd, ..plain }]);
            let alone = packets.iter().map(|packet| [&[0; vnet::SIZE][..], &[7; ETHERNET], packet].concat());
            assert!(merged(&packets).into_iter().eq(alone), "{odd:?} of IPv{version}");
        }
    }
}

#[test]
fn packets_that_met_the_same_congestion_are_merged() {
    for version in [4, 6] {
        assert_eq!(merged(&packets(&vec![Next { version, odd: Odd::Congested, ..NEXT }; 3])).len(), 1);
    }
}

#[test]
fn a_packet_of_one_version_joins_no_train_of_the_other() {
    let both = [4, 6, 4, 6].map(|version| Next { version, ..NEXT });
    assert_eq!(merged(&packets(&both)).len(), 2);
}

fn datagrams(count: usize, data: usize) -> Vec<Vec<u8>> {
    packets(&vec![Next { data, protocol: ipv4::UDP, ..NEXT }; count])
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
    let plain = |flow| Next { flow, ..NEXT };
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
