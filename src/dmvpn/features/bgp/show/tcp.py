"""The connections of BGP, for `show tcp brief`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.streams import StreamLine, TcpState
from dmvpn.features.bgp.neighbor import PORT
from dmvpn.features.bgp.show.common import active

if TYPE_CHECKING:
    from dmvpn.ios import ShowContext


def connections(ctx: ShowContext) -> list[StreamLine]:
    """Return the connections to neighbors, open or being opened, and the listening port if BGP runs."""
    machine = active(ctx)
    if machine is None:
        return []
    lines = []
    for peer in machine.peers.values():
        for session in peer.sessions:
            up = session.up
            if up is None:
                local = UNSPECIFIED
                lines.append(StreamLine(session.stream, local, 0, peer.address, PORT, TcpState.CALLS))
            else:
                lines.append(
                    StreamLine(session.stream, up.local, up.local_port, up.remote, up.remote_port, TcpState.ESTABLISHED)
                )
    return [*lines, StreamLine(0, UNSPECIFIED, PORT, UNSPECIFIED, 0, TcpState.LISTENS)]
