//! System calls that the standard library does not have. The only module with `unsafe`.
//!
//! Everything else (reading and writing TAPs and events) is done by `std::fs::File` on descriptors made here.

#![allow(unsafe_code)]

use std::io::{Error, ErrorKind, Result};
use std::mem;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use crate::ipv4::Address;
use crate::wire::{Packet, Wire};

/// Octets of a socket's buffers, where the kernel lets us have them.
const BUFFER: libc::c_int = 8 << 20;
/// Messages that one system call moves.
const BATCH: usize = 128;
/// How long a full transmit queue is waited for, milliseconds.
const PATIENCE: libc::c_int = 20;

/// The result of a system call that returns -1 on failure.
fn checked(result: libc::c_int) -> Result<libc::c_int> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(result) }
}

/// A descriptor of our own for what one of Python's stands for.
pub(crate) fn duplicate(descriptor: RawFd) -> Result<OwnedFd> {
    // SAFETY: the call takes an integer; if it is no descriptor, it fails with EBADF.
    let own = checked(unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 3) })?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(own) })
}

/// A counter that is readable while it is not zero, eventfd(2).
pub(crate) fn event() -> Result<OwnedFd> {
    // SAFETY: the call takes two integers.
    let event = checked(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(event) })
}

/// Let a socket hold bursts. Where only `net.core.rmem_max` is allowed, that must do.
pub(crate) fn enlarge_buffers(socket: BorrowedFd) {
    for (forced, polite) in [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)]
    {
        let _ = set_option(socket, forced).or_else(|_| set_option(socket, polite));
    }
}

fn set_option(socket: BorrowedFd, option: libc::c_int) -> Result<()> {
    let size = mem::size_of_val(&BUFFER) as libc::socklen_t;
    let value = ptr::from_ref(&BUFFER).cast();
    // SAFETY: `value` points to `size` octets that live as long as the program.
    checked(unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, value, size) })?;
    Ok(())
}

/// Waits for descriptors, epoll(7). They are forgotten when they are closed.
pub(crate) struct Poller {
    epoll: OwnedFd,
    ready: [libc::epoll_event; 16],
}

impl Poller {
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: the call takes an integer.
        let epoll = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
        let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
        Ok(Self { epoll, ready: [libc::epoll_event { events: 0, u64: 0 }; 16] })
    }

    /// Wait for this descriptor too; `name` is returned when it is readable.
    pub(crate) fn add(&self, descriptor: BorrowedFd, name: usize) -> Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: name as u64 };
        self.control(libc::EPOLL_CTL_ADD, descriptor, &mut event)
    }

    /// Wait for it no longer.
    pub(crate) fn remove(&self, descriptor: BorrowedFd) -> Result<()> {
        self.control(libc::EPOLL_CTL_DEL, descriptor, &mut libc::epoll_event { events: 0, u64: 0 })
    }

    /// Wait until something is readable, and return the names of some that are.
    pub(crate) fn wait(&mut self) -> Result<impl Iterator<Item = usize> + use<>> {
        let room = self.ready.len() as libc::c_int;
        // SAFETY: the kernel writes at most `room` events to the array, which lives through the call.
        let count = unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), self.ready.as_mut_ptr(), room, -1) };
        let count = match checked(count) {
            Err(error) if error.kind() == ErrorKind::Interrupted => 0,
            count => count?,
        };
        Ok(self.ready.into_iter().take(count as usize).map(|event| event.u64 as usize))
    }

    fn control(
        &self,
        operation: libc::c_int,
        descriptor: BorrowedFd,
        event: &mut libc::epoll_event,
    ) -> Result<()> {
        let epoll = self.epoll.as_raw_fd();
        // SAFETY: `event` lives through the call; the kernel keeps a copy.
        checked(unsafe { libc::epoll_ctl(epoll, operation, descriptor.as_raw_fd(), event) })?;
        Ok(())
    }
}

/// Receives batches of packets into an arena of its own.
pub(crate) struct Receiver {
    pub(crate) arena: Vec<u8>,
    places: Vec<Range<usize>>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

impl Receiver {
    /// Octets for each packet: the largest there is, and a little more, lest all begin in the same lines of the cache.
    const SLOT: usize = 65536 + 2048 + 64;

    pub(crate) fn new() -> Self {
        Self {
            arena: vec![0; BATCH * Self::SLOT],
            places: Vec::with_capacity(BATCH),
            vectors: Vec::with_capacity(BATCH),
            headers: Vec::with_capacity(BATCH),
        }
    }

    /// Take what has arrived, at most a batch. Nothing is an empty one.
    pub(crate) fn receive(&mut self, socket: BorrowedFd) -> Result<()> {
        self.places.clear();
        self.vectors.clear();
        self.vectors.extend(
            self.arena
                .chunks_exact_mut(Self::SLOT)
                .map(|slot| libc::iovec { iov_base: slot.as_mut_ptr().cast(), iov_len: slot.len() }),
        );
        self.headers.clear();
        self.headers.extend(self.vectors.iter_mut().map(|vector| {
            // SAFETY: of a message header zero is a value: no address, no vectors, no control messages.
            let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header
        }));
        let (headers, count) = (self.headers.as_mut_ptr(), BATCH as libc::c_uint);
        let flags = libc::MSG_DONTWAIT as _;
        // SAFETY: there are `count` headers; each has one vector, which covers a slot of the arena; neither headers nor
        // vectors nor arena are touched by anybody else until the call returns.
        let received = unsafe { libc::recvmmsg(socket.as_raw_fd(), headers, count, flags, ptr::null_mut()) };
        let count = match checked(received) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
            count => count? as usize,
        };
        let place = |(number, header): (usize, &libc::mmsghdr)| {
            let start = number * Self::SLOT;
            start..start + header.msg_len as usize
        };
        self.places.extend(self.headers.iter().take(count).enumerate().map(place));
        Ok(())
    }

