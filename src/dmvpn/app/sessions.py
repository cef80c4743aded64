"""Sessions on routers: `dmvpn -r R31 ...`, `dmvpn shell R31`."""

from __future__ import annotations

import sys

from dmvpn.face import client
from dmvpn.shells.lab.finding import find_router


def run_line(router: str, line: str) -> int:
    """Run one command on a router and print what it answers; 1 if the router refused it. Raises UserError.

    `-` reads commands from standard input, one a line: a whole configuration may be piped in.
    """
    folder, name = find_router(router, lambda name: f"dmvpn -r {name} {line}")
    lines = sys.stdin.read().splitlines() if line == "-" else [line]
    return client.execute(folder.management(name), lines)


def run_shell(router: str) -> int:
    """Be at a router's prompt until `exit`. Raises UserError."""
    folder, name = find_router(router, lambda name: f"dmvpn shell {name}")
    return client.shell(folder.management(name))
