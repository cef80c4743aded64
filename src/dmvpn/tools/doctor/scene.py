"""The doctor's input: the facts of a lab, an earlier sample of them, the results of pings; with look-ups.

    Scene    all of it
    Client   one tunnel of a router and a server that it must reach: most checks are about such a pair
    Probe    a ping: it shows what no state does: which packets pass between two ends, of which size, how many are lost

`carry_out` runs probes through a caller that can type at the routers' prompts; `read` makes a `ProbeResult` of the
output. All are bounded in number and time, and the report lists them. `visit` chooses them.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from ipaddress import IPv4Address
from typing import Any, Final, NamedTuple, TypeAlias

from dmvpn.base.addresses import ip_keyword
from dmvpn.base.barriers import Barrier, Gap
from dmvpn.base.facts import Address, AddressWithLength
from dmvpn.base.findings import Concern
from dmvpn.base.terms import Odd, Term
from dmvpn.base.values import Mutable, Value
from dmvpn.features.interface.facts import InterfaceFacts
from dmvpn.features.nhrp.facts import ServerFacts
from dmvpn.features.ospf.facts import OspfFacts, OspfInterfaceFacts
from dmvpn.features.rip.facts import RipInterfaceFacts
from dmvpn.network.overlay import EndIndex, EndPair, Seat, Table, TunnelEnd, TunnelSeat, customers
from dmvpn.network.sites import translated
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.shells.facts import LabFacts, LinkFacts
from dmvpn.shells.lab_model import INSIDE, OUTSIDE
from dmvpn.tools.answers import hops, trace
from dmvpn.tools.doctor.configuration import device, tunnel_end
from dmvpn.tools.walk.view import HOST_PORT, without_filters

# ------------------------------------------------------------------------------------------------ pings


#: Types lines at routers' prompts, all at once; returns their output.
Ask: TypeAlias = "Callable[[Sequence[tuple[str, str]]], list[str]]"

#: Commands and requests of one visit.
MOST_COMMANDS, MOST_ECHOES = 60, 2000
#: Octets of a ping that fits every path.
_SMALL: Final = 100
#: Seconds for a reply over a slow path.
_PATIENCE: Final = 4
#: Requests that find out whether a path is slow, or whether it carries anything.
FEW: Final = 3


class ProbePurpose(enum.Enum):
    """The purpose of a probe."""

    GATEWAY = "does the next router answer?"
    GATEWAY_FULL = "do the largest packets of a tunnel pass there?"
    UNDERLAY = "do packets pass between the NBMA addresses?"
    LOSS = "do all of them?"
    UNDERLAY_FULL = "do the largest that the tunnel makes, in one piece?"
    UNDERLAY_OTHERS = "do the largest that the other end's tunnel makes?"
    UNDERLAY_SIZE = "how large may they be?"
    UNDERLAY_PIECES = "do fragments?"
    TUNNEL = "do packets pass through the tunnel?"
    TUNNEL_FULL = "do the largest?"
    SITES = "do packets pass between two sites?"
    LAN = "does a host of the site answer?"
    TRACE = "whom do they pass by?"


#: What runs when all else has run, as far as the commands of a visit suffice.
_LAST: Final = (ProbePurpose.TRACE, ProbePurpose.LAN)


class Probe(Value, kw_only=True):
    """A ping at a router. source: an interface. only_if: it runs if that probe had a reply.

    patience: seconds for a reply. vrf: the VRF of the source, "": the global table.
    """

    kind: ProbePurpose
    router: str
    target: Address
    source: str
    size: int = _SMALL
    df: bool = False
    repeat: int = 5
    patience: int = 1
    only_if: Probe | None = None
    vrf: str = ""

    @property
    def command(self) -> str:
        """The command."""
        target = f"vrf {self.vrf} {self.target}" if self.vrf else str(self.target)
        if self.kind is ProbePurpose.TRACE:
            return trace(target, self.source)
        df = " df-bit" if self.df else ""
        return f"ping {target} source {self.source} repeat {self.repeat} size {self.size} timeout {self.patience}{df}"


class ProbeResult(Value):
    """marks: one for each request, as ping prints them; "": it could not run. path: the hops of a traceroute."""

    marks: str
    path: tuple[str, ...] = ()

    @property
    def tried(self) -> bool:
        """Whether it was run at all."""
        return bool(self.marks)

    @property
    def passed(self) -> bool:
        """Whether enough replies came. The first may wait for an address or an SA."""
        return self.tried and "!" in self.marks and self.lost <= 1

    @property
    def lost(self) -> int:
        """Requests without a reply."""
        return len(self.marks) - self.marks.count("!")

    @property
    def silent(self) -> bool:
        """Whether nothing came back, not even an error."""
        return self.tried and set(self.marks) == {"."}

    @property
    def refused(self) -> bool:
        """Whether a router on the path sent an error."""
        return self.tried and "!" not in self.marks and not self.silent

    def __str__(self) -> str:
        if self.path:
            return " -> ".join(self.path)
        if not self.tried:
            return "not tried"
        mixed = f" ({self.marks})" if len(set(self.marks)) > 1 or self.refused else ""
        return f"{len(self.marks) - self.lost} of {len(self.marks)} came back{mixed}"


_MARKS: Final = re.compile(r"^[!.UMQ&?]+$", re.MULTILINE)


def read(text: str) -> ProbeResult:
    """Return the result of a ping or traceroute: the marks of the one, or the hops of the other."""
    return ProbeResult("".join(_MARKS.findall(text)), tuple(hop for hop in hops(text) if hop != "*"))


def carry_out(probes: Iterable[Probe], ask: Ask) -> dict[Probe, ProbeResult]:
    """Run the probes: first pings, all at once, then dependent ones, last traceroutes when all is quiet, and pings of
    hosts.

    A slow path without faults loses nothing: silent probes are repeated with a longer timeout.
    """
    planned = list(dict.fromkeys(probes))
    first = [probe for probe in planned if probe.only_if is None and probe.kind not in _LAST]
    then = [probe for probe in planned if probe.only_if is not None]
    budget = _Budget()
    answers = budget.spend(first, ask)
    mute = [probe for probe, outcome in answers.items() if outcome.silent]
    again = {probe: replace(probe, patience=_PATIENCE, repeat=min(probe.repeat, FEW)) for probe in mute}
    slow = budget.spend(again.values(), ask)
    answers |= {probe: slow[later] for probe, later in again.items() if later in slow and "!" in slow[later].marks}
    passed = {probe for probe, outcome in answers.items() if "!" in outcome.marks}  # looked up, never iterated
    ready = [probe for probe in then if probe.only_if in passed]
    longer = {probe: replace(probe, patience=_PATIENCE) if probe.only_if in again else probe for probe in ready}
    last = budget.spend(longer.values(), ask)
    answers |= {probe: last[asked] for probe, asked in longer.items() if asked in last}
    return answers | budget.spend((probe for probe in planned if probe.kind in _LAST), ask)


class _Budget(Mutable):
    """The commands and requests left for one visit."""

    commands: int = MOST_COMMANDS
    echoes: int = MOST_ECHOES

    def spend(self, probes: Iterable[Probe], ask: Ask) -> dict[Probe, ProbeResult]:
        """Run as many as the budget allows, all at once."""
        some: list[Probe] = []
        for probe in probes:
            if self.commands and self.echoes >= probe.repeat:
                self.commands, self.echoes = self.commands - 1, self.echoes - probe.repeat
                some.append(probe)
        printed = ask([(probe.router, probe.command) for probe in some])
        return {probe: read(text) for probe, text in zip(some, printed, strict=True)}


# ------------------------------------------------------------------------------------------------ the doctor's input


#: A port: the node and its interface.
Port = tuple[str, str]


class LanAddress(NamedTuple):
    """An address of an interface that is neither a tunnel nor its source. served: hosts of a lab are on its network."""

    port: InterfaceFacts
    address: AddressWithLength
    served: bool


class Mistake(NamedTuple):
    """A mistake that lint finds in the configuration of a router. related: lines of other routers, by their words."""

    router: str
    concern: Concern
    related: tuple[tuple[str, tuple[str, ...]], ...]


class Client(Value):
    """A tunnel and its server. server: None for a point-to-point tunnel without next hop servers.

    facts: with the routing protocols of the client's version of IP alone, and so hub_facts.
    nbma: the configured address of the server. hub, hub_facts, there: the router with that address, and its tunnel with
        that source.
    """

    name: str
    facts: RouterFacts
    tunnel: TunnelFacts
    server: ServerFacts | None
    nbma: Address | None
    hub: str = ""
    hub_facts: RouterFacts | None = None
    there: TunnelFacts | None = None

    @property
    def works(self) -> bool:
        """Whether the registration is up."""
        return self.server is None or self.server.responding

    @property
    def pair(self) -> EndPair | None:
        """The two ends with their settings; None: the lines of one of them are not in view."""
        if self.hub_facts is None or self.there is None:
            return None
        here = tunnel_end(self.facts, self.tunnel, self.version)
        there = tunnel_end(self.hub_facts, self.there, self.version)
        return EndPair(here, there, nhrp=self.server is not None) if here is not None and there is not None else None

    @property
    def version(self) -> int:
        """The IP version of the network inside the tunnel: of the server, else of the first address."""
        return version_of(self.tunnel, self.server)

    @property
    def ip(self) -> str:
        """How lines about that version begin."""
        return ip_keyword(self.version)

    @property
    def in_version(self) -> str:
        """The end of a sentence about that version, where the tunnel has addresses of both: " (IPv6)"; else ""."""
        both = len({own.version for own in self.tunnel.addresses if not own.is_link_local}) > 1
        return f" (IPv{self.version})" if both else ""

    @property
    def title(self) -> str:
        """The pair, for people."""
        return f"{self.name} {self.tunnel.name} -> {self.hub or self.nbma or 'a server'}"


def version_of(tunnel: TunnelFacts, server: ServerFacts | None) -> int:
    """Return the IP version of a network that a tunnel is in. server: of that network; None: there is none."""
    addresses = (server.address,) if server is not None and server.address is not None else tunnel.addresses
    return next((one.version for one in addresses), 4)


class _Index(Mutable):
    """Frequent look-ups: a hub may have hundreds of spokes.

    stations: by the router that translates and the public address. seen: sources of tunnels as their peers see them.
    clients: made on demand.
    """

    stations: dict[str, dict[IPv4Address, IPv4Address]] = field(default_factory=dict)
    seen: dict[tuple[str, str], Address | None] = field(default_factory=dict)
    owners: dict[Address, str] = field(default_factory=dict)
    ends: EndIndex[tuple[str, TunnelFacts]] = field(default_factory=lambda: EndIndex(()))
    links: dict[Port, LinkFacts] = field(default_factory=dict)
    clients: tuple[Client, ...] = ()
    of_hub: dict[str, list[Client]] = field(default_factory=dict)
    customers: Mapping[Table, str] = field(default_factory=dict)
    unfiltered: LabFacts | None = None
    mistakes: list[tuple[Mistake, ...]] = field(default_factory=list)
    verdicts: dict[tuple[Term[Any, Any], TunnelEnd], Odd] = field(default_factory=dict)

    @classmethod
    def of(cls, lab: LabFacts) -> _Index:
        """Return the index; of two routers with one address, the first counts."""
        index = cls(links={end: link for link in reversed(lab.links) for end in link.ends})
        for name, facts in lab.routers.items():
            for mine in facts.addresses.values() if facts is not None else ():
                for address in mine:
                    index.owners.setdefault(address, name)
        running = [(name, facts) for name, facts in lab.routers.items() if facts is not None]
        index.stations = {
            name: stations for name, facts in running if (stations := dict(translated("\n".join(facts.configuration))))
        }
        publics: dict[Address, list[IPv4Address]] = {}
        for stations in index.stations.values():
            for public, station in stations.items():
                publics.setdefault(station, []).append(public)
        seats = []
        for name, facts in running:
            for tunnel in facts.tunnels:
                index.seen[name, tunnel.name] = seen = _public(lab, index, name, tunnel)
                outside = publics.get(tunnel.source, []) if tunnel.source is not None else []
                sources = [one for one in dict.fromkeys((tunnel.source, seen, *outside)) if one is not None]
                networks = [own.network for own in addresses_of(facts, tunnel.name)]
                inside = (*tunnel.addresses, *([tunnel.link_local] if tunnel.link_local is not None else []))
                seats.append(Seat((name, tunnel), name, tunnel.key, inside, networks, sources))
                if seen is not None and any(seen in gateway.inward for gateway in lab.gateways.values()):
                    index.owners.setdefault(seen, name)
                for public in outside:
                    index.owners.setdefault(public, name)
        index.ends = EndIndex(seats)
        return index


class Scene(Value):
    """All facts in view. earlier: the facts some seconds before. answers: the result of each probe.

    why: asks the routers why a route does not pass from one to its neighbor.
    """

    lab: LabFacts
    earlier: LabFacts | None = None
    answers: Mapping[Probe, ProbeResult] = field(default_factory=dict)
    why: Callable[[Gap], Barrier | None] = field(default=lambda _: None, repr=False, compare=False)
    _index: _Index = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", _Index.of(self.lab))

    @property
    def unfiltered(self) -> LabFacts:
        """The lab as if no router filtered packets: for walks that ask for routes. Lists have checks of their own."""
        if self._index.unfiltered is None:
            self._index.unfiltered = without_filters(self.lab)
        return self._index.unfiltered

    @property
    def mistakes(self) -> list[tuple[Mistake, ...]]:
        """What `terms` found in the configurations; empty before."""
        return self._index.mistakes

    @property
    def verdicts(self) -> dict[tuple[Term[Any, Any], TunnelEnd], Odd]:
        """Which end is to change where a server and a client differ, by the term and the server's end."""
        return self._index.verdicts

    # ------------------------------------------------------------------------------------------------ routers

    def alive(self) -> Iterator[tuple[str, RouterFacts]]:
        """Yield all routers that run."""
        for name, facts in self.lab.routers.items():
            if facts is not None:
                yield name, facts

    def dead(self) -> list[str]:
        """Return all routers that do not run."""
        return [name for name, facts in self.lab.routers.items() if facts is None]

    def facts(self, name: str) -> RouterFacts | None:
        """Return the router's facts."""
        return self.lab.routers.get(name)

    def ports(self, *, tunnels: bool = False) -> Iterator[tuple[str, InterfaceFacts, AddressWithLength]]:
        """Yield each address of an interface, with its router. tunnels: of those, too."""
        for name, facts in self.alive():
            left_out = () if tunnels else {tunnel.name for tunnel in facts.tunnels}
            for port in facts.interfaces:
                yield from ((name, port, own) for own in port.addresses if port.name not in left_out)

    def vrf_of(self, port: Port) -> str:
        """Return the VRF that a port is in, "": the global table."""
        facts = self.facts(port[0])
        return next((it.vrf for it in (facts.interfaces if facts is not None else ()) if it.name == port[1]), "")

    def owner(self, address: Address | None) -> str | None:
        """Return the living router that has this address."""
        return self._index.owners.get(address) if address is not None else None

    def station(self, router: str, address: Address) -> IPv4Address | None:
        """Return the station to which a router's lines send what comes for a public address."""
        stations = self._index.stations.get(router, {})
        return stations.get(address) if isinstance(address, IPv4Address) else None

    def tunnel_owner(self, address: Address | None) -> tuple[str, TunnelFacts] | None:
        """Return the router that has this tunnel address."""
        found = self._index.ends.by_address.get(address) if address is not None else None
        return found[0].end if found else None

    def clients(self, router: str | None = None) -> tuple[Client, ...]:
        """Return each tunnel with each of its servers, or with its far end."""
        index = self._index
        if not index.clients:
            index.clients = tuple(client for seat in index.ends.seats for client in self._clients_of(seat))
            for client in index.clients:
                index.of_hub.setdefault(client.hub, []).append(client)
        return index.clients if router is None else tuple(one for one in index.clients if one.name == router)

    def fellows(self, client: Client) -> list[Client]:
        """Return the other routers' tunnels with the same server."""
        self.clients()
        same = (one for one in self._index.of_hub.get(client.hub, ()) if one.version == client.version)
        return [one for one in same if one.name != client.name]

    def _clients_of(self, seat: Seat[tuple[str, TunnelFacts]]) -> Iterator[Client]:
        name, tunnel = seat.end
        wanted: list[tuple[ServerFacts | None, Address | None]]
        wanted = [(server, server.nbma) for server in tunnel.servers if server.wanted]
        if not tunnel.servers and tunnel.destination is not None:
            wanted = [(None, tunnel.destination)]
        for server, nbma in wanted:
            _, found = self._index.ends.server(seat, server.address if server is not None else None, nbma)
            hub, there = found.end if found is not None else (self.owner(nbma) or "", None)
            facts, theirs = self.facts(name), self.facts(hub)
            version = version_of(tunnel, server)
            if theirs is not None and there is not None:
                theirs = theirs.seen_from(there.name).of_version(version)
                there = _sized(theirs, there, version)
            if facts is not None:
                mine = facts.seen_from(tunnel.name).of_version(version)
                yield Client(name, mine, _sized(mine, tunnel, version), server, nbma, hub, theirs, there)

    def servers(self) -> set[tuple[str, str]]:
        """Return router and tunnel of all servers that clients use, by tunnel or NBMA address."""
        found = {(client.hub, client.there.name) for client in self.clients() if client.there is not None}
        for client in self.clients():
            owned = self.tunnel_owner(client.server.address) if client.server is not None else None
            if owned is not None:
                found.add((owned[0], owned[1].name))
        return found

    def global_of(self, facts: RouterFacts, port: str, address: Address) -> Address:
        """Return the global address of the station that has an address on the link of a router's port."""
        if not address.is_link_local:
            return address
        networks = [own.network for own in addresses_of(facts, port) if own.version == address.version]
        theirs = (own.ip for _, it, own in self.ports(tunnels=True) if it.link_local == address)
        return next((one for one in theirs if any(one in network for network in networks)), address)

    def site_of(self, name: str, facts: RouterFacts, version: int | None = None) -> tuple[str, Address] | None:
        """Return an interface that is neither a tunnel nor its source, with its address: the LAN of a spoke.

        One in the table that the facts show comes first. version: of IP; None: any.
        """
        lans = (one for one in self.lans(name, facts) if version in (None, one.address.version))
        best = min(lans, key=lambda one: (not one.served, one.port.vrf != facts.vrf), default=None)
        return (best.port.name, best.address.ip) if best is not None else None

    def lans(self, name: str, facts: RouterFacts) -> Iterator[LanAddress]:
        """Yield the addresses of a router's LANs."""
        hosts = [host for host in self.lab.hosts.values() if host.router == name]
        served = {own.network for host in hosts for own in host.addresses}
        for port in lan_ports(facts):
            yield from (LanAddress(port, own, own.network in served) for own in port.addresses)

    @property
    def customers(self) -> Mapping[Table, str]:
        """The customer of each table: hosts of different customers need not reach each other."""
        if self._index.customers:
            return self._index.customers
        tables: list[Table] = []
        tunnels: list[TunnelSeat] = []
        for name, facts in self.alive():
            tables += [(name, port.vrf) for port in facts.interfaces]
            for tunnel in facts.tunnels:
                port = interface_of(facts, tunnel.name)
                if port is not None and port.addresses:
                    tunnels.append(TunnelSeat((name, port.vrf), port.addresses[0].network, tunnel.key))
        self._index.customers = customers(tables, tunnels)
        return self._index.customers

    def gateway_port(self, host: str) -> InterfaceFacts | None:
        """Return the port of a host's router on the host's wire; None: the router does not run, or has none there."""
        router, link = self.lab.hosts[host].router, self.link((host, HOST_PORT))
        facts = self.facts(router)
        names = [port for node, port in link.ends if node == router] if link is not None else []
        return interface_of(facts, names[0]) if facts is not None and names else None

    def table_of(self, host: str) -> Table:
        """Return the table that a host's packets are looked up in first: that of its router's port."""
        port = self.gateway_port(host)
        return self.lab.hosts[host].router, port.vrf if port is not None else ""

    def customer_of(self, host: str) -> str:
        """Return the customer of a host."""
        table = self.table_of(host)
        return self.customers.get(table, table[1])

    # ------------------------------------------------------------------------------------------------ wires

    def link(self, port: Port) -> LinkFacts | None:
        """Return the wire at a port."""
        return self._index.links.get(port)

    def addresses_at(self, node: str, port: str) -> tuple[AddressWithLength, ...]:
        """Return the addresses that a router or a host has at this end of a wire."""
        facts, host = self.facts(node), self.lab.hosts.get(node)
        if host is not None:
            return (host.address,)
        return addresses_of(facts, port) if facts is not None else ()

    def gateway_of(self, router: str, interface: str) -> str | None:
        """Return the translator on whose inside wire this port is."""
        return _gateway_at(self.lab, self.link((router, interface)))

    def behind(self, gateway: str) -> LinkFacts | None:
        """Return the outside wire of a translator."""
        return self.link((gateway, OUTSIDE))

    def seen_as(self, client: Client) -> Address | None:
        """Return the NBMA address of this client as its peers see it."""
        return self.public(client.name, client.tunnel)

    def public(self, router: str, tunnel: TunnelFacts) -> Address | None:
        """Return the NBMA address of a router's tunnel as its peers see it."""
        return self._index.seen[router, tunnel.name]

    def underlay_wires(self, router: str) -> Iterator[InterfaceFacts]:
        """Yield the interfaces of a router that are plugged in."""
        facts = self.facts(router)
        for interface in facts.interfaces if facts is not None else ():
            if self.link((router, interface.name)) is not None:
                yield interface


