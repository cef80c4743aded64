"""NHRP on protected tunnels: nothing is sent that nothing protects, and what comes up is used at once."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import SendGre, SetAdjacency, SetMulticast
from dmvpn.base.events import EffectFailed, Hairpin, IpReceived, NhrpReceived, PeerUsage, Unresolved, UsageReported
from dmvpn.base.negotiation import ConnectionChanged, ProtectionChanged, ProtectionWanted
from dmvpn.base.notices import Configured, InterfaceState, Ipv6State, TunnelChanged
from dmvpn.base.pages import NONE, Pages
from dmvpn.base.protection import ProtectionPhase
from dmvpn.features.nhrp import responder
from dmvpn.features.nhrp.client import NhsState
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.nhrp.model import ClearCache, NhrpConfig, NhsConfig, TunnelConfig
from dmvpn.features.nhrp.packet import (
    ErrorIndication,
    PurgeFlag,
    PurgeRequest,
    RegistrationRequest,
    ResolutionReply,
    TrafficIndication,
)
from dmvpn.features.nhrp.parts import ClientInfo
from dmvpn.features.nhrp.path import PathState
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.features.nhrp.shared import Shared
from dmvpn.net import icmp
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL, IpProtocol
from support.cloud import HUB, HUB_NBMA, PEER, PEER_NBMA, SPOKE, SPOKE_NBMA, refused, show, targets, tunnel_of
from support.fakes import FakeTunnels, fake_ports
from support.overlay import TUNNEL, address, cloud, data_packet, hairpin, make_shortcut
from support.protected import FakeIpsec, ProtectedOverlay, protected
from support.texts import because, is_golden

# ------------------------------------------------------------------------------------------------ registration


def test_a_registration_waits_for_ike_and_goes_the_moment_it_is_there() -> None:
    overlay = protected(3, ike=30.0).start().run(29.9)
    (client,) = tunnel_of(overlay).clients.values()
    assert overlay.packets == []
    assert (client.state, client.requests_sent) == (NhsState.BARE, 0)
    overlay.run(0.2)
    assert [sent.when for sent in overlay.packets] == [pytest.approx(30.0), pytest.approx(30.01)]
    assert client.is_responding


def test_why_a_server_is_not_asked_is_what_ike_says() -> None:
    overlay = protected(3)
    overlay.cut("R31", "R11").start().run(1)
    (client,) = tunnel_of(overlay).clients.values()
    assert str(client.reason) == "the peer does not answer IKE"


def test_when_protection_comes_back_the_spoke_registers_again_at_once() -> None:
    overlay = protected(3).settled()
    overlay.disconnect("R31", "R11")
    overlay.run(50)
    (client,) = tunnel_of(overlay).clients.values()
    assert (client.state, overlay.packets) == (NhsState.BARE, [])
    overlay.connect("R31", "R11")
    assert len(overlay.sent(RegistrationRequest)) == 1
    overlay.run(0.1)
    assert client.is_responding


def test_a_new_connection_with_a_server_means_a_new_registration() -> None:
    """The server was started again, say: it does not know us any more, and its old connection was not yet missed."""
    overlay = protected(3).settled()
    overlay.lose("R11", overlay.ipsec["R11"].known[0].number)
    overlay.connect("R31", "R11")
    assert len(overlay.sent(RegistrationRequest)) == 1
    overlay.run(1)
    overlay.handle("R31", ProtectionChanged(TUNNEL, HUB_NBMA, overlay.ipsec["R31"].between(TUNNEL, HUB_NBMA)))
    assert len(overlay.sent(RegistrationRequest)) == 1


def test_a_server_that_lost_its_sas_and_proved_itself_again_is_registered_with_again() -> None:
    """It was started again at the same address, so its connection is the same; but it knows nobody."""
    overlay = protected(3).settled()
    (connection,) = overlay.ipsec["R31"].known
    overlay.handle("R31", ConnectionChanged(connection, connection, "started again", returned=True))
    assert len(overlay.sent(RegistrationRequest)) == 1


def test_a_server_that_refuses_is_not_asked_at_once_by_proving_itself_once_more() -> None:
    """It did know us: it would say no again, as often as its translator or its wire makes it begin again."""
    overlay = protected(3).settled()
    overlay.connect("R31", "R11")  # the address is unique, and the first connection lives
    overlay.run(0.5)
    assert tunnel_of(overlay).clients[HUB].is_refused
    overlay.packets.clear()
    (connection, _) = overlay.ipsec["R31"].connections(remote=HUB_NBMA)
    overlay.handle("R31", ConnectionChanged(connection, connection, "started again", returned=True))
    assert overlay.sent(RegistrationRequest) == []


def test_with_a_server_in_reserve_ike_has_three_seconds() -> None:
    overlay = protected(3)
    spoke = overlay.members["R31"]
    second = replace(spoke.config.nhs[0], address=address("192.168.100.12"), nbma=address("172.16.12.1"), priority=1)
    spoke.config = replace(spoke.config, nhs=(*spoke.config.nhs, second), max_connections=((0, 1),))
    overlay.cut("R31", "R11").start("R31").run(2.9)
    reserve = tunnel_of(overlay).clients[address("192.168.100.12")]
    before = reserve.state
    overlay.run(0.2)
    assert (before, reserve.state) == (NhsState.WAITING, NhsState.BARE)
    overlay.fix()
    overlay.connect("R31", "R11")
    overlay.run(10)
    overlay.disconnect("R31", "R11")
    overlay.run(2)
    assert reserve.state is NhsState.WAITING  # it has three seconds each time


# ------------------------------------------------------------------------------------------------ what is wanted


def test_protection_is_asked_for_as_long_as_anything_leads_to_an_address() -> None:
    overlay = protected().settled()
    assert overlay.wanted == {"R11": [SPOKE_NBMA, PEER_NBMA], "R31": [HUB_NBMA], "R41": [HUB_NBMA]}
    make_shortcut(overlay)
    assert overlay.wanted["R31"] == [HUB_NBMA, PEER_NBMA]
    overlay.handle("R31", ClearCache())
    assert overlay.wanted["R31"] == [HUB_NBMA]


def test_a_server_that_is_to_say_its_tunnel_address_itself_needs_protection_before_it_can() -> None:
    overlay = protected(3)
    spoke = overlay.members["R31"]
    spoke.config = replace(spoke.config, nhs=(NhsConfig(address=None, nbma=HUB_NBMA),), maps=NONE, multicast=NONE)
    overlay.start().run(2)
    (client,) = tunnel_of(overlay).clients.values()
    assert (client.is_responding, client.nhs) == (True, HUB)


def test_a_refreshed_registration_asks_for_nothing_again() -> None:
    overlay = protected(3, holdtime=30).settled()
    seen = len(overlay.members["R11"].effects)
    overlay.run(300)
    wanted = [e for e in overlay.members["R11"].effects[seen:] if type(e).__name__ == "ProtectionWanted"]
    assert wanted == []


def test_a_client_that_is_forgotten_needs_no_protection() -> None:
    overlay = protected(3, holdtime=30).settled()
    overlay.cut("R31", "R11").run(31)
    assert overlay.wanted["R11"] == []


def test_a_tunnel_that_is_shut_lets_go_of_everything_and_asks_again() -> None:
    overlay = protected().settled()
    overlay.line("R11", up=False)
    assert overlay.wanted["R11"] == []
    overlay.line("R11", up=True)
    assert overlay.wanted["R11"] == [SPOKE_NBMA, PEER_NBMA]


def test_an_unprotected_tunnel_asks_for_no_protection() -> None:
    overlay = cloud().start().run(5)
    make_shortcut(overlay)
    effects = [effect for member in overlay.members.values() for effect in member.effects]
    assert not [effect for effect in effects if type(effect).__name__ == "ProtectionWanted"]
    assert {effect.connection for effect in effects if isinstance(effect, SendGre)} == {0}


def test_who_registered_in_clear_is_not_believed_once_the_tunnel_is_protected() -> None:
    overlay = cloud(3).start().run(5)
    hub = overlay.members["R11"]
    old, hub.tunnel_state = hub.tunnel_state, replace(hub.tunnel_state, protection="DMVPN")
    overlay.handle("R11", TunnelChanged(TUNNEL, old, hub.tunnel_state))
    assert targets(overlay, "R11") == {}


def test_a_packet_in_clear_is_refused_on_a_protected_tunnel() -> None:
    """The plane lets none through; if one came all the same it would say what nobody has proved."""
    overlay = protected(3).settled()
    overlay.connect("R31", "R11")
    (octets,) = [request.serialize() for request in overlay.sent(RegistrationRequest)]
    overlay.run(1)
    overlay.packets.clear()
    overlay.handle("R11", NhrpReceived(TUNNEL, SPOKE_NBMA, octets))
    assert overlay.packets == []
    assert refused(overlay, "R11")[Refusal.IN_CLEAR] == 1


# ------------------------------------------------------------------------------------------------ resolution


def test_the_reply_goes_over_the_direct_connection_if_that_is_there_within_a_second() -> None:
    overlay = protected(ike=0.9).settled()
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(2)
    assert overlay.ways("ResolutionReply") == [("R41", "R31")]
    assert overlay.adjacent["R31"][PEER] != 0
    assert tunnel_of(overlay).paths[PEER].state is PathState.PROVEN


def test_after_a_second_the_reply_goes_through_the_hub_and_both_ask_for_protection() -> None:
    overlay = protected().settled()
    overlay.ike = 5.0
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    asked = overlay.now
    overlay.run(1.4)
    assert overlay.ways("ResolutionReply") == [("R41", "R11"), ("R11", "R31")]
    first = next(sent for sent in overlay.packets if isinstance(sent.packet, ResolutionReply))
    assert first.when == pytest.approx(asked + 1.03)
    assert PEER_NBMA in overlay.wanted["R31"]
    assert SPOKE_NBMA in overlay.wanted["R41"]


def test_an_answer_that_waits_does_not_leave_by_a_tunnel_that_went_down_meanwhile() -> None:
    overlay = protected().settled()
    overlay.ike = 5.0
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(0.5)
    overlay.line("R41", up=False).run(2)
    assert overlay.ways("ResolutionReply") == []


def test_who_remembers_no_requesters_does_not_let_them_wait_for_what_nobody_has_asked_for() -> None:
    overlay = protected().settled()
    overlay.ike = 5.0
    overlay.configure("R41", server_only=True, non_caching=True)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(0.1)
    assert overlay.ways("ResolutionReply") == [("R41", "R11"), ("R11", "R31")]


def test_until_the_direct_connection_is_there_and_proved_packets_go_by_the_hub() -> None:
    overlay = protected(phase=2).settled()
    overlay.ike = 5.0
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.handle("R31", Unresolved(TUNNEL, PEER))
    overlay.run(4)
    assert overlay.members["R31"].adjacencies[PEER] == HUB_NBMA
    assert tunnel_of(overlay).paths[PEER].state is PathState.BARE
    overlay.run(3)
    assert overlay.members["R31"].adjacencies[PEER] == PEER_NBMA


def test_a_request_that_comes_again_while_its_answer_waits_is_answered_once() -> None:
    overlay = protected().settled()
    overlay.ike = 5.0
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(0.5)
    (again,) = [s.packet for s in overlay.packets if s.source == HUB_NBMA and s.destination == PEER_NBMA]
    number = tunnel_of(overlay, "R41").clients[HUB].connection
    overlay.handle("R41", NhrpReceived(TUNNEL, HUB_NBMA, again.serialize(), number))
    overlay.run(1)
    assert overlay.ways("ResolutionReply") == [("R41", "R11"), ("R11", "R31")]


def test_an_answer_that_waited_when_nhrp_was_taken_off_the_tunnel_takes_no_room_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Later answers went by the hub at once: forever, as soon as there were enough of such."""
    monkeypatch.setattr(responder, "LARGEST_WAITING", 1)
    overlay = protected().settled()
    overlay.ike = 5.0
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(0.5)
    machine, config = overlay.members["R41"].machine, overlay.members["R41"].machine.config
    for each in (replace(config, tunnels=()), config):
        overlay.handle("R41", Configured("nhrp", each))
        overlay.run(5)
    assert machine.config is config
    overlay.disconnect("R31", "R41")
    overlay.handle("R31", ClearCache())
    overlay.way.clear()
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(0.9)
    assert overlay.ways("ResolutionReply") == []


