"""From the configuration tree to the typed model."""

from __future__ import annotations

from dataclasses import fields, replace
from ipaddress import IPv4Address
from typing import Final, TypeVar, cast

from dmvpn.base.addresses import IPAddress
from dmvpn.base.pages import NONE
from dmvpn.features.ospf import model
from dmvpn.features.ospf.config import interfaces, processes, version3
from dmvpn.ios import Args, ConfigLine, ConfigTree, Section
from dmvpn.ios.common import INTERFACE, Spoken, Twins
from dmvpn.ios.interfaces import interface_sort_key
from dmvpn.ios.routing import SOURCES, key_chains, kinds_of
from dmvpn.ios.vrfs import vrf_of

#: What `max-metric ... summary-lsa` and `external-lsa` cost if nothing is said, as on IOS.
_COSTLY: Final = 0xFF0000


def read(tree: ConfigTree, vrf: str = "") -> model.OspfConfig:
    """Return the OSPF configuration of a VRF, "": of the global table.

    A process that only an interface names exists too, in the VRF of the interface, as on IOS.
    """
    interfaces = sorted(tree.made(INTERFACE, _interface, vrf), key=lambda interface: interface_sort_key(interface.name))
    sections = {
        args.integer("number"): (args.text("vrf", ""), section) for args, section in tree.sections(processes.ROUTER)
    }
    of_own = {number: section for number, (where, section) in sections.items() if where == vrf}
    numbers = {*of_own, *(one.process for one in interfaces if one.process is not None and one.process not in sections)}
    made = tuple(
        _process(number, of_own[number]) if number in of_own else model.ProcessSettings(number=number)
        for number in sorted(numbers)
    )
    lines = (*interfaces, *(link.lines for process in made for link in process.virtual_links))
    chains = key_chains(tree) if any(each.key_chain for each in lines) else NONE
    return model.OspfConfig(made, tuple(interfaces), chains, _version_3(tree, vrf))


def _version_3(tree: ConfigTree, vrf: str) -> model.OspfConfig | None:
    """Return the configuration of OSPF version 3 in a VRF, "": in the global table; None without such lines.

    `router ospfv3` has an address family for each VRF; its other lines count in all of them.
    """
    if not tree.mentions(version3.LINES):
        return None
    ports = tree.made(INTERFACE, _interface3, vrf)
    interfaces = sorted(ports, key=lambda interface: interface_sort_key(interface.name))
    classic = tree.sections(version3.ROUTER)
    made = {
        args.integer("number"): _process3(args.integer("number"), section, version3.CLASSIC)
        for args, section in (classic if not vrf else ())
    }
    elsewhere = {args.integer("number") for args, _ in classic} - {*made}
    for args, section in tree.sections(version3.ROUTER_TOO):
        number = args.integer("number")
        default = model.ProcessSettings(number=number, family=model.IPV6)
        every = section.sections(version3.ADDRESS_FAMILY)
        families = [each for of, each in every if of.text("vrf", "") == vrf]
        if (vrf or every) and not families:
            elsewhere.add(number)
            continue
        for part, lines in ((section, version3.NAMED), *((family, version3.FAMILY) for family in families)):
            made[number] = _both(made.get(number, default), _process3(number, part, lines), default)
    if vrf and not made and not interfaces:
        return None
    for interface in interfaces:
        if interface.process is not None and interface.process not in made and interface.process not in elsewhere:
            made[interface.process] = model.ProcessSettings(number=interface.process, family=model.IPV6)
    chains = key_chains(tree) if any(each.key_chain for each in interfaces) else NONE
    return model.OspfConfig(tuple(made[number] for number in sorted(made)), tuple(interfaces), chains)


def _process3(number: int, section: Section, lines: Twins) -> model.ProcessSettings:
    settings = _process(number, lines.spoken(section))
    brought = tuple(
        replace(one, subnets=True, covers_connected="include-connected" in args)
        for one, args in zip(settings.redistributions, section.all(lines.twin(processes.REDISTRIBUTE)), strict=True)
    )
    return replace(settings, family=model.IPV6, redistributions=brought)


def _both(
    process: model.ProcessSettings, family: model.ProcessSettings, default: model.ProcessSettings
) -> model.ProcessSettings:
    """Return a process with the lines of its address family, which have the last word; lists are joined."""
    areas = {area.number: area for area in process.areas}
    for area in family.areas:
        plain = model.Area(number=area.number)
        here = areas.get(area.number, plain)
        ranges = {each.prefix: each for each in here.ranges + area.ranges}
        areas[area.number] = replace(_over(here, area, plain), ranges=tuple(ranges.values()))
    brought = {(each.source, each.process): each for each in process.redistributions + family.redistributions}
    summaries = {each.prefix: each for each in process.summaries + family.summaries}
    return replace(
        _over(process, family, default),
        areas=tuple(areas[number] for number in sorted(areas)),
        passive=tuple(name for name in process.passive if name not in family.active) + family.passive,
        active=process.active + family.active,
        redistributions=tuple(brought.values()),
        summaries=tuple(summaries.values()),
    )


