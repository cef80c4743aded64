"""What the routers of a network namespace have there, on disk: for the next life, and for `dmvpn cleanup`.

A route out of an Ethernet interface carries our protocol number, but says not whose it is; a setting of the host says
not what it was. So each router writes down what it puts in, before it does, in a file that it keeps locked while it
lives: a file that nobody locks is that of a dead router.

    /run/dmvpn/host/BOOT-NAMESPACE/       of root; else below $XDG_RUNTIME_DIR/dmvpn, or /tmp/dmvpn-UID (`private`)
        lock                              held by a router that starts or ends, or by a cleanup
        settings.json                     what each setting was before the first router changed it
        *.owner                           of one router, a line for each change:
                                          "+10.0.0.0/8" routed, "-10.0.0.0/8" not any more, "=net/ipv4/..." in use,
                                          "@dmvpn-nat" a table of nf_tables, "~dmvpn-nat" not any more

Network namespaces are told apart by boot, inode and the kernel's cookie: inodes are given again. Folders of earlier
boots are removed. Where no folder can be made, records live in memory: a killed router then leaves what it borrowed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import socket
import stat
import tempfile
import time
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import surely
from dmvpn.base.values import dataclass
from dmvpn.dataplane import private

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Folders of dead namespaces that are kept; the oldest go.
MOST_FOLDERS: Final = 512
#: Lines of a router's file that are kept beside those that still hold.
SLACK: Final = 4096
#: Seconds to wait for another router that starts or ends at the same moment.
PATIENCE: Final = 2.0

_LOCK = "lock"
_OWNER = ".owner"
_SETTINGS = "settings.json"
_SO_NETNS_COOKIE = 71
#: Settings are put back by root from a file: nothing but these.
_SETTING = re.compile(r"net/ipv4/(?:[a-z_]+|conf/(?!\.{1,2}/)[^/\0]{1,15}/[a-z_]+)")
_VALUE = re.compile(r"-?\d{1,10}")


@dataclass(slots=True)
class Belongings:
    """What one router has in its namespace."""

    prefixes: set[Prefix] = field(default_factory=set)
    settings: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Others:
    """The other routers of a namespace: what those that live have, and what dead ones left."""

    living: tuple[Belongings, ...] = ()
    dead: tuple[Belongings, ...] = ()

    @property
    def prefixes(self) -> frozenset[Prefix]:
        """What living routers route."""
        return frozenset().union(*(other.prefixes for other in self.living))

    @property
    def settings(self) -> frozenset[str]:
        """The settings that living routers count on."""
        return frozenset().union(*(other.settings for other in self.living))

    @property
    def has_routes(self) -> bool:
        """May one of them need what routers share: a living one, or a dead one, whose next life takes that over?"""
        return bool(self.living or self.orphans)

    @property
    def orphans(self) -> frozenset[Prefix]:
        """What dead routers routed, and no living one does."""
        return frozenset().union(*(other.prefixes for other in self.dead)) - self.prefixes


class Records:
    """The records of one network namespace. `folder` None: in memory alone."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._in_memory: dict[str, str] = {}

    @classmethod
    def here(cls) -> Records:
        """Return those of the network namespace of the calling thread."""
        root = _root()
        if root is None:
            return cls(None)
        boot = _boot()
        folder = root / f"{boot}-{_namespace()}"
        try:
            if not folder.is_dir():
                _forget_old(root, boot)
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError:
            return cls(None)
        return cls(folder)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Let nobody else start, end or clean up meanwhile. Nobody waits for one that keeps the lock too long."""
        if self.folder is None:
            yield
            return
        lock = _take_lock(self.folder)
        try:
            yield
        finally:
            os.close(lock)

    def others(self, own: Path | None = None) -> Others:
        """Return the other routers that have something here. own: the file of the router that asks."""
        living: list[Belongings] = []
        dead: list[Belongings] = []
        for path in self._owners():
            if path != own:
                with contextlib.suppress(OSError):
                    (dead if _is_free(path) else living).append(_read(path))
        return Others(tuple(living), tuple(dead))

    def forget_dead(self) -> None:
        """Remove the files of dead routers."""
        for path in self._owners():
            with contextlib.suppress(OSError):
                if _is_free(path):
                    path.unlink()

    def found(self) -> dict[str, str]:
        """Return what the settings were before the first router changed them, in the order in which they were."""
        if self.folder is None:
            return dict(self._in_memory)
        try:
            read = json.loads((self.folder / _SETTINGS).read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(read, dict):
            return {}
        return {
            path: value
            for path, value in read.items()
            if isinstance(value, str) and _SETTING.fullmatch(path) and _VALUE.fullmatch(value)
        }

    def write_found(self, found: Mapping[str, str]) -> None:
        """Keep what the settings were. Raises OSError; then the old record is still there."""
        if self.folder is None:
            self._in_memory = dict(found)
            return
        new = self.folder / f"{_SETTINGS}.new"
        new.write_text(json.dumps(dict(found)))
        new.replace(self.folder / _SETTINGS)

    def tidy(self) -> None:
        """Remove the folder if it says nothing any more."""
        if self.folder is not None and not self._owners() and not self.found():
            shutil.rmtree(self.folder, ignore_errors=True)

    def _owners(self) -> list[Path]:
        return [] if self.folder is None else sorted(self.folder.glob(f"*{_OWNER}"))


class Ledger:
    """The file of one router that lives; locked until `close`, or until its process is gone."""

    def __init__(self, folder: Path | None) -> None:
        """Begin the file. Call it under `Records.locked`. Without a folder, or room in it, nothing is written."""
        self._folder = folder
        self._has = Belongings()
        self._lines = 0
        self.path: Path | None = None
        self._descriptor: int | None = None
        self._begin()

    @property
    def prefixes(self) -> frozenset[Prefix]:
        """What this router routes."""
        return frozenset(self._has.prefixes)

    def uses(self, settings: list[str]) -> None:
        """Record that these settings are to stay as this router wants them."""
        new = [path for path in settings if path not in self._has.settings]
        self._has.settings.update(new)
        self._write("".join(f"={path}\n" for path in new), len(new))

    def routed(self, *prefixes: Prefix) -> None:
        """Record that routes of these prefixes are about to be put in."""
        new = [prefix for prefix in prefixes if prefix not in self._has.prefixes]
        self._has.prefixes.update(new)
        self._write("".join(f"+{prefix}\n" for prefix in new), len(new))

    def cleared(self, *prefixes: Prefix) -> None:
        """Record that there are no routes of ours for these prefixes any more."""
        gone = [prefix for prefix in prefixes if prefix in self._has.prefixes]
        self._has.prefixes.difference_update(gone)
        self._write("".join(f"-{prefix}\n" for prefix in gone), len(gone))

    def holds(self, table: str) -> None:
        """Record that a table of nf_tables is about to be made."""
        if table not in self._has.tables:
            self._has.tables.add(table)
            self._write(f"@{table}\n", 1)

    def released(self, table: str) -> None:
        """Record that there is no such table of ours any more."""
        if table in self._has.tables:
            self._has.tables.remove(table)
            self._write(f"~{table}\n", 1)

    def close(self) -> None:
        """Record that the router has nothing here any more. A second call does nothing."""
        if self.path is not None and self._descriptor is not None:
            self.path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def _begin(self) -> None:
        if self._folder is None:
            return
        with contextlib.suppress(OSError):
            self._descriptor, name = tempfile.mkstemp(prefix=f"{os.getpid()}-", suffix=".begun", dir=self._folder)
            os.set_inheritable(self._descriptor, False)
            _lock(self._descriptor)
            self.path = Path(name).with_suffix(_OWNER)
            Path(name).rename(self.path)

    def _write(self, text: str, lines: int) -> None:
        if self._descriptor is None or not text:
            return
        self._lines += lines
        with contextlib.suppress(OSError):  # routing goes on where a disk is full
            os.write(self._descriptor, text.encode())
            if self._lines > SLACK + 4 * (len(self._has.prefixes) + len(self._has.settings)):
                self._begin_again(self._descriptor)

    def _begin_again(self, descriptor: int) -> None:
        """Begin a new file without what is over. There is always one that is complete and locked."""
        old = self.path
        with Records(self._folder).locked():
            self._begin()
            if self._descriptor == descriptor:
                self._lines = 0  # there is no room for another one: later, perhaps
                return
            lines = [f"={path}\n" for path in sorted(self._has.settings)]
            lines += [f"+{prefix}\n" for prefix in sorted(self._has.prefixes, key=str)]
            lines += [f"@{table}\n" for table in sorted(self._has.tables)]
            self._lines = len(lines)
            os.write(surely(self._descriptor), "".join(lines).encode())
            surely(old).unlink(missing_ok=True)
        os.close(descriptor)


def places() -> list[Path]:
    """Return where the records of all namespaces may be, the best place first."""
    candidates = [Path("/run")] if os.geteuid() == 0 else []
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        candidates.append(Path(runtime))
    parents = (*(path / "dmvpn" for path in candidates), private.folder())
    return [parent / "host" for parent in parents]


def _root() -> Path | None:
    """Return the folder of all namespaces, for this user alone; None if it can be nowhere."""
    for place in places():
        with contextlib.suppress(OSError):
            for folder in (place.parent, place):
                folder.mkdir(mode=0o700, exist_ok=True)
            if _is_ours(place.parent) and _is_ours(place):
                return place
    return None


def _is_ours(folder: Path) -> bool:
    found = folder.lstat()
    ours_alone = found.st_uid == os.geteuid() and not found.st_mode & 0o022
    return stat.S_ISDIR(found.st_mode) and ours_alone and os.access(folder, os.W_OK | os.X_OK)


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "boot"


def _namespace() -> str:
    inode = os.stat("/proc/thread-self/ns/net").st_ino
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:  # since Linux 5.14
            cookie = int.from_bytes(probe.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8), "little")
        except OSError:
            cookie = 0
    return f"{inode}-{cookie}"


def _forget_old(root: Path, boot: str) -> None:
    """Remove the folders of earlier boots, and the oldest of namespaces in which no router lives."""
    names = os.listdir(root)
    kept = [name for name in names if name.startswith(boot)]
    for name in sorted({*names} - {*kept}):
        shutil.rmtree(root / name, ignore_errors=True)
    if len(kept) <= MOST_FOLDERS:
        return
    changed: list[tuple[float, Path]] = []
    for name in kept:
        with contextlib.suppress(FileNotFoundError):  # a router of another namespace tidies its own away
            changed.append(((root / name).stat().st_mtime, root / name))
    for _, folder in sorted(changed)[: max(0, len(changed) - MOST_FOLDERS)]:
        if not Records(folder).others().living:
            shutil.rmtree(folder, ignore_errors=True)


def _take_lock(folder: Path) -> int:
    """Return the lock of a folder, which is made if there is none; after `PATIENCE` a lock that is still held is
    ignored.
    """
    end = time.monotonic() + PATIENCE
    path = folder / _LOCK
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:  # the router before this one has tidied the folder away, here or below
            continue
        if (_lock(lock) and _is_at(lock, path)) or time.monotonic() >= end:
            return lock
        os.close(lock)
        time.sleep(0.01)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return _lock(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> Belongings:
    """Return what a file says; a line that is none, as the last one of a full disk may be, says nothing."""
    has = Belongings()
    for line in path.read_text(errors="replace").splitlines():
        sign, text = line[:1], line[1:]
        if sign == "=" and _SETTING.fullmatch(text):
            has.settings.add(text)
        elif sign in ("@", "~"):
            (has.tables.add if sign == "@" else has.tables.discard)(text)
        elif sign in ("+", "-"):
            with contextlib.suppress(ValueError):
                (has.prefixes.add if sign == "+" else has.prefixes.discard)(Prefix.parse(text))
    return has
