//! `Core` for Python: packets one at a time, for tests against the core in Python; orders of the control plane.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::{Octets, ToRouter, octets, to_router};
use crate::arrived::Arrived;
use crate::core::{Core, Limits, NoSuchTunnel, Own};
use crate::doors::{Door, Front};
use crate::esp::{Hash, Suite};
use crate::gre::Extras;
use crate::ipv4::Address;
use crate::ipv6;
use crate::locked;
use crate::merge::Merger;
use crate::opening::sort;
use crate::outcome::Outcome;
use crate::sas::{Place, Terms};
use crate::table::{Df, Ends, Mac, Neighbor, Settings, Tunnel, Watch};

/// door, nbma, tos, packet, DF
type ToWire = (u32, Octets, u8, Octets, bool);
/// tunnel, frame
type ToTap = (u32, Octets);
/// door, remote, port, tos, packet, DF
type ToPeer = (u32, Octets, u16, u8, Octets, bool);
/// nbma; packets sent and received; octets sent and received
type WithNeighbor = (Octets, u64, u64, u64, u64);
/// connection, nbma; packets sent and received; octets sent and received
type OverConnection = (u64, Option<Octets>, u64, u64, u64, u64);
/// malformed, no tunnel, no peer, not IPv4, unsent, in clear, no SA, no SPI
type DroppedCounts = (u64, u64, u64, u64, u64, u64, u64, u64);
/// SPI; packets and octets sent; packets and octets received; replayed, broken, unsent
type SaCounts = (u32, u64, u64, u64, u64, u64, u64, u64);

/// All tunnels of one router. Results collect until they are taken.
#[pyclass(name = "Core", module = "dmvpn_engine", frozen)]
pub(super) struct PyCore {
    pub(super) core: Arc<Mutex<Core>>,
    results: Mutex<Results>,
}

#[derive(Default)]
struct Results {
    wire: Vec<ToWire>,
    sealed: Vec<ToPeer>,
    taps: Vec<ToTap>,
    punts: Vec<ToRouter>,
}

impl PyCore {
    fn change(&self, number: u32, change: impl FnOnce(&mut Tunnel)) -> PyResult<()> {
        let mut core = locked(&self.core);
        change(core.table.get_mut(number).ok_or(NoSuchTunnel(number))?);
        Ok(())
    }

    /// Take over everything but the frames.
    fn collect(&self, py: Python<'_>, outcome: &mut Outcome, arena: &[u8]) {
        let mut results = locked(&self.results);
        let sealing = &mut outcome.sealing;
        loop {
            let more = sealing.seal(&outcome.wire, arena);
            results.sealed.extend(sealing.packets.iter().map(|packet| {
                let data = packet.place.of(&sealing.buffer);
                let (local, remote) = (packet.local.0, octets(py, &packet.to.address));
                (local, remote, packet.to.port, packet.outer.tos, octets(py, data), packet.outer.df)
            }));
            if !more {
                break;
            }
        }
        results.wire.extend(outcome.wire.packets.iter().map(|packet| {
            let data = outcome.wire.octets(packet, arena);
            let (source, nbma) = (packet.source.0, octets(py, &packet.nbma));
            (source, nbma, packet.outer.tos, octets(py, &data), packet.outer.df)
        }));
        results.punts.extend(outcome.punts.iter().map(|punt| to_router(py, punt)));
    }

    /// A batch of packets in, and the frames they become, with their TCP segments merged.
    fn receive(
        &self,
        py: Python<'_>,
        packets: &[Vec<u8>],
        treat: impl Fn(&mut Core, &mut [u8], Range<usize>, &mut Outcome),
    ) {
        let (mut arena, mut outcome, mut merger) = (packets.concat(), Outcome::default(), Merger::default());
        let mut start = 0;
        let mut core = locked(&self.core);
        for packet in packets {
            treat(&mut core, &mut arena, start..start + packet.len(), &mut outcome);
            start += packet.len();
        }
        drop(core);
        self.deliver(py, outcome, &mut merger, &arena);
    }

    /// What a batch became, and then each packet whose last piece was in it.
    fn deliver(&self, py: Python<'_>, mut outcome: Outcome, merger: &mut Merger, arena: &[u8]) {
        self.collect(py, &mut outcome, arena);
        outcome.frames.iter().for_each(|frame| merger.push(frame, arena));
        let frames = merger.finish().iter().map(|train| (train.tunnel, octets(py, &train.octets(arena))));
        locked(&self.results).taps.extend(frames);
        merger.clear();
        for mut joined in outcome.joined {
            let mut out = Outcome::default();
            locked(&self.core).joined(&mut joined, &mut out);
            self.deliver(py, out, merger, &joined.octets);
        }
    }
}

