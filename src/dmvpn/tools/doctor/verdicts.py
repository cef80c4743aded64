"""The doctor's statements about working steps, faults and possible faults, and the lines that it may print.

Fine          a step that was checked and works, with the evidence
Finding       a fault, its router, the evidence, and the lines to change
Trial         the effect of these lines in a copy of the network; `Copied`: the copy's state without them
Hypothesis    a possible fault where only one end is in view, and the deciding observation
Unseen        facts outside of one end's view, and the commands to check them
Diagnosis     all of it, for one question

Printed lines remove no protection, shut nothing down, and are few. Of a finding with other lines, from whichever check,
only a description in words remains: the decision to make. So it is with remedies that were not tried in a copy of the
network: a line that was not tried may disconnect a site that works. The exception is a line with a secret to fill in:
only the reader knows the secret, so no copy can try the line, and the line shows where the secret belongs.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, TypeAlias

from pydantic_core import to_jsonable_python

from dmvpn.base.facts import Network
from dmvpn.base.findings import Cause
from dmvpn.base.placeholder import BLANKS, SECRET
from dmvpn.base.values import Value


class Step(enum.Enum):
    """The steps of a packet's path, from the wire up; a fault on one step breaks all later steps."""

    UNDERLAY = "underlay"
    FILTER = "packet filter"
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


Verdict: TypeAlias = "Fine | Finding"


class View(enum.Enum):
    """The doctor's field of view."""

    WHOLE = "the whole lab"
    ONE_END = "one end"


class Fine(Value):
    """A step that works. what: with the evidence, a clause for people."""

    step: Step
    what: str


class Health(enum.Enum):
    """The state of a network. APART: nothing is broken, and something is cut off that may be meant to be."""

    WELL = "well"
    APART = "cut off, perhaps on purpose"
    BROKEN = "broken"

    @property
    def code(self) -> int:
        """The exit code of the doctor."""
        return {Health.WELL: 0, Health.APART: 3, Health.BROKEN: 1}[self]


class Copied(enum.Enum):
    """The state of an unchanged copy of a network, made of its configurations alone, in virtual time."""

    ALIKE = "the same"
    WELL = "well"
    OTHERWISE = "something else"


class Trial(Value, kw_only=True):
    """The effect of lines in a copy. better: clauses, worse: rows. besides: routers whose lines were entered, too.

    gone_with: the fault is gone since lines of this router were entered, so that its own lines were not tried.
    """

    better: tuple[str, ...] = ()
    worse: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()
    gone_with: str = ""

    @property
    def works(self) -> bool:
        """Whether it improves something, and worsens nothing."""
        return bool(self.better) and not self.worse

    @property
    def changes_nothing(self) -> bool:
        """Whether the lines were tried without any effect on packets."""
        return not (self.better or self.worse or self.gone_with)


