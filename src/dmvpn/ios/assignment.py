"""What a command, its `no` and its `default` do to a section, given the defaults that the line declares.

declared as             X                  no X                default X
plain                   kept               X is removed        X is removed
default_on              nothing is kept    "no X" is kept      "no X" is removed
default="X"             as nothing typed   X is removed        X is removed
keep_no                 X is kept          "no X" is kept      both are removed
shown                   X is kept, whatever the default is

Where a line `adds`, X changes the options that it names, `no X` removes them from the entry, and without options the
entry.
Where a line has a `whom`, `no` with nothing behind that one takes back all that is said of it, however it is declared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.ios.grammar import Args, leading_keywords, options
from dmvpn.ios.section import Section, Statement
from dmvpn.ios.writing import write

if TYPE_CHECKING:
    from collections.abc import Hashable

    from dmvpn.ios.config_line import ConfigLine


def assign(section: Section, line: ConfigLine, args: Args) -> bool:
    """Carry out a command that opens no mode. True if the section is another one now."""
    if line.acts is not None:
        return line.acts(args, section)
    if not _is_default(line, args):
        if line.adds and (present := section.find(line, args)) is not None:
            kept = _without_options(present, args)
            if kept.keys() - args.keys():  # else the line is kept as it was written
                args = write(line.syntax, {**kept, **args})
        return section.put(Statement(line, args))
    present = section.find(line, args)
    if present is not None:
        section.drop(present)
    return present is not None


def take_back(section: Section, line: ConfigLine, args: Args) -> bool:
    """Carry out `no`: with all arguments given or fewer. True if the section is another one now."""
    if (line.default_on or line.keep_no) and not says_whom_alone(line, args):
        return section.put(Statement(line, args if line.is_list else _keywords_only(line), negated=True))
    return reset(section, line, args)


def says_whom_alone(line: ConfigLine, args: Args) -> bool:
    """Return whether the words say whom the line is about, and no more."""
    return bool(line.whom) and line.whom in args and len(args.words) == len(leading_keywords(line.syntax)) + 1


def reset(section: Section, line: ConfigLine, args: Args) -> bool:
    """Remove what agrees with the arguments; if one entry is named exactly, only that one."""
    named = section.find(line, args)
    if line.adds and named is not None and named_options(line, args):
        return section.put(Statement(line, write(line.syntax, _without_options(named, args))))
    is_named = line.is_list and named is not None and args.agrees_with(named.args)
    if line.listed and not is_named and args.listed(line.listed):
        return _take_out(section, line, args.listed(line.listed))
    entries = [named] if named is not None and is_named else section.matching(line, args)
    for entry in entries:
        if section.find(line, entry.args) is not entry:
            continue  # an earlier one took it along
        section.drop(entry)
        if line.takes_along is not None:
            line.takes_along(entry.args, section.root)
    return bool(entries)


def named_options(line: ConfigLine, args: Args) -> list[frozenset[str]]:
    """Return the options of a line that these arguments name, each as the names in it."""
    return [names for names in options(line.syntax) if any(name in args for name in names)]


def _without_options(entry: Statement, args: Args) -> dict[str, Hashable]:
    """Return the values and keywords of an entry without the options that these arguments name."""
    dropped = frozenset().union(*named_options(entry.line, args))
    return {name: value for name, value in entry.args.items() if name not in dropped}


def _take_out(section: Section, line: ConfigLine, values: tuple[Hashable, ...]) -> bool:
    """Leave what remains of each list without these values."""
    changed = False
    for entry in section.matching(line, Args()):
        present = entry.args.listed(line.listed)
        rest = tuple(value for value in present if value not in values)
        if rest == present:
            continue
        changed = True
        section.drop(entry)
        if rest:
            words = leading_keywords(line.syntax)
            numbered = {f"{line.listed}{place}": value for place, value in enumerate(rest, start=1)}
            section.put(Statement(line, Args(numbered, words, (*words, *map(str, rest)))))
    return changed


def _is_default(line: ConfigLine, args: Args) -> bool:
    if line.shown:
        return False
    if line.default is not None:
        return line.text(args) == line.default
    return line.default_on


def _keywords_only(line: ConfigLine) -> Args:
    """Return the keywords with which the command starts: `no` of a single-valued command is kept without its values."""
    words = leading_keywords(line.syntax)
    return Args(keywords=words, words=words)
