"""What tools ask of every router and this one has not: VRFs as tables, LLDP, CDP. And its memory, which it has.

Answered, so that a tool sees that there is none, and does not take the refusal of a command for a failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dmvpn.features.system.machine import SystemMachine
from dmvpn.ios.grammar import Args, ExecCommand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.ios.feature import ShowContext


@dataclass(frozen=True, slots=True)
class Vrfs:
    """`show vrf`. names: of the VRFs that run here, never any."""

    names: tuple[str, ...] = ()


def render_vrfs(_: Vrfs) -> Iterator[str]:
    """Yield the head of an empty table."""
    yield "  Name                             Default RD            Protocols   Interfaces"


def render_details(_: Vrfs) -> tuple[str, ...]:
    """Nothing: there are no VRFs."""
    return ()


@dataclass(frozen=True, slots=True)
class Discovery:
    """`show lldp`, `show cdp`."""

    protocol: str
    enabled: bool = False


def render_discovery(found: Discovery) -> Iterator[str]:
    """In IOS's words."""
    yield f"% {found.protocol} is not enabled"


@dataclass(frozen=True, slots=True)
class Memory:
    """`show memory statistics`. Octets: of the machine, and of this router's process."""

    total: int
    used: int


def render_memory(found: Memory) -> Iterator[str]:
    """Yield the pool of the process; and one of IOS XE that tools look for, of which there is nothing here."""
    free = found.total - found.used
    yield "                Head    Total(b)     Used(b)     Free(b)   Lowest(b)  Largest(b)"
    yield f"Processor          0{found.total:>12}{found.used:>12}{free:>12}{free:>12}{free:>12}"
    yield f" lsmpi_io          0{0:>12}{0:>12}{0:>12}{0:>12}{0:>12}"


def vrfs(_: ShowContext, __: Args) -> Vrfs:
    """`show vrf`: lines about VRFs are kept, and all routes are in one table."""
    return Vrfs()


def lldp(_: ShowContext, __: Args) -> Discovery:
    """`show lldp`, `show lldp neighbors`."""
    return Discovery("LLDP")


def cdp(_: ShowContext, __: Args) -> Discovery:
    """`show cdp`, `show cdp neighbors`."""
    return Discovery("CDP")


def memory(ctx: ShowContext, _: Args) -> Memory:
    """`show memory statistics`, as of the start of the router."""
    host = ctx.machine(SystemMachine).host
    return Memory(host.memory_kb * 1024, host.used_kb * 1024)


_HELP: Final = {
    "vrf": "Tables of routes besides the global one: none here",
    "detail": "All that is known of them",
    "lldp": "Link Layer Discovery Protocol: not here",
    "cdp": "Cisco Discovery Protocol: not here",
    "neighbors": "Whom it found",
    "memory": "Memory",
    "statistics": "Of the machine, and of this router",
}
COMMANDS: Final = (
    ExecCommand("show vrf", _HELP, query=vrfs, render=render_vrfs),
    ExecCommand("show vrf detail", _HELP, query=vrfs, render=render_details),
    ExecCommand("show lldp [ neighbors [ detail ] ]", _HELP, query=lldp, render=render_discovery),
    ExecCommand("show cdp [ neighbors [ detail ] ]", _HELP, query=cdp, render=render_discovery),
    ExecCommand("show memory statistics", _HELP, query=memory, render=render_memory),
)
