"""Why something of NHRP is not as it should be.

NhrpReason   why a next hop server, a mapping or a direct path is not in use
Refusal      why a packet was refused
Suspicion    possible cause of a server's silence. A spoke that hears nothing cannot know the cause; its history narrows
             it down. `dmvpn doctor` sees the whole network and can decide
"""

from __future__ import annotations

import enum

from dmvpn.base.reasons import ReasonCode
from dmvpn.base.values import Value
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
    NO_STATION = "no station has this next hop", "<why>", "RFC 2332 §5.2.2"
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


class Refusal(enum.Enum):
    """Why a packet was refused; shows and logs print the value."""

    MALFORMED = "malformed"
    AUTHENTICATION = "wrong authentication"
    UNKNOWN_EXTENSION = "unrecognized compulsory extension"
    HOP_COUNT = "hop count exceeded"
    LOOP = "loop detected"
    NO_WAY = "no way to the destination"
    UNSOLICITED = "reply that nobody asked for"
    FORGED = "addresses that cannot be"
    SEND_LIMIT = "over the send limit"
    NOT_ALLOWED = "not allowed to the sender"
    REGISTRATION_REFUSED = "registration refused"
    RESOLUTION_REFUSED = "resolution refused"
    IGNORED = "not wanted by the configuration"
    TOO_LARGE = "larger than the network carries"
    INVALID_EXTENSION = "extension that does not belong there"
    ERROR_LIMIT = "error indication held back, there were too many"
    NO_ROOM = "nothing more can be remembered"
    IN_CLEAR = "in clear on a protected tunnel"
    UNPROTECTED = "held back, nothing protects it"
    OTHER_IDENTITY = "another IKE identity has the address"
    NO_STATION = "network or broadcast address of the tunnel's subnet"
    ROUTED_ELSEWHERE = "registered address that is routed to another station"
    OTHER_NBMA = "NBMA address of another station, which only a server may register"
    HELD_BACK = "new NBMA address by the word of one station, held back"
    TOO_MANY = "more registrations than one station may have"
    TOO_MUCH_WORK = "more work than one station may cause"


class Suspicion(enum.Enum):
    """A possible cause, as a clause for people."""

    NHRP_MISSING = "it sends GRE, so it lives: NHRP may be missing on its tunnel (network-id), or refuse us in silence"
    SERVER_DOWN = "the server is down, or the way to it is cut"
    WRONG_ADDRESS = "this is not its NBMA address"
    GRE_FILTERED = "protocol 47 (GRE) is filtered on the way"
    KEY = "its tunnel key or mode is another than ours"
    SAME_NAT = "another GRE spoke behind the same NAT address has the only flow to it"
    NHRP_BEHIND_IKE = "IKE works, so it lives: NHRP may be missing on its tunnel (network-id), or refuse us in silence"
    ESP_FILTERED = "ESP is filtered on the way, and IKE is not"
    OLD_BINDING = "a translator on the way gave us another address, and the server answers the old one"


class Evidence(Value, kw_only=True):
    """The evidence about a silent server.

    heard: GRE has come from its NBMA address since it fell silent.
    answered: we were registered with it before.
    translated: its reply showed a translator between us.
    protected: the tunnel's packets are ESP, and IKE has SAs with that address: without SAs nothing is sent, and nothing
        is missed.
    public: our own NBMA address needs no translator.
    """

    heard: bool = False
    answered: bool = False
    translated: bool = False
    protected: bool = False
    public: bool = False


def suspicions(evidence: Evidence) -> tuple[Suspicion, ...]:
    """Return the possible causes, the likeliest first."""
    if evidence.heard:
        return (Suspicion.NHRP_MISSING,)
    clear = not evidence.protected
    if evidence.answered:
        after_nat = (Suspicion.OLD_BINDING, Suspicion.SAME_NAT) if evidence.translated and clear else ()
        return (Suspicion.SERVER_DOWN, *after_nat, *((Suspicion.GRE_FILTERED,) if clear else ()))
    if not clear:
        return (Suspicion.KEY, Suspicion.NHRP_BEHIND_IKE, Suspicion.ESP_FILTERED)
    never = (Suspicion.SERVER_DOWN, Suspicion.WRONG_ADDRESS, Suspicion.GRE_FILTERED, Suspicion.KEY)
    return never if evidence.public else (*never, Suspicion.SAME_NAT)
