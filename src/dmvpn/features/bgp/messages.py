"""Log messages of this feature, each with what it means."""

from __future__ import annotations

from typing import Final, Self

from dmvpn.base.notices import Log


class NotBuilt(Log):
    """BGP is configured, and this release has none: no neighbors, no routes; its configuration is kept."""

    __slots__ = ()

    @classmethod
    def of(cls, local_as: int) -> Self:
        """The message for this autonomous system."""
        text = f"router bgp {local_as} is kept in the configuration; this release does not run BGP"
        return cls("BGP", 4, "NOT_BUILT", text)


MESSAGES: Final = (NotBuilt,)
