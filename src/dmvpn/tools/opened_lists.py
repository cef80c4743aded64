"""The entries that let the packets of a tunnel into a port, at their place in an access list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.entrances import Outer
from dmvpn.features.policy.config import access_lists
from dmvpn.network.access_entries import numbers_before

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from ipaddress import IPv4Address

    from dmvpn.base.filters import FilterEntry, FilterList

#: The protocol, and the port of our own.
_ASKS: Final[dict[Outer, dict[str, Hashable]]] = {
    Outer.IKE: {"udp": True, "destination_ports": "eq isakmp"},
    Outer.IN_UDP: {"udp": True, "destination_ports": "eq non500-isakmp"},
    Outer.ESP: {"esp": True},
    Outer.GRE: {"gre": True},
}
#: Peers that get lines of their own.
_MOST_PEERS: Final = 16

#: What a list denies, and the sequence number of the entry that does so.
Denied = tuple[Outer, int]


def permitting_lines(
    listed: FilterList, denied: Sequence[Denied], peers: Sequence[IPv4Address | None]
) -> tuple[str, ...]:
    """Return the lines that let such packets in before the entries that deny them, or at the end of the list.

    peers: whose packets it denies. The lines let in those of all peers, unless an entry that denies is about some
    addresses, or the list permits such packets of some addresses only; then they are for these peers, as many as there
    is room for. Empty: a standard list knows no protocols, and between two numbers there may be no room.
    """
    if listed.is_standard:
        return ()
    senders = _senders(listed, denied, peers)
    lines: list[str] = []
    for sequence in dict.fromkeys(sequence for _, sequence in denied):
        kinds = [what for what, by in denied if by == sequence]
        asked = [{**_ASKS[what], **sender} for sender in senders for what in kinds]
        is_at_end = not any(entry.sequence == sequence for entry in listed.entries)
        places = numbers_before((entry.sequence for entry in listed.entries), sequence, len(asked))
        if not is_at_end and len(places) < len(kinds):
            return ()
        numbers: list[dict[str, Hashable]] = [{}] * len(asked) if is_at_end else [{"sequence": one} for one in places]
        whole = len(numbers) - len(numbers) % len(kinds)  # all that a peer needs, or nothing
        lines += (
            access_lists.EXTENDED_ENTRY.of(**number, permit=True, **asks, any=True)
            for number, asks in zip(numbers[:whole], asked, strict=False)
        )
    return (access_lists.EXTENDED.of(name=listed.name), *lines)


def _senders(
    listed: FilterList, denied: Sequence[Denied], peers: Sequence[IPv4Address | None]
) -> list[dict[str, Hashable]]:
    """Return the senders of the new entries as parts of a line; `{}` is any."""
    whats = {what for what, _ in denied}
    numbers = {sequence for _, sequence in denied}
    is_for_some = any(_is_of_some(entry) for entry in listed.entries if entry.sequence in numbers) or any(
        entry.permit and _is_of_some(entry) and any(_is_about(entry, what) for what in whats)
        for entry in listed.entries
    )
    if not is_for_some or None in peers:
        return [{}]
    return [{"host": True, "source": peer} for peer in peers[:_MOST_PEERS]]


def _is_of_some(entry: FilterEntry) -> bool:
    return not entry.condition.source.is_any or bool(entry.condition.sources)


def _is_about(entry: FilterEntry, what: Outer) -> bool:
    """Return whether an entry means such packets in particular, by protocol and port."""
    asks, packet = entry.condition, what.packet(entry.condition.source.address, entry.condition.destination.address)
    has_port = what in (Outer.ESP, Outer.GRE) or asks.destination_ports is not None
    return asks.protocol == packet.protocol and has_port and asks.fits_behind_ip(packet)
