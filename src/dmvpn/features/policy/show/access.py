"""`show access-lists`, `show ip access-lists`: the entries by number, and how many packets each has decided on.

`show ip access-lists interface`: the lists of a port, with the packets of that port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathing
from dmvpn.base.values import dataclass
from dmvpn.features.policy.machine import PolicyMachine
from dmvpn.features.policy.model import ANY, PROTOCOLS
from dmvpn.ios import Args, ExecCommand, ShowContext
from dmvpn.ios.common import ACCESS_GROUP, INTERFACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dmvpn.features.policy.model import AccessEntry, AddressRange

#: Entries of numbered lists have numbers in this step.
_STEP: Final = 10


@dataclass(frozen=True, slots=True)
class AccessLine:
    """One entry.

    what: which packets or addresses are meant.
    matches: packets that it has decided on, 0 where the list filters none.
    inactive: it is not the time of its time range; None: it has none.
    """

    sequence: int
    permit: bool
    what: str
    matches: int = 0
    inactive: bool | None = None


@dataclass(frozen=True, slots=True)
class AccessList:
    """A list with its entries, without remarks. direction: "in" or "out" of the port that was asked about, else ""."""

    name: str
    extended: bool
    entries: tuple[AccessLine, ...]
    direction: str = ""


@dataclass(frozen=True, slots=True)
class ShowAccessLists:
    """The answer: all lists, or one."""

    lists: tuple[AccessList, ...]


def query_access_lists(ctx: ShowContext, args: Args) -> ShowAccessLists:
    """Access lists, standard ones first, numbers before names."""
    wanted = args.text("name", "")
    known = ctx.machine(PolicyMachine).config.access_lists
    chosen = sorted((one for one in known if wanted in ("", one[0])), key=_place)
    matches = ctx.ports.filters.matches(ctx.counting.filtered())
    return ShowAccessLists(tuple(_access_list(ctx, one, matches) for one in chosen))


def query_port(ctx: ShowContext, args: Args) -> ShowAccessLists:
    """Return the lists of a port, or that of one direction."""
    port, known = args.interface("interface"), ctx.machine(PolicyMachine).config.access_lists
    section = ctx.running.section(INTERFACE, name=port)
    counts, found = ctx.counting.filtered(), list[AccessList]()
    for direction in ("in", "out"):
        if direction not in args and ("in" in args or "out" in args):
            continue
        lines = [line.text("name") for line in section.all(ACCESS_GROUP) if direction in line] if section else []
        matches = ctx.ports.filters.matches(counts, port, inward=direction == "in")
        found += (_access_list(ctx, one, matches, direction) for one in known if one[0] in lines)
    return ShowAccessLists(tuple(found))


def _access_list(
    ctx: ShowContext, place: tuple[str, bool], matches: Mapping[tuple[str, int], int], direction: str = ""
) -> AccessList:
    name, extended = place
    config, local = ctx.machine(PolicyMachine).config, ctx.ports.clock.local(ctx.now).replace(tzinfo=None)
    found: list[AccessLine] = []
    for entry in breathing(config.access_lists[place]):
        # Entries of `access-list N` have no number of their own.
        last = found[-1].sequence if found else 0
        number = entry.sequence or (last // _STEP + 1) * _STEP
        time_range = config.time_ranges.get(entry.time_range) if entry.time_range else None
        inactive = None if not entry.time_range else time_range is not None and not time_range.holds(local)
        what = _extended(entry) if extended else _standard(entry)
        found.append(AccessLine(number, entry.permit, what, matches.get((name, number), 0), inactive))
    return AccessList(name, extended, tuple(found), direction)


def _place(key: tuple[str, bool]) -> tuple[bool, bool, int, str]:
    name, extended = key
    return (extended, False, int(name), "") if name.isascii() and name.isdigit() else (extended, True, 0, name)


def _standard(entry: AccessEntry) -> str:
    """Return "10.0.0.0, wildcard bits 0.255.255.255"."""
    if entry.source == ANY:
        text = "any"
    elif int(entry.source.wildcard) == 0:
        text = str(entry.source.address)
    else:
        text = f"{entry.source.address}, wildcard bits {entry.source.wildcard}"
    return f"{text} {entry.log}".rstrip()


def _extended(entry: AccessEntry) -> str:
    """Return an entry as the configuration has it, options in one order."""
    parts = (
        f"object-group {entry.services}" if entry.services else _protocol(entry.protocol),
        _range(entry.source),
        entry.source_ports.text if entry.source_ports else "",
        _range(entry.destination),
        entry.destination_ports.text if entry.destination_ports else "",
        *entry.texts,
        entry.log,
    )
    return " ".join(part for part in parts if part)


def _protocol(number: int | None) -> str:
    if number is None:
        return "ip"
    return next((word for word, value in PROTOCOLS.items() if value == number), str(number))


def _range(found: AddressRange) -> str:
    if found == ANY:
        return "any"
    if found.group:
        return f"object-group {found.group}"
    return f"host {found.address}" if int(found.wildcard) == 0 else f"{found.address} {found.wildcard}"


def render_access_lists(answer: ShowAccessLists) -> Iterable[str]:
    """Yield a line for each list, and below it one for each entry."""
    for one in answer.lists:
        yield f"{'Extended' if one.extended else 'Standard'} IP access list {one.name}{f' {one.direction}'.rstrip()}"
        for entry in one.entries:
            times = "" if entry.inactive is None else " (inactive)" if entry.inactive else " (active)"
            matches = f" ({entry.matches} match{'' if entry.matches == 1 else 'es'})" if entry.matches else ""
            yield f"    {entry.sequence} {'permit' if entry.permit else 'deny'} {entry.what}{times}{matches}"


_HELP: Final = {
    "access-lists": "Access lists",
    "name": "Name or number of one list",
    "interface": "The lists of one interface",
    "in": "The one of what comes in",
    "out": "The one of what goes out",
}
COMMANDS: Final = (
    *(
        ExecCommand(f"show {words} [ {{name:word}} ]", _HELP, query=query_access_lists, render=render_access_lists)
        for words in ("ip access-lists", "access-lists")
    ),
    ExecCommand(
        "show ip access-lists interface {interface:interface} [ in | out ]",
        _HELP,
        query=query_port,
        render=render_access_lists,
    ),
)