def test_a_peer_that_cannot_be_reached_directly_stays_behind_the_hub_and_the_reason_is_kept() -> None:
    overlay = protected().settled()
    overlay.cut("R31", "R41")
    make_shortcut(overlay)
    overlay.run(30)
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    assert str(targets(overlay)["192.168.100.41/32"].reason) == "the peer does not answer IKE"


def test_a_lost_connection_sends_packets_by_the_hub_at_once_and_a_new_one_must_be_proved() -> None:
    overlay = protected().settled()
    make_shortcut(overlay)
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
    overlay.disconnect("R31", "R41")
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    assert tunnel_of(overlay).paths[PEER].state is PathState.BARE
    overlay.connect("R31", "R41")
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    overlay.run(1)
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)


def test_an_answer_that_is_late_does_not_prove_a_path_without_protection() -> None:
    overlay = protected().settled()
    overlay.ike = 0.05
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    while PEER not in tunnel_of(overlay).paths:
        overlay.run(0.01)
    overlay.disconnect("R31", "R41")  # while the first echo is on its way
    overlay.cut("R31", "R41").run(1)
    assert tunnel_of(overlay).paths[PEER].state is PathState.BARE
    assert SPOKE in tunnel_of(overlay, "R41").paths


def test_an_entry_in_use_is_refreshed_over_what_is_there() -> None:
    overlay = protected(holdtime=30).settled()
    make_shortcut(overlay)
    for _ in range(120):
        for name, peer in (("R31", PEER), ("R41", SPOKE)):
            overlay.pass_packets(name, peer)
        overlay.run(1)
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)


