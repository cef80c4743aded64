//! `Engine` for Python.

use std::sync::Arc;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use super::core::PyCore;
use super::{ToRouter, to_router};
use crate::core::Own;
use crate::doors::Door;
use crate::engine::Engine;
use crate::ipv4::Address;
use crate::ports::Kind;
use crate::table::Neighbor;

/// The kind of a socket by the name that Python uses.
fn kind_of(name: &str) -> PyResult<Kind> {
    Ok(match name {
        "gre" => Kind::Gre,
        "esp" => Kind::Esp,
        "udp" => Kind::Udp,
        _ => return Err(PyValueError::new_err(format!("no kind of socket: {name}"))),
    })
}

/// Two threads that move packets between TAPs and sockets. What is for the router makes `fileno` readable.
#[pyclass(name = "Engine", module = "dmvpn_engine", frozen)]
pub(super) struct PyEngine(Engine);

#[pymethods]
impl PyEngine {
    /// Start it. core: what decides about packets.
    #[new]
    fn new(core: &PyCore) -> PyResult<Self> {
        Ok(Self(Engine::new(Arc::clone(&core.core))?))
    }

    /// Move packets of a tunnel through a TAP with vnet header, which stays open until `clear_tap` or `close` has
    /// returned. Raises `OSError`.
    fn set_tap(&self, py: Python<'_>, number: u32, descriptor: i32) -> PyResult<()> {
        Ok(py.detach(|| self.0.set_tap(number, descriptor))?)
    }

    /// Let go of a TAP. When this returns it may be closed.
    fn clear_tap(&self, py: Python<'_>, number: u32) -> PyResult<()> {
        Ok(py.detach(|| self.0.clear_tap(number))?)
    }

    /// Send and receive for a door by a socket, which stays open until `clear_socket` or `close` has returned, as `whole`
    /// does. kind: "gre" and "esp" are raw sockets of protocols 47 and 50, "udp" is one of port 4500. whole: the same with
    /// DF set, it only sends; None: nothing is sent with DF. Raises `OSError`.
    #[pyo3(signature = (door, descriptor, whole, kind="gre"))]
    fn set_socket(
        &self,
        py: Python<'_>,
        door: u32,
        descriptor: i32,
        whole: Option<i32>,
        kind: &str,
    ) -> PyResult<()> {
        let kind = kind_of(kind)?;
        Ok(py.detach(|| self.0.set_socket(kind, Door(door), descriptor, whole))?)
    }

    /// Let go of a socket. When this returns it may be closed.
    #[pyo3(signature = (door, kind="gre"))]
    fn clear_socket(&self, py: Python<'_>, door: u32, kind: &str) -> PyResult<()> {
        let kind = kind_of(kind)?;
        Ok(py.detach(|| self.0.clear_socket(kind, Door(door)))?)
    }

    /// Send something of the router's own in GRE, straight to an NBMA address, over this connection. Raises `OSError`.
    #[pyo3(signature = (number, nbma, protocol, payload, tos, connection=0))]
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
    ) -> PyResult<()> {
        let neighbor = Neighbor { nbma, connection };
        Ok(py.detach(|| self.0.send(number, neighbor, Own { protocol, payload, tos }))?)
    }

    /// The descriptor to watch.
    fn fileno(&self) -> i32 {
        self.0.ring().descriptor()
    }

    /// Take what waits for the router, like `Core.take_punts`. Raises `RuntimeError` if packets are no longer moved.
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
