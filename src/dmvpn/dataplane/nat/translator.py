"""Rewrites packets by the flows of one public address. RFC 3022, RFC 5508.

    outwards    source = public address and port of the packet's flow, which is made if necessary
    inwards     a reply: destination = the station inside; a packet without flow is left alone

ICMP errors about packets of a flow are rewritten with the quoted packet. Packets must be whole: only a first fragment
has ports. The caller decrements the TTL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.dataplane.translator import Drop, Endpoint, FlowTable, NatFlow
from dmvpn.net import translate
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.net.translate import Side

if TYPE_CHECKING:
    from ipaddress import IPv4Address


class Translator:
    """One public address and its flows."""

    def __init__(self, public: IPv4Address, flows: FlowTable) -> None:
        self.public = public
        self.flows = flows

    def outwards(self, data: bytearray, now: float, vrf: str = "") -> Drop | None:
        """Rewrite a packet from inside in place; or return why it is dropped. vrf: that it came from."""
        quoted = translate.quoted(data)
        if quoted is not None:
            return self._error_outwards(data, bytearray(quoted), now, vrf)
        flow = self.flows.outbound(data[9], sender_of(data), remote_of(data, Side.DESTINATION), now, vrf)
        if isinstance(flow, Drop):
            return flow
        translate.rewrite(data, Side.SOURCE, self.public, flow.port)
        return None

    def inwards(self, data: bytearray, now: float) -> NatFlow | None:
        """Rewrite a reply in place, and return its flow; None: it has none, and is unchanged."""
        quoted = translate.quoted(data)
        if quoted is not None:
            return self._error_inwards(data, bytearray(quoted), now)
        remote = remote_of(data, Side.SOURCE)
        flow = self.flows.inbound(data[9], translate.port(data, Side.DESTINATION), remote, now)
        if flow is not None:
            translate.rewrite(data, Side.DESTINATION, *flow.inside)
        return flow

    def _error_outwards(self, data: bytearray, quoted: bytearray, now: float, vrf: str) -> Drop | None:
        """Translate an error from inside about a packet from outside: revert the translation of the quoted packet."""
        inside = Endpoint(translate.address(quoted, Side.DESTINATION), translate.port(quoted, Side.DESTINATION))
        flow = self._flow_of(quoted[9], inside, remote_of(quoted, Side.SOURCE), now, vrf)
        if flow is None:
            return Drop.UNSOLICITED
        translate.rewrite(quoted, Side.DESTINATION, self.public, flow.port)
        translate.replace_quoted(data, bytes(quoted))
        translate.rewrite(data, Side.SOURCE, self.public, 0)
        return None

    def _error_inwards(self, data: bytearray, quoted: bytearray, now: float) -> NatFlow | None:
        """Translate an error from outside, of the remote or a router on the way, about a packet of a flow."""
        remote = remote_of(quoted, Side.DESTINATION)
        flow = self.flows.inbound(quoted[9], translate.port(quoted, Side.SOURCE), remote, now, is_error=True)
        if flow is None or translate.address(quoted, Side.SOURCE) != self.public:
            return None
        translate.rewrite(quoted, Side.SOURCE, *flow.inside)
        translate.replace_quoted(data, bytes(quoted))
        translate.rewrite(data, Side.DESTINATION, flow.inside.address, 0)
        return flow

    def _flow_of(self, protocol: int, inside: Endpoint, remote: Endpoint, now: float, vrf: str) -> NatFlow | None:
        for flow in self.flows.living(now):
            if (flow.protocol, flow.inside, flow.vrf) == (protocol, inside, vrf) and flow.speaks_to(remote, now):
                return flow
        return None


def sender_of(data: bytearray) -> Endpoint:
    """Return the source endpoint of a packet."""
    return Endpoint(translate.address(data, Side.SOURCE), translate.port(data, Side.SOURCE))


def remote_of(data: bytearray, side: Side) -> Endpoint:
    """Return the outside endpoint. An echo has one identifier, which belongs to the station that sent the request."""
    port = 0 if data[9] == IpProtocol.ICMP else translate.port(data, side)
    return Endpoint(translate.address(data, side), port)
