"""Next hops that may depend on each other in a circle, and which of their offers do.

The offers of a circle join one by one, in the order of their prefixes: an offer that would close the circle joins
without its next hops inside the circle. If there are more than `LARGEST_CIRCLE` offers, all join without them:
the cost of a circle grows with the square of its offers, and neighbors can advertise thousands.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import NextHop
from dmvpn.base.values import dataclass
from dmvpn.features.rib.offers import Offer, Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

#: An offer's place: prefix and owner.
Key = tuple[Prefix, Owner]
#: An address by version and number.
Number = tuple[int, int]

LARGEST_CIRCLE: Final = 32


@dataclass(slots=True, eq=False)
class RecursiveHop:
    """A next hop that must be looked up. users: the offers that name it. hops: where a packet for it goes now.

    leans: the places of recursive offers that its longest match may be. circle: of places that may lean on each other.
    is_inner: its longest match is an offer of the circle, so that circular ones do without it.
    """

    address: IPAddress
    number: Number
    users: dict[Key, None] = field(default_factory=dict)
    hops: tuple[NextHop, ...] = ()
    leans: tuple[RecursiveHop, ...] = ()
    circle: Circle | None = None
    is_inner: bool = False


@dataclass(slots=True, eq=False)
class Circle:
    """places: by number. members: offers that contain a place and use one. circular: offers that would close it."""

    places: dict[Number, RecursiveHop]
    members: dict[Key, None] = field(default_factory=dict)
    circular: dict[Key, None] = field(default_factory=dict)


def components(starts: Iterable[RecursiveHop], within: Container[Number] | None = None) -> Iterator[list[RecursiveHop]]:
    """Yield the strongly connected components that can be reached, those first that others lean on (Tarjan, 1972).

    within: nothing else is looked at.
    """
    numbers: dict[Number, int] = {}
    lowest: dict[Number, int] = {}
    open_places: dict[Number, RecursiveHop] = {}
    for start in starts:
        if start.number in numbers:
            continue
        numbers[start.number] = lowest[start.number] = len(numbers)
        open_places[start.number] = start
        way = [(start, iter(start.leans))]
        while way:
            place, others = way[-1]
            for other in others:
                if other.number not in numbers:
                    if within is None or other.number in within:
                        numbers[other.number] = lowest[other.number] = len(numbers)
                        open_places[other.number] = other
                        way.append((other, iter(other.leans)))
                        break
                elif other.number in open_places:
                    lowest[place.number] = min(lowest[place.number], numbers[other.number])
            else:
                way.pop()
                if way:
                    above = way[-1][0].number
                    lowest[above] = min(lowest[above], lowest[place.number])
                if lowest[place.number] == numbers[place.number]:
                    found: list[RecursiveHop] = []
                    while not found or found[-1] is not place:
                        found.append(open_places.popitem()[1])
                    yield found


class Settling:
    """One settling of a circle, from nothing. offers: of all keys. longest: the offer for an address, as of now.

    of_hop: where a next hop leads that does not lie in the circle.
    """

    def __init__(
        self,
        circle: Circle,
        members: Mapping[Key, Offer],
        longest: Callable[[IPAddress], tuple[Key | None, Offer | None]],
        of_hop: Callable[[Key, NextHop], tuple[NextHop, ...]],
    ) -> None:
        self._circle = circle
        self._members = members
        self._longest = longest
        self._of_hop = of_hop

    def run(self) -> None:
        """Set the hops of the members, which of them are circular, and which places they have to do without."""
        circular = self._circle.circular
        circular.clear()
        for offer in self._members.values():
            offer.lead(())
        is_too_large = len(self._members) > LARGEST_CIRCLE
        if is_too_large:
            for key, offer in self._members.items():
                circular[key] = None
                hops = (hop for hop in offer.route.next_hops if self._inside(hop) is None)
                offer.lead(joined(self._of_hop(key, hop) for hop in hops))
        else:
            self._let_in()
        for place in self._circle.places.values():
            place.is_inner = is_too_large or self._longest(place.address)[0] in self._members

    def _let_in(self) -> None:
        pending, active = list(self._members), list[Key]()
        joined = True
        while joined:
            joined = False
            for key in list(pending):
                if self._join(key, active):
                    joined = True
                    pending.remove(key)

    def _join(self, key: Key, active: list[Key]) -> bool:
        """Let one more offer in; False if it cannot be reached yet."""
        offer = self._members[key]
        offer.lead(self._as_of_now(key, offer))
        if not offer.hops:
            return False
        active.append(key)
        outcome = self._followed(active)
        if outcome is None:
            self._circle.circular[key] = None
            offer.lead(self._as_of_now(key, offer, outside=True))
            outcome = self._followed(active)
        if not offer.hops or outcome is None:  # it would remove a route that the loop's routes rely on
            self._circle.circular[key] = None
            offer.lead(())
            active.remove(key)
            outcome = self._followed(active)
        for member, hops in (outcome or {}).items():
            self._members[member].lead(hops)
        return True

    def _inside(self, hop: NextHop) -> RecursiveHop | None:
        if hop.interface or hop.address is None:
            return None
        return self._circle.places.get(place_number(hop.address))

    def _as_of_now(self, key: Key, offer: Offer, *, outside: bool = False) -> tuple[NextHop, ...]:
        """Return where its next hops lead. outside: those alone that lead to no other offer of the circle."""

        def lead(hop: NextHop) -> tuple[NextHop, ...]:
            place = self._inside(hop)
            if place is None:
                return self._of_hop(key, hop)
            below, found = self._longest(place.address)
            return () if found is None or (outside and below in self._members) else at(place.address, found.hops)

        return joined(map(lead, offer.route.next_hops))

    def _followed(self, active: list[Key]) -> dict[Key, tuple[NextHop, ...]] | None:
        """Return the hops of these offers followed to the end; None: a way comes back to itself, or leads nowhere."""
        known: dict[Number, tuple[NextHop, ...] | None] = {}
        outcome: dict[Key, tuple[NextHop, ...]] = {}
        for key in active:
            hops = self._follow_offer(key, active, known)
            if not hops:
                return None
            outcome[key] = hops
        return outcome

    def _follow_offer(
        self, key: Key, active: list[Key], known: dict[Number, tuple[NextHop, ...] | None]
    ) -> tuple[NextHop, ...] | None:
        offer = self._members[key]
        if key in self._circle.circular:
            return self._as_of_now(key, offer, outside=True)
        ways: list[tuple[NextHop, ...]] = []
        for hop in offer.route.next_hops:
            place = self._inside(hop)
            way = self._of_hop(key, hop) if place is None else self._follow_place(place, active, known)
            if way is None:
                return None
            ways.append(way)
        return joined(ways)

    def _follow_place(
        self, place: RecursiveHop, active: list[Key], known: dict[Number, tuple[NextHop, ...] | None]
    ) -> tuple[NextHop, ...] | None:
        if place.number in known:
            return known[place.number]  # None: this is where we come from
        known[place.number] = None
        key, offer = self._longest(place.address)
        hops = offer.hops if offer is not None else ()
        if key in active:
            followed = self._follow_offer(key, active, known)
            if followed is None:
                return None
            hops = followed
        known[place.number] = hops = at(place.address, hops)
        return hops


def at(address: IPAddress, hops: tuple[NextHop, ...]) -> tuple[NextHop, ...]:
    """Return where a packet for `address` goes: a hop without an address of its own is the connected network itself."""
    return tuple(NextHop(hop.interface, hop.address or address, leaks=hop.leaks) for hop in hops)


def joined(ways: Iterable[tuple[NextHop, ...]]) -> tuple[NextHop, ...]:
    """Return all of these hops, each once."""
    return tuple(dict.fromkeys(hop for way in ways for hop in way))


def place_number(address: IPAddress) -> Number:
    """Return the sort key for addresses of both versions."""
    return address.version, int(address)


def order_of(key: Key) -> tuple[Prefix, str, str]:
    """Return the key by which offers are sorted: prefix, source, process."""
    prefix, (source, process) = key
    return prefix, source.value, process
