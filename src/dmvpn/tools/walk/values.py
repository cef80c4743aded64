"""The parts of a walk: its steps, the packet on each wire, the end, and the MTU of the path; and what they are called.

As text a walk has 100 columns, one decision a line, and octets at the right; as JSON it has the same parts.
"""

from __future__ import annotations

import enum
import json
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Final, NamedTuple

from dmvpn.base.effects import NextHop, TunnelSpec
from dmvpn.base.facts import Address
from dmvpn.base.translation import TCP
from dmvpn.base.values import Value
from dmvpn.features.ipsec.facts import SaFacts
from dmvpn.features.nhrp.facts import MappingFacts
from dmvpn.features.rib.facts import HopFacts, OfferFacts, RouteFacts
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.tools.walk.view import Match

# ------------------------------------------------------------------------------------------------ values


class Act(enum.Enum):
    """The kinds of steps. The values are for programs that read the JSON form."""

    SEND = "send"
    ARRIVE = "arrive"
    FILTER = "filter"
    ROUTE = "route"
    OVERRIDE = "override"
    CHOOSE = "choose"
    CUT = "cut"
    NEIGHBOR = "neighbor"
    GRE = "gre"
    ESP = "esp"
    UDP = "udp"
    OUTER = "outer"
    PORT = "port"
    TRANSLATE = "translate"
    OPEN = "open"
    REDIRECT = "redirect"
    DELIVER = "deliver"
    END = "end"


class WalkOutcome(enum.Enum):
    """How a walk ends. UNSEEN: the packet leaves the part of the network that is in view."""

    DELIVERED = "delivered"
    DROPPED = "dropped"
    LOOP = "loop"
    UNSEEN = "out of view"


#: A port of a router, and whether packets come in.
Place = tuple[str, str, bool]


class Passage(NamedTuple):
    """A port whose lists are asked about a packet. outer: it is a tunnel's packet, around another one."""

    place: Place
    source: Address
    destination: Address
    outer: bool


class Question(Value, kw_only=True):
    """A packet, and where it starts: a host, a router that sends it, or (`passes`) a router that forwards it.

    size: octets of the whole IP packet. df: the DF bit. receiver: the host that is meant, where several hosts in
    different VRFs have the destination's address; "": whichever it reaches.
    protocol: TCP or UDP, with ports; 0: an echo. answers: it is an answer, so it has TCP's ACK, or is an echo reply.
    """

    source: Address
    destination: Address
    start: str
    passes: bool = False
    size: int = 100
    df: bool = False
    receiver: str = ""
    protocol: int = 0
    ports: tuple[int, int] = (0, 0)
    answers: bool = False


class Step(Value, kw_only=True):
    """One decision. depth: 0 for the packet itself, 1 for the tunnel packet around it. octets: the present length, of
    the largest fragment if it is fragmented. left: octets up to the MTU of the outgoing interface. clause: of a
    standard, or "".
    """

    where: str
    act: Act
    what: str
    because: str = ""
    depth: int = 0
    octets: int | None = None
    left: int | None = None
    clause: str = ""


class Crossing(Value, kw_only=True):
    """The packet on a wire, as a capture there shows it. protocol: "IP", "GRE", "ESP" or "UDP 4500".

    octets: the length of each IP fragment.
    """

    link: str
    sender: str
    receiver: str
    source: Address
    destination: Address
    protocol: str
    octets: tuple[int, ...]


class Refusal(Value, kw_only=True):
    """An ICMP error. mtu: of the next hop, where the packet was too big (RFC 1191 §4)."""

    by: str
    to: Address
    what: str
    mtu: int | None = None


class WalkEnd(Value, kw_only=True):
    """How a walk ended, where and why. ttl: of the packet on arrival. refusal: the ICMP error, None: no error is sent.

    later_mtu: a router on the way refused the encapsulated packet; from then on the encapsulating router accepts only
    so many octets.
    listed: an access list denies the packet.
    apart: the VRF that has a route, on a router where the VRF of the packet has none; "": there is none.
    source, destination, port: of the delivered packet; NAT may have changed them. port: of the destination, or 0.
    """

    outcome: WalkOutcome
    where: str
    why: str = ""
    ttl: int | None = None
    refusal: Refusal | None = None
    later_mtu: int | None = None
    source: Address | None = None
    destination: Address | None = None
    port: int = 0
    listed: bool = False
    apart: str = ""


class Clamp(Value, kw_only=True):
    """An interface that lowers the TCP maximum segment size (`ip tcp adjust-mss`)."""

    where: str
    interface: str
    mss: int


