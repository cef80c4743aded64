"""Shows by their words: which command it is, and what reads its value.

The command language is that of this program, so words may be abbreviated as at the prompt. It is loaded for the first
show, which takes about a second.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from dmvpn.client.errors import AnswerError, UsageError
from dmvpn.ios.from_plain import MisfitError, reader_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.ios.filters import Plain
    from dmvpn.ios.grammar import ExecCommand


def path_of(words: str) -> str:
    """Return the words of a show as parts of a path. Raises UsageError."""
    parts = words.split()
    if not parts or not words.isprintable() or "|" in words or {".", ".."} & {*parts}:
        raise UsageError("a show has words, without `show` and without filters: ip route 10.0.0.0/8")
    return "/".join(quote(word, safe="") for word in parts)


@lru_cache(maxsize=256)
def reader(words: str) -> Callable[[Plain], object]:
    """Return what makes the dataclass of a show of its JSON; it raises AnswerError. Raises UsageError."""
    read = _reader_of(_command(words))

    def checked(plain: Plain) -> object:
        try:
            return read(plain)
        except MisfitError as error:
            raise AnswerError(f"show {words}: another version of dmvpn answers? {error}") from error

    return checked


@lru_cache(maxsize=1024)
def _reader_of(command: ExecCommand) -> Callable[[Plain], object]:
    return reader_of(command)


def _command(words: str) -> ExecCommand:
    from dmvpn.face.language import exec_parser
    from dmvpn.ios.exec_parser import Match
    from dmvpn.router.features import FEATURES

    path_of(words)
    match = exec_parser(FEATURES).match(f"show {words}")
    if not isinstance(match, Match) or match.command.query is None:
        raise UsageError(f"this version of dmvpn has no `show {words}`; plain() asks the router all the same")
    return match.command
