"""`show ip nat translations`, `show ip nat statistics`, `clear ip nat translation`, `clear ip nat statistics`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import UserError
from dmvpn.base.events import Event
from dmvpn.base.moments import clock
from dmvpn.base.translation import ESP, GRE, ICMP, SHARE, TCP, UDP, FlowFilter, StaticRule, TranslatedFlow
from dmvpn.base.values import Value
from dmvpn.features.nat.machine import ClearNatStatistics, ClearTranslations, NatMachine
from dmvpn.features.nat.model import NatRule, NatStatic
from dmvpn.ios import Args, ExecCommand, ShowContext

_NAMES: Final = {ICMP: "icmp", TCP: "tcp", UDP: "udp", GRE: "gre", ESP: "esp"}


class TranslationLine(Value):
    """One flow; or a static rule, or the address of a pool that a station has: then the outside is "---".

    protocol: its name, or the number; "---": of all.
    left: seconds until it is forgotten, None: not known, or never.
    map_id: number of its rule in show ip nat statistics, 0: of none there.
    static: it is a static rule.
    vrf: of the inside station, "": the global table.
    """

    protocol: str
    inside_global: str
    inside_local: str
    outside_local: str
    outside_global: str
    left: int | None
    answered: bool
    vrf: str
    map_id: int = 0
    static: bool = False


class ShowTranslations(Value):
    """The answer to `show ip nat translations ...`.

    verbose: with a second line for each flow. total: how many there are, and nothing else.
    """

    lines: tuple[TranslationLine, ...]
    verbose: bool
    total: bool = False


class Mapping(Value):
    """A rule with a list or a route map.

    interface, pool: one of them is "".
    netmask, first, last, addresses: of the pool, and how many it has.
    allocated: addresses in use.
    flows: how many there are of it.
    refused: why no packet is translated, "" if there is no problem.
    """

    access_list: str
    route_map: str
    interface: str
    flows: int
    refused: str
    pool: str = ""
    netmask: str = ""
    first: str = ""
    last: str = ""
    addresses: int = 0
    allocated: int = 0


class ShowStatistics(Value):
    """The answer to `show ip nat statistics`.

    translations: static rules, flows, and addresses that stations have for themselves.
    extended: those with ports.
    limited: packets without a translation: a station had its share, or nothing was free.
    most: the station with the most flows, and how many they are; None: there are no flows.
    problem: why the host does not translate, "" if it does.
    refused: static rules that are not obeyed, each with the reason.
    """

    translations: int
    static: int
    extended: int
    outside: tuple[str, ...]
    inside: tuple[str, ...]
    hits: int
    misses: int
    limited: int
    most: tuple[str, int] | None
    mappings: tuple[Mapping, ...]
    problem: str
    refused: tuple[str, ...]


def query_translations(ctx: ShowContext, args: Args) -> ShowTranslations:
    """Return static rules, addresses that stations have for themselves, and flows; or those of a protocol, a VRF,
    an address.
    """
    wanted, protocol = args.text("vrf", ""), next((name for name in _NAMES.values() if name in args), "")
    address = args.address("address", None)

    def is_meant(line: TranslationLine) -> bool:
        inside, outside = (line.inside_global, line.inside_local), (line.outside_global, line.outside_local)
        end = (inside if "inside" in args else outside)["local" in args].partition(":")[0]
        return wanted in ("", line.vrf) and protocol in ("", line.protocol) and (address is None or str(address) == end)

    return ShowTranslations(tuple(filter(is_meant, _lines(ctx))), "verbose" in args, "total" in args)


def _lines(ctx: ShowContext) -> list[TranslationLine]:
    machine, flows = ctx.machine(NatMachine), ctx.counting.translations().flows
    held = dict.fromkeys(
        (flow.inside_global[0], flow.inside_local[0], flow.vrf) for flow in flows if _is_held(machine.rule_of(flow))
    )
    return [
        *(_static(one) for one in machine.statics),
        *(_simple(*one) for one in held),
        *(_line(flow, _number(machine, flow)) for flow in flows),
    ]


def _number(machine: NatMachine, flow: TranslatedFlow) -> int:
    rule = machine.rule_of(flow)
    return machine.config.rules.index(rule) + 1 if isinstance(rule, NatRule) else 0


def _is_held(rule: NatRule | NatStatic | None) -> bool:
    return isinstance(rule, NatRule) and not rule.overload


def render_translations(answer: ShowTranslations) -> Iterator[str]:
    """Yield a line for each translation; the outside address is printed as seen from inside, because it is not
    translated.
    """
    if not answer.total:
        yield f"{'Pro':<4} {'Inside global':<21} {'Inside local':<21} {'Outside local':<21} Outside global"
        for line in answer.lines:
            yield from _translation(line, verbose=answer.verbose)
    yield f"Total number of translations: {len(answer.lines)}"


def _translation(line: TranslationLine, *, verbose: bool) -> Iterator[str]:
    yield (
        f"{line.protocol:<4} {line.inside_global:<21} {line.inside_local:<21} {line.outside_local:<21} "
        f"{line.outside_global}"
    )
    if verbose:
        left = f"left {clock(line.left)}, " if line.left is not None else ""
        flags = ["static"] if line.static else []
        flags += ["extended"] if ":" in line.inside_global else []
        flags += [] if line.answered else ["not answered"]
        number = f"Map-Id(In): {line.map_id}, " if line.map_id else ""
        yield f"    {left}{number}flags: {', '.join(flags) or 'none'}"


def query_statistics(ctx: ShowContext, args: Args) -> ShowStatistics:
    """Return interfaces, rules and counters."""
    machine, found = ctx.machine(NatMachine), ctx.counting.translations()
    config, failure, lines = machine.config, machine.failure(), _lines(ctx)
    hits, misses, limited = machine.counted(found)
    return ShowStatistics(
        translations=len(lines),
        static=sum(line.static for line in lines),
        extended=sum(line.outside_global != "---" or ":" in line.inside_global for line in lines),
        outside=config.outside,
        inside=config.inside,
        hits=hits,
        misses=misses,
        limited=limited,
        most=next(iter(Counter(str(flow.inside_local[0]) for flow in found.flows).most_common(1)), None),
        mappings=tuple(_mapping(machine, rule, found.flows) for rule in config.rules),
        problem=failure.evidence if failure is not None else "",
        refused=tuple(f"{rule}: {why}" for rule, why in machine.refused.items() if isinstance(rule, NatStatic)),
    )


def _mapping(machine: NatMachine, rule: NatRule, flows: tuple[TranslatedFlow, ...]) -> Mapping:
    own, pool = [flow for flow in flows if machine.rule_of(flow) == rule], machine.config.pool(rule.pool)
    mapping = Mapping(
        access_list=rule.access_list,
        route_map=rule.route_map,
        interface=rule.outside,
        flows=len(own),
        refused=machine.refused.get(rule, ""),
        pool=rule.pool,
    )
    if pool is None:
        return mapping
    return replace(
        mapping,
        netmask=str(Prefix.of(pool.first, pool.length).netmask),
        first=str(pool.first),
        last=str(pool.last),
        addresses=pool.size,
        allocated=len({flow.inside_global[0] for flow in own}),
    )


def render_statistics(answer: ShowStatistics) -> Iterator[str]:
    """Yield the lines as IOS XE has them, without counters that do not exist here."""
    count, static = answer.translations, answer.static
    yield f"Total active translations: {count} ({static} static, {count - static} dynamic; {answer.extended} extended)"
    for title, names in (("Outside", answer.outside), ("Inside", answer.inside)):
        yield f"{title} interfaces:"
        if names:
            yield f"  {', '.join(names)}"
    yield f"Hits: {answer.hits}  Misses: {answer.misses}"
    if answer.problem:
        yield f"Not translating: {answer.problem}"
    yield from (f"Translating nothing: {one}" for one in answer.refused)
    yield "Dynamic mappings:"
    yield "-- Inside Source"
    for number, rule in enumerate(answer.mappings, 1):
        what = f"access-list {rule.access_list}" if rule.access_list else f"route-map {rule.route_map}"
        to = f"pool {rule.pool}" if rule.pool else f"interface {rule.interface}"
        yield f"[Id: {number}] {what} {to} refcount {rule.flows}"
        if rule.first:
            share = 100 * rule.allocated // rule.addresses
            yield f" pool {rule.pool}: id {number}, netmask {rule.netmask}"
            yield f"    start {rule.first} end {rule.last}"
            yield f"    type generic, total addresses {rule.addresses}, allocated {rule.allocated} ({share}%), misses 0"
        if rule.refused:
            yield f"  translates nothing: {rule.refused}"
    yield "nat-limit statistics:"
    yield f" All Host Max allowed: {SHARE}, missed {answer.limited}"
    if answer.most is not None:
        yield f" Most used: host {answer.most[0]}, used {answer.most[1]}"


def clear(ctx: ShowContext, args: Args) -> Event:
    """Forget the named flows, or all, or those of a VRF."""
    vrf = args.text("vrf", None)
    if "*" in args and vrf is None:
        return ClearTranslations()

    def end(name: str) -> tuple[IPv4Address, int] | None:
        address = args.address(name, None)
        return (address, args.integer(f"{name}_port", 0)) if address is not None else None

    protocol = TCP if "tcp" in args else UDP if "udp" in args else None
    return ClearTranslations(
        FlowFilter(protocol, end("inside_global"), end("inside_local"), end("outside_global"), vrf)
    )


def clear_counters(ctx: ShowContext, _: Args) -> Event:
    """Count from here."""
    return ClearNatStatistics(ctx.counting.translations().counts)


def _static(rule: StaticRule) -> TranslationLine:
    line = _simple(rule.public, rule.local, rule.vrf)
    if rule.protocol:
        ends = (_end(rule.protocol, end) for end in ((rule.public, rule.public_port), (rule.local, rule.local_port)))
        public, local = ends
        line = replace(line, protocol=_NAMES[rule.protocol], inside_global=public, inside_local=local)
    return replace(line, static=True)


def _simple(public: IPv4Address, local: IPv4Address, vrf: str) -> TranslationLine:
    """Return the line of a station that has an address in whole."""
    return TranslationLine("---", str(public), str(local), "---", "---", None, answered=True, vrf=vrf)


def _line(flow: TranslatedFlow, map_id: int) -> TranslationLine:
    outside = _end(flow.protocol, flow.outside)
    return TranslationLine(
        protocol=_NAMES.get(flow.protocol, str(flow.protocol)),
        inside_global=_end(flow.protocol, flow.inside_global),
        inside_local=_end(flow.protocol, flow.inside_local),
        outside_local=outside,
        outside_global=outside,
        left=None if flow.expires is None else round(flow.expires),
        answered=flow.answered,
        vrf=flow.vrf,
        map_id=map_id,
    )


def _end(protocol: int, end: tuple[IPv4Address, int]) -> str:
    address, port = end
    return f"{address}:{port}" if protocol in (ICMP, TCP, UDP) else str(address)


def debug(ctx: ShowContext, args: Args) -> Event:
    """Refuse to report single packets: planes report the flows alone."""
    raise UserError("% The data plane reports flows, no single packets: show ip nat translations verbose")


_HELP: Final = {
    "nat": "Translation of addresses",
    "detailed": "The same",
    "translations": "Flows that are translated",
    "vrf": "Flows of stations in a VRF",
    "verbose": "With their remaining time",
    "statistics": "Interfaces, rules and counters",
    "translation": "Flows that are translated",
    "*": "All of them",
    "inside": "Those of a station inside",
    "outside": "Those with a station outside",
    "global": "By its address outside",
    "local": "By its address inside",
    "address": "The address",
    "total": "How many they are",
    "esp": "Of ESP",
    "tcp": "Of TCP",
    "udp": "Of UDP",
    "icmp": "Of ICMP",
    "inside_global": "Address of the station, as the outside knows it",
    "inside_global_port": "Its port there",
    "inside_local": "Its own address",
    "inside_local_port": "Its own port",
    "outside_local": "Address of the station outside, as the inside knows it",
    "outside_local_port": "Its port there",
    "outside_global": "Its own address",
    "outside_global_port": "Its own port",
    "forced": "Also if it is in use, as always here",
}
_CLEAR: Final = "clear ip nat translation "
_OF_STATION: Final = (
    "{inside_global:address} {inside_global_port:1-65535} {inside_local:address} {inside_local_port:1-65535} "
)
_OF_PEER: Final = (
    "{outside_local:address} {outside_local_port:1-65535} {outside_global:address} {outside_global_port:1-65535} "
)
COMMANDS: Final = (
    ExecCommand(
        "show ip nat translations [ tcp | udp | icmp | esp ]"
        " [ ( inside | outside ) ( global | local ) {address:address} ] [ vrf {vrf:word} ] [ verbose | total ]",
        _HELP,
        query=query_translations,
        render=render_translations,
    ),
    ExecCommand("debug ip nat [ detailed ]", _HELP, action=debug, privilege=15),
    ExecCommand("show ip nat statistics", _HELP, query=query_statistics, render=render_statistics),
    ExecCommand("clear ip nat statistics", _HELP | {"statistics": "Its counters"}, action=clear_counters, privilege=15),
    *(
        ExecCommand(_CLEAR + meant + " [ forced ]", _HELP, action=clear, privilege=15)
        for meant in (
            "[ vrf {vrf:word} ] *",
            "[ vrf {vrf:word} ] inside {inside_global:address} {inside_local:address}"
            " [ outside {outside_local:address} {outside_global:address} ]",
            "[ vrf {vrf:word} ] outside {outside_local:address} {outside_global:address}",
            "( tcp | udp ) inside " + _OF_STATION + "[ outside " + _OF_PEER + "]",
        )
    ),
)
