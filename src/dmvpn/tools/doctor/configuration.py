"""A router's configuration as models, for checks of settings that are not in the facts. It is parsed once.

    device              the models of all features
    tunnel_end          a tunnel with its settings of all features
    texts               lines of a section, found by what they are and not by how they begin
    static_routes       its static routes, and the lines that have them or remove them
    cause_of, remedy    the cause of a barrier, and the lines that let the route pass; () where only a person knows them
    section             the lines that open the section of a routing process, before one of its lines
    line_with           a line of a configuration by some of its words

Facts have a mark in the place of each secret. The models keep the mark, so a secret of a model may be unknown:
`hidden_secrets` compares secrets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.barriers import Barrier, RouteReason
from dmvpn.base.facts import Address, Network
from dmvpn.base.findings import Cause
from dmvpn.base.placeholder import Blank, Placeholder
from dmvpn.base.reasons import ReasonCode
from dmvpn.features.bgp.config import instance as bgp_lines
from dmvpn.features.eigrp.config.interfaces import AF_SHUTDOWN, IPV6_EIGRP
from dmvpn.features.eigrp.config.processes import IN_FAMILY, TOPOLOGY_BASE
from dmvpn.features.eigrp.config.sections import SPLIT_HORIZON, af_interface_lines, process_lines, taken_back
from dmvpn.features.ospf.config import processes as ospf_lines
from dmvpn.features.ospf.config import version3
from dmvpn.features.ospf.facts import OspfFacts
from dmvpn.features.rip import config as rip_lines
from dmvpn.features.static import config
from dmvpn.features.static.config import ROUTE, ROUTE6
from dmvpn.features.static.model import StaticRoute
from dmvpn.ios import INTERFACE, ConfigLine, Section, Statement
from dmvpn.ios.grammar import HIDDEN
from dmvpn.network.device import Device
from dmvpn.network.lines import removal
from dmvpn.network.overlay import TunnelEnd, tunnel_ends
from dmvpn.router.facts import RouterFacts, TunnelFacts


@lru_cache(maxsize=1024)  # some 60 kB each: a fault of a hub is compared with each of its clients
def read(name: str, lines: tuple[str, ...], vrf: str = "") -> Device:
    """Return the models of a router's running configuration. vrf: see `Device`."""
    if vrf:
        return replace(read(name, lines), vrf=vrf)
    text = "\n".join([*lines, "end", ""])
    return Device.read(name, text.replace(f" hex {HIDDEN}", f" {HIDDEN}"))  # the mark is no number


def device(facts: RouterFacts) -> Device:
    """Return the models of a router by its facts."""
    return read(facts.hostname, facts.configuration, facts.vrf)


def tunnel_end(facts: RouterFacts, tunnel: TunnelFacts, version: int) -> TunnelEnd | None:
    """Return a tunnel of a router for this version of IP, or for the version that it has."""
    return _tunnel_end(device(facts), tunnel.name, version, tunnel.source)


@lru_cache(maxsize=1024)
def _tunnel_end(device: Device, name: str, version: int, source: Address | None) -> TunnelEnd | None:
    """Return the same. source: by the facts, for a tunnel whose lines do not show it, because of DHCP."""
    found = [end for end in tunnel_ends(device) if end.name == name]
    end = next((end for end in found if end.nhrp.version == version), found[0] if found else None)
    return replace(end, source=source) if end is not None and end.source is None else end


def statements(section: Section | None, *lines: ConfigLine) -> list[Statement]:
    """Return the statements of these lines in a section, including lines that are kept as `no`."""
    return section.entries(*lines) if section is not None else []


def texts(section: Section | None, *lines: ConfigLine) -> tuple[str, ...]:
    """Return the lines of these kinds in a section, as the running configuration shows them, without indentation."""
    return tuple(one.text for one in statements(section, *lines))


# ------------------------------------------------------------------------------------------------ BGP's section


def ospf_process(facts: RouterFacts, process: OspfFacts) -> str:
    """Return the line that opens the section of a process of OSPF."""
    return version3.process(device(facts).tree, process.process, process.vrf, process.version)


def bgp_neighbors(facts: RouterFacts, version: int = 4) -> tuple[str, ...]:
    """Return the lines that open BGP's section with the neighbors: in a VRF, and of IPv6, its address family."""
    within = (bgp_lines.VRF_FAMILY.line(vrf=facts.vrf),) if facts.vrf else ()
    within = (bgp_lines.IPV6_FAMILY.line(),) if version == 6 else within
    return (bgp_lines.ROUTER.line(number=facts.bgp.local_as), *within)


