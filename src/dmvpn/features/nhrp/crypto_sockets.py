"""Crypto sockets: for which NBMA addresses a protected tunnel needs IPsec, and when it needs it no more.

A socket (IOS's word) is open as long as anything on the tunnel leads to its address: a configured server or mapping, a
registered client, a peer, in either version of IP. Peers behind one NAT have a socket each, by their ports. Who changes
something about an address says so with `touch`; what became of it is looked at once, when the event has been handled:
an entry that is replaced by another one with the same address must not cost its peer the SAs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.notices import ProtectionWanted
from dmvpn.features.nhrp.connections import ports_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.ports import Protection
    from dmvpn.features.nhrp.shared import Shared
    from dmvpn.features.nhrp.tunnel import Tunnel


class CryptoSockets:
    """The sockets of one overlay. What both overlays of a tunnel have open is in `Shared`."""

    def __init__(self, shared: Shared, version: int) -> None:
        self._shared = shared
        self._version = version
        self._touched: dict[tuple[str, IPAddress], None] = {}

    def touch(self, tunnel: Tunnel, *nbmas: IPAddress | None) -> None:
        """Something that leads to these addresses came or went."""
        if tunnel.protected:
            for nbma in nbmas:
                if nbma is not None:
                    self._touched[tunnel.name, nbma] = None

    def touch_all(self, tunnel: Tunnel) -> None:
        """The tunnel came up, went down, or is configured differently."""
        known = dict.fromkeys(self._shared.sockets_of(tunnel.name))
        if tunnel.protected:
            known |= dict.fromkeys([*tunnel.cache.nbmas(), *tunnel.config.multicast, *_servers(tunnel)])
        self._touched.update(dict.fromkeys((tunnel.name, nbma) for nbma in known))

    def settle(self, tunnels: Mapping[str, Tunnel], protection: Protection) -> list[ProtectionWanted]:
        """What is to be protected from now on, and what no more. Of one address it is said in this order."""
        if not self._touched:
            return []
        touched, self._touched = self._touched, {}
        changes: list[ProtectionWanted] = []
        for name, nbma in touched:
            tunnel = tunnels.get(name)
            ports = _needed(tunnel, nbma, protection) if tunnel is not None else ()
            opened, closed = self._shared.set_sockets(name, nbma, self._version, ports)
            changes += [ProtectionWanted(name, nbma, wanted=True, remote_port=port) for port in opened]
            changes += [ProtectionWanted(name, nbma, wanted=False, remote_port=port) for port in closed]
        return changes


def _needed(tunnel: Tunnel, nbma: IPAddress, protection: Protection) -> tuple[int, ...]:
    """By which UDP ports an address is needed; 0: by any."""
    if not tunnel.protected or not tunnel.running or nbma == tunnel.nbma:
        return ()
    ports = ports_of(protection, tunnel, nbma)
    configured = nbma in tunnel.config.multicast or nbma in _servers(tunnel)
    return (0, *(port for port in ports if port)) if configured else ports


def _servers(tunnel: Tunnel) -> list[IPAddress]:
    """Of a `dynamic` server there is no entry before it has answered."""
    return [client.nbma for client in tunnel.clients.values() if client.nbma is not None]
