"""The language that all features together make: built once, shared by every router of this process."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from dmvpn.ios import Configurator, ExecParser, Feature, known_commands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


@lru_cache(maxsize=4)
def configurator(features: tuple[Feature, ...]) -> Configurator:
    """What configuration lines these features understand, besides the harmless ones of `ios/known.txt`."""
    return Configurator(
        [line for feature in features for line in feature.config],
        [mode for feature in features for mode in feature.modes],
        known_commands(),
    )


@lru_cache(maxsize=4)
def exec_parser(features: tuple[Feature, ...]) -> ExecParser:
    """What commands these features understand in exec mode."""
    return ExecParser([command for feature in features for command in feature.commands], annotator(features))


def annotator(features: tuple[Feature, ...]) -> Callable[[str, Iterable[str]], Iterator[str]]:
    """The output filter `explain`. Its texts are imported when somebody first uses it."""

    def annotate(command: str, lines: Iterable[str]) -> Iterator[str]:
        from dmvpn.router import annotation

        return annotation.annotate(features, command, lines)

    return annotate
