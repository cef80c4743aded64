"""Checks of LANs: who should own an address, as the hosts that are there say it.

A host knows its own network and its gateway. So it can be known which of two routers with one LAN is wrong, and what a
router's LAN port had before somebody changed it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor.scene import interface_of
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address, AddressWithLength
    from dmvpn.features.interface.facts import InterfaceFacts
    from dmvpn.router.facts import RouterFacts
    from dmvpn.tools.doctor.scene import Scene
    from dmvpn.tools.doctor.verdicts import Verdict


class _Lan(NamedTuple):
    """A host's wire: the host, its address, the gateway that it wants, and the port of the router there."""

    host: str
    own: AddressWithLength
    gateway: Address
    router: str
    port: InterfaceFacts


def ports(scene: Scene) -> Iterator[Verdict]:
    """Check that each host finds its gateway at its router's port."""
    for lan in _strange_lans(scene):
        yield _strange(scene, lan, [one for one in lan.port.addresses if one.version == lan.own.version])


def strangers(scene: Scene) -> Iterator[tuple[str, str]]:
    """Yield the ports of routers, whose hosts look for another gateway there."""
    for lan in _strange_lans(scene):
        yield lan.router, lan.port.name


def _strange_lans(scene: Scene) -> Iterator[_Lan]:
    asked: set[tuple[str, str]] = set()
    for lan in _lans(scene):
        if (lan.router, lan.port.name) in asked or not lan.port.enabled or lan.gateway.version != 4:
            continue
        asked.add((lan.router, lan.port.name))
        if all(lan.gateway != one.ip for one in lan.port.addresses):
            yield lan


def _lans(scene: Scene) -> Iterator[_Lan]:
    for name, host in scene.lab.hosts.items():
        facts = scene.of(host.router)
        link = next((one for one in scene.lab.links if any(node == name for node, _ in one.ends)), None)
        if facts is None or link is None or host.gateway is None or host.router in scene.lab.providers:
            continue
        if len([node for node, _ in link.ends if node in scene.lab.routers]) != 1:
            continue  # which of several routers is the gateway, nobody can say
        end = next((port for node, port in link.ends if node == host.router), "")
        port = interface_of(facts, end)
        if port is not None:
            yield _Lan(name, host.address, host.gateway, host.router, port)


def _strange(scene: Scene, lan: _Lan, mine: list[AddressWithLength]) -> Finding:
    """Return the finding that the port has another address, or none."""
    others = [
        name
        for name, facts in scene.alive()
        if name != lan.router and any(one.network == own.network for one in mine for own in _all(facts))
    ]
    has = f"is {', '.join(map(str, mine))}" if mine else "has no address"
    wrong = Cause.LAN_OVERLAP if others else Cause.HOST_GATEWAY
    also = f"; that network is the one of {', '.join(others)}" if others else ""
    return Finding(
        step=Step.UNDERLAY,
        cause=wrong if mine else Cause.NO_ADDRESS,
        router=lan.router,
        what=(
            f"{lan.host} ({lan.own}) sends to the gateway {lan.gateway}, "
            f"and {lan.port.name} of {lan.router} {has}{also}"
        ),
        evidence=(f"{lan.router}: {lan.port.name} {has}", f"{lan.host}: {lan.own}, gateway {lan.gateway}"),
        fix=(f"interface {lan.port.name}", f"ip address {lan.gateway} {lan.own.network.netmask}"),
        others=tuple(others),
    )


def _all(facts: RouterFacts) -> Iterator[AddressWithLength]:
    for interface in facts.interfaces:
        yield from interface.addresses


def taken(scene: Scene) -> Iterator[Verdict]:
    """Check that nobody else has an address out of the LAN that a host is in.

    A longer prefix takes its part of the LAN alone: packets for hosts in the other part find them.
    """
    hosts = [lan.own for lan in _lans(scene)]
    known = {lan.own.network: lan for lan in _lans(scene) if any(lan.gateway == one.ip for one in lan.port.addresses)}
    for network, lan in known.items():
        for name, facts in scene.alive():
            if name == lan.router:
                continue
            for interface in facts.interfaces:
                for own in interface.addresses:
                    if own.version != network.version or own.network == network or own.ip not in network:
                        continue
                    if own.network.prefixlen > network.prefixlen and not any(
                        host.network == network and host.ip in own.network for host in hosts
                    ):
                        continue
                    yield Finding(
                        step=Step.ROUTING,
                        cause=Cause.LAN_OVERLAP,
                        router=name,
                        what=f"{interface.name} of {name} has {own}, out of {network}, the LAN of {lan.router}",
                        evidence=(f"{name}: {interface.name} {own}", f"{lan.router}: {lan.host} is there"),
                        fix=(f"interface {interface.name}", "no ip address"),
                        others=(lan.router,),
                    )
