"""One router as facts: what all its features publish, and its configuration."""

from __future__ import annotations

from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Self, TypeVar, cast

from pydantic import Field

from dmvpn.base.events import GreDrops
from dmvpn.base.facts import Address, AddressWithLength, Fact, NeighborFacts, Network, PeerFacts
from dmvpn.features.bgp import facts as bgp_facts
from dmvpn.features.eigrp import facts as eigrp_facts
from dmvpn.features.filter import facts as filter_facts
from dmvpn.features.ike import facts as ike_facts
from dmvpn.features.interface import facts as interface_facts
from dmvpn.features.interface.machine import InterfaceMachine
from dmvpn.features.ipsec import facts as ipsec_facts
from dmvpn.features.nat import facts as nat_facts
from dmvpn.features.nhrp import facts as nhrp_facts
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.ospf import facts as ospf_facts
from dmvpn.features.rib import facts as rib_facts
from dmvpn.features.rip import facts as rip_facts
from dmvpn.features.system import facts as system_facts
from dmvpn.features.system.machine import SystemMachine
from dmvpn.features.tunnel import facts as tunnel_facts
from dmvpn.features.tunnel.machine import TunnelMachine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dmvpn.base.context import Machine
    from dmvpn.base.ports import Interfaces
    from dmvpn.ios.tree import ConfigTree
    from dmvpn.router.router import Router

M = TypeVar("M")
S = TypeVar("S")
T = TypeVar("T")


class TunnelFacts(tunnel_facts.GreFacts, nhrp_facts.OverlayFacts):
    """A tunnel, as GRE, NHRP and IPsec know it. unsecured: the peers that it should protect and does not."""

    unsecured: tuple[PeerFacts, ...] = ()


class KernelFacts(Fact):
    """Something in which the kernel of a router's machine differs from its orders.

    there: the actual state.
    unordered: it has the router's mark, and the router did not order it.
    aside: the kernel has the order, but packets to these addresses take another path.
    """

    what: str
    there: str
    unordered: bool = False
    aside: Network | None = None


class FilterFacts(Fact):
    """A base chain of nf_tables on a router's machine, at hook forward, that drops what its rules do not accept.

    family: "ip", "ip6" or "inet" (both).
    rules: how many it has.
    """

    family: str
    table: str
    chain: str
    rules: int


class TableFacts(Fact):
    """A routing table, and the protocols that fill it. vrf: "", the global table."""

    vrf: str = ""
    routes: tuple[rib_facts.RouteFacts, ...] = ()
    neighbors: tuple[NeighborFacts, ...] = ()
    eigrp: tuple[eigrp_facts.EigrpFacts, ...] = ()
    ospf: tuple[ospf_facts.OspfFacts, ...] = ()
    rip: rip_facts.RipFacts | None = None
    bgp: bgp_facts.BgpFacts = bgp_facts.BgpFacts()


