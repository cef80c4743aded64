"""Shared by the show commands of EIGRP: selected processes, their headings, both spellings of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.metric import INFINITY
from dmvpn.ios import Args, ExecCommand, ShowContext
from dmvpn.ios.vrfs import by_vrf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dmvpn.features.eigrp.machine import Process

R = TypeVar("R")

#: How commands begin, in the words of classic and of named mode.
_WORDS: Final = ("show ip eigrp", "show eigrp address-family ipv4 [ unicast ]")
_NUMBER: Final = "[ {number:1-65535} ]"

HELP: Final = {
    "eigrp": "EIGRP",
    "number": "Autonomous system",
    "address-family": "Processes of named mode",
    "ipv4": "IPv4",
    "unicast": "Unicast",
}


@dataclass(frozen=True, slots=True)
class ProcessName:
    """The process of a table. name: the virtual instance of named mode, or "". vrf: "", of the global table."""

    autonomous_system: int
    name: str
    router_id: str
    vrf: str = ""

    def heading(self, what: str, more: str = "") -> Iterator[str]:
        """Yield the first line of a table, with `more` at its end; that of a named process in a VRF is two lines."""
        if self.name:
            yield f"EIGRP-IPv4 VR({self.name}) Address-Family {what} for AS({self.autonomous_system}){more}"
            yield from (f"           VRF({vrf})" for vrf in (self.vrf,) if vrf)
        else:
            vrf = f" VRF({self.vrf})" if self.vrf else ""
            yield f"EIGRP-IPv4 {what} for AS({self.autonomous_system}){more}{vrf}"

    def topology_heading(self, what: str, more: str = "") -> Iterator[str]:
        """Yield the first line of a part of the topology table, which is two lines in a VRF."""
        instance = f"VR({self.name}) " if self.name else ""
        yield f"EIGRP-IPv4 {instance}Topology {what} for AS({self.autonomous_system})/ID({self.router_id}){more}"
        yield from (f"           Topology(base) TID(0) VRF({vrf})" for vrf in (self.vrf,) if vrf)


def name_of(process: Process) -> ProcessName:
    """Return the name of a process."""
    state = process.state
    vrf = state.context.ports.vrf
    return ProcessName(state.autonomous_system, state.settings.name, str(state.router_id), vrf)


def every_process(ctx: ShowContext) -> tuple[Process, ...]:
    """Return the running processes. The machine is imported on first use or when configured."""
    from dmvpn.features.eigrp.machine import EigrpMachine

    return tuple(ctx.machine(EigrpMachine).processes.values())


def processes(ctx: ShowContext, args: Args) -> Iterator[Process]:
    """Yield the processes of a command: all, or the one with the number typed."""
    number = args.integer("number", None)
    for process in every_process(ctx):
        if number in (None, process.state.autonomous_system):
            yield process


def distance_text(distance: int) -> str:
    """Return a distance in the format of the tables."""
    return "Infinity" if distance >= INFINITY else str(distance)


def both_commands(
    rest: str, help_: dict[str, str], query: Callable[[ShowContext, Args], R], render: Callable[[R], Iterable[str]]
) -> tuple[ExecCommand, ...]:
    """Return the command in the words of classic and of named mode, each for the global table and for a VRF."""
    texts = {**HELP, **help_}
    plain = [ExecCommand(f"{words} {_NUMBER} {rest}", texts, query=query, render=render) for words in _WORDS]
    return tuple(each for one, words in zip(plain, _WORDS, strict=True) for each in (one, by_vrf(one, words)))


def clear_commands(
    rest: str, help_: dict[str, str], action: Callable[[ShowContext, Args], object]
) -> tuple[ExecCommand, ...]:
    """Return what clears, in the same words."""
    texts = {**HELP, **help_}
    words = [one.replace("show", "clear", 1) for one in _WORDS]
    plain = [ExecCommand(f"{one} {_NUMBER} {rest}", texts, action=action, privilege=15) for one in words]
    return tuple(each for one, begins in zip(plain, words, strict=True) for each in (one, by_vrf(one, begins)))
