"""The servers of a client: which are used, how they are known, how they are left (RFC 2332 §5.2.3, §5.2.5)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import Resolve, SendGre
from dmvpn.base.errors import surely
from dmvpn.base.events import NameResolved, NhrpReceived
from dmvpn.base.notices import Configured
from dmvpn.base.pages import Pages
from dmvpn.features.nhrp.cache import EntryType
from dmvpn.features.nhrp.instance import LEAVING
from dmvpn.features.nhrp.model import NhrpConfig, NhsConfig, Withdraw
from dmvpn.features.nhrp.packet import PurgeRequest, RegistrationReply, RegistrationRequest, ResolutionReply
from dmvpn.features.nhrp.parts import CieCode, ClientInfo, ResponderAddress
from dmvpn.features.nhrp.reasons import Evidence, Suspicion, suspicions
from support.cloud import HUB as FIRST_HUB
from support.cloud import HUB_NBMA, PEER_NBMA, SPOKE_NBMA, ready, targets, tunnel_of
from support.overlay import HUB, TUNNEL, Member, Overlay, address, client_of, cloud, make_shortcut, tunnel_config

DYNAMIC = NhsConfig(address=None, nbma=address("172.16.11.1"), multicast=True)


def _statics(overlay: Overlay, name: str = "R31") -> list[str]:
    entries = overlay.members[name].machine.tunnels[0].cache.entries()
    return [str(entry.target) for entry in entries if entry.type is EntryType.STATIC]


def _answer(overlay: Overlay, *, code: CieCode = CieCode.SUCCESS, **changes: object) -> None:
    """The hub's reply to the last request of R31, as somebody else would make it."""
    (*_, request) = overlay.sent(RegistrationRequest)
    reply = RegistrationReply(
        source_nbma=request.source_nbma,
        source_protocol=request.source_protocol,
        destination_protocol=request.destination_protocol,
        flags=request.flags,
        request_id=request.request_id,
        cies=(replace(request.cies[0], code=code),),
    )
    reply = replace(reply, **changes)  # type: ignore[arg-type]
    overlay.handle("R31", NhrpReceived(TUNNEL, address("172.16.11.1"), reply.serialize()))


def _registered(overlay: Overlay, hub: str) -> bool:
    return overlay.members[hub].machine.tunnels[0].cache.host(address("192.168.100.31")) is not None


def _two_hubs(**settings: object) -> Overlay:
    second = NhsConfig(address=address("192.168.100.12"), nbma=address("172.16.12.1"), priority=1)
    spoke = Member(
        "R31", address("172.16.31.1"), address("192.168.100.31"), tunnel_config(nhs=(HUB, second), **settings)
    )
    hubs = [
        Member(name, address(f"172.16.{n}.1"), address(f"192.168.100.{n}"), tunnel_config(multicast_dynamic=True))
        for name, n in (("R11", 11), ("R12", 12))
    ]
    return Overlay(spoke, *hubs)


@pytest.mark.conforms("4-client")
def test_a_spoke_registers_with_all_its_servers() -> None:
    overlay = _two_hubs().start().run(1)
    assert all(client.is_responding for client in overlay.members["R31"].machine.tunnels[0].clients.values())


@pytest.mark.conforms("frr-22649")
def test_of_a_cluster_as_many_are_used_as_it_may_have_and_the_next_stands_in() -> None:
    overlay = _two_hubs(max_connections=((0, 1),)).start().run(1)
    first, second = overlay.members["R31"].machine.tunnels[0].clients.values()
    assert (first.state.name, second.state.name) == ("RESPONDING", "WAITING")
    overlay.cut("R31", "R11")
    spoke = overlay.members["R31"]
    for _ in range(20):
        spoke.count(address("172.16.11.1"), sent=1)
        overlay.run(1)
    assert (first.state.name, second.state.name) == ("EXPECTING", "RESPONDING")
    overlay.fix()
    overlay.run(65)
    assert (first.state.name, second.state.name) == ("RESPONDING", "WAITING")


