"""Keeps the kernel's state equal to our orders: a foreign `ip route del` costs a moment, not the tunnel.

An object that the kernel accepted from us is *wanted* until the order is withdrawn. Notifications about it decide:

    deleted or replaced by a program    restored at once, with everything else that the same reading found lost
    a link or an address changed        everything on that link is ordered again: loss of IPv4 routes is not reported
    many at a time, or ENOBUFS          ordered again after a quiet period, or after `PATIENCE`: no race with a flush
    again and again                     another program disagrees: at growing intervals, logged once, and when it ends

Objects of ours are one kind of value here, with identity (`key_of`), comparison (`alike`) and display (`words`).

Ordering again is cheap: the kernel compares, and sends no notification for unchanged objects. Links come first, then
their addresses with the networks that are connected by them, neighbors, the guard, and routes at last, because each
needs those before it.
"""

from __future__ import annotations

import enum
import errno
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import ClassVar, Final, TypeAlias

from dmvpn.base.addresses import Prefix, is_link_local
from dmvpn.base.effects import Effect
from dmvpn.base.events import EffectFailed, Event, KernelContested
from dmvpn.base.values import Mutable, Value
from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink import KernelNeighborState, ObjectChange
from dmvpn.dataplane.netlink.nfsocket import Family

# ---------------------------------------------------------------------------------------------------- objects


class ObjectKind(enum.IntEnum):
    """Kinds of objects, in the order in which they are put back."""

    EVERYTHING = 0
    LINK = 1
    ADDRESS = 2
    NETWORK = 3
    NEIGHBOR = 4
    RULE = 5
    GUARD = 6
    ROUTE = 7
    TABLE = 8


class TablePurpose(enum.Enum):
    """What a table of nf_tables is for, as its name says."""

    TRANSLATION = "nat"
    FILTER = "filter"
    FILTER6 = "filter6"
    LEAKING = "leak"

    @property
    def words(self) -> str:
        """What it does, for the user."""
        return _PURPOSES[self]

    @property
    def family(self) -> Family:
        """The packets that pass it."""
        return Family.IP6 if self is TablePurpose.FILTER6 else Family.IP


_PURPOSES: Final = {
    TablePurpose.TRANSLATION: "translates addresses",
    TablePurpose.FILTER: "filters packets",
    TablePurpose.FILTER6: "filters packets of IPv6",
    TablePurpose.LEAKING: "passes packets between VRFs",
}


class LinkState(Value):
    """The state of an interface of ours: administratively up, and its MTU in octets (None: left to the kernel).

    master: the index of the device that it is a port of, 0: of none, or any.
    name: of Linux; "": any.
    """

    link: int
    up: bool
    mtu: int | None = None
    master: int = 0
    name: str = ""

    @classmethod
    def of(cls, link: netlink.KernelLink) -> LinkState:
        """Return the actual state of an interface."""
        return cls(link.index, link.up, link.mtu, link.master, link.name)


class RouterTable(Value):
    """A table of nf_tables that a router has made."""

    name: str
    purpose: TablePurpose


KernelObject: TypeAlias = (
    netlink.KernelRoute | netlink.KernelNeighbor | netlink.InterfaceAddress | netlink.Rule | LinkState | RouterTable
)
Key: TypeAlias = "tuple[ObjectKind, Hashable, Hashable]"
#: The tables of the guard by IP version, each by length of the prefixes in them.
GUARD_TABLES: Final = {4: range(5400, 5433), 6: range(6100, 6229)}


def key_of(what: KernelObject) -> Key:
    """Return the identity of a kernel object: its place, not its value."""
    match what:
        case netlink.KernelRoute(metric=0, table=netlink.TABLE_MAIN):  # two interfaces may be in what network
            return (ObjectKind.NETWORK, what.prefix, links_of(what))
        case netlink.KernelRoute(
            metric=0 | netlink.CONNECTED_METRIC6, protocol=netlink.KERNEL_PROTOCOL, kind=netlink.RouteType.UNICAST
        ):
            return (ObjectKind.NETWORK, what.prefix, (what.table, links_of(what)))
        case netlink.KernelRoute():
            return _key_of_route(what.prefix, (what.table, what.metric))
        case netlink.KernelNeighbor():
            return (ObjectKind.NEIGHBOR, what.link, what.address)
        case netlink.InterfaceAddress():
            return (ObjectKind.ADDRESS, what.link, (what.address, what.prefix_length))
        case netlink.Rule():
            return (ObjectKind.RULE, what.priority, (what.version, what.table))
        case LinkState():
            return (ObjectKind.LINK, what.link, None)
        case RouterTable():
            return (ObjectKind.TABLE, what.name, None)


