//! Protected tunnels as their owner sees them: two cores with each other's SAs, and what happens between them.

#![allow(clippy::expect_used, clippy::panic, reason = "this is how a test fails")]

use dmvpn_engine::arrived::Arrived;
use dmvpn_engine::core::{Core, Dropped, Limits, Own};
use dmvpn_engine::doors::Door;
use dmvpn_engine::esp::{Hash, Outbound, Suite};
use dmvpn_engine::gre::Extras;
use dmvpn_engine::ipv4::Address;
use dmvpn_engine::merge::Merger;
use dmvpn_engine::opening::sort;
use dmvpn_engine::outcome::Outcome;
use dmvpn_engine::punt::{Punt, Reason};
use dmvpn_engine::sas::{Count, Place, Terms};
use dmvpn_engine::table::{Df, Ends, Mac, Neighbor, Settings};
use dmvpn_engine::usage::Amount;
use dmvpn_engine::vnet::Vnet;
use proptest::prelude::*;

const ENDS: [Address; 2] = [[192, 0, 2, 1], [192, 0, 2, 2]];
const MAC: Mac = [2, 1, 0, 0, 0, 7];
const GCM: Suite = Suite { bits: 128, hash: None };
const PROTECTED: Settings = Settings {
    mtu: 1400,
    mss: None,
    protected: true,
    df: Df::Clear,
    extras: Extras { checksum: false, sequence: false },
};
const NHRP: Own = Own { protocol: 0x2001, payload: b"nhrp", tos: 0 };
const CBC: Suite = Suite { bits: 256, hash: Some(Hash::Sha256) };

/// One of two routers with a protected tunnel. Each number is one's own index, and the connection's is 1.
struct Router {
    own: usize,
    core: Core,
    /// Of pairs that are installed from now on: tunnel mode.
    inner: Option<(Address, Address)>,
}

impl Router {
    fn new(own: usize) -> Self {
        let mut core = Core::new(Limits::default());
        let ends = Ends { source: Door(own as u32), destination: None, key: Some(7) };
        core.set_tunnel(1, ends, MAC, PROTECTED);
        let tunnel = core.table.get_mut(1).expect("it was just made");
        tunnel.set_peer(1, Neighbor { nbma: ENDS[1 - own], connection: 1 });
        Self { own, core, inner: None }
    }

    /// Take the pair of this number; keys are the same for both, except for the sender.
    fn install(&mut self, pair: u8, suite: Suite, eager: bool, hard: u64) {
        let length = usize::from(suite.bits) / 8 + if suite.hash.is_none() { 4 } else { 0 };
        let keys = [vec![pair; length], vec![pair | 0x80; length]];
        let spi = |router: usize| 0x1000 * (router as u32 + 1) + u32::from(pair);
        let terms = Terms {
            connection: 1,
            spi_in: spi(self.own),
            spi_out: spi(1 - self.own),
            suite,
            key_in: &keys[1 - self.own],
            key_out: &keys[self.own],
            hash_key_in: b"the same",
            hash_key_out: b"the same",
            local: Door(self.own as u32),
            remote: Place { address: ENDS[1 - self.own], port: 4500 },
            esn: true,
            window: 1024,
            inner: self.inner,
            soft: 0,
            hard,
        };
        self.core.sas.install(&terms, eager).expect("the keys fit");
    }

    /// The ESP packets of some frames for the other one.
    fn send(&mut self, packets: &[Vec<u8>]) -> (Vec<Vec<u8>>, Outcome) {
        let mut out = Outcome::default();
        let mut sent = Vec::new();
        for packet in packets {
            let header = [2, 0, 0, 0, 0, 1].into_iter().chain(MAC).chain([8, 0]);
            let mut frame: Vec<u8> = Vnet::default().serialize().into_iter().chain(header).collect();
            frame.extend_from_slice(packet);
            let length = frame.len();
            self.core.outbound(1, &mut frame, 0..length, 0.0, &mut out).expect("there is such a tunnel");
            out.sealing.seal(&out.wire, &frame);
            let octets =
                |sealed: &dmvpn_engine::sealing::Sealed| sealed.place.of(&out.sealing.buffer).to_vec();
            sent.extend(out.sealing.packets.iter().map(octets));
            out.sealing.clear();
        }
        (sent, out)
    }

