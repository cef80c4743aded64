"""The small machines inside: registration clients, paths, the cache. Their tables are walked, their timers counted."""

from __future__ import annotations

import inspect
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.context import Timer
from dmvpn.base.effects import SendGre, Store
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import surely
from dmvpn.base.events import EffectFailed, Remembered
from dmvpn.features.nhrp import client as clients
from dmvpn.features.nhrp import path as paths
from dmvpn.features.nhrp.cache import Cache, Entry, EntryType, Flag, NbmaPeer, Requester, RouteState
from dmvpn.features.nhrp.client import NhsClient, NhsState
from dmvpn.features.nhrp.packet import RegistrationRequest, parse
from dmvpn.features.nhrp.path import DirectPath, PathState
from dmvpn.features.nhrp.shared import REQUEST_IDS, STEP, RequestIds
from support.overlay import address, cloud
from support.texts import because

if TYPE_CHECKING:
    from collections.abc import Callable

WHY = because("a test")


def _client() -> NhsClient:
    return NhsClient(
        entropy=SeededEntropy(1),
        timer=Timer("register", lambda: None),
        nhs=address("192.168.100.11"),
        nbma=address("172.16.11.1"),
        refresh=2400.0,
    )


def _path(state: PathState = PathState.PROVING) -> DirectPath:
    return DirectPath(address("192.168.100.41"), NbmaPeer(address("172.16.41.1")), 7, 0.0, state)


# ------------------------------------------------------------------------------------------------ tables


def test_every_state_of_a_client_can_be_reached_and_left() -> None:
    targets = set(clients.MOVES.values())
    leaves = {state for (state, _), target in clients.MOVES.items() if target is not state}
    assert targets == leaves == set(NhsState)


def test_every_state_of_a_path_can_be_reached_and_left() -> None:
    targets = set(paths.MOVES.values())
    leaves = {state for (state, _), target in paths.MOVES.items() if target is not state}
    assert targets == leaves == set(PathState)


def test_a_client_asks_when_it_starts_and_is_up_when_it_is_answered() -> None:
    client = _client()
    assert client.start(0.0) == [clients.RegistrationOutput.REQUEST]
    assert client.accepted(0.1) == [clients.RegistrationOutput.UP]
    assert client.deadline == pytest.approx(2400.1)
    assert client.reason is None


def test_a_client_renews_with_a_new_request_and_repeats_it_with_the_same() -> None:
    client = _client()
    client.start(0.0)
    client.accepted(0.1)
    assert client.due(2400.1) == [clients.RegistrationOutput.REQUEST]
    assert client.due(2401.1) == [clients.RegistrationOutput.REPEAT]
    assert client.due(2403.1) == [clients.RegistrationOutput.REPEAT]
    assert client.is_responding
    assert client.due(2407.1) == [clients.RegistrationOutput.DOWN, clients.RegistrationOutput.REPEAT]
    assert not client.is_responding
    assert client.is_failing


def test_a_refused_client_asks_again_ever_more_rarely() -> None:
    client = _client()
    client.start(0.0)
    gaps = []
    now = 0.0
    for _ in range(8):
        client.refused(now, WHY)
        assert client.deadline is not None
        gaps.append(client.deadline - now)
        now = client.deadline
        assert client.due(now) == [clients.RegistrationOutput.REQUEST]
    assert gaps == [pytest.approx(gap, rel=0.11) for gap in (1, 2, 4, 8, 16, 32, 64, 64)]


def test_a_client_that_stops_wants_nothing_and_says_why() -> None:
    client = _client()
    client.start(0.0)
    client.accepted(0.1)
    assert client.stop(5.0, WHY) == [clients.RegistrationOutput.DOWN]
    assert client.deadline is None
    assert client.reason is WHY
    assert client.stop(6.0, WHY) == []


def test_a_silent_server_is_asked_fast_but_only_once_at_a_time() -> None:
    client = _client()
    client.start(0.0)
    client.accepted(0.1)
    assert client.silence(10.0) == [clients.RegistrationOutput.REQUEST]
    assert client.silence(10.1) == []
    assert client.deadline == pytest.approx(10.3, abs=0.04)


def test_a_path_is_proved_once_and_then_left_alone() -> None:
    path = _path()
    assert path.start(0.0) == [paths.PathOutput.PROBE]
    assert path.answered(path.sequence, 0.1) == [paths.PathOutput.USE]
    assert path.deadline is None
    assert path.answered(path.sequence, 0.2) == []


