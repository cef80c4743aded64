"""Checks that EIGRP and OSPF do not advertise the underlay through the tunnel.

A router that receives a route to the network of the tunnel's own source sends the packets of the tunnel into the
tunnel, which then flaps. The router that advertises the network must change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, cast

from dmvpn.base.causes import Cause
from dmvpn.features.eigrp.config.processes import IN_FAMILY
from dmvpn.features.eigrp.config.sections import process_lines
from dmvpn.features.eigrp.facts import EigrpFacts
from dmvpn.features.ospf.config.interfaces import PROCESS
from dmvpn.features.ospf.config.processes import NETWORKS, ROUTER
from dmvpn.features.tunnel.messages import RecursiveRouting
from dmvpn.features.tunnel.reasons import TunnelReason
from dmvpn.ios import INTERFACE
from dmvpn.tools.doctor.configuration import device, statements
from dmvpn.tools.doctor.openings import ospf_process
from dmvpn.tools.doctor.scene import addresses_of
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.base.facts import Address, Network
    from dmvpn.features.ospf.facts import OspfFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

    _Process: TypeAlias = EigrpFacts | OspfFacts


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
    served = {host.address.network for host in scene.lab.hosts.values()}  # a LAN has to be advertised
    for name, facts, tunnel, address, others, theirs in ends:
        for process in _on(facts, tunnel):
            source, protocol = tunnel.source_interface, _protocol(process)
            listens = any(type(one) is type(process) for one in _on(others, theirs)) or theirs.reason.is_one(
                TunnelReason.RECURSION
            )
            if not listens or all(it.name != source for it in process.interfaces):
                continue
            networks = (own.network for own in addresses_of(facts, source) if own.ip == address)
            leaked = next((one for one in networks if one not in served), None)
            if leaked is None or any(
                address in route.prefix and route.source != protocol and route.prefix.prefixlen >= leaked.prefixlen
                for route in others.table(theirs.front).routes
            ):
                continue
            yield _finding(name, facts, process, (source, address, leaked), _recursions(client))
            return


def _on(facts: RouterFacts, tunnel: TunnelFacts) -> Iterator[_Process]:
    """Yield the processes that run on a tunnel."""
    processes: tuple[_Process, ...] = (*facts.eigrp, *facts.ospf)
    yield from (one for one in processes if any(it.name == tunnel.name for it in one.interfaces))


def _protocol(process: _Process) -> str:
    return "eigrp" if isinstance(process, EigrpFacts) else "ospf"


def _recursions(client: Client) -> tuple[str, ...]:
    """Return the number of recursion messages in the client's log, in words."""
    count = sum(line.is_one(RecursiveRouting) for line in client.facts.log)
    return (f"{client.name}: {count} times 'RECURDOWN' in its log",) if count else ()


def _finding(
    name: str, facts: RouterFacts, process: _Process, leaked: tuple[str, Address, Network], evidence: tuple[str, ...]
) -> Finding:
    """Return the finding about the advertising router. leaked: the port, its address, its network."""
    port, _, network = leaked
    return Finding(
        step=Step.LINE,
        cause=Cause.RECURSION,
        router=name,
        what=f"{name} advertises on the tunnel a route to {network}, where the tunnel itself leads",
        evidence=(f"{name}: {_protocol(process).upper()} runs on {port}", *evidence),
        fix=_of_eigrp(process, leaked) if isinstance(process, EigrpFacts) else _of_ospf(facts, process, leaked),
    )


def _of_eigrp(process: EigrpFacts, leaked: tuple[str, Address, Network]) -> tuple[str, ...]:
    """Return the lines that remove the first statement that covers the address, or that of its network."""
    _, address, network = leaked
    covering = (one for one in process.networks if _covers(one, address))
    base, wildcard = next(covering, (network.network_address, network.hostmask))
    return process_lines(process, IN_FAMILY.network.no(address=base, wildcard=wildcard))


def _of_ospf(facts: RouterFacts, process: OspfFacts, leaked: tuple[str, Address, Network]) -> tuple[str, ...]:
    """Return the lines that remove all statements that cover the address, and those of its port."""
    port, address, _ = leaked
    section = device(facts).tree.section(ROUTER, number=process.process)
    networks = [one.text for one in statements(section, NETWORKS) if _covers(one.args["network"], address)]
    on_port = [
        one.text
        for one in statements(device(facts).section(port), PROCESS)
        if one.args.integer("process") == process.process
    ]
    lines = [(ospf_process(process), *networks)] * bool(networks)
    lines += [(INTERFACE.of(name=port), *on_port)] * bool(on_port)
    return tuple(text for head, *each in lines for text in (head, *(f"no {line}" for line in each)))


def _covers(statement: object, target: Address) -> bool:
    """Return whether a `network` statement, an address and a wildcard, covers an address."""
    address, wildcard = cast("tuple[IPv4Address, IPv4Address]", statement)
    return target.version == 4 and not (int(address) ^ int(target)) & ~int(wildcard)
