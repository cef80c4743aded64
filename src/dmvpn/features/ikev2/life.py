"""The life of an IKE SA: its states, one table of moves between them, and what the first two exchanges leave behind.

RFC 7296 §1.2, §1.4.1 and §2.8. `IkeSa` alone moves.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final


class SaState(enum.Enum):
    """Where an IKE SA is in its life."""

    STARTING = "IKE_SA_INIT"
    PROVING = "IKE_AUTH"
    ESTABLISHED = "established"
    CLOSING = "closing"
    DEAD = "dead"


class Move(enum.Enum):
    """What can happen to an IKE SA."""

    AGREED = "the answer to IKE_SA_INIT is sent, or has come"
    PROVED = "both sides have proved who they are"
    SUCCEEDED = "it was made on the SA whose place it takes, which was proved"
    LEAVING = "we say Delete"
    ENDED = "it is over, by a Delete, a failure or silence"


#: Every legal move. A missing pair (KeyError) is our bug, never the peer's.
MOVES: Final[dict[tuple[SaState, Move], SaState]] = {
    (SaState.STARTING, Move.AGREED): SaState.PROVING,
    (SaState.STARTING, Move.SUCCEEDED): SaState.ESTABLISHED,
    (SaState.PROVING, Move.PROVED): SaState.ESTABLISHED,
    (SaState.PROVING, Move.LEAVING): SaState.CLOSING,
    (SaState.ESTABLISHED, Move.LEAVING): SaState.CLOSING,
    (SaState.CLOSING, Move.LEAVING): SaState.CLOSING,
    (SaState.STARTING, Move.ENDED): SaState.DEAD,
    (SaState.PROVING, Move.ENDED): SaState.DEAD,
    (SaState.ESTABLISHED, Move.ENDED): SaState.DEAD,
    (SaState.CLOSING, Move.ENDED): SaState.DEAD,
}


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the peer says in IKE_SA_INIT of its further abilities.

    hashes: for signatures (RFC 7427 §4).
    fragments: RFC 7383 §2.3.
    prefers_udp: port 4500 where nobody translates.
    """

    hashes: tuple[int, ...] = ()
    fragments: bool = False
    prefers_udp: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """With what the peer has proved its identity in IKE_AUTH.

    by: as shows say it; "": it has not.
    entry: of the keyring, by whose key.
    named: that key is for its very name.
    chain: of its certificate, in DER.
    """

    by: str = ""
    entry: str = ""
    named: bool = True
    chain: tuple[bytes, ...] = ()
