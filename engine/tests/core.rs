//! The core as its owner sees it: octets in, octets out. What it does to the octet is compared with dmvpn's Python plane.

#![allow(clippy::expect_used, clippy::panic, reason = "this is how a test fails")]

use dmvpn_engine::core::{Core, Dropped, Limits, NoSuchTunnel, Own};
use dmvpn_engine::doors::{Door, Front};
use dmvpn_engine::gre::Extras;
use dmvpn_engine::ipv4::{self, Address};
use dmvpn_engine::outcome::Outcome;
use dmvpn_engine::punt::{Punt, Reason};
use dmvpn_engine::table::{Df, Ends, Mac, Neighbor, Settings};
use dmvpn_engine::usage::Amount;
use dmvpn_engine::vnet::Vnet;
use dmvpn_engine::wire::Outer;
use proptest::prelude::*;

const HUB: Address = [10, 0, 1, 1];
const AT_HUB: Door = Door(0);
const SPOKE_1: Address = [10, 0, 2, 1];
const SPOKE_2: Address = [10, 0, 3, 1];
const OWN_MAC: Mac = [2, 1, 0, 0, 0, 7];
const MULTIPOINT: Ends = Ends { source: AT_HUB, destination: None, key: Some(100) };
const KEY_100: [u8; 8] = [0x20, 0, 8, 0, 0, 0, 0, 100];
const NONE: Amount = Amount { packets: 0, octets: 0 };
const COPYING: Settings = Settings {
    mtu: 1400,
    mss: None,
    protected: false,
    df: Df::Copy,
    extras: Extras { checksum: false, sequence: false },
};

/// A hub with two spokes, which reports hairpins.
fn hub() -> Core {
    let mut core = Core::new(Limits::default());
    core.doors.set(AT_HUB, Front(0), HUB);
    core.set_tunnel(1, MULTIPOINT, OWN_MAC, COPYING);
    let tunnel = core.table.get_mut(1).expect("it was just made");
    (tunnel.watch.network, tunnel.watch.report) = (Some(1), true);
    tunnel.set_peer(1, Neighbor::at(SPOKE_1));
    tunnel.set_peer(2, Neighbor::at(SPOKE_2));
    tunnel.multicast = [SPOKE_1, SPOKE_2].map(Neighbor::at).to_vec();
    core
}

/// A packet of protocol 88, which nobody looks into.
fn packet(source: Address, destination: Address) -> Vec<u8> {
    let mut octets = vec![0x45, 0xC0, 0, 24, 0, 0, 0, 0, 64, 88, 0, 0];
    octets.extend([source, destination].concat());
    octets.extend(*b"data");
    octets
}

fn frame(mac: Mac, packet: &[u8]) -> Vec<u8> {
    [&Vnet::default().serialize()[..], &mac, &OWN_MAC, &[8, 0], packet].concat()
}

fn frame_to(peer: u8, packet: &[u8]) -> Vec<u8> {
    frame([2, 0, 0, 0, 0, peer], packet)
}

fn from(nbma: Address, gre: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut octets = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 255, ipv4::GRE, 0, 0];
    octets.extend([nbma, HUB].concat());
    octets.extend([gre, payload].concat());
    octets
}

/// Where to, TOS, octets.
type Sent = (Address, u8, Vec<u8>);

/// What is sent and reported for a frame.
fn sent(core: &mut Core, mut frame: Vec<u8>, now: f64) -> (Vec<Sent>, Vec<Punt>) {
    let (mut outcome, length) = (Outcome::default(), frame.len());
    assert_eq!(core.outbound(1, &mut frame, 0..length, now, &mut outcome), Ok(()));
    let octets = |packet| outcome.wire.octets(packet, &frame);
    let packets =
        outcome.wire.packets.iter().map(|packet| (packet.nbma, packet.outer.tos, octets(packet))).collect();
    (packets, outcome.punts)
}

fn received(core: &mut Core, mut packet: Vec<u8>) -> (Outcome, Vec<u8>) {
    let (mut outcome, length) = (Outcome::default(), packet.len());
    core.inbound(&mut packet, AT_HUB, 0..length, 0.0, &mut outcome);
    (outcome, packet)
}

