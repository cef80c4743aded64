"""The configuration as data: sections that hold statements, the global one on top.

    ConfigTree      the global section of a candidate or running configuration
    Section         the statements of one mode: of `interface Tunnel0`, of `router eigrp 100` ...
    Statement       one line with what it said; if it opens a mode, with the section inside

A tree holds exactly what the running configuration shows: a setting that equals its default is not stored, so
`render` and reading back give an equal tree. Features ask with their own `ConfigLine` constants and never see text.
Sections may be changed (by the configurator); a caller that wants to keep a state takes a `copy`.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from dmvpn.ios.agreement import FEW, Agreement, Index
from dmvpn.ios.common import HOSTNAME
from dmvpn.ios.grammar import GLOBAL, Args, ConfigLine, Mode
from dmvpn.ios.interfaces import interface_sort_key
from dmvpn.ios.redaction import without_keys
from dmvpn.ios.render import render_tree
from dmvpn.ios.syntax import interface_value

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Statement:
    """One line of the configuration. `negated`: it is the `no` form that is kept."""

    line: ConfigLine
    args: Args
    negated: bool = False
    section: Section | None = None

    @property
    def text(self) -> str:
        """The line as the running configuration shows it, without indentation."""
        text = self.line.text(self.args)
        return f"no {text}" if self.negated else text

    @property
    def text_for_others(self) -> str:
        """The same without keys and passwords."""
        text = self.args.without_secrets(self.text)
        return without_keys(text) if self.line.group is not None else text


class JournalReader(Protocol):
    """An index that is made from a journal, for callers that would otherwise search the whole tree at each line."""

    def read(self, section: Section, statement: Statement) -> None:
        """Add one more statement, and the section that it is in."""


#: Stands for every line: something was read of a section that any line can change.
EVERYTHING: Final = ConfigLine("", "", "")
_READ: ContextVar[set[ConfigLine] | None] = ContextVar("_READ", default=None)


@contextmanager
def reading() -> Iterator[set[ConfigLine]]:
    """Note which lines are asked for meanwhile, of any section of any tree, whether they are configured or not.

    What was made of a tree is still right as long as none of these lines changed (`ConfigTree.take_touched`).
    """
    lines: set[ConfigLine] = set()
    token = _READ.set(lines)
    try:
        yield lines
    finally:
        _READ.reset(token)


def _read(line: ConfigLine) -> None:
    lines = _READ.get()
    if lines is not None:
        lines.add(line)


R = TypeVar("R", bound=JournalReader)
IndexOf = TypeVar("IndexOf", bound=Index)


class Journal:
    """The statements of a tree with their sections, and what readers made of them.

    It grows while the tree does. Once something is replaced or removed, the tree has another one.
    """

    __slots__ = ("_readers", "entries")

    def __init__(self, root: Section) -> None:
        self.entries: list[tuple[Section, Statement]] = []
        self._readers: dict[type[JournalReader], tuple[JournalReader, int]] = {}
        self._take(root)

    def reader(self, kind: type[R]) -> R:
        """The one reader of this kind. It has read everything, and each statement once."""
        reader, position = self._readers.get(kind, (None, 0))
        if not isinstance(reader, kind):
            reader, position = kind(), 0
        for section, statement in self.entries[position:]:
            reader.read(section, statement)
        self._readers[kind] = reader, len(self.entries)
        return reader

    def _take(self, section: Section) -> None:
        for statement in section.statements():
            self.entries.append((section, statement))
            if statement.section is not None:
                self._take(statement.section)


class Section:
    """The statements of one mode."""

    __slots__ = ("_indexes", "_journal", "_statements", "mode", "parent")

    def __init__(self, mode: Mode, parent: Section | None = None) -> None:
        self.mode = mode
        self.parent = parent
        self._statements: dict[ConfigLine, dict[Hashable, Statement]] = {}
        self._journal: Journal | None = None
        self._indexes: dict[ConfigLine, dict[type[Index], Index]] | None = None  # most sections need none

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Section):
            return NotImplemented
        return self.mode == other.mode and self._statements == other._statements

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        texts = [statement.text_for_others for statement in self.statements()]
        return f"{type(self).__name__}({self.mode.name}, {texts})"

    # What features ask -------------------------------------------------------------------------------------------

    def get(self, line: ConfigLine) -> Args | None:
        """What was configured with `line` (the first entry of a list), or None."""
        return next((entry.args for entry in self._entries(line) if not entry.negated), None)

    def all(self, line: ConfigLine) -> list[Args]:
        """Every entry of a list-valued line, in the order in which they were entered."""
        return [entry.args for entry in self._entries(line) if not entry.negated]

    def negated(self, line: ConfigLine, **arguments: Hashable) -> bool:
        """Is `no LINE` configured (with these arguments, if any are named)?"""
        return any(entry.negated and _fits(entry, arguments) for entry in self._entries(line))

    def flag(self, line: ConfigLine, **arguments: Hashable) -> bool:
        """Is the command in effect: configured, or on by default and not switched off?"""
        for entry in self._entries(line):
            if _fits(entry, arguments):
                return not entry.negated
        return line.default_on

    def sections(self, line: ConfigLine) -> list[tuple[Args, Section]]:
        """The sections that `line` opened, in the order of the running configuration."""
        entries = self._in_order(line, self._entries(line))
        return [(entry.args, entry.section) for entry in entries if entry.section is not None]

    def section(self, line: ConfigLine, **arguments: Hashable) -> Section | None:
        """The section that `line` opened with these arguments."""
        matches = (entry.section for entry in self._entries(line) if _fits(entry, arguments))
        return next(matches, None)

    def mentions(self, lines: Iterable[ConfigLine]) -> bool:
        """Is any of these lines here, or in a section inside?"""
        wanted = frozenset(lines)
        for line in wanted:
            _read(line)
        return self._mentions(wanted)

    def _mentions(self, wanted: frozenset[ConfigLine]) -> bool:
        if not wanted.isdisjoint(self._statements):
            return True
        opened = (entries for line, entries in self._statements.items() if line.opens is not None)
        sections = (entry.section for entries in opened for entry in entries.values())
        return any(section is not None and section._mentions(wanted) for section in sections)

    def statements(self) -> Iterator[Statement]:
        """Everything, in the order of the running configuration."""
        _read(EVERYTHING)
        for line in sorted(self._statements, key=lambda line: (line.order, line.serial)):
            yield from self._in_order(line, self._statements[line].values())

    def entries(self, *lines: ConfigLine) -> list[Statement]:
        """The entries of these lines, with those that are kept as `no`: line by line, in the order of entry."""
        return [entry for line in lines for entry in self._entries(line)]

    def is_empty(self) -> bool:
        """Is nothing configured here?"""
        _read(EVERYTHING)
        return not self._statements

    @property
    def root(self) -> Section:
        """The global section."""
        section = self
        while section.parent is not None:
            section = section.parent
        return section

    @property
    def journal(self) -> Journal:
        """Of the whole tree."""
        root = self.root
        if root._journal is None:
            root._journal = Journal(root)
        return root._journal

    # What the configurator does ----------------------------------------------------------------------------------

    def touch(self, statement: Statement) -> None:
        """This line, somewhere inside, is another one from now on. Only a whole configuration wants to know."""

    def find(self, line: ConfigLine, args: Args) -> Statement | None:
        """The entry that these arguments would replace."""
        return self._statements.get(line, {}).get(line.key_of(args))

    def put(self, statement: Statement) -> bool:
        """Add the statement, or replace the one with the same key. True if that changed anything."""
        entries = self._statements.setdefault(statement.line, {})
        key = statement.line.key_of(statement.args)
        if entries.get(key) == statement:
            return False
        for index in self._indexes_of(statement.line):
            if key in entries:
                index.remove(key, entries[key].args)
            index.add(key, statement.args)
        root = self.root
        root.touch(statement)
        is_new = key not in entries and (statement.section is None or not statement.section._statements)
        entries[key] = statement
        if root._journal is not None:
            if is_new:
                root._journal.entries.append((self, statement))
            else:
                root._journal = None
        return True

    def drop(self, statement: Statement) -> None:
        """Remove a statement that is here."""
        self.root._journal = None
        self.root.touch(statement)
        entries = self._statements[statement.line]
        key = statement.line.key_of(statement.args)
        dropped = entries.pop(key)
        for index in self._indexes_of(statement.line):
            index.remove(key, dropped.args)
        if not entries:
            del self._statements[statement.line]
            if self._indexes is not None:
                self._indexes.pop(statement.line, None)

    def matching(self, line: ConfigLine, args: Args) -> list[Statement]:
        """The entries of `line` that agree with the arguments given."""
        entries = self._statements.get(line, {})
        keys = self.index(line, Agreement).candidates(args) if len(entries) > FEW else None
        some = entries.values() if keys is None else [entries[key] for key in keys]
        return [entry for entry in some if args.agrees_with(entry.args)]

    def index(self, line: ConfigLine, kind: type[IndexOf]) -> IndexOf:
        """The one index of this kind of the entries of `line`. It is kept up to date."""
        _read(line)
        if self._indexes is None:
            self._indexes = {}
        indexes = self._indexes.setdefault(line, {})
        index = indexes.get(kind)
        if not isinstance(index, kind):
            index = indexes[kind] = kind()
            for key, entry in self._statements.get(line, {}).items():
                index.add(key, entry.args)
        return index

    def _indexes_of(self, line: ConfigLine) -> Iterable[Index]:
        return self._indexes.get(line, {}).values() if self._indexes is not None else ()

    def clear(self) -> bool:
        """Remove everything. True if there was something."""
        had = bool(self._statements)
        for statement in self.statements():
            self.root.touch(statement)
        self.root._journal = None
        self._statements.clear()
        self._indexes = None
        return had

    def _entries(self, line: ConfigLine) -> tuple[Statement, ...]:
        lines = _READ.get()
        if lines is not None:
            lines.add(line)
        entries = self._statements.get(line)
        return tuple(entries.values()) if entries else ()

    @staticmethod
    def _in_order(line: ConfigLine, entries: Iterable[Statement]) -> list[Statement]:
        """Sections named after an interface sort by it; the rest as its line says, or in the order of entry."""
        ordered = list(entries)
        if line.sort:
            ordered.sort(key=lambda entry: tuple(_sortable(entry.args.get(name)) for name in line.sort))
        name = interface_value(line.syntax)
        if line.opens is not None and name is not None:
            ordered.sort(key=lambda entry: interface_sort_key(entry.args.interface(name, "")))
        return ordered

    def _fill_from(self, other: Section) -> None:
        """Take over the statements of `other`; statements are shared, the sections inside them copied."""
        self.root._journal = None
        self._indexes = None
        for line, entries in other._statements.items():
            mine = self._statements[line] = dict(entries)
            for key, entry in entries.items():
                if entry.section is not None:
                    section = Section(entry.section.mode, self)
                    section._fill_from(entry.section)
                    mine[key] = replace(entry, section=section)


class ConfigTree(Section):
    """A whole configuration: its global section."""

    __slots__ = ("_touched", "revision")

    def __init__(self) -> None:
        super().__init__(GLOBAL)
        #: Counts the changes, so that somebody who has seen the tree before knows whether it is still the same.
        self.revision = 0
        self._touched: set[ConfigLine] = set()

    def touch(self, statement: Statement) -> None:
        """Note it, and everything inside it."""
        self.revision += 1
        self._touched.add(statement.line)
        if statement.section is not None:
            for entries in statement.section._statements.values():
                for entry in entries.values():
                    self.touch(entry)

    def take_touched(self) -> set[ConfigLine]:
        """The commands of which an entry changed since this was asked last."""
        touched, self._touched = self._touched, set()
        return touched

    @property
    def hostname(self) -> str:
        """The configured name, "Router" without one."""
        args = self.get(HOSTNAME)
        return args.text("name") if args else "Router"

    def copy(self) -> ConfigTree:
        """An independent tree with the same content."""
        copy = ConfigTree()
        copy._fill_from(self)
        copy.revision = self.revision
        return copy

    def render(self) -> list[str]:
        """The body of the running configuration: everything between its header and `end`."""
        return render_tree(self)

    def render_known(self) -> list[str]:
        """The same without the lines that nobody knows, of which a stranger's file may have any number."""
        return render_tree(self, known=True)

    def render_for_others(self) -> list[str]:
        """The same without keys and passwords."""
        return render_tree(self, hide=True)


def _sortable(value: Hashable) -> tuple[int, str]:
    """Numbers by size, then words by letter."""
    return (value, "") if isinstance(value, int) else (0, str(value))


def _fits(entry: Statement, arguments: dict[str, Hashable]) -> bool:
    return all(entry.args.get(name) == value for name, value in arguments.items())
