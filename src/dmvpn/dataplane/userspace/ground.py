"""Where the sockets and tables of a VRF are, and of the global table: its ground.

    Ground    one place: the calling thread enters it, and the sockets, TAPs and settings that it opens are there
    Grounds   makes and removes them (`shells/lab/grounds.py`: a network namespace for each VRF; `vrf_devices`: a VRF
              device of the kernel)
    Places    which ground the calling thread is on; a callback comes back to the ground that asked for it

Only opening needs a ground: a socket stays in the namespace, or bound to the VRF device, where it was opened. A router
without VRFs has one ground and never enters it.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import local
from typing import TYPE_CHECKING, ClassVar, Protocol

from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dmvpn.dataplane.netlink import LinkSettings
    from dmvpn.dataplane.userspace.domain import Domain
    from dmvpn.dataplane.userspace.watch import Loop


class Descriptor(Protocol):
    """A socket, or an owner of one."""

    def fileno(self) -> int:
        """Return its descriptor."""
        ...


class Ground(Protocol):
    """The place of one VRF."""

    def enter(self) -> None:
        """Move the calling thread there. Raises OSError."""
        ...

    @property
    def arrival(self) -> LinkSettings:
        """The change to an interface that moves it there."""
        ...

    @property
    def domain(self) -> Domain:
        """Its table in its network namespace."""
        ...

    def held_by(self, holder: Descriptor) -> None:
        """Take in that a socket is there until the VRF is removed: the ground may hold no descriptor itself."""
        ...


class Grounds(Protocol):
    """The places of a router."""

    @property
    def settings(self) -> Mapping[str, int]:
        """Settings that the home needs while there are VRFs."""
        ...

    @property
    def home(self) -> Ground:
        """The ground of the global table: where the plane was made. Raises UserError if there is no other."""
        ...

    def make(self, vrf: str) -> Ground:
        """Return the ground of a VRF: a new one, or that of an earlier life of this router.

        Raises UserError if this host has none, OSError.
        """
        ...

    def remove(self, vrf: str) -> None:
        """Let go of the ground of a VRF, from which all ports were taken: whatever else is there ends."""
        ...

    def left(self) -> tuple[str, ...]:
        """Return the VRFs whose grounds an earlier life of this router has left, and that were not made since."""
        ...


class OneGround:
    """The grounds of a router on a host that has none for VRFs."""

    settings: ClassVar[Mapping[str, int]] = {}

    @property
    def home(self) -> Ground:
        """The ground of the global table: never entered, because there is no other."""
        raise UserError("this host has no place for VRFs")

    def make(self, vrf: str) -> Ground:
        """Refuse. Raises UserError."""
        raise UserError(f"VRF {vrf}: a router on this host has only the host's own routing table; labs have VRFs")

    def remove(self, vrf: str) -> None:
        """Do nothing: there is none."""

    def left(self) -> tuple[str, ...]:
        """Return none."""
        return ()


class _Here(local):
    """The VRF whose ground this thread is on."""

    vrf = ""


class Places:
    """Moves the calling thread between the grounds of a router."""

    def __init__(self, grounds: Grounds) -> None:
        self._of_router = grounds
        self._grounds: dict[str, Ground] = {}
        self._here = _Here()

    @property
    def here(self) -> str:
        """The VRF whose ground the calling thread is on."""
        return self._here.vrf

    def set(self, vrf: str, ground: Ground) -> None:
        """Record the ground of a VRF."""
        self._grounds[vrf] = ground

    def forget(self, vrf: str) -> None:
        """Forget the ground of a VRF."""
        self._grounds.pop(vrf, None)

    def has(self, vrf: str) -> bool:
        """Return whether there is such a VRF."""
        return vrf in self._grounds

    @property
    def has_devices(self) -> bool:
        """Whether VRFs are devices in one network namespace."""
        return any(ground.domain.device for ground in self._grounds.values())

    def ground(self, vrf: str) -> Ground:
        """Return the ground of a VRF. Raises UserError if there is none."""
        if not vrf:
            return self._of_router.home
        found = self._grounds.get(vrf)
        if found is None:
            raise UserError(f"there is no VRF {vrf}")
        return found

    @contextmanager
    def at(self, vrf: str) -> Iterator[None]:
        """Be on the ground of a VRF. Raises UserError if there is none, OSError."""
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
        self.ground(vrf).enter()
        self._here.vrf = vrf


class GroundedLoop:
    """A `Loop` that calls back on the ground from which it was asked."""

    def __init__(self, loop: Loop, places: Places) -> None:
        self._loop = loop
        self._places = places

    def add(self, descriptor: int, ready: Callable[[], None]) -> None:
        """Call `ready` whenever the descriptor is readable."""
        self._loop.add(descriptor, self._grounded(ready))

    def remove(self, descriptor: int) -> None:
        """Stop watching."""
        self._loop.remove(descriptor)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call `call` once, after so many seconds."""
        self._loop.later(seconds, self._grounded(call))

    def _grounded(self, call: Callable[[], None]) -> Callable[[], None]:
        vrf = self._places.here
        if not vrf:
            return call
        ground = self._places.ground(vrf)

        def called() -> None:
            # Otherwise the VRF was removed meanwhile, and perhaps made again: what asked for this is gone.
            if self._places.has(vrf) and self._places.ground(vrf) is ground:
                with self._places.at(vrf):
                    call()

        return called
