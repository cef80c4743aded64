"""Masks: both ends of a wire must have one network; if they differ, which end is wrong."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from dmvpn.base.causes import Cause
from dmvpn.ios import INTERFACE
from dmvpn.tools.doctor.addressing import address_line
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.base.facts import AddressWithLength
    from dmvpn.tools.doctor.scene import Scene
    from dmvpn.tools.doctor.verdicts import Verdict


class _End(NamedTuple):
    """An address at an end of a wire."""

    node: str
    port: str
    own: AddressWithLength


def masks(scene: Scene) -> Iterator[Verdict]:
    """Check that both ends of a wire have the same network."""
    for link in scene.lab.links:
        ends = [_End(node, port, each) for node, port in link.ends for each in scene.addresses_at(node, port)]
        for one, other in combinations(ends, 2):
            mine, theirs = one.own, other.own
            if one.node == other.node or mine.version != theirs.version or mine.network == theirs.network:
                continue
            if mine.network.overlaps(theirs.network):
                wrong, right = _wrong_and_right(scene, ends, one, other)
                if wrong.own.ip in right.own.network:  # else its address is wrong: no mask would help
                    yield _finding(scene, wrong, right)


def _finding(scene: Scene, wrong: _End, right: _End) -> Finding:
    host = scene.lab.hosts.get(wrong.node)
    lines = (INTERFACE.of(name=wrong.port), address_line(wrong.own.ip, right.own.network))
    return Finding(
        step=Step.UNDERLAY,
        cause=Cause.WRONG_MASK,
        router=wrong.node if host is None else host.router,
        what=(
            f"{wrong.port} of {wrong.node} has {wrong.own}, and {right.node} at the other end of the wire has "
            f"{right.own}: the mask of {wrong.node} is wrong"
        ),
        evidence=(f"{wrong.node}: {wrong.own}", f"{right.node}: {right.own}"),
        fix=lines if host is None else (),
        order="" if host is None else f"give the host {wrong.node} the mask {right.own.network.netmask}",
        others=(right.node,),
    )


def _wrong_and_right(scene: Scene, ends: Sequence[_End], one: _End, other: _End) -> tuple[_End, _End]:
    """Return the wrong end, then the right one: the evidence against each decides, then its role."""
    against = [_against(scene, ends, mine, theirs) for mine, theirs in ((one, other), (other, one))]
    if against[0] != against[1]:
        return (one, other) if against[0] > against[1] else (other, one)
    is_router = one.node not in scene.lab.providers and one.node not in scene.lab.hosts
    return (one, other) if is_router else (other, one)


def _against(scene: Scene, ends: Sequence[_End], mine: _End, theirs: _End) -> int:
    """Return the weight of evidence against the mask of an end.

    Its address is the network or broadcast address, or its network contains networks on other wires; the other stations
    on the wire have the mask of the other end; other wires of this kind have it.
    """
    network = mine.own.network
    is_no_station = network.num_addresses > 2 and mine.own.ip in (network.network_address, network.broadcast_address)
    agree = [end for end in ends if end not in (mine, theirs) and end.own.network == theirs.own.network]
    usual = _usual_length(scene, mine, theirs)
    return sum(
        (
            4 * (is_no_station or _takes_in_others(scene, ends, mine)),
            2 * bool(agree),
            usual == theirs.own.network.prefixlen,
        )
    )


def _takes_in_others(scene: Scene, ends: Sequence[_End], mine: _End) -> bool:
    """Return whether a port on another wire is in this network."""
    here = {end.own for end in ends}
    return any(
        own not in here and own.version == mine.own.version and own.ip in mine.own.network
        for _, facts in scene.alive()
        for interface in facts.interfaces
        for own in interface.addresses
    )


def _usual_length(scene: Scene, one: _End, other: _End) -> int:
    """Return the usual prefix length of other wires between these two kinds of nodes; 0: there are none."""
    kinds = {_kind(scene, one.node), _kind(scene, other.node)}
    lengths: Counter[int] = Counter()
    for link in scene.lab.links:
        if {_kind(scene, node) for node, _ in link.ends} != kinds or (one.node, one.port) in link.ends:
            continue
        networks = {own.network for node, port in link.ends for own in scene.addresses_at(node, port)}
        lengths.update(network.prefixlen for network in networks if len(networks) == 1 and network.version == 4)
    return lengths.most_common(1)[0][0] if lengths else 0


def _kind(scene: Scene, node: str) -> str:
    return "provider" if node in scene.lab.providers else "host" if node in scene.lab.hosts else "router"
