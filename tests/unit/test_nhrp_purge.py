"""Purges: telling others, and being told (RFC 2332 §5.2.5, §5.2.6)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.events import NhrpReceived
from dmvpn.base.notices import RouteChanged
from dmvpn.features.nhrp import purge as purge_module
from dmvpn.features.nhrp.cache import Cache, Entry, EntryType
from dmvpn.features.nhrp.instance import LEAVING
from dmvpn.features.nhrp.model import ClearCache, ClearNhrpCounters, ClearSessions, NhsConfig, Withdraw
from dmvpn.features.nhrp.packet import (
    PurgeFlag,
    PurgeReply,
    PurgeRequest,
    RegistrationRequest,
    ResolutionFlag,
    ResolutionReply,
    ResolutionRequest,
)
from dmvpn.features.nhrp.parts import ClientInfo, ForwardTransitRecord, VendorPrivate
from dmvpn.features.nhrp.reasons import Refusal
from support.by_hand import HUB_NBMA, R31, R41
from support.cloud import PEER_NBMA, ready, targets
from support.overlay import TUNNEL, Overlay, address, cloud, hairpin, make_shortcut
from support.protected import protected
from support.wire import with_checksum

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress


def _ready(overlay: Overlay | None = None, *, shortcut: bool = True) -> Overlay:
    overlay = overlay or cloud()
    overlay.start().run(5)
    if shortcut:
        make_shortcut(overlay)
    overlay.packets.clear()
    return overlay


def _purge(target: str, source: IPAddress, *, flags: PurgeFlag = PurgeFlag(0)) -> PurgeRequest:  # noqa: B008
    prefix = Prefix.parse(target)
    return PurgeRequest(
        source_nbma=source,
        source_protocol=address("192.168.100.41" if source == R41 else "192.168.100.11"),
        destination_protocol=address("192.168.100.31"),
        flags=flags,
        request_id=700,
        cies=(ClientInfo(prefix_length=prefix.length, protocol=prefix.address),),
    )


def _lose_lan(overlay: Overlay) -> None:
    member = overlay.members["R41"]
    lan = Prefix.parse("10.4.4.0/24")
    old = member.rib.exact(lan)
    assert old is not None
    member.rib.known.remove(old)
    member.interfaces.states = [replace(s, line=s.name == TUNNEL) for s in member.interfaces.states]
    overlay.handle(member, RouteChanged(lan, old, None))


@pytest.fixture
def overlay() -> Overlay:
    return _ready()


@pytest.mark.conforms("5.2.2-d", "5.2.5-changed", "6.2.1-requesters")
def test_who_resolved_a_prefix_is_told_when_it_goes_away(overlay: Overlay) -> None:
    _lose_lan(overlay)
    (request,) = overlay.sent(PurgeRequest)
    assert request.cies == (ClientInfo(prefix_length=24, protocol=address("10.4.4.0")),)
    assert request.destination_protocol == address("192.168.100.31")
    assert "10.4.4.0/24" not in targets(overlay, "R41")
    overlay.run(1)
    assert "10.4.4.0/24" not in targets(overlay, "R31")
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    (reply,) = overlay.sent(PurgeReply)
    assert reply.request_id == request.request_id
    overlay.run(30)
    assert len(overlay.sent(PurgeRequest)) == 1


@pytest.mark.conforms("5.2.5-leave")
def test_who_resolved_something_of_a_router_that_stops_in_good_order_forgets_it_and_is_asked_for_no_answer(
    overlay: Overlay,
) -> None:
    overlay.handle("R41", Withdraw())
    (packet,) = [sent.packet for sent in overlay.packets if sent.source == R41 and sent.destination == R31]
    assert isinstance(packet, PurgeRequest)
    assert packet.flags & PurgeFlag.NO_REPLY
    assert [str(cie.protocol) for cie in packet.cies] == ["10.4.4.0", "192.168.100.41"]
    overlay.run(1)
    assert not [target for target in targets(overlay, "R31") if target.startswith(("10.4.4.", "192.168.100.41"))]
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    assert not [reply for reply in overlay.sent(PurgeReply) if reply.source_protocol == packet.source_protocol][1:]


def test_a_router_that_stops_gives_nobody_a_new_answer() -> None:
    """Whoever asked between the purge and the end had a shortcut to nobody, until its holding time ended."""
    overlay = _ready(shortcut=False)
    question = ResolutionRequest(
        source_nbma=R31,
        source_protocol=address("192.168.100.31"),
        destination_protocol=address("10.4.4.1"),
        flags=ResolutionFlag(0xC802),
        request_id=700,
        cies=(ClientInfo(prefix_length=32, holding_time=600),),
    )
    overlay.handle("R41", Withdraw())
    overlay.handle("R41", NhrpReceived(TUNNEL, R31, question.serialize()))
    overlay.run(1)
    assert overlay.sent(ResolutionReply) == []
    overlay.run(LEAVING)
    overlay.handle("R41", NhrpReceived(TUNNEL, R31, question.serialize()))
    overlay.run(1)
    assert overlay.sent(ResolutionReply), "the stop was called off"


@pytest.mark.parametrize("claimed", ["224.0.0.10", "127.0.0.1", "172.16.41.1"])
def test_who_gave_an_address_that_cannot_be_is_told_where_its_question_came_from(claimed: str) -> None:
    overlay = _ready(shortcut=False)
    question = ResolutionRequest(
        source_nbma=address(claimed),
        source_protocol=address("192.168.100.31"),
        destination_protocol=address("10.4.4.1"),
        flags=ResolutionFlag(0xC802),
        request_id=901,
    )
    overlay.handle("R41", NhrpReceived(TUNNEL, HUB_NBMA, question.serialize()))
    overlay.packets.clear()
    _lose_lan(overlay)
    assert [s.destination for s in overlay.packets if isinstance(s.packet, PurgeRequest)] == [HUB_NBMA]


@pytest.mark.conforms("5.2.0.1-id-retry", "5.2.5-retry")
def test_a_peer_that_never_answers_a_purge_is_no_problem(overlay: Overlay) -> None:
    """FRR has no handler for purges."""
    overlay.filter = lambda _, __, packet: not isinstance(packet, PurgeReply)
    _lose_lan(overlay)
    overlay.run(60)
    requests = [s for s in overlay.packets if isinstance(s.packet, PurgeRequest)]
    assert [s.destination for s in requests] == [R31, HUB_NBMA, R31, HUB_NBMA, R31]  # directly, then by the hub
    assert [round(s.when - requests[0].when) for s in requests if s.source == R41] == [0, 1, 3]
    assert len({s.packet.request_id for s in requests if isinstance(s.packet, PurgeRequest)}) == 1


def test_who_is_told_of_a_lost_prefix_is_told_again_although_we_register_with_him_meanwhile(overlay: Overlay) -> None:
    overlay.filter = lambda _, __, packet: not isinstance(packet, PurgeReply)
    _lose_lan(overlay)
    second = NhsConfig(address=address("192.168.100.31"), nbma=R31)
    overlay.configure("R41", nhs=(*overlay.members["R41"].config.nhs, second)).run(60)
    assert len(overlay.sent(PurgeRequest, "R41")) == 3


@pytest.mark.conforms("5.2.5-reply", "frr-23064")
def test_a_purge_is_answered_even_if_nothing_matched() -> None:
    overlay = _ready(shortcut=False)
    purge = _purge("10.99.0.0/16", HUB_NBMA)
    overlay.handle("R31", NhrpReceived(TUNNEL, HUB_NBMA, purge.serialize()))
    (reply,) = overlay.sent(PurgeReply)
    assert reply.cies == purge.cies
    assert reply.source_protocol == purge.source_protocol


@pytest.mark.conforms("5.2.5-n", "frr-23064")
def test_with_the_n_bit_there_is_no_answer(overlay: Overlay) -> None:
    purge = _purge("10.4.4.0/24", R41, flags=PurgeFlag.NO_REPLY)
    overlay.handle("R31", NhrpReceived(TUNNEL, R41, purge.serialize()))
    assert overlay.packets == []
    assert "10.4.4.0/24" not in targets(overlay, "R31")


@pytest.mark.conforms("5.2.5-prefix", "5.2.5-discard", "6.2.1-purged", "frr-23064")
@pytest.mark.parametrize(
    ("target", "left"),
    [
        ("10.4.4.0/24", ["10.3.3.0/24", "192.168.100.11/32", "192.168.100.41/32"]),
        ("10.4.0.0/16", ["10.3.3.0/24", "192.168.100.11/32", "192.168.100.41/32"]),
        ("192.168.100.41/32", ["10.3.3.0/24", "192.168.100.11/32"]),
        ("0.0.0.0/1", ["10.3.3.0/24", "192.168.100.11/32", "192.168.100.41/32"]),
    ],
)
def test_what_a_purge_takes(overlay: Overlay, target: str, left: list[str]) -> None:
    overlay.handle("R31", NhrpReceived(TUNNEL, R41, _purge(target, R41).serialize()))
    assert [*targets(overlay, "R31")] == left


@pytest.mark.conforms("5.2.5-who")
def test_a_stranger_may_not_purge(overlay: Overlay) -> None:
    stranger = replace(_purge("10.4.4.0/24", address("6.6.6.6")), source_protocol=address("192.168.100.66"))
    overlay.handle("R31", NhrpReceived(TUNNEL, address("6.6.6.6"), stranger.serialize()))
    assert "10.4.4.0/24" in targets(overlay, "R31")
    refused = overlay.members["R31"].machine.tunnels[0].counters.refused
    assert refused[Refusal.NOT_ALLOWED] == 1


def test_a_spoke_cannot_purge_the_registration_of_another() -> None:
    overlay = _ready(shortcut=False)
    purge = replace(_purge("192.168.100.31/32", R41), destination_protocol=address("192.168.100.11"))
    overlay.handle("R11", NhrpReceived(TUNNEL, R41, purge.serialize()))
    assert "192.168.100.31/32" in targets(overlay, "R11")


@pytest.mark.conforms("5.2.5-again")
def test_after_a_purge_the_next_redirect_asks_again(overlay: Overlay) -> None:
    overlay.handle("R31", NhrpReceived(TUNNEL, R41, _purge("10.4.4.0/24", R41).serialize()))
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1)
    assert "10.4.4.0/24" in targets(overlay, "R31")


@pytest.mark.conforms("5.2.5-who")
def test_a_spoke_cannot_purge_what_belongs_to_another_by_writing_its_name(overlay: Overlay) -> None:
    """The source in the packet is nobody's proof: what counts is where it comes from."""
    liar = replace(_purge("192.168.100.31/32", R31), destination_protocol=address("192.168.100.11"))
    liar = replace(liar, source_protocol=address("192.168.100.31"))
    overlay.handle("R11", NhrpReceived(TUNNEL, R41, liar.serialize()))
    assert "192.168.100.31/32" in targets(overlay, "R11")
    overlay.handle("R31", NhrpReceived(TUNNEL, address("6.6.6.6"), _purge("10.4.4.0/24", R41).serialize()))
    assert "10.4.4.0/24" in targets(overlay, "R31")
    assert overlay.sent(PurgeReply) == []  # it would say that it is done


