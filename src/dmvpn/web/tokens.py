"""Tokens and their roles, and the code that is exchanged for a token once.

A port of this machine has no owner, so any user of the machine can connect to it: a token is needed on loopback, too.
Tokens live as long as the process; it keeps their hashes alone.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import secrets
from typing import Final

_OCTETS: Final = 32


class Role(enum.Enum):
    """What the holder of a token may do; its value is the word for it."""

    VIEW = "view"
    OPERATE = "operate"
    CONFIGURE = "configure"

    @property
    def privilege(self) -> int:
        """The privilege level at the routers. Below 15 they hide keys and passwords."""
        return 15 if self is Role.CONFIGURE else 1


class Tokens:
    """The tokens of this process, and the code for the first one. role: of the token that the code is exchanged for."""

    def __init__(self, role: Role) -> None:
        self.code = secrets.token_urlsafe(_OCTETS)
        self.role = role
        self._code: bytes | None = _hash(self.code)
        self._roles: dict[bytes, Role] = {}

    def exchange(self, code: str) -> str | None:
        """Return a new token for the code; None for a wrong code, and for a code that was used."""
        if self._code is None or not hmac.compare_digest(self._code, _hash(code)):
            return None
        self._code = None
        token = secrets.token_urlsafe(_OCTETS)
        self._roles[_hash(token)] = self.role
        return token

    def role_of(self, token: str) -> Role | None:
        """Return the role of a token; None for a wrong one. It takes as long whichever token it is."""
        given, found = _hash(token), None
        for known, role in self._roles.items():
            if hmac.compare_digest(known, given):
                found = role
        return found


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