def test_a_crypto_socket_is_logged_when_packets_may_go_and_when_they_may_no_more() -> None:
    overlay = protected(3).settled()
    overlay.connect("R31", "R11")  # another one, beside the first
    overlay.run(5)
    overlay.disconnect("R31", "R11")
    text = "%DMVPN-5-CRYPTO_SS:  Tunnel100: local address : 172.16.31.1 remote address : 172.16.11.1 socket is "
    told = [line for line in overlay.log_texts("R31") if "CRYPTO_SS" in line]
    assert told == [f"{text}UP", f"{text}DOWN"]


# ------------------------------------------------------------------------------------------------ other tunnels


def test_the_traffic_of_connections_that_are_gone_is_not_remembered() -> None:
    overlay = protected().settled()
    make_shortcut(overlay)
    for _ in range(5):
        overlay.pass_packets("R31", PEER)
        overlay.run(5)
        overlay.disconnect("R31", "R41")
        overlay.connect("R31", "R41")
        overlay.run(5)
    numbers = [account for account in tunnel_of(overlay).usage if isinstance(account, int)]
    assert set(numbers) == {connection.number for connection in overlay.ipsec["R31"].known}


def test_a_point_to_point_tunnel_registers_over_its_connection() -> None:
    overlay = protected(3)
    spoke = overlay.members["R31"]
    spoke.tunnel_state = replace(spoke.tunnel_state, multipoint=False, destination=HUB_NBMA)
    overlay.start().run(2)
    (client,) = tunnel_of(overlay).clients.values()
    assert client.is_responding


