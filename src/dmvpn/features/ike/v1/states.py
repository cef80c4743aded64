"""The states of an ISAKMP SA, and the moves between them: RFC 2408 §2.1, RFC 2409 §5.4."""

from __future__ import annotations

import enum
from typing import Final

from dmvpn.base.protection import IkePhase


class SaState(enum.Enum):
    """Where an ISAKMP SA is in its life, by IOS's names of the steps of main mode."""

    NO_STATE = "MM_NO_STATE"
    SA_SETUP = "MM_SA_SETUP"
    KEY_EXCH = "MM_KEY_EXCH"
    IDLE = "QM_IDLE"
    HELD = "held for its children"
    DEAD = "dead"


class SaMove(enum.Enum):
    """What can happen to an ISAKMP SA."""

    CHOSEN = "messages 1 and 2 have agreed on a transform"
    KEYED = "messages 3 and 4 have brought keys"
    PROVED = "both sides have proved who they are"
    PARTED = "it is over, and its children are not"
    ENDED = "it is over, and its children with it"


#: Every legal move. A missing pair (KeyError) is our bug, never the peer's.
MOVES: Final[dict[tuple[SaState, SaMove], SaState]] = {
    (SaState.NO_STATE, SaMove.CHOSEN): SaState.SA_SETUP,
    (SaState.SA_SETUP, SaMove.KEYED): SaState.KEY_EXCH,
    (SaState.KEY_EXCH, SaMove.PROVED): SaState.IDLE,
    (SaState.IDLE, SaMove.PARTED): SaState.HELD,
    (SaState.NO_STATE, SaMove.ENDED): SaState.DEAD,
    (SaState.SA_SETUP, SaMove.ENDED): SaState.DEAD,
    (SaState.KEY_EXCH, SaMove.ENDED): SaState.DEAD,
    (SaState.IDLE, SaMove.ENDED): SaState.DEAD,
    (SaState.HELD, SaMove.ENDED): SaState.DEAD,
}
#: What shows say.
PHASES: Final = {
    SaState.NO_STATE: IkePhase.MM_NO_STATE,
    SaState.SA_SETUP: IkePhase.MM_SA_SETUP,
    SaState.KEY_EXCH: IkePhase.MM_KEY_EXCH,
    SaState.IDLE: IkePhase.QM_IDLE,
    SaState.HELD: IkePhase.MM_NO_STATE,
    SaState.DEAD: IkePhase.MM_NO_STATE,
}
