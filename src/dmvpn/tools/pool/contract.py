"""What every pool does.

    for came in pool.submit(work, tasks):      results as they come, in any order
        Lost: a worker died of it, or with it. It runs again, and is named if that ends in the same way.

A worker that dies costs its task alone. An exception that `work` raises is raised here and ends the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Lost(Generic[T]):
    """A task whose worker died before there was a result: killed by hand, or for lack of memory.

    is_tried_again: at the end, by another worker.
    """

    task: T
    is_tried_again: bool


class Pool(Protocol):
    """Workers, for use in a `with` statement; what they still do at its end is given up."""

    @property
    def size(self) -> str:
        """The number of workers, in words."""
        ...

    def submit(self, work: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R | Lost[T]]:
        """Let workers carry tasks out. Raises what `work` raises, and UserError if there are no workers any more."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
