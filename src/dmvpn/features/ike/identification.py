"""An identity as peers say it of themselves: RFC 7296 §3.5, RFC 2407 §4.6.2."""

from __future__ import annotations

from dmvpn.base.values import dataclass


@dataclass(frozen=True, slots=True)
class Identification:
    """Whom a peer claims to be.

    kind: a number of `IdType`, or any other.
    data: an address, a name in UTF-8, or a distinguished name in DER.
    """

    kind: int
    data: bytes

    @property
    def key(self) -> tuple[int, bytes]:
        """Whom it names, whichever end sent it."""
        return self.kind, self.data
