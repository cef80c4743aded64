"""EIGRP with a member that greets by thousands of addresses: neighbors stay, others come, the log says it once."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.events import IpReceived
from dmvpn.base.notices import Route, RouteSource
from dmvpn.features.eigrp import events, machine, state
from dmvpn.features.eigrp.metric import Vector
from dmvpn.features.eigrp.model import IPV4, AuthenticationMode, EigrpConfig, InterfaceSettings, Redistribution
from dmvpn.features.eigrp.output import PROTOCOL
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode, PacketFlag
from dmvpn.features.eigrp.tlv import Encoded, Parameters
from dmvpn.features.eigrp.topology import Advert, to_tlv
from support.eigrp_net import EigrpNet, ethernet, tunnel
from unit.test_eigrp_adjacency import CLASSIC, HUB, SPOKE, pair

if TYPE_CHECKING:
    from dmvpn.features.eigrp.interface import Neighbor
    from dmvpn.features.eigrp.tlv import Tlv

MOST = 50
NO_FLAGS = PacketFlag(0)
#: It says that it may be silent for eighteen hours.
HELLO = EigrpPacket(
    opcode=Opcode.HELLO, autonomous_system=100, tlvs=(Parameters(k1=1, k2=0, k3=1, k4=0, k5=0, k6=0, hold_time=0xFFFF),)
).serialize()


def hub(*spokes: str) -> EigrpNet:
    """R11 at 10.255.0.1/16, and spokes at 10.255.0.31 and further on."""
    net = EigrpNet()
    for number, name in enumerate(("R11", *spokes), 30):
        net.router(name, CLASSIC)
        host = number if name != "R11" else 1
        net.plug("tunnel", name, replace(tunnel(f"10.255.0.{host}"), prefix_length=16))
        net.plug("", name, ethernet("GigabitEthernet0/2", f"10.{number}.3.3"))
    return net


def greets(net: EigrpNet, *numbers: int) -> None:
    """Greet R11 by addresses from 10.255.4.0 on."""
    first = int(IPv4Address("10.255.4.0"))
    for number in numbers:
        net.event("R11", IpReceived("Tunnel100", IPv4Address(first + number), IPV4.group, PROTOCOL, HELLO, 2))


def test_hellos_of_a_thousand_addresses_make_a_bounded_number_of_neighbors_and_few_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state, "MOST_NEIGHBORS", MOST)
    net = hub("R31").run(5)
    greets(net, *range(1000))
    process = net.routers["R11"].process
    assert len(process.neighbors()) == MOST
    assert [str(each.address) for each in process.neighbors() if each.is_up] == ["10.255.0.31"]
    assert len(net.routers["R11"].logs) <= 2 * MOST, "each of those that there was room for came and went"
    assert any("than there is room for" in line for line in net.routers["R11"].logs)


def test_who_is_new_becomes_a_neighbor_while_strangers_fill_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "MOST_NEIGHBORS", MOST)
    net = hub("R31", "R32")
    net.line("R32", "Tunnel100", up=False).run(5)
    greets(net, *range(1000))
    net.line("R32", "Tunnel100", up=True)
    for start in range(1000, 2000, 10):
        greets(net, *range(start, start + 10))
        net.run(0.05)
    up = [str(each.address) for each in net.routers["R11"].process.neighbors() if each.is_up]
    assert up == ["10.255.0.31", "10.255.0.32"]
    assert net.routers["R31"].metric("10.32.3.0/24") is not None
    assert "EIGRP-IPv4 100: Neighbor 10.255.0.32 (Tunnel100) is up: new adjacency" in net.routers["R11"].logs


def test_an_address_that_answers_nothing_is_forgotten_after_sixteen_tries_however_long_it_may_be_silent() -> None:
    net = hub("R31").run(5)
    greets(net, *range(20))
    net.run(80)
    assert [str(each.address) for each in net.routers["R11"].process.neighbors()] == ["10.255.0.31"]


def test_news_for_a_neighbor_does_not_wait_until_strangers_have_been_called() -> None:
    net = hub("R31")
    for name, host in (("R11", 1), ("R31", 31)):
        net.change(name, "Tunnel100", replace(tunnel(f"10.255.0.{host}"), prefix_length=16, bandwidth=100))
    net.run(5)
    greets(net, *range(1000))
    net.plug("", "R11", ethernet("GigabitEthernet0/3", "10.99.3.3")).run(1)
    assert net.routers["R31"].metric("10.99.3.0/24") is not None


class Asking:
    """A neighbor of R11 that asks for destinations that nobody has, and acknowledges what it likes."""

    def __init__(self, net: EigrpNet) -> None:
        self.net, self.address, self.sequence = net, IPv4Address("10.255.4.0"), 1
        greets(net, 0)
        self._says(Opcode.UPDATE, flags=PacketFlag.INIT, acknowledges=self.heard()[-1].sequence)

    def heard(self) -> list[EigrpPacket]:
        return [sent.packet for sent in self.net.sent if sent.order.destination == self.address]

    def asks(self, opcode: Opcode, number: int) -> None:
        prefixes = [Prefix.parse(f"20.{number >> 8}.{number & 255}.{16 * part}/28") for part in range(10)]
        self.sequence += 1
        self._says(opcode, *(to_tlv(prefix, Advert(None), wide=False) for prefix in prefixes))

    def acknowledges(self) -> None:
        self._says(Opcode.HELLO, acknowledges=max(packet.sequence for packet in self.heard()), sequence=0)

    @property
    def neighbor(self) -> Neighbor:
        neighbors = self.net.routers["R11"].process.neighbors()
        return next(one for one in neighbors if one.address == self.address)

    def _says(
        self,
        opcode: Opcode,
        *tlvs: Tlv,
        flags: PacketFlag = NO_FLAGS,
        acknowledges: int = 0,
        sequence: int | None = None,
    ) -> None:
        packet = EigrpPacket(
            opcode=opcode,
            autonomous_system=100,
            sequence=self.sequence if sequence is None else sequence,
            acknowledgment=acknowledges,
            flags=flags,
            tlvs=tlvs,
        )
        us = IPv4Address("10.255.0.1")
        self.net.event("R11", IpReceived("Tunnel100", self.address, us, PROTOCOL, packet.serialize(), 2))


@pytest.mark.parametrize("opcode", [Opcode.QUERY, Opcode.SIA_QUERY])
def test_who_asks_without_end_and_takes_no_answer_has_a_bounded_number_of_questions(
    opcode: Opcode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST_QUESTIONS", 100)
    net = hub("R31").run(5)
    asking = Asking(net)
    for number in range(100):
        asking.asks(opcode, number)
        net.run(0.01)
    assert len(asking.neighbor.backlog.replies) <= 110
    assert "too many questions" in net.routers["R11"].process.state.traffic.dropped
    refused = asking.heard()[-1].acknowledgment
    assert refused < asking.sequence, "what is not taken is not acknowledged: it has to come again"
    for _ in range(5):
        asking.acknowledges()
        net.run(0.1)
    asking.asks(opcode, 200)
    net.run(0.1)
    assert asking.sequence in [packet.acknowledgment for packet in asking.heard()]


# How much work one neighbor of EIGRP may cause, and that nobody else waits for it.

US = IPv4Address("10.255.0.1")
EACH = 30


def _networks(number: int, delay: int = 10_000_000) -> bytes:
    metric = Vector(delay=delay, bandwidth=1_000_000, mtu=1400)
    networks = (Prefix.of(IPv4Address(0x14000000 + 256 * (EACH * number + one)), 24) for one in range(EACH))
    return b"".join(to_tlv(one, Advert(metric), wide=True).serialize() for one in networks)


class Talker:
    """A neighbor of R11 that tells what it likes, as fast as it likes."""

    def __init__(self, net: EigrpNet) -> None:
        self.net, self.address, self.sequence = net, IPv4Address("10.255.4.0"), 1
        greets(net, 0)
        self.says(Opcode.UPDATE, flags=PacketFlag.INIT, acknowledges=self.heard()[-1].sequence)
        net.run(0.1)
        self.says(Opcode.HELLO, acknowledges=self.heard()[-1].sequence, sequence=0)

    def heard(self) -> list[EigrpPacket]:
        return [sent.packet for sent in self.net.sent if sent.order.destination == self.address]

    def tells(self, number: int, delay: int = 10_000_000) -> int:
        """It tells of thirty networks; the octets of that."""
        self.sequence += 1
        return self.says(Opcode.UPDATE, octets=_networks(number, delay))

    def says(
        self,
        opcode: Opcode,
        *,
        octets: bytes = b"",
        flags: PacketFlag = NO_FLAGS,
        acknowledges: int = 0,
        sequence: int | None = None,
    ) -> int:
        packet = EigrpPacket(
            opcode=opcode,
            autonomous_system=100,
            sequence=self.sequence if sequence is None else sequence,
            acknowledgment=acknowledges,
            flags=flags,
            tlvs=(Encoded(octets=octets),) if octets else (),
        ).serialize()
        self.net.event("R11", IpReceived("Tunnel100", self.address, US, PROTOCOL, packet, 2))
        return len(packet)

    @property
    def told(self) -> int:
        """How many networks the hub has by it."""
        neighbors = self.net.routers["R11"].process.neighbors()
        return next(len(one.source.prefixes) for one in neighbors if one.address == self.address)

    @property
    def acknowledged(self) -> int:
        """The last of its packets that the hub has taken."""
        return max(packet.acknowledgment for packet in self.heard())


def _updates(net: EigrpNet) -> int:
    return net.routers["R11"].process.state.traffic.received[Opcode.UPDATE]


@pytest.mark.lengthy
def test_a_neighbor_that_floods_a_hub_with_changes_is_heard_slowly_and_everybody_else_as_always() -> None:
    """A member whose routes changed all the time held the hub's core, and innocent neighbors expired."""
    net = hub("R31").run(5)
    talker = Talker(net)
    before, sent, octets = _updates(net), 0, 0
    for number in range(1000):
        octets = talker.tells(0, 10_000_000 + 1000 * (number % 7))
        sent += 1
        net.run(0.01)
    read = _updates(net) - before
    assert read * octets <= 10 * machine.PACE.rate + machine.PACE.credit + octets < sent * octets
    dropped = net.routers["R11"].process.state.traffic.dropped
    assert dropped["more work than one neighbor may cause"] > 100
    net.plug("", "R31", ethernet("GigabitEthernet0/3", "10.99.3.3")).run(0.1)
    assert net.routers["R11"].metric("10.99.3.0/24") is not None
    assert "10.255.0.31" in [str(one.address) for one in net.routers["R11"].process.neighbors() if one.is_up]


