"""Traceroute as a user sees it: who answers at which hop, when, and when the way ends."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base.effects import JobDone, JobOutput, SendIp
from dmvpn.base.events import Event, IpReceived, JobAborted, Tick
from dmvpn.features.system.events import StartTraceroute
from dmvpn.features.system.machine import SystemMachine
from dmvpn.net.icmp import DestinationUnreachable, IcmpMessage, TimeExceeded
from dmvpn.net.ipv4 import Ipv4Packet
from dmvpn.net.udp import UdpDatagram
from support.fakes import fake_ports, up

DESTINATION = IPv4Address("10.4.4.1")
SOURCE = IPv4Address("10.3.3.1")
HUB = "192.168.100.11"
SPOKE = "192.168.100.41"
SESSION = 3

HEADING = "Type escape sequence to abort.\nTracing the route to 10.4.4.1\nVRF info: (vrf in name/id, vrf out name/id)\n"


class Tracer:
    """A system machine that traces, and what the session and the wire have seen."""

    def __init__(self, start: StartTraceroute) -> None:
        self.machine = SystemMachine(fake_ports(up("GigabitEthernet0/2", "10.3.3.1")))
        self.now = 100.0
        self.screen = ""
        self.sent: list[SendIp] = []
        self.done = False
        self.give(start)

    def give(self, event: Event, after: float = 0.0) -> None:
        self.now += after
        for effect in self.machine.handle(event, self.now):
            match effect:
                case JobOutput(text=text):
                    self.screen += text
                case JobDone():
                    self.done = True
                case SendIp():
                    self.sent.append(effect)

    def quotation(self) -> bytes:
        sent = self.sent[-1]
        return Ipv4Packet(protocol=17, source=SOURCE, destination=DESTINATION, payload=sent.payload).serialize()[:28]

    def exceeded(self, by: str, milliseconds: int = 1) -> None:
        self._receive(TimeExceeded(quoted=self.quotation()), by, milliseconds)

    def unreachable(self, by: str, code: int = 3, milliseconds: int = 1) -> None:
        self._receive(DestinationUnreachable(code=code, quoted=self.quotation()), by, milliseconds)

    def time_out(self) -> None:
        deadline = self.machine.next_deadline()
        assert deadline is not None
        self.now = deadline
        self.give(Tick())

    def _receive(self, message: IcmpMessage, by: str, milliseconds: int) -> None:
        self.give(IpReceived("Tunnel100", IPv4Address(by), SOURCE, 1, message.serialize()), milliseconds / 1000)


def test_a_way_over_the_hub_ends_at_the_tunnel_address_of_the_spoke() -> None:
    tracer = Tracer(StartTraceroute(SESSION, destination="10.4.4.1", source=SOURCE))
    for milliseconds in (5, 1, 0):
        tracer.exceeded(HUB, milliseconds)
    tracer.unreachable(SPOKE, milliseconds=5)
    tracer.time_out()
    tracer.unreachable(SPOKE, milliseconds=1)
    assert tracer.screen == (f"{HEADING}  1 192.168.100.11 5 msec 1 msec 0 msec\n  2 192.168.100.41 5 msec *  1 msec\n")
    assert tracer.done
    assert tracer.machine.next_deadline() is None


def test_every_datagram_has_its_own_port_and_every_hop_its_ttl() -> None:
    tracer = Tracer(StartTraceroute(SESSION, destination="10.4.4.1", source=SOURCE, probes=2))
    for _ in range(4):
        tracer.exceeded(HUB)
    datagrams = [UdpDatagram.parse(sent.payload, SOURCE, DESTINATION) for sent in tracer.sent]
    assert [datagram.destination_port for datagram in datagrams] == [33434, 33435, 33436, 33437, 33438]
    assert [sent.ttl for sent in tracer.sent] == [1, 1, 2, 2, 3]
    assert len({datagram.source_port for datagram in datagrams}) == 1


def test_without_a_source_the_datagram_has_no_checksum_to_be_wrong() -> None:
    tracer = Tracer(StartTraceroute(SESSION, destination="10.4.4.1"))
    assert tracer.sent[0].source is None
    assert tracer.sent[0].payload[6:8] == bytes(2)


def test_silence_is_a_star_and_a_silent_hop_is_three() -> None:
    tracer = Tracer(StartTraceroute(SESSION, destination="10.4.4.1", last_ttl=2))
    for _ in range(4):
        tracer.time_out()
    tracer.unreachable(SPOKE)
    tracer.unreachable(SPOKE)
    assert tracer.screen == f"{HEADING}  1 *  *  * \n  2 *  192.168.100.41 1 msec 1 msec\n"


def test_another_router_at_the_same_hop_starts_a_line() -> None:
    tracer = Tracer(StartTraceroute(SESSION, destination="10.4.4.1", last_ttl=1))
    tracer.exceeded("172.16.0.1", 4)
    tracer.exceeded("172.16.0.5", 5)
    tracer.exceeded("172.16.0.5", 4)
    assert tracer.screen == f"{HEADING}  1 172.16.0.1 4 msec\n    172.16.0.5 5 msec 4 msec\n"
    assert tracer.done


@pytest.mark.parametrize(
    ("code", "mark"), [(0, "!N"), (6, "!N"), (1, "!H"), (7, "!H"), (2, "!P"), (13, "!A"), (9, "!A"), (5, "?")]
)
def test_a_refusal_has_its_mark_and_ends_the_way(code: int, mark: str) -> None:
    tracer = Tracer(StartTraceroute(SESSION, destination="10.4.4.1"))
    tracer.unreachable(HUB, code)
    tracer.time_out()
    tracer.unreachable(HUB, code)
    assert tracer.screen == f"{HEADING}  1 192.168.100.11 {mark}  *  {mark} \n"
    assert tracer.done


def test_the_way_ends_at_the_highest_ttl_allowed() -> None:
    tracer = Tracer(StartTraceroute(SESSION, destination="10.4.4.1", first_ttl=0, last_ttl=2, probes=1))
    tracer.exceeded(HUB)
    tracer.exceeded(HUB)
    assert [sent.ttl for sent in tracer.sent] == [1, 2]
    assert tracer.screen == f"{HEADING}  1 192.168.100.11 1 msec\n  2 192.168.100.11 1 msec\n"
    assert tracer.done


def test_a_late_answer_to_an_earlier_datagram_is_not_taken_for_this_one() -> None:
    tracer = Tracer(StartTraceroute(SESSION, destination="10.4.4.1"))
    late = TimeExceeded(quoted=tracer.quotation())
    tracer.time_out()
    before = tracer.screen
    tracer.give(IpReceived("Tunnel100", IPv4Address(HUB), SOURCE, 1, late.serialize()), 0.1)
    assert tracer.screen == before


def test_the_escape_sequence_ends_it() -> None:
    tracer = Tracer(StartTraceroute(SESSION, destination="10.4.4.1"))
    tracer.time_out()
    tracer.give(JobAborted(SESSION))
    assert tracer.screen == f"{HEADING}  1 * \n"
    assert tracer.done


def test_ports_start_again_when_they_are_used_up() -> None:
    tracer = Tracer(StartTraceroute(SESSION, destination="10.4.4.1", source=SOURCE, port=65535, probes=2))
    tracer.exceeded(HUB)
    ports = [UdpDatagram.parse(sent.payload, SOURCE, DESTINATION).destination_port for sent in tracer.sent]
    assert ports == [65535, 65535]
