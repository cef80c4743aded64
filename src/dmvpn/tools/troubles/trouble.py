"""A trouble: one thing that is wrong with a network, and everything that a teacher or a test wants to know about it."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.tools.troubles.acts import Role

if TYPE_CHECKING:
    from dmvpn.tools.causes import Cause
    from dmvpn.tools.troubles.acts import Act


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
    PSK = "pre-shared keys"
    CERTIFICATES = "certificates"
    SEALED = "keys or passwords of its routing protocol"
    GATEWAY = "a translator before the first spoke"
    NO_GATEWAY = "no translator before the first spoke"
    BOTH_BEHIND_NAT = "translators before two spokes"
    ONE_HUB = "a single hub"
    TWO_HUBS = "several hubs"
    PROVIDER = "a provider router"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One fault.

    title: for the teacher. acts: what is done. complaint: what a user reports (a template, as in acts). hints: each
    more precise than the one before. cause: what a diagnosis should name; parts: at whose router (where two ends
    disagree, at either). also: causes that describe the same thing as well. noticed: by users, within a
    minute; else it is for readers of configurations and logs, because these routers fix what comes of it.
    """

    id: str
    title: str
    acts: tuple[Act, ...]
    complaint: str
    hints: tuple[str, ...]
    cause: Cause
    parts: tuple[Role, ...] = (Role.SPOKE,)
    needs: tuple[Need, ...] = ()
    also: tuple[Cause, ...] = ()
    noticed: bool = True


def without_story(
    name: str,
    title: str,
    acts: tuple[Act, ...],
    causes: tuple[Cause, ...],
    *,
    hints: tuple[str, ...],
    parts: tuple[Role, ...] = (Role.SPOKE,),
    needs: tuple[Need, ...] = (),
) -> Trouble:
    """Return one that nobody tells a story of: it is drawn for measures alone."""
    return Trouble(
        id=name,
        title=title,
        acts=acts,
        complaint="At {spoke.name} something is not as it was.",
        hints=hints,
        cause=causes[0],
        also=causes[1:],
        parts=parts,
        needs=needs,
        noticed=False,
    )