@pytest.mark.conforms("5.2.5-withdraw")
def test_removing_a_server_takes_the_registration_back() -> None:
    overlay = cloud(3).start().run(1)
    overlay.configure("R31", nhs=()).run(1)
    (purge,) = overlay.sent(PurgeRequest)
    assert purge.cies[0].protocol == address("192.168.100.31")
    assert overlay.members["R11"].adjacencies == {}
    assert overlay.members["R31"].adjacencies == {}
    overlay.run(60)
    assert len(overlay.sent(PurgeRequest)) == 1  # it was answered


@pytest.mark.conforms("5.2.5-withdraw")
def test_an_orderly_stop_takes_the_registration_back() -> None:
    overlay = cloud(3).start().run(1)
    overlay.handle("R31", Withdraw())
    overlay.run(1)
    assert overlay.members["R11"].adjacencies == {}


@pytest.mark.conforms("5.2.5-withdraw")
def test_a_registration_that_is_due_while_the_router_stops_does_not_take_the_withdrawal_back() -> None:
    """The refresh came 34 ms after the purge: the hub went on sending to a spoke that had ended, until it expired."""
    overlay = cloud(3).start().run(1)
    due = surely(client_of(overlay).deadline)
    overlay.run(due - 0.01 - overlay.now)
    overlay.handle("R31", Withdraw())
    overlay.run(1)
    assert overlay.members["R11"].adjacencies == {}
    overlay.run(LEAVING + 10)
    assert client_of(overlay).is_responding, "the stop was called off"


@pytest.mark.conforms("3-responder", "5.2.3-unknown")
def test_a_server_that_is_not_known_by_address_tells_it() -> None:
    overlay = cloud(3)
    dynamic = NhsConfig(address=None, nbma=address("172.16.11.1"), multicast=True)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, nhs=(dynamic,))
    overlay.start().run(1)
    client = client_of(overlay)
    assert client.is_responding
    assert client.nhs == address("192.168.100.11")
    assert overlay.members["R31"].adjacencies == {address("192.168.100.11"): address("172.16.11.1")}


# ------------------------------------------------------------------------------------------------ refused, left


def test_a_server_that_refuses_us_is_replaced_by_the_next_of_its_cluster() -> None:
    """Its binding of another station may hold for hours: the reserve would have us at once."""
    overlay = _two_hubs(max_connections=((0, 1),)).start("R11", "R12")
    elsewhere = replace(overlay.members["R31"].tunnel_state, source=address("172.16.99.1"))
    overlay.members["R31"].nbma, overlay.members["R31"].tunnel_state = address("172.16.99.1"), elsewhere
    overlay.cut("R31", "R12").start("R31").run(1)
    overlay.fix()
    overlay.move("R31", "172.16.31.1")
    overlay.run(2)
    first, second = overlay.members["R31"].machine.tunnels[0].clients.values()
    assert (first.is_refused, second.is_responding) == (True, True)


def test_a_server_that_refuses_us_is_asked_ever_more_rarely_and_from_the_beginning_after_it_took_us() -> None:
    overlay = cloud(3).start("R11")
    overlay.filter = lambda _member, _nbma, packet: not isinstance(packet, RegistrationReply)
    overlay.start("R31")

    def wait() -> float:
        deadline = client_of(overlay).deadline
        assert deadline is not None
        passed = deadline - overlay.now
        overlay.run(passed + 0.001)
        return passed

    gaps = []
    for _ in range(9):
        _answer(overlay, code=CieCode.UNIQUE_ADDRESS_REGISTERED)
        gaps.append(wait())
    assert gaps == [pytest.approx(gap, rel=0.11) for gap in (1, 2, 4, 8, 16, 32, 64, 64, 64)]
    _answer(overlay)
    overlay.run(client_of(overlay).refresh + 0.001)
    _answer(overlay, code=CieCode.UNIQUE_ADDRESS_REGISTERED)
    assert wait() == pytest.approx(1, rel=0.11)


def test_a_withdrawal_that_was_lost_does_not_undo_a_later_registration() -> None:
    """The purge to a server that we left is repeated; meanwhile the server is wanted again."""
    overlay = cloud(3).start().run(1)
    overlay.filter = lambda _member, _nbma, packet: not isinstance(packet, PurgeRequest)
    overlay.configure("R31", nhs=()).run(0.5)
    overlay.filter = lambda *_: True
    overlay.configure("R31", nhs=(HUB,)).run(60)
    assert _registered(overlay, "R11")
    assert len(overlay.sent(PurgeRequest)) == 1


