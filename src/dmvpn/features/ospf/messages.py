"""Log messages of this feature, each with what it means."""

from __future__ import annotations

from typing import Final, Self

from dmvpn.base.notices import Log


class NotBuilt(Log):
    """OSPF is configured, and this release has none: no neighbors, no routes; its configuration is kept."""

    __slots__ = ()

    @classmethod
    def of(cls, process: int) -> Self:
        """The message for this process."""
        text = f"router ospf {process} is kept in the configuration; this release does not run OSPF"
        return cls("OSPF", 4, "NOT_BUILT", text)


MESSAGES: Final = (NotBuilt,)
