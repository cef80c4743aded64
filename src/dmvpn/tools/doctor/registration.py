"""Checks of GRE and NHRP between a tunnel and its server: key, kind of tunnel, registration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.nhrp.packet import ErrorCode
from dmvpn.features.nhrp.parts import CieCode
from dmvpn.features.nhrp.reasons import NhrpReason, Refusal
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor.scene import interface_of, lines_of
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step
from dmvpn.tools.doctor.whereabouts import server_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address, ReasonFacts
    from dmvpn.features.nhrp.facts import ServerFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

#: Seconds by which a registration must outlive the next one at least.
_ROOM = 5.0


# ---------------------------------------------------------------------------------------------------- GRE


def keys(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that both tunnels have one key, or none."""
    there = client.there
    if there is None or there.source != client.nbma:
        return
    if there.key == client.tunnel.key:
        yield Fine(Step.GRE, f"{client.name} and {client.hub} both have {_key(there.key)}")
        return
    others = scene.fellows(client)
    hub_odd = bool(others) and all(one.tunnel.key == client.tunnel.key for one in others)
    name, tunnel, right = (client.hub, there, client.tunnel.key) if hub_odd else (client.name, client.tunnel, there.key)
    yield Finding(
        step=Step.GRE,
        cause=Cause.KEY,
        router=name,
        what=f"{client.name} has {_key(client.tunnel.key)}, {client.hub} has {_key(there.key)}",
        evidence=_strays(client),
        fix=(f"interface {tunnel.name}", "no tunnel key" if right is None else f"tunnel key {right}"),
    )


def _strays(client: Client) -> tuple[str, ...]:
    """Return packets that fit no tunnel."""
    found = [
        (name, facts.drops.no_tunnel)
        for name, facts in ((client.name, client.facts), (client.hub, client.hub_facts))
        if facts is not None and facts.drops.no_tunnel
    ]
    return tuple(f"{name}: {count} GRE packets for no tunnel of its own" for name, count in found)


def _key(key: int | None) -> str:
    return "no tunnel key" if key is None else f"tunnel key {key}"


