"""The history of a router, in order: messages of control protocols, and the changes that they caused.

Features send it as notices; the feature `chronicle` numbers them and keeps the last ones (`ChronicleLine`), for `show
dmvpn events`, `show dmvpn changes` and for users who watch a lab. It has nothing about data packets.

The last messages have their fields, too: the octets are read when a client watches (`Contents`).

`line_to_plain` and `line_from_plain` carry a line to another process. No line contains keys or passwords.

The earlier states of a table: the present state, and the changes that led to it.

The owner of a table notes each entry that has changed. A `Journal` keeps the current entries, and for each change the
earlier value. The state at an earlier time is the present state with every later change undone. Nothing is copied while
time passes; a question about the past costs one step for each change since then.

The number of changes is bounded. The oldest changes are forgotten, and `oldest` says from when on changes are kept.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from ipaddress import ip_address
from typing import Final, Generic, TypeVar

from dmvpn.base.addresses import IPAddress, Prefix, spelled
from dmvpn.base.notices import InterfaceState, Notice
from dmvpn.base.values import Value

# ------------------------------------------------------------------------------------------------ chronicle


#: What a line is about, besides its peer: for `show dmvpn events PEER`.
About = tuple[IPAddress | Prefix, ...]


class Way(enum.Enum):
    """What a router did with a message."""

    SENT = "sent"
    FORWARDED = "forwarded"
    RECEIVED = "received"


class Sign(enum.Enum):
    """What happened to something; the value precedes it in shows."""

    CAME = "+"
    CHANGED = "~"
    WENT = "-"


class Topic(enum.Enum):
    """What kind of thing changed; the value is the word for it in shows."""

    MAPPING = "mapping"
    SERVER = "server"
    PROTECTION = "protection"
    NEIGHBOR = "neighbor"
    INTERFACE = "interface"
    ROUTE = "route"
    CONFIGURATION = "configuration"


#: Characters of the contents and octets of one message: 256 of them are one message of the management socket.
LONGEST_CONTENTS: Final = 2400


class Contents:
    """The fields of a message, as lines "Name: value", and its octets.

    read: yields the lines of the octets. show: returns the octets without a password. Both are called for each reader,
    until the chronicle forgets the octets. A message without octets has lines alone.
    """

    __slots__ = ("_octets", "_read", "_show")

    def __init__(
        self, read: Callable[[bytes], Iterable[str]], octets: bytes = b"", show: Callable[[bytes], bytes] = bytes
    ) -> None:
        self._read: Callable[[bytes], Iterable[str]] | None = read
        self._octets, self._show = octets, show

    def release_octets(self) -> None:
        """Release the octets of the message."""
        self._read, self._octets = None, b""

    def octets(self, most: int = LONGEST_CONTENTS) -> str:
        """Return the octets as hexadecimal digits; "" if they are unknown, or have more than so many digits."""
        return self._show(self._octets).hex() if 2 * len(self._octets) <= most else ""

    def text(self) -> str:
        """Return the lines in ASCII, `LONGEST_CONTENTS` characters at most; "" if they were forgotten."""
        if self._read is None:
            return ""
        text = "\n".join(self._read(self._octets)).encode("ascii", "replace").decode()
        return text if len(text) <= LONGEST_CONTENTS else f"{text[: LONGEST_CONTENTS - 4]}\n..."


class MessagePassed(Notice, Value, kw_only=True):
    """A message left this router, or came to it.

    protocol: "NHRP", "IKEv2".
    name: in the standard's words.
    interface: of the tunnel, "" for IKE.
    peer: the NBMA address that it went to or came from.
    subject: a short summary of its content.
    mark: equal at both ends, and for nothing else at about this time; not meant for display.
    exchange: equal for a request, its reply and their way through forwarding routers, and for all messages of one IKE
        SA; "": the message belongs to no exchange. Not meant for display.
    contents: its fields; None: unknown.
    """

    protocol: str
    name: str
    way: Way
    interface: str
    peer: IPAddress
    subject: str = ""
    mark: str = ""
    about: About = ()
    exchange: str = ""
    contents: Contents | None = field(default=None, compare=False, repr=False)


class StateChanged(Notice, Value, kw_only=True):
    """Something is different now.

    subject: the name ("10.4.4.0/24").
    text: how.
    interface: where, or "".
    kind: of a mapping ("registered"), as `text` has it.
    nbma: the NBMA address of a mapping.
    next_hop: the protocol address that a mapping leads to.
    """

    topic: Topic
    sign: Sign
    subject: str
    text: str = ""
    interface: str = ""
    about: About = ()
    kind: str = ""
    nbma: IPAddress | None = None
    next_hop: IPAddress | None = None


#: Octets of a packet that are kept for its line; the line about a longer packet is spelled at once. Usual packets have
#: 60 to 250; a router keeps two thousand lines, and no sender must fill its memory, nor push out more lines about other
#: senders by large packets than by small ones.
LARGEST_KEPT: Final = 512


class LateLine(Notice, Value):
    """A line that is made when it is read: a hub has thousands, and few of them ever are.

    make: makes it of `values`, which never change. A `partial` of both would take two hundred octets more.
    thing: of a change, what changed: the last change of each thing is kept as long as it exists. None: a message.
    exists: whether the thing still exists.
    """

    make: Callable[..., MessagePassed | StateChanged]
    thing: tuple[Topic, str, object] | None = None
    exists: bool = True
    values: tuple[object, ...] = ()

    def spell(self) -> MessagePassed | StateChanged:
        """Make the line."""
        return self.make(*self.values)


def neighbor_changed(sign: Sign, address: IPAddress, interface: str, text: str) -> StateChanged:
    """Return that a neighbor of a routing protocol came or went."""
    return StateChanged(
        topic=Topic.NEIGHBOR, sign=sign, subject=spelled(address), text=text, interface=interface, about=(address,)
    )


class ChronicleLine(Value):
    """One line of the chronicle.

    number: counts up from 1 in each life of a router.
    time: seconds monotonic.
    """

    number: int
    time: float
    what: MessagePassed | StateChanged

    def concerns(self, address: IPAddress) -> bool:
        """Return whether it is about this address: the peer's own address, or an address that the line mentions.

        A default route is about no address.
        """
        what = self.what
        if isinstance(what, MessagePassed) and what.peer == address:
            return True
        return any(
            address in item and not item.is_default if isinstance(item, Prefix) else address == item
            for item in what.about
        )


Plain = dict[str, str | int | float]

_MESSAGE: Final = ("protocol", "name", "interface", "subject", "mark")
_CHANGE: Final = ("subject", "text", "interface")
#: Only mappings have these.
_OF_MAPPING: Final = ("kind", "nbma", "next_hop")


def addresses_in_news(interfaces: Iterable[InterfaceState]) -> tuple[str, ...]:
    """Return the addresses by which the news of other routers name this one."""
    return tuple(str(address) for state in interfaces for address in state.known_addresses)


def line_to_plain(line: ChronicleLine) -> Plain:
    """Return a line for JSON. The addresses that it concerns are left out."""
    what = line.what
    plain: Plain = {"number": line.number, "time": line.time}
    if isinstance(what, MessagePassed):
        contents = what.contents.text() if what.contents is not None else ""
        octets = what.contents.octets(LONGEST_CONTENTS - len(contents)) if what.contents is not None else ""
        return {
            **plain,
            **{name: str(getattr(what, name)) for name in _MESSAGE},
            "way": what.way.value,
            "peer": str(what.peer),
            **({"exchange": what.exchange} if what.exchange else {}),
            **({"contents": contents} if contents else {}),
            **({"octets": octets} if octets else {}),
        }
    return {
        **plain,
        **{name: str(getattr(what, name)) for name in _CHANGE},
        **{name: str(value) for name in _OF_MAPPING if (value := getattr(what, name))},
        "topic": what.topic.value,
        "sign": what.sign.value,
    }


def line_from_plain(plain: Mapping[str, object]) -> ChronicleLine:
    """Return the line that `line_to_plain` wrote, without contents.

    Raises ValueError, KeyError or TypeError for anything else.
    """
    number, time = plain["number"], plain["time"]
    if type(number) is not int or not isinstance(time, int | float):
        raise TypeError("number and time are no numbers")
    return ChronicleLine(number, float(time), _what(plain))


def _what(plain: Mapping[str, object]) -> MessagePassed | StateChanged:
    if "way" in plain:
        text = {name: str(plain[name]) for name in _MESSAGE}
        return MessagePassed(
            protocol=text["protocol"],
            name=text["name"],
            way=Way(plain["way"]),
            interface=text["interface"],
            peer=ip_address(str(plain["peer"])),
            subject=text["subject"],
            mark=text["mark"],
            exchange=str(plain.get("exchange", "")),
        )
    text = {name: str(plain[name]) for name in _CHANGE}
    return StateChanged(
        topic=Topic(plain["topic"]),
        sign=Sign(plain["sign"]),
        subject=text["subject"],
        text=text["text"],
        interface=text["interface"],
        kind=str(plain.get("kind", "")),
        nbma=_address(plain, "nbma"),
        next_hop=_address(plain, "next_hop"),
    )


def _address(plain: Mapping[str, object], name: str) -> IPAddress | None:
    return ip_address(str(plain[name])) if name in plain else None


# ------------------------------------------------------------------------------------------------ journal


K = TypeVar("K")
V = TypeVar("V")

#: Changes of one table that can be undone.
LARGEST_JOURNAL: Final = 8192


class Journal(Generic[K, V]):
    """A table that remembers. Values are frozen; None means a missing entry."""

    __slots__ = ("_changes", "_limit", "_present", "oldest")

    def __init__(self, limit: int = LARGEST_JOURNAL) -> None:
        """oldest: everything before this time (seconds) is forgotten; None: nothing is."""
        self.oldest: float | None = None
        self._limit = limit
        self._present: dict[K, V] = {}
        self._changes: deque[tuple[float, K, V | None]] = deque()

    def note(self, key: K, value: V | None, now: float) -> V | None:
        """Set the entry from now on. Returns its earlier value; `value` itself if nothing changed."""
        before = self._present.get(key)
        if before is value or (before is not None and value is not None and before == value):
            return value
        if value is None:
            del self._present[key]
        else:
            self._present[key] = value
        self._changes.append((now, key, before))
        if len(self._changes) > self._limit:
            self.oldest = self._changes.popleft()[0]
        return before

    def correct(self, key: K, value: V) -> None:
        """Replace the value by one with more detail about the same state: this is no change."""
        self._present[key] = value

    def get(self, key: K) -> V | None:
        """Return the entry as it is now."""
        return self._present.get(key)

    def present(self) -> list[K]:
        """Return the keys of the current entries."""
        return list(self._present)

    def at(self, time: float) -> dict[K, V]:
        """Return the table after all changes up to `time`, which must not be before `oldest`."""
        table = dict(self._present)
        for when, key, before in reversed(self._changes):
            if when <= time:
                break
            if before is None:
                table.pop(key, None)
            else:
                table[key] = before
        return table
