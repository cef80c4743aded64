"""State shared by the parts of the BGP process: configuration, router ID, neighbors, and the context of the current
event.

Only the machine writes `config`. The tables of neighbors and connections change only through methods of `State`.
"""

from __future__ import annotations

from dataclasses import field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.features.bgp.model import BgpConfig

if TYPE_CHECKING:
    from dmvpn.base.context import Context
    from dmvpn.base.ports import Ports
    from dmvpn.features.bgp.neighbor import Peer
    from dmvpn.features.bgp.session import Session


@dataclass(slots=True)
class State:
    """The state of the process.

    router_id: None while no address can serve as router ID.
    peers: the neighbors by address. by_stream: the connections. ended: sessions that ended and are not yet buried.
    guests: how many of the neighbors are dynamic.
    """

    context: Context
    config: BgpConfig = field(default_factory=BgpConfig)
    router_id: IPv4Address | None = None
    peers: dict[IPv4Address, Peer] = field(default_factory=dict)
    by_stream: dict[int, tuple[Peer, Session]] = field(default_factory=dict)
    ended: list[Session] = field(default_factory=list)
    guests: int = 0

    @property
    def ports(self) -> Ports:
        """The router's other features."""
        return self.context.ports

    def traces(self, neighbor: IPv4Address, *flags: str) -> bool:
        """Return whether one of these debugs is on for this neighbor. Ask first: formatting costs time."""
        return any(self.ports.debugging.on(flag, address=neighbor) for flag in flags)

    # -------------------------------------------------------------------------------------------------- neighbors

    def add(self, peer: Peer) -> None:
        """Add a neighbor."""
        self.peers[peer.settings.address] = peer
        self.guests += peer.dynamic

    def forget(self, peer: Peer) -> None:
        """Forget a neighbor and its timers."""
        self.context.retire(*peer.timers)
        if self.peers.pop(peer.settings.address, None) is not None:
            self.guests -= peer.dynamic

    def forget_guest(self, peer: Peer) -> None:
        """Forget a dynamic neighbor without a session, unless it may be restarting."""
        if peer.dynamic and not peer.sessions and not self.context.is_running(peer.timers.restart):
            self.forget(peer)

    def open(self, peer: Peer, session: Session) -> None:
        """Add a connection to a neighbor."""
        peer.sessions.append(session)
        self.by_stream[session.stream] = peer, session

    def close(self, session: Session) -> Peer:
        """Remove a connection that ended, and return its neighbor."""
        peer, _ = self.by_stream.pop(session.stream)
        peer.sessions.remove(session)
        return peer

    # -------------------------------------------------------------------------------------------------- router ID

    def choose_router_id(self, *, again: bool = False) -> None:
        """Choose the router ID: the configured one, or the address of the configured interface. Otherwise keep the
        present one; without one, take the highest loopback address, or else the highest address. again: do not keep the
        present one.
        """
        state = self.ports.interfaces.get(self.config.router_id_of) if self.config.router_id_of else None
        if self.config.router_id is not None:
            self.router_id = self.config.router_id
        elif state is not None and isinstance(state.address, IPv4Address):
            self.router_id = state.address
        elif self.router_id is None or again:
            states = self.ports.interfaces.all()
            for some in ([one for one in states if one.name.startswith("Loopback")], states):
                addresses = [one.address for one in some if isinstance(one.address, IPv4Address)]
                if addresses:
                    self.router_id = max(addresses)
                    return

    def forget_router_id(self) -> None:
        """Forget the router ID, because the process ends."""
        self.router_id = None
