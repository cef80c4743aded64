"""Operator commands to BGP."""

from __future__ import annotations

import enum

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.events import Event
from dmvpn.base.values import Value
from dmvpn.features.bgp.model import IPV4_KEY
from dmvpn.features.bgp.neighbor import Neighbor, Peer


class ClearDampening(Event, Value):
    """`clear ip bgp dampening`. prefix: clear only routes to it; None: all routes. family: its key."""

    prefix: Prefix | None = None
    vrf: str = ""
    family: bytes = IPV4_KEY


class Softness(enum.Enum):
    """How much of a session `clear ip bgp` ends."""

    HARD = "hard"
    SOFT = "soft"
    SOFT_IN = "soft in"
    SOFT_OUT = "soft out"


class ClearBgp(Event, Value):
    """`clear ip bgp`. neighbor: only this one; None: every neighbor that matches the other fields.

    autonomous_system: neighbors in it; 0: in any. external: only external neighbors. group, update_group: members of
    it; "", 0: of any. family: the key of that in which they are neighbors, None: in any.
    """

    neighbor: IPAddress | None = None
    autonomous_system: int = 0
    softness: Softness = Softness.HARD
    external: bool = False
    group: str = ""
    update_group: int = 0
    vrf: str = ""
    family: bytes | None = IPV4_KEY

    def meant(self, neighbor: Neighbor) -> list[Peer]:
        """Return the families of a neighbor to which the command applies."""
        return [peer for key, peer in neighbor.peers.items() if self.family in (None, key) and self._is_about(peer)]

    def _is_about(self, peer: Peer) -> bool:
        settings = peer.settings
        return (
            self.neighbor in (None, peer.address)
            and self.autonomous_system in (0, settings.remote_as)
            and not (self.external and settings.internal)
            and self.group in ("", settings.lines.group)
            and self.update_group in (0, peer.group.number if peer.group is not None else -1)
        )