def test_a_whole_table_that_comes_faster_than_it_is_read_waits_and_nothing_of_it_is_lost() -> None:
    net = hub("R31").run(5)
    talker = Talker(net)
    for number in range(60):
        talker.tells(number)
    assert 0 < talker.told < 60 * EACH
    net.run(3)
    assert talker.told == 60 * EACH
    assert talker.acknowledged == talker.sequence
    assert not net.routers["R11"].process.state.traffic.dropped


@pytest.mark.parametrize("wide", [True, False], ids=["wide", "classic"])
def test_routes_of_the_other_family_are_ignored_and_the_rest_of_the_packet_counts(wide: bool) -> None:
    net = hub("R31").run(5)
    talker = Talker(net)
    advert = Advert(Vector(delay=10_000_000, bandwidth=1_000_000, mtu=1400))
    routes = [to_tlv(Prefix.parse(text), advert, wide=wide).serialize() for text in ("2001:db8:9::/48", "20.9.9.0/24")]
    talker.sequence += 1
    talker.says(Opcode.UPDATE, octets=b"".join(routes))
    net.run(1)
    assert talker.told == 1
    assert talker.acknowledged == talker.sequence
    assert Prefix.parse("20.9.9.0/24") in net.routers["R11"].routes
    assert Prefix.parse("2001:db8:9::/48") not in net.routers["R11"].routes


