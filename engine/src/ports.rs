//! The descriptors between which packets are moved: TAPs of tunnels, sockets on NBMA addresses.
//!
//! Python's own descriptors are never used: each is duplicated, so that it does not matter which side closes first.

use std::fs::File;
use std::io::Result;
use std::net::UdpSocket;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
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
    descriptor: Arc<OwnedFd>,
    whole: Arc<OwnedFd>,
    probe: Arc<Mutex<UdpSocket>>,
}

impl Socket {
    /// Descriptors of one's own for sending and receiving. address: of the door. whole: sends what has DF. The calling
    /// thread is in the namespace of the descriptors.
    pub(crate) fn duplicate(
        kind: Kind,
        local: Door,
        address: Address,
        descriptor: RawFd,
        whole: RawFd,
    ) -> Result<Self> {
        let [descriptor, whole] = [sys::duplicate(descriptor)?, sys::duplicate(whole)?].map(Arc::new);
        sys::enlarge_receive_buffer(descriptor.as_fd());
        sys::enlarge_send_buffer(descriptor.as_fd());
        sys::enlarge_send_buffer(whole.as_fd());
        if kind == Kind::Udp {
            sys::prepare_udp(descriptor.as_fd())?;
        }
        let probe = Arc::new(Mutex::new(sys::probe(address, descriptor.as_fd())?));
        Ok(Self { kind, local, descriptor, whole, probe })
    }

    /// Octets of the largest packet to there, as far as the kernel knows where this socket is.
    pub(crate) fn path_mtu(&self, remote: Address) -> Result<usize> {
        sys::path_mtu(&locked(&self.probe), remote)
    }

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
    /// Of a tunnel.
    pub(crate) fn tap(&self, number: u32) -> Option<&File> {
        self.taps.iter().find(|(other, _)| *other == number).map(|(_, tap)| &**tap)
    }

    /// Of this kind, at this door.
    pub(crate) fn socket(&self, kind: Kind, local: Door) -> Option<&Socket> {
        self.sockets.iter().find(|socket| (socket.kind, socket.local) == (kind, local))
    }
}
