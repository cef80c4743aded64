"""What both fronts are made of: a method is written once, as an operation, and each front carries it out in its way.

@Asked
def labs(self) -> Steps[...]     `labs()` of a client in `sync.py` returns the labs, in `aio.py` a coroutine of them
"""

from __future__ import annotations

from functools import wraps
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from dmvpn.client.following import N

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from dmvpn.client.exchange import Steps
    from dmvpn.client.following import Following
    from dmvpn.client.values import Gone

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


class Part:
    """A client, or a router or lab that is reached through one."""

    _client: Any = None

    def through(self, client: Any) -> Self:  # noqa: ANN401 - of either front
        """Carry all operations out through this client. Returns itself."""
        self._client = client
        return self


class Waiting(Part):
    """A part of the front that waits."""


class Awaited(Part):
    """A part of the front for asyncio."""


class Asked(Generic[S, P, T]):
    """The method that carries an operation out, with its arguments and description."""

    def __init__(self, operation: Callable[Concatenate[S, P], Steps[T]]) -> None:
        self._operation = operation

    @overload
    def __get__(self, part: Waiting, kind: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, part: Awaited, kind: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, part: None, kind: type) -> Callable[Concatenate[S, P], Steps[T]]: ...
    def __get__(self, part: Part | None, kind: type) -> object:
        """Return it for a part of a front."""
        return self._operation if part is None else _bound(self._operation, part, "do")


class Followed(Generic[S, P, N]):
    """The method that yields the events that an operation finds, likewise."""

    def __init__(self, operation: Callable[Concatenate[S, P], Steps[Following[N]]]) -> None:
        self._operation = operation

    @overload
    def __get__(self, part: Waiting, kind: type) -> Callable[P, Iterator[N | Gone]]: ...
    @overload
    def __get__(self, part: Awaited, kind: type) -> Callable[P, AsyncIterator[N | Gone]]: ...
    @overload
    def __get__(self, part: None, kind: type) -> Callable[Concatenate[S, P], Steps[Following[N]]]: ...
    def __get__(self, part: Part | None, kind: type) -> object:
        """Return it for a part of a front."""
        return self._operation if part is None else _bound(self._operation, part, "follow")


def _bound(operation: Callable[..., Steps[Any]], part: Part, verb: str) -> object:
    carry_out = getattr(part._client or part, verb)

    def method(*args: object, **kwargs: object) -> object:
        return carry_out(operation(part, *args, **kwargs))

    async def coroutine(*args: object, **kwargs: object) -> object:
        return await carry_out(operation(part, *args, **kwargs))

    # Decorators that try again or give up after a time ask whether it is a coroutine function.
    return wraps(operation)(coroutine if iscoroutinefunction(carry_out) else method)