class Finding(Value):
    """A fault. router: whose lines must change. evidence: states, counters, packets. fix: lines for that router.

    what: a sentence. advice: it works now, but will not always. order: "" if the fix is configuration, else a command.
    others: routers that it concerns as much. stops: nothing gets through; else only large packets do not, or nothing
        will after the next rekeying, so that later steps work all the same, or have faults of their own.
    trial: the effect of the fix in a copy, None: not tried. A fix that worsens anything is not shown.
    decide: "" if a check that could have failed supports it; else the deciding observation.
    route: the prefix of the route that it concerns.
    untried: why it has no lines, if there is something to change; "": it has lines, or there is nothing to change.
    mild: it may be intended, and no packet between other sites is lost by it; `decide` asks.
    apart: what it names is cut off, by a list, a filter, a VRF or a router that is off: that may be meant.
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
    mild: bool = False
    untried: str = ""
    apart: bool = False

    @property
    def named(self) -> bool:
        """Whether it names a cause. Otherwise it names an effect, and is reported only if no cause is known."""
        return self.cause not in (Cause.UNDECIDED, Cause.IKE)

    @property
    def certain(self) -> bool:
        """Whether it names a cause, and no observation contradicts it."""
        return self.named and not self.decide

    @property
    def blocks(self) -> bool:
        """Whether later steps are consequences, or cannot be judged."""
        return self.stops and not self.advice

    @property
    def is_complete(self) -> bool:
        """Whether its lines can be typed as they are, without values for the reader to fill in."""
        return bool(self.fix) and not self.has_secret and not self.has_unknown

    @property
    def has_secret(self) -> bool:
        """Whether the reader must fill in a secret."""
        return any(SECRET in line for line in self.fix)

    @property
    def has_unknown(self) -> bool:
        """Whether the lines lack an unknown value, such as an address."""
        return any(blank in line for line in self.fix for blank in BLANKS if blank != SECRET)

    @property
    def place(self) -> tuple[Cause, str]:
        """The cause and the router, whatever the lines are."""
        return self.cause, self.router

    @property
    def key(self) -> tuple[Cause, str, tuple[str, ...]]:
        """Two findings with one key are one: several spokes may be affected by one hub.

        Other lines make another finding.
        """
        return self.cause, self.router, self.fix


class Hypothesis(Value, kw_only=True):
    """A possible fault. why: the evidence. decide: the deciding observation. mild: it may well be intended."""

    cause: Cause
    why: str
    decide: str
    mild: bool = False


class Unseen(Value, kw_only=True):
    """A fact outside of one end's view. whom: a router, described. about: a pair or an end. ask: commands there."""

    whom: str
    about: str
    ask: tuple[str, ...]