#[pymethods]
impl PyCore {
    #[new]
    #[pyo3(signature = (*, pairs=65536, counted=65536))]
    fn new(pairs: usize, counted: usize) -> Self {
        let core = Core::new(Limits { pairs, counted });
        Self { core: Arc::new(Mutex::new(core)), results: Mutex::default() }
    }

    /// Make a tunnel, or change what is known of it.
    #[pyo3(signature = (number, door, destination, key, own_mac, mtu, mss, protected=false, df="clear", checksum=false, sequence=false, barred=vec![]))]
    #[expect(clippy::too_many_arguments, reason = "they are plain values, and Python names them")]
    fn set_tunnel(
        &self,
        number: u32,
        door: u32,
        destination: Option<Address>,
        key: Option<u32>,
        own_mac: Mac,
        mtu: usize,
        mss: Option<u16>,
        protected: bool,
        df: &str,
        checksum: bool,
        sequence: bool,
        barred: Vec<Address>,
    ) -> PyResult<()> {
        let df = match df {
            "clear" => Df::Clear,
            "copy" => Df::Copy,
            "set" => Df::Set,
            _ => return Err(PyValueError::new_err(format!("DF is not to be {df}"))),
        };
        let extras = Extras { checksum, sequence };
        let (ends, settings) =
            (Ends { source: Door(door), destination, key }, Settings { mtu, mss, protected, df, extras });
        let mut core = locked(&self.core);
        core.set_tunnel(number, ends, own_mac, settings);
        core.set_barred(number, barred);
        Ok(())
    }

    /// Say what the number of a door means: an address of ours, in a front door, which is a number, too.
    fn set_door(&self, door: u32, front: u32, address: Address) {
        locked(&self.core).doors.set(Door(door), Front(front), address);
    }

    /// A packet to there, in the front door of this number, was too big. mtu: octets of one that is not; now: seconds.
    fn learn_path(&self, front: u32, remote: Address, mtu: usize, now: f64) {
        locked(&self.core).paths.learn((Front(front), remote), mtu, now);
    }

    /// Forget a tunnel and what it carried.
    fn remove_tunnel(&self, number: u32) {
        locked(&self.core).remove_tunnel(number);
    }

    /// Frames of the tunnel to 02:00 and this id go to an NBMA address, over this connection.
    #[pyo3(signature = (number, peer, nbma, connection=0))]
    fn set_peer(&self, number: u32, peer: u32, nbma: Address, connection: u64) -> PyResult<()> {
        self.change(number, |tunnel| tunnel.set_peer(peer, Neighbor { nbma, connection }))
    }

    /// Forget a peer id.
    fn clear_peer(&self, number: u32, peer: u32) -> PyResult<()> {
        self.change(number, |tunnel| tunnel.clear_peer(peer))
    }

    /// Multicast frames go to these NBMA addresses, and to those over one connection each.
    #[pyo3(signature = (number, nbmas, bound=vec![], version=4))]
    fn set_multicast(
        &self,
        number: u32,
        nbmas: Vec<Address>,
        bound: Vec<(Address, u64)>,
        version: u8,
    ) -> PyResult<()> {
        let bound = bound.into_iter().map(|(nbma, connection)| Neighbor { nbma, connection });
        let all = nbmas.into_iter().map(Neighbor::at).chain(bound).collect();
        self.change(number, |tunnel| match version {
            4 => tunnel.multicast = all,
            _ => tunnel.ipv6.multicast = all,
        })
    }

    /// What the tunnel reports of transit packets of a version of IP. interval: seconds.
    #[pyo3(signature = (number, network, report, interval, version=4))]
    fn set_hairpin(
        &self,
        number: u32,
        network: Option<u32>,
        report: bool,
        interval: f64,
        version: u8,
    ) -> PyResult<()> {
        let watch = Watch { network, report, interval };
        self.change(number, |tunnel| match version {
            4 => tunnel.watch = watch,
            _ => tunnel.ipv6.watch = watch,
        })
    }

    /// Let the tunnel carry IPv6 packets of up to `mtu` octets; 0: no more. address: its own one.
    fn set_ipv6(
        &self,
        number: u32,
        mtu: usize,
        mss: Option<u16>,
        address: Option<ipv6::Address>,
    ) -> PyResult<()> {
        self.change(number, |tunnel| {
            (tunnel.ipv6.mtu, tunnel.ipv6.mss, tunnel.ipv6.address) = (mtu, mss, address);
        })
    }

