"""One understood configuration line."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.ios.config_line import ConfigLine
    from dmvpn.ios.matcher import MatchedLine


class Verb(enum.Enum):
    """What a line does."""

    NOTHING = "blank line or comment"
    SET = "a command"
    NO = "no"
    DEFAULT = "default"
    DO = "do"
    EXIT = "exit"
    LEAVE = "the exit word of a mode"
    END = "end"


@dataclass(frozen=True, slots=True)
class Command:
    """An understood line. `mode`: in whose language; `targets`: the commands meant (several only after `no`).

    `rest`: the text behind the verb, for `do`.
    """

    verb: Verb
    mode: str
    targets: tuple[MatchedLine[ConfigLine], ...] = ()
    rest: str = ""