# ------------------------------------------------------------------------------------------------ static routes


NULL: Final = "Null0"


def static_routes(facts: RouterFacts | None) -> list[tuple[StaticRoute, str]]:
    """Return the static routes, each with its line."""
    if facts is None:
        return []
    lines = (line.text(args) for line in (ROUTE, ROUTE6) for args in device(facts).tree.all(line))
    return list(zip(device(facts).static.routes, lines, strict=True))


def routes_to(facts: RouterFacts | None, prefix: Network) -> list[tuple[StaticRoute, str]]:
    """Return those to a prefix."""
    wanted = Prefix.of(prefix.network_address, prefix.prefixlen)
    return [one for one in static_routes(facts) if one[0].prefix == wanted]


def static_lines(facts: RouterFacts | None, prefix: Network, interface: str = "") -> tuple[str, ...]:
    """Return the lines of static routes to a prefix. interface: only routes that name it."""
    return tuple(line for route, line in routes_to(facts, prefix) if interface in ("", route.interface))


def removal_lines(facts: RouterFacts | None, prefix: Network, interface: str = "") -> tuple[str, ...]:
    """Return the lines that remove them."""
    return tuple(f"no {line}" for line in static_lines(facts, prefix, interface))


def route_line(prefix: Network, hop: Address | Placeholder) -> str:
    """Return the line of a static route; a next hop of the other version of IP is left to the reader."""
    if not isinstance(hop, str) and hop.version != prefix.version:
        hop = Blank("next-hop")
    return config.route_line(Prefix.of(prefix.network_address, prefix.prefixlen), next_hop=hop)


def lines_from(facts: RouterFacts, network: Address) -> tuple[str, ...]:
    """Return the lines of static routes whose prefix begins with this address, whatever its length."""
    return tuple(line for route, line in static_routes(facts) if route.prefix.address == network)


def is_next_hop(facts: RouterFacts, address: Address) -> bool:
    """Return whether static routes have this next hop."""
    return any(route.next_hop == address for route, _ in static_routes(facts))


# -------------------------------------------------------------------------------------- the lines that let a route pass


#: Of other reasons: a route filter.
_CAUSES: Final[Mapping[ReasonCode, Cause]] = {
    **dict.fromkeys(
        (RouteReason.NOT_ADVERTISED, RouteReason.OTHER_MASK, RouteReason.NOT_RUNNING), Cause.NETWORK_STATEMENT
    ),
    **dict.fromkeys(
        (RouteReason.NO_SUBNETS, RouteReason.NO_METRIC, RouteReason.INTERNAL),
        Cause.REDISTRIBUTION,
    ),
    RouteReason.SPLIT_HORIZON: Cause.SPLIT_HORIZON,
    RouteReason.REFLECTION: Cause.REFLECTION,
    **dict.fromkeys((RouteReason.AREA, RouteReason.STUB_AREA), Cause.AREAS),
    **dict.fromkeys((RouteReason.OWN_SYSTEM, RouteReason.OWN_ROUTE), Cause.LOOP),
    RouteReason.NEXT_HOP: Cause.ROUTE_NEXT_HOP,
    RouteReason.MAXIMUM: Cause.MAXIMUM,
    **dict.fromkeys((RouteReason.NOT_EXPORTED, RouteReason.NOT_IMPORTED), Cause.ROUTE_TARGET),
}
#: The wildcard of one address.
_HOST: Final = IPv4Address(0)
#: What a redistributed route costs, where its protocol says nothing: of EIGRP in the words of `default-metric`.
_EIGRP_METRIC, _RIP_METRIC = "100000 100 255 1 1500", "5"


def cause_of(barrier: Barrier, *, by_owner: bool) -> Cause:
    """Return the cause of a barrier. by_owner: the sender has the network itself."""
    if barrier.reason.code is RouteReason.STUB:
        return Cause.SPOKE_STUB if by_owner else Cause.HUB_STUB
    if barrier.reason.code is RouteReason.HIDDEN and barrier.reason.fields == ("static",):
        return Cause.BLACK_HOLE
    if barrier.reason.code is RouteReason.NOT_ADVERTISED and not by_owner:
        return Cause.REDISTRIBUTION
    return _CAUSES.get(barrier.reason.code, Cause.ROUTE_FILTERED)


def _stub_line(stub: tuple[str, ...], *, by_owner: bool) -> str:
    """Return the line by which a stub sends its own networks, if it does not yet; or by which it is no stub."""
    is_enough = by_owner and "connected" not in stub
    return IN_FAMILY.stub.line(**dict.fromkeys(("connected", *stub), True)) if is_enough else IN_FAMILY.stub.no()


