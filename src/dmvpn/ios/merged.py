"""Texts of several routers without a visible boundary: read as one, each would overwrite lines of the previous one.

    merged(lines)        what shows that the lines are of several routers
    SecondAddresses      of one router, the interfaces that get another address than they had
    count_twice(text)    how often that happens in a text

Their blocks, or the terminals that they were typed at, give an interface two addresses of one subnet. A router that is
given another address there says so at its prompt, or in one go.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Interface, IPv4Network
from typing import Final, NamedTuple

from dmvpn.base.breath import breathing
from dmvpn.ios.interfaces import normalize_interface
from dmvpn.ios.markdown import INTERFACE
from dmvpn.ios.transcript import BLOCK, PROMPT, Transcript, without_prompt

_ADDRESS: Final = re.compile(
    r"\s{0,16}ip add\w{0,4}\s+(\d[\d.]{6,14})(?:\s+|(?=/))/?(\d[\d.]{0,14})\s*$", re.IGNORECASE
)
_BEGINS: Final = re.compile(r"\s{0,16}conf\w{0,7}\s+t\w{0,8}\s*$", re.IGNORECASE)


#: Beginnings of lines that set an address, or remove one: with the whole interface, or the address alone.
_FIRST: Final = ("in", "ip", "no", "de")
_REMOVED: Final = re.compile(
    r"\s{0,16}(?:no|default)\s+(?:int\w{0,6}\s+([a-z][a-z-]*\s?[\d/.:]+)|ip\s+add\w{0,4})\s*$", re.IGNORECASE
)


class _Given(NamedTuple):
    """An address that an interface was given, in which block, and at which line."""

    address: str
    block: int
    number: int


def merged(lines: list[str]) -> str:
    """Return what shows that the lines are of several routers, in a sentence; "" if nothing does."""
    known: dict[tuple[str, IPv4Network], _Given] = {}
    name, block = "", 0
    for number, line in breathing(enumerate(lines, 1)):
        block += line == BLOCK or _BEGINS.match(line) is not None
        if PROMPT.match(line) is not None:
            name = ""
        elif (opened := INTERFACE.match(line)) is not None:
            name = "".join(opened[1].split())
        elif name and (said := _ADDRESS.match(line)) is not None:
            subnet = _subnet(said[1], said[2])
            given = _Given(said[1], block, number)
            other = known.setdefault((name.lower(), subnet), given) if subnet is not None else given
            if other.address != given.address and other.block != block:
                return (
                    f"{name} has {other.address} (line {other.number}) and {given.address} (line {number}): these are "
                    "several routers, and nothing says whose is what; write `hostname NAME` above the lines of each"
                )
    return ""


def _subnet(address: str, mask: str) -> IPv4Network | None:
    try:
        return IPv4Interface(f"{address}/{mask}").network
    except ValueError:
        return None


class SecondAddresses:
    """Checks of each line whether it replaces the address that an earlier line of the text gave to an interface."""

    __slots__ = ("_given", "_name")

    def __init__(self) -> None:
        self._given: dict[str, tuple[str, int]] = {}
        self._name = ""

    def take(self, number: int, line: str) -> str:
        """Return the complaint about a line without its prompt; "" of most."""
        if line.lstrip()[:2].lower() not in _FIRST:
            return ""
        opened = INTERFACE.match(line)
        if opened is not None:
            self._name = normalize_interface(opened[1]) or ""
        elif (removed := _REMOVED.match(line)) is not None:
            self._given.pop(normalize_interface(removed[1] or "") or self._name, None)
        elif self._name and (said := _ADDRESS.match(line)) is not None:
            address, at = self._given.get(self._name, (said[1], number))
            self._given[self._name] = said[1], number
            if address != said[1]:
                return (
                    f"% {self._name} had the address {address} (line {at}), and the last one counts; if these lines "
                    "are of two routers, write `hostname NAME` above those of each"
                )
        return ""


def count_twice(text: str) -> int:
    """Return how often an interface gets another address than it had."""
    seconds = SecondAddresses()
    lines = enumerate(Transcript.lines(text), 1)
    return sum(seconds.take(number, without_prompt(line)) != "" for number, line in breathing(lines))
