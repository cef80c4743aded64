"""Siblings: ISAKMP SAs with the same proved peer at the same place; and the peers behind an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.ike.contact import are_together

if TYPE_CHECKING:
    from dmvpn.base.addresses import Ends
    from dmvpn.features.ike.peer_settings import DatagramPath
    from dmvpn.features.ike.session import Session
    from dmvpn.features.ike.v1.sa import IsakmpSa


class Siblings:
    """All ISAKMP SAs with a proved peer, by its identity."""

    def __init__(self) -> None:
        self._by_identity: dict[tuple[int, bytes, str], dict[bytes, IsakmpSa]] = {}
        self._by_ends: dict[Ends, dict[bytes, IsakmpSa]] = {}
        self._ends: dict[bytes, Ends] = {}

    def add(self, sa: IsakmpSa) -> None:
        """Add an ISAKMP SA whose peer has proved itself."""
        self._by_identity.setdefault(sa.who, {})[sa.own_spi] = sa
        self._place(sa)

    def moved(self, sa: IsakmpSa) -> None:
        """Note that the peer is at another place: of the siblings there it is the last that has proved to be there."""
        if sa.own_spi in self._ends:
            self._displace(sa)
            self._place(sa)
            same = self._by_identity[sa.who]
            same[sa.own_spi] = same.pop(sa.own_spi)

    def _place(self, sa: IsakmpSa) -> None:
        ends = self._ends[sa.own_spi] = sa.path.ends
        self._by_ends.setdefault(ends, {})[sa.own_spi] = sa

    def _displace(self, sa: IsakmpSa) -> None:
        ends = self._ends.pop(sa.own_spi, None)
        if ends is not None:
            self._by_ends[ends].pop(sa.own_spi, None)
            if not self._by_ends[ends]:
                del self._by_ends[ends]

    def remove(self, sa: IsakmpSa) -> None:
        """Forget an ISAKMP SA that is gone."""
        self._displace(sa)
        if sa.theirs is None:
            return
        same = self._by_identity.get(sa.who, {})
        same.pop(sa.own_spi, None)
        if not same:
            self._by_identity.pop(sa.who, None)

    def at(self, path: DatagramPath) -> tuple[tuple[int, bytes, str], ...]:
        """Return the peers at the far address of a path: several of them behind a NAT."""
        return tuple(dict.fromkeys(sa.who for sa in self._by_ends.get(path.ends, {}).values()))

    def with_peer(self, session: Session) -> tuple[IsakmpSa, ...]:
        """Return all with the peer of a session, wherever it is; the last that came to its place is the last."""
        return tuple(self._by_identity.get(session.who, {}).values())

    def of(self, sa: IsakmpSa) -> list[IsakmpSa]:
        """Return its siblings, in the order in which they came to their place."""
        return [each for each in self.with_peer(sa) if each is not sa and are_together(each, sa)] if sa.theirs else []

    def has_namesakes(self, sa: IsakmpSa) -> bool:
        """Return whether others with its identity are behind the NAT of its peer, at other ports."""
        if not sa.nat.remote:
            return False
        return any(each.path.ends == sa.path.ends and not are_together(each, sa) for each in self.with_peer(sa))

    def heir(self, sa: IsakmpSa) -> IsakmpSa | None:
        """Return the last usable sibling, which gets its children.

        It is of the same connection, or has no children yet: a NAT may give a peer the port of another one.
        """
        heirs = (each for each in reversed(self.of(sa)) if each.is_usable)
        return next((each for each in heirs if each.connection == sa.connection or not each.children), None)
