"""Texts merged into the running configuration: by `copy FILE running-config`, and by commands that configure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import in_one_go
from dmvpn.base.events import ConfigurationEntered
from dmvpn.face.intake import refusals, told, unknown_lines, without
from dmvpn.ios.language import sealed_text
from dmvpn.ios.tree import render_tree
from dmvpn.router.intake import hold

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.face.handle import RouterHandle
    from dmvpn.ios import ConfigResult, ConfigTree

#: Attempts to merge while other sessions change the configuration; the next attempt blocks all other sessions.
_TRIES: Final = 3


class Merging:
    """Merges texts for one session. `who` returns the user's name for the log."""

    def __init__(self, handle: RouterHandle, session: int, who: Callable[[], str]) -> None:
        self._handle = handle
        self._session = session
        self._who = who

    def running(self) -> ConfigTree:
        """Return the running configuration."""
        return self._handle.context(self._session).running

    def merge(self, text: str) -> tuple[str, ...]:
        """Merge a text into the running configuration. Valid lines take effect; returns messages for invalid lines."""
        sealed = sealed_text(self._handle.configurator, text, self._handle.entropy)

        def entered(before: ConfigTree) -> tuple[str, tuple[str, ...]]:
            result = self._handle.configurator.parse_text(sealed, before)
            return "\n".join([*result.tree.render(), ""]), _complaints(result)

        return self._enter_on_top(entered)

    def merge_file(self, text: str) -> tuple[str, ...]:
        """Merge a sealed file in the same way; a tunnel that an invalid line might have protected is shut down.

        Unknown lines are refused: a user who merges a file wants each of its lines, as if they were typed.
        """

        def merged(before: ConfigTree) -> tuple[str, tuple[str, ...]]:
            taken = hold(self._handle.configurator.parse_text(text, before), text, before)
            strange = unknown_lines(taken.result)
            lines = render_tree(taken.tree, of=without(strange)) if strange else taken.tree.render()
            return "\n".join(lines) + "\n", (*_complaints(taken.result), *refusals(strange), *told(taken))

        return self._enter_on_top(merged)

    def _enter_on_top(self, make: Callable[[ConfigTree], tuple[str, tuple[str, ...]]]) -> tuple[str, ...]:
        """Apply `make` to the running configuration; returns its messages. Changes by other sessions are kept."""

        def enter(*, is_last: bool = False) -> tuple[str, ...] | None:
            before = self.running()
            revision = before.revision
            text, said = make(before)
            self._handle.prepare(text)
            if not is_last and (self.running() is not before or before.revision != revision):
                return None
            self._handle.post(ConfigurationEntered(text, by=self._who()))
            return said

        for _ in range(_TRIES):
            said = enter()
            if said is not None:
                return said
        return in_one_go(lambda: enter(is_last=True)) or ()


def _complaints(result: ConfigResult) -> tuple[str, ...]:
    return tuple(line for problem in result.problems for line in (problem.shown, *problem.message_lines))
