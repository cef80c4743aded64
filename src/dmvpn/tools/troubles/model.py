"""A trouble: one fault of a network, with everything that a teacher or a test needs to know about it.

Its acts are orders as values, filled in from the `Stage`. Texts are templates. `{tunnel}`, `{wan}`, `{lan}`, `{nbma}`
and the like are properties of the actor whose router it is (`stage.Actor`); properties of another actor have a prefix:
`{hub.nbma}`, `{other.tunnel_address}`. Configuration lines are rendered from the features' own lines, with a `word` in
the place of a value.

    Configure      type these lines in configuration mode
    Edit           remove lines of one section, by their beginning, and add new ones
    Differ         give an end another value of a term than its peers have
    Eigrp          lines for the EIGRP process, in named or classic mode
    Rewrite        lines that a function writes
    Command        a command at the prompt, as `clear ip nhrp`
    Wire           make the wire of a router bad: lose, block, one way or both
    Kill           crash a router
    Nat            give a translator another kind
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Any, Final

from dmvpn.base.placeholder import Placeholder
from dmvpn.base.terms import NoValue
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.causes import Cause
    from dmvpn.base.terms import Term
    from dmvpn.network.terms.table import Table
    from dmvpn.shells.lab.badness import Badness


# ---------------------------------------------------------------------------------------- the acts that break a network


class Role(enum.Enum):
    """The roles in a trouble. SPOKE is the first spoke, OTHER the second; the GATEWAY is in front of SPOKE."""

    HUB = "hub"
    SPOKE = "spoke"
    OTHER = "other"
    PROVIDER = "provider"
    GATEWAY = "gateway"


#: The section of the EIGRP process.
EIGRP: Final = "router eigrp {eigrp}"


def word(name: str) -> Placeholder:
    """Return the template of a word, for a line that is rendered: `word("hub.nbma")` is `{hub.nbma}`."""
    return Placeholder(f"{{{name}}}")


@dataclass(frozen=True, slots=True)
class Configure:
    """Lines in configuration mode."""

    part: Role
    lines: tuple[str, ...]


def spoke(*lines: str) -> Configure:
    """Return these lines at the spoke."""
    return Configure(Role.SPOKE, lines)


def hub(*lines: str) -> Configure:
    """Return these lines at the hub."""
    return Configure(Role.HUB, lines)


@dataclass(frozen=True, slots=True)
class Edit:
    """Under the section that `section` opens: lines that begin with one of `remove` go, `add` come."""

    part: Role
    section: str
    remove: tuple[str, ...] = ()
    add: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Differ:
    """Another value of a term at one end. value: if not given, the term's own, which no network has."""

    part: Role
    table: Table[Any]
    term: Term[Any, Any]
    value: object = NoValue.UNKNOWN

    @property
    def peer(self) -> Role:
        """The other end."""
        return Role.SPOKE if self.part is Role.HUB else Role.HUB


