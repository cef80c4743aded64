//! The engine: a core, and the two threads that move packets.

use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::core::{Core, Own};
use crate::doors::Door;
use crate::locked;
use crate::outcome::Outcome;
use crate::ports::{Kind, Ports, Socket};
use crate::ring::Ring;
use crate::shared::Shared;
use crate::sys::{self, Letter, Sender, is_too_big};
use crate::table::Neighbor;
use crate::worker::{self, Addressed, Inward, Mover, Outward};

/// A running engine. It stops when it is closed or dropped.
pub(crate) struct Engine {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Engine {
    /// core: what decides about packets. The threads wait while somebody else has locked it.
    pub(crate) fn new(core: Arc<Mutex<Core>>) -> Result<Self> {
        let shared = Arc::new(Shared::new(core)?);
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
        self.shared.failure()
    }

    /// Move packets of a tunnel through a TAP, which is non-blocking, and stays open until it was let go of.
    pub(crate) fn set_tap(&self, number: u32, descriptor: RawFd) -> Result<()> {
        let tap = Arc::new(sys::borrow(descriptor)?);
        self.shared.change(|ports| {
            ports.taps.retain(|(other, _)| *other != number);
            ports.taps.push((number, tap));
        })
    }

    /// Let go of a TAP; when this returns it is of no use any more.
    pub(crate) fn clear_tap(&self, number: u32) -> Result<()> {
        self.shared.change(|ports| ports.taps.retain(|(other, _)| *other != number))
    }

    /// Send and receive packets of a door by a socket of this kind. whole: sends those with DF. Both stay open until
    /// they were let go of.
    pub(crate) fn set_socket(
        &self,
        kind: Kind,
        local: Door,
        descriptor: RawFd,
        whole: Option<RawFd>,
    ) -> Result<()> {
        let address = locked(&self.shared.core).doors.address(local).ok_or(ErrorKind::NotFound)?;
        let socket = Socket::borrow(kind, local, address, descriptor, whole)?;
        self.shared.change(|ports| {
            ports.sockets.retain(|other| (other.kind, other.local) != (kind, local));
            ports.sockets.push(socket);
        })
    }

    /// Let go of a socket; when this returns it is of no use any more.
    pub(crate) fn clear_socket(&self, kind: Kind, local: Door) -> Result<()> {
        self.shared.change(|ports| ports.sockets.retain(|other| (other.kind, other.local) != (kind, local)))
    }

    /// Send something of the router's own in GRE, straight to a neighbor.
    pub(crate) fn send(&self, number: u32, neighbor: Neighbor, own: Own) -> Result<()> {
        let mut out = Outcome::default();
        let sent = locked(&self.shared.core).send(number, neighbor, own, self.shared.now(), &mut out);
        sent.map_err(|_| Error::from(ErrorKind::NotFound))?;
        self.shared.ring.put(&mut out.punts);
        out.sealing.seal(&out.wire, &[]);
        let ports = self.shared.ports();
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

    fn send_one(&self, ports: &Ports, kind: Kind, local: Door, letter: Letter) -> Result<()> {
        let socket = ports.socket(kind, local).ok_or(ErrorKind::NotConnected)?;
        let mut sender = Sender::default();
        if let Some(whole) = socket.whole().filter(|_| letter.outer.df) {
            match sender.send_one(whole, letter) {
                Err(error) if is_too_big(&error) => self.shared.learn_path(socket, letter.to.address)?,
                sent => return sent,
            }
        }
        sender.send_one(socket.as_fd(), letter)
    }

    /// Stop, and let go of everything. A second time it does nothing.
    pub(crate) fn close(&self) {
        self.shared.close();
        for thread in locked(&self.threads).drain(..) {
            let _ = thread.join(); // its end, whatever it was, is in `failure`
        }
        self.shared.let_go();
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
