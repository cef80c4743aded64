"""The lines of one process on one interface: in the interface's own section, and in `af-interface` of named mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.values import collected
from dmvpn.features.eigrp.model import AuthenticationMode, InterfaceSettings, Summary
from dmvpn.ios import common
from dmvpn.ios.common import Spoken, Twins
from dmvpn.ios.config_line import ConfigLine
from dmvpn.ios.grammar import Args
from dmvpn.ios.section import Section
from dmvpn.ios.tree import ConfigTree

AF_INTERFACE: Final = "eigrp-af-interface"

_NUMBER = "{number:1-65535}"
_NUMBER_HELP = "Autonomous system"
_SUMMARY_HELP: Final = {
    "summary-address": "Advertise one prefix for many",
    "prefix": "The summary",
    "address": "The summary",
    "mask": "Its mask",
    "distance": "Of Null0",
    "leak-map": "Also advertise routes that a route map permits",
    "leak": "Name",
}
_SECONDS = "{seconds:1-65535}"


def _interface_line(
    syntax: str, help_: dict[str, str], *, order: int, key: tuple[str, ...] = ("number",), default_on: bool = False
) -> ConfigLine:
    full = {"eigrp": "EIGRP", "number": _NUMBER_HELP, **help_}
    return ConfigLine("interface", syntax, full, key=key, order=order, default_on=default_on)


_HELP: Final = {
    "hello-interval": "Time between Hellos",
    "seconds": "Seconds",
    "hold-time": "Hold time that neighbors use for us",
    "authentication": "Protect packets",
    "mode": "How",
    "md5": "With MD5 digests",
    "key-chain": "With these keys",
    "chain": "Name of a key chain",
    "bandwidth-percent": "Share of the bandwidth for EIGRP",
    "percent": "Percent",
    "split-horizon": "Do not advertise routes where they were learned",
    "next-hop-self": "Set this router as the next hop of every route",
    "no-ecmp-mode": "Look at all equal paths for one on this interface",
    "hmac-sha-256": "With HMAC-SHA-256 (proved by captures alone)",
    "type": "How the password is written",
    "password": "Password",
}
IP_HELLO_INTERVAL: Final = _interface_line(f"ip hello-interval eigrp {_NUMBER} {_SECONDS}", _HELP, order=56)
IP_HOLD_TIME: Final = _interface_line(f"ip hold-time eigrp {_NUMBER} {_SECONDS}", _HELP, order=57)
IP_AUTHENTICATION_MODE: Final = _interface_line(f"ip authentication mode eigrp {_NUMBER} md5", _HELP, order=58)
IP_AUTHENTICATION_KEY_CHAIN: Final = _interface_line(
    f"ip authentication key-chain eigrp {_NUMBER} {{chain:word}}", _HELP, order=59
)
IP_BANDWIDTH_PERCENT: Final = _interface_line(
    f"ip bandwidth-percent eigrp {_NUMBER} {{percent:1-999999}}", _HELP, order=55
)
IP_SPLIT_HORIZON: Final = _interface_line(f"ip split-horizon eigrp {_NUMBER}", _HELP, order=54, default_on=True)
IP_NEXT_HOP_SELF: Final = _interface_line(f"ip next-hop-self eigrp {_NUMBER}", _HELP, order=53, default_on=True)
IP_NEXT_HOP_SELF_ECMP: Final = _interface_line(
    f"ip next-hop-self eigrp {_NUMBER} no-ecmp-mode", _HELP, order=53, default_on=True
)
IP_SUMMARY: Final = _interface_line(
    f"ip summary-address eigrp {_NUMBER} ( {{address:address}} {{mask:mask}} | {{prefix:prefix}} ) "
    "[ {distance:1-255} ] [ leak-map {leak:word} ]",
    _SUMMARY_HELP,
    order=72,
    key=("number", "prefix", "address", "mask"),
)
_INTERFACE_LINES: Final = collected(ConfigLine, vars())
#: The line that enables a process of classic mode for IPv6, and the same lines for it.
IPV6_EIGRP: Final = _interface_line(
    f"ipv6 eigrp {_NUMBER}", {"ipv6": "Internet Protocol, version 6", "eigrp": "Run EIGRP here"}, order=83
)
IPV6: Final = Twins(
    _INTERFACE_LINES,
    {"ip ": "ipv6 ", "( {address:address} {mask:mask} | {prefix:prefix} )": "{prefix:network6}"},
    help={"ipv6": "Internet Protocol, version 6"},
    order=83,
)


def is_ipv6(section: Section) -> bool:
    """Return whether a section, or its parent, is that of an address family, or of a process, for IPv6."""
    openers = (one.opened_by for one in (section, section.parent) if one is not None)
    return any(opener is not None and "ipv6" in opener for opener in openers)


def of_another_family(args: Args, section: Section) -> str | None:
    """Refuse a prefix or address of the other version of IP than the address family."""
    typed: Prefix | IPAddress | None = args.prefix("prefix", None) or args.any_address("address", None)
    version = 6 if is_ipv6(section) else 4
    return None if (4 if typed is None else typed.version) == version else f"% The address family is of IPv{version}"


def _af_line(
    syntax: str,
    help_: dict[str, str],
    *,
    order: int,
    default: str | None = None,
    default_on: bool = False,
    key: tuple[str, ...] | None = None,
    check: Callable[[Args, Section], str | None] | None = None,
) -> ConfigLine:
    return ConfigLine(
        AF_INTERFACE, syntax, help_, order=order, default=default, default_on=default_on, key=key, check=check
    )


AF_BANDWIDTH_PERCENT: Final = _af_line("bandwidth-percent {percent:1-999999}", _HELP, order=10)
AF_HELLO_INTERVAL: Final = _af_line(f"hello-interval {_SECONDS}", _HELP, order=11)
AF_HOLD_TIME: Final = _af_line(f"hold-time {_SECONDS}", _HELP, order=12)
AF_AUTHENTICATION_MODE: Final = _af_line(
    "authentication mode ( md5 | hmac-sha-256 [ {type:0-7} ] {password:word} )", _HELP, order=13
)
AF_KEY_CHAIN: Final = _af_line("authentication key-chain {chain:word}", _HELP, order=14)
AF_PASSIVE: Final = ConfigLine(
    AF_INTERFACE,
    "passive-interface",
    {"passive-interface": "No neighbors here"},
    order=15,
    keep_no=True,  # for an exception from a passive `af-interface default`
)
AF_SPLIT_HORIZON: Final = _af_line("split-horizon", _HELP, order=16, default_on=True)
AF_NEXT_HOP_SELF: Final = _af_line("next-hop-self", _HELP, order=17, default_on=True)
AF_NEXT_HOP_SELF_ECMP: Final = _af_line("next-hop-self no-ecmp-mode", _HELP, order=17, default_on=True)
AF_SUMMARY: Final = _af_line(
    "summary-address ( {prefix:prefix} | {prefix:network6} | {address:address} {mask:mask} ) "
    "[ {distance:1-255} ] [ leak-map {leak:word} ]",
    _SUMMARY_HELP,
    order=18,
    key=("prefix", "address", "mask"),
    check=of_another_family,
)
AF_SHUTDOWN: Final = _af_line("shutdown", {"shutdown": "Do not run here"}, order=19)
AF_BFD: Final = _af_line("bfd", {"bfd": "Let BFD watch neighbors here"}, order=20)

LINES: Final = (*collected(ConfigLine, vars()), *IPV6.lines)


def own_settings(
    tree: ConfigTree, number: int, default: InterfaceSettings, version: int = 4
) -> dict[str, InterfaceSettings]:
    """Return the settings in the interfaces' own sections for this autonomous system, on top of the default."""
    return dict(tree.made(common.INTERFACE, _interface_settings if version == 4 else _of_ipv6, number, default))


