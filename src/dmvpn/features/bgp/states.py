"""The states of a session and their transitions: RFC 4271 §8.2.2."""

from __future__ import annotations

import enum
from typing import Final


class SessionState(enum.Enum):
    """RFC 4271 §8.2.2, in the words of `show ip bgp summary`. A peer without any session is Idle or Active."""

    IDLE = "Idle"
    CONNECT = "Connect"
    OPEN_SENT = "OpenSent"
    OPEN_CONFIRM = "OpenConfirm"
    ESTABLISHED = "Established"


class SessionMove(enum.Enum):
    """Events of a session."""

    CALLS = "we open a connection"
    CONNECTED = "there is a connection, opened by either end: our OPEN goes out"
    OPENED = "an acceptable OPEN came: a KEEPALIVE goes out"
    KEPT = "a KEEPALIVE came"
    TOLD = "an UPDATE or a ROUTE-REFRESH came"
    ENDED = "the connection is lost, a timer ran out, there was an error, or the session is ended on purpose"


_S, _M = SessionState, SessionMove
#: Every legal transition. A message that causes another one is answered by a state machine error NOTIFICATION.
MOVES: Final[dict[tuple[SessionState, SessionMove], SessionState]] = {
    (_S.IDLE, _M.CALLS): _S.CONNECT,
    (_S.IDLE, _M.CONNECTED): _S.OPEN_SENT,
    (_S.CONNECT, _M.CONNECTED): _S.OPEN_SENT,
    (_S.CONNECT, _M.ENDED): _S.IDLE,
    (_S.OPEN_SENT, _M.OPENED): _S.OPEN_CONFIRM,
    (_S.OPEN_SENT, _M.ENDED): _S.IDLE,
    (_S.OPEN_CONFIRM, _M.KEPT): _S.ESTABLISHED,
    (_S.OPEN_CONFIRM, _M.ENDED): _S.IDLE,
    (_S.ESTABLISHED, _M.KEPT): _S.ESTABLISHED,
    (_S.ESTABLISHED, _M.TOLD): _S.ESTABLISHED,
    (_S.ESTABLISHED, _M.ENDED): _S.IDLE,
}
