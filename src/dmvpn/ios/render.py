"""The running configuration as text, in the shape in which IOS prints it.

One blank of indentation for each level. In the global section a `!` separates blocks: every section is a block of
its own, neighboring lines with the same first word are one. Inside a section, a block that has an exit word is
preceded by a `!` and closed by that word (`address-family ...` / `exit-address-family`); blocks of some other modes
are followed by a `!` (keyring peers). Header and `end` belong to the show command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathing
from dmvpn.ios.config_line import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dmvpn.ios.section import Section, Statement

    Reading = Callable[[Section], Iterable[Statement]]

#: Tools skip comments; only our configurations have this one.
MARK: Final = "! Written by dmvpn"


def as_stored(section: Section) -> Iterable[Statement]:
    """Return what a section has; no setting at its default."""
    return section.statements()


def render_tree(tree: Section, *, hide: bool = False, known: bool = False, of: Reading = as_stored) -> list[str]:
    """Return the body of the running configuration.

    hide: keys and passwords are left out.
    known: unknown lines are left out, too.
    of: the statements of each section.
    """
    lines: list[str] = []
    group = ""
    for statement in breathing(of(tree)):
        if known and statement.line.group is UNKNOWN:
            continue
        words = statement.text.split(" ", 2)
        first = words[1] if statement.negated and len(words) > 1 else words[0]
        if lines and (statement.section is not None or first != group):
            lines.append("!")
        if first == "version":
            lines.append(MARK)  # without it, the release that the line names would have defaults that are not ours
        lines += render_statement(statement, hide=hide, known=known, of=of)
        group = "" if statement.section is not None else first
    if lines:
        lines.append("!")
    return lines


def render_statement(
    statement: Statement, depth: int = 0, *, hide: bool = False, known: bool = False, of: Reading = as_stored
) -> Iterator[str]:
    """Yield one statement and, if it opened a section, everything in it."""
    indent = " " * depth
    text = statement.text_for_others if hide else statement.text
    yield from (indent + text).split("\n")  # a banner has several lines
    section = statement.section
    if section is None:
        return
    for inner in breathing(of(section)):
        if known and inner.line.group is UNKNOWN:
            continue
        if inner.section is not None and inner.section.mode.exit_word:
            yield indent + " !"
        yield from render_statement(inner, depth + 1, hide=hide, known=known, of=of)
    if section.mode.exit_word:
        yield indent + section.mode.exit_word
    elif section.mode.closing_mark:
        yield indent + "!"
