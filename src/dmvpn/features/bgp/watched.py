"""Sessions watched by BFD (`fall-over bfd`), for neighbors on a connected network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.liveness import Client, PathLost, WatchWanted, Witness
from dmvpn.features.bgp.packet import Cease
from dmvpn.features.bgp.session import cease

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.ports import Ports
    from dmvpn.features.bgp.neighbor import Peer
    from dmvpn.features.bgp.session import Session

#: There is only one process.
_PROCESS = 0


def watch(ports: Ports, peer: Peer, session: Session, *, wanted: bool) -> list[WatchWanted]:
    """Start or stop watching a peer; nothing for a peer that is not on a connected network."""
    state = ports.interfaces.owner(session.up.local) if session.up is not None else None
    prefix = state.prefix if state is not None else None
    if state is None or prefix is None or peer.address not in prefix:
        return []
    return [WatchWanted(Client.BGP, _PROCESS, state.name, peer.address, wanted)]


def path_lost(lost: PathLost, peers: Iterable[Peer]) -> None:
    """End the session with an unreachable peer without waiting for the hold time. RFC 9384."""
    why = "BFD adjacency down" if lost.witness is Witness.BFD else "Next hop server does not answer"
    for peer in peers:
        if peer.address == lost.address and peer.session is not None and lost.concerns(Client.BGP, _PROCESS):
            peer.session.notify(cease(Cease.BFD_DOWN), why)
