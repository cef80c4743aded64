"""The shows of archived copies, differences and pending rollbacks: `show archive ...`.

The queries take a `SessionContext`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.face.archiving import NONE_PENDING, NOT_ENABLED, copies, next_number
from dmvpn.face.filing import contents_of, error
from dmvpn.face.intake import text_of
from dmvpn.face.requests import RUNNING, STARTUP, place_in
from dmvpn.features.archive import ArchiveMachine
from dmvpn.ios.differences import commands, contextual, differences
from dmvpn.ios.errors import without_keys
from dmvpn.ios.grammar import Args, ExecCommand
from dmvpn.router.intake import hold
from dmvpn.router.language import configurator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dmvpn.face.context import SessionContext
    from dmvpn.face.requests import FilePlace
    from dmvpn.ios import ConfigTree

# ------------------------------------------------------------------------------------------------ copies


@dataclass(frozen=True, slots=True)
class Copies:
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


@dataclass(frozen=True, slots=True)
class Differences:
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


@dataclass(frozen=True, slots=True)
class Timer:
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


@dataclass(frozen=True, slots=True)
class Entered:
    """A line of `show archive log config`."""

    number: int
    user: str
    depth: int
    text: str


@dataclass(frozen=True, slots=True)
class EnteredLines:
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
