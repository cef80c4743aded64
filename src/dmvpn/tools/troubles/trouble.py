"""A trouble: one fault of a network, with everything that a teacher or a test needs to know about it."""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.tools.troubles.model import Differ, texts

if TYPE_CHECKING:
    from dmvpn.base.causes import Cause
    from dmvpn.tools.troubles.model import Act, Role


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