def remedy(barrier: Barrier, facts: RouterFacts, prefix: Network, far: Address, *, by_owner: bool) -> tuple[str, ...]:
    """Return the lines for the router where a barrier lies. far: the other end."""
    facts = facts.of_version(prefix.version)
    code, protocol, fields = barrier.reason.code, barrier.protocol, barrier.reason.fields
    match code:
        case RouteReason.NOT_ADVERTISED | RouteReason.NOT_REDISTRIBUTED if by_owner:
            return network_lines(facts, protocol, prefix)
        case RouteReason.NOT_RUNNING:
            near = (one.network for it in facts.interfaces for one in it.addresses if far in one.network)
            link = next(near, None)
            return network_lines(facts, protocol, link) if link is not None else ()
        case RouteReason.NOT_ADVERTISED:
            return _redistributed(facts, protocol, prefix)
        case RouteReason.OTHER_MASK:
            wrong = line_with(facts, barrier.line)
            right = network_lines(facts, protocol, prefix)
            return (*wrong[:-1], removal(wrong[-1]), right[-1]) if wrong else right
        case RouteReason.NO_SUBNETS:
            found = line_with(facts, barrier.line)
            return (*found[:-1], f"{found[-1]} subnets") if found else ()
        case RouteReason.NO_METRIC:
            metric = _EIGRP_METRIC if protocol == "eigrp" else _RIP_METRIC
            return _of_routes(facts, protocol, f"default-metric {metric}")
        case RouteReason.INTERNAL:
            return (bgp_lines.ROUTER.line(number=facts.bgp.local_as), "bgp redistribute-internal")
        case RouteReason.LIST | RouteReason.OFFSET:
            return _without(facts, barrier.line, str(far), *_group(facts, far))
        case RouteReason.HIDDEN if fields == ("static",):
            return tuple(f"no {line}" for line in static_lines(facts, prefix))
        case RouteReason.NEVER:
            return _without(facts, ("distance", "255"))
        case RouteReason.SPLIT_HORIZON:
            name = str(fields[0])
            if protocol == "rip":
                return (INTERFACE.line(name=name), rip_lines.SPLIT_HORIZON.no())
            return taken_back(facts.eigrp[0], name, SPLIT_HORIZON)
        case RouteReason.STUB:
            return process_lines(facts.eigrp[0], _stub_line(facts.eigrp[0].stub or ("summary",), by_owner=by_owner))
        case RouteReason.REFLECTION:
            return _of_neighbor(facts, far, prefix.version, route_reflector_client=True)
        case RouteReason.NEXT_HOP if protocol == "bgp":
            more = {"all": True} if any(one.reflected for one in facts.bgp.peers) else {}
            return _of_neighbor(facts, far, prefix.version, **{"next-hop-self": True, **more})
        case RouteReason.OWN_SYSTEM:
            return _of_neighbor(facts, far, prefix.version, **{"allowas-in": True})
        case RouteReason.NOT_IMPORTED:
            return _imported(facts, str(fields[0]))
        case _:
            return ()


def network_lines(facts: RouterFacts, protocol: str, prefix: Network) -> tuple[str, ...]:
    """Return the lines that let a protocol advertise a network of the router itself."""
    port, own = next(
        ((it.name, one.ip) for it in facts.interfaces for one in it.addresses if one.network == prefix), ("", None)
    )
    if not isinstance(prefix, IPv4Network):
        return _lines6(facts, protocol, Prefix.parse(str(prefix)), port)
    match protocol:
        case "eigrp":
            line = IN_FAMILY.network.line(address=prefix.network_address, wildcard=prefix.hostmask)
        case "ospf":
            interfaces = facts.ospf[0].interfaces if facts.ospf else ()
            area = interfaces[0].area if interfaces else 0
            line = ospf_lines.NETWORKS.line(network=(own or prefix.network_address, _HOST), area=area)
        case "bgp":
            line = bgp_lines.IN_ROUTER.network.line(address=prefix.network_address, mask=prefix.netmask)
        case _:
            line = rip_lines.NETWORK.line(network=str(prefix.network_address))
    return section(facts, protocol, line)