def test_what_both_versions_of_ip_need_is_protected_until_neither_does() -> None:
    ipv6 = Ipv6State(link_local=IPv6Address("fe80::2"), addresses=((address("2001:db8::2"), 64),))
    state = InterfaceState(
        name=TUNNEL, enabled=True, line=True, address=address("10.0.0.2"), prefix_length=24, ipv6=ipv6
    )
    ports = fake_ports(state)
    tunnel = replace(cloud(3).members["R31"].tunnel_state, up=True, protection="DMVPN")
    machine = NhrpMachine(replace(ports, tunnels=FakeTunnels([tunnel]), protection=FakeIpsec()))
    four, six = (
        TunnelConfig(name=TUNNEL, version=version, network_id=1, nhs=(NhsConfig(address=address(nhs), nbma=HUB_NBMA),))
        for version, nhs in ((4, "10.0.0.1"), (6, "2001:db8::1"))
    )
    seen = []
    for tunnels in ((four, six), (six,), ()):
        effects = machine.handle(Configured("nhrp", NhrpConfig(tunnels=tunnels)), 0.0)
        seen.append({effect.by: effect.peers for effect in effects if isinstance(effect, ProtectionWanted)})
    hub = ((HUB_NBMA, 0),)
    assert [{by: peers for by, peers in each.items() if peers} for each in seen] == [
        {"nhrp4": hub, "nhrp6": hub},
        {},
        {},
    ]
    assert [sorted(each) for each in seen] == [["nhrp4", "nhrp6"], ["nhrp4"], ["nhrp6"]]


# What people read of protected tunnels: how far they are with each peer, and why not further.


def _hub_line(overlay: ProtectedOverlay) -> str:
    """The hub's line on the spoke, from the state on."""
    lines = show(overlay, "R31", "show dmvpn").splitlines()
    return next(line for line in lines if " 192.168.100.11 " in line)[39:]