#[test]
fn a_frame_goes_to_the_neighbor_that_its_address_names_with_key_and_tos() {
    let inner = packet([192, 168, 1, 1], [192, 168, 3, 1]);
    let (packets, punts) = sent(&mut hub(), frame([2, 0, 0, 0, 0, 2], &inner), 0.0);
    assert_eq!(packets, [(SPOKE_2, 0xC0, [&KEY_100[..], &inner].concat())]);
    assert_eq!(punts, []);
}

#[test]
fn multicast_goes_to_everybody_and_a_stranger_to_nobody() {
    let mut core = hub();
    let group = packet([172, 16, 0, 1], [224, 0, 0, 10]);
    let (packets, _) = sent(&mut core, frame([1, 0, 0x5E, 0, 0, 10], &group), 0.0);
    assert_eq!(packets.iter().map(|(nbma, ..)| *nbma).collect::<Vec<_>>(), [SPOKE_1, SPOKE_2]);
    let (packets, _) = sent(&mut core, frame([2, 0, 0, 0, 0, 3], &group), 0.0);
    assert_eq!(packets, []);
    assert_eq!(core.dropped, Dropped { no_peer: 1, ..Dropped::default() });
    let copy = Amount { packets: 1, octets: group.len() as u64 };
    assert_eq!(core.usage(1), Ok(vec![(SPOKE_1, copy, NONE), (SPOKE_2, copy, NONE)]));
}

#[test]
fn a_packet_is_delivered_as_a_frame_of_the_neighbor_it_came_from() {
    let inner = packet([192, 168, 2, 1], [192, 168, 1, 1]);
    let (outcome, arena) = received(&mut hub(), from(SPOKE_1, &KEY_100, &inner));
    let [frame] = outcome.frames[..] else { panic!("{outcome:?}") };
    assert_eq!(frame.packet.of(&arena), inner);
    assert_eq!(frame.ethernet[..12], [OWN_MAC, [2, 0, 0, 0, 0, 1]].concat());
    assert_eq!(frame.offload, Vnet::default());
}

#[test]
fn a_packet_with_another_key_is_nobodys() {
    let mut core = hub();
    let (outcome, _) = received(&mut core, from(SPOKE_1, &[0, 0, 8, 0], &packet(SPOKE_1, HUB)));
    assert!(outcome.frames.is_empty());
    assert_eq!(core.dropped, Dropped { no_tunnel: 1, ..Dropped::default() });
}

#[test]
fn nhrp_and_keepalives_are_for_the_router() {
    let punt =
        |reason, data: &[u8]| Punt { reason, tunnel: 1, nbma: SPOKE_1, connection: 0, data: data.to_vec() };
    for (protocol, expected) in
        [([0x20, 1], punt(Reason::Nhrp, b"nhrp")), ([0, 0], punt(Reason::Keepalive, b""))]
    {
        let gre = [&[0x20, 0], &protocol[..], &KEY_100[4..]].concat();
        let (outcome, _) = received(&mut hub(), from(SPOKE_1, &gre, b"nhrp"));
        assert_eq!(outcome.punts, [expected]);
    }
}

#[test]
fn a_neighbors_keepalive_is_sent_back() {
    let mut keepalive = packet(HUB, SPOKE_1);
    keepalive[9] = ipv4::GRE;
    let (outcome, arena) = received(&mut hub(), from(SPOKE_1, &KEY_100, &keepalive));
    let [returned] = outcome.wire.packets[..] else { panic!("{outcome:?}") };
    assert_eq!(
        (returned.source, returned.nbma, returned.outer),
        (AT_HUB, SPOKE_1, Outer { tos: 0xC0, df: false })
    );
    assert_eq!(outcome.wire.octets(&returned, &arena), b"data");
}

