"""The link state retransmission list: advertisements that a neighbor has to acknowledge. RFC 2328 §13.5, §13.6."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.ospf.lsa import MAX_AGE, Lsa, LsaKey

if TYPE_CHECKING:
    from dmvpn.features.ospf.lsa import LsaHeader


class Unacknowledged(dict[LsaKey, tuple[Lsa, float]]):
    """Advertisements with the times at which they left, the oldest first: seconds, monotonic."""

    __slots__ = ()

    def owe(self, lsa: Lsa, now: float) -> None:
        """Note that this leaves now, and has to be acknowledged."""
        self.pop(lsa.key, None)
        self[lsa.key] = (lsa, now)

    def forgive(self, key: LsaKey) -> None:
        """Stop awaiting the acknowledgment of an instance: there is a newer one."""
        self.pop(key, None)

    def acknowledge(self, header: LsaHeader) -> bool:
        """Return whether this header acknowledges an instance, which is not sent again then."""
        known = self.get(header.key)
        if known is None or _differs(known[0].header, header):
            return False
        del self[header.key]
        return True

    def overdue(self, limit: float, room: int) -> list[Lsa]:
        """Return LSAs that were sent at `limit` or before, as many as fit into `room` octets."""
        found: list[Lsa] = []
        for lsa, sent in self.values():
            room -= len(lsa.octets)
            if sent > limit or (found and room < 0):
                break
            found.append(lsa)
        return found


def _differs(one: LsaHeader, other: LsaHeader) -> bool:
    """Return whether the headers are of different instances.

    The age does not count: it grows on the way, except that MAX_AGE makes a different instance.
    """
    gone, gone_too = one.age >= MAX_AGE, other.age >= MAX_AGE
    return (one.sequence, one.checksum, gone) != (other.sequence, other.checksum, gone_too)