def test_the_state_column_says_how_far_it_is() -> None:
    overlay = protected(3, ike=9.0)
    overlay.filter = lambda _, __, packet: not isinstance(packet, RegistrationRequest) or overlay.now > 20
    overlay.start("R31")
    seen = [_hub_line(overlay)]
    for phase in (ProtectionPhase.IKE, ProtectionPhase.IPSEC):
        ipsec = overlay.ipsec["R31"]
        ipsec.phases[HUB_NBMA] = phase
        overlay.handle("R31", ProtectionChanged(TUNNEL, HUB_NBMA, ipsec.between(TUNNEL, HUB_NBMA)))
        seen.append(_hub_line(overlay))
    overlay.start("R11").run(10)
    seen.append(_hub_line(overlay))
    overlay.run(40)
    seen.append(_hub_line(overlay)[:6])
    overlay.line("R31", up=False)
    seen.append(_hub_line(overlay)[:6])
    is_golden(seen, "nhrp_protected/the_state_column_says_how_far_it_is")


def test_a_server_that_was_up_shows_since_when_ike_is_gone() -> None:
    overlay = protected(3).start().run(60)
    overlay.disconnect("R31", "R11")
    overlay.run(5)
    assert _hub_line(overlay).startswith("  IKE 00:")


def test_what_ike_says_is_beside_the_server() -> None:
    overlay = protected(3)
    overlay.cut("R31", "R11")
    overlay.refusal = because("the peer does not answer IKE", "5 requests to 172.16.11.1")
    overlay.start().run(10)
    line = "     the peer does not answer IKE (5 requests to 172.16.11.1)\n"
    assert line in show(overlay, "R31", "show ip nhrp nhs detail")
    assert line in show(overlay, "R31", "show dmvpn detail")


def test_why_a_peer_stays_behind_the_hub_stands_in_the_detail() -> None:
    overlay = protected()
    overlay.cut("R31", "R41")
    overlay.refusal = because("both are behind symmetric NAT")
    overlay.start().run(5)
    make_shortcut(overlay)
    lines = show(overlay, "R31", "show dmvpn detail").splitlines()
    (at,) = [number for number, line in enumerate(lines) if "192.168.100.41/32" in line]
    assert "  IKE " in lines[at]
    assert lines[at + 1] == "     both are behind symmetric NAT"
    assert str(PEER_NBMA) in lines[at] or str(PEER_NBMA) in lines[at - 1]


def test_two_clients_behind_one_address_are_both_shown() -> None:
    overlay = protected(3, 4, behind={"R31": "203.0.113.7", "R41": "203.0.113.7"}).start().run(5)
    table = show(overlay, "R11", "show dmvpn")
    assert "     2 203.0.113.7      192.168.100.31    UP " in table
    assert "                        192.168.100.41    UP " in table
    cache = show(overlay, "R11", "show ip nhrp")
    assert cache.count("   NBMA address: 203.0.113.7 \n") == 2
    assert [f"(Claimed NBMA address: 10.99.{n}.2)" in cache for n in (3, 4)] == [True, True]


def test_a_spoke_that_moved_is_shown_where_it_is() -> None:
    overlay = protected(3, behind={"R31": "203.0.113.7"}).start().run(5)
    overlay.roam("R31", "203.0.113.8")
    assert "   NBMA address: 203.0.113.8 \n" in show(overlay, "R11", "show ip nhrp")


def test_a_prefix_behind_a_peer_behind_nat_is_up_with_its_peer() -> None:
    overlay = protected(3, 4, 5, behind={"R31": "203.0.113.7", "R41": "203.0.113.7"}).start().run(5)
    for name, lan in (("R31", "10.3.3.1"), ("R41", "10.4.4.1")):
        number = next(c.number for c in overlay.ipsec["R11"].known if c.identity == f"{name}.example")
        packets = (data_packet(lan, "10.5.5.1"), data_packet("10.5.5.1", lan))
        overlay.handle("R11", Hairpin(TUNNEL, TUNNEL, overlay.members[name].outside, packets[0], number))
        overlay.handle("R11", Hairpin(TUNNEL, TUNNEL, overlay.members["R51"].outside, packets[1]))
    overlay.run(5)
    rows = [line for line in show(overlay, "R51", "show dmvpn detail").splitlines() if " DN" in line]
    assert [row.split()[-4] for row in rows] == ["UP"] * 4


# Protected tunnels: traffic is counted by connection, and orders to the data plane name theirs.

