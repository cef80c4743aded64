"""What one end must have: mistakes that lint finds in the configurations of running routers.

A rule of lint with a cause is a check here, too, with lint's sentence and lines, unless lint itself has a doubt.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from dmvpn.base.causes import Cause
from dmvpn.features.eigrp import lint as eigrp
from dmvpn.features.nhrp import lint as nhrp
from dmvpn.network import references
from dmvpn.network.overlay import Network, Site
from dmvpn.tools.doctor.configuration import read
from dmvpn.tools.doctor.scene import Mistake
from dmvpn.tools.doctor.verdicts import Finding
from dmvpn.tools.lint.found import NetworkConcern
from dmvpn.tools.lint.rules import (
    cut_tunnels,
    front_doors,
    neighbors,
    ospf_ends,
    phases,
    registration,
    sizes,
    tunnels,
    vrf_tables,
    ways,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.findings import Rule
    from dmvpn.dataplane.nat.flows import NatKind
    from dmvpn.network.device import Device
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Step

#: Rules that have causes among them.
_RULES: Final = (
    *(tunnels, registration, neighbors, phases, ospf_ends, cut_tunnels, sizes, ways),
    *(front_doors, vrf_tables),
)


def of_pair(step: Step, *rules: Rule) -> Callable[[Scene, Client], Iterator[Finding]]:
    """Return a check of a client and its server by these rules."""

    def check(scene: Scene, client: Client) -> Iterator[Finding]:
        for one in _mistakes(scene):
            if one.concern.rule in rules and _is_of(client, one):
                yield _finding(step, one)

    return check


def _is_of(client: Client, one: Mistake) -> bool:
    """Return whether a mistake is at one of two ends, and not about another server; or about this server."""
    ends = [(client.name, client.tunnel.name)]
    ends += [(client.hub, client.there.name)] if client.there is not None else []
    address = str(client.server.address).upper() if client.server is not None else ""

    def server_at(at: tuple[str, ...]) -> str:
        """Return the server that a line is about; "": none."""
        words = at[-1].upper().split()
        return words[3].split("/")[0] if words[1:3] in (["NHRP", "NHS"], ["NHRP", "MAP"]) and words[3:] else ""

    if any((one.router, line.partition("interface ")[2]) in ends for line in one.concern.at):
        return server_at(one.concern.at) in ("", "DYNAMIC", "MULTICAST", address)
    mine = (client.name, f"interface {client.tunnel.name}")
    for router, at in one.related:
        is_own = router == one.router and (router, at[0].partition("interface ")[2]) in ends
        if is_own or ((router, at[0]) == mine and server_at(at) == address):
            return True
    return False


def of_all(step: Step, *rules: Rule, stops: bool = True) -> Callable[[Scene], Iterator[Finding]]:
    """Return a check of all routers by these rules. stops: see `Finding`."""

    def check(scene: Scene) -> Iterator[Finding]:
        return (replace(_finding(step, one), stops=stops) for one in _mistakes(scene) if one.concern.rule in rules)

    return check


def _mistakes(scene: Scene) -> tuple[Mistake, ...]:
    """Return the mistakes with a cause; they are sought once."""
    known = scene.mistakes
    if not known:
        names = {
            _placed(scene, name, read(facts.hostname, facts.configuration, table.vrf)): name
            for name, facts in scene.alive()
            for table in facts.tables
        }
        network = Network([one for one in names if not one.vrf])
        found = [NetworkConcern(one, concern) for one in network.devices for concern in nhrp.check(one.nhrp)]
        for one in names:
            of_ports = () if one.vrf else (references.ACCESS_GROUP,)
            dangling = (bad.concern for bad in references.dangling(one, eigrp.KEY_CHAIN, *of_ports))
            found += [NetworkConcern(one, concern) for concern in (*eigrp.check(one.eigrp), *dangling)]
        for rules in _RULES:
            found += rules.check(network)
        found = [one for one in found if one.concern.rule.cause is not None and one.concern.severity is None]
        known.append(
            tuple(
                Mistake(names[one.device], one.concern, tuple((names[other], at) for other, at in one.related))
                for one in found
            )
        )
    return known[0]


def _placed(scene: Scene, name: str, device: Device) -> Device:
    """Return a router with what its lines do not show: the NAT before it."""
    for interface in device.interface_names:
        gateway = scene.lab.gateways.get(scene.gateway_of(name, interface) or "")
        if gateway is not None:
            site = Site(nat=cast("NatKind", gateway.kind), public=gateway.public, interface=interface)
            return replace(device, site=site)
    return device


def _finding(step: Step, one: Mistake) -> Finding:
    return Finding(
        step=step,
        cause=one.concern.cause or one.concern.rule.cause or Cause.UNDECIDED,
        router=one.router,
        what=f"{one.router}: {one.concern.what}",
        evidence=tuple(f"{router}: {at[-1]}" for router, at in one.related),
        fix=one.concern.typed,
    )
