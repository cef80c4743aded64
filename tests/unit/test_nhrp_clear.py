"""Forgetting by hand: `clear ip nhrp`, `clear dmvpn session`, and who is told of it."""

from __future__ import annotations

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.features.nhrp.model import ClearCache, ClearNhrpCounters, ClearSessions
from dmvpn.features.nhrp.packet import PurgeRequest, RegistrationRequest, ResolutionRequest
from support.cloud import HUB_NBMA, PEER_NBMA, ready, targets
from support.overlay import TUNNEL, Overlay, address, make_shortcut


def _ready(*, shortcut: bool = True) -> Overlay:
    overlay = ready()
    if shortcut:
        make_shortcut(overlay)
    overlay.packets.clear()
    return overlay


@pytest.mark.conforms("cisco-clear")
def test_clear_ip_nhrp_takes_what_was_learned_and_tells_who_resolved() -> None:
    overlay = _ready()
    overlay.handle("R31", ClearCache())
    assert list(targets(overlay, "R31")) == ["192.168.100.11/32"]
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    (request,) = overlay.sent(PurgeRequest)
    assert request.cies[0].protocol == address("10.3.3.0")
    overlay.run(1)
    assert "10.3.3.0/24" not in targets(overlay, "R41")


@pytest.mark.conforms("cisco-clear")
def test_clear_ip_nhrp_of_one_target_takes_that_one() -> None:
    overlay = _ready()
    overlay.handle("R31", ClearCache(Prefix.parse("10.4.4.0/24")))
    assert "10.4.4.0/24" not in targets(overlay, "R31")
    assert "192.168.100.41/32" in targets(overlay, "R31")


def test_clear_ip_nhrp_on_the_hub_forgets_its_clients_until_they_register_again() -> None:
    overlay = _ready(shortcut=False)
    overlay.handle("R11", ClearCache())
    overlay.run(0.2)
    assert overlay.members["R11"].adjacencies == {}
    assert overlay.members["R11"].multicast == ()


def test_clear_counters() -> None:
    overlay = _ready()
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
    overlay = _ready()
    overlay.handle("R31", event)
    assert list(targets(overlay, "R31")) == left


def test_clear_dmvpn_session_static_begins_again_with_the_server() -> None:
    overlay = _ready(shortcut=False)
    overlay.handle("R31", ClearSessions(nbma=HUB_NBMA, static=True))
    assert len(overlay.sent(RegistrationRequest)) == 1
    assert overlay.sent(ResolutionRequest) == []


def test_clear_ip_nhrp_of_a_vrf_takes_the_entries_of_its_tunnels() -> None:
    overlay = _ready()
    before = targets(overlay, "R31")
    overlay.handle("R31", ClearCache(vrf="RED"))
    assert targets(overlay, "R31") == before
    overlay.handle("R31", ClearCache(vrf=""))
    assert list(targets(overlay, "R31")) == ["192.168.100.11/32"]