def _key_of_route(prefix: Prefix, place: tuple[int, int]) -> Key:
    return (ObjectKind.GUARD if place[0] in GUARD_TABLES[prefix.version] else ObjectKind.ROUTE, prefix, place)


def networks_of(
    addresses: Iterable[netlink.InterfaceAddress], table: int = netlink.TABLE_MAIN
) -> list[netlink.KernelRoute]:
    """Return the routes that the kernel makes of addresses of one interface that is up: one for each network, but for
    that of IPv6's link-local addresses.
    """
    found: dict[Prefix, netlink.KernelRoute] = {}
    for address in addresses:
        is_ipv4 = address.address.version == 4
        if address.prefix_length < address.address.max_prefixlen and (is_ipv4 or not is_link_local(address.address)):
            route = netlink.KernelRoute(
                address.network,
                (netlink.KernelNextHop(address.link),),
                metric=0 if is_ipv4 else netlink.CONNECTED_METRIC6,
                protocol=netlink.KERNEL_PROTOCOL,
                table=table,
                source=address.address if is_ipv4 else None,
            )
            found.setdefault(address.network, route)
    return list(found.values())


def words(what: KernelObject, name: Callable[[int], str]) -> str:
    """Return an object in words for the user."""
    match what:
        case netlink.KernelRoute():
            hops = ", ".join(
                f"via {hop.gateway}, {name(hop.link)}" if hop.gateway else name(hop.link) for hop in what.next_hops
            )
            table = "" if what.table == netlink.TABLE_MAIN else f" in table {what.table}"
            return f"route {what.prefix} {hops or what.kind.name.lower()}{table}"
        case netlink.KernelNeighbor():
            return f"neighbor {what.address} on {name(what.link)}"
        case netlink.InterfaceAddress():
            return f"address {what.address}/{what.prefix_length} of {name(what.link)}"
        case LinkState():
            mtu = f", MTU {what.mtu}" if what.mtu else ""
            port = f", port of {name(what.master)}" if what.master else ""
            return f"{name(what.link)} {'up' if what.up else 'down'}{mtu}{port}"
        case netlink.Rule():
            return str(what)
        case RouterTable():
            return f"table ip {what.name} (nf_tables), which {what.purpose.words}"


def links_of(what: KernelObject) -> tuple[int, ...]:
    """Return the interfaces that it depends on."""
    match what:
        case netlink.KernelRoute():
            hops = what.next_hops
            return (hops[0].link,) if len(hops) == 1 else tuple(dict.fromkeys([hop.link for hop in hops]))
        case netlink.Rule() | RouterTable():
            return ()
        case _:
            return (what.link,)


def alike(wanted: KernelObject, there: KernelObject) -> bool:
    """Return whether the object is as wanted, as far as we order it."""
    if isinstance(wanted, netlink.KernelRoute) and isinstance(there, netlink.KernelRoute):
        hops = [(hop.link, hop.gateway) for hop in wanted.next_hops]
        return (
            wanted.protocol == there.protocol
            and wanted.kind is there.kind
            and hops == [(hop.link, hop.gateway) for hop in there.next_hops]
        )
    if isinstance(wanted, netlink.KernelNeighbor) and isinstance(there, netlink.KernelNeighbor):
        return KernelNeighborState.PERMANENT in there.state and wanted.lladdr == there.lladdr
    if isinstance(wanted, LinkState) and isinstance(there, LinkState):
        is_placed = wanted.master in (0, there.master) and wanted.name in ("", there.name)
        return is_placed and wanted.up is there.up and wanted.mtu in (None, there.mtu)
    return True


