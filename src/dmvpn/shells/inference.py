"""A network from its configurations alone: no `lab.yaml`, so the wires are read from the addresses.

    ports     physical interfaces with an IPv4 address, or parts of one; a router is called what its `hostname` says
    wires     ports that are in each other's subnet are on one wire, be they two or more
    provider  gateways that nobody has (the next hops of default routes) get a router of their own, between all sites
    hosts     a LAN with a single router on it gets a computer; a link for two (/30, /31) is no LAN, but a way out

What can be read in two ways is decided, and said (`Scenario.notes`); `lab save` writes the outcome down as `lab.yaml`,
where it may be corrected. Raises UserError for what is no network at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.shells.adaptations import Adapted, adapted
from dmvpn.shells.lines import Lines, default_routes, interface_address, interfaces
from dmvpn.shells.scenario import NAME, HostSpec, Lab, LinkSpec, RouterSpec
from dmvpn.shells.underlay import bgp_neighbours, gateless, graph, name_gateway, stand_in, through

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Literal

_DHCP: Final = "ip address dhcp"
#: Interfaces that no wire is plugged into.
_VIRTUAL: Final = ("Tunnel", "Loopback", "Null", "BVI", "Port-channel")
_HOST_NUMBER: Final = 100
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_UNQUOTED: Final = re.compile(r'^"|"$')
_LONGEST_NAME: Final = 31
#: Prefixes as long as this are links for two, and no LAN.
_NO_LAN: Final = 30
#: A network and a broadcast address have only those shorter than this.
_NO_EDGES: Final = 31
_HOST: Final = 32


@dataclass(frozen=True, slots=True)
class Port:
    """A physical interface with an address."""

    router: str
    name: str
    address: IPv4Interface

    @property
    def end(self) -> str:
        """As in `lab.yaml`."""
        return f"{self.router}:{self.name}"

    def __str__(self) -> str:
        return f"{self.router} {self.name} {self.address}"


@dataclass(slots=True)
class _Wire:
    """Ports on one wire. provider: the gateway on it that none of them has. loose: nothing says that it leads out."""

    ports: list[Port]
    provider: IPv4Interface | None = None
    loose: bool = False


@dataclass(slots=True)
class _Inference:
    lines: dict[str, Lines]
    notes: list[str] = field(default_factory=list)
    wires: list[_Wire] = field(default_factory=list)

    def __post_init__(self) -> None:
        ports = [port for router, lines in self.lines.items() for port in _ports(router, lines)]
        if not ports:
            raise UserError("no physical interface with an IPv4 address in these configurations: there are no wires")
        plugged = {port.router for port in ports}
        for router, lines in self.lines.items():
            if router not in plugged:
                self.notes.append(f"{router} has no physical interface with an IPv4 address: nothing is plugged in")
            self.notes += _peculiar(router, lines)
        self._wire_up(ports)

    def _wire_up(self, ports: list[Port]) -> None:
        """Put every port where all that are there see it, and it sees them. The widest subnets come last."""
        for port in sorted(ports, key=lambda port: -port.address.network.prefixlen):
            wire = next((wire for wire in self.wires if self._belongs(port, wire)), None)
            if wire is None:
                self.wires.append(_Wire([port]))
                continue
            first = wire.ports[0]
            if first.address.network != port.address.network:
                self.notes.append(f"{first} and {port} have different masks: taken for one wire")
            wire.ports.append(port)

    def _belongs(self, port: Port, wire: _Wire) -> bool:
        other = wire.ports[0].address
        if not port.address.network.overlaps(other.network):
            return False
        same = [there for there in wire.ports if there.address.ip == port.address.ip]
        if same:
            self.notes.append(f"{same[0]} and {port} have the same address: taken for two wires")
            return False
        if port.address.ip in other.network and other.ip in port.address.network:
            return True
        self.notes.append(f"{wire.ports[0]} and {port} overlap, but do not see each other: taken for two wires")
        return False


def _peculiar(router: str, lines: Lines) -> Iterator[str]:
    """What labs do not have, and this router does."""
    for name, interface in interfaces(lines):
        addresses = interface.headers("ip address ")
        if any(line.endswith(" secondary") for line in addresses):
            yield f"{router} {name} has more than one address: only the first tells where it is"
        if _DHCP in addresses:
            yield (
                f"{router} {name} gets its address by DHCP, which labs do not have: nothing is plugged in there; "
                "give it an address, and the router a default route"
            )
        elif "." in name and addresses:
            yield f"{router} {name} is a subinterface: taken for a port of its own, without VLANs"


def _gateless(lines: Lines) -> list[str]:
    """The ports that routes without a gateway lead out of."""
    return [name for name in gateless(lines) if not name.startswith(_VIRTUAL)]


def infer(texts: Mapping[str, str], *, strict: bool = False) -> tuple[Lab, dict[str, str], tuple[str, ...]]:
    """The network of these configurations (texts by file name): lab, configurations by router, what was decided.

    strict: nothing is put in the place of lines that cannot be done.
    """
    change = Adapted(dict(texts), ()) if strict else adapted(texts)
    configurations, notes = _named(change.texts)
    notes += change.notes
    work = _Inference({name: Lines.of(text) for name, text in configurations.items()}, notes)
    provider = _add_provider(work, configurations)
    if not strict:
        _answer_for_others(work, configurations, provider)
    known = graph([[(port.router, port.name, port.address) for port in wire.ports] for wire in _ways(work)])
    transit = through(known, work.lines)
    if not strict:
        for name, lines, note in stand_in(known, work.lines, provider):
            configurations[name] = _with(configurations[name], lines)
            work.notes += [note] if note else []
    roles: dict[str, RouterSpec] = {
        name: RouterSpec(role=_role(name, lines, work, added=name == provider or name in transit))
        for name, lines in {**work.lines, **{name: Lines(()) for name in configurations if name == provider}}.items()
    }
    links = [LinkSpec(ends=[port.end for port in wire.ports]) for wire in work.wires if len(wire.ports) > 1]
    hosts = _hosts(work, configurations)
    lab = Lab(title="As the configurations say", routers=roles, links=links, hosts=hosts)
    return lab, configurations, tuple(work.notes)


def _named(texts: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """By host name; by file name where there is none, or where several have the same. What was decided."""
    read = {file: Lines.of(text) for file, text in texts.items()}
    hosts = {file: _UNQUOTED.sub("", lines.value("hostname ")) for file, lines in read.items()}
    found: dict[str, str] = {}
    notes: list[str] = []
    for file, text in texts.items():
        host = hosts[file]
        alike = [other for other in texts if hosts[other] == host] if host else []
        if any(_same_places(read[file], read[other]) for other in alike if other != file):
            raise UserError(
                f"{alike[0]}.cfg and {alike[1]}.cfg are both called {host}: one folder is one network; put the files "
                "of another one into a folder of their own"
            )
        name = host if len(alike) == 1 else _fit(file, found)
        if len(alike) > 1:
            notes.append(f"{' and '.join(alike)} are all called {host}: {file} is {name} here")
        if not re.fullmatch(NAME, name):
            raise UserError(
                f"{file}.cfg: a router of a lab cannot be called {name}: letters, digits, '_', '.' and '-', 31 at most"
            )
        found[name] = text
    return found, notes


def _same_places(one: Lines, other: Lines) -> bool:
    """Have they an address in common? Then they are two states of one router."""
    first, second = (
        [address.ip for _, each in interfaces(lines) if (address := interface_address(each)) is not None]
        for lines in (one, other)
    )
    return any(address in second for address in first)


def _fit(file: str, taken: Mapping[str, str]) -> str:
    """A file's name as one of a router."""
    name = _UNFIT.sub("-", file).strip("-_.")[:_LONGEST_NAME] or "router"
    name = name if name[0].isalpha() else f"R{name}"[:_LONGEST_NAME]
    free = (name, *(f"{name[: _LONGEST_NAME - 3]}-{number}" for number in range(2, 100)))
    return next((each for each in free if each not in taken), name)