def _of_ipv6(
    args: Args, section: Section, number: int, base: InterfaceSettings
) -> tuple[str, InterfaceSettings] | None:
    """Return name and settings by the lines about IPv6. `ipv6 eigrp` lets a process run that `base` stops."""
    runs = bool(_entries(section, IPV6_EIGRP, number))
    found = _interface_settings(args, IPV6.spoken(section), number, base)
    if not runs:
        return found
    name, settings = found or (args.interface("name"), base)
    return name, replace(settings, shutdown=False)


def _interface_settings(
    args: Args, section: Section | Spoken, number: int, base: InterfaceSettings
) -> tuple[str, InterfaceSettings] | None:
    """Return name and settings; None: the section has no line for this autonomous system."""
    if not any(_entries(section, line, number) or section.negated(line, number=number) for line in _INTERFACE_LINES):
        return None

    def value(line: ConfigLine, name: str, otherwise: int) -> int:
        entries = _entries(section, line, number)
        return entries[0].integer(name) if entries else otherwise

    chains = _entries(section, IP_AUTHENTICATION_KEY_CHAIN, number)
    md5 = bool(_entries(section, IP_AUTHENTICATION_MODE, number))
    keeps_next_hop = section.negated(IP_NEXT_HOP_SELF, number=number)
    looks_at_all = section.negated(IP_NEXT_HOP_SELF_ECMP, number=number)
    summaries = tuple(_summary(entry) for entry in _entries(section, IP_SUMMARY, number))
    settings = replace(
        base,
        hello_interval=value(IP_HELLO_INTERVAL, "seconds", base.hello_interval),
        hold_time=value(IP_HOLD_TIME, "seconds", base.hold_time),
        bandwidth_percent=value(IP_BANDWIDTH_PERCENT, "percent", base.bandwidth_percent),
        split_horizon=base.split_horizon and not section.negated(IP_SPLIT_HORIZON, number=number),
        next_hop_self=base.next_hop_self and not (keeps_next_hop or looks_at_all),
        ecmp_mode=base.ecmp_mode and not looks_at_all,
        summaries=summaries or base.summaries,
        authentication=AuthenticationMode.MD5 if md5 else base.authentication,
        key_chain=chains[0].text("chain") if chains else base.key_chain,
    )
    return args.interface("name"), settings


