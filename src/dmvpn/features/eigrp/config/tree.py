"""From the configuration tree to the typed model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address

from dmvpn.base.addresses import Prefix, classful_length, mask_length
from dmvpn.base.distribution import DefaultRoutes
from dmvpn.base.notices import RouteSource
from dmvpn.features.eigrp.config import processes
from dmvpn.features.eigrp.config.interfaces import af_settings, own_settings
from dmvpn.features.eigrp.config.processes import TopologyLines
from dmvpn.features.eigrp.metric import DEFAULT_RIB_SCALE, MetricScale, Vector, Weights, seed_vector
from dmvpn.features.eigrp.model import (
    EVENT_LOG_SIZE,
    IPV4,
    IPV6,
    EigrpConfig,
    Family,
    InterfaceSettings,
    NetworkLine,
    PrefixLimit,
    ProcessSettings,
    Redistribution,
)
from dmvpn.features.eigrp.tlv import StubFlag
from dmvpn.ios.config_line import ConfigLine
from dmvpn.ios.grammar import Args
from dmvpn.ios.routing import key_chains, kinds_of
from dmvpn.ios.section import Section
from dmvpn.ios.tree import ConfigTree


def model(tree: ConfigTree, vrf: str = "") -> EigrpConfig:
    """Return what the configuration says of a VRF, "": of the global table."""
    classic = [_classic_process(number, section, tree, lines) for number, section, lines in _classic(tree, vrf)]
    found = [replace(process, vrf=vrf) for process in classic] if vrf else classic
    ipv6 = []
    for args, section in tree.sections(processes.ROUTER_IPV6) if not vrf else ():
        ipv6.append(_classic_process(args.integer("number"), section, tree, processes.OF_IPV6, IPV6))
    for name, instance in tree.sections(processes.ROUTER_NAMED):
        for args, family in instance.sections(processes.ADDRESS_FAMILY):
            if args.text("vrf", "") == vrf:
                (ipv6 if "ipv6" in args else found).append(_named_process(name.text("name"), args, family, tree))
    if vrf and not found and not ipv6:
        return EigrpConfig()  # key chains are other protocols', too
    return EigrpConfig(_in_order(found), key_chains(tree), _in_order(ipv6) if ipv6 else ())


def _in_order(found: list[ProcessSettings]) -> tuple[ProcessSettings, ...]:
    return tuple(sorted(found, key=lambda process: process.autonomous_system))


def _classic(tree: ConfigTree, vrf: str) -> Iterator[tuple[int, Section, processes.ClassicLines]]:
    """Yield the classic processes of a VRF, or of the global table, with the lines of their mode."""
    if not vrf:
        for args, section in tree.sections(processes.ROUTER_CLASSIC):
            yield args.integer("number"), section, processes.OF_CLASSIC
        return
    found: dict[int, Section] = {}
    for (number, name), section, _ in processes.classic_families(tree):
        if name == vrf:
            found.setdefault(number, section)
    yield from ((number, section, processes.OF_CLASSIC_VRF) for number, section in found.items())


def _classic_process(
    number: int, section: Section, tree: ConfigTree, lines: processes.ClassicLines, family: Family = IPV4
) -> ProcessSettings:
    default = InterfaceSettings(
        passive=section.flag(lines.passive_default),
        bfd=section.flag(lines.bfd_all),
        shutdown=family is IPV6,  # it runs where `ipv6 eigrp` says so
    )
    listed = [entry.args.interface("name") for entry in section.entries(lines.passive)]
    interfaces = own_settings(tree, number, default, family.version)
    for name in listed:
        passive = not section.negated(lines.passive, name=name)
        interfaces[name] = replace(interfaces.get(name, default), passive=passive)
    for name in [entry.args.interface("name") for entry in section.entries(lines.bfd_interface)]:
        watched = not section.negated(lines.bfd_interface, name=name)
        interfaces[name] = replace(interfaces.get(name, default), bfd=watched)
    _add_neighbors(section.all(lines.family.neighbor), interfaces, default)
    process = _process(number, section, section, lines.family, lines.topology, family.version)
    outer = section.parent.opened_by if section.parent is not None else None
    return replace(
        process,
        family=family,
        router=outer.integer("number") if outer is not None else 0,
        shutdown=section.flag(lines.shutdown),
        scale=MetricScale(wide=False, weights=_weights(section, lines.family)),
        default_interface=default,
        interfaces=_changed(interfaces, default),
    )


def _named_process(name: str, args: Args, family: Section, tree: ConfigTree) -> ProcessSettings:
    number, version = args.integer("number"), args.version
    default = af_settings(InterfaceSettings(), family.section(processes.AF_INTERFACE_DEFAULT))
    interfaces = own_settings(tree, number, default, version)
    for block_args, block in family.sections(processes.AF_INTERFACES):
        interface = block_args.interface("name")
        interfaces[interface] = af_settings(interfaces.get(interface, default), block)
    _add_neighbors(family.all(processes.IN_FAMILY.neighbor), interfaces, default)
    topology = family.section(processes.TOPOLOGY_BASE)
    process = _process(number, family, topology or family, processes.IN_FAMILY, processes.OF_TOPOLOGY, version)
    rib_scale = family.args(processes.RIB_SCALE).integer("scale", DEFAULT_RIB_SCALE)
    instance = family.parent
    return replace(
        process,
        family=IPV4 if version == 4 else IPV6,
        name=name,
        vrf=args.text("vrf", ""),
        shutdown=family.flag(processes.FAMILY_SHUTDOWN)
        or (instance is not None and instance.flag(processes.INSTANCE_SHUTDOWN)),
        scale=MetricScale(wide=True, weights=_weights(family, processes.IN_FAMILY), rib_scale=rib_scale),
        default_interface=default,
        interfaces=_changed(interfaces, default),
    )


def _add_neighbors(lines: list[Args], interfaces: dict[str, InterfaceSettings], default: InterfaceSettings) -> None:
    """Add `neighbor` lines to the interfaces that they name."""
    for args in lines:
        name = args.interface("name")
        settings = interfaces.get(name, default)
        neighbors = (*settings.neighbors, args.any_address("address"))
        interfaces[name] = replace(settings, neighbors=tuple(sorted(neighbors)))


def _process(
    number: int,
    section: Section,
    topology: Section,
    lines: processes.FamilyLines,
    topology_lines: TopologyLines,
    version: int,
) -> ProcessSettings:
    """Return the settings common to both modes.

    section: has networks, stub, router ID.
    topology: has paths, distances, redistribution.
    """
    stub, active_time = section.get(lines.stub), topology.get(topology_lines.active_time)
    distance, default_metric = topology.args(topology_lines.distance), topology.get(topology_lines.default_metric)
    return ProcessSettings(
        autonomous_system=number,
        networks=tuple(section.made(lines.network, _network)),
        router_id=section.args(lines.router_id).address("address", None),
        log_changes=section.flag(lines.log_changes),
        event_log_size=section.args(lines.event_log_size).integer("size", EVENT_LOG_SIZE),
        maximum_hops=topology.args(topology_lines.maximum_hops).integer("hops", 100),
        variance=topology.args(topology_lines.variance).integer("factor", 1),
        maximum_paths=topology.args(topology_lines.maximum_paths).integer("paths", 4),
        internal_distance=distance.integer("internal", 90),
        external_distance=distance.integer("external", 170),
        default_metric=_vector(default_metric) if default_metric else None,
        redistributions=tuple(_redistribution(args, version) for args in topology.all(topology_lines.redistribute)),
        distribution=replace(
            topology_lines.distribution.distribution(topology),
            defaults=tuple(_default_routes(topology, topology_lines.default_information)),
        ),
        summary_metrics=tuple(_summary_metric(args) for args in topology.all(topology_lines.summary_metric)),
        stub=_stub(stub) if stub is not None else None,
        stub_leaks=stub.text("leak", "") if stub is not None else "",
        limit=_limit(section.get(lines.limit) or topology.get(processes.TOPOLOGY_LIMIT)),
        redistributed_limit=_limit(topology.get(topology_lines.redistributed_limit)),
        neighbor_limit=_limit(section.get(lines.neighbor_limit)),
        neighbor_limits=tuple(
            (args.address("address"), _limit_of(args)) for args in section.all(lines.neighbor_limits)
        ),
        active_time=180.0 if active_time is None else 60.0 * active_time.integer("minutes", 0),
    )


def _changed(
    interfaces: dict[str, InterfaceSettings], default: InterfaceSettings
) -> tuple[tuple[str, InterfaceSettings], ...]:
    return tuple((name, settings) for name, settings in sorted(interfaces.items()) if settings != default)


def _network(args: Args) -> NetworkLine:
    """Return the network of a line: without a wildcard, the classful network of the address; a netmask means its
    inverse.

    With 0.0.0.0, 255.255.255.255 is a wildcard: this is the usual way to write all networks, and the host 0.0.0.0 does
    not exist.
    """
    address, typed = args.address("address"), args.address("wildcard", None)
    if typed is None:
        wildcard = int(Prefix.of(address, classful_length(address) if int(address) else 0).wildcard)
    elif mask_length(typed) in (None, 0) or not (int(address) or ~int(typed) & 0xFFFFFFFF):
        wildcard = int(typed)
    else:
        wildcard = int(typed) ^ 0xFFFFFFFF
    return NetworkLine(IPv4Address(int(address) & ~wildcard), IPv4Address(wildcard))


def _weights(section: Section, lines: processes.FamilyLines) -> Weights:
    args = section.get(lines.weights)
    if args is None:
        return Weights()
    k1, k2, k3, k4, k5 = (args.integer(f"k{number}") for number in range(1, 6))
    return Weights(k1, k2, k3, k4, k5, args.integer("k6", 0))


def _vector(args: Args) -> Vector:
    return seed_vector(*(args.integer(name) for name in ("bandwidth", "delay", "reliability", "load", "mtu")))


def _summary_metric(args: Args) -> tuple[Prefix, Vector | None, int | None]:
    return args.any_prefix(), _vector(args) if "mtu" in args.values_given else None, args.integer("distance", None)


def _limit(args: Args | None) -> PrefixLimit | None:
    return None if args is None else _limit_of(args)


def _limit_of(args: Args) -> PrefixLimit:
    return PrefixLimit(
        maximum=args.integer("prefixes"),
        threshold=args.integer("threshold", 75),
        warning_only="warning-only" in args,
        restart=60.0 * args.integer("minutes", 5),
        restart_count=args.integer("count", 3),
        reset_time=60.0 * args.integer("reset", 15),
        dampened="dampened" in args,
    )


def _default_routes(section: Section, line: ConfigLine) -> Iterator[DefaultRoutes]:
    """Yield the lines that filter default routes."""
    for entry in section.entries(line):
        name = entry.args.text("list", "")
        if entry.negated or name:
            yield DefaultRoutes("in" in entry.args, "" if entry.negated else name)


def _redistribution(args: Args, version: int) -> Redistribution:
    source = next(source for source in RouteSource if source.value in args)
    number = next((args.integer(word) for word in ("eigrp", "ospf", "bgp") if word in args), None)
    return Redistribution(
        source=source,
        process="" if number is None else str(number),
        metric=_vector(args) if "metric" in args else None,
        route_map=args.text("map", ""),
        kinds=kinds_of(args),
        covers_connected=version == 4 or "include-connected" in args,
    )


def _stub(args: Args) -> StubFlag:
    """Return the routes that a stub advertises; plain `eigrp stub` has the meaning of current IOS."""
    words = {
        "connected": StubFlag.CONNECTED,
        "static": StubFlag.STATIC,
        "summary": StubFlag.SUMMARY,
        "redistributed": StubFlag.REDISTRIBUTED,
        "receive-only": StubFlag.RECEIVE_ONLY,
    }
    flags = StubFlag(0)
    for word, flag in words.items():
        if word in args:
            flags |= flag
    flags = flags or StubFlag.CONNECTED | StubFlag.SUMMARY | StubFlag.REDISTRIBUTED
    return flags | StubFlag.LEAK_MAP if "leak-map" in args else flags