def test_a_lost_withdrawal_from_one_server_is_repeated_although_we_register_with_another() -> None:
    overlay = _two_hubs().start().run(1)
    overlay.filter = lambda _member, _nbma, packet: not isinstance(packet, PurgeRequest)
    second = overlay.members["R31"].config.nhs[1]
    overlay.configure("R31", nhs=(second,)).run(0.5)
    overlay.filter = lambda *_: True
    overlay.configure("R31", nhs=(second,), holdtime=600).run(5)
    assert not _registered(overlay, "R11")
    assert _registered(overlay, "R12")


def test_a_server_that_sends_and_never_answers_is_asked_ever_more_rarely_all_the_same() -> None:
    overlay = cloud(3)
    overlay.filter = lambda _member, _nbma, packet: not isinstance(packet, RegistrationReply)
    overlay.start()
    spoke = overlay.members["R31"]
    for _ in range(600):
        spoke.count(address("172.16.11.1"), received=1)
        overlay.run(1)
    times = [sent.when for sent in overlay.packets if isinstance(sent.packet, RegistrationRequest)]
    assert len([when for when in times if when > 200]) <= 14  # at 64 s each, and once between two of them


def test_a_server_that_is_heard_again_is_asked_at_once() -> None:
    overlay = cloud(3)
    overlay.cut("R31", "R11").start().run(200)
    overlay.fix()
    overlay.members["R31"].count(address("172.16.11.1"), received=1)
    overlay.run(4)
    assert client_of(overlay).is_responding


# ------------------------------------------------------------------------------------------------ what they say


def test_a_reply_to_another_station_with_our_request_id_registers_nobody() -> None:
    overlay = cloud(3).start("R31")
    _answer(overlay, source_protocol=address("192.168.100.41"))
    assert not client_of(overlay).is_responding
    _answer(overlay)
    assert client_of(overlay).is_responding


def test_a_server_that_keeps_changing_its_address_leaves_one_entry() -> None:
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, nhs=(DYNAMIC,), holdtime=30)
    overlay.filter = lambda _member, _nbma, packet: not isinstance(packet, RegistrationReply)
    overlay.start()
    for number in range(12, 22):
        overlay.run(11)
        named = address(f"192.168.100.{number}")
        _answer(overlay, destination_protocol=named)
        assert _statics(overlay) == [f"{named}/32"]
        assert overlay.members["R31"].adjacencies == {named: address("172.16.11.1")}


@pytest.mark.parametrize("named", ["0.0.0.0", "224.0.0.10", "255.255.255.255", "127.0.0.1", "192.168.100.31"])
def test_an_address_that_no_server_can_have_is_not_learned(named: str) -> None:
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, nhs=(DYNAMIC,))
    overlay.start("R31")
    _answer(overlay, destination_protocol=address(named))
    assert _statics(overlay) == []


@pytest.mark.parametrize(
    ("said", "responder", "learned"),
    [
        ("192.168.100.31", "192.168.100.12", "192.168.100.12"),  # it turned our own address round, as we asked it
        ("192.168.100.31", "10.9.9.9", "10.9.9.9"),  # nothing else is known of it
        ("192.168.100.11", "10.9.9.9", "192.168.100.11"),  # `ip nhrp responder`: nobody's next hop
        ("192.168.100.11", "192.168.100.12", "192.168.100.12"),
    ],
)
def test_how_a_server_is_called_is_in_the_destination_or_in_the_responder(
    said: str, responder: str, learned: str
) -> None:
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, nhs=(DYNAMIC,))
    overlay.start("R31")
    entry = ClientInfo(holding_time=600, nbma=address("172.16.11.1"), protocol=address(responder))
    _answer(overlay, destination_protocol=address(said), extensions=(ResponderAddress(entries=(entry,)),))
    assert client_of(overlay).nhs == address(learned)