    /// Whether there may be more.
    pub(crate) fn is_full(&self) -> bool {
        self.places.len() == BATCH
    }

    /// The arena, and where the packets of the last batch stand in it.
    pub(crate) fn packets(&mut self) -> (&mut [u8], &[Range<usize>]) {
        (&mut self.arena, &self.places)
    }
}

/// The type of service of one packet, as a control message.
#[repr(C)]
struct TosControl {
    header: libc::cmsghdr,
    tos: libc::c_int,
}

/// Sends batches of packets.
#[derive(Default)]
pub(crate) struct Sender {
    addresses: Vec<libc::sockaddr_in>,
    controls: Vec<TosControl>,
    vectors: Vec<[libc::iovec; 2]>,
    headers: Vec<libc::mmsghdr>,
}

impl Sender {
    /// Send packets of one source by its socket; returns how many the kernel refused.
    ///
    /// A full queue is waited for: meanwhile the TAP's queue fills, and that is what slows TCP down gently.
    pub(crate) fn send(&mut self, socket: BorrowedFd, packets: &[Packet], wire: &Wire, arena: &[u8]) -> u64 {
        let mut unsent = 0;
        for batch in packets.chunks(BATCH) {
            self.prepare(batch, wire, arena);
            let mut done = 0;
            let mut waited = false;
            while done < batch.len() {
                match self.send_from(socket, done) {
                    Ok(sent) => (done, waited) = (done + sent, false),
                    Err(error) if error.kind() == ErrorKind::Interrupted => (),
                    Err(error) if error.kind() == ErrorKind::WouldBlock && !waited => {
                        waited = true;
                        wait_until_writable(socket);
                    }
                    Err(_) => (done, unsent) = (done + 1, unsent + 1),
                }
            }
        }
        unsent
    }

    /// Send one packet.
    pub(crate) fn send_one(&mut self, socket: BorrowedFd, packet: Packet, wire: &Wire) -> Result<()> {
        self.prepare(&[packet], wire, &[]);
        self.send_from(socket, 0)?;
        Ok(())
    }

    /// Fill in all that the kernel wants to know of a batch.
    fn prepare(&mut self, batch: &[Packet], wire: &Wire, arena: &[u8]) {
        self.addresses.clear();
        self.addresses.extend(batch.iter().map(|packet| socket_address(packet.nbma)));
        self.controls.clear();
        self.controls.extend(batch.iter().map(|packet| tos_control(packet.tos)));
        self.vectors.clear();
        self.vectors.extend(
            batch.iter().map(|packet| [packet.head.of(&wire.heads), packet.body.of(arena)].map(io_vector)),
        );
        self.headers.clear();
        let parts = self.addresses.iter_mut().zip(&mut self.controls).zip(&mut self.vectors);
        self.headers.extend(parts.zip(batch).map(|(((address, control), vectors), packet)| {
            // SAFETY: of a message header zero is a value: no address, no vectors, no control messages.
            let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
            header.msg_hdr.msg_name = ptr::from_mut(address).cast();
            header.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_hdr.msg_iov = vectors.as_mut_ptr();
            header.msg_hdr.msg_iovlen = vectors.len() as _;
            if packet.tos != 0 {
                header.msg_hdr.msg_control = ptr::from_mut(control).cast();
                header.msg_hdr.msg_controllen = mem::size_of::<TosControl>() as _;
            }
            header
        }));
    }

    /// Send the prepared packets from this one on; returns how many went, at least one.
    fn send_from(&mut self, socket: BorrowedFd, first: usize) -> Result<usize> {
        let headers = &mut self.headers[first..];
        let (pointer, count) = (headers.as_mut_ptr(), headers.len() as libc::c_uint);
        let flags = libc::MSG_DONTWAIT as _;
        // SAFETY: there are `count` headers; `prepare` has pointed them to addresses, control messages and vectors of
        // `self` and to octets of its caller's, who calls us before any of them is changed. The kernel only reads them.
        let sent = checked(unsafe { libc::sendmmsg(socket.as_raw_fd(), pointer, count, flags) })?;
        Ok(sent as usize)
    }
}

fn socket_address(address: Address) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: 0,
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address) },
        sin_zero: [0; 8],
    }
}

fn tos_control(tos: u8) -> TosControl {
    // SAFETY: of a control message's header zero is a value.
    let mut header: libc::cmsghdr = unsafe { mem::zeroed() };
    header.cmsg_len = (mem::offset_of!(TosControl, tos) + mem::size_of::<libc::c_int>()) as _;
    header.cmsg_level = libc::IPPROTO_IP;
    header.cmsg_type = libc::IP_TOS;
    TosControl { header, tos: tos.into() }
}

/// For sending: the kernel does not write to it.
fn io_vector(octets: &[u8]) -> libc::iovec {
    libc::iovec { iov_base: octets.as_ptr().cast_mut().cast(), iov_len: octets.len() }
}

fn wait_until_writable(socket: BorrowedFd) {
    let mut descriptor = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    // SAFETY: there is one descriptor, which lives through the call. A failure is seen by the next attempt to send.
    unsafe { libc::poll(&raw mut descriptor, 1, PATIENCE) };
}