@pytest.mark.conforms("5.2.5-discard")
def test_a_purge_that_comes_by_the_hub_counts_if_the_owner_or_the_hub_itself_speaks(overlay: Overlay) -> None:
    other = replace(_purge("10.4.4.0/24", R41), source_protocol=address("192.168.100.51"))
    overlay.handle("R31", NhrpReceived(TUNNEL, HUB_NBMA, other.serialize()))
    assert "10.4.4.0/24" in targets(overlay, "R31")
    overlay.handle("R31", NhrpReceived(TUNNEL, HUB_NBMA, _purge("10.4.4.0/24", R41).serialize()))
    assert "10.4.4.0/24" not in targets(overlay, "R31")
    overlay.handle("R31", NhrpReceived(TUNNEL, HUB_NBMA, _purge("192.168.100.41/32", HUB_NBMA).serialize()))
    assert "192.168.100.41/32" not in targets(overlay, "R31")


def test_a_wide_purge_takes_what_the_sender_may_say_and_is_answered(overlay: Overlay) -> None:
    tunnel = overlay.members["R31"].machine.tunnels[0]
    host = address("10.5.5.5")
    other = Entry(target=Prefix.host(host), next_hop=host, nbma=host, type=EntryType.DYNAMIC, created=0.0, expires=9e9)
    tunnel.cache.add(other)
    overlay.handle("R31", NhrpReceived(TUNNEL, HUB_NBMA, _purge("10.4.0.0/15", R41).serialize()))
    assert "10.4.4.0/24" not in targets(overlay, "R31")
    assert "10.5.5.5/32" in targets(overlay, "R31")
    assert len(overlay.sent(PurgeReply)) == 1