    /// What comes out of some datagrams from the other one.
    fn receive(&mut self, datagrams: &[Vec<u8>], source: Place) -> (Vec<Vec<u8>>, Vec<Punt>) {
        let mut arena = datagrams.concat();
        let (mut out, mut start) = (Outcome::default(), 0);
        for datagram in datagrams {
            let place = start..start + datagram.len();
            start = place.end;
            if let Some(came) = sort(&arena, Door(self.own as u32), source, 0, place, &mut out) {
                self.core.inbound_esp(&mut arena, &came, 0.0, &mut out);
            }
        }
        let mut merger = Merger::default();
        out.frames.iter().for_each(|frame| merger.push(frame, &arena));
        (merger.finish().iter().map(|train| train.octets(&arena)[24..].to_vec()).collect(), out.punts)
    }

    fn count(&self, place: usize) -> Count {
        self.core.sas.counts()[place]
    }
}

fn two(suite: Suite) -> [Router; 2] {
    [0, 1].map(|own| {
        let mut router = Router::new(own);
        router.install(1, suite, true, 0);
        router
    })
}

fn home(router: usize) -> Place {
    Place { address: ENDS[router], port: 4500 }
}

/// A packet of protocol 88, which nobody looks into.
fn packet(number: u8) -> Vec<u8> {
    let mut octets = vec![0x45, 0, 0, 24, 0, 0, 0, 0, 64, 88, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    octets.extend([number; 4]);
    octets
}

#[test]
fn what_one_sends_the_other_gets_and_nothing_of_it_is_readable() {
    for suite in [GCM, CBC] {
        let [mut here, mut there] = two(suite);
        let packets = [packet(0xA1), packet(0xA2)];
        let (sent, _) = here.send(&packets);
        assert!(sent.iter().all(|octets| !octets.windows(4).any(|four| four == [0xA1; 4])), "{suite:?}");
        assert_eq!(there.receive(&sent, home(0)), (packets.to_vec(), vec![]));
        let came = Amount { packets: 2, octets: 48 };
        assert_eq!(there.core.usage_over(1), Ok(vec![(1, Amount::default(), came)]));
        assert_eq!(there.receive(&sent, home(0)).0, [] as [Vec<u8>; 0], "again");
        assert_eq!((there.count(0).received, there.count(0).replayed), (2, 2));
    }
}

#[test]
fn without_an_sa_nothing_leaves_and_in_clear_nothing_comes() {
    let mut router = Router::new(0);
    let (sent, out) = router.send(&[packet(1)]);
    assert!(sent.is_empty() && out.wire.packets.is_empty());
    let mut clear = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 255, 47, 0, 0];
    clear.extend([ENDS[1], ENDS[0]].concat());
    clear.extend([&[0x20, 0, 8, 0, 0, 0, 0, 7][..], &packet(1)].concat());
    let (mut out, length) = (Outcome::default(), clear.len());
    router.core.inbound(&mut clear, Door(0), 0..length, 0.0, &mut out);
    assert!(out.frames.is_empty());
    assert_eq!(out.punts, [Punt::fact(Reason::Clear(Door(0)), ENDS[1], 0)]);
    assert_eq!(router.core.dropped, Dropped { no_sa: 1, in_clear: 1, ..Dropped::default() });
}

#[test]
fn in_a_rekey_nothing_is_lost_and_the_responder_follows_the_first_good_packet() {
    let [mut initiator, mut responder] = two(GCM);
    let (old, _) = initiator.send(&[packet(1)]);
    responder.install(2, GCM, false, 0);
    let (still_old, _) = responder.send(&[packet(2)]);
    initiator.install(2, GCM, true, 0);
    assert_eq!(initiator.receive(&still_old, home(1)).0, [packet(2)]);
    let (new, _) = initiator.send(&[packet(3)]);
    assert_eq!(responder.receive(&new, home(0)).0, [packet(3)]);
    assert_eq!(responder.receive(&old, home(0)).0, [packet(1)], "late, on the pair that still is there");
    let (confirmed, _) = responder.send(&[packet(4)]);
    assert_eq!(confirmed[0][..4], [0, 0, 0x10, 2]);
    assert_eq!(initiator.receive(&confirmed, home(1)).0, [packet(4)]);
}

