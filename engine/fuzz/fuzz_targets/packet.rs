//! Whatever comes out of GRE can be looked at: what it lacks, and its maximum segment size. A clamp is done once.
#![no_main]

use dmvpn_engine::ipv4::Packet;
use dmvpn_engine::unfinished::unfinished;
use dmvpn_engine::{mss, segment};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let mut octets = octets.to_vec();
    let offload = Packet::of(&octets).map(|packet| unfinished(packet, 1400)).unwrap_or_default();
    mss::clamp(&mut octets, 1360, offload.flags != 0);
    let clamped = octets.clone();
    mss::clamp(&mut octets, 1360, offload.flags != 0);
    assert_eq!(octets, clamped);
    if let Some(packet) = Packet::of(&clamped) {
        assert!(segment::Train::of(offload, packet.octets()).is_ok(), "the kernel would refuse it");
    }
    assert!(segment::complete(offload, &mut octets).is_ok(), "the kernel would refuse it");
});
