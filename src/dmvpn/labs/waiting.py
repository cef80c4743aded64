"""The wait for a lab that comes up: what it lacks at each look, until it lacks nothing or the time is over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.labs import orders
from dmvpn.network.device import Device
from dmvpn.network.routing import election_time
from dmvpn.shells.convergence import cannot, changing, flapping, unfinished
from dmvpn.shells.descriptors import is_readable
from dmvpn.shells.facts import LabFacts
from dmvpn.shells.lab import control

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.shells.lab.places import LabFolder
    from dmvpn.shells.scenario import Scenario

#: Seconds in which a lab must be ready: so many, and more for each router. With IPsec 252 take 26 s on two cores.
PATIENCE = 20.0
PATIENCE_EACH = 0.3
#: Seconds between two looks; and between the two looks that must see the same neighbors and routes.
_LOOKS: Final = 0.05
_SETTLED: Final = 0.3
#: Seconds that pass at most between two looks at a simulated lab; and seconds of the machine, so that the user sees how
#: far it is.
_LONGEST_LEAP: Final = 4.0
_LONGEST_WORK: Final = 1.0
#: Lines at the end of a lab's log that say why it ended.
_TAIL: Final = 12


def patience(scenario: Scenario) -> float:
    """Return seconds in which this lab must be ready, the wait before an OSPF election of a DR included."""
    with_ospf = [Device.read(name, text) for name, text in scenario.configurations.items() if "ospf" in text]
    return PATIENCE + PATIENCE_EACH * len(scenario.configurations) + election_time(with_ospf)


def wait(scenario: Scenario, folder: LabFolder, lab: int, *, simulated: bool) -> Iterator[list[str]]:
    """Wait until nothing is missing, or for the patience with this lab; there is no wait for parts that this release
    lacks.

    Yields what the lab lacks, before each look and at the end. lab: a descriptor that can be read when the lab has
    ended. simulated: the wait is in the lab's own time, which passes at once, however long the machine takes for it.
    Raises UserError if the lab ended.
    """
    lacks, pause = ["its supervisor has not started"], _LOOKS
    began, passed, most = time.monotonic(), 0.0, patience(scenario)
    looks = _Looks(scenario, folder)
    while lacks and passed < most:
        yield lacks
        leaps = simulated and folder.control.exists()
        if is_readable(lab, 0.0 if leaps else pause):
            tail = folder.log.read_text().splitlines()[-_TAIL:] if folder.log.exists() else []
            raise UserError(f"lab {folder.name} ended while it was starting:" + _indented(tail))
        try:
            if leaps:
                passed = orders.clock(folder, pause, within=_LONGEST_WORK)
                pause = min(_LONGEST_LEAP, 2 * pause)
            if folder.control.exists():
                lacks = list(orders.missing(folder))
                if not lacks and not scenario.is_exercise:  # where those begin, something is wrong by intention
                    asked = time.monotonic()
                    lacks = looks.lacks()
                    # Of a large lab they take a while.
                    pause = max(_SETTLED, pause if leaps else 4 * (time.monotonic() - asked))
        except control.SilentError:
            lacks = ["it does not answer yet"]
            passed += control.PATIENCE
        if not simulated:
            passed = time.monotonic() - began
    if scenario.is_exercise or not folder.control.exists():
        yield lacks
    else:
        yield looks.at_end(lacks)


class _Looks:
    """Looks at the facts of a lab, one after the other."""

    def __init__(self, scenario: Scenario, folder: LabFolder) -> None:
        self._scenario = scenario
        self._folder = folder
        self._last: LabFacts | None = None
        self._flaps: list[str] = []  # what flapped at the last look: while a tunnel is down, nothing shows why

    def lacks(self) -> list[str]:
        """Look once more, and return what the lab lacks. Two looks must see the same neighbors and routes."""
        before, self._last = self._last, _facts(self._folder)
        missing = _unfinished(self._scenario, self._last)
        self._flaps = self._scenario.still_missing(flapping(self._last)) or (self._flaps if missing else [])
        if missing or self._flaps:
            return missing or self._flaps
        if before is None:
            return ["a second look at its routes"]
        return [f"{name}: its neighbors and routes still change" for name in changing(before, self._last)]

    def at_end(self, lacks: list[str]) -> list[str]:
        """Return what the lab lacks at the end of the wait. lacks: what it lacked at the last look."""
        facts = self._last
        if lacks or facts is None:
            facts = _facts(self._folder)
            lacks = [*_unfinished(self._scenario, facts), *self._flaps] or lacks
        return [*lacks, *self._scenario.still_missing(cannot(facts, self._scenario.lab.ready.either))]


def _indented(lines: list[str]) -> str:
    """Return a single line on the same line as its heading, several lines below it."""
    return f" {lines[0]}" if len(lines) == 1 else "".join(f"\n{line}" for line in lines)


def _unfinished(scenario: Scenario, facts: LabFacts) -> list[str]:
    return scenario.still_missing(unfinished(facts, scenario.lab.ready.either, scenario.lab.ready.routes))


def _facts(folder: LabFolder) -> LabFacts:
    return LabFacts.model_validate(control.order(folder.control, do="facts", own=True))
