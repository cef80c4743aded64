"""Why a next hop server may be silent: what a station can suspect from its own side of the tunnel.

A spoke that hears nothing cannot know why; what it has seen before narrows it down. The likeliest comes first. Whoever
sees the whole network can decide (`dmvpn doctor`).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmvpn.features.nhrp.client import NhsClient
    from dmvpn.features.nhrp.tunnel import Tunnel


class Suspicion(enum.Enum):
    """What may be wrong, as a clause for people."""

    NHRP_MISSING = "it sends GRE, so it lives: NHRP may be missing on its tunnel (network-id), or refuse us in silence"
    SERVER_DOWN = "the server is down, or the way to it is cut"
    WRONG_ADDRESS = "this is not its NBMA address"
    GRE_FILTERED = "protocol 47 (GRE) is filtered on the way"
    KEY = "its tunnel key or mode is another than ours"
    SAME_NAT = "another GRE spoke behind the same NAT address has the only flow to it"
    NHRP_BEHIND_IKE = "IKE works, so it lives: NHRP may be missing on its tunnel (network-id), or refuse us in silence"
    ESP_FILTERED = "ESP is filtered on the way, and IKE is not"
    OLD_BINDING = "a translator on the way gave us another address, and the server answers the old one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a station knows of a silent server.

    heard: GRE came from its NBMA address since it is silent. answered: it was registered with it before. translated:
    the server said then that a translator stands between. protected: the tunnel's packets are ESP, and IKE has SAs with
    that address: without any nothing is sent, and nothing is silent. public: our own NBMA address needs no translator.
    """

    heard: bool = False
    answered: bool = False
    translated: bool = False
    protected: bool = False
    public: bool = False


def suspicions(evidence: Evidence) -> tuple[Suspicion, ...]:
    """What is possible, the likeliest first."""
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


def suspected(tunnel: Tunnel, client: NhsClient) -> tuple[Suspicion, ...]:
    """What may be wrong with a server that does not answer. None: it has only just been asked."""
    usage = tunnel.usage.get(client.nbma) if client.nbma is not None else None
    silent_since = client.reason.since if client.reason is not None else client.since
    heard = usage is not None and usage.heard_at is not None and usage.heard_at > silent_since
    return suspicions(
        Evidence(
            heard=heard,
            answered=client.last_reply is not None,
            translated=tunnel.public_nbma is not None,
            protected=tunnel.state is not None and bool(tunnel.state.protection),
            public=tunnel.nbma is not None and tunnel.nbma.is_global,
        )
    )
