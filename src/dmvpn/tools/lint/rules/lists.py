"""Rules about the names of access lists, prefix lists and route maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.communities import CommunityKind
from dmvpn.base.distribution import ListKind
from dmvpn.base.findings import Rule, Severity
from dmvpn.features.bgp.model import FilterKind
from dmvpn.features.policy.config import access_lists, bgp_lists, prefix_lists
from dmvpn.features.policy.config.route_maps import ROUTE_MAP as ROUTE_MAP_LINE
from dmvpn.features.system.config import LINE as TERMINALS
from dmvpn.features.system.config.access import ACCESS_CLASS
from dmvpn.ios import Blank
from dmvpn.tools.lint.found import found

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from dmvpn.base.distribution import Distribution
    from dmvpn.network.device import Device
    from dmvpn.network.overlay import Network
    from dmvpn.tools.lint.found import NetworkConcern

ROUTE_MAP: Final = Rule(
    id="route-map-undefined",
    severity=Severity.WARNING,
    title="A routing process or NAT names a route map that does not exist",
    why="A route map that is not there lets nothing through here; IOS does not say for each place what it does.",
    bad="router ospf 1\n redistribute static subnets route-map TYPO",
    fix="route-map TYPO permit 10",
)
LIST: Final = Rule(
    id="list-undefined",
    severity=Severity.WARNING,
    title="A route map, a distribute list, a neighbor, a terminal line or NAT names a list that does not exist",
    why="A prefix or access list that is not there lets every route through, so a neighbor hears what it should not; "
    "an AS path or community list that is not there lets nothing through. With an access class that is not there no "
    "station may log in here, and every station on IOS.",
    bad="route-map OUT permit 10\n match ip address prefix-list TYPO",
    fix="ip prefix-list TYPO permit 10.0.0.0/8 le 24",
)
RULES: Final = (ROUTE_MAP, LIST)
_PREFIX_LIST, _ACCESS_LIST = "prefix-list", "access-list"
_AS_PATH_LIST: Final = "as-path access-list"
_DISTRIBUTED: Final = {ListKind.ACCESS_LIST: _ACCESS_LIST, ListKind.PREFIX_LIST: _PREFIX_LIST}
_COMMUNITY_LISTS: Final = {kind: kind.listed for kind in CommunityKind}
#: Numbers of extended access lists; other numbers and names may be standard.
_EXTENDED: Final = (range(100, 200), range(2000, 2700))
#: Numbers of lists of communities: standard, and with patterns.
_STANDARD, _EXPANDED = range(1, 100), range(100, 501)
_ADDRESS, _WILDCARD = Blank("address"), Blank("wildcard")
_PATTERN, _COMMUNITY = Blank("pattern"), Blank("community")
#: By kind: the line of a standard list, of a list with patterns, and what the former permits.
_COMMUNITIES: Final = {
    CommunityKind.PLAIN: (bgp_lists.COMMUNITIES_STANDARD, bgp_lists.COMMUNITIES_EXPANDED, "community1"),
    CommunityKind.EXTENDED: (bgp_lists.EXTENDED_STANDARD, bgp_lists.EXTENDED_EXPANDED, "target1"),
    CommunityKind.LARGE: (bgp_lists.LARGE_STANDARD, bgp_lists.LARGE_EXPANDED, "community1"),
}


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield lines that name a list or a route map that does not exist."""
    for device in network.devices:
        yield from _route_maps(device)
        yield from _lists(device)


def _route_maps(device: Device) -> Iterator[NetworkConcern]:
    known = device.policy.route_maps
    used: list[tuple[str, tuple[str, ...]]] = []
    for process in device.ospf.processes:
        at = (f"router ospf {process.number}",)
        used += [(one.route_map, at) for one in process.redistributions]
        used += [(process.default_originate.route_map, at)] if process.default_originate is not None else []
    for eigrp in device.eigrp.processes:
        used += [(one.route_map, ("router eigrp",)) for one in eigrp.redistributions]
    used += [(one.route_map, ("router rip",)) for one in device.rip.redistributions]
    bgp = device.bgp
    at = (f"router bgp {bgp.local_as}",)
    used += [(one.route_map, at) for one in bgp.redistributions]
    used += [(one.route_map, at) for one in bgp.networks]
    used += [(name, at) for one in bgp.neighbors for name in (one.originate_map, one.unsuppress_map)]
    used += [(name, at) for name in _filters(device, FilterKind.ROUTE_MAP)]
    used += [(rule.route_map, (str(rule),)) for rule in device.nat.rules]
    for name, where in dict.fromkeys(used):
        if name and name not in known:
            what = f"{where[0].removeprefix('router ')} names the route map {name}, which is not configured"
            yield found(ROUTE_MAP, device, where, what, ROUTE_MAP_LINE.of(name=name, permit=True, sequence=10))


def _filters(device: Device, kind: FilterKind) -> Iterator[str]:
    """Return what neighbors of BGP are filtered by."""
    return (one.name for neighbor in device.bgp.neighbors for one in neighbor.filters if one.kind is kind)


