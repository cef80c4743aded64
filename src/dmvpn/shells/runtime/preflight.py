"""What must be so before a router may begin here, asked before it has changed anything.

What comes and goes while a router runs, as a port of another program or an address of the host, is not asked: the
router says what is missing, and tries again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from dmvpn.dataplane.problems import Capability, HostProblem, has, need
from dmvpn.dataplane.tap import open_device

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Without them there is no router; without NET_BIND_SERVICE one without protected tunnels.
_NEEDED: Final = (Capability.NET_ADMIN, Capability.NET_RAW)


def lacking() -> list[str]:
    """Return the capabilities that this process has not, of those without which nothing works."""
    return [capability.name for capability in _NEEDED if not has(capability)]


def refuse_what_cannot_run(configuration: Iterable[str]) -> None:
    """Ask for privileges, and for the tun driver where the lines make an interface by it. Raises HostProblem."""
    missing = lacking()
    if missing:
        what = f"the capability {missing[0]} is" if len(missing) == 1 else f"the capabilities {', '.join(missing)} are"
        raise HostProblem(f"{what} missing", fix=need(*missing))
    if any(line.startswith(("interface Tunnel", "interface Loopback")) for line in configuration):
        os.close(open_device())
