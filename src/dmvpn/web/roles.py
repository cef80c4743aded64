"""Roles: what the holder of a token may do, in one table.

    role        level at the routers    resources
    view        1                       all resources that only read
    operate     7                       also orders to a lab, and commands that begin with one of `ORDERS`
    configure   15                      all

Routers star keys and passwords below level 15. Level 7 sees what level 1 sees, unless a line `privilege exec level 7`
of the router says more. `permission` holds which role each resource needs.
"""

from __future__ import annotations

import enum
from typing import Final


class Role(enum.Enum):
    """What the holder of a token may do; its value is the word for it."""

    VIEW = "view"
    OPERATE = "operate"
    CONFIGURE = "configure"

    @property
    def privilege(self) -> int:
        """The privilege level at the routers. Below 15 they hide keys and passwords."""
        return LEVELS[self]

    def includes(self, other: Role) -> bool:
        """Return whether this role may do all that another one may."""
        return LEVELS[self] >= LEVELS[other]


LEVELS: Final = {Role.VIEW: 1, Role.OPERATE: 7, Role.CONFIGURE: 15}
#: Methods that change nothing.
READING: Final = ("GET", "HEAD")
#: First words of the commands of the exec prompt that `operate` may use, though some of them are of level 15.
ORDERS: Final = ("clear", "debug", "ping", "traceroute", "undebug")
