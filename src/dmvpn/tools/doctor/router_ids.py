"""Router IDs of OSPF and BGP: each router has its own; the owner of an address keeps it as its ID."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.base.placeholder import Blank
from dmvpn.features.ospf.config import processes as lines
from dmvpn.tools.doctor import addressing
from dmvpn.tools.doctor.scene import ospf_on
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.base.facts import Address
    from dmvpn.features.ospf.facts import OspfFacts
    from dmvpn.tools.doctor.scene import Scene
    from dmvpn.tools.doctor.verdicts import Verdict


def of_ospf(scene: Scene) -> Iterator[Verdict]:
    """Check that no two routers in one OSPF domain have one router ID: each would take the other's LSAs for its own."""
    first: dict[tuple[str, IPv4Address], tuple[str, OspfFacts]] = {}
    for name, facts in scene.alive():
        views = [(facts.seen_from(tunnel.name), tunnel) for tunnel in facts.tunnels]
        by_tunnel = (found[0] for view, tunnel in views if (found := ospf_on(view, tunnel)) is not None)
        for process in dict.fromkeys(by_tunnel):
            other, its = first.setdefault((process.vrf, process.router_id), (name, process))
            if other == name:
                continue
            wrong, right = to_change(scene, (name, other), process.router_id)
            number = (process if wrong == name else its).process
            yield Finding(
                step=Step.ROUTING,
                cause=Cause.OSPF_TERMS,
                router=wrong,
                what=f"OSPF of {wrong} and {right} has one router identifier, {process.router_id}",
                evidence=(f"{right} has it, too",),
                fix=(lines.process(number, process.vrf), lines.ROUTER_ID.of(address=free(scene, wrong))),
                order=f"and then at {wrong}: clear ip ospf process",
                others=(right,),
            )


def to_change(scene: Scene, names: tuple[str, str], identifier: Address) -> tuple[str, str]:
    """Return of two routers with one router ID the one to change, and the other: the owner of that address keeps it."""
    one, other = names
    return (other, one) if scene.owner(identifier) == one else (one, other)


def free(scene: Scene, name: str) -> IPv4Address | Blank:
    """Return an address that only this router has."""
    return next(addressing.unique_addresses(scene, name), Blank("address"))
