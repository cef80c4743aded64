//! What the core makes of packets: what is to be sent, delivered and told.

use crate::delivery::Frame;
use crate::doors::Door;
use crate::punt::Punt;
use crate::sealing::Sealing;
use crate::table::Neighbor;
use crate::wire::Wire;

/// What became of a batch of packets. Results collect until the owner takes them.
#[derive(Debug, Default)]
pub struct Outcome {
    /// To NBMA addresses.
    pub wire: Wire,
    /// Likewise, to be sealed before.
    pub sealing: Sealing,
    /// To the kernel.
    pub frames: Vec<Frame>,
    /// To the router.
    pub punts: Vec<Punt>,
    /// GRE packets that came in pieces: the next batch, each in an arena of its own, for [`crate::core::Core::joined`].
    pub joined: Vec<Joined>,
}

/// A GRE packet that was put together.
#[derive(Debug)]
pub struct Joined {
    /// The arena to give with what becomes of it.
    pub octets: Vec<u8>,
    pub(crate) came: Came,
}

/// Where a GRE packet came from. tos: of the outer header, if what routers wrote there counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Came {
    pub(crate) local: Door,
    pub(crate) from: Neighbor,
    pub(crate) tos: Option<u8>,
    pub(crate) now: f64,
}
