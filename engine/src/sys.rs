//! System calls that the standard library does not have. The only module with `unsafe`.
//!
//! Everything else (reading and writing TAPs and events) is done by `std::fs::File` on descriptors made here.

#![allow(unsafe_code)]

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::mem::{self, ManuallyDrop};
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use crate::ipv4::Address;
use crate::sas::Place;
use crate::wire::Outer;

/// Octets of a socket's buffers, where the kernel lets us have them.
const BUFFER: libc::c_int = 8 << 20;
/// Messages that one system call moves.
const BATCH: usize = 128;
/// Of the discard service, which never answers (RFC 863): a port to name where nothing is sent.
const DISCARD: u16 = 9;
/// How long a full transmit queue is waited for, milliseconds.
const PATIENCE: libc::c_int = 20;

/// The result of a system call that returns -1 on failure.
fn checked(result: libc::c_int) -> Result<libc::c_int> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(result) }
}

/// One of Python's descriptors, which Python closes.
pub(crate) fn borrow(descriptor: RawFd) -> Result<ManuallyDrop<File>> {
    // SAFETY: the call takes an integer; if it is no descriptor, it fails with EBADF.
    checked(unsafe { libc::fcntl(descriptor, libc::F_GETFD) })?;
    // SAFETY: it is open, and its owner closes it only after it was let go of here (`Engine::set_tap`, `set_socket`).
    Ok(ManuallyDrop::new(unsafe { File::from_raw_fd(descriptor) }))
}

/// A counter that is readable while it is not zero, eventfd(2).
pub(crate) fn event() -> Result<OwnedFd> {
    // SAFETY: the call takes two integers.
    let event = checked(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(event) })
}

/// Let a socket hold bursts that come. Where only `net.core.rmem_max` is allowed, that must do.
pub(crate) fn enlarge_receive_buffer(socket: BorrowedFd) {
    enlarge(socket, libc::SO_RCVBUFFORCE, libc::SO_RCVBUF);
}

/// Let a socket hold bursts that go.
pub(crate) fn enlarge_send_buffer(socket: BorrowedFd) {
    enlarge(socket, libc::SO_SNDBUFFORCE, libc::SO_SNDBUF);
}

fn enlarge(socket: BorrowedFd, forced: libc::c_int, polite: libc::c_int) {
    let set = |option| set_option(socket, libc::SOL_SOCKET, option, BUFFER);
    let _ = set(forced).or_else(|_| set(polite));
}

/// Have a UDP socket say each packet's TOS, and return several packets of one sender in one piece, where it can.
pub(crate) fn prepare_udp(socket: BorrowedFd) -> Result<()> {
    let _ = set_option(socket, libc::SOL_UDP, libc::UDP_GRO, 1); // since Linux 5.0; without it they come one by one
    set_option(socket, libc::IPPROTO_IP, libc::IP_RECVTOS, 1)
}

fn set_option(socket: BorrowedFd, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> Result<()> {
    let size = mem::size_of_val(&value) as libc::socklen_t;
    let value = ptr::from_ref(&value).cast();
    // SAFETY: `value` points to `size` octets that live through the call.
    checked(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, value, size) })?;
    Ok(())
}

/// Octets of the largest packet to there, as far as the kernel knows. whole: is connected to this address of ours, so
/// that it receives nothing, and again afterwards; whoever names a receiver sends to that meanwhile, too.
pub(crate) fn path_mtu(whole: BorrowedFd, local: Address, remote: Address) -> Result<usize> {
    let found = connect(whole, remote).and_then(|()| known_mtu(whole)); // sends nothing
    connect(whole, local)?;
    found
}

fn connect(socket: BorrowedFd, address: Address) -> Result<()> {
    let peer = socket_address(Place { address, port: DISCARD });
    let size = mem::size_of_val(&peer) as libc::socklen_t;
    // SAFETY: `peer` is an address of `size` octets that lives through the call.
    checked(unsafe { libc::connect(socket.as_raw_fd(), ptr::from_ref(&peer).cast(), size) })?;
    Ok(())
}

