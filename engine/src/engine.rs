//! The engine: a core, the descriptors it moves packets between, and the two threads that do.
//!
//! Descriptors are changed by putting a new list in the place of the old one and waiting until both threads have seen
//! it. Python's own descriptors are never used: each is duplicated, so that it does not matter which side closes first.

use std::fs::File;
use std::io::{Error, ErrorKind, Result, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::core::{Core, Outcome};
use crate::ipv4::Address;
use crate::locked;
use crate::ring::Ring;
use crate::sys::{self, Letter, Sender, is_too_big};
use crate::table::Neighbour;
use crate::worker::{self, Addressed, Inward, Mover, Outward};

/// Which way packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From TAPs to NBMA addresses.
    Out,
    /// From NBMA addresses to TAPs.
    In,
}

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Raw protocol 47.
    Gre,
    /// Raw protocol 50.
    Esp,
    /// UDP port 4500: ESP, and IKE.
    Udp,
}

/// A socket on one NBMA address of ours.
#[derive(Clone)]
pub(crate) struct Socket {
    pub(crate) kind: Kind,
    pub(crate) local: Address,
    descriptor: Arc<OwnedFd>,
    whole: Arc<OwnedFd>,
}

impl Socket {
    /// The one whose packets have DF set. It only sends.
    pub(crate) fn whole(&self) -> BorrowedFd<'_> {
        self.whole.as_fd()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// The descriptors between which packets are moved.
#[derive(Clone, Default)]
pub(crate) struct Ports {
    /// By the number of the tunnel.
    pub(crate) taps: Vec<(u32, Arc<File>)>,
    pub(crate) sockets: Vec<Socket>,
}

impl Ports {
    pub(crate) fn tap(&self, number: u32) -> Option<&File> {
        self.taps.iter().find(|(other, _)| *other == number).map(|(_, tap)| &**tap)
    }

