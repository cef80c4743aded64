"""Sections of a configuration: what features ask them, and what the configurator does to them.

    Section         the statements of one mode: of `interface Tunnel0`, of `router eigrp 100` ...
    Statement       one line with what it said; if it opens a mode, with the section inside

Features ask with their own `ConfigLine` constants and never see text. The values that they make from an entry or a
section are kept here until that changes (`Section.made`): of the values of a line's entries only those are made again
whose entries changed since a model asked last. The lines that they read are recorded (`reading`). If making a value
from a section also reads another section, this raises AssertionError: so dependencies of a model need no declaration,
and kept values are never stale.

`no ip route 10.1.0.0 ...` must not look at all of a long file's routes: an index of a section's entries (`Agreement`),
built at the first query of a long section and kept up to date from then on, says which entries of one command have a
value. Features have further indexes (`Section.index`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache
from typing import Final, Generic, Never, Protocol, TypeVar, cast

from dmvpn.base.breath import BREATH, breathe, breathing, in_order
from dmvpn.base.pages import NONE, Pages
from dmvpn.base.values import Mutable, Value
from dmvpn.ios.config_line import GLOBAL, UNKNOWN, ConfigLine, Mode
from dmvpn.ios.errors import without_keys, without_passwords_in_urls
from dmvpn.ios.grammar import Args, interface_value
from dmvpn.ios.interfaces import interface_sort_key

# -------------------------------------------------------------------------------------------- entries that have a value


#: So few entries are looked at one by one.
FEW: Final = 32


class Index(Protocol):
    """An index of the entries of one command in one section. Made without arguments."""

    def add(self, key: Hashable, args: Args) -> None:
        """Add an entry, the last one so far."""

    def remove(self, key: Hashable, args: Args) -> None:
        """Remove an entry that is gone."""


class Agreement:
    """Keys of entries by name and value of their arguments."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: dict[tuple[str, Hashable], dict[Hashable, None]] = {}

    def add(self, key: Hashable, args: Args) -> None:
        """Add an entry."""
        for item in args.values_given.items():
            self._keys.setdefault(item, {})[key] = None

    def remove(self, key: Hashable, args: Args) -> None:
        """Remove an entry that is gone."""
        for item in args.values_given.items():
            keys = self._keys.get(item)
            if keys is not None:
                keys.pop(key, None)
                if not keys:
                    del self._keys[item]

    def candidates(self, args: Args) -> list[Hashable] | None:
        """Return the keys of the entries that may agree, those with the rarest of the values; None: it may be any."""
        rarest: dict[Hashable, None] | None = None
        for item in args.values_given.items():
            keys = self._keys.get(item, {})
            if rarest is None or len(keys) < len(rarest):
                rarest = keys
        return None if rarest is None else list(rarest)


# ------------------------------------------------------------------------------------------------ kept values


V = TypeVar("V")
W = TypeVar("W", contravariant=True)


class Follower(Protocol[W]):
    """An index of made values, for callers that would otherwise iterate over all of them. Made without arguments."""

    def follow(self, gone: Mapping[int, W], came: Mapping[int, W], /) -> None:
        """Take in what changed, by the numbers of the entries."""


F = TypeVar("F", bound=Follower[Never])

#: So many sets of lines are known. Those of a network of thousands of routers are some dozens.
_MOST_SETS: Final = 512


@lru_cache(maxsize=_MOST_SETS)
def shared(lines: frozenset[ConfigLine]) -> frozenset[ConfigLine]:
    """Return the one set of these lines that all who keep it have. The routers of a simulator ask for the same."""
    return lines


def pages_of(values: Iterable[V | None]) -> Pages[V]:
    """Return the values that are not None."""
    found = [value for value in values if value is not None]
    return Pages(found) if found else NONE


