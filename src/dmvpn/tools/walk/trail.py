"""The record of one packet on its way: steps, wires, clamps and ports, and the end.

A packet in several pieces is one packet here: on each wire, and in each router, a decision is recorded once, when the
first of the pieces gets it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, NoReturn

from dmvpn.base.addresses import IPAddress
from dmvpn.features.interface.facts import InterfaceFacts
from dmvpn.features.ipsec.facts import SaFacts
from dmvpn.net import ip
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.tools.walk import values
from dmvpn.tools.walk.values import Act, Clamp, Crossing, Passage, Place, Refusal, Step, WalkEnd, WalkOutcome

_UNTOLD = "no error is sent"


class Over(Exception):
    """The walk is over: the packet has arrived, goes round, or is out of view."""

    def __init__(self, end: WalkEnd) -> None:
        super().__init__(end.why)
        self.end = end


class Wrap(NamedTuple):
    """The tunnel that a packet is in. router: that encapsulated it; sa: None: GRE in clear.

    largest: the largest packet inside, in octets, that the router takes once it has heard of a path MTU.
    """

    router: str
    key: int | None
    sa: SaFacts | None
    largest: Callable[[int], int]


class Trail:
    """The record since `begin`, and the place of the packet.

    where: the node; data: the present octets.
    wraps: the tunnels that it is in, the innermost first.
    said: how often this piece got a decision of a kind here; cut: the port that cuts it, and that count before.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget all."""
        self.steps: list[Step] = []
        self.crossings: list[Crossing] = []
        self.clamps: list[Clamp] = []
        self.passages: list[Passage] = []
        self.where = ""
        self.data = b""
        self.wraps: tuple[Wrap, ...] = ()
        self._waiting: Counter[int] = Counter()
        self.said: Counter[tuple[str, str, int]] = Counter()
        self._recorded: Counter[tuple[str, str, int]] = Counter()
        self.cut: tuple[str, Counter[tuple[str, str, int]]] | None = None
        self._crossed = 0
        self._visits: dict[tuple[str, IPAddress, int], int] = {}
        self._lost: tuple[WalkEnd, Step] | None = None

    # ------------------------------------------------------------------------------------------------ pieces

    def next_wire(self) -> None:
        """Record the decisions behind a wire."""
        self._recorded.clear()
        self._crossed = len(self.crossings)

    def enter(self, where: str, data: bytes, wraps: tuple[Wrap, ...]) -> None:
        """Follow a piece that comes to a node."""
        self.where, self.data, self.wraps = where, data, wraps
        self.said.clear()

    def visit(self, destination: IPAddress) -> None:
        """Note that a router forwards a packet to this destination. Raises Over if it has done so before."""
        key = self.where, destination, len(self.wraps)
        since = self._visits.setdefault(key, self._crossed)
        if since == self._crossed:
            return
        way = [self.where, *(crossing.receiver for crossing in self.crossings[since : self._crossed])]
        why = f"it is where it has been: {' > '.join(way)}; so it goes round until its TTL is over"
        self.say(Act.END, why)
        self._over(WalkEnd(outcome=WalkOutcome.LOOP, where=self.where, why=why, ttl=self.packet.ttl))

    def join(self, whole: bytes | None) -> None:
        """Note that a piece completes a packet, or (None) waits for the other pieces."""
        depth = len(self.wraps)
        self._waiting[depth] += 1
        if whole is not None:
            what = f"puts {self._waiting.pop(depth)} pieces together again"
            self.say(Act.OPEN, what, whole, clause="RFC 791 §3.2")

    # ------------------------------------------------------------------------------------------------ steps

    def say(
        self,
        act: Act,
        what: str,
        data: bytes | None = None,
        *,
        octets: int | None = None,
        because: str = "",
        left: int | None = None,
        clause: str = "",
    ) -> None:
        """Record a decision about the packet. octets: of a part of it, None: the whole."""
        self.data = self.data if data is None else data
        if self._lost is None and self._is_first(act.value):
            size = len(self.data) if octets is None else octets
            self.steps.append(self._step(act, what, because=because, octets=size, left=left, clause=clause))

    def _is_first(self, kind: str) -> bool:
        """Return whether no other piece got this decision."""
        key = self.where, kind, len(self.wraps)
        self.said[key] += 1
        if self.said[key] <= self._recorded[key]:
            return False
        self._recorded[key] += 1
        return True

    def _step(
        self, act: Act, what: str, *, octets: int, because: str = "", left: int | None = None, clause: str = ""
    ) -> Step:
        return Step(
            where=self.where,
            act=act,
            what=what,
            because=because,
            depth=len(self.wraps),
            octets=octets,
            left=left,
            clause=clause,
        )

    def clamp(self, interface: InterfaceFacts | None) -> None:
        """Record an interface that clamps TCP."""
        version = self.packet.destination.version
        mss = None if interface is None or self.wraps else interface.mss if version == 4 else interface.mss6
        if interface is not None and mss is not None and self._is_first("clamp"):
            self.clamps.append(Clamp(where=self.where, interface=interface.name, mss=mss))

    def passes(self, place: Place, data: bytes) -> None:
        """Record a port whose lists are asked."""
        source, destination = ip.peek_addresses(data)
        self.passages.append(Passage(place, source, destination, bool(self.wraps)))

    def cross(self, link: str, receiver: str, data: bytes) -> None:
        """Record a piece on a wire."""
        flow = ip.peek_flow(data)
        port = f" {flow.destination_port}" if flow.protocol == IpProtocol.UDP else ""
        protocol = values.protocol(flow.protocol) + port if self.wraps else "IP"
        for place in range(self._crossed, len(self.crossings)):
            known = self.crossings[place]
            if (known.link, known.sender, known.receiver) == (link, self.where, receiver):
                self.crossings[place] = replace(known, octets=(*known.octets, len(data)))
                return
        self.crossings.append(
            Crossing(
                link=link,
                sender=self.where,
                receiver=receiver,
                source=flow.source,
                destination=flow.destination,
                protocol=protocol,
                octets=(len(data),),
            )
        )

    # ------------------------------------------------------------------------------------------------ the end

    def arrived(self, data: bytes, wanted: str = "") -> None:
        """End the walk where the packet was to go. wanted: another host with its address. Raises Over."""
        packet = ip.parse(data)
        also = f" ({wanted}, which has the same address, is not reached)" if wanted else ""
        self.say(Act.DELIVER, f"has {packet.destination}{also}: it has arrived, with TTL {packet.ttl}", data)
        port, ttl = ip.peek_flow(data).destination_port, packet.ttl
        ended = WalkEnd(outcome=WalkOutcome.DELIVERED, where=self.where, ttl=ttl, source=packet.source, port=port)
        self._over(replace(ended, destination=packet.destination))

    def leaves_view(self, why: str) -> None:
        """End the walk where the view ends. Raises Over."""
        self.say(Act.END, why)
        self._over(WalkEnd(outcome=WalkOutcome.UNSEEN, where=self.where, why=why))

    def lose(self, why: str, *, clause: str = "", apart: str = "", listed: bool = False) -> None:
        """Note why the packet is dropped: the first reason is the one."""
        if self._lost is None:
            step = self._step(Act.END, f"dropped: {why}", octets=len(self.data), clause=clause)
            ttl = self.packet.ttl
            end = WalkEnd(outcome=WalkOutcome.DROPPED, where=self.where, why=why, ttl=ttl, listed=listed, apart=apart)
            self._lost = end, step

    def refuse(self, what: str, *, mtu: int | None = None, clause: str = "", later_mtu: int | None = None) -> None:
        """Note the ICMP error to the sender of the packet that was dropped; "": there is no route to it.

        later_mtu: that the encapsulating router takes from then on.
        """
        if self._lost is None or self._lost[1].because:
            return
        end, step = self._lost
        sender = self.packet.source
        refusal = Refusal(by=self.where, to=sender, what=what, mtu=mtu) if what else None
        heard = f"{_UNTOLD}: {self.where} has no route to {sender}"
        heard = values.refusal(refusal) if refusal is not None else heard
        self._lost = (
            replace(end, refusal=refusal, later_mtu=later_mtu),
            replace(step, because=heard, clause=clause or step.clause),
        )

    @property
    def is_lost(self) -> bool:
        """Whether the packet was dropped."""
        return self._lost is not None

    def end(self) -> WalkEnd:
        """End the walk where the packet was dropped."""
        self.lose("it goes no further")
        end, step = self._lost or (WalkEnd(outcome=WalkOutcome.DROPPED, where=self.where), None)
        if step is not None:
            self.steps.append(replace(step, because=step.because or _UNTOLD))
        return end

    def _over(self, end: WalkEnd) -> NoReturn:
        raise Over(end if self._lost is None else self.end())

    @property
    def packet(self) -> ip.IpPacket:
        """The packet, or the tunnel packet around it."""
        return ip.parse(self.data)