def point_to_point(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that a server has a multipoint tunnel, or one that leads to this client; a point-to-point client's leads to
    it.
    """
    there, tunnel = client.there, client.tunnel
    if there is not None and there.destination is not None and there.destination != scene.seen_as(client):
        yield Finding(
            step=Step.GRE,
            cause=Cause.HUB_POINT_TO_POINT,
            router=client.hub,
            what=f"{there.name} of {client.hub} is point-to-point and leads to {there.destination} alone",
            evidence=(f"{client.hub}: tunnel destination {there.destination}",),
            fix=(f"interface {there.name}", "no tunnel destination", "tunnel mode gre multipoint"),
        )
    server = client.server
    if tunnel.destination is None or server is None or server.nbma is None or server.nbma == tunnel.destination:
        return
    yield Finding(
        step=Step.GRE,
        cause=Cause.WRONG_DESTINATION,
        router=client.name,
        what=f"{tunnel.name} of {client.name} leads to {tunnel.destination}, and its next hop server is {server.nbma}",
        fix=(f"interface {tunnel.name}", f"tunnel destination {server.nbma}"),
    )


# ---------------------------------------------------------------------------------------------------- NHRP


def without_nhrp(scene: Scene) -> Iterator[Verdict]:
    """Find a tunnel with NHRP lines and without the one that turns NHRP on; or with a map of a server, and no
    server.
    """
    serving = scene.servers()
    for name, facts in scene.alive():
        for tunnel in facts.tunnels:
            if not tunnel.nhrp and (tunnel.multipoint or any(_nhrp_lines(facts, tunnel))):
                yield _no_network_id(scene, name, facts, tunnel)
            elif tunnel.nhrp and not tunnel.servers and (name, tunnel.name) not in serving:
                yield from _no_server(scene, name, tunnel)


def _nhrp_lines(facts: RouterFacts, tunnel: TunnelFacts) -> Iterator[str]:
    yield from lines_of(facts, f"interface {tunnel.name}", "ip nhrp ")
    yield from lines_of(facts, f"interface {tunnel.name}", "ipv6 nhrp ")


def _no_network_id(scene: Scene, name: str, facts: RouterFacts, tunnel: TunnelFacts) -> Finding:
    known = [other.network_id for _, there in scene.alive() for other in there.tunnels if other.network_id is not None]
    family = "ipv6" if any(lines_of(facts, f"interface {tunnel.name}", "ipv6 nhrp ")) else "ip"
    return Finding(
        step=Step.REGISTRATION,
        cause=Cause.NETWORK_ID,
        router=name,
        what=f"{tunnel.name} of {name} runs no NHRP: it has no network-id",
        evidence=tuple(f"{name}: {line}" for line in list(_nhrp_lines(facts, tunnel))[:2]),
        fix=(f"interface {tunnel.name}", f"{family} nhrp network-id {known[0] if known else 'NUMBER'}"),
    )


def _no_server(scene: Scene, name: str, tunnel: TunnelFacts) -> Iterator[Verdict]:
    mapped = [mapping for mapping in tunnel.mappings if mapping.kind == "static" and mapping.nbma is not None]
    for mapping in mapped:
        owner = scene.tunnel_owner(mapping.next_hop)
        hub = f" ({owner[0]})" if owner is not None else ""
        yield Finding(
            step=Step.REGISTRATION,
            cause=Cause.NHS_MISSING,
            router=name,
            what=f"{name} has a map of {mapping.next_hop}{hub}, and registers with nobody: it has no next hop server",
            evidence=(f"{name}: {mapping.next_hop} is at {mapping.nbma} (static)",),
            fix=(
                f"interface {tunnel.name}",
                f"ip nhrp nhs {mapping.next_hop} nbma {mapping.nbma} multicast",
            ),
        )
        return
    if tunnel.destination is not None:
        found = next(
            (one for one in scene.clients() if one.nbma == tunnel.destination and one.server is not None), None
        )
        address = found.server.address if found is not None and found.server is not None else "ADDRESS"
        yield Finding(
            step=Step.REGISTRATION,
            cause=Cause.NHS_MISSING,
            router=name,
            what=f"{tunnel.name} of {name} runs NHRP, and registers with nobody: it has no next hop server",
            fix=(f"interface {tunnel.name}", f"ip nhrp nhs {address}"),
        )


def servers(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the router at the NBMA address runs NHRP and has the server's tunnel address; and that it takes us."""
    there, server = client.there, client.server
    if there is None or server is None:
        return
    if not there.nhrp and client.hub_facts is not None:
        yield _no_network_id(scene, client.hub, client.hub_facts, there)
        return
    real = scene.tunnel_owner(server.address)
    if real is not None and real[0] != client.hub and server.address not in there.addresses:
        yield _another(client, server, real)
        return
    if server.address is not None and server.address not in there.addresses:
        own = [address for address in there.addresses if address.version == server.address.version]
        if real is None and _all_seek(scene, client, server.address):
            yield _moved(client, there, server.address)
            return
        family = "ip" if server.address.version == 4 else "ipv6"
        right = server_lines(client, client.nbma) if not own else _replaced(client, family, own[0])
        yield Finding(
            step=Step.REGISTRATION,
            cause=Cause.NHS_ADDRESS,
            router=client.name,
            what=(
                f"{client.hub} has {client.nbma}, and its tunnel address is "
                f"{' and '.join(map(str, own)) or 'none of that IP version'}, not {server.address}"
            ),
            evidence=((f"{client.name} says: {server.reason}",) if server.reason else ()),
            fix=right,
        )
        return
    yield from _agreement(scene, client)


def _another(client: Client, server: ServerFacts, real: tuple[str, TunnelFacts]) -> Finding:
    return Finding(
        step=Step.REGISTRATION,
        cause=Cause.NHS_NBMA,
        router=client.name,
        what=f"{client.nbma} is {client.hub}; {server.address} is {real[0]}, at {real[1].source}",
        evidence=((f"{client.name} says: {server.reason}",) if server.reason else ()),
        fix=server_lines(client, real[1].source),
    )


def elsewhere(scene: Scene, client: Client) -> bool:
    """Return whether the server that it names is another router than the one at that NBMA address, in a tunnel with its
    own key.
    """
    there, server = client.there, client.server
    real = scene.tunnel_owner(server.address) if server is not None else None
    if there is None or server is None or real is None or real[0] == client.hub:
        return False
    return server.address not in there.addresses and real[1].key == client.tunnel.key != there.key


def other_server(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Yield that, before anything is said of a router that is not meant."""
    real = scene.tunnel_owner(client.server.address) if client.server is not None else None
    if client.server is not None and real is not None and elsewhere(scene, client):
        yield _another(client, client.server, real)


def _all_seek(scene: Scene, client: Client, address: Address) -> bool:
    """Return whether all clients of that router, and more than one, look for it at this address, which nobody has."""
    others = [one.server.address for one in scene.fellows(client) if one.server is not None]
    return bool(others) and all(one == address for one in others)


def _moved(client: Client, there: TunnelFacts, address: Address) -> Finding:
    """Return the finding that the server has another address than all of its clients know."""
    port = interface_of(client.hub_facts, there.name) if client.hub_facts is not None else None
    mask = next((one.netmask for one in (port.addresses if port is not None else ()) if address in one.network), "MASK")
    has = ", ".join(map(str, there.addresses)) or "none"
    return Finding(
        step=Step.REGISTRATION,
        cause=Cause.NHS_ADDRESS,
        router=client.hub,
        what=f"all clients of {client.hub} look for it at {address}, and the address of its {there.name} is {has}",
        evidence=((f"{client.name} says: {client.server.reason}",) if client.server and client.server.reason else ()),
        fix=(f"interface {there.name}", f"ip address {address} {mask}"),
        others=(client.name,),
    )


def _replaced(client: Client, family: str, right: Address) -> tuple[str, ...]:
    """Return the lines that name a server, with its other address."""
    address = client.server.address if client.server is not None else None
    section = f"interface {client.tunnel.name}"
    lines = [
        line
        for words in (f"{family} nhrp nhs {address}", f"{family} nhrp map {address} ")
        for line in lines_of(client.facts, section, words)
    ]
    return (section, *(f"no {line}" for line in lines), *(line.replace(str(address), str(right)) for line in lines))


def _agreement(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check the password, and what the server says."""
    there, server, tunnel = client.there, client.server, client.tunnel
    if there is None or server is None:
        return
    reason = server.reason
    evidence = (f"{client.name} says: {reason}",) if reason else ()
    if there.authenticated != tunnel.authenticated:
        name, lacking = (client.hub, there) if tunnel.authenticated else (client.name, tunnel)
        what = f"only one of {client.name} and {client.hub} has an NHRP password: {name} has none"
        odd = _odd_password(scene, client, lacking is there)
        fix = (
            (f"interface {lacking.name}", "ip nhrp authentication PASSWORD")
            if odd == name
            else (f"interface {tunnel.name if odd == client.name else there.name}", "no ip nhrp authentication")
        )
        yield Finding(
            step=Step.REGISTRATION, cause=Cause.AUTHENTICATION, router=odd, what=what, evidence=evidence, fix=fix
        )
    elif not server.responding and says_password(reason):
        odd = _odd_password(scene, client, None)
        yield Finding(
            step=Step.REGISTRATION,
            cause=Cause.AUTHENTICATION,
            router=odd,
            what=f"{client.name} and {client.hub} have different NHRP passwords",
            evidence=(*evidence, *_refusals(client)),
            fix=(
                f"interface {there.name if odd == client.hub else tunnel.name}",
                "ip nhrp authentication PASSWORD",
            ),
        )
    elif server.refused and _is_double(scene, client):
        return  # whose address it is comes first, and is a finding of its own
    elif server.refused and refused_with(reason, CieCode.UNIQUE_ADDRESS_REGISTERED):
        yield _anothers(scene, client, reason) or _stale(scene, client, reason)
    elif server.refused:
        what = f"{client.hub} answers, and no registration comes of it: {reason}"
        yield Finding(step=Step.REGISTRATION, cause=Cause.REFUSED, router=client.name, what=what, evidence=evidence)
    elif server.responding:
        yield Fine(Step.REGISTRATION, f"{client.name} is registered with {client.hub}")


def _is_double(scene: Scene, client: Client) -> bool:
    """Return whether another router has the client's tunnel address."""
    return any(
        address in tunnel.addresses
        for name, facts in scene.alive()
        if name != client.name
        for tunnel in facts.tunnels
        for address in client.tunnel.addresses
    )


def _odd_password(scene: Scene, client: Client, hub_lacks: bool | None) -> str:
    """Return who is to change: the hub if no client of its own has its mind, else the client."""
    others = scene.fellows(client)
    if hub_lacks is None:
        fails = [one for one in others if not one.works]
        return client.hub if others and len(fails) == len(others) else client.name
    hub_odd = bool(others) and all(one.tunnel.authenticated == client.tunnel.authenticated for one in others)
    return client.hub if hub_odd else client.name


def says_password(reason: ReasonFacts) -> bool:
    """Return whether the passwords of NHRP differ, as far as one end hears."""
    if said := reason.find(NhrpReason.OBJECTION):
        return ErrorCode.AUTHENTICATION_FAILURE in said.fields
    return reason.find(NhrpReason.OTHER_PASSWORD) is not None


def refused_with(reason: ReasonFacts, *codes: CieCode) -> bool:
    """Return whether the registration was refused with one of these codes."""
    said = reason.find(NhrpReason.REFUSED)
    return said is not None and any(code in said.fields for code in codes)


def _refusals(client: Client) -> tuple[str, ...]:
    count = client.there.refusals.get(Refusal.AUTHENTICATION.value, 0) if client.there is not None else 0
    return (f"{client.hub}: {count} NHRP packets with a wrong password",) if count else ()


def _anothers(scene: Scene, client: Client, reason: ReasonFacts) -> Finding | None:
    """Return the finding that the tunnel address is the one that the server knows another router by, which is where it
    was.
    """
    entries = [one for one in (client.there.mappings if client.there is not None else ()) if one.kind == "dynamic"]
    seen = {scene.seen_as(one): one for one in scene.fellows(client)}
    theirs = next((one for one in entries if one.next_hop in client.tunnel.addresses and one.nbma in seen), None)
    if theirs is None:
        return None
    other = seen[theirs.nbma]
    own = interface_of(client.facts, client.tunnel.name)
    before = next((one.next_hop for one in entries if one.nbma == scene.seen_as(client)), None)
    mask = own.addresses[0].netmask if own is not None and own.addresses else "MASK"
    return Finding(
        step=Step.REGISTRATION,
        cause=Cause.ADDRESS_CONFLICT,
        router=client.name,
        what=f"{client.name} has the tunnel address {theirs.next_hop}, by which {client.hub} knows {other.name}",
        evidence=(f"{client.name} says: {reason}", f"{client.hub}: {theirs.next_hop} is at {theirs.nbma}, unique"),
        fix=(f"interface {client.tunnel.name}", f"ip address {before or 'ADDRESS'} {mask}"),
        order=f"at {client.hub}: clear ip nhrp",
        others=(other.name,),
    )


def _stale(scene: Scene, client: Client, reason: ReasonFacts) -> Finding:
    mine = client.tunnel.addresses
    entries = [
        f"{client.hub}: {mapping.next_hop} is at {mapping.nbma}, unique"
        for mapping in (client.there.mappings if client.there is not None else ())
        if mapping.next_hop in mine
    ]
    return Finding(
        step=Step.REGISTRATION,
        cause=Cause.STALE_UNIQUE,
        router=client.name,
        what=(
            f"{client.name} is at {scene.seen_as(client)} now, and {client.hub} still has it elsewhere: it was "
            "registered as unique"
        ),
        evidence=(f"{client.name} says: {reason}", *entries),
        fix=(f"interface {client.tunnel.name}", "ip nhrp registration no-unique"),
        order=f"at {client.hub}: clear ip nhrp {mine[0] if mine else ''}".rstrip(),
    )


def holding_times(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that a registration is renewed before it expires."""
    tunnel = client.tunnel
    least = tunnel.registration_interval + min(_ROOM, tunnel.registration_interval)
    if client.server is None or tunnel.holding_time > least:
        return
    section = f"interface {tunnel.name}"
    timeout = [f"no {line}" for line in lines_of(client.facts, section, "ip nhrp registration timeout")]
    yield Finding(
        step=Step.REGISTRATION,
        cause=Cause.HOLDING_TIME,
        router=client.name,
        what=(
            f"{client.name} registers for {tunnel.holding_time} seconds and asks again after "
            f"{tunnel.registration_interval:.0f}: the server forgets it each time"
        ),
        fix=(section, *timeout)
        if timeout
        else (section, f"ip nhrp holdtime {round(3 * tunnel.registration_interval)}"),
    )
