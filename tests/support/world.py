"""A scenario in the simulator, as its user sees it: prompts on the routers, packets from the hosts, time that passes.

Nothing here looks into a machine. What a test knows comes from show commands, from the log, from what hosts receive and
from the wires.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING, TypeVar

from dmvpn.base.effects import ConsoleLine, Effect, SendIp
from dmvpn.face.context import new_session
from dmvpn.face.interpreter import OneShot
from dmvpn.features.nhrp import packet as nhrp
from dmvpn.judge.anatomy import ClearWatch
from dmvpn.net import gre, icmp, ip, ipv4, ipv6
from dmvpn.shells.handle import Handle
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.shells.simulator.wallclock import world_taps
from support.fakes import MemoryFlash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


P = TypeVar("P", bound=nhrp.NhrpPacket)

#: Virtual seconds in which a scenario must have converged.
PATIENCE = 60.0
#: Virtual seconds that a ping or traceroute may take.
JOB_LIMIT = 600.0


@dataclass(frozen=True, slots=True)
class Tunnelled:
    """A GRE packet on a wire.

    outer: its sender and its receiver.
    time: virtual seconds.
    """

    time: float
    outer: ipv4.Ipv4Packet
    header: gre.GreHeader
    payload: bytes

    @property
    def way(self) -> tuple[str, str]:
        """From which NBMA address to which."""
        return str(self.outer.source), str(self.outer.destination)


class Wiretap:
    """What passed on a wire, in both directions, with the time."""

    def __init__(self) -> None:
        self.packets: list[tuple[float, bytes]] = []

    def ends(self) -> list[tuple[str, str]]:
        """Source and destination of every packet."""
        pairs = [ip.peek_addresses(octets) for _, octets in self.packets]
        return [(str(source), str(destination)) for source, destination in pairs]

    def tunnelled(self, kind: gre.ProtocolType) -> Iterator[Tunnelled]:
        """Yield the GRE packets that carry this."""
        for time, octets in self.packets:
            if octets[0] >> 4 != 4:
                continue
            outer = ipv4.Ipv4Packet.parse(octets)
            if outer.protocol == ipv4.IpProtocol.GRE:
                header, start = gre.GreHeader.parse(outer.payload)
                if header.protocol_type == kind:
                    yield Tunnelled(time, outer, header, outer.payload[start:])

    def nhrp(self, kind: type[P]) -> list[tuple[Tunnelled, P]]:
        """Return the NHRP packets of one type."""
        packets = [(found, nhrp.parse(found.payload)) for found in self.tunnelled(gre.ProtocolType.NHRP)]
        return [(found, packet) for found, packet in packets if isinstance(packet, kind)]

    def pings(self) -> list[tuple[Tunnelled, ipv4.Ipv4Packet]]:
        """Return the ICMP packets inside GRE."""
        inner = [(found, ipv4.Ipv4Packet.parse(found.payload)) for found in self.tunnelled(gre.ProtocolType.IPV4)]
        return [(found, packet) for found, packet in inner if packet.protocol == ipv4.IpProtocol.ICMP]

    def pings6(self) -> list[tuple[Tunnelled, ipv6.Ipv6Packet]]:
        """Return the ICMPv6 packets inside GRE."""
        inner = [(found, ipv6.Ipv6Packet.parse(found.payload)) for found in self.tunnelled(gre.ProtocolType.IPV6)]
        return [(found, packet) for found, packet in inner if packet.protocol == ipv4.IpProtocol.ICMPV6]


class World:
    """A scenario in virtual time. log: what each router said on its console, without the time stamps."""

    def __init__(
        self,
        name: str | Scenario,
        *,
        seed: int = 1,
        change: Callable[[str, str], str] = lambda _router, text: text,
        record: Callable[[str], object] | None = None,
    ) -> None:
        """`change` may edit the configuration of a router before it starts; `record` takes the recording of all."""
        scenario = Scenario.load(name) if isinstance(name, str) else name
        texts = {router: change(router, text) for router, text in scenario.configurations.items()}
        self._begin(Scenario(scenario.name, scenario.lab, texts), seed, record)

    @classmethod
    def of(cls, scenario: Scenario, *, seed: int = 1) -> World:
        """Return a network that is in no folder."""
        world = cls.__new__(cls)
        world._begin(scenario, seed, None)
        return world

    def _begin(self, scenario: Scenario, seed: int, record: Callable[[str], object] | None) -> None:
        self.scenario = scenario
        self._clear = ClearWatch(scenario.configurations)
        self.sim = Simulator.of(self.scenario, seed=seed, record=record, overhear=self._overhear, remembers=True)
        self.console: dict[str, list[str]] = {router: [] for router in self.sim.routers}
        self.effects: dict[str, list[tuple[float, Effect]]] = {router: [] for router in self.sim.routers}
        self._handles = {router: self._handle(router) for router in self.sim.routers}

    def _overhear(self, sender: str, port: str, packet: bytes) -> None:
        """Whatever a test is about, no packet of a protected tunnel may be seen."""
        complaint = self._clear.complaint(sender, port, packet)
        assert complaint is None, complaint

    # ------------------------------------------------------------------------------------------------ time

    @property
    def now(self) -> float:
        """Virtual seconds since the start."""
        return self.sim.now

    def run_for(self, seconds: float) -> None:
        """Let time pass."""
        self.sim.run_for(seconds)

    def converge(self) -> World:
        """Let time pass until every spoke is registered and the routes that the scenario promises are there."""
        assert self.wait_until(lambda: not self.lacks(), PATIENCE), self.lacks()
        return self

    def wait_until(self, condition: Callable[[], bool], limit: float, step: float = 0.05) -> bool:
        """Let time pass until `condition` holds; False if it does not within `limit` seconds."""
        return self.sim.run_while(lambda: not condition(), limit, step)

    def lacks(self) -> list[str]:
        """Return what is not there yet, as `lab up` says it."""
        return self.sim.missing(self.scenario)

    # ------------------------------------------------------------------------------------------------ prompts

    def do(self, router: str, *lines: str) -> str:
        """Type lines at a privileged prompt; what they print. A ping or traceroute takes its time."""
        return self.do_at_once([(router, lines)])[0]

    def do_at_once(self, typed: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
        """Type lines at several prompts, at all of them at the same time; what each prints."""
        sessions = [OneShot(self._handles[router], new_session(), lines) for router, lines in typed]
        stops = [self._handles[router].subscribe(one.effect) for (router, _), one in zip(typed, sessions, strict=True)]
        texts, limit = ["" for _ in typed], self.now + JOB_LIMIT
        while not all(one.done for one in sessions):
            pieces = [one.step() for one in sessions]
            texts = [text + piece for text, piece in zip(texts, pieces, strict=True)]
            if not any(pieces) and not all(one.done for one in sessions):
                assert self.now < limit, f"{typed} takes forever: {texts}"
                # Let hundredths of a second pass, up to one in which something happens: until then nothing is printed
                time, following = self.now + 0.01, self.sim.next_event()
                while following is not None and time < following:
                    time += 0.01
                self.sim.run_until(time)
        for stop in stops:
            stop()
        return texts

    def show(self, router: str, what: str) -> str:
        """Return what `show ...` prints; a refusal fails the test."""
        text = self.do(router, f"show {what}")
        assert not text.startswith(("%", f"show {what}")), text
        return text

    def lines(self, router: str, what: str) -> list[str]:
        """Return the lines of `show ...`."""
        return self.show(router, what).splitlines()

    def configure(self, router: str, *lines: str) -> str:
        """Type lines in configuration mode."""
        return self.do(router, "configure terminal", *lines, "end")

    def messages(self, router: str) -> list[str]:
        """Return the log messages so far, from the `%` on."""
        return [line[line.index("%") :] for line in self.console[router] if "%" in line]

    # ------------------------------------------------------------------------------------------------ packets

    def send(self, host: str, packet: SendIp) -> None:
        """A host sends a packet."""
        node = self.sim.hosts[host]
        node.send(packet, self.now)
        self.sim.schedule(node)

    def ping(self, host: str, destination: str, sequence: int = 0) -> None:
        """A host sends one echo request."""
        request = icmp.EchoRequest(identifier=7, sequence=sequence, payload=bytes(56))
        target = ip_address(destination)
        payload = ip.serialize_icmp(request, target.version)
        self.send(host, SendIp(None, None, target, ip.ICMP[target.version], payload, ttl=64))

    def stream(self, host: str, destination: str, *, seconds: float, rate: float) -> int:
        """A host sends echo requests at `rate` per second; how many it sent."""
        count = round(seconds * rate)
        for sequence in range(count):
            self.ping(host, destination, sequence & 0xFFFF)
            self.run_for(1 / rate)
        return count

    def replies(self, host: str) -> list[int]:
        """Sequence numbers of the echo replies that a host received, in order of arrival."""
        found = []
        for packet in self.sim.hosts[host].received:
            if ip.is_icmp(packet.protocol, packet.source):
                message = ip.parse_icmp(packet.payload, packet.source, packet.destination)
                if isinstance(message, icmp.EchoReply):
                    found.append(message.sequence)
        return found

    def deliver(self, router: str, interface: str, packet: ipv4.Ipv4Packet) -> None:
        """A packet of anybody's arrives at a port of a router, now."""
        node = self.sim.routers[router]
        node.arrive(interface, packet.serialize(), self.now)
        self.sim.schedule(node)

    def deliver_gre(self, router: str, interface: str, ends: tuple[str, str], message: bytes) -> None:
        """A GRE packet arrives.

        ends: the NBMA addresses of its sender and of the router.
        message: header and all.
        """
        source, destination = map(IPv4Address, ends)
        outer = ipv4.Ipv4Packet(source=source, destination=destination, protocol=ipv4.IpProtocol.GRE, payload=message)
        self.deliver(router, interface, outer)

    def watch(self, router: str, interface: str) -> Wiretap:
        """Listen on a wire from now on."""
        tap = Wiretap()
        self.sim.segment_of(router, interface).watch = lambda packet: tap.packets.append((self.now, packet))
        return tap

    def cut(self, router: str, interface: str, *, cut: bool = True) -> None:
        """Cut a wire, or fix it."""
        self.sim.segment_of(router, interface).impairment.cut = cut

    # ------------------------------------------------------------------------------------------------ inside

    def handle(self, router: str) -> Handle:
        """Return what sessions of a router have."""
        return self._handles[router]

    def _handle(self, router: str) -> Handle:
        def store(_key: str, _octets: bytes) -> None:
            """Nothing outlives the test."""

        handle = Handle(
            lambda: self.sim.routers[router].router,
            lambda: self.now,
            lambda event: self.sim.post(router, event),
            store,
            MemoryFlash(),
            open_tap=world_taps(self.sim, router),
        )

        def outside(effect: Effect) -> None:
            self.effects[router].append((self.now, effect))
            if isinstance(effect, ConsoleLine):
                self.console[router].append(effect.text)
            handle.tell(effect)

        self.sim.routers[router].outside = outside
        return handle