@pytest.mark.conforms("5.2.6-formed")
def test_the_reply_is_the_request_with_another_type(overlay: Overlay) -> None:
    purge = replace(
        _purge("10.4.4.0/24", R41, flags=PurgeFlag(0x0402)),
        extensions=(ForwardTransitRecord(), VendorPrivate(vendor=b"abc", data=b"d")),
    )
    overlay.handle("R31", NhrpReceived(TUNNEL, R41, purge.serialize()))
    (reply,) = overlay.sent(PurgeReply)
    octets = bytearray(purge.serialize())
    octets[17] = PurgeReply.TYPE
    assert reply.serialize() == with_checksum(bytes(octets), 12)


def test_a_purge_without_an_address_means_its_sender() -> None:
    overlay = _ready(shortcut=False)
    purge = replace(
        _purge("192.168.100.41/32", R41), destination_protocol=address("192.168.100.11"), cies=(ClientInfo(),)
    )
    overlay.handle("R11", NhrpReceived(TUNNEL, R41, purge.serialize()))
    assert "192.168.100.41/32" not in targets(overlay, "R11")


@pytest.mark.conforms("5.2.5-fields")
def test_a_purge_says_nothing_but_what_is_purged(overlay: Overlay) -> None:
    _lose_lan(overlay)
    (request,) = overlay.sent(PurgeRequest)
    (cie,) = request.cies
    assert (cie.code, cie.mtu, cie.holding_time, cie.preference) == (0, 0, 0, 0)
    assert not request.flags & PurgeFlag.NO_REPLY
    assert request.source_protocol == address("192.168.100.41")