class RouterFacts(TableFacts):
    """A router that runs.

    now: its monotonic clock.
    wall: the time of day that it believes in, seconds since 1970, UTC; None: unknown.
    forwards_ipv6: `ipv6 unicast-routing`.
    configuration: `show running-config` with secrets hidden.
    refused: peers without an agreement, whichever end began; the last reason of each.
    log: the last lines of `show logging`.
    kernel: with real packets, in what its machine's tables differ from its orders.
    filters: likewise, what its machine's packet filter has that keeps it from passing packets on.
    """

    hostname: str = ""
    now: float = 0.0
    wall: float | None = None
    configuration: tuple[str, ...] = ()
    interfaces: tuple[interface_facts.InterfaceFacts, ...] = ()
    forwards_ipv6: bool = False
    vrfs: tuple[TableFacts, ...] = ()
    tunnels: tuple[TunnelFacts, ...]
    sas: tuple[ipsec_facts.SaFacts, ...] = ()
    ike: tuple[ike_facts.IkeFacts, ...] = ()
    drops: GreDrops = GreDrops()
    refused: tuple[PeerFacts, ...] = ()
    log: tuple[system_facts.LogFacts, ...] = ()
    kernel: tuple[KernelFacts, ...] = ()
    filters: tuple[FilterFacts, ...] = ()
    translation: nat_facts.TranslationFacts | None = None
    packet_filters: tuple[filter_facts.FilterFacts, ...] = ()

    @property
    def addresses(self) -> dict[str, tuple[Address, ...]]:
        """Of all its interfaces, by name; those without are not there."""
        return {it.name: tuple(address.ip for address in it.addresses) for it in self.interfaces if it.addresses}

    @property
    def tables(self) -> tuple[TableFacts, ...]:
        """The tables of all VRFs and the global one."""
        return (self, *self.vrfs)

    def table(self, vrf: str) -> TableFacts:
        """Return the table of a VRF, "": the global one; without such a VRF an empty one."""
        return next((one for one in self.tables if one.vrf == vrf), TableFacts(vrf=vrf))

    def seen_from(self, interface: str) -> RouterFacts:
        """Return these facts with the table of an interface's VRF in the place of that which they show now."""
        return self.seen_in(next((one.vrf for one in self.interfaces if one.name == interface), ""))

    def seen_in(self, vrf: str) -> RouterFacts:
        """Return these facts with the table of a VRF in the place of that which they show now."""
        if vrf == self.vrf:
            return self
        shown = TableFacts(**{name: getattr(self, name) for name in TableFacts.model_fields})
        others = tuple(one for one in self.vrfs if one.vrf != vrf)
        return self.model_copy(update={**dict(self.table(vrf)), "vrfs": (*others, shown)})

    def of_version(self, version: int) -> RouterFacts:
        """Return these facts with the processes of routing protocols for one version of IP alone."""
        eigrp, ospf = (tuple(one for one in each if one.version == version) for each in (self.eigrp, self.ospf))
        return self.model_copy(update={"eigrp": eigrp, "ospf": ospf, "rip": self.rip if version == 4 else None})

    def routes_to(self, address: Address, vrf: str | None = None) -> list[rib_facts.RouteFacts]:
        """Return the routes of a VRF to an address, the most specific first. vrf: None: the table that is shown."""
        fitting = [route for route in self.table(self.vrf if vrf is None else vrf).routes if address in route.prefix]
        return sorted(fitting, key=lambda route: route.prefix.prefixlen, reverse=True)

    def esp_packets(self, sa: ipsec_facts.SaFacts) -> tuple[int, int]:
        """Return the packets that were sent to the peer of an SA, and received, on all SAs with it.

        If both ends of IKEv1 begin at once, each sends on a pair of its own.
        """
        all_pairs = [one for one in self.sas if one.connection == sa.connection]
        return sum(one.sent for one in all_pairs), sum(one.received for one in all_pairs)

    def sas_of(self, tunnel: TunnelFacts) -> list[ipsec_facts.SaFacts]:
        """Return the SAs at the source of one of its tunnels: the same address in another VRF has other SAs."""
        return [sa for sa in self.sas if (sa.local, sa.front) == (tunnel.source, tunnel.front)]

    def unsecured(self, tunnel: TunnelFacts) -> list[PeerFacts]:
        """Return the peers in the front door of a tunnel that have no SAs, whichever end wants them."""
        return [*tunnel.unsecured, *(peer for peer in self.refused if peer.front == tunnel.front)]


class SetupFacts(Fact):
    """How a router is set up: less than its facts, and soon there.

    tag: another one after each change. A client that knows it already gets nothing else.
    addresses: of each interface that has one.
    """

    tag: str
    configuration: tuple[str, ...] = ()
    addresses: dict[str, tuple[AddressWithLength, ...]] = Field(default_factory=dict)

    @classmethod
    def of(cls, facts: RouterFacts) -> Self:
        """Return how a router is set up, by its facts."""
        addresses = {one.name: one.addresses for one in facts.interfaces if one.addresses}
        tag = blake2b(repr((facts.configuration, addresses)).encode(), digest_size=8).hexdigest()
        return cls(tag=tag, configuration=facts.configuration, addresses=addresses)

    @property
    def facts(self) -> RouterFacts:
        """The facts that follow from it."""
        interfaces = (
            interface_facts.InterfaceFacts(name=name, enabled=True, line=True, addresses=addresses)
            for name, addresses in self.addresses.items()
        )
        return RouterFacts(configuration=self.configuration, interfaces=tuple(interfaces), tunnels=())


