"""Ping as a user sees it: marks one by one, statistics, and no mark for anything that is not our answer."""

from __future__ import annotations

import errno
from ipaddress import IPv4Address, IPv6Address

import pytest

from dmvpn.base.effects import Effect, JobDone, JobOutput, Resolve, SendIp
from dmvpn.base.events import EffectFailed, Event, IpReceived, JobAborted, NameResolved, Tick
from dmvpn.base.notices import Configured, InterfaceState, Ipv6State, Notice
from dmvpn.base.pages import Pages
from dmvpn.features.system.events import StartPing, StartTraceroute
from dmvpn.features.system.machine import SystemMachine
from dmvpn.features.system.model import SystemConfig
from dmvpn.features.system.probes import NamesConfig
from dmvpn.net import icmp
from dmvpn.net.icmp import DestinationUnreachable, EchoRequest, IcmpMessage, OtherMessage, TimeExceeded
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import Ipv4Packet
from support.fakes import fake_ports, up

DESTINATION = IPv4Address("10.4.4.1")
SOURCE = IPv4Address("10.3.3.1")
ROUTER = IPv4Address("192.168.100.11")
SESSION = 7
ICMP, UDP = 1, 17


class Probing:
    """A system machine, a clock, and what the session and the wire have seen."""

    def __init__(self, session: int, *interfaces: InterfaceState) -> None:
        self.machine = SystemMachine(fake_ports(*interfaces))
        self.session = session
        self.now = 100.0
        self.screen = ""
        self.sent: list[SendIp] = []
        self.done = False
        self.others: list[Effect | Notice] = []

    def give(self, event: Event | Notice, after: float = 0.0) -> None:
        self.now += after
        for effect in self.machine.handle(event, self.now):
            match effect:
                case JobOutput(session=session, text=text):
                    assert session == self.session
                    self.screen += text
                case JobDone():
                    self.done = True
                case SendIp():
                    self.sent.append(effect)
                case _:
                    self.others.append(effect)

    def quotation(self, protocol: int) -> bytes:
        """The packet sent last, as an ICMP error quotes it."""
        payload = self.sent[-1].payload
        return Ipv4Packet(protocol=protocol, source=SOURCE, destination=DESTINATION, payload=payload).serialize()[:28]

    def time_out(self) -> None:
        deadline = self.machine.next_deadline()
        assert deadline is not None
        self.now = deadline
        self.give(Tick())


class Pinger(Probing):
    """One that pings."""

    def __init__(self, *interfaces: InterfaceState) -> None:
        super().__init__(SESSION, *interfaces)

    def echo(self) -> EchoRequest:
        """The request sent last."""
        message = icmp.parse(self.sent[-1].payload)
        assert isinstance(message, EchoRequest)
        return message

    def reply(self, after: float = 0.002) -> None:
        self.answer(self.echo().reply(), DESTINATION, after)

    def answer(self, message: IcmpMessage, source: IPv4Address = ROUTER, after: float = 0.002) -> None:
        self.give(IpReceived("Tunnel0", source, SOURCE, 1, message.serialize()), after)


def test_five_replies_read_as_ios_prints_them() -> None:
    pinger = Pinger(up("GigabitEthernet0/2", "10.3.3.1"))
    pinger.give(StartPing(SESSION, destination="10.4.4.1", source="GigabitEthernet0/2"))
    for milliseconds in (4, 1, 2, 2, 1):
        assert not pinger.done
        pinger.reply(milliseconds / 1000)
    assert pinger.screen == (
        "Type escape sequence to abort.\n"
        "Sending 5, 100-byte ICMP Echos to 10.4.4.1, timeout is 2 seconds:\n"
        "Packet sent with a source address of 10.3.3.1 \n"
        "!!!!!\n"
        "Success rate is 100 percent (5/5), round-trip min/avg/max = 1/2/4 ms\n"
    )
    assert pinger.done
    assert pinger.machine.next_deadline() is None
    assert {sent.source for sent in pinger.sent} == {SOURCE}


@pytest.fixture
def pinger() -> Pinger:
    return Pinger()


def test_without_a_source_the_plane_chooses_and_nothing_is_said_about_it(pinger: Pinger) -> None:
    pinger.give(StartPing(SESSION, destination="10.4.4.1", repeat=1))
    assert pinger.sent[0].source is None
    assert "source" not in pinger.screen


def test_size_counts_the_whole_ip_packet(pinger: Pinger) -> None:
    pinger.give(StartPing(SESSION, destination="10.4.4.1", size=1400, df=True))
    assert len(pinger.sent[0].payload) == 1380
    assert pinger.sent[0].df
    assert "Sending 5, 1400-byte" in pinger.screen
    assert pinger.screen.endswith("Packet sent with the DF bit set\n")


