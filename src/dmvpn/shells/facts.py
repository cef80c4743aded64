"""A lab seen from outside, as values: its connected ports, and the facts of all its routers.

Both kinds of labs answer the order `facts` with a `LabFacts`; programs above (tools) decide from it what one router
alone can only suspect. It contains no secrets.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Interface
from typing import TYPE_CHECKING

from pydantic import Field, JsonValue, ValidationError

from dmvpn.base.errors import UserError
from dmvpn.base.facts import Address, AddressWithLength, Fact
from dmvpn.router.facts import RouterFacts, SetupFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dmvpn.shells.lab_model import HostSpec
    from dmvpn.shells.scenario import Scenario


class GreFlow(Fact):
    """A GRE flow through a translator between an inside and an outside station."""

    inside: IPv4Address
    remote: IPv4Address


def public_of(inward: Mapping[IPv4Address, IPv4Address], station: object, others: IPv4Address) -> IPv4Address:
    """Return the public address of a station inside. others: that of stations without one of their own."""
    return next((public for public, inside in inward.items() if inside == station), others)


class GatewayFacts(Fact):
    """A translator.

    flows: the GRE that it lets through now; None: unknown.
    inside: its own address on the inside link.
    gateway: its next hop outside.
    kind: as in `lab.yaml`, "": unknown.
    inward: stations inside by their own public addresses.
    """

    private: IPv4Network
    public: IPv4Address
    inside: IPv4Address | None = None
    gateway: IPv4Address | None = None
    kind: str = ""
    flows: tuple[GreFlow, ...] | None
    inward: dict[IPv4Address, IPv4Address] = Field(default_factory=dict)

    @property
    def publics(self) -> tuple[IPv4Address, ...]:
        """Its addresses outside."""
        return tuple(dict.fromkeys((self.public, *self.inward)))

    def public_of(self, station: Address | None) -> IPv4Address:
        """Return the address outside of a station inside."""
        return public_of(self.inward, station, self.public)


class HostFacts(Fact):
    """A host.

    router: the router on its wire.
    gateway: its default gateway.
    address6, gateway6: of IPv6, besides those of IPv4.
    waits: versions of IP of which it waits for a lease.
    """

    address: AddressWithLength
    gateway: Address | None = None
    address6: IPv6Interface | None = None
    gateway6: Address | None = None
    waits: tuple[int, ...] = ()
    router: str

    @property
    def addresses(self) -> tuple[AddressWithLength, ...]:
        """The addresses of either version of IP."""
        return (self.address,) if self.address6 is None else (self.address, self.address6)


class LinkFacts(Fact):
    """A wire.

    ends: "R31:GigabitEthernet0/1", "NAT1:inside".
    bad: its impairments ("loss 10", "block esp").
    """

    name: str
    ends: tuple[tuple[str, str], ...]
    cut: bool
    bad: tuple[str, ...] = ()


class LabFacts(Fact):
    """A whole lab.

    routers: None for a router that does not run.
    absent: why such a router has no facts, as far as known.
    providers: routers that only represent the underlay.
    cables: where there are VLANs, the wires as they are plugged in; `links` then carry VLANs from end to end.
    """

    routers: dict[str, RouterFacts | None]
    absent: dict[str, str] = Field(default_factory=dict)
    providers: tuple[str, ...] = ()
    gateways: dict[str, GatewayFacts]
    hosts: dict[str, HostFacts] = Field(default_factory=dict)
    links: tuple[LinkFacts, ...]
    cables: tuple[LinkFacts, ...] = ()


def lab_facts(
    scenario: Scenario,
    routers: Mapping[str, RouterFacts | None],
    gateways: Mapping[str, GatewayFacts],
    cut: Iterable[tuple[str, str]],
    bad: Mapping[tuple[str, str], tuple[str, ...]] | None = None,
    wires: Sequence[Sequence[tuple[str, str]]] | None = None,
    hosts: Mapping[str, HostSpec] | None = None,
) -> LabFacts:
    """Return the facts of the whole lab.

    cut: the ends of all cut wires.
    bad: other impairments of a wire, by an end.
    wires: the ends of all wires, where VLANs make others of those of the scenario.
    hosts: with their leases, None: those of the scenario.
    """
    plugged, has_vlans = [ends for ends, _ in scenario.segments()], wires is not None
    wires = plugged if wires is None else wires
    severed, worse = set(cut), bad or {}
    links, cables = (
        tuple(
            LinkFacts(
                name=" -- ".join(f"{node}:{port}" for node, port in ends),
                ends=tuple(ends),
                cut=not severed.isdisjoint(ends),
                bad=next((worse[end] for end in ends if end in worse), ()),
            )
            for ends in some
        )
        for some in (wires, plugged if has_vlans else ())
    )
    hosts = hosts or scenario.lab.hosts
    facts = {
        name: HostFacts(
            address=host.interface,
            gateway=host.gateway,
            address6=host.interface6,
            gateway6=host.gateway6,
            waits=host.leased,
            router=_router_beside(name, host, wires, routers) or scenario.end(host.link)[0],
        )
        for name, host in hosts.items()
    }
    providers = tuple(name for name in routers if scenario.role(name) == "provider")
    return LabFacts(
        routers=dict(routers),
        providers=providers,
        gateways=dict(gateways),
        hosts=facts,
        links=links,
        cables=cables,
    )


def _router_beside(
    name: str,
    host: HostSpec,
    wires: Sequence[Sequence[tuple[str, str]]],
    routers: Mapping[str, RouterFacts | None],
) -> str:
    """Return the router that has the gateway of a host on its wire."""
    beside = [node for ends in wires if (name, "eth0") in ends for node, _ in ends]
    for router in beside:
        facts = routers.get(router)
        if facts is not None and any(host.gateway in own for own in facts.addresses.values()):
            return router
    return ""


def known_setups(request: Mapping[str, JsonValue]) -> dict[str, str] | None:
    """Return the tags of the setups that a client knows; None: it asks for facts."""
    known = request.get("known")
    return {name: str(tag) for name, tag in known.items()} if isinstance(known, dict) else None


def plain_setups(setups: Mapping[str, SetupFacts | None]) -> dict[str, JsonValue]:
    """Return a lab's answer to a request for the setups of its routers."""
    return {"setups": {name: one.model_dump(mode="json") if one is not None else None for name, one in setups.items()}}


def read_setups(answer: JsonValue, known: Mapping[str, SetupFacts | None]) -> dict[str, SetupFacts | None]:
    """Return the setups of a lab's routers. known: the setups that the client had. A lab of another release, or a
    recording, answers with all facts. Raises UserError.
    """
    try:
        if not isinstance(answer, dict) or "setups" not in answer:
            routers = LabFacts.model_validate(answer).routers
            return {name: SetupFacts.of(facts) if facts is not None else None for name, facts in routers.items()}
        found = _Setups.model_validate(answer).setups
    except ValidationError as error:
        raise UserError(f"the setups of the running lab cannot be read: {error}") from error
    return {name: _fuller(setup, known.get(name)) for name, setup in found.items()}


def _fuller(setup: SetupFacts | None, known: SetupFacts | None) -> SetupFacts | None:
    """Return the known setup where a router has only sent its tag."""
    return known if setup is not None and known is not None and setup.tag == known.tag else setup


class _Setups(Fact):
    setups: dict[str, SetupFacts | None]
