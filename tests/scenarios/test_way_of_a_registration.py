"""A Registration Request goes through few files of NHRP, and comes back to each of them once at most."""

from __future__ import annotations

import inspect
import pkgutil
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import dmvpn.features.nhrp
from dmvpn.base.events import NhrpReceived
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.nhrp.packet import PacketType
from support.world import World

if TYPE_CHECKING:
    from types import CodeType, FrameType

FOLDER = Path(dmvpn.features.nhrp.__file__).parent
#: Octets and state: what the parts look at and change on the way.
VALUES = ("packet", "extensions", "cie", "tunnel", "cache", "counters")
#: Everything that leaves goes by it, and each part says itself what leaves.
DOOR = "station"


class Way:
    """The files that the first Registration Request enters, in this order, each time by a call from another file."""

    def __init__(self) -> None:
        self.entered: list[str] = []
        self._inside: list[str] = []
        self._reads = _reads()
        self._handle = NhrpMachine.handle.__code__
        self._is_over = False

    def profile(self, frame: FrameType, what: str, _: object) -> None:
        """For `sys.setprofile`."""
        code = frame.f_code
        path = Path(code.co_filename)
        if self._is_over or path.parent != FOLDER or code in self._reads or code.co_name.startswith("<"):
            return
        if what == "call":
            if not self._inside and not (code is self._handle and _is_registration(frame.f_locals["event"])):
                return
            if not self._inside or self._inside[-1] != path.stem:
                self.entered.append(path.stem)
            self._inside.append(path.stem)
        elif what == "return" and self._inside:
            self._inside.pop()
            self._is_over = not self._inside


def _is_registration(event: object) -> bool:
    """RFC 2332 §5.2.0.1: ar$op.type is the 18th octet."""
    return isinstance(event, NhrpReceived) and event.data[17] == PacketType.REGISTRATION_REQUEST


def _reads() -> set[CodeType]:
    """Properties and operators, which are parts of values."""
    modules = [import_module(f"dmvpn.features.nhrp.{each.name}") for each in pkgutil.iter_modules([str(FOLDER)])]
    classes = [each for module in modules for each in vars(module).values() if inspect.isclass(each)]
    members = [(name, member) for each in classes for name, member in vars(each).items()]
    reads = {member.fget.__code__ for _, member in members if isinstance(member, property) and member.fget}
    operators = {member.__code__ for name, member in members if name[:2] == "__" and inspect.isfunction(member)}
    return reads | operators


def test_a_registration_request_passes_few_files_and_comes_back_to_each_once() -> None:
    world, way = World("notes-phase3"), Way()
    before = sys.getprofile()
    sys.setprofile(way.profile)
    try:
        world.run_for(5)
    finally:
        sys.setprofile(before)
    passed = Counter(name for name in way.entered if name not in VALUES)
    assert list(passed)[:3] == ["machine", "overlay", DOOR], "no registration was seen"
    assert "server" in passed
    assert len(passed) <= 12, passed
    assert {name: times for name, times in passed.items() if times > 2 and name != DOOR} == {}
