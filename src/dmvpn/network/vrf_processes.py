"""A routing process as lines: those of one table, and the lines that move them into another table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.network.lines import removal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.network.lines import Lines

_FAMILY: Final = "address-family ipv4"
#: Lines of BGP that stay with the process.
_OF_PROCESS: Final = ("bgp ", "timers bgp ", "address-family ", "exit-address-family")


@dataclass(frozen=True, slots=True)
class Process:
    """header: of the process. family: of its address family, "": none. body: the lines there."""

    header: str
    family: str
    body: tuple[str, ...]


def process_of(lines: Lines, beginning: str, vrf: str) -> Process | None:
    """Return the first process whose header begins so and that has lines for a table, "": the global one."""
    return next(processes_of(lines, beginning, vrf), None)


def processes_of(lines: Lines, beginning: str, vrf: str) -> Iterator[Process]:
    """Yield all of them."""
    for header in lines.headers(beginning):
        section = lines.section(header)
        words = header.split()
        if words[1] == "ospf":
            if vrf == (words[4] if words[3:4] == ["vrf"] else ""):
                yield Process(header, "", _body(section.lines))
            continue
        families = section.headers(_FAMILY)
        named = words[1] == "eigrp" and not words[2].isdigit()
        if vrf or named:
            for family in families:
                if f" vrf {vrf} " in f"{family} " if vrf else " vrf " not in family:
                    yield Process(header, family, _body(section.section(family).lines))
            continue
        own = tuple(line for line in _body(section.lines) if not line.startswith((" ", *_OF_PROCESS)))
        if any(line.startswith(("network ", "neighbor ", "redistribute ")) for line in own):
            yield Process(header, "", own)


def moved(process: Process, before: str, vrf: str) -> tuple[str, ...]:
    """Return the lines that move a process from a table into another one. "": the global table."""
    words = process.header.split()
    within = f" vrf {vrf}" if vrf else ""
    if words[1] == "ospf":
        return f"no {process.header}", f"router ospf {words[2]}{within}", *process.body
    if process.family:
        leave = (process.header, f"no {process.family}")
        if words[1] != "eigrp":
            return *leave, *((f"{_FAMILY}{within}",) if vrf else ()), *process.body
        if words[2].isdigit() and not vrf:
            return *leave, f"router eigrp {process.family.split()[-1]}", *process.body
        bare = process.family.replace(f" vrf {before}", "")
        return *leave, bare.replace(" autonomous-system", f"{within} autonomous-system"), *process.body
    if words[1] == "eigrp":
        return f"no {process.header}", process.header, f"{_FAMILY}{within} autonomous-system {words[2]}", *process.body
    gone = (removal(line) for line in dict.fromkeys(map(_key, process.body)) if not line.startswith("no "))
    return process.header, *gone, f"{_FAMILY}{within}", *process.body


def _key(line: str) -> str:
    """Return what a line is removed by: a neighbor of BGP goes with all its lines."""
    return " ".join(line.split()[:2]) if line.startswith("neighbor ") else line


def _body(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(line for line in lines if line.strip() != "!")
