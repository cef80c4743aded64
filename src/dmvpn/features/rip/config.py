"""`router rip`, the RIP lines of an interface, and the model built from them."""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import Prefix, classful_length
from dmvpn.base.distribution import Redistribution
from dmvpn.base.notices import RouteSource
from dmvpn.base.pages import NONE
from dmvpn.features.rip.model import AuthenticationMode, RipConfig, RipInterfaceSettings, RipTimers
from dmvpn.ios import Args, ConfigLine, ConfigTree, Mode, Section, ValueType, register_type
from dmvpn.ios.common import INTERFACE, refusing_impossible
from dmvpn.ios.interfaces import interface_sort_key
from dmvpn.ios.routing import MATCH, MATCH_HELP, DistributionLines, key_chains, kinds_of
from dmvpn.ios.vrfs import refusal

ROUTER_MODE, VRF_MODE = "router-rip", "rip-af"
MODES: Final = (
    Mode(ROUTER_MODE, "config-router"),
    Mode(VRF_MODE, "config-router-af", ROUTER_MODE, exit_word="exit-address-family"),
)

_HELP: Final = {
    "rip": "Routing Information Protocol",
    "version": "Version of RIP; only 2 does anything here",
    "timers": "Adjust the timers",
    "basic": "Update, invalid, holddown, flush",
    "update": "Seconds between updates",
    "invalid": "Seconds until a silent route is unreachable",
    "holddown": "Seconds during which no other route is believed",
    "flush": "Seconds until it is forgotten",
    "passive-interface": "Listen only",
    "interface": "An interface",
    "network": "A classful network whose interfaces speak RIP",
    "neighbor": "Send updates to this router by unicast",
    "address": "Its address",
    "bfd": "Let BFD watch gateways",
    "all-interfaces": "On all interfaces",
    "default-information": "The default route",
    "originate": "Advertise one",
    "maximum-paths": "Next hops of one route",
    "paths": "How many",
    "distance": "Administrative distance",
    "auto-summary": "Advertise classful networks to other networks",
    "split-horizon": "Do not advertise a route to where it came from",
    "authentication": "Authentication",
    "mode": "How",
    "key-chain": "With the keys of",
    "keys": "A key chain",
    "send": "Version sent; only version 2 does anything here",
    "triggered": "Send only changes, with acknowledgement; needs the same line at the other end",
    "disable": "Not, whatever the process says",
}
ROUTER: Final = ConfigLine("global", "router rip", _HELP, key=(), order=420, opens=ROUTER_MODE)


def _redistribute(mode: str, source: str, help_text: str, *, process: str = "", more: str = "") -> ConfigLine:
    return ConfigLine(
        mode,
        f"redistribute {source}{process} [* metric {{metric:0-16}} | route-map {{map:word}}{more} ]",
        {
            **MATCH_HELP,
            "redistribute": "Redistribute routes of another source",
            source: help_text,
            "metric": "Metric of these routes",
            "route-map": "Only routes that a route map permits",
            "map": "Name",
        },
        key=("process",) if process else None,
        adds=True,
        order=30,
    )


def _read_network(text: str) -> tuple[IPv4Address, str] | None:
    """Return the classful network of an address, which IOS stores whatever host address was typed."""
    try:
        typed = IPv4Address(text)
    except ValueError:
        return None
    network = IPv4Address(int(Prefix.of(typed, classful_length(typed)).address))
    return network, str(network)


register_type(ValueType("classful-network", "A.B.C.D", _read_network, fragment=r"[\d.]{1,15}"))


