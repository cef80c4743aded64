"""Metrics, to the digit: vectors of RFC 7868's formulas, and the numbers that routers print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.features.eigrp.metric import INFINITY, MetricScale, Vector, Weights, link_vector
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode
from dmvpn.features.eigrp.translate import Advert, from_tlv, to_tlv
from dmvpn.labs.addresses import addresses

CLASSIC, WIDE = MetricScale(wide=False), MetricScale(wide=True)
TUNNEL_4000 = link_vector(4000, 50_000, 1400)


@pytest.mark.conforms("eigrp:5.6.1-classic", "eigrp:5.6.2-wide")
@pytest.mark.parametrize(
    ("vector", "classic", "wide", "rib"),
    [
        (link_vector(100, 50_000, 1476), 26880000, 9830400000, 76800000),
        (link_vector(1_000_000, 10, 1500), 2816, 1310720, 10240),
        (link_vector(100_000, 100, 1500), 28160, 13107200, 102400),
        (link_vector(1_000_000, 10, 1500).through(link_vector(100, 50_000, 1476)), 26880256, 9831055360, 76805120),
        (link_vector(1_000_000, 10, 1500).through(TUNNEL_4000), 1920256, 3441295360, 26885120),
        (link_vector(1_000_000, 1000, 1500).through(TUNNEL_4000), 1945600, 3506176000, 27392000),
        (link_vector(1_000_000, 1000, 1500).through(TUNNEL_4000).through(TUNNEL_4000), 3225600, 6782976000, 52992000),
    ],
)
def test_distances_are_those_of_the_standard(vector: Vector, classic: int, wide: int, rib: int) -> None:
    assert CLASSIC.distance(vector) == classic
    assert WIDE.distance(vector) == wide
    assert WIDE.rib_metric(WIDE.distance(vector)) == rib


@pytest.mark.conforms("eigrp:5.6.2-wide")
@pytest.mark.parametrize(
    ("interface", "lines", "classic", "wide"),
    [
        ("Loopback0", "", 128256, 163840),  # 1.25 microseconds, and 8 Gbit/s, as IOS 15.9 tells of its loopbacks
        ("TenGigabitEthernet1", "", 512, 131072),
        ("TenGigabitEthernet1", " delay 1\n", 512, 720896),
        ("TenGigabitEthernet1", " bandwidth 10000000\n", 512, 720896),
        ("GigabitEthernet1", "", 2816, 1310720),
    ],
)
def test_above_a_gigabit_wide_metrics_count_what_the_bandwidth_gives(
    interface: str, lines: str, classic: int, wide: int
) -> None:
    """Named processes told of loopbacks with 5000 microseconds, and another way won than on IOS."""
    (state,) = addresses(f"interface {interface}\n ip address 10.1.1.1 255.255.255.0\n{lines}")
    assert CLASSIC.distance(CLASSIC.link(state)) == classic
    assert WIDE.distance(WIDE.link(state)) == wide


def test_what_is_too_far_for_the_field_is_unreachable() -> None:
    assert CLASSIC.distance(link_vector(1, 10**9, 1500)) == INFINITY
    assert CLASSIC.distance(None) == INFINITY


@pytest.mark.conforms("eigrp:5.6.1-classic")
@pytest.mark.parametrize(
    ("weights", "distance"),
    [
        (Weights(1, 1, 1, 0, 0), 2560 + 2560 // 255 + 256),
        (Weights(0, 0, 1, 0, 0), 256),
        (Weights(1, 0, 1, 1, 1), (2560 + 256) // 256),
        (Weights(2, 0, 1, 0, 0), 5120 + 256),
    ],
)
def test_other_weights_count_as_in_the_formula(weights: Weights, distance: int) -> None:
    assert MetricScale(weights=weights).distance(link_vector(1_000_000, 10, 1500)) == distance


@given(st.integers(1, 100_000_000), st.integers(0, 1_000_000), st.integers(64, 9000), st.integers(0, 99), st.booleans())
def test_a_metric_that_is_told_on_keeps_its_distance(
    bandwidth: int, tens: int, mtu: int, hops: int, wide: bool
) -> None:
    vector = link_vector(bandwidth, 10 * tens, mtu)._replace(hop_count=hops)
    scale = WIDE if wide else CLASSIC
    tlv = to_tlv_and_back(vector, wide=wide)
    assert scale.distance(tlv) == scale.distance(vector)
    again = to_tlv_and_back(tlv, wide=wide) if tlv else None
    assert scale.distance(again) == scale.distance(vector)


def to_tlv_and_back(vector: Vector, *, wide: bool) -> Vector | None:
    """Through octets, as on a wire."""
    tlv = to_tlv(Prefix.parse("10.0.0.0/8"), Advert(vector), wide=wide)
    packet = EigrpPacket(opcode=Opcode.UPDATE, autonomous_system=1, tlvs=(tlv,))
    (parsed,) = EigrpPacket.parse(packet.serialize()).tlvs
    told = from_tlv(parsed)
    assert told is not None
    return told[0].metric


def test_a_route_that_is_too_far_for_the_32_bits_of_the_routing_table_has_their_largest_metric() -> None:
    """A larger one went into the table, and no packet of a protocol that redistributed it had room for it."""
    far = WIDE.distance(link_vector(100, 10 * 1_000_000, 1400))
    assert far // WIDE.rib_scale > 0xFFFFFFFF
    assert WIDE.rib_metric(far) == 0xFFFFFFFF
