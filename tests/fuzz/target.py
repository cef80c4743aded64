"""What a target is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Target:
    """run: raises for a finding. corpus: what it may begin with."""

    name: str
    run: Callable[[bytes], None]
    corpus: Callable[[], Iterator[bytes]]
