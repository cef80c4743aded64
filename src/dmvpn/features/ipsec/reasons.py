"""Why a tunnel, or a peer of it, is not protected."""

import enum

from dmvpn.base.reasons import ReasonCode


@enum.unique
class IpsecReason(ReasonCode):
    """Kept with decisions on tunnels, and with the peers that they want SAs with."""

    NO_PROFILE = "the IPsec profile does not exist", "crypto ipsec profile <name> is not configured"
    NO_TRANSFORM = "the IPsec profile has no usable transform set", "<refusals>", "RFC 8221"
    OTHER_PROFILE = (
        "<tunnel> protects the same source with another IPsec profile",
        "<address>: <profile> there, <profile> here; give both tunnels one profile (`shared`), or another "
        "tunnel source",
    )
    PEER_OF_ANOTHER = "<tunnel> has this peer, with another IPsec profile", "<address> to <address>"
    NOT_SERVED = "the host does not let us take ESP and IKE", "<error>"
    SA_REFUSED = "the host refused the SA", "<error>"
    SA_GONE = "the SA is gone", "<why>"
