"""Lines of many routers become steps: a message that one router sent and another received is one arrow.

The two lines of a message have the same mark, even with NAT between them. Without a line of the receiver, the arrow
points to the owner of the destination address, and counts as not arrived. Lines of different routers come in any order,
so each waits for a moment before it becomes a step, and the later lines wait with it.

Steps are called by a short name on the ladder, and by a sentence in the story.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import takewhile
from typing import Final

from dmvpn.base.chronicle import ChronicleLine, MessagePassed, Sign, StateChanged, Way
from dmvpn.base.values import Mutable, Value, project

# ------------------------------------------------------------------------------------------------ steps


#: Seconds that a line waits for its counterpart, and for earlier lines of other routers.
HOLD: Final = 0.4
#: Most seconds between the two lines of one message; the same message later is a new message.
FLIGHT: Final = 5.0


class Arrow(Value, kw_only=True):
    """A message between two ends. time: seconds since 1970; when it was sent, if that is known.

    sender, receiver: a router, or an address that no watched router has. arrived: its receiver saw it, or is not
    watched. forwarded: the sender forwarded the message of another router.
    """

    time: float
    sender: str
    receiver: str
    protocol: str
    name: str
    subject: str
    arrived: bool = True
    forwarded: bool = False


class Note(Value, kw_only=True):
    """A change at a router. kind: the value of a `Topic`, or "router" for the router itself."""

    time: float
    router: str
    sign: Sign
    kind: str
    subject: str
    text: str = ""
    interface: str = ""


Step = Arrow | Note


class _Pending(Mutable):
    time: float
    router: str
    order: int
    arrived: float
    what: MessagePassed | StateChanged | Note


#: Lines about messages by protocol and mark, in the order of time: those of one message have the same.
_ByMark = dict[tuple[str, str], list[_Pending]]


class Assembler:
    """Takes lines, gives steps. `arrived`: when a line reached the watching program, seconds on its own clock."""

    def __init__(self) -> None:
        self._pending: list[_Pending] = []
        self._owners: dict[str, str] = {}
        self._order = 0

    @property
    def waits(self) -> bool:
        """True while lines wait."""
        return bool(self._pending)

    def knows(self, router: str, addresses: Iterable[str]) -> None:
        """Note that these are the router's own addresses now."""
        for address in [address for address, owner in self._owners.items() if owner == router]:
            del self._owners[address]
        self._owners.update(dict.fromkeys(addresses, router))

    def add(self, router: str, line: ChronicleLine, arrived: float) -> None:
        """Add one line of a router; its time is since 1970."""
        self._add(line.time, router, arrived, line.what)

    def add_note(self, note: Note, arrived: float) -> None:
        """Add a note of the watching program."""
        self._add(note.time, note.router, arrived, note)

    def take(self, arrived_before: float) -> list[Step]:
        """Return the steps of the lines that have waited long enough, in the order of time."""
        self._pending.sort(key=lambda line: (line.time, line.order))
        ripe = list(takewhile(lambda line: line.arrived <= arrived_before, self._pending))
        if not ripe:
            return []
        marked: _ByMark = defaultdict(list)
        for line in self._pending:
            if isinstance(line.what, MessagePassed) and line.what.mark:
                marked[line.what.protocol, line.what.mark].append(line)
        steps: list[Step] = []
        gone: set[int] = set()
        for line in ripe:
            if line.order not in gone:
                gone.add(line.order)
                steps.append(self._step(line, marked, gone))
        self._pending = [line for line in self._pending if line.order not in gone]
        return steps

    def drop_notes(self, kind: str) -> None:
        """Forget notes of this kind that still wait."""
        self._pending = [line for line in self._pending if not (isinstance(line.what, Note) and line.what.kind == kind)]

    # ------------------------------------------------------------------------------------------------- inside

    def _add(self, time: float, router: str, arrived: float, what: MessagePassed | StateChanged | Note) -> None:
        self._order += 1
        self._pending.append(_Pending(time, router, self._order, arrived, what))

    def _step(self, line: _Pending, marked: _ByMark, gone: set[int]) -> Step:
        match line.what:
            case MessagePassed() as message:
                return self._arrow(line, message, marked, gone)
            case StateChanged() as change:
                return project(Note, change, time=line.time, router=line.router, kind=change.topic.value)
            case Note() as note:
                return note

    def _arrow(self, line: _Pending, message: MessagePassed, marked: _ByMark, gone: set[int]) -> Arrow:
        other = _counterpart(line, marked.get((message.protocol, message.mark), []), gone)
        peer = str(message.peer)
        owner = other.router if other is not None else self._owners.get(peer, "")
        received = message.way is Way.RECEIVED
        if other is not None:
            gone.add(other.order)
            if received and isinstance(other.what, MessagePassed):  # clocks differ a little: it was sent first
                line, message, owner, received = other, other.what, line.router, False
        forwarded = message.way is Way.FORWARDED
        ends = (owner or peer, line.router) if received else (line.router, owner or peer)
        return Arrow(
            time=line.time,
            sender=ends[0],
            receiver=ends[1],
            protocol=message.protocol,
            name=message.name,
            subject=message.subject,
            arrived=received or other is not None or not owner,
            forwarded=forwarded,
        )


