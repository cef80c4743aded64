"""Log messages of VRFs, each with what it means."""

from __future__ import annotations

from typing import Final, Self

from dmvpn.base.notices import Log


class NotSeparated(Log, name="VRF-3-NOT_SEPARATED"):
    """The host has no VRFs, although it was ordered to: nothing in them works. The order is repeated."""

    @classmethod
    def of(cls, names: tuple[str, ...], reason: str) -> Self:
        """Return the message about these VRFs, with what the host says."""
        return cls(f"The host has no VRF {', '.join(names)}: {reason}")


MESSAGES: Final = (NotSeparated,)
