"""The VRFs of a router of a lab: a network namespace for each, beside that of the router.

The process of the router makes them and passes their descriptors to the supervisor, which holds them, too: a namespace
that no process holds ends with the cables in it. The next process of the router inherits them, with the cables.

    router -> supervisor    b"+NAME" and a descriptor: hold it; b"-NAME": let it go; b"=JSON": its VLANs are these
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import socket
from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from dmvpn.base.errors import UserError
from dmvpn.base.recording import plain
from dmvpn.base.switching import Box
from dmvpn.dataplane.netlink import LinkSettings
from dmvpn.dataplane.userspace.links import MAIN, Domain
from dmvpn.dataplane.userspace.vrf_devices import Descriptor, VrfBackend
from dmvpn.shells.lab.syscalls import NamespaceKind, setns, unshare

_HERE: Final = "/proc/thread-self/ns/net"
#: Asks for a descriptor of the network namespace of a socket, since Linux 4.9.
_SIOCGSKNS: Final = 0x894C
#: Descriptors of held namespaces that are open at a time; two are used together.
_OPEN: Final = 8
#: Octets of the longest message: the name of a VRF may be as long as a line, and a switch has many ports.
_LONGEST: Final = 1 << 17


class NamespaceBackend:
    """A network namespace, held by an open descriptor, or by a socket in it (`held_by`).

    A router of many VRFs has few descriptors, so those of held namespaces are closed again, but of the last used ones.
    """

    def __init__(self, descriptor: int, used: dict[NamespaceBackend, None] | None = None) -> None:
        """used: the held backends whose descriptors are open, the last used one last."""
        self._descriptor = descriptor
        self._used = used if used is not None else {}
        self._holder: Descriptor | None = None

    def enter(self) -> None:
        """Move the calling thread there. Raises OSError."""
        setns(self._open(), NamespaceKind.NETWORK)

    @property
    def arrival(self) -> LinkSettings:
        """The move into the namespace. Raises OSError."""
        return LinkSettings(namespace=self._open())

    def held_by(self, holder: Descriptor) -> None:
        """Close the descriptor between its uses, as long as this socket is open."""
        try:
            os.close(fcntl.ioctl(holder.fileno(), _SIOCGSKNS))
        except OSError:  # before Linux 4.9
            return
        self._holder = holder
        self._open()

    def _open(self) -> int:
        if self._holder is not None:
            self._used.pop(self, None)
            self._used[self] = None
            if self._descriptor < 0:
                self._descriptor = fcntl.ioctl(self._holder.fileno(), _SIOCGSKNS)
            if len(self._used) > _OPEN:
                next(iter(self._used)).close()
        return self._descriptor

    @property
    def domain(self) -> Domain:
        """The main table."""
        return MAIN

    def close(self) -> None:
        """Close the descriptor."""
        self._used.pop(self, None)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Namespaces:
    """The `VrfBackends` of a router whose process may make network namespaces."""

    settings: ClassVar[Mapping[str, int]] = {}

    def __init__(
        self, left: Mapping[str, int] | None = None, hold: Callable[[str, int | None], None] | None = None
    ) -> None:
        """left: descriptors of an earlier process by VRF. hold: called with each descriptor that is to outlive this
        process, and with None when its VRF is removed.
        """
        self._home = NamespaceBackend(os.open(_HERE, os.O_RDONLY | os.O_CLOEXEC))
        self._left = dict(left or {})
        self._hold = hold
        self._made: dict[str, NamespaceBackend] = {}
        self._used: dict[NamespaceBackend, None] = {}

    @property
    def home(self) -> VrfBackend:
        """The namespace in which this was made."""
        return self._home

    def make(self, vrf: str) -> VrfBackend:
        """Return the namespace of a VRF. Raises UserError, OSError. The calling thread is at home."""
        descriptor = self._left.pop(vrf, None)
        if descriptor is None:
            descriptor = self._new(vrf)
            if self._hold is not None:
                self._hold(vrf, descriptor)
        backend = self._made[vrf] = NamespaceBackend(descriptor, self._used)
        return backend

    def remove(self, vrf: str) -> None:
        """Let go of the namespace of a VRF."""
        backend = self._made.pop(vrf, None)
        if backend is not None:
            backend.close()
            if self._hold is not None:
                self._hold(vrf, None)

    def left(self) -> tuple[str, ...]:
        """Return the VRFs of the earlier process that were not made since."""
        return tuple(self._left)

    def _new(self, vrf: str) -> int:
        try:
            unshare(NamespaceKind.NETWORK)
        except OSError as error:
            raise UserError(f"VRF {vrf}: no network namespace can be made here: {error.strerror}") from error
        try:
            return os.open(_HERE, os.O_RDONLY | os.O_CLOEXEC)
        finally:
            self._home.enter()


class HeldNamespaces:
    """The supervisor's side: the descriptors that the processes of one router have passed to it."""

    def __init__(self, selector: selectors.BaseSelector, switch: Callable[[bytes], None] = lambda _: None) -> None:
        """switch: takes the VLANs of the router."""
        self._selector = selector
        self._switch = switch
        self._pipe: socket.socket | None = None
        self._held: dict[str, int] = {}

    def begin(self) -> tuple[dict[str, int], socket.socket]:
        """Return the namespaces for the next process, and the end of the pipe that is its own."""
        self._take_in()
        self._end()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self._pipe = ours
        self._selector.register(ours, selectors.EVENT_READ, self._take_in)
        return dict(self._held), theirs

    def descriptors(self) -> dict[str, int]:
        """Return the held descriptors by VRF, as of now."""
        self._take_in()
        return dict(self._held)

    def _take_in(self) -> None:
        """Read the pipe; the messages of a killed process are still in it."""
        while self._pipe is not None:
            try:
                octets, descriptors, _, _ = socket.recv_fds(self._pipe, _LONGEST, 1)
            except OSError:  # there are no more
                return
            if not octets:
                self._end()
                return
            if octets.startswith(b"="):
                self._switch(octets[1:])
                continue
            name = octets[1:].decode(errors="replace")
            before = self._held.pop(name, None)
            if before is not None:
                os.close(before)
            if descriptors:
                os.set_inheritable(descriptors[0], False)
                self._held[name] = descriptors[0]

    def _end(self) -> None:
        if self._pipe is not None:
            self._selector.unregister(self._pipe)
            self._pipe.close()
            self._pipe = None


def holder(pipe: socket.socket) -> Callable[[str, int | None], None]:
    """Return the function by which a router's process passes its namespaces to the supervisor."""

    def hold(vrf: str, descriptor: int | None) -> None:
        with contextlib.suppress(OSError):  # the supervisor is gone, and the lab with it
            if descriptor is None:
                pipe.send(b"-" + vrf.encode())
            else:
                socket.send_fds(pipe, [b"+" + vrf.encode()], [descriptor])

    return hold


def switcher(pipe: socket.socket) -> Callable[[Box], None]:
    """Return the function by which a router's process passes its VLANs to the supervisor."""

    def switch(box: Box) -> None:
        with contextlib.suppress(OSError):
            pipe.send(b"=" + json.dumps(plain(box)).encode())

    return switch