class Made(Generic[V]):
    """The values of the entries of one line in one section, in the order of entry.

    lines: the lines that were read to make them.
    """

    __slots__ = ("_changed", "_followers", "_next", "_numbers", "_pages", "lines")

    def __init__(self, keys: Iterable[Hashable]) -> None:
        self.lines: frozenset[ConfigLine] = frozenset()
        self._pages: Pages[V] = NONE
        self._numbers: dict[Hashable, int] = {}
        self._next = 0
        #: Keys of entries by their numbers; None: the entry is gone.
        self._changed: dict[int, Hashable | None] = {}
        self._followers: dict[type, tuple[Follower[V], Pages[V]]] = {}
        for key in keys:
            self.put(key)

    def put(self, key: Hashable) -> None:
        """Put an entry there, or another one in its place."""
        if key not in self._numbers:
            self._numbers[key] = self._next
            self._next += 1
        self.touch(key)

    def touch(self, key: Hashable) -> None:
        """Note that something inside the entry changed."""
        number = self._numbers.get(key)
        if number is not None:
            self._changed[number] = key

    def drop(self, key: Hashable) -> None:
        """Drop an entry that is gone. If it comes again, it comes last."""
        self._changed[self._numbers.pop(key)] = None

    def pages(self, make: Callable[[Hashable], V | None]) -> Pages[V]:
        """Return all values, those of changed entries made of their keys."""
        if self._changed:
            changed = {number: None if key is None else make(key) for number, key in self._changed.items()}
            self._changed.clear()
            self._pages = self._pages.turned(changed)
        return self._pages

    def follower(self, kind: type[F]) -> F:
        """Return the follower of this kind, which has seen the latest values."""
        known, seen = self._followers.get(kind, (None, NONE))
        follower = known if isinstance(known, kind) else kind()
        if seen is not self._pages:
            # The caller that asks for this index knows the type of its values.
            known = cast("Follower[V]", follower)
            known.follow(*self._pages.changes(seen))
            self._followers[kind] = known, self._pages
        return follower


# ------------------------------------------------------------------------------------------------ lines that are read


#: Stands for every line: something was read of a section that any line can change.
EVERYTHING: Final = ConfigLine("", "", "")


class AskedLines(Mutable):
    """Which lines were asked for. within: nothing outside of this section may be asked; None: anything may."""

    lines: set[ConfigLine]
    within: object = None


_READING: ContextVar[AskedLines | None] = ContextVar("_READING", default=None)


def asked() -> AskedLines | None:
    """Return the lines recorded so far; None: nothing is recorded."""
    return _READING.get()


@contextmanager
def noting(reading: AskedLines) -> Iterator[None]:
    """Record the lines that are read meanwhile."""
    token = _READING.set(reading)
    try:
        yield
    finally:
        _READING.reset(token)


@contextmanager
def reading() -> Iterator[set[ConfigLine]]:
    """Note which lines are asked for meanwhile, of any section of any tree (`ConfigTree.take_touched`)."""
    lines: set[ConfigLine] = set()
    with noting(AskedLines(lines)):
        yield lines


# ------------------------------------------------------------------------------------------------ sections


class Statement(Value):
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
        group = self.line.group
        return without_passwords_in_urls(text) if group is None else without_keys(text, is_listed=group is not UNKNOWN)


#: What a line says that is not configured.
NOTHING: Final = Args()

_NONE: Final[dict[Hashable, Statement]] = {}

#: So much is made of one line of a section: some `make` is called with other values each time.
MOST_MADE: Final = 64


IndexOf = TypeVar("IndexOf", bound=Index)


