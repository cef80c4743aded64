//! ESP from anybody and from a peer: datagrams as they are, and payloads that a peer has sealed. Each is: a control octet,
//! a length octet, so many octets.
#![no_main]

use dmvpn_engine::arrived::Arrived;
use dmvpn_engine::core::{Core, Limits};
use dmvpn_engine::doors::{Door, Front};
use dmvpn_engine::esp::{Hash, Outbound, Suite};
use dmvpn_engine::gre::Extras;
use dmvpn_engine::opening::sort;
use dmvpn_engine::outcome::Outcome;
use dmvpn_engine::sas::{Place, Terms};
use dmvpn_engine::table::{Df, Ends, Neighbor, Settings};
use libfuzzer_sys::fuzz_target;

const OURS: [u8; 4] = [10, 0, 0, 1];
const HERE: Door = Door(0);
const THEIRS: [u8; 4] = [10, 0, 0, 2];
const SUITES: [Suite; 2] =
    [Suite { bits: 128, hash: None }, Suite { bits: 128, hash: Some(Hash::Sha256) }];

/// A hub with two pairs of SAs: one in transport mode with AES-GCM, one in tunnel mode with AES-CBC and ESN.
fn core() -> (Core, Vec<Outbound>) {
    let mut core = Core::new(Limits { pairs: 4, counted: 4 });
    core.doors.set(HERE, Front(0), OURS);
    let multipoint = Ends { source: HERE, destination: None, key: None };
    let settings = Settings { mtu: 1400, mss: Some(1360), protected: true, df: Df::Copy, extras: Extras::default() };
    core.set_tunnel(1, multipoint, [2, 1, 0, 0, 0, 1], settings);
    if let Some(tunnel) = core.table.get_mut(1) {
        (tunnel.watch.network, tunnel.watch.report) = (Some(1), true);
        tunnel.set_peer(1, Neighbor { nbma: THEIRS, connection: 1 });
    }
    let mut peers = Vec::new();
    for (number, suite) in (1..).zip(SUITES) {
        let key = vec![number as u8; if suite.hash.is_none() { 20 } else { 16 }];
        let tunnel_mode = suite.hash.is_some();
        let terms = Terms {
            connection: number,
            spi_in: number as u32,
            spi_out: 7,
            suite,
            key_in: &key,
            key_out: &key,
            hash_key_in: b"",
            hash_key_out: b"",
            local: HERE,
            remote: Place { address: THEIRS, port: 4500 },
            esn: tunnel_mode,
            window: 1024,
            inner: tunnel_mode.then_some((OURS, THEIRS)),
            soft: 100,
            hard: 100_000,
        };
        core.sas.install(&terms, true).ok();
        peers.extend(Outbound::new(suite, number as u32, &key, b"", tunnel_mode));
    }
    (core, peers)
}

fuzz_target!(|octets: &[u8]| {
    let (mut core, peers) = core();
    let mut rest = octets;
    let source = Place { address: THEIRS, port: 4500 };
    while let [control, length, others @ ..] = rest {
        let (packet, others) = others.split_at(usize::from(*length).min(others.len()));
        rest = others;
        let mut arena = packet.to_vec();
        if control & 1 != 0 {
            let peer = &peers[usize::from(control >> 1 & 1)];
            arena = [&vec![0; peer.head()], packet].concat();
            let next_header = [47, 4, 59, control >> 4][usize::from(control >> 2 & 3)];
            assert!(peer.seal(&mut arena, 0, 1 + u64::from(*length), next_header).is_ok());
        }
        let (length, mut out) = (arena.len(), Outcome::default());
        let came = if control & 8 == 0 {
            sort(&arena, HERE, source, control >> 4, 0..length, &mut out)
        } else {
            Arrived::raw(&arena, HERE, 0..length).ok()
        };
        if let Some(came) = came {
            core.inbound_esp(&mut arena, &came, f64::from(*control), &mut out);
        }
        for frame in &out.frames {
            assert!(frame.packet.of(&arena).len() >= 20);
        }
        for mut joined in std::mem::take(&mut out.joined) {
            core.joined(&mut joined, &mut Outcome::default());
        }
        out.sealing.seal(&out.wire, &arena);
    }
});
