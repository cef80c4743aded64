"""The acts that break a network: orders as values, filled in from the `Stage`.

Texts are templates. `{tunnel}`, `{wan}`, `{lan}`, `{nbma}` and the like are properties of the actor whose router it is
(`stage.Actor`); properties of another actor have a prefix: `{hub.nbma}`, `{other.tunnel_address}`. Configuration
lines are rendered from the features' own lines, with a `word` in the place of a value.

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
from typing import TYPE_CHECKING, Any, Final

from dmvpn.base.placeholder import Placeholder
from dmvpn.base.terms import NoValue
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.terms import Term
    from dmvpn.network.terms.table import Table
    from dmvpn.shells.lab.badness import Badness


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