def test_silence_is_a_dot_after_the_timeout_and_no_times_are_printed(pinger: Pinger) -> None:
    pinger.give(StartPing(SESSION, destination="10.4.4.1", repeat=2, timeout=1.0))
    pinger.time_out()
    assert pinger.now == 101.0
    pinger.time_out()
    assert pinger.screen.endswith("\n..\nSuccess rate is 0 percent (0/2)\n")
    assert pinger.done


def test_every_kind_of_error_has_its_mark(pinger: Pinger) -> None:
    pinger.give(StartPing(SESSION, destination="10.4.4.1", repeat=5))
    pinger.answer(DestinationUnreachable(code=1, quoted=pinger.quotation(ICMP)))
    pinger.answer(DestinationUnreachable(code=4, next_hop_mtu=1400, quoted=pinger.quotation(ICMP)))
    pinger.answer(TimeExceeded(quoted=pinger.quotation(ICMP)))
    pinger.answer(OtherMessage(type=4, code=0, rest=bytes(4) + pinger.quotation(ICMP)))
    pinger.answer(OtherMessage(type=12, code=0, rest=bytes(4) + pinger.quotation(ICMP)))
    assert pinger.screen.endswith("\nUM&Q?\nSuccess rate is 0 percent (0/5)\n")


def test_what_is_not_an_answer_to_the_request_in_flight_changes_nothing(pinger: Pinger) -> None:
    pinger.give(StartPing(SESSION, destination="10.4.4.1"))
    first = pinger.echo()
    quoted = pinger.quotation(ICMP)
    pinger.reply()
    before = pinger.screen
    foreign = EchoRequest(identifier=first.identifier ^ 1, sequence=1)
    pinger.answer(first.reply(), DESTINATION)
    pinger.answer(foreign.reply(), DESTINATION)
    pinger.answer(DestinationUnreachable(code=1, quoted=quoted))
    pinger.answer(DestinationUnreachable(code=1, quoted=b"\x45"))
    pinger.answer(TimeExceeded(quoted=b""))
    pinger.give(IpReceived("Tunnel0", ROUTER, SOURCE, 1, b"\x00\x00\x00"))
    pinger.give(IpReceived("Tunnel0", ROUTER, SOURCE, 88, b""))
    assert pinger.screen == before
    assert len(pinger.sent) == 2


def test_a_packet_too_big_for_our_own_interface_is_an_m_at_once(pinger: Pinger) -> None:
    pinger.give(StartPing(SESSION, destination="10.4.4.1", size=9000, df=True, repeat=1))
    pinger.give(EffectFailed(pinger.sent[0], errno.EMSGSIZE, "Message too long"))
    assert pinger.screen.endswith("M\nSuccess rate is 0 percent (0/1)\n")


def test_another_failure_to_send_looks_like_silence(pinger: Pinger) -> None:
    pinger.give(StartPing(SESSION, destination="10.4.4.1", repeat=1))
    pinger.give(EffectFailed(pinger.sent[0], errno.ENETUNREACH, "Network is unreachable"))
    assert not pinger.done
    pinger.time_out()
    assert pinger.screen.endswith("\n.\nSuccess rate is 0 percent (0/1)\n")


def test_seventy_marks_fill_a_line(pinger: Pinger) -> None:
    pinger.give(StartPing(SESSION, destination="10.4.4.1", repeat=72))
    for _ in range(72):
        pinger.reply(0.001)
    lines = pinger.screen.splitlines()
    assert lines[2:] == [
        "!" * 70,
        "!!",
        "Success rate is 100 percent (72/72), round-trip min/avg/max = 1/1/1 ms",
    ]


def test_a_line_that_is_just_full_is_not_followed_by_an_empty_one(pinger: Pinger) -> None:
    pinger.give(StartPing(SESSION, destination="10.4.4.1", repeat=70))
    for _ in range(70):
        pinger.reply(0.001)
    assert pinger.screen.splitlines()[2:3] == ["!" * 70]
    assert "\n\n" not in pinger.screen


def test_the_escape_sequence_ends_it_with_what_is_known_so_far(pinger: Pinger) -> None:
    pinger.give(StartPing(SESSION, destination="10.4.4.1"))
    pinger.reply()
    pinger.time_out()
    pinger.give(JobAborted(SESSION))
    assert pinger.screen.endswith("\n!.\nSuccess rate is 50 percent (1/2), round-trip min/avg/max = 2/2/2 ms\n")
    assert pinger.done
    assert pinger.machine.next_deadline() is None
    pinger.reply()
    assert pinger.screen.count("!") == 1


