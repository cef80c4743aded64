"""The core of the Rust engine against its oracle, the Python one: same packets in, same octets out."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.effects import GRE_IPV4, DfBit
from dmvpn.dataplane.python import core as oracle
from dmvpn.dataplane.tap import VnetHeader
from dmvpn.net.gre import GreHeader
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from support import traffic
from support.both_cores import COUNTED, PAIRS, Both, Tunnel

theirs = st.sampled_from(traffic.THEIRS)
peer_ids = st.integers(1, 3)
tunnels = st.builds(
    Tunnel,
    source=traffic.our_addresses,
    destination=st.one_of(st.none(), st.none(), st.none(), theirs),
    key=traffic.keys,
    mtu=st.sampled_from([68, 100, 1400, 1476]),
    mss=st.sampled_from([None, 536, 1360]),
    address=st.sampled_from([None, traffic.TUNNEL_ADDRESS.packed]),
    network=st.sampled_from([None, 1, 1, 2]),
    report=st.booleans(),
    multicast=st.lists(theirs, max_size=3),
    peers=st.lists(theirs, min_size=3, max_size=3).map(lambda nbmas: list(enumerate(nbmas, 1))),
    df=st.sampled_from(DfBit),
    checksum=st.sampled_from([False, False, True]),
    sequence=st.booleans(),
)
numbers = st.integers(0, 2)
frames = st.tuples(st.just("outbound"), numbers, traffic.frames(), st.sampled_from([0.0, 5.0, 8.0, 300.0]))
received = st.tuples(st.just("inbound"), traffic.gre_packets)
steps = st.one_of(
    *[frames] * 3,
    *[received] * 4,
    st.tuples(st.just("set_peer"), numbers, peer_ids, theirs),
    st.tuples(st.just("clear_peer"), numbers, peer_ids),
    st.tuples(st.just("send"), numbers, theirs, st.binary(max_size=30)),
    st.tuples(st.just("learn"), theirs, traffic.path_mtus),
)


@patch.multiple(oracle, HAIRPIN_PAIRS=PAIRS, COUNTED_PEERS=COUNTED)
def take_the_same_steps(described: list[Tunnel], taken: list[tuple[object, ...]]) -> None:
    both, now = Both(described), 0.0
    for step in taken:
        match step:
            case ("inbound", bytes(packet)):
                both.inbound(packet)
            case ("outbound", int(number), bytes(frame), float(later)):
                now += later
                both.outbound(number % len(described) + 1, frame, now)
            case ("set_peer", int(number), int(peer), bytes(nbma)):
                both.set_peer(number % len(described) + 1, peer, nbma)
            case ("clear_peer", int(number), int(peer)):
                both.clear_peer(number % len(described) + 1, peer)
            case ("learn", bytes(nbma), int(mtu)):
                both.learn_path(nbma, mtu, now)
            case ("send", int(number), bytes(nbma), bytes(payload)):
                both.send(number % len(described) + 1, nbma, payload)
        both.agree()


@given(st.lists(tunnels, min_size=1, max_size=3), st.lists(steps, min_size=4, max_size=16))
def test_both_cores_make_the_same_of_everything(described: list[Tunnel], taken: list[tuple[object, ...]]) -> None:
    take_the_same_steps(described, taken)


@given(
    st.lists(tunnels, min_size=1, max_size=2),
    st.lists(st.tuples(st.just("learn"), theirs, traffic.path_mtus), min_size=3, max_size=5),
    st.lists(frames, min_size=2, max_size=8),
)
def test_both_cores_cut_and_refuse_the_same_where_paths_are_narrow(
    described: list[Tunnel], learned: list[tuple[object, ...]], taken: list[tuple[object, ...]]
) -> None:
    take_the_same_steps(described, [*learned, *taken])


HUB = Tunnel(
    source=traffic.OURS[0],
    destination=None,
    key=None,
    mtu=1400,
    mss=1360,
    address=traffic.TUNNEL_ADDRESS.packed,
    network=1,
    report=True,
    multicast=[*traffic.THEIRS],
    peers=[(1, traffic.THEIRS[0]), (2, traffic.THEIRS[1]), (3, traffic.THEIRS[2])],
)


#: A customer with the same addresses in another NHRP network: the key of GRE tells them apart.
OTHER_HUB = replace(HUB, key=2, network=2)


def transit(nbma: bytes, packet: bytes, peer: int, hub: int) -> tuple[bytes, bytes]:
    """A packet as it comes to a hub from one neighbor, and as it leaves for another."""
    gre = GreHeader(protocol_type=GRE_IPV4, key=(HUB, OTHER_HUB)[hub].key).serialize(packet)
    frame = VnetHeader().serialize() + b"\x02\x00" + peer.to_bytes(4, "big") + traffic.OWN_MAC + b"\x08\x00" + packet
    return traffic.outer(nbma, traffic.OURS[0], gre), frame


@given(
    st.lists(
        st.tuples(theirs, traffic.tcp_packets, peer_ids, st.integers(0, 1), st.sampled_from([0.0, 3.0, 8.0])),
        max_size=20,
    )
)
def test_both_cores_report_the_same_hairpins(taken: list[tuple[bytes, bytes, int, int, float]]) -> None:
    """Some of the packets are merged by a network card on the way."""
    both: list[tuple[object, ...]] = []
    for nbma, packet, peer, hub, later in taken:
        arriving, leaving = transit(nbma, packet, peer, hub)
        both += [("inbound", arriving), ("outbound", hub, leaving, later)]
    take_the_same_steps([HUB, OTHER_HUB], both)


def test_customers_with_equal_addresses_have_redirects_of_their_own() -> None:
    both = Both([HUB, OTHER_HUB])
    packet = Ipv4Packet(
        source=IPv4Address("10.1.0.1"), destination=IPv4Address("10.2.0.1"), protocol=IpProtocol.UDP, payload=bytes(8)
    ).serialize()
    ways = [transit(traffic.THEIRS[0], packet, 2, hub) for hub in (0, 1)]
    for arriving, _ in ways:  # the second customer's packet comes while the first one's is still being routed
        both.inbound(arriving)
    for number, (_, leaving) in enumerate(ways, 1):
        both.outbound(number, leaving, 0.0)
    assert [(punt.tunnel, punt.out) for punt in both.python.punts] == [(1, 1), (2, 2)]
    both.agree()


@given(traffic.flows())
def test_merged_packets_are_the_same_packets_for_who_cuts_them_again(packets: list[bytes]) -> None:
    """In the same order within each flow; what is neither plain TCP nor UDP counts to the flow of its two hosts."""
    gre = GreHeader(protocol_type=GRE_IPV4)
    Both([HUB]).agree_when_merged(
        [traffic.outer(traffic.THEIRS[0], traffic.OURS[0], gre.serialize(packet)) for packet in packets]
    )
