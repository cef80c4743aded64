"""What the host has for a data plane: kernel settings below /proc/sys, and refusals worded so that its owner can fix
them.

The settings are those of the network namespace of the calling thread. They belong to the host: `userspace/cleanup.py`
stores their former values, and restores them. In containers /proc/sys is often read-only: that is reported, not raised,
because the important settings of interfaces and neighbor tables can be made by netlink (`netlink.InetConf`,
`netlink.NeighborParameters`), and a router works, with drawbacks, without the rest.

Names are paths, "net/ipv4/conf/eth0.100/rp_filter": interface names may contain dots.

A refusal (`HostProblem`) is one sentence and one remedy.
"""

from __future__ import annotations

import contextlib
import enum
import os
from collections.abc import Mapping
from pathlib import Path

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value

# ------------------------------------------------------------------------------------------------ settings


_ROOT = "/proc/sys/"


class Setting(Value):
    """The result for one setting.

    found: its value before, None if unreadable.
    problem: why it does not have the wanted value.
    """

    path: str
    wanted: str
    found: str | None
    problem: str | None = None

    def __str__(self) -> str:
        return f"{self.path} = {self.wanted}" + (f": {self.problem}" if self.problem else "")


def put(path: str, value: str | int) -> Setting:
    """Write one setting, unless it has this value already. Never raises for a refusal of the system."""
    wanted, found = str(value), read(path)
    return Setting(path, wanted, found, None if found == wanted else write(path, wanted))


def put_all(values: Mapping[str, str | int]) -> list[Setting]:
    """Write several settings in order; returns the ones without the wanted value."""
    return [setting for setting in (put(path, value) for path, value in values.items()) if setting.problem is not None]


def read(path: str) -> str | None:
    """Return the value of a setting, or None if it does not exist or cannot be read."""
    with contextlib.suppress(OSError), open(_ROOT + path, "rb") as setting:
        return setting.read().decode().strip()
    return None


def dotted(path: str) -> str:
    """Return a path as sysctl(8) writes it: net.ipv4.conf.eth0/100.rp_filter."""
    return path.replace(".", "%").replace("/", ".").replace("%", "/")


def writable() -> bool:
    """Return whether /proc/sys can be written here at all: False in most containers."""
    path = "net/ipv4/ip_forward"
    value = read(path)
    return value is not None and write(path, value) is None


def write(path: str, value: str) -> str | None:
    """Write a setting; returns the reason of a failure, or None."""
    try:
        with open(_ROOT + path, "wb") as setting:
            setting.write(value.encode())
    except OSError as error:
        return error.strerror or str(error)
    return None


# ------------------------------------------------------------------------------------------------ refusals


class HostProblem(UserError):
    """This machine refuses something that we need.

    what: the refused action and its place.
    fix: one command, or one thing to do.
    """

    def __init__(self, what: str, *, fix: str) -> None:
        super().__init__(f"{what} (try: {fix})")
        self.what = what
        self.fix = fix


def in_container() -> bool:
    """Return whether docker or podman made this environment: many remedies are options of theirs."""
    return Path("/.dockerenv").exists() or Path("/run/.containerenv").exists()


class Capability(enum.IntEnum):
    """Capabilities that we need, by their numbers, capabilities(7)."""

    NET_BIND_SERVICE = 10
    NET_ADMIN = 12
    NET_RAW = 13
    SYS_ADMIN = 21


def has(capability: Capability) -> bool:
    """Return whether this process has a capability in effect; without /proc, whether it is root."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> capability & 1)
    return os.geteuid() == 0


def need(*capabilities: str) -> str:
    """Return how to get capabilities here: by an option of the container, as root, or in a lab's user namespace."""
    if in_container():
        return "start the container with " + " ".join(f"--cap-add {capability}" for capability in capabilities)
    return "run it with sudo, or in a lab: dmvpn lab up"
