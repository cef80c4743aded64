"""Who speaks for a network: the election of the designated router and its backup, RFC 2328 §9.4."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dmvpn.base.addresses import UNSPECIFIED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address


class Candidate(NamedTuple):
    """A router on the network. designated, backup: the routers that it considers elected."""

    priority: int
    router: IPv4Address
    address: IPv4Address
    designated: IPv4Address
    backup: IPv4Address

    @property
    def rank(self) -> tuple[int, IPv4Address]:
        """The higher one wins."""
        return self.priority, self.router


class Elected(NamedTuple):
    """Addresses; 0.0.0.0: nobody."""

    designated: IPv4Address
    backup: IPv4Address


def elect(own: Candidate, others: Iterable[Candidate]) -> Elected:
    """Return the result of the election from our point of view. `others` are the neighbors that have heard us."""
    rivals = [other for other in others if other.priority]
    first = _count(own, rivals)
    was = (own.address == own.designated, own.address == own.backup)
    now = (own.address == first.designated, own.address == first.backup)
    if was == now:
        return first
    # Step 4: what we have become, or are not any more, is known to us; so it is counted once more.
    designated = own.address if now[0] else first.designated if was[0] else own.designated
    backup = own.address if now[1] else first.backup if was[1] else own.backup
    return _count(own._replace(designated=designated, backup=backup), rivals)


def _count(own: Candidate, rivals: list[Candidate]) -> Elected:
    eligible = [own, *rivals] if own.priority else rivals
    willing = [one for one in eligible if one.designated != one.address]
    declared = [one for one in willing if one.backup == one.address]
    backup = max(declared or willing, key=lambda one: one.rank, default=None)
    leading = [one for one in eligible if one.designated == one.address]
    designated = max(leading, key=lambda one: one.rank, default=backup)
    return Elected(
        designated.address if designated is not None else UNSPECIFIED,
        backup.address if backup is not None else UNSPECIFIED,
    )
