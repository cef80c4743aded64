"""From the configuration tree to the typed model.

Lines about routes mean the same in `router bgp` and in `address-family ipv4`. All `neighbor` lines of one neighbor make
one value for each address family: those about the session count in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from operator import itemgetter
from typing import Final

from dmvpn.base.distribution import Redistribution
from dmvpn.base.pages import NONE, Merged, Pages
from dmvpn.base.values import Value
from dmvpn.features.bgp import model
from dmvpn.features.bgp.config import instance
from dmvpn.features.bgp.config.instance import RouteLines, prefix_of
from dmvpn.features.bgp.config.neighbor import SESSION_WORDS
from dmvpn.ios import Args, ConfigLine, ConfigTree, Section
from dmvpn.ios.routing import INTERNAL, SOURCES, distance_of, kinds_of
from dmvpn.ios.section import NOTHING
from dmvpn.ios.vrf_targets import vpn_of

#: The neighbor, and the arguments of a line about it, or whether it is active.
Said = tuple[model.Peer, Args | bool]


# ------------------------------------------------------------------------------------------------ neighbors


def peer_of(args: Args) -> model.Peer:
    """Return the neighbor of a line."""
    peer = args["peer"]
    return peer if isinstance(peer, IPv4Address | IPv6Address) else str(peer)


def said(args: Args) -> Said:
    """Return the neighbor of a line, and the arguments of the line."""
    return peer_of(args), args


def of_session(args: Args) -> Said:
    """Return the same of a line of `router bgp` that is about the session; of a line about routes, no arguments."""
    return peer_of(args), args if any(word in args for word in SESSION_WORDS) else NOTHING


def activated(args: Args, negated: bool) -> Said:
    """Return the neighbor of an `activate` line, and whether the line activates it."""
    return peer_of(args), not negated


class MergedNeighbors(Merged[model.Peer, "Said", model.NeighborLines]):
    """All neighbors, in the order in which they were first named."""

    def __init__(self) -> None:
        super().__init__(itemgetter(0), _neighbor)


def _neighbor(lines: list[Said]) -> model.NeighborLines:
    neighbor = model.NeighborLines(peer=lines[0][0])
    for _, what in lines:
        neighbor = replace(neighbor, active=what) if isinstance(what, bool) else _with(neighbor, what)
    return neighbor


def merged(name: str, lines: Iterable[Args]) -> model.NeighborLines:
    """Return a template in the form of a neighbor."""
    template = model.NeighborLines(peer=name)
    for args in lines:
        template = _with(template, args)
    return template


def _with(neighbor: model.NeighborLines, args: Args) -> model.NeighborLines:
    """Return the neighbor with one more line applied."""
    word = next((word for word in _CHANGES if word in args), None)
    return neighbor if word is None else _CHANGES[word](neighbor, args)


def _with_filter(neighbor: model.NeighborLines, args: Args) -> model.NeighborLines:
    kind = next(kind for kind in model.FilterKind if kind.value in args)
    direction = next(direction for direction in model.FilterDirection if direction.value in args)
    return replace(neighbor, filters=(*neighbor.filters, model.Filter(kind, str(args["list"]), direction)))


def _with_group(neighbor: model.NeighborLines, args: Args) -> model.NeighborLines:
    group = args.text("group", "")
    return replace(neighbor, group=group) if group else replace(neighbor, is_group=True)


def _with_template(neighbor: model.NeighborLines, args: Args) -> model.NeighborLines:
    name = args.text("template")
    if "peer-session" in args:
        return replace(neighbor, session_template=name)
    number = args.integer("sequence", 0)
    return replace(neighbor, policy_templates=tuple(sorted((*neighbor.policy_templates, (number, name)))))


def timers_of(args: Args) -> tuple[int, int, int]:
    """Return keepalive time, hold time, and the minimum hold time accepted from the neighbor."""
    return args.integer("keepalive"), args.integer("hold"), args.integer("least", 0)


def additional_of(args: Args) -> model.Additional:
    """Return whether several paths are sent and received."""
    return model.Additional(sends="send" in args, receives="receive" in args)


def choice_of(args: Args) -> model.PathChoice:
    """Return which paths may be advertised besides the best one."""
    return model.PathChoice(
        every="all" in args, best=args.integer("best", 0), group_best="group-best" in args, backup="backup" in args
    )


def _removal(args: Args) -> model.PrivateAs:
    if "replace-as" in args:
        return model.PrivateAs.REPLACED
    return model.PrivateAs.ALL if "all" in args else model.PrivateAs.IF_ALL_ARE


#: How each ending of a `neighbor` line changes the model. Endings without an effect in this implementation are missing.
_CHANGES: Final[dict[str, Callable[[model.NeighborLines, Args], model.NeighborLines]]] = {
    "remote-as": lambda neighbor, args: replace(
        neighbor, remote_as=args.integer("remote_as"), alternates=tuple(map(int, args.texts("alternate")))
    ),
    "peer-group": _with_group,
    "description": lambda neighbor, args: replace(neighbor, description=args.text("text")),
    "shutdown": lambda neighbor, args: replace(
        neighbor,
        shutdown=True,
        shutdown_delay=args.integer("delay", 0),
        shutdown_preference=args.integer("preference", 0),
    ),
    "password": lambda neighbor, args: replace(neighbor, password=args.text("password")),
    "update-source": lambda neighbor, args: replace(neighbor, update_source=args.interface("interface")),
    "ebgp-multihop": lambda neighbor, args: replace(neighbor, ebgp_ttl=args.integer("ttl", 255)),
    "disable-connected-check": lambda neighbor, args: replace(neighbor, anywhere=True),
    "timers": lambda neighbor, args: replace(neighbor, timers=timers_of(args)),
    "local-as": lambda neighbor, args: replace(
        neighbor,
        local_as=args.integer("local_as"),
        local_as_prepends="no-prepend" not in args,
        local_as_replaces="replace-as" in args,
    ),
    "ttl-security": lambda neighbor, args: replace(neighbor, security_hops=args.integer("hops")),
    "dont-capability-negotiate": lambda neighbor, args: replace(neighbor, plain_refresh=True),
    "capability": lambda neighbor, args: replace(neighbor, extended=True),
    "inherit": _with_template,
    "next-hop-unchanged": lambda neighbor, args: replace(neighbor, next_hop_unchanged=True),
    "transport": lambda neighbor, args: replace(neighbor, passive="passive" in args),
    "fall-over": lambda neighbor, args: replace(
        neighbor, fall_over=neighbor.fall_over or "bfd" not in args, bfd=neighbor.bfd or "bfd" in args
    ),
    "ha-mode": lambda neighbor, args: replace(neighbor, helps="disable" not in args),
    "next-hop-self": lambda neighbor, args: replace(neighbor, next_hop_self=True, next_hop_self_all="all" in args),
    "route-reflector-client": lambda neighbor, args: replace(neighbor, route_reflector_client=True),
    "default-originate": lambda neighbor, args: replace(
        neighbor, default_originate=True, originate_map=args.text("map", "")
    ),
    "unsuppress-map": lambda neighbor, args: replace(neighbor, unsuppress_map=args.text("map")),
    "send-community": lambda neighbor, args: replace(
        neighbor,
        send_community=neighbor.send_community or "extended" not in args,
        send_extended=neighbor.send_extended or "extended" in args or "both" in args,
    ),
    "soft-reconfiguration": lambda neighbor, args: replace(neighbor, soft_reconfiguration=True),
    "remove-private-as": lambda neighbor, args: replace(neighbor, remove_private_as=_removal(args)),
    "as-override": lambda neighbor, args: replace(neighbor, override_as=True),
    "allowas-in": lambda neighbor, args: replace(neighbor, allow_own_as=args.integer("times", 3)),
    "maximum-prefix": lambda neighbor, args: replace(
        neighbor,
        maximum_prefixes=args.integer("prefixes"),
        warn_percent=args.integer("threshold", 75),
        only_warn="warning-only" in args,
        restart_minutes=args.integer("minutes", 0),
    ),
    "advertise": lambda neighbor, args: replace(neighbor, advertised=choice_of(args)),
    "additional-paths": lambda neighbor, args: replace(neighbor, additional=additional_of(args)),
    "weight": lambda neighbor, args: replace(neighbor, weight=args.integer("weight")),
    "advertisement-interval": lambda neighbor, args: replace(neighbor, advertisement_interval=args.integer("seconds")),
    "route-map": _with_filter,
    "prefix-list": _with_filter,
    "distribute-list": _with_filter,
    "filter-list": _with_filter,
}


# ------------------------------------------------------------------------------------------------ the process


_BESTPATH: Final = ("ignore", "multipath-relax", "missing-as-worst", "compare-routerid")


def read(tree: ConfigTree, vrf: str = "") -> model.BgpConfig:
    """Return the model of a VRF, "": of the global table.

    A VRF has routes and neighbors of its own; what the process says of itself counts in each VRF.
    """
    found = tree.sections(instance.ROUTER)
    place = _place(found[0][1], vrf) if found else None
    if place is None:
        return model.BgpConfig()
    args, router = found[0]
    config = _config(args, router, place, vrf)
    family = _ipv6_family(router, vrf)
    if family is None:
        return config
    other = _config(args, router, _of_ipv6(router, family, vrf), vrf, version=6)
    return replace(config, others=(replace(other, family=model.IPV6_KEY, active_by_default=False, vpn=model.NO_VPN),))


def _config(args: Args, router: Section, place: _Place, vrf: str, *, version: int = 4) -> model.BgpConfig:
    """Return the model of the process with the lines of one address family."""

    def everywhere(name: str) -> list[Args]:
        lines = [(section, getattr(lines, name, None)) for section, lines in place.sections]
        return [one for section, line in lines if line is not None for one in section.all(line)]

    return model.BgpConfig(
        local_as=args.integer("number"),
        confederation=model.Confederation(
            identifier=router.args(instance.CONFEDERATION).integer("identifier", 0),
            members=tuple(int(one) for args in router.all(instance.MEMBERS) for one in args.texts("as")),
        ),
        router_id=place.router_id or _address(router, instance.ROUTER_ID),
        router_id_of=router.args(instance.ROUTER_ID).interface("interface", ""),
        cluster_id=_cluster(router.args(instance.CLUSTER_ID)),
        log_changes=router.flag(instance.LOG_CHANGES),
        in_vrf=bool(vrf),
        active_by_default=bool(vrf) or router.flag(instance.IPV4_BY_DEFAULT),
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
        redistributions=tuple(_redistribution(one, version) for one in everywhere("redistribute")),
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
        vpn=_vpn(router.root, vrf) if place.sections else model.NO_VPN,
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


class _Place(Value):
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
    section, of_ipv6 = router.section(instance.VRF_FAMILY, vrf=vrf), _ipv6_family(router, vrf)
    if section is None:
        if of_ipv6 is None:
            return None
        sessions = of_ipv6.following(instance.IPV6_VRF_NEIGHBOR, of_session, MergedNeighbors)
        own_id = _address(of_ipv6, instance.IPV6_VRF_ROUTER_ID)
        return _Place((), sessions.merged(), (NONE, NONE), router_id=own_id)
    neighbors = section.following(instance.VRF_NEIGHBOR, said, MergedNeighbors)
    neighbors.show(section.made(instance.VRF_DEFAULT_ORIGINATE, said), 1)
    neighbors.show(section.said(instance.VRF_ACTIVATE, activated), 2)
    if of_ipv6 is not None:
        neighbors.show(of_ipv6.made(instance.IPV6_VRF_NEIGHBOR, of_session), 3)
    return _Place(
        ((section, instance.IN_VRF),),
        neighbors.merged(),
        (section.made(instance.IN_VRF.network, _network), NONE),
        router_id=_address(section, instance.VRF_ROUTER_ID),
    )


def _ipv6_family(router: Section, vrf: str) -> Section | None:
    return router.section(instance.IPV6_VRF_FAMILY, vrf=vrf) if vrf else router.section(instance.IPV6_FAMILY)


def _of_ipv6(router: Section, family: Section, vrf: str) -> _Place:
    """Return the lines of IPv6 unicast. The lines about the session of a neighbor are in `router bgp`; in a VRF in the
    family, too.
    """
    lines = instance.IN_IPV6_VRF if vrf else instance.IN_IPV6
    if vrf:
        neighbors = family.following(instance.IPV6_VRF_NEIGHBOR, said, MergedNeighbors)
        originate, activate = instance.IPV6_VRF_DEFAULT_ORIGINATE, instance.IPV6_VRF_ACTIVATE
    else:
        neighbors = router.following(instance.NEIGHBOR, of_session, MergedNeighbors)
        neighbors.show(family.made(instance.IPV6_NEIGHBOR, said), 1)
        originate, activate = instance.IPV6_DEFAULT_ORIGINATE, instance.IPV6_ACTIVATE
    neighbors.show(family.made(originate, said), 2)
    neighbors.show(family.said(activate, activated), 3)
    return _Place(
        ((family, lines),),
        neighbors.merged(),
        (family.made(lines.network, _network), NONE),
        tuple(router.all(instance.LISTEN_RANGE)) if not vrf else (),
    )


def _timers(args: Args | None) -> tuple[int, int, int]:
    return timers_of(args) if args else (60, 180, 0)


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
    found = [additional_of(args) for args in lines]
    return model.Additional(any(one.sends for one in found), any(one.receives for one in found))


def _selected(lines: list[Args]) -> model.PathChoice:
    """Return all paths that any of these lines allows to advertise."""
    found = [choice_of(args) for args in lines]
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
    neighbors = router.following(instance.NEIGHBOR, said, MergedNeighbors)
    for place, entries in enumerate(
        (
            family.made(instance.FAMILY_NEIGHBOR, said) if family is not None else NONE,
            router.made(instance.DEFAULT_ORIGINATE, said),
            family.made(instance.FAMILY_DEFAULT_ORIGINATE, said) if family is not None else NONE,
            router.said(instance.ACTIVATE, activated),
            family.said(instance.FAMILY_ACTIVATE, activated) if family is not None else NONE,
        ),
        1,
    ):
        neighbors.show(entries, place)
    return neighbors.merged()


def _templates(router: Section, opener: ConfigLine, lines: tuple[ConfigLine, ...]) -> tuple[model.NeighborLines, ...]:
    """Return the templates of one kind, in the form of neighbors."""
    return tuple(
        merged(args.text("name"), [said for line in lines for said in inner.all(line)])
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


def _redistribution(args: Args, version: int) -> Redistribution:
    """Return one `redistribute`."""
    word = next(word for word in SOURCES if word in args)
    process = str(args.integer(word)) if word in args.values_given else ""
    metric = args.integer("metric") if "metric" in args.values_given else None
    return Redistribution(
        source=SOURCES[word],
        process=process,
        metric=metric,
        route_map=args.text("map", ""),
        kinds=kinds_of(args) or INTERNAL,
        covers_connected=version == 4 or "include-connected" in args,
    )