def _ports(router: str, lines: Lines) -> list[Port]:
    found = []
    for name, interface in interfaces(lines):
        address = interface_address(interface)
        if address is not None and not name.startswith(_VIRTUAL):
            found.append(Port(router, name, address))
    return found


# ---------------------------------------------------------------------------------------------------- provider


def _add_provider(work: _Inference, configurations: dict[str, str]) -> str:
    """A router for all gateways that nobody has; "": there are none. It is added to the configurations."""
    for router, lines in work.lines.items():
        for _, gateway in default_routes(lines):
            _want_gateway(work, router, gateway)
    for router, lines in work.lines.items():
        for gateway in [*bgp_neighbours(lines), *_other_gateways(lines)]:
            if any(_leads_out(port, lines) and gateway in port.address.network for port in _ports(router, lines)):
                _want_gateway(work, router, gateway)
    _want_ways_out(work)
    wires = [wire for wire in work.wires if wire.provider is not None]
    if not wires:
        return ""
    names = ("PROVIDER", *(f"PROVIDER-{number}" for number in range(1, len(configurations) + 1)))
    name = next(name for name in names if name not in configurations)
    text = [f"hostname {name}", "!"]
    networks: dict[IPv4Interface, Port] = {}
    for number, wire in enumerate(wires, 1):
        address = wire.provider
        if address is None:
            continue
        first = next((port for other, port in networks.items() if other.network.overlaps(address.network)), None)
        if first is not None:
            work.notes.append(f"{first} and {wire.ports[0]} overlap: no provider has both, so the second leads nowhere")
            continue
        text += [f"interface GigabitEthernet0/{number}", f" ip address {address.ip} {address.netmask}", "!"]
        networks[address] = wire.ports[0]
        wire.ports.append(Port(name, f"GigabitEthernet0/{number}", address))
    routes = _rip(work, wires)
    configurations[name] = "\n".join([*text, *routes, *(["!"] if routes else []), "end"]) + "\n"
    gateways = ", ".join(str(address.ip) for address in networks)
    work.notes.append(f"nobody has {gateways}: added the router {name} with {'it' if len(networks) == 1 else 'them'}")
    return name