def test_what_somebody_without_the_key_sends_in_a_neighbors_name_does_not_count_as_its_work() -> None:
    strong = InterfaceSettings(authentication=AuthenticationMode.HMAC_SHA_256, password="sesame")
    sealed = replace(CLASSIC, default_interface=strong)
    net = pair(sealed, sealed).run(20)
    packet = EigrpPacket(
        opcode=Opcode.UPDATE, autonomous_system=100, sequence=9, tlvs=(Encoded(octets=_networks(0)),)
    ).serialize()
    for _ in range(500):
        net.event("R11", IpReceived("Tunnel100", SPOKE, HUB, PROTOCOL, packet, 2))
    net.plug("", "R31", ethernet("GigabitEthernet0/3", "10.99.3.3")).run(0.1)
    assert net.routers["R11"].metric("10.99.3.0/24") is not None


def test_what_comes_from_no_neighbor_or_is_larger_than_any_packet_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LARGEST", 1000)
    net = hub("R31").run(5)
    talker = Talker(net)
    talker.tells(0)
    assert talker.told == 0
    monkeypatch.undo()
    talker.address = IPv4Address("10.255.4.1")
    talker.tells(0)
    dropped = net.routers["R11"].process.state.traffic.dropped
    assert dropped == {"larger than the network carries": 1, "from no neighbor": 1}


def test_a_process_that_is_gone_leaves_no_work_behind() -> None:
    """After `no router eigrp` the router went on through its routing table, a few routes in each event."""
    net = EigrpNet()
    hub = net.router("R11", replace(CLASSIC, redistributions=(Redistribution(source=RouteSource.STATIC),)))
    prefixes = [Prefix.of(IPv4Address(0x14000000 + 256 * number), 24) for number in range(100)]
    hub.rib.known += [Route(prefix=each, source=RouteSource.STATIC, distance=1) for each in prefixes]
    net.configure("R11", EigrpConfig((replace(hub.process.state.settings, router_id=US),)))
    net.configure("R11", EigrpConfig())
    assert hub.machine.next_deadline() is None
