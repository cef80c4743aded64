"""The answers of `dmvpn explain`, as values; `--json` prints them as they are."""

from __future__ import annotations

from dmvpn.base.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundMeaning:
    """One meaning. kind: "flag", "log message", "command" ... place: where it is printed; screens: of which commands.

    details: pairs for a list below: words of a command, requirements of a clause.
    """

    word: str
    kind: str
    place: str
    screens: tuple[str, ...]
    what: str
    when: str = ""
    next: str = ""
    clause: str = ""
    details: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """asked: the question. found: all meanings. near: words that are spelled alike, if there is no meaning."""

    asked: str
    found: tuple[FoundMeaning, ...]
    near: tuple[str, ...] = ()
