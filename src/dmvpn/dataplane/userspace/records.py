"""Objects of the routers of a network namespace, on disk: for the next run, and for `dmvpn cleanup`.

A route out of an Ethernet interface carries our protocol number, but not its owner; a setting of the host does not show
its former value. So each router records its changes before it makes them, in a file that it keeps locked while it
lives: a file without a lock is that of a dead router.

    /run/dmvpn/host/BOOT-NAMESPACE/       of root; else below $XDG_RUNTIME_DIR/dmvpn, or /tmp/dmvpn-UID (`private`)
        lock                              held by a router that starts or ends, or by a cleanup
        settings.json                     value of each setting before the first router changed it
        *.owner                           of one router, a line for each change:
                                          "+10.0.0.0/8" routed, "-10.0.0.0/8" withdrawn, "=net/ipv4/..." in use,
                                          "@dmvpn-nat" a table of nf_tables, "~dmvpn-nat" removed

Network namespaces are identified by boot, inode and the kernel's cookie: inodes are reused. Folders of earlier boots
are removed. Where no folder can be made, records live in memory: a killed router then leaves its changes behind.
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
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import surely
from dmvpn.base.values import Mutable, Value
from dmvpn.dataplane import private

#: Folders of dead namespaces that are kept; the oldest go.
MOST_FOLDERS: Final = 512
#: Outdated lines of a router's file that are kept.
SLACK: Final = 4096
#: Seconds to wait for another router that starts or ends at the same moment.
PATIENCE: Final = 2.0

_LOCK = "lock"
_OWNER = ".owner"
_SETTINGS = "settings.json"
_SO_NETNS_COOKIE = 71
#: Settings are restored by root from a file: only these are allowed.
_SETTING = re.compile(r"net/ipv4/(?:[a-z0-9_]+|conf/(?!\.{1,2}/)[^/\0]{1,15}/[a-z_]+)")
_VALUE = re.compile(r"-?\d{1,10}")


class Belongings(Mutable):
    """The objects of one router in its namespace."""

    prefixes: set[Prefix] = field(default_factory=set)
    settings: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)


class Others(Value):
    """The other routers of a namespace: the objects of living ones, and the remains of dead ones."""

    living: tuple[Belongings, ...] = ()
    dead: tuple[Belongings, ...] = ()

    @property
    def prefixes(self) -> frozenset[Prefix]:
        """Prefixes of living routers."""
        return frozenset().union(*(other.prefixes for other in self.living))

    @property
    def settings(self) -> frozenset[str]:
        """The settings that living routers depend on."""
        return frozenset().union(*(other.settings for other in self.living))

    @property
    def has_routes(self) -> bool:
        """Whether another router may need shared objects: a living one, or a dead one, whose next run takes
        them over.
        """
        return bool(self.living or self.orphans)

    @property
    def orphans(self) -> frozenset[Prefix]:
        """Prefixes of dead routers that no living one has."""
        return frozenset().union(*(other.prefixes for other in self.dead)) - self.prefixes


class Records:
    """The records of one network namespace. `folder` None: in memory alone."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._in_memory: dict[str, str] = {}

    @classmethod
    def here(cls) -> Records:
        """Return the records of the network namespace of the calling thread."""
        root = _root()
        if root is None:
            return cls(None)
        boot = boot_id()
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
        """Keep other routers from starting, ending or cleaning up meanwhile.

        A lock that is held too long is ignored.
        """
        if self.folder is None:
            yield
            return
        lock = _take_lock(self.folder)
        try:
            yield
        finally:
            os.close(lock)

    def others(self, own: Path | None = None) -> Others:
        """Return the other routers with objects here. own: the file of the calling router."""
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
        """Return the settings' values from before the first router changed them, in the order of the changes."""
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
        """Store the former values of settings. Raises OSError; then the old record is still there."""
        if self.folder is None:
            self._in_memory = dict(found)
            return
        new = self.folder / f"{_SETTINGS}.new"
        new.write_text(json.dumps(dict(found)))
        new.replace(self.folder / _SETTINGS)

    def tidy(self) -> None:
        """Remove the folder if it is empty."""
        if self.folder is not None and not self._owners() and not self.found():
            shutil.rmtree(self.folder, ignore_errors=True)

    def _owners(self) -> list[Path]:
        return [] if self.folder is None else sorted(self.folder.glob(f"*{_OWNER}"))


