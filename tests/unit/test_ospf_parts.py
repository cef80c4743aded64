"""Parts of OSPF by themselves: moves, elections, throttles, the shortest ways."""

from __future__ import annotations

import heapq
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.context import Context, Timer
from dmvpn.base.effects import NextHop
from dmvpn.features.ospf.database import MINIMUM_ARRIVAL, Database
from dmvpn.features.ospf.election import Candidate, Elected, elect
from dmvpn.features.ospf.lsa import LinkType, Lsa, LsaKey, LsaType, RouterBody, RouterLink
from dmvpn.features.ospf.spf import Ways, routes, tree
from dmvpn.features.ospf.states import (
    INTERFACE_MOVES,
    NEIGHBOR_MOVES,
    InterfaceMove,
    InterfaceState,
    NeighborMove,
    NeighborState,
)
from dmvpn.features.ospf.throttle import Throttle
from support.fakes import fake_ports

NOBODY = IPv4Address(0)


# ------------------------------------------------------------------------------------------------ moves


@pytest.mark.conforms("ospf:9.3-moves")
def test_every_state_is_reached_and_every_state_can_be_lost() -> None:
    assert {follows for _, follows in NEIGHBOR_MOVES.items()} == set(NeighborState)
    assert all(NEIGHBOR_MOVES[state, NeighborMove.LOST] is NeighborState.DOWN for state in NeighborState)
    assert {follows for _, follows in INTERFACE_MOVES.items()} == set(InterfaceState)
    assert all(INTERFACE_MOVES[state, InterfaceMove.GOES_DOWN] is InterfaceState.DOWN for state in InterfaceState)


@pytest.mark.conforms("ospf:10.3-moves")
def test_no_neighbor_is_full_without_an_exchange() -> None:
    before = {state for (state, _), follows in NEIGHBOR_MOVES.items() if follows is NeighborState.FULL}
    assert before == {NeighborState.EXCHANGE, NeighborState.LOADING}


# ------------------------------------------------------------------------------------------------ elections


def candidate(number: int, priority: int = 1, designated: int = 0, backup: int = 0) -> Candidate:
    """A router whose identifier and address end in `number`. designated, backup: whom it holds for elected."""
    return Candidate(
        priority,
        IPv4Address(f"10.0.0.{number}"),
        IPv4Address(f"10.255.0.{number}"),
        IPv4Address(f"10.255.0.{designated}") if designated else NOBODY,
        IPv4Address(f"10.255.0.{backup}") if backup else NOBODY,
    )


def chosen(elected: Elected) -> tuple[int, int]:
    return int(elected.designated) & 0xFF, int(elected.backup) & 0xFF


def test_a_hub_alone_with_spokes_of_priority_0_speaks_for_all_and_has_no_backup() -> None:
    assert chosen(elect(candidate(1, 255), [candidate(11, 0), candidate(12, 0)])) == (1, 0)


@pytest.mark.conforms("ospf:9.4-election")
def test_of_two_hubs_one_speaks_and_the_other_is_the_backup() -> None:
    assert chosen(elect(candidate(1, 255), [candidate(2, 100), candidate(11, 0)])) == (1, 2)
    assert chosen(elect(candidate(2, 100), [candidate(1, 255, 1), candidate(11, 0)])) == (1, 2)


@pytest.mark.conforms("ospf:9.4-stays")
def test_who_comes_later_with_a_higher_priority_does_not_take_the_office() -> None:
    assert chosen(elect(candidate(9, 255), [candidate(1, 1, 1, 2), candidate(2, 1, 1, 2)])) == (1, 2)


@pytest.mark.conforms("ospf:9.4-backup")
def test_when_the_designated_router_is_gone_the_backup_takes_its_place() -> None:
    assert chosen(elect(candidate(2, 1, 1, 2), [candidate(3, 1, 1, 2)])) == (2, 3)


@pytest.mark.conforms("ospf:9.4-priority-0")
def test_a_spoke_of_priority_0_never_elects_itself() -> None:
    assert chosen(elect(candidate(11, 0), [])) == (0, 0)


# ------------------------------------------------------------------------------------------------ throttles


def times_of(requests: list[float], until: float) -> list[float]:
    """When a throttle of 50, 200 and 5000 ms does what it is asked for at these moments."""
    context, done = Context(fake_ports()), list[float]()

    def fire() -> None:
        throttle.begin()
        done.append(round(context.now, 3))

    throttle = Throttle(context, Timer("originate", fire))
    waiting = sorted(requests)
    while True:
        due = context.timers.next()
        moments = [*([due] if due is not None else []), *waiting[:1]]
        if not moments or min(moments) > until:
            return done
        context.now = min(moments)
        if waiting and waiting[0] <= context.now:
            waiting.pop(0)
            throttle.request()
        context.fire(1)


