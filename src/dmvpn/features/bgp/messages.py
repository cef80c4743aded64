"""Log messages of BGP; the docstring of each is its explanation for `dmvpn explain`. Texts are those of IOS: tools
match them.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Final, Self

from dmvpn.base.addresses import IPAddress, spelled
from dmvpn.base.communities import communities_text
from dmvpn.base.notices import Log, log_messages
from dmvpn.features.bgp.attributes import Attributes, path_text
from dmvpn.features.bgp.packet import (
    Cease,
    ErrorCode,
    HeaderError,
    Nlri,
    Notification,
    OpenError,
    Update,
    UpdateError,
    prefix_of,
)

#: Names of the debugs of `debug ip bgp ...`.
BGP: Final = "ip bgp"
KEEPALIVES: Final = "ip bgp keepalives"
UPDATES: Final = "ip bgp updates"
UPDATES_IN: Final = "ip bgp updates in"
UPDATES_OUT: Final = "ip bgp updates out"

_CODES: Final[dict[int, str]] = {
    ErrorCode.HEADER: "header error",
    ErrorCode.OPEN: "open error",
    ErrorCode.UPDATE: "update error",
    ErrorCode.HOLD_TIME: "hold time expired",
    ErrorCode.STATE_MACHINE: "FSM error",
    ErrorCode.CEASE: "cease",
    ErrorCode.SEND_HOLD_TIME: "send hold time expired",
}
_SUBCODES: Final[dict[int, type[enum.IntEnum]]] = {
    ErrorCode.HEADER: HeaderError,
    ErrorCode.OPEN: OpenError,
    ErrorCode.UPDATE: UpdateError,
    ErrorCode.CEASE: Cease,
}
_CEASES: Final[dict[int, str]] = {
    Cease.MAXIMUM_PREFIXES: "Maximum Number of Prefixes Reached",
    Cease.SHUTDOWN: "Administrative Shutdown",
    Cease.DECONFIGURED: "Peer De-configured",
    Cease.RESET: "Administrative Reset",
    Cease.REJECTED: "Connection Rejected",
    Cease.CONFIGURATION_CHANGE: "Other Configuration Change",
    Cease.COLLISION: "Connection Collision Resolution",
    Cease.OUT_OF_RESOURCES: "Out of Resources",
    Cease.HARD_RESET: "Hard Reset",
    Cease.BFD_DOWN: "BFD Down",
}


def _of_vrf(vrf: str) -> str:
    return f" vpn vrf {vrf}" if vrf else ""


class NeighborChanged(Log, name="BGP-5-ADJCHANGE"):
    """A neighbor is established, or is no more, and why."""

    @classmethod
    def up(cls, neighbor: str, vrf: str = "") -> Self:
        """Return the message that the session with a neighbor is established."""
        return cls(f"neighbor {neighbor}{_of_vrf(vrf)} Up")

    @classmethod
    def down(cls, neighbor: str, reason: str, vrf: str = "") -> Self:
        """Return the message that the session ended. reason: in IOS's words."""
        return cls(f"neighbor {neighbor}{_of_vrf(vrf)} Down {reason}")


class Notified(Log, name="BGP-3-NOTIFICATION"):
    """A NOTIFICATION was sent or came: one end gives the session up, and says why."""

    @classmethod
    def of(cls, way: str, neighbor: IPAddress, notification: Notification) -> Self:
        """Return the message; way: "sent to" or "received from"."""
        one = notification
        text = f"{way} neighbor {spelled(neighbor)} {one.code}/{one.subcode} ({words_of(one)}) {len(one.data)} bytes"
        return cls(f"{text} {one.data.hex().upper()}".rstrip())


class Stuck(Log, name="BGP-3-SENDHOLD"):
    """A neighbor accepted no data for the send hold time, so the session ends (RFC 9687). A NOTIFICATION could not be
    sent. Our own: IOS has no such message.
    """

    @classmethod
    def of(cls, neighbor: IPAddress, seconds: float) -> Self:
        """Return the message for this neighbor."""
        since = f"for {seconds:.0f} seconds (8/0, send hold time expired)"
        return cls(f"neighbor {spelled(neighbor)} has taken nothing {since}")


class MaximumNear(Log, name="BGP-4-MAXPFX"):
    """A neighbor advertises nearly as many prefixes as it may (`maximum-prefix`)."""

    @classmethod
    def of(cls, neighbor: IPAddress, family: int, count: int, limit: int) -> Self:
        """Return the message for this neighbor. family: its number on IOS."""
        return cls(f"Number of prefixes received from {spelled(neighbor)} (afi {family}) reaches {count}, max {limit}")


