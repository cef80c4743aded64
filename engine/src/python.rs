//! What Python sees: `Core`, which decides about packets, and `Engine`, which moves them between descriptors.
//!
//! Addresses are 4 octets, tunnels are numbers. What the router is told comes as a list of tuples, a batch at a time.

#![allow(clippy::needless_pass_by_value, reason = "Python hands values over")]

use std::sync::{Arc, Mutex};

use pyo3::exceptions::{PyKeyError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::core::{Core, Limits, NoSuchTunnel, Outcome, Punt, Reason};
use crate::engine::Engine;
use crate::ipv4::Address;
use crate::locked;
use crate::merge::Merger;
use crate::table::{Ends, Mac, Tunnel};

/// What `Core` and `Engine` look like. dmvpn refuses an engine of another one; to be raised with every change.
const INTERFACE: u32 = 1;

/// The packet engine of dmvpn.
#[pymodule]
mod dmvpn_engine {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::{PyCore, PyEngine};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("INTERFACE", super::INTERFACE)
    }
}

impl From<NoSuchTunnel> for PyErr {
    fn from(NoSuchTunnel(number): NoSuchTunnel) -> Self {
        PyKeyError::new_err(number)
    }
}

/// Octets that Python shall have as `bytes`.
type Octets = Py<PyBytes>;
/// source, nbma, tos, packet
type ToWire = (Octets, Octets, u8, Octets);
/// tunnel, frame
type ToTap = (u32, Octets);
/// kind, tunnel, nbma, data, out
type ToRouter = (&'static str, u32, Octets, Octets, u32);

fn octets(py: Python<'_>, octets: &[u8]) -> Octets {
    PyBytes::new(py, octets).unbind()
}

fn to_router(py: Python<'_>, punt: &Punt) -> ToRouter {
    let (kind, out) = match punt.reason {
        Reason::Nhrp => ("nhrp", 0),
        Reason::Keepalive => ("keepalive", 0),
        Reason::Hairpin(out) => ("hairpin", out),
    };
    (kind, punt.tunnel, octets(py, &punt.nbma), octets(py, &punt.data), out)
}

/// All tunnels of one router. Results collect until they are taken.
#[pyclass(name = "Core", module = "dmvpn_engine", frozen)]
struct PyCore {
    core: Arc<Mutex<Core>>,
    results: Mutex<Results>,
}

#[derive(Default)]
struct Results {
    wire: Vec<ToWire>,
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
    fn collect(&self, py: Python<'_>, outcome: &Outcome, arena: &[u8]) {
        let mut results = locked(&self.results);
        results.wire.extend(outcome.wire.packets.iter().map(|packet| {
            let data = outcome.wire.octets(packet, arena);
            (octets(py, &packet.source), octets(py, &packet.nbma), packet.tos, octets(py, &data))
        }));
        results.punts.extend(outcome.punts.iter().map(|punt| to_router(py, punt)));
    }

    /// A batch of packets in, and the frames they become.
    fn receive(&self, py: Python<'_>, packets: &[Vec<u8>], merger: &mut Merger) -> Vec<ToTap> {
        let mut arena = packets.concat();
        let mut outcome = Outcome::default();
        let mut start = 0;
        let mut core = locked(&self.core);
        for packet in packets {
            core.inbound(&mut arena, start..start + packet.len(), &mut outcome);
            start += packet.len();
        }
        drop(core);
        self.collect(py, &outcome, &arena);
        outcome.frames.iter().for_each(|frame| merger.push(frame, &arena));
        merger.finish().iter().map(|train| (train.tunnel, octets(py, &train.octets(&arena)))).collect()
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
    #[expect(clippy::too_many_arguments, reason = "they are plain values, and Python names them")]
    fn set_tunnel(
        &self,
        number: u32,
        source: Address,
        destination: Option<Address>,
        key: Option<u32>,
        own_mac: Mac,
        mtu: usize,
        mss: Option<u16>,
    ) {
        locked(&self.core).set_tunnel(number, Ends { source, destination, key }, own_mac, mtu, mss);
    }

    /// Forget a tunnel and what it carried.
    fn remove_tunnel(&self, number: u32) {
        locked(&self.core).remove_tunnel(number);
    }

    /// Frames of the tunnel to 02:00 and this id go to an NBMA address.
    fn set_peer(&self, number: u32, peer: u32, nbma: Address) -> PyResult<()> {
        self.change(number, |tunnel| tunnel.set_peer(peer, nbma))
    }

    /// Forget a peer id.
    fn clear_peer(&self, number: u32, peer: u32) -> PyResult<()> {
        self.change(number, |tunnel| tunnel.clear_peer(peer))
    }

    /// Multicast frames go to these NBMA addresses.
    fn set_multicast(&self, number: u32, nbmas: Vec<Address>) -> PyResult<()> {
        self.change(number, |tunnel| tunnel.multicast = nbmas)
    }

    /// What the tunnel reports of transit packets. interval: seconds.
    fn set_hairpin(&self, number: u32, network: Option<u32>, report: bool, interval: f64) -> PyResult<()> {
        self.change(number, |tunnel| {
            (tunnel.network, tunnel.report, tunnel.interval) = (network, report, interval);
        })
    }

    /// The tunnel's own address.
    fn set_address(&self, number: u32, address: Option<Address>) -> PyResult<()> {
        self.change(number, |tunnel| tunnel.address = address)
    }

    /// All our addresses.
    fn set_own_addresses(&self, addresses: Vec<Address>) {
        locked(&self.core).own_addresses = addresses.into_iter().collect();
    }

    /// A frame from the TAP of a tunnel, vnet header first. now: seconds, for the hairpin interval.
    fn outbound(&self, py: Python<'_>, number: u32, mut frame: Vec<u8>, now: f64) -> PyResult<()> {
        let (mut outcome, length) = (Outcome::default(), frame.len());
        locked(&self.core).outbound(number, &mut frame, 0..length, now, &mut outcome)?;
        self.collect(py, &outcome, &frame);
        Ok(())
    }

    /// A whole IPv4 packet of protocol 47, outer header first, as a raw socket returns it.
    fn inbound(&self, py: Python<'_>, packet: Vec<u8>) {
        let frames = self.receive(py, &[packet], &mut Merger::default());
        locked(&self.results).taps.extend(frames);
    }

    /// A batch of such packets, with their TCP segments merged as the engine merges them.
    fn inbound_merged(&self, py: Python<'_>, packets: Vec<Vec<u8>>) {
        let frames = self.receive(py, &packets, &mut Merger::default());
        locked(&self.results).taps.extend(frames);
    }

    /// Send something of the router's own in GRE, straight to an NBMA address.
    fn send(
        &self,
        py: Python<'_>,
        number: u32,
        nbma: Address,
        protocol: u16,
        payload: &[u8],
        tos: u8,
    ) -> PyResult<()> {
        let mut outcome = Outcome::default();
        locked(&self.core).send(number, nbma, protocol, payload, tos, &mut outcome.wire)?;
        self.collect(py, &outcome, &[]);
        Ok(())
    }

    /// Take what goes to NBMA addresses: source, NBMA address, TOS and GRE packet.
    fn take_wire(&self) -> Vec<ToWire> {
        std::mem::take(&mut locked(&self.results).wire)
    }

    /// Take what goes to the kernel: tunnel and frame.
    fn take_taps(&self) -> Vec<ToTap> {
        std::mem::take(&mut locked(&self.results).taps)
    }

    /// Take what goes to the router: kind ("nhrp", "keepalive" or "hairpin"), tunnel, NBMA address, octets, and the tunnel
    /// that a hairpin leaves by.
    fn take_punts(&self) -> Vec<ToRouter> {
        std::mem::take(&mut locked(&self.results).punts)
    }

    /// Packets sent and received on a tunnel, by NBMA address.
    fn usage(&self, py: Python<'_>, number: u32) -> PyResult<Vec<(Octets, u64, u64)>> {
        let usage = locked(&self.core).usage(number)?;
        Ok(usage.into_iter().map(|(nbma, sent, received)| (octets(py, &nbma), sent, received)).collect())
    }

    /// Packets that went nowhere: malformed, of no tunnel, to no peer, not IPv4, refused by the kernel.
    fn dropped(&self) -> (u64, u64, u64, u64, u64) {
        let dropped = locked(&self.core).dropped;
        (dropped.malformed, dropped.no_tunnel, dropped.no_peer, dropped.not_ipv4, dropped.unsent)
    }
}

/// Two threads that move packets between TAPs and raw sockets. What is for the router makes `fileno` readable.
#[pyclass(name = "Engine", module = "dmvpn_engine", frozen)]
struct PyEngine(Engine);

#[pymethods]
impl PyEngine {
    /// Start it. core: what decides about packets.
    #[new]
    fn new(core: &PyCore) -> PyResult<Self> {
        Ok(Self(Engine::new(Arc::clone(&core.core))?))
    }

    /// Move packets of a tunnel through a TAP with vnet header, which is duplicated. Raises `OSError`.
    fn set_tap(&self, py: Python<'_>, number: u32, descriptor: i32) -> PyResult<()> {
        Ok(py.detach(|| self.0.set_tap(number, descriptor))?)
    }

    /// Let go of a TAP. When this returns it is closed.
    fn clear_tap(&self, py: Python<'_>, number: u32) -> PyResult<()> {
        Ok(py.detach(|| self.0.clear_tap(number))?)
    }

    /// Send and receive for one of our NBMA addresses by a raw socket, which is duplicated. Raises `OSError`.
    fn set_socket(&self, py: Python<'_>, source: Address, descriptor: i32) -> PyResult<()> {
        Ok(py.detach(|| self.0.set_socket(source, descriptor))?)
    }

    /// Let go of a socket. When this returns it is closed.
    fn clear_socket(&self, py: Python<'_>, source: Address) -> PyResult<()> {
        Ok(py.detach(|| self.0.clear_socket(source))?)
    }

    /// Send something of the router's own in GRE, straight to an NBMA address. Raises `OSError`.
    fn send(
        &self,
        py: Python<'_>,
        number: u32,
        nbma: Address,
        protocol: u16,
        payload: &[u8],
        tos: u8,
    ) -> PyResult<()> {
        Ok(py.detach(|| self.0.send(number, nbma, protocol, payload, tos))?)
    }

    /// The descriptor to watch.
    fn fileno(&self) -> i32 {
        self.0.ring().descriptor()
    }

    /// Take what waits for the router: kind ("nhrp", "keepalive" or "hairpin"), tunnel, NBMA address, octets, and the
    /// tunnel that a hairpin leaves by. Raises `RuntimeError` if packets are no longer moved.
    fn take_punts(&self, py: Python<'_>) -> PyResult<Vec<ToRouter>> {
        let punts = self.0.ring().take();
        match self.0.failure() {
            Some(failure) if punts.is_empty() => Err(PyRuntimeError::new_err(failure)),
            _ => Ok(punts.iter().map(|punt| to_router(py, punt)).collect()),
        }
    }

    /// How many found the queue full.
    fn lost_punts(&self) -> u64 {
        self.0.ring().lost()
    }

    /// Stop, and let go of everything. A second time it does nothing.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.0.close());
    }
}
