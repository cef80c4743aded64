"""Troubles of wires that are not cut: a small MTU, loss in one direction, filters, slight loss."""

from __future__ import annotations

from typing import Final

from dmvpn.base.causes import Cause
from dmvpn.shells.lab.badness import Badness
from dmvpn.tools.troubles import pieces
from dmvpn.tools.troubles.model import Need, Role, Trouble, Wire

_SLOW: Final = "At {spoke.name} everything takes long."

WIRES: Final = (
    Trouble(
        id="lossy-inwards",
        title="Of what comes to a spoke a third is lost",
        acts=(Wire(Role.SPOKE, Badness(loss=35.0), incoming=True),),
        complaint=_SLOW,
        hints=("Count: which direction loses packets?", pieces.FIX_WIRE),
        causes=(Cause.LOSSY_LINK, Cause.ONE_WAY_LOSS),
    ),
    Trouble(
        id="wire-narrow",
        title="The wire of a spoke drops packets of more than 1200 octets without a word",
        acts=(Wire(Role.SPOKE, Badness(mtu=1200.0)),),
        complaint="From {spoke.name} small things work. Large files do not.",
        hints=("Up to which size do packets pass?", pieces.FIX_WIRE),
        causes=(Cause.PATH_MTU, Cause.MTU, Cause.FRAGMENTS_BLOCKED),
        parts=(Role.SPOKE, Role.HUB),
    ),
    Trouble(
        id="gre-blocked-inwards",
        title="GRE comes from a spoke, and not to it",
        acts=(Wire(Role.SPOKE, Badness(block=("gre",)), incoming=True),),
        complaint="{spoke.name} is cut off. The provider says that all is well.",
        hints=("Count GRE at both ends of the wire.", pieces.FIX_WIRE),
        causes=(Cause.GRE_BLOCKED,),
        needs=(Need.CLEAR,),
    ),
    Trouble(
        id="esp-blocked-inwards",
        title="ESP comes from a spoke, and not to it",
        acts=(Wire(Role.SPOKE, Badness(block=("esp", "udp-4500")), incoming=True), *pieces.RENEW),
        complaint="{spoke.name} is cut off. The provider says that all is well.",
        hints=("Count ESP at both ends of the wire.", pieces.FIX_WIRE),
        causes=(Cause.ESP_BLOCKED, Cause.NAT_T_BLOCKED),
        needs=(Need.PROTECTED, Need.NO_GATEWAY),
    ),
    Trouble(
        id="ike-blocked-inwards",
        title="IKE comes from a spoke, and not to it",
        acts=(Wire(Role.SPOKE, Badness(block=("udp-500",)), incoming=True), *pieces.RENEW),
        complaint="{spoke.name} is cut off. The provider says that all is well.",
        hints=("Who hears whom? `show crypto ikev2 sa` at both ends.", pieces.FIX_WIRE),
        causes=(Cause.IKE_BLOCKED,),
        needs=(Need.PROTECTED,),
    ),
)
#: Healthy all the same: it may be slow, and rows of measurement are as they were.
SLOW: Final = Trouble(
    id="wire-slow",
    title="The wire of a spoke takes its time, as over a satellite",
    acts=(Wire(Role.SPOKE, Badness(delay=560.0)),),
    complaint=_SLOW,
    hints=("How long is the way of a ping?", pieces.FIX_WIRE),
    causes=(Cause.LOSSY_LINK,),
    noticed=False,
)
