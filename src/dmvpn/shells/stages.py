"""Files and folders of one network at several stages: courses have `R1_init.cfg`, and `R1_final.cfg`.

Copies are such stages, too: `R1.recovered` beside `R1`.
"""

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
_COPY: Final = re.compile(
    r"(?P<rest>.+?)(?:[\s_.-]+(?:copy|recovered|backup|bak|old|orig|original)(?:[\s_.-]*\d+)?|\s*\(\d+\))$",
    re.IGNORECASE,
)


def earlier_of(names: Iterable[str]) -> dict[str, str]:
    """Return the names of earlier stages and copies, each with the name of its complete version."""
    names = list(names)
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
    found_early = {name: complete[rest] for rest, each in early.items() if rest in complete for name in each}
    own = {name.lower(): name for name in names}
    copies = {name: copy["rest"].lower() for name in names if (copy := _COPY.match(name)) is not None}
    return found_early | {name: own[rest] for name, rest in copies.items() if rest in own}
