"""Commands on whole configurations, and the shows of archived copies, differences and pending rollbacks.

    configure replace FILE [list] [force] [revert trigger error] [timer N]
    configure terminal revert timer [idle] N     a change that is rolled back unless a user confirms it
    configure confirm | revert now | revert timer [idle] N
    archive config

A file is parsed completely before anything changes. Its configuration then replaces the running one in a single event;
lines that both have are not touched, so tunnels and neighbors stay up. The queries of the shows take a
`SessionContext`.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import aside
from dmvpn.base.events import ConfigurationEntered
from dmvpn.base.values import Value
from dmvpn.face.entering import notes, refusals, text_of, unknown_lines
from dmvpn.face.filing import Filing, contents_of, error, written
from dmvpn.face.requests import NOTHING, RUNNING, STARTUP, FilePlace, Outcome, Question, Replace, place_in
from dmvpn.features.archive import (
    ArchiveConfig,
    ConfigurationReplaced,
    RollbackCancelled,
    RollbackPutOff,
    RollbackScheduled,
)
from dmvpn.features.archive.machine import ArchiveMachine
from dmvpn.ios import ConfigTree, Fate, Problem
from dmvpn.ios.differences import commands, contextual, differences
from dmvpn.ios.errors import without_keys
from dmvpn.ios.grammar import Args, ExecCommand
from dmvpn.ios.language import sealed_text
from dmvpn.router.entered_text import hold
from dmvpn.router.language import configurator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dmvpn.base.shell import Flash, Stored
    from dmvpn.face.context import RouterHandle, SessionContext


# ------------------------------------------------------------------------------------------------ commands


_WARNING: Final = (
    "This will apply all necessary additions and deletions",
    "to replace the current running configuration with the",
    "contents of the specified configuration file, which is",
    "assumed to be a complete configuration, not a partial",
)
_SURE: Final = "configuration. Enter Y if you are sure you want to proceed. ? [no]: "
_UNANSWERED: Final = "% Nothing was replaced, because this session cannot confirm: use `force`"
NONE_PENDING: Final = "%No Rollback Confirmed Change pending"
_NO_ARCHIVE: Final = "%Turn config archive on before using Rollback Confirmed Change"
_FLASH: Final = "flash:"
NOT_ENABLED: Final = " Archive feature not enabled"
#: Behind the prefix of a copy: month, day, time, milliseconds, and its number.
_STAMPED: Final = re.compile(r"-[A-Z][a-z]{2}(?:-\d\d){4}\.\d{3}-(\d{1,9})", re.ASCII)


def copies(flash: Flash, prefix: str) -> list[Stored]:
    """Return the copies of the configuration in flash, the oldest first. Raises OSError."""
    found = [one for one in aside(flash.files) if _number(one, prefix) is not None]
    return sorted(found, key=lambda one: (one.changed, _number(one, prefix)))


def next_number(flash: Flash, prefix: str) -> int:
    """Return the number of the next copy. Raises OSError."""
    return max((_number(one, prefix) or 0 for one in copies(flash, prefix)), default=-1) + 1


def _number(one: Stored, prefix: str) -> int | None:
    """Return the number of an archived copy; None for a file with any other name, which the archive does not own."""
    found = _STAMPED.fullmatch(one.name.removeprefix(prefix)) if one.name.startswith(prefix) else None
    return None if found is None else int(found[1])


class WayBack(Value):
    """The return of a configuration. scheduled: the event for it. copy: the file that was written for it, "": none."""

    scheduled: RollbackScheduled
    copy: str


class Archiving:
    """The life of a configuration, as one session may change it. who: the user of the session."""

    def __init__(self, handle: RouterHandle, session: int, filing: Filing, who: Callable[[], str]) -> None:
        self._handle = handle
        self._session = session
        self._filing = filing
        self._who = who

    # -------------------------------------------------------------------------------------------- copies

    def save(self) -> Outcome:
        """Write the startup configuration (`write memory`), and a copy, too, if `archive` says so."""
        saved = self._filing.save()
        if saved.failed or not (self._config.prefix and self._config.writes):
            return saved
        copied = self.archive()
        return Outcome((*saved.lines, *copied.lines), failed=copied.failed, settled=True) if copied.failed else saved

    def archive(self) -> Outcome:
        """Make one more copy of what runs (`archive config`); the oldest goes."""
        if not self._config.prefix:
            return Outcome((NOT_ENABLED, "% Error caught by command handler"), failed=True)
        try:
            self._copy()
        except OSError as found:
            return self._unwritten(found)
        return NOTHING

    def _copy(self) -> str:
        """Write a copy; returns its name. Raises OSError."""
        flash, prefix = self._handle.flash, self._config.prefix
        view = self._handle.context(self._session)
        moment = view.ports.clock.local(view.now)
        stamp = f"{moment:%b-%d-%H-%M-%S}.{moment.microsecond // 1000:03d}"
        name = f"{prefix}-{stamp}-{next_number(flash, prefix)}"
        octets = written(self._running).encode()
        aside(lambda: flash.write(name, octets))
        for old in copies(flash, prefix)[: -self._config.maximum]:
            with suppress(FileNotFoundError):  # another session makes a copy, too, and was faster
                aside(partial(flash.remove, old.name))
        return name

    # -------------------------------------------------------------------------------------------- replace

    def replace(self, order: Replace) -> Outcome:
        """Replace the configuration (`configure replace`): ask, unless it is forced."""
        if order.minutes and not self._config.prefix:
            return Outcome((_NO_ARCHIVE,), failed=True)
        if order.force:
            return self._replace(order)
        try:
            self._filing.read_file(order.place)
        except OSError as found:
            return Outcome((error("opening", order.place, found),), failed=True)

        def answer(typed: str) -> Outcome:
            return self._replace(order) if typed.strip().lower() in ("y", "yes") else NOTHING

        return Outcome(_WARNING, question=Question(_SURE, answer, unanswered=_UNANSWERED))

    def _replace(self, order: Replace) -> Outcome:
        try:
            text = text_of(self._filing.read_file(order.place))
        except OSError as found:
            return Outcome((error("opening", order.place, found),), failed=True)
        except ValueError as found:
            return Outcome((_invalid(order.place), f"% {found}"), failed=True)

        return self._replace_with(order, sealed_text(self._handle.configurator, text, self._handle.entropy))

    def _replace_with(self, order: Replace, text: str) -> Outcome:
        taken = hold(self._handle.configurator.parse_text(text), text)
        if not any(line.strip("! ") for line in taken.tree.render_known()):
            return Outcome((_invalid(order.place),), failed=True)
        lost = [entry.message_lines[0] for entry in taken.with_fate(Fate.REFUSED) if entry.is_loss]
        if lost:
            # Lines missing from the file would be removed from the running configuration.
            return Outcome((_invalid(order.place), *lost), failed=True)
        wrong = [problem for problem in taken.result.problems if not problem.is_warning]
        if order.all_or_nothing:
            known = {line.strip() for line in self._running.render()}
            strange = [line for line in unknown_lines(taken.result) if line not in known]
            if wrong or strange:
                restored = "The original configuration has been successfully restored."
                return Outcome((*_refused(wrong, strange), "", restored, ""), failed=True)
        changed = list(differences(self._running.copy(), taken.tree))
        said: list[str] = []
        if order.listed and changed:
            said += ["!Pass 1", "", "!List of Rollback Commands:", *commands(changed), "end", ""]
        whole = "\n".join(taken.tree.render()) + "\n"
        self._handle.prepare(whole)
        if order.minutes:
            try:
                said[:0] = self._arm(order.minutes)
            except OSError as found:
                return Outcome(
                    (f"%Error writing flash:{self._config.prefix} ({found.strerror or found})",), failed=True
                )
        self._enter(whole)
        if wrong:
            return Outcome((*said, *_refused(wrong), *notes(taken), "", "Rollback aborted"), failed=True)
        return Outcome((*said, *notes(taken), f"Total number of passes: {int(bool(changed))}", "Rollback Done", ""))

    def _enter(self, text: str) -> None:
        self._handle.post(ConfigurationEntered(text, by=self._who()))
        self._handle.post(ConfigurationReplaced())

    # -------------------------------------------------------------------------------------------- the way back

    def typed(self) -> None:
        """Note a typed line: a pending rollback with an idle timer of this user is postponed."""
        pending = self._machine.pending
        if pending is not None and pending.idle and pending.by == self._who():
            self._handle.post(RollbackPutOff())

    def change_for(self, minutes: int, *, idle: bool) -> tuple[str, ...] | Outcome:
        """Begin `configure terminal revert timer N`. Returns the lines to print first, or the error."""
        if not self._config.prefix:
            return Outcome((_NO_ARCHIVE,), failed=True)
        try:
            return self._arm(minutes, idle=idle)
        except OSError as found:
            return self._unwritten(found)

    def _arm(self, minutes: int, *, idle: bool = False) -> tuple[str, ...]:
        """Schedule a rollback to the running configuration. Returns the lines about its backup copy. Raises OSError."""
        pending = self._machine.pending
        scheduled = self._way_back(minutes, idle=idle).scheduled
        self._handle.post(scheduled)
        if pending is not None:
            return ()
        return (f"Rollback Confirmed Change: Backing up current running config to {scheduled.where}", "")

    def way_back(self, minutes: int) -> WayBack | Outcome:
        """Copy the running configuration, for its return; or return the error."""
        if not self._config.prefix:
            return Outcome((_NO_ARCHIVE,), failed=True)
        try:
            return self._way_back(minutes)
        except OSError as found:
            return self._unwritten(found)

    def give_up(self, way_back: WayBack) -> None:
        """Remove the copy of a way back that no change needs."""
        if way_back.copy:
            with suppress(OSError):  # it is a copy of the archive like any other
                aside(lambda: self._handle.flash.remove(way_back.copy))

    def _way_back(self, minutes: int, *, idle: bool = False) -> WayBack:
        text = written(self._running)
        pending = self._machine.pending
        copy = self._copy() if pending is None else ""
        where = f"{_FLASH}{copy}" if pending is None else pending.where
        return WayBack(RollbackScheduled(text=text, where=where, minutes=minutes, by=self._who(), idle=idle), copy)

    def confirm(self) -> Outcome:
        """Confirm the change (`configure confirm`)."""
        if self._machine.pending is None:
            return Outcome((NONE_PENDING,), failed=True)
        self._handle.post(RollbackCancelled())
        return NOTHING

    def revert(self, minutes: int | None, *, idle: bool = False) -> Outcome:
        """Revert the change (`configure revert now`), or (minutes) at another time."""
        pending = self._machine.pending
        if pending is None:
            return Outcome((NONE_PENDING,), failed=True)
        if minutes is not None:
            self._arm(minutes, idle=idle)
            return NOTHING
        self._handle.prepare(pending.text)
        if self._machine.pending is not pending:
            return Outcome((NONE_PENDING,), failed=True)
        self._handle.post(RollbackCancelled(done=True))
        self._enter(pending.text)
        return Outcome(("Rollback Done", ""))

    def _unwritten(self, found: OSError) -> Outcome:
        return Outcome((f"%Error writing flash:{self._config.prefix} ({found.strerror or found})",), failed=True)

    # -------------------------------------------------------------------------------------------- what there is

    @property
    def _machine(self) -> ArchiveMachine:
        return self._handle.context(self._session).machine(ArchiveMachine)

    @property
    def _config(self) -> ArchiveConfig:
        return self._machine.config

    @property
    def _running(self) -> ConfigTree:
        return self._handle.context(self._session).running


def _invalid(place: FilePlace) -> str:
    return f"%{place.spelled} is not a valid config file"


def _refused(problems: list[Problem], strange: Iterable[str] = ()) -> Iterator[str]:
    yield "The following commands are failed to apply to the IOS image."
    yield "********"
    for problem in problems:
        yield problem.shown.strip()
        yield from problem.message_lines
    yield from refusals(strange)
    yield "********"


# ------------------------------------------------------------------------------------------------ copies


class Copies(Value):
    """`show archive`. names: the oldest first. prefix: "" without an archive. error: why they cannot be listed."""

    prefix: str
    maximum: int = 0
    names: tuple[str, ...] = ()
    next: int = 0
    error: str = ""


def archive(ctx: SessionContext, _: Args) -> Copies:
    """Query the archived copies (`show archive`)."""
    config = ctx.machine(ArchiveMachine).config
    if not config.prefix:
        return Copies("")
    try:
        names = tuple(f"flash:{one.name}" for one in copies(ctx.flash, config.prefix))
        return Copies(config.prefix, config.maximum, names, next_number(ctx.flash, config.prefix))
    except OSError as found:
        return Copies(config.prefix, error=f"%Error opening flash: ({found.strerror or found})")


def render_archive(found: Copies) -> Iterator[str]:
    """Yield a row for each copy that there may be."""
    if not found.prefix or found.error:
        yield found.error or NOT_ENABLED
        return
    yield f"The maximum archive configurations allowed is {found.maximum}."
    yield f"There are currently {len(found.names)} archive configurations saved."
    yield f"The next archive file will be named flash:{found.prefix}-<timestamp>-{found.next}"
    yield " Archive #  Name"
    for number in range(1, found.maximum + 1):
        name = found.names[number - 1] if number <= len(found.names) else ""
        newest = " <- Most Recent" if number == len(found.names) else ""
        yield f"   {number:<9}{name}{newest}".rstrip()


# ------------------------------------------------------------------------------------------------ differences


class Differences(Value):
    """`show archive config differences`, and `incremental-diffs`.

    lines: without the heading.
    error: the reason if the files cannot be compared.
    """

    lines: tuple[str, ...] = ()
    error: str = ""


def config_differences(ctx: SessionContext, args: Args) -> Differences:
    """Query the differences of `show archive config differences [FILE [FILE]]`: from the first file to the second.

    Without files: from running-config to startup-config; with one file: from that file to running-config.
    """
    one = place_in(args, "one", RUNNING)
    other = place_in(args, "other", RUNNING if "one" in args else STARTUP)
    try:
        before, after = _tree(ctx, one), _tree(ctx, other)
    except OSError as found:
        return Differences(error=str(found))
    return Differences(tuple(contextual(list(differences(before, after, hide=ctx.hides)))))


def incremental_diffs(ctx: SessionContext, args: Args) -> Differences:
    """Query the changes if a file was copied to running-config (`show archive config incremental-diffs FILE`)."""
    try:
        after = _tree(ctx, place_in(args, "one"), ctx.running)
    except OSError as found:
        return Differences(error=str(found))
    return Differences(tuple(commands(differences(ctx.running, after, hide=ctx.hides))))


def _tree(ctx: SessionContext, place: FilePlace, base: ConfigTree | None = None) -> ConfigTree:
    """Return the configuration that a file makes. Raises OSError, in the words for people."""
    if place.is_running:
        return ctx.running
    try:
        text = text_of(contents_of(ctx, place))
    except OSError as found:
        raise OSError(error("opening", place, found)) from found
    except ValueError as found:
        raise OSError(f"%Error opening {place.spelled} ({found})") from found
    return hold(configurator(ctx.features).parse_text(text, base), text, base).tree


def render_differences(found: Differences) -> Iterator[str]:
    """Yield the lines as NAPALM reads them."""
    if found.error:
        yield found.error
        return
    yield "!Contextual Config Diffs:"
    yield from found.lines or ("!No changes were found",)
    yield ""


def render_incremental(found: Differences) -> Iterator[str]:
    """Yield the lines that would be entered, or why there are none to show."""
    if found.error:
        yield found.error
        return
    yield "!List of Commands:"
    yield from found.lines
    yield "end"
    if not found.lines:
        yield "!No changes were found"


# ------------------------------------------------------------------------------------------------ the way back, the log


class Timer(Value):
    """`show archive config rollback timer`. minutes: None: nothing is pending. left: seconds. idle: of silence."""

    since: str = ""
    minutes: int | None = None
    left: float = 0.0
    by: str = ""
    where: str = ""
    idle: bool = False


def rollback_timer(ctx: SessionContext, _: Args) -> Timer:
    """Query the pending rollback (`show archive config rollback timer`)."""
    pending = ctx.machine(ArchiveMachine).pending
    if pending is None:
        return Timer()
    since = f"{ctx.ports.clock.local(pending.since):%H:%M:%S %Z %a %b %d %Y}"
    return Timer(since, pending.minutes, max(0.0, pending.due - ctx.now), pending.by, pending.where, pending.idle)


def render_rollback_timer(found: Timer) -> Iterator[str]:
    """Yield the fields that NAPALM compares."""
    if found.minutes is None:
        yield NONE_PENDING
        return
    yield f"Time configured(or reconfigured): {found.since}"
    yield f"Timer type: {'idle' if found.idle else 'absolute'} timer"
    yield f"Timer value: {found.minutes} min"
    yield f"User: {found.by}"


class Entered(Value):
    """A line of `show archive log config`."""

    number: int
    user: str
    depth: int
    text: str


class EnteredLines(Value):
    """`show archive log config`. bare: without numbers and names."""

    lines: tuple[Entered, ...]
    bare: bool = False


def entered(ctx: SessionContext, args: Args) -> EnteredLines:
    """Query what `show archive log config ( all | FIRST [ LAST ] | user NAME ) [ provisioning ]` shows."""
    noted, user = ctx.machine(ArchiveMachine).entered, args.text("user", "")
    first = args.integer("first", 1)
    numbers = range(first, args.integer("last", first if "first" in args else sys.maxsize - 1) + 1)
    return EnteredLines(
        tuple(
            Entered(line.number, line.by, line.depth, without_keys(line.text))
            for line in noted
            if line.number in numbers and user in ("", line.by)
        ),
        bare="provisioning" in args,
    )


def render_entered(found: EnteredLines) -> Iterable[str]:
    """Yield one row a line, indented as it is in the configuration."""
    if found.bare:
        yield from (f"{' ' * one.depth}{one.text}" for one in found.lines)
        return
    yield " idx   sess           user@line      Logged command"
    for one in found.lines:
        yield f"{one.number:>5}     1  {one.user:>20}  |{' ' * one.depth}{one.text}"


_HELP: Final[Mapping[str, str]] = {
    "archive": "Copies of the configuration",
    "config": "Of the configuration",
    "differences": "How two of them differ",
    "incremental-diffs": "What a file would change",
    "ignorecase": "The same: nothing here depends on it",
    "rollback": "The way back",
    "timer": "When it is due",
    "log": "Lines that were entered, and by whom",
    "all": "All lines that are remembered",
    "first": "Number of a line",
    "last": "Number of the last line",
    "user": "Of one user",
    "provisioning": "As a file that can be merged has them",
    "one": "A file: flash:NAME, nvram:startup-config, system:running-config",
    "other": "What it is compared with",
}

ARCHIVE_SHOWS: Final = (
    ExecCommand("show archive", _HELP, query=archive, render=render_archive, privilege=15),
    ExecCommand(
        "show archive config differences [ {one:file} [ {other:file} ] ]",
        _HELP,
        query=config_differences,
        render=render_differences,
        privilege=15,
    ),
    ExecCommand(
        "show archive config incremental-diffs {one:file} [ ignorecase ]",
        _HELP,
        query=incremental_diffs,
        render=render_incremental,
        privilege=15,
    ),
    ExecCommand(
        "show archive config rollback timer", _HELP, query=rollback_timer, render=render_rollback_timer, privilege=15
    ),
    ExecCommand(
        "show archive log config ( all | {first:1-2147483647} [ {last:1-2147483647} ] | user {user:word} )"
        " [ provisioning ]",
        _HELP,
        query=entered,
        render=render_entered,
        privilege=15,
    ),
)