class WalkedPath(Value, kw_only=True):
    """One direction. clamps: the places on the way that clamp TCP."""

    question: Question
    steps: tuple[Step, ...]
    crossings: tuple[Crossing, ...]
    end: WalkEnd
    clamps: tuple[Clamp, ...] = ()

    @property
    def nodes(self) -> tuple[str, ...]:
        """All nodes that handled the packet, in order."""
        found = [self.question.start, *(crossing.receiver for crossing in self.crossings)]
        return tuple(name for place, name in enumerate(found) if place == 0 or found[place - 1] != name)


class Budget(Value, kw_only=True):
    """The packet sizes that a path carries, octets of the whole IP packet.

    whole: the largest packet that is not fragmented; limit: the node that would fragment a larger one. with_df: the
    largest packet with DF that arrives; refusal: the ICMP error for a larger one (None: it is dropped silently, or
    exceeds the sender's own MTU); later_mtu as in `WalkEnd`. mss: the TCP maximum segment size of a connection;
    clamps: the interfaces that lower it.
    """

    whole: int | None
    limit: str = ""
    with_df: int | None = None
    refusal: Refusal | None = None
    later_mtu: int | None = None
    mss: int | None = None
    clamps: tuple[Clamp, ...] = ()


class Walk(Value, kw_only=True):
    """The paths of a packet and its answer, and their sizes. back: None if the far end is not in view or not reached.

    differs: how the two directions differ, "" if they do not.
    """

    forth: WalkedPath
    budget: Budget
    back: WalkedPath | None = None
    back_budget: Budget | None = None
    differs: str = ""


# ------------------------------------------------------------------------------------------------ words


#: Of the routes that a longest match is longer than, so many are named.
_NAMED = 2
#: Protocols of which there may be several.
_NUMBERED = ("eigrp", "ospf", "bgp")


def route(found: RouteFacts) -> str:
    """Return "route 10.4.4.0/24: eigrp 100 [90/27904] via 192.168.100.11, Tunnel100"."""
    ways = " and ".join(hop(it) for it in found.next_hops) or ("Null0" if found.drops else "")
    if found.source in ("connected", "local"):
        return f"route {found.prefix}: {found.source}, {ways}"
    imported = f", imported from VRF {found.imported}" if found.imported else ""
    return f"route {found.prefix}: {_known_via(found)} {ways}{imported}"


def _known_via(offer: RouteFacts | OfferFacts) -> str:
    # Only routing protocols have processes that people know: an autonomous system, a process number.
    process = f" {offer.process}" if offer.source in _NUMBERED else ""
    return f"{offer.source}{process} [{offer.distance}/{offer.metric}]"


def why_this_route(match: Match) -> str:
    """Return the alternatives that the route beats: other routes to its prefix, and shorter prefixes."""
    beaten = [_known_via(offer) for offer in match.route.beaten if offer.usable]
    beaten += [str(other.prefix) for other in match.others[:_NAMED]]
    beaten += ["..."] if len(match.others) > _NAMED else []
    unusable = [f"{_known_via(offer)} cannot be used now" for offer in match.route.beaten if not offer.usable]
    return "; ".join([*([f"beats {', '.join(beaten)}"] if beaten else []), *unusable])


def hop(found: HopFacts | NextHop) -> str:
    """Return "via 192.168.100.11, Tunnel100", or the interface alone."""
    if not found.interface and found.vrf:
        return f"by the table of VRF {found.vrf}"
    return found.interface if found.address is None else f"via {found.address}, {found.interface}"


def mapping(entry: MappingFacts) -> str:
    """Return "dynamic, router nhop", and why it is as it is. Whether it is in use changes with every packet."""
    parts = [entry.kind]
    flags = " ".join(flag for flag in entry.flags if flag != "used")
    if flags:
        parts.append(flags)
    if entry.reason:
        parts.append(str(entry.reason))
    return ", ".join(parts)


def sizes(pieces: tuple[int, ...]) -> str:
    """Return "2 x 1500 + 68"."""
    counted = [(octets, len(list(same))) for octets, same in groupby(pieces)]
    return " + ".join(str(octets) if count == 1 else f"{count} x {octets}" for octets, count in counted)


def transform(sa: SaFacts) -> str:
    """Return "aes-gcm 256, transport mode"."""
    return f"{sa.transform}, {'transport' if sa.transport else 'tunnel'} mode"


def key(number: int | None) -> str:
    """Return "key 100", "no key"."""
    return "no key" if number is None else f"key {number}"


def protocol(number: int) -> str:
    """Return "GRE", "ESP"."""
    names = {int(one): one.name for one in IpProtocol}
    return names.get(number, str(number))


