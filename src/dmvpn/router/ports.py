"""Who answers which question: the machines behind `base.ports.Ports`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.base.ports import Clock, Debugging, Interfaces, Machine, Ports, Rib, Tunnels


def fill(ports: Ports, machines: Mapping[str, Machine]) -> None:
    """Put the answering machines into `ports`. A router without one of them simply may not ask it."""
    if interface := machines.get("interface"):
        ports.interfaces = cast("Interfaces", interface)
    if tunnel := machines.get("tunnel"):
        ports.tunnels = cast("Tunnels", tunnel)
    if rib := machines.get("rib"):
        ports.rib = cast("Rib", rib)
    if system := machines.get("system"):
        ports.debugging = cast("Debugging", system)
        ports.clock = cast("Clock", system)
