"""OSPF packets, link state advertisements and their authentication."""

from __future__ import annotations

import copy
import hashlib
import heapq
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.context import Context, Timer
from dmvpn.base.credentials import Lifetime
from dmvpn.base.effects import NextHop
from dmvpn.features.ospf.interface import Candidate, Elected, elect
from dmvpn.features.ospf.lsa import (
    MAX_AGE,
    MINIMUM_ARRIVAL,
    OPAQUE,
    Body,
    Database,
    ExternalBody,
    LinkType,
    Lsa,
    LsaKey,
    LsaType,
    NetworkBody,
    RouterBody,
    RouterLink,
    SummaryBody,
    UnknownBody,
    newer,
)
from dmvpn.features.ospf.model import AuthenticationType
from dmvpn.features.ospf.neighbor import (
    INTERFACE_MOVES,
    NEIGHBOR_MOVES,
    InterfaceMove,
    InterfaceState,
    NeighborMove,
    NeighborState,
)
from dmvpn.features.ospf.packet import (
    CRYPTOGRAPHIC,
    Acknowledgment,
    Description,
    Hello,
    LinkStateRequest,
    LinkStateUpdate,
    OspfPacket,
)
from dmvpn.features.ospf.settings import Algorithm, AuthenticationSettings, DigestKey, sequence_of
from dmvpn.features.ospf.spf import FirstHops, routes, tree
from dmvpn.features.ospf.state import Throttle
from support.fakes import fake_ports
from support.pcap import payloads
from support.wire import cuts, decoded_or_refused, vectors

if TYPE_CHECKING:
    from support.pcap import Found

VECTORS = {name: octets for name, octets in vectors("ospf_bgp_rip").items() if name.startswith("ospf")}
ONE, TWO = IPv4Address("10.77.0.1"), IPv4Address("10.77.0.2")

addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
octet, short, metric = st.integers(0, 255), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFF)
routers = st.builds(
    RouterBody,
    flags=octet,
    links=st.lists(st.builds(RouterLink, octet, addresses, addresses, short), max_size=6).map(tuple),
)
networks = st.builds(NetworkBody, addresses, st.lists(addresses, max_size=6).map(tuple))
summaries = st.builds(SummaryBody, addresses, metric)
externals = st.builds(ExternalBody, addresses, metric, st.booleans(), addresses, st.integers(0, 2**32 - 1))
bodies: dict[LsaType, st.SearchStrategy[Body]] = {
    LsaType.ROUTER: routers,
    LsaType.NETWORK: networks,
    LsaType.SUMMARY: summaries,
    LsaType.BORDER_SUMMARY: summaries,
    LsaType.EXTERNAL: externals,
    LsaType.NSSA_EXTERNAL: externals,
    **dict.fromkeys(OPAQUE, st.binary(max_size=40).map(UnknownBody)),
}


@st.composite
def lsas(draw: st.DrawFn) -> Lsa:
    kind = draw(st.sampled_from(list(bodies)))
    body: Body = draw(bodies[kind])
    key = LsaKey(kind, draw(addresses), draw(addresses))
    numbers = draw(st.tuples(st.integers(-(2**31), 2**31 - 1), octet, st.integers(0, MAX_AGE)))
    return Lsa.make(key, body, sequence=numbers[0], options=numbers[1], age=numbers[2])


contents = st.one_of(
    st.builds(
        Hello,
        mask=addresses,
        interval=short,
        options=octet,
        priority=octet,
        dead_interval=st.integers(0, 2**32 - 1),
        designated=addresses,
        backup=addresses,
        neighbors=st.lists(addresses, max_size=5).map(tuple),
    ),
    st.builds(
        Description,
        mtu=short,
        options=octet,
        flags=octet,
        sequence=st.integers(0, 2**32 - 1),
        headers=st.lists(lsas().map(lambda lsa: lsa.header), max_size=4).map(tuple),
    ),
    st.builds(LinkStateRequest, st.lists(st.builds(LsaKey, octet, addresses, addresses), max_size=4).map(tuple)),
    st.builds(LinkStateUpdate, st.lists(lsas(), max_size=4).map(tuple)),
    st.builds(Acknowledgment, st.lists(lsas().map(lambda lsa: lsa.header), max_size=4).map(tuple)),
)
packets = st.builds(OspfPacket, router=addresses, area=addresses, content=contents)


@given(packets)
def test_a_packet_is_read_as_it_was_written(packet: OspfPacket) -> None:
    assert OspfPacket.parse(packet.serialize()) == packet


@given(lsas())
def test_a_copy_of_an_advertisement_is_the_same(lsa: Lsa) -> None:
    assert copy.deepcopy(lsa) == copy.copy(lsa) == lsa
    assert str(lsa.key.router) in repr(lsa.key)


