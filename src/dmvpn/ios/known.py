"""Legal IOS lines that mean nothing here: kept, shown back, and without effect (`known.txt`).

A line of that file is either a mode or a command:

    mode NAME PROMPT [PARENT]             a mode that only such lines open, inside of the global one if none is named
    MODE ORDER FLAGS SYNTAX [=> OPENS]    a command; the syntax is that of every other command

FLAGS: `-` none, `n` its `no` form is kept too, `*` there may be several. Lines of features are preferred to these.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from dmvpn.ios.grammar import ConfigLine, Mode
from dmvpn.ios.values import ValueType, register_type

if TYPE_CHECKING:
    from collections.abc import Sequence

_RELEASE = re.compile(r"\d{1,2}\.\d[\w.()]*\Z")


def _release(text: str) -> tuple[str, str] | None:
    return (text, text) if _RELEASE.match(text) else None


#: "17.9", "15.2(4)M": not the 2 of `version 2`, which belongs to RIP and may stray into the global section.
register_type(ValueType("release", "WORD", _release))

_HELP = "Kept for the record; has no effect here"


@lru_cache(maxsize=1)
def known_lines() -> tuple[str, ...]:
    """The lines of `known.txt`, for `Configurator`."""
    path = os.path.join(os.path.dirname(__file__), "known.txt")
    with open(path, encoding="utf-8") as file:
        return tuple(file.read().splitlines())


def read_known(lines: Sequence[str]) -> tuple[list[ConfigLine], list[Mode]]:
    """The commands and modes that such lines describe. Raises ValueError for a malformed one."""
    commands: list[ConfigLine] = []
    modes: list[Mode] = []
    for line in lines:
        words = line.split(None, 3)
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "mode" and len(words) in (3, 4):
            modes.append(Mode(words[1], words[2], words[3] if len(words) == 4 else "global"))
        elif len(words) == 4 and words[1].isdigit() and set(words[2]) <= set("-n*"):
            commands.append(_command(words[0], int(words[1]), words[2], words[3]))
        else:
            raise ValueError(f"not a known line: {line!r}")
    return commands, modes


def _command(mode: str, order: int, flags: str, rest: str) -> ConfigLine:
    syntax, _, opens = rest.partition(" => ")
    key = () if "*" in flags else None
    return ConfigLine(mode, syntax, _HELP, key=key, order=order, opens=opens.strip() or None, keep_no="n" in flags)
