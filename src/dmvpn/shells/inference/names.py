"""Names of the routers in a folder: their host names, or the names of their files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from dmvpn.network.device import Device

_UNFIT: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_UNQUOTED: Final = re.compile(r'^"|"$')
_LONGEST_NAME: Final = 31


def named(every: Mapping[str, Device]) -> tuple[dict[str, str], list[str]]:
    """Return the name of each router with that of its text, and the decisions. Raises UserError.

    every: by the name of the text.

    A router is named after its text if it has no host name, or if several have the same. Of identical texts the last
    one counts.
    """
    last = {file: _last_like(file, every) for file in every}
    read = {file: device for file, device in every.items() if file == last[file]}
    hosts = {file: _UNQUOTED.sub("", device.own_name) for file, device in read.items()}
    found: dict[str, str] = {}
    notes = [f"{file} says the same as {last[file]}: it is taken once" for file in every if file not in read]
    for file in read:
        host = hosts[file]
        alike = [other for other in read if hosts[other] == host] if host else []
        if any(_same_places(read[file], read[other]) for other in alike if other != file):
            raise UserError(
                f"{alike[0]} and {alike[1]} are both called {host} and have the same address: they are one router at "
                "two times, or of two networks; put the files of one network into a folder of their own"
            )
        name = _fit(host if len(alike) == 1 else file, found)
        if len(alike) > 1 and name != host:
            notes.append(f"{' and '.join(alike)} are all called {host}: {file} is {name} here")
        elif len(alike) == 1 and host and name != host:
            notes.append(
                f"{host} is {name} here: the names of a lab's routers begin with a letter and have at most "
                f"{_LONGEST_NAME} letters, digits, '_', '.' and '-'"
            )
        found[name] = file
    return found, notes


def _last_like(file: str, every: Mapping[str, Device]) -> str:
    """Return the last text with the same lines, name and addresses included: the same router was saved twice."""
    device = every[file]
    if not device.own_name or not device.ports:
        return file
    return next(other for other in reversed([*every]) if every[other].lines == device.lines)


def _same_places(one: Device, other: Device) -> bool:
    """Return whether they have an address in common. Then they are two states of one router."""
    there = [address.ip for address in other.ports.values()]
    return any(address.ip in there for address in one.ports.values())


def _fit(wanted: str, taken: Container[str]) -> str:
    """Return the name of a host or a file as a valid name for a router of a lab (`lab_model.NAME`)."""
    name = _UNFIT.sub("-", wanted).strip("-_.")[:_LONGEST_NAME] or "router"
    name = name if name[0].isalpha() else f"R{name}"[:_LONGEST_NAME]
    free = (name, *(f"{name[: _LONGEST_NAME - 3]}-{number}" for number in range(2, 100)))
    return next((each for each in free if each not in taken), name)
