"""A private folder of this user, where neither root's folder nor a runtime directory is available: in /tmp, named by
user.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

_MAP = "/proc/self/uid_map"


def folder() -> Path:
    """Return the folder; it may not exist, or belong to another user.

    In a user namespace (a lab of an ordinary user) every user is root: the number is the one outside. With the number
    inside, all of them would share a folder with root, and root would then find that it belongs to another user.
    """
    import tempfile  # both take time, and most users have a runtime directory
    from pathlib import Path

    return Path(tempfile.gettempdir()) / f"dmvpn-{_outside(os.getuid())}"


def is_root_outside() -> bool:
    """Return whether we are root of the machine, and not only of a user namespace."""
    return os.getuid() == 0 == _outside(0)


def _outside(user: int) -> int:
    try:
        with open(_MAP) as table:
            rows = [tuple(map(int, line.split())) for line in table]
    except (OSError, ValueError):
        return user
    for first, outside, count in rows:
        if first <= user < first + count:
            return outside + user - first
    return user
