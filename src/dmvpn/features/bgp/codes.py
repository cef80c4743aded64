"""Codes of messages, and of NOTIFICATION errors: RFC 4271 §4.5 and §6."""

from __future__ import annotations

import enum

from dmvpn.base.errors import WireError


class MessageType(enum.IntEnum):
    """RFC 4271 §4.1, RFC 2918 §3."""

    OPEN = 1
    UPDATE = 2
    NOTIFICATION = 3
    KEEPALIVE = 4
    ROUTE_REFRESH = 5


class ErrorCode(enum.IntEnum):
    """RFC 4271 §4.5; RFC 9687 §4."""

    HEADER = 1
    OPEN = 2
    UPDATE = 3
    HOLD_TIME = 4
    STATE_MACHINE = 5
    CEASE = 6
    SEND_HOLD_TIME = 8


class HeaderError(enum.IntEnum):
    """RFC 4271 §6.1."""

    NOT_SYNCHRONIZED = 1
    BAD_LENGTH = 2
    BAD_TYPE = 3


class OpenError(enum.IntEnum):
    """RFC 4271 §6.2."""

    UNSUPPORTED_VERSION = 1
    BAD_PEER_AS = 2
    BAD_IDENTIFIER = 3
    UNSUPPORTED_PARAMETER = 4
    UNACCEPTABLE_HOLD_TIME = 6
    UNSUPPORTED_CAPABILITY = 7


class UpdateError(enum.IntEnum):
    """RFC 4271 §6.3."""

    MALFORMED_LIST = 1
    UNRECOGNIZED_WELL_KNOWN = 2
    MISSING_WELL_KNOWN = 3
    BAD_FLAGS = 4
    BAD_LENGTH = 5
    BAD_ORIGIN = 6
    BAD_NEXT_HOP = 8
    BAD_OPTIONAL = 9
    BAD_NETWORK = 10
    BAD_AS_PATH = 11


class Cease(enum.IntEnum):
    """RFC 4486 §3, RFC 8538 §3, RFC 9384 §3."""

    MAXIMUM_PREFIXES = 1
    SHUTDOWN = 2
    DECONFIGURED = 3
    RESET = 4
    REJECTED = 5
    CONFIGURATION_CHANGE = 6
    COLLISION = 7
    OUT_OF_RESOURCES = 8
    HARD_RESET = 9
    BFD_DOWN = 10


class MessageError(WireError):
    """An error that ends the session with a NOTIFICATION. code, subcode, data: its fields."""

    def __init__(self, what: str, *, code: int, subcode: int, clause: str, data: bytes = b"", offset: int = 0) -> None:
        super().__init__(what, offset=offset, clause=clause)
        self.code = code
        self.subcode = subcode
        self.data = data