def af_settings(base: InterfaceSettings, section: Section | None) -> InterfaceSettings:
    if section is None:
        return base
    mode = section.get(AF_AUTHENTICATION_MODE)
    authentication = base.authentication
    if mode is not None:
        authentication = AuthenticationMode.MD5 if "md5" in mode else AuthenticationMode.HMAC_SHA_256
    passive = section.flag(AF_PASSIVE) or (base.passive and not section.negated(AF_PASSIVE))
    looks_at_all = section.negated(AF_NEXT_HOP_SELF_ECMP)
    return replace(
        base,
        hello_interval=section.args(AF_HELLO_INTERVAL).integer("seconds", base.hello_interval),
        hold_time=section.args(AF_HOLD_TIME).integer("seconds", base.hold_time),
        bandwidth_percent=section.args(AF_BANDWIDTH_PERCENT).integer("percent", base.bandwidth_percent),
        split_horizon=base.split_horizon and section.flag(AF_SPLIT_HORIZON),
        next_hop_self=base.next_hop_self and section.flag(AF_NEXT_HOP_SELF) and not looks_at_all,
        ecmp_mode=base.ecmp_mode and not looks_at_all,
        passive=passive,
        shutdown=section.flag(AF_SHUTDOWN),
        summaries=tuple(_summary(args) for args in section.all(AF_SUMMARY)) or base.summaries,
        authentication=authentication,
        key_chain=section.args(AF_KEY_CHAIN).text("chain", base.key_chain),
        password=_password(mode) if mode is not None else base.password,
        bfd=base.bfd or section.flag(AF_BFD),
    )


def _password(mode: Args) -> str:
    """Return the plain password; "" if it is encrypted."""
    return mode.text("password", "") if mode.integer("type", 0) == 0 else ""


def _entries(section: Section | Spoken, line: ConfigLine, number: int) -> list[Args]:
    return [args for args in section.all(line) if args.integer("number") == number]


def _summary(args: Args) -> Summary:
    distance, leaks = args.integer("distance", 5), args.text("leak", "")
    return Summary(args.any_prefix(), distance, leaks)
