"""The configuration as data: sections that hold statements, the global one on top.

A tree holds exactly what the running configuration shows: a setting that equals its default is not stored, so `render`
and reading back give an equal tree. It may be changed (by the configurator); a caller that wants to keep a state takes
a `copy`.

`render_tree` makes the running configuration as text, in the shape in which IOS prints it: one blank of indentation for
each level. In the global section a `!` separates blocks: every section is a block of its own, neighboring lines with
the same first word are one. Inside a section, a block that has an exit word is preceded by a `!` and closed by that
word (`address-family ...` / `exit-address-family`); blocks of some other modes are followed by a `!` (keyring peers).
Header and `end` belong to the show command.

`assign` does to a section what a command, its `no` and its `default` do, given the defaults that the line declares.

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

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Final, TypeVar

from dmvpn.base.breath import breathing, in_one_go
from dmvpn.ios.common import HOSTNAME
from dmvpn.ios.config_line import GLOBAL, UNKNOWN, ConfigLine
from dmvpn.ios.grammar import Args, leading_keywords, options
from dmvpn.ios.section import Section, Statement, shared
from dmvpn.ios.writing import write

Reading = Callable[[Section], Iterable[Statement]]


# ------------------------------------------------------------------------------------------------ the tree as text


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


# ------------------------------------------------------------------------------------------------ commands on a section


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
        if not line.is_list:  # `no` of a single-valued command is kept without its values
            words = leading_keywords(line.syntax)
            args = Args(keywords=words, words=words)
        return section.put(Statement(line, args, negated=True))
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


# ------------------------------------------------------------------------------------------------ the tree


T = TypeVar("T")

#: Reads that another user may disturb before all other users wait.
_TRIES: Final = 3


class ConfigTree(Section):
    """A whole configuration: its global section."""

    __slots__ = ("_mentioned", "_touched", "revision")

    def __init__(self) -> None:
        super().__init__(GLOBAL)
        #: Counts the changes, so that an earlier reader can check whether the tree is still the same.
        self.revision = 0
        self._touched: set[ConfigLine] = set()
        #: Answers of `mentions`, each with the revision for which it holds.
        self._mentioned: dict[frozenset[ConfigLine], tuple[int, bool]] = {}

    def mentions(self, lines: Iterable[ConfigLine]) -> bool:
        """See `Section`. A protocol asks once for each VRF, and the search looks into all sections."""
        wanted, revision = shared(frozenset(lines)), self.revision
        known = self._mentioned.get(wanted)
        if known is None or known[0] != revision:
            known = self._mentioned[wanted] = revision, super().mentions(wanted)
        else:
            self._note(*wanted)
        return known[1]

    def touch(self, statement: Statement) -> None:
        """Note it, and everything inside it."""
        self.revision += 1
        self._touched.add(statement.line)
        if statement.section is not None:
            for entry in statement.section.held():
                self.touch(entry)

    def take_touched(self) -> set[ConfigLine]:
        """Return the commands of which an entry changed since this was asked last."""
        touched, self._touched = self._touched, set()
        return touched

    @property
    def hostname(self) -> str:
        """The configured name, "Router" without one."""
        args = self.get(HOSTNAME)
        return args.text("name") if args else "Router"

    def copy(self) -> ConfigTree:
        """Return an independent tree with the same content."""

        def copied() -> ConfigTree:
            copy = ConfigTree()
            copy.fill_from(self)
            copy.revision = self.revision
            return copy

        return self._whole(copied)

    def render(self, *, hide: bool = False) -> list[str]:
        """Return the body of the running configuration: everything between its header and `end`.

        hide: keys and passwords are left out.
        """
        return self._whole(lambda: render_tree(self, hide=hide))

    def render_known(self) -> list[str]:
        """Return the same without unknown lines, which a foreign file may have any number of."""
        return self._whole(lambda: render_tree(self, known=True))

    def render_for_others(self) -> list[str]:
        """Return the same without keys and passwords."""
        return self.render(hide=True)

    def _whole(self, read: Callable[[], T]) -> T:
        """Return the result of reading one consistent state, though other users may change it while this breathes."""
        for _ in range(_TRIES):
            revision = self.revision
            result = read()
            if self.revision == revision:
                return result
        return in_one_go(read)
