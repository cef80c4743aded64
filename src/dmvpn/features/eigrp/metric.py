"""EIGRP metrics: the vector in packets, and the composite distance that DUAL compares, RFC 7868 §5.6.

A `Vector` describes a path to a destination, or a single link: delays add up, the smallest bandwidth and MTU count.
A `MetricScale` turns it into a distance: 32 bits in a classic process (`router eigrp 100`), 64 bits in a named one
(`router eigrp NAME`), where the routing table gets the distance divided by `metric rib-scale`.

Internally, delay is always in picoseconds and bandwidth in kbit/s: exact for both kinds of process. `None` is
unreachable.
"""

from __future__ import annotations

from typing import NamedTuple

from dmvpn.base.notices import InterfaceState
from dmvpn.base.values import Value

#: The distance of an unreachable destination, in either kind of process.
INFINITY = (1 << 64) - 1

PICOSECONDS_PER_MICROSECOND = 1_000_000
_PICOSECONDS_PER_TENS_OF_MICROSECONDS = 10_000_000
_REFERENCE_BANDWIDTH = 10_000_000  # kbit/s
_CLASSIC_SCALE = 256
_WIDE_SCALE = 65_536
_CLASSIC_INFINITY = (1 << 32) - 1
_LARGEST_RIB_METRIC = (1 << 32) - 1

#: RFC 7868 §5.6.2: divisor of a wide distance for the routing table.
DEFAULT_RIB_SCALE = 128


class Vector(NamedTuple):
    """The components of a metric, RFC 7868 §5.6.1.

    delay: picoseconds.
    bandwidth: kbit/s.
    mtu: octets.
    reliability: of 255.
    load: of 255.
    """

    delay: int
    bandwidth: int
    mtu: int
    hop_count: int = 0
    reliability: int = 255
    load: int = 1

    def through(self, link: Vector) -> Vector:
        """Return the metric of this destination at the other end of `link`: one hop more."""
        return Vector(
            self.delay + link.delay,
            min(self.bandwidth, link.bandwidth),
            min(self.mtu, link.mtu),
            self.hop_count + 1,
            min(self.reliability, link.reliability),
            max(self.load, link.load),
        )

    @property
    def delay_us(self) -> int:
        """The delay in microseconds."""
        return self.delay // PICOSECONDS_PER_MICROSECOND


def link_vector(bandwidth: int, delay_us: int, mtu: int) -> Vector:
    """Return the metric of an interface: bandwidth in kbit/s, delay in microseconds, MTU in octets."""
    return Vector(delay_us * PICOSECONDS_PER_MICROSECOND, max(bandwidth, 1), mtu)


def seed_vector(bandwidth: int, delay: int, reliability: int, load: int, mtu: int) -> Vector:
    """Return a configured metric of redistributed routes: delay in tens of microseconds, otherwise as `Vector`."""
    return link_vector(bandwidth, 10 * delay, mtu)._replace(reliability=reliability, load=load)


class Weights(Value):
    """`metric weights 0 k1 ... k6`, RFC 7868 §5.6.1. All routers of an autonomous system must agree on K1 to K5."""

    k1: int = 1
    k2: int = 0
    k3: int = 1
    k4: int = 0
    k5: int = 0
    k6: int = 0

    @property
    def agreed(self) -> tuple[int, ...]:
        """K1 to K5."""
        return self.k1, self.k2, self.k3, self.k4, self.k5


class MetricScale(Value):
    """How a process computes a distance from a vector. wide: 64-bit metrics (a named process)."""

    wide: bool = False
    weights: Weights = Weights()
    rib_scale: int = DEFAULT_RIB_SCALE

    def link(self, state: InterfaceState) -> Vector:
        """Return the cost of an interface."""
        vector = link_vector(state.bandwidth, state.delay, state.ip_mtu)
        if self.wide and state.wide_delay is not None:
            return vector._replace(delay=state.wide_delay)
        return vector

    def distance(self, vector: Vector | None) -> int:
        """Return the composite metric, `INFINITY` if unreachable. RFC 7868 §5.6.1.1 (classic) and §5.6.2.5 (wide)."""
        if vector is None:
            return INFINITY
        weights = self.weights
        if self.wide:
            throughput = _REFERENCE_BANDWIDTH * _WIDE_SCALE // vector.bandwidth
            latency = vector.delay * _WIDE_SCALE // PICOSECONDS_PER_MICROSECOND
        else:
            throughput = _REFERENCE_BANDWIDTH // vector.bandwidth * _CLASSIC_SCALE
            latency = vector.delay * _CLASSIC_SCALE // _PICOSECONDS_PER_TENS_OF_MICROSECONDS
        distance = weights.k1 * throughput + weights.k3 * latency
        if weights.k2:
            distance += weights.k2 * throughput // (_CLASSIC_SCALE - vector.load)
        if weights.k5:
            distance = distance * weights.k5 // (vector.reliability + weights.k4)
        return distance if distance < (INFINITY if self.wide else _CLASSIC_INFINITY) else INFINITY

    def farther(self, vector: Vector, offset: int) -> Vector:
        """Return the vector with a distance larger by `offset`, which an offset list adds to the delay."""
        unit = _WIDE_SCALE * 10 if self.wide else _CLASSIC_SCALE
        return vector._replace(delay=vector.delay + offset * _PICOSECONDS_PER_TENS_OF_MICROSECONDS // unit)

    def rib_metric(self, distance: int) -> int:
        """Return the metric for the routing table: at least 1 for a distance above 0, and at most 32 bits."""
        if not self.wide:
            return distance
        return min(max(distance // self.rib_scale, 1), _LARGEST_RIB_METRIC) if distance else 0
