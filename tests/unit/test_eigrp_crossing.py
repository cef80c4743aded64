"""First packets that cross: each side sent its own before it had the other's, and FRR begins again at ours."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base.effects import SendIp
from dmvpn.base.events import IpReceived
from dmvpn.features.eigrp.model import EigrpConfig, ProcessSettings
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode, PacketFlag
from dmvpn.features.eigrp.tlv import Parameters
from support.eigrp_net import EVERYTHING, EigrpNet, ethernet, tunnel

US, EIGRPD = IPv4Address("192.168.100.11"), IPv4Address("192.168.100.31")
GROUP = IPv4Address("224.0.0.10")
NONE = PacketFlag(0)


def _hub() -> EigrpNet:
    """R11, alone with what the tests say in the name of a neighbor."""
    net = EigrpNet()
    net.router("R11", config=EigrpConfig((ProcessSettings(autonomous_system=100, networks=(EVERYTHING,)),)))
    net.plug("tunnel", "R11", tunnel(str(US)))
    net.plug("", "R11", ethernet("GigabitEthernet0/2", "10.1.1.1"))
    net.run(0.1)
    return net


def _say(
    net: EigrpNet, opcode: Opcode, sequence: int = 0, acknowledgment: int = 0, flags: PacketFlag = NONE
) -> list[EigrpPacket]:
    """The neighbor sends a packet. Returns what goes to it within a tenth of a second."""
    now = net.now
    packet = EigrpPacket(
        opcode=opcode,
        autonomous_system=100,
        flags=flags,
        sequence=sequence,
        acknowledgment=acknowledgment,
        tlvs=(Parameters(hold_time=15),) if opcode == Opcode.HELLO and not acknowledgment else (),
    )
    destination = GROUP if packet.tlvs else US
    net.event("R11", IpReceived("Tunnel100", EIGRPD, destination, 88, packet.serialize()))
    net.run(0.1)
    orders = [sent for sent in net.packets(now) if isinstance(sent.order, SendIp) and sent.order.destination == EIGRPD]
    return [sent.packet for sent in orders]


def test_a_first_packet_that_acknowledges_ours_is_no_restart_though_another_came_before_it() -> None:
    """With FRR's eigrpd, which had started again, both began again once a second without end, and no route came."""
    net = _hub()
    (init,) = _say(net, Opcode.HELLO)
    assert PacketFlag.INIT in init.flags
    _say(net, Opcode.UPDATE, 1, 0, PacketFlag.INIT)  # it crossed with ours
    _say(net, Opcode.UPDATE, 2, 0, PacketFlag.END_OF_TABLE)  # its table; of ours it says nothing
    net.run(1)  # we repeat our first packet
    answers = _say(net, Opcode.UPDATE, 2, init.sequence, PacketFlag.INIT)  # it begins again
    assert [packet for packet in answers if PacketFlag.INIT in packet.flags] == []
    (table,) = [packet for packet in answers if packet.opcode == Opcode.UPDATE]
    assert (table.acknowledgment, PacketFlag.END_OF_TABLE in table.flags) == (2, True)
    assert len(net.routers["R11"].logs) == 1


@pytest.mark.conforms("eigrp:5.3.3-restart")
def test_a_first_packet_of_a_neighbor_that_is_up_is_a_restart_whatever_it_acknowledges() -> None:
    net = _hub()
    (init,) = _say(net, Opcode.HELLO)
    _say(net, Opcode.UPDATE, 1, init.sequence, PacketFlag.INIT)
    answers = _say(net, Opcode.UPDATE, 7, init.sequence, PacketFlag.INIT)
    assert [packet for packet in answers if PacketFlag.INIT in packet.flags]
    assert [text.rpartition(" is ")[2] for text in net.routers["R11"].logs] == [
        "up: new adjacency",
        "down: peer restarted",
        "up: new adjacency",
    ]


def test_a_neighbor_that_goes_on_where_we_never_began_is_greeted_again_or_its_table_would_never_come() -> None:
    """A spoke's goodbye came twice, late. Its hub began again; the spoke took that for the first time, and sent on."""
    net = _hub()
    (init,) = _say(net, Opcode.HELLO)
    _say(net, Opcode.UPDATE, 8, init.sequence, PacketFlag.END_OF_TABLE)
    assert len(net.routers["R11"].logs) == 1, "it may have been on its way since before"
    net.run(1)
    (again,) = [one for one in _say(net, Opcode.UPDATE, 8, 0, PacketFlag.END_OF_TABLE) if PacketFlag.INIT in one.flags]
    assert again.sequence != init.sequence, "by which it sees that we began again"
    _say(net, Opcode.UPDATE, 9, again.sequence, PacketFlag.INIT)
    net.run(3)
    assert [text.rpartition(" is ")[2] for text in net.routers["R11"].logs] == [
        "up: new adjacency",
        "down: peer restarted",
        "up: new adjacency",
    ]
