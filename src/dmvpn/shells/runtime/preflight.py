"""Requirements for starting a router here, checked before it has changed anything.

Conditions that may change while a router runs, such as a port of another program or an address of the host, are not
checked: the router reports them, and tries again.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from dmvpn.dataplane.problems import Capability, HostProblem, has, need
from dmvpn.dataplane.tap import open_device
from dmvpn.dataplane.userspace.vrf_devices import are_missing, problem_of_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: Required by every router; without NET_BIND_SERVICE there are no protected tunnels.
_NEEDED: Final = (Capability.NET_ADMIN, Capability.NET_RAW)
#: Lines that put an interface, or what a tunnel sends, into a VRF.
_IN_VRF: Final = re.compile(r" (?:ip )?vrf forwarding (?P<vrf>\S+)| tunnel vrf (?P<front>\S+)")


def lacking() -> list[str]:
    """Return the required capabilities that this process does not have."""
    return [capability.name for capability in _NEEDED if not has(capability)]


def refuse_what_cannot_run(configuration: Iterable[str]) -> None:
    """Check VRFs, privileges, and the tun driver if the lines make an interface by it. Raises HostProblem."""
    configuration = list(configuration)
    for problem in problems_of_vrfs(configuration):
        raise problem
    missing = lacking()
    if missing:
        what = f"the capability {missing[0]} is" if len(missing) == 1 else f"the capabilities {', '.join(missing)} are"
        raise HostProblem(f"{what} missing", fix=need(*missing))
    if any(line.startswith(("interface Tunnel", "interface Loopback")) for line in configuration):
        os.close(open_device())


def problems_of_vrfs(configuration: Iterable[str], missing: Callable[[], bool] = are_missing) -> list[HostProblem]:
    """Return problems of the VRFs in use. missing: returns whether the kernel has no VRF devices."""
    uses = [match["vrf"] or match["front"] for line in configuration if (match := _IN_VRF.match(line)) is not None]
    names = list(dict.fromkeys(uses))
    if not names or not missing():
        return [problem for name in names if (problem := problem_of_name(name)) is not None]
    what = f"VRF {names[0]} is" if len(names) == 1 else f"the VRFs {', '.join(names)} are"
    return [
        HostProblem(
            f"{what} in use, and the kernel of this host has no VRF devices",
            fix="modprobe vrf, or a kernel with CONFIG_NET_VRF; in 'dmvpn lab up' each VRF is a network namespace",
        )
    ]
