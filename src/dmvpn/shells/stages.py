"""Files and folders of one network at several stages: courses hand out `R1_init.cfg`, and `R1_final.cfg` to compare."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_STAGE: Final = re.compile(
    r"(?P<rest>.*?)(?:^|[\s_.-])(?:(?P<early>init|initial|start|starting|begin|beginning|before|base|blank|unconfigured)"
    r"|final|finished|complete|completed|solution|solutions|solved|done|end|after)(?:[\s_.-]*(?:configs?|cfg|state))?$",
    re.IGNORECASE,
)


def earlier_of(names: Iterable[str]) -> dict[str, str]:
    """The names of earlier stages of which there is a complete one as well, each with the name of that."""
    early: dict[str, list[str]] = {}
    complete: dict[str, str] = {}
    for name in names:
        found = _STAGE.fullmatch(name)
        if found is None:
            continue
        rest = found["rest"].lower()
        if found["early"]:
            early.setdefault(rest, []).append(name)
        else:
            complete.setdefault(rest, name)
    return {name: complete[rest] for rest, each in early.items() if rest in complete for name in each}