# ---------------------------------------------------------------------------------------------------- keeping

#: Losses of one object that are repaired at once; seconds until the next repair, doubled each time, and the most.
AT_ONCE: Final = 2
FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 5.0
#: Losses that make a conflict; seconds without a loss that end it.
FIGHT: Final = 5
CALM: Final = 15.0
#: Seconds in which the kernel removes what is on a link that our own order took down.
_AFTER_DOWN: Final = 1.0
#: Losses in a row that make a flush; seconds of quiet that end one; seconds after which the wait ends anyway.
BURST: Final = 256
QUIET: Final = 0.03
PATIENCE: Final = 0.5
#: The largest share of its time that a router spends on ordering possibly lost objects again.
SHARE: Final = 1 / 3

#: The error of an object that exists, as it should.
_THERE: Final = errno.EEXIST

Later: TypeAlias = "Callable[[float, Callable[[], None]], None]"

_ALL: Final[Key] = (ObjectKind.EVERYTHING, None, None)


class _Wanted(Mutable):
    """requests: the requests that restore it; if the kernel refuses one, we try again."""

    what: KernelObject
    requests: tuple[netlink.Request, ...]
    links: tuple[int, ...]
    order: ClassVar[Effect | None] = None


class WantedRoute(netlink.RouteRequest, Mutable, eq=False):
    """One of many routes, and the request that restores it. order: reported as failed if the kernel refuses; None: we
    try again.
    """

    order: Effect | None

    @property
    def what(self) -> netlink.KernelRoute:
        """The route."""
        return self.form.route(self.prefix)

    @property
    def requests(self) -> tuple[netlink.Request, ...]:
        """The requests that restore it."""
        return (self,)

    @property
    def links(self) -> tuple[int, ...]:
        """The interfaces that it leads out of."""
        return self.form.links