class Diagnosis(Value, kw_only=True):
    """The answer. findings: the first broken step first. probes: pings that were sent.

    copied: the state of a copy of the configurations, None: there is none. unseen: facts outside of one end's view.
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
    def concerned(self) -> tuple[str, ...]:
        """The routers that a finding names."""
        return tuple(dict.fromkeys(name for one in self.findings for name in (one.router, *one.others)))

    @property
    def health(self) -> Health:
        """The state of the network, or of the router in question."""
        if any(not one.mild for one in self.hypotheses) or any(not (one.advice or one.mild) for one in self.findings):
            return Health.BROKEN
        return Health.APART if any(one.apart for one in self.findings) else Health.WELL

    @property
    def healthy(self) -> bool:
        """Whether nothing is broken, except possible intentions, and nothing is suspected. There may be advice."""
        return self.health is not Health.BROKEN

    def plain(self) -> dict[str, object]:
        """Return a value for programs: names and values as in JSON."""
        return {"healthy": self.healthy, "health": self.health.value, **to_jsonable_python(self)}


# -------------------------------------------------------------------------------------- lines that the doctor may print


#: Most lines that change the configuration.
MOST_LINES: Final = 5
#: The same, where the lines are the router's own: a process gets another table or number, or lines are as before.
MOST_MOVED: Final = 24
#: Lines that only open a section.
_OPENING: Final = (
    *("interface ", "router ", "address-family ", "af-interface ", "topology ", "crypto ", "peer ", "key "),
    *("ip access-list ", "object-group "),
)
#: Lines that begin like one of these, and change something.
_NO_HEADING: Final = ("crypto isakmp key ", "key-string ")
#: Words of lines that admit or refuse peers or packets: `no` before them admits all. Entries of lists are not among
#: them: the checks of lists choose entries that open least.
_SECURES: Final = frozenset(("protection", "authentication", "password", "crypto", "key", "key-string", "ttl-security"))
_PROTECTS: Final = _SECURES | {"access-group", "access-class", "verify", "bind"}
#: Placeholder of a secret in a hidden configuration.
_HIDDEN: Final = "<removed>"
_ALIKE: Final = "protect both ends alike; lines that take protection away are not shown"
_MUCH: Final = "compare its lines with those of a router that works: there is more to change than is shown"


def permitted(finding: Finding, most: int = MOST_LINES) -> Finding:
    """Return the finding with its lines, if they may be shown. most: lines that change something."""
    finding = replace(finding, fix=tuple(line.replace(_HIDDEN, SECRET) for line in finding.fix))
    if any(_removes(line, _PROTECTS) and not _applies_again(line, finding.fix) for line in finding.fix):
        return replace(finding, fix=(), order=finding.order or _ALIKE)
    most = MOST_MOVED if finding.cause in (Cause.TABLE, Cause.AUTONOMOUS_SYSTEM) else most
    if "shutdown" in finding.fix or len(list(changing_lines(finding.fix))) > most:
        return replace(finding, fix=(), order=finding.order or _MUCH)
    return finding


def changing_lines(lines: Iterable[str]) -> Iterable[str]:
    """Return the lines that change something, except lines that only open a section."""
    return (line for line in lines if not line.startswith(_OPENING) or line.startswith(_NO_HEADING))


def takes_security(line: str) -> bool:
    """Return whether the line removes encryption or authentication."""
    return _removes(line, _SECURES)


def _removes(line: str, protects: frozenset[str]) -> bool:
    """Return whether the line removes a protection against strangers.

    A tunnel's key separates tunnels, and protects nothing.
    """
    words = line.split()
    return words[:1] == ["no"] and not protects.isdisjoint(words) and words[1:3] != ["tunnel", "key"]


def _applies_again(line: str, lines: Iterable[str]) -> bool:
    """Return whether the line takes an access list from a port, and another line applies that list at its right side
    or port, or a key from a chain that gets another one.
    """
    words = line.split()
    if words[1] == "key":
        return any(one.startswith("key-string ") for one in lines)
    return words[1:3] == ["ip", "access-group"] and any(one.split()[:3] == words[1:4] for one in lines)


# ------------------------------------------------------------------------------------------------ remedies in words


#: Reasons why the copy does not show whether lines work.
_COPIED: Final = {
    Copied.WELL: "a copy of these configurations is well without them",
    Copied.OTHERWISE: "a copy of these configurations shows something else",
    Copied.ALIKE: "the copy does not show this, or others were tried before it",
}
_UNKNOWN: Final = "the right value is unknown here"
_ADVICE: Final = "no user notices it now"


def in_words(diagnosis: Diagnosis, why: str = "") -> Diagnosis:
    """Return the diagnosis without the lines that were not tried.

    why: the reason, if no line at all was tried.
    """
    copied = _COPIED[diagnosis.copied] if diagnosis.copied is not None else "there is no copy to try them in"
    reason = why or copied
    return replace(diagnosis, findings=tuple(_in_words(one, reason) for one in diagnosis.findings))


def _in_words(finding: Finding, reason: str) -> Finding:
    if not finding.fix or finding.trial is not None or (finding.has_secret and not finding.has_unknown):
        return finding
    why = _UNKNOWN if finding.has_unknown else _ADVICE if finding.advice else reason
    return replace(finding, fix=(), order=finding.order or _place(finding), untried=why)


def _place(finding: Finding) -> str:
    """Return the sections of the router, and the commands in them, that the finding concerns."""
    sections: dict[str, list[str]] = {}
    section = ""
    for line in finding.fix:
        if line not in changing_lines((line,)):
            section = line
            continue
        words = _command(line)
        here = sections.setdefault(section if not line.startswith(_GLOBAL) else "", [])
        if words not in here:
            here.append(words)
    quoted = {section: " and ".join(f"'{one}'" for one in commands) for section, commands in sections.items()}
    said = "; ".join(f"{text} under '{section}'" if section else text for section, text in quoted.items())
    return f"look at {said}, of {finding.router}"


#: Beginnings of lines that belong to no section.
_GLOBAL: Final = ("ip route ", "no ip route ", "ip prefix-list ", "no ip prefix-list ", "no router ", "clock ")


def _command(line: str) -> str:
    """Return the command of a line without its values: the words before the first number or name."""
    words = [word for word in line.split() if word != "no"]
    until = next(
        (at for at, word in enumerate(words) if not word.replace("-", "").islower() or not word[0].isalpha()), None
    )
    return " ".join(words[:until] or words[:1])
