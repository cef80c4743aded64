//! The two threads: one moves packets from TAPs to NBMA addresses, the other the reverse. Neither knows a protocol.
//!
//! A thread waits for its descriptors, takes a batch, has it treated under the core's lock, and lets go of the lock
//! before it seals or opens anything or calls the kernel again. It is woken up to see that descriptors came or went, and
//! says when it has seen it: from then on it does not hold a removed TAP or socket any longer.

use std::fs::File;
use std::io::{ErrorKind, IoSlice, Read, Result, Write};
use std::mem;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use crate::arrived::Arrived;
use crate::doors::Door;
use crate::early::Early;
use crate::esp::Opened;
use crate::locked;
use crate::merge::{Merger, Train};
use crate::opening::sort;
use crate::outcome::Outcome;
use crate::ports::{Kind, Ports, Socket};
use crate::sas::{Pair, Place};
use crate::sealing;
use crate::shared::{Shared, Way};
use crate::sys::{Letter, Message, Poller, Receiver, Sender, is_too_big};

/// Octets of the largest frame of a TAP: 64 KiB of IP, Ethernet header with a VLAN tag, vnet header.
const MAX_FRAME: usize = 65536 + 18 + 12;
/// Octets of frames that are read before they are sent: a whole TCP buffer, and another one if there is. More would keep
/// the far end waiting; small frames are limited by their number.
const ARENA: usize = 2 * MAX_FRAME;
/// Frames likewise.
const FRAMES: usize = 128;
/// Batches taken from one descriptor before others have their turn.
const TURN: usize = 16;
/// How often is looked whether ESP that waits has its SA, milliseconds.
const EARLY_LOOK: u16 = 2;
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

    /// In how many milliseconds `resume` is to be called at the latest; None: there is no need.
    fn is_due(&self) -> Option<u16> {
        None
    }

    /// Go on with what had to wait.
    fn resume(&mut self, _shared: &Shared, _ports: &Ports) {}
}

