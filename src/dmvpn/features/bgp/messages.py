"""Log messages of BGP; the docstring of each is its explanation for `dmvpn explain`. Texts are those of IOS: tools
match them.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Final

from dmvpn.base.addresses import IPAddress, spelled
from dmvpn.base.communities import communities_text
from dmvpn.base.notices import log_kind, log_messages
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


@log_kind("BGP-5-ADJCHANGE")
def neighbor_changed(neighbor: str, vrf: str, what: str) -> str:
    """A neighbor is established, or is no more, and why."""
    # what: "Up", or "Down" and the reason in IOS's words.
    return f"neighbor {neighbor}{f' vpn vrf {vrf}' if vrf else ''} {what}"


@log_kind("BGP-3-NOTIFICATION")
def notified(way: str, neighbor: IPAddress, notification: Notification) -> str:
    """A NOTIFICATION was sent or came: one end gives the session up, and says why."""
    # way: "sent to" or "received from".
    one = notification
    text = f"{way} neighbor {spelled(neighbor)} {one.code}/{one.subcode} ({words_of(one)}) {len(one.data)} bytes"
    return f"{text} {one.data.hex().upper()}".rstrip()


@log_kind("BGP-3-SENDHOLD")
def stuck(neighbor: IPAddress, seconds: float) -> str:
    """A neighbor accepted no data for the send hold time, so the session ends (RFC 9687). A NOTIFICATION could not be
    sent. Our own: IOS has no such message.
    """
    since = f"for {seconds:.0f} seconds (8/0, send hold time expired)"
    return f"neighbor {spelled(neighbor)} has taken nothing {since}"


@log_kind("BGP-4-MAXPFX")
def maximum_near(neighbor: IPAddress, family: int, count: int, limit: int) -> str:
    """A neighbor advertises nearly as many prefixes as it may (`maximum-prefix`)."""
    # family: its number on IOS.
    return f"Number of prefixes received from {spelled(neighbor)} (afi {family}) reaches {count}, max {limit}"


@log_kind("BGP-3-MAXPFXEXCEED")
def maximum_exceeded(neighbor: IPAddress, family: int | None, count: int, limit: int) -> str:
    """A neighbor advertises more prefixes than it may (`maximum-prefix`), or most of more than there is room for, so
    its session ends.
    """
    # family: its number on IOS; None: the limit is that of all neighbors.
    if family is not None:
        return f"Number of prefixes received from {spelled(neighbor)} (afi {family}): {count} exceeds limit {limit}"
    whose = f"{count} are from {spelled(neighbor)}"
    return f"Number of prefixes received from all neighbors exceeds limit {limit}: {whose}"


@log_kind("BGP-4-MALFORMED")
def malformed(neighbor: IPAddress, what: str) -> str:
    """An UPDATE was damaged: its routes count as withdrawn, or are used without the damaged attributes; the session
    stays up (RFC 7606).
    """
    # what: the damage, and how it was handled.
    return f"Malformed UPDATE from {spelled(neighbor)}: {what}"


@log_kind("BGP-3-LISTEN")
def cannot_listen(why: str) -> str:
    """The host does not let us listen at TCP port 179; we call our neighbors, and cannot be called."""
    # why: the error text of the host.
    return f"TCP port 179 cannot be opened: {why}"


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
