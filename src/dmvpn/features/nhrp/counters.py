"""What went over a tunnel and what was refused, for `show ip nhrp traffic`; and the limit of what we send.

Every packet that is dropped is counted under a `Refusal`, so that nothing disappears without a trace.

`Usage` and `Traffic` are what the counters of the data plane say: which entries are used, who was heard, who is silent.
"""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import UsageReported
    from dmvpn.features.nhrp.packet import PacketType


class Refusal(enum.Enum):
    """Why a packet was not acted on; shows and logs print the value."""

    MALFORMED = "malformed"
    AUTHENTICATION = "wrong authentication"
    UNKNOWN_EXTENSION = "unrecognized compulsory extension"
    HOP_COUNT = "hop count exceeded"
    LOOP = "loop detected"
    NO_WAY = "no way to the destination"
    UNSOLICITED = "reply that nobody asked for"
    FORGED = "addresses that cannot be"
    SEND_LIMIT = "over the send limit"
    NOT_ALLOWED = "not allowed to the sender"
    REGISTRATION_REFUSED = "registration refused"
    RESOLUTION_REFUSED = "resolution refused"
    IGNORED = "not wanted by the configuration"
    TOO_LARGE = "larger than the network carries"
    INVALID_EXTENSION = "extension that does not belong there"
    ERROR_LIMIT = "error indication held back, there were too many"
    NO_ROOM = "nothing more can be remembered"
    IN_CLEAR = "in clear on a protected tunnel"
    UNPROTECTED = "held back, nothing protects it"
    OTHER_IDENTITY = "another IKE identity has the address"
    NO_STATION = "network or broadcast address of the tunnel's subnet"
    ROUTED_ELSEWHERE = "registered address that is routed to another station"
    OTHER_NBMA = "NBMA address of another station, which only a server may register"
    HELD_BACK = "new NBMA address by the word of one station, held back"
    TOO_MANY = "more registrations than one station may have"


class Happening(enum.Enum):
    """What NHRP ordered or was told of a tunnel; the value is the name in `show nhrp stats`, [S]ent or [R]eceived."""

    UP = "[R]UP"
    DOWN = "[R]Down"
    ADDRESS_CHANGED = "[R]Addr Changed"
    END_POINT_ADDED = "[S]End Point Addition"
    END_POINT_DELETED = "[S]End Point Deletion"
    ROUTE_ADDED = "[S]Add Route"
    ROUTE_DELETED = "[S]Del Route"
    OVERRIDE_ADDED = "[S]Add NHO"
    OVERRIDE_DELETED = "[S]Del NHO"


@dataclass(slots=True)
class Counters:
    """Packets of one tunnel by type, and what was not done with them.

    failed: orders that the host refused.
    heard: packets received, which are cleared with the happenings (`show nhrp stats` counts them, too).
    """

    sent: dict[PacketType, int] = field(default_factory=dict)
    received: dict[PacketType, int] = field(default_factory=dict)
    forwarded: dict[PacketType, int] = field(default_factory=dict)
    refused: dict[Refusal, int] = field(default_factory=dict)
    redirects_suppressed: int = 0
    heard: int = 0
    happened: dict[Happening, int] = field(default_factory=dict)
    failed: dict[Happening, int] = field(default_factory=dict)

    def clear_packets(self) -> None:
        """Count packets from the beginning."""
        for counted in (self.sent, self.received, self.forwarded, self.refused):
            counted.clear()
        self.redirects_suppressed = 0

    def clear_happenings(self) -> None:
        """Count everything else from the beginning."""
        self.happened.clear()
        self.failed.clear()
        self.heard = 0

    def count(self, what: Happening) -> None:
        """Count something that happened to the tunnel, or was ordered."""
        self.happened[what] = self.happened.get(what, 0) + 1

    def count_failed(self, what: Happening) -> None:
        """Count an order that was refused."""
        self.failed[what] = self.failed.get(what, 0) + 1

    def count_sent(self, kind: PacketType) -> None:
        """Count a packet that we made and sent."""
        self.sent[kind] = self.sent.get(kind, 0) + 1

    def count_received(self, kind: PacketType) -> None:
        """Count a packet that came and could be read."""
        self.received[kind] = self.received.get(kind, 0) + 1
        self.heard += 1

    def count_forwarded(self, kind: PacketType) -> None:
        """Count a packet of somebody else that left by this tunnel."""
        self.forwarded[kind] = self.forwarded.get(kind, 0) + 1

    def count_suppressed(self) -> None:
        """Count a redirect that was not sent."""
        self.redirects_suppressed += 1

    def count_refused(self, why: Refusal) -> None:
        """Count a packet that was dropped, or answered with an error or a NAK."""
        self.refused[why] = self.refused.get(why, 0) + 1


