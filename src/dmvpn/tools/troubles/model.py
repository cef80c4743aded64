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
import textwrap
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any, Final

from dmvpn.base.findings import Cause
from dmvpn.base.placeholder import Placeholder
from dmvpn.base.terms import NoValue, Term
from dmvpn.base.values import Value
from dmvpn.features.bgp.config import instance as bgp
from dmvpn.features.eigrp.config.sections import InterfaceLine
from dmvpn.features.ike.config import profiles
from dmvpn.features.nhrp.config import lines as nhrp
from dmvpn.features.ospf.config import processes as ospf
from dmvpn.features.static import config as static
from dmvpn.ios import common
from dmvpn.ios.interface_addresses import ADDRESS
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


class Configure(Value):
    """Lines in configuration mode."""

    part: Role
    lines: tuple[str, ...]


def spoke(*lines: str) -> Configure:
    """Return these lines at the spoke."""
    return Configure(Role.SPOKE, lines)


def hub(*lines: str) -> Configure:
    """Return these lines at the hub."""
    return Configure(Role.HUB, lines)


class Edit(Value):
    """Under the section that `section` opens: lines that begin with one of `remove` go, `add` come."""

    part: Role
    section: str
    remove: tuple[str, ...] = ()
    add: tuple[str, ...] = ()


class Differ(Value):
    """Another value of a term at one end. value: if not given, the term's own, which no network has."""

    part: Role
    table: Table[Any]
    term: Term[Any, Any]
    value: object = NoValue.UNKNOWN

    @property
    def peer(self) -> Role:
        """The other end."""
        return Role.SPOKE if self.part is Role.HUB else Role.HUB


class Eigrp(Value):
    """Lines of an EIGRP process. address_family: of `router eigrp NUMBER`, or the address family of a named one.

    topology: lines under `topology base` of a named process, or directly under a classic one.
    named, classic: lines for the tunnel interface in the two modes: under its af-interface, or under the interface.
    """

    part: Role
    address_family: tuple[str, ...] = ()
    topology: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    classic: tuple[str, ...] = ()


class Rewrite(Value):
    """Lines that a function writes for an `Actor`. section: a template of the section that they are about."""

    part: Role
    section: str
    by: Callable[[Any], tuple[str, ...]]


class Renumber(Value):
    """The NBMA address of a spoke becomes another one of its link to the provider, which follows if it must."""

    part: Role


class Command(Value):
    """Commands at the privileged prompt."""

    part: Role
    lines: tuple[str, ...]


class Wire(Value):
    """The underlay wire of a router. incoming: only packets that the router receives; outgoing: that it sends."""

    part: Role
    badness: Badness
    incoming: bool = False
    outgoing: bool = False


class Kill(Value):
    """A router is dead."""

    part: Role


class Nat(Value):
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


class Trouble(Value, kw_only=True):
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


def with_story(
    *about: Act | Cause,
    complaint: str = "",
    parts: tuple[Role, ...] = (),
    needs: tuple[Need, ...] = (),
    noticed: bool = True,
) -> Callable[[str], Trouble]:
    """Return what makes a trouble of its text: "ID: TITLE", maybe "says: COMPLAINT", and a hint a line.

    A line that is deeper goes on. about: its acts and its causes.
    """

    def of_text(text: str) -> Trouble:
        head, *hints = re.sub(r"\n {4,}(?=\S)", " ", textwrap.dedent(text).strip()).split("\n")
        name, title = head.split(": ", 1)
        says = hints.pop(0).removeprefix("says: ") if hints[0].startswith("says: ") else complaint
        acts = tuple(each for each in about if not isinstance(each, Cause))
        causes = tuple(each for each in about if isinstance(each, Cause))
        return Trouble(
            id=name,
            title=title,
            acts=acts,
            complaint=says,
            hints=tuple(hints),
            causes=causes,
            parts=parts,
            needs=needs,
            noticed=noticed,
        )

    return of_text


def without_story(
    heading: str,
    acts: tuple[Act, ...],
    causes: tuple[Cause, ...],
    *,
    hints: tuple[str, ...],
    parts: tuple[Role, ...] = (),
    needs: tuple[Need, ...] = (),
) -> Trouble:
    """Return a trouble without a story: it is drawn for measurements alone. heading: "ID: TITLE"."""
    name, title = heading.split(": ", 1)
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


# ------------------------------------------------------------- sentences, commands and lines that several troubles have


def commands(line: str, *parts: Role) -> tuple[Command, ...]:
    """Return a command at each of these routers."""
    return tuple(Command(part, (line,)) for part in parts)


