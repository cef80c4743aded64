"""Which files of a feature call each other while a network lives: pairs that call both ways, and the largest knot.

    python -m support.knots            writes docs/reference/knots.md, from the folder tests

A knot is a set of files that reach each other by calls, over any number of files (a strongly connected component): to
change one of them takes knowledge of all. A call counts where it begins: comprehensions belong to their function, and
code that resumes a generator did not call it.
"""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import dmvpn.features
from support.conformance import ROOT
from support.phases_page import Case, configured
from support.texts import file_text
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

PAGE: Final = ROOT / "docs" / "reference" / "knots.md"
_FEATURES: Final = f"{Path(dmvpn.features.__file__ or '').parent}/"
#: Names of code that belongs to the function around it.
_INNER: Final = ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>")
_HEAD: Final = file_text("knots.md")


@dataclass(frozen=True, slots=True)
class Knots:
    """What the calls of one feature make.

    files: how many files of its folder ran.
    pairs: files that call each other, in order of their names.
    largest: the files of the largest knot, none if no file is in one.
    """

    feature: str
    files: int
    pairs: tuple[tuple[str, str], ...]
    largest: tuple[str, ...]

    def row(self) -> str:
        """Return the feature's row of the page."""
        named = ", ".join(f"`{name}`" for name in self.largest)
        return f"| {self.feature} | {self.files} | {len(self.pairs)} | {len(self.largest)} | {named} |"


class CallTracer:
    """Records calls between the files of each feature; `profile` is for `sys.setprofile`."""

    def __init__(self) -> None:
        #: By feature: which file called which.
        self._calls: dict[str, dict[tuple[str, str], None]] = {}
        self._places: dict[str, tuple[str, str] | None] = {}

    def profile(self, frame: FrameType, what: str, _: object) -> None:
        """Count a call whose caller is in another file of the same feature."""
        code, caller = frame.f_code, frame.f_back
        if what != "call" or caller is None or code.co_flags & inspect.CO_GENERATOR or code.co_name in _INNER:
            return
        called, calling = self._place(code.co_filename), self._place(caller.f_code.co_filename)
        if called is None or calling is None or called[0] != calling[0] or called == calling:
            return
        self.count(called[0], calling[1], called[1])

    def count(self, feature: str, calling: str, called: str) -> None:
        """Note that one file of a feature called another."""
        self._calls.setdefault(feature, {})[calling, called] = None

    def _place(self, path: str) -> tuple[str, str] | None:
        """Return feature and file of a path, None outside of the features."""
        if path not in self._places:
            feature, _, file = path.removeprefix(_FEATURES).partition("/")
            self._places[path] = (feature, file.removesuffix(".py")) if path.startswith(_FEATURES) else None
        return self._places[path]

    def knots(self, feature: str) -> Knots:
        """Return what the calls of a feature make."""
        calls = self._calls.get(feature, {})
        callees: dict[str, list[str]] = {}
        for calling, called in sorted(calls):
            callees.setdefault(calling, []).append(called)
            callees.setdefault(called, [])
        reached = {file: _reached(file, callees) for file in callees}
        sets = [
            tuple(other for other in callees if other in reached[file] and file in reached[other]) for file in callees
        ]
        largest = max((tuple(sorted(files)) for files in sets), key=len, default=())
        pairs = tuple((one, other) for one, other in sorted(calls) if one < other and (other, one) in calls)
        return Knots(feature, len(callees), pairs, largest)


def _reached(start: str, callees: Mapping[str, list[str]]) -> dict[str, None]:
    """Return the files that calls from `start` lead to; itself only by a way back."""
    found: dict[str, None] = {}
    waiting = list(callees[start])
    while waiting:
        file = waiting.pop()
        if file not in found:
            found[file] = None
            waiting += callees[file]
    return found


# ------------------------------------------------------------------------------------------------------- the networks


def _routed(protocol: str) -> World:
    case = Case(protocol, phase=3, summary=False, hubs=2)
    return World("dual-hub", change=lambda router, text: configured(case, router, text))


#: The host behind SPOKE2.
_LAN: Final = "10.1.102.100"
_ORDERS: Final = (
    "clear ip nhrp",
    "clear ip ospf process",
    "clear ip eigrp neighbors",
    "clear ip bgp *",
    "clear crypto sa",
)
#: By feature: a network in which it works, and lines that are typed at HUB1 later on.
LIVES: Final[Mapping[str, tuple[Callable[[], World], tuple[str, ...]]]] = {
    "ospf": (lambda: _routed("OSPF point-to-multipoint"), ("interface Tunnel0", "ip ospf cost 30")),
    "eigrp": (lambda: _routed("EIGRP"), ("interface Tunnel0", "delay 3000")),
    "rip": (lambda: _routed("RIP"), ("router rip", "offset-list 0 out 2")),
    "bgp": (lambda: _routed("iBGP"), ("router bgp 65000", "bgp default local-preference 200")),
    "nhrp": (lambda: World("dual-hub"), ("interface Tunnel0", "ip nhrp holdtime 120")),
    "ike": (lambda: World("ipsec-dual-hub"), ("crypto ipsec security-association lifetime seconds 120",)),
}


def _live(world: World, lines: tuple[str, ...]) -> None:
    """Let a network converge, make a shortcut, lose a hub and get it back, and obey lines and orders."""
    world.run_for(60)
    world.ping("H1", _LAN)
    world.run_for(5)
    world.configure("HUB1", *lines)
    for order in _ORDERS:
        world.do("SPOKE1", order)
    world.run_for(30)
    world.sim.kill("HUB1")
    world.run_for(60)
    world.sim.boot("HUB1", world.scenario.configurations["HUB1"])
    world.run_for(60)
    world.ping("H1", _LAN)
    world.configure("SPOKE1", "interface Tunnel0", "shutdown")
    world.run_for(20)
    world.configure("SPOKE1", "interface Tunnel0", "no shutdown")
    world.run_for(200)


def traced(feature: str) -> Knots:
    """Return the knots of a feature in its network."""
    make, lines = LIVES[feature]
    tracer, before = CallTracer(), sys.getprofile()
    sys.setprofile(tracer.profile)
    try:
        _live(make(), lines)
    finally:
        sys.setprofile(before)
    return tracer.knots(feature)


def page(found: list[Knots]) -> str:
    """Return the whole page."""
    return _HEAD + "".join(f"{knots.row()}\n" for knots in found)


if __name__ == "__main__":
    PAGE.write_text(page([traced(feature) for feature in LIVES]), "utf-8")
    print(PAGE.relative_to(ROOT))