    pub(crate) fn socket(&self, kind: Kind, local: Address) -> Option<&Socket> {
        self.sockets.iter().find(|socket| (socket.kind, socket.local) == (kind, local))
    }
}

/// What the threads and the owner share.
pub(crate) struct Shared {
    pub(crate) core: Arc<Mutex<Core>>,
    pub(crate) ports: Mutex<Arc<Ports>>,
    /// Counts the changes of `ports`.
    pub(crate) generation: AtomicU64,
    pub(crate) closed: AtomicBool,
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
    /// Seconds.
    pub(crate) fn now(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// A packet with DF was too big: have the core look at later ones. What the kernel takes is what it knows.
    pub(crate) fn learn_path(&self, local: Address, remote: Address) -> Result<()> {
        let mtu = sys::path_mtu(local, remote)?;
        locked(&self.core).paths.learn(remote, mtu, self.now());
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

    fn fail(&self, way: Way, why: &str) {
        let mut progress = locked(&self.progress);
        progress.failure.get_or_insert_with(|| format!("packets are no longer moved ({way:?}): {why}"));
        progress.seen[way as usize] = u64::MAX;
        drop(progress);
        self.progressed.notify_all();
        self.ring.notify(); // the owner looks, and is told
    }
}

/// A running engine. It stops when it is closed or dropped.
pub(crate) struct Engine {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Engine {
    /// core: what decides about packets. The threads wait while somebody else has locked it.
    pub(crate) fn new(core: Arc<Mutex<Core>>) -> Result<Self> {
        let shared = Arc::new(Shared {
            core,
            ports: Mutex::default(),
            generation: AtomicU64::new(1),
            closed: AtomicBool::new(false),
            ring: Ring::new()?,
            wakes: [sys::event()?.into(), sys::event()?.into()],
            progress: Mutex::default(),
            progressed: Condvar::new(),
            begun: Instant::now(),
        });
        let engine = Self { shared, threads: Mutex::default() }; // dropped, it ends what has begun
        let outward = start("dmvpn-out", &engine.shared, Outward::new)?;
        locked(&engine.threads).push(outward);
        let inward = start("dmvpn-in", &engine.shared, Inward::new)?;
        locked(&engine.threads).push(inward);
        Ok(engine)
    }

    /// What waits for the router.
    pub(crate) fn ring(&self) -> &Ring {
        &self.shared.ring
    }

    /// Why packets are no longer moved; None: they are.
    pub(crate) fn failure(&self) -> Option<String> {
        locked(&self.shared.progress).failure.clone()
    }

    /// Move packets of a tunnel through a TAP; both sides of it are non-blocking.
    pub(crate) fn set_tap(&self, number: u32, descriptor: RawFd) -> Result<()> {
        let tap = Arc::new(File::from(sys::duplicate(descriptor)?));
        self.change(|ports| {
            ports.taps.retain(|(other, _)| *other != number);
            ports.taps.push((number, tap));
        })
    }

    /// Let go of a TAP; when this returns it is closed.
    pub(crate) fn clear_tap(&self, number: u32) -> Result<()> {
        self.change(|ports| ports.taps.retain(|(other, _)| *other != number))
    }

    /// Send and receive packets of an NBMA address of ours by a socket of this kind. whole: sends those with DF.
    pub(crate) fn set_socket(
        &self,
        kind: Kind,
        local: Address,
        descriptor: RawFd,
        whole: RawFd,
    ) -> Result<()> {
        let [descriptor, whole] = [sys::duplicate(descriptor)?, sys::duplicate(whole)?].map(Arc::new);
        sys::enlarge_receive_buffer(descriptor.as_fd());
        sys::enlarge_send_buffer(descriptor.as_fd());
        sys::enlarge_send_buffer(whole.as_fd());
        if kind == Kind::Udp {
            sys::prepare_udp(descriptor.as_fd())?;
        }
        self.change(|ports| {
            ports.sockets.retain(|other| (other.kind, other.local) != (kind, local));
            ports.sockets.push(Socket { kind, local, descriptor, whole });
        })
    }

    /// Let go of a socket; when this returns it is closed.
    pub(crate) fn clear_socket(&self, kind: Kind, local: Address) -> Result<()> {
        self.change(|ports| ports.sockets.retain(|other| (other.kind, other.local) != (kind, local)))
    }

    /// Send something of the router's own in GRE, straight to a neighbor.
    pub(crate) fn send(
        &self,
        number: u32,
        neighbour: Neighbour,
        protocol: u16,
        payload: &[u8],
        tos: u8,
    ) -> Result<()> {
        let mut out = Outcome::default();
        let sent = locked(&self.shared.core).send(number, neighbour, protocol, payload, tos, &mut out);
        sent.map_err(|_| Error::from(ErrorKind::NotFound))?;
        self.shared.ring.put(&mut out.punts);
        out.sealing.seal(&out.wire, &[]);
        let ports = Arc::clone(&locked(&self.shared.ports));
        for Addressed { kind, local, letter, train } in worker::letters(&out, &[]) {
            if let Err(error) = self.send_one(&ports, kind, local, letter) {
                if let Some(train) = train {
                    out.sealing.count_unsent(&train, 1);
                    locked(&self.shared.core).dropped.unsent += 1;
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn send_one(&self, ports: &Ports, kind: Kind, local: Address, letter: Letter) -> Result<()> {
        let socket = ports.socket(kind, local).ok_or(ErrorKind::NotConnected)?;
        let mut sender = Sender::default();
        if letter.outer.df {
            match sender.send_one(socket.whole(), letter) {
                Err(error) if is_too_big(&error) => self.shared.learn_path(local, letter.to.address)?,
                sent => return sent,
            }
        }
        sender.send_one(socket.as_fd(), letter)
    }

    /// Stop, and let go of everything. A second time it does nothing.
    pub(crate) fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
        self.wake();
        for thread in locked(&self.threads).drain(..) {
            let _ = thread.join(); // its end, whatever it was, is in `failure`
        }
        *locked(&self.shared.ports) = Arc::default();
    }

    /// Put other descriptors in the place of those there are, and wait until both threads use them.
    fn change(&self, change: impl FnOnce(&mut Ports)) -> Result<()> {
        if self.shared.closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::NotConnected, "the engine is closed"));
        }
        let mut ports = locked(&self.shared.ports);
        let mut changed = Ports::clone(&ports);
        change(&mut changed);
        *ports = Arc::new(changed);
        let generation = self.shared.generation.fetch_add(1, Ordering::AcqRel) + 1;
        drop(ports);
        self.wake();
        let behind = |progress: &mut Progress| progress.seen.iter().any(|&seen| seen < generation);
        let waited = self.shared.progressed.wait_while(locked(&self.shared.progress), behind);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    fn wake(&self) {
        for mut wake in &self.shared.wakes {
            let _ = wake.write(&1u64.to_ne_bytes()); // the counter is far from full
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}

/// Start a thread, which makes its buffers itself.
fn start<M: Mover + 'static>(name: &str, shared: &Arc<Shared>, mover: fn() -> M) -> Result<JoinHandle<()>> {
    let shared = Arc::clone(shared);
    thread::Builder::new().name(name.into()).spawn(move || {
        match catch_unwind(AssertUnwindSafe(|| worker::run(&shared, &mut mover()))) {
            Ok(Ok(())) => (),
            Ok(Err(error)) => shared.fail(M::WAY, &error.to_string()),
            Err(_) => shared.fail(M::WAY, "a bug, described on standard error"),
        }
    })
}
