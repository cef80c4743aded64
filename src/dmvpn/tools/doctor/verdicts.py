"""What the doctor says: what is fine, what is broken, and what may be.

Fine          a step that was looked at and works, with the evidence
Finding       what is broken, at which router, how that is known, and the lines to change
Trial         what became of these lines in a copy of the network; `Copied`: what the copy does without them
Hypothesis    what may be broken where one end alone is in view, and what would decide it
Unseen        what one end cannot see, and whom to ask what
Diagnosis     all of it, for one question
"""

from __future__ import annotations

import enum
from dataclasses import asdict
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Final, TypeAlias

from dmvpn.base.values import dataclass
from dmvpn.tools.causes import Cause

if TYPE_CHECKING:
    from dmvpn.base.facts import Network


class Step(enum.Enum):
    """The way of a packet, from the wire up; what is broken on one step breaks all that come later."""

    UNDERLAY = "underlay"
    LINE = "line protocol"
    IKE = "IKE"
    SA = "security associations"
    GRE = "GRE"
    REGISTRATION = "registration"
    MULTICAST = "multicast map"
    ROUTING = "routing"
    REDIRECT = "redirect"
    RESOLUTION = "resolution"
    SHORTCUT = "shortcut"

    @property
    def rank(self) -> int:
        """0 is the wire."""
        return list(Step).index(self)


#: Stands in lines for what the doctor cannot know, or may not show.
_PLACEHOLDERS: Final = frozenset(
    ("ADDRESS", "ANOTHER-NETWORK", "INTERFACE", "KEY", "MASK", "NAME", "NEXT-HOP", "PASSWORD", "TRUSTPOINT")
)


Verdict: TypeAlias = "Fine | Finding"


class View(enum.Enum):
    """How much the doctor sees."""

    WHOLE = "the whole lab"
    ONE_END = "one end"


@dataclass(frozen=True, slots=True)
class Fine:
    """A step that works. what: with the evidence, a clause for people."""

    step: Step
    what: str


class Copied(enum.Enum):
    """What an unchanged copy of a network, made of its configurations alone, does in virtual time."""

    ALIKE = "the same"
    WELL = "well"
    OTHERWISE = "something else"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What lines did in a copy. better: clauses, worse: rows. besides: routers whose lines were in it, too.

    gone_with: what was found is gone since lines of this router were entered, so that its own were not tried.
    """

    better: tuple[str, ...] = ()
    worse: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()
    gone_with: str = ""

    @property
    def works(self) -> bool:
        """Something is better, and nothing worse."""
        return bool(self.better) and not self.worse

    @property
    def changes_nothing(self) -> bool:
        """The lines were tried, and packets fare as before."""
        return not (self.better or self.worse or self.gone_with)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is broken. router: whose lines are to change. evidence: states, counters, packets. fix: lines for there.

    what: a sentence. advice: it works, and will not always. order: "" if the fix is configuration, else a command.
    others: routers that it concerns as much. stops: nothing gets through; else only large packets do not, or nothing
    will after the next rekeying, so that what comes later on the way works all the same, or is broken by itself.
    trial: what became of the fix in a copy, None: nobody tried. One that makes anything worse is no fix any more.
    decide: "" if a check that could have failed speaks for it; else what would tell whether it is so.
    route: the prefix of the route that it is about.
    """

    step: Step
    cause: Cause
    router: str
    what: str
    evidence: tuple[str, ...] = ()
    fix: tuple[str, ...] = ()
    order: str = ""
    advice: bool = False
    others: tuple[str, ...] = ()
    stops: bool = True
    trial: Trial | None = None
    decide: str = ""
    route: Network | None = None

    @property
    def named(self) -> bool:
        """It names a cause. Else it is what is felt, for want of one: that is said where nothing better is known."""
        return self.cause not in (Cause.UNDECIDED, Cause.IKE)

    @property
    def certain(self) -> bool:
        """It names a cause, and nothing that was looked at speaks against it."""
        return self.named and not self.decide

    @property
    def blocks(self) -> bool:
        """What comes later on the way is a consequence, or cannot be judged."""
        return self.stops and not self.advice

    @property
    def is_complete(self) -> bool:
        """Its lines can be typed as they are: nothing is left for the reader to fill in."""
        return bool(self.fix) and _PLACEHOLDERS.isdisjoint(word for line in self.fix for word in line.split())

    @property
    def place(self) -> tuple[Cause, str]:
        """What is broken where, whatever the lines are."""
        return self.cause, self.router

    @property
    def key(self) -> tuple[Cause, str, tuple[str, ...]]:
        """Two findings with one key are one: several spokes suffer from one hub. Other lines to change: another one."""
        return self.cause, self.router, self.fix


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """What may be broken. why: what speaks for it. decide: what would tell. mild: it may well be meant so."""

    cause: Cause
    why: str
    decide: str
    mild: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """What one end cannot see. whom: a router, by what is known of it. about: a pair or an end. ask: commands there."""

    whom: str
    about: str
    ask: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The answer. findings: the first broken step first. probes: what was sent to find out.

    copied: what a copy of the configurations does, None: there is none. unseen: what one end cannot see.
    """

    view: View
    routers: tuple[str, ...]
    address: str = ""
    findings: tuple[Finding, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    fine: tuple[Fine, ...] = ()
    probes: tuple[str, ...] = ()
    copied: Copied | None = None
    unseen: tuple[Unseen, ...] = ()

    @property
    def healthy(self) -> bool:
        """Nothing is broken, and nothing is suspected. There may be advice."""
        return all(one.mild for one in self.hypotheses) and all(one.advice for one in self.findings)

    def plain(self) -> dict[str, object]:
        """Return a value for programs: names and values as JSON has them."""
        return {"healthy": self.healthy, **_plain(asdict(self))}


def _plain(value: dict[str, object]) -> dict[str, object]:
    def simple(item: object) -> object:
        if isinstance(item, enum.Enum):
            return item.value
        if isinstance(item, dict):
            return {str(name): simple(one) for name, one in item.items()}
        if isinstance(item, IPv4Network | IPv6Network):
            return str(item)
        return [simple(one) for one in item] if isinstance(item, tuple | list) else item

    return {name: simple(item) for name, item in value.items()}
