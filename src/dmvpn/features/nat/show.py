"""`show ip nat translations`, `show ip nat statistics`, `clear ip nat translation *`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.translation import ESP, GRE, ICMP, TCP, UDP
from dmvpn.base.values import dataclass
from dmvpn.features.nat.machine import ClearTranslations, NatMachine
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.base.events import Event
    from dmvpn.base.translation import TranslatedFlow

_NAMES: Final = {ICMP: "icmp", TCP: "tcp", UDP: "udp", GRE: "gre", ESP: "esp"}


@dataclass(frozen=True, slots=True)
class TranslationLine:
    """One flow.

    protocol: its name, or the number.
    left: seconds until it is forgotten, None: not known.
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


@dataclass(frozen=True, slots=True)
class ShowTranslations:
    """The answer to `show ip nat translations [vrf NAME]`. verbose: with a second line for each flow."""

    lines: tuple[TranslationLine, ...]
    verbose: bool


@dataclass(frozen=True, slots=True)
class Mapping:
    """A rule.

    flows: how many there are of it.
    refused: why no packet is translated, "" if there is no problem.
    """

    access_list: str
    route_map: str
    interface: str
    flows: int
    refused: str


@dataclass(frozen=True, slots=True)
class ShowStatistics:
    """The answer to `show ip nat statistics`. problem: why the host does not translate, "" if it does."""

    translations: int
    outside: tuple[str, ...]
    inside: tuple[str, ...]
    hits: int
    misses: int
    mappings: tuple[Mapping, ...]
    problem: str


def query_translations(ctx: ShowContext, args: Args) -> ShowTranslations:
    """Return all flows, or those of stations in a VRF."""
    flows, wanted = ctx.counting.translations().flows, args.text("vrf", "")
    return ShowTranslations(tuple(_line(flow) for flow in flows if wanted in ("", flow.vrf)), "verbose" in args)


def render_translations(answer: ShowTranslations) -> Iterator[str]:
    """Yield a line for each translation; the outside address is printed as seen from inside, because it is not
    translated.
    """
    yield f"{'Pro':<4} {'Inside global':<21} {'Inside local':<21} {'Outside local':<21} Outside global"
    for line in answer.lines:
        yield (
            f"{line.protocol:<4} {line.inside_global:<21} {line.inside_local:<21} {line.outside_local:<21} "
            f"{line.outside_global}"
        )
        if answer.verbose:
            left = f"left {_clock(line.left)}, " if line.left is not None else ""
            yield f"    {left}flags: extended{'' if line.answered else ', not answered'}"
    yield f"Total number of translations: {len(answer.lines)}"


def query_statistics(ctx: ShowContext, args: Args) -> ShowStatistics:
    """Return interfaces, rules and counters."""
    machine, found = ctx.machine(NatMachine), ctx.counting.translations()
    config, failure = machine.config, machine.failure()
    return ShowStatistics(
        translations=len(found.flows),
        outside=config.outside,
        inside=config.inside,
        hits=found.hits,
        misses=found.misses,
        mappings=tuple(
            Mapping(
                access_list=rule.access_list,
                route_map=rule.route_map,
                interface=rule.outside,
                flows=sum(machine.rule_of(flow) == rule for flow in found.flows),
                refused=machine.refused.get(rule, ""),
            )
            for rule in config.rules
        ),
        problem=failure.evidence if failure is not None else "",
    )


def render_statistics(answer: ShowStatistics) -> Iterator[str]:
    """Yield the lines as IOS XE has them, without counters that do not exist here."""
    count = answer.translations
    yield f"Total active translations: {count} (0 static, {count} dynamic; {count} extended)"
    for title, names in (("Outside", answer.outside), ("Inside", answer.inside)):
        yield f"{title} interfaces:"
        if names:
            yield f"  {', '.join(names)}"
    yield f"Hits: {answer.hits}  Misses: {answer.misses}"
    if answer.problem:
        yield f"Not translating: {answer.problem}"
    yield "Dynamic mappings:"
    yield "-- Inside Source"
    for number, rule in enumerate(answer.mappings, 1):
        what = f"access-list {rule.access_list}" if rule.access_list else f"route-map {rule.route_map}"
        yield f"[Id: {number}] {what} interface {rule.interface} refcount {rule.flows}"
        if rule.refused:
            yield f"  translates nothing: {rule.refused}"


def clear(ctx: ShowContext, args: Args) -> Event:
    """Forget all flows."""
    return ClearTranslations()


def _line(flow: TranslatedFlow) -> TranslationLine:
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
    )


def _end(protocol: int, end: tuple[IPv4Address, int]) -> str:
    address, port = end
    return f"{address}:{port}" if protocol in (ICMP, TCP, UDP) else str(address)


def _clock(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}"


_HELP: Final = {
    "nat": "Translation of addresses",
    "translations": "Flows that are translated",
    "vrf": "Flows of stations in a VRF",
    "verbose": "With their remaining time",
    "statistics": "Interfaces, rules and counters",
    "translation": "Flows that are translated",
    "*": "All of them",
}
COMMANDS: Final = (
    ExecCommand(
        "show ip nat translations [ vrf {vrf:word} ] [ verbose ]",
        _HELP,
        query=query_translations,
        render=render_translations,
    ),
    ExecCommand("show ip nat statistics", _HELP, query=query_statistics, render=render_statistics),
    ExecCommand("clear ip nat translation *", _HELP, action=clear, privilege=15),
)
