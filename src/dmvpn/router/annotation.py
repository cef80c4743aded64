"""A screen, and beneath it what its words mean: `show ... | explain`.

annotate     what the filter does with the lines of a command
explained    the paragraphs alone, of meanings that were found otherwise
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from dmvpn.base.explanations import WordKind
from dmvpn.router.configured import configuration_on, is_configuration
from dmvpn.router.vocabulary import vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dmvpn.ios import Feature
    from dmvpn.router.vocabulary import Meaning

_WIDTH: Final = 78


def annotate(features: tuple[Feature, ...], command: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a screen, and beneath them what its flags, states, reasons and configuration lines mean, each
    once.

    command: that printed them, in full words. Lines pass through as they come.
    """
    seen: list[str] = []
    for line in lines:
        seen.append(line)
        yield line
    configured = configuration_on(features, seen) if is_configuration(command, seen) else []
    yield from explained([*vocabulary(features).on_screen(command, seen), *configured])


def explained(meanings: Sequence[Meaning]) -> Iterator[str]:
    """Yield the paragraphs below a screen: by place, in the order of the screen."""
    yield ""
    if not meanings:
        yield "Nothing on this screen has an explanation."
        return
    for group in dict.fromkeys(meaning.group for meaning in meanings):
        yield f"{group.title}:"
        for meaning in meanings:
            if meaning.group is group:
                yield from _paragraph(meaning)


def _paragraph(meaning: Meaning) -> Iterator[str]:
    word, what = meaning.explanation.word, meaning.explanation.what
    if len(word) > 12:
        yield f"  {word}"
        word = ""
    yield from textwrap.wrap(what, _WIDTH, initial_indent=f"  {word:<12} ", subsequent_indent=" " * 15)
    # The labels of a screen would all lead back to it, or to its longer form.
    following = meaning.explanation.next if meaning.group.kind is WordKind.LABEL else meaning.next
    if following:
        yield f"{'':15}next: {following}"