def test_aborting_where_nothing_runs_does_nothing(pinger: Pinger) -> None:
    pinger.give(JobAborted(SESSION))
    assert (pinger.screen, pinger.done) == ("", False)


@pytest.mark.parametrize(
    "name", ["nowhere", "10.4.4", "10.4.4.256", "224.0.0.10", "0.0.0.0", "::", "::1", "ff02::1", "fe80::1%Tunnel0"]
)
def test_what_is_no_host_is_refused_in_ios_words(pinger: Pinger, name: str) -> None:
    pinger.give(StartPing(SESSION, destination=name))
    assert pinger.screen == "% Unrecognized host or address, or protocol not running.\n"
    assert pinger.done


@pytest.mark.parametrize(("version", "name"), [(6, "10.4.4.1"), (4, "2001:db8:4::1"), (6, "hub")])
def test_an_address_of_the_other_version_than_asked_for_is_no_host(pinger: Pinger, version: int, name: str) -> None:
    pinger.give(Configured("system", SystemConfig(names=NamesConfig(hosts=Pages([("hub", DESTINATION)])))))
    pinger.give(StartPing(SESSION, destination=name, version=version))
    assert pinger.screen == "% Unrecognized host or address, or protocol not running.\n"
    assert (pinger.done, pinger.sent) == (True, [])


def test_where_ipv6_does_not_run_nobody_waits_for_answers() -> None:
    pinger = Pinger(up("Tunnel0", "10.3.3.1"))
    pinger.give(StartPing(SESSION, destination="2001:db8:4::1"))
    assert pinger.screen == "% Unrecognized host or address, or protocol not running.\n"
    assert (pinger.done, pinger.sent) == (True, [])


def test_a_name_with_addresses_of_both_versions_means_the_one_that_is_asked_for() -> None:
    ipv6 = Ipv6State(link_local=IPv6Address("fe80::1"), addresses=((IPv6Address("2001:db8::2"), 64),))
    pinger = Pinger(InterfaceState(name="Tunnel0", enabled=True, line=True, ipv6=ipv6))
    pinger.give(Configured("system", SystemConfig(names=NamesConfig(lookup=True))))
    pinger.give(StartPing(SESSION, destination="hub", version=6))
    pinger.give(NameResolved("hub", (DESTINATION, IPv6Address("2001:db8::1"))))
    assert [str(packet.destination) for packet in pinger.sent] == ["2001:db8::1"]


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("Tunnel0", "% Invalid source interface - IP not enabled or interface is down\n"),
        ("Loopback9", "% Invalid source interface - IP not enabled or interface is down\n"),
        (IPv4Address("10.9.9.9"), "% Invalid source address- IP address not on any of our up interfaces\n"),
        (IPv4Address("10.0.0.1"), "% Invalid source address- IP address not on any of our up interfaces\n"),
    ],
)
def test_a_source_must_be_an_address_of_ours_that_is_up(source: IPv4Address | str, complaint: str) -> None:
    down = InterfaceState(name="Tunnel0", enabled=True, line=False, address=IPv4Address("10.0.0.1"))
    pinger = Pinger(down)
    pinger.give(StartPing(SESSION, destination="10.4.4.1", source=source))
    assert (pinger.screen, pinger.done, pinger.sent) == (complaint, True, [])


def test_a_name_of_ip_host_is_an_address(pinger: Pinger) -> None:
    names = NamesConfig(domain="example.com", hosts=Pages([("hub.example.com", DESTINATION)]))
    pinger.give(Configured("system", SystemConfig(names=names)))
    pinger.give(StartPing(SESSION, destination="HUB"))
    assert pinger.sent[0].destination == DESTINATION


def test_with_lookup_on_the_name_service_is_asked(pinger: Pinger) -> None:
    pinger.give(Configured("system", SystemConfig(names=NamesConfig(lookup=True, domain="example.com"))))
    pinger.give(StartPing(SESSION, destination="hub", repeat=1))
    assert pinger.others == [Resolve("hub.example.com")]
    pinger.give(NameResolved("other.example.com", (ROUTER,)))
    assert pinger.sent == []
    pinger.give(NameResolved("hub.example.com", (DESTINATION,)))
    pinger.reply()
    assert pinger.screen.startswith('Translating "hub"... [OK]\nType escape sequence to abort.\n')
    assert pinger.done


