"""Request identifiers survive a restart, and losing them stops nobody (RFC 2332 §5.2.0.1, §5.2.3)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dmvpn.base.effects import SendGre, Store
from dmvpn.base.events import EffectFailed, Remembered
from dmvpn.features.nhrp.packet import RegistrationRequest, parse
from dmvpn.features.nhrp.shared import REQUEST_IDS, STEP, RequestIds
from support.overlay import cloud


def lives(count: int, requests: int) -> list[int]:
    """The identifiers of several lives of one router, each with so many requests."""
    kept: bytes | None = None
    used: list[int] = []
    for _ in range(count):
        ids = RequestIds()
        if kept is not None:
            ids.remember(kept)
        for _ in range(requests):
            identifier, store = ids.next()
            used.append(identifier)
            if store is not None:
                kept = store.octets
    return used


@pytest.mark.conforms("5.2.3-id")
@pytest.mark.parametrize("requests", [1, STEP - 1, STEP, STEP + 1, 3 * STEP])
def test_no_identifier_is_used_in_two_lives(requests: int) -> None:
    used = lives(3, requests)
    assert len(set(used)) == len(used)
    assert used[:2] == [1, 2][: len(used[:2])] or requests == 1
    assert all(earlier < later for earlier, later in pairwise(used))


def test_one_request_in_a_thousand_writes() -> None:
    ids = RequestIds()
    stores = [store for _ in range(10 * STEP) if (store := ids.next()[1])]
    assert stores == [Store(REQUEST_IDS, b"%d\n" % (STEP * number)) for number in range(1, 11)]


@pytest.mark.conforms("5.2.0.1-id-new")
def test_behind_the_largest_number_comes_1() -> None:
    ids = RequestIds()
    ids.remember(b"4294967294\n")
    assert [ids.next()[0] for _ in range(3)] == [4294967295, 1, 2]


@pytest.mark.parametrize("octets", [b"", b"\n", b"-5", b"12e3", b"99999999999", b"4294967296", bytes(4), b"\xff\xfe"])
def test_what_is_no_number_counts_as_lost(octets: bytes) -> None:
    ids = RequestIds()
    ids.remember(octets)
    assert ids.next()[0] == 1


@pytest.mark.conforms("5.2.3-id")
def test_the_ceiling_is_stored_before_the_request_leaves() -> None:
    overlay = cloud(3)
    overlay.start("R31")
    effects = [effect for effect in overlay.members["R31"].effects if isinstance(effect, Store | SendGre)]
    assert effects[0] == Store(REQUEST_IDS, b"%d\n" % STEP)
    assert isinstance(effects[1], SendGre)


@pytest.mark.conforms("5.2.3-id", "frr-18599")
def test_a_router_goes_on_behind_what_it_remembers() -> None:
    overlay = cloud(3)
    overlay.handle("R31", Remembered("something-else", b"5"))
    overlay.handle("R31", Remembered(REQUEST_IDS, b"2048\n"))
    overlay.start()
    overlay.run(1)
    (request,) = overlay.sent(RegistrationRequest)
    assert request.request_id == 2049
    assert next(iter(overlay.members["R31"].machine.tunnels[0].clients.values())).is_responding


def test_a_disk_that_refuses_stops_nothing_and_is_tried_again() -> None:
    overlay = cloud(3)
    overlay.start()
    stored = next(effect for effect in overlay.members["R31"].effects if isinstance(effect, Store))
    overlay.handle("R31", EffectFailed(stored, 28, "No space left on device"))
    overlay.run(0.5)
    assert next(iter(overlay.members["R31"].machine.tunnels[0].clients.values())).is_responding
    overlay.run(1)
    stores = [effect for effect in overlay.members["R31"].effects if isinstance(effect, Store)]
    assert stores == [stored, stored]
    sends = [effect for effect in overlay.members["R31"].effects if isinstance(effect, SendGre)]
    assert isinstance(parse(sends[0].payload), RegistrationRequest)
