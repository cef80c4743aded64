"""Why a next hop server, a mapping or a direct path of NHRP is not in use."""

from __future__ import annotations

import enum

from dmvpn.base.reasons import ReasonCode
from dmvpn.features.nhrp.messages import code_name, error_name


@enum.unique
class NhrpReason(ReasonCode):
    """Kept with clients, entries of the cache and paths."""

    NO_REPLY = "no reply from the next hop server", "<number> registration requests unanswered", "RFC 2332 §5.2.3"
    NO_REPLY_YET = "no reply from the next hop server yet", "", "RFC 2332 §5.2.3"
    REFUSED = "the next hop server refuses our registration", "<code>", "RFC 2332 §5.2.4"
    NO_SERVER = "no next hop server answers (if-state nhrp)"
    BARE = "no IPsec with the next hop server yet"
    NOT_CONFIGURED = "NHRP is not configured any more"
    TUNNEL_DOWN = "the tunnel is down"
    NO_NAME = "no address for <name> yet"
    NO_NBMA = "no NBMA address for <address>"
    NO_PATH = "the direct path does not answer", "<number> echoes to <address> at <address> unanswered"
    NOT_HEARD = "the peer is behind NAT and has sent nothing directly yet", "<address> stands for <address>"
    PEER_BEGINS = "the peer is behind NAT and has to begin", "<evidence>"
    SAME_NAT = "the peer and we are behind the same NAT", "<evidence>; <port>"
    BOTH_BEHIND_NAT = "the peer and we are both behind NAT", "<evidence>; <port>", "RFC 4787 §4.1"
    NOBODY = "nobody has this next hop", "<why>", "RFC 2332 §5.2.2"
    UNRESOLVED = "the address cannot be resolved", "<code>", "RFC 2332 §5.2.2"
    OTHER_PASSWORD = "the reply of the next hop server has another password than ours, or none", "", "RFC 2332 §5.3.4"
    OBJECTION = "<address> answers: <error>", "", "RFC 2332 §5.2.7"
    ORDER_REFUSED = "the host refused an order", "<error>"


class Nak(int):
    """A CIE code among the fields of a reason, with its name."""

    def __str__(self) -> str:
        return code_name(int(self))


class Objection(int):
    """An error code among the fields of a reason, with its name."""

    def __str__(self) -> str:
        return error_name(int(self))
