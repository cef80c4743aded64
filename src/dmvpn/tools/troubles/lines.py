"""Troubles that are generated: every line of a tunnel removed, copied from another router, or exchanged.

    removed      a line is gone
    copied       a line has the value that another router has there
    exchanged    two routers have each other's value

The cause that a diagnosis should name follows from the beginning of the line (`_CAUSES`); a diagnosis with another
cause is correct, too, if its lines repair the network.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.tools.troubles.model import Configure, Role, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.troubles.stage import Actor, Stage

#: The causes if a line with this beginning is missing or wrong, the usual cause first.
_CAUSES: Final[dict[str, tuple[Cause, ...]]] = {
    "ip nhrp network-id": (Cause.NETWORK_ID,),
    "ip nhrp authentication": (Cause.AUTHENTICATION,),
    "ip nhrp nhs": (Cause.NHS_MISSING, Cause.NHS_ADDRESS, Cause.NHS_NBMA, Cause.SPOKE_MULTICAST),
    "ip nhrp map multicast dynamic": (Cause.HUB_MULTICAST,),
    "ip nhrp map multicast": (Cause.SPOKE_MULTICAST,),
    "ip nhrp map": (Cause.NHS_NBMA, Cause.NHS_MISSING, Cause.WRONG_MAP),
    "ip nhrp redirect": (Cause.REDIRECT,),
    "ip nhrp shortcut": (Cause.SHORTCUT,),
    "ip nhrp holdtime": (Cause.HOLDING_TIME,),
    "ip address": (
        Cause.NO_ADDRESS,
        Cause.WRONG_MASK,
        Cause.ADDRESS_CONFLICT,
        Cause.NBMA_CONFLICT,
        Cause.LAN_OVERLAP,
        Cause.TUNNEL_MASK,
        Cause.TUNNEL_DOWN,
        Cause.HOST_GATEWAY,
        Cause.MISSING_ROUTE,
        Cause.NHS_ADDRESS,
    ),
    "ip mtu": (Cause.MTU, Cause.PATH_MTU, Cause.FRAGMENTS_BLOCKED),
    "ip tcp adjust-mss": (Cause.MSS,),
    "tunnel source": (Cause.WRONG_SOURCE, Cause.TUNNEL_DOWN),
    "tunnel destination": (Cause.WRONG_DESTINATION, Cause.TUNNEL_DOWN),
    "tunnel mode": (Cause.HUB_POINT_TO_POINT, Cause.SPOKE_POINT_TO_POINT, Cause.TUNNEL_DOWN, Cause.WRONG_DESTINATION),
    "tunnel key": (Cause.KEY,),
    "tunnel protection": (Cause.UNPROTECTED,),
    "ip route": (Cause.MISSING_ROUTE, Cause.WRONG_NEXT_HOP, Cause.NO_ROUTE_THERE, Cause.BLACK_HOLE),
    "network": (Cause.NETWORK_STATEMENT,),
    "no split-horizon": (Cause.SPLIT_HORIZON,),
    "no ip split-horizon": (Cause.SPLIT_HORIZON,),
    "no next-hop-self": (Cause.NEXT_HOP_SELF,),
    "no ip next-hop-self": (Cause.NEXT_HOP_SELF,),
    "version": (Cause.RIP_BLOCKED,),
    "no auto-summary": (Cause.ROUTE_FILTERED,),
    "no passive-interface": (Cause.PASSIVE_INTERFACE,),
    "neighbor": (Cause.BGP_NEIGHBOR, Cause.BGP_SYSTEM, Cause.NEXT_HOP_SELF, Cause.REFLECTION, Cause.ROUTE_FILTERED),
    "bgp listen range": (Cause.BGP_NEIGHBOR,),
    "ip ospf network": (Cause.OSPF_NETWORK_TYPE, Cause.OSPF_TERMS),
    "ip ospf hello-interval": (Cause.OSPF_TERMS,),
    "ip ospf dead-interval": (Cause.OSPF_TERMS,),
    "ip ospf authentication": (Cause.OSPF_AUTHENTICATION,),
    "ip ospf message-digest-key": (Cause.OSPF_AUTHENTICATION,),
    "ip ospf priority": (Cause.OSPF_NETWORK_TYPE,),
    "ip ospf cost": (),
    "ip ospf": (Cause.NETWORK_STATEMENT, Cause.OSPF_TERMS),
    "crypto isakmp key": (Cause.PSK_MISSING, Cause.PSK),
    "pre-shared-key": (Cause.PSK, Cause.PSK_MISSING),
    "address": (Cause.PSK_MISSING, Cause.PSK),
    "set transform-set": (Cause.TRANSFORM, Cause.PROFILE),
    "set ikev2-profile": (Cause.PROFILE, Cause.UNPROTECTED),
    "keyring local": (Cause.PSK_MISSING, Cause.PROFILE),
    "match identity": (Cause.IKE_IDENTITY,),
    "authentication": (Cause.PROFILE, Cause.PSK, Cause.IKE),
    "mode transport": (Cause.MODE,),
}
#: Lines whose value another router may have by mistake.
_VALUES: Final = (
    "ip address",
    "ip nhrp map",
    "ip nhrp nhs",
    "tunnel key",
    "tunnel source",
    "ip mtu",
    "ip route",
    "network",
    "ip ospf",
)
_COMPLAINT: Final = "Somebody worked at {spoke.name} last night. Since then something is not as it was, say users."


def removed(stage: Stage) -> Iterator[Trouble]:
    """Yield each line of the router that plays SPOKE, gone."""
    actor = stage.actor(Role.SPOKE)
    for path, line in _lines(actor):
        opposite = line.removeprefix("no ") if line.startswith("no ") else f"no {line}"
        yield _trouble("gone", f"A line of {actor.name} is gone: {line}", path, line, (opposite,))


def copied(stage: Stage) -> Iterator[Trouble]:
    """Yield lines of SPOKE with what the same line says at OTHER."""
    actor, other = stage.actor(Role.SPOKE), stage.actor(Role.OTHER)
    theirs = {(path, _beginning(line)): line for path, line in _lines(other)}
    for path, line in _lines(actor):
        value = theirs.get((path, _beginning(line)), line)
        if line.startswith(_VALUES) and value != line:
            lines = (value,) if line.startswith("ip address") else (f"no {line}", value)
            found = _trouble("copied", f"A line of {actor.name} is the one of {other.name}: {value}", path, line, lines)
            yield replace(found, parts=(Role.SPOKE, Role.OTHER))


def exchanged(stage: Stage) -> Iterator[Trouble]:
    """Yield the troubles in which two spokes have each other's values."""
    back = {one.id: one for one in copied(stage.cast(*(stage.parts[p] for p in (Role.HUB, Role.OTHER, Role.SPOKE))))}
    for one in copied(stage):
        there = back.get(one.id)
        if there is None:
            continue
        (forth,), (theirs,) = one.acts, there.acts
        if isinstance(forth, Configure) and isinstance(theirs, Configure):
            yield replace(
                one,
                id=one.id.replace("copied", "exchanged"),
                title=one.title.replace("is the one of", "was exchanged with the one of"),
                acts=(forth, Configure(Role.OTHER, theirs.lines)),
            )