def test_a_name_that_nobody_knows_is_refused_when_the_answer_comes(pinger: Pinger) -> None:
    pinger.give(Configured("system", SystemConfig(names=NamesConfig(lookup=True))))
    pinger.give(StartPing(SESSION, destination="hub"))
    pinger.give(NameResolved("hub", ()))
    assert pinger.screen == 'Translating "hub"...\n% Unrecognized host or address, or protocol not running.\n'
    assert pinger.done


def test_a_quotation_that_is_not_of_an_echo_request_is_nobodys(pinger: Pinger) -> None:
    pinger.give(StartPing(SESSION, destination="10.4.4.1"))
    reply = Ipv4Packet(protocol=1, source=SOURCE, destination=DESTINATION, payload=pinger.echo().reply().serialize())
    later = Ipv4Packet(
        protocol=1, fragment_offset=3, source=SOURCE, destination=DESTINATION, payload=pinger.sent[0].payload
    )
    datagram = Ipv4Packet(protocol=17, source=SOURCE, destination=DESTINATION, payload=pinger.sent[0].payload)
    for packet in (reply, later, datagram):
        pinger.answer(TimeExceeded(quoted=packet.serialize()[:28]))
    pinger.answer(TimeExceeded(quoted=pinger.quotation(ICMP)[:24]))
    assert len(pinger.sent) == 1


def test_breaking_off_a_name_that_is_still_looked_up(pinger: Pinger) -> None:
    pinger.give(Configured("system", SystemConfig(names=NamesConfig(lookup=True))))
    pinger.give(StartPing(SESSION, destination="hub"))
    pinger.give(JobAborted(SESSION))
    assert (pinger.screen, pinger.done) == ('Translating "hub"...\n', True)
    pinger.give(NameResolved("hub", (DESTINATION,)))
    assert pinger.sent == []


def test_two_sessions_ping_side_by_side() -> None:
    machine = SystemMachine(fake_ports())
    one = machine.handle(StartPing(1, destination="10.4.4.1", repeat=1), 0.0)
    machine.handle(StartPing(2, destination="10.4.4.1", repeat=1), 0.0)
    request = next(effect for effect in one if isinstance(effect, SendIp))
    echo = icmp.parse(request.payload)
    assert isinstance(echo, EchoRequest)
    effects = machine.handle(IpReceived("Tunnel0", DESTINATION, SOURCE, 1, echo.reply().serialize()), 0.01)
    assert JobDone(1) in effects
    assert JobDone(2) not in effects


def test_a_request_whose_fate_is_known_at_once_is_not_followed_in_the_same_instant(pinger: Pinger) -> None:
    """A hundred thousand pings of an own address, or of one without a way, were one event that nothing could break."""
    pinger.give(StartPing(SESSION, destination="10.4.4.1", repeat=3))
    pinger.reply(after=0.0)
    assert len(pinger.sent) == 1
    pinger.time_out()
    assert len(pinger.sent) == 2
    pinger.reply()
    pinger.reply()
    assert "Success rate is 100 percent (3/3)" in pinger.screen


# Traceroute as a user sees it: who answers at which hop, when, and when the way ends.

HUB = "192.168.100.11"
SPOKE = "192.168.100.41"
TRACING = 3

HEADING = "Type escape sequence to abort.\nTracing the route to 10.4.4.1\nVRF info: (vrf in name/id, vrf out name/id)\n"


class Tracer(Probing):
    """One that traces."""

    def __init__(self, start: StartTraceroute) -> None:
        super().__init__(TRACING, up("GigabitEthernet0/2", "10.3.3.1"))
        self.give(start)

    def exceeded(self, by: str, milliseconds: int = 1) -> None:
        self._receive(TimeExceeded(quoted=self.quotation(UDP)), by, milliseconds)

    def unreachable(self, by: str, code: int = 3, milliseconds: int = 1) -> None:
        self._receive(DestinationUnreachable(code=code, quoted=self.quotation(UDP)), by, milliseconds)

    def _receive(self, message: IcmpMessage, by: str, milliseconds: int) -> None:
        self.give(IpReceived("Tunnel100", IPv4Address(by), SOURCE, 1, message.serialize()), milliseconds / 1000)


def test_a_way_over_the_hub_ends_at_the_tunnel_address_of_the_spoke() -> None:
    tracer = Tracer(StartTraceroute(TRACING, destination="10.4.4.1", source=SOURCE))
    for milliseconds in (5, 1, 0):
        tracer.exceeded(HUB, milliseconds)
    tracer.unreachable(SPOKE, milliseconds=5)
    tracer.time_out()
    tracer.unreachable(SPOKE, milliseconds=1)
    assert tracer.screen == (f"{HEADING}  1 192.168.100.11 5 msec 1 msec 0 msec\n  2 192.168.100.41 5 msec *  1 msec\n")
    assert tracer.done
    assert tracer.machine.next_deadline() is None


