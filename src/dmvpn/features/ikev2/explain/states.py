"""States of an IKE SA: in `show crypto ikev2 sa`, in IOS's words for IKEv1, and in the machine itself."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import Group, Kind
from dmvpn.base.protection import IkePhase
from dmvpn.features.ikev2.life import SaState

_SA_SCREENS = ("show crypto ikev2 sa", "show crypto ikev2 session")

_STATUS = Group(
    title="column Status",
    kind=Kind.STATE,
    screens=_SA_SCREENS,
    rank=10,
    next="show crypto ikev2 sa detailed",
    sighting=r"none/none +([A-Z-]+) *$",
    mark=r"^ IPv[46] Crypto IKEv2 +(?:SA|Session)",
    explanations=(
        Word(
            IkePhase.INIT.value,
            "The IKE SA is being negotiated: IKE_SA_INIT or IKE_AUTH is under way.",
            "For an instant. If it stays, the peer does not answer (UDP 500, 4500), or refuses.",
            next="show logging",
            clause="RFC 7296 §1.2",
        ),
        Word(
            IkePhase.READY.value,
            "Both sides have proved who they are: the IKE SA is up and can make IPsec SAs.",
            "The healthy state.",
            next="show crypto ipsec sa",
            clause="RFC 7296 §1.2",
        ),
        Word(
            IkePhase.DELETED.value,
            "The IKE SA is being deleted: the peer was told, and its answer is awaited.",
            "After `clear crypto ikev2 sa`, at the end of a lifetime, or when a newer SA took its place.",
            next="show logging",
            clause="RFC 7296 §1.4.1",
        ),
    ),
)

_DESCRIPTION = Group(
    title="Status Description",
    kind=Kind.STATE,
    screens=("show crypto ikev2 sa detailed", "show crypto ikev2 session detailed"),
    rank=40,
    next="debug crypto ikev2",
    lines=True,
    sighting=r"Status Description: (.+)$",
    explanations=(
        Word("Negotiation done", "IKE_AUTH is over; nothing is pending but keeping the SA alive."),
        Word("Delete in progress", "A Delete payload is on its way; the SA goes when the peer confirms."),
        Word(
            "Responder waiting for AUTH message",
            "The peer began, was answered, and has not proved itself yet. It may have disliked our answer.",
            clause="RFC 7296 §1.2",
        ),
        Word(
            "Initiator waiting for INIT response",
            "We sent IKE_SA_INIT and nothing came back: UDP port 500 is filtered, or nobody speaks IKE there.",
            next="ping (the peer's NBMA address), then debug crypto ikev2 packet",
            clause="RFC 7296 §1.2",
        ),
        Word(
            "Initiator waiting for AUTH response",
            "IKE_SA_INIT worked and IKE_AUTH is not answered: port 4500 is filtered, fragments are lost, or the peer "
            "refuses our identity in silence.",
            clause="RFC 7296 §1.2",
        ),
    ),
)

_ISAKMP = Group(
    title="columns state and status",
    kind=Kind.STATE,
    screens=("show crypto isakmp sa",),
    rank=30,
    next="show crypto ikev2 sa",
    sighting=r" (QM_IDLE|MM_KEY_EXCH|MM_NO_STATE) +\d",
    mark=r"^IPv[46] Crypto ISAKMP SA",
    explanations=(
        Word(
            "QM_IDLE",
            "IKEv1's word for an SA that is up and has nothing to do. Here it stands for READY: `crypto isakmp` lines "
            "mean IKEv2.",
        ),
        Word("MM_KEY_EXCH", "IKEv1's word for keys being agreed. Here: algorithms are chosen, the proof is not done."),
        Word("MM_NO_STATE", "IKEv1's word for nothing yet, or nothing any more. Here: IKE_SA_INIT is not answered."),
        Word("ACTIVE", "The SA counts."),
        Word("ACTIVE (deleted)", "The SA is being deleted."),
    ),
)

_MACHINE = Group(
    title="life of an IKE SA",
    kind=Kind.STATE,
    screens=("debug crypto ikev2", "dmvpn doctor"),
    rank=45,
    next="show crypto ikev2 sa detailed",
    explanations=(
        Word(
            SaState.STARTING.value,
            "The first exchange: algorithms, Diffie-Hellman values and nonces; nothing is sealed yet.",
            clause="RFC 7296 §1.2",
        ),
        Word(
            SaState.PROVING.value,
            "The second exchange, sealed: identities, their proofs, and the first pair of IPsec SAs.",
            clause="RFC 7296 §1.2",
        ),
        Word(SaState.ESTABLISHED.value, "Both proofs were good: child SAs can be made, renewed and deleted."),
        Word(SaState.CLOSING.value, "We said Delete and await the confirmation.", clause="RFC 7296 §1.4.1"),
        Word(SaState.DEAD.value, "The SA is forgotten; its messages are strangers' from now on."),
    ),
)

GROUPS: Final = (_STATUS, _DESCRIPTION, _ISAKMP, _MACHINE)
