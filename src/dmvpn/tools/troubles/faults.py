"""Faults: a trouble at a place. `lab break` draws from them, and the doctor is judged by them.

A trouble describes a change to "a spoke"; a place says which router that spoke is, and which are its hub and the other
spoke. `faults(stage)` are all faults of a network, in an order that depends on the network alone.

Further troubles are generated: every line of a tunnel removed, copied from another router, or exchanged.

    removed      a line is gone
    copied       a line has the value that another router has there
    exchanged    two routers have each other's value

The cause that a diagnosis should name follows from the beginning of the line (`_CAUSES`); a diagnosis with another
cause is correct, too, if its lines repair the network.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import Entropy, below
from dmvpn.base.errors import UserError
from dmvpn.base.findings import Cause
from dmvpn.base.values import Value
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.troubles import model
from dmvpn.tools.troubles.model import Configure, Role, Trouble
from dmvpn.tools.troubles.orders import Impair, Order, orders_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.tools.troubles.stage import Actor, Stage


# ------------------------------------------------------------------------------------------------ changes of any line


#: The causes if a line with this beginning is missing or wrong, the usual cause first. Lines of IPv6 are those of IPv4.
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
    "ip eigrp": (Cause.NETWORK_STATEMENT,),
    "ip unicast-routing": (Cause.NO_ROUTE_THERE,),
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
_COMPLAINT: Final = "A technician worked at {spoke.name} last night. Since then something is not as it was, say users."


def removed(stage: Stage) -> Iterator[Trouble]:
    """Yield each line of the router that plays SPOKE, gone."""
    actor = stage.actor(Role.SPOKE)
    for path, line in _lines(actor):
        opposite = line.removeprefix("no ") if line.startswith("no ") else f"no {line}"
        yield _of_line("gone", f"A line of {actor.name} is gone: {line}", path, line, (opposite,))


def copied(stage: Stage) -> Iterator[Trouble]:
    """Yield lines of SPOKE with what the same line says at OTHER."""
    actor, other = stage.actor(Role.SPOKE), stage.actor(Role.OTHER)
    theirs = {(path, _beginning(line)): line for path, line in _lines(other)}
    for path, line in _lines(actor):
        value = theirs.get((path, _beginning(line)), line)
        if line.startswith(_VALUES) and value != line:
            lines = (value,) if line.startswith("ip address") else (f"no {line}", value)
            found = _of_line("copied", f"A line of {actor.name} is the one of {other.name}: {value}", path, line, lines)
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


def _of_line(kind: str, title: str, path: tuple[str, ...], line: str, lines: tuple[str, ...]) -> Trouble:
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
    line = line.replace("ipv6 ", "ip ", 1) if line.startswith(("ipv6 ", "no ipv6 ")) else line
    known = next((one for one in _CAUSES if line == one or line.startswith(f"{one} ")), "")
    return known if _CAUSES.get(known) else ""


#: Lines outside of sections that matter.
_GLOBAL: Final = ("ip route", "crypto isakmp key", "ipv6 route", "ipv6 unicast-routing")


def _lines(actor: Actor) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the lines of the sections that matter, each with the lines that lead to its section."""
    trail: list[str] = []
    tunnel, wan, lan = (f"interface {name}" for name in (actor.tunnel, actor.wan, actor.lan))
    for text in actor.lines.lines:
        depth = len(text) - len(text.lstrip())
        line = text.strip()
        del trail[depth:]
        matters = (trail[:1] or [line])[0].startswith((tunnel, wan, lan or "-", "router", "crypto", *_GLOBAL, "ipv6 "))
        if matters and _beginning(line) and (trail or line.startswith(_GLOBAL)) and not _idle(actor, trail, line):
            yield tuple(trail), line
        trail.append(line)


def _idle(actor: Actor, trail: list[str], line: str) -> bool:
    """Return whether it is a network statement that takes in no interface of the router, so that nothing hangs on
    it.
    """
    own = [it.ip for it in (actor.tunnel_interface, actor.wan_interface, actor.lan_interface) if it is not None]
    by_eigrp = bool(trail) and trail[0].startswith("router eigrp") and line.startswith("network ")
    return by_eigrp and not any(line in actor.networks(it) for it in own)


# ------------------------------------------------------------------------------------------------ a trouble at a place


#: Of a draw: how often what fits nowhere is drawn again, and how many troubles the lines of routers count for.
_TRIES, _LINES = 400, 30
#: The roles that a place gives to routers.
_PLACED: Final = (Role.SPOKE, Role.OTHER, Role.HUB)


