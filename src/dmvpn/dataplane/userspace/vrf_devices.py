"""The VRFs of a router of this machine: a VRF device of the kernel for each, in the network namespace of the router.

    make      a device with the name of the VRF and a table of its own, or the device that a killed router left
    enter     sockets that the thread opens are bound to the device: the kernel looks up their packets in its table
    remove    the device goes; its ports are in the global table again

The kernel looks up the table of a VRF device by its rule 1000. Each table ends in an unreachable route (`Domain`):
without it the kernel would go on to the main table. A device of ours has an alias; a living router holds a lock for it,
so that no other one takes it.

A device that another program deletes (`ip link delete INTERNET`) is made again:

its ports           are in the new device at once, before anything else, because the kernel has put them into the
                    global table
its sockets         end with the old device, and so do its tunnels and streams
a `Resync`          lets the router repeat its orders: tunnels, routes and sockets return. It comes at once the first
                    times, and at growing intervals if another program deletes the device again and again

The sockets and tables of a VRF are in its backend, which is a network namespace or a device of the kernel:

    VrfBackend     that of one VRF: the calling thread enters it, and opens sockets, TAPs and settings there
    VrfBackends    makes and removes them (`shells/lab/vrf_namespaces.py`: a network namespace for each VRF; here: a VRF
                   device of the kernel)
    Places         the backend that the calling thread is in; a callback comes back to the backend that asked for it

Only opening needs a backend: a socket stays in the namespace, or bound to the VRF device, where it was opened. A router
without VRFs has one backend and never enters it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import local
from typing import ClassVar, Final, Protocol

from dmvpn.base.effects import SetVrfs
from dmvpn.base.errors import UserError
from dmvpn.base.events import EffectFailed, Event, Resync, VrfLost
from dmvpn.dataplane import netlink
from dmvpn.dataplane.host import HostProblem
from dmvpn.dataplane.netlink import ROUTE_PROTOCOL, KernelLink, LinkSettings
from dmvpn.dataplane.sockets import open_on
from dmvpn.dataplane.userspace.engine import Loop
from dmvpn.dataplane.userspace.keeper import AT_ONCE, CALM, FIRST_DELAY, LONGEST_DELAY
from dmvpn.dataplane.userspace.links import MAIN, Domain

# ---------------------------------------------------------------------------------------------------- backend


class Descriptor(Protocol):
    """A socket, or an owner of one."""

    def fileno(self) -> int:
        """Return its descriptor."""


class VrfBackend(Protocol):
    """The network namespace or the VRF device of one VRF."""

    def enter(self) -> None:
        """Move the calling thread there. Raises OSError."""

    @property
    def arrival(self) -> LinkSettings:
        """The change to an interface that moves it there."""

    @property
    def domain(self) -> Domain:
        """Its table in its network namespace."""

    def held_by(self, holder: Descriptor) -> None:
        """Take in that a socket is there until the VRF is removed: the backend may hold no descriptor itself."""


class VrfBackends(Protocol):
    """Makes the backends of a router, and removes them."""

    @property
    def settings(self) -> Mapping[str, int]:
        """Settings that the home needs while there are VRFs."""
        return {}

    @property
    def home(self) -> VrfBackend:
        """The backend of the global table: where the plane was made. Raises UserError if there is no other."""
        raise UserError("this host has no place for VRFs")

    def make(self, vrf: str) -> VrfBackend:
        """Return the backend of a VRF: a new one, or that of an earlier life of this router.

        Raises UserError if this host has none, OSError.
        """
        raise UserError(f"VRF {vrf}: a router on this host has only the host's own routing table; labs have VRFs")

    def remove(self, vrf: str) -> None:
        """Let go of the backend of a VRF, from which all ports were taken: whatever else is there ends."""
        return

    def left(self) -> tuple[str, ...]:
        """Return the VRFs whose backends an earlier life of this router has left, and that were not made since."""
        return ()


class NoBackends(VrfBackends):
    """The backends of a router on a host that has none for VRFs: there is no home, and none is made."""


class _Here(local):
    """The VRF whose backend this thread is in."""

    vrf = ""


class Places:
    """Moves the calling thread between the backends of a router."""

    def __init__(self, backends: VrfBackends) -> None:
        self._of_router = backends
        self._backends: dict[str, VrfBackend] = {}
        self._here = _Here()

    @property
    def here(self) -> str:
        """The VRF whose backend the calling thread is in."""
        return self._here.vrf

    def set(self, vrf: str, backend: VrfBackend) -> None:
        """Record the backend of a VRF."""
        self._backends[vrf] = backend

    def forget_vrf(self, vrf: str) -> None:
        """Forget the backend of a VRF."""
        self._backends.pop(vrf, None)

    def has(self, vrf: str) -> bool:
        """Return whether there is such a VRF."""
        return vrf in self._backends

    @property
    def has_devices(self) -> bool:
        """Whether VRFs are devices in one network namespace."""
        return any(backend.domain.device for backend in self._backends.values())

    def backend(self, vrf: str) -> VrfBackend:
        """Return the backend of a VRF. Raises UserError if there is none."""
        if not vrf:
            return self._of_router.home
        found = self._backends.get(vrf)
        if found is None:
            raise UserError(f"there is no VRF {vrf}")
        return found

    @contextmanager
    def at(self, vrf: str) -> Iterator[None]:
        """Be in the backend of a VRF. Raises UserError if there is none, OSError."""
        before = self._here.vrf
        if vrf == before:
            yield
            return
        self._enter(vrf)
        try:
            yield
        finally:
            self._enter(before if self.has(before) else "")  # the VRF may have been removed meanwhile

    def _enter(self, vrf: str) -> None:
        self.backend(vrf).enter()
        self._here.vrf = vrf


class VrfLoop:
    """A `Loop` that calls back in the backend from which it was asked."""

    def __init__(self, loop: Loop, places: Places) -> None:
        self._loop = loop
        self._places = places

    def add(self, descriptor: int, ready: Callable[[], None]) -> None:
        """Call `ready` whenever the descriptor is readable."""
        self._loop.add(descriptor, self._in_vrf(ready))

    def remove(self, descriptor: int) -> None:
        """Stop watching."""
        self._loop.remove(descriptor)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call `call` once, after so many seconds."""
        self._loop.later(seconds, self._in_vrf(call))

    def _in_vrf(self, call: Callable[[], None]) -> Callable[[], None]:
        vrf = self._places.here
        if not vrf:
            return call
        backend = self._places.backend(vrf)

        def called() -> None:
            # Otherwise the VRF was removed meanwhile, and perhaps made again: what asked for this is gone.
            if self._places.has(vrf) and self._places.backend(vrf) is backend:
                with self._places.at(vrf):
                    call()

        return called


