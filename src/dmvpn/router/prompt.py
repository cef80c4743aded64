"""The commands that all features together have, and what the filter `explain` does with their answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from dmvpn.ios import ExecParser, Feature


@lru_cache(maxsize=4)
def exec_parser(features: tuple[Feature, ...]) -> ExecParser:
    """Return what commands these features understand in exec mode."""
    return ExecParser([command for feature in features for command in feature.commands], annotator(features))


def annotator(features: tuple[Feature, ...]) -> Callable[[str, Iterable[str]], Iterator[str]]:
    """Return the output filter `explain`. Its texts are imported at the first use."""

    def annotate(command: str, lines: Iterable[str]) -> Iterator[str]:
        from dmvpn.router import vocabulary

        return vocabulary.annotate(features, command, lines)

    return annotate