def test_a_server_does_not_take_the_place_of_a_mapping_that_is_configured() -> None:
    overlay = cloud(3)
    mapped = Pages([(Prefix.parse("192.168.100.11/32"), address("172.16.11.9"))])
    overlay.members["R31"].config = replace(overlay.members["R31"].config, nhs=(DYNAMIC,), maps=mapped)
    overlay.start().run(1)
    assert client_of(overlay).nhs == address("192.168.100.11")
    assert overlay.members["R31"].adjacencies == {address("192.168.100.11"): address("172.16.11.9")}
    overlay.configure("R31", holdtime=600)
    _answer(overlay, destination_protocol=address("192.168.100.12"))
    assert _statics(overlay) == ["192.168.100.11/32", "192.168.100.12/32"]


# Next hop servers by host name: when a name is looked up, and what follows from the answer.

NAMED = NhsConfig(address=address("192.168.100.11"), name="hub.example", multicast=True)


def test_a_server_known_by_name_is_looked_up_and_asked_again_while_nobody_knows_it() -> None:
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, nhs=(NAMED,))
    overlay.start()
    spoke = overlay.members["R31"]
    assert [e for e in spoke.effects if isinstance(e, Resolve)] == [Resolve("hub.example")]
    overlay.handle(spoke, NameResolved("hub.example", ()))
    overlay.run(1.5)
    assert [e for e in spoke.effects if isinstance(e, Resolve)] == [Resolve("hub.example")] * 2
    overlay.handle(spoke, NameResolved("hub.example", (address("172.16.11.1"),)))
    overlay.run(0.5)
    assert client_of(overlay).is_responding
    assert spoke.adjacencies == {address("192.168.100.11"): address("172.16.11.1")}


def test_a_name_with_addresses_of_ipv6_alone_stands_for_no_server_yet() -> None:
    """GRE goes over IPv4 here: what was sent to such an address could go nowhere."""
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, nhs=(NAMED,))
    overlay.start()
    spoke = overlay.members["R31"]
    overlay.handle(spoke, NameResolved("hub.example", (address("2001:db8::1"),)))
    overlay.run(1.5)
    assert [e for e in spoke.effects if isinstance(e, Resolve)] == [Resolve("hub.example")] * 2
    assert not [e for e in spoke.effects if isinstance(e, SendGre)]
    overlay.handle(spoke, NameResolved("hub.example", (address("2001:db8::1"), address("172.16.11.1"))))
    overlay.run(0.5)
    assert client_of(overlay).is_responding


def _asked(overlay: Overlay, seconds: float, *answers: str) -> list[float]:
    """When R31 looks names up within this time; each question is answered at once."""
    spoke, times, end = overlay.members["R31"], [], overlay.now + seconds
    while overlay.now < end:
        spoke.effects.clear()
        overlay.run(0.1)
        if any(isinstance(effect, Resolve) for effect in spoke.effects):
            times.append(overlay.now)
            overlay.handle(spoke, NameResolved("hub.example", tuple(map(address, answers))))
    return times


def test_a_name_that_nobody_knows_is_asked_for_ever_more_rarely() -> None:
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, nhs=(NAMED,))
    overlay.start("R31")
    overlay.handle("R31", NameResolved("hub.example", ()))
    times = [0.0, *_asked(overlay, 300)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == [pytest.approx(gap, abs=0.21) for gap in (1, 2, 4, 8, 16, 32, 64, 64, 64)]


def test_a_name_whose_server_is_silent_is_asked_for_once_a_minute_and_again_at_once_if_it_is_lost() -> None:
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, nhs=(NAMED,))
    overlay.start("R31")
    for _ in range(4):
        overlay.handle("R31", NameResolved("hub.example", ()))
        overlay.run(70)
    overlay.handle("R31", NameResolved("hub.example", (address("172.16.55.1"),)))
    times = _asked(overlay, 400, "172.16.55.1")
    assert len(times) in (6, 7)  # when the server is asked anyway, but not more often than once a minute
    assert all(later - earlier > 59.9 for earlier, later in pairwise(times))
    overlay.handle("R31", NameResolved("hub.example", ()))
    assert _asked(overlay, 1.5, "172.16.55.1") != []


