"""The ends of pairs between VRFs in one network namespace: a veth pair for each way from VRF to VRF (`leaks`).

    near end   in the VRF of the route. The route leads out of it, to a neighbor that needs no resolution.
    far end    in the VRF of the interface. What comes by it has a table of its own, with one route: out of the
               interface to the next hop; without the interface it is unreachable, so it takes no other way.

What goes back has the mark of the pair, and a table with a route into the far end. The near end has an
address that only this pair has: the source of the router's own packets without one, which are translated at the far
end. So no address of one VRF is ever seen in the other by accident.

Each namespace with ends of pairs has one table of nf_tables for the packets that pass:

    chain arriving  prerouting     the TTL gets back what the step between the namespaces costs; the flow gets the
                                   number of its pair, and replies to a translated flow the mark of that number
    chain passing   forward        what came by a pair leaves by none: no packet is looked up in three tables
    chain own       output         errors and answers about a flow of a pair have its mark: they go back by the pair
    chain leaving   postrouting    TTL 255, which cannot grow, is 255 again
    chain sourceless  nat          packets of the router in the other VRF get the address of the interface

The mark of a packet does not cross from namespace to namespace, so each end marks for itself. The TTL grows by one as a
binary number does: the lowest bit that is 0 and all below it turn over.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.values import Value
from dmvpn.dataplane import netlink
from dmvpn.dataplane.host import HostProblem
from dmvpn.dataplane.netlink import netfilter, nftables
from dmvpn.dataplane.netlink import nftables as marking
from dmvpn.dataplane.netlink.netfilter import NAT_PRIORITY, SOURCE_TRANSLATED
from dmvpn.dataplane.netlink.nftables import has_mark, set_mark
from dmvpn.dataplane.userspace.differences import Difference
from dmvpn.dataplane.userspace.keeper import Keeper, LinkState, TablePurpose
from dmvpn.dataplane.userspace.links import END_METRIC
from dmvpn.dataplane.userspace.records import Others
from dmvpn.dataplane.userspace.tables import KernelTable, TableHost

# ---------------------------------------------------------------------------------------------------- leak rules

#: Behind connection tracking (-200), before translation (-100) and before routes are chosen.
_MANGLE: Final = -150
#: The first octet of our marks: the number of a pair is in the others.
_MARK: Final = 0x64 << 24
#: The mark of a packet that came by a pair with TTL 255.
_FULL: Final = 0x65 << 24
#: Begins the name of a device.
DEVICE: Final = "dmleak"
_HOP: Final = "hop"
_SOURCE: Final = 12


class Arrival(Value):
    """The far end of a pair: packets of another VRF come by it. sourceless: the address of its near end."""

    number: int
    sourceless: IPv4Address


class Departure(Value):
    """The near end of a pair: a route leads there.

    inside: Linux names of the interfaces whose packets are translated at the far end; packets of other
        interfaces may not pass. None: nothing is translated.
    """

    number: int
    inside: tuple[str, ...] | None = None


def device(number: int) -> str:
    """Return the name of both ends of a pair."""
    return f"{DEVICE}{number}"


def number_of(name: str) -> int:
    """Return the number of the pair with this name."""
    return int(name.removeprefix(DEVICE))


def mark(number: int) -> int:
    """Return the mark of a pair."""
    return _MARK | number


def ruleset(
    table: str, arrivals: Sequence[Arrival], departures: Sequence[Departure], suffix: str = ""
) -> nftables.Ruleset:
    """Return the chains and rules of a table. suffix: the end of names of chains."""
    hop = f"{_HOP}{suffix}"
    return nftables.Ruleset(tuple(_bases(table, arrivals, departures, hop)), tuple(_hop(table, hop)))


def _bases(
    table: str, arrivals: Sequence[Arrival], departures: Sequence[Departure], hop: str
) -> Iterator[nftables.Part]:
    yield nftables.base_chain(table, "arriving", "filter", nftables.Hook.PREROUTING, _MANGLE)
    for arrival in arrivals:
        arrives = nftables.is_interface(nftables.Meta.INPUT_NAME, device(arrival.number))
        yield nftables.rule(table, "arriving", *arrives, *marking.set_flow_mark(mark(arrival.number)))
    yield nftables.rule(
        table, "arriving", *_by_pair(nftables.Meta.INPUT_NAME), nftables.verdict(nftables.NetfilterVerdict.GOTO, hop)
    )
    yield nftables.base_chain(table, "passing", "filter", nftables.Hook.FORWARD, _MANGLE)
    none = nftables.verdict(nftables.NetfilterVerdict.DROP)
    yield nftables.rule(
        table, "passing", *_by_pair(nftables.Meta.INPUT_NAME), *_by_pair(nftables.Meta.OUTPUT_NAME), none
    )
    for departure in departures:
        yield from _departing(table, departure)
    yield nftables.base_chain(table, "leaving", "filter", nftables.Hook.POSTROUTING, _MANGLE)
    yield nftables.rule(table, "leaving", *has_mark(_FULL), *marking.fill_ttl())
    if arrivals:
        yield from _returning(table, arrivals)


def _departing(table: str, departure: Departure) -> Iterator[nftables.Part]:
    """Yield the rules for packets that the other namespace translates: it cannot see their first interface."""
    if departure.inside is None:
        return
    leaves = nftables.is_interface(nftables.Meta.OUTPUT_NAME, device(departure.number))
    for inside in departure.inside:
        arrives = nftables.is_interface(nftables.Meta.INPUT_NAME, inside)
        yield nftables.rule(table, "passing", *arrives, *leaves, nftables.verdict(nftables.NetfilterVerdict.ACCEPT))
    yield nftables.rule(table, "passing", *leaves, nftables.verdict(nftables.NetfilterVerdict.DROP))


def _returning(table: str, arrivals: Sequence[Arrival]) -> Iterator[nftables.Part]:
    translated = (*marking.is_reply(), *marking.has_status(SOURCE_TRANSLATED))
    yield nftables.rule(table, "arriving", *translated, *marking.mark_as_flow())
    yield nftables.base_chain(table, "own", "route", nftables.Hook.OUTPUT, _MANGLE)
    yield nftables.rule(table, "own", *marking.mark_as_flow())
    yield nftables.base_chain(table, "sourceless", "nat", nftables.Hook.POSTROUTING, NAT_PRIORITY + 1)
    for arrival in arrivals:
        arrives = nftables.is_interface(nftables.Meta.INPUT_NAME, device(arrival.number))
        source = (
            nftables.network_header(_SOURCE, 4),
            nftables.compare(nftables.Compare.EQUAL, arrival.sourceless.packed),
        )
        yield nftables.rule(table, "sourceless", *arrives, *source, *nftables.masquerade())


def _hop(table: str, name: str) -> Iterator[nftables.Part]:
    """Yield the chain that adds one to the TTL."""
    done = nftables.verdict(nftables.NetfilterVerdict.RETURN)
    yield nftables.chain(table, name)
    yield nftables.rule(table, name, *marking.ttl_is_full(), *set_mark(_FULL), done)
    for place in range(8):
        yield nftables.rule(table, name, *marking.ttl_lacks(1 << place), *marking.toggle_ttl((2 << place) - 1), done)


def _by_pair(key: nftables.Meta) -> tuple[bytes, bytes]:
    """Return the match for any end of a pair, by the beginning of its name."""
    return nftables.meta(key), nftables.compare(nftables.Compare.EQUAL, DEVICE.encode())


# ---------------------------------------------------------------------------------------------------- leak ends

#: The neighbor at the other end of every pair: the IPv4 dummy address, RFC 7600 §6. Nothing ever asks for it.
BEYOND: Final = IPv4Address("192.0.0.8")
_EVERYWHERE: Final = Prefix.parse("0.0.0.0/0")
_LINK_LOCAL: Final = int(IPv4Address("169.254.0.0"))
#: The place of our rules: before the guard (`guard`), which is about routes of this namespace.
_PRIORITY: Final = 32600
#: Tables of what arrives and of what goes back, by number of the pair.
_TABLES: Final = 10000


class LeakEnds:
    """The ends in the network namespace in which it is made."""

    def __init__(
        self,
        kernel: netlink.NetlinkSocket,
        keeper: Keeper,
        host: TableHost,
    ) -> None:
        self._kernel = kernel
        self._keeper = keeper
        self._arrivals: dict[int, Arrival] = {}
        self._departures: dict[int, Departure] = {}
        self._links: dict[int, int] = {}
        #: The ways of arrivals, as ordered last.
        self._ways: dict[int, netlink.KernelRoute] = {}
        self._table = KernelTable(TablePurpose.LEAKING, host, self._contents, lambda _: self.lost())
        #: Called when the kernel does not take the lost rules again.
        self.lost: Callable[[], None] = lambda: None

    def begin(self, others: Others) -> None:
        """Remove what an earlier life of this router has left here; a removed end takes the other one along."""
        with suppress(OSError):
            left = [link for link in self._kernel.links() if link.kind == "veth" and link.name.startswith(DEVICE)]
            self._kernel.execute([netlink.delete_link(link.index) for link in left])
            rules = [one for one in self._kernel.rules(protocol=netlink.ROUTE_PROTOCOL) if one.table >= _TABLES]
            self._kernel.execute([netlink.delete_rule(one) for one in rules])
            routes = [one for one in self._kernel.routes(protocol=netlink.ROUTE_PROTOCOL) if one.table >= _TABLES]
            self._kernel.execute([netlink.delete_route(route) for route in routes])
        self._table.inherit(others)
        self._table.age()

    def depart(self, number: int, mtu: int) -> int:
        """Let the near end of a new pair carry packets of so many octets. Returns its index. Raises OSError."""
        index = self._prepare(number, mtu)
        address = netlink.InterfaceAddress(index, sourceless(number), 32)
        self._keeper.want(address, netlink.add_missing_address(address))
        self._kernel.call(netlink.add_missing_address(address))
        self._departures[number] = Departure(number)
        return index

    def arrive(self, number: int, mtu: int, *, exact: bool) -> None:
        """Drop packets that come by the far end of a pair, as unreachable, until it has a way. Raises OSError.

        exact: it has one way only; else it takes the routes of this VRF.
        """
        index = self._prepare(number, mtu)
        self._arrivals[number] = Arrival(number, sourceless(number))
        back = netlink.KernelNextHop(index, BEYOND, onlink=True)
        for route in (_end(_there(number)), _end(_back(number)), _route(_back(number), back)):
            self._want(route, netlink.replace_route(route))
        for one in _rules(number) if exact else _rules(number)[:1]:
            self._want(one, netlink.add_rule(one))

    def lead(self, number: int, hop: netlink.KernelNextHop | None) -> None:
        """Send packets that come by the far end of a pair this way; None: drop them, as unreachable."""
        before = self._ways.pop(number, None)
        if before is not None:
            self._keeper.release(before)
        route = _route(_there(number), hop) if hop is not None else None
        if before is not None and route is None:
            self._kernel.execute([netlink.delete_route(before)])
        if route is not None:
            self._ways[number] = route
            self._want(route, netlink.replace_route(route))

    def set_mtu(self, number: int, mtu: int) -> None:
        """Change the MTU of the end of a pair, octets."""
        index = self._links.get(number)
        if index is not None:
            self._keep(index, mtu)
            self._kernel.execute([netlink.set_link(index, netlink.LinkSettings(mtu=mtu))])

    def translate(self, number: int, inside: tuple[str, ...] | None) -> None:
        """Take only packets of these interfaces into the near end of a pair; None: all. Raises HostProblem."""
        if self._departures.get(number) != Departure(number, inside):
            self._departures[number] = Departure(number, inside)
            self.put()

    def put(self) -> None:
        """Put the rules for all ends here, before packets take them. Raises HostProblem."""
        if not self._arrivals and not self._departures:
            self._table.remove()
            return
        try:
            self._table.put()
        except OSError as error:
            raise HostProblem(
                f"the kernel refuses the rules for packets between VRFs: {error.strerror or error}",
                fix="a kernel with nf_tables and connection tracking",
            ) from error

    def remove(self, number: int) -> None:
        """Remove the end of a pair, and with it the other one."""
        departs = self._departures.pop(number, None) is not None
        arrives = self._arrivals.pop(number, None) is not None
        index = self._links.pop(number, None)
        if index is not None:  # if the other one went first, it is gone already
            self._keeper.release_link(index)
            self._kernel.execute([netlink.delete_link(index)])
        if arrives:
            self.lead(number, None)
            for one in _rules(number):
                self._keeper.release(one)
                self._kernel.execute([netlink.delete_rule(one)])
            for route in (_end(_there(number)), _end(_back(number)), _route(_back(number), None)):
                self._keeper.release(route)
                self._kernel.execute([netlink.delete_route(route)])
            if self._table.kernel is not None:
                with suppress(OSError):  # without nf_conntrack_netlink they expire by themselves
                    flows = netfilter.flows(self._table.kernel)
                    netfilter.forget(self._table.kernel, [flow for flow in flows if flow.mark == mark(number)])
        if departs or arrives:
            with suppress(OSError):  # rules about devices that are gone do no harm
                self.put()

    def close(self) -> None:
        """Remove the rules."""
        self._table.close()

    def differences(self) -> list[Difference]:
        """Return the differences between the rules and the table. Raises OSError."""
        return self._table.differences()

    def _contents(self, table: str, suffix: str) -> nftables.Ruleset:
        return ruleset(table, tuple(self._arrivals.values()), tuple(self._departures.values()), suffix)

    def _prepare(self, number: int, mtu: int) -> int:
        """Set up the end of a pair. Its neighbors have its own link-layer address, which the other end has, too."""
        link = self._kernel.find_link(device(number))
        if link is None:
            raise OSError(errno.ENODEV, f"{device(number)} is gone")
        inet = netlink.InetConf(forwarding=1, rp_filter=0, send_redirects=0, accept_redirects=0, accept_local=1)
        settings = netlink.LinkSettings(mtu=mtu, address=b"\x02\x02" + number.to_bytes(4, "big"), inet=inet)
        self._kernel.silence_ipv6(link.index)
        self._kernel.call(netlink.set_link(link.index, settings), netlink.set_arp(link.index, False))
        self._kernel.call(netlink.set_up(link.index))
        self._links[number] = link.index
        self._keep(link.index, mtu)
        return link.index

    def _keep(self, index: int, mtu: int) -> None:
        state = LinkState(index, True, mtu)
        settings = netlink.set_link(index, netlink.LinkSettings(mtu=mtu))
        self._keeper.want(state, settings, netlink.set_up(index))

    def _want(self, one: netlink.KernelRoute | netlink.Rule, request: netlink.KernelRequest) -> None:
        """Make an object and keep it. It may be refused: its interface is down."""
        self._keeper.want(one, request)
        if any(refusal.errno != errno.EEXIST for refusal in self._kernel.execute([request])):
            self._keeper.retry(one)


def sourceless(number: int) -> IPv4Address:
    """Return the address of the near end of a pair, which no other pair has."""
    return IPv4Address(_LINK_LOCAL + number)


def _there(number: int) -> int:
    return _TABLES + 2 * number


def _back(number: int) -> int:
    return _TABLES + 2 * number + 1


def _rules(number: int) -> tuple[netlink.Rule, netlink.Rule]:
    """Return the rules for what comes by the far end of a pair, and for what goes back."""
    return (
        netlink.Rule(_PRIORITY, _back(number), mark=mark(number)),
        netlink.Rule(_PRIORITY + 1, _there(number), arrives=device(number)),
    )


def _route(table: int, hop: netlink.KernelNextHop | None) -> netlink.KernelRoute:
    return netlink.KernelRoute(_EVERYWHERE, () if hop is None else (hop,), table=table)


def _end(table: int) -> netlink.KernelRoute:
    kind = netlink.RouteType.UNREACHABLE
    return netlink.KernelRoute(_EVERYWHERE, kind=kind, metric=END_METRIC, table=table)
