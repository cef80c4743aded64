"""The figures of `bench.dataplane` (which see for the method), each beside a plain veth in the same rounds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from bench import dataplane
from bench.figures import Figure
from bench.labs import need_namespaces

if TYPE_CHECKING:
    from dmvpn.shells.lab.forked import Json

#: What is measured, and in which unit, by the names of `bench.dataplane`.
_KINDS: Final = {
    "tcp": ("TCP, one stream", "Gbit/s"),
    "udp64": ("UDP, 64 octets", "thousand/s"),
    "udp1400": ("UDP, 1400 octets", "thousand/s"),
    "few-lost": ("UDP, 64 octets, at most 1 % lost", "thousand/s"),
    "rtt": ("round trip", "µs"),
}


def measure(*, quick: bool) -> list[Figure]:
    """Every plane there is, in clear and in ESP. Raises Skipped."""
    need_namespaces()
    effort = dataplane.Effort(rounds=1, tcp=1.0, udp=0.5) if quick else dataplane.Effort(rounds=5)
    wanted = dataplane.planes()
    measured = dataplane.measure(effort, wanted)["planes"]
    assert isinstance(measured, dict)
    figures: list[Figure] = []
    for kind, (what, unit) in _KINDS.items():
        for plane in wanted:
            runs, veth = (_runs(measured[name], kind) for name in (plane, "veth"))
            if runs and veth:
                label = f"{what}, {'a plain veth' if plane == 'veth' else plane}"
                baseline, against = ((), "") if plane == "veth" else (veth, "a plain veth")
                more = kind != "rtt"
                figures.append(
                    Figure(name=label, unit=unit, values=runs, more=more, baseline=baseline, against=against)
                )
    return figures


def _runs(plane: Json, kind: str) -> tuple[float, ...]:
    assert isinstance(plane, dict)
    rounds = plane.get(kind)
    found = rounds if isinstance(rounds, list) else []
    return tuple(value for value in found if isinstance(value, float) and not math.isnan(value))