/// Move packets one way until the engine is closed.
pub(crate) fn run<M: Mover>(shared: &Shared, mover: &mut M) -> Result<()> {
    let mut seen = 0;
    let mut ports = Arc::<Ports>::default();
    let mut poller = Poller::new()?;
    while !shared.is_closed() {
        let generation = shared.generation();
        if generation != seen {
            seen = generation;
            ports = shared.ports();
            poller = Poller::new()?;
            poller.add(shared.wake(M::WAY).as_fd(), WAKE)?;
            for (name, source) in M::sources(&ports).into_iter().enumerate() {
                poller.add(source, name)?;
            }
            shared.acknowledge(M::WAY, seen);
        }
        let ready = poller.wait(mover.is_due())?;
        if mover.is_due().is_some() {
            mover.resume(shared, &ports);
        }
        for name in ready {
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
}

impl Outward {
    pub(crate) fn new() -> Self {
        Self {
            arena: vec![0; ARENA],
            frames: Vec::new(),
            outcome: Outcome::default(),
            sender: Sender::default(),
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
                let now = shared.now();
                let mut core = locked(&shared.core);
                for frame in &self.frames {
                    // A tunnel that has just been removed: so has its TAP.
                    let _ = core.outbound(*number, &mut self.arena, frame.clone(), now, &mut self.outcome);
                }
                drop(core);
                shared.ring.put(&mut self.outcome.punts);
                send(shared, ports, &mut self.sender, &mut self.outcome, &self.arena);
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
    esp: Vec<Opening>,
    early: Early,
    delivery: Delivery,
}

/// What is done with what came out of a batch.
#[derive(Default)]
struct Delivery {
    outcome: Outcome,
    merger: Merger,
    sender: Sender,
}

/// An ESP packet on its way in. opened: None, it was refused.
struct Opening {
    came: Arrived,
    pair: Arc<Pair>,
    opened: Option<Opened>,
}

impl Inward {
    pub(crate) fn new() -> Self {
        Self {
            receiver: Receiver::new(),
            esp: Vec::new(),
            early: Early::default(),
            delivery: Delivery::default(),
        }
    }

    /// Treat a batch that was received; what it became is in `delivery`.
    fn treat(&mut self, shared: &Shared, socket: &Socket) {
        let now = shared.now();
        let (arena, messages) = self.receiver.messages();
        if messages.is_empty() {
            return;
        }
        let out = &mut self.delivery.outcome;
        let mut core = locked(&shared.core);
        if socket.kind == Kind::Gre {
            for message in messages {
                core.inbound(arena, socket.local, message.place.clone(), now, out);
            }
            return;
        }
        for message in messages {
            for came in arrived(socket, arena, message, out) {
                // A train is of one pair mostly: it is looked for once.
                let same = self.esp.last().filter(|last| came.spi(arena) == Ok(last.pair.spi_in));
                let pair = match same {
                    Some(last) => Some(Arc::clone(&last.pair)),
                    None if self.early.hold(&core.sas, &came, arena, now) => None,
                    None => core.find(arena, &came, now, out),
                };
                self.esp.extend(pair.map(|pair| Opening { came, pair, opened: None }));
            }
        }
        drop(core);
        for esp in &mut self.esp {
            esp.opened = esp.pair.open(&mut arena[esp.came.packet.clone()]);
        }
        let mut core = locked(&shared.core);
        for Opening { came, pair, opened } in self.esp.drain(..) {
            if let Some(opened) = opened {
                core.opened(arena, &came, &pair, &opened, now, out);
            }
        }
    }
}

impl Delivery {
    /// Tell the router, send, and let the kernel receive what a batch became.
    fn finish(&mut self, shared: &Shared, ports: &Ports, arena: &[u8]) {
        shared.ring.put(&mut self.outcome.punts);
        send(shared, ports, &mut self.sender, &mut self.outcome, arena);
        self.outcome.frames.iter().for_each(|frame| self.merger.push(frame, arena));
        self.outcome.frames.clear();
        let mut refused = false;
        for train in self.merger.finish() {
            let written = write(ports, train, arena);
            if train.has_datagrams() && written.is_err_and(|error| error.kind() == ErrorKind::InvalidInput) {
                refused = true;
                train.taken_apart().for_each(|one| drop(write(ports, &one, arena)));
            }
        }
        if refused {
            self.merger.spare_datagrams();
        }
        self.merger.clear();
        for mut joined in mem::take(&mut self.outcome.joined) {
            locked(&shared.core).joined(&mut joined, &mut self.outcome);
            self.finish(shared, ports, &joined.octets);
        }
    }
}

impl Mover for Inward {
    const WAY: Way = Way::In;

    fn sources(ports: &Ports) -> Vec<BorrowedFd<'_>> {
        ports.sockets.iter().map(AsFd::as_fd).collect()
    }

    fn serve(&mut self, shared: &Shared, ports: &Ports, source: usize) -> Result<()> {
        let socket = &ports.sockets[source];
        for _ in 0..TURN {
            // An error is about a packet that was sent, or about nothing: to have read it is to be rid of it.
            if self.receiver.receive(socket.as_fd(), socket.kind == Kind::Udp).is_err() {
                break;
            }
            let more = self.receiver.is_full();
            self.treat(shared, socket);
            let (arena, _) = self.receiver.messages();
            self.delivery.finish(shared, ports, arena);
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn is_due(&self) -> Option<u16> {
        (!self.early.is_empty()).then_some(EARLY_LOOK)
    }

    fn resume(&mut self, shared: &Shared, ports: &Ports) {
        let now = shared.now();
        let over = self.early.take(&locked(&shared.core).sas, now);
        for mut held in over {
            let out = &mut self.delivery.outcome;
            locked(&shared.core).inbound_esp(&mut held.octets, &held.came, now, out);
            self.delivery.finish(shared, ports, &held.octets);
        }
    }
}

/// The ESP packets of a message.
fn arrived(socket: &Socket, arena: &[u8], message: &Message, out: &mut Outcome) -> Vec<Arrived> {
    let Message { source, tos, .. } = *message;
    match socket.kind {
        Kind::Udp => message
            .packets()
            .filter_map(|packet| sort(arena, socket.local, source, tos, packet, out))
            .collect(),
        _ => Arrived::raw(arena, socket.local, message.place.clone()).into_iter().collect(),
    }
}

/// Let the kernel receive a frame. What it does not take is lost: the interface is down or busy.
fn write(ports: &Ports, train: &Train, arena: &[u8]) -> Result<usize> {
    let Some(mut tap) = ports.tap(train.tunnel) else { return Ok(0) };
    let mut parts = Vec::with_capacity(1 + train.bodies().size_hint().0);
    parts.push(IoSlice::new(train.head()));
    parts.extend(train.bodies().map(|body| IoSlice::new(body.of(arena))));
    tap.write_vectored(&parts)
}

/// A message, by which of our sockets it goes, and the train that it is.
pub(crate) struct Addressed<'a> {
    pub(crate) kind: Kind,
    pub(crate) local: Door,
    pub(crate) letter: Letter<'a>,
    pub(crate) train: Option<sealing::Train>,
}

/// GRE packets in clear, and ESP packets in trains where they may be.
pub(crate) fn letters<'a>(outcome: &'a Outcome, arena: &'a [u8]) -> impl Iterator<Item = Addressed<'a>> {
    let Outcome { wire, sealing, .. } = outcome;
    let clear = wire.packets.iter().map(|packet| {
        let to = Place { address: packet.nbma, port: 0 };
        let parts = [packet.head.of(&wire.heads), packet.body.of(arena)];
        let letter = Letter { to, outer: packet.outer, segment: 0, parts };
        Addressed { kind: Kind::Gre, local: packet.source, letter, train: None }
    });
    let sealed = sealing.trains().map(|train| {
        let packet = train.packet;
        let kind = if packet.to.port == 0 { Kind::Esp } else { Kind::Udp };
        let parts = [&[][..], packet.place.of(&sealing.buffer)];
        let letter = Letter { to: packet.to, outer: packet.outer, segment: train.segment, parts };
        Addressed { kind, local: packet.local, letter, train: Some(train) }
    });
    clear.chain(sealed)
}

/// Seal what is to be sealed, a slice at a time, and send all packets, those of each source by its socket.
fn send(shared: &Shared, ports: &Ports, sender: &mut Sender, outcome: &mut Outcome, arena: &[u8]) {
    let mut unsent = 0;
    loop {
        let more = outcome.sealing.seal(&outcome.wire, arena);
        unsent += send_slice(shared, ports, sender, outcome, arena);
        outcome.wire.packets.clear(); // but not the heads: of what is still to be sealed they are a part
        if !more {
            break;
        }
    }
    outcome.wire.clear();
    outcome.sealing.clear();
    if unsent > 0 {
        locked(&shared.core).dropped.unsent += unsent;
    }
}

/// Send what is in clear or sealed; returns how many packets the kernel refused.
fn send_slice(shared: &Shared, ports: &Ports, sender: &mut Sender, outcome: &Outcome, arena: &[u8]) -> u64 {
    let mut unsent = 0;
    let addressed: Vec<_> = letters(outcome, arena).collect();
    let way = |addressed: &Addressed| (addressed.kind, addressed.local, addressed.letter.outer.df);
    for batch in addressed.chunk_by(|one, other| way(one) == way(other)) {
        let mut refused = |number: usize, packets: u64| {
            unsent += packets;
            if let Some(train) = &batch[number].train {
                outcome.sealing.count_unsent(train, packets);
            }
        };
        let letters: Vec<_> = batch.iter().map(|addressed| addressed.letter).collect();
        match ports.socket(batch[0].kind, batch[0].local) {
            Some(socket) => match socket.whole().filter(|_| batch[0].letter.outer.df) {
                Some(whole) => {
                    send_whole(shared, (socket, whole), sender, &letters, &mut |number| refused(number, 1));
                }
                None => sender.send(socket.as_fd(), &letters, &mut |number, _, _| refused(number, 1)),
            },
            None => batch.iter().enumerate().for_each(|(number, addressed)| {
                refused(number, addressed.train.map_or(1, |train| train.count as u64));
            }),
        }
    }
    unsent
}

/// Send letters with DF. Those packets that are too big go without, and later ones are looked at before.
fn send_whole(
    shared: &Shared,
    (socket, whole): (&Socket, BorrowedFd),
    sender: &mut Sender,
    letters: &[Letter],
    refused: &mut dyn FnMut(usize),
) {
    let mut too_big = Vec::new();
    sender.send(whole, letters, &mut |number, packet, why| {
        if is_too_big(why) { too_big.push((number, packet)) } else { refused(number) }
    });
    for packets in too_big.chunk_by(|(_, one), (_, other)| one.to.address == other.to.address) {
        let known = shared.learn_path(socket, packets[0].1.to.address);
        for (number, packet) in packets {
            match known {
                Ok(()) => sender.send(socket.as_fd(), &[*packet], &mut |_, _, _| refused(*number)),
                Err(_) => refused(*number),
            }
        }
    }
}
