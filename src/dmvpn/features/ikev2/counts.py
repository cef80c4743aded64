"""What `show crypto ikev2 stats` counts, while it is counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from dmvpn.base.protection import IkeStats

if TYPE_CHECKING:
    from dmvpn.features.ikev2.sa import IkeSa


@dataclass(slots=True)
class Counts:
    """The fields are those of `IkeStats`."""

    incoming: int = 0
    incoming_accepted: int = 0
    incoming_rejected: int = 0
    outgoing: int = 0
    outgoing_accepted: int = 0
    outgoing_rejected: int = 0
    refused_by_limit: int = 0
    dropped: int = 0
    challenged: int = 0
    cookies_accepted: int = 0
    cookies_rejected: int = 0

    def challenge(self, *, had_cookie: bool) -> None:
        """A stranger must return a cookie. had_cookie: a wrong one."""
        self.challenged += 1
        self.cookies_rejected += had_cookie

    def limited(self) -> None:
        """A stranger was refused because there are too many."""
        self.incoming_rejected += 1
        self.refused_by_limit += 1

    def established(self, sa: IkeSa) -> None:
        """Both sides have proved who they are."""
        if sa.is_initiator:
            self.outgoing_accepted += 1
        else:
            self.incoming_accepted += 1

    def ended(self, sa: IkeSa) -> None:
        """An IKE SA is gone; if the peer had not proved who it is, nothing came of the request for it."""
        if sa.is_initiator and not sa.evidence.by:
            self.outgoing_rejected += 1
        elif not sa.evidence.by:
            self.incoming_rejected += 1

    @property
    def view(self) -> IkeStats:
        """As a value."""
        return IkeStats(**asdict(self))
