"""Shared by the show commands of EIGRP: selected processes, their headings, both spellings of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.metric import INFINITY
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dmvpn.features.eigrp.process import Process

R = TypeVar("R")

HELP: Final = {
    "eigrp": "EIGRP",
    "number": "Autonomous system",
    "address-family": "Processes of named mode",
    "ipv4": "IPv4",
    "unicast": "Unicast",
}


@dataclass(frozen=True, slots=True)
class ProcessName:
    """The process of a table. name: the virtual instance of named mode, or ""."""

    autonomous_system: int
    name: str
    router_id: str

    def heading(self, what: str) -> str:
        """Return the first line of a table."""
        if self.name:
            return f"EIGRP-IPv4 VR({self.name}) Address-Family {what} for AS({self.autonomous_system})"
        return f"EIGRP-IPv4 {what} for AS({self.autonomous_system})"

    def topology_heading(self, what: str) -> str:
        """Return the first line of a part of the topology table."""
        instance = f"VR({self.name}) " if self.name else ""
        return f"EIGRP-IPv4 {instance}Topology {what} for AS({self.autonomous_system})/ID({self.router_id})"


def name_of(process: Process) -> ProcessName:
    """Return the name of a process."""
    return ProcessName(process.state.autonomous_system, process.state.settings.name, str(process.state.router_id))


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
) -> tuple[ExecCommand, ExecCommand]:
    """Return the command in the words of classic and of named mode."""
    texts = {**HELP, **help_}
    return (
        ExecCommand(f"show ip eigrp [ {{number:1-65535}} ] {rest}", texts, query=query, render=render),
        ExecCommand(
            f"show eigrp address-family ipv4 [ unicast ] [ {{number:1-65535}} ] {rest}",
            texts,
            query=query,
            render=render,
        ),
    )