def test_the_first_time_is_soon_and_then_the_pauses_double() -> None:
    assert times_of([10.0], 20) == [10.05]
    assert times_of([10.0, 10.01, 10.04], 20) == [10.05]
    assert times_of([10 + number / 100 for number in range(300)], 30)[:5] == [10.05, 10.25, 10.65, 11.45, 13.05]


def test_after_some_quiet_it_is_soon_again() -> None:
    assert times_of([10.0, 30.0], 40) == [10.05, 30.05]


# ------------------------------------------------------------------------------------------------ ways


def address(number: int) -> IPv4Address:
    return IPv4Address((10 << 24) + number)


def lan(number: int) -> Prefix:
    return Prefix.of(IPv4Address(f"192.168.{number}.0"), 24)


def database_of(costs: dict[tuple[int, int], int], count: int) -> Database:
    """Routers 1 to `count`, each with a LAN of cost 1, and these links between them, each way with a cost."""
    database = Database(Context(fake_ports()), lambda _: None)
    for router in range(1, count + 1):
        links = [
            RouterLink(LinkType.POINT_TO_POINT, address(other), address(1000 * router + other), cost)
            for (one, other), cost in costs.items()
            if one == router
        ]
        mask = IPv4Address("255.255.255.0")
        links.append(RouterLink(LinkType.STUB, IPv4Address(f"192.168.{router}.0"), mask, 1))
        key = LsaKey(LsaType.ROUTER, address(router), address(router))
        database.install(Lsa.make(key, RouterBody(0, tuple(links)), sequence=1, options=2))
    return database


def oracle(costs: dict[tuple[int, int], int]) -> dict[int, int]:
    """Dijkstra, over links that lead both ways."""
    best, heap = dict[int, int](), [(0, 1)]
    while heap:
        cost, router = heapq.heappop(heap)
        if router not in best:
            best[router] = cost
            for (one, other), more in costs.items():
                if one == router and (other, one) in costs:
                    heapq.heappush(heap, (cost + more, other))
    return best


pairs = st.tuples(st.integers(1, 7), st.integers(1, 7)).filter(lambda pair: pair[0] != pair[1])


@given(st.dictionaries(pairs, st.integers(1, 20), max_size=30))
def test_the_ways_are_as_short_as_they_can_be_and_lead_over_the_first_link_of_a_shortest_way(
    costs: dict[tuple[int, int], int],
) -> None:
    database = database_of(costs, 7)
    ways = Ways(
        {
            (address(1000 + other), address(other)): NextHop("Tunnel0", IPv4Address(f"10.255.0.{other}"))
            for one, other in costs
            if one == 1
        },
        {},
    )
    found = tree(database, address(1), ways)
    expected = oracle(costs)
    assert {int(router) & 0xFFFF: reached.cost for router, reached in found.routers.items()} == expected
    told = routes(database, found, address(1))
    assert {prefix: route.cost for prefix, route in told.items()} == {
        lan(router): cost + 1 for router, cost in expected.items()
    }
    for router, cost in expected.items():
        first = {int(hop.address) & 0xFF for hop in told[lan(router)].hops if hop.address is not None}
        behind = {other for (one, other) in costs if one == 1 and (other, 1) in costs}
        assert first == {
            other for other in behind if costs[1, other] + _from(other, router, costs) == cost and router != 1
        }


def _from(start: int, end: int, costs: dict[tuple[int, int], int]) -> int:
    swap = {start: 1, 1: start}
    turned = {(swap.get(one, one), swap.get(other, other)): cost for (one, other), cost in costs.items()}
    return oracle(turned).get(swap.get(end, end), 1 << 30)


# ------------------------------------------------------------------------------------------------ database


@pytest.mark.parametrize(("gap", "expected"), [(MINIMUM_ARRIVAL / 2, False), (1.0, True)])
def test_one_instance_may_come_early_and_a_second_one_may_not(gap: float, expected: bool) -> None:
    context = Context(fake_ports())
    database = Database(context, lambda _: None)
    key = LsaKey(LsaType.ROUTER, address(1), address(1))
    for sequence in (1, 2):
        context.now += gap
        database.install(Lsa.make(key, RouterBody(0, ()), sequence=sequence, options=2))
    entry = database.get(key)
    assert entry is not None
    assert entry.may_be_replaced(context.now) is expected
