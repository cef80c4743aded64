"""Cisco's fragments of IKEv1: a large message in parts, each an ISAKMP message in clear with one payload (132).

No standard has them; strongSwan and libreswan speak them, too. The parts are not authentic, the whole message is: a
forged part can spoil a message, which its sender repeats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import WireError

if TYPE_CHECKING:
    from dmvpn.features.ike.v1.wire.payloads import Fragment

#: More parts than a chain of large certificates needs, and octets of all of them: one peer makes us keep no more.
LARGEST_NUMBER_OF_FRAGMENTS: Final = 64
LARGEST_MESSAGE: Final = 16_384
_CLAUSE = "RFC 2408 §3.2"


class Fragments:
    """The parts of one message so far."""

    __slots__ = ("_id", "_last", "_pieces")

    def __init__(self) -> None:
        self._id = self._last = 0
        self._pieces: dict[int, bytes] = {}

    def add(self, fragment: Fragment) -> bytes | None:
        """Add a part. Returns the message if it was the last missing part. Raises WireError for too large a message."""
        if fragment.id != self._id:
            self.clear()
            self._id = fragment.id
        self._pieces[fragment.number] = fragment.data
        if fragment.is_last:
            self._last = fragment.number
        is_too_large = sum(map(len, self._pieces.values())) > LARGEST_MESSAGE
        if fragment.number > LARGEST_NUMBER_OF_FRAGMENTS or is_too_large:
            self.clear()
            raise WireError("the fragments are too many, or too large together", offset=28, clause=_CLAUSE)
        if not self._last or any(number not in self._pieces for number in range(1, self._last + 1)):
            return None
        octets = b"".join(self._pieces[number] for number in range(1, self._last + 1))
        self.clear()
        return octets

    def clear(self) -> None:
        """Forget the parts."""
        self._id = self._last = 0
        self._pieces = {}
