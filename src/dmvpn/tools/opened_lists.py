"""The entry that lets the packets of a tunnel into a port, at its place in an access list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.entrances import Outer
from dmvpn.features.policy.config import access_lists

if TYPE_CHECKING:
    from collections.abc import Hashable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.filters import FilterList

#: The protocol, and the port of our own.
_ASKS: Final[dict[Outer, dict[str, Hashable]]] = {
    Outer.IKE: {"udp": True, "destination_ports": "eq isakmp"},
    Outer.IN_UDP: {"udp": True, "destination_ports": "eq non500-isakmp"},
    Outer.ESP: {"esp": True},
    Outer.GRE: {"gre": True},
}
#: How far before the entry that denies, if there is room: IOS numbers by tens.
_BEFORE: Final = 5


def permitting_lines(listed: FilterList, what: Outer, sequence: int, peer: IPAddress | None) -> tuple[str, ...]:
    """Return the lines that let such packets in before the entry that denies them, or at the end of the list.

    sequence: of that entry. peer: whose packets it denies. They let in those of all peers, unless the entry is about
    some addresses. Empty: a standard list knows no protocols, and between two numbers there may be no room.
    """
    if listed.is_standard:
        return ()
    place: dict[str, Hashable] = {}
    denying = [entry for entry in listed.entries if entry.sequence == sequence]
    if denying:
        before = max((entry.sequence for entry in listed.entries if entry.sequence < sequence), default=0)
        if sequence - before == 1:
            return ()
        place["sequence"] = max(before + 1, sequence - _BEFORE)
    asked = [entry.condition for entry in denying]
    is_for_all = peer is None or all(one.source.is_any and not one.sources for one in asked)
    source: dict[str, Hashable] = {} if is_for_all else {"host": True, "source": peer}
    entry = access_lists.EXTENDED_ENTRY.of(**place, permit=True, **_ASKS[what], **source, any=True)
    return (access_lists.EXTENDED.of(name=listed.name), entry)