@pytest.mark.conforms("ospf:12.1.7-checksum", "ospf:13-sound")
@given(lsas())
def test_what_we_make_is_sound_and_one_changed_octet_is_noticed(lsa: Lsa) -> None:
    assert lsa.is_sound
    assert Lsa.parse(lsa.at_age(17)).is_sound, "the age does not count"
    changed = bytearray(lsa.octets)
    changed[-1] ^= 1
    assert not replace(lsa, octets=bytes(changed)).is_sound


@pytest.mark.conforms("ospf:A.3-packets")
@pytest.mark.parametrize("found", payloads("ospf"), ids=str)
def test_every_captured_packet_is_written_again_octet_for_octet(found: Found) -> None:
    packet = OspfPacket.parse(found.octets)
    assert packet.serialize() == found.octets
    if isinstance(packet.content, LinkStateUpdate):
        assert all(lsa.is_sound for lsa in packet.content.lsas)
        for lsa in packet.content.lsas:
            header = lsa.header
            again = Lsa.make(lsa.key, lsa.body, sequence=header.sequence, options=header.options, age=header.age)
            assert again.octets == lsa.octets, "our checksum is theirs"


@pytest.mark.parametrize("name", VECTORS)
def test_every_vector_is_written_again_and_cut_anywhere_it_is_refused(name: str) -> None:
    octets = VECTORS[name]
    packet = OspfPacket.parse(octets)
    assert packet.serialize() == octets
    ends = len(octets) - len(packet.trailer)
    for cut in cuts(octets[:ends]):
        assert decoded_or_refused(OspfPacket.parse, cut) is None


@pytest.mark.conforms("ospf:A.3-hostile")
@given(st.binary(max_size=120))
def test_random_octets_are_refused_and_nothing_worse(octets: bytes) -> None:
    decoded_or_refused(OspfPacket.parse, octets)
    decoded_or_refused(OspfPacket.parse, b"\x02\x04\x00\x30" + octets)


@pytest.mark.conforms("ospf:12.4.1-multipoint")
def test_a_point_to_multipoint_router_tells_its_own_address_as_a_host() -> None:
    packet = OspfPacket.parse(VECTORS["ospf_p2mp_lsu_0"])
    assert isinstance(packet.content, LinkStateUpdate)
    (body,) = (lsa.body for lsa in packet.content.lsas if isinstance(lsa.body, RouterBody))
    assert RouterLink(LinkType.STUB, ONE, IPv4Address("255.255.255.255"), 0) in body.links


# ------------------------------------------------------------------------------------------------ which is newer


def made(sequence: int, *, age: int = 0, cost: int = 1) -> Lsa:
    body = SummaryBody(IPv4Address("255.255.255.0"), cost)
    return Lsa.make(LsaKey(LsaType.SUMMARY, ONE, TWO), body, sequence=sequence, options=2, age=age)


@pytest.mark.conforms("ospf:13.1-newer")
def test_the_newer_instance_has_the_higher_number_then_the_higher_checksum_then_is_gone_or_younger() -> None:
    assert newer(made(2).header, made(1).header) == 1
    assert newer(made(-5).header, made(-4).header) == -1, "numbers are signed"
    one, other = made(1, cost=1).header, made(1, cost=2).header
    assert newer(one, other) == (1 if one.checksum > other.checksum else -1)
    assert newer(made(1, age=MAX_AGE).header, made(1).header) == 1, "to be forgotten"
    assert newer(made(1, age=10).header, made(1, age=1000).header) == 1
    assert newer(made(1, age=10).header, made(1, age=900).header) == 0, "as old as each other"


# ------------------------------------------------------------------------------------------------ authentication

CAPTURED_KEY = b"ospfkey"


def sealed_in_captures() -> list[bytes]:
    return [found.octets for found in payloads("ospf") if OspfPacket.parse(found.octets).auth_type == CRYPTOGRAPHIC]


@pytest.mark.conforms("ospf:D.4.3-md5")
def test_the_digests_of_frr_are_those_that_we_make() -> None:
    asked = AuthenticationSettings(AuthenticationType.CRYPTOGRAPHIC, keys=(DigestKey(1, CAPTURED_KEY),))
    captured = sealed_in_captures()
    assert len(captured) > 20
    for octets in captured:
        packet = OspfPacket.parse(octets)
        assert asked.refusal(packet, octets) == ""
        assert asked.seal(replace(packet, trailer=b""), sequence_of(packet)) == octets
        other = AuthenticationSettings(AuthenticationType.CRYPTOGRAPHIC, keys=(DigestKey(1, b"another"),))
        assert other.refusal(packet, octets) == "a digest made with another key 1"


def test_a_block_of_local_signaling_behind_the_digest_is_not_read() -> None:
    asked = AuthenticationSettings(AuthenticationType.CRYPTOGRAPHIC, keys=(DigestKey(1, CAPTURED_KEY),))
    octets = sealed_in_captures()[0] + bytes.fromhex("fff600030001000400000001")
    assert asked.refusal(OspfPacket.parse(octets), octets) == ""


