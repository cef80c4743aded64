"""Checks of the choice of servers: a client of a cloud has the servers that all similar clients have."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.base.values import dataclass
from dmvpn.features.nhrp.config import lines as nhrp_lines
from dmvpn.ios import INTERFACE
from dmvpn.tools.doctor.nhrp_configuration import map_statements, multicast_lines, server_statements, texts_of
from dmvpn.tools.doctor.permitted_lines import MOST_LINES
from dmvpn.tools.doctor.scene import interface_of
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address, Network
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Scene
    from dmvpn.tools.doctor.verdicts import Verdict

#: With at least this many members, a share of them shows the usual choice.
_MANY, _NEARLY = 5, 0.8
#: Fewer servers than this are no redundancy to compare with.
_SEVERAL = 2


@dataclass(frozen=True, slots=True)
class _Member:
    """A router of a cloud that is no server. servers: their tunnel addresses."""

    name: str
    facts: RouterFacts
    tunnel: TunnelFacts
    servers: frozenset[Address]


def missing_servers(scene: Scene) -> Iterator[Verdict]:
    """Find a member that does not register with a server that all other members have, or that it has maps of."""
    serving = scene.servers()
    for members in _clouds(scene).values():
        for member in members:
            others = [one for one in members if one is not member]
            own = member.servers | frozenset(member.tunnel.addresses)
            lacking = _usual(scene, others) - own if others else frozenset()
            mapped = {it: nbma for it, nbma in _mapped(scene, serving, member).items() if it not in own | lacking}
            if lacking:
                example = next(one for one in others if lacking <= one.servers)
                yield _finding(scene, member, example, sorted(lacking, key=str))
            elif mapped and member.servers:
                yield _without_line(scene, member, mapped)
            elif others and (better := _better(member, others)) is not None:
                found = _finding(scene, member, better, sorted(better.servers - own, key=str), "as other routers do")
                yield replace(found, decide=f"is {member.name} meant to have fewer servers than {better.name}?")


def _mapped(scene: Scene, serving: set[tuple[str, str]], member: _Member) -> dict[Address, Address]:
    """Return servers of other members that a member has static maps of, with multicast, like those of its own
    servers.
    """
    found: dict[Address, Address] = {}
    for one in member.tunnel.mappings:
        owner = scene.tunnel_owner(one.next_hop) if one.kind == "static" and one.nbma is not None else None
        if owner is None or one.nbma is None or owner[1].source != one.nbma or (owner[0], owner[1].name) not in serving:
            continue
        if multicast_lines(member.facts, member.tunnel.name, one.nbma, 4, 6):
            found[one.next_hop] = one.nbma
    return found


def _better(member: _Member, others: list[_Member]) -> _Member | None:
    """Return a member with all of its servers and one more, if at least half of the other members are like that."""
    if len(member.servers) < _SEVERAL:
        return None
    found = [one for one in others if member.servers < one.servers]
    return found[0] if len(found) * 2 >= len(others) else None


def _usual(scene: Scene, members: list[_Member]) -> frozenset[Address]:
    """Return the servers that all members have, or of many nearly all.

    A server of a single member may be its mistake.
    """
    if len(members) == 1:
        (one,) = members
        answers = frozenset(it.address for it in one.tunnel.servers if it.address is not None and it.responding)
        return frozenset(it for it in one.servers if it in answers or scene.tunnel_owner(it) is not None)
    counted = Counter(server for one in members for server in one.servers)
    needed = len(members) if len(members) < _MANY else len(members) * _NEARLY
    found = frozenset(server for server, count in counted.items() if count >= needed)
    return found if any(found <= one.servers for one in members) else frozenset()


def _clouds(scene: Scene) -> dict[tuple[Network, bool], list[_Member]]:
    """Return the members by network: routers that are no servers, point-to-point tunnels apart."""
    serving = scene.servers()
    found: dict[tuple[Network, bool], list[_Member]] = {}
    for name, facts in scene.alive():
        for tunnel in facts.tunnels:
            port = interface_of(facts, tunnel.name)
            if port is None or not tunnel.nhrp or tunnel.multicast_dynamic or (name, tunnel.name) in serving:
                continue
            has = frozenset(one.address for one in tunnel.servers if one.address is not None)
            for own in port.addresses[:1]:
                member = _Member(name, facts, tunnel, has)
                found.setdefault((own.network, tunnel.multipoint), []).append(member)
    return found


def _without_line(scene: Scene, member: _Member, mapped: dict[Address, Address]) -> Finding:
    """Return the finding that a member has maps of a server but does not register: the server ignores its packets."""
    names = [owner[0] if (owner := scene.tunnel_owner(one)) is not None else str(one) for one in mapped]
    return Finding(
        step=Step.REGISTRATION,
        cause=Cause.NHS_MISSING,
        router=member.name,
        what=(
            f"{member.tunnel.name} of {member.name} has maps of {' and '.join(names)}, and does not register there,"
            " as other routers do"
        ),
        evidence=tuple(f"{member.name}: ip nhrp map {address} {nbma}" for address, nbma in mapped.items()),
        fix=(INTERFACE.of(name=member.tunnel.name), *(nhrp_lines.server(address) for address in mapped)),
        stops=False,
    )


def _finding(
    scene: Scene, member: _Member, example: _Member, lacking: list[Address], who: str = "as all other routers do"
) -> Finding:
    lines: list[str] = []
    theirs = (example.facts, example.tunnel.name)
    short: list[str] = []
    for address in lacking:
        nbma = next((one.nbma for one in example.tunnel.servers if one.address == address), None)
        short.append(nhrp_lines.server(address, nbma))
        if address.version == 4:
            multicast = multicast_lines(*theirs, nbma, 4)
            nhs, maps = server_statements(*theirs, address), map_statements(*theirs, address)
            servers = texts_of(one for one in nhs if one not in maps)
            lines += [*texts_of(maps), *multicast, *servers]
    if len(lines) > MOST_LINES:
        lines = short
    names = [owner[0] if (owner := scene.tunnel_owner(one)) is not None else str(one) for one in lacking]
    what = f"{member.tunnel.name} of {member.name} does not register with {' and '.join(names)}, {who}"
    has = ", ".join(sorted(map(str, member.servers))) or "nobody"
    return Finding(
        step=Step.REGISTRATION,
        cause=Cause.NHS_MISSING,
        router=member.name,
        what=what,
        evidence=(f"{member.name} registers with {has}", f"{example.name}: {' / '.join(lines)}"),
        fix=(INTERFACE.of(name=member.tunnel.name), *lines),
        stops=not member.servers,
    )
