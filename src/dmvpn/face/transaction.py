"""A change of the running configuration as a transaction: all of its lines, or none.

    Configure -> its lines on a copy -> a line is refused: REFUSED, and nothing changes
                                     -> dry: TRIED, with the differences
                                     -> the way back, if there are minutes; then one `ConfigurationEntered`: APPLIED

A tag is a hash of what the caller sees of a configuration. A writer that names one changes nothing if another
configuration runs by now (OUTDATED). Other sessions go on while this reads and compares; between the last look at the
running configuration and its change nothing breathes.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from dmvpn.base.breath import aside, breathing, in_one_go
from dmvpn.base.errors import UserError
from dmvpn.base.events import ConfigurationEntered, EnteredLine
from dmvpn.base.values import Value
from dmvpn.face.archiving import Archiving, WayBack
from dmvpn.face.context import FROZEN, RouterHandle, TerminalLine
from dmvpn.face.entering import Merging, TypedLines, text_of
from dmvpn.face.filing import Filing
from dmvpn.face.interpreter import PRIVILEGED, Interpreter
from dmvpn.face.messages import Configure
from dmvpn.face.requests import Outcome
from dmvpn.features.archive import LinesReported
from dmvpn.features.archive.machine import ArchiveMachine
from dmvpn.features.system import ConfigurationLeft
from dmvpn.features.system.show import RunningConfig, with_version
from dmvpn.ios import CliError, ConfigTree, Configurator, ErrorKind, Fate, LineReport, LineResult
from dmvpn.ios.config_line import UNKNOWN
from dmvpn.ios.differences import Difference, commands, contextual, differences
from dmvpn.ios.errors import without_keys
from dmvpn.ios.language import sealed_text
from dmvpn.ios.session import not_taken
from dmvpn.router.entered_text import hold

#: Attempts while other sessions change the configuration; the next attempt blocks all other sessions.
_TRIES: Final = 3
#: Refused lines that an answer has, and lines of warnings.
MOST_REFUSED, _MOST_SAID = 100, 1000
_TAG_LENGTH: Final = 32
_NO_EXEC: Final = ("% Error: a transaction has lines of the configuration alone, without `do`",)
_ENDED: Final = ("% Error: the line above it left configuration mode",)
_ONLY_15: Final = "a configuration change needs privilege level 15"


class PendingRollback(Value):
    """The change that comes back unless a user confirms it. left: seconds. where: the file of the earlier text."""

    minutes: int
    left: float
    by: str
    where: str


class RunningText(Value):
    """What runs, as the caller may see it."""

    tag: str
    text: str
    rollback: PendingRollback | None


class Result(enum.Enum):
    """What became of a transaction. Only APPLIED changed something."""

    APPLIED = "applied"
    TRIED = "tried"
    REFUSED = "refused"
    OUTDATED = "outdated"
    UNARMED = "unarmed"


class RefusedLine(Value):
    """A line that the router does not take. number: 1 is the first line. said: what it says, as at the prompt."""

    number: int
    text: str
    said: tuple[str, ...]


class ConfigurationChange(Value, kw_only=True):
    """What became of a transaction.

    tag: of what runs now.
    refused: the first `MOST_REFUSED` ones. Lines that are indented deeper below a refused line are not judged.
    said: warnings; why there is no way back.
    differences: as `show archive config differences` has them, from what ran before to what these lines make.
    noted: the same without keys and passwords.
    """

    result: Result
    tag: str
    refused: tuple[RefusedLine, ...] = ()
    said: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()
    rollback: PendingRollback | None = None


class _Read(Value):
    """What the lines make of a configuration. entered: the lines on top that changed it."""

    tree: ConfigTree
    refused: tuple[RefusedLine, ...]
    said: tuple[str, ...]
    entered: tuple[EnteredLine, ...] = ()


class _Noted(TypedLines):
    """Typed lines, and those of them that changed the configuration."""

    def __init__(self, configurator: Configurator, tree: ConfigTree) -> None:
        super().__init__(configurator, tree)
        self.entered: list[EnteredLine] = []

    def _enter(self, text: str, prompt_width: int) -> LineResult:
        result = super()._enter(text, prompt_width)
        if result.changed:
            self.entered.append(self.session.entry)
        return result


def running_text(interpreter: Interpreter) -> RunningText:
    """Return what runs. Raises UserError if this level may not see it."""
    shown = interpreter.ask("show running-config")
    if not isinstance(shown, RunningConfig):
        raise UserError("show running-config shows no configuration here")
    text = "\n".join([*shown.lines, "end"]) + "\n"
    return RunningText(_tag_of(shown.lines), text, _pending(interpreter.handle))


def _tag_of(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:_TAG_LENGTH]


def _pending(handle: RouterHandle) -> PendingRollback | None:
    context = handle.context(0)
    pending = context.machine(ArchiveMachine).pending
    if pending is None:
        return None
    return PendingRollback(pending.minutes, max(0.0, pending.due - context.now), pending.by, pending.where)


class Transaction:
    """One change. line: of its user."""

    def __init__(self, handle: RouterHandle, session: int, order: Configure, line: TerminalLine) -> None:
        self._handle = handle
        self._session = session
        self._order = order
        self._line = line
        filing = Filing(handle, Merging(handle, session, lambda: line.who), lambda: True)
        self._archiving = Archiving(handle, session, filing, lambda: line.who)

    def carry_out(self) -> ConfigurationChange:
        """Change the configuration, or say why not. Raises UserError if the lines are no configuration."""
        if self._order.privilege < PRIVILEGED:
            raise UserError(_ONLY_15)
        if self._handle.is_frozen:
            raise UserError(FROZEN)
        for _ in range(_TRIES):
            change = self._attempt()
            if change is not None:
                return change
        change = in_one_go(self._attempt)
        if change is None:
            raise UserError("other users keep changing the configuration")
        return change

    def _attempt(self) -> ConfigurationChange | None:
        """Try once; None: another user changed the configuration meanwhile."""
        order, running = self._order, self._running
        before = running.copy()
        revision = before.revision
        lines = before.render()
        tag = _tag_of(with_version(lines))
        if order.tag not in ("", tag):
            return ConfigurationChange(result=Result.OUTDATED, tag=tag)
        read = self._whole({line.strip() for line in lines}) if order.whole else self._typed(before.copy())
        made = read.tree.render()
        found = [*differences(before, read.tree)]
        change = ConfigurationChange(
            result=Result.REFUSED if read.refused else Result.TRIED,
            tag=tag,
            refused=read.refused,
            said=read.said,
            differences=tuple(contextual(found)),
            noted=tuple(contextual([*differences(before, read.tree, hide=True)])),
            rollback=_pending(self._handle),
        )
        if change.result is Result.REFUSED or order.dry:
            return change
        whole = "\n".join(made) + "\n"
        if made != lines:
            self._handle.prepare(whole)
        entered = _typed_for(found) if order.whole else read.entered
        after = _tag_of(with_version(made))
        way_back = self._archiving.way_back(order.minutes) if order.minutes else None
        if isinstance(way_back, Outcome):
            return ConfigurationChange(result=Result.UNARMED, tag=tag, said=tuple(way_back.lines))
        if self._running is not running or running.revision != revision:
            if way_back is not None:
                self._archiving.give_up(way_back)
            return None
        self._commit(way_back, whole if made != lines else None, entered)
        return ConfigurationChange(
            result=Result.APPLIED,
            tag=after,
            said=read.said,
            differences=change.differences,
            noted=change.noted,
            rollback=_pending(self._handle),
        )

    def _commit(self, way_back: WayBack | None, text: str | None, entered: tuple[EnteredLine, ...]) -> None:
        """Let the router have it. text: None: as it runs already. entered: for the log of lines."""
        who = self._line.who
        if way_back is not None:
            self._handle.post(way_back.scheduled)
        if text is not None:
            self._handle.post(ConfigurationEntered(text, by=who))
            if self._handle.context(self._session).machine(ArchiveMachine).config.logs:
                self._handle.post(LinesReported(entered, who))
            self._handle.post(ConfigurationLeft(who, self._line.place))

    @property
    def _running(self) -> ConfigTree:
        return self._handle.context(self._session).running

    # -------------------------------------------------------------------------------------------- lines on top

    def _typed(self, tree: ConfigTree) -> _Read:
        """Enter the lines as if they were typed, on a copy of what runs."""
        typed = _Noted(self._handle.configurator, tree)
        refused: list[RefusedLine] = []
        said: list[str] = []
        below: int | None = None
        is_ended = False
        opened = 0
        for number, text in breathing(enumerate(self._order.lines, 1)):
            depth = len(text) - len(text.lstrip())
            if below is not None and depth > below and not typed.session.awaits:
                continue
            below = None
            opened = opened if typed.session.awaits else number
            result = self._enter(typed, text)
            why = _why(result, text, is_ended=is_ended)
            is_ended = is_ended or result.ended
            if why:
                refused.append(RefusedLine(number, without_keys(text), why))
                below = depth
            else:
                said += [*result.output_lines, *typed.session.hint(result)]
            if len(refused) == MOST_REFUSED:
                break
        if typed.session.awaits:
            why = (f"% A text is not terminated: {typed.session.awaits}",)
            refused.append(RefusedLine(opened, without_keys(self._order.lines[opened - 1]), why))
        return _Read(tree, tuple(refused), tuple(said[:_MOST_SAID]), tuple(typed.entered))

    def _enter(self, typed: TypedLines, text: str) -> LineResult:
        seal = typed.session.sealing(text, self._handle.entropy)
        return typed.enter(text if seal is None else aside(seal))

    # -------------------------------------------------------------------------------------------- the whole

    def _whole(self, known: set[str]) -> _Read:
        """Read the lines as a file that has the whole configuration. known: lines that run already."""
        try:
            text = text_of("".join(f"{line}\n" for line in self._order.lines).encode())
        except ValueError as error:
            raise UserError(f"this is no configuration of one router: {error}") from error
        sealed = sealed_text(self._handle.configurator, text, self._handle.entropy)
        taken = hold(self._handle.configurator.parse_text(sealed), sealed)
        if not any(line.strip("! ") for line in taken.tree.render_known()):
            raise UserError("this is not a configuration: no line is recognized")
        found = {line.number: line for line in _refusals(taken.result.entries, known)}
        refused = tuple(found[number] for number in sorted(found))
        warnings = (line for one in taken.result.problems if one.is_warning for line in one.message_lines)
        return _Read(taken.tree, refused[:MOST_REFUSED], tuple(islice(warnings, _MOST_SAID)))


def _typed_for(found: list[Difference]) -> tuple[EnteredLine, ...]:
    """Return the lines that a user would type for these differences, for the log of lines."""
    entered: list[EnteredLine] = []
    around: list[str] = []
    for line in commands(found):
        depth = len(line) - len(line.lstrip(" "))
        around[depth:] = [line.strip()]
        entered.append(EnteredLine(tuple(around[:depth]), line.strip()))
    return tuple(entered)


def _why(result: LineResult, text: str, *, is_ended: bool) -> tuple[str, ...]:
    """Return why a line is not taken, () if it is."""
    if is_ended and text.strip("! "):
        return _ENDED
    if result.exec_line is not None:
        return _NO_EXEC
    return result.output_lines if result.refused else ()


def _refusals(entries: Iterable[LineReport], known: set[str]) -> Iterator[RefusedLine]:
    """Yield the lines of a file that do not run as they are written. known: unknown lines that run already."""
    for one in breathing(entries):
        if one.fate is Fate.REFUSED:
            yield RefusedLine(one.number, one.shown, one.message_lines)
        elif one.fate is Fate.LEFT_OUT and one.group is not None:
            yield RefusedLine(one.number, one.shown, not_taken(one.group))
        elif one.group is UNKNOWN and one.text.strip() not in known:
            yield RefusedLine(one.number, one.shown, tuple(CliError(ErrorKind.INVALID, one.text, 0).lines()))
