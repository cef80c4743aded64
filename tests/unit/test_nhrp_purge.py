"""Purges: telling others, being told, and clearing by hand (RFC 2332 §5.2.5, §5.2.6)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.events import NhrpReceived
from dmvpn.base.notices import RouteChanged
from dmvpn.features.nhrp.cie import ClientInfo
from dmvpn.features.nhrp.counters import Refusal
from dmvpn.features.nhrp.events import ClearCache, ClearCounters, ClearSessions
from dmvpn.features.nhrp.packet import (
    PurgeFlag,
    PurgeReply,
    PurgeRequest,
    RegistrationRequest,
    ResolutionRequest,
)
from support.overlay import TUNNEL, Overlay, address, cloud, hairpin, make_shortcut

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

R31, R41, HUB_NBMA = address("172.16.31.1"), address("172.16.41.1"), address("172.16.11.1")


def _ready(*, shortcut: bool = True) -> Overlay:
    overlay = cloud()
    overlay.start()
    overlay.run(5)
    if shortcut:
        make_shortcut(overlay)
    overlay.packets.clear()
    return overlay


def _targets(overlay: Overlay, name: str) -> list[str]:
    return [str(entry.target) for entry in overlay.members[name].machine.tunnels[0].cache.entries()]


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


def test_who_resolved_a_prefix_is_told_when_it_goes_away() -> None:
    overlay = _ready()
    _lose_lan(overlay)
    (request,) = overlay.sent(PurgeRequest)
    assert request.cies == (ClientInfo(prefix_length=24, protocol=address("10.4.4.0")),)
    assert request.destination_protocol == address("192.168.100.31")
    assert "10.4.4.0/24" not in _targets(overlay, "R41")
    overlay.run(1)
    assert "10.4.4.0/24" not in _targets(overlay, "R31")
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    (reply,) = overlay.sent(PurgeReply)
    assert reply.request_id == request.request_id
    overlay.run(30)
    assert len(overlay.sent(PurgeRequest)) == 1


def test_a_peer_that_never_answers_a_purge_is_no_problem() -> None:
    """FRR has no handler for purges."""
    overlay = _ready()
    overlay.filter = lambda _, __, packet: not isinstance(packet, PurgeReply)
    _lose_lan(overlay)
    overlay.run(60)
    requests = [s for s in overlay.packets if isinstance(s.packet, PurgeRequest)]
    assert [s.destination for s in requests][:2] == [R31, HUB_NBMA]  # the first one directly, then by the hub
    assert len({s.packet.request_id for s in requests if isinstance(s.packet, PurgeRequest)}) == 1


def test_a_purge_is_answered_even_if_nothing_matched() -> None:
    overlay = _ready(shortcut=False)
    purge = _purge("10.99.0.0/16", HUB_NBMA)
    overlay.handle("R31", NhrpReceived(TUNNEL, HUB_NBMA, purge.serialize()))
    (reply,) = overlay.sent(PurgeReply)
    assert reply.cies == purge.cies
    assert reply.source_protocol == purge.source_protocol


def test_with_the_n_bit_there_is_no_answer() -> None:
    overlay = _ready()
    purge = _purge("10.4.4.0/24", R41, flags=PurgeFlag.NO_REPLY)
    overlay.handle("R31", NhrpReceived(TUNNEL, R41, purge.serialize()))
    assert overlay.packets == []
    assert "10.4.4.0/24" not in _targets(overlay, "R31")


@pytest.mark.parametrize(
    ("target", "left"),
    [
        ("10.4.4.0/24", ["10.3.3.0/24", "192.168.100.11/32", "192.168.100.41/32"]),
        ("10.4.0.0/16", ["10.3.3.0/24", "192.168.100.11/32", "192.168.100.41/32"]),
        ("192.168.100.41/32", ["10.3.3.0/24", "192.168.100.11/32"]),
        ("0.0.0.0/1", ["10.3.3.0/24", "192.168.100.11/32", "192.168.100.41/32"]),
    ],
)
def test_what_a_purge_takes(target: str, left: list[str]) -> None:
    overlay = _ready()
    overlay.handle("R31", NhrpReceived(TUNNEL, R41, _purge(target, R41).serialize()))
    assert _targets(overlay, "R31") == left


def test_a_stranger_may_not_purge() -> None:
    overlay = _ready()
    stranger = replace(_purge("10.4.4.0/24", address("6.6.6.6")), source_protocol=address("192.168.100.66"))
    overlay.handle("R31", NhrpReceived(TUNNEL, address("6.6.6.6"), stranger.serialize()))
    assert "10.4.4.0/24" in _targets(overlay, "R31")
    refused = overlay.members["R31"].machine.tunnels[0].counters.refused
    assert refused[Refusal.NOT_ALLOWED] == 1


def test_a_spoke_cannot_purge_the_registration_of_another() -> None:
    overlay = _ready(shortcut=False)
    purge = replace(_purge("192.168.100.31/32", R41), destination_protocol=address("192.168.100.11"))
    overlay.handle("R11", NhrpReceived(TUNNEL, R41, purge.serialize()))
    assert "192.168.100.31/32" in _targets(overlay, "R11")


def test_after_a_purge_the_next_redirect_asks_again() -> None:
    overlay = _ready()
    overlay.handle("R31", NhrpReceived(TUNNEL, R41, _purge("10.4.4.0/24", R41).serialize()))
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1)
    assert "10.4.4.0/24" in _targets(overlay, "R31")


# ------------------------------------------------------------------------------------------------ by hand


def test_clear_ip_nhrp_takes_what_was_learned_and_tells_who_resolved() -> None:
    overlay = _ready()
    overlay.handle("R31", ClearCache())
    assert _targets(overlay, "R31") == ["192.168.100.11/32"]
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    (request,) = overlay.sent(PurgeRequest)
    assert request.cies[0].protocol == address("10.3.3.0")
    overlay.run(1)
    assert "10.3.3.0/24" not in _targets(overlay, "R41")


def test_clear_ip_nhrp_of_one_target_takes_that_one() -> None:
    overlay = _ready()
    overlay.handle("R31", ClearCache(Prefix.parse("10.4.4.0/24")))
    assert "10.4.4.0/24" not in _targets(overlay, "R31")
    assert "192.168.100.41/32" in _targets(overlay, "R31")


def test_clear_ip_nhrp_on_the_hub_forgets_its_clients_until_they_register_again() -> None:
    overlay = _ready(shortcut=False)
    overlay.handle("R11", ClearCache())
    overlay.run(0.2)
    assert overlay.members["R11"].adjacencies == {}
    assert overlay.members["R11"].multicast == ()


def test_clear_counters() -> None:
    overlay = _ready()
    overlay.handle("R31", ClearCounters())
    assert overlay.members["R31"].machine.tunnels[0].counters.sent == {}


@pytest.mark.parametrize(
    ("event", "left"),
    [
        (ClearSessions(nbma=R41), ["10.3.3.0/24", "192.168.100.11/32"]),
        (ClearSessions(tunnel=address("192.168.100.41")), ["10.3.3.0/24", "192.168.100.11/32"]),
        (ClearSessions(interface="Tunnel1"), ["10.3.3.0/24", "10.4.4.0/24", "192.168.100.11/32", "192.168.100.41/32"]),
        (ClearSessions(), ["192.168.100.11/32"]),
    ],
)
def test_clear_dmvpn_session_forgets_those_peers(event: ClearSessions, left: list[str]) -> None:
    overlay = _ready()
    overlay.handle("R31", event)
    assert _targets(overlay, "R31") == left


def test_clear_dmvpn_session_static_begins_anew_with_the_server() -> None:
    overlay = _ready(shortcut=False)
    overlay.handle("R31", ClearSessions(nbma=HUB_NBMA, static=True))
    assert len(overlay.sent(RegistrationRequest)) == 1
    assert overlay.sent(ResolutionRequest) == []
