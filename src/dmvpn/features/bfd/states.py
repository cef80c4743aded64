"""The states of a session and every move between them: RFC 5880 §6.2, §6.8.6 as a table."""

from __future__ import annotations

import enum
from typing import Final


class BfdState(enum.IntEnum):
    """RFC 5880 §4.1, Sta."""

    ADMIN_DOWN = 0
    DOWN = 1
    INIT = 2
    UP = 3

    @property
    def word(self) -> str:
        """As `show bfd neighbors` has it."""
        return _WORDS[self]


_WORDS: Final = {BfdState.ADMIN_DOWN: "AdminDown", BfdState.DOWN: "Down", BfdState.INIT: "Init", BfdState.UP: "Up"}


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


class SessionMove(enum.Enum):
    """The events of a session."""

    HEARD_ADMIN_DOWN = "the far end does not want a session"
    HEARD_DOWN = "the far end does not hear us"
    HEARD_INIT = "the far end hears us"
    HEARD_UP = "the far end knows that both ends hear each other"
    SILENT = "nothing came for the detection time"
    INTERRUPTED = "the interface went down, or its lines are gone"
    DISABLED = "nobody here wants it any more"
    ENABLED = "somebody wants it again"


HEARD: Final = {
    BfdState.ADMIN_DOWN: SessionMove.HEARD_ADMIN_DOWN,
    BfdState.DOWN: SessionMove.HEARD_DOWN,
    BfdState.INIT: SessionMove.HEARD_INIT,
    BfdState.UP: SessionMove.HEARD_UP,
}

#: Moves that end a session, with what they mean in packets (§4.1) and in the log.
ENDS: Final = {
    SessionMove.SILENT: (Diagnostic.TIME_EXPIRED, "DETECT TIMER EXPIRED"),
    SessionMove.HEARD_DOWN: (Diagnostic.NEIGHBOR_DOWN, "RX DOWN"),
    SessionMove.HEARD_ADMIN_DOWN: (Diagnostic.NEIGHBOR_DOWN, "RX ADMINDOWN"),
    SessionMove.INTERRUPTED: (Diagnostic.PATH_DOWN, "INTERFACE DOWN"),
    SessionMove.DISABLED: (Diagnostic.ADMIN_DOWN, "ADMIN DOWN"),
}
#: Of these, the moves that are no failure of the path: RFC 5882 §3.2.
PEACEFUL: Final = (SessionMove.HEARD_ADMIN_DOWN, SessionMove.DISABLED, SessionMove.INTERRUPTED)

_DOWN, _INIT, _UP = BfdState.DOWN, BfdState.INIT, BfdState.UP

#: Every legal move. A missing pair (KeyError) is our bug: a disabled session gets no events.
MOVES: Final[dict[tuple[BfdState, SessionMove], BfdState]] = {
    (_DOWN, SessionMove.HEARD_ADMIN_DOWN): _DOWN,
    (_DOWN, SessionMove.HEARD_DOWN): _INIT,
    (_DOWN, SessionMove.HEARD_INIT): _UP,
    (_DOWN, SessionMove.HEARD_UP): _DOWN,
    (_INIT, SessionMove.HEARD_ADMIN_DOWN): _DOWN,
    (_INIT, SessionMove.HEARD_DOWN): _INIT,
    (_INIT, SessionMove.HEARD_INIT): _UP,
    (_INIT, SessionMove.HEARD_UP): _UP,
    (_UP, SessionMove.HEARD_ADMIN_DOWN): _DOWN,
    (_UP, SessionMove.HEARD_DOWN): _DOWN,
    (_UP, SessionMove.HEARD_INIT): _UP,
    (_UP, SessionMove.HEARD_UP): _UP,
    **{(state, move): _DOWN for state in (_DOWN, _INIT, _UP) for move in (SessionMove.SILENT, SessionMove.INTERRUPTED)},
    **{(state, SessionMove.DISABLED): BfdState.ADMIN_DOWN for state in BfdState},
    (BfdState.ADMIN_DOWN, SessionMove.ENABLED): _DOWN,
}