class ProcessLines:
    """The lines of a process, for its own mode or for that of a VRF."""

    def __init__(self, mode: str) -> None:
        self.version = ConfigLine(mode, "version {version:1-2}", _HELP, order=10)
        self.timers = ConfigLine(
            mode,
            "timers basic {update:1-4294967295} {invalid:1-4294967295} {holddown:0-4294967295} {flush:1-4294967295} "
            "[ {sleep:0-4294967295} ]",
            _HELP,
            order=20,
            default="timers basic 30 180 180 240",
        )
        self.passive_default = ConfigLine(mode, "passive-interface default", {"default": "All interfaces"}, order=40)
        self.passive = ConfigLine(
            mode, "passive-interface {interface:interface}", _HELP, key=("interface",), order=41, keep_no=True
        )
        self.network = ConfigLine(mode, "network {network:classful-network}", _HELP, key=("network",), order=50)
        line = partial(ConfigLine, mode, key=("address",), check=refusing_impossible("address"))
        self.neighbor = line("neighbor {address:address}", _HELP, order=60)
        self.neighbor_bfd = line("neighbor {address:address} bfd", {"bfd": "Let BFD watch it"}, order=61)
        self.bfd_all = ConfigLine(mode, "bfd all-interfaces", _HELP, order=62)
        self._name_routes(mode)

    def _name_routes(self, mode: str) -> None:
        self.default_originate = ConfigLine(mode, "default-information originate", _HELP, order=70)
        self.default_metric = ConfigLine(
            mode, "default-metric {metric:1-16}", {"default-metric": "Metric of redistributed routes"}, order=71
        )
        self.maximum_paths = ConfigLine(mode, "maximum-paths {paths:1-32}", _HELP, order=72, default="maximum-paths 4")
        self.distance = ConfigLine(mode, "distance {distance:1-255}", _HELP, order=73, default="distance 120")
        self.auto_summary = ConfigLine(mode, "auto-summary", _HELP, order=80, default_on=True)
        self.redistribute_connected = _redistribute(mode, "connected", "Connected routes")
        self.redistribute_static = _redistribute(mode, "static", "Static routes")
        self.redistribute_eigrp = _redistribute(mode, "eigrp", "Routes of EIGRP", process=" {process:1-65535}")
        self.redistribute_ospf = _redistribute(
            mode, "ospf", "Routes of OSPF", process=" {process:1-65535}", more=f" | {MATCH}"
        )
        self.redistribute_bgp = _redistribute(mode, "bgp", "Routes of BGP", process=" {process:1-4294967295}")
        self.distribution = DistributionLines(mode, largest=16, order=74)

    @property
    def all(self) -> tuple[ConfigLine, ...]:
        """All of them."""
        own = (line for line in vars(self).values() if isinstance(line, ConfigLine))
        return (*own, *self.distribution.all)


OF_ROUTER: Final = ProcessLines(ROUTER_MODE)
OF_VRF: Final = ProcessLines(VRF_MODE)
FAMILY: Final = ConfigLine(
    ROUTER_MODE,
    "address-family ipv4 [ unicast ] vrf {vrf:word}",
    {"address-family": "A process in a VRF", "ipv4": "IPv4", "unicast": "Unicast", "vrf": "The VRF"},
    key=("vrf",),
    order=310,
    opens=VRF_MODE,
    check=lambda args, section: refusal(section, args.text("vrf")),
    show=lambda args: f"address-family ipv4 vrf {args.text('vrf')}",
)
VERSION: Final = OF_ROUTER.version
TIMERS: Final = OF_ROUTER.timers
PASSIVE: Final = OF_ROUTER.passive
NETWORK: Final = OF_ROUTER.network
REDISTRIBUTE_STATIC: Final = OF_ROUTER.redistribute_static
DISTRIBUTION: Final = OF_ROUTER.distribution

SPLIT_HORIZON: Final = ConfigLine("interface", "ip split-horizon", _HELP, order=51, default_on=True)
AUTHENTICATION_MODE: Final = ConfigLine("interface", "ip rip authentication mode ( text | md5 )", _HELP, order=52)
AUTHENTICATION_KEYS: Final = ConfigLine("interface", "ip rip authentication key-chain {keys:word}", _HELP, order=52)
SEND_VERSION: Final = ConfigLine(
    "interface", "ip rip send version ( 2 | 1 [ 2 ] )", {**_HELP, "version": "Version"}, order=52
)
RECEIVE_VERSION: Final = ConfigLine(
    "interface",
    "ip rip receive version ( 2 | 1 [ 2 ] )",
    {"receive": "Version received; only version 2 does anything here"},
    order=52,
)
TRIGGERED: Final = ConfigLine("interface", "ip rip triggered", _HELP, order=52)
INTERFACE_BFD: Final = ConfigLine(
    "interface", "ip rip bfd [ disable ]", {**_HELP, "bfd": "Let BFD watch gateways here"}, order=52
)
SUMMARY: Final = ConfigLine(
    "interface",
    "ip summary-address rip {address:address} {mask:mask}",
    {"summary-address": "Advertise one prefix for many", "address": "The prefix", "mask": "Its mask"},
    key=("address", "mask"),
    order=73,
)

LINES: Final = (
    ROUTER,
    *OF_ROUTER.all,
    FAMILY,
    *OF_VRF.all,
    SPLIT_HORIZON,
    AUTHENTICATION_MODE,
    AUTHENTICATION_KEYS,
    SEND_VERSION,
    RECEIVE_VERSION,
    TRIGGERED,
    INTERFACE_BFD,
    SUMMARY,
)