PUBLIC = address("203.0.113.7")


def _with_traffic(behind: tuple[str, ...] = ()) -> ProtectedOverlay:
    overlay = protected(3, 4, behind=dict.fromkeys(behind, str(PUBLIC))).settled()
    return overlay


def test_an_address_is_not_silent_while_one_of_its_connections_is_heard() -> None:
    counts = (PeerUsage(PUBLIC, 3, 3, connection=1), PeerUsage(PUBLIC, 3, 0, connection=2))
    for report in (counts, counts[::-1]):
        traffic = Shared().take_in(UsageReported(TUNNEL, report), 1.0)
        assert list(traffic.heard) == [1, PUBLIC]
        assert list(traffic.silent) == [2]


def test_the_answer_to_the_check_of_another_is_no_use_of_the_connection_that_it_takes() -> None:
    overlay = _with_traffic()
    overlay.handle("R31", Unresolved(TUNNEL, PEER))  # its packets go by the hub
    (connection,) = overlay.ipsec["R31"].known
    usage = tunnel_of(overlay).usage[connection.number]
    before = usage.own
    check = icmp.EchoRequest(identifier=1, sequence=1).serialize()
    overlay.handle("R31", IpReceived(TUNNEL, PEER, SPOKE, IpProtocol.ICMP, check, tos=TOS_INTERNETWORK_CONTROL))
    assert usage.own == before + 1


def test_an_adjacency_over_a_connection_that_is_no_more_is_not_ordered_again() -> None:
    overlay = _with_traffic(behind=("R31", "R41"))
    hub = overlay.members["R11"]
    old = SetAdjacency(TUNNEL, SPOKE, PUBLIC, overlay.adjacent["R11"][SPOKE])
    overlay.disconnect("R31", "R11")
    overlay.connect("R31", "R11")
    overlay.run(1)
    now = SetAdjacency(TUNNEL, SPOKE, PUBLIC, overlay.adjacent["R11"][SPOKE])
    for order, again in ((old, False), (now, True)):
        hub.effects.clear()
        overlay.handle(hub, EffectFailed(order, 105, "No buffer space available"))
        overlay.run(3)
        assert (order in hub.effects) is again


def test_a_list_of_receivers_that_is_out_of_date_is_not_ordered_again() -> None:
    overlay = _with_traffic(behind=("R31", "R41"))
    hub = overlay.members["R11"]
    right = SetMulticast(TUNNEL, hub.multicast, 4, overlay.bound["R11"])
    wrong = SetMulticast(TUNNEL, hub.multicast, 4, overlay.bound["R11"][:1])
    for order, again in ((wrong, False), (right, True)):
        hub.effects.clear()
        overlay.handle(hub, EffectFailed(order, 105, "No buffer space available"))
        overlay.run(3)
        assert (order in hub.effects) is again


def test_a_packet_that_goes_back_to_where_it_came_from_is_no_reason_for_a_redirect() -> None:
    """Not even where the adjacency names no connection, because the station is only mapped."""
    overlay = _with_traffic()
    overlay.configure("R11", maps=Pages([(Prefix.host(PEER), PEER_NBMA)]))
    number = next(c.number for c in overlay.ipsec["R11"].known if c.identity == "R41.example")
    assert overlay.adjacent["R11"][PEER] == 0
    overlay.handle("R11", Hairpin(TUNNEL, TUNNEL, PEER_NBMA, data_packet("10.4.4.1", str(PEER)), number))
    assert overlay.sent(TrafficIndication) == []


def test_one_who_makes_many_mistakes_does_not_silence_what_his_neighbor_is_told() -> None:
    overlay = _with_traffic(behind=("R31", "R41"))
    numbers = {c.identity: c.number for c in overlay.ipsec["R11"].known}
    told = []
    for name, source in [("R31", SPOKE)] * 50 + [("R41", PEER)]:
        request = PurgeRequest(
            source_nbma=address("10.99.1.1"),
            source_protocol=source,
            destination_protocol=address("172.31.0.1"),
            flags=PurgeFlag(0),
            request_id=1,
            cies=(ClientInfo(protocol=source),),
        )
        overlay.packets.clear()
        overlay.handle("R11", NhrpReceived(TUNNEL, PUBLIC, request.serialize(), numbers[f"{name}.example"]))
        told += [name] * len(overlay.sent(ErrorIndication))
    assert 0 < told.count("R31") < 50
    assert told.count("R41") == 1
