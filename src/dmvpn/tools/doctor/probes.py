"""Pings that show what no state does: which packets pass between two ends, of which size, and how many are lost.

`carry_out` runs them through a caller that can type at the routers' prompts; `read` makes a `ProbeResult` of the
output. All are bounded in number and time, and the report lists them. `visit` chooses them.
"""

from __future__ import annotations

import enum
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

from dmvpn.base.values import dataclass
from dmvpn.tools.answers import hops, trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dmvpn.base.facts import Address

#: Types lines at routers' prompts, all at once; returns their output.
Ask: TypeAlias = "Callable[[Sequence[tuple[str, str]]], list[str]]"

#: Commands and requests of one visit.
MOST_COMMANDS, MOST_ECHOES = 60, 2000
#: Octets of a ping that fits every path.
_SMALL: Final = 100
#: Seconds for a reply over a slow path.
_PATIENCE: Final = 4
#: Requests that find out whether a path is slow, or whether it carries anything.
FEW: Final = 3


class ProbePurpose(enum.Enum):
    """The purpose of a probe."""

    GATEWAY = "does the next router answer?"
    GATEWAY_FULL = "do the largest packets of a tunnel pass there?"
    UNDERLAY = "do packets pass between the NBMA addresses?"
    LOSS = "do all of them?"
    UNDERLAY_FULL = "do the largest that the tunnel makes, in one piece?"
    UNDERLAY_OTHERS = "do the largest that the other end's tunnel makes?"
    UNDERLAY_SIZE = "how large may they be?"
    UNDERLAY_PIECES = "do fragments?"
    TUNNEL = "do packets pass through the tunnel?"
    TUNNEL_FULL = "do the largest?"
    SITES = "do packets pass between two sites?"
    LAN = "does a host of the site answer?"
    TRACE = "whom do they pass by?"


#: What runs when all else has run, as far as the commands of a visit suffice.
_LAST: Final = (ProbePurpose.TRACE, ProbePurpose.LAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A ping at a router. source: an interface. only_if: it runs if that probe had a reply.

    patience: seconds for a reply. vrf: the VRF of the source, "": the global table.
    """

    kind: ProbePurpose
    router: str
    target: Address
    source: str
    size: int = _SMALL
    df: bool = False
    repeat: int = 5
    patience: int = 1
    only_if: Probe | None = None
    vrf: str = ""

    @property
    def command(self) -> str:
        """The command."""
        target = f"vrf {self.vrf} {self.target}" if self.vrf else str(self.target)
        if self.kind is ProbePurpose.TRACE:
            return trace(target, self.source)
        df = " df-bit" if self.df else ""
        return f"ping {target} source {self.source} repeat {self.repeat} size {self.size} timeout {self.patience}{df}"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """marks: one for each request, as ping prints them; "": it could not run. path: the hops of a traceroute."""

    marks: str
    path: tuple[str, ...] = ()

    @property
    def tried(self) -> bool:
        """Whether it was run at all."""
        return bool(self.marks)

    @property
    def passed(self) -> bool:
        """Whether enough replies came. The first may wait for an address or an SA."""
        return self.tried and "!" in self.marks and self.lost <= 1

    @property
    def lost(self) -> int:
        """Requests without a reply."""
        return len(self.marks) - self.marks.count("!")

    @property
    def silent(self) -> bool:
        """Whether nothing came back, not even an error."""
        return self.tried and set(self.marks) == {"."}

    @property
    def refused(self) -> bool:
        """Whether a router on the path sent an error."""
        return self.tried and "!" not in self.marks and not self.silent

    def __str__(self) -> str:
        if self.path:
            return " -> ".join(self.path)
        if not self.tried:
            return "not tried"
        mixed = f" ({self.marks})" if len(set(self.marks)) > 1 or self.refused else ""
        return f"{len(self.marks) - self.lost} of {len(self.marks)} came back{mixed}"


_MARKS: Final = re.compile(r"^[!.UMQ&?]+$", re.MULTILINE)


def read(text: str) -> ProbeResult:
    """Return the result of a ping or traceroute: the marks of the one, or the hops of the other."""
    return ProbeResult("".join(_MARKS.findall(text)), tuple(hop for hop in hops(text) if hop != "*"))


def carry_out(probes: Iterable[Probe], ask: Ask) -> dict[Probe, ProbeResult]:
    """Run the probes: first pings, all at once, then dependent ones, last traceroutes when all is quiet, and pings of
    hosts.

    A slow path without faults loses nothing: silent probes are repeated with a longer timeout.
    """
    planned = list(dict.fromkeys(probes))
    first = [probe for probe in planned if probe.only_if is None and probe.kind not in _LAST]
    then = [probe for probe in planned if probe.only_if is not None]
    budget = _Budget()
    answers = budget.spend(first, ask)
    mute = [probe for probe, outcome in answers.items() if outcome.silent]
    again = {probe: replace(probe, patience=_PATIENCE, repeat=min(probe.repeat, FEW)) for probe in mute}
    slow = budget.spend(again.values(), ask)
    answers |= {probe: slow[later] for probe, later in again.items() if later in slow and "!" in slow[later].marks}
    passed = {probe for probe, outcome in answers.items() if "!" in outcome.marks}  # looked up, never iterated
    ready = [probe for probe in then if probe.only_if in passed]
    patient = {probe: replace(probe, patience=_PATIENCE) if probe.only_if in again else probe for probe in ready}
    last = budget.spend(patient.values(), ask)
    answers |= {probe: last[asked] for probe, asked in patient.items() if asked in last}
    return answers | budget.spend((probe for probe in planned if probe.kind in _LAST), ask)


@dataclass(slots=True)
class _Budget:
    """The commands and requests left for one visit."""

    commands: int = MOST_COMMANDS
    echoes: int = MOST_ECHOES

    def spend(self, probes: Iterable[Probe], ask: Ask) -> dict[Probe, ProbeResult]:
        """Run as many as the budget allows, all at once."""
        some: list[Probe] = []
        for probe in probes:
            if self.commands and self.echoes >= probe.repeat:
                self.commands, self.echoes = self.commands - 1, self.echoes - probe.repeat
                some.append(probe)
        printed = ask([(probe.router, probe.command) for probe in some])
        return {probe: read(text) for probe, text in zip(some, printed, strict=True)}
