"""Refusals of the host, worded so that its owner can fix them: one sentence and one remedy."""

from __future__ import annotations

import contextlib
import enum
import os
from pathlib import Path

from dmvpn.base.errors import UserError


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