def test_a_name_without_a_dot_is_looked_up_in_the_domain() -> None:
    overlay = cloud(3)
    spoke = overlay.members["R31"]
    spoke.config = replace(spoke.config, nhs=(replace(NAMED, name="hub"),))
    overlay.start()
    config = NhrpConfig(tunnels=(spoke.config,), domain="example")
    assert Resolve("hub.example") in overlay.handle(spoke, Configured("nhrp", config))
    table = Pages([("Hub.EXAMPLE", address("172.16.11.1"))])
    overlay.handle(spoke, Configured("nhrp", replace(config, hosts=table)))
    overlay.run(1)
    assert client_of(overlay).is_responding


def test_a_name_that_is_configured_again_is_looked_up_again() -> None:
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, nhs=(NAMED,))
    overlay.start()
    spoke = overlay.members["R31"]
    overlay.handle(spoke, NameResolved("hub.example", (address("172.16.55.1"),)))
    overlay.configure("R31", nhs=()).run(1)
    spoke.effects.clear()
    overlay.configure("R31", nhs=(NAMED,))
    assert [e for e in spoke.effects if isinstance(e, Resolve)] == [Resolve("hub.example")]
    overlay.handle(spoke, NameResolved("hub.example", (address("172.16.11.1"),)))
    overlay.run(0.5)
    assert client_of(overlay).is_responding


def test_nobody_asks_for_a_name_that_is_not_configured_any_more() -> None:
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, nhs=(NAMED,))
    overlay.start()
    spoke = overlay.members["R31"]
    overlay.handle(spoke, NameResolved("hub.example", ()))
    overlay.configure("R31", nhs=())
    spoke.effects.clear()
    overlay.run(100)
    assert [e for e in spoke.effects if isinstance(e, Resolve)] == []


# A hub is silent, and another one stands in: it may know less of our peers than they do themselves.

SECOND, SECOND_NBMA = address("192.168.100.12"), address("172.16.12.1")


def _hub(name: str, nbma: str, tunnel: str, routes: dict[str, str]) -> Member:
    lans = {"10.1.1.0/24": "10.1.1.1"}
    config = tunnel_config(holdtime=60, redirect=True, multicast_dynamic=True)
    return Member(name, address(nbma), address(tunnel), config, lans, routes)


def _spoke(n: int, other: int) -> Member:
    servers = tuple(
        NhsConfig(address=hub, nbma=nbma, multicast=True)
        for hub, nbma in ((FIRST_HUB, HUB_NBMA), (SECOND, SECOND_NBMA))
    )
    return Member(
        f"R{n}1",
        address(f"172.16.{n}1.1"),
        address(f"192.168.100.{n}1"),
        tunnel_config(holdtime=60, shortcut=True, nhs=servers),
        lans={f"10.{n}.{n}.0/24": f"10.{n}.{n}.1"},
        routes={f"10.{other}.{other}.0/24": str(FIRST_HUB)},
    )


def _hub_with_stand_in() -> Overlay:
    """Spokes with a shortcut, whose packets would go by R11. R12 knows R41's LAN by what is behind itself alone."""
    first = _hub(
        "R11", "172.16.11.1", "192.168.100.11", {"10.3.3.0/24": "192.168.100.31", "10.4.4.0/24": "192.168.100.41"}
    )
    second = _hub("R12", "172.16.12.1", "192.168.100.12", {"10.3.3.0/24": "192.168.100.31"})
    second.lans["10.4.0.0/16"] = "10.4.255.254"
    overlay = Overlay(first, second, _spoke(3, 4), _spoke(4, 3)).start().run(5)
    make_shortcut(overlay)
    return overlay


def _talk(overlay: Overlay, seconds: int) -> list[tuple[str, object]]:
    """The ways of R31's packets to R41 in that time, second by second."""
    ways: list[tuple[str, object]] = []
    for _ in range(seconds):
        overlay.members["R31"].count(PEER_NBMA, sent=3, received=3)
        overlay.members["R41"].count(SPOKE_NBMA, sent=3, received=3)
        for name in ("R31", "R41"):
            overlay.members[name].count(HUB_NBMA, sent=1)
        overlay.run(1)
        ways.append(overlay.members["R31"].forwards("10.4.4.1"))
    return ways