#: Troubles with one story: what users say.
LOST: Final = "The branch {spoke.name} does not reach the head office any more."
lost: Final = partial(with_story, complaint=LOST)
#: Of a spoke that agrees on no SAs with the hub.
unproved: Final = partial(with_story, complaint=LOST, parts=(Role.SPOKE, Role.HUB))
all_lost: Final = partial(with_story, complaint="All branches lost the head office at the same minute.")
gone: Final = partial(with_story, complaint="The computers at {spoke.name} cannot be reached any more.")
LONG_WAY: Final = "Calls between {spoke.name} and {other.name} take the long way by the head office."
HOW_FAR: Final = "How far does it come: IKE, an SA, a registration?"
FIX_WIRE: Final = "The provider has to fix it: `dmvpn lab impair {spoke.name}:{spoke.wan}` stands for your call."
#: What a shortcut taught stays for a while when the route below it has gone.
FORGET: Final = commands("clear ip nhrp", Role.SPOKE, Role.OTHER)
#: Let the hub forget the spoke alone: the others would be missing, too, until they register again.
FORGET_SPOKE: Final = Command(Role.HUB, ("clear ip nhrp {spoke.tunnel_address}",))
#: SAs that are there would go on without IKE, and by the old way.
RENEW: Final = commands("clear crypto session", Role.SPOKE, Role.HUB)
TUNNEL: Final = common.INTERFACE.line(name=word("tunnel"))
WAN: Final = common.INTERFACE.line(name=word("wan"))
LAN: Final = common.INTERFACE.line(name=word("lan"))
#: The provider's port to a spoke.
PORT: Final = common.INTERFACE.line(name=word("port"))
LOOPBACK: Final = common.INTERFACE.line(name="Loopback66")
BGP: Final = bgp.ROUTER.line(number=word("bgp"))
OSPF: Final = ospf.ROUTER.line(number=word("ospf"))
#: The same, if the router speaks RIP.
RIP: Final = "router {rip}"
RING: Final = profiles.RING.line(name=word("keyring"))
PEER: Final = (RING, profiles.PEER.line(name=word("peer")))
IKEV2_PROFILE: Final = profiles.PROFILE.line(name=word("ikev2_profile"))
HOST: Final = "255.255.255.255"


def keys(key: str) -> tuple[str, str]:
    """Return the lines of a key in a keyring's peer, for both directions."""
    return profiles.PRE_SHARED_KEY.line(key=key, local=True), profiles.PRE_SHARED_KEY.line(key=key, remote=True)


def address(whose: str, mask: str) -> str:
    """Return the line with an address. whose: a word; mask: one, or a mask."""
    return ADDRESS.line(address=word(whose), mask=_filled(mask))


def route(to: str, mask: str, by: str = "") -> str:
    """Return the line of a static route. to: a network, or a word; mask, by: in the same way; no by: into nothing."""
    way: dict[str, Hashable] = {"next_hop": _filled(by)} if by else {"interface": "Null0"}
    return static.ROUTE.line(network=_filled(to), mask=_filled(mask), **way)


def default_route(by: str) -> str:
    """Return the line of a default route. by: a word."""
    return route("0.0.0.0", "0.0.0.0", by)  # noqa: S104 - no binding


def of_hub(**words: Hashable) -> tuple[str, str]:
    """Return a line of a spoke's BGP about the hub, in its section."""
    return BGP, bgp.NEIGHBOR.line(peer=word("hub.tunnel_address"), **words)


def of_spoke(**words: Hashable) -> tuple[str, str]:
    """Return a line of a hub's BGP about the spoke, in its section."""
    return BGP, bgp.NEIGHBOR.line(peer=word("spoke.tunnel_address"), **words)


def registering(nhs: str, nbma: str, *, multicast: bool = True) -> Edit:
    """Return the change to another server, the only one of a spoke. nhs, nbma: words."""
    line = nhrp.NHS.line(nhs_address=word(nhs), nbma_address=word(nbma), **({"multicast": True} if multicast else {}))
    return Edit(Role.SPOKE, TUNNEL, remove=("ip nhrp nhs", "ip nhrp map"), add=(line,))


def on_tunnel(part: Role, *lines: tuple[InterfaceLine, Mapping[str, Hashable]]) -> Eigrp:
    """Return lines of EIGRP for the tunnel, each with its values."""
    classic = tuple(line.classic.line(number=word("as"), **values) for line, values in lines)
    return Eigrp(part, named=tuple(line.named.line(**values) for line, values in lines), classic=classic)


def _filled(value: str) -> Hashable:
    return value if value[0].isdigit() else word(value)