#[test]
fn a_peer_that_answers_nothing_is_reported_once_for_each_silence() {
    let [mut here, mut there] = two(GCM);
    let unheard = [Punt::fact(Reason::Unheard, ENDS[1], 1)];
    let send = |router: &mut Router, now: f64| {
        let mut out = Outcome::default();
        let peer = Neighbor { nbma: ENDS[1 - router.own], connection: 1 };
        router.core.send(1, peer, NHRP, now, &mut out).expect("there is such a tunnel");
        out.punts
    };
    assert_eq!(send(&mut here, 5.0), []);
    assert_eq!(send(&mut here, 14.9), []);
    assert_eq!(send(&mut here, 15.0), unheard);
    assert_eq!(send(&mut here, 30.0), []);
    let (sent, _) = there.send(&[packet(1)]);
    here.receive(&sent, home(1));
    here.receive(&sent, home(1)); // a replay, which proves nothing
    assert_eq!(send(&mut here, 100.0), []);
    here.receive(&sent, home(1));
    assert_eq!(send(&mut here, 110.0), unheard);
    here.core.sas.relocate(1, Place { address: ENDS[1], port: 0 });
    assert_eq!(send(&mut here, 120.0), []);
    assert_eq!(send(&mut here, 130.0), unheard);
}

#[test]
fn a_peer_that_comes_from_elsewhere_is_told_once_and_followed_when_the_router_says_so() {
    let [mut here, mut there] = two(GCM);
    let elsewhere = Place { address: [198, 51, 100, 9], port: 61000 };
    let heard = [Punt::fact(Reason::Heard(61000), [198, 51, 100, 9], 1)];
    let (sent, _) = there.send(&[packet(1), packet(2)]);
    assert_eq!(here.receive(&sent[..1], elsewhere).1, heard);
    assert_eq!(here.receive(&sent[1..], elsewhere).1, []);
    here.core.sas.relocate(1, elsewhere);
    let mut out = Outcome::default();
    here.core.send(1, Neighbor { nbma: ENDS[1], connection: 1 }, NHRP, 0.0, &mut out).expect("it is there");
    out.sealing.seal(&out.wire, &[]);
    assert_eq!(out.sealing.packets[0].to, elsewhere);
}

#[test]
fn what_comes_late_says_nothing_of_where_the_peer_is() {
    let [mut here, mut there] = two(GCM);
    let elsewhere = Place { address: [198, 51, 100, 9], port: 61000 };
    let (sent, _) = there.send(&[packet(1), packet(2), packet(3)]);
    here.receive(&sent[2..], home(1));
    assert_eq!(here.receive(&sent[..1], elsewhere), (vec![packet(1)], vec![]));
    here.install(2, GCM, true, 0);
    there.install(2, GCM, true, 0);
    let (on_the_new_pair, _) = there.send(&[packet(4)]);
    here.receive(&on_the_new_pair, home(1));
    assert_eq!(here.receive(&sent[1..2], elsewhere).1, []);
}

#[test]
fn a_place_that_was_told_is_told_again_after_the_router_has_chosen_another() {
    let [mut here, mut there] = two(GCM);
    let [one, other] = [61000, 61001].map(|port| Place { address: [198, 51, 100, 9], port });
    let (sent, _) = there.send(&[packet(1), packet(2)]);
    let heard = [Punt::fact(Reason::Heard(61000), one.address, 1)];
    assert_eq!(here.receive(&sent[..1], one).1, heard);
    here.core.sas.relocate(1, other);
    assert_eq!(here.receive(&sent[1..], one).1, heard);
}

