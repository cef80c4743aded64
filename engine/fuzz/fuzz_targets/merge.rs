//! Merged frames, cut again, hold the same packets as came. Each packet here is: a length octet, so many octets; those of
//! even length get right checksums, which no fuzzer would find.
#![no_main]

use std::collections::BTreeMap;

use dmvpn_engine::checksum::Sum;
use dmvpn_engine::delivery::Frame;
use dmvpn_engine::ip::Packet;
use dmvpn_engine::merge::Merger;
use dmvpn_engine::segment::Train;
use dmvpn_engine::vnet::{SIZE, Vnet};
use dmvpn_engine::wire::Span;
use dmvpn_engine::{ETHERNET, ipv4};
use libfuzzer_sys::fuzz_target;

type Flows = BTreeMap<Vec<u8>, Vec<Vec<u8>>>;

/// Order matters within a flow of TCP or UDP, and between two hosts for all else.
fn sort(packets: impl Iterator<Item = Vec<u8>>) -> Flows {
    let mut flows = Flows::new();
    for octets in packets {
        let Some(packet) = Packet::of(&octets) else { continue };
        let start = packet.header_length();
        let may_have_ports = [ipv4::TCP, ipv4::UDP].contains(&packet.protocol()) && packet.is_whole();
        let ports = octets.get(start..start + 4).filter(|_| may_have_ports).unwrap_or_default();
        let flow = [packet.hosts(), ports].concat();
        flows.entry(flow).or_default().push(octets);
    }
    flows
}

fn cut(frame: &[u8]) -> Vec<Vec<u8>> {
    let octets = &frame[SIZE + ETHERNET..];
    let train = Packet::of(octets)
        .zip(Vnet::parse(frame))
        .and_then(|(packet, vnet)| Train::of(vnet, packet.octets()).ok().flatten());
    let Some(train) = train else { return vec![octets.to_vec()] };
    let packet = |number| {
        let mut packet = Vec::new();
        train.write_head(number, &mut packet);
        packet.extend_from_slice(&octets[train.body(number)]);
        packet
    };
    (0..train.count()).map(packet).collect()
}

/// Give a TCP or UDP packet without IP options its checksums.
fn seal(octets: &mut [u8]) {
    let Some(packet) = Packet::of(octets) else { return };
    let ip_length = packet.header_length();
    let at = match packet.protocol() {
        ipv4::TCP => ip_length + 16,
        ipv4::UDP => ip_length + 6,
        _ => return,
    };
    let is_ipv4 = matches!(packet, Packet::V4(_));
    if octets.len() < ip_length + 20 || is_ipv4 && octets[0] != 0x45 {
        return;
    }
    let pseudo = packet.pseudo_header(octets.len() - ip_length);
    if is_ipv4 {
        octets[10..12].fill(0);
        let checksum = Sum::of(&octets[..20]).checksum();
        octets[10..12].copy_from_slice(&checksum.to_be_bytes());
    }
    octets[at..at + 2].fill(0);
    let checksum = pseudo.and(&octets[ip_length..]).checksum();
    octets[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
}

fuzz_target!(|octets: &[u8]| {
    let octets = &mut octets.to_vec();
    let (mut merger, mut expected, mut start) = (Merger::default(), Vec::new(), 0);
    while let Some(length) = octets.get(start) {
        let end = (start + 1 + usize::from(*length)).min(octets.len());
        if (end - start) % 2 != 0 {
            seal(&mut octets[start + 1..end]);
        }
        if Packet::of(&octets[start + 1..end]).is_some() {
            let packet = Span::from(start + 1..end);
            let frame = Frame { tunnel: 1, offload: Vnet::default(), ethernet: [0; ETHERNET], packet };
            merger.push(&frame, octets);
            expected.push(octets[start + 1..end].to_vec());
        }
        start = end;
    }
    let merged = merger.finish().iter().flat_map(|train| cut(&train.octets(octets)));
    assert_eq!(sort(merged), sort(expected.into_iter()));
});
