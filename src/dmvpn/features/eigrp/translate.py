"""Between the topology table and the wire: adverts of destinations, and their route TLVs.

An `Advert` is the information about a prefix for all neighbors on an interface. Neighbors with TLV version 2.0 in their
Hello get wide TLVs (0x060x), older ones classic TLVs (0x010x), RFC 7868 §6.7.4. Delay and bandwidth are preserved in
either form: exactly in a wide TLV, to the precision of the classic fields in a classic one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.features.eigrp import packet
from dmvpn.features.eigrp.metric import Vector

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.eigrp.tlv import Tlv

#: A classic delay unit is 1/256 of ten microseconds; a classic bandwidth is 256 times 10^7 divided by kbit/s.

_CLASSIC_SCALE = 256
_TEN_MICROSECONDS = 10_000_000  # picoseconds
_REFERENCE_BANDWIDTH = 10_000_000  # kbit/s
NO_FLAGS: Final = packet.RouteFlag(0)
#: Values for the other fields of an unreachable destination.
_NO_METRIC = Vector(0, 1, 0)


class Advert(NamedTuple):
    """The information about a prefix that neighbors receive.

    metric: None: unreachable.
    next_hop: unspecified: ourselves.
    """

    metric: Vector | None
    next_hop: IPv4Address = UNSPECIFIED
    originator: IPv4Address = UNSPECIFIED
    external: packet.ExternalData | None = None


#: For a prefix that is unknown, filtered, or withheld by split horizon.
WITHDRAWN = Advert(None)


def to_tlv(prefix: Prefix, advert: Advert, *, wide: bool, flags: packet.RouteFlag = NO_FLAGS) -> Tlv:
    """Return the route TLV for this destination."""
    destinations = (prefix,)
    if wide:
        vector = advert.metric or _NO_METRIC
        metric = packet.WideMetric(
            delay=min(vector.delay, packet.UNREACHABLE_WIDE - 1) if advert.metric else packet.UNREACHABLE_WIDE,
            bandwidth=vector.bandwidth,
            mtu=vector.mtu,
            hop_count=vector.hop_count,
            reliability=vector.reliability,
            load=vector.load,
            flags=flags,
        )
        if advert.external is None:
            return packet.WideInternal(
                router_id=advert.originator, metric=metric, next_hop=advert.next_hop, destinations=destinations
            )
        return packet.WideExternal(
            router_id=advert.originator,
            metric=metric,
            next_hop=advert.next_hop,
            external=advert.external,
            destinations=destinations,
        )
    classic = _classic(advert.metric, flags)
    if advert.external is None:
        return packet.ClassicInternal(next_hop=advert.next_hop, metric=classic, destinations=destinations)
    return packet.ClassicExternal(
        next_hop=advert.next_hop, external=advert.external, metric=classic, destinations=destinations
    )


def from_tlv(tlv: Tlv) -> tuple[Advert, tuple[Prefix, ...]] | None:
    """Return the advert of a route TLV, and its destinations.

    None for any other TLV, and for topologies other than base.
    """
    match tlv:
        case packet.WideInternal(topology=0):
            advert = Advert(_from_wide(tlv.metric), tlv.next_hop, tlv.router_id)
        case packet.WideExternal(topology=0):
            advert = Advert(_from_wide(tlv.metric), tlv.next_hop, tlv.router_id, tlv.external)
        case packet.ClassicInternal():
            advert = Advert(_from_classic(tlv.metric), tlv.next_hop)
        case packet.ClassicExternal():
            advert = Advert(_from_classic(tlv.metric), tlv.next_hop, tlv.external.originator, tlv.external)
        case _:
            return None
    return advert, tlv.destinations


def _classic(metric: Vector | None, flags: packet.RouteFlag) -> packet.ClassicMetric:
    vector = metric or _NO_METRIC
    delay = vector.delay * _CLASSIC_SCALE // _TEN_MICROSECONDS
    return packet.ClassicMetric(
        delay=min(delay, packet.UNREACHABLE - 1) if metric else packet.UNREACHABLE,
        bandwidth=_REFERENCE_BANDWIDTH
        // vector.bandwidth
        * _CLASSIC_SCALE,  # the quotient is truncated first, RFC 7868 §5.6.1.1
        mtu=vector.mtu,
        hop_count=vector.hop_count,
        reliability=vector.reliability,
        load=vector.load,
        flags=flags,
    )


def _from_wide(metric: packet.WideMetric) -> Vector | None:
    if metric.is_unreachable:
        return None
    bandwidth = max(metric.bandwidth, 1)
    return Vector(metric.delay, bandwidth, metric.mtu, metric.hop_count, metric.reliability, metric.load)


def _from_classic(metric: packet.ClassicMetric) -> Vector | None:
    if metric.is_unreachable:
        return None
    # Rounded up, so that the same value results when it is advertised again.
    delay = -(-metric.delay * _TEN_MICROSECONDS // _CLASSIC_SCALE)
    bandwidth = max(_REFERENCE_BANDWIDTH * _CLASSIC_SCALE // max(metric.bandwidth, 1), 1)
    return Vector(delay, bandwidth, metric.mtu, metric.hop_count, metric.reliability, metric.load)