fn known_mtu(socket: BorrowedFd) -> Result<usize> {
    let mut mtu: libc::c_int = 0;
    let mut size = mem::size_of_val(&mtu) as libc::socklen_t;
    let (level, option, value) = (libc::IPPROTO_IP, libc::IP_MTU, ptr::from_mut(&mut mtu).cast());
    // SAFETY: `value` points to `size` octets that live through the call, as `size` does.
    checked(unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, value, &raw mut size) })?;
    usize::try_from(mtu).map_err(|_| ErrorKind::InvalidData.into())
}

/// Does the kernel say that a packet is too big for its path?
pub(crate) fn is_too_big(error: &Error) -> bool {
    error.raw_os_error() == Some(libc::EMSGSIZE)
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

    /// Wait until something is readable, and return the names of some that are. timeout: milliseconds, None: forever.
    pub(crate) fn wait(&mut self, timeout: Option<u16>) -> Result<impl Iterator<Item = usize> + use<>> {
        let room = self.ready.len() as libc::c_int;
        let timeout = timeout.map_or(-1, libc::c_int::from);
        // SAFETY: the kernel writes at most `room` events to the array, which lives through the call.
        let count =
            unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), self.ready.as_mut_ptr(), room, timeout) };
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

/// What one message was. segment: octets of each packet in it but the last.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) place: Range<usize>,
    /// Of UDP only, like `tos`: a raw socket returns the header that contains it.
    pub(crate) source: Place,
    pub(crate) tos: u8,
    pub(crate) segment: usize,
}

impl Message {
    /// Where the packets in it are.
    pub(crate) fn packets(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (end, segment) = (self.place.end, self.segment.max(1));
        self.place.clone().step_by(segment).map(move |start| start..(start + segment).min(end))
    }
}

/// Room for the control messages of one message.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Controls([u8; 64]);

/// Receives batches of packets into an arena of its own.
pub(crate) struct Receiver {
    pub(crate) arena: Vec<u8>,
    messages: Vec<Message>,
    names: Vec<libc::sockaddr_in>,
    controls: Vec<Controls>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    /// Messages that are asked for.
    room: usize,
}

impl Receiver {
    /// Octets for each packet: the largest there is, and a little more, so that not all begin in the same lines of the
    /// cache.
    const SLOT: usize = 65536 + 2048 + 64;
    /// Octets after which a message is a large one, and how many of these fit the processor's cache.
    const LARGE: usize = 16384;
    const FEW: usize = 8;

    pub(crate) fn new() -> Self {
        Self {
            arena: vec![0; BATCH * Self::SLOT],
            messages: Vec::with_capacity(BATCH),
            names: vec![socket_address(Place::default()); BATCH],
            controls: vec![Controls([0; 64]); BATCH],
            vectors: Vec::with_capacity(BATCH),
            headers: Vec::with_capacity(BATCH),
            room: BATCH,
        }
    }

    /// Take what has arrived, at most a batch. Nothing is an empty one. udp: ask what a raw socket's packets say themselves.
    pub(crate) fn receive(&mut self, socket: BorrowedFd, udp: bool) -> Result<()> {
        self.messages.clear();
        self.vectors.clear();
        self.vectors.extend(
            self.arena
                .chunks_exact_mut(Self::SLOT)
                .take(self.room)
                .map(|slot| libc::iovec { iov_base: slot.as_mut_ptr().cast(), iov_len: slot.len() }),
        );
        self.headers.clear();
        let parts = self.vectors.iter_mut().zip(&mut self.names).zip(&mut self.controls);
        self.headers.extend(parts.map(|((vector, name), control)| {
            // SAFETY: of a message header zero is a value: no address, no vectors, no control messages.
            let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            if udp {
                header.msg_hdr.msg_name = ptr::from_mut(name).cast();
                header.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
                header.msg_hdr.msg_control = ptr::from_mut(control).cast();
                header.msg_hdr.msg_controllen = mem::size_of::<Controls>() as _;
            }
            header
        }));
        let (headers, count) = (self.headers.as_mut_ptr(), self.headers.len() as libc::c_uint);
        let flags = libc::MSG_DONTWAIT as _;
        // SAFETY: there are `count` headers; each has one vector, which covers a slot of the arena, an address and room
        // for control messages; none of these is touched by anybody else until the call returns.
        let received = unsafe { libc::recvmmsg(socket.as_raw_fd(), headers, count, flags, ptr::null_mut()) };
        let count = match checked(received) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
            count => count? as usize,
        };
        for (number, header) in self.headers.iter().take(count).enumerate() {
            let start = number * Self::SLOT;
            let (tos, segment) = if udp { read_controls(&header.msg_hdr) } else { (0, None) };
            let length = header.msg_len as usize;
            self.messages.push(Message {
                place: start..start + length,
                source: place_of(&self.names[number]),
                tos,
                segment: segment.unwrap_or(length),
            });
        }
        Ok(())
    }

    /// Whether there may be more.
    pub(crate) fn is_full(&self) -> bool {
        !self.headers.is_empty() && self.messages.len() == self.headers.len()
    }

    /// The arena, and what the messages of the last batch are.
    pub(crate) fn messages(&mut self) -> (&mut [u8], &[Message]) {
        let large = self.messages.iter().any(|message| message.place.len() > Self::LARGE);
        self.room = if large { Self::FEW } else { BATCH };
        (&mut self.arena, &self.messages)
    }
}

