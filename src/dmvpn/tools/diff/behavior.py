"""The behavior of a network, as values: one for each side of a comparison.

A `Behavior` is measured (measuring.py) from packets on wires and from forwarding tables, never from what a
configuration intends. The only LAN of a router has the name of the router; if a router has several LANs, the name of
the interface is added. All times are virtual seconds.

The differences between two behaviors, and whether they are worse, are pure: two values in, changes out. Times differ a
little whenever anything does, so they count from `TOLERANCE` on; everything else is exact.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from typing import Final, NamedTuple

from dmvpn.base.values import Value

# ------------------------------------------------------------------------------------------------ behavior


class LanPair(NamedTuple):
    """One direction between two LANs."""

    source: str
    destination: str

    def __str__(self) -> str:
        return f"{self.source} to {self.destination}"


class Talk(Value, kw_only=True):
    """The traffic of one pair. way: the routers of the overlay that the last packet passed; () if no packet arrived.

    hubs: the routers among them that are not its ends. next_hop: the overlay next hop of its packets at the end, "" for
    none. direct_after: seconds from the first packet to the first packet that bypassed the hubs; None if none did.
    lost: packets of `sent` that never arrived. mtu: octets of the largest packet that arrives unfragmented; mss: the
    option in a TCP SYN on arrival, 1460 when sent. None if no packet arrived, or there was no measurement. is_denied:
    access lists deny the packets that are measured, UDP from port 7 to port 7.
    """

    way: tuple[str, ...] = ()
    hubs: tuple[str, ...] = ()
    next_hop: str = ""
    direct_after: float | None = None
    sent: int = 0
    lost: int = 0
    mtu: int | None = None
    mss: int | None = None
    is_denied: bool = False

    @property
    def arrives(self) -> bool:
        """True if packets arrive at the end."""
        return bool(self.way)

    @property
    def path(self) -> str:
        """In words: "direct", "by HUB1", "cut off", "denied by access lists"."""
        if not self.way:
            return "denied by access lists" if self.is_denied else "cut off"
        return f"by {', '.join(self.hubs)}" if self.hubs else "direct"


class Outage(Value, kw_only=True):
    """The packet loss of a pair during a change. seconds: without service, in total. back: it works at the end."""

    pair: LanPair
    seconds: float
    back: bool


class RouterState(Value, kw_only=True):
    """Table sizes of a router after all pairs talked. eigrp_routes: in its routing table."""

    nhrp_entries: int
    eigrp_routes: int


class LinterFinding(Value, kw_only=True):
    """A finding of the linter. severity: error, warning or advice. where: the file, without the line, which moves."""

    severity: str
    rule: str
    where: str
    text: str


class Behavior(Value, kw_only=True):
    """A network, measured.

    registered, routed: seconds from the start until every client was registered, and until every pair that ever gets a
    path had it in the forwarding tables. None: never. unregistered: sentences about clients that never registered.
    deaths: by hub, if there are two or more: the pairs that lost packets when it was killed.
    """

    lans: dict[str, str]
    registered: float | None
    routed: float | None
    unregistered: tuple[str, ...] = ()
    talks: dict[LanPair, Talk] = field(default_factory=dict)
    deaths: dict[str, tuple[Outage, ...]] = field(default_factory=dict)
    states: dict[str, RouterState] = field(default_factory=dict)
    findings: tuple[LinterFinding, ...] = ()


class Migration(Value, kw_only=True):
    """The new configurations entered on the network that runs the old ones. how: in which order, in words.

    watched: the pairs that reached each other before, and talked during the change. untried: why it was not tried; the
    other fields are then empty.
    """

    how: str = ""
    outages: tuple[Outage, ...] = ()
    watched: tuple[LanPair, ...] = ()
    untried: str = ""


# ------------------------------------------------------------------------------------------------ differences


#: Times differ if they do by so many seconds and by this share.
TOLERANCE, SHARE = 1.0, 0.25
#: So many packets more or less of a pair are the chance of the moment.
FEW_PACKETS: Final = 1
#: Octets of the headers of IPv4 and TCP.
_HEADERS: Final = 40


class ChangeVerdict(enum.Enum):
    """The effect of a change on the users of the network. CHANGED: neither better nor worse."""

    WORSE = "worse"
    BETTER = "better"
    CHANGED = "changed"


class Topic(enum.Enum):
    """The subject of a change."""

    NETWORK = "network"
    REACHABILITY = "reachability"
    FLOWS = "flows"
    WAY = "way"
    NEXT_HOP = "next hop"
    DIRECT_AFTER = "time until direct"
    LOSS = "loss"
    MTU = "largest packet"
    MSS = "MSS"
    REGISTRATION = "registration"
    CONVERGENCE = "convergence"
    DEATH = "death of a hub"
    STATE = "state"
    LINT = "lint"
    CHANGE = "the change itself"


class NetworkChange(Value, kw_only=True):
    """One thing that is not as it was. subject: a pair, router or rule. before, after: in words; "" for nothing."""

    topic: Topic
    subject: str
    before: str
    after: str
    verdict: ChangeVerdict


def compare(before: Behavior, after: Behavior) -> list[NetworkChange]:
    """Return all changes, by topic."""
    return [
        *_lans(before, after),
        *_talks(before, after),
        *_times(before, after),
        *_deaths(before, after),
        *_states(before, after),
        *_findings(before, after),
    ]


def judge_migration(migration: Migration, longest: float | None) -> list[NetworkChange]:
    """Judge outages during the change that last longer than `longest`; without a limit they are not judged."""
    return [
        NetworkChange(
            topic=Topic.CHANGE,
            subject=str(outage.pair),
            before=f"at most {longest:g} s",
            after=_lost(outage),
            verdict=ChangeVerdict.WORSE,
        )
        for outage in migration.outages
        if longest is not None and outage.seconds > longest
    ]


def _lans(before: Behavior, after: Behavior) -> Iterator[NetworkChange]:
    for name in dict.fromkeys((*before.lans, *after.lans)):
        old, new = before.lans.get(name, ""), after.lans.get(name, "")
        if old != new:
            is_lost = not new and name.partition(":")[0] in after.states
            verdict = ChangeVerdict.WORSE if is_lost else ChangeVerdict.CHANGED
            yield NetworkChange(topic=Topic.NETWORK, subject=f"LAN of {name}", before=old, after=new, verdict=verdict)


# ------------------------------------------------------------------------------------------------ pairs


def _talks(before: Behavior, after: Behavior) -> Iterator[NetworkChange]:
    for pair, old in before.talks.items():
        new = after.talks.get(pair)
        if new is None:
            continue  # its LAN is gone, which is said
        for topic, was, now, verdict in _compared(old, new):
            yield NetworkChange(topic=topic, subject=str(pair), before=was, after=now, verdict=verdict)
    for pair, new in after.talks.items():
        if pair not in before.talks:
            verdict = ChangeVerdict.CHANGED if new.arrives or new.is_denied else ChangeVerdict.WORSE
            yield NetworkChange(topic=Topic.REACHABILITY, subject=str(pair), before="", after=new.path, verdict=verdict)


def _compared(old: Talk, new: Talk) -> Iterator[tuple[Topic, str, str, ChangeVerdict]]:
    """Yield the changes of a pair: topic, before, after and verdict."""
    both = old.arrives and new.arrives
    if old.arrives != new.arrives:
        yield Topic.REACHABILITY, old.path, new.path, ChangeVerdict.BETTER if new.arrives else ChangeVerdict.WORSE
    if both and old.hubs != new.hubs:
        yield Topic.WAY, old.path, new.path, _graded(len(old.hubs), len(new.hubs))
    elif both and old.next_hop != new.next_hop:
        yield Topic.NEXT_HOP, old.next_hop, new.next_hop, ChangeVerdict.CHANGED
    times = old.direct_after, new.direct_after
    if times[0] is not None and times[1] is not None and not _alike(times[0], times[1]):
        yield Topic.DIRECT_AFTER, f"{times[0]:g} s", f"{times[1]:g} s", _graded(times[0], times[1])
    if both and abs(old.lost - new.lost) > FEW_PACKETS:
        was, now = (f"{talk.lost} of {talk.sent} packets" for talk in (old, new))
        yield Topic.LOSS, was, now, _graded(old.lost, new.lost)
    if old.mtu is None or new.mtu is None:
        return
    if old.mtu != new.mtu:
        yield Topic.MTU, f"{old.mtu} octets", f"{new.mtu} octets", _graded(-old.mtu, -new.mtu)
    if old.mss is None or new.mss is None:
        return
    # Segments that do not fit are worse than small ones, and small ones worse than large ones.
    fitted, fits = old.mss + _HEADERS <= old.mtu, new.mss + _HEADERS <= new.mtu
    if (old.mss, fitted) != (new.mss, fits):
        graded = ChangeVerdict.BETTER if fits else ChangeVerdict.WORSE
        graded = _graded(-old.mss, -new.mss) if fitted == fits else graded
        was, now = (f"{talk.mss}{'' if fit else ', more than fits'}" for talk, fit in ((old, fitted), (new, fits)))
        yield Topic.MSS, was, now, graded


# ------------------------------------------------------------------------------------------------ the whole


def _times(before: Behavior, after: Behavior) -> Iterator[NetworkChange]:
    if before.unregistered != after.unregistered:
        yield NetworkChange(
            topic=Topic.REGISTRATION,
            subject="all clients",
            before=_registration(before),
            after=_registration(after),
            verdict=_graded(len(before.unregistered), len(after.unregistered)),
        )
    else:
        yield from _time(Topic.REGISTRATION, "all clients", before.registered, after.registered)
    yield from _time(Topic.CONVERGENCE, "the last way", before.routed, after.routed)


def _registration(behavior: Behavior) -> str:
    lacks = behavior.unregistered
    return f"{len(lacks)} missing: {'; '.join(lacks[:3])}" if lacks else "all are there"


def _time(topic: Topic, subject: str, old: float | None, new: float | None) -> Iterator[NetworkChange]:
    if old == new or (old is not None and new is not None and _alike(old, new)):
        return
    never = float("inf")
    yield NetworkChange(
        topic=topic,
        subject=subject,
        before="never" if old is None else f"after {old:g} s",
        after="never" if new is None else f"after {new:g} s",
        verdict=_graded(never if old is None else old, never if new is None else new),
    )


def _deaths(before: Behavior, after: Behavior) -> Iterator[NetworkChange]:
    if bool(before.deaths) != bool(after.deaths):
        yield NetworkChange(
            topic=Topic.DEATH,
            subject="hubs",
            before=_redundancy(before),
            after=_redundancy(after),
            verdict=_graded(-_is_redundant(before), -_is_redundant(after)),
        )
        return
    for hub in before.deaths:
        if hub not in after.deaths:
            continue
        old = {outage.pair: outage for outage in before.deaths[hub]}
        new = {outage.pair: outage for outage in after.deaths[hub]}
        for pair in dict.fromkeys((*old, *new)):
            talks = before.talks.get(pair), after.talks.get(pair)
            if not all(talk is not None and talk.arrives for talk in talks):
                continue  # a pair that is cut off has nothing to lose
            change = _outage(f"{hub}: {pair}", old.get(pair), new.get(pair))
            if change is not None:
                yield change


def _outage(subject: str, old: Outage | None, new: Outage | None) -> NetworkChange | None:
    old_grade, new_grade = _grade(old), _grade(new)
    if old_grade == new_grade or _alike(old_grade, new_grade):
        return None
    return NetworkChange(
        topic=Topic.DEATH, subject=subject, before=_lost(old), after=_lost(new), verdict=_graded(old_grade, new_grade)
    )


def _grade(outage: Outage | None) -> float:
    if outage is None:
        return 0.0
    return outage.seconds if outage.back else float("inf")


def _lost(outage: Outage | None) -> str:
    if outage is None:
        return "nothing lost"
    return f"{outage.seconds:g} s lost" if outage.back else "cut off for good"


def _redundancy(behavior: Behavior) -> str:
    missed = [hub for hub, outages in behavior.deaths.items() if not all(outage.back for outage in outages)]
    if missed:
        return f"{len(behavior.deaths)} hubs, no substitute for {' or '.join(missed)}"
    return f"{len(behavior.deaths)} hubs, one may die" if behavior.deaths else "no substitute for a dead hub"


def _is_redundant(behavior: Behavior) -> bool:
    outages = [outage for outages in behavior.deaths.values() for outage in outages]
    return bool(behavior.deaths) and all(outage.back for outage in outages)


def _states(before: Behavior, after: Behavior) -> Iterator[NetworkChange]:
    for name, old in before.states.items():
        new = after.states.get(name)
        for what, count in (("NHRP entries", "nhrp_entries"), ("EIGRP routes", "eigrp_routes")):
            if new is not None and getattr(old, count) != getattr(new, count):
                yield NetworkChange(
                    topic=Topic.STATE,
                    subject=f"{what} of {name}",
                    before=str(getattr(old, count)),
                    after=str(getattr(new, count)),
                    verdict=ChangeVerdict.CHANGED,
                )
    for name in dict.fromkeys((*before.states, *after.states)):
        if (name in before.states) != (name in after.states):
            there, gone = ("runs", "") if name in before.states else ("", "runs")
            yield NetworkChange(
                topic=Topic.NETWORK, subject=name, before=there, after=gone, verdict=ChangeVerdict.CHANGED
            )


def _findings(before: Behavior, after: Behavior) -> Iterator[NetworkChange]:
    """Yield changed findings of the linter; the same finding in other words is neither new nor gone."""
    old, new = _without(before.findings, after.findings), _without(after.findings, before.findings)
    for was in list(old):  # the same rule about the same file, as seriously: one before and one after
        same = next((one for one in new if replace(one, text=was.text) == was), None)
        if same is not None:
            yield _finding(was, same, ChangeVerdict.CHANGED)
            old.remove(was)
            new.remove(same)
    for finding in new:
        yield _finding(None, finding, ChangeVerdict.CHANGED if finding.severity == "advice" else ChangeVerdict.WORSE)
    for finding in old:
        yield _finding(finding, None, ChangeVerdict.CHANGED if finding.severity == "advice" else ChangeVerdict.BETTER)


def _without(some: Sequence[LinterFinding], others: Sequence[LinterFinding]) -> list[LinterFinding]:
    """Return the findings of `some` that `others` lacks; a finding that occurs twice counts twice."""
    left = list(others)
    found = []
    for finding in some:
        if finding in left:
            left.remove(finding)
        else:
            found.append(finding)
    return found


def _finding(old: LinterFinding | None, new: LinterFinding | None, verdict: ChangeVerdict) -> NetworkChange:
    before, after = ("" if one is None else f"{one.severity} {one.rule}: {one.text}" for one in (old, new))
    where = next(one.where for one in (old, new) if one is not None)
    return NetworkChange(topic=Topic.LINT, subject=where, before=before, after=after, verdict=verdict)


def _alike(old: float, new: float) -> bool:
    return abs(old - new) <= max(TOLERANCE, SHARE * min(abs(old), abs(new)))


def _graded(old: float, new: float) -> ChangeVerdict:
    """Grade numbers of which less is better."""
    return ChangeVerdict.CHANGED if old == new else ChangeVerdict.WORSE if new > old else ChangeVerdict.BETTER
