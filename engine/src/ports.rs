//! The descriptors between which packets are moved: TAPs of tunnels, sockets on NBMA addresses.
//!
//! They are Python's, which keeps them open until both threads use others (`Shared::change`): a router has few.

use std::fs::File;
use std::io::{ErrorKind, Result};
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::sync::{Arc, Mutex};

use crate::doors::Door;
use crate::ipv4::Address;
use crate::locked;
use crate::sys;

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

/// A socket at one door.
#[derive(Clone)]
pub(crate) struct Socket {
    pub(crate) kind: Kind,
    pub(crate) local: Door,
    address: Address,
    descriptor: Lent,
    whole: Option<Lent>,
    asking: Arc<Mutex<()>>,
}

/// A file that Python closes, after it was let go of here.
pub(crate) type Lent = Arc<ManuallyDrop<File>>;

impl Socket {
    /// Descriptors for sending and receiving. address: of the door. whole: sends what has DF, if anything has.
    pub(crate) fn borrow(
        kind: Kind,
        local: Door,
        address: Address,
        descriptor: RawFd,
        whole: Option<RawFd>,
    ) -> Result<Self> {
        let descriptor = Arc::new(sys::borrow(descriptor)?);
        let whole = whole.map(sys::borrow).transpose()?.map(Arc::new);
        sys::enlarge_receive_buffer(descriptor.as_fd());
        for sender in whole.iter().chain([&descriptor]) {
            sys::enlarge_send_buffer(sender.as_fd());
        }
        if kind == Kind::Udp {
            sys::prepare_udp(descriptor.as_fd())?;
        }
        Ok(Self { kind, local, address, descriptor, whole, asking: Arc::default() })
    }

    /// Octets of the largest packet to there, as far as the kernel knows where this socket is.
    pub(crate) fn path_mtu(&self, remote: Address) -> Result<usize> {
        let _one_at_a_time = locked(&self.asking);
        sys::path_mtu(self.whole().ok_or(ErrorKind::NotConnected)?, self.address, remote)
    }

    /// The one whose packets have DF set. It only sends.
    pub(crate) fn whole(&self) -> Option<BorrowedFd<'_>> {
        self.whole.as_ref().map(|whole| whole.as_fd())
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
    pub(crate) taps: Vec<(u32, Lent)>,
    pub(crate) sockets: Vec<Socket>,
}

impl Ports {
    /// Of a tunnel.
    pub(crate) fn tap(&self, number: u32) -> Option<&File> {
        self.taps.iter().find(|(other, _)| *other == number).map(|(_, tap)| &***tap)
    }

    /// Of this kind, at this door.
    pub(crate) fn socket(&self, kind: Kind, local: Door) -> Option<&Socket> {
        self.sockets.iter().find(|socket| (socket.kind, socket.local) == (kind, local))
    }
}
