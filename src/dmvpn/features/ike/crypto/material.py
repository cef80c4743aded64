"""What keys are made of, and those of a child SA, for both versions. None of it appears in a `repr`."""

from __future__ import annotations

from dataclasses import field

from dmvpn.base.values import dataclass


@dataclass(frozen=True, slots=True)
class ChildKeys:
    """Key material of a child SA, by direction: cipher key (with the salt of an AEAD at its end), integrity key."""

    initiator: tuple[bytes, bytes] = field(repr=False)
    responder: tuple[bytes, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Nonces:
    """What both sides contributed.

    initiator, responder: of the exchange that made the SA.
    """

    initiator: bytes = field(repr=False)
    responder: bytes = field(repr=False)

    @property
    def joined(self) -> bytes:
        """Ni | Nr."""
        return self.initiator + self.responder

    @property
    def lowest(self) -> bytes:
        """The lowest of both: of two exchanges that replace an SA, that with the lowest goes (RFC 7296 §2.8.1)."""
        return min(self.initiator, self.responder)
