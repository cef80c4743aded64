"""Gateways of RIP that BFD watches, and what becomes of their routes when one is lost."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base.events import IpReceived
from dmvpn.base.notices import RouteSource
from dmvpn.features.bfd import FEATURE as BFD
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.policy import FEATURE as POLICY
from dmvpn.features.rib import FEATURE as RIB
from dmvpn.features.rip import FEATURE as RIP
from dmvpn.features.rip.gateways import MOST_REMEMBERED, MOST_WATCHED
from dmvpn.features.rip.packet import Command, RipPacket
from dmvpn.features.static import FEATURE as STATIC
from dmvpn.features.tunnel import FEATURE as TUNNEL
from dmvpn.net.udp import UdpDatagram
from support.segments import Segments
from support.workbench import Workbench

GI1, GI2 = "GigabitEthernet0/1", "GigabitEthernet0/2"
ALL = " bfd all-interfaces\n"


def text(number: int, more: str) -> str:
    """Router 1 is the one that is looked at; 2 and 3 both reach 10.9.0.0/16, 3 at a greater distance."""
    lan = f"interface {GI2}\n ip address 10.{9 if number > 1 else 1}.0.{number} 255.255.0.0\n"
    offset = " offset-list 0 out 3\n" if number == 3 else ""
    wire = f"interface {GI1}\n ip address 10.0.0.{number} 255.255.255.0\n bfd interval 50 min_rx 50 multiplier 3\n"
    return f"{wire}{lan}router rip\n version 2\n no auto-summary\n network 10.0.0.0\n{offset}{more}"


def net_of(*mores: str) -> Segments:
    net = Segments()
    for number, more in enumerate(mores, 1):
        bench = Workbench(POLICY, INTERFACE, TUNNEL, RIB, STATIC, RIP, BFD, seed=number)
        net.add(f"R{number}", bench, text(number, more))
        net.link(f"R{number}", GI2, up=True)
    net.connect(*((name, GI1) for name in net.routers))
    net.run(5)
    return net


def die(net: Segments, name: str) -> None:
    """Cut a router off from the wire; the others keep their carrier."""
    net.segments = [[end for end in segment if end[0] != name] for segment in net.segments]


def metric(net: Segments) -> int | None:
    """Of router 1's route to the network of both others."""
    routes = net.routers["R1"].ports.rib.routes()
    return next((r.metric for r in routes if r.source is RouteSource.RIP and str(r.prefix) == "10.9.0.0/16"), None)


def sessions(net: Segments, name: str) -> list[str]:
    """Whom a router watches."""
    rows = (line.split() for line in net.routers[name].show("show bfd neighbors"))
    return sorted(row[0] for row in rows if row and row[0].startswith("10."))


@pytest.mark.parametrize(("first", "others"), [(ALL, ALL), (" neighbor 10.0.0.2 bfd\n", " neighbor 10.0.0.1 bfd\n")])
def test_a_gateway_that_tells_routes_is_watched(first: str, others: str) -> None:
    net = net_of(first, others)
    assert sessions(net, "R1") == ["10.0.0.2"]
    assert "Registered protocols: RIP" in net.routers["R1"].show("show bfd neighbors details")
    assert first in "\n".join(net.routers["R1"].running_lines()) + "\n"


def test_an_interface_may_say_for_itself_whether_its_gateways_are_watched() -> None:
    net = net_of("", ALL)
    assert sessions(net, "R1") == []
    net.configure("R1", f"interface {GI1}\n ip rip bfd\n")
    net.run(40)
    assert sessions(net, "R1") == ["10.0.0.2"]
    net.configure("R1", f"interface {GI1}\n ip rip bfd disable\nrouter rip\n bfd all-interfaces\n")
    net.run(40)
    assert sessions(net, "R1") == []


def test_the_routes_of_a_lost_gateway_go_at_once_and_those_of_the_next_are_asked_for() -> None:
    """Without BFD they stay for three minutes, and nothing worse is believed for another one."""
    net = net_of(ALL, ALL, ALL)
    assert metric(net) == 1
    die(net, "R2")
    net.run(0.3)
    assert metric(net) == 4