#[test]
fn who_has_gone_over_to_a_newer_pair_does_not_go_back() {
    let spi = |sent: (Vec<Vec<u8>>, Outcome)| sent.0[0][..4].to_vec();
    let [mut initiator, mut responder] = two(GCM);
    for pair in [2, 3] {
        initiator.install(pair, GCM, true, 0);
        responder.install(pair, GCM, false, 0);
    }
    let (newest, _) = initiator.send(&[packet(1)]);
    initiator.core.sas.send_on(0x1002);
    let (older, _) = initiator.send(&[packet(2)]);
    responder.receive(&[newest, older].concat(), home(0));
    assert_eq!(spi(responder.send(&[packet(3)])), [0, 0, 0x10, 3]);
    responder.core.sas.remove(0x2003);
    assert_eq!(spi(responder.send(&[packet(3)])), [0, 0, 0x10, 2], "the newest of those that are left");
    let elsewhere = Ends { source: Door(9), destination: None, key: Some(7) };
    responder.core.set_tunnel(1, elsewhere, MAC, PROTECTED);
    assert!(responder.send(&[packet(4)]).0.is_empty(), "another address of ours has no SA");
}

#[test]
fn an_sa_carries_what_it_was_made_for_and_nothing_else() {
    let gre = [&[0x20, 0, 8, 0, 0, 0, 0, 7][..], &packet(1)].concat();
    let inside = |at: usize, value: u8| {
        let mut octets = vec![0x45, 0, 0, 52, 0, 0, 0, 0, 255, 47, 0, 0];
        octets.extend([ENDS[1], ENDS[0]].concat());
        octets.extend(&gre);
        octets[at] = value;
        octets
    };
    let with_an_inner_header = [(0, 0x45), (15, 9), (19, 9), (6, 0x20), (7, 1), (9, 6), (3, 53), (0, 0x44)];
    let tunnel_mode: Vec<_> = with_an_inner_header
        .iter()
        .map(|&(at, value)| (inside(at, value), 4))
        .chain([(gre.clone(), 47), (inside(0, 0x45), 47)])
        .collect();
    let transport_mode = vec![(gre.clone(), 47), (gre.clone(), 4), (gre.clone(), 6), (inside(0, 0x45), 4)];
    for (inner, cases) in [(Some((ENDS[0], ENDS[1])), tunnel_mode), (None, transport_mode)] {
        let mut here = Router::new(0);
        here.inner = inner;
        here.install(1, GCM, true, 0);
        let peer = Outbound::new(GCM, 0x1001, &[0x81; 20], b"", true).expect("the key fits");
        for (number, (payload, next_header)) in cases.iter().enumerate() {
            let mut octets = [&vec![0; peer.head()], &payload[..]].concat();
            peer.seal(&mut octets, 0, 1 + number as u64, *next_header).expect("it is sealed");
            let expected = if number == 0 { vec![packet(1)] } else { vec![] };
            assert_eq!(here.receive(&[octets], home(1)).0, expected, "{inner:?} {number}");
        }
        assert_eq!(here.core.dropped.malformed, cases.len() as u64 - 1);
    }
}

#[test]
fn behind_the_hard_limit_nothing_goes_and_nothing_comes() {
    let [mut here, mut there] = two(GCM);
    here.install(2, GCM, true, 64);
    let (sent, _) = here.send(&[packet(1), packet(2), packet(3)]);
    assert_eq!(sent.len(), 2, "32 octets each, with their GRE header");
    assert_eq!((here.count(1).sent, here.count(1).unsent), (2, 1));
    there.install(2, GCM, true, 0);
    let (sent, _) = there.send(&[packet(1), packet(2), packet(3)]);
    assert_eq!(here.receive(&sent, home(1)).0.len(), 2);
    assert_eq!((here.count(1).received, here.count(1).broken), (2, 1));
}

#[test]
fn a_pair_that_is_installed_again_goes_on_with_its_numbers_and_its_window() {
    let [mut here, mut there] = two(GCM);
    let (first, _) = here.send(&[packet(1)]);
    there.receive(&first, home(0));
    for router in [&mut here, &mut there] {
        router.install(1, GCM, true, 0);
    }
    let (second, _) = here.send(&[packet(1)]);
    assert_eq!((&first[0][4..8], &second[0][4..8]), (&[0, 0, 0, 1][..], &[0, 0, 0, 2][..]));
    assert_eq!(there.receive(&[first, second].concat(), home(0)).0, [packet(1)]);
}