class Rendered:
    """The configuration of a router without keys, for a client that asks again and again."""

    def __init__(self) -> None:
        self._tree: ConfigTree | None = None
        self._revision = 0
        self._lines: tuple[str, ...] = ()

    def lines(self, tree: ConfigTree) -> tuple[str, ...]:
        """Return it, rendered again only after a change."""
        if self._tree is not tree or self._revision != tree.revision:
            self._tree, self._revision = tree, tree.revision
            self._lines = tuple(tree.render_for_others())
        return self._lines


def setup_facts(router: Router, known: str, rendered: Rendered) -> SetupFacts:
    """Return how a router is set up. known: the tag that the client knows. rendered: of the same router each time."""
    found = SetupFacts.of(
        RouterFacts(
            configuration=rendered.lines(router.running),
            interfaces=interface_facts.facts(router.machine(InterfaceMachine)),
            tunnels=(),
        )
    )
    return SetupFacts(tag=found.tag) if found.tag == known else found


def router_facts(
    router: Router, now: float, kernel: tuple[KernelFacts, ...] = (), filters: tuple[FilterFacts, ...] = ()
) -> RouterFacts:
    """Return what there is to say about one router at `now`, its monotonic clock. kernel, filters: what its data plane
    found there.
    """
    ports = router.ports
    return RouterFacts(
        **dict(_table("", router.machines, ports.interfaces, now)),
        hostname=router.hostname,
        now=now,
        wall=ports.clock.wall(now).timestamp(),
        configuration=tuple(router.running.render_for_others()),
        interfaces=interface_facts.facts(router.machine(InterfaceMachine)),
        forwards_ipv6=router.machine(InterfaceMachine).forwards_ipv6,
        vrfs=tuple(_table(name, vrf.machines, vrf.ports.interfaces, now) for name, vrf in router.vrfs.items()),
        tunnels=tuple(_tunnels(router, now)),
        sas=ipsec_facts.facts(ports.protection, now),
        ike=_said(router.machines, "ike", partial(ike_facts.facts, now=now), ()),
        drops=router.machine(TunnelMachine).drops,
        refused=_said(router.machines, "ike", ike_facts.refused, ()),
        log=system_facts.log(router.machine(SystemMachine), now),
        kernel=kernel,
        filters=filters,
        translation=_said(router.machines, "nat", nat_facts.facts, None),
        packet_filters=_said(router.machines, "filter", filter_facts.facts, ()),
    )


def _table(vrf: str, machines: Mapping[str, Machine], interfaces: Interfaces, now: float) -> TableFacts:
    """Return what the machines of one table publish. interfaces: that are in it."""
    return TableFacts(
        vrf=vrf,
        routes=tuple(_said(machines, "rib", partial(rib_facts.facts, now=now), ())),
        neighbors=(
            *_said(machines, "eigrp", partial(eigrp_facts.neighbors, now=now), ()),
            *_said(machines, "ospf", partial(ospf_facts.neighbors, now=now), ()),
            *_said(machines, "bgp", partial(bgp_facts.neighbors, interfaces=interfaces, now=now), ()),
        ),
        eigrp=_said(machines, "eigrp", eigrp_facts.facts, ()),
        ospf=_said(machines, "ospf", ospf_facts.facts, ()),
        rip=_said(machines, "rip", partial(rip_facts.facts, now=now), None),
        bgp=_said(machines, "bgp", bgp_facts.facts, bgp_facts.BgpFacts()),
    )


def _said(machines: Mapping[str, Machine], feature: str, ask: Callable[[M], S], otherwise: T) -> S | T:
    """Return what a machine publishes that sleeps where nothing is configured; `otherwise` if it does."""
    machine = machines.get(feature)
    return otherwise if machine is None else ask(cast("M", machine))


def _tunnels(router: Router, now: float) -> Iterator[TunnelFacts]:
    ports = router.ports
    for state in ports.tunnels.all():
        gre = tunnel_facts.facts(router.machine(TunnelMachine), state, ports.interfaces.get(state.name))
        overlay = nhrp_facts.facts(router.machine(NhrpMachine), ports.protection, state.name, now)
        unsecured = ipsec_facts.unsecured(ports.protection, state.name) if state.protection else ()
        yield TunnelFacts(**dict(gre), **dict(overlay), unsecured=unsecured)
