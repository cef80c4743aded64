"""Checks of EIGRP over the tunnels: it runs at both ends, and its parameters match."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.placeholder import Blank
from dmvpn.base.terms import Odd, odd
from dmvpn.features.eigrp.config.interfaces import AF_PASSIVE
from dmvpn.features.eigrp.config.processes import IN_FAMILY, PASSIVE
from dmvpn.features.eigrp.config.sections import (
    HELLO_INTERVAL,
    HOLD_TIME,
    MODE,
    af_interface_lines,
    entered,
    process_lines,
    taken_back,
)
from dmvpn.features.eigrp.terms import SYSTEM, WEIGHTS
from dmvpn.network.terms.eigrp import eigrp_end
from dmvpn.network.terms.table import Table
from dmvpn.tools.doctor.convergence import not_before
from dmvpn.tools.doctor.eigrp_authentication import EigrpEnd, hidden_question, key_lines
from dmvpn.tools.doctor.terms import differences
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import NeighborFacts
    from dmvpn.features.eigrp.facts import EigrpFacts, EigrpInterfaceFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

_STEP = Step.ROUTING
#: Seconds: the longest time in a line.
_LONGEST: Final = 65_535
#: The wildcard of one address.
_HOST: Final = IPv4Address(0)
#: What all neighbors of a process agree on; authentication is that of an interface, with hidden secrets.
_AGREED: Final = Table(eigrp_end, (SYSTEM, WEIGHTS))


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
    yield from _alike(scene, client, (mine, theirs))


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


_Running = tuple["EigrpFacts", "EigrpInterfaceFacts"]


def _alike(scene: Scene, client: Client, running: tuple[_Running, _Running]) -> Iterator[Verdict]:
    """Check that both ends have the same parameters; the first difference is enough."""
    mine, theirs = running
    state = _state(client)
    agreed = list(differences(scene, client, _AGREED, _STEP, lambda one: (is_up(one), ()), state))
    silent = _on_interface(client.name, mine, theirs, state) or _on_interface(client.hub, theirs, mine, state)
    if agreed:
        yield from agreed
    elif silent is not None:
        yield silent
    else:
        yield from _authentic(scene, client, running, state)


def _on_interface(name: str, here: _Running, other: _Running, state: tuple[str, ...]) -> Finding | None:
    """Return the setting that one end's interface lacks for any neighbor."""
    process, interface = here
    if interface.passive:
        return Finding(
            step=_STEP,
            cause=Cause.PASSIVE_INTERFACE,
            router=name,
            what=f"{interface.name} is a passive interface of EIGRP {process.autonomous_system} at {name}",
            evidence=state,
            fix=_active(process, interface.name),
        )
    if interface.hold_time <= interface.hello_interval:
        times = f"{interface.hello_interval} seconds and asks to be forgotten after {interface.hold_time}"
        return Finding(
            step=_STEP,
            cause=Cause.EIGRP_TIMERS,
            router=name,
            what=f"{name} says hello every {times}",
            evidence=state,
            fix=_timers(process, interface, other[1]),
        )
    return None


def _active(process: EigrpFacts, interface: str) -> tuple[str, ...]:
    """Return the lines that enable a process on an interface."""
    if process.name:
        return af_interface_lines(process, interface, AF_PASSIVE.no())
    return process_lines(process, PASSIVE.no(name=interface))


def _timers(process: EigrpFacts, interface: EigrpInterfaceFacts, other: EigrpInterfaceFacts) -> tuple[str, ...]:
    """Return the timers of the other end, if these are sound; else a hold time longer than the hello interval."""
    name = interface.name
    if other.hold_time <= other.hello_interval:
        seconds = min(3 * interface.hello_interval, _LONGEST)
        return entered(process, name, HOLD_TIME, seconds=seconds)
    hello, hold = other.hello_interval, other.hold_time
    first = entered(process, name, HELLO_INTERVAL, seconds=hello)
    return (*first, entered(process, name, HOLD_TIME, seconds=hold)[-1])