#[test]
fn what_came_out_of_esp_is_for_no_tunnel_in_clear_and_at_no_other_address() {
    let [mut here, mut there] = two(GCM);
    let ends = Ends { source: Door(0), destination: None, key: Some(7) };
    here.core.set_tunnel(1, ends, MAC, Settings { protected: false, ..PROTECTED });
    let (sent, _) = there.send(&[packet(1)]);
    assert_eq!(here.receive(&sent, home(1)).0, [] as [Vec<u8>; 0]);
    let (mut sent, _) = there.send(&[packet(1)]);
    let (length, mut out) = (sent[0].len(), Outcome::default());
    let came = Arrived { local: Door(1), source: home(1), tos: 0, packet: 0..length };
    here.core.inbound_esp(&mut sent[0], &came, 0.0, &mut out);
    assert_eq!(here.core.dropped, Dropped { no_tunnel: 1, no_spi: 1, ..Dropped::default() });
}

#[test]
fn ike_behind_its_marker_is_for_the_router_and_esp_of_nobody_is_told() {
    let [mut here, _] = two(GCM);
    let ike = [&[0; 4][..], b"ike"].concat();
    let stranger = [&[0xDE, 0xAD, 0xBE, 0xEF][..], &[0; 40]].concat();
    let (frames, punts) = here.receive(&[ike.clone(), vec![0xFF], stranger.clone(), stranger], home(1));
    assert_eq!(frames, [] as [Vec<u8>; 0]);
    let told = Punt { data: ike, ..Punt::fact(Reason::Ike(Door(0), 4500, 0), ENDS[1], 0) };
    assert_eq!(punts, [told, Punt::fact(Reason::UnknownSpi(Door(0), 4500, 0xDEAD_BEEF), ENDS[1], 0)]);
    assert_eq!(here.core.dropped, Dropped { no_spi: 2, ..Dropped::default() });
}

#[test]
fn multicast_to_many_is_sealed_a_slice_at_a_time_and_nothing_is_left_out() {
    let [mut hub, _] = two(GCM);
    let tunnel = hub.core.table.get_mut(1).expect("it is there");
    tunnel.multicast = vec![Neighbor { nbma: ENDS[1], connection: 1 }; 500];
    let header = [1, 0, 0x5E, 0, 0, 5].into_iter().chain(MAC).chain([8, 0]);
    let mut arena: Vec<u8> = Vnet::default().serialize().into_iter().chain(header).collect();
    arena.extend([&packet(7)[..], &[7; 1000]].concat());
    let (mut out, length) = (Outcome::default(), arena.len());
    hub.core.outbound(1, &mut arena, 0..length, 0.0, &mut out).expect("there is such a tunnel");
    let mut numbers = Vec::new();
    loop {
        let more = out.sealing.seal(&out.wire, &arena);
        assert!(out.sealing.buffer.len() < 300_000, "{}", out.sealing.buffer.len());
        let number = |octets: &[u8]| u32::from_be_bytes([octets[4], octets[5], octets[6], octets[7]]);
        numbers.extend(out.sealing.packets.iter().map(|sealed| number(sealed.place.of(&out.sealing.buffer))));
        if !more {
            break;
        }
    }
    assert_eq!(numbers, (1..=500).collect::<Vec<_>>());
    out.sealing.clear();
    assert!(!out.sealing.seal(&out.wire, &arena) && out.sealing.packets.is_empty());
}

proptest! {
    #[test]
    fn whatever_comes_is_taken_or_dropped(mut octets in prop::collection::vec(any::<u8>(), 0..120), known: bool) {
        let [mut here, mut there] = two(CBC);
        if known && octets.len() >= 4 {
            octets[..4].copy_from_slice(&[0, 0, 0x10, 1]);
        }
        here.receive(&[octets.clone()], home(1));
        let (length, mut out) = (octets.len(), Outcome::default());
        if let Ok(came) = Arrived::raw(&octets, Door(1), 0..length) {
            there.core.inbound_esp(&mut octets, &came, 0.0, &mut out);
        }
    }
}