@pytest.mark.conforms("5.2.5-who")
def test_a_configured_mapping_and_our_own_prefixes_survive_every_purge(overlay: Overlay) -> None:
    for everything in ("0.0.0.0/1", "128.0.0.0/1"):
        overlay.handle("R31", NhrpReceived(TUNNEL, HUB_NBMA, _purge(everything, HUB_NBMA).serialize()))
    assert [*targets(overlay, "R31")] == ["10.3.3.0/24", "192.168.100.11/32"]


@pytest.mark.conforms("5.2.5-changed")
def test_everybody_who_resolved_is_told_once() -> None:
    overlay = cloud(3, 4, 5).start().run(5)
    for spoke, lan in (("R31", "10.3.3.1"), ("R51", "10.5.5.1")):
        hairpin(overlay, lan, "10.4.4.1", by=spoke)
        overlay.run(1)
    _lose_lan(overlay)
    overlay.run(10)
    told = [str(purge.destination_protocol) for purge in overlay.sent(PurgeRequest)]
    assert told == ["192.168.100.31", "192.168.100.51"]
    for spoke in ("R31", "R51"):
        assert "10.4.4.0/24" not in targets(overlay, spoke)


@pytest.mark.conforms("5.2.5-retry")
def test_after_the_holding_time_there_is_nobody_to_tell() -> None:
    overlay = cloud(holdtime=60).start().run(1)
    make_shortcut(overlay)
    overlay.packets.clear()
    overlay.run(200)
    _lose_lan(overlay)
    assert overlay.sent(PurgeRequest) == []