# ---------------------------------------------------------------------------------------------------- vrf losses


class VrfLosses:
    """The lost VRFs of one plane, and when the router repeats its orders."""

    def __init__(
        self,
        loop: Loop,
        report: Callable[[Event], None],
        remake: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """remake: makes a VRF again; raises UserError, OSError. clock: seconds."""
        self._loop = loop
        self._report = report
        self._remake = remake
        self._clock = clock
        self._ordered: tuple[str, ...] = ()
        #: VRFs that are not made yet; that wait for a `Resync`; how often each was lost in a row, and when last.
        self._unmade: dict[str, None] = {}
        self._waiting: dict[str, None] = {}
        self._losses: dict[str, tuple[int, float]] = {}

    def lose(self, vrf: str) -> None:
        """Make a VRF again whose device is gone."""
        times, last = self._losses.get(vrf, (0, 0.0))
        now = self._clock()
        times = times + 1 if now - last < CALM else 1
        self._losses[vrf] = (times, now)
        delay = 0.0 if times <= AT_ONCE else min(FIRST_DELAY * 2 ** (times - AT_ONCE - 1), LONGEST_DELAY)
        self._unmade[vrf] = self._waiting[vrf] = None
        problem: OSError | UserError | None = None
        try:
            self.make_up()
        except (UserError, OSError) as error:
            problem = error
        self._report(VrfLost(vrf, delay))
        if problem is not None:  # the owner of the order logs it, and tries again
            self._report(EffectFailed(SetVrfs(tuple(self._unmade)), getattr(problem, "errno", 0) or 0, str(problem)))
        self._loop.later(delay, lambda: self._repeat(vrf))

    def make_up(self) -> None:
        """Make the lost VRFs again that are not yet. Raises UserError, OSError."""
        for vrf in list(self._unmade):
            self._remake(vrf)
            del self._unmade[vrf]

    def ordered(self, vrfs: tuple[str, ...]) -> None:
        """Take in that these VRFs are ordered: no other device is made again."""
        self._ordered = vrfs
        self._unmade = {vrf: None for vrf in self._unmade if vrf in vrfs}
        self._waiting = {vrf: None for vrf in self._waiting if vrf in vrfs}
        self._losses = {vrf: losses for vrf, losses in self._losses.items() if vrf in vrfs}

    def _repeat(self, vrf: str) -> None:
        if vrf not in self._waiting:
            return
        if vrf in self._unmade:
            self._loop.later(LONGEST_DELAY, lambda: self._repeat(vrf))
            return
        del self._waiting[vrf]
        self._report(Resync())


# ---------------------------------------------------------------------------------------------------- vrf devices

#: The tables of VRF devices of ours.
TABLES: Final = range(5500, 6000)
_PROBE: Final = "dmvpn-probe"


class DeviceBackend:
    """A VRF device; without a name the global table of this network namespace.

    domain: the device, and its table.
    """

    def __init__(self, name: str | None = None, domain: Domain = MAIN, lock: int | None = None) -> None:
        self._name = name
        self.domain = domain
        self._lock = lock

    def enter(self) -> None:
        """Open sockets bound to the device from now on."""
        open_on(self._name)

    @property
    def arrival(self) -> LinkSettings:
        """An interface that is a port of the device, or of no device."""
        return LinkSettings(master=self.domain.device)

    def held_by(self, holder: Descriptor) -> None:
        """Do nothing: a device needs no descriptor."""

    def replaced(self, domain: Domain) -> DeviceBackend:
        """Return the backend with the device that takes the place of a deleted one, and with the lock of this one."""
        lock, self._lock = self._lock, None
        return DeviceBackend(self._name, domain, lock)

    def release(self) -> None:
        """Let go of the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class VrfDevices:
    """The `VrfBackends` of a router on a host with VRF devices."""

    #: Otherwise a raw socket of the global table gets copies of the packets of all VRFs.
    settings: ClassVar[Mapping[str, int]] = {"net/ipv4/raw_l3mdev_accept": 0}

    def __init__(self, folder: Path | None) -> None:
        """folder: of the locks, where the host's settings are recorded, too; None: there are no other routers."""
        self._folder = folder
        self._made: dict[str, DeviceBackend] = {}

    @property
    def home(self) -> VrfBackend:
        """The global table."""
        return DeviceBackend()

    def make(self, vrf: str) -> VrfBackend:
        """Return the device of a VRF, a new one if it was deleted.

        Raises UserError, OSError, and leaves no new device then.
        """
        problem = problem_of_name(vrf)
        if problem is not None:
            raise problem
        before = self._made.get(vrf)
        if before is not None:
            self._made[vrf] = before.replaced(_device(vrf, before.domain.table))
            return self._made[vrf]
        lock = _locked(self._folder, vrf)
        try:
            domain = _device(vrf)
        except BaseException:
            if lock is not None:
                os.close(lock)
            raise
        backend = self._made[vrf] = DeviceBackend(vrf, domain, lock)
        return backend

    def remove(self, vrf: str) -> None:
        """Remove the device of a VRF."""
        backend = self._made.pop(vrf, None)
        if backend is not None:
            with netlink.NetlinkSocket() as kernel:
                kernel.execute([netlink.delete_link(backend.domain.device)])
            backend.release()

    def left(self) -> tuple[str, ...]:
        """Return the VRFs of killed routers that were not made since."""
        with netlink.NetlinkSocket() as kernel:
            names = [link.name for link in kernel.links() if _is_ours(link) and link.name not in self._made]
        return tuple(name for name in names if _is_free(self._folder, name))


def are_missing() -> bool:
    """Return whether the kernel has no VRF devices. It is asked for an impossible one, so nothing is made."""
    with netlink.NetlinkSocket() as kernel:
        refusals = kernel.execute([netlink.create_vrf(_PROBE, None)])
    return any(refusal.errno == errno.EOPNOTSUPP for refusal in refusals)


def problem_of_name(vrf: str) -> HostProblem | None:
    """Return why no interface of Linux can have the name of a VRF, or None."""
    try:
        netlink.checked_name(vrf)
    except ValueError as error:
        return HostProblem(f"VRF {vrf}: {error}", fix="another name for the VRF")
    return None


def clean_up(kernel: netlink.NetlinkSocket, folder: Path | None) -> tuple[str, ...]:
    """Remove VRF devices of killed routers with their routes; returns their names."""
    found = [link for link in kernel.links() if _is_ours(link) and _is_free(folder, link.name)]
    tables = {link.table for link in found}  # looked up, never iterated
    stale = [route for route in kernel.routes(protocol=ROUTE_PROTOCOL) if route.table in tables]
    # Ports first, so that none of their packets finds a table without routes and goes on to the main one.
    kernel.execute([netlink.delete_link(link.index) for link in found])
    kernel.execute([netlink.delete_route(route) for route in stale])
    return tuple(link.name for link in found)


def _device(vrf: str, before: int | None = None) -> Domain:
    """Return a device of ours, made if there is none. Raises UserError, OSError.

    before: the table of the deleted one, which still has routes.
    """
    with netlink.NetlinkSocket() as kernel:
        found = kernel.find_link(vrf)
        if found is None:
            taken = {before, *(link.table for link in kernel.links())}  # looked up, never iterated
            table = next((number for number in TABLES if number not in taken), None)
            if table is None:
                raise UserError(f"VRF {vrf}: there are {len(TABLES)} VRF devices already")
            try:
                kernel.call(netlink.create_vrf(vrf, table))
            except netlink.NetlinkError as error:
                if error.errno == errno.EOPNOTSUPP:
                    raise UserError(f"VRF {vrf}: the kernel of this host has no VRF devices") from error
                raise
            kernel.call(netlink.set_link(vrf, LinkSettings(alias=_alias(vrf))))
            found = kernel.find_link(vrf)
            if found is None:
                raise OSError(errno.ENODEV, f"{vrf} is gone")
        elif not _is_ours(found):
            raise UserError(f"VRF {vrf}: this host has an interface of that name, which is not ours")
        if found.table is None:
            raise UserError(f"VRF {vrf}: the table of its VRF device is unknown")
        kernel.call(netlink.set_up(found.index))
        domain = Domain(found.table, found.index)
        kernel.call(netlink.replace_route(domain.end))
        return domain


def _alias(vrf: str) -> str:
    return f"dmvpn VRF {vrf}"


def _is_ours(link: KernelLink) -> bool:
    return link.kind == "vrf" and link.alias == _alias(link.name)


def _locked(folder: Path | None, vrf: str) -> int | None:
    """Return a lock of the device, which ends with this process. Raises UserError if another router has it, OSError."""
    if folder is None:
        return None
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(folder / f"{vrf}.vrf", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise UserError(f"VRF {vrf}: another router on this host has a VRF of that name") from error
    return lock


def _is_free(folder: Path | None, vrf: str) -> bool:
    with contextlib.suppress(UserError, OSError):
        lock = _locked(folder, vrf)
        if lock is not None:
            os.close(lock)
        return True
    return False