Said = TypeVar("Said", model.ProcessSettings, model.Interface, model.Area)


def _over(first: Said, second: Said, default: Said) -> Said:
    """Return the first settings, changed where the second ones differ from the default."""
    names = [each.name for each in fields(default) if getattr(second, each.name) != getattr(default, each.name)]
    return replace(first, **{name: getattr(second, name) for name in names})


def _interface3(args: Args, section: Section, vrf: str) -> model.Interface | None:
    if not section.mentions(version3.LINES) or vrf_of(section) != vrf:
        return None
    found, more = (
        _settings(args, twins.spoken(section)) for twins in (version3.ON_INTERFACES, version3.ON_INTERFACES_TOO)
    )
    process = section.get(version3.PROCESS) or section.args(version3.PROCESS_TOO)
    return replace(
        _over(found, more, model.Interface(name=found.name)),
        process=process.integer("process", None),
        area=process.integer("area", None),
        instance=process.integer("instance", 0),
        neighbors=tuple(_neighbor(args, args.address6("address")) for args in section.all(version3.NEIGHBOR)),
    )


def _process(number: int, section: Section | Spoken) -> model.ProcessSettings:
    """Return the settings of one process."""
    throttle, originate = section.get(processes.SPF_THROTTLE), section.get(processes.DEFAULT_ORIGINATE)
    lsa_throttle, last_resort = section.get(processes.LSA_THROTTLE), section.get(processes.MAXIMUM_METRIC)
    limit, security = section.get(processes.MAXIMUM_LSA), section.get(processes.TTL_SECURITY)
    listed = [entry.args.interface("name") for entry in section.entries(processes.PASSIVE)]
    links = sorted(section.all(processes.VIRTUAL_LINK), key=_end)
    return model.ProcessSettings(
        number=number,
        router_id=section.args(processes.ROUTER_ID).address("address", None),
        networks=tuple(section.made(processes.NETWORKS, _network)),
        areas=_areas(section),
        passive_default=section.flag(processes.PASSIVE_DEFAULT),
        passive=tuple(name for name in listed if not section.negated(processes.PASSIVE, name=name)),
        active=tuple(name for name in listed if section.negated(processes.PASSIVE, name=name)),
        redistributions=tuple(_redistribution(args) for args in section.all(processes.REDISTRIBUTE)),
        default_originate=_default_originate(originate) if originate else None,
        default_metric=section.args(processes.DEFAULT_METRIC).integer("metric", None),
        summaries=tuple(_summary(args) for args in section.all(processes.SUMMARY)),
        neighbors=tuple(_neighbor(args, args.address("address")) for args in section.all(processes.NEIGHBOR)),
        virtual_links=tuple(_virtual_link(section, number, args) for number, args in enumerate(links)),
        reference_bandwidth=section.args(processes.REFERENCE).integer("mbps", 100),
        log_changes=section.flag(processes.LOG_CHANGES),
        log_changes_in_detail=section.flag(processes.LOG_DETAIL),
        maximum_paths=section.args(processes.MAXIMUM_PATHS).integer("paths", 4),
        distances=_distances(section),
        distribution=processes.DISTRIBUTION.distribution(section),
        spf_throttle=_throttle(throttle) if throttle else (50, 200, 5000),
        lsa_throttle=_throttle(lsa_throttle) if lsa_throttle else (50, 200, 5000),
        helps=not section.flag(processes.HELP_DISABLED),
        helps_strictly=section.flag(processes.HELP_STRICT),
        lsa_arrival=section.args(processes.LSA_ARRIVAL).integer("milliseconds", 100),
        maximum_metric=model.MaximumMetric(
            on_startup=last_resort.integer("seconds", None),
            stubs="include-stub" in last_resort,
            summaries=last_resort.integer("summaries", _COSTLY) if "summary-lsa" in last_resort else None,
            externals=last_resort.integer("externals", _COSTLY) if "external-lsa" in last_resort else None,
        )
        if last_resort
        else None,
        lsa_limit=_lsa_limit(limit) if limit else None,
        suppress_prefixes=section.flag(processes.PREFIX_SUPPRESSION),
        discards_ranges=section.flag(processes.DISCARD) and section.flag(processes.DISCARD_INTERNAL),
        discards_summaries=section.flag(processes.DISCARD) and section.flag(processes.DISCARD_EXTERNAL),
        ranges_distance=section.args(processes.INTERNAL_DISTANCE).integer("distance", None),
        summaries_distance=section.args(processes.EXTERNAL_DISTANCE).integer("distance", None),
        ttl_hops=security.integer("hops", 1) if security else None,
        shutdown=section.flag(processes.SHUTDOWN),
        bfd=section.flag(processes.BFD_ALL),
        vrf_lite=section.flag(processes.VRF_LITE),
    )