def header(found: TunnelSpec) -> str:
    """Return the optional fields of a GRE header: "key 100", "no key, checksum, sequence number"."""
    more = (("checksum", found.checksum), ("sequence number", found.sequence))
    return ", ".join((key(found.key), *(name for name, is_there in more if is_there)))


def refusal(said: Refusal) -> str:
    """Return "R31 sends 10.3.3.100: fragmentation needed, next-hop MTU 1400"."""
    mtu = "" if said.mtu is None else f", next-hop MTU {said.mtu}"
    return f"{said.by} sends {said.to}: {said.what}{mtu}"


# ------------------------------------------------------------------------------------------------ text and JSON


#: Columns: of the whole, and of each of the two numbers.
WIDTH: Final = 100
_NUMBER: Final = 7
#: Steps whose clause is said to people, too.
_EXPLAINED: Final = (Act.CUT, Act.END)
_VERDICTS: Final = {
    WalkOutcome.DELIVERED: "delivered",
    WalkOutcome.DROPPED: "DROPPED",
    WalkOutcome.LOOP: "A LOOP",
    WalkOutcome.UNSEEN: "out of view",
}


def as_json(walk: Walk) -> str:
    """Return the walk for programs: the fields are those of `Walk`."""
    return json.dumps(asdict(walk), default=_plain, indent=2)


def _plain(value: object) -> object:
    return value.value if isinstance(value, enum.Enum) else str(value)


def as_text(walk: Walk) -> Iterator[str]:
    """Yield the walk for people."""
    yield from _path(walk.forth)
    yield from _budget(walk.budget)
    if walk.back is not None and walk.back_budget is not None:
        yield ""
        yield from _path(walk.back)
        yield from _budget(walk.back_budget)
    if walk.back is not None:
        yield ""
        if walk.differs:
            yield from _said("", f"the two directions differ: {walk.differs}")
        else:
            unseen = WalkOutcome.UNSEEN in (walk.forth.end.outcome, walk.back.end.outcome)
            yield "both directions take the same way" + (", as far as it can be seen" if unseen else "")


def _path(path: WalkedPath) -> Iterator[str]:
    asked, end = path.question, path.end
    kind = "must not be cut (DF)" if asked.df else "may be cut"
    service = ""  # of an echo
    if asked.protocol:
        port = f"from port {asked.ports[0]}" if asked.answers else f"to port {asked.ports[1]}"
        service = f"{'TCP' if asked.protocol == TCP else 'UDP'} {port}, "
    head = f"{asked.source} -> {asked.destination}, {service}{asked.size} octets, {kind}"
    yield f"{head:<{WIDTH - 2 * _NUMBER}}{'octets':>{_NUMBER}}{'left':>{_NUMBER}}"
    width = max((len(step.where) for step in path.steps), default=0)
    before: Step | None = None
    for step in path.steps:
        # A step: names and octets are said where they are other ones than a line above; clauses where something goes
        # wrong
        where = "" if before is not None and step.where == before.where else step.where
        indent = f"{'':<{width}}  " + "  " * step.depth
        label = f"{where:<{width}}  " + "  " * step.depth
        because = "; ".join(part for part in (step.because, step.clause if step.act in _EXPLAINED else "") if part)
        text = f"{step.what} ({because})" if because else step.what
        changed = step.left is not None or before is None or before.octets != step.octets
        octets = "" if step.octets is None or not changed else str(step.octets)
        left = "" if step.left is None else str(step.left)
        room = WIDTH - 2 * _NUMBER - 1 if octets else WIDTH
        first, *rest = textwrap.wrap(text, room, initial_indent=label, subsequent_indent=indent + "  ")
        yield f"{first:<{WIDTH - 2 * _NUMBER}}{octets:>{_NUMBER}}{left:>{_NUMBER}}".rstrip()
        yield from rest
        before = step
    yield from _said("", f"{_VERDICTS[end.outcome]} at {end.where}" + (f": {end.why}" if end.why else ""))


def _budget(found: Budget) -> Iterator[str]:
    if found.whole is None:
        return
    text = f"in one piece: up to {found.whole} octets"
    yield from _said("  ", text + (f"; one more is too many for {found.limit}" if found.limit else ""))
    if found.with_df is not None:
        text = f"with DF: up to {found.with_df}"
        if found.refusal is not None:
            text += f"; of larger ones {refusal(found.refusal)}"
        if found.later_mtu is not None:
            text += f"; after the first, the tunnel's router reports {found.later_mtu} itself"
        yield from _said("  ", text)
    if found.mss is not None:
        places = ", ".join(f"{clamp.interface} of {clamp.where}" for clamp in found.clamps)
        because = f", because of {places}" if places else "; no router clamps them"
        yield from _said("  ", f"TCP: segments of {found.mss}{because}")


def _said(indent: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")