class MaximumExceeded(Log, name="BGP-3-MAXPFXEXCEED"):
    """A neighbor advertises more prefixes than it may (`maximum-prefix`), or most of more than there is room for, so
    its session ends.
    """

    @classmethod
    def of(cls, neighbor: IPAddress, family: int, count: int, limit: int) -> Self:
        """Return the message for this neighbor. family: its number on IOS."""
        text = f"Number of prefixes received from {spelled(neighbor)} (afi {family}): {count} exceeds limit {limit}"
        return cls(text)

    @classmethod
    def of_all(cls, neighbor: IPAddress, count: int, limit: int) -> Self:
        """Return the message for the neighbor with the most prefixes when the total limit is exceeded."""
        whose = f"{count} are from {spelled(neighbor)}"
        return cls(f"Number of prefixes received from all neighbors exceeds limit {limit}: {whose}")


class Malformed(Log, name="BGP-4-MALFORMED"):
    """An UPDATE was damaged: its routes count as withdrawn, or are used without the damaged attributes; the session
    stays up (RFC 7606).
    """

    @classmethod
    def of(cls, neighbor: IPAddress, what: str) -> Self:
        """Return the message for this neighbor. what: the damage, and how it was handled."""
        return cls(f"Malformed UPDATE from {spelled(neighbor)}: {what}")


class CannotListen(Log, name="BGP-3-LISTEN"):
    """The host does not let us listen at TCP port 179; we call our neighbors, and cannot be called."""

    @classmethod
    def of(cls, why: str) -> Self:
        """Return the message; why: the error text of the host."""
        return cls(f"TCP port 179 cannot be opened: {why}")


MESSAGES: Final = log_messages(vars())


def received_lines(family: int, neighbor: IPAddress, update: Update, attributes: Attributes | None) -> Iterator[str]:
    """Yield what `debug ip bgp updates` prints of an UPDATE. family: its number on IOS. attributes: None: they cannot
    be read.
    """
    if update.announced:
        said = _attributes_text(attributes) if attributes is not None else "unreadable"
        yield f"BGP({family}): {spelled(neighbor)} rcvd UPDATE w/ attr: {said}"
    begins = f"BGP({family}): {spelled(neighbor)}"
    yield from (f"{begins} rcvd {_nlri(prefix)}" for prefix in update.announced)
    yield from (f"{begins} rcv UPDATE about {_nlri(prefix)} -- withdrawn" for prefix in update.withdrawn)


def sent_line(family: int, neighbor: IPAddress, prefix: Nlri, attributes: Attributes | None) -> str:
    """Return what it prints of a prefix that is sent; attributes: None: the prefix is withdrawn."""
    begins = f"BGP({family}): (base) {spelled(neighbor)} send"
    if attributes is None:
        return f"{begins} unreachable (format) {_nlri(prefix)}"
    hop, path = spelled(attributes.next_hop), path_text(attributes.path) or "Local"
    return f"{begins} UPDATE (format) {_nlri(prefix)}, next {hop}, metric {attributes.med or 0}, path {path}"


def _nlri(one: Nlri) -> str:
    """Return the prefix that is said as IOS writes it."""
    prefix = prefix_of(one)
    return str(one).replace(str(prefix), spelled(prefix))


def _attributes_text(attributes: Attributes) -> str:
    words = [f"nexthop {spelled(attributes.next_hop)}", f"origin {'ie?'[attributes.origin]}"]
    if attributes.local_pref is not None:
        words.append(f"localpref {attributes.local_pref}")
    words.append(f"metric {attributes.med or 0}")
    if attributes.path:
        words.append(f"merged path {path_text(attributes.path)}, AS_PATH ")
    if attributes.communities:
        words.append(f"community {communities_text(attributes.communities)}")
    return ", ".join(words)


def words_of(notification: Notification) -> str:
    """Return the words for the error of a NOTIFICATION."""
    if notification.code == ErrorCode.CEASE and notification.subcode in _CEASES:
        return _CEASES[notification.subcode]
    if (notification.code, notification.subcode) == (ErrorCode.OPEN, OpenError.BAD_PEER_AS):
        return "peer in wrong AS"
    kind = _SUBCODES.get(notification.code)
    if kind is not None and notification.subcode in set(kind):
        return kind(notification.subcode).name.lower().replace("_", " ")
    return _CODES.get(notification.code, "unknown")
