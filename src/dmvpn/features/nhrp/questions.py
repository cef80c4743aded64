"""Resolution Requests that are out, by their identifier and by what they ask; one for each address of a tunnel.

Those that were answered are remembered for a while: a late or doubled reply is not one to a question never asked.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

#: Answered requests that are remembered.
LARGEST_ANSWERED = 256
FIRST_RETRY = 1.0


class Purpose(enum.Enum):
    """Why we ask."""

    SHORTCUT = "a redirect"
    NEXT_HOP = "a next hop of the data plane"
    REFRESH = "an entry in use expires"
    GREETING = "a peer is to learn which connection is ours"


@dataclass(slots=True)
class Pending:
    """A request that is out. retry: seconds to wait next."""

    request_id: int
    tunnel: str
    destination: IPAddress
    purpose: Purpose
    tries: int = 0
    retry: float = FIRST_RETRY

    @property
    def is_of_known(self) -> bool:
        """An entry stands already, and stands on without an answer."""
        return self.purpose in (Purpose.REFRESH, Purpose.GREETING)


class Questions:
    """See the module's docstring."""

    def __init__(self) -> None:
        self._pending: dict[int, Pending] = {}
        self._asking: dict[tuple[str, IPAddress], Pending] = {}
        self._answered: dict[int, IPAddress] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, pending: Pending) -> None:
        """This is asked now."""
        self._pending[pending.request_id] = self._asking[pending.tunnel, pending.destination] = pending

    def get(self, request_id: int) -> Pending | None:
        """The request with this identifier, if it is out."""
        return self._pending.get(request_id)

    def about(self, tunnel: str, destination: IPAddress) -> Pending | None:
        """The request for this address that is out."""
        return self._asking.get((tunnel, destination))

    def was_answered(self, request_id: int, destination: IPAddress) -> bool:
        """Was this asked, and is it done with?"""
        return self._answered.get(request_id) == destination

    def finish(self, pending: Pending) -> None:
        """It was answered, or nobody waits for the answer any more."""
        if self._pending.pop(pending.request_id, None) is not None:
            self._answered[pending.request_id] = pending.destination
            if len(self._answered) > LARGEST_ANSWERED:
                del self._answered[next(iter(self._answered))]
        self._asking.pop((pending.tunnel, pending.destination), None)
