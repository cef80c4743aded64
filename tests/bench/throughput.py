"""The figures of `bench.dataplane` (which see for the method), each beside a plain veth in the same rounds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from bench import dataplane, wireguard
from bench.figures import Figure, Skipped
from bench.labs import need_namespaces

if TYPE_CHECKING:
    from dmvpn.shells.lab.forked import Json

#: Whose ratio has a goal, and to whom.
_OURS: Final = "rust-esp"
_PEER: Final = "wireguard-go"
#: What is measured, and in which unit, by the names of `bench.dataplane`.
_KINDS: Final = {
    "tcp": ("TCP, one stream", "Gbit/s"),
    "udp64": ("UDP, 64 octets", "thousand/s"),
    "udp1400": ("UDP, 1400 octets", "thousand/s"),
    "few-lost": ("UDP, 64 octets, at most 1 % lost", "thousand/s"),
    "rtt": ("round trip", "µs"),
}


def measure(*, quick: bool) -> list[Figure]:
    """Every plane of ours, in clear and in ESP. Raises Skipped."""
    need_namespaces()
    effort = dataplane.Effort(rounds=1, tcp=1.0, udp=0.5) if quick else dataplane.Effort(rounds=5)
    wanted = dataplane.planes()
    measured = dataplane.measure(effort, wanted, ("rtt", "tcp", "udp64", "udp1400"))
    figures: list[Figure] = []
    for kind, (what, unit) in _KINDS.items():
        for plane in wanted:
            runs, veth = (runs_of(measured, name, kind) for name in (plane, "veth"))
            if runs and veth:
                label = f"{what}, {'a plain veth' if plane == 'veth' else plane}"
                baseline, against = ((), "") if plane == "veth" else (veth, "a plain veth")
                more = kind != "rtt"
                figures.append(
                    Figure(name=label, unit=unit, values=runs, more=more, baseline=baseline, against=against)
                )
    for kind in ("tcp", "udp64", "udp1400"):
        for plane in filter(dataplane.beside, wanted):
            pairs = zip(runs_of(measured, plane, kind), runs_of(measured, dataplane.beside(plane), kind), strict=False)
            ratios = tuple(ipv6 / ipv4 for ipv6, ipv4 in pairs if ipv4)
            name = f"{_KINDS[kind][0]}: {plane} for each of IPv4, round by round"
            figures.append(Figure(name=name, unit="x", values=ratios, floor=0.8, goal=0.95, more=True))
    return [figure for figure in figures if figure.values]


def beside_wireguard(*, quick: bool) -> list[Figure]:
    """The engine's ESP and whatever WireGuard is there, with the ratios of each round. Raises Skipped."""
    need_namespaces()
    peers = wireguard.peers()
    if "rust" not in dataplane.engines() or _PEER not in peers:
        raise Skipped("there is no engine, or no wireguard-go (`make bench-peers`)")
    effort = dataplane.Effort(rounds=1, tcp=1.0, udp=0.5) if quick else dataplane.Effort(rounds=3)
    measured = dataplane.measure(effort, ["veth", _OURS, *peers], ("rtt", "tcp", "udp64", "few-lost"))
    figures: list[Figure] = []
    for kind in ("tcp", "udp64", "few-lost"):
        what, unit = _KINDS[kind]
        figures += [
            Figure(name=f"{what}, {plane}", unit=unit, values=runs_of(measured, plane, kind), more=True)
            for plane in (_OURS, *peers)
        ]
    for kind, floor, goal in (("tcp", 1.5, 2.5), ("few-lost", 3.0, 4.0)):
        pairs = zip(runs_of(measured, _OURS, kind), runs_of(measured, _PEER, kind), strict=False)
        ratios = tuple(ours / theirs if theirs else math.inf for ours, theirs in pairs)
        name = f"{_KINDS[kind][0]}: {_OURS} for each of {_PEER}, round by round"
        figures.append(Figure(name=name, unit="x", values=ratios, floor=floor, goal=goal, more=True))
    for plane in (_OURS, *peers):
        added = tuple(
            a - b for a, b in zip(runs_of(measured, plane, "rtt"), runs_of(measured, "veth", "rtt"), strict=False)
        )
        bounds = (150.0, 90.0) if plane == _OURS else (None, None)
        figures.append(
            Figure(name=f"added to the round trip, {plane}", unit="µs", values=added, floor=bounds[0], goal=bounds[1])
        )
    return [figure for figure in figures if figure.values]


def runs_of(measured: dict[str, Json], plane: str, kind: str) -> tuple[float, ...]:
    """The rounds of a plane that brought a number."""
    planes = measured["planes"]
    assert isinstance(planes, dict)
    of_plane = planes[plane]
    assert isinstance(of_plane, dict)
    rounds = of_plane.get(kind)
    found = rounds if isinstance(rounds, list) else []
    return tuple(value for value in found if isinstance(value, float) and not math.isnan(value))