def _counterpart(line: _Pending, marked: list[_Pending], gone: set[int]) -> _Pending | None:
    """Return the line of the other end. For a repeated message: the last one sent before the receipt."""
    same = [other for other in marked if other.order not in gone and abs(other.time - line.time) <= FLIGHT]
    others = [other for other in same if other.router != line.router and _received(other) != _received(line)]
    again = next((other.time for other in same if other.router == line.router and not _received(other)), None)
    return next((other for other in others if _received(line) or again is None or other.time < again), None)


def _received(line: _Pending) -> bool:
    return isinstance(line.what, MessagePassed) and line.what.way is Way.RECEIVED


# ------------------------------------------------------------------------------------------------ their names


#: Names of messages on the ladder.
SHORT: Final = {
    "Registration Request": "registration",
    "Registration Reply": "registration reply",
    "Resolution Request": "resolution",
    "Resolution Reply": "reply",
    "Traffic Indication": "redirect",
    "Purge Request": "purge",
    "Purge Reply": "purge reply",
    "Error Indication": "error",
}

#: Sentences about the sending of a message: `{0}` is the sender, `{1}` the receiver, `{2}` the particulars.
_SENTENCES: Final = {
    "Registration Request": "{0} registers with {1}: {2}",
    "Registration Reply": "{0} confirms the registration of {1}: {2}",
    "Resolution Request": "{0} asks {1}: who has {2}",
    "Resolution Reply": "{0} answers {1}: {2}",
    "Traffic Indication": "{0} redirects {1} to a shorter path: {2}",
    "Purge Request": "{0} purges at {1}: {2}",
    "Purge Reply": "{0} confirms the purge to {1}: {2}",
    "Error Indication": "{0} reports an error to {1}: {2}",
}
#: What became of something: `{0}` is the router, `{1}` the kind of thing, `{2}` the particulars.
_SIGNS: Final = {Sign.CAME: "{0}, new {1}: {2}", Sign.CHANGED: "{0}, {1} changed: {2}", Sign.WENT: "{0}, {1} gone: {2}"}


def label(step: Step) -> str:
    """Return a few words for a step, without routers and time."""
    if isinstance(step, Note):
        return _thing(step)
    name = SHORT.get(step.name, step.name)
    if step.protocol == "IKEv2" and not name.startswith("IKE"):
        name = f"IKE {name}"
    return f"{name} {step.subject}".rstrip()


def sentence(step: Step) -> str:
    """Return a sentence for people that were not there."""
    if isinstance(step, Note):
        text = _SIGNS[step.sign].format(step.router, step.kind, _thing(step))
    else:
        text = f"{_described(step)}{'' if step.arrived else ' (not seen to arrive)'}"
    return text if text.endswith("?") else f"{text}."


def _thing(note: Note) -> str:
    between = " " if note.text.startswith("=") else ": " if note.text else ""
    return f"{note.subject}{between}{note.text}"


def _described(arrow: Arrow) -> str:
    if arrow.forwarded:
        return f"{arrow.sender} forwards to {arrow.receiver}: {label(arrow)}"
    pattern = _SENTENCES.get(arrow.name)
    if pattern is None:
        return f"{arrow.sender} sends {arrow.receiver} an {label(arrow)}"
    return pattern.format(arrow.sender, arrow.receiver, arrow.subject).rstrip(": ")