@pytest.mark.lengthy
@pytest.mark.parametrize("is_seen_by_bfd", [True, False])
def test_another_way_is_asked_for_on_other_interfaces_too(*, is_seen_by_bfd: bool) -> None:
    """A core that lost its first hub asked on that hub's interface alone: the second one told it when its next update
    was due; and where the interface went down, nothing worse was believed for three minutes.
    """
    net = net_of(ALL, ALL, ALL)
    net.segments = []
    net.connect(("R1", GI1), ("R2", GI1))
    net.connect(("R1", GI2), ("R3", GI1))
    net.configure(
        "R1", f"interface {GI2}\n ip address 10.0.1.1 255.255.255.0\n bfd interval 50 min_rx 50 multiplier 3\n"
    )
    net.configure("R3", f"interface {GI1}\n ip address 10.0.1.3 255.255.255.0\n")
    net.run(40)
    assert metric(net) == 1
    if is_seen_by_bfd:
        die(net, "R2")
    else:
        net.link("R1", GI1, up=False)
    net.run(0.3)
    assert metric(net) == 4


@pytest.mark.lengthy
def test_old_news_of_our_own_is_no_answer_when_we_ask_for_another_way() -> None:
    """Router 3 has the network from us alone: it hears that it is gone before it is asked."""
    net = net_of(ALL, ALL, ALL)
    net.segments = []
    net.connect(("R1", GI1), ("R2", GI1))
    net.connect(("R1", GI2), ("R3", GI1))
    net.configure("R1", f"interface {GI2}\n ip address 10.0.1.1 255.255.255.0\n")
    net.configure("R3", f"interface {GI1}\n ip address 10.0.1.3 255.255.255.0\n no ip split-horizon\n")
    net.configure("R3", f"interface {GI2}\n ip address 10.8.0.3 255.255.255.0\n")
    net.run(300)
    assert metric(net) == 1
    assert "10.9.0.0/16" in "\n".join(net.routers["R3"].show("show ip route"))
    die(net, "R2")
    for _ in range(60):
        net.run(0.1)
        assert metric(net) in (1, None)


def test_a_lost_gateway_that_nobody_watches_is_believed_until_it_has_been_silent_for_long() -> None:
    net = net_of("", "", "")
    die(net, "R2")
    net.run(100)
    assert metric(net) == 1


@pytest.mark.parametrize("end", ["router rip\n no bfd all-interfaces\n", "no router rip\n"])
def test_who_wants_no_gateway_watched_any_more_ends_the_sessions(end: str) -> None:
    net = net_of(ALL, ALL)
    assert sessions(net, "R1") == ["10.0.0.2"]
    net.configure("R1", end)
    net.run(5)
    assert sessions(net, "R1") == []


@pytest.mark.lengthy
def test_forged_senders_are_neither_watched_nor_remembered_without_end() -> None:
    """With `bfd all-interfaces` each new sender of a response cost a session and a row of `show ip protocols`."""
    net = net_of(ALL, ALL)
    router, group = net.routers["R1"], IPv4Address("224.0.0.9")
    response = RipPacket(command=Command.RESPONSE).serialize()
    for number in range(MOST_REMEMBERED + 100):
        source = IPv4Address(int(IPv4Address("10.1.1.0")) + number)
        octets = UdpDatagram(source_port=520, destination_port=520, payload=response).serialize(source, group)
        router.handle(IpReceived(GI2, source, group, 17, octets, ttl=2))
    watched = sessions(net, "R1")
    assert len(watched) == 1 + MOST_WATCHED
    assert "10.0.0.2" in watched
    assert len(router.show("show ip protocols")) < MOST_REMEMBERED + 50
    net.run(400)
    assert sessions(net, "R1") == ["10.0.0.2"], "a gateway that speaks stays; the others were silent for long"


def test_a_gateway_that_says_nothing_for_long_is_watched_no_more() -> None:
    net = net_of(ALL, ALL)
    die(net, "R2")
    net.run(400)
    assert sessions(net, "R1") == []
