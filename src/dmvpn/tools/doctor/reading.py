"""A router's configuration as models, for checks of what no fact says; read once for all checks that ask."""

from __future__ import annotations

from functools import lru_cache

from dmvpn.network.device import Device


@lru_cache(maxsize=64)
def read(name: str, lines: tuple[str, ...]) -> Device:
    """Return the router that its running configuration makes."""
    return Device.read(name, "\n".join([*lines, "end", ""]))