def _gateway_at(lab: LabFacts, link: LinkFacts | None) -> str | None:
    """Return the translator whose inside is on this wire."""
    ends = link.ends if link is not None else ()
    return next((node for node, port in ends if port == INSIDE and node in lab.gateways), None)


def is_translator(facts: RouterFacts) -> bool:
    """Return whether a router has no tunnels and translates for those behind it."""
    return not facts.tunnels and " ip nat inside" in facts.configuration


def _public(lab: LabFacts, index: _Index, router: str, tunnel: TunnelFacts) -> Address | None:
    """Return the source of a tunnel as its peers see it: behind a router that translates for this wire alone, that of
    its port outside.
    """
    link = index.links.get((router, tunnel.source_interface))
    gateway = _gateway_at(lab, link)
    if gateway is not None:
        return lab.gateways[gateway].public_of(tunnel.source)
    for node, port in link.ends if link is not None else ():
        facts = lab.routers.get(node)
        if facts is not None and is_translator(facts) and (box := device(facts)).nat.inside == (port,):
            stations = index.stations.get(node, {})
            whole = [public for public, station in stations.items() if station == tunnel.source]
            outside = (one for name in box.nat.outside for one in facts.addresses.get(name, ()))
            return next(iter([*whole, *outside]), tunnel.source)
    return tunnel.source


