//! The whole core: any sequence of frames and packets. Each is: a control octet, a length octet, so many octets.
#![no_main]

use dmvpn_engine::core::{Core, Limits};
use dmvpn_engine::doors::{Door, Front};
use dmvpn_engine::gre::Extras;
use dmvpn_engine::outcome::Outcome;
use dmvpn_engine::table::{Df, Ends, Neighbor, Settings};
use libfuzzer_sys::fuzz_target;

const OURS: [u8; 4] = [10, 0, 0, 1];
const THEIRS: [u8; 4] = [10, 0, 0, 2];

fn copying(mss: Option<u16>) -> Settings {
    Settings { mtu: 1400, mss, protected: false, df: Df::Copy, extras: Extras::default() }
}

/// A hub with a multipoint tunnel that reports hairpins, and a point-to-point tunnel with a key; the same hub has the same
/// two ends in another front door.
fn core() -> Core {
    let mut core = Core::new(Limits { pairs: 4, counted: 4 });
    for (number, source) in [(1, Door(0)), (3, Door(1))] {
        core.doors.set(source, Front(source.0), OURS);
        let multipoint = Ends { source, destination: None, key: None };
        core.set_tunnel(number, multipoint, [2, 1, 0, 0, 0, 1], copying(Some(1360)));
        let point_to_point = Ends { source, destination: Some(THEIRS), key: Some(100) };
        core.set_tunnel(number + 1, point_to_point, [2, 1, 0, 0, 0, 2], copying(None));
    }
    core.own_addresses.insert((0, [172, 16, 0, 1]));
    if let Some(tunnel) = core.table.get_mut(1) {
        (tunnel.address, tunnel.watch.network, tunnel.watch.report) = (Some([172, 16, 0, 1]), Some(1), true);
        (tunnel.ipv6.mtu, tunnel.ipv6.mss, tunnel.ipv6.address) = (1280, Some(1220), Some([1; 16]));
        (tunnel.ipv6.watch, tunnel.ipv6.multicast) = (tunnel.watch, vec![Neighbor::at(THEIRS)]);
        tunnel.set_peer(1, Neighbor::at(THEIRS));
        tunnel.set_peer(2, Neighbor::at([10, 0, 0, 3]));
        tunnel.multicast = [THEIRS, [10, 0, 0, 3]].map(Neighbor::at).to_vec();
    }
    core
}

fuzz_target!(|octets: &[u8]| {
    let mut core = core();
    let (mut rest, mut now) = (octets, 0.0);
    while let [control, length, others @ ..] = rest {
        // Of a length that paths may not take, or a small one.
        let length = if control & 8 == 0 { usize::from(*length) } else { usize::from(*length) << 4 };
        let (packet, others) = others.split_at(length.min(others.len()));
        rest = others;
        now += f64::from(control >> 4);
        let mut arena = packet.to_vec();
        let mut outcome = Outcome::default();
        if control & 8 != 0 {
            core.paths.learn((Front(0), THEIRS), 0, now);
        }
        if control & 1 == 0 {
            core.inbound(&mut arena, Door(u32::from(control >> 2 & 1)), 0..packet.len(), now, &mut outcome);
        } else {
            let number = 1 + u32::from(control >> 1 & 3);
            let _ = core.outbound(number, &mut arena, 0..packet.len(), now, &mut outcome);
        }
        for packet in &outcome.wire.packets {
            outcome.wire.octets(packet, &arena);
        }
        for frame in &outcome.frames {
            assert!(frame.packet.of(&arena).len() >= 20);
        }
    }
});