def process(vrf: str) -> tuple[str, ...]:
    """Return the lines that open the section of a VRF, "": of the global table."""
    return (ROUTER.line(), *((FAMILY.line(vrf=vrf),) if vrf else ()))


def timers_line(timers: RipTimers) -> str:
    """Return the line that sets these."""
    return TIMERS.line(update=timers.update, invalid=timers.invalid, holddown=timers.holddown, flush=timers.flush)


def model(tree: ConfigTree, vrf: str = "") -> RipConfig:
    """Return what the configuration says of a VRF, "": of the global table."""
    process = tree.section(ROUTER)
    section, lines = process, OF_ROUTER
    if vrf and process is not None:
        section, lines = process.section(FAMILY, vrf=vrf), OF_VRF
    if section is None or process is None:
        return RipConfig()
    passive = section.all(lines.passive)
    active = [entry.args.interface("interface") for entry in section.entries(lines.passive) if entry.negated]
    interfaces = sorted(tree.made(INTERFACE, _interface), key=lambda interface: interface_sort_key(interface.name))
    common = process.args(OF_ROUTER.version).integer("version", None)
    return RipConfig(
        enabled=True,
        version=section.args(lines.version).integer("version", common),
        networks=tuple(_network(args) for args in section.all(lines.network)),
        passive_default=section.flag(lines.passive_default),
        passive=tuple(args.interface("interface") for args in passive),
        active=tuple(sorted(active, key=interface_sort_key)),
        neighbors=tuple(args.address("address") for args in section.all(lines.neighbor)),
        bfd=section.flag(lines.bfd_all),
        watched=tuple(args.address("address") for args in section.all(lines.neighbor_bfd)),
        timers=_timers(section.get(lines.timers)),
        distance=section.args(lines.distance).integer("distance", 120),
        maximum_paths=section.args(lines.maximum_paths).integer("paths", 4),
        auto_summary=section.flag(lines.auto_summary),
        default_originate=section.flag(lines.default_originate),
        default_metric=section.args(lines.default_metric).integer("metric", None),
        redistributions=tuple(
            [
                Redistribution(
                    source=source,
                    process=_process(args),
                    metric=args.integer("metric", None),
                    route_map=args.text("map", ""),
                    kinds=kinds_of(args),
                )
                for line, source in (
                    (lines.redistribute_connected, RouteSource.CONNECTED),
                    (lines.redistribute_static, RouteSource.STATIC),
                    (lines.redistribute_eigrp, RouteSource.EIGRP),
                    (lines.redistribute_ospf, RouteSource.OSPF),
                    (lines.redistribute_bgp, RouteSource.BGP),
                )
                for args in section.all(line)
            ]
        ),
        distribution=lines.distribution.distribution(section),
        interfaces=tuple(interfaces),
        key_chains=key_chains(tree) if any(one.authentication for one in interfaces) else NONE,
    )


def _network(args: Args) -> Prefix:
    """Return the network of a line; `network 0.0.0.0` means every network."""
    address = args.address("network")
    return Prefix.of(address, classful_length(address) if int(address) else 0)


def _timers(args: Args | None) -> RipTimers:
    if args is None:
        return RipTimers()
    return RipTimers(*(args.integer(name) for name in ("update", "invalid", "holddown", "flush")))


def _process(args: Args) -> str:
    number = args.integer("process", None)
    return "" if number is None else str(number)


def _interface(args: Args, section: Section) -> RipInterfaceSettings | None:
    """Return the settings of an interface; None: all are defaults."""
    name, mode, keys = args.interface("name"), section.get(AUTHENTICATION_MODE), section.get(AUTHENTICATION_KEYS)
    bfd = section.get(INTERFACE_BFD)
    asked = AuthenticationMode.MD5 if mode is not None and "md5" in mode else AuthenticationMode.TEXT
    settings = RipInterfaceSettings(
        name=name,
        split_horizon=section.flag(SPLIT_HORIZON),
        authentication=asked if mode is not None or keys is not None else None,
        key_chain=keys.text("keys") if keys is not None else "",
        summaries=tuple(args.any_prefix() for args in section.all(SUMMARY)),
        triggered=section.flag(TRIGGERED),
        send=_versions(section.get(SEND_VERSION)),
        receive=_versions(section.get(RECEIVE_VERSION)),
        bfd=None if bfd is None else "disable" not in bfd,
    )
    return settings if settings != RipInterfaceSettings(name=name) else None


def _versions(args: Args | None) -> tuple[int, ...]:
    return () if args is None else tuple(version for version in (1, 2) if str(version) in args)
