"""An answer as text: for each meaning a definition, when it appears, the next thing to check, and the clause."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.explain.answer import Answer, FoundMeaning

_WIDTH: Final = 88
_INDENT: Final = " " * 2


def render(answer: Answer) -> Iterator[str]:
    """Yield the lines."""
    if not answer.found:
        yield f"Nothing that this program prints is called {answer.asked!r}."
        if answer.near:
            yield f"Spelled alike: {', '.join(answer.near)}"
        return
    for number, found in enumerate(answer.found):
        if number:
            yield ""
        yield from _meaning(found)


def _meaning(found: FoundMeaning) -> Iterator[str]:
    screens = f" ({', '.join(found.screens)})" if found.screens else ""
    place = found.place if found.kind in found.place.casefold() else f"{found.kind}: {found.place}"
    yield f"{found.word}    {place}{screens}"
    yield from textwrap.wrap(found.what, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
    for title, text in (("when", found.when), ("next", found.next), ("clause", found.clause)):
        if text:
            yield from textwrap.wrap(
                text, _WIDTH, initial_indent=f"{_INDENT}{title + ':':<8}", subsequent_indent=_INDENT + " " * 8
            )
    width = max((len(word) for word, _ in found.details), default=0)
    for word, text in found.details:
        yield f"{_INDENT}  {word:<{min(width, 24)}}  {text}".rstrip()
