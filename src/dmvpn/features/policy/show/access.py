"""`show access-lists`, `show ip access-lists`: the entries by number. Nothing here counts what matches them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathing
from dmvpn.base.values import dataclass
from dmvpn.features.policy.machine import PolicyMachine
from dmvpn.features.policy.model import ANY
from dmvpn.features.policy.protocols import PROTOCOLS
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.features.policy.model import AccessEntry, AddressRange

#: Entries of numbered lists have numbers in this step.
_STEP: Final = 10


@dataclass(frozen=True, slots=True)
class AccessLine:
    """One entry. what: which packets or addresses are meant."""

    sequence: int
    permit: bool
    what: str


@dataclass(frozen=True, slots=True)
class AccessList:
    """A list with its entries, without remarks."""

    name: str
    extended: bool
    entries: tuple[AccessLine, ...]


@dataclass(frozen=True, slots=True)
class ShowAccessLists:
    """The answer: all lists, or one."""

    lists: tuple[AccessList, ...]


def query_access_lists(ctx: ShowContext, args: Args) -> ShowAccessLists:
    """Access lists, standard ones first, numbers before names."""
    wanted = args.text("name", "")
    known = ctx.machine(PolicyMachine).config.access_lists
    chosen = sorted((one for one in known if wanted in ("", one[0])), key=_place)
    return ShowAccessLists(
        tuple(AccessList(name, extended, _lines(known[name, extended], extended=extended)) for name, extended in chosen)
    )


def _place(key: tuple[str, bool]) -> tuple[bool, bool, int, str]:
    name, extended = key
    return (extended, False, int(name), "") if name.isascii() and name.isdigit() else (extended, True, 0, name)


def _lines(entries: Iterable[AccessEntry], *, extended: bool) -> tuple[AccessLine, ...]:
    """Return the lines with a number for each entry: those of `access-list N` have none of their own."""
    found: list[AccessLine] = []
    for entry in breathing(entries):
        last = found[-1].sequence if found else 0
        number = entry.sequence or (last // _STEP + 1) * _STEP
        found.append(AccessLine(number, entry.permit, _extended(entry) if extended else _standard(entry)))
    return tuple(found)


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
        _protocol(entry.protocol),
        _range(entry.source),
        entry.source_ports.text if entry.source_ports else "",
        _range(entry.destination),
        entry.destination_ports.text if entry.destination_ports else "",
        *entry.conditions,
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
        yield f"{'Extended' if one.extended else 'Standard'} IP access list {one.name}"
        for entry in one.entries:
            yield f"    {entry.sequence} {'permit' if entry.permit else 'deny'} {entry.what}"


_HELP: Final = {"access-lists": "Access lists", "name": "Name or number of one list"}
COMMANDS: Final = tuple(
    ExecCommand(f"show {words} [ {{name:word}} ]", _HELP, query=query_access_lists, render=render_access_lists)
    for words in ("ip access-lists", "access-lists")
)