def test_a_storm_of_purges_of_ours_is_bounded_and_the_last_want_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge_module, "LARGEST_OUTSTANDING", 5)
    overlay = _ready(shortcut=False)
    for number in range(20):
        request = ResolutionRequest(
            source_nbma=address("172.16.9.0") + number,
            source_protocol=address("192.168.100.100") + number,
            destination_protocol=address("10.4.4.1"),
            flags=ResolutionFlag(0xC802),
            request_id=number,
        )
        overlay.handle("R41", NhrpReceived(TUNNEL, HUB_NBMA, request.serialize()))
    overlay.packets.clear()
    _lose_lan(overlay)
    silent = [bool(purge.flags & PurgeFlag.NO_REPLY) for purge in overlay.sent(PurgeRequest)]
    assert silent == [False] * 5 + [True] * 15
    overlay.run(60)
    overlay.packets.clear()
    overlay.run(100)
    assert overlay.sent(PurgeRequest) == []


@pytest.mark.lengthy
def test_a_purge_of_a_thousand_prefixes_by_a_stranger_costs_a_glance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what leads to the stranger's own address is looked through, not the cache of the hub."""
    overlay = _ready(shortcut=False)
    tunnel = overlay.members["R11"].machine.tunnels[0]
    for number in range(20_000):
        host = address("10.128.0.0") + number
        tunnel.cache.add(
            Entry(target=Prefix.host(host), next_hop=host, nbma=host, type=EntryType.DYNAMIC, created=0.0, expires=9e9)
        )
    cies = tuple(ClientInfo(prefix_length=9, protocol=address("10.128.0.0") + n) for n in range(400))
    storm = replace(_purge("10.0.0.0/8", R41), destination_protocol=address("192.168.100.11"), cies=cies)
    looks: list[Cache] = []
    monkeypatch.setattr(Cache, "entries", looks.append)
    overlay.handle("R11", NhrpReceived(TUNNEL, R41, storm.serialize()))
    assert looks == []
    assert len(tunnel.cache) == 20_002


@pytest.mark.conforms("cisco-shutdown")
@pytest.mark.parametrize("what", ["shutdown", "another NBMA address", "death"])
def test_nothing_but_an_orderly_stop_or_another_configuration_withdraws_a_registration(
    overlay: Overlay, what: str
) -> None:
    """Else a spoke that moved could never see that its unique address is registered already (NAK 14)."""
    match what:
        case "shutdown":
            overlay.line("R31", up=False)
        case "another NBMA address":
            overlay.move("R31", "172.16.31.99")
        case _:
            overlay.cut("R31", "R11")
            overlay.cut("R31", "R41")
    overlay.run(60)
    purged = {str(cie.protocol) for purge in overlay.sent(PurgeRequest) for cie in purge.cies}
    assert "192.168.100.31" not in purged
    assert "192.168.100.31/32" in targets(overlay, "R11")


def test_a_purge_that_nobody_answered_does_not_take_back_what_was_resolved_again(overlay: Overlay) -> None:
    """`clear ip nhrp` at one spoke cost the other its shortcut a second after both had it again."""
    overlay.filter = lambda _, __, packet: not isinstance(packet, PurgeReply)
    overlay.handle("R41", ClearCache())
    make_shortcut(overlay)
    before = [*targets(overlay, "R31")]
    overlay.run(10)
    assert "10.4.4.0/24" in before
    assert [*targets(overlay, "R31")] == before


