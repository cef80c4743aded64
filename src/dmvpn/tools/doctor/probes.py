"""Pings that show what no state does: what passes between two ends, how large, how often.

`carry_out` tries them by a caller that can type at the routers' prompts; `read` makes an `Outcome` of what the ping
printed. All are bounded in number and time, and the report says what was sent. `planning` chooses them.
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

#: Types lines at routers' prompts, all at once; what they print.
Ask: TypeAlias = "Callable[[Sequence[tuple[str, str]]], list[str]]"

#: Commands and requests of one visit.
MOST_COMMANDS, MOST_ECHOES = 60, 2000
#: Octets of a ping that fits everywhere.
_SMALL: Final = 100
#: Seconds for an answer over a slow way.
_PATIENCE: Final = 4
#: Requests that find out whether a way is slow, or whether it carries anything.
FEW: Final = 3


class Kind(enum.Enum):
    """What a probe is to show."""

    GATEWAY = "does the next router answer?"
    UNDERLAY = "do packets pass between the NBMA addresses?"
    LOSS = "do all of them?"
    UNDERLAY_FULL = "do the largest that the tunnel makes, in one piece?"
    UNDERLAY_PIECES = "do fragments?"
    TUNNEL = "do packets pass through the tunnel?"
    TUNNEL_FULL = "do the largest?"
    SITES = "do packets pass between two sites?"
    TRACE = "whom do they pass by?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A ping at a router. source: an interface. only_if: it is tried if that one had a reply.

    patience: seconds for an answer.
    """

    kind: Kind
    router: str
    target: Address
    source: str
    size: int = _SMALL
    df: bool = False
    repeat: int = 5
    patience: int = 1
    only_if: Probe | None = None

    @property
    def command(self) -> str:
        """What is typed."""
        if self.kind is Kind.TRACE:
            return trace(str(self.target), self.source)
        df = " df-bit" if self.df else ""
        return (
            f"ping {self.target} source {self.source} repeat {self.repeat} size {self.size} timeout {self.patience}{df}"
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """marks: one for each request, as ping prints them; "": it could not be tried. path: who answered a traceroute."""

    marks: str
    path: tuple[str, ...] = ()

    @property
    def tried(self) -> bool:
        """There was a ping at all."""
        return bool(self.marks)

    @property
    def passed(self) -> bool:
        """Enough came back. The first may wait for an address or an SA."""
        return self.tried and "!" in self.marks and self.lost <= 1

    @property
    def lost(self) -> int:
        """Requests without a reply."""
        return len(self.marks) - self.marks.count("!")

    @property
    def silent(self) -> bool:
        """Nothing came back, not even an error."""
        return self.tried and set(self.marks) == {"."}

    @property
    def refused(self) -> bool:
        """Somebody on the way said no."""
        return self.tried and "!" not in self.marks and not self.silent

    def __str__(self) -> str:
        if self.path:
            return " -> ".join(self.path)
        if not self.tried:
            return "not tried"
        mixed = f" ({self.marks})" if len(set(self.marks)) > 1 or self.refused else ""
        return f"{len(self.marks) - self.lost} of {len(self.marks)} came back{mixed}"


_MARKS: Final = re.compile(r"^[!.UMQ&?]+$", re.MULTILINE)


def read(text: str) -> Outcome:
    """Return what a ping or traceroute printed: the marks of the one, or who answered the other."""
    return Outcome("".join(_MARKS.findall(text)), tuple(hop for hop in hops(text) if hop != "*"))


def carry_out(probes: Iterable[Probe], ask: Ask) -> dict[Probe, Outcome]:
    """Try them: first pings, all at once, then what depends on them, last by whom packets pass when all is quiet.

    A way that is slow, and else well, loses nothing: what was silent is asked again with more patience.
    """
    planned = list(dict.fromkeys(probes))
    first = [probe for probe in planned if probe.only_if is None and probe.kind is not Kind.TRACE]
    then = [probe for probe in planned if probe.only_if is not None]
    budget = _Budget()
    answers = budget.spend(first, ask)
    mute = [probe for probe, outcome in answers.items() if outcome.silent]
    again = {probe: replace(probe, patience=_PATIENCE, repeat=min(probe.repeat, FEW)) for probe in mute}
    slow = budget.spend(again.values(), ask)
    answers |= {probe: slow[later] for probe, later in again.items() if later in slow and "!" in slow[later].marks}
    ready = [probe for probe in then if probe.only_if is not None and _replied(answers, probe.only_if)]
    patient = {probe: replace(probe, patience=_PATIENCE) if probe.only_if in again else probe for probe in ready}
    last = budget.spend(patient.values(), ask)
    answers |= {probe: last[asked] for probe, asked in patient.items() if asked in last}
    return answers | budget.spend((probe for probe in planned if probe.kind is Kind.TRACE), ask)


@dataclass(slots=True)
class _Budget:
    """What may still be sent in one visit."""

    commands: int = MOST_COMMANDS
    echoes: int = MOST_ECHOES

    def spend(self, probes: Iterable[Probe], ask: Ask) -> dict[Probe, Outcome]:
        """Try as many as there is room for, all at once."""
        some: list[Probe] = []
        for probe in probes:
            if self.commands and self.echoes >= probe.repeat:
                self.commands, self.echoes = self.commands - 1, self.echoes - probe.repeat
                some.append(probe)
        printed = ask([(probe.router, probe.command) for probe in some])
        return {probe: read(text) for probe, text in zip(some, printed, strict=True)}


def _replied(answers: dict[Probe, Outcome], probe: Probe) -> bool:
    return probe in answers and "!" in answers[probe].marks
