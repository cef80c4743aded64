"""The addresses of a configuration, as a router that runs it has them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered, PlaneAnnounced
from dmvpn.router.router import Router

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.notices import InterfaceState


def main_address(state: InterfaceState) -> tuple[IPAddress, int]:
    """Return the address that people would name, with its prefix length: IPv4's if there is one."""
    return (state.routed(4) or state.routed(6))[0]


@lru_cache(maxsize=1024)
def addresses(configuration: str) -> tuple[InterfaceState, ...]:
    """Return the interfaces of a configuration that have an address, in IOS order."""
    router = Router(SeededEntropy(0))
    router.handle(PlaneAnnounced(ipv6=True), 0.0)
    router.handle(ConfigurationEntered(configuration), 0.0)
    return tuple(state for state in router.ports.interfaces.all() if state.routed(4) or state.routed(6))