def test_a_path_that_is_never_proved_rests_longer_and_longer() -> None:
    path = _path()
    path.start(0.0)
    rests = []
    for _ in range(7):
        while path.state is PathState.PROVING:
            assert path.deadline is not None
            path.expired(path.deadline)
        assert path.deadline is not None
        rests.append(path.deadline - path.since)
        path.expired(path.deadline)
    assert rests == [4, 8, 16, 32, 60, 60, 60]


def test_a_suspect_path_is_used_until_the_last_echo_is_unanswered() -> None:
    path = _path(PathState.PROVEN)
    outputs = path.check(10.0)
    now = 10.0
    while path.usable:
        assert path.deadline is not None
        now = path.deadline
        outputs += path.expired(now)
    assert outputs == [paths.PathOutput.PROBE] * 4 + [paths.PathOutput.LEAVE]
    assert now - 10.0 == pytest.approx(0.9)
    assert path.reason is not None


def _lost(now: float = 0.0) -> DirectPath:
    """A path that was used and does not answer any more; lost at `now` + 0.9 s."""
    path = _path(PathState.PROVEN)
    path.check(now)
    while path.usable:
        assert path.deadline is not None
        path.expired(path.deadline)
    return path


def test_a_path_in_use_is_checked_with_one_echo_and_the_answer_ends_it() -> None:
    path = _path(PathState.PROVEN)
    assert path.check(1.0) == [paths.PathOutput.PROBE]
    assert path.check(1.1) == []
    assert path.answered(path.sequence, 1.2) == []
    assert path.deadline is None
    assert path.state is PathState.PROVEN


def test_a_lost_path_is_tried_again_when_the_peer_is_heard_but_packets_of_the_peer_prove_nothing() -> None:
    path = _lost()
    assert path.heard(2.0) == []
    assert path.heard(6.0) == [paths.PathOutput.PROBE]
    assert path.heard(6.1) == []
    assert not path.usable


def test_a_path_that_was_lost_must_answer_three_different_echoes_before_it_is_used_again() -> None:
    path = _lost()
    assert path.deadline is not None
    now, outputs = path.deadline, path.expired(path.deadline)
    for _ in range(2):
        assert path.answered(path.sequence, now + 0.1) == []
        assert path.answered(path.sequence, now + 0.2) == []  # the same answer again, doubled on its way
        assert path.deadline is not None
        now, outputs = path.deadline, path.expired(path.deadline)
        assert outputs == [paths.PathOutput.PROBE]
    assert path.answered(path.sequence, now + 0.1) == [paths.PathOutput.USE]


def test_answers_that_come_when_a_path_was_given_up_do_not_count_for_the_next_series() -> None:
    path = _lost()
    assert path.deadline is not None
    for late in (1, 0):
        assert path.answered(path.sequence - late, path.since + 0.1) == []
    now = path.deadline
    for _ in range(2):
        path.expired(now)
        assert path.answered(path.sequence, now + 0.1) == []
        assert path.deadline is not None
        now = path.deadline
    path.expired(now)
    assert path.answered(path.sequence, now + 0.1) == [paths.PathOutput.USE]


def test_a_path_that_flaps_rests_longer_and_longer_until_it_has_worked_for_a_minute() -> None:
    path, now, rests = _path(PathState.PROVEN), 100.0, []
    for life in (10.0, 10.0, 10.0, 61.0):
        path.check(now + life)
        while path.usable:
            assert path.deadline is not None
            path.expired(path.deadline)
        assert path.deadline is not None
        rests.append(path.deadline - path.since)
        path.expired(path.deadline)
        while not path.usable:
            path.answered(path.sequence, path.deadline)
            now = path.deadline or now
            if path.deadline is not None:
                path.expired(path.deadline)
    assert rests == [4, 8, 16, 4]


# ------------------------------------------------------------------------------------------------ the cache


def _entry(target: str, next_hop: str, nbma: str | None = None, *, flags: Flag = Flag.NHOP) -> Entry:
    return Entry(
        target=Prefix.parse(target),
        next_hop=address(next_hop),
        nbma=address(nbma) if nbma else None,
        type=EntryType.DYNAMIC if nbma else EntryType.INCOMPLETE,
        created=0.0,
        flags=flags,
    )