def _end(args: Args) -> tuple[int, IPv4Address]:
    """Return the area that a virtual link leads through, and the router at its other end."""
    return args.integer("area"), args.address("router")


def _virtual_link(section: Section | Spoken, number: int, link: Args) -> model.VirtualLink:
    """Return one virtual link. number: in its name, which shows and logs have."""
    passwords, keys = (
        [args for args in section.all(line) if _end(args) == _end(link)]
        for line in (processes.VIRTUAL_PASSWORD, processes.VIRTUAL_DIGEST_KEY)
    )
    return model.VirtualLink(
        *_end(link),
        model.Interface(
            name=f"OSPF_VL{number}",
            network=model.NetworkType.POINT_TO_POINT,
            hello_interval=link.integer("hello", None),
            dead_interval=link.integer("dead", None),
            retransmit_interval=link.integer("retransmit", 5),
            transmit_delay=link.integer("delay", 1),
            authentication=_own_authentication(link) if "authentication" in link else None,
            password=passwords[0].text("key") if passwords else "",
            key_chain=link.text("chain", ""),
            keys=tuple(model.MessageDigestKey(args.integer("number"), args.text("key")) for args in keys),
        ),
    )


def _network(args: Args) -> model.NetworkLine:
    # The value type makes a pair of addresses of the two words.
    address, wildcard = cast("tuple[IPv4Address, IPv4Address]", args["network"])
    return model.NetworkLine(address, wildcard, args.integer("area"))


def _areas(section: Section | Spoken) -> tuple[model.Area, ...]:
    lines = (
        processes.AREA_AUTHENTICATION,
        processes.AREA_STUB,
        processes.AREA_NSSA,
        processes.AREA_NSSA_TRANSLATE,
        processes.AREA_DEFAULT_COST,
        processes.AREA_RANGE,
        processes.AREA_FILTER,
    )
    numbers = {args.integer("area"): None for line in lines for args in section.all(line)}
    return tuple(_area(section, number) for number in sorted(numbers))


def _area(section: Section | Spoken, number: int) -> model.Area:
    def mine(line: ConfigLine) -> list[Args]:
        return [args for args in section.all(line) if args.integer("area") == number]

    stub, cost = mine(processes.AREA_STUB), mine(processes.AREA_DEFAULT_COST)
    filters = {("in" in args): args.text("list") for args in mine(processes.AREA_FILTER)}
    nssa, translate = mine(processes.AREA_NSSA), mine(processes.AREA_NSSA_TRANSLATE)
    lines = [*nssa, *translate]
    words = {word for args in lines for word in args.words}
    given = next((args for args in lines if "metric" in args.values_given), None)
    kind = next((args for args in lines if "type" in args.values_given), None)
    return model.Area(
        number=number,
        kind=model.AreaKind.STUB if stub else model.AreaKind.NSSA if nssa or translate else model.AreaKind.NORMAL,
        no_summary=any("no-summary" in args for args in (*stub, *nssa)),
        default_cost=cost[0].integer("cost") if cost else 1,
        authentication=_authentication(mine(processes.AREA_AUTHENTICATION)),
        ranges=tuple(
            model.AreaRange(args.any_prefix(), "not-advertise" not in args, args.integer("cost", None))
            for args in mine(processes.AREA_RANGE)
        ),
        nssa=model.Nssa(
            default="default-information-originate" in words,
            metric=given.integer("metric") if given else 1,
            metric_type=kind.integer("type") if kind else 2,
            redistribute="no-redistribution" not in words,
            always="always" in words,
            suppress_forwarding="suppress-fa" in words,
        ),
        filter_in=filters.get(True, ""),
        filter_out=filters.get(False, ""),
    )


def _summary(args: Args) -> model.ExternalSummary:
    tag = args.integer("tag", 0) if "tag" in args.values_given else 0
    return model.ExternalSummary(args.any_prefix(), "not-advertise" not in args, tag)


def _authentication(lines: list[Args]) -> model.AuthenticationType:
    if not lines:
        return model.AuthenticationType.NULL
    return model.AuthenticationType.CRYPTOGRAPHIC if "message-digest" in lines[0] else model.AuthenticationType.SIMPLE