def _want_gateway(work: _Inference, router: str, gateway: IPv4Address) -> None:
    """A gateway that is on a wire of this router, and that no port there has, is the provider's."""
    for wire in work.wires:
        mine = [port for port in wire.ports if port.router == router and gateway in port.address.network]
        if not mine:
            continue
        network = mine[0].address.network
        if any(port.address.ip == gateway for port in wire.ports):
            return
        if network.prefixlen < _NO_EDGES and gateway in (network.network_address, network.broadcast_address):
            work.notes.append(f"{router} has the gateway {gateway}, which no router can have: ignored")
            return
        if wire.provider is not None and wire.provider.ip != gateway:
            work.notes.append(f"{router} wants the gateway {gateway}, others on its wire {wire.provider.ip}: ignored")
            return
        wire.provider = IPv4Interface(f"{gateway}/{network.prefixlen}")
        return
    if not _may_be_near(work.lines[router], gateway):
        work.notes.append(f"{router} has the gateway {gateway}, which is in the subnet of none of its interfaces")


def _may_be_near(lines: Lines, gateway: IPv4Address) -> bool:
    """Is it in the subnet of any address, that of a tunnel or a second one? Where one is unknown it may be there."""
    for _, interface in interfaces(lines):
        for line in interface.headers("ip address "):
            words = line.split()
            if line == _DHCP or gateway in IPv4Interface(f"{words[2]}/{words[3]}").network:
                return True
    return False


def _want_ways_out(work: _Inference) -> None:
    """Somebody is needed at the other end of a port that stands alone on its wire, if it leads out."""
    for router, lines in work.lines.items():
        gateless = _gateless(lines)
        for wire in work.wires:
            (port,) = wire.ports if len(wire.ports) == 1 else (None,)
            if port is None or port.router != router or wire.provider is not None or not _leads_out(port, lines):
                continue
            network = port.address.network
            free = next((host for host in network.hosts() if host != port.address.ip), None)
            if free is None:
                continue
            wire.provider = IPv4Interface(f"{free}/{network.prefixlen}")
            known = port.name in gateless or any(gateway in network for _, gateway in default_routes(lines))
            wire.loose = not _is_way_out(port, lines)
            is_source = any(lines.section(header).value("tunnel source ") == port.name for header in _tunnels(lines))
            why = ", and no default route says where to" if is_source and not known else ""
            work.notes.append(f"{port} leads nowhere{why}: {free} is made up")


def _leads_out(port: Port, lines: Lines) -> bool:
    """Is it a way out, or a link for two: no LAN?"""
    return _is_way_out(port, lines) or _NO_LAN <= port.address.network.prefixlen < _HOST


def _is_way_out(port: Port, lines: Lines) -> bool:
    """Is it the source of a tunnel, or the port of a route?"""
    sources = [lines.section(header).value("tunnel source ") for header in _tunnels(lines)]
    return port.name in (*sources, *_gateless(lines)) or str(port.address.ip) in sources


def _ways(work: _Inference) -> list[_Wire]:
    """The wires between tunnel ends: links that nothing says to lead out count where a router has no others."""
    firm = {port.router for wire in work.wires if not wire.loose and len(wire.ports) > 1 for port in wire.ports}
    return [wire for wire in work.wires if not wire.loose or wire.ports[0].router not in firm]


def _other_gateways(lines: Lines) -> list[IPv4Address]:
    """The next hops of static routes that are not the default one."""
    words = [line.split() for line in lines.headers("ip route ")]
    found = [IPv4Address(word) for line in words for word in line[4:6] if re.fullmatch(r"\d+(\.\d+){3}", word)]
    return list(dict.fromkeys(found))


def _tunnels(lines: Lines) -> tuple[str, ...]:
    return lines.headers("interface Tunnel")


