"""From the configuration tree to the typed model.

Lines of `router bgp` and of `address-family ipv4` mean the same, because IPv4 unicast is the only address family.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.notices import RouteSource
from dmvpn.base.pages import NONE
from dmvpn.base.redistribution import Redistribution
from dmvpn.base.values import dataclass
from dmvpn.features.bgp import model
from dmvpn.features.bgp.config import instance, merging
from dmvpn.features.bgp.config.instance import prefix_of
from dmvpn.features.bgp.config.merging import said
from dmvpn.ios.distribution import distance_of
from dmvpn.ios.route_kinds import INTERNAL, kinds_of
from dmvpn.ios.vrf_targets import vpn_of

if TYPE_CHECKING:
    from dmvpn.base.pages import Pages
    from dmvpn.features.bgp.config.instance import RouteLines
    from dmvpn.ios import Args, ConfigLine, ConfigTree, Section

_BESTPATH: Final = ("ignore", "multipath-relax", "missing-as-worst", "compare-routerid")
_SOURCES: Final = {
    "connected": RouteSource.CONNECTED,
    "static": RouteSource.STATIC,
    "rip": RouteSource.RIP,
    "eigrp": RouteSource.EIGRP,
    "ospf": RouteSource.OSPF,
}


def read(tree: ConfigTree, vrf: str = "") -> model.BgpConfig:
    """Return the model of a VRF, "": of the global table.

    A VRF has routes and neighbors of its own; what the process says of itself counts in each VRF.
    """
    found = tree.sections(instance.ROUTER)
    place = _place(found[0][1], vrf) if found else None
    if place is None:
        return model.BgpConfig()
    args, router = found[0]

    def everywhere(name: str) -> list[Args]:
        return [one for section, lines in place.sections for one in section.all(getattr(lines, name))]

    return model.BgpConfig(
        local_as=args.integer("number"),
        confederation=_confederation(router),
        router_id=place.router_id or _address(router, instance.ROUTER_ID),
        router_id_of=router.args(instance.ROUTER_ID).interface("interface", ""),
        cluster_id=_cluster(router.args(instance.CLUSTER_ID)),
        log_changes=router.flag(instance.LOG_CHANGES),
        in_vrf=bool(vrf),
        ipv4_by_default=bool(vrf) or router.flag(instance.IPV4_BY_DEFAULT),
        timers=_timers(router.get(instance.TIMERS)),
        distances=_distances(everywhere("distances")),
        maximum_paths=_paths(everywhere("maximum_paths")),
        graceful_restart=router.flag(instance.GRACEFUL_RESTART),
        restart_time=router.args(instance.RESTART_TIME).integer("seconds", 120),
        stale_time=router.args(instance.STALE_TIME).integer("seconds", 360),
        listen_ranges=tuple(model.ListenRange(one.prefix("prefix"), one.text("group")) for one in place.ranges),
        listen_limit=router.args(instance.LISTEN_LIMIT).integer("number", 100),
        neighbors=place.neighbors,
        session_templates=_templates(router, instance.SESSION_TEMPLATE, instance.SESSION_LINES),
        policy_templates=_templates(router, instance.POLICY_TEMPLATE, instance.POLICY_LINES),
        network_lists=place.networks,
        aggregates=tuple(map(_aggregate, everywhere("aggregate"))),
        redistributions=tuple(map(_redistribution, everywhere("redistribute"))),
        default_metric=_metric(everywhere("default_metric")),
        default_originate=bool(everywhere("default_information")),
        neighbor_distances=tuple(map(distance_of, everywhere("neighbor_distance"))),
        decision=_decision(router),
        local_preference=router.args(instance.LOCAL_PREFERENCE).integer("preference", 100),
        falls_over=router.flag(instance.FALL_OVER),
        tells_internal=router.flag(instance.REDISTRIBUTE_INTERNAL),
        additional=_ways(everywhere("additional")),
        selected=_selected(everywhere("select")),
        dampening=_dampening(everywhere("dampening")),
        has_backups=bool(everywhere("install")),
        vpn=_vpn(router.root, vrf),
    )


def _vpn(root: Section, vrf: str) -> model.Vpn:
    """Return how a VRF exchanges paths with other VRFs; without a route distinguisher none, as on IOS."""
    lines = vpn_of(root, vrf)
    if not lines.rd:
        return model.Vpn()
    return model.Vpn(
        rd=lines.rd,
        exports=lines.exported_targets,
        imports=lines.imported_targets,
        export_map=lines.export_map,
        import_map=lines.import_map,
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """The lines of one table: its sections, its neighbors and its networks."""

    sections: tuple[tuple[Section, RouteLines], ...]
    neighbors: Pages[model.NeighborLines]
    networks: tuple[Pages[model.NetworkLine], Pages[model.NetworkLine]]
    ranges: tuple[Args, ...] = ()
    router_id: IPv4Address | None = None


def _place(router: Section, vrf: str) -> _Place | None:
    """Return the lines of a VRF, "": of the global table; None: the VRF has none."""
    if not vrf:
        family = router.section(instance.FAMILY)
        return _Place(
            ((router, instance.IN_ROUTER), *(((family, instance.IN_FAMILY),) if family is not None else ())),
            _neighbors(router, family),
            (
                router.made(instance.IN_ROUTER.network, _network),
                family.made(instance.IN_FAMILY.network, _network) if family is not None else NONE,
            ),
            tuple(router.all(instance.LISTEN_RANGE)),
        )
    section = router.section(instance.VRF_FAMILY, vrf=vrf)
    if section is None:
        return None
    return _Place(
        ((section, instance.IN_VRF),),
        _neighbors_in_vrf(section),
        (section.made(instance.IN_VRF.network, _network), NONE),
        router_id=_address(section, instance.VRF_ROUTER_ID),
    )


def _timers(args: Args | None) -> tuple[int, int, int]:
    return merging.timers_of(args) if args else (60, 180, 0)


def _confederation(router: Section) -> model.Confederation:
    return model.Confederation(
        identifier=router.args(instance.CONFEDERATION).integer("identifier", 0),
        members=tuple(int(one) for args in router.all(instance.MEMBERS) for one in args.texts("as")),
    )


def _dampening(lines: list[Args]) -> model.Dampening | None:
    if not lines:
        return None
    args = lines[-1]
    half = args.integer("half", 15)
    return model.Dampening(
        half_life=60 * half,
        reuse=args.integer("reuse", 750),
        suppress=args.integer("suppress", 2000),
        longest=60 * args.integer("longest", 4 * half),
    )


def _ways(lines: list[Args]) -> model.Additional:
    """Return whether any of these lines allows to send, and to receive, several paths."""
    found = [merging.additional_of(args) for args in lines]
    return model.Additional(any(one.sends for one in found), any(one.receives for one in found))


def _selected(lines: list[Args]) -> model.PathChoice:
    """Return all paths that any of these lines allows to advertise."""
    found = [merging.choice_of(args) for args in lines]
    return model.PathChoice(
        every=any(one.every for one in found),
        best=max((one.best for one in found), default=0),
        group_best=any(one.group_best for one in found),
        backup=any(one.backup for one in found),
    )


def _decision(router: Section) -> model.Decision:
    words = {word for args in router.all(instance.BESTPATH) for word in _BESTPATH if word in args}
    return model.Decision(
        compares_all_meds=router.flag(instance.ALWAYS_COMPARE_MED),
        missing_med_is_worst="missing-as-worst" in words,
        ignores_path_length="ignore" in words,
        any_equal_path="multipath-relax" in words,
        compares_router_ids="compare-routerid" in words,
    )


def _neighbors(router: Section, family: Section | None) -> Pages[model.NeighborLines]:
    """Return all neighbors; lines of the address family take precedence."""
    neighbors = router.following(instance.NEIGHBOR, said, merging.MergedNeighbors)
    for place, entries in enumerate(
        (
            family.made(instance.FAMILY_NEIGHBOR, said) if family is not None else NONE,
            router.made(instance.DEFAULT_ORIGINATE, said),
            family.made(instance.FAMILY_DEFAULT_ORIGINATE, said) if family is not None else NONE,
            router.said(instance.ACTIVATE, merging.activated),
            family.said(instance.FAMILY_ACTIVATE, merging.activated) if family is not None else NONE,
        ),
        1,
    ):
        neighbors.show(entries, place)
    return neighbors.merged()


def _neighbors_in_vrf(section: Section) -> Pages[model.NeighborLines]:
    """Return all neighbors of a VRF."""
    neighbors = section.following(instance.VRF_NEIGHBOR, said, merging.MergedNeighbors)
    neighbors.show(section.made(instance.VRF_DEFAULT_ORIGINATE, said), 1)
    neighbors.show(section.said(instance.VRF_ACTIVATE, merging.activated), 2)
    return neighbors.merged()


def _templates(router: Section, opener: ConfigLine, lines: tuple[ConfigLine, ...]) -> tuple[model.NeighborLines, ...]:
    """Return the templates of one kind, in the form of neighbors."""
    return tuple(
        merging.merged(args.text("name"), [said for line in lines for said in inner.all(line)])
        for args, inner in router.sections(opener)
    )


def _cluster(args: Args) -> IPv4Address | None:
    number = args.integer("number", None)
    return args.address("address", None) if number is None else IPv4Address(number)


def _address(section: Section, line: ConfigLine) -> IPv4Address | None:
    return section.args(line).address("address", None)


def _distances(lines: list[Args]) -> tuple[int, int, int]:
    if not lines:
        return 20, 200, 200
    return lines[-1].integer("external"), lines[-1].integer("internal"), lines[-1].integer("local")


def _paths(lines: list[Args]) -> tuple[int, int]:
    external, internal = 1, 1
    for args in lines:
        if "ibgp" in args:
            internal = args.integer("paths")
        else:
            external = args.integer("paths")
    return external, internal


def _metric(lines: list[Args]) -> int | None:
    return lines[-1].integer("metric") if lines else None


def _network(args: Args) -> model.NetworkLine:
    """Return one `network`."""
    return model.NetworkLine(prefix_of(args), args.text("map", ""))


def _aggregate(args: Args) -> model.Aggregate:
    """Return one `aggregate-address`."""
    return model.Aggregate(
        prefix_of(args),
        summary_only="summary-only" in args,
        as_set="as-set" in args,
        suppress_map=args.text("suppress", ""),
        attribute_map=args.text("attributes", ""),
        advertise_map=args.text("advertise", ""),
    )


def _redistribution(args: Args) -> Redistribution:
    """Return one `redistribute`."""
    word = next(word for word in _SOURCES if word in args)
    process = str(args.integer(word)) if word in args.values_given else ""
    metric = args.integer("metric") if "metric" in args.values_given else None
    return Redistribution(
        source=_SOURCES[word],
        process=process,
        metric=metric,
        route_map=args.text("map", ""),
        kinds=kinds_of(args) or INTERNAL,
    )
