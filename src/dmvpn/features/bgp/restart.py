"""Graceful restart capability (RFC 4724 §3), End-of-RIB marker, and hard reset (RFC 8538).

This router keeps no forwarding state when it restarts, so its capability names no address family: neighbors only learn
that we help restarting neighbors, and that we send the End-of-RIB marker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from dmvpn.base.values import dataclass
from dmvpn.features.bgp.packet import (
    IPV4_UNICAST,
    Capability,
    CapabilityValue,
    Cease,
    ErrorCode,
    Notification,
    Update,
    serialize,
)

if TYPE_CHECKING:
    from dmvpn.features.bgp.packet import Open

#: The End-of-RIB marker of IPv4 unicast: an UPDATE without routes, RFC 4724 §2.
END_OF_TABLE: Final = Update()
END_OF_TABLE_OCTETS: Final = serialize(END_OF_TABLE)
_NOTIFIES: Final = 0x4000
_SECONDS: Final = 0x0FFF
_KEPT: Final = 0x80
_FAMILY: Final = IPV4_UNICAST[:2] + IPV4_UNICAST[3:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """The capability, RFC 4724 §3. seconds: restart time.

    notifies: a restart may also follow a NOTIFICATION (RFC 8538 §2). keeps: IPv4 unicast is included; kept: its
    forwarding state was preserved in the restart.
    """

    seconds: int
    notifies: bool = True
    keeps: bool = False
    kept: bool = False

    @classmethod
    def of(cls, heard: Open) -> Self | None:
        """Return the capability of an OPEN; None: absent or malformed."""
        found = heard.capability(Capability.GRACEFUL_RESTART)
        if found is None or len(found.value) < 2 or len(found.value) % 4 != 2:
            return None
        head = int.from_bytes(found.value[:2], "big")
        families = {found.value[at : at + 3]: found.value[at + 3] for at in range(2, len(found.value), 4)}
        return cls(
            seconds=head & _SECONDS,
            notifies=bool(head & _NOTIFIES),
            keeps=_FAMILY in families,
            kept=bool(families.get(_FAMILY, 0) & _KEPT),
        )

    def capability(self) -> CapabilityValue:
        """Return the capability in our OPEN, RFC 4724 §3."""
        head = self.seconds & _SECONDS | (_NOTIFIES if self.notifies else 0)
        return CapabilityValue(Capability.GRACEFUL_RESTART, head.to_bytes(2, "big"))


def hard(notification: Notification) -> Notification:
    """Return a Hard Reset, RFC 8538 §3.1: its receiver does not keep the routes."""
    inner = bytes((notification.code, notification.subcode)) + notification.data
    return Notification(ErrorCode.CEASE, Cease.HARD_RESET, inner)
