"""Neighbors that restart gracefully are helped, RFC 3623 §3; opaque advertisements, by which they say so: RFC 5250."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base.errors import WireError
from dmvpn.base.events import IpReceived
from dmvpn.features.ospf.graceful import Grace
from dmvpn.features.ospf.lsa import MAX_AGE, Lsa, LsaKey, LsaType, UnknownBody
from dmvpn.features.ospf.machine import OspfMachine
from dmvpn.features.ospf.packet import LinkStateUpdate, OspfPacket
from dmvpn.features.ospf.sender import PROTOCOL
from support.ospf_net import OspfNet

PERIOD, REASON = bytes.fromhex("00010004 0000003c"), bytes.fromhex("00020001 01000000")
TWO = IPv4Address("10.0.0.2")


def line(more: str = "") -> OspfNet:
    """1 - 2 - 3, wires between them; router 1 has more lines."""
    net = OspfNet(3, [(1, 2), (2, 3)])
    net.run_for(10)
    if more:
        net.enter(1, f"router ospf 1\n{more}")
    return net


def tells(net: OspfNet, lsa: Lsa) -> None:
    """Router 2 tells router 1 something."""
    packet = OspfPacket(router=TWO, area=IPv4Address(0), content=LinkStateUpdate((lsa,))).serialize()
    event = IpReceived("Ethernet0/2", IPv4Address("10.1.2.2"), IPv4Address("224.0.0.5"), PROTOCOL, packet, 1)
    net.deliver(1, event)


def grace(*, age: int = 0, sequence: int = 1, tlvs: bytes = PERIOD + REASON, identifier: str = "3.0.0.0") -> Lsa:
    key = LsaKey(LsaType.OPAQUE_LINK, IPv4Address(identifier), TWO)
    return Lsa.make(key, UnknownBody(tlvs), sequence=sequence, options=0x42, age=age)


def silence(net: OspfNet, seconds: float) -> None:
    """Router 2 is not heard by router 1."""
    net.cut.add((1, 2))
    net.run_for(seconds)


def is_there(net: OspfNet) -> bool:
    """Does router 1 lead packets to router 3 by router 2?"""
    return 3 in net.found(1)


@pytest.mark.conforms("ospf:3623-a")
@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        ("00010004 0000003c 00020001 01000000 00030004 0a010202", Grace(60, 1, IPv4Address("10.1.2.2"))),
        ("00010004 0000003c", Grace(60)),
        ("00020001 03000000 7fff0003 01020300 00010004 00000708", Grace(1800, 3)),
    ],
)
def test_what_a_grace_lsa_says(octets: str, expected: Grace) -> None:
    assert Grace.parse(bytes.fromhex(octets)) == expected


@pytest.mark.parametrize("octets", ["", "0001", "00010004 0000", "00010002 003c0000", "00020001 01000000"])
def test_a_grace_lsa_without_a_period_says_nothing(octets: str) -> None:
    with pytest.raises(WireError):
        Grace.parse(bytes.fromhex(octets))


@pytest.mark.conforms("ospf:3623-3.1-helps")
def test_a_neighbor_that_restarts_gracefully_may_be_silent_for_its_grace_period() -> None:
    net = line()
    tells(net, grace())
    silence(net, 50)
    assert is_there(net)
    assert "    It restarts gracefully, and is helped for 10 more seconds" in net.routers[1].show(
        "show ip ospf neighbor detail"
    )
    net.run_for(12)
    assert not is_there(net)
    logs = [each for each in net.routers[1].logs if "NSFHELPER" in each]
    head = "%OSPF-5-NSFHELPER: Process 1, Nbr 10.0.0.2 on Ethernet0/2"
    assert logs == [
        f"{head} restarts gracefully, and is helped for 60 seconds",
        f"{head} is helped no longer: its time is over",
    ]


@pytest.mark.conforms("ospf:3623-3.2-back")
def test_when_it_takes_its_grace_lsa_back_it_is_a_neighbor_like_others() -> None:
    net = line()
    tells(net, grace())
    tells(net, grace(age=MAX_AGE))
    assert is_there(net)
    silence(net, 10)
    assert not is_there(net)
    assert any("is helped no longer: it is back" in each for each in net.routers[1].logs)


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("lsa", "lines"),
    [
        (grace(), " nsf ietf helper disable\n"),
        (grace(age=60), ""),
        (grace(tlvs=REASON), ""),
        (grace(identifier="4.0.0.0"), ""),
        (grace(tlvs=PERIOD + bytes.fromhex("00030004 0a010203")), ""),
    ],
    ids=["not configured", "late", "no period", "another opaque type", "another address"],
)
def test_who_is_not_helped_is_lost_when_it_is_silent(lsa: Lsa, lines: str) -> None:
    net = line(lines)
    tells(net, lsa)
    silence(net, 10)
    assert not is_there(net)


@pytest.mark.lengthy
@pytest.mark.conforms("ospf:3623-3.2-topology")
@pytest.mark.parametrize(("lines", "stays"), [("", True), (" nsf ietf helper strict-lsa-checking\n", False)])
def test_a_change_of_the_network_ends_it_where_that_is_configured(lines: str, stays: bool) -> None:
    net = OspfNet(4, [(1, 2), (2, 3), (1, 4)])
    net.run_for(10)
    net.enter(1, f"router ospf 1\n{lines}")
    tells(net, grace())
    silence(net, 10)
    assert is_there(net)
    net.enter(4, "interface Loopback0\n ip ospf cost 9\n")
    net.run_for(5)
    assert is_there(net) is stays


def test_a_neighbor_that_never_was_full_is_not_helped() -> None:
    net = OspfNet(3, [(1, 2), (2, 3)])
    tells(net, grace())
    net.run_for(10)
    assert not any("NSFHELPER" in each for each in net.routers[1].logs)


@pytest.mark.lengthy
@pytest.mark.conforms("ospf:5250-flooding")
@pytest.mark.parametrize("kind", [LsaType.OPAQUE_AREA, LsaType.OPAQUE_AS])
def test_opaque_advertisements_of_areas_and_of_all_of_ospf_are_told_on(kind: LsaType) -> None:
    net = OspfNet(3, [(1, 2), (1, 3)])
    net.run_for(10)
    key = LsaKey(kind, IPv4Address("77.0.0.1"), IPv4Address("10.0.0.9"))
    tells(net, Lsa.make(key, UnknownBody(b"abcd"), sequence=1, options=0x42))
    net.run_for(5)
    for number in (1, 3):
        process = net.routers[number].machine(OspfMachine).processes[1]
        assert key in process.state.database(process.areas[0], kind).entries
    of_area = kind is LsaType.OPAQUE_AREA
    shown = net.routers[3].show("show ip ospf database")
    at = next(at for at, line in enumerate(shown) if f"Type-{kind:d} Opaque Link {'Area' if of_area else 'AS'}" in line)
    assert shown[at + 2].endswith("Checksum Opaque ID")
    assert shown[at + 3].split()[:2] + shown[at + 3].split()[-1:] == ["77.0.0.1", "10.0.0.9", "1"]
    whole = net.routers[3].show(f"show ip ospf database {'opaque-area' if of_area else 'opaque-as'}")
    assert [line for line in whole if line.startswith("  Opaque")] == ["  Opaque Type: 77", "  Opaque ID: 1"]
    assert whole[-1] == "    61626364"
    assert net.routers[3].show("show ip ospf database opaque-link") == []


def test_what_a_neighbor_does_not_acknowledge_is_repeated_and_a_debug_says_so() -> None:
    net = OspfNet(3, [(1, 2), (1, 3)])
    net.run_for(10)
    net.routers[1].debugging.flags = {"ip ospf retransmission"}
    net.cut.add((1, 2))
    net.set_cost(1, 3, 7)
    net.run_for(12)
    lines = [line for line in net.routers[1].debug_lines if "RXMT" in line]
    assert lines
    assert set(lines) == {"OSPF-1 RXMT : Retransmit 1 advertisements to 10.0.0.2 on Ethernet0/2"}


@pytest.mark.conforms("ospf:5250-link")
def test_those_of_a_link_stay_there() -> None:
    net = OspfNet(3, [(1, 2), (1, 3)])
    net.run_for(10)
    tells(net, grace())
    net.run_for(5)
    shown = "\n".join(net.routers[1].show("show ip ospf database database-summary"))
    assert "3.0.0.0" not in shown
    assert not any("NSFHELPER" in each for each in net.routers[3].logs)