def _trouble(kind: str, title: str, path: tuple[str, ...], line: str, lines: tuple[str, ...]) -> Trouble:
    return Trouble(
        id=f"line-{kind}/{'/'.join((*path, line if kind == 'gone' else _beginning(line))).replace(' ', '_')}",
        title=_bare(title),
        acts=(Configure(Role.SPOKE, tuple(map(_bare, (*path, *lines)))),),
        complaint=_COMPLAINT,
        hints=(
            "Compare its lines with those of the others of its kind.",
            f"`show running-config`: {_bare((*path, line)[0])}.",
        ),
        causes=_CAUSES[_beginning(line)],
    )


def _bare(text: str) -> str:
    """Return a template that gives this text when it is filled in."""
    return text.replace("{", "{{").replace("}", "}}")


def _beginning(line: str) -> str:
    """Return the keyword by which lines of two routers correspond; "" for a line without a known cause."""
    known = next((one for one in _CAUSES if line == one or line.startswith(f"{one} ")), "")
    return known if _CAUSES.get(known) else ""


def _lines(actor: Actor) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the lines of the sections that matter, each with the lines that lead to its section."""
    trail: list[str] = []
    tunnel, wan, lan = (f"interface {name}" for name in (actor.tunnel, actor.wan, actor.lan))
    for text in actor.lines.lines:
        depth = len(text) - len(text.lstrip())
        line = text.strip()
        del trail[depth:]
        matters = (trail[:1] or [line])[0].startswith((tunnel, wan, lan or "-", "router", "crypto", "ip route"))
        if (
            matters
            and _beginning(line)
            and (trail or line.startswith(("ip route", "crypto isakmp key")))
            and not _idle(actor, trail, line)
        ):
            yield tuple(trail), line
        trail.append(line)


def _idle(actor: Actor, trail: list[str], line: str) -> bool:
    """Return whether it is a network statement that takes in no interface of the router, so that nothing hangs on
    it.
    """
    own = [it.ip for it in (actor.tunnel_interface, actor.wan_interface, actor.lan_interface) if it is not None]
    by_eigrp = bool(trail) and trail[0].startswith("router eigrp") and line.startswith("network ")
    return by_eigrp and not any(line in actor.networks(it) for it in own)
