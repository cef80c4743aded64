"""Copies of frozen dataclasses with other values in some fields, for paths where there are hundreds of thousands.

`dataclasses.replace` asks the class for its fields each time and calls `__init__`, which takes four times as long.
"""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

V = TypeVar("V")


def copier(kind: type[V], *changed: str) -> Callable[..., V]:
    """Return a function that copies a value of this class, which has slots and no `__post_init__`, with other values in
    these fields: `copier(Route, "prefix")(route, prefix)`.
    """
    same = [field.name for field in fields(kind) if field.name not in changed]  # type: ignore[arg-type]
    values = attrgetter(*same)
    setters = [getattr(kind, name).__set__ for name in (*same, *changed)]

    def copy(value: V, *others: object) -> V:
        made = object.__new__(kind)
        for set_field, one in zip(setters, (*values(value), *others), strict=True):
            set_field(made, one)
        return made

    return copy
