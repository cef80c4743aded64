"""Resolution Replies that wait for a direct way to their requester, NHRP over IPsec.

On a protected tunnel there may be none yet: IKE begins when the request comes. The reply waits for its end, but not for
long; then it goes back as its request came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.features.nhrp.station import Timer, TimerKind

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.nhrp.neighbor import Neighbor
    from dmvpn.features.nhrp.packet import ResolutionReply, ResolutionRequest
    from dmvpn.features.nhrp.station import Station
    from dmvpn.features.nhrp.tunnel import Tunnel

#: Seconds for which a reply waits, and how many may.
DIRECT_WITHIN = 1.0
LARGEST_WAITING = 256


@dataclass(frozen=True, slots=True)
class _Waiting:
    """requester: whom packets are to be protected to. sender: from whom the request came."""

    tunnel: str
    requester: Neighbor
    sender: Neighbor
    reply: ResolutionReply


class WaitingReplies:
    """See the module's docstring."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._waiting: dict[int, _Waiting] = {}
        self._serial = 0

    def add(self, tunnel: Tunnel, reply: ResolutionReply, *, requester: Neighbor, sender: Neighbor) -> None:
        """Nothing protects packets to the requester yet: wait, if anybody has asked IKE for that."""
        is_wanted = any(True for _ in tunnel.cache.at(requester.nbma))
        if not is_wanted or len(self._waiting) >= LARGEST_WAITING:
            self._station.send(tunnel, sender, reply)
            return
        self._serial += 1
        self._waiting[self._serial] = _Waiting(tunnel.name, requester, sender, reply)
        self._station.deadlines.set(self._timer(tunnel.name, self._serial), self._station.now + DIRECT_WITHIN)

    def withdraw(self, tunnel: Tunnel, request: ResolutionRequest) -> None:
        """This request has come again, and is answered now: the answer to the first one need not wait any more."""
        for serial, waiting in list(self._waiting.items()):
            asked = (waiting.tunnel, waiting.reply.source_protocol, waiting.reply.request_id)
            if asked == (tunnel.name, request.source_protocol, request.request_id):
                self._end(serial)

    def protection_changed(self, tunnel: Tunnel, nbma: IPAddress) -> None:
        """A direct way may be there: what waits for it goes."""
        for serial, waiting in list(self._waiting.items()):
            if (waiting.tunnel, waiting.requester.nbma) == (tunnel.name, nbma):
                way = self._station.secured(tunnel, waiting.requester)
                if way is not None:
                    self._station.send(tunnel, way, self._end(serial).reply)

    def due(self, timer: Timer) -> None:
        """One has waited long enough. Its tunnel may be gone by now."""
        if not isinstance(timer.subject, int) or timer.subject not in self._waiting:
            return
        waiting, tunnel = self._end(timer.subject), self._station.tunnels.get(timer.tunnel)
        if tunnel is not None and tunnel.running:
            self._station.send(tunnel, waiting.sender, waiting.reply)

    def _end(self, serial: int) -> _Waiting:
        waiting = self._waiting.pop(serial)
        self._station.deadlines.cancel(self._timer(waiting.tunnel, serial))
        return waiting

    @staticmethod
    def _timer(tunnel: str, serial: int) -> Timer:
        return Timer(TimerKind.REPLY, tunnel, serial)