@dataclass(frozen=True, slots=True)
class Eigrp:
    """Lines of an EIGRP process. address_family: of `router eigrp NUMBER`, or the address family of a named one.

    topology: lines under `topology base` of a named process, or directly under a classic one.
    named, classic: lines for the tunnel interface in the two modes: under its af-interface, or under the interface.
    """

    part: Role
    address_family: tuple[str, ...] = ()
    topology: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    classic: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Lines that a function writes for an `Actor`. section: a template of the section that they are about."""

    part: Role
    section: str
    by: Callable[[Any], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Renumber:
    """The NBMA address of a spoke becomes another one of its link to the provider, which follows if it must."""

    part: Role


@dataclass(frozen=True, slots=True)
class Command:
    """Commands at the privileged prompt."""

    part: Role
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wire:
    """The underlay wire of a router. incoming: only packets that the router receives; outgoing: that it sends."""

    part: Role
    badness: Badness
    incoming: bool = False
    outgoing: bool = False


@dataclass(frozen=True, slots=True)
class Kill:
    """A router is dead."""

    part: Role


@dataclass(frozen=True, slots=True)
class Nat:
    """A translator becomes another kind, as in `lab.yaml`."""

    part: Role
    kind: str


Act = Configure | Edit | Differ | Eigrp | Rewrite | Renumber | Command | Wire | Kill | Nat


def texts(act: Act) -> tuple[str, ...]:
    """Return the templates of an act."""
    match act:
        case Configure(lines=lines) | Command(lines=lines):
            return lines
        case Edit(section=section, remove=remove, add=add):
            return section, *remove, *add
        case Eigrp(address_family=family, topology=topology, named=named, classic=classic):
            return EIGRP, *family, *topology, *named, *classic
        case Rewrite(section=section):
            return (section,)
        case _:
            return ()


# ------------------------------------------------------------------------------------------------ a trouble


class Need(enum.Enum):
    """What a network must have for a trouble to be possible, or to be noticed."""

    EIGRP = "EIGRP on the tunnels"
    OSPF = "OSPF on the tunnels"
    BGP = "BGP"
    RIP = "RIP on the tunnels"
    MULTIPOINT = "multipoint tunnels at the spokes"
    POINT_TO_POINT = "point-to-point tunnels at the spokes"
    PHASE_3 = "redirect and shortcut"
    NHRP_AUTHENTICATION = "NHRP authentication"
    PROTECTED = "IPsec on the tunnels"
    CLEAR = "no IPsec on the tunnels"
    PSK = "pre-shared keys of IKEv2"
    IKEV2 = "ikev2 profiles on the tunnels"
    ISAKMP = "keys and a policy of crypto isakmp on the tunnels"
    CERTIFICATES = "certificates"
    SEALED = "keys or passwords of its routing protocol"
    GATEWAY = "a translator before the first spoke"
    NO_GATEWAY = "no translator before the first spoke"
    BOTH_BEHIND_NAT = "translators before two spokes"
    ONE_HUB = "a single hub"
    TWO_HUBS = "several hubs"
    PROVIDER = "a provider router"
    FRONT_DOOR = "a front-door VRF"
    INSIDE_VRF = "tunnels inside a VRF"
    TWO_CUSTOMERS = "two customers, each in a VRF"
    TWO_TUNNELS = "two tunnels of one company at the spokes"
    LAN_LISTS = "access lists on the LANs"
    TUNNEL_LISTS = "an access list on the tunnels"
    WAN_LISTS = "an access list on the ports to the provider"
    GROUPS = "an object group in its access lists"
    NO_LISTS = "no access lists"


#: What a network needs for a word of a template.
OF_WORDS: Final = {
    "eigrp": Need.EIGRP,
    "ospf": Need.OSPF,
    "bgp": Need.BGP,
    "rip": Need.RIP,
    "keyring": Need.PSK,
    "ikev2_profile": Need.IKEV2,
    "isakmp_key": Need.ISAKMP,
    "isakmp_policy": Need.ISAKMP,
    "profile": Need.PROTECTED,
    "port": Need.PROVIDER,
    "front": Need.FRONT_DOOR,
    "inside": Need.INSIDE_VRF,
    "vrf2": Need.TWO_CUSTOMERS,
    "key2": Need.TWO_CUSTOMERS,
}
_WORD: Final = re.compile(r"(?<!{){(\w+)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One fault.

    title: for the teacher. acts: what to do. complaint: the report of a user (a template, as in acts). hints: each
    more precise than the one before. causes: the cause that a diagnosis should name, and causes that describe the same
    fault, (): that of the term that differs. parts: at which router, (): at that of the first act, or at either end of
    a term that differs. needs: besides what the words of its acts need. noticed: by users, within a minute; else only
    configurations and logs show it, because the routers work around it.
    """

    id: str
    title: str
    acts: tuple[Act, ...]
    complaint: str
    hints: tuple[str, ...]
    causes: tuple[Cause, ...] = ()
    parts: tuple[Role, ...] = ()
    needs: tuple[Need, ...] = ()
    noticed: bool = True

    def __post_init__(self) -> None:
        first = self.acts[0]
        parts = (first.part, first.peer) if isinstance(first, Differ) else (first.part,)
        causes = self.causes or ((first.term.cause,) if isinstance(first, Differ) else ())
        words = [word for act in self.acts for text in texts(act) for word in _WORD.findall(text)]
        needs = [OF_WORDS[word] for word in words if word in OF_WORDS]
        object.__setattr__(self, "parts", self.parts or parts)
        object.__setattr__(self, "causes", causes)
        object.__setattr__(self, "needs", tuple(dict.fromkeys((*needs, *self.needs))))

    @property
    def cause(self) -> Cause:
        """The cause that a diagnosis should name."""
        return self.causes[0]

    @property
    def mechanism(self) -> str:
        """The part of the id that troubles of a kind share: "line-gone", of any line."""
        return self.id.partition("/")[0]


def without_story(
    name: str,
    title: str,
    acts: tuple[Act, ...],
    causes: tuple[Cause, ...],
    *,
    hints: tuple[str, ...],
    parts: tuple[Role, ...] = (),
    needs: tuple[Need, ...] = (),
) -> Trouble:
    """Return a trouble without a story: it is drawn for measurements alone."""
    return Trouble(
        id=name,
        title=title,
        acts=acts,
        complaint="At {spoke.name} something is not as it was.",
        hints=hints,
        causes=causes,
        parts=parts,
        needs=needs,
        noticed=False,
    )
