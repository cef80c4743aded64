"""Next hops that are addresses only: found in the table itself, without going round in circles.

`ip route 10.4.4.0 255.255.255.0 192.168.100.41` is usable while the table has a route to 192.168.100.41. Thousands of
routes share a few next hops, so each lookup is a `RecursiveHop`, shared by all offers with that next hop, and repeated
when a route changes that contains it (`follow`). Its longest match may be *another* recursive offer: then it depends on
the next hops of that offer, and is looked up after them. Only hops that depend on each other can make a circle; these
are settled together (`Settling`). So the outcome depends on the offers alone, not on the order in which they came.

NHRP's routes do not count here: a shortcut must not carry the route that it rests on. Nor do the host's own: a static
route whose next hop lies in a tunnel would follow the host's default route, in clear, while the tunnel is down.

The offers of a circle (`Circle`) join one by one, in the order of their prefixes: an offer that would close the circle
joins without its next hops inside the circle. If there are more than `LARGEST_CIRCLE` offers, all join without them:
the cost of a circle grows with the square of its offers, and neighbors can advertise thousands.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import field
from itertools import islice
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.lpm import PrefixTable
from dmvpn.base.notices import RouteSource
from dmvpn.base.values import Mutable, Value
from dmvpn.features.rib.offers import Node, Offer, Owner

# ------------------------------------------------------------------------------------------------ circles


#: An offer's place: prefix and owner.
Key = tuple[Prefix, Owner]
#: An address by version and number.
Number = tuple[int, int]

LARGEST_CIRCLE: Final = 32


class RecursiveHop(Mutable, eq=False):
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


class Circle(Mutable, eq=False):
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


# ------------------------------------------------------------------------------------------------ next hops


#: Tuples of next hops that are remembered; thousands of routes share one, and then they share the next one.
_MOST_ALIKE: Final = 64
#: Offers whose hops are found in one event: thousands share the place that is another one now.
SLICE: Final = 128


class _Pass(Mutable):
    """changed: prefixes with new next hops. dirty: places to look up now; later: places to look up next."""

    changed: dict[Prefix, None] = field(default_factory=dict)
    dirty: dict[Number, RecursiveHop] = field(default_factory=dict)
    later: dict[Number, RecursiveHop] = field(default_factory=dict)


class _Alike(Value):
    """The result for a tuple of next hops, shared by all offers that have it: a neighbor advertises thousands at once.

    ways: where they lead, and leading: the usable next hops; None: the result differs between offers, because some of
    the places lie in a circle.
    """

    next_hops: tuple[NextHop, ...]
    places: tuple[RecursiveHop, ...]
    ways: tuple[NextHop, ...] | None
    leading: tuple[NextHop, ...] | None


class Recursion:
    """Knows the recursive offers of a table and sets their `hops`. looked_up: how often places were, for tests."""

    def __init__(self, nodes: PrefixTable[Node], line: Callable[[str, int], bool]) -> None:
        self.looked_up = 0
        self._nodes = nodes
        self._line = line
        self._offers: dict[Key, Offer] = {}
        self._places: dict[Number, RecursiveHop] = {}
        self._addresses: list[Number] = []  # the keys of `_places`, sorted
        self._fresh: dict[Key, None] = {}  # offers whose hops are to be found
        self._loose: dict[Number, RecursiveHop] = {}  # places that are to be looked up, whatever changed
        self._circles: dict[Key, Circle] = {}  # the offers that are settled with others
        self._left = SLICE
        self._alike: dict[int, _Alike] = {}  # by the identity of their next hops; until some place is another one

    def add(self, key: Key, offer: Offer) -> None:
        """Take over a recursive offer; `follow` must come next. Its hops are set if all of its next hops are known."""
        self._offers[key] = offer
        alike = self._alike_of(key, offer)
        for place in alike.places:
            place.users[key] = None
        if self._loose:
            self._fresh[key] = None
        else:
            offer.lead(alike.ways if alike.ways is not None else self._hops(key, offer))

    def again(self, key: Key) -> None:
        """Look again at an offer that names beside addresses a line that went up or down; `follow` must come next."""
        self._fresh[key] = None

    def remove(self, key: Key) -> None:
        """Forget an offer, if it was a recursive one; `follow` must come next."""
        offer = self._offers.pop(key, None)
        if offer is None:
            return
        self._fresh.pop(key, None)
        for place in self._alike_of(key, offer).places:
            place.users.pop(key, None)
            if not place.users:
                self._alike.clear()
                for one in place.circle.places.values() if place.circle is not None else ():
                    one.leans = ()  # whatever is left of the circle is found again
                self._dissolve(place, self._loose)
                self._loose.pop(place.number, None)
                del self._places[place.number]
                del self._addresses[bisect_left(self._addresses, place.number)]

    def follow(self, prefixes: Iterable[Prefix]) -> dict[Prefix, None]:
        """Follow changed offers of these prefixes: set their next hops; returns the prefixes whose next hops changed.
        While it is behind, there are more offers than it looks at in one go.

        This ends: places depend on themselves only in circles, and circles are settled in one go.
        """
        later, self._loose = self._loose, {}
        for prefix in prefixes:
            later.update(self._inside(prefix))
        if not later and not self._fresh:
            return {}
        self._alike.clear()
        work = _Pass(later=later)
        while work.later or self._fresh:
            work.dirty, work.later = work.later, {}
            for component in self._in_order(work.dirty):
                for place in component:
                    del work.dirty[place.number]
                if component[0].circle is not None:
                    self._settle(component[0].circle, work)
                else:
                    self._look_up(component[0], work)
            for key in list(islice(self._fresh, self._left)):
                del self._fresh[key]
                self._left -= 1
                self._renew(key, work)
            if not self._left and not work.later:
                break
        return work.changed

    def begin(self) -> None:
        """Begin another event, in which so much may be looked at as in the one before."""
        self._left = SLICE

    @property
    def is_behind(self) -> bool:
        """Whether offers are left to look at; `follow` continues with them."""
        return bool(self._fresh)

    def leading(self, key: Key) -> tuple[NextHop, ...]:
        """Return the next hops of an offer, in the protocol's own words, that lead somewhere now."""
        offer = self._offers[key]
        found = self._alike_of(key, offer).leading
        return found if found is not None else self._leading(key, offer)

    def _leading(self, key: Key, offer: Offer) -> tuple[NextHop, ...]:
        hops = offer.route.next_hops
        leading = tuple(hop for hop in hops if self._of_hop(key, hop))
        return hops if leading == hops else leading

    def _alike_of(self, key: Key, offer: Offer) -> _Alike:
        """Return what holds for all offers with these next hops. The places that they name are made."""
        hops = offer.route.next_hops
        found = self._alike.get(id(hops))
        if found is None:
            places = tuple(self._place(number, address) for number, address in _addresses(offer).items())
            is_same = all(place.circle is None for place in places)
            whither, leading = (self._hops(key, offer), self._leading(key, offer)) if is_same else (None, None)
            if len(self._alike) == _MOST_ALIKE:
                self._alike.clear()
            found = self._alike[id(hops)] = _Alike(hops, places, whither, leading)
        return found

    def _place(self, number: Number, address: IPAddress) -> RecursiveHop:
        place = self._places.get(number)
        if place is None:
            place = self._places[number] = self._loose[number] = RecursiveHop(address, number)
            insort(self._addresses, number)
        return place

    def _inside(self, prefix: Prefix) -> list[tuple[Number, RecursiveHop]]:
        """Return the places inside this prefix."""
        addresses, version, first = self._addresses, prefix.version, prefix.number
        start = bisect_left(addresses, (version, first))
        if start == len(addresses) or addresses[start] >= (beyond := (version, first + prefix.size)):
            return []  # as a rule
        return [(number, self._places[number]) for number in addresses[start : bisect_left(addresses, beyond, start)]]

    # ----------------------------------------------------------------------------------------------- what leans on what

    def _in_order(self, dirty: dict[Number, RecursiveHop]) -> list[list[RecursiveHop]]:
        """Return them in the order in which they lean on each other, with all of the circles that they are in."""
        others: dict[Number, RecursiveHop] = {}
        for place in dirty.values():
            named = (_addresses(self._offers[key]) for key in self._candidates(place.address))
            leans = tuple({number: self._places[number] for numbers in named for number in numbers}.values())
            if leans != place.leans:
                place.leans = leans
                others[place.number] = place
        for place in list(others.values()):
            self._dissolve(place, others)
        dirty.update(others)
        for component in components(others.values()):
            if len(component) > 1 or component[0] in component[0].leans:
                for place in component:
                    self._dissolve(place, dirty)
                circle = Circle({place.number: place for place in component})
                for place in component:
                    place.circle = circle
        for place in list(dirty.values()):
            if place.circle is not None:
                dirty.update(place.circle.places)
        return list(components(dirty.values(), dirty))

    def _dissolve(self, place: RecursiveHop, found: dict[Number, RecursiveHop]) -> None:
        """Dissolve a circle: its places may be in another one now, or in none; what closed this one may lean on
        them.
        """
        circle = place.circle
        if circle is None:
            return
        for one in circle.places.values():
            one.circle = None
        found.update(circle.places)
        for key in circle.members:
            del self._circles[key]
            if key in self._offers:
                self._fresh[key] = None

    def _candidates(self, address: IPAddress) -> Iterator[Key]:
        """Yield the recursive offers that the longest match may be: not those behind an offer that needs no other."""
        for prefix, node in self._nodes.matches(address):
            offers = node.offers.items()
            yield from ((prefix, owner) for owner, offer in offers if offer.recursive)
            if any(_is_direct(offer) for _, offer in offers):
                return

    # ---------------------------------------------------------------------------------------------------------- queries

    def _look_up(self, place: RecursiveHop, work: _Pass) -> None:
        hops = self._way(place.address)
        if hops != place.hops:
            place.hops = hops
            self._fresh.update(place.users)

    def _settle(self, circle: Circle, work: _Pass) -> None:
        """Settle a circle from nothing, and update the offers outside that depend on it."""
        members = self._members(circle)
        before = {key: offer.hops for key, offer in members.items()}
        for key in circle.members:
            del self._circles[key]
            if key not in members and key in self._offers:
                self._fresh[key] = None  # it may have done without a place that it no longer closes a circle with
        circle.members = dict.fromkeys(members)
        self._circles.update(dict.fromkeys(members, circle))
        Settling(circle, members, self._longest, self._of_hop).run()
        for key, offer in members.items():
            self._fresh.pop(key, None)
            if offer.hops != before[key]:
                self._note(key, work, circle)
        for place in circle.places.values():
            hops = self._way(place.address)
            if hops != place.hops:
                place.hops = hops
                self._fresh.update((key, None) for key in place.users if key not in members)

    def _members(self, circle: Circle) -> dict[Key, Offer]:
        """Return the offers that hold a place of the circle, and name one."""
        found: dict[Key, None] = {}
        for place in circle.places.values():
            found.update(dict.fromkeys(self._candidates(place.address)))
        inside = (key for key in found if any(number in circle.places for number in _addresses(self._offers[key])))
        return {key: self._offers[key] for key in sorted(inside, key=order_of)}

    def _renew(self, key: Key, work: _Pass) -> None:
        if key in self._circles:  # what it has may be its own, once around
            places = self._circles[key].places
            work.later.update((number, place) for number, place in places.items() if number not in work.dirty)
            return
        offer = self._offers[key]
        hops = self._hops(key, offer)
        if hops != offer.hops:
            offer.lead(hops)
            self._note(key, work, None)

    def _note(self, key: Key, work: _Pass, circle: Circle | None) -> None:
        """Note that an offer has other hops: look up the places that it may hold, but for those of its own circle."""
        work.changed[key[0]] = None
        for number, place in self._inside(key[0]):
            if number not in work.dirty and (circle is None or place.circle is not circle):
                work.later[number] = place

    def _hops(self, key: Key, offer: Offer) -> tuple[NextHop, ...]:
        ways = [self._of_hop(key, hop) for hop in offer.route.next_hops]
        return ways[0] if len(ways) == 1 else joined(ways)

    def _of_hop(self, key: Key, hop: NextHop) -> tuple[NextHop, ...]:
        """Return where one next hop of an offer leads."""
        if hop.interface or hop.address is None:
            return (hop,) if hop.leaks or self._line(hop.interface, key[0].version) else ()
        place = self._places[place_number(hop.address)]
        is_left_out = place.circle is not None and place.is_inner and key in place.circle.circular
        return () if is_left_out else place.hops

    def _way(self, address: IPAddress) -> tuple[NextHop, ...]:
        """Return where a packet for this address goes."""
        self.looked_up += 1
        _, offer = self._longest(address)
        return at(address, offer.hops) if offer is not None else ()

    def _longest(self, address: IPAddress) -> tuple[Key | None, Offer | None]:
        """Return the offer that carries packets for `address` now; none if they are dropped, or are for ourselves."""
        for prefix, node in self._nodes.matches(address):
            offer = node.choose_plain()
            if offer is None or offer.route.source is RouteSource.HOST:
                continue
            route = offer.route
            if route.kind is not RouteKind.FORWARD or route.source is RouteSource.LOCAL or _is_own(offer, address):
                return None, None
            return (prefix, (route.source, route.process)), offer
        return None, None


def _is_direct(offer: Offer) -> bool:
    """Return whether it carries packets without another route's help."""
    return not offer.recursive and offer.usable and offer.counts and offer.route.source is not RouteSource.HOST


def _is_own(offer: Offer, address: IPAddress) -> bool:
    """Return whether it is a connected /32, our own address: nothing lies behind it."""
    return offer.route.source is RouteSource.CONNECTED and offer.route.prefix == Prefix.host(address)


def _addresses(offer: Offer) -> dict[Number, IPAddress]:
    """Return the addresses that an offer names, each once."""
    return {
        place_number(hop.address): hop.address
        for hop in offer.route.next_hops
        if not hop.interface and hop.address is not None
    }