def _rip(work: _Inference, wires: list[_Wire]) -> list[str]:
    """Where the sites speak RIP with their provider it answers."""
    speakers = [
        wire.provider
        for wire in wires
        for port in wire.ports
        if wire.provider is not None and port.router in work.lines and "router rip" in work.lines[port.router].lines
    ]
    networks = [f" network {address.network.network_address}" for address in speakers]
    return ["router rip", " version 2", *dict.fromkeys(networks), " no auto-summary", "!"] if networks else []


def _answer_for_others(work: _Inference, configurations: dict[str, str], provider: str) -> None:
    """Routes out of a port without a gateway: who is there answers for others (proxy ARP), so the route names it."""
    for router, lines in work.lines.items():
        for name in _gateless(lines):
            wire = next(
                (wire for wire in work.wires if any((p.router, p.name) == (router, name) for p in wire.ports)), None
            )
            others = [port for port in wire.ports if port.router != router] if wire is not None else []
            ours = [port for port in others if port.router == provider or not _tunnels(work.lines[port.router])]
            if not others:
                work.notes.append(f"{router} has a route out of {name}, where nobody is")
            elif len(ours) == 1 or len(others) == 1:
                gateway = (ours or others)[0]
                configurations[router] = name_gateway(configurations[router], name, gateway.address.ip)
                work.notes.append(
                    f"{router} has a route out of {name} without a gateway: {gateway.router} answers there for others, "
                    f"so it leads to {gateway.address.ip}"
                )


def _with(text: str, lines: list[str]) -> str:
    """The configuration with lines more."""
    body = text.rstrip("\n").removesuffix("end").rstrip("\n")
    return "\n".join([body, *lines, "end"]) + "\n"


# ---------------------------------------------------------------------------------------------------- who is who


def _role(name: str, lines: Lines, work: _Inference, *, added: bool) -> Literal["hub", "spoke", "provider", "router"]:
    tunnels = [lines.section(header) for header in _tunnels(lines)]
    if added or (not tunnels and _is_gateway(name, work)):
        return "provider"
    if any(str(address.ip) in _servers(work) for tunnel in tunnels if (address := interface_address(tunnel))):
        return "hub"
    multipoint = [tunnel for tunnel in tunnels if tunnel.has("tunnel mode gre multipoint")]
    if any(not tunnel.headers("ip nhrp nhs ") for tunnel in multipoint):
        return "hub"
    return "spoke" if any(tunnel.headers("ip nhrp ") for tunnel in tunnels) else "router"


def _servers(work: _Inference) -> list[str]:
    """The tunnel addresses that somebody registers with. What newer releases have on says nothing of who is a hub."""
    sections = [lines.section(header) for lines in work.lines.values() for header in _tunnels(lines)]
    return [line.split()[3] for section in sections for line in section.headers("ip nhrp nhs ")]


def _is_gateway(name: str, work: _Inference) -> bool:
    """Do several routers send their tunnels' packets to it, or over its wires?"""
    own = [port.address.ip for wire in work.wires for port in wire.ports if port.router == name]
    near = {
        (port.router, port.name)
        for wire in work.wires
        for port in wire.ports
        if any(there.router == name for there in wire.ports)
    }
    users = [
        router
        for router, lines in work.lines.items()
        if _tunnels(lines)
        and (
            any(gateway in own for _, gateway in default_routes(lines))
            or any((router, lines.section(header).value("tunnel source ")) in near for header in _tunnels(lines))
        )
    ]
    return len(users) > 1


def _hosts(work: _Inference, configurations: Mapping[str, str]) -> dict[str, HostSpec]:
    """A computer on every wire with a single port, unless that is a way out."""
    found: dict[str, HostSpec] = {}
    for wire in work.wires:
        if len(wire.ports) != 1 or wire.ports[0].address.network.prefixlen >= _NO_LAN:
            continue
        port = wire.ports[0]
        network = port.address.network
        wanted = network.network_address + _HOST_NUMBER
        if wanted not in network or wanted in (port.address.ip, network.broadcast_address):
            wanted = next(host for host in network.hosts() if host != port.address.ip)
        digits = re.sub(r"\D", "", port.router)
        numbers = range(len(work.wires) + len(configurations) + 1)
        names = (f"H{digits}", f"H-{port.router}", *(f"H-{number}" for number in numbers))
        taken = ("H", *found, *configurations)
        name = next(name for name in names if re.fullmatch(NAME, name) and name not in taken)
        address = f"{wanted}/{network.prefixlen}"
        found[name] = HostSpec(link=port.end, address=address, gateway=port.address.ip)
    return dict(sorted(found.items()))
