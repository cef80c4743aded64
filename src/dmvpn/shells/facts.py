"""What a lab looks like from outside, as values: which ports are connected, and the facts of all its routers.

Both kinds of labs answer the order `facts` with a `LabFacts`; programs above (tools) decide from it what one router
alone can only suspect. Nothing secret is in it.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Interface
from typing import TYPE_CHECKING

from pydantic import Field

from dmvpn.base.facts import Address, AddressWithLength, Fact
from dmvpn.router.facts import RouterFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dmvpn.shells.scenario import Scenario


class GreFlow(Fact):
    """GRE through a translator: which inside station talks to which outside station."""

    inside: IPv4Address
    remote: IPv4Address


class GatewayFacts(Fact):
    """A translator.

    flows: the GRE that it lets through now; None: nobody can say.
    inside: its own address on the inside link.
    gateway: where what goes out goes next.
    kind: as in `lab.yaml`, "": nobody says.
    """

    private: IPv4Network
    public: IPv4Address
    inside: IPv4Address | None = None
    gateway: IPv4Address | None = None
    kind: str = ""
    flows: tuple[GreFlow, ...] | None


class HostFacts(Fact):
    """A host.

    router: whose wire it is on.
    gateway: where it sends what is not on its wire.
    address6, gateway6: of IPv6, besides those of IPv4.
    """

    address: AddressWithLength
    gateway: Address | None = None
    address6: IPv6Interface | None = None
    gateway6: Address | None = None
    router: str


class LinkFacts(Fact):
    """A wire.

    ends: "R31:GigabitEthernet0/1", "NAT1:inside".
    bad: what was done to it ("loss 10", "block esp").
    """

    name: str
    ends: tuple[tuple[str, str], ...]
    cut: bool
    bad: tuple[str, ...] = ()


class LabFacts(Fact):
    """A whole lab.

    routers: None for one that does not run.
    absent: why those have no facts, as far as somebody knows.
    providers: routers that only represent the underlay.
    """

    routers: dict[str, RouterFacts | None]
    absent: dict[str, str] = Field(default_factory=dict)
    providers: tuple[str, ...] = ()
    gateways: dict[str, GatewayFacts]
    hosts: dict[str, HostFacts] = Field(default_factory=dict)
    links: tuple[LinkFacts, ...]


def lab_facts(
    scenario: Scenario,
    routers: Mapping[str, RouterFacts | None],
    gateways: Mapping[str, GatewayFacts],
    cut: Iterable[tuple[str, str]],
    bad: Mapping[tuple[str, str], tuple[str, ...]] | None = None,
) -> LabFacts:
    """Return the whole.

    cut: the ends of all wires that nothing passes.
    bad: what else is wrong with a wire, by an end.
    """
    severed, worse = set(cut), bad or {}
    links = [
        LinkFacts(
            name=" -- ".join(f"{node}:{port}" for node, port in ends),
            ends=tuple(ends),
            cut=not severed.isdisjoint(ends),
            bad=next((worse[end] for end in ends if end in worse), ()),
        )
        for ends, _ in scenario.segments()
    ]
    hosts = {
        name: HostFacts(
            address=host.interface,
            gateway=host.gateway,
            address6=host.interface6,
            gateway6=host.gateway6,
            router=scenario.end(host.link)[0],
        )
        for name, host in scenario.lab.hosts.items()
    }
    providers = tuple(name for name in routers if scenario.role(name) == "provider")
    return LabFacts(
        routers=dict(routers), providers=providers, gateways=dict(gateways), hosts=hosts, links=tuple(links)
    )
