"""Neighbors: how they come, and each way in which they go."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from itertools import pairwise

import pytest

from dmvpn.base.credentials import Key, KeyChain, Lifetime
from dmvpn.base.effects import Listen, SendIp, StopListening
from dmvpn.base.events import IpReceived, Resync
from dmvpn.base.notices import Configured, InterfaceChanged, MulticastReached
from dmvpn.base.pages import Pages
from dmvpn.features.eigrp import auth
from dmvpn.features.eigrp.interface import EigrpInterface, Neighbor
from dmvpn.features.eigrp.machine import ClearNeighbors
from dmvpn.features.eigrp.metric import MetricScale, Weights
from dmvpn.features.eigrp.model import AuthenticationMode, EigrpConfig, InterfaceSettings, ProcessSettings
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode, PacketFlag
from dmvpn.features.eigrp.tlv import Authentication, Parameters, PeerTermination, StubFlag
from support.eigrp_net import EVERYTHING, EigrpNet, ethernet, tunnel
from support.work import alive, uncollected

CLASSIC = ProcessSettings(autonomous_system=100, networks=(EVERYTHING,))
R31_UP = "EIGRP-IPv4 100: Neighbor 192.168.100.31 (Tunnel100) is up: new adjacency"


def down(reason: str, neighbor: str = "192.168.100.31") -> str:
    return f"EIGRP-IPv4 100: Neighbor {neighbor} (Tunnel100) is down: {reason}"


def pair(
    hub: ProcessSettings = CLASSIC,
    spoke: ProcessSettings = CLASSIC,
    chain: KeyChain | None = None,
    spoke_chain: KeyChain | None = None,
) -> EigrpNet:
    """R11 and R31 with a tunnel between them, each with a LAN."""
    net = EigrpNet()
    chains = Pages((chain,) if chain else ())
    net.router("R11", config=EigrpConfig((hub,), chains))
    net.router("R31", config=EigrpConfig((spoke,), Pages((spoke_chain,)) if spoke_chain else chains))
    net.plug("tunnel", "R11", tunnel("192.168.100.11"))
    net.plug("tunnel", "R31", tunnel("192.168.100.31"))
    net.plug("", "R11", ethernet("GigabitEthernet0/2", "10.1.1.1"))
    net.plug("", "R31", ethernet("GigabitEthernet0/2", "10.3.3.1", delay=1000))
    return net


def test_two_routers_become_neighbors_at_once_and_know_each_others_networks() -> None:
    net = pair().run(0.2)
    hub, spoke = net.routers["R11"], net.routers["R31"]
    assert hub.logs == [R31_UP]
    assert hub.metric("10.3.3.0/24") == 1945600
    assert spoke.metric("10.1.1.0/24") == 1920256
    assert spoke.next_hops("10.1.1.0/24") == ["192.168.100.11"]


@pytest.mark.conforms("eigrp:5.3.3-init")
def test_an_adjacency_begins_with_init_both_ways_and_the_table_ends_with_its_mark() -> None:
    net = pair().run(0.2)
    updates = [sent for sent in net.packets() if sent.packet.opcode == Opcode.UPDATE and sent.router == "R11"]
    first, table = updates[0].packet, updates[1].packet
    assert (first.flags, first.acknowledgment, first.tlvs) == (PacketFlag.INIT, 0, ())
    assert PacketFlag.END_OF_TABLE in table.flags
    assert all(sent.order.destination == IPv4Address("192.168.100.31") for sent in updates)
    assert all((sent.order.ttl, sent.order.tos, sent.order.protocol) == (1, 0xC0, 88) for sent in net.packets())


def test_hellos_keep_neighbors_for_an_hour() -> None:
    net = pair().run(3600)
    assert net.routers["R11"].logs == [R31_UP]
    hellos = [sent for sent in net.packets(60) if sent.router == "R11"]
    assert {sent.packet.opcode for sent in hellos} == {Opcode.HELLO}
    assert 3540 / 5 <= len(hellos) <= 3540 / 4.5


@pytest.mark.conforms("eigrp:5.3.1-hold")
def test_silence_ends_an_adjacency_after_the_senders_hold_time() -> None:
    patient = replace(CLASSIC, default_interface=InterfaceSettings(hold_time=40))
    net = pair(spoke=patient).run(10)
    net.wires["tunnel"].drops = lambda sender, order: sender == "R31"
    net.run(34)
    assert net.routers["R11"].logs == [R31_UP]
    net.run(7)
    assert net.routers["R11"].logs[1] == down("holding time expired")
    assert not net.routers["R11"].routes


def test_an_interface_that_goes_down_takes_its_neighbors_with_it() -> None:
    net = pair().run(1)
    net.line("R11", "Tunnel100", up=False)
    assert net.routers["R11"].logs[-1] == down("interface down")
    assert not net.routers["R11"].routes


def test_a_process_that_is_removed_says_goodbye() -> None:
    net = pair().run(1)
    net.configure("R31", EigrpConfig()).run(0.1)
    goodbye = [sent.packet.find(Parameters) for sent in net.packets(1) if sent.router == "R31"]
    assert goodbye == [Parameters.goodbye(15)]
    assert net.routers["R11"].logs[-1] == down("Interface Goodbye received")
    assert net.routers["R31"].logs[-1] == down("route configuration changed", "192.168.100.11")
    assert not net.routers["R31"].routes


def test_a_cleared_neighbor_comes_again() -> None:
    net = pair().run(1)
    net.event("R11", ClearNeighbors())
    net.run(6)
    assert net.routers["R11"].logs == [R31_UP, down("manually cleared"), R31_UP]
    assert down("Interface PEER-TERMINATION received", "192.168.100.11") in net.routers["R31"].logs
    assert net.routers["R11"].metric("10.3.3.0/24") == 1945600
    assert any(sent.packet.find(PeerTermination) for sent in net.packets(1))


@pytest.mark.conforms("eigrp:5.3.3-restart")
def test_a_router_that_started_again_is_noticed_by_its_first_packet() -> None:
    net = pair().run(1)
    spoke = net.routers.pop("R31")
    net.wires["tunnel"].ends.remove(("R31", "Tunnel100"))
    net.router("R31")
    net.plug("tunnel", "R31", tunnel("192.168.100.31"))
    net.plug("", "R31", ethernet("GigabitEthernet0/2", "10.9.9.1")).run(6)
    assert spoke is not net.routers["R31"]
    assert net.routers["R11"].logs == [R31_UP, down("peer restarted"), R31_UP]
    assert {str(prefix) for prefix in net.routers["R11"].routes} == {"10.9.9.0/24"}
    assert net.routers["R31"].metric("10.1.1.0/24") == 1920256


@pytest.mark.conforms("eigrp:5.6.1-weights")
def test_routers_with_other_weights_are_no_neighbors_and_the_log_says_so_once_a_minute() -> None:
    other = replace(CLASSIC, scale=MetricScale(weights=Weights(0, 0, 1, 0, 0)))
    net = pair(spoke=other).run(50)
    assert net.routers["R11"].logs == [down("K-value mismatch")]
    assert not net.routers["R11"].process.neighbors()


@pytest.mark.conforms("eigrp:5.6.1-weights")
def test_a_neighbor_whose_weights_change_is_down() -> None:
    net = pair().run(1)
    net.configure("R31", EigrpConfig((replace(CLASSIC, scale=MetricScale(weights=Weights(0, 0, 1, 0, 0))),))).run(0.1)
    assert net.routers["R31"].logs[-1] == down("route configuration changed", "192.168.100.11")
    assert down("Interface Goodbye received") in net.routers["R11"].logs


@pytest.mark.conforms("eigrp:5.2-sixteen")
def test_who_answers_no_unicast_is_given_up_after_sixteen_tries_and_tried_again() -> None:
    net = pair()
    net.wires["tunnel"].drops = lambda sender, order: not order.destination.is_multicast
    net.run(75)
    hub, spoke = net.routers["R11"], net.routers["R31"]
    assert spoke.logs[1] == down("retry limit exceeded", "192.168.100.11")
    assert hub.logs[:2] == [R31_UP, down("Interface PEER-TERMINATION received")]
    tries = [sent for sent in net.packets() if sent.router == "R31" and sent.packet.flags == PacketFlag.INIT]
    assert len([sent for sent in tries if sent.packet.sequence == 1]) == 16
    net.run(10)
    assert hub.logs[2] == R31_UP


def test_a_stub_that_changes_its_mind_is_a_new_neighbor() -> None:
    net = pair().run(1)
    net.configure("R31", EigrpConfig((replace(CLASSIC, stub=StubFlag.CONNECTED),))).run(6)
    assert net.routers["R31"].logs[1] == down("peer info changed", "192.168.100.11")
    assert net.routers["R11"].logs[-1] == R31_UP
    assert net.routers["R11"].process.neighbors()[0].stub == StubFlag.CONNECTED


# ------------------------------------------------------------------------------------------------ authentication

MD5 = InterfaceSettings(authentication=AuthenticationMode.MD5, key_chain="EIGRP")
SEALED = replace(CLASSIC, default_interface=MD5)
CHAIN = KeyChain("EIGRP", Pages((Key(1, "one"), Key(2, "two"))))


def test_neighbors_with_the_same_key_seal_every_packet() -> None:
    net = pair(SEALED, SEALED, CHAIN).run(20)
    assert net.routers["R11"].logs == [R31_UP]
    assert net.routers["R11"].metric("10.3.3.0/24") == 1945600
    assert all(sent.packet.tlvs[0].serialize()[:4] == bytes.fromhex("00020028") for sent in net.packets())


@pytest.mark.conforms("eigrp:6.7.2-digest")
def test_without_the_right_key_nobody_is_a_neighbor_and_it_is_counted() -> None:
    net = pair(SEALED, SEALED, CHAIN, KeyChain("EIGRP", Pages((Key(1, "other"),)))).run(20)
    (said,) = net.routers["R11"].logs
    assert said.endswith("(Tunnel100) is refused: theirs is md5, made with another key"), (
        "and no more than once a minute"
    )
    assert net.routers["R11"].process.state.traffic.dropped["authentication failed"] >= 4


def test_neighbors_with_the_same_password_of_hmac_sha_256_hear_each_other_alone() -> None:
    strong = InterfaceSettings(authentication=AuthenticationMode.HMAC_SHA_256, password="sesame")
    sealed = replace(CLASSIC, default_interface=strong)
    net = pair(sealed, sealed).run(20)
    assert net.routers["R11"].logs == [R31_UP]
    assert all(sent.packet.tlvs[0].serialize()[:4] == bytes.fromhex("00020038") for sent in net.packets())
    other = replace(CLASSIC, default_interface=replace(strong, password="other"))
    net = pair(sealed, other).run(20)
    assert [said.partition(" is ")[2] for said in net.routers["R11"].logs] == [
        "refused: theirs is hmac-sha-256, made with another key"
    ]


HUB, SPOKE = IPv4Address("192.168.100.11"), IPv4Address("192.168.100.31")


def static(*neighbors: IPv4Address) -> ProcessSettings:
    named = InterfaceSettings(neighbors=neighbors)
    return replace(CLASSIC, interfaces=(("Tunnel100", named),))


def test_configured_neighbors_are_sent_to_alone_and_nothing_is_multicast() -> None:
    net = pair(static(SPOKE), static(HUB)).run(60)
    assert net.routers["R11"].logs == [R31_UP]
    assert net.routers["R11"].metric("10.3.3.0/24") == 1945600
    assert {sent.order.destination for sent in net.packets() if sent.wire == "tunnel"} == {HUB, SPOKE}


def test_whoever_is_not_configured_is_no_neighbor_where_others_are() -> None:
    net = pair(static(IPv4Address("192.168.100.32")), CLASSIC).run(60)
    assert net.routers["R11"].logs == []
    assert net.routers["R11"].process.state.traffic.dropped["no configured neighbor"] >= 10


def test_a_configured_neighbor_needs_a_line_at_both_ends_because_it_stops_multicast() -> None:
    """As on IOS: the end with the line hears no multicast any more, and the other end sends nothing else."""
    net = pair(static(SPOKE), CLASSIC).run(60)
    assert net.routers["R11"].process.neighbors() == []
    assert net.routers["R11"].process.state.traffic.dropped["multicast beside configured neighbors"] >= 10
    assert [neighbor.is_up for neighbor in net.routers["R31"].process.neighbors()] in ([], [False])
    net.configure("R31", EigrpConfig((static(HUB),))).run(20)
    assert [neighbor.is_up for neighbor in net.routers["R11"].process.neighbors()] == [True]


def test_an_interface_leaves_the_group_with_its_first_configured_neighbor_and_joins_it_after_the_last() -> None:
    net = pair()
    machine = net.routers["R11"].machine
    for settings, kind in ((static(SPOKE), StopListening), (CLASSIC, Listen)):
        orders = machine.handle(Configured("eigrp", EigrpConfig((settings,))), net.now)
        assert [order.interface for order in orders if isinstance(order, kind)] == ["Tunnel100"]


def test_an_adjacency_ends_when_others_are_configured_there() -> None:
    net = pair().run(10)
    net.configure("R11", EigrpConfig((static(IPv4Address("192.168.100.32")),))).run(20)
    assert down("Static peer configured") in net.routers["R11"].logs


#: The clock of tests says 06:00:00 at 0.
BEGIN = datetime(2026, 11, 20, 6)
OLD_UNTIL, NEW_FROM = BEGIN + timedelta(seconds=60), BEGIN + timedelta(seconds=40)
ROLLING = KeyChain(
    "EIGRP",
    Pages(
        (
            Key(1, "old", accept=Lifetime(BEGIN, OLD_UNTIL), send=Lifetime(BEGIN, OLD_UNTIL)),
            Key(2, "new", accept=Lifetime(NEW_FROM), send=Lifetime(NEW_FROM)),
        )
    ),
)


def key_numbers(net: EigrpNet, since: float) -> set[int]:
    seals = [sent.packet.find(Authentication) for sent in net.packets() if sent.at >= since]
    return {seal.key_id for seal in seals if seal is not None}


def test_keys_roll_over_while_neighbors_stay() -> None:
    net = pair(SEALED, SEALED, ROLLING).run(59)
    assert key_numbers(net, 0) == {1}, "the lowest number that is valid"
    net.run(60)
    assert key_numbers(net, 60) == {2}
    assert net.routers["R11"].logs == [R31_UP]


def test_a_neighbor_that_goes_on_with_a_key_whose_time_is_over_is_lost() -> None:
    """Its Hello was the same octets as before, and those are noted without another look."""
    net = pair(SEALED, SEALED, ROLLING, KeyChain("EIGRP", Pages((Key(1, "old"), Key(2, "new"))))).run(100)
    assert net.routers["R11"].logs[-1] == down("Auth failure")


def test_an_interface_whose_last_key_is_over_is_silent_and_says_why() -> None:
    chain = KeyChain("EIGRP", Pages((Key(1, "old", send=Lifetime(BEGIN, OLD_UNTIL)),)))
    net = pair(SEALED, SEALED, chain).run(100)
    logs = net.routers["R11"].logs
    assert 'EIGRP-IPv4 100: Tunnel100 is silent: no key of key chain "EIGRP" is valid now' in logs
    assert not [sent for sent in net.packets() if sent.at > 61]


@pytest.mark.conforms("eigrp:6.7.2-digest")
def test_a_packet_in_clear_is_not_taken_where_a_digest_is_due() -> None:
    net = pair(SEALED, CLASSIC, CHAIN).run(20)
    assert [said.partition(" is ")[2] for said in net.routers["R11"].logs] == [
        "refused: theirs is no authentication, ours is md5"
    ]


@pytest.mark.conforms("eigrp:6.7.2-digest")
def test_a_packet_with_a_digest_is_not_taken_where_none_is_due() -> None:
    """IOS ignores it ("authentication off or key-chain missing"): nobody is half a neighbor for a while."""
    net = pair(CLASSIC, SEALED, CHAIN).run(100)
    said = ["refused: theirs is md5, ours is no authentication"] * 2
    assert [line.partition(" is ")[2] for line in net.routers["R11"].logs] == said, "once a minute"
    assert not net.routers["R11"].process.neighbors()
    assert net.routers["R11"].process.state.traffic.dropped["authentication failed"] >= 4


def test_a_neighbor_that_ceases_to_be_authentic_is_down_with_this_reason() -> None:
    net = pair(SEALED, SEALED, CHAIN).run(1)
    hub = net.routers["R11"].process.state.interfaces["Tunnel100"]
    forged = net.packets()[-1].order
    net.wires["tunnel"].drops = lambda sender, order: sender == "R31"
    for _ in range(4):
        net.run(5)
        payload = EigrpPacket(opcode=Opcode.HELLO, autonomous_system=100, tlvs=(Parameters(hold_time=15),)).serialize()
        if hub.neighbors:
            net.event("R11", IpReceived("Tunnel100", IPv4Address("192.168.100.31"), forged.destination, 88, payload))
    assert net.routers["R11"].logs[-1] == down("Auth failure")


def test_a_neighbor_that_begins_to_authenticate_alone_is_refused_with_this_reason() -> None:
    net = pair().run(1)
    hello = EigrpPacket(opcode=Opcode.HELLO, autonomous_system=100, tlvs=(Parameters(hold_time=15),))
    sealed = auth.seal_md5(hello, key_id=1, key=b"one")
    address = IPv4Address("192.168.100.31")
    net.event("R11", IpReceived("Tunnel100", address, IPv4Address("224.0.0.10"), 88, sealed))
    refusal = net.routers["R11"].process.state.interfaces["Tunnel100"].neighbors[int(address)].refusal
    assert refusal is not None
    assert refusal.what == "authentication is off here"


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        (InterfaceSettings(authentication=AuthenticationMode.MD5), "authentication without a key chain"),
        (InterfaceSettings(authentication=AuthenticationMode.MD5, key_chain="none"), 'key chain "none" has no key'),
        (
            InterfaceSettings(authentication=AuthenticationMode.HMAC_SHA_256),
            "the password of hmac-sha-256 cannot be read",
        ),
    ],
)
def test_authentication_that_cannot_be_done_keeps_the_interface_silent(settings: InterfaceSettings, what: str) -> None:
    sealed = replace(CLASSIC, default_interface=settings)
    net = pair(sealed, sealed, CHAIN).run(20)
    assert not net.packets()
    assert not net.routers["R11"].process.neighbors()
    assert net.routers["R11"].logs[0] == f"EIGRP-IPv4 100: Tunnel100 is silent: {what}"
    blocked = net.routers["R11"].process.state.interfaces["Tunnel100"].blocked
    assert blocked is not None
    assert blocked.what == what


# ------------------------------------------------------------------------------------------------ what is not taken


@pytest.mark.conforms("eigrp:6.5-as")
def test_another_autonomous_system_is_not_heard() -> None:
    net = pair(spoke=replace(CLASSIC, autonomous_system=200)).run(20)
    assert not net.routers["R11"].logs
    assert net.routers["R11"].process.state.traffic.dropped["other autonomous system"] > 0


def test_a_sender_outside_of_the_subnet_is_logged_once_and_not_heard() -> None:
    net = EigrpNet()
    net.router("R11")
    net.router("R31")
    net.plug("tunnel", "R11", tunnel("192.168.100.11"))
    net.plug("tunnel", "R31", tunnel("192.168.200.31")).run(30)
    assert net.routers["R11"].logs == [
        "EIGRP-IPv4 100: Neighbor 192.168.200.31 (Tunnel100) is blocked: not on common subnet"
    ]


def test_a_broken_packet_is_counted_and_logged_once_a_minute() -> None:
    net = pair().run(1)
    for _ in range(3):
        net.event(
            "R11", IpReceived("Tunnel100", IPv4Address("192.168.100.31"), IPv4Address("224.0.0.10"), 88, b"?" * 30)
        )
    hub = net.routers["R11"]
    assert len(hub.logs) == 2
    assert hub.logs[1].startswith("EIGRP-IPv4 100: bad packet from 192.168.100.31 (Tunnel100): ")
    assert hub.process.state.traffic.dropped["malformed"] == 3


# ------------------------------------------------------------------------------------------------ interfaces


def test_a_passive_interface_is_told_about_and_has_no_neighbors() -> None:
    lan = ("GigabitEthernet0/2", InterfaceSettings(passive=True))
    net = pair(hub=replace(CLASSIC, interfaces=(lan,))).run(1)
    assert net.routers["R31"].metric("10.1.1.0/24") == 1920256
    assert not [sent for sent in net.packets() if sent.order.interface == "GigabitEthernet0/2"]


def test_an_interface_that_becomes_passive_says_goodbye() -> None:
    net = pair().run(1)
    passive = (("Tunnel100", InterfaceSettings(passive=True)),)
    net.configure("R31", EigrpConfig((replace(CLASSIC, interfaces=passive),))).run(10)
    assert net.routers["R11"].logs[-1] == down("Interface Goodbye received")
    assert not net.routers["R31"].process.neighbors()


def test_the_machine_listens_where_it_has_neighbors_and_says_so_again_when_asked() -> None:
    net = EigrpNet()
    router = net.router("R11")
    state = tunnel("192.168.100.11")
    router.interfaces.states = [state]
    group = IPv4Address("224.0.0.10")
    effects = router.machine.handle(InterfaceChanged("Tunnel100", None, state), 0.0)
    assert Listen("Tunnel100", 88, group) in effects
    assert router.machine.handle(Resync(), 1.0) == [Listen("Tunnel100", 88, group)]
    router.interfaces.states = []
    effects = router.machine.handle(InterfaceChanged("Tunnel100", state, None), 2.0)
    assert StopListening("Tunnel100", 88, group) in effects


def test_a_repeated_hello_touches_no_timer_and_sends_nothing() -> None:
    net = pair().run(7)
    hub = net.routers["R11"]
    hello = next(sent.order for sent in reversed(net.packets()) if sent.router == "R31")
    deadline = hub.machine.next_deadline()
    event = IpReceived("Tunnel100", IPv4Address("192.168.100.31"), hello.destination, 88, hello.payload)
    assert isinstance(hello, SendIp)
    assert hub.machine.handle(event, net.now) == []
    assert hub.machine.next_deadline() == deadline
    assert hub.process.neighbors()[0].last_heard == net.now


# Hellos that are not the clock's: to somebody new who hears us, and to a neighbor that may not have heard us.

HUB_NAME, SPOKE_NAME = "192.168.100.11", "192.168.100.31"


def overlay() -> EigrpNet:
    """A hub and a spoke; nothing passes between them yet."""
    net = EigrpNet()
    for name, address in (("HUB", HUB_NAME), ("SPOKE", SPOKE_NAME)):
        net.router(name)
        net.plug("overlay", name, tunnel(address))
    net.wires["overlay"].drops = lambda *_: True
    return net


def hellos(net: EigrpNet, router: str, since: float = 0.0) -> list[float]:
    """When a router multicast a Hello."""
    return [
        sent.at
        for sent in net.packets(since)
        if sent.router == router and sent.packet.opcode == Opcode.HELLO and sent.order.destination.is_multicast
    ]


def test_somebody_new_is_greeted_within_a_twentieth_of_a_second() -> None:
    net = overlay().run(1.0)
    net.event("HUB", MulticastReached("Tunnel100"))
    net.run(0.05)
    assert len(hellos(net, "HUB", since=1.0)) == 1


def test_however_many_are_new_a_few_hellos_greet_them_then_one_a_second_and_none_is_forgotten() -> None:
    net = overlay().run(1.0)
    while net.now < 3.5:
        net.event("HUB", MulticastReached("Tunnel100"))
        net.run(0.01)
    last = net.now
    net.run(1.0)
    greetings = hellos(net, "HUB", since=1.0)
    assert 6 <= len(greetings) <= 9
    assert all(later - earlier > 0.99 for earlier, later in pairwise(greetings[-3:]))
    assert greetings[-1] >= last


def test_a_hub_that_meets_a_crowd_sends_no_first_packet_in_vain() -> None:
    """Its Hellos are a few, so a neighbor waits for the next one: before that it would drop the first packet."""
    net = EigrpNet()
    net.router("HUB")
    net.plug("overlay", "HUB", tunnel(HUB_NAME))
    net.wires["overlay"].between = lambda sender, receiver: "HUB" in (sender, receiver)
    for number in range(1, 41):
        net.router(f"S{number}")
        net.plug("overlay", f"S{number}", tunnel(f"192.168.100.{100 + number}"))
        net.event("HUB", MulticastReached("Tunnel100"))
        net.run(0.02)
    net.run(10.0)
    first = Counter(
        sent.order.destination
        for sent in net.packets()
        if sent.router == "HUB" and PacketFlag.INIT in sent.packet.flags
    )
    assert len(first) == 40
    assert set(first.values()) == {1}


def test_a_hello_that_is_due_at_once_is_paid_for_once() -> None:
    """Each news of another receiver could bring it forward by a little, and each time it was paid for."""
    net = overlay().run(1.0)
    for _ in range(30):
        net.event("HUB", MulticastReached("Tunnel100"))
    net.run(0.06)
    for _ in range(4):
        net.event("HUB", MulticastReached("Tunnel100"))
        net.run(0.06)
    assert len(hellos(net, "HUB", since=1.0)) == 5


def test_a_greeting_takes_the_place_of_the_next_hello_and_does_not_add_one() -> None:
    net = overlay().run(1.0)
    net.event("HUB", MulticastReached("Tunnel100"))
    net.run(4.4)
    assert len(hellos(net, "HUB", since=1.0)) == 1
    net.run(0.7)
    assert len(hellos(net, "HUB", since=1.0)) == 2


def test_news_of_an_interface_without_eigrp_is_nothing() -> None:
    net = overlay().run(1.0)
    net.event("HUB", MulticastReached("Tunnel7"))
    net.run(1.0)
    assert hellos(net, "HUB", since=1.0) == []


def test_a_pending_neighbor_that_says_hello_again_is_greeted_again() -> None:
    """The spoke was not listening when the hub answered its first Hello; its second is the same, octet for octet."""
    net = overlay()
    wire = net.wires["overlay"]
    wire.drops = lambda sender, _: sender == "HUB"
    net.event("SPOKE", MulticastReached("Tunnel100"))
    net.run(0.1)
    wire.drops = lambda *_: False
    net.run(0.95)
    net.event("SPOKE", MulticastReached("Tunnel100"))
    net.run(0.3)
    assert [neighbor.is_up for neighbor in net.routers["SPOKE"].process.neighbors()] == [True]
    assert [neighbor.is_up for neighbor in net.routers["HUB"].process.neighbors()] == [True]


def test_two_pending_neighbors_do_not_greet_each_other_for_ever() -> None:
    net = overlay()
    net.wires["overlay"].drops = lambda _, order: order.payload[1] == Opcode.UPDATE
    net.event("SPOKE", MulticastReached("Tunnel100"))
    net.run(20.0)
    assert all(not neighbor.is_up for neighbor in net.routers["HUB"].process.neighbors())
    assert len([sent for sent in net.packets() if sent.packet.opcode == Opcode.HELLO]) < 20


def test_whom_multicast_does_not_reach_never_becomes_a_neighbor() -> None:
    """A hub without `ip nhrp map multicast dynamic`: it hears its spokes, they never hear it."""
    net = overlay()
    net.wires["overlay"].drops = lambda sender, order: sender == "HUB" and order.destination.is_multicast
    net.run(60.0)
    assert net.routers["SPOKE"].process.neighbors() == []
    assert all(not neighbor.is_up for neighbor in net.routers["HUB"].process.neighbors())


# What is gone from EIGRP is free at once: a hub of thousands of neighbors that come and go does not grow meanwhile.


@pytest.fixture
def net() -> EigrpNet:
    net = pair().run(5)
    return net


def test_neighbors_that_are_silent_for_too_long_are_free(net: EigrpNet) -> None:
    with uncollected():
        before = alive(Neighbor)
        net.wires["tunnel"].loss = 1.0
        net.run(60)
        assert alive(Neighbor) == before - 2


def test_a_neighbor_that_never_answers_is_free(net: EigrpNet) -> None:
    with uncollected():
        before = alive(Neighbor)
        net.line("R31", "Tunnel100", up=False)
        net.wires["tunnel"].drops = lambda sender, _: sender == "R11"
        net.line("R31", "Tunnel100", up=True).run(300)
        net.line("R11", "Tunnel100", up=False)
        assert alive(Neighbor) == before - 2


def test_an_interface_that_is_down_is_free_with_its_neighbors(net: EigrpNet) -> None:
    with uncollected():
        before = [alive(kind) for kind in (Neighbor, EigrpInterface)]
        for router in net.routers:
            net.line(router, "Tunnel100", up=False)
        net.run(60)
        assert [alive(kind) for kind in (Neighbor, EigrpInterface)] == [each - 2 for each in before]
