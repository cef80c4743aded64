"""Configuration lines on their way to the router: of files, merged texts and users.

    text_of(octets)     the configuration of one router; raises ValueError for any other content
    notes(taken)        the notes on a file besides its errors
    unknown_lines(result), refusals(lines), without(lines)
                        the unknown lines, their messages, and the text without them
    Merging             texts merged into the running configuration
    TypedLines          lines typed on a copy of a configuration, `interface range` included
    Draft               the lines that a user enters in configuration mode

A file that a command puts into effect may come from any source, so the rules for imported files apply: configurations
of other devices or of several routers, and files that are not text, are refused; lines that would restrict traffic, or
may have protected a tunnel, are named.

Each line of a draft is applied at once to a copy of the running configuration, so that errors appear before the next
prompt. The router gets the lines when the user waits for their effect, and a paste in small groups: to process a
configuration change costs a router almost the same for one line and for a few, and it must not be busy for long.

A group has the same effect as its lines one by one. So a group never holds two lines that undo each other: `shutdown`
and `no shutdown`, pasted one after the other, do shut the interface down.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import in_one_go
from dmvpn.base.events import ConfigurationEntered, EnteredLine, LinesEntered
from dmvpn.ios import ConfigSession, Fate
from dmvpn.ios.config_line import UNKNOWN
from dmvpn.ios.errors import CliError, ErrorKind, without_keys
from dmvpn.ios.language import sealed_text
from dmvpn.ios.parts import other_device, parts_of
from dmvpn.ios.reader import interfaces_of
from dmvpn.ios.transcript import decode
from dmvpn.ios.tree import render_tree
from dmvpn.router.entered_text import EnteredText, hold, report

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence

    from dmvpn.face.context import RouterHandle
    from dmvpn.ios import ConfigLine, ConfigResult, ConfigTree, Configurator, ExecParser, LineResult, Touch
    from dmvpn.ios.section import Section, Statement


# ------------------------------------------------------------------------------------------------ files


_FEWEST_NAMED: Final = 5
#: Octets of the largest configuration that a command reads: the router does nothing else meanwhile.
LARGEST: Final = 2 << 20


def text_of(octets: bytes) -> str:
    """Return the configuration in a file. Raises ValueError, which says what else the file contains."""
    if len(octets) > LARGEST:
        raise ValueError(f"{len(octets)} octets; a configuration has at most {LARGEST}")
    text = decode(octets)
    device = other_device(text)
    if device:
        raise ValueError(f"this is of {device}; only IOS and IOS XE are read")
    parts = parts_of(text)
    if len(parts) > 1:
        names = ", ".join(part.name or "one without a name" for part in parts[:_FEWEST_NAMED])
        raise ValueError(f"the configurations of {len(parts)} routers are in it: {names}")
    return parts[0].text


def notes(taken: EnteredText) -> Iterator[str]:
    """Yield the lines that are left out, and the tunnels that stay down for these lines or for errors."""
    yield from report(taken, fates=(Fate.LEFT_OUT,))
    yield from taken.why_held()


def unknown_lines(result: ConfigResult) -> tuple[str, ...]:
    """Return the lines of a file that no table lists, each once."""
    return tuple({one.text.strip(): None for one in result.entries if one.fate is Fate.KEPT and one.group is UNKNOWN})


def refusals(lines: Iterable[str]) -> Iterator[str]:
    """Yield the messages for unknown lines, each with the caret under its first word."""
    for line in lines:
        yield from (without_keys(line), *CliError(ErrorKind.INVALID, line, 0).lines())


def without(lines: Collection[str]) -> Callable[[Section], Iterator[Statement]]:
    """Read a section without such lines."""

    def read(section: Section) -> Iterator[Statement]:
        return (one for one in section.statements() if one.line.group is not UNKNOWN or one.text.strip() not in lines)

    return read


# ------------------------------------------------------------------------------------------------ merged texts


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
            return "\n".join(lines) + "\n", (*_complaints(taken.result), *refusals(strange), *notes(taken))

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


# ------------------------------------------------------------------------------------------------ typed lines


#: What the prompt says below `interface range`.
_RANGE_PROMPT: Final = "config-if-range"
_NEGATED: Final = re.compile(r"\s*(no|def(?:a(?:u(?:lt?)?)?)?)\s+", re.IGNORECASE)


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
        negated = _NEGATED.match(text)
        names = interfaces_of(text[negated.end() :] if negated else text)
        if negated and names:
            self._range = ()
            return _together([self._enter(f"{negated[1]} interface {name}", prompt_width) for name in names])
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


# ------------------------------------------------------------------------------------------------ drafts


#: Most lines that wait for the router: it processes so many in a millisecond.
MOST_WAITING: Final = 8
#: Of no tree.
_NONE: Final = -1


class Draft(TypedLines):
    """The lines of one stay in configuration mode.

    session: its number.
    by: the user.
    """

    def __init__(self, handle: RouterHandle, parser: ExecParser, session: int, by: str) -> None:
        self._handle = handle
        self._session = session
        self._by = by
        self._waiting: list[EnteredLine] = []
        #: Keys of the entries that they change, by section and command; None: any entry.
        self._touched: dict[tuple[tuple[str, ...], ConfigLine], set[Hashable | None]] = {}
        self._base = self._running()
        self._revision = self._base.revision
        super().__init__(handle.configurator, self._base.copy(), parser)

    def _enter(self, text: str, prompt_width: int) -> LineResult:
        self._catch_up()
        try:
            result = self.session.enter(text, prompt_width)
        except Exception:
            self._revision = _NONE  # a fault of ours: the copy may have a part of the line
            raise
        if result.changed:
            self._hold(self.session.entry, self.session.touch)
        return result

    def settle(self) -> None:
        """Give the router the lines that still wait."""
        if not self._waiting:
            return
        lines, self._waiting = tuple(self._waiting), []
        self._touched.clear()
        self._handle.post(LinesEntered(lines, by=self._by))
        running = self._running()
        if running is self._base and running.revision == self.session.tree.revision:
            self._revision = running.revision

    def _hold(self, entry: EnteredLine, touch: Touch) -> None:
        if touch.is_wide or self._undoes(touch):
            self.settle()
        self._waiting.append(entry)
        for line in touch.lines:
            self._touched.setdefault((touch.where, line), set()).add(touch.key)
        if touch.is_wide or len(self._waiting) == MOST_WAITING:
            self.settle()

    def _undoes(self, touch: Touch) -> bool:
        """Return whether it is about an entry that a waiting line changes."""
        for line in touch.lines:
            keys = self._touched.get((touch.where, line))
            if keys and (touch.key is None or None in keys or touch.key in keys):
                return True
        return False

    def _running(self) -> ConfigTree:
        return self._handle.context(self._session).running

    def _catch_up(self) -> None:
        """Update the copy: other sessions may have changed the running configuration since the last line."""
        running = self._running()
        if running is self._base and running.revision == self._revision:
            return
        self.settle()
        self._base = self._running()
        self._revision = self._base.revision
        self.session.tree = self._base.copy()
