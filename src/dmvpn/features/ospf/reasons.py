"""Why OSPF takes no packets of a neighbor, or has none on an interface; why a neighbor ends."""

import enum
from typing import Final

from dmvpn.base.reasons import ReasonCode

#: Why a neighbor ends, in IOS's words.
SILENT: Final = "Neighbor Down: Dead timer expired"
INTERFACE_DOWN: Final = "Neighbor Down: Interface down or detached"
RESET: Final = "Neighbor Down: Adjacency forced to reset"
ONE_WAY: Final = "1-Way"

_OF_HELLOS: Final = "RFC 2328 §10.5"


@enum.unique
class OspfReason(ReasonCode):
    """Kept as `OspfInterface.refusals` by sender, and as `Neighbor.refusal`."""

    MASK = "another mask", "theirs is <mask>, ours is <mask>", _OF_HELLOS
    DEAD_INTERVAL = "another dead interval", "theirs is <seconds> s, ours is <seconds> s", _OF_HELLOS
    HELLO_INTERVAL = "another Hello interval", "theirs is <seconds> s, ours is <seconds> s", _OF_HELLOS
    KIND = "another kind of area", "its options are <flags>, ours are <flags>", _OF_HELLOS
    AREA = "another area", "of area <area>, and ours is <area>", "RFC 2328 §8.2"
    NOT_AUTHENTIC = "not authentic", "<why>", "RFC 2328 §D.5"
    TTL = "a small TTL", "theirs is <number>, wanted is at least <number>", "RFC 5082 §3"
    MTU = "a larger MTU", "theirs is <octets>, ours is <octets>", "RFC 2328 §10.6"
