"""The events of a router or a lab, over several connections. The fronts connect and wait; the rest is here.

    request() -> connected() -> a stream of server-sent events -> take(event) -> news, Gone, or nothing
                 it breaks -> lost(error) -> the seconds until the next request, or the error itself

The patience is for the time without a connection, so it starts again with each connection, whether events come or not:
a proxy that closes idle connections ends no stream of a quiet router. Tries become rarer until an event comes, so a
server that accepts connections and breaks them at once is not flooded.

Each request names the last event that came (`Last-Event-ID`), so no event is lost or repeated as long as the router
remembers it; `News.missed` counts what it forgot.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Generic, TypeVar
from urllib.parse import urlencode

from dmvpn.client.errors import AnswerError, NotReachedError, ProblemError, RouterError, UnavailableError
from dmvpn.client.exchange import Request, made
from dmvpn.client.values import Gone
from dmvpn.face.messages import News

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx2

    from dmvpn.ios.filters import Plain

#: The news of a stream.
N = TypeVar("N")

#: Seconds until the first new try, and at most between two.
_FIRST, _LONGEST = 0.5, 15.0
#: Errors that may pass.
_PASSING: Final = (NotReachedError, UnavailableError, RouterError)


class Following(Generic[N]):
    """See the module's docstring. patience: seconds without a connection after which it gives up.

    read: makes of news, and of all data of their event, what the caller gets.
    """

    def __init__(
        self, base: str, topics: Sequence[str], since: str, patience: float, read: Callable[[News, dict[str, Plain]], N]
    ) -> None:
        self.ended = False
        self.since = since
        query = f"?{urlencode({'topics': ','.join(topics)})}" if topics else ""
        self._path = f"{base}/events{query}"
        self._patience = patience
        self._read = read
        self._was_there = False
        self._wait = _FIRST
        self._lost_at: float | None = None

    def request(self) -> Request:
        """Return the next request."""
        headers = [("Accept", "text/event-stream"), *([("Last-Event-ID", self.since)] if self.since else [])]
        return Request(self._path, headers=tuple(headers))

    def connected(self) -> None:
        """Note that the server gives a stream."""
        self._was_there, self._lost_at = True, None

    def take(self, event: httpx2.ServerSentEvent) -> N | Gone | None:
        """Return what an event says, None: nothing. Raises AnswerError."""
        self.connected()
        self._wait = _FIRST
        if event.event == "ended":
            self.ended = True
        if event.event not in ("news", "gone"):
            return None  # of a newer server
        try:
            data = json.loads(event.data)
        except (ValueError, RecursionError) as error:
            raise AnswerError("an event has no JSON") from error
        if event.event == "gone":
            return made(Gone, data)
        if not isinstance(data, dict):
            raise AnswerError("an event is no object")
        news = made(News, {**data, "id": event.id})
        found = self._read(news, data)
        self.since = news.id
        return found

    def lost(self, error: NotReachedError | ProblemError, now: float) -> float:
        """Return the seconds to wait before the next request. now: monotonic. Raises the error if there is none."""
        self._lost_at = now if self._lost_at is None else self._lost_at
        if not (self._was_there and isinstance(error, _PASSING)) or now - self._lost_at >= self._patience:
            raise error
        wait = getattr(error, "retry_after", None) or self._wait
        self._wait = min(self._wait * 2, _LONGEST)
        return min(wait, _LONGEST)
