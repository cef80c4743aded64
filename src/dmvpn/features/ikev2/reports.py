"""What people are told: failed negotiations in the log, seldom; messages in the chronicle; all else to debugs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.notices import DebugOutput, Notice
from dmvpn.features.ikev2 import debugs, messages
from dmvpn.features.ikev2.limits import Limiter
from dmvpn.features.ikev2.sa import SaAct, Transmit, Trouble, TurnedAway
from dmvpn.features.ikev2.told import told_of

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.ports import Ports
    from dmvpn.base.reasons import Reason
    from dmvpn.features.ikev2.sa import Act
    from dmvpn.features.ikev2.terms import Endpoint, Path

#: Seconds between two equal lines about one peer, and how many lines there are in that time about all of them.
_INTERVAL: Final = 60.0
_BURST: Final = 64


class Reports:
    """Lines for the log and for debugs."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._failures: Limiter[tuple[IPAddress, str]] = Limiter(_INTERVAL, _BURST)

    def failed(self, peer: Endpoint, why: Reason, now: float) -> list[Notice]:
        """A negotiation came to nothing."""
        if not self._failures.permits((peer.address, str(why)), now):
            return []
        return [messages.NegotiationAborted.of(peer, why)]

    def packet(self, octets: bytes, path: Path, *, sent: bool) -> list[Notice]:
        """A message came or goes."""
        told: list[Notice] = told_of(octets, path, sent=sent) if self._ports.remembers else []
        if self._on(debugs.PACKET, path.remote.address):
            told.append(DebugOutput(tuple(debugs.packet(octets, path, sent=sent))))
        return told

    def act(self, act: Act) -> list[Notice]:
        """Something happened to an IKE SA."""
        if isinstance(act, Transmit):
            return []
        if isinstance(act, TurnedAway):
            if not self._on(debugs.ERROR, act.path.remote.address):
                return []
            return [DebugOutput((f"IKEv2:{act.path.remote}: {act.why}",))]
        flags = (debugs.IKEV2, debugs.ISAKMP, *((debugs.ERROR,) if isinstance(act, Trouble) else (debugs.INTERNAL,)))
        if not isinstance(act, SaAct) or not any(self._on(flag, act.sa.path.remote.address) for flag in flags):
            return []
        lines = debugs.happened(act)
        return [DebugOutput(tuple(lines))] if lines else []

    def _on(self, flag: str, nbma: IPAddress) -> bool:
        return self._ports.debugging.on(flag, nbma)
