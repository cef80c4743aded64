"""The language of configurations, and the texts that are written in it."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from dmvpn.ios.language import Language
from dmvpn.ios.late_definitions import define, late_definitions, with_warnings
from dmvpn.ios.reader import FileReader
from dmvpn.ios.tree import ConfigTree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dmvpn.ios.account import ConfigResult
    from dmvpn.ios.config_line import ConfigLine, Mode
    from dmvpn.ios.groups import LineGroup
    from dmvpn.ios.language import Known
    from dmvpn.ios.late_definitions import LateDefinition
    from dmvpn.ios.places import Places
    from dmvpn.ios.protection import Bare


class Configurator(Language):
    """Understands lines, and reads whole texts."""

    def __init__(
        self, lines: Sequence[ConfigLine], modes: Sequence[Mode], known: Known = ((), ()), bare: Bare = lambda _: ()
    ) -> None:
        """bare: the tunnels of a configuration that name no IPsec profile; lines that were cut out may have named
        it.
        """
        super().__init__(lines, modes, known)
        self._bare = bare

    def on_host(self, beyond: Mapping[ConfigLine, Callable[[], LineGroup | None]]) -> Configurator:
        """Return the same language for a host that may be unable to carry out these lines (`Language.beyond`)."""
        if not beyond:
            return self
        found = copy(self)
        found.beyond = beyond
        return found

    def parse_text(
        self,
        text: str,
        base: ConfigTree | None = None,
        *,
        places: Places | None = None,
        leaves_out: bool = True,
        weak: bool = False,
    ) -> ConfigResult:
        """Read a file or the log of a terminal on top of `base`. Wrong lines are reported, the others count.

        places: records where each line is.
        leaves_out: lines that restrict or divert traffic are not in the tree.
        weak: weak algorithms are permitted if the file's release does that without a line (`releases`).
        """

        def read(late: Mapping[str, LateDefinition], defined: ConfigTree) -> ConfigResult:
            tree = base.copy() if base else ConfigTree()
            define(tree, late, defined)
            reader = FileReader(self, tree, leaves_out=leaves_out, places=places, bare=self._bare, weak=weak)
            return reader.read(text)

        result = read({}, ConfigTree())
        late = late_definitions(text, result)
        if not late:
            return result
        if places is not None:
            places.clear()
        return with_warnings(read(late, result.tree), late)