def _redistribution(args: Args) -> model.Redistribution:
    word = next(word for word in SOURCES if word in args)
    process_number = args.integer(word, None) if word in args.values_given else None
    return model.Redistribution(
        source=SOURCES[word],
        process="" if process_number is None else str(process_number),
        subnets="subnets" in args,
        metric=args.integer("metric", None) if "metric" in args.values_given else None,
        metric_type=args.integer("type", 2),
        tag=args.integer("tag", 0) if "tag" in args.values_given else 0,
        route_map=args.text("map", ""),
        kinds=kinds_of(args),
    )


def _default_originate(args: Args) -> model.DefaultOriginate:
    return model.DefaultOriginate(
        always="always" in args,
        metric=args.integer("metric", None) if "metric" in args.values_given else None,
        metric_type=args.integer("type", 2),
        route_map=args.text("map", ""),
    )


def _neighbor(args: Args, address: IPAddress) -> model.NeighborLine:
    return model.NeighborLine(
        address=address,
        priority=args.integer("priority", 0),
        cost=args.integer("cost", None),
        poll_interval=args.integer("poll", 120),
    )


def _distances(section: Section | Spoken) -> tuple[int, int, int]:
    """Return the distances of routes within the area, from other areas, from outside."""
    plain, own = section.args(processes.DISTANCE).integer("distance", 110), section.get(processes.DISTANCES)
    if own is None:
        return plain, plain, plain
    return own.integer("intra", plain), own.integer("inter", plain), own.integer("external", plain)


def _lsa_limit(args: Args) -> model.LsaLimitLine:
    return model.LsaLimitLine(
        maximum=args.integer("maximum"),
        threshold=args.integer("threshold", 75),
        warning_only="warning-only" in args,
        ignore_minutes=args.integer("ignore", 5),
        ignore_count=args.integer("count", 5),
        reset_minutes=args.integer("reset", 10),
    )


def _throttle(args: Args) -> tuple[int, int, int]:
    return args.integer("start"), args.integer("hold"), args.integer("maximum")


def _interface(args: Args, section: Section, vrf: str) -> model.Interface | None:
    """Return the OSPF settings of one interface; None: nothing, or it is not in this VRF."""
    if not section.mentions(interfaces.LINES) or vrf_of(section) != vrf:
        return None
    return _settings(args, section)


def _settings(args: Args, section: Section | Spoken) -> model.Interface:
    process, dead = section.args(interfaces.PROCESS), section.get(interfaces.DEAD_INTERVAL)
    network, authentication = section.get(interfaces.NETWORK), section.get(interfaces.AUTHENTICATION)
    suppression = section.get(interfaces.PREFIX_SUPPRESSION)
    bfd, security = section.get(interfaces.BFD), section.get(interfaces.TTL_SECURITY)
    return model.Interface(
        name=args.interface("name"),
        process=process.integer("process", None),
        area=process.integer("area", None),
        cost=section.args(interfaces.COST).integer("cost", None),
        network=_network_type(network) if network else None,
        priority=section.args(interfaces.PRIORITY).integer("priority", 1),
        hello_interval=section.args(interfaces.HELLO_INTERVAL).integer("seconds", None),
        dead_interval=dead.integer("seconds", 1) if dead else None,
        hello_multiplier=dead.integer("hellos", None) if dead else None,
        retransmit_interval=section.args(interfaces.RETRANSMIT_INTERVAL).integer("seconds", 5),
        transmit_delay=section.args(interfaces.TRANSMIT_DELAY).integer("seconds", 1),
        authentication=_own_authentication(authentication) if authentication else None,
        password=section.args(interfaces.PASSWORD).text("key", ""),
        key_chain=authentication.text("chain", "") if authentication else "",
        keys=tuple(
            model.MessageDigestKey(args.integer("number"), args.text("key"))
            for args in section.all(interfaces.DIGEST_KEY)
        ),
        ignore_mtu=section.flag(interfaces.MTU_IGNORE),
        filter_database=section.flag(interfaces.FILTER),
        suppress_prefixes="disable" not in suppression if suppression else None,
        shutdown=section.flag(interfaces.SHUTDOWN),
        bfd=None if bfd is None else "disable" not in bfd,
        checks_ttl=None if security is None else "disable" not in security,
        ttl_hops=security.integer("hops", 1) if security else 1,
    )


def _network_type(args: Args) -> model.NetworkType:
    fitting = [kind for kind in model.NetworkType if all(word in args for word in kind.value.split())]
    return max(fitting, key=lambda kind: len(kind.value.split()))


def _own_authentication(args: Args) -> model.AuthenticationType:
    if "null" in args:
        return model.AuthenticationType.NULL
    has_digests = "message-digest" in args or "key-chain" in args
    return model.AuthenticationType.CRYPTOGRAPHIC if has_digests else model.AuthenticationType.SIMPLE
