//! The two threads: one moves packets from TAPs to NBMA addresses, the other the reverse. Neither knows a protocol.
//!
//! A thread waits for its descriptors, takes a batch, has it treated under the core's lock, and lets go of the lock
//! before it calls the kernel again. It is woken up to see that descriptors came or went, and says when it has seen it:
//! from then on it does not hold a removed TAP or socket any longer.

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

/// What one thread does with its descriptors.
pub(crate) trait Mover {
    /// Which way it moves packets.
    const WAY: Way;

    /// The descriptors it reads.
    fn sources(ports: &Ports) -> Vec<BorrowedFd<'_>>;

    /// Move what one of them has. An error means that it is of no use any longer.
    fn serve(&mut self, shared: &Shared, ports: &Ports, source: usize) -> Result<()>;
}

/// Move packets one way until the engine is closed.
pub(crate) fn run<M: Mover>(shared: &Shared, mover: &mut M) -> Result<()> {
    let mut seen = 0;
    let mut ports = Arc::<Ports>::default();
    let mut poller = Poller::new()?;
    while !shared.closed.load(Ordering::Acquire) {
        let generation = shared.generation.load(Ordering::Acquire);
        if generation != seen {
            seen = generation;
            ports = Arc::clone(&locked(&shared.ports));
            poller = Poller::new()?;
            poller.add(shared.wake(M::WAY).as_fd(), WAKE)?;
            for (name, source) in M::sources(&ports).into_iter().enumerate() {
                poller.add(source, name)?;
            }
            shared.acknowledge(M::WAY, seen);
        }
        for name in poller.wait()? {
            if name == WAKE {
                let _ = shared.wake(M::WAY).read(&mut [0; 8]);
            } else if mover.serve(shared, &ports, name).is_err() {
                // The interface is gone, and its owner will hear of it: until then do not ask again.
                poller.remove(M::sources(&ports)[name])?;
            }
        }
    }
    Ok(())
}

/// From TAPs to NBMA addresses.
pub(crate) struct Outward {
    arena: Vec<u8>,
    frames: Vec<Range<usize>>,
    outcome: Outcome,
    sender: Sender,
    begun: Instant,
}

impl Outward {
    pub(crate) fn new() -> Self {
        Self {
            arena: vec![0; ARENA],
            frames: Vec::new(),
            outcome: Outcome::default(),
            sender: Sender::default(),
            begun: Instant::now(),
        }
    }

    /// Read frames; whether there may be more.
    fn fill(&mut self, mut tap: &File) -> Result<bool> {
        self.frames.clear();
        let mut start = 0;
        while self.frames.len() < FRAMES && start + MAX_FRAME <= ARENA {
            match tap.read(&mut self.arena[start..start + MAX_FRAME]) {
                Ok(length) => {
                    self.frames.push(start..start + length);
                    start += length.next_multiple_of(64);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

impl Mover for Outward {
    const WAY: Way = Way::Out;

    fn sources(ports: &Ports) -> Vec<BorrowedFd<'_>> {
        ports.taps.iter().map(|(_, tap)| tap.as_fd()).collect()
    }

    fn serve(&mut self, shared: &Shared, ports: &Ports, source: usize) -> Result<()> {
        let (number, tap) = &ports.taps[source];
        for _ in 0..TURN {
            let more = self.fill(tap)?;
            if !self.frames.is_empty() {
                let now = self.begun.elapsed().as_secs_f64();
                let mut core = locked(&shared.core);
                for frame in &self.frames {
                    // A tunnel that has just been removed: so has its TAP.
                    let _ = core.outbound(*number, &mut self.arena, frame.clone(), now, &mut self.outcome);
                }
                drop(core);
                shared.ring.put(&mut self.outcome.punts);
                send(shared, ports, &mut self.sender, &mut self.outcome.wire, &self.arena);
            }
            if !more {
                break;
            }
        }
        Ok(())
    }
}

/// From NBMA addresses to TAPs.
pub(crate) struct Inward {
    receiver: Receiver,
    outcome: Outcome,
    merger: Merger,
    sender: Sender,
}

impl Inward {
    pub(crate) fn new() -> Self {
        Self {
            receiver: Receiver::new(),
            outcome: Outcome::default(),
            merger: Merger::default(),
            sender: Sender::default(),
        }
    }
}

impl Mover for Inward {
    const WAY: Way = Way::In;

    fn sources(ports: &Ports) -> Vec<BorrowedFd<'_>> {
        ports.sockets.iter().map(|(_, socket)| socket.as_fd()).collect()
    }

    fn serve(&mut self, shared: &Shared, ports: &Ports, source: usize) -> Result<()> {
        let (_, socket) = &ports.sockets[source];
        for _ in 0..TURN {
            self.receiver.receive(socket.as_fd())?;
            let more = self.receiver.is_full();
            let (arena, packets) = self.receiver.packets();
            if !packets.is_empty() {
                let mut core = locked(&shared.core);
                for packet in packets {
                    core.inbound(arena, packet.clone(), &mut self.outcome);
                }
                drop(core);
                shared.ring.put(&mut self.outcome.punts);
                send(shared, ports, &mut self.sender, &mut self.outcome.wire, arena);
                self.outcome.frames.iter().for_each(|frame| self.merger.push(frame, arena));
                self.outcome.frames.clear();
                for train in self.merger.finish() {
                    write(ports, train, arena);
                }
                self.merger.clear();
            }
            if !more {
                break;
            }
        }
        Ok(())
    }
}

/// Let the kernel receive a frame. What it does not take is lost: the interface is down or busy.
fn write(ports: &Ports, train: &Train, arena: &[u8]) {
    if let Some(mut tap) = ports.tap(train.tunnel) {
        let mut parts = Vec::with_capacity(1 + train.bodies().size_hint().0);
        parts.push(IoSlice::new(train.head()));
        parts.extend(train.bodies().map(|body| IoSlice::new(body.of(arena))));
        let _ = tap.write_vectored(&parts);
    }
}

/// Send all packets, those of each source by its socket.
fn send(shared: &Shared, ports: &Ports, sender: &mut Sender, wire: &mut Wire, arena: &[u8]) {
    let mut unsent = 0;
    for packets in wire.packets.chunk_by(|one, other| one.source == other.source) {
        unsent += match ports.socket(packets[0].source) {
            Some(socket) => sender.send(socket, packets, wire, arena),
            None => packets.len() as u64,
        };
    }
    wire.clear();
    if unsent > 0 {
        locked(&shared.core).dropped.unsent += unsent;
    }
}