class Section:
    """The statements of one mode."""

    __slots__ = ("_indexes", "_made", "_place", "_statements", "mode", "parent")

    def __init__(self, mode: Mode, parent: Section | None = None) -> None:
        self.mode = mode
        self.parent = parent
        self._statements: dict[ConfigLine, dict[Hashable, Statement]] = {}
        self._indexes: dict[ConfigLine, dict[type[Index], Index]] | None = None  # most sections need none
        self._made: dict[ConfigLine, dict[Hashable, Made[object]]] | None = None
        #: The line that opened it and the key of its entry in the section around it.
        self._place: tuple[ConfigLine, Hashable] | None = None

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
        """Return the arguments of `line` (of the first entry of a list), or None."""
        self._note(line)
        entries = self._statements.get(line)
        for entry in entries.values() if entries else ():
            if not entry.negated:
                return entry.args
        return None

    def args(self, line: ConfigLine) -> Args:
        """Return the arguments of `line`; without it, arguments that have nothing, so that each has its default."""
        return self.get(line) or NOTHING

    def all(self, line: ConfigLine) -> list[Args]:
        """Return every entry of a list-valued line, in the order in which they were entered."""
        self._note(line)
        entries = self._statements.get(line)
        return [entry.args for entry in entries.values() if not entry.negated] if entries else []

    def negated(self, line: ConfigLine, **arguments: Hashable) -> bool:
        """Return whether `no LINE` is configured (with these arguments, if any are named)."""
        return any(entry.negated and _fits(entry, arguments) for entry in self._entries(line))

    def flag(self, line: ConfigLine, **arguments: Hashable) -> bool:
        """Return whether the command is in effect: configured, or on by default and not switched off."""
        for entry in self._entries(line):
            if _fits(entry, arguments):
                return not entry.negated
        return line.default_on

    def sections(self, line: ConfigLine) -> list[tuple[Args, Section]]:
        """Return the sections that `line` opened, in the order of the running configuration."""
        entries = self._in_order(line, self._entries(line))
        return [(entry.args, entry.section) for entry in entries if entry.section is not None]

    def section(self, line: ConfigLine, **arguments: Hashable) -> Section | None:
        """Return the section that `line` opened with these arguments."""
        self._note(line)
        entries = self._candidates(line, Args(arguments))
        return next((entry.section for entry in entries if _fits(entry, arguments)), None)

    def mentions(self, lines: Iterable[ConfigLine]) -> bool:
        """Return whether any of these lines is here, or in a section inside."""
        wanted = frozenset(lines)
        self._note(*wanted)
        return self._mentions(wanted)

    def _mentions(self, wanted: frozenset[ConfigLine]) -> bool:
        breathe()
        if not wanted.isdisjoint(self._statements):
            return True
        opened = [entries for line, entries in self._statements.items() if line.opens is not None]
        sections = (entry.section for entries in opened for entry in tuple(entries.values()))
        return any(section is not None and section._mentions(wanted) for section in sections)

    def made(self, line: ConfigLine, make: Callable[..., V | None], *more: Hashable) -> Pages[V]:
        """Return what `make` makes of each entry of a line, without None, in the order of entry.

        `make(args, *more)`, or `make(args, section, *more)` of a line that opens sections. An entry is made again only
        if it or something in its section changed. So `make` is a function of a module, and asks nothing but that
        section: AssertionError otherwise.
        """

        def of(entry: Statement) -> V | None:
            if line.opens is not None:
                return None if entry.section is None else make(entry.args, entry.section, *more)
            return None if entry.negated else make(entry.args, *more)

        return self._make(line, (make, more), of)

    def said(self, line: ConfigLine, make: Callable[[Args, bool], V | None]) -> Pages[V]:
        """Return the same of `make(args, negated)`: of entries that are kept as `no`, too."""
        return self._make(line, (make, "said"), lambda entry: make(entry.args, entry.negated))

    def following(self, line: ConfigLine, make: Callable[..., V | None], kind: type[F]) -> F:
        """Return the index of this kind over the values made from the entries of a line. It is up to date."""
        made = self._known(line, (make, ()))
        self.made(line, make)
        return made.follower(kind)

    def _known(self, line: ConfigLine, name: Hashable) -> Made[object]:
        if self._made is None:
            self._made = {}
        known = self._made.setdefault(line, {})
        if name not in known:
            if len(known) >= MOST_MADE:
                known.clear()
            known[name] = Made(self._statements.get(line, {}))
        return known[name]

    def _make(self, line: ConfigLine, name: Hashable, make: Callable[[Statement], V | None]) -> Pages[V]:
        self._note(line)
        entries = self._statements.get(line, {})
        is_known = self._made is not None and name in self._made.get(line, ())
        if not (entries or is_known):
            return NONE
        # What few entries make is not kept: a simulator has thousands of routers. The values of one `make` have one
        # type, which a dictionary of them all cannot say.
        made = cast("Made[V]", self._known(line, name)) if is_known or len(entries) > FEW else None
        inner = AskedLines(set())

        def of(key: Hashable) -> V | None:
            breathe()
            entry = entries[key]
            inner.within = entry.section or _NOWHERE
            return make(entry)

        with noting(inner):
            pages = made.pages(of) if made is not None else pages_of(map(of, entries))
        if made is not None:
            if not inner.lines <= made.lines:
                made.lines = shared(made.lines | inner.lines)
            inner.lines |= made.lines
        outer = asked()
        if outer is not None:
            outer.lines |= inner.lines
        return pages

    def statements(self) -> Iterator[Statement]:
        """Yield everything, in the order of the running configuration."""
        self._note(EVERYTHING)
        for line in sorted(self._statements, key=lambda line: line.place):
            yield from self._in_order(line, self._statements.get(line, _NONE).values())

    def entries(self, *lines: ConfigLine) -> list[Statement]:
        """Return the entries of these lines, including those kept as `no`: line by line, in the order of entry."""
        return [entry for line in lines for entry in self._entries(line)]

    def is_empty(self) -> bool:
        """Return whether nothing is configured here."""
        self._note(EVERYTHING)
        return not self._statements

    @property
    def root(self) -> Section:
        """The global section."""
        section = self
        while section.parent is not None:
            section = section.parent
        return section

    @property
    def opened_by(self) -> Args | None:
        """The line that opened it, None for the global one."""
        if self.parent is None or self._place is None:
            return None
        line, key = self._place
        entry = self.parent._statements.get(line, {}).get(key)
        return None if entry is None else entry.args

    # What the configurator does ----------------------------------------------------------------------------------

    def touch(self, statement: Statement) -> None:
        """Note that this line, somewhere inside, is another one from now on.

        Only a whole configuration wants to know.
        """

    def find(self, line: ConfigLine, args: Args) -> Statement | None:
        """Return the entry that these arguments would replace."""
        entries = self._statements.get(line)
        return entries.get(line.key_of(args)) if entries else None

    def put(self, statement: Statement) -> bool:
        """Add the statement, or replace the one with the same key. True if that changed anything."""
        entries = self._statements.setdefault(statement.line, {})
        key = statement.line.key_of(statement.args)
        present = entries.get(key)
        if present is not None and present == statement:
            return False
        for index in self._indexes_of(statement.line):
            if key in entries:
                index.remove(key, entries[key].args)
            index.add(key, statement.args)
        self.root.touch(statement)
        entries[key] = statement
        if statement.section is not None:
            statement.section._place = statement.line, key
        for made in self._made_of(statement.line):
            made.put(key)
        self._touch_around()
        return True

    def drop(self, statement: Statement) -> None:
        """Remove a statement that is here."""
        self.root.touch(statement)
        entries = self._statements[statement.line]
        key = statement.line.key_of(statement.args)
        dropped = entries.pop(key)
        for index in self._indexes_of(statement.line):
            index.remove(key, dropped.args)
        for made in self._made_of(statement.line):
            made.drop(key)
        self._touch_around()
        if not entries:
            del self._statements[statement.line]
            if self._indexes is not None:
                self._indexes.pop(statement.line, None)

    def matching(self, line: ConfigLine, args: Args) -> list[Statement]:
        """Return the entries of `line` that agree with the arguments given."""
        return [entry for entry in self._candidates(line, args) if args.agrees_with(entry.args)]

    def _candidates(self, line: ConfigLine, args: Args) -> Iterable[Statement]:
        """Return the entries of `line` that may agree with these values."""
        entries = self._statements.get(line, {})
        keys = self.index(line, Agreement).candidates(args) if len(entries) > FEW else None
        return entries.values() if keys is None else [entries[key] for key in keys]

    def index(self, line: ConfigLine, kind: type[IndexOf]) -> IndexOf:
        """Return the one index of this kind of the entries of `line`. It is kept up to date."""
        self._note(line)
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
        self._statements.clear()
        self._indexes = self._made = None
        self._touch_around()
        return had

    def _made_of(self, line: ConfigLine) -> Iterable[Made[object]]:
        return self._made.get(line, {}).values() if self._made is not None else ()

    def _touch_around(self) -> None:
        """Note that values made from this section, and from the sections around it, must be made again."""
        section = self
        while section.parent is not None and section._place is not None:
            line, key = section._place
            section = section.parent
            for made in section._made_of(line):
                made.touch(key)

    def _note(self, *lines: ConfigLine) -> None:
        reading = _READING.get()
        if reading is None:
            return
        breath = BREATH.get()
        if breath is not None:
            breath.pause()  # a model may be made of thousands of sections
        reading.lines.update(lines)
        if reading.within is not None and reading.within is not self:
            section: Section | None = self
            while section is not None and section is not reading.within:
                section = section.parent
            if section is None:
                raise AssertionError(f"{lines[0].syntax!r} is read from a section outside of the section that is built")

    def _entries(self, line: ConfigLine) -> tuple[Statement, ...]:
        self._note(line)
        entries = self._statements.get(line)
        return tuple(entries.values()) if entries else ()

    @staticmethod
    def _in_order(line: ConfigLine, entries: Iterable[Statement]) -> list[Statement]:
        """Return the order: as the line says; without that, sections named after an interface sort by it, and the rest
        is in the order of entry.
        """
        ordered = list(entries)
        if line.sort:
            return in_order(ordered, key=lambda entry: tuple(_sortable(entry.args.get(name)) for name in line.sort))
        name = interface_value(line.syntax)
        if line.opens is not None and name is not None:
            ordered = in_order(ordered, key=lambda entry: interface_sort_key(entry.args.interface(name, "")))
        return ordered

    def held(self) -> Iterator[Statement]:
        """Yield everything as it was entered, line by line; it does not count as asked for."""
        for entries in self._statements.values():
            yield from entries.values()

    def fill_from(self, other: Section) -> None:
        """Take over the statements of `other`; statements are shared, the sections inside them copied."""
        self._indexes = self._made = None
        for line, entries in tuple(other._statements.items()):
            mine = self._statements[line] = dict(entries)
            for key, entry in breathing(tuple(mine.items())):
                if entry.section is not None:
                    section = Section(entry.section.mode, self)
                    section._place = line, key
                    section.fill_from(entry.section)
                    mine[key] = replace(entry, section=section)


#: Is around no other section.
_NOWHERE: Final = Section(GLOBAL)


def _sortable(value: Hashable) -> tuple[int, str]:
    """Return numbers by size, then words by letter."""
    return (value, "") if isinstance(value, int) else (0, str(value))


def _fits(entry: Statement, arguments: dict[str, Hashable]) -> bool:
    return all(entry.args.get(name) == value for name, value in arguments.items())