def _sized(facts: RouterFacts, tunnel: TunnelFacts, version: int) -> TunnelFacts:
    """Return a tunnel with the sizes and the NHRP lines of one version of IP."""
    port = interface_of(facts, tunnel.name)
    found = {"ip_mtu": port.ip6_mtu, "mss": port.mss6} if version == 6 and port is not None else {}
    if len({one.version for one in tunnel.addresses}) > 1 and (end := tunnel_end(facts, tunnel, version)) is not None:
        found |= {"redirects": end.nhrp.redirect, "shortcuts": end.nhrp.shortcut}
    return tunnel.model_copy(update=found) if found else tunnel


def interface_of(facts: RouterFacts, name: str) -> InterfaceFacts | None:
    """Return one interface of a router."""
    return next((interface for interface in facts.interfaces if interface.name == name), None)


def interface_with(facts: RouterFacts, address: Address) -> InterfaceFacts | None:
    """Return the interface that has this address."""
    return next((it for it in facts.interfaces if any(one.ip == address for one in it.addresses)), None)


def addresses_of(facts: RouterFacts, name: str) -> tuple[AddressWithLength, ...]:
    """Return the addresses of an interface of a router."""
    return next((interface.addresses for interface in facts.interfaces if interface.name == name), ())


def lan_ports(facts: RouterFacts) -> Iterator[InterfaceFacts]:
    """Yield the interfaces that are up and neither tunnels nor their sources."""
    under = {name for tunnel in facts.tunnels for name in (tunnel.source_interface, tunnel.name)}
    return (port for port in facts.interfaces if port.name not in under and port.line)


def ospf_on(facts: RouterFacts, tunnel: TunnelFacts) -> tuple[OspfFacts, OspfInterfaceFacts] | None:
    """Return the process and the interface of OSPF on a tunnel."""
    found = ((process, port) for process in facts.ospf for port in process.interfaces if port.name == tunnel.name)
    return next(found, None)


def rip_on(facts: RouterFacts, tunnel: TunnelFacts) -> RipInterfaceFacts | None:
    """Return RIP on a tunnel."""
    interfaces = facts.rip.interfaces if facts.rip is not None else ()
    return next((one for one in interfaces if one.name == tunnel.name), None)
