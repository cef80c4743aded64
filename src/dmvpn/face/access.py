"""The answers for a front end that accepts logins over the network: the permitted users, and the free vty lines.

The secrets in an answer are hashes, as a rule; a client of the management socket may read the whole configuration
anyway. The front end checks passwords in its own process, so a login does not delay the router.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.face.messages import Access
from dmvpn.features.system import Login, SystemMachine

if TYPE_CHECKING:
    from collections.abc import Collection

    from dmvpn.features.system import LineConfig, SystemConfig
    from dmvpn.ios import ShowContext

#: The number of vty lines if no `line vty` is configured.
_USUAL_LINES: Final = 50
#: Type 6: only the router that wrote it can read it.
_UNREADABLE: Final = 6


def access(view: ShowContext, location: str, vrf: str = "") -> Access:
    """Return who may log in from this address, in a VRF ("": in the global table)."""
    system = view.machine(SystemMachine)
    config = system.config
    asking = [line for line in _lines(config) if line.login is Login.LOCAL]
    level = next((line.level for line in asking if line.level is not None), 1)
    levels = {user.name: level if user.privilege is None else user.privilege for user in config.users}
    users = tuple(
        (user.name, levels[user.name], user.kind, user.secret)
        for user in config.users
        if user.kind is not None and user.kind != _UNREADABLE
    )
    keys = tuple((name, levels[name], hashed) for name, hashed in config.keys if name in levels)
    refused = system.logins.refuses(location, view.now, vrf)
    if refused or not asking:
        return Access(refused, config.ssh.time_out, config.ssh.tries, scp=config.ssh.scp)
    return Access("", config.ssh.time_out, config.ssh.tries, users, keys, config.ssh.scp)


def free_line(config: SystemConfig, taken: Collection[int]) -> int | None:
    """Return the first free vty line that accepts SSH; None if all are in use."""
    vty = [line for line in config.lines if line.kind == "vty"]
    numbers = (number for line in _lines(config) for number in range(line.first, line.last + 1))
    return next((number for number in (numbers if vty else range(_USUAL_LINES)) if number not in taken), None)


def _lines(config: SystemConfig) -> list[LineConfig]:
    return [line for line in config.lines if line.kind == "vty" and line.ssh]