@pytest.mark.conforms("ospf:5709-hmac")
@pytest.mark.parametrize("algorithm", [one for one in Algorithm if one is not Algorithm.MD5])
@pytest.mark.parametrize("secret", [b"short", b"k" * 200], ids=["short", "longer than the digest"])
def test_hmac_sha_is_made_as_rfc_5709_says(algorithm: Algorithm, secret: bytes) -> None:
    """Section 3.3, step by step: the key made as long as the digest, Apad in the place of the digest."""
    packet = OspfPacket(router=ONE, area=IPv4Address(0), content=LinkStateRequest(()))
    asked = AuthenticationSettings(AuthenticationType.CRYPTOGRAPHIC, keys=(DigestKey(7, secret, algorithm),))
    octets = asked.seal(packet, 99)
    length = hashlib.new(algorithm.value).digest_size
    key = hashlib.new(algorithm.value, secret).digest() if len(secret) > length else secret.ljust(length, b"\x00")
    apad = (bytes.fromhex("878FE1F3") * 16)[:length]
    assert octets[-length:] == hmac.new(key, octets[:-length] + apad, algorithm.value).digest()
    assert octets[16:24] == bytes((0, 0, 7, length, 0, 0, 0, 99))
    assert asked.refusal(OspfPacket.parse(octets), octets) == ""
    assert asked.overhead == length


@pytest.mark.conforms("ospf:D.4.2-password")
def test_a_password_in_clear_must_be_the_same_and_no_checksum_covers_it() -> None:
    packet = OspfPacket(router=ONE, area=IPv4Address(0), content=LinkStateRequest(()))
    asked = AuthenticationSettings(AuthenticationType.SIMPLE, b"secret")
    octets = asked.seal(packet, 0)
    assert octets[16:24] == b"secret\x00\x00"
    assert asked.refusal(OspfPacket.parse(octets), octets) == ""
    other = octets[:16] + b"another\x00" + octets[24:]
    assert asked.refusal(OspfPacket.parse(other), other) == "another password"


def test_a_packet_without_the_authentication_that_is_asked_for_is_refused() -> None:
    octets = OspfPacket(router=ONE, area=IPv4Address(0), content=LinkStateRequest(())).serialize()
    ours = {
        AuthenticationType.SIMPLE: "a password in clear",
        AuthenticationType.CRYPTOGRAPHIC: "key 1 with md5 (16 octets)",
    }
    for kind, words in ours.items():
        refusal = AuthenticationSettings(kind, keys=(DigestKey(1, b"k"),)).refusal(OspfPacket.parse(octets), octets)
        assert refusal == f"theirs is no authentication, ours is {words}"


# Parts of OSPF by themselves: moves, elections, throttles, the shortest ways.

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
    database = Database(Context(fake_ports()), lambda _: None)
    for router in range(1, 7 + 1):
        links = [
            RouterLink(LinkType.POINT_TO_POINT, address(other), address(1000 * router + other), cost)
            for (one, other), cost in costs.items()
            if one == router
        ]
        mask = IPv4Address("255.255.255.0")
        links.append(RouterLink(LinkType.STUB, IPv4Address(f"192.168.{router}.0"), mask, 1))
        key = LsaKey(LsaType.ROUTER, address(router), address(router))
        database.install(Lsa.make(key, RouterBody(0, tuple(links)), sequence=1, options=2))
    first_hops = FirstHops(
        {
            (address(1000 + other), address(other)): NextHop("Tunnel0", IPv4Address(f"10.255.0.{other}"))
            for one, other in costs
            if one == 1
        },
        {},
    )
    found = tree(database, address(1), first_hops)
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


# Which keys of a chain OSPF uses, by their lifetimes.

BEGIN = datetime(2026, 11, 20, 6)


class TwoHoursEast:
    """The clock of a router: 12:00 UTC, 14:00 in its own time zone."""

    def wall(self, now: float) -> datetime:
        return datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(seconds=now)

    def local(self, now: float) -> datetime:
        return self.wall(now).astimezone(timezone(timedelta(hours=2)))


def test_when_all_keys_are_over_the_one_that_ended_last_goes_on_whatever_zone_its_line_has() -> None:
    by_local_time = Lifetime(BEGIN, datetime(2026, 11, 20, 10), local=True)  # 08:00 UTC
    in_utc = Lifetime(BEGIN, datetime(2026, 11, 20, 9))
    keys = (DigestKey(1, b"later", send=in_utc), DigestKey(2, b"earlier", send=by_local_time))
    ours = AuthenticationSettings(AuthenticationType.CRYPTOGRAPHIC, keys=keys)
    assert ours.sending(TwoHoursEast(), 0.0) == keys[0]
