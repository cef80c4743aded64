"""Checks that OSPF does not advertise the underlay through the tunnel.

A router that receives a route to the network of the tunnel's own source sends the packets of the tunnel into the
tunnel, which then flaps. The router that advertises the network must change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dmvpn.base.causes import Cause
from dmvpn.features.ospf.config.interfaces import PROCESS
from dmvpn.features.ospf.config.processes import NETWORKS, ROUTER
from dmvpn.features.tunnel.reasons import TunnelReason
from dmvpn.ios import INTERFACE
from dmvpn.tools.doctor.configuration import device, statements
from dmvpn.tools.doctor.openings import ospf_process
from dmvpn.tools.doctor.scene import interface_of
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.base.facts import Address
    from dmvpn.features.ospf.facts import OspfFacts
    from dmvpn.ios import Args
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.underlay_path import UnderlayPath
    from dmvpn.tools.doctor.verdicts import Verdict


def underlay_advertised(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that neither end advertises its underlay through the tunnel, unless the other one has a better
    route there.
    """
    there, hub, nbma = client.there, client.hub_facts, client.nbma
    seen = scene.seen_as(client)
    if there is None or hub is None or nbma is None or seen is None:
        return
    ends = (
        (client.hub, hub, there, nbma, client.facts, client.tunnel),
        (client.name, client.facts, client.tunnel, seen, hub, there),
    )
    for name, facts, tunnel, address, others, theirs in ends:
        process = _on(facts, tunnel)
        listens = _on(others, theirs) is not None or theirs.reason.is_one(TunnelReason.RECURSION)
        if process is None or not listens or all(it.name != tunnel.source_interface for it in process.interfaces):
            continue
        port = interface_of(facts, tunnel.source_interface)
        leaked = next((own.network for own in (port.addresses if port is not None else ()) if own.ip == address), None)
        if leaked is None or any(
            address in route.prefix and route.source != "ospf" and route.prefix.prefixlen >= leaked.prefixlen
            for route in others.routes
        ):
            continue
        yield _finding(name, facts, process, (tunnel.source_interface, address, str(leaked)), ())
        return


def _on(facts: RouterFacts, tunnel: TunnelFacts) -> OspfFacts | None:
    """Return the process that runs on a tunnel."""
    return next((one for one in facts.ospf if any(it.name == tunnel.name for it in one.interfaces)), None)


def by_owner(scene: Scene, found: UnderlayPath, target: Address) -> Finding | None:
    """Return the finding that the owner of an underlay address advertises its network; None: the path ends otherwise.

    found: a path that ends in a tunnel.
    """
    owner = scene.owner(target)
    facts = scene.of(owner or "")
    if found.route is None or found.route.source != "ospf" or facts is None or owner is None or owner == found.at:
        return None
    port = next((it.name for it in facts.interfaces if any(own.ip == target for own in it.addresses)), "")
    for process in facts.ospf:
        if any(one.name == port for one in process.interfaces):
            evidence = (f"{found.at}: {found.route.prefix} by a tunnel (ospf)",)
            return _finding(owner, facts, process, (port, target, str(found.route.prefix)), evidence)
    return None


def _finding(
    name: str, facts: RouterFacts, process: OspfFacts, leaked: tuple[str, Address, str], evidence: tuple[str, ...]
) -> Finding:
    """Return the finding about the advertising router. leaked: the port, its address, its network."""
    port, address, network = leaked
    section = device(facts).tree.section(ROUTER, number=process.process)
    networks = [one.text for one in statements(section, NETWORKS) if _covers(one.args, address)]
    on_port = [
        one.text
        for one in statements(device(facts).section(port), PROCESS)
        if one.args.integer("process") == process.process
    ]
    lines = [(ospf_process(process), *networks)] * bool(networks)
    lines += [(INTERFACE.of(name=port), *on_port)] * bool(on_port)
    return Finding(
        step=Step.LINE,
        cause=Cause.RECURSION,
        router=name,
        what=f"{name} advertises on the tunnel a route to {network}, where the tunnel itself leads",
        evidence=(f"{name}: OSPF runs on {port}", *evidence),
        fix=tuple(text for head, *each in lines for text in (head, *(f"no {line}" for line in each))),
    )


def _covers(args: Args, target: Address) -> bool:
    """Return whether a `network` statement covers an address."""
    address, wildcard = cast("tuple[IPv4Address, IPv4Address]", args["network"])
    return target.version == 4 and not (int(address) ^ int(target)) & ~int(wildcard)