def test_every_datagram_has_its_own_port_and_every_hop_its_ttl() -> None:
    tracer = Tracer(StartTraceroute(TRACING, destination="10.4.4.1", source=SOURCE, probes=2))
    for _ in range(4):
        tracer.exceeded(HUB)
    datagrams = [UdpDatagram.parse(sent.payload, SOURCE, DESTINATION) for sent in tracer.sent]
    assert [datagram.destination_port for datagram in datagrams] == [33434, 33435, 33436, 33437, 33438]
    assert [sent.ttl for sent in tracer.sent] == [1, 1, 2, 2, 3]
    assert len({datagram.source_port for datagram in datagrams}) == 1


def test_without_a_source_the_datagram_has_no_checksum_to_be_wrong() -> None:
    tracer = Tracer(StartTraceroute(TRACING, destination="10.4.4.1"))
    assert tracer.sent[0].source is None
    assert tracer.sent[0].payload[6:8] == bytes(2)


def test_silence_is_a_star_and_a_silent_hop_is_three() -> None:
    tracer = Tracer(StartTraceroute(TRACING, destination="10.4.4.1", last_ttl=2))
    for _ in range(4):
        tracer.time_out()
    tracer.unreachable(SPOKE)
    tracer.unreachable(SPOKE)
    assert tracer.screen == f"{HEADING}  1 *  *  * \n  2 *  192.168.100.41 1 msec 1 msec\n"


def test_another_router_at_the_same_hop_starts_a_line() -> None:
    tracer = Tracer(StartTraceroute(TRACING, destination="10.4.4.1", last_ttl=1))
    tracer.exceeded("172.16.0.1", 4)
    tracer.exceeded("172.16.0.5", 5)
    tracer.exceeded("172.16.0.5", 4)
    assert tracer.screen == f"{HEADING}  1 172.16.0.1 4 msec\n    172.16.0.5 5 msec 4 msec\n"
    assert tracer.done


@pytest.mark.parametrize(
    ("code", "mark"), [(0, "!N"), (6, "!N"), (1, "!H"), (7, "!H"), (2, "!P"), (13, "!A"), (9, "!A"), (5, "?")]
)
def test_a_refusal_has_its_mark_and_ends_the_way(code: int, mark: str) -> None:
    tracer = Tracer(StartTraceroute(TRACING, destination="10.4.4.1"))
    tracer.unreachable(HUB, code)
    tracer.time_out()
    tracer.unreachable(HUB, code)
    assert tracer.screen == f"{HEADING}  1 192.168.100.11 {mark}  *  {mark} \n"
    assert tracer.done


def test_the_way_ends_at_the_highest_ttl_allowed() -> None:
    tracer = Tracer(StartTraceroute(TRACING, destination="10.4.4.1", first_ttl=0, last_ttl=2, probes=1))
    tracer.exceeded(HUB)
    tracer.exceeded(HUB)
    assert [sent.ttl for sent in tracer.sent] == [1, 2]
    assert tracer.screen == f"{HEADING}  1 192.168.100.11 1 msec\n  2 192.168.100.11 1 msec\n"
    assert tracer.done


def test_a_late_answer_to_an_earlier_datagram_is_not_taken_for_this_one() -> None:
    tracer = Tracer(StartTraceroute(TRACING, destination="10.4.4.1"))
    late = TimeExceeded(quoted=tracer.quotation(UDP))
    tracer.time_out()
    before = tracer.screen
    tracer.give(IpReceived("Tunnel100", IPv4Address(HUB), SOURCE, 1, late.serialize()), 0.1)
    assert tracer.screen == before


def test_the_escape_sequence_ends_it() -> None:
    tracer = Tracer(StartTraceroute(TRACING, destination="10.4.4.1"))
    tracer.time_out()
    tracer.give(JobAborted(TRACING))
    assert tracer.screen == f"{HEADING}  1 * \n"
    assert tracer.done


def test_ports_start_again_when_they_are_used_up() -> None:
    tracer = Tracer(StartTraceroute(TRACING, destination="10.4.4.1", source=SOURCE, port=65535, probes=2))
    tracer.exceeded(HUB)
    ports = [UdpDatagram.parse(sent.payload, SOURCE, DESTINATION).destination_port for sent in tracer.sent]
    assert ports == [65535, 65535]
