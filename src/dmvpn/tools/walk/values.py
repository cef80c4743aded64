"""The parts of a walk: its steps, the packet on each wire, the end, and the MTU of the path."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.facts import Address


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An ICMP error. mtu: of the next hop, where the packet was too big (RFC 1191 §4)."""

    by: str
    to: Address
    what: str
    mtu: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkEnd:
    """How a walk ended, where and why. ttl: of the packet on arrival. refusal: the ICMP error, None: no error is sent.

    later_mtu: a router on the way refused the encapsulated packet; from then on the encapsulating router accepts only
    so many octets.
    listed: an access list denies the packet.
    apart: the VRF that has a route, on a router where the VRF of the packet has none; "": there is none.
    """

    outcome: WalkOutcome
    where: str
    why: str = ""
    ttl: int | None = None
    refusal: Refusal | None = None
    later_mtu: int | None = None
    source: Address | None = None
    listed: bool = False
    apart: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clamp:
    """An interface that lowers the TCP maximum segment size (`ip tcp adjust-mss`)."""

    where: str
    interface: str
    mss: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkedPath:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """The paths of a packet and its answer, and their sizes. back: None if the far end is not in view or not reached.

    differs: how the two directions differ, "" if they do not.
    """

    forth: WalkedPath
    budget: Budget
    back: WalkedPath | None = None
    back_budget: Budget | None = None
    differs: str = ""
