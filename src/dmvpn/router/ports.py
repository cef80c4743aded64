"""Which machine answers which question: the machines behind `base.ports.Ports`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.base.machine import Machine
    from dmvpn.base.ports import (
        Clock,
        Debugging,
        Filters,
        Ike,
        Interfaces,
        Pki,
        Policies,
        Ports,
        Protection,
        Rib,
        Tunnels,
    )


def fill(ports: Ports, machines: Mapping[str, Machine]) -> None:
    """Put the answering machines into `ports`. A router without one of them simply may not ask it."""
    if interface := machines.get("interface"):
        ports.interfaces = cast("Interfaces", interface)
    if tunnel := machines.get("tunnel"):
        ports.tunnels = cast("Tunnels", tunnel)
    if rib := machines.get("rib"):
        ports.rib = cast("Rib", rib)
    if ipsec := machines.get("ipsec"):
        ports.protection = cast("Protection", ipsec)
    if ike := machines.get("ike"):
        ports.ike = cast("Ike", ike)
    if pki := machines.get("pki"):
        ports.pki = cast("Pki", pki)
    if policy := machines.get("policy"):
        ports.policies = cast("Policies", policy)
    if filters := machines.get("filter"):
        ports.filters = cast("Filters", filters)
    if system := machines.get("system"):
        ports.debugging = cast("Debugging", system)
        ports.clock = cast("Clock", system)
