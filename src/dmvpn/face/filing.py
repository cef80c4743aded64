"""Commands on files: `dir`, `more`, `verify`, `copy`, `delete`.

Shows read (`LISTINGS`); `Filing` carries out commands that change files, with the questions of IOS unless `file prompt
quiet` is configured.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import aside
from dmvpn.base.shell import CAPACITY, Flash, Stored, is_file_name
from dmvpn.base.values import Value
from dmvpn.face import requests
from dmvpn.face.entering import Merging, text_of
from dmvpn.features.system.show import with_version
from dmvpn.ios.filters import Filter, FilterKind
from dmvpn.ios.grammar import Args, ExecCommand
from dmvpn.ios.language import sealed_text
from dmvpn.router.language import configurator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dmvpn.face.context import RouterHandle, SessionContext
    from dmvpn.ios import ConfigTree

#: Where a file is that has no folder, in the first column of `dir`.
_FIRST_NODE: Final = 11
#: A line with any line ending; an empty line has one.
_LINE: Final = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n)|([^\r\n]+)\Z")


def written(tree: ConfigTree, *, hide: bool = False) -> str:
    """Return a configuration as a file that a router would start with. hide: without keys and passwords."""
    return "\n".join([*with_version(tree.render(hide=hide)), "end"]) + "\n"


def as_text(octets: bytes) -> str:
    """Return the text of a file; octets that are not UTF-8 become replacement characters."""
    return octets.decode("utf-8", "replace")


def error(doing: str, place: requests.FilePlace, found: OSError) -> str:
    """Return "%Error opening flash:/x (No such file or directory)"."""
    return f"%Error {doing} {place.spelled} ({found.strerror or found})"


# ------------------------------------------------------------------------------------------------ shows


class Listing(Value):
    """`dir`. free: octets. error: the reason if the files cannot be listed."""

    where: str
    files: tuple[Stored, ...] = ()
    free: int = CAPACITY
    error: str = ""


def listing(ctx: SessionContext, args: Args) -> Listing:
    """List files: `dir`, `dir flash:`, `dir flash:/NAME`."""
    place = requests.place_in(args, "file")
    if place.system is not requests.System.FLASH:
        size = len(_shown(ctx, place).encode())
        return Listing(place.spelled, (Stored(place.name, size, 0.0),) if size else ())
    try:
        files = tuple(aside(ctx.flash.files))
    except OSError as found:
        return Listing(place.spelled, error=error("opening", place, found))
    free = CAPACITY - sum(one.size for one in files)
    if not place.name:
        return Listing(place.spelled, files, free)
    asked = tuple(one for one in files if one.name == place.name)
    missing = "" if asked else error("opening", place, FileNotFoundError(2, "No such file or directory"))
    return Listing(place.spelled, asked, free, missing)


def render_listing(found: Listing) -> Iterator[str]:
    """Yield a line for each file, and the room that is left."""
    if found.error:
        yield found.error
        return
    yield f"Directory of {found.where}"
    yield ""
    for number, one in enumerate(found.files, _FIRST_NODE):
        changed = datetime.fromtimestamp(one.changed, UTC)
        yield f"{number:>5}  -rw-  {one.size:>14}  {changed:%b %d %Y %H:%M:%S} +00:00  {one.name}"
    if not found.files:
        yield "No files in directory"
    yield ""
    yield f"{CAPACITY} bytes total ({found.free} bytes free)"


class Contents(Value):
    """`more`. error: the reason if there is no text."""

    text: str = ""
    error: str = ""


def contents(ctx: SessionContext, args: Args) -> Contents:
    """Show a file: `more flash:/NAME`, `more nvram:startup-config`, `more system:running-config`."""
    place = requests.place_in(args, "file")
    try:
        return Contents(as_text(_octets_shown(ctx, place)))
    except OSError as found:
        return Contents(error=error("opening", place, found))


def render_contents(found: Contents) -> Iterable[str]:
    """Return the lines of the file, found while they are shown: a file may have millions."""
    return (found.error,) if found.error else (line[1] or line[2] or "" for line in _LINE.finditer(found.text))


class Digest(Value):
    """`verify /md5 FILE`. error: the reason if there is no digest."""

    kind: str
    where: str
    digest: str = ""
    error: str = ""


def digest(ctx: SessionContext, args: Args) -> Digest:
    """Compute a digest: `verify /md5 FILE`, `verify /sha512 FILE`."""
    place = requests.place_in(args, "file")
    kind = "sha512" if "/sha512" in args else "md5"
    try:
        octets = _octets_shown(ctx, place)
    except OSError as found:
        return Digest(kind, place.spelled, error=error("verifying", place, found))
    computed = aside(lambda: hashlib.new(kind, octets, usedforsecurity=False).hexdigest())
    return Digest(kind, place.spelled, computed)


def render_digest(found: Digest) -> Iterator[str]:
    """Yield the digest in the form that NAPALM and Netmiko parse, to compare it with the file that they sent."""
    if found.error:
        yield found.error
        return
    yield f"...{found.kind.upper()} of {found.where} Done!"
    yield f"verify /{found.kind} ({found.where}) = {found.digest}"


def startup_shown(ctx: SessionContext) -> str:
    """Return the startup configuration as this session may see it.

    Without keys, it consists of the lines that the router parses: invalid lines are left out.
    """
    if not (ctx.hides and ctx.startup_text):
        return ctx.startup_text
    return written(configurator(ctx.features).parse_text(ctx.startup_text).tree, hide=True)


def _shown(ctx: SessionContext, place: requests.FilePlace) -> str:
    if place.is_running:
        return written(ctx.running, hide=ctx.hides)
    return startup_shown(ctx) if place.is_startup else ""


def _octets_shown(ctx: SessionContext, place: requests.FilePlace) -> bytes:
    """Return the octets of a file as this session may see them. A digest would betray a key, too. Raises OSError."""
    return _in_flash(ctx, place) if place.system is requests.System.FLASH else _shown(ctx, place).encode()


def _in_flash(ctx: SessionContext, place: requests.FilePlace) -> bytes:
    """Return the octets of a file in flash, which may hold anything: as on IOS, only level 15 reads it.

    Raises OSError.
    """
    if ctx.hides:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return aside(lambda: ctx.flash.read_file(place.name))


def contents_of(ctx: SessionContext, place: requests.FilePlace) -> bytes:
    """Return the octets of a file, with all its keys: a show has to hide these. Raises OSError."""
    if place.system is requests.System.FLASH:
        return _in_flash(ctx, place)
    if place.is_running:
        return written(ctx.running).encode()
    return ctx.startup_text.encode() if place.is_startup else b""


_HELP: Final[Mapping[str, str]] = {
    "dir": "Files of a file system",
    "more": "Show a file",
    "verify": "Compute the checksum of a file",
    "/md5": "MD5",
    "/sha512": "SHA-512",
    "file": "A file: flash:NAME, nvram:startup-config, system:running-config",
}


class FileSystem(Value):
    """A file system. size, free: octets; None: no limit of its own. prefixes: of file names."""

    kind: str
    flags: str
    prefixes: tuple[str, ...]
    size: int | None = None
    free: int | None = None


class FileSystems(Value):
    """`show file systems`."""

    systems: tuple[FileSystem, ...]


def file_systems(ctx: SessionContext, _: Args) -> FileSystems:
    """Show the file systems of this router."""
    try:
        free = CAPACITY - sum(one.size for one in aside(ctx.flash.files))
    except OSError:
        free = 0
    return FileSystems(
        (
            FileSystem("disk", "rw", ("flash:", "bootflash:"), CAPACITY, free),
            FileSystem("nvram", "rw", ("nvram:",), CAPACITY, CAPACITY - len(ctx.startup_text.encode())),
            FileSystem("opaque", "rw", ("system:",)),
            FileSystem("opaque", "wo", ("null:",)),
        )
    )


def render_file_systems(report: FileSystems) -> Iterator[str]:
    """Yield a table; `*` marks where files without a prefix are."""
    yield "File Systems:"
    yield ""
    yield "       Size(b)       Free(b)      Type  Flags  Prefixes"
    for one in report.systems:
        size, free = ("-" if octets is None else str(octets) for octets in (one.size, one.free))
        mark = "*" if one.kind == "disk" else " "
        yield f"{mark} {size:>12}  {free:>12}  {one.kind:>8}  {one.flags:>5}   {' '.join(one.prefixes)}"


FILE_SYSTEMS: Final = ExecCommand(
    "show file systems",
    {"file": "Files of the router", "systems": "Where they are, and how much room there is"},
    query=file_systems,
    render=render_file_systems,
)
SHOW_FLASH: Final = ExecCommand(
    "show flash:", {"flash:": "Files of the router"}, query=listing, render=render_listing, privilege=15
)
#: These read a whole file.
_WHOLE: Final = (
    ExecCommand("more {file:file}", _HELP, query=contents, render=render_contents, privilege=15),
    ExecCommand("verify ( /md5 | /sha512 ) {file:file}", _HELP, query=digest, render=render_digest, privilege=15),
)
#: Their queries take a `SessionContext`.
LISTINGS: Final = (
    ExecCommand("dir [ {file:file} ]", _HELP, query=listing, render=render_listing, privilege=15),
    *_WHOLE,
)


# ------------------------------------------------------------------------------------------------ changes


def _copied(size: int) -> str:
    return f"{size} bytes copied in 0.001 secs ({size * 1000} bytes/sec)"


class Filing:
    """Carries out the commands of one session that change files. quiet: `file prompt quiet` is configured."""

    def __init__(self, handle: RouterHandle, merging: Merging, quiet: Callable[[], bool]) -> None:
        self._handle = handle
        self._merging = merging
        self._quiet = quiet

    @property
    def _flash(self) -> Flash:
        return self._handle.flash

    def read_file(self, place: requests.FilePlace) -> bytes:
        """Return the octets of a file. Raises OSError."""
        match place.system:
            case requests.System.FLASH:
                return aside(lambda: self._flash.read_file(place.name))
            case requests.System.NVRAM:
                return self._handle.startup_text.encode()
            case requests.System.SYSTEM:
                return written(self._merging.running()).encode()
            case requests.System.NULL:
                return b""

    def save(self) -> requests.Outcome:
        """Save the running configuration as startup configuration."""
        try:
            self._handle.save(written(self._merging.running()))
        except OSError as found:
            return requests.Outcome(
                ("Building configuration...", error("writing", requests.STARTUP, found)), failed=True
            )
        return requests.Outcome(("Building configuration...", "[OK]"))

    def erase(self) -> requests.Outcome:
        """Let the router start with nothing from now on."""
        try:
            self._handle.save("")
        except OSError as found:
            return requests.Outcome((f"%Error erasing nvram ({found.strerror})",), failed=True)
        return requests.Outcome(("[OK]", "Erase of nvram: complete"))

    # -------------------------------------------------------------------------------------------- copy

    def copy(self, source: requests.FilePlace, target: requests.FilePlace) -> requests.Outcome:
        """Copy a file: ask for the name first."""
        offered = target.name or source.name
        if self._quiet() and (offered or target.system is not requests.System.FLASH):
            return self._copy_as(source, target, offered)

        def answer(typed: str) -> requests.Outcome:
            return self._copy_as(source, target, typed.strip() or offered)

        return requests.Outcome(question=requests.Question(f"Destination filename [{offered}]? ", answer))

    def _copy_as(self, source: requests.FilePlace, target: requests.FilePlace, name: str) -> requests.Outcome:
        if target.system is not requests.System.FLASH:
            only = (requests.RUNNING if target.is_running else requests.STARTUP).name
            if name != only:
                return requests.Outcome((f"% Error: only {only} can be written here",), failed=True)
            return self._transfer(source, target)
        if not is_file_name(name):
            return requests.Outcome(
                (f"%Error opening {target.spelled} (Invalid file name: {name[:80]!r})",), failed=True
            )
        there = target.named(name)
        return self._unless_there(there, lambda: self._transfer(source, there))

    def _unless_there(self, place: requests.FilePlace, write: Callable[[], requests.Outcome]) -> requests.Outcome:
        """Write a file of flash, after asking if it exists."""
        if self._quiet() or not any(one.name == place.name for one in self._names()):
            return write()
        asked = requests.confirm("Do you want to over write? [confirm]", write)
        return requests.Outcome(("%Warning:There is a file already existing with this name ",), question=asked.question)

    def _names(self) -> Iterable[Stored]:
        try:
            return aside(self._flash.files)
        except OSError:
            return ()

    def _transfer(self, source: requests.FilePlace, target: requests.FilePlace) -> requests.Outcome:
        if (source.system, target.system) == (requests.System.SYSTEM, requests.System.NVRAM):
            return self.save()
        try:
            octets = self.read_file(source)
        except OSError as found:
            return requests.Outcome((error("opening", source, found),), failed=True)
        said: tuple[str, ...] = ()
        try:
            if target.is_running:
                text = sealed_text(self._handle.configurator, text_of(octets), self._handle.entropy)
                return requests.Outcome((*self._merging.merge_file(text), _copied(len(octets))))
            if target.is_startup:
                self._handle.save(as_text(octets))
                said = ("[OK]",)
            else:
                aside(lambda: self._flash.write(target.name, octets))
        except OSError as found:
            return requests.Outcome((error("writing", target, found),), failed=True)
        except ValueError as found:
            return requests.Outcome((f"%Error opening {source.spelled} ({found})",), failed=True)
        return requests.Outcome((*said, _copied(len(octets))))

    # -------------------------------------------------------------------------------------------- output of shows

    def keep(self, stored: Filter, lines: Iterable[str]) -> requests.Outcome:
        """Write the lines of a show into a file of flash, without a question, as IOS does."""
        place = requests.place_of(stored.file)
        if place is None or place.system is not requests.System.FLASH or not place.name:
            said = f"%Error opening {stored.file[:80]} (lines of shows go into flash:NAME alone)"
            return requests.Outcome((said,), failed=True)
        try:
            octets = bytearray(self._begun(place) if stored.kind is FilterKind.APPEND else b"")
            shown: list[str] = []
            for line in lines:
                octets += f"{line}\n".encode()
                if len(octets) > CAPACITY:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                if stored.kind is FilterKind.TEE:
                    shown.append(line)
            aside(lambda: self._flash.write(place.name, bytes(octets)))
        except OSError as found:
            return requests.Outcome((error("writing", place, found),), failed=True)
        return requests.Outcome(shown)

    def _begun(self, place: requests.FilePlace) -> bytes:
        """Return the content of the file; b"" if it does not exist."""
        try:
            return self.read_file(place)
        except FileNotFoundError:
            return b""

    # -------------------------------------------------------------------------------------------- export

    def put(self, place: requests.FilePlace, octets: Callable[[], bytes], said: str) -> requests.Outcome:
        """Write octets into a file of flash, after a question if it exists. The last argument is printed on success."""
        if place.system is not requests.System.FLASH or not place.name:
            return requests.Outcome(
                (f"%Error opening {place.spelled} (packets go into flash:NAME alone)",), failed=True
            )

        def write() -> requests.Outcome:
            try:
                written_octets = octets()
                aside(lambda: self._flash.write(place.name, written_octets))
            except OSError as found:
                return requests.Outcome((error("writing", place, found),), failed=True)
            return requests.Outcome((said,))

        return self._unless_there(place, write)

    # -------------------------------------------------------------------------------------------- delete

    def delete(self, place: requests.FilePlace, *, force: bool) -> requests.Outcome:
        """Delete a file: ask twice, as IOS does, unless it is forced or prompts are quiet."""
        if place.system is not requests.System.FLASH or not place.name:
            return requests.Outcome((f"%Error deleting {place.spelled} (Operation not permitted)",), failed=True)
        if force or self._quiet():
            return self._remove(place)

        def answer(typed: str) -> requests.Outcome:
            name = typed.strip() or place.name
            there = place.named(name)
            return requests.confirm(f"Delete {there.spelled}? [confirm]", lambda: self._remove(there))

        return requests.Outcome(question=requests.Question(f"Delete filename [{place.name}]? ", answer))

    def _remove(self, place: requests.FilePlace) -> requests.Outcome:
        try:
            aside(lambda: self._flash.remove(place.name))
        except OSError as found:
            return requests.Outcome((error("deleting", place, found),), failed=True)
        return requests.NOTHING
