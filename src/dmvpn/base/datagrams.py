"""UDP ports at which a router listens, as `show udp` and `show ip sockets` have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress


@dataclass(frozen=True, slots=True)
class UdpPort:
    """A port. local: None: at all addresses. interface: the only one on which it receives, "" for all.

    multicast: it receives from a group.
    """

    port: int
    local: IPAddress | None = None
    interface: str = ""
    multicast: bool = False
