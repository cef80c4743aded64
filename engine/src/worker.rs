//! The two threads: one moves packets from TAPs to NBMA addresses, the other the reverse. Neither knows a protocol.
//!
//! A thread waits for its descriptors, takes a batch, has it treated under the core's lock, and lets go of the lock
//! before it calls the kernel again. It is woken up to see that descriptors came or went, and says when it has seen it:
//! from then on a removed TAP or socket is not held any longer.

use std::fs::File;
use std::io::{ErrorKind, IoSlice, Read, Result, Write};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::core::Outcome;
use crate::engine::{Ports, Shared, Way};
use crate::locked;
use crate::merge::{Merger, Train};
use crate::sys::{Poller, Receiver, Sender};
use crate::wire::Wire;

/// Octets of the largest frame of a TAP: 64 KiB of IP, Ethernet header with a VLAN tag, vnet header.
const MAX_FRAME: usize = 65536 + 18 + 12;
/// Octets of frames that are read before they are sent: some whole TCP buffers, and still in the processor's cache.
const ARENA: usize = 4 * MAX_FRAME;
/// Frames likewise.
const FRAMES: usize = 128;
/// Batches taken from one descriptor before others have their turn.
const TURN: usize = 16;
/// The name of the descriptor by which a thread is woken up.
const WAKE: usize = usize::MAX;

/// Move packets one way until the engine is closed.
pub(crate) fn run(shared: &Shared, way: Way) -> Result<()> {
    let mut outward = Outward::new(shared);
    let mut inward = Inward::new(shared);
    let mut seen = 0;
    let mut poller = Poller::new()?;
    let mut ports = Arc::<Ports>::default();
    loop {
        let generation = shared.generation.load(Ordering::Acquire);
        if generation != seen {
            seen = generation;
            ports = Arc::clone(&locked(&shared.ports));
            poller = watching(shared, &ports, way)?;
            shared.acknowledge(way, seen);
        }
        if shared.closed.load(Ordering::Acquire) {
            return Ok(());
        }
        for name in poller.wait()? {
            let still_there = match way {
                _ if name == WAKE => shared.sleep(way),
                Way::Out => outward.serve(&ports, name),
                Way::In => inward.serve(&ports, name),
            };
            if still_there.is_err() {
                // The interface is gone, and its owner will say so soon: until then, do not ask again.
                poller.remove(descriptor(&ports, way, name))?;
            }
        }
    }
}