def _authentic(
    scene: Scene, client: Client, running: tuple[_Running, _Running], state: tuple[str, ...]
) -> Iterator[Verdict]:
    (mine, on_mine), (theirs, on_theirs) = running
    refused = [
        f"{who}: {process.dropped['authentication failed']} EIGRP packets not believed"
        for who, process in ((client.name, mine), (client.hub, theirs))
        if process.dropped.get("authentication failed")
    ]
    blocked = [one.blocked for one in (on_mine, on_theirs) if one.blocked]
    if on_mine.authentication != on_theirs.authentication or blocked or (refused and not is_up(client)):
        differ = on_mine.authentication != on_theirs.authentication
        clients = [one for one in (client, *scene.fellows(client)) if running_on(one.facts, one.tunnel) is not None]
        is_hub = _is_hub(clients, on_mine, on_theirs)
        culprit = client.hub if is_hub else client.name
        process, wrong = (theirs, on_theirs) if is_hub else (mine, on_mine)
        ends = _ends(client, running, culprit)
        decide = "" if differ or blocked or len(clients) > 1 else hidden_question(*ends)
        what = (
            f"EIGRP of {client.name} has {on_mine.authentication or 'no'} authentication on the tunnel, that of "
            f"{client.hub} {on_theirs.authentication or 'none'}"
            if differ
            else f"EIGRP of {culprit} cannot prove itself on {wrong.name}: {wrong.blocked}"
            if wrong.blocked
            else f"EIGRP of {client.name} and of {client.hub} do not believe each other on the tunnel"
            if decide
            else f"EIGRP of {client.name} and of {client.hub} have different keys for the tunnel"
        )
        no = taken_back(process, wrong.name, MODE)
        yield Finding(
            step=_STEP,
            cause=Cause.EIGRP_AUTHENTICATION,
            router=culprit,
            what=what,
            evidence=(*refused, *map(str, blocked), *state),
            fix=no if wrong.authentication and differ else key_lines(*ends),
            decide=decide,
        )
    elif not is_up(client):
        yield Finding(
            step=_STEP,
            cause=Cause.UNDECIDED,
            router=client.name,
            what=f"{client.name} and {client.hub} run the same EIGRP, and are no neighbors",
            evidence=state,
            decide=not_before(client, max(on_mine.hold_time, on_theirs.hold_time)),
        )
    else:
        yield Fine(_STEP, f"{client.name} and {client.hub} are EIGRP neighbors")


def _is_hub(clients: list[Client], mine: EigrpInterfaceFacts, theirs: EigrpInterfaceFacts) -> bool:
    """Return whether the authentication of the hub is to change: of two alike, that of the end without a valid key."""
    if mine.authentication != theirs.authentication:
        return odd(clients, lambda one: _authentication(one) == theirs.authentication) is Odd.SERVER
    return not mine.blocked and (bool(theirs.blocked) or odd(clients, is_up) is Odd.SERVER)


def _ends(client: Client, running: tuple[_Running, _Running], culprit: str) -> tuple[EigrpEnd, EigrpEnd]:
    """Return the end to change, and the other one."""
    (mine, on_mine), (theirs, on_theirs) = running
    near = EigrpEnd(client.name, client.facts, mine, on_mine.name)
    far = EigrpEnd(client.hub, client.hub_facts or client.facts, theirs, on_theirs.name)
    return (near, far) if culprit == client.name else (far, near)


def _with(facts: RouterFacts | None, interface: str, addresses: tuple[object, ...]) -> NeighborFacts | None:
    found = facts.neighbors if facts is not None else ()
    return next((one for one in found if one.interface == interface and one.address in addresses), None)


def is_up(client: Client) -> bool:
    there = client.there
    mine = _with(client.facts, client.tunnel.name, there.addresses if there is not None else ())
    theirs = _with(client.hub_facts, there.name if there is not None else "", client.tunnel.addresses)
    return mine is not None and theirs is not None and mine.up and theirs.up


def _state(client: Client) -> tuple[str, ...]:
    """Return the neighbor states of both ends."""
    there = client.there
    ends = (
        (
            client.name,
            _with(client.facts, client.tunnel.name, there.addresses if there is not None else ()),
            client.hub,
        ),
        (
            client.hub,
            _with(client.hub_facts, there.name if there is not None else "", client.tunnel.addresses),
            client.name,
        ),
    )
    return tuple(
        f"{who}: {other} is {'a neighbor' if one is not None and one.up else 'no neighbor'}"
        + (f" ({one.reason})" if one is not None and one.reason else "")
        for who, one, other in ends
    )


def _authentication(client: Client) -> str:
    """Return how packets are authenticated on the tunnel of a client on which EIGRP runs."""
    running = running_on(client.facts, client.tunnel)
    return running[1].authentication if running is not None else ""
