"""Kernel settings below /proc/sys, of the network namespace of the calling thread: set, remembered, put back.

A host lends us its settings: the value found first is kept and written back at the end, or by a later process from
the record (`dmvpn cleanup`). In containers /proc/sys is often read-only: that is reported, not raised, because the
important settings of interfaces and neighbour tables can be made by netlink (`netlink.InetConf`,
`netlink.NeighbourParameters`), and a router works, less politely, without the others.

Names are paths, "net/ipv4/conf/eth0.100/rp_filter": interface names may contain dots.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT = Path("/proc/sys")


@dataclass(frozen=True, slots=True)
class Setting:
    """What became of one setting. found: its value before, None if unreadable. problem: why it is not as wanted."""

    path: str
    wanted: str
    found: str | None
    problem: str | None = None

    def __str__(self) -> str:
        return f"{self.path} = {self.wanted}" + (f": {self.problem}" if self.problem else "")


class Sysctls:
    """Settings changed by us. `record` is what to restore: the first value found of everything we changed."""

    def __init__(self, record: Mapping[str, str] | None = None) -> None:
        """record: of an earlier process that did not restore."""
        self._record: dict[str, str] = dict(record or {})

    @property
    def record(self) -> dict[str, str]:
        """Paths and their values before we touched them."""
        return dict(self._record)

    def set(self, path: str, value: str | int) -> Setting:
        """Write one setting, unless it has this value already. Never raises for what the system refuses."""
        wanted = str(value)
        found = read(path)
        if found == wanted:
            return Setting(path, wanted, found)
        problem = _write(path, wanted)
        if problem is None and found is not None:
            self._record.setdefault(path, found)
        return Setting(path, wanted, found, problem)

    def set_all(self, values: Mapping[str, str | int]) -> list[Setting]:
        """Write several settings in order; returns those that are not as wanted."""
        settings = [self.set(path, value) for path, value in values.items()]
        return [setting for setting in settings if setting.problem is not None]

    def restore(self) -> list[Setting]:
        """Write everything back, last change first; returns what failed. Gone interfaces need nothing."""
        failed = []
        for path, value in reversed(self._record.items()):
            problem = _write(path, value) if (_ROOT / path).exists() else None
            if problem is not None:
                failed.append(Setting(path, value, read(path), problem))
        self._record.clear()
        return failed


def read(path: str) -> str | None:
    """The value of a setting, or None if there is no such or it cannot be read."""
    with contextlib.suppress(OSError):
        return (_ROOT / path).read_text().strip()
    return None


def writable() -> bool:
    """Whether /proc/sys can be written here at all: False in most containers."""
    path = "net/ipv4/ip_forward"
    value = read(path)
    return value is not None and _write(path, value) is None


def _write(path: str, value: str) -> str | None:
    try:
        (_ROOT / path).write_text(value)
    except OSError as error:
        return error.strerror or str(error)
    return None