@pytest.mark.conforms("6.2.1-source", "cisco-refresh")
def test_a_hub_that_stands_in_for_a_silent_one_does_not_draw_packets_from_a_direct_path() -> None:
    """It sends them by the silent one until its own routes have followed."""
    overlay = _hub_with_stand_in()
    created = targets(overlay)["10.4.4.0/24"].created
    for other in ("R31", "R41"):
        overlay.cut(other, "R11")
    assert set(_talk(overlay, 150)) == {(TUNNEL, PEER_NBMA)}
    assert targets(overlay)["10.4.4.0/24"].created == created


def test_a_peer_that_lost_its_network_says_so_while_a_hub_is_silent_too() -> None:
    """It passes the question on to who has it now."""
    overlay = _hub_with_stand_in()
    for other in ("R31", "R41"):
        overlay.cut(other, "R11")
    _talk(overlay, 15)
    peer = overlay.members["R41"]
    peer.interfaces.states = [state for state in peer.interfaces.states if state.prefix != Prefix.parse("10.4.4.0/24")]
    peer.routes["10.4.4.0/24"] = str(SECOND)
    peer.fill_rib()
    assert _talk(overlay, 40)[-1] == (TUNNEL, SECOND_NBMA)
    assert overlay.sent(ResolutionReply, "R12")


@pytest.mark.conforms("6.2.1-source", "cisco-refresh")
def test_a_hub_that_has_lost_the_peer_does_not_end_a_direct_path() -> None:
    """The hub between the regions is dead: ours is well, has no way to the peer any more, and says so."""
    overlay = _hub_with_stand_in()
    created = targets(overlay)["10.4.4.0/24"].created
    hub = overlay.members["R11"]
    del hub.routes["10.4.4.0/24"]
    hub.fill_rib()
    assert set(_talk(overlay, 150)) == {(TUNNEL, PEER_NBMA)}
    assert targets(overlay)["10.4.4.0/24"].created == created
    assert any(reply.cies[0].code for reply in overlay.sent(ResolutionReply, "R11"))


# What a spoke may suspect of a server that does not answer.

S = Suspicion


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (Evidence(), (S.SERVER_DOWN, S.WRONG_ADDRESS, S.GRE_FILTERED, S.KEY, S.SAME_NAT)),
        (Evidence(public=True), (S.SERVER_DOWN, S.WRONG_ADDRESS, S.GRE_FILTERED, S.KEY)),
        (Evidence(protected=True), (S.KEY, S.NHRP_BEHIND_IKE, S.ESP_FILTERED)),
        (Evidence(answered=True), (S.SERVER_DOWN, S.GRE_FILTERED)),
        (Evidence(answered=True, translated=True), (S.SERVER_DOWN, S.OLD_BINDING, S.SAME_NAT, S.GRE_FILTERED)),
        (Evidence(answered=True, protected=True), (S.SERVER_DOWN,)),
        (Evidence(heard=True), (S.NHRP_MISSING,)),
    ],
)
def test_what_was_seen_before_narrows_it_down(evidence: Evidence, expected: tuple[Suspicion, ...]) -> None:
    assert suspicions(evidence) == expected


def test_what_was_heard_before_a_server_fell_silent_does_not_say_that_it_lives() -> None:
    overlay = ready(3)
    spoke = overlay.members["R31"]
    spoke.count(HUB_NBMA, received=20)
    overlay.run(10)
    overlay.cut("R31", "R11")
    for _ in range(60):
        spoke.count(HUB_NBMA, sent=3)  # a routing protocol goes on asking
        overlay.run(1)
    (client,) = tunnel_of(overlay).clients.values()
    before = client.suspicions
    for _ in range(70):
        spoke.count(HUB_NBMA, sent=3, received=1)  # GRE comes through again, NHRP does not
        overlay.run(1)
    assert (before, client.suspicions) == ((S.SERVER_DOWN, S.GRE_FILTERED), (S.NHRP_MISSING,))
