"""The entry that lets the packets of a tunnel into a port, at its place in an access list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.entrances import Outer
from dmvpn.base.filters import END_OF_LIST
from dmvpn.features.policy.config import access_lists

if TYPE_CHECKING:
    from collections.abc import Hashable

    from dmvpn.base.filters import FilterList


def permitting_lines(listed: FilterList, what: Outer, sequence: int) -> tuple[str, ...]:
    """Return the lines that let such packets of all peers in before the entry that denies them.

    sequence: of that entry. Empty: a standard list knows no protocols, and between two numbers there may be no room.
    """
    if listed.is_standard:
        return ()
    place: dict[str, Hashable] = {}
    if sequence != END_OF_LIST:
        before = max((one.sequence for one in listed.entries if one.sequence < sequence), default=0)
        if sequence - 1 <= before:
            return ()
        place["sequence"] = max(before + 1, sequence - 5)
    return (
        access_lists.EXTENDED.of(name=listed.name),
        access_lists.EXTENDED_ENTRY.of(**place, permit=True, **_ASKS[what]),
    )


_ANY = {"any": True}
_ASKS: dict[Outer, dict[str, Hashable]] = {
    Outer.IKE: {"udp": True, **_ANY, "destination_ports": "eq isakmp"},
    Outer.IN_UDP: {"udp": True, **_ANY, "destination_ports": "eq non500-isakmp"},
    Outer.ESP: {"esp": True, **_ANY},
    Outer.GRE: {"gre": True, **_ANY},
}
