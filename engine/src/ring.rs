//! What the engine hands up to the router: a bounded queue, and a descriptor that is readable while something is in it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Result, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::core::Punt;
use crate::locked;
use crate::sys;

/// Punts that may wait, and their octets. A router that is slower loses the newest; its neighbours ask again.
const PUNTS: usize = 4096;
const OCTETS: usize = 4 << 20;

/// The queue.
pub(crate) struct Ring {
    queue: Mutex<Queue>,
    event: File,
    lost: AtomicU64,
}

#[derive(Default)]
struct Queue {
    punts: VecDeque<Punt>,
    octets: usize,
}

impl Ring {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { queue: Mutex::default(), event: sys::event()?.into(), lost: AtomicU64::new(0) })
    }

    /// The descriptor to watch.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.event.as_raw_fd()
    }

    /// Hand up what was collected.
    pub(crate) fn put(&self, punts: &mut Vec<Punt>) {
        if punts.is_empty() {
            return;
        }
        let mut queue = locked(&self.queue);
        for punt in punts.drain(..) {
            if queue.punts.len() < PUNTS && queue.octets + punt.data.len() <= OCTETS {
                queue.octets += punt.data.len();
                queue.punts.push_back(punt);
            } else {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        drop(queue);
        self.notify();
    }

    /// Take everything.
    pub(crate) fn take(&self) -> VecDeque<Punt> {
        // Cleared before the queue is emptied: whoever comes between makes it readable again.
        let _ = (&self.event).read(&mut [0; 8]);
        std::mem::take(&mut *locked(&self.queue)).punts
    }

    /// Make the descriptor readable. It cannot fail: the counter is far from full.
    pub(crate) fn notify(&self) {
        let _ = (&self.event).write(&1u64.to_ne_bytes());
    }

    /// Punts that found the queue full.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}
