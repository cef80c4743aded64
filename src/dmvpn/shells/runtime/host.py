"""True figures of the machine under a router, for `show version`."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from dmvpn.features.system import HostDescribed


def describe(router: str, storage: Path) -> HostDescribed:
    """Describe this machine to one of its routers. storage: the folder of that router's files."""
    disk = os.statvfs(storage)
    return HostDescribed(
        board=_board(router),
        memory_kb=_figure("/proc/meminfo", "MemTotal"),
        used_kb=_figure("/proc/self/status", "VmRSS"),
        disk_kb=disk.f_blocks * disk.f_frsize // 1024,
    )


def _board(router: str) -> str:
    """Return ten digits that stay the same for this router on this machine.

    They do not reveal the machine's identity.
    """
    machine = _text("/etc/machine-id").strip() or os.uname().nodename
    return hashlib.sha256(f"dmvpn {machine} {router}".encode()).hexdigest()[:10].upper()


def _figure(path: str, name: str) -> int:
    """Return the number behind `NAME:` in a file of /proc; 0 where it is missing."""
    figures = (line.split() for line in _text(path).splitlines() if line.startswith(f"{name}:"))
    return next((int(words[1]) for words in figures if words[1].isdecimal()), 0)


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
