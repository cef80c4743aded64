"""Next hops that are addresses only: found in the table itself, without going round in circles.

`ip route 10.4.4.0 255.255.255.0 192.168.100.41` is usable while the table has a way to 192.168.100.41. Most such
offers lean on a connected prefix or on a dynamic protocol's route: those are resolved by one look-up, and again when a
route changes that holds their next hop (`affected`). Only where the longest match of a next hop may be *another*
recursive offer (then ours is a nested one) can there be a circle. The nested ones are settled together, in order of
their prefixes: an offer joins unless it would close a circle. So the outcome depends on the offers alone, not on the
order in which they came.

NHRP's routes do not count here: a shortcut must not carry the route that it rests on. Nor do the host's own: a static
route whose next hop lies in a tunnel would follow the host's default route, in clear, while the tunnel is down.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.lpm import PrefixTable
from dmvpn.base.notices import RouteSource
from dmvpn.features.rib.offers import Node, Offer, Owner

if TYPE_CHECKING:
    from collections.abc import Callable

#: An offer's place: prefix and owner.
Key = tuple[Prefix, Owner]


class Recursion:
    """Knows the recursive offers of a table and sets their `hops`."""

    def __init__(self, nodes: PrefixTable[Node], line: Callable[[str, int], bool]) -> None:
        self._nodes = nodes
        self._line = line
        self._offers: dict[Key, Offer] = {}
        self._prefixes: PrefixTable[int] = PrefixTable()  # of recursive offers, with their number
        self._leaning: dict[tuple[int, int], dict[Key, None]] = {}  # next hop (version, number) -> who names it
        self._addresses: list[tuple[int, int]] = []  # the keys of `_leaning`, sorted
        self._nested: dict[Key, None] = {}
        self._circular: dict[Key, None] = {}  # nested ones that would close a circle: they lean on no other

    def add(self, key: Key, offer: Offer) -> None:
        """Take over a recursive offer; `affected(key's prefix)` must follow."""
        self._offers[key] = offer
        self._prefixes[key[0]] = (self._prefixes.get(key[0]) or 0) + 1
        for place in _places(offer):
            if place not in self._leaning:
                self._leaning[place] = {}
                insort(self._addresses, place)
            self._leaning[place][key] = None

    def remove(self, key: Key) -> None:
        """Forget an offer, if it was a recursive one."""
        offer = self._offers.pop(key, None)
        if offer is None:
            return
        count = (self._prefixes.get(key[0]) or 0) - 1
        if count:
            self._prefixes[key[0]] = count
        else:
            del self._prefixes[key[0]]
        for place in _places(offer):
            keys = self._leaning[place]
            keys.pop(key, None)
            if not keys:
                del self._leaning[place]
                del self._addresses[bisect_left(self._addresses, place)]
        self._nested.pop(key, None)

    def affected(self, prefix: Prefix) -> list[Key]:
        """Return the offers with a next hop inside this prefix."""
        if not self._addresses:
            return []
        version = prefix.address.version
        start = bisect_left(self._addresses, (version, int(prefix.address)))
        end = bisect_left(self._addresses, (version, int(prefix.broadcast) + 1))
        return sorted({key: None for place in self._addresses[start:end] for key in self._leaning[place]}, key=_order)

    def resolve(self, keys: list[Key]) -> list[Key]:
        """Set the hops of these offers again, and of the nested ones; returns those whose hops changed."""
        changed: list[Key] = []
        for key in keys:
            offer = self._offers[key]
            if self._is_nested(offer):
                self._nested[key] = None
                continue
            self._nested.pop(key, None)
            hops = self._hops(offer)
            if hops != offer.hops:
                offer.hops = hops
                changed.append(key)
        return changed + self._settle()

    def leading(self, key: Key) -> tuple[NextHop, ...]:
        """Return the next hops of an offer, in the protocol's own words, that lead somewhere now."""
        return tuple(hop for hop in self._offers[key].route.next_hops if self._leads(key, hop))

    def _leads(self, key: Key, hop: NextHop) -> bool:
        if key in self._circular and not hop.interface and hop.address is not None:
            place, _ = self._longest(hop.address)
            if place in self._nested:
                return False
        return bool(self._one(hop, key[0].address.version))

    def _is_nested(self, offer: Offer) -> bool:
        """Return whether the longest match of a next hop may be another recursive offer."""
        for hop in offer.route.next_hops:
            if hop.interface or hop.address is None:
                continue
            recursive = self._prefixes.lookup(hop.address)
            if recursive is not None and recursive[0].length >= self._direct_length(hop.address):
                return True
        return False

    def _direct_length(self, address: IPAddress) -> int:
        for prefix, node in self._nodes.matches(address):
            offers = [offer for offer in node.offers.values() if offer.route.source is not RouteSource.HOST]
            if any(offer.usable and offer.counts and not offer.recursive for offer in offers):
                return prefix.length
        return -1

    def _settle(self) -> list[Key]:
        """Settle the nested offers from nothing; returns those whose hops changed."""
        if not self._nested:
            return []
        pending = sorted(self._nested, key=_order)
        before = {key: self._offers[key].hops for key in pending}
        for key in pending:
            self._offers[key].hops = ()
        active: list[Key] = []
        self._circular = {}
        progress = True
        while progress:
            progress = False
            for key in list(pending):
                if self._join(key, active):
                    progress = True
                    pending.remove(key)
        return [key for key in before if self._offers[key].hops != before[key]]

    def _join(self, key: Key, active: list[Key]) -> bool:
        """Let one more offer in; False if it cannot be reached yet.

        One that closes a circle keeps the hops that lean on no other nested offer.
        """
        offer = self._offers[key]
        offer.hops = self._hops(offer)
        if not offer.hops:
            return False
        active.append(key)
        outcome = {member: self._expand(member, ()) for member in active}
        if not all(outcome.values()):
            self._circular[key] = None
            offer.hops = self._expand(key, ()) or ()
            if not offer.hops:
                active.remove(key)
            outcome = {member: self._expand(member, ()) for member in active}
        for member, hops in outcome.items():
            self._offers[member].hops = hops or ()
        return True

    def _expand(self, key: Key, path: tuple[Key, ...]) -> tuple[NextHop, ...] | None:
        """Return the hops of an offer followed to the end; None if the way comes back to itself."""
        if key in path:
            return None
        found: dict[NextHop, None] = {}
        for hop in self._offers[key].route.next_hops:
            if hop.interface or hop.address is None:
                found.update(dict.fromkeys(self._one(hop, key[0].address.version)))
                continue
            place, offer = self._longest(hop.address)
            if place is not None and offer is not None and place in self._nested:
                if key in self._circular:
                    continue
                deeper = self._expand(place, (*path, key))
                if deeper is None:
                    return None
                found.update(dict.fromkeys(_at(hop.address, deeper)))
            else:
                found.update(dict.fromkeys(self._one(hop, key[0].address.version)))
        return tuple(found)

    def _hops(self, offer: Offer) -> tuple[NextHop, ...]:
        found: dict[NextHop, None] = {}
        for hop in offer.route.next_hops:
            found.update(dict.fromkeys(self._one(hop, offer.route.prefix.address.version)))
        return tuple(found)

    def _one(self, hop: NextHop, version: int) -> tuple[NextHop, ...]:
        """Return one look-up for one next hop."""
        if hop.interface or hop.address is None:
            return (hop,) if self._line(hop.interface, version) else ()
        _, offer = self._longest(hop.address)
        return _at(hop.address, offer.hops) if offer is not None else ()

    def _longest(self, address: IPAddress) -> tuple[Key | None, Offer | None]:
        """Return the offer that carries packets for `address` now; none if they would be dropped, or are for
        ourselves.
        """
        for prefix, node in self._nodes.matches(address):
            offer = node.choose_plain()
            if offer is None or offer.route.source is RouteSource.HOST:
                continue
            route = offer.route
            if route.kind is not RouteKind.FORWARD or route.source is RouteSource.LOCAL or _is_own(offer, address):
                return None, None
            return (prefix, (route.source, route.process)), offer
        return None, None


def _is_own(offer: Offer, address: IPAddress) -> bool:
    """A connected /32 is our own address: nothing lies behind it."""
    return offer.route.source is RouteSource.CONNECTED and offer.route.prefix == Prefix.host(address)


def _at(address: IPAddress, hops: tuple[NextHop, ...]) -> tuple[NextHop, ...]:
    """Return where a packet for `address` goes: a hop without an address of its own is the connected network itself."""
    return tuple(NextHop(hop.interface, hop.address or address) for hop in hops)


def _places(offer: Offer) -> list[tuple[int, int]]:
    return [
        (hop.address.version, int(hop.address))
        for hop in offer.route.next_hops
        if not hop.interface and hop.address is not None
    ]


def _order(key: Key) -> tuple[int, Prefix, str, str]:
    prefix, (source, process) = key
    return prefix.address.version, prefix, source.value, process
