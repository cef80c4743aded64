//! What the engine hands up to the router: a bounded queue, and a descriptor that is readable while something is in it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Result, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::locked;
use crate::punt::Punt;
use crate::queue::Queue;
use crate::sys;

/// The queue.
pub(crate) struct Ring {
    queue: Mutex<Queue>,
    event: File,
    lost: AtomicU64,
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
        let lost = punts.drain(..).map(|punt| queue.put(punt)).filter(|taken| !taken).count();
        drop(queue);
        self.lost.fetch_add(lost as u64, Ordering::Relaxed);
        self.notify();
    }

    /// Take everything.
    pub(crate) fn take(&self) -> VecDeque<Punt> {
        // Cleared before the queue is emptied: a writer in between makes it readable again.
        let _ = (&self.event).read(&mut [0; 8]);
        locked(&self.queue).take()
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