/// Type of service, and the length of segments if there are any.
fn read_controls(header: &libc::msghdr) -> (u8, Option<usize>) {
    let (mut tos, mut segment) = (0, None);
    // SAFETY: the kernel has written control messages to the room that `msg_control` and `msg_controllen` describe, and
    // said there how long they are; the macros stay within. Octets are read where a message of that type has them.
    unsafe {
        let mut control = libc::CMSG_FIRSTHDR(header);
        while let Some(message) = control.as_ref() {
            let data = libc::CMSG_DATA(control);
            match (message.cmsg_level, message.cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_TOS) => tos = data.read(),
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    segment = usize::try_from(data.cast::<libc::c_int>().read_unaligned()).ok();
                }
                _ => (),
            }
            control = libc::CMSG_NXTHDR(header, control);
        }
    }
    (tos, segment.filter(|octets| *octets != 0))
}

/// The type of service of one packet, as a control message.
#[repr(C)]
struct TosControl {
    header: libc::cmsghdr,
    tos: libc::c_int,
}

/// The length of a train's packets, as a control message.
#[repr(C)]
struct SegmentControl {
    header: libc::cmsghdr,
    octets: u16,
}

/// Both, one behind the other.
#[repr(C)]
struct SendControls {
    tos: TosControl,
    segment: SegmentControl,
}

/// What one message of [`Sender`] is: two parts, one behind the other. segment: octets of each packet but the last, 0:
/// there is only one.
#[derive(Clone, Copy)]
pub(crate) struct Letter<'a> {
    pub(crate) to: Place,
    pub(crate) outer: Outer,
    pub(crate) segment: u16,
    pub(crate) parts: [&'a [u8]; 2],
}

/// Sends batches of packets.
#[derive(Default)]
pub(crate) struct Sender {
    addresses: Vec<libc::sockaddr_in>,
    controls: Vec<SendControls>,
    vectors: Vec<[libc::iovec; 2]>,
    headers: Vec<libc::mmsghdr>,
}