class Keeper:
    """Stores the wanted objects, and restores them."""

    def __init__(
        self,
        kernel: netlink.NetlinkSocket,
        report: Callable[[Event], None],
        later: Later | None = None,
        name: Callable[[int], str] = str,
    ) -> None:
        """later: schedules a call after some seconds; without it, due work is done with the next notification.

        name: the displayed name of an interface, by its index.
        """
        self._kernel = kernel
        self._report = report
        self._later = later
        self._call = name
        self._wanted: dict[Key, _Wanted | WantedRoute] = {}
        self._on_link: dict[int, dict[Key, None]] = {}
        self._up: dict[int, bool] = {}
        #: When our own orders took links down.
        self._taken_down: dict[int, float] = {}
        #: When each object is due; how often it was lost, and when last. The oldest is first and leaves first, which in
        #: a plain dict takes the longer, the more have left.
        self._lost: dict[Key, float] = {}
        self._losses: OrderedDict[Key, tuple[int, float]] = OrderedDict()
        self._fights: dict[ObjectKind, dict[Key, None]] = {}
        self._suspects: dict[int, None] = {}
        self._rest_until = 0.0
        self._burst = (0, 0.0, 0.0)
        self._alarm = float("inf")
        self._closed = False
        #: Objects restored so far.
        self.restored = 0

    @property
    def objects(self) -> list[KernelObject]:
        """The wanted objects."""
        return [wanted.what for wanted in self._wanted.values()]

    def close(self) -> None:
        """Keep no objects any more."""
        self._closed = True
        self._wanted.clear()
        self._lost.clear()

    # ------------------------------------------------------------------------------------------------ wanted objects

    def want(self, what: KernelObject, *requests: netlink.Request) -> None:
        """Keep this object from now on; the requests create it, and do no harm if it exists."""
        self._want(key_of(what), _Wanted(what, requests, links_of(what)))
        if isinstance(what, LinkState) and not what.up:
            self._taken_down[what.link] = time.monotonic()

    def want_route(self, form: netlink.RouteForm, prefix: Prefix, order: Effect | None) -> WantedRoute:
        """Keep a route from now on; returns the request that makes it, in place of an existing one. order: see
        `WantedRoute`.
        """
        wanted = WantedRoute(form, prefix, order)
        self._want(_key_of_route(prefix, form.place), wanted)
        return wanted

    def _want(self, key: Key, wanted: _Wanted | WantedRoute) -> None:
        old, links = self._wanted.get(key), wanted.links
        if old is None or old.links != links:
            if old is not None:
                self._forget_links(key)
            for link in links:
                self._on_link.setdefault(link, {})[key] = None
        self._wanted[key] = wanted

    def release(self, what: KernelObject) -> None:
        """Stop keeping an object; the caller removes it from the kernel."""
        self._release(key_of(what))

    def release_route(self, form: netlink.RouteForm, prefix: Prefix) -> netlink.RouteRequest:
        """Stop keeping a route. form: of the request that removes it, which is returned."""
        self._release(_key_of_route(prefix, form.place))
        return netlink.RouteRequest(form, prefix)

    def _release(self, key: Key) -> None:
        self._forget_links(key)
        self._wanted.pop(key, None)
        self._lost.pop(key, None)

    def release_link(self, link: int) -> None:
        """Release an interface that is removed by our own order, with everything on it."""
        for key in list(self._on_link.get(link, ())):
            self._release(key)
        self._up.pop(link, None)
        self._taken_down.pop(link, None)

    def release_gone(self, there: frozenset[int]) -> None:
        """Release the objects on all interfaces except these, which are the existing ones."""
        for link in [link for link in self._on_link if link not in there]:
            self.release_link(link)

    def retry(self, what: KernelObject) -> None:
        """Try again later, because the kernel refused it."""
        self._retry(key_of(what))

    def _retry(self, key: Key) -> None:
        self._lost[key] = time.monotonic() + LONGEST_DELAY
        self._wake(time.monotonic() + LONGEST_DELAY)

    def wanted_on(self, link: int, kind: ObjectKind) -> list[KernelObject]:
        """Return the wanted objects of one kind on an interface."""
        return [self._wanted[key].what for key in self._on_link.get(link, ()) if key[0] is kind]

    def suspect(self, link: int) -> None:
        """Mark everything on this interface as possibly lost: `settle` orders it again."""
        self._suspects[link] = None

    def _forget_links(self, key: Key) -> None:
        old = self._wanted.get(key)
        for link in old.links if old is not None else ():
            keys = self._on_link[link]
            keys.pop(key, None)
            if not keys:
                del self._on_link[link]

    # ------------------------------------------------------------------------------------------------ notifications

    def heard(self, event: netlink.KernelEvent) -> bool:
        """Take one notification caused by another process.

        True: it was a request of the kernel for a wanted neighbor.
        """
        match event:
            case netlink.Overrun():
                self._lose(_ALL)
            case netlink.RouteEvent(_, route):
                self._compare(route, gone=event.change is ObjectChange.GONE)
            case netlink.RuleEvent(ObjectChange.GONE, rule):
                self._compare(rule, gone=True)
            case netlink.NeighborEvent(ObjectChange.ASKED, neighbor):
                if key_of(neighbor) not in self._wanted:
                    return False
                self._lose(key_of(neighbor))
                return True
            case netlink.NeighborEvent(_, neighbor):
                self._compare(neighbor, gone=event.change is ObjectChange.GONE)
            case netlink.AddressEvent(_, address):
                self._compare(address, gone=event.change is ObjectChange.GONE)
                self.suspect(address.link)
            case netlink.LinkEvent(ObjectChange.SET, link):
                self._compare(LinkState.of(link), gone=False)
                if self._up.get(link.index) is not link.up:
                    self._up[link.index] = link.up
                    self.suspect(link.index)
            case _:
                pass
        return False

    def _compare(self, there: KernelObject, *, gone: bool) -> None:
        wanted = self._wanted.get(key_of(there))
        if wanted is not None and (gone or not alike(wanted.what, there)):
            self._lose(key_of(there))

    def _lose(self, key: Key) -> None:
        now = time.monotonic()
        count, since, latest = self._burst
        self._burst = (count + 1, since, now) if now - latest < QUIET else (1, now, now)
        if key in self._lost:
            return
        if key == _ALL:  # unknown which objects were lost, or whether any were
            self._lost[key] = max(now, self._rest_until)
            return
        if any(now - self._taken_down.get(link, -_AFTER_DOWN) < _AFTER_DOWN for link in self._links_of(key)):
            self._lost[key] = now
            return
        times, last = self._losses.pop(key, (0, now))
        times = times + 1 if now - last < CALM else 1
        self._losses[key] = (times, now)
        delay = 0.0 if times <= AT_ONCE else min(FIRST_DELAY * 2 ** (times - AT_ONCE - 1), LONGEST_DELAY)
        self._lost[key] = now + delay
        if times >= FIGHT:
            begins = key[0] not in self._fights
            self._fights.setdefault(key[0], {})[key] = None
            if begins:
                self._report(KernelContested(self._name(key), ended=False))

    # ------------------------------------------------------------------------------------------------ restoring

    def settle(self) -> None:
        """Restore objects that are due, and schedule the rest."""
        if self._closed:
            return
        now = time.monotonic()
        if (quiet := self._quiet_at(now)) > now:
            self._wake(quiet)
            return
        keys = [key for key, due in self._lost.items() if due <= now]
        for key in keys:
            del self._lost[key]
        # Routes are restored with their link or address, however they were lost.
        self._suspects |= {link: None for key in keys if key[0] <= ObjectKind.ADDRESS for link in self._links_of(key)}
        if _ALL in keys:
            keys = list(self._wanted)
            self._suspects.clear()
        elif self._suspects and now >= self._rest_until:
            links, self._suspects = self._suspects, {}
            keys = list(dict.fromkeys([*keys, *(key for link in links for key in self._on_link.get(link, ()))]))
        self._say(key for key in sorted(keys, key=_kind) if key in self._wanted)
        if keys:
            self._burst = (0, now, now)
            self._rest_until = max(self._rest_until, now + (time.monotonic() - now) / SHARE)
        while self._losses:
            key, (_, last) = next(iter(self._losses.items()))
            if now - last < CALM:
                break
            del self._losses[key]
            about = self._fights.get(key[0], {})
            if key not in about:
                continue
            del about[key]
            if not about:
                del self._fights[key[0]]
                self._report(KernelContested(self._name(key), ended=True))
        if self._fights:
            self._wake(now + 1.0)
        self._wake(min(self._lost.values(), default=float("inf")))
        if self._suspects:
            self._wake(self._rest_until)

    def _quiet_at(self, now: float) -> float:
        """Return when the current flush is over, at the latest."""
        count, since, latest = self._burst
        whole = _ALL in self._lost
        return min(latest + QUIET, since + PATIENCE) if count > BURST or (whole and now - latest < QUIET) else now

    def _links_of(self, key: Key) -> tuple[int, ...]:
        return self._wanted[key].links if key in self._wanted else ()

    def _say(self, keys: Iterable[Key]) -> None:
        requests: list[netlink.Request] = []
        whose: dict[int, Key] = {}
        for key in keys:
            for request in self._wanted[key].requests:
                whose[id(request)] = key
                requests.append(request)
        if not requests:
            return
        self.restored += len(requests)
        for refusal in self._kernel.execute(requests):
            key = whose[id(refusal.request)]
            wanted = self._wanted.get(key)
            if wanted is None:
                continue  # released as a consequence of an earlier refusal
            if refusal.errno == _THERE:
                continue
            if wanted.order is not None:  # its owner tries again
                self._report(EffectFailed(wanted.order, refusal.errno, str(refusal)))
            else:
                self._retry(key)

    # ------------------------------------------------------------------------------------------------ conflicts

    def _name(self, key: Key) -> str:
        wanted = self._wanted.get(key)
        return words(wanted.what, self._call) if wanted is not None else "what the router ordered"

    def _wake(self, when: float) -> None:
        """Settle again at that time; an earlier call happens anyway."""
        now = time.monotonic()
        if self._later is None or when == float("inf") or now < self._alarm <= when:
            return
        self._alarm = when
        self._later(max(0.0, when - now), self.settle)


def _kind(key: Key) -> ObjectKind:
    return key[0]
