"""Lines as they are typed in configuration mode, on a copy of a configuration: `interface range` included."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.ios import ConfigSession
from dmvpn.ios.ranges import interfaces_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.ios import ConfigTree, Configurator, ExecParser, LineResult

#: What the prompt says below `interface range`.
_RANGE_PROMPT: Final = "config-if-range"
_NEGATED: Final = re.compile(r"\s*(no|def(?:a(?:u(?:lt?)?)?)?)\s+", re.IGNORECASE)


def _range_of(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the interfaces that `interface range` names, and before them `no` or `default` if it begins so."""
    negated = _NEGATED.match(text)
    names = interfaces_of(text[negated.end() :] if negated else text)
    return (negated[1] if negated and names else ""), names


def _together(results: Sequence[LineResult]) -> LineResult:
    """Return the result of one line that was carried out several times: each message once."""
    said = dict.fromkeys(line for result in results for line in result.output_lines)
    return replace(results[-1], output_lines=tuple(said), refused=any(result.refused for result in results))


class TypedLines:
    """One stay in configuration mode. tree: changed line by line; parser: for `do`."""

    def __init__(self, configurator: Configurator, tree: ConfigTree, parser: ExecParser | None = None) -> None:
        self.session = ConfigSession(configurator, tree, parser)
        self._range: tuple[str, ...] = ()  # the interfaces that lines are for, of which the first is open

    @property
    def hostname(self) -> str:
        """The name that the next prompt shows."""
        return self.session.tree.hostname

    @property
    def prompt_mode(self) -> str:
        """The word of the mode that the next prompt shows."""
        return _RANGE_PROMPT if self._range else self.session.prompt_mode

    def enter(self, text: str, prompt_width: int = 0) -> LineResult:
        """Carry out a line, below `interface range` for each of its interfaces."""
        negation, names = _range_of(text)
        if negation:
            self._range = ()
            return _together([self._enter(f"{negation} interface {name}", prompt_width) for name in names])
        if names:
            results = [self._enter(f"interface {name}", prompt_width) for name in (*names, names[0])]
            self._range = names
            return _together(results)
        result = self._enter(text, prompt_width)
        if not self._range or result.error is not None or result.exec_line is not None:
            return result
        if self.session.header != f"interface {self._range[0]}":
            self._range = ()
            return result
        results = [result]
        for name in self._range[1:]:
            self._enter(f"interface {name}", prompt_width)
            results.append(self._enter(text, prompt_width))
        self._enter(f"interface {self._range[0]}", prompt_width)
        return _together(results)

    def _enter(self, text: str, prompt_width: int) -> LineResult:
        return self.session.enter(text, prompt_width)