def _lines6(facts: RouterFacts, protocol: str, prefix: Prefix, port: str) -> tuple[str, ...]:
    """Return the same of IPv6: EIGRP and OSPF run where the interface says so. port: with an address in the network."""
    facts = facts.of_version(6)
    if protocol == "bgp":
        return (*bgp_neighbors(facts, 6), bgp_lines.IN_IPV6.network.line(prefix=prefix))
    if protocol == "eigrp" and facts.eigrp and facts.eigrp[0].name:
        return af_interface_lines(facts.eigrp[0], port, AF_SHUTDOWN.no())
    number = next((one.autonomous_system for one in facts.eigrp), None)
    line = IPV6_EIGRP.line(number=number) if protocol == "eigrp" and number is not None else ""
    if protocol == "ospf" and facts.ospf and facts.ospf[0].interfaces:
        line = version3.PROCESS.line(process=facts.ospf[0].process, area=facts.ospf[0].interfaces[0].area)
    return (INTERFACE.line(name=port), line) if line and port else ()


def section(facts: RouterFacts, protocol: str, line: str, version: int = 4) -> tuple[str, ...]:
    """Return a line of a routing process, behind the lines that open its section. version: of its routes."""
    match protocol:
        case "eigrp":
            return process_lines(facts.eigrp[0] if facts.eigrp else None, line)
        case "ospf":
            return (*(ospf_process(facts, one) for one in facts.ospf[:1]), line)
        case "bgp":
            return (*bgp_neighbors(facts, version), line)
        case _:
            return (*rip_lines.process(facts.vrf), line)


def _of_routes(facts: RouterFacts, protocol: str, line: str, version: int = 4) -> tuple[str, ...]:
    """Return a line about the routes of a process: in named EIGRP it is in `topology base`."""
    is_named = protocol == "eigrp" and any(one.name for one in facts.eigrp[:1])
    *opening, last = section(facts, protocol, TOPOLOGY_BASE.line() if is_named else line, version)
    return (*opening, last, *((line,) if is_named else ()))


def _redistributed(facts: RouterFacts, protocol: str, prefix: Network) -> tuple[str, ...]:
    """Return the lines that bring the routes of another protocol, or static ones, into a protocol."""
    route = next((one for one in facts.routes if one.prefix == prefix), None)
    if route is None:
        return ()
    number = f" {route.process}" if route.process.isdecimal() else ""
    costs = route.source not in ("static", "connected")
    subnets = " subnets" if prefix.version == 4 else ""
    more = {"ospf": subnets, "eigrp": f" metric {_EIGRP_METRIC}" * costs, "rip": f" metric {_RIP_METRIC}" * costs}
    line = f"redistribute {route.source}{number}{more.get(protocol, '')}"
    return _of_routes(facts, protocol, line, prefix.version)


def _of_neighbor(facts: RouterFacts, far: Address, version: int, **words: bool) -> tuple[str, ...]:
    """Return a line of BGP about a neighbor: a dynamic one has the lines of its group. version: of the routes."""
    known = str(far) if far in facts.bgp.called else next(iter(_group(facts, far)), str(far))
    return (*bgp_neighbors(facts, version), bgp_lines.FAMILY_NEIGHBOR.line(peer=known, **words))


def _group(facts: RouterFacts, far: Address) -> tuple[str, ...]:
    """Return the group whose lines a neighbor has, if it has one."""
    lines = device(facts).bgp
    of_ranges = (one.group for one in lines.listen_ranges if far in one.prefix)
    named = (one.group for one in lines.neighbors if one.peer == far and one.group)
    return (*named, *of_ranges)[:1]


def _imported(facts: RouterFacts, target: str) -> tuple[str, ...]:
    is_old = f"ip vrf {facts.vrf}" in facts.configuration
    opening = (f"ip vrf {facts.vrf}",) if is_old else (f"vrf definition {facts.vrf}", "address-family ipv4")
    return (*opening, f"route-target import {target.removeprefix('RT:')}")


def _without(facts: RouterFacts, words: Sequence[str], *near: str) -> tuple[str, ...]:
    """Return the lines that remove the line with these words."""
    found = line_with(facts, words, *near)
    return (*found[:-1], removal(found[-1])) if found else ()


def line_with(facts: RouterFacts, words: Sequence[str], *near: str) -> tuple[str, ...]:
    """Return the line that has these words in their order, with the lines that lead to it; (): there is none. A list
    of IPv6 has `prefix-list` for `prefix`.

    near: words that the right one of several lines has, or the lines that lead to it.
    """
    found: list[tuple[str, ...]] = []
    trail: list[str] = []
    for text in facts.configuration:
        del trail[len(text) - len(text.lstrip()) :]
        trail.append(text.strip())
        left = iter("prefix" if word == "prefix-list" and "prefix" in words else word for word in text.split())
        if all(word in left for word in words):
            found.append(tuple(trail))
    wanted = {*near, facts.vrf} - {""}
    return max(found, key=lambda one: len(wanted.intersection(" ".join(one).split())), default=())
