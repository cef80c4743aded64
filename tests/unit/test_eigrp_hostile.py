"""EIGRP with a member that greets by thousands of addresses: neighbors stay, others come, the log says it once."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.events import IpReceived
from dmvpn.features.eigrp import neighborhood, receiver
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode, PacketFlag
from dmvpn.features.eigrp.sender import ALL_ROUTERS, PROTOCOL
from dmvpn.features.eigrp.tlv import Parameters
from dmvpn.features.eigrp.translate import Advert, to_tlv
from support.eigrp_net import EigrpNet, ethernet, tunnel
from unit.test_eigrp_adjacency import CLASSIC

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
        net.event("R11", IpReceived("Tunnel100", IPv4Address(first + number), ALL_ROUTERS, PROTOCOL, HELLO, 2))


def test_hellos_of_a_thousand_addresses_make_a_bounded_number_of_neighbors_and_few_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(neighborhood, "MOST_NEIGHBORS", MOST)
    net = hub("R31")
    net.run(5)
    greets(net, *range(1000))
    process = net.routers["R11"].process
    assert len(process.neighbors()) == MOST
    assert [str(each.address) for each in process.neighbors() if each.is_up] == ["10.255.0.31"]
    assert len(net.routers["R11"].logs) <= 2 * MOST, "each of those that there was room for came and went"
    assert any("than there is room for" in line for line in net.routers["R11"].logs)


def test_who_is_new_becomes_a_neighbor_while_strangers_fill_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighborhood, "MOST_NEIGHBORS", MOST)
    net = hub("R31", "R32")
    net.line("R32", "Tunnel100", up=False)
    net.run(5)
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
    net = hub("R31")
    net.run(5)
    greets(net, *range(20))
    net.run(80)
    assert [str(each.address) for each in net.routers["R11"].process.neighbors()] == ["10.255.0.31"]


def test_news_for_a_neighbor_does_not_wait_until_strangers_have_been_called() -> None:
    net = hub("R31")
    for name, host in (("R11", 1), ("R31", 31)):
        net.change(name, "Tunnel100", replace(tunnel(f"10.255.0.{host}"), prefix_length=16, bandwidth=100))
    net.run(5)
    greets(net, *range(1000))
    net.plug("", "R11", ethernet("GigabitEthernet0/3", "10.99.3.3"))
    net.run(1)
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
    monkeypatch.setattr(receiver, "MOST_QUESTIONS", 100)
    net = hub("R31")
    net.run(5)
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