def test_the_cache_finds_by_target_by_longest_match_by_nbma_and_by_next_hop() -> None:
    cache = Cache()
    host = _entry("10.0.0.2", "10.0.0.2", "203.0.113.2", flags=Flag.REGISTERED)
    prefix = _entry("192.168.2.0/24", "10.0.0.2", "203.0.113.2")
    asked = _entry("192.168.2.9", "192.168.2.9")
    for entry in (prefix, host, asked):
        cache.add(entry)
    assert cache.host(address("10.0.0.2")) is host
    assert cache.lookup(address("192.168.2.1")) is prefix
    assert cache.lookup(address("192.168.2.9")) is asked
    assert cache.binding(address("192.168.2.9")) is None
    assert cache.binding(address("10.0.0.2")) is host
    assert list(cache.at(address("203.0.113.2"))) == [prefix, host]
    assert cache.behind(address("10.0.0.2")) == [prefix, host]
    assert list(cache.incomplete.values()) == [asked]
    assert [str(entry.target) for entry in cache.entries()] == ["10.0.0.2/32", "192.168.2.0/24", "192.168.2.9/32"]


def test_what_is_removed_leaves_no_trace_in_any_index() -> None:
    cache = Cache()
    for target in ("10.0.0.2", "192.168.2.0/24"):
        cache.add(_entry(target, "10.0.0.2", "203.0.113.2"))
    cache.add(_entry("192.168.2.9", "192.168.2.9"))
    cache.move(cache.entries()[0], NbmaPeer(address("203.0.113.3"), 7))
    for entry in cache.entries():
        assert cache.remove(entry.target) is entry
    assert cache.remove(Prefix.parse("10.0.0.2")) is None
    assert (len(cache), cache.nbmas(), cache.behind(address("10.0.0.2")), cache.incomplete) == (0, [], [], {})
    assert cache.over(7) == []


_ASKER: Final = Requester(1, NbmaPeer(address("203.0.113.9"), 0), 9.0)
#: What is done to an entry, by the name of the verb: of its own, and of its cache.
_VERBS: Final[dict[str, Callable[[Cache, Entry], object]]] = {
    "asked_for": lambda _, entry: entry.asked_for(),
    "lasts": lambda _, entry: entry.lasts(5.0),
    "explain": lambda _, entry: entry.explain(None),
    "routed": lambda _, entry: entry.routed(RouteState.INSTALLED),
    "prove": lambda _, entry: entry.prove(proved=True),
    "resolved": lambda _, entry: entry.resolved(Flag.NHOP, None, 0, 1400),
    "holds": lambda _, entry: entry.holds(600, 1.0),
    "renewed": lambda _, entry: entry.renewed(1.0),
    "registered": lambda _, entry: entry.registered(Flag.NHOP, None, "", 1400),
    "proved_as": lambda _, entry: entry.proved_as("hub", None),
    "charge": lambda cache, entry: cache.charge(entry, address("203.0.113.2")),
    "move": lambda cache, entry: cache.move(entry, NbmaPeer(address("203.0.113.3"), 7)),
    "remember": lambda cache, entry: cache.remember(entry, address("10.0.0.9"), _ASKER, 1.0),
    "remove": lambda cache, entry: cache.remove(entry.target),
    "touch": lambda cache, _: cache.touch(),
}


@pytest.mark.parametrize("verb", _VERBS)
def test_whoever_remembers_the_cache_learns_which_entry_a_verb_has_changed(verb: str) -> None:
    cache = Cache(changed={})
    changed, other = _entry("10.0.0.2", "10.0.0.2", "203.0.113.2"), _entry("10.0.0.4", "10.0.0.4", "203.0.113.4")
    cache.add(changed)
    if verb != "touch":  # which is about all of them
        cache.add(other)
    noted = surely(cache.changed)
    assert changed.target in noted
    noted.clear()
    changed.answered((1, None))
    _VERBS[verb](cache, changed)
    assert list(noted) == [changed.target]
    assert (changed.answer is None) is (
        verb not in ("touch", "renewed")
    )  # it is given again while the entry is as it was


def test_no_verb_of_an_entry_is_forgotten_here() -> None:
    own = {name for name, verb in vars(Entry).items() if inspect.isfunction(verb) and not name.startswith("_")}
    assert own - {"say_changed", "answered"} <= _VERBS.keys()


# Request identifiers survive a restart, and losing them stops nobody (RFC 2332 §5.2.0.1, §5.2.3).


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
