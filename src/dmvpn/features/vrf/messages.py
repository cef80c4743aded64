"""Log messages of VRFs, each with what it means."""

from __future__ import annotations

from typing import Final, Self

from dmvpn.base.notices import Log, log_messages


class NotSeparated(Log, name="VRF-3-NOT_SEPARATED"):
    """The host has no VRFs, although it was ordered to: nothing in them works. The order is repeated."""

    @classmethod
    def of(cls, names: tuple[str, ...], reason: str) -> Self:
        """Return the message about these VRFs, with what the host says."""
        return cls(f"The host has no VRF {', '.join(names)}: {reason}")


class DeviceLost(Log, name="VRF-4-DEVICE_LOST"):
    """Another program of this machine deleted the VRF device of a VRF. It is made again with its ports and routes.

    Tunnels and sessions in the VRF begin again. If it happens again and again, the device returns at once, and the rest
    at intervals of up to 5 seconds: find the program (`ip monitor link`), and configure it to leave the device alone.
    """

    @classmethod
    def of(cls, vrf: str, delay: float) -> Self:
        """Return the message about this VRF; delay: seconds until its routes and tunnels are made again."""
        when = f", its routes and tunnels in {delay:g} seconds" if delay else ""
        return cls(f"Another program has deleted the device of VRF {vrf}; it is made again{when}")


MESSAGES: Final = log_messages(vars())
