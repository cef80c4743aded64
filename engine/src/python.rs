//! What Python sees: `Core`, for those who have the packets, and `Engine`, which moves them itself.
//!
//! Addresses are 4 octets, tunnels are numbers. What the router is told comes as a list of tuples, a batch at a time.

use pyo3::exceptions::{PyKeyError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::core::{self, Limits, NoSuchTunnel, Outcome, Punt, Reason};
use crate::engine;
use crate::ipv4::Address;
use crate::merge::Merger;
use crate::table::{Ends, Mac};
use crate::vnet;

/// What `Core` and `Engine` look like. dmvpn refuses an engine of another one; to be raised with every change.
const INTERFACE: u32 = 1;

/// The packet engine of dmvpn.
#[pymodule]
mod dmvpn_engine {
    #[pymodule_export]
    use super::{PyCore, PyEngine};
    use pyo3::prelude::*;

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
