"""The check of routers with a cloud for each customer: that each tunnel has the key of its VRF's cloud.

Where two tunnels have exchanged their keys or their VRFs, each customer's packets reach the tunnel of the other one.
The other routers, which agree on the key of each VRF, show which key is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dmvpn.base.causes import Cause
from dmvpn.base.tables import table_named
from dmvpn.features.tunnel import config as tunnel_lines
from dmvpn.ios import INTERFACE
from dmvpn.tools.doctor import tables
from dmvpn.tools.doctor.scene import interface_of
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.interface.facts import InterfaceFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Scene
    from dmvpn.tools.doctor.verdicts import Verdict


class _Cloud(NamedTuple):
    """A tunnel with a key, in the table of its interface."""

    router: str
    vrf: str
    key: int
    tunnel: TunnelFacts
    interface: InterfaceFacts


def clouds(scene: Scene) -> Iterator[Verdict]:
    """Check that each tunnel has the key that all other routers have in a VRF of its name."""
    every = [one for name, facts in scene.alive() for one in _clouds(name, facts)]
    for name, facts in scene.alive():
        others = [one for one in every if one.router != name]
        wrong = [one for one in every if one.router == name and _has_key_of_another(one, others)]
        if wrong:
            yield _finding(name, facts, wrong, others)


def _clouds(name: str, facts: RouterFacts) -> Iterator[_Cloud]:
    for tunnel in facts.tunnels:
        interface = interface_of(facts, tunnel.name)
        if interface is not None and tunnel.key is not None:
            yield _Cloud(name, interface.vrf, tunnel.key, tunnel, interface)


def _has_key_of_another(one: _Cloud, others: list[_Cloud]) -> bool:
    """Return whether two routers at least, and all with the VRF, have another key there, and this key elsewhere."""
    keys = [other.key for other in others if other.vrf == one.vrf]
    places = {other.vrf for other in others if other.key == one.key}
    return len(keys) > 1 and len(set(keys)) == 1 and keys[0] != one.key and bool(places) and one.vrf not in places


def _finding(name: str, facts: RouterFacts, wrong: list[_Cloud], others: list[_Cloud]) -> Finding:
    """Return the finding. The network-id says whether the key or the VRF of a tunnel is the mistake."""
    keys = {one.vrf: one.key for one in others}
    homes = {one.key: one.vrf for one in others}
    ids = {one.vrf: one.tunnel.network_id for one in others}
    are_keys = all(one.tunnel.network_id == ids.get(one.vrf) for one in wrong)
    changes: list[tuple[_Cloud, tuple[str, ...]]]
    if are_keys:
        changes = [(one, (tunnel_lines.KEY.of(key=keys[one.vrf]),)) for one in wrong]
    else:
        changes = [(one, (tables.leaving(facts, one.interface),)) for one in wrong]
        changes += [(one, tables.moved_port(facts, one.interface, homes[one.key])) for one in wrong]
    fix = tuple(line for one, lines in changes for line in (INTERFACE.of(name=one.tunnel.name), *lines))
    has = " and ".join(f"{one.tunnel.name} in {table_named(one.vrf)} has key {one.key}" for one in wrong)
    wants = " and ".join(f"{keys[one.vrf]} in {table_named(one.vrf)}" for one in wrong)
    what = f"{has} at {name}, and all other routers have {wants}: packets of one customer reach another one"
    evidence = tuple(f"{one.router}: {one.tunnel.name}, {table_named(one.vrf)}, key {one.key}" for one in others)
    return Finding(Step.GRE, Cause.KEY if are_keys else Cause.TABLE, name, what, evidence, fix)