    /// The tunnel's own address, and the number of the routing table that it is in.
    fn set_address(&self, number: u32, address: Option<Address>, table: u32) -> PyResult<()> {
        self.change(number, |tunnel| (tunnel.address, tunnel.table) = (address, table))
    }

    /// All our addresses, each with the number of the routing table that it is in.
    #[pyo3(signature = (addresses, ipv6=vec![]))]
    fn set_own_addresses(&self, addresses: Vec<(u32, Address)>, ipv6: Vec<(u32, ipv6::Address)>) {
        let mut core = locked(&self.core);
        core.own_addresses = addresses.into_iter().collect();
        core.own_addresses_v6 = ipv6.into_iter().collect();
    }

    /// Receive on a pair of SAs, and send on it if `eager`, or if its connection has nothing else. cipher: "aes-gcm" or
    /// "aes-cbc". inner: source and destination of the IP header inside ESP, in tunnel mode. Raises `ValueError`.
    #[pyo3(signature = (*, connection, spi_in, spi_out, cipher, bits, hash, key_in, key_out, hash_key_in, hash_key_out,
        door, remote, remote_port, esn, window, inner, soft, hard, eager))]
    #[expect(clippy::too_many_arguments, reason = "they are plain values, and Python names them")]
    fn install_sa(
        &self,
        connection: u64,
        spi_in: u32,
        spi_out: u32,
        cipher: &str,
        bits: u16,
        hash: Option<&str>,
        key_in: &[u8],
        key_out: &[u8],
        hash_key_in: &[u8],
        hash_key_out: &[u8],
        door: u32,
        remote: Address,
        remote_port: u16,
        esn: bool,
        window: u64,
        inner: Option<(Address, Address)>,
        soft: u64,
        hard: u64,
        eager: bool,
    ) -> PyResult<()> {
        let bad = || PyValueError::new_err("no such transform, or keys that do not fit it");
        let hash = match (cipher, hash) {
            ("aes-gcm", _) => None,
            ("aes-cbc", Some(name)) => Some(Hash::named(name).ok_or_else(bad)?),
            _ => return Err(bad()),
        };
        let terms = Terms {
            connection,
            spi_in,
            spi_out,
            suite: Suite { bits, hash },
            key_in,
            key_out,
            hash_key_in,
            hash_key_out,
            local: Door(door),
            remote: Place { address: remote, port: remote_port },
            esn,
            window,
            inner,
            soft,
            hard,
        };
        locked(&self.core).sas.install(&terms, eager).map_err(|_| bad())
    }

    /// Send on this pair.
    fn use_sa(&self, spi_in: u32) {
        locked(&self.core).sas.send_on(spi_in);
    }

    /// Forget both halves of a pair, and their keys.
    fn remove_sa(&self, spi_in: u32) {
        locked(&self.core).sas.remove(spi_in);
    }

    /// The peer of a connection is there now. port: of UDP, 0: protocol 50.
    fn move_connection(&self, connection: u64, remote: Address, port: u16) {
        locked(&self.core).sas.relocate(connection, Place { address: remote, port });
    }

    /// What every pair carried, in the order of their installation: SPI; packets and octets sent; packets and octets
    /// received; packets replayed, broken, unsent.
    fn sa_counts(&self) -> Vec<SaCounts> {
        let counts = locked(&self.core).sas.counts().into_iter();
        counts
            .map(|count| {
                let (sent, received) = (count.sent, count.received);
                let (sent_octets, received_octets) = (count.sent_octets, count.received_octets);
                let refused = (count.replayed, count.broken, count.unsent);
                (count.spi_in, sent, sent_octets, received, received_octets, refused.0, refused.1, refused.2)
            })
            .collect()
    }

    /// A frame from the TAP of a tunnel, vnet header first. now: seconds, for the hairpin interval.
    fn outbound(&self, py: Python<'_>, number: u32, mut frame: Vec<u8>, now: f64) -> PyResult<()> {
        let (mut outcome, length) = (Outcome::default(), frame.len());
        locked(&self.core).outbound(number, &mut frame, 0..length, now, &mut outcome)?;
        self.collect(py, &mut outcome, &frame);
        Ok(())
    }

    /// A whole IPv4 packet of protocol 47, outer header first, as the raw socket of a door returns it. now: seconds.
    #[pyo3(signature = (door, packet, now=0.0))]
    fn inbound(&self, py: Python<'_>, door: u32, packet: Vec<u8>, now: f64) {
        self.receive(py, &[packet], |core, arena, place, out| {
            core.inbound(arena, Door(door), place, now, out);
        });
    }

    /// A batch of such packets, with their TCP segments merged as the engine merges them.
    fn inbound_merged(&self, py: Python<'_>, door: u32, packets: Vec<Vec<u8>>) {
        self.receive(py, &packets, |core, arena, place, out| {
            core.inbound(arena, Door(door), place, 0.0, out);
        });
    }

    /// A whole IPv4 packet of protocol 50, outer header first, as the raw socket of a door returns it. now: seconds.
    #[pyo3(signature = (door, packet, now=0.0))]
    fn inbound_esp(&self, py: Python<'_>, door: u32, packet: Vec<u8>, now: f64) {
        self.receive(py, &[packet], |core, arena, place, out| match Arrived::raw(arena, Door(door), place) {
            Ok(came) => core.inbound_esp(arena, &came, now, out),
            Err(_) => core.dropped.malformed += 1,
        });
    }

    /// The octets of UDP datagrams that came to port 4500 of a door. now: seconds.
    #[pyo3(signature = (door, source, port, tos, datagrams, now=0.0))]
    #[expect(clippy::too_many_arguments, reason = "they are plain values, and Python names them")]
    fn inbound_udp(
        &self,
        py: Python<'_>,
        door: u32,
        source: Address,
        port: u16,
        tos: u8,
        datagrams: Vec<Vec<u8>>,
        now: f64,
    ) {
        let source = Place { address: source, port };
        self.receive(py, &datagrams, |core, arena, place, out| {
            if let Some(came) = sort(arena, Door(door), source, tos, place, out) {
                core.inbound_esp(arena, &came, now, out);
            }
        });
    }

    /// Send something of the router's own in GRE, straight to an NBMA address, over this connection. now: seconds.
    #[pyo3(signature = (number, nbma, protocol, payload, tos, connection=0, now=0.0))]
    #[expect(clippy::too_many_arguments, reason = "they are plain values, and Python names them")]
    fn send(
        &self,
        py: Python<'_>,
        number: u32,
        nbma: Address,
        protocol: u16,
        payload: &[u8],
        tos: u8,
        connection: u64,
        now: f64,
    ) -> PyResult<()> {
        let mut outcome = Outcome::default();
        let (neighbor, own) = (Neighbor { nbma, connection }, Own { protocol, payload, tos });
        locked(&self.core).send(number, neighbor, own, now, &mut outcome)?;
        self.collect(py, &mut outcome, &[]);
        Ok(())
    }

    /// Take ESP packets: our door, the peer's address, its UDP port (0: protocol 50), TOS, packet and DF.
    fn take_sealed(&self) -> Vec<ToPeer> {
        std::mem::take(&mut locked(&self.results).sealed)
    }

    /// Take what goes to NBMA addresses: our door, NBMA address, TOS, GRE packet and DF.
    fn take_wire(&self) -> Vec<ToWire> {
        std::mem::take(&mut locked(&self.results).wire)
    }

    /// Take what goes to the kernel: tunnel and frame.
    fn take_taps(&self) -> Vec<ToTap> {
        std::mem::take(&mut locked(&self.results).taps)
    }

    /// Take what goes to the router; see `Punt` in the stub.
    fn take_punts(&self) -> Vec<ToRouter> {
        std::mem::take(&mut locked(&self.results).punts)
    }

    /// Packets sent and received on a tunnel, and octets sent and received, by NBMA address.
    fn usage(&self, py: Python<'_>, number: u32) -> PyResult<Vec<WithNeighbor>> {
        let usage = locked(&self.core).usage(number)?;
        Ok(usage
            .into_iter()
            .map(|(nbma, sent, received)| {
                (octets(py, &nbma), sent.packets, received.packets, sent.octets, received.octets)
            })
            .collect())
    }

    /// The same on a protected tunnel: connection, where its peer is (None: it is gone), and the four numbers.
    fn usage_over(&self, py: Python<'_>, number: u32) -> PyResult<Vec<OverConnection>> {
        let core = locked(&self.core);
        let place = |number| core.sas.link(number).map(|link| octets(py, &link.place.address));
        let usage = core.usage_over(number)?;
        Ok(usage
            .into_iter()
            .map(|(number, sent, received)| {
                (number, place(number), sent.packets, received.packets, sent.octets, received.octets)
            })
            .collect())
    }

    /// Packets that went nowhere: malformed, of no tunnel, to no peer, not IPv4, refused by the kernel; without ESP for a
    /// protected tunnel, of such a one without SA, ESP for an SA that is not.
    fn dropped(&self) -> DroppedCounts {
        let dropped = locked(&self.core).dropped;
        (
            dropped.malformed,
            dropped.no_tunnel,
            dropped.no_peer,
            dropped.not_ipv4,
            dropped.unsent,
            dropped.in_clear,
            dropped.no_sa,
            dropped.no_spi,
        )
    }
}