class SendLimit:
    """`ip nhrp max-send`: at most `packets` in any `seconds`; replies to registrations are not counted.

    The window slides in tenths, so a limit of 10,000 in 10 s never needs more than eleven numbers.
    """

    __slots__ = ("_slices", "_total", "packets", "seconds")

    def __init__(self, packets: int, seconds: int) -> None:
        self.packets = packets
        self.seconds = seconds
        self._slices: deque[list[int]] = deque()  # [number of the tenth, packets sent in it]
        self._total = 0

    def may(self, now: float) -> bool:
        """Return whether another packet may leave now."""
        self._forget(now)
        return self._total < self.packets

    def take(self, now: float) -> bool:
        """Count another packet if it may leave now, and return whether it may."""
        if not self.may(now):
            return False
        tenth = self._tenth(now)
        if not self._slices or self._slices[-1][0] != tenth:
            self._slices.append([tenth, 0])
        self._slices[-1][1] += 1
        self._total += 1
        return True

    def usage(self, now: float) -> int:
        """Return how much of the limit the last `seconds` used, in percent."""
        tenth = self._tenth(now) - 10
        return 100 * sum(count for number, count in self._slices if number > tenth) // self.packets

    def _tenth(self, now: float) -> int:
        return int(now * 10 // self.seconds)

    def _forget(self, now: float) -> None:
        oldest = self._tenth(now) - 10
        while self._slices and self._slices[0][0] <= oldest:
            self._total -= self._slices.popleft()[1]


#: Packets of NHRP's own that are still to be seen in the counters.
LARGEST_CARRY = 4


#: So many packets in one report are more than the Hellos of routing protocols; seconds for which they are remembered.
BUSY_PACKETS = 3
BUSY_FOR = 10.0


@dataclass(slots=True)
class Usage:
    """Traffic with one NBMA peer: counters of the last poll, and when they last grew (seconds).

    On a protected tunnel each connection has an account; that of an address shows when one of them grew.

    own: packets that NHRP itself sent there since the last poll; they are no use of an entry.
    busy_until: seconds.
    """

    sent: int = 0
    received: int = 0
    own: int = 0
    used_at: float | None = None
    heard_at: float | None = None
    busy_until: float = 0.0

    def sent_own(self) -> None:
        """Count a packet of NHRP's own."""
        self.own += 1


@dataclass(slots=True)
class Traffic:
    """Who was heard and who was silent, in the order of the report.

    heard: something came from them.
    silent: we sent, nothing came. Peers are named by their accounts: the number of the connection, and the address.
    """

    heard: dict[IPAddress | int, None] = field(default_factory=dict)
    silent: dict[IPAddress | int, None] = field(default_factory=dict)


def take_in(account: dict[IPAddress | int, Usage], report: UsageReported, now: float) -> Traffic:
    """Bring a tunnel's account up to the report, and return what happened since the last one.

    What NHRP itself sent does not count: it would keep entries alive that nobody uses, and wait for answers that need
    not come.
    """
    traffic = Traffic()
    for peer in report.peers:
        names: list[IPAddress | int] = [peer.connection, peer.nbma] if peer.connection else [peer.nbma]
        usage = account.setdefault(names[0], Usage())
        # The counters fell: the tunnel was made again.
        sent = peer.sent - usage.sent if peer.sent >= usage.sent else peer.sent
        received = peer.received - usage.received if peer.received >= usage.received else peer.received
        # What NHRP sent just now may be in the next report only.
        of_others, usage.own = sent - usage.own, min(max(0, usage.own - sent), LARGEST_CARRY)
        usage.sent, usage.received = peer.sent, peer.received
        for name in names:
            known = account.setdefault(name, Usage())
            if of_others > 0:
                known.used_at = now
            if of_others >= BUSY_PACKETS:
                known.busy_until = now + BUSY_FOR
            if received:
                known.heard_at = now
                traffic.heard[name] = None
            elif of_others > 0:
                traffic.silent[name] = None
    for name in traffic.heard:
        traffic.silent.pop(name, None)
    return traffic