class Ledger:
    """The file of one living router; locked until `close`, or until its process ends."""

    def __init__(self, folder: Path | None) -> None:
        """Begin the file. Call it under `Records.locked`. Without a folder, or on a full disk, nothing is written."""
        self._folder = folder
        self._has = Belongings()
        self._lines = 0
        self.path: Path | None = None
        self._descriptor: int | None = None
        self._begin()

    @property
    def prefixes(self) -> frozenset[Prefix]:
        """The prefixes of this router."""
        return frozenset(self._has.prefixes)

    def uses(self, settings: list[str]) -> None:
        """Record that this router depends on these settings."""
        new = [path for path in settings if path not in self._has.settings]
        self._has.settings.update(new)
        self._write("".join(f"={path}\n" for path in new), len(new))

    def routed(self, *prefixes: Prefix) -> None:
        """Record that routes of these prefixes are about to be added."""
        new = [prefix for prefix in prefixes if prefix not in self._has.prefixes]
        self._has.prefixes.update(new)
        self._write("".join(f"+{prefix}\n" for prefix in new), len(new))

    def cleared(self, *prefixes: Prefix) -> None:
        """Record that routes of these prefixes are removed."""
        gone = [prefix for prefix in prefixes if prefix in self._has.prefixes]
        self._has.prefixes.difference_update(gone)
        self._write("".join(f"-{prefix}\n" for prefix in gone), len(gone))

    def holds(self, table: str) -> None:
        """Record that a table of nf_tables is about to be made."""
        if table not in self._has.tables:
            self._has.tables.add(table)
            self._write(f"@{table}\n", 1)

    def released(self, table: str) -> None:
        """Record that this table is removed."""
        if table in self._has.tables:
            self._has.tables.remove(table)
            self._write(f"~{table}\n", 1)

    def close(self) -> None:
        """Record that the router has no objects here any more. A second call does nothing."""
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
        with contextlib.suppress(OSError):  # routing goes on with a full disk
            os.write(self._descriptor, text.encode())
            if self._lines > SLACK + 4 * (len(self._has.prefixes) + len(self._has.settings)):
                self._begin_again(self._descriptor)

    def _begin_again(self, descriptor: int) -> None:
        """Begin a new file without outdated lines. At any time one of the two is complete and locked."""
        old = self.path
        with Records(self._folder).locked():
            self._begin()
            if self._descriptor == descriptor:
                self._lines = 0  # no room for another file: try later
                return
            lines = [f"={path}\n" for path in sorted(self._has.settings)]
            lines += [f"+{prefix}\n" for prefix in sorted(self._has.prefixes, key=str)]
            lines += [f"@{table}\n" for table in sorted(self._has.tables)]
            self._lines = len(lines)
            os.write(surely(self._descriptor), "".join(lines).encode())
            surely(old).unlink(missing_ok=True)
        os.close(descriptor)


def places() -> list[Path]:
    """Return the possible places of the records of all namespaces, the best first."""
    candidates = [Path("/run")] if os.geteuid() == 0 else []
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        candidates.append(Path(runtime))
    parents = (*(path / "dmvpn" for path in candidates), private.folder())
    return [parent / "host" for parent in parents]


def _root() -> Path | None:
    """Return the folder of all namespaces, for this user alone; None if there is no place for it."""
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


def boot_id() -> str:
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
    """Remove the folders of earlier boots, and the oldest ones of namespaces without a living router."""
    names = os.listdir(root)
    kept = [name for name in names if name.startswith(boot)]
    for name in sorted({*names} - {*kept}):
        shutil.rmtree(root / name, ignore_errors=True)
    if len(kept) <= MOST_FOLDERS:
        return
    changed: list[tuple[float, Path]] = []
    for name in kept:
        with contextlib.suppress(FileNotFoundError):  # a router of another namespace removes its own folder
            changed.append(((root / name).stat().st_mtime, root / name))
    for _, folder in sorted(changed)[: max(0, len(changed) - MOST_FOLDERS)]:
        if not Records(folder).others().living:
            shutil.rmtree(folder, ignore_errors=True)


def _take_lock(folder: Path) -> int:
    """Return the lock of a folder, which is made if necessary; a lock that is still held after `PATIENCE` is
    ignored.
    """
    end = time.monotonic() + PATIENCE
    path = folder / _LOCK
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:  # the previous router has just removed the folder, here or below
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
    """Return the content of a file; invalid lines are skipped, such as a truncated last one of a full disk."""
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
