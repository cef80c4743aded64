"""Sessions on routers: `dmvpn -r R31 ...`, `dmvpn shell R31`."""

from __future__ import annotations

from dmvpn.face import calling, client
from dmvpn.shells.lab.places import find_router


def run_line(router: str, line: str) -> int:
    """Run one command on a router. Returns the status. Raises UserError."""
    folder, name = find_router(router, lambda name: f"dmvpn -r {name} {line}")
    return calling.run_line(str(folder.management(name)), line)


def run_shell(router: str) -> int:
    """Be at a router's prompt until `exit`. Raises UserError."""
    folder, name = find_router(router, lambda name: f"dmvpn shell {name}")
    return client.shell(folder.management(name))