#[test]
fn stations_with_equal_addresses_in_two_front_doors_are_two() {
    let mut core = hub();
    let elsewhere = Door(1);
    core.doors.set(elsewhere, Front(1), HUB);
    core.set_tunnel(2, Ends { source: elsewhere, ..MULTIPOINT }, OWN_MAC, COPYING);
    let tunnel = core.table.get_mut(2).expect("it was just made");
    (tunnel.watch.network, tunnel.watch.report) = (Some(1), true);
    tunnel.set_peer(7, Neighbor::at(SPOKE_1));
    let inner = packet([192, 168, 2, 1], [192, 168, 3, 1]);
    let (mut outcome, mut arena) = (Outcome::default(), from(SPOKE_1, &KEY_100, &inner));
    let length = arena.len();
    core.inbound(&mut arena, elsewhere, 0..length, 0.0, &mut outcome);
    let [frame] = outcome.frames[..] else { panic!("{outcome:?}") };
    assert_eq!((frame.tunnel, &frame.ethernet[6..12]), (2, &[2, 0, 0, 0, 0, 7][..]));
    let (packets, punts) = sent(&mut core, frame_to(1, &inner), 0.0);
    assert_eq!(packets.len(), 1);
    assert_eq!(punts.len(), 1, "it goes to the other one, not back");
    let one = Amount { packets: 1, octets: inner.len() as u64 };
    assert_eq!(core.usage(1), Ok(vec![(SPOKE_1, one, NONE)]));
    assert_eq!(core.usage(2), Ok(vec![(SPOKE_1, NONE, one)]));
}

#[test]
fn a_packet_from_spoke_to_spoke_is_reported_once_an_interval() {
    let mut core = hub();
    let inner = packet([192, 168, 2, 1], [192, 168, 3, 1]);
    received(&mut core, from(SPOKE_1, &KEY_100, &inner));
    let mut reports = |peer, now| sent(&mut core, frame([2, 0, 0, 0, 0, peer], &inner), now).1;
    let expected =
        [Punt { reason: Reason::Hairpin(1), tunnel: 1, nbma: SPOKE_1, connection: 0, data: inner.clone() }];
    assert_eq!(reports(1, 0.0), [], "back to where it came from");
    assert_eq!(reports(2, 0.0), expected);
    assert_eq!(reports(2, 7.9), []);
    assert_eq!(reports(2, 8.0), expected);
}

#[test]
fn port_unreachable_leaves_with_the_tunnels_address() {
    let mut core = hub();
    core.own_addresses.insert((0, [192, 168, 1, 1]));
    core.table.get_mut(1).expect("it was made").address = Some([172, 16, 0, 1]);
    let mut inner = packet([192, 168, 1, 1], [192, 168, 2, 1]);
    inner[9] = ipv4::ICMP;
    inner[20..22].copy_from_slice(&[3, 3]);
    let (packets, _) = sent(&mut core, frame([2, 0, 0, 0, 0, 1], &inner), 0.0);
    let sent = &packets[0].2[KEY_100.len()..];
    assert_eq!(sent[12..16], [172, 16, 0, 1]);
    assert_eq!(dmvpn_engine::checksum::Sum::of(&sent[..20]).checksum(), 0);
}

#[test]
fn a_tunnel_that_is_not_there_is_an_error_of_the_caller() {
    let mut core = hub();
    core.remove_tunnel(1);
    assert_eq!(core.outbound(1, &mut [], 0..0, 0.0, &mut Outcome::default()), Err(NoSuchTunnel(1)));
    assert_eq!(core.usage(1), Err(NoSuchTunnel(1)));
}

proptest! {
    #[test]
    fn whatever_comes_is_taken_or_dropped(octets in prop::collection::vec(any::<u8>(), 0..120)) {
        let mut core = hub();
        received(&mut core, octets.clone());
        received(&mut core, from(SPOKE_1, &KEY_100, &octets));
        sent(&mut core, octets.clone(), 0.0);
        sent(&mut core, frame([2, 0, 0, 0, 0, 1], &octets), 0.0);
    }
}

/// A packet of 1000 octets of data, with DF or without.
fn large(df: bool) -> Vec<u8> {
    let flags = if df { 0x40 } else { 0 };
    let mut octets = vec![0x45, 0x28, 0x03, 0xFC, 0, 7, flags, 0, 64, 88, 0, 0]; // 1020 octets
    octets.extend([[192, 168, 1, 1], [192, 168, 3, 1]].concat());
    let sum = octets.chunks(2).fold(0, |sum, word| sum + u32::from(word[0]) * 256 + u32::from(word[1]));
    octets[10..12].copy_from_slice(&(!(sum + (sum >> 16)) as u16).to_be_bytes());
    octets.extend((0..1000).map(|octet| octet as u8));
    octets
}

