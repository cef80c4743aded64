"""Rules about the names of access lists, prefix lists and route maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.communities import CommunityKind
from dmvpn.base.findings import Rule, Severity
from dmvpn.features.bgp.model import FilterKind
from dmvpn.tools.lint.found import found

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.network.device import Device
    from dmvpn.network.overlay import Network
    from dmvpn.tools.lint.found import Found

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
    title="A route map, a neighbor or NAT names a list that does not exist",
    why="A prefix or access list that is not there lets every route through, so a neighbor hears what it should not; "
    "an AS path or community list that is not there lets nothing through.",
    bad="route-map OUT permit 10\n match ip address prefix-list TYPO",
    fix="ip prefix-list TYPO permit 10.0.0.0/8 le 24",
)
RULES: Final = (ROUTE_MAP, LIST)
_PREFIX_LIST, _ACCESS_LIST = "prefix-list", "access-list"
_AS_PATH_LIST: Final = "as-path access-list"
_COMMUNITY_LISTS: Final = {kind: kind.listed for kind in CommunityKind}
_FIXES: Final = {
    _PREFIX_LIST: "ip prefix-list {} permit PREFIX",
    _ACCESS_LIST: "ip access-list standard {}\n permit ADDRESS",
    _AS_PATH_LIST: "ip as-path access-list {} permit PATTERN",
    **{listed: f"ip {listed} standard {{}} permit COMMUNITY" for listed in _COMMUNITY_LISTS.values()},
}


def check(network: Network) -> Iterator[Found]:
    """Yield lines that name a list or a route map that does not exist."""
    for device in network.devices:
        yield from _route_maps(device)
        yield from _lists(device)


def _route_maps(device: Device) -> Iterator[Found]:
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
            yield found(ROUTE_MAP, device, where, what, f"route-map {name} permit 10")


def _filters(device: Device, kind: FilterKind) -> Iterator[str]:
    """Return what neighbors of BGP are filtered by."""
    return (one.name for neighbor in device.bgp.neighbors for one in neighbor.filters if one.kind is kind)


def _lists(device: Device) -> Iterator[Found]:
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
            yield found(LIST, device, where, what, _FIXES[kind].format(name))


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
    router = f"router bgp {device.bgp.local_as}"
    yield from named(_PREFIX_LIST, _filters(device, FilterKind.PREFIX_LIST), router)
    yield from named(_ACCESS_LIST, _filters(device, FilterKind.DISTRIBUTE_LIST), router)
    yield from named(_AS_PATH_LIST, _filters(device, FilterKind.FILTER_LIST), router)
