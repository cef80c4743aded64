//! What Python sees: `Core`, which decides about packets, and `Engine`, which moves them between descriptors.
//!
//! Addresses are 4 octets, tunnels and doors are numbers. What the router is told comes as a list of tuples, a batch at a time.

#![allow(clippy::needless_pass_by_value, reason = "Python hands values over")]

mod core;
mod engine;

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use self::core::PyCore;
use self::engine::PyEngine;
use crate::core::NoSuchTunnel;
use crate::doors::Door;
use crate::punt::{Punt, Reason};

/// What `Core` and `Engine` look like. dmvpn refuses an engine of another one; to be raised with every change.
const INTERFACE: u32 = 11;

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
/// kind, tunnel, nbma, data, number, connection, door, port
type ToRouter = (&'static str, u32, Octets, Octets, u32, u64, u32, u16);

fn octets(py: Python<'_>, octets: &[u8]) -> Octets {
    PyBytes::new(py, octets).unbind()
}

fn to_router(py: Python<'_>, punt: &Punt) -> ToRouter {
    let nowhere = Door::default();
    let (kind, number, local, port) = match punt.reason {
        Reason::Nhrp => ("nhrp", 0, nowhere, 0),
        Reason::Keepalive => ("keepalive", 0, nowhere, 0),
        Reason::TooBig(largest) => ("big", largest as u32, nowhere, 0),
        Reason::Hairpin(out) => ("hairpin", out, nowhere, 0),
        Reason::Ike(local, port, tos) => ("ike", tos.into(), local, port),
        Reason::UnknownSpi(local, port, spi) => ("spi", spi, local, port),
        Reason::Clear(local) => ("clear", 0, local, 0),
        Reason::Heard(port) => ("heard", 0, nowhere, port),
        Reason::Worn(spi) => ("worn", spi, nowhere, 0),
        Reason::Unheard => ("unheard", 0, nowhere, 0),
    };
    let (nbma, data) = (octets(py, &punt.nbma), octets(py, &punt.data));
    (kind, punt.tunnel, nbma, data, number, punt.connection, local.0, port)
}