@pytest.mark.parametrize("direct", [True, False])
def test_on_a_protected_tunnel_a_purge_goes_straight_if_anything_protects_that_and_else_by_the_hub(
    direct: bool,
) -> None:
    overlay = protected()
    _ready(overlay)
    if not direct:
        overlay.cut("R31", "R41")
        overlay.disconnect("R31", "R41")
    overlay.way.clear()
    _lose_lan(overlay)
    overlay.run(0.5)
    straight, by_hub = [("R41", "R31")], [("R41", "R11"), ("R11", "R31")]
    assert overlay.ways("PurgeRequest") == (straight if direct else by_hub)
    assert "10.4.4.0/24" not in targets(overlay, "R31")


# Forgetting by hand: `clear ip nhrp`, `clear dmvpn session`, and who is told of it.


def _cloud(*, shortcut: bool = True) -> Overlay:
    overlay = ready()
    if shortcut:
        make_shortcut(overlay)
    overlay.packets.clear()
    return overlay


@pytest.mark.conforms("cisco-clear")
def test_clear_ip_nhrp_takes_what_was_learned_and_tells_who_resolved() -> None:
    overlay = _cloud()
    overlay.handle("R31", ClearCache())
    assert list(targets(overlay, "R31")) == ["192.168.100.11/32"]
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    (request,) = overlay.sent(PurgeRequest)
    assert request.cies[0].protocol == address("10.3.3.0")
    overlay.run(1)
    assert "10.3.3.0/24" not in targets(overlay, "R41")


@pytest.mark.conforms("cisco-clear")
def test_clear_ip_nhrp_of_one_target_takes_that_one() -> None:
    overlay = _cloud()
    overlay.handle("R31", ClearCache(Prefix.parse("10.4.4.0/24")))
    assert "10.4.4.0/24" not in targets(overlay, "R31")
    assert "192.168.100.41/32" in targets(overlay, "R31")


def test_clear_ip_nhrp_on_the_hub_forgets_its_clients_until_they_register_again() -> None:
    overlay = _cloud(shortcut=False)
    overlay.handle("R11", ClearCache())
    overlay.run(0.2)
    assert overlay.members["R11"].adjacencies == {}
    assert overlay.members["R11"].multicast == ()


def test_clear_counters() -> None:
    overlay = _cloud()
    overlay.handle("R31", ClearNhrpCounters())
    assert overlay.members["R31"].machine.tunnels[0].counters.sent == {}


@pytest.mark.parametrize(
    ("event", "left"),
    [
        (ClearSessions(nbma=PEER_NBMA), ["10.3.3.0/24", "192.168.100.11/32"]),
        (ClearSessions(tunnel=address("192.168.100.41")), ["10.3.3.0/24", "192.168.100.11/32"]),
        (ClearSessions(interface="Tunnel1"), ["10.3.3.0/24", "10.4.4.0/24", "192.168.100.11/32", "192.168.100.41/32"]),
        (ClearSessions(), ["192.168.100.11/32"]),
    ],
)
def test_clear_dmvpn_session_forgets_those_peers(event: ClearSessions, left: list[str]) -> None:
    overlay = _cloud()
    overlay.handle("R31", event)
    assert list(targets(overlay, "R31")) == left


def test_clear_dmvpn_session_static_begins_again_with_the_server() -> None:
    overlay = _cloud(shortcut=False)
    overlay.handle("R31", ClearSessions(nbma=HUB_NBMA, static=True))
    assert len(overlay.sent(RegistrationRequest)) == 1
    assert overlay.sent(ResolutionRequest) == []


def test_clear_ip_nhrp_of_a_vrf_takes_the_entries_of_its_tunnels() -> None:
    overlay = _cloud()
    before = targets(overlay, "R31")
    overlay.handle("R31", ClearCache(vrf="RED"))
    assert targets(overlay, "R31") == before
    overlay.handle("R31", ClearCache(vrf=""))
    assert list(targets(overlay, "R31")) == ["192.168.100.11/32"]
