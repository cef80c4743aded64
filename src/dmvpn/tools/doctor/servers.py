"""Checks of who is to register with whom: a client of a cloud has the servers that all others of its kind have."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor.fair import MOST_LINES
from dmvpn.tools.doctor.scene import interface_of, lines_of
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address, Network
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Scene
    from dmvpn.tools.doctor.verdicts import Verdict

#: From so many members on, a share of them says what is usual.
_MANY, _NEARLY = 5, 0.8
#: Who has as few servers is not one of those that have several for when one is dead.
_SEVERAL = 2


@dataclass(frozen=True, slots=True)
class _Member:
    """A router of a cloud that is nobody's server. servers: their tunnel addresses."""

    name: str
    facts: RouterFacts
    tunnel: TunnelFacts
    servers: frozenset[Address]


def missing(scene: Scene) -> Iterator[Verdict]:
    """Find a server that all others of a cloud have, or that it has the maps of, and one of them does not register
    with.
    """
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
                found = _finding(scene, member, better, sorted(better.servers - own, key=str), "as others do")
                yield replace(found, decide=f"is {member.name} meant to have fewer servers than {better.name}?")


def _mapped(scene: Scene, serving: set[tuple[str, str]], member: _Member) -> dict[Address, Address]:
    """Return the servers of others that a member sends to by hand, multicast, too, as one does to a server."""
    section = f"interface {member.tunnel.name}"
    found: dict[Address, Address] = {}
    for one in member.tunnel.mappings:
        owner = scene.tunnel_owner(one.next_hop) if one.kind == "static" and one.nbma is not None else None
        if owner is None or one.nbma is None or owner[1].source != one.nbma or (owner[0], owner[1].name) not in serving:
            continue
        if any(line.endswith(f"nhrp map multicast {one.nbma}") for line in lines_of(member.facts, section)):
            found[one.next_hop] = one.nbma
    return found


def _better(member: _Member, others: list[_Member]) -> _Member | None:
    """Return one of those that have all of its servers, and one more, if that is half of the others at least."""
    if len(member.servers) < _SEVERAL:
        return None
    found = [one for one in others if member.servers < one.servers]
    return found[0] if len(found) * 2 >= len(others) else None


def _usual(scene: Scene, members: list[_Member]) -> frozenset[Address]:
    """Return the servers that all of these have, or of many nearly all. What one says alone may be its mistake."""
    if len(members) == 1:
        (one,) = members
        answers = frozenset(it.address for it in one.tunnel.servers if it.address is not None and it.responding)
        return frozenset(it for it in one.servers if it in answers or scene.tunnel_owner(it) is not None)
    counted = Counter(server for one in members for server in one.servers)
    needed = len(members) if len(members) < _MANY else len(members) * _NEARLY
    found = frozenset(server for server, count in counted.items() if count >= needed)
    return found if any(found <= one.servers for one in members) else frozenset()


def _clouds(scene: Scene) -> dict[tuple[Network, bool], list[_Member]]:
    """Return by the network of the tunnels: those that are nobody's servers, point-to-point ones apart."""
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
    """Return the finding that it knows where a server is, and does not register there: the server answers none of what
    it hears of it.
    """
    names = [owner[0] if (owner := scene.tunnel_owner(one)) is not None else str(one) for one in mapped]
    return Finding(
        step=Step.REGISTRATION,
        cause=Cause.NHS_MISSING,
        router=member.name,
        what=(
            f"{member.tunnel.name} of {member.name} has maps of {' and '.join(names)}, and does not register there,"
            " as others do"
        ),
        evidence=tuple(f"{member.name}: ip nhrp map {address} {nbma}" for address, nbma in mapped.items()),
        fix=(f"interface {member.tunnel.name}", *(f"ip nhrp nhs {address}" for address in mapped)),
        stops=False,
    )


def _finding(
    scene: Scene, member: _Member, example: _Member, lacking: list[Address], who: str = "as all others do"
) -> Finding:
    section, theirs = f"interface {member.tunnel.name}", f"interface {example.tunnel.name}"
    lines: list[str] = []
    short: list[str] = []
    for address in lacking:
        nbma = next((one.nbma for one in example.tunnel.servers if one.address == address), None)
        short.append(f"ip nhrp nhs {address} nbma {nbma} multicast")
        for line in lines_of(example.facts, theirs):
            named = line.startswith((f"ip nhrp nhs {address}", f"ip nhrp map {address} "))
            if named or line == f"ip nhrp map multicast {nbma}":
                lines.append(line)
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
        fix=(section, *lines),
        stops=not member.servers,
    )