impl Sender {
    /// Send letters by a socket; `refused` is told which letter, and which packet of it, the kernel did not take, and why.
    ///
    /// A full queue is waited for: meanwhile the TAP's queue fills, and that is what slows TCP down gently.
    pub(crate) fn send<'a>(
        &mut self,
        socket: BorrowedFd,
        letters: &[Letter<'a>],
        refused: &mut dyn FnMut(usize, Letter<'a>, &Error),
    ) {
        for (number, batch) in letters.chunks(BATCH).enumerate() {
            self.prepare(batch);
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
                    Err(_) if batch[done].segment != 0 => {
                        let letter = number * BATCH + done;
                        send_in_pieces(socket, &batch[done], &mut |piece, why| refused(letter, piece, why));
                        done += 1;
                    }
                    Err(why) => {
                        refused(number * BATCH + done, batch[done], &why);
                        done += 1;
                    }
                }
            }
        }
    }

    /// Send one packet.
    pub(crate) fn send_one(&mut self, socket: BorrowedFd, letter: Letter) -> Result<()> {
        self.prepare(&[letter]);
        self.send_from(socket, 0)?;
        Ok(())
    }

    /// Fill in all that the kernel wants to know of a batch.
    fn prepare(&mut self, batch: &[Letter]) {
        self.addresses.clear();
        self.addresses.extend(batch.iter().map(|letter| socket_address(letter.to)));
        self.controls.clear();
        self.controls.extend(batch.iter().map(|letter| send_controls(letter.outer.tos, letter.segment)));
        self.vectors.clear();
        self.vectors.extend(batch.iter().map(|letter| letter.parts.map(io_vector)));
        self.headers.clear();
        let parts = self.addresses.iter_mut().zip(&mut self.controls).zip(&mut self.vectors);
        self.headers.extend(parts.zip(batch).map(|(((address, controls), vectors), letter)| {
            // SAFETY: of a message header zero is a value: no address, no vectors, no control messages.
            let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
            header.msg_hdr.msg_name = ptr::from_mut(address).cast();
            header.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_hdr.msg_iov = vectors.as_mut_ptr();
            header.msg_hdr.msg_iovlen = vectors.len() as _;
            let (pointer, length) = match (letter.outer.tos, letter.segment) {
                (0, 0) => (ptr::null_mut(), 0),
                (0, _) => (ptr::from_mut(&mut controls.segment).cast(), mem::size_of::<SegmentControl>()),
                (_, 0) => (ptr::from_mut(&mut controls.tos).cast(), mem::size_of::<TosControl>()),
                _ => (ptr::from_mut(controls).cast(), mem::size_of::<SendControls>()),
            };
            header.msg_hdr.msg_control = pointer;
            header.msg_hdr.msg_controllen = length as _;
            header
        }));
    }

    /// Send the prepared packets from this one on; returns how many went, at least one.
    fn send_from(&mut self, socket: BorrowedFd, first: usize) -> Result<usize> {
        let headers = &mut self.headers[first..];
        let (pointer, count) = (headers.as_mut_ptr(), headers.len() as libc::c_uint);
        let flags = libc::MSG_DONTWAIT as _;
        // SAFETY: there are `count` headers; `prepare` has pointed them to addresses, control messages and vectors of
        // `self` and to octets of its caller, which calls us before any of them is changed. The kernel only reads them.
        let sent = checked(unsafe { libc::sendmmsg(socket.as_raw_fd(), pointer, count, flags) })?;
        Ok(sent as usize)
    }
}

/// Send the packets of a train one by one. Together they are refused where they are longer than the path allows, and by
/// devices that do not cut.
fn send_in_pieces<'a>(socket: BorrowedFd, train: &Letter<'a>, refused: &mut dyn FnMut(Letter<'a>, &Error)) {
    let pieces = train.parts[1].chunks(train.segment.into());
    let letters: Vec<_> = pieces.map(|piece| Letter { segment: 0, parts: [&[], piece], ..*train }).collect();
    Sender::default().send(socket, &letters, &mut |_, piece, why| refused(piece, why));
}

fn socket_address(place: Place) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: place.port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(place.address) },
        sin_zero: [0; 8],
    }
}

fn place_of(name: &libc::sockaddr_in) -> Place {
    Place { address: name.sin_addr.s_addr.to_ne_bytes(), port: u16::from_be(name.sin_port) }
}

fn send_controls(tos: u8, segment: u16) -> SendControls {
    let tos_length = mem::offset_of!(TosControl, tos) + mem::size_of::<libc::c_int>();
    let segment_length = mem::offset_of!(SegmentControl, octets) + mem::size_of::<u16>();
    SendControls {
        tos: TosControl { header: control(tos_length, libc::IPPROTO_IP, libc::IP_TOS), tos: tos.into() },
        segment: SegmentControl {
            header: control(segment_length, libc::SOL_UDP, libc::UDP_SEGMENT),
            octets: segment,
        },
    }
}

fn control(length: usize, level: libc::c_int, kind: libc::c_int) -> libc::cmsghdr {
    // SAFETY: of a control message's header zero is a value.
    let mut header: libc::cmsghdr = unsafe { mem::zeroed() };
    header.cmsg_len = length as _;
    header.cmsg_level = level;
    header.cmsg_type = kind;
    header
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
