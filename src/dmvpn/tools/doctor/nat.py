"""Checks of NAT between a tunnel and its server.

GRE has no ports, so of two routers behind one address only one has a flow to a given remote address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict


def shared_translator(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check whether another station behind the same translator has the only flow to the server."""
    name = scene.gateway_of(client.name, client.tunnel.source_interface)
    nbma, source = client.nbma, client.tunnel.source
    if name is None or client.tunnel.protection or client.works:
        return
    gateway = scene.lab.gateways[name]
    holder = _holder(scene, client, name)
    if holder is None:
        yield Fine(Step.UNDERLAY, f"{name} has no flow to {nbma} that would be in the way of {client.name}")
        return
    other = scene.owner(holder)
    if other is None:
        what = (
            f"{name} ({gateway.public}) remembers a flow of {holder} to {nbma}, an address no longer in use, and GRE "
            f"has no ports to distinguish it from a flow of {client.name} ({source})"
        )
        remedy = f"wait until it is forgotten, or: dmvpn lab rebind {name}"
    else:
        what = (
            f"{client.name} ({source}) and {other} ({holder}) are behind {name} ({gateway.public}), and GRE has no "
            f"ports to distinguish them: the only flow from there to {nbma} is {other}'s"
        )
        remedy = "another public address for one of them, or IPsec: in UDP 4500 there are ports"
    yield Finding(Step.UNDERLAY, Cause.SAME_NAT, client.name, what, order=remedy)


def hiding_translator(scene: Scene, client: Client) -> str:
    """Return the translator that hides the server's NBMA address from this client, or ""."""
    mine = scene.gateway_of(client.name, client.tunnel.source_interface)
    return next((name for name, it in scene.lab.gateways.items() if name != mine and client.nbma in it.private), "")


def _holder(scene: Scene, client: Client, name: str) -> Address | None:
    """Return the other station behind this translator with the flow to this server: by its table, else by
    registrations.
    """
    nbma, source = client.nbma, client.tunnel.source
    flows = scene.lab.gateways[name].flows
    if flows is not None:
        inside = [flow.inside for flow in flows if flow.remote == nbma]
        return None if not inside or source in inside else inside[0]
    for other in scene.clients():
        tunnel = other.tunnel
        if tunnel.source == source or tunnel.protection or not other.works or other.nbma != nbma:
            continue
        if scene.gateway_of(other.name, tunnel.source_interface) == name:
            return tunnel.source
    return None
