"""What people hand a router to read.

configuration  the octets of a file: what is read is shown, and what is shown reads back as the same
typed          lines at the prompts of a router, separated by line ends: answered, and completed, without an error
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.ios import ConfigSession, ConfigTree
from dmvpn.ios.transcript import decode
from dmvpn.ios.tree import MARK
from dmvpn.shells.exercises import built_in_names
from dmvpn.shells.scenario import Scenario
from fuzz.target import Target
from support.full_language import LANGUAGE, models

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Lines of what is typed; more would be the same again.
_LINES = 40


def configuration(octets: bytes) -> None:
    """Whatever the file is, what was taken from it is what is kept."""
    try:
        text = decode(octets)
    except ValueError:
        return
    tree = LANGUAGE.parse_text(text).tree
    again = _read_again(tree)
    assert models(again) == models(tree)
    assert _read_again(again) == again


def _read_again(tree: ConfigTree) -> ConfigTree:
    """What a router starts with that has written this; of what is kept, a sentence may be taken for no line."""
    read = LANGUAGE.parse_text("\n".join([MARK, *tree.render()]))
    assert [problem for problem in read.problems if not problem.is_warning] == []
    return read.tree


def typed(octets: bytes) -> None:
    """Each line is taken or refused with a word, and the help for it can be asked for."""
    session = ConfigSession(LANGUAGE, ConfigTree())
    for line in octets.decode(errors="replace").splitlines()[:_LINES]:
        session.help(line)
        session.complete(line)
        result = session.enter(line)
        assert not result.refused or result.output_lines
    models(session.tree)


def _files() -> Iterator[bytes]:
    for name in built_in_names():
        for text in Scenario.load(name).configurations.values():
            yield text.encode()


TARGETS = (Target("configuration", configuration, _files), Target("typed", typed, _files))
