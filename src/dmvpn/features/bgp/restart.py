"""What a BGP speaker says of restarts: the capability (RFC 4724 §3), the end of a table, the hard reset (RFC 8538).

We keep nothing ourselves when this router restarts, so our capability names no address family: others are only told
that we help those that restart, and that we mark the end of our table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from dmvpn.base.values import dataclass
from dmvpn.features.bgp.codes import Cease, ErrorCode
from dmvpn.features.bgp.packet import IPV4_UNICAST, Capability, CapabilityValue, Notification, Update, serialize

if TYPE_CHECKING:
    from dmvpn.features.bgp.packet import Open

#: The end of a table of IPv4 unicast routes is an UPDATE without any, RFC 4724 §2.
END_OF_TABLE: Final = Update()
END_OF_TABLE_OCTETS: Final = serialize(END_OF_TABLE)
_RESTARTED: Final = 0x8000
_NOTIFIES: Final = 0x4000
_SECONDS: Final = 0x0FFF
_KEPT: Final = 0x80
_FAMILY: Final = IPV4_UNICAST[:2] + IPV4_UNICAST[3:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """The capability, RFC 4724 §3. seconds: until it is back, if it restarts. has_restarted: it just did.

    notifies: it may also restart after a NOTIFICATION (RFC 8538 §2). keeps: it says something of IPv4 unicast, and
    kept: it went on to forward these packets when it restarted.
    """

    seconds: int
    has_restarted: bool = False
    notifies: bool = True
    keeps: bool = False
    kept: bool = False

    @classmethod
    def of(cls, heard: Open) -> Self | None:
        """Return what an OPEN says; None: nothing that can be read."""
        found = heard.capability(Capability.GRACEFUL_RESTART)
        if found is None or len(found.value) < 2 or len(found.value) % 4 != 2:
            return None
        head = int.from_bytes(found.value[:2], "big")
        families = {found.value[at : at + 3]: found.value[at + 3] for at in range(2, len(found.value), 4)}
        return cls(
            seconds=head & _SECONDS,
            has_restarted=bool(head & _RESTARTED),
            notifies=bool(head & _NOTIFIES),
            keeps=_FAMILY in families,
            kept=bool(families.get(_FAMILY, 0) & _KEPT),
        )

    def capability(self) -> CapabilityValue:
        """Return the capability in our OPEN, RFC 4724 §3."""
        head = self.seconds & _SECONDS | (_NOTIFIES if self.notifies else 0)
        return CapabilityValue(Capability.GRACEFUL_RESTART, head.to_bytes(2, "big"))


def hard(notification: Notification) -> Notification:
    """Return a Cease that no restart follows, RFC 8538 §3.1: whoever sends one wants the routes to go."""
    inner = bytes((notification.code, notification.subcode)) + notification.data
    return Notification(ErrorCode.CEASE, Cease.HARD_RESET, inner)