class Fault(Value):
    """trouble; stage: the routers that take part; orders: the changes to make."""

    trouble: Trouble
    stage: Stage
    orders: tuple[Order, ...]

    @property
    def id(self) -> str:
        """The trouble and its place: "psk@R31,R41,R11"."""
        return f"{self.trouble.id}@{self.place}"

    @property
    def place(self) -> str:
        """The routers that take part: "R31,R41,R11"."""
        return place_name(self.stage)

    def is_named(self, cause: Cause, router: str) -> bool:
        """Return whether a finding names one of the causes of the class, at one of its places."""
        places = [self.stage.parts[part] for part in self.trouble.parts if part in self.stage.parts]
        return cause in self.trouble.causes and router in (*places, *self._on_the_wire)

    @property
    def _on_the_wire(self) -> Iterator[str]:
        """Yield the routers on a bad wire with more than two ends: any of them may be named for it."""
        for order in self.orders:
            if isinstance(order, Impair):
                others = self.stage.wires.get(Scenario.end(order.link), ())
                if len(others) > 1:
                    yield from (name for name, _ in others if self.stage.scenario.role(name) != "provider")


def place_name(stage: Stage) -> str:
    """Return the spoke, the other one and the hub, and IPv6 where it is that."""
    version = ("IPv6",) if stage.actor(Role.HUB).version == 6 else ()
    return ",".join((*(stage.parts[part] for part in _PLACED), *version))


def places(stage: Stage) -> Iterator[Stage]:
    """Yield places: each spoke with each other spoke and hub, then each hub in the role of the spoke; of each version
    of IP.
    """
    for family in stage.families():
        for spoke in stage.spokes:
            for other in _others(stage.spokes, spoke):
                for hub in stage.hubs:
                    yield family.cast(hub, spoke, other)
        for hub in stage.hubs:
            for spoke in stage.spokes[:1]:
                yield family.cast(spoke, hub, _others(stage.spokes, spoke)[0])


def _others(names: Sequence[str], name: str) -> tuple[str, ...]:
    return tuple(one for one in names if one != name) or (name,)


def fault(trouble: Trouble, stage: Stage) -> Fault | None:
    """Return the trouble at this place, or None: it does not fit, or says "the hub" where a hub plays the spoke."""
    if stage.parts[Role.SPOKE] in stage.hubs and not _is_of_one(trouble):
        return None
    try:
        return Fault(trouble, stage, orders_for(trouble, stage))
    except UserError:
        return None


def _is_of_one(trouble: Trouble) -> bool:
    """Return whether the trouble concerns a single router: its acts name no other role."""
    texts = [text for act in trouble.acts for text in model.texts(act)]
    if any(isinstance(act, model.Renumber) for act in trouble.acts):
        return False  # all clients of a hub would have to hear of it
    if any(isinstance(act, model.Differ) and act.table.names_peer for act in trouble.acts):
        return False
    alone = all(act.part is Role.SPOKE for act in trouble.acts if not isinstance(act, model.Command))
    return alone and not any("{hub." in text or "{other." in text for text in texts)


def faults(troubles: Sequence[Trouble], stage: Stage) -> Iterator[Fault]:
    """Yield each of these at each place that it fits. Two places where the same would be done are one."""
    done: dict[tuple[Order, ...], None] = {}
    for place in places(stage):
        for known in troubles:
            found = fault(known, place)
            if found is not None and found.orders not in done:
                done[found.orders] = None
                yield found


def draw(troubles: Sequence[Trouble], stage: Stage, entropy: Entropy) -> Fault:
    """Return one of these anywhere, or what may happen to any line. Raises UserError where nothing fits."""
    standing = tuple(places(stage))
    for _ in range(_TRIES):
        place = standing[below(entropy, len(standing))]
        number = below(entropy, len(troubles) + _LINES)
        if number < len(troubles):
            found = fault(troubles[number], place)
        else:
            kind = (removed, copied, exchanged)[below(entropy, 3)]
            some = list(kind(place))
            found = fault(some[below(entropy, len(some))], place) if some else None
        if found is not None:
            return found
    raise UserError(f"nothing of this can go wrong in {stage.scenario.name}")


def draw_story(troubles: Sequence[Trouble], stage: Stage, entropy: Entropy) -> Fault:
    """Return a fault at a spoke that users notice, for a learner to find.

    Raises UserError.
    """
    standing = [place for place in places(stage) if place.parts[Role.SPOKE] in stage.spokes]
    stories = [known for known in troubles if known.noticed]
    for _ in range(_TRIES):
        found = fault(stories[below(entropy, len(stories))], standing[below(entropy, len(standing))])
        if found is not None:
            return found
    raise UserError(f"nothing of the catalog fits {stage.scenario.name}")
