"""What tools ask of every router and this one has not: VRFs as tables, LLDP, CDP. And its memory, which it has.

Answered, so that a tool sees that there is none, and does not take the refusal of a command for a failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Vrfs:
    """`show vrf`. names: of the VRFs that run here, never any."""

    names: tuple[str, ...] = ()


def render_vrfs(_: Vrfs) -> Iterator[str]:
    """The head of an empty table."""
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
    """The pool of the process; and one of IOS XE that tools look for, of which there is nothing here."""
    free = found.total - found.used
    yield "                Head    Total(b)     Used(b)     Free(b)   Lowest(b)  Largest(b)"
    yield f"Processor          0{found.total:>12}{found.used:>12}{free:>12}{free:>12}{free:>12}"
    yield f" lsmpi_io          0{0:>12}{0:>12}{0:>12}{0:>12}{0:>12}"