#[test]
fn what_the_path_to_one_neighbor_does_not_take_is_cut_or_told_and_the_other_gets_it_whole() {
    let mut core = hub();
    core.paths.learn((Front(0), SPOKE_2), 600, 0.0);
    for (df, sizes, told) in [(false, [580, 476].as_slice(), None), (true, &[], Some(Reason::TooBig(572)))] {
        let inner = large(df);
        let (packets, punts) = sent(&mut core, frame([2, 0, 0, 0, 0, 2], &inner), 1.0);
        assert_eq!(packets.iter().map(|(_, _, octets)| octets.len()).collect::<Vec<_>>(), sizes);
        let reported = punts.iter().map(|punt| (punt.reason, punt.tunnel, punt.nbma, punt.data.clone()));
        let expected = told.map(|reason| (reason, 1, SPOKE_2, inner[..548].to_vec()));
        assert_eq!(reported.collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>());
        let (packets, _) = sent(&mut core, frame([2, 0, 0, 0, 0, 1], &inner), 1.0);
        assert_eq!(packets, [(SPOKE_1, 0x28, [&KEY_100[..], &inner].concat())]);
    }
    let clear = Settings { mtu: 1400, ..Settings::default() };
    for (settings, now, why) in [(clear, 1.0, "DF is clear"), (COPYING, 600.0, "it was long ago")] {
        core.set_tunnel(1, MULTIPOINT, OWN_MAC, settings);
        let (packets, _) = sent(&mut core, frame([2, 0, 0, 0, 0, 2], &large(true)), now);
        assert_eq!(packets.len(), 1, "{why}");
    }
    assert_eq!(core.dropped, Dropped::default());
}

#[test]
fn multicast_is_cut_once_for_each_size_and_not_once_for_each_neighbor() {
    let mut core = hub();
    let spokes: Vec<Address> = (0..200).map(|number| [10, 9, 0, number]).collect();
    for (number, &spoke) in spokes.iter().enumerate() {
        core.paths.learn((Front(0), spoke), [600, 800][number % 2], 0.0);
    }
    let tunnel = core.table.get_mut(1).expect("it was made");
    tunnel.multicast = spokes.iter().copied().map(Neighbor::at).collect();
    let mut arena = frame([1, 0, 0x5e, 0, 0, 10], &large(false));
    let (mut outcome, place) = (Outcome::default(), 0..arena.len());
    assert_eq!(core.outbound(1, &mut arena, place, 1.0, &mut outcome), Ok(()));
    assert_eq!(outcome.wire.packets.len(), 2 * spokes.len());
    assert!(outcome.wire.heads.len() < 3 * 1020, "{} octets", outcome.wire.heads.len());
}

#[test]
fn a_packet_that_is_too_big_and_not_what_its_header_says_is_malformed() {
    let mut core = hub();
    core.paths.learn((Front(0), SPOKE_2), 600, 0.0);
    for (at, value) in [(0, 0x41), (2, 0xFF), (2, 0), (10, 0)] {
        let mut inner = large(true);
        inner[at] = value;
        assert_eq!(sent(&mut core, frame([2, 0, 0, 0, 0, 2], &inner), 1.0), (vec![], vec![]));
    }
    assert_eq!(core.dropped, Dropped { malformed: 4, ..Dropped::default() });
}

#[test]
fn the_outer_header_says_of_fragments_what_is_configured() {
    for (setting, inside, expected) in
        [(Df::Clear, true, false), (Df::Copy, true, true), (Df::Copy, false, false), (Df::Set, false, true)]
    {
        let (mut core, mut outcome) = (hub(), Outcome::default());
        core.set_tunnel(1, MULTIPOINT, OWN_MAC, Settings { mtu: 1400, df: setting, ..Settings::default() });
        let mut frame = frame([2, 0, 0, 0, 0, 2], &large(inside));
        let length = frame.len();
        assert_eq!(core.outbound(1, &mut frame, 0..length, 0.0, &mut outcome), Ok(()));
        let (payload, now) = (large(true), 0.0);
        let own = Own { protocol: 0x2001, payload: &payload, tos: 0 };
        assert_eq!(core.send(1, Neighbor::at(SPOKE_1), own, now, &mut outcome), Ok(()));
        let df: Vec<bool> = outcome.wire.packets.iter().map(|packet| packet.outer.df).collect();
        assert_eq!(df, [expected, setting == Df::Set]);
    }
}
