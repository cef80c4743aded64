"""Texts that are entered on top of what runs: by `copy FILE running-config`, and by commands that configure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import in_one_go
from dmvpn.base.events import ConfigurationEntered
from dmvpn.face.intake import refusals, told, unknown_lines, without
from dmvpn.ios.render import render_tree
from dmvpn.ios.sealing import sealed_text
from dmvpn.router.intake import hold

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.face.handle import RouterHandle
    from dmvpn.ios import ConfigResult, ConfigTree

#: So often a text is made again because others changed what runs meanwhile; then nobody else has a turn.
_TRIES: Final = 3


class Merging:
    """What one user's session merges. who: as the router notes it."""

    def __init__(self, handle: RouterHandle, session: int, who: Callable[[], str]) -> None:
        self._handle = handle
        self._session = session
        self._who = who

    def running(self) -> ConfigTree:
        """Return what the router runs."""
        return self._handle.context(self._session).running

    def merge(self, text: str) -> tuple[str, ...]:
        """Enter a text on top of what runs. Good lines count; returns what is to be said of the others."""
        sealed = sealed_text(self._handle.configurator, text, self._handle.entropy)

        def entered(before: ConfigTree) -> tuple[str, tuple[str, ...]]:
            result = self._handle.configurator.parse_text(sealed, before)
            return _text(result.tree), _complaints(result)

        return self._enter_on_top(entered)

    def merge_file(self, text: str) -> tuple[str, ...]:
        """Enter a sealed file in the same way: a tunnel that one of its bad lines could have protected is shut down.

        Lines that nobody knows are refused: whoever merges a file means each of its lines, as somebody who types does.
        """

        def merged(before: ConfigTree) -> tuple[str, tuple[str, ...]]:
            taken = hold(self._handle.configurator.parse_text(text, before), text, before)
            strange = unknown_lines(taken.result)
            lines = render_tree(taken.tree, of=without(strange)) if strange else taken.tree.render()
            return "\n".join(lines) + "\n", (*_complaints(taken.result), *refusals(strange), *told(taken))

        return self._enter_on_top(merged)

    def _enter_on_top(self, make: Callable[[ConfigTree], tuple[str, tuple[str, ...]]]) -> tuple[str, ...]:
        """Let the router run what `make` makes of what runs; returns what that says. What others enter stays."""

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
    return tuple(line for problem in result.problems for line in (problem.text, *problem.message_lines))


def _text(tree: ConfigTree) -> str:
    return "\n".join(tree.render()) + "\n"
