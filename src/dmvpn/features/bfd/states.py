"""The states of a session and every move between them: RFC 5880 §6.2, §6.8.6 as a table."""

from __future__ import annotations

import enum
from typing import Final


class State(enum.IntEnum):
    """RFC 5880 §4.1, Sta."""

    ADMIN_DOWN = 0
    DOWN = 1
    INIT = 2
    UP = 3

    @property
    def word(self) -> str:
        """As `show bfd neighbors` has it."""
        return _WORDS[self]


_WORDS: Final = {State.ADMIN_DOWN: "AdminDown", State.DOWN: "Down", State.INIT: "Init", State.UP: "Up"}


class Diagnostic(enum.IntEnum):
    """Why the state changed last, RFC 5880 §4.1."""

    NONE = 0
    TIME_EXPIRED = 1
    ECHO_FAILED = 2
    NEIGHBOR_DOWN = 3
    FORWARDING_RESET = 4
    PATH_DOWN = 5
    CONCATENATED_PATH_DOWN = 6
    ADMIN_DOWN = 7
    REVERSE_PATH_DOWN = 8


class Move(enum.Enum):
    """What can happen to a session."""

    HEARD_ADMIN_DOWN = "the far end does not want a session"
    HEARD_DOWN = "the far end does not hear us"
    HEARD_INIT = "the far end hears us"
    HEARD_UP = "the far end knows that both ends hear each other"
    SILENT = "nothing came for the detection time"
    INTERRUPTED = "the interface went down, or its lines are gone"
    DISABLED = "nobody here wants it any more"
    ENABLED = "somebody wants it again"


HEARD: Final = {
    State.ADMIN_DOWN: Move.HEARD_ADMIN_DOWN,
    State.DOWN: Move.HEARD_DOWN,
    State.INIT: Move.HEARD_INIT,
    State.UP: Move.HEARD_UP,
}

#: Moves that end a session, with what they mean in packets (§4.1) and in the log.
ENDS: Final = {
    Move.SILENT: (Diagnostic.TIME_EXPIRED, "DETECT TIMER EXPIRED"),
    Move.HEARD_DOWN: (Diagnostic.NEIGHBOR_DOWN, "RX DOWN"),
    Move.HEARD_ADMIN_DOWN: (Diagnostic.NEIGHBOR_DOWN, "RX ADMINDOWN"),
    Move.INTERRUPTED: (Diagnostic.PATH_DOWN, "INTERFACE DOWN"),
    Move.DISABLED: (Diagnostic.ADMIN_DOWN, "ADMIN DOWN"),
}
#: Of these, those that are no failure of the path: RFC 5882 §3.2.
PEACEFUL: Final = (Move.HEARD_ADMIN_DOWN, Move.DISABLED, Move.INTERRUPTED)

_DOWN, _INIT, _UP = State.DOWN, State.INIT, State.UP

#: Every legal move. A missing pair (KeyError) is our bug: a session that is disabled is told nothing.
MOVES: Final[dict[tuple[State, Move], State]] = {
    (_DOWN, Move.HEARD_ADMIN_DOWN): _DOWN,
    (_DOWN, Move.HEARD_DOWN): _INIT,
    (_DOWN, Move.HEARD_INIT): _UP,
    (_DOWN, Move.HEARD_UP): _DOWN,
    (_INIT, Move.HEARD_ADMIN_DOWN): _DOWN,
    (_INIT, Move.HEARD_DOWN): _INIT,
    (_INIT, Move.HEARD_INIT): _UP,
    (_INIT, Move.HEARD_UP): _UP,
    (_UP, Move.HEARD_ADMIN_DOWN): _DOWN,
    (_UP, Move.HEARD_DOWN): _DOWN,
    (_UP, Move.HEARD_INIT): _UP,
    (_UP, Move.HEARD_UP): _UP,
    **{(state, move): _DOWN for state in (_DOWN, _INIT, _UP) for move in (Move.SILENT, Move.INTERRUPTED)},
    **{(state, Move.DISABLED): State.ADMIN_DOWN for state in State},
    (State.ADMIN_DOWN, Move.ENABLED): _DOWN,
}
