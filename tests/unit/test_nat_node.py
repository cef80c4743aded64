"""The translator of the simulated world, packet by packet: what leaves, what gets in, and what an error quotes."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.translation import SHARE
from dmvpn.dataplane.translator import Drop, NatKind
from dmvpn.net import gre, icmp, ip, ipv4
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.shells.lab_model import INSIDE, OUTSIDE, GatewaySpec
from dmvpn.shells.simulator.node import NatNode
from support.work import calls

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

PUBLIC, ONE, OTHER = "203.0.113.1", "192.168.1.10", "192.168.1.11"
HUB, SPOKE = "198.51.100.1", "198.51.100.9"
KINDS: tuple[NatKind, ...] = ("cone", "port-restricted", "symmetric")


@dataclass
class Box:
    """A translator, and what it sent: (interface, next hop, packet)."""

    kind: NatKind = "port-restricted"
    timeout: float = 180.0
    now: float = 0.0
    sent: list[tuple[str, str, Ipv4Packet]] = field(default_factory=list)
    inward: dict[IPv4Address, IPv4Address] = field(default_factory=dict)

    def __post_init__(self) -> None:
        spec = GatewaySpec(
            kind=self.kind,
            outside=f"{PUBLIC}/24",
            gateway=IPv4Address("203.0.113.254"),
            inside="192.168.1.1/24",
            timeout=self.timeout,
            inward=self.inward,
        )
        self.node = NatNode("NAT1", spec, SeededEntropy(7), self._transmit)

    def _transmit(self, interface: str, next_hop: IPAddress, packet: bytes) -> bool:
        self.sent.append((interface, str(next_hop), Ipv4Packet.parse(packet)))
        return True

    def take(self, interface: str, packet: Ipv4Packet) -> Ipv4Packet | None:
        """Let a packet arrive; what comes out of the other port, if anything does."""
        self.sent.clear()
        self.node.arrive(interface, packet.serialize(), self.now)
        return self.sent[0][2] if self.sent else None

    def out(self, packet: Ipv4Packet) -> Ipv4Packet | None:
        return self.take(INSIDE, packet)

    def back(self, packet: Ipv4Packet) -> Ipv4Packet | None:
        return self.take(OUTSIDE, packet)


def packet(source: str, destination: str, protocol: int, payload: bytes, ttl: int = 64) -> Ipv4Packet:
    return Ipv4Packet(
        source=IPv4Address(source), destination=IPv4Address(destination), protocol=protocol, payload=payload, ttl=ttl
    )


def tunnelled(source: str, destination: str, key: int = 100) -> Ipv4Packet:
    return packet(source, destination, IpProtocol.GRE, gre.GreHeader(protocol_type=0x2001, key=key).serialize(b"hello"))


def datagram(source: tuple[str, int], destination: tuple[str, int]) -> Ipv4Packet:
    ends = IPv4Address(source[0]), IPv4Address(destination[0])
    message = ip.UdpDatagram(source_port=source[1], destination_port=destination[1], payload=b"ike")
    return packet(source[0], destination[0], IpProtocol.UDP, message.serialize(*ends))


def echo(source: str, destination: str, identifier: int, *, reply: bool = False, ttl: int = 64) -> Ipv4Packet:
    message = icmp.EchoRequest(identifier=identifier, sequence=1)
    octets = (message.reply() if reply else message).serialize()
    return packet(source, destination, IpProtocol.ICMP, octets, ttl)


def ports(translated: Ipv4Packet | None) -> tuple[int, int]:
    """Source and destination port; the checksum must be right."""
    assert translated is not None
    found = ip.UdpDatagram.parse(translated.payload, translated.source, translated.destination)
    return found.source_port, found.destination_port


def ends(translated: Ipv4Packet | None) -> tuple[str, str] | None:
    return None if translated is None else (str(translated.source), str(translated.destination))


# --------------------------------------------------------------------------------------------------------- GRE


@pytest.mark.parametrize("kind", KINDS)
def test_gre_of_one_station_goes_out_and_comes_back(kind: NatKind) -> None:
    box = Box(kind)
    assert ends(box.out(tunnelled(ONE, HUB))) == (PUBLIC, HUB)
    assert ends(box.back(tunnelled(HUB, PUBLIC))) == (HUB, ONE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_station_gets_nothing_through_to_the_same_remote_whatever_its_key(kind: NatKind) -> None:
    box = Box(kind)
    box.out(tunnelled(ONE, HUB, key=100))
    assert box.out(tunnelled(OTHER, HUB, key=200)) is None
    assert box.node.drops == {Drop.TAKEN: 1}
    assert ends(box.back(tunnelled(HUB, PUBLIC, key=200))) == (HUB, ONE), "the key is not looked at"


def test_a_second_station_may_speak_to_another_remote() -> None:
    box = Box()
    box.out(tunnelled(ONE, HUB))
    assert ends(box.out(tunnelled(OTHER, SPOKE))) == (PUBLIC, SPOKE)
    assert ends(box.back(tunnelled(SPOKE, PUBLIC))) == (SPOKE, OTHER)


def test_what_nobody_asked_for_does_not_get_in_and_leaves_no_trace() -> None:
    box = Box()
    assert box.back(tunnelled(SPOKE, PUBLIC)) is None
    assert ends(box.out(tunnelled(ONE, SPOKE))) == (PUBLIC, SPOKE)
    assert ends(box.back(tunnelled(SPOKE, PUBLIC))) == (SPOKE, ONE)


@pytest.mark.parametrize(("answered", "lives"), [(False, 30), (True, 180)])
def test_a_flow_ends_after_30_seconds_and_after_180_once_it_was_answered(answered: bool, lives: float) -> None:
    box = Box()
    box.out(tunnelled(ONE, HUB))
    if answered:
        box.back(tunnelled(HUB, PUBLIC))
    box.now = lives - 1
    assert box.out(tunnelled(OTHER, HUB)) is None
    box.now = lives + 1
    assert ends(box.out(tunnelled(OTHER, HUB))) == (PUBLIC, HUB)
    assert ends(box.back(tunnelled(HUB, PUBLIC))) == (HUB, OTHER)


def test_packets_of_either_direction_keep_a_flow_alive() -> None:
    box = Box()
    box.out(tunnelled(ONE, HUB))
    for _ in range(10):
        assert box.back(tunnelled(HUB, PUBLIC)) is not None
        box.now += 170


# --------------------------------------------------------------------------------------------------------- UDP


def test_a_port_is_kept_where_it_is_free_and_stays_in_its_class_where_it_is_not() -> None:
    box = Box()
    assert ports(box.out(datagram((ONE, 500), (HUB, 500)))) == (500, 500)
    second, _ = ports(box.out(datagram((OTHER, 500), (HUB, 500))))
    assert 1 <= second < 512
    assert second != 500
    third, _ = ports(box.out(datagram((OTHER, 4500), (HUB, 4500))))
    assert third == 4500
    assert ends(box.back(datagram((HUB, 500), (PUBLIC, second)))) == (HUB, OTHER)
    assert ports(box.back(datagram((HUB, 500), (PUBLIC, second)))) == (500, 500)


def test_two_stations_speak_udp_4500_to_one_hub() -> None:
    """What GRE cannot: ports tell them apart."""
    box = Box("symmetric")
    public = {name: ports(box.out(datagram((name, 4500), (HUB, 4500))))[0] for name in (ONE, OTHER)}
    assert public[ONE] != public[OTHER]
    for name, port in public.items():
        assert ends(box.back(datagram((HUB, 4500), (PUBLIC, port)))) == (HUB, name)


@pytest.mark.parametrize(
    ("kind", "same_port", "stranger", "other_port"),
    [("cone", True, True, True), ("port-restricted", True, False, False), ("symmetric", False, False, False)],
)
def test_the_kinds_differ_in_the_port_and_in_who_may_answer(
    kind: NatKind, same_port: bool, stranger: bool, other_port: bool
) -> None:
    box = Box(kind)
    first, _ = ports(box.out(datagram((ONE, 5000), (HUB, 4500))))
    second, _ = ports(box.out(datagram((ONE, 5000), (SPOKE, 4500))))
    assert (first == second) is same_port
    assert box.back(datagram((HUB, 4500), (PUBLIC, first))) is not None
    assert (box.back(datagram(("192.0.2.77", 4500), (PUBLIC, first))) is not None) is stranger
    assert (box.back(datagram((HUB, 999), (PUBLIC, first))) is not None) is other_port


def test_the_same_seed_gives_the_same_ports() -> None:
    drawn = [[ports(Box("symmetric").out(datagram((ONE, 5000), (HUB, 4500))))[0]] for _ in range(2)]
    assert drawn[0] == drawn[1]


def test_a_datagram_without_checksum_stays_without_one() -> None:
    box = Box()
    payload = bytearray(datagram((ONE, 5000), (HUB, 4500)).payload)
    payload[6:8] = bytes(2)
    translated = box.out(packet(ONE, HUB, IpProtocol.UDP, bytes(payload)))
    assert translated is not None
    assert translated.payload[6:8] == bytes(2)


def test_a_cut_datagram_is_put_together_and_cut_again() -> None:
    box = Box()
    ends_of = IPv4Address(ONE), IPv4Address(HUB)
    message = ip.UdpDatagram(source_port=5000, destination_port=4500, payload=bytes(2000)).serialize(*ends_of)
    for piece in packet(ONE, HUB, IpProtocol.UDP, message).fragments(1400):
        box.node.arrive(INSIDE, piece.serialize(), 0.0)
    assert [len(found.serialize()) for _, _, found in box.sent] == [1500, 548]
    assert {ends(found) for _, _, found in box.sent} == {(PUBLIC, HUB)}


# --------------------------------------------------------------------------------------------------------- rebinding


@pytest.mark.parametrize("protocol", ["gre", "udp"])
def test_after_a_rebind_nothing_gets_in_until_the_station_speaks(protocol: str) -> None:
    box = Box("symmetric")
    if protocol == "gre":
        box.out(tunnelled(ONE, HUB))
        answer = tunnelled(HUB, PUBLIC)
    else:
        answer = datagram((HUB, 4500), (PUBLIC, ports(box.out(datagram((ONE, 4500), (HUB, 4500))))[0]))
    assert box.back(answer) is not None
    box.node.rebind()
    assert box.back(answer) is None


def test_another_public_address_takes_the_place_of_the_old_one() -> None:
    box = Box()
    box.out(tunnelled(ONE, HUB))
    box.node.rebind(IPv4Address("203.0.113.2"))
    assert box.node.addresses_of(OUTSIDE) == ((IPv4Address("203.0.113.2"), 24),)
    assert ends(box.out(tunnelled(ONE, HUB))) == ("203.0.113.2", HUB)
    assert box.back(tunnelled(HUB, PUBLIC)) is None
    assert ends(box.back(tunnelled(HUB, "203.0.113.2"))) == (HUB, ONE)


# --------------------------------------------------------------------------------------------------------- ICMP


def test_echoes_of_two_stations_with_one_identifier_are_told_apart() -> None:
    box = Box()
    first, second = box.out(echo(ONE, HUB, 7)), box.out(echo(OTHER, HUB, 7))
    assert first is not None
    assert second is not None
    numbers = [icmp.parse(found.payload) for found in (first, second)]
    assert isinstance(numbers[0], icmp.EchoRequest)
    assert isinstance(numbers[1], icmp.EchoRequest)
    assert numbers[0].identifier == 7 != numbers[1].identifier
    answer = box.back(echo(HUB, PUBLIC, numbers[1].identifier, reply=True))
    assert ends(answer) == (HUB, OTHER)
    assert answer is not None
    assert icmp.parse(answer.payload) == icmp.EchoReply(identifier=7, sequence=1)


@pytest.mark.parametrize(("interface", "source", "address"), [(INSIDE, ONE, "192.168.1.1"), (OUTSIDE, HUB, PUBLIC)])
def test_the_box_itself_answers_pings(interface: str, source: str, address: str) -> None:
    assert ends(Box().take(interface, echo(source, address, 7))) == (address, source)


def test_every_packet_loses_a_hop_and_the_last_one_is_said() -> None:
    box = Box()
    passed = box.out(tunnelled(ONE, HUB))
    assert passed is not None
    assert passed.ttl == 63
    refused = box.out(echo(ONE, HUB, 7, ttl=1))
    assert ends(refused) == ("192.168.1.1", ONE)
    assert refused is not None
    assert isinstance(icmp.parse(refused.payload), icmp.TimeExceeded)


@pytest.mark.parametrize("router", [HUB, "192.0.2.1"])
@pytest.mark.parametrize("original", [datagram((ONE, 500), (HUB, 500)), tunnelled(ONE, HUB), echo(ONE, HUB, 7)])
def test_an_error_from_outside_reaches_its_station_and_quotes_what_that_sent(router: str, original: Ipv4Packet) -> None:
    box = Box("symmetric")
    sent = box.out(original)
    assert sent is not None
    message = icmp.DestinationUnreachable(code=icmp.UnreachableCode.HOST, quoted=icmp.quote(sent.serialize()))
    error = box.back(packet(router, PUBLIC, IpProtocol.ICMP, message.serialize()))
    assert ends(error) == (router, ONE)
    assert error is not None
    parsed = icmp.parse(error.payload)
    assert isinstance(parsed, icmp.DestinationUnreachable)
    assert ipv4.peek_flow(parsed.quoted) == ipv4.peek_flow(original.serialize())
    assert Ipv4Packet.parse(parsed.quoted).payload == original.payload


def test_an_error_from_inside_quotes_what_the_remote_sent() -> None:
    box = Box("symmetric")
    public, _ = ports(box.out(datagram((ONE, 5000), (HUB, 4500))))
    remote = datagram((HUB, 4500), (PUBLIC, public))
    arrived = box.back(remote)
    assert arrived is not None
    message = icmp.DestinationUnreachable(code=icmp.UnreachableCode.PORT, quoted=icmp.quote(arrived.serialize()))
    error = box.out(packet(ONE, HUB, IpProtocol.ICMP, message.serialize()))
    assert ends(error) == (PUBLIC, HUB)
    assert error is not None
    parsed = icmp.parse(error.payload)
    assert isinstance(parsed, icmp.DestinationUnreachable)
    assert ipv4.peek_flow(parsed.quoted) == ipv4.peek_flow(remote.serialize())


def test_an_error_about_nothing_that_went_out_is_dropped() -> None:
    box = Box()
    message = icmp.DestinationUnreachable(code=1, quoted=tunnelled(PUBLIC, HUB).serialize())
    assert box.back(packet(HUB, PUBLIC, IpProtocol.ICMP, message.serialize())) is None


@pytest.mark.parametrize("octets", [b"", b"\x45", bytes(20), b"\x45" + bytes(40)])
def test_what_is_no_packet_is_dropped(octets: bytes) -> None:
    box = Box()
    box.node.arrive(OUTSIDE, octets, 0.0)
    assert box.sent == []


def test_a_station_reaches_another_one_at_its_public_address_and_hears_its_answer() -> None:
    """The gateway answered for the other station itself."""
    shared = "203.0.113.9"
    box = Box(inward={IPv4Address(shared): IPv4Address(OTHER)})
    asked = box.out(datagram((ONE, 4000), (shared, 53)))
    assert (ends(asked), box.sent[0][0]) == ((shared, OTHER), INSIDE)
    answer = box.out(datagram((OTHER, 53), (shared, ports(asked)[0])))
    assert (ends(answer), ports(answer)) == ((shared, ONE), (53, 4000))


# --------------------------------------------------------------------------------------------- bounds


def _remote(number: int) -> tuple[str, int]:
    return str(IPv4Address(0x0B000000 + number)), 53


@pytest.mark.parametrize("kind", KINDS)
def test_a_station_has_its_share_of_flows_whether_it_changes_its_port_or_its_peer(kind: NatKind) -> None:
    box = Box(kind)
    for port in (5000, 5001):
        passed = [box.out(datagram((ONE, port), _remote(number))) for number in range(SHARE)]
        assert sum(one is not None for one in passed) == (SHARE if port == 5000 else 0)
    assert box.out(datagram((OTHER, 5000), _remote(1))) is not None, "another station has its own share"
    assert calls(lambda: box.out(datagram((ONE, 5000), _remote(9_000_000)))) < 300, "what is refused costs little"
    box.now = 200.0
    assert box.out(datagram((ONE, 5000), _remote(9_000_000))) is not None


def test_strangers_who_find_a_port_take_no_flow_that_a_station_begins() -> None:
    box = Box("cone")
    box.out(datagram((ONE, 5000), _remote(0)))
    let_in = [box.back(datagram(_remote(number), (PUBLIC, 5000))) for number in range(1, SHARE + 100)]
    assert sum(one is not None for one in let_in) == SHARE
    assert box.out(datagram((ONE, 5000), _remote(9_000_000))) is not None
    assert box.back(datagram(_remote(1), (PUBLIC, 5000))) is not None
