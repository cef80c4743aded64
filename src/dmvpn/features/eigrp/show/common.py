"""Shared by the show commands of EIGRP: selected processes, their headings, both spellings of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.values import Value
from dmvpn.features.eigrp.metric import INFINITY
from dmvpn.ios import Args, ExecCommand, ShowContext
from dmvpn.ios.vrfs import by_vrf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dmvpn.features.eigrp.machine import Process

R = TypeVar("R")

#: How commands begin, in the words of classic and of named mode.
_WORDS: Final = (
    "show ip eigrp",
    "show eigrp address-family ipv4 [ unicast ]",
    "show ipv6 eigrp",
    "show eigrp address-family ipv6 [ unicast ]",
)
_NUMBER: Final = "[ {number:1-65535} ]"

HELP: Final = {
    "eigrp": "EIGRP",
    "number": "Autonomous system",
    "address-family": "Processes of named mode",
    "ipv4": "IPv4",
    "ipv6": "IPv6",
    "unicast": "Unicast",
}


class ProcessName(Value):
    """The process of a table. name: the virtual instance of named mode, or "". vrf: "", of the global table.

    family: "EIGRP-IPv4" or "EIGRP-IPv6".
    """

    autonomous_system: int
    name: str
    router_id: str
    vrf: str = ""
    family: str = "EIGRP-IPv4"

    def heading(self, what: str, more: str = "") -> Iterator[str]:
        """Yield the first line of a table, with `more` at its end; that of a named process in a VRF is two lines."""
        if self.name:
            yield f"{self.family} VR({self.name}) Address-Family {what} for AS({self.autonomous_system}){more}"
            yield from (f"           VRF({vrf})" for vrf in (self.vrf,) if vrf)
        else:
            vrf = f" VRF({self.vrf})" if self.vrf else ""
            yield f"{self.family} {what} for AS({self.autonomous_system}){more}{vrf}"
        if self.family == "EIGRP-IPv6" and self.router_id == str(UNSPECIFIED):
            yield "% No usable Router-ID found"

    def topology_heading(self, what: str, more: str = "") -> Iterator[str]:
        """Yield the first line of a part of the topology table, which is two lines in a VRF."""
        instance = f"VR({self.name}) " if self.name else ""
        yield f"{self.family} {instance}Topology {what} for AS({self.autonomous_system})/ID({self.router_id}){more}"
        yield from (f"           Topology(base) TID(0) VRF({vrf})" for vrf in (self.vrf,) if vrf)


def name_of(process: Process) -> ProcessName:
    """Return the name of a process."""
    state = process.state
    vrf = state.context.ports.vrf
    settings = state.settings
    return ProcessName(settings.autonomous_system, settings.name, str(state.router_id), vrf, settings.family.name)


def every_process(ctx: ShowContext, version: int = 4) -> tuple[Process, ...]:
    """Return the running processes for a version of IP. The machine is imported on first use or when configured."""
    from dmvpn.features.eigrp.machine import EigrpMachine

    return tuple(ctx.machine(EigrpMachine).of_version(version).values())


def processes(ctx: ShowContext, args: Args) -> Iterator[Process]:
    """Yield the processes of a command: all, or the one with the number typed."""
    number = args.integer("number", None)
    for process in every_process(ctx, args.version):
        if number in (None, process.state.autonomous_system):
            yield process


def distance_text(distance: int) -> str:
    """Return a distance in the format of the tables."""
    return "Infinity" if distance >= INFINITY else str(distance)


def both_commands(
    rest: str, help_: dict[str, str], query: Callable[[ShowContext, Args], R], render: Callable[[R], Iterable[str]]
) -> tuple[ExecCommand, ...]:
    """Return the command in the words of classic and of named mode, for each family, and for a VRF, too."""
    texts = {**HELP, **help_}
    plain = [
        ExecCommand(_of_family(f"{words} {_NUMBER} {rest}"), texts, query=query, render=render) for words in _WORDS
    ]
    return _with_vrfs(plain, _WORDS)


def clear_commands(
    rest: str, help_: dict[str, str], action: Callable[[ShowContext, Args], object]
) -> tuple[ExecCommand, ...]:
    """Return what clears, in the same words."""
    texts = {**HELP, **help_}
    words = [one.replace("show", "clear", 1) for one in _WORDS]
    plain = [ExecCommand(_of_family(f"{one} {_NUMBER} {rest}"), texts, action=action, privilege=15) for one in words]
    return _with_vrfs(plain, words)


def _of_family(syntax: str) -> str:
    """Return the syntax of a command with the addresses of its family; IPv6 has no masks."""
    if "ipv6" not in syntax:
        return syntax
    for old, new in (
        (" | {address:address} {mask:mask}", ""),
        ("{address:address}", "{address:address6}"),
        ("{prefix:prefix}", "{prefix:prefix6}"),
    ):
        syntax = syntax.replace(old, new)
    return syntax


def _with_vrfs(commands: list[ExecCommand], words: Sequence[str]) -> tuple[ExecCommand, ...]:
    """Return the commands, also for a VRF."""
    pairs = zip(commands, words, strict=True)
    return tuple(one for each, begins in pairs for one in (each, by_vrf(each, begins)))
