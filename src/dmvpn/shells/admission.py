"""Users that may use a router's sockets: root, the user that runs it, and the group that its operator names.

    admission = Admission.of("netops")     `dmvpn run --group netops`; OWNER_ALONE lets no group in
    admission.share(path, 0o660)           for sockets, and the folders on the way to them
    admission.admits(connected)            when a client has connected

The file system checks first, by owner, group and mode; the credentials of the caller are checked again, since modes can
be changed. A member of the group is at privilege 15, as the owner is, but has no other file of the router.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.shells.lab.syscalls import peer_credentials, peer_groups

if TYPE_CHECKING:
    import socket
    from pathlib import Path

#: As a number it means "leave the group as it is" to chown(2).
_NO_GROUP: Final = 2**32 - 1


class Admission(Value):
    """group: the number of the group whose members are admitted; None: only the owner and root."""

    group: int | None = None

    @classmethod
    def of(cls, name: str) -> Admission:
        """Return the admission of a group, by name or number. Raises UserError."""
        import grp  # late: not every platform that holds a simulated lab has groups

        try:
            group = int(name) if name.isascii() and name.isdecimal() else grp.getgrnam(name).gr_gid
        except (KeyError, ValueError) as error:
            raise UserError(f"there is no group {name} on this machine") from error
        if group >= _NO_GROUP:
            raise UserError(f"{name} is not the number of a group: the largest is {_NO_GROUP - 1}")
        return cls(group)

    def share(self, path: Path, mode: int) -> None:
        """Give a socket or a folder to the group, with this mode; nothing without a group. Raises UserError."""
        if self.group is None:
            return
        try:
            os.chown(path, -1, self.group)
            path.chmod(mode)
        except OSError as error:
            raise UserError(
                f"{path} cannot be given to the group {self.group}: {error.strerror}; "
                "a user other than root can only name a group that it belongs to"
            ) from error

    def admits(self, connected: socket.socket) -> bool:
        """Return whether the connected client is admitted.

        A caller in more than 256 groups does not count as a member.
        """
        if is_owner(connected) or self.group is None:
            return is_owner(connected)
        return self.group == peer_credentials(connected).gid or self.group in peer_groups(connected)


def is_owner(connected: socket.socket) -> bool:
    """Return whether the connected client is our own user, or root."""
    return peer_credentials(connected).uid in (0, os.geteuid())


OWNER_ALONE: Final = Admission()