def _lists(device: Device) -> Iterator[NetworkConcern]:
    known = {
        _PREFIX_LIST: set(device.policy.prefix_lists),
        _ACCESS_LIST: {name for name, _ in device.policy.access_lists},
        _AS_PATH_LIST: set(device.policy.as_path_lists),
        _COMMUNITY_LISTS[CommunityKind.PLAIN]: set(device.policy.community_lists),
        _COMMUNITY_LISTS[CommunityKind.EXTENDED]: set(device.policy.extended_lists),
        _COMMUNITY_LISTS[CommunityKind.LARGE]: set(device.policy.large_lists),
    }
    for kind, name, where in dict.fromkeys(_used(device)):
        if name not in known[kind]:
            what = f"{where[0]} names the {kind.replace('-', ' ')} {name}, which is not configured"
            yield found(LIST, device, where, what, _fix(kind, name))


def _fix(kind: str, name: str) -> str:
    """Return the lines of a list of this name, for people to complete."""
    if kind == _PREFIX_LIST:
        return prefix_lists.ENTRY.of(name=name, permit=True, prefix=Blank("prefix"))
    if kind == _AS_PATH_LIST:
        return bgp_lists.AS_PATH.of(number=name, permit=True, regex=_PATTERN)
    if kind == _ACCESS_LIST:
        return _access_list(name)
    standard, expanded, value = next(
        _COMMUNITIES[known] for known, listed in _COMMUNITY_LISTS.items() if listed == kind
    )
    if _is_in(name, _EXPANDED):
        return expanded.of(number=name, permit=True, regex=_PATTERN)
    named: dict[str, Hashable] = {"number": name} if _is_in(name, _STANDARD) else {"standard": True, "name": name}
    return standard.of(**named, permit=True, **{value: _COMMUNITY})


def _access_list(name: str) -> str:
    if not _is_in(name, *_EXTENDED):
        return f"{access_lists.STANDARD.of(name=name)}\n {access_lists.STANDARD_ENTRY.of(permit=True, source=_ADDRESS)}"
    entry = access_lists.EXTENDED_ENTRY.of(permit=True, ip=True, source=_ADDRESS, source_wildcard=_WILDCARD, any=True)
    return f"{access_lists.EXTENDED.of(name=name)}\n {entry}"


def _is_in(name: str, *numbers: range) -> bool:
    return name.isdecimal() and any(int(name) in each for each in numbers)


def _used(device: Device) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield kind and name of each list that is named, and where."""

    def named(kind: str, names: Iterable[str], *where: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        return ((kind, name, where) for name in names)

    for name, entries in sorted(device.policy.route_maps.items()):
        for entry in entries:
            section = f"route-map {name} {'permit' if entry.permit else 'deny'} {entry.sequence}"
            yield from named(_ACCESS_LIST, entry.access_lists, section, "match ip address")
            yield from named(_PREFIX_LIST, entry.prefix_lists, section, "match ip address prefix-list")
            yield from named(_ACCESS_LIST, entry.next_hop_access_lists, section, "match ip next-hop")
            yield from named(_PREFIX_LIST, entry.next_hop_prefix_lists, section, "match ip next-hop prefix-list")
            yield from named(_AS_PATH_LIST, entry.as_paths, section, "match as-path")
            for kind, listed in _COMMUNITY_LISTS.items():
                names = (one.name for one in entry.communities if one.kind is kind)
                yield from named(listed, names, section, f"match {kind.value}")
    for rule in device.nat.rules:
        if rule.access_list:
            yield from named(_ACCESS_LIST, (rule.access_list,), str(rule))
    for section, distribution in _distributions(device):
        for one in distribution.lists:
            if one.kind in _DISTRIBUTED and one.name:
                yield from named(_DISTRIBUTED[one.kind], (one.name,), section)
            if one.gateway:
                yield from named(_PREFIX_LIST, (one.gateway,), section)
    for args, terminal in device.tree.sections(TERMINALS):
        for line in terminal.all(ACCESS_CLASS):
            if "in" in line:
                yield from named(_ACCESS_LIST, (line.text("list"),), TERMINALS.text(args), ACCESS_CLASS.text(line))
    router = f"router bgp {device.bgp.local_as}"
    yield from named(_PREFIX_LIST, _filters(device, FilterKind.PREFIX_LIST), router)
    yield from named(_ACCESS_LIST, _filters(device, FilterKind.DISTRIBUTE_LIST), router)
    yield from named(_AS_PATH_LIST, _filters(device, FilterKind.FILTER_LIST), router)


def _distributions(device: Device) -> Iterator[tuple[str, Distribution]]:
    """Yield the distribute lists of each process, with the line of the process."""
    yield from (("router eigrp", process.distribution) for process in device.eigrp.processes)
    yield from ((f"router ospf {process.number}", process.distribution) for process in device.ospf.processes)
    yield "router rip", device.rip.distribution
