"""Rewrites packets by the flows of one public address. RFC 3022, RFC 5508.

    outwards    source = public address and port of the packet's flow, which is made if necessary
    inwards     a reply: destination = the station inside; a packet without flow is left alone

ICMP errors about packets of a flow are rewritten with the quoted packet. Packets must be whole: only a first fragment
has ports. The caller decrements the TTL.

Mappings of a translator: which inside station exchanges packets with which remote, and under which public port.

RFC 4787, RFC 5508. A `NatFlow` is one inside endpoint that has a public port. For a protocol with ports the kind of the
translator decides whether the flow serves all remotes (its mapping does not depend on the destination) or one remote
endpoint, and which remotes may answer. Echoes and protocols without ports always have a flow for each remote; without
ports two inside stations cannot be distinguished, so of two that send GRE to the same remote only the first gets
through, as with Linux, which ignores the tunnel key (nf_conntrack_proto_gre.c is about PPTP alone).
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import field
from ipaddress import IPv4Address
from typing import Literal, NamedTuple, Protocol

from dmvpn.base.entropy import Entropy, below
from dmvpn.base.translation import SHARE
from dmvpn.base.values import Mutable, Value
from dmvpn.net import translate
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.net.translate import Side

# ------------------------------------------------------------------------------------------------ the translator


#: UDP behavior of a translator, RFC 4787: the same public port for all remotes, and any remote may answer (cone); the
#: same port, but only a receiver may answer (port-restricted); another port for each destination (symmetric).
#: GRE has no ports: there every kind has one flow for each pair of addresses.
NatKind = Literal["cone", "port-restricted", "symmetric"]
#: Seconds that an unanswered flow lives, as Linux has it for UDP, GRE and ICMP.
UNANSWERED = 30.0
#: Pairs of a flow and a remote of one translator. Beyond that, and beyond a station's share, new ones are refused, as
#: with a full table; pairs that strangers begin have a share of their own. Seconds between two searches for old ones.
LARGEST_TABLE = 16_384
_PAUSE = 1.0

_PORTED = (IpProtocol.UDP, IpProtocol.TCP)
_WITH_NUMBER = (*_PORTED, IpProtocol.ICMP)


class Endpoint(NamedTuple):
    """An address, and a port (of an echo its identifier; 0 where the protocol has none)."""

    address: IPv4Address
    port: int


class PublicPorts(NamedTuple):
    """The public ports that an inside endpoint may get. own: its own port is one of them."""

    first: int
    size: int
    own: bool


class Published(Protocol):
    """Which stations inside a public address belongs to, in whole or by ports: their flows begin outside, too."""

    def station(self, protocol: int, port: int) -> tuple[Endpoint, str] | None:
        """Return the endpoint that a packet to this public port is for, and its VRF."""

    def port(self, protocol: int, inside: Endpoint, vrf: str) -> int | None:
        """Return the public port of an endpoint, or None if no static rule gives it one."""

    def keeps(self, protocol: int, port: int) -> bool:
        """Return whether no other endpoint may have this public port."""


class OneStation(Value):
    """A station that has the whole address: one to one."""

    address: IPv4Address
    vrf: str = ""

    def station(self, protocol: int, port: int) -> tuple[Endpoint, str]:
        """Return the station with the same port."""
        return Endpoint(self.address, port), self.vrf

    def port(self, protocol: int, inside: Endpoint, vrf: str) -> int | None:
        """Return the same port."""
        return inside.port if (inside.address, vrf) == (self.address, self.vrf) else None

    def keeps(self, protocol: int, port: int) -> bool:
        """Return False: flows of other stations go on beside its own."""
        return False


class Drop(enum.Enum):
    """Why a translator did not let a packet through."""

    UNSOLICITED = "no station inside has a flow to its sender"
    TAKEN = "another station inside has the only flow to that address"
    FULL = "no room for another flow"
    REFUSED = "its protocol has no ports, and the router's own tunnels speak it"
    TOO_FAR = "its hops are used up"
    NOT_ROUTED = "there is no way to its destination"
    MALFORMED = "it cannot be read"


class Remote(Mutable):
    """A station outside.

    answered: packets went both ways.
    expires: seconds.
    from_outside: it began.
    """

    expires: float
    answered: bool = False
    from_outside: bool = False


class NatFlow(Mutable):
    """One mapping.

    scope: the only remote of the flow; None: any.
    remotes: the stations that packets were sent to.
    vrf: of the inside endpoint, "": the global table. Two VRFs may have the same addresses.
    expires: seconds, the latest of all remotes.
    """

    protocol: int
    inside: Endpoint
    port: int
    scope: Endpoint | None
    remotes: dict[Endpoint, Remote] = field(default_factory=dict)
    vrf: str = ""
    expires: float = 0.0

    def lives(self, now: float) -> bool:
        """Return whether a packet went to or came from any remote lately."""
        return self.expires > now

    def speaks_to(self, remote: Endpoint, now: float) -> bool:
        """Return whether a packet went to or came from this remote lately."""
        known = self.remotes.get(remote)
        return known is not None and known.expires > now


class FlowTable:
    """The mappings of one translator. They change only when a packet passes; expired ones are removed on the way."""

    def __init__(
        self,
        kind: NatKind,
        timeout: float,
        entropy: Entropy,
        ports: Callable[[Endpoint], PublicPorts] | None = None,
        published: Published | None = None,
    ) -> None:
        """timeout: seconds after the last packet of a flow that was answered. ports: by default those of Linux."""
        self.kind = kind
        self.timeout = timeout
        self.published = published
        #: Flows made so far.
        self.made = 0
        self._entropy = entropy
        self._ports = _class_of if ports is None else ports
        self._by_inside: dict[tuple[int, Endpoint, Endpoint | None, str], NatFlow] = {}
        self._by_port: dict[tuple[int, int, Endpoint | None], NatFlow] = {}
        #: Pairs of a flow and a remote: of inside stations with their VRFs, and whether strangers began them.
        self._shares: Counter[tuple[IPv4Address, str, bool]] = Counter()
        self._size = 0
        self._searched = -_PAUSE

    def outbound(
        self,
        protocol: int,
        inside: Endpoint,
        remote: Endpoint,
        now: float,
        vrf: str = "",
        *,
        from_outside: bool = False,
    ) -> NatFlow | Drop:
        """Return the flow of a packet from inside; it is made if necessary. vrf: of the inside endpoint.

        from_outside: the packet goes the other way, to a published station.
        """
        scope = self._scope(protocol, remote)
        flow = self._by_inside.get((protocol, inside, scope, vrf))
        if flow is not None and not flow.lives(now):
            self._forget(flow)
            flow = None
        if (flow is None or remote not in flow.remotes) and self._is_full((inside.address, vrf, from_outside), now):
            return Drop.FULL
        if flow is None:
            made = self._make(protocol, inside, scope, now, vrf)
            if isinstance(made, Drop):
                return made
            flow = made
        self._note(flow, remote, now, from_outside=from_outside)
        return flow

    def inbound(
        self, protocol: int, port: int, remote: Endpoint, now: float, *, is_error: bool = False
    ) -> NatFlow | None:
        """Return the flow that a packet for our public address belongs to. is_error: it is about a packet to
        `remote`.
        """
        flow = self._by_port.get((protocol, port, self._scope(protocol, remote)))
        if is_error:
            return flow if flow is not None and flow.speaks_to(remote, now) else None
        if flow is None or not flow.lives(now) or (self.kind != "cone" and not flow.speaks_to(remote, now)):
            found = self.published.station(protocol, port) if self.published is not None else None
            if found is None:
                return None
            begun = self.outbound(protocol, found[0], remote, now, found[1], from_outside=True)
            return begun if isinstance(begun, NatFlow) and begun.port == port else None
        if remote not in flow.remotes and self._is_full((flow.inside.address, flow.vrf, True), now):
            return None
        self._note(flow, remote, now, answered=True, from_outside=True)
        return flow

    def living(self, now: float) -> Iterator[NatFlow]:
        """Return all flows, in the order in which they were made."""
        return (flow for flow in self._by_inside.values() if flow.lives(now))

    def remove_flows(self, meant: Callable[[NatFlow], bool]) -> None:
        """Remove these flows."""
        for flow in [flow for flow in self._by_inside.values() if meant(flow)]:
            self._forget(flow)

    def clear(self) -> None:
        """Remove all flows, as a restart does."""
        self._by_inside.clear()
        self._by_port.clear()
        self._shares.clear()
        self._size = 0

    # -------------------------------------------------------------------------------------------- parts

    def _scope(self, protocol: int, remote: Endpoint) -> Endpoint | None:
        return None if protocol in _PORTED and self.kind != "symmetric" else remote

    def _make(self, protocol: int, inside: Endpoint, scope: Endpoint | None, now: float, vrf: str) -> NatFlow | Drop:
        port = self._choose_port(protocol, inside, scope, now, vrf)
        if port is None:
            return Drop.FULL if protocol in _WITH_NUMBER else Drop.TAKEN
        self.made += 1
        flow = NatFlow(protocol, inside, port, scope, vrf=vrf)
        self._by_inside[protocol, inside, scope, vrf] = self._by_port[protocol, port, scope] = flow
        return flow

    def _is_full(self, share: tuple[IPv4Address, str, bool], now: float) -> bool:
        is_full = self._size >= LARGEST_TABLE or self._shares[share] >= SHARE
        if is_full and now >= self._searched + _PAUSE:
            self._searched = now
            for flow in list(self._by_inside.values()):
                for gone in [other for other, state in flow.remotes.items() if state.expires <= now]:
                    self._count(flow, flow.remotes.pop(gone), -1)
                if not flow.remotes:
                    self._forget(flow)
            return self._is_full(share, now)
        return is_full

    def _count(self, flow: NatFlow, remote: Remote, by: int) -> None:
        share = flow.inside.address, flow.vrf, remote.from_outside
        self._size += by
        self._shares[share] += by
        if not self._shares[share]:
            del self._shares[share]

    def _choose_port(self, protocol: int, inside: Endpoint, scope: Endpoint | None, now: float, vrf: str) -> int | None:
        """Return its own port if that is free, else any of the same class (RFC 4787 §4.2.2).

        A symmetric translator always takes any.
        """
        fixed = self.published.port(protocol, inside, vrf) if self.published is not None else None
        if fixed is not None and self._is_free(protocol, fixed, scope, now):
            return fixed
        if protocol not in _WITH_NUMBER:
            return 0 if self._is_free(protocol, 0, scope, now) else None
        ported = protocol in _PORTED
        first, count, own = self._ports(inside) if ported else PublicPorts(0, 0x10000, own=True)
        moves = ported and self.kind == "symmetric"
        moves |= self._is_kept(protocol, inside.port)
        if own and not moves and self._is_free(protocol, inside.port, scope, now):
            return inside.port
        start = below(self._entropy, count)
        for step in range(count):
            port = first + (start + step) % count
            if self._is_free(protocol, port, scope, now) and not self._is_kept(protocol, port):
                return port
        return None

    def _is_kept(self, protocol: int, port: int) -> bool:
        return self.published is not None and self.published.keeps(protocol, port)

    def _is_free(self, protocol: int, port: int, scope: Endpoint | None, now: float) -> bool:
        holder = self._by_port.get((protocol, port, scope))
        if holder is not None and not holder.lives(now):
            self._forget(holder)
            holder = None
        return holder is None

    def _note(
        self, flow: NatFlow, remote: Endpoint, now: float, *, answered: bool = False, from_outside: bool = False
    ) -> None:
        known = flow.remotes.get(remote)
        if known is None:
            known = flow.remotes[remote] = Remote(now, from_outside=from_outside)
            self._count(flow, known, 1)
        known.answered = answered or (known.answered and known.expires > now)
        known.expires = now + (self.timeout if known.answered else min(UNANSWERED, self.timeout))
        flow.expires = max(flow.expires, known.expires)

    def _forget(self, flow: NatFlow) -> None:
        del self._by_inside[flow.protocol, flow.inside, flow.scope, flow.vrf]
        del self._by_port[flow.protocol, flow.port, flow.scope]
        for remote in flow.remotes.values():
            self._count(flow, remote, -1)


def _class_of(inside: Endpoint) -> PublicPorts:
    """Return the class of a port: ports below 512 stay there, those below 1024 too (Linux)."""
    if inside.port < 512:
        return PublicPorts(1, 511, own=True)
    return PublicPorts(600, 424, own=True) if inside.port < 1024 else PublicPorts(1024, 0x10000 - 1024, own=True)


class Translator:
    """One public address and its flows."""

    def __init__(self, public: IPv4Address, flows: FlowTable) -> None:
        self.public = public
        self.flows = flows

    def outwards(self, data: bytearray, now: float, vrf: str = "") -> Drop | None:
        """Rewrite a packet from inside in place; or return why it is dropped. vrf: that it came from."""
        quoted = translate.quoted(data)
        if quoted is not None:  # an error about a packet from outside: the translation of that packet is reverted
            about = bytearray(quoted)
            inside = Endpoint(translate.address(about, Side.DESTINATION), translate.port(about, Side.DESTINATION))
            found = self._flow_of(about[9], inside, remote_of(about, Side.SOURCE), now, vrf)
            if found is None:
                return Drop.UNSOLICITED
            translate.rewrite(about, Side.DESTINATION, self.public, found.port)
            translate.replace_quoted(data, bytes(about))
            translate.rewrite(data, Side.SOURCE, self.public, 0)
            return None
        flow = self.flows.outbound(data[9], sender_of(data), remote_of(data, Side.DESTINATION), now, vrf)
        if isinstance(flow, Drop):
            return flow
        translate.rewrite(data, Side.SOURCE, self.public, flow.port)
        return None

    def inwards(self, data: bytearray, now: float) -> NatFlow | None:
        """Rewrite a reply in place, and return its flow; None: no flow, and it is unchanged."""
        quoted = translate.quoted(data)
        if quoted is not None:  # an error about a packet of a flow, of the remote or of a router on the way
            about = bytearray(quoted)
            remote = remote_of(about, Side.DESTINATION)
            flow = self.flows.inbound(about[9], translate.port(about, Side.SOURCE), remote, now, is_error=True)
            if flow is None or translate.address(about, Side.SOURCE) != self.public:
                return None
            translate.rewrite(about, Side.SOURCE, *flow.inside)
            translate.replace_quoted(data, bytes(about))
            translate.rewrite(data, Side.DESTINATION, flow.inside.address, 0)
            return flow
        remote = remote_of(data, Side.SOURCE)
        flow = self.flows.inbound(data[9], translate.port(data, Side.DESTINATION), remote, now)
        if flow is not None:
            translate.rewrite(data, Side.DESTINATION, *flow.inside)
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
