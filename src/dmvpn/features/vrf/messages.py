"""Log messages of VRFs, each with what it means."""

from __future__ import annotations

from typing import Final

from dmvpn.base.notices import log_kind, log_messages


@log_kind("VRF-3-NOT_SEPARATED")
def not_separated(names: tuple[str, ...], reason: str) -> str:
    """The host has no VRFs, although it was ordered to: nothing in them works. The order is repeated."""
    return f"The host has no VRF {', '.join(names)}: {reason}"


@log_kind("VRF-4-DEVICE_LOST")
def device_lost(vrf: str, delay: float) -> str:
    """Another program of this machine deleted the VRF device of a VRF. It is made again with its ports and routes.

    Tunnels and sessions in the VRF begin again. If it happens again and again, the device returns at once, and the rest
    at intervals of up to 5 seconds: find the program (`ip monitor link`), and configure it to leave the device alone.
    """
    # delay: seconds until its routes and tunnels are made again.
    when = f", its routes and tunnels in {delay:g} seconds" if delay else ""
    return f"Another program has deleted the device of VRF {vrf}; it is made again{when}"


MESSAGES: Final = log_messages(vars())
