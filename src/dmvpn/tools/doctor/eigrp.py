"""Checks of EIGRP over the tunnels: it runs at both ends, and its parameters match."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.placeholder import Blank
from dmvpn.features.eigrp import lint as eigrp_rules
from dmvpn.features.eigrp.config.interfaces import AF_PASSIVE
from dmvpn.features.eigrp.config.processes import IN_FAMILY, PASSIVE
from dmvpn.features.eigrp.config.sections import af_interface_lines, process_lines
from dmvpn.network.terms.eigrp import EIGRP
from dmvpn.tools.doctor import duties
from dmvpn.tools.doctor.convergence import not_before
from dmvpn.tools.doctor.terms import differences
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import NeighborFacts, ReasonFacts
    from dmvpn.features.eigrp.facts import EigrpFacts, EigrpInterfaceFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

    _Running = tuple[EigrpFacts, EigrpInterfaceFacts]

_STEP = Step.ROUTING
#: The wildcard of one address.
_HOST: Final = IPv4Address(0)
_hold_times: Final = duties.of_pair(_STEP, eigrp_rules.HOLD)
_keys: Final = duties.of_pair(_STEP, eigrp_rules.KEY_CHAIN, eigrp_rules.HALF, eigrp_rules.HMAC)


def neighbors(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check EIGRP at both ends of a tunnel."""
    there, hub = client.there, client.hub_facts
    if there is None or hub is None or not client.facts.eigrp or not hub.eigrp:
        return
    mine, theirs = running_on(client.facts, client.tunnel), running_on(hub, there)
    if mine is None and theirs is None:
        return
    if mine is None or theirs is None:
        yield _not_on_tunnel(client, there)
        return
    yield from _alike(scene, client, there, (mine, theirs))


def interface_names(process: EigrpFacts | None) -> str:
    """Return the names of the interfaces that a process runs on, as words."""
    return ", ".join(one.name for one in process.interfaces) if process and process.interfaces else "nothing"


def running_on(facts: RouterFacts, tunnel: TunnelFacts) -> tuple[EigrpFacts, EigrpInterfaceFacts] | None:
    """Return the process that runs on a tunnel."""
    for process in facts.eigrp:
        for interface in process.interfaces:
            if interface.name == tunnel.name:
                return process, interface
    return None


def _not_on_tunnel(client: Client, there: TunnelFacts) -> Finding:
    is_client = running_on(client.facts, client.tunnel) is None
    name, facts, tunnel = (
        (client.name, client.facts, client.tunnel) if is_client else (client.hub, client.hub_facts, there)
    )
    process = facts.eigrp[0] if facts is not None else None
    address = next((own for own in tunnel.addresses if own.version == 4), None)
    return Finding(
        step=_STEP,
        cause=Cause.NETWORK_STATEMENT,
        router=name,
        what=f"EIGRP of {name} does not run on {tunnel.name}: no network statement covers {address}",
        evidence=(f"{name}: EIGRP runs on {interface_names(process)}",),
        fix=process_lines(process, IN_FAMILY.network.of(address=address or Blank("address"), wildcard=_HOST)),
    )


def _alike(scene: Scene, client: Client, there: TunnelFacts, running: tuple[_Running, _Running]) -> Iterator[Verdict]:
    """Check that both ends have the same parameters."""
    ends = list(zip((client.name, client.hub), (client.tunnel, there), running, strict=True))
    refused = [
        f"{who}: {process.dropped['authentication failed']} EIGRP packets not believed"
        for who, _, (process, _) in ends
        if process.dropped.get("authentication failed")
    ]
    evidence = (*refused, *_evidence(client))
    mistakes = list(_hold_times(scene, client)) or ([] if is_up(client) else list(_keys(scene, client)))
    found = mistakes or list(differences(scene, client, EIGRP, _STEP, _state, evidence, doubts=bool(refused)))
    yield from found
    passive = [] if found else [one for one in ends if one[2][1].passive]
    for name, tunnel, (process, _) in passive[:1]:
        what = f"{tunnel.name} is a passive interface of EIGRP {process.autonomous_system} at {name}"
        fix = _active(process, tunnel.name)
        yield Finding(step=_STEP, cause=Cause.PASSIVE_INTERFACE, router=name, what=what, evidence=evidence, fix=fix)
    if found or passive:
        return
    if is_up(client):
        yield Fine(_STEP, f"{client.name} and {client.hub} are EIGRP neighbors")
        return
    for name, tunnel, (_, port) in ends:
        if port.blocked:
            what = f"EIGRP of {name} cannot prove itself on {tunnel.name}: {port.blocked}"
            yield Finding(step=_STEP, cause=Cause.EIGRP_AUTHENTICATION, router=name, what=what, evidence=evidence)
            return
    yield Finding(
        step=_STEP,
        cause=Cause.UNDECIDED,
        router=client.name,
        what=f"{client.name} and {client.hub} run the same EIGRP, and are no neighbors",
        evidence=evidence,
        decide=not_before(client, max(port.hold_time for _, port in running)),
    )


def _active(process: EigrpFacts, interface: str) -> tuple[str, ...]:
    """Return the lines that enable a process on an interface."""
    if process.name:
        return af_interface_lines(process, interface, AF_PASSIVE.no())
    return process_lines(process, PASSIVE.no(name=interface))


def _with(facts: RouterFacts | None, interface: str, addresses: tuple[object, ...]) -> NeighborFacts | None:
    found = facts.neighbors if facts is not None else ()
    return next((one for one in found if one.interface == interface and one.address in addresses), None)


def _ends(client: Client) -> list[NeighborFacts | None]:
    """Return each end as a neighbor of the other one: at the client, then at its server."""
    there = client.there
    mine = _with(client.facts, client.tunnel.name, there.addresses if there is not None else ())
    return [mine, _with(client.hub_facts, there.name if there is not None else "", client.tunnel.addresses)]


def is_up(client: Client) -> bool:
    return all(one is not None and one.up for one in _ends(client))


def _state(client: Client) -> tuple[bool, tuple[ReasonFacts, ...]]:
    """Return whether both ends are neighbors, and why one refuses the other or sends nothing."""
    there, hub = client.there, client.hub_facts
    running = [running_on(client.facts, client.tunnel)]
    running += [running_on(hub, there)] if hub is not None and there is not None else []
    blocked = [one[1].blocked for one in running if one is not None]
    return is_up(client), (*(one.reason for one in _ends(client) if one is not None), *blocked)


def _evidence(client: Client) -> tuple[str, ...]:
    """Return the neighbor states of both ends."""
    return tuple(
        f"{who}: {other} is {'a neighbor' if one is not None and one.up else 'no neighbor'}"
        + (f" ({one.reason})" if one is not None and one.reason else "")
        for who, one, other in zip((client.name, client.hub), _ends(client), (client.hub, client.name), strict=True)
    )
