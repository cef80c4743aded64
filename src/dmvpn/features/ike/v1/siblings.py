"""Siblings: ISAKMP SAs with the same proved peer between the same addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmvpn.features.ike.session import Session
    from dmvpn.features.ike.v1.sa import IsakmpSa


class Siblings:
    """All ISAKMP SAs with a proved peer, by its identity."""

    def __init__(self) -> None:
        self._by_identity: dict[tuple[int, bytes, str], dict[bytes, IsakmpSa]] = {}

    def add(self, sa: IsakmpSa) -> None:
        """Add an ISAKMP SA whose peer has proved itself."""
        self._by_identity.setdefault(sa.who, {})[sa.own_spi] = sa

    def remove(self, sa: IsakmpSa) -> None:
        """Forget an ISAKMP SA that is gone."""
        if sa.theirs is None:
            return
        same = self._by_identity.get(sa.who, {})
        same.pop(sa.own_spi, None)
        if not same:
            self._by_identity.pop(sa.who, None)

    def with_peer(self, session: Session) -> tuple[IsakmpSa, ...]:
        """Return all with the peer of a session, wherever it is, the oldest first."""
        return tuple(self._by_identity.get(session.who, {}).values())

    def of(self, sa: IsakmpSa) -> list[IsakmpSa]:
        """Return its siblings, the oldest first."""
        return [each for each in self.with_peer(sa) if each is not sa and _are_together(each, sa)] if sa.theirs else []

    def heir(self, sa: IsakmpSa) -> IsakmpSa | None:
        """Return the newest usable sibling, which gets its children."""
        return next((each for each in reversed(self.of(sa)) if each.is_usable), None)


def _are_together(one: IsakmpSa, other: IsakmpSa) -> bool:
    """Return whether two peers are at one place: behind a NAT several peers share an address, and maybe a name."""
    here, there = one.path, other.path
    if (here.local.address, here.remote.address) != (there.local.address, there.remote.address):
        return False
    return not other.nat.remote or here.remote.port == there.remote.port
