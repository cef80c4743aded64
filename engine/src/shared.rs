//! What the two threads and the owner of an engine share: the core, the descriptors, and how far the threads are.
//!
//! Descriptors are changed by putting a new list in the place of the old one and waiting until both threads have seen
//! it.

use std::fs::File;
use std::io::{Error, ErrorKind, Result, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use crate::core::Core;
use crate::ipv4::Address;
use crate::locked;
use crate::ports::{Ports, Socket};
use crate::ring::Ring;
use crate::sys;

/// Which way packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From TAPs to NBMA addresses.
    Out,
    /// From NBMA addresses to TAPs.
    In,
}

/// What the threads and the owner share.
pub(crate) struct Shared {
    pub(crate) core: Arc<Mutex<Core>>,
    ports: Mutex<Arc<Ports>>,
    /// Counts the changes of `ports`.
    generation: AtomicU64,
    closed: AtomicBool,
    pub(crate) ring: Ring,
    wakes: [File; 2],
    progress: Mutex<Progress>,
    progressed: Condvar,
    begun: Instant,
}

/// How far the threads are. seen: the generation of `ports` that each uses.
#[derive(Default)]
struct Progress {
    seen: [u64; 2],
    failure: Option<String>,
}

impl Shared {
    /// Nothing moves yet. core: what decides about packets.
    pub(crate) fn new(core: Arc<Mutex<Core>>) -> Result<Self> {
        Ok(Self {
            core,
            ports: Mutex::default(),
            generation: AtomicU64::new(1),
            closed: AtomicBool::new(false),
            ring: Ring::new()?,
            wakes: [sys::event()?.into(), sys::event()?.into()],
            progress: Mutex::default(),
            progressed: Condvar::new(),
            begun: Instant::now(),
        })
    }

    /// Seconds.
    pub(crate) fn now(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// A packet with DF was too big: have the core look at later ones. What the kernel takes is what it knows.
    pub(crate) fn learn_path(&self, socket: &Socket, remote: Address) -> Result<()> {
        let mtu = socket.path_mtu(remote)?;
        let mut core = locked(&self.core);
        let front = core.doors.front(socket.local);
        core.paths.learn((front, remote), mtu, self.now());
        Ok(())
    }

    /// The descriptor that wakes a thread up.
    pub(crate) fn wake(&self, way: Way) -> &File {
        &self.wakes[way as usize]
    }

    /// A thread uses the descriptors of this generation, and no others.
    pub(crate) fn acknowledge(&self, way: Way, generation: u64) {
        locked(&self.progress).seen[way as usize] = generation;
        self.progressed.notify_all();
    }

    /// Which descriptors are to be used.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The descriptors as they are now.
    pub(crate) fn ports(&self) -> Arc<Ports> {
        Arc::clone(&locked(&self.ports))
    }

    /// Put other descriptors in the place of those there are, and wait until both threads use them.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Ports)) -> Result<()> {
        if self.is_closed() {
            return Err(Error::new(ErrorKind::NotConnected, "the engine is closed"));
        }
        let mut ports = locked(&self.ports);
        let mut changed = Ports::clone(&ports);
        change(&mut changed);
        *ports = Arc::new(changed);
        let generation = self.generation.fetch_add(1, Ordering::AcqRel) + 1;
        drop(ports);
        self.wake_all();
        let behind = |progress: &mut Progress| progress.seen.iter().any(|&seen| seen < generation);
        let waited = self.progressed.wait_while(locked(&self.progress), behind);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    /// Are the threads to end?
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Have the threads end.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.wake_all();
    }

    /// Let go of all descriptors, after the threads.
    pub(crate) fn let_go(&self) {
        *locked(&self.ports) = Arc::default();
    }

    /// Why packets are no longer moved; None: they are.
    pub(crate) fn failure(&self) -> Option<String> {
        locked(&self.progress).failure.clone()
    }

    fn wake_all(&self) {
        for mut wake in &self.wakes {
            let _ = wake.write(&1u64.to_ne_bytes()); // the counter is far from full
        }
    }

    /// A thread has ended before its time.
    pub(crate) fn fail(&self, way: Way, why: &str) {
        let mut progress = locked(&self.progress);
        progress.failure.get_or_insert_with(|| format!("packets are no longer moved ({way:?}): {why}"));
        progress.seen[way as usize] = u64::MAX;
        drop(progress);
        self.progressed.notify_all();
        self.ring.notify(); // the owner looks, and is told
    }
}
