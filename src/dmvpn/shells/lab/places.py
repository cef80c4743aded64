"""Folders of labs on disk: one folder a lab, for its sockets, its log and the files of its routers.

    $XDG_RUNTIME_DIR/dmvpn/labs/NAME/     or, where there is no runtime directory, /run/dmvpn-root/labs/NAME/ for root
                                          and /tmp/dmvpn-UID/labs/NAME/ for other users
        supervisor.sock                   control of the lab
        R31.sock                          management of a router
        R31/                              files of the router (its startup configuration)
        lab.log                           output of all processes of the lab
        lesson.json                       the troubles in it for a learner to find, and the state before
        fixed                             troubles that were found and fixed

A router that is started for a group has such a folder, too, which members may pass through (`share`). That of a service
is in /run/dmvpn: a user who looks for a router by name searches that folder after the user's own labs.

The command that brings a lab up locks its folder, and the lab's process keeps the lock: it is free as soon as the lab
is dead, however it died. Such a folder is removed by the next command that lists labs.

"LAB/R31" is unambiguous. "R31" alone means the one lab that has such a node, however many are up; if several have one,
or none has, the error names those labs, and a command that can be typed as it is.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.shells.files import LONGEST_SOCKET_PATH, open_private
from dmvpn.shells.lab import sockets
from dmvpn.shells.lab.sockets import SERVICE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dmvpn.shells.admission import Admission

    #: The user's command, with another name for the lab or the node.
    Command = Callable[[str], str]


# ------------------------------------------------------------------------------------------------ folders


#: Seconds that a process which removes a dead lab may hold its lock.
_CLEARING = 0.2
#: The lesson of a lab (`tools/lessons.py`).
LESSON = "lesson.json"
#: The troubles that were fixed in it, one a line.
FIXED = "fixed"
#: The last grade in it (`tools/lessons.py`).
GRADE = "grade.json"
#: What the last reset took away (`labs/undoing.py`).
BEFORE_RESET = "before-reset.json"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def labs_place() -> Path:
    """Return the folder of this user's labs, which may not exist."""
    return Path(sockets.labs_place())


def labs_folder() -> Path:
    """Return the folder of all labs of this user; made if necessary, for this user only. Raises UserError."""
    labs = labs_place()
    root = labs.parent
    root.mkdir(mode=0o700, exist_ok=True)
    if not sockets.is_ours(str(root)):
        raise UserError(f"{root} belongs to another user, or is writable by other users: remove it")
    labs.mkdir(mode=0o700, exist_ok=True)
    return labs


def _folders() -> list[Path]:
    """Return the folders of all labs of this user, by name in each place."""
    labs_folder()
    return [Path(folder) for folder in sockets.lab_folders()]


class LabFolder(Value):
    """The folder of one lab."""

    path: Path

    @classmethod
    def of(cls, name: str) -> LabFolder:
        """Return the folder of the lab with this name, whether it exists or not.

        Raises UserError for an invalid name.
        """
        if not _NAME.fullmatch(name):
            raise UserError(
                f"{name!r} is not a valid lab name (a lab has the name of its folder): "
                "letters, digits, '_', '.' and '-', a letter or digit first"
            )
        return cls(labs_folder() / name)

    @property
    def name(self) -> str:
        """The lab's name."""
        return self.path.name

    @property
    def control(self) -> Path:
        """The supervisor's socket."""
        return Path(sockets.control_of(str(self.path)))

    @property
    def log(self) -> Path:
        """The output of the lab's processes."""
        return self.path / "lab.log"

    def management(self, router: str) -> Path:
        """Return a router's management socket."""
        return Path(sockets.management_of(str(self.path), router))

    def storage(self, router: str) -> Path:
        """Return the folder for a router's files; made if necessary."""
        folder = self.path / router
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    @property
    def _process(self) -> Path:
        """The file that names the lab's first process: its number, and when it started."""
        return self.path / "lab.pid"

    def note_process(self, number: int) -> None:
        """Note the lab's first process: signals that end the lab are for it. Raises OSError."""
        with open_private(self._process) as file:
            file.write(f"{number} {_start_time(number)}\n")

    def process(self) -> int | None:
        """Return a pidfd of the lab's first process; None if it is dead, was never noted, or is another user's word."""
        pidfd = None
        try:
            if self.path.lstat().st_uid != os.getuid():
                return None
            number, started = map(int, self._process.read_text().split())
            pidfd = os.pidfd_open(number)
            if _start_time(number) == started:  # otherwise it is another process that got the number
                return pidfd
        except (OSError, ValueError):
            pass
        if pidfd is not None:
            os.close(pidfd)
        return None

    @property
    def life(self) -> str:
        """A word that differs between two lives of a lab, "": unknown."""
        with contextlib.suppress(OSError):
            return self._process.read_text()
        return ""

    @property
    def is_here(self) -> bool:
        """True if the lab is in the memory of this process."""
        return str(self.control) in sockets.LABS_IN_MEMORY

    @property
    def has_process(self) -> bool:
        """True if the noted process lives."""
        pidfd = self.process()
        if pidfd is not None:
            os.close(pidfd)
        return pidfd is not None

    def share(self, admission: Admission) -> None:
        """Let members of a group pass through to the sockets, without read permission: they could lock it.

        Raises UserError.
        """
        admission.share(self.path.parent.parent, 0o710)
        admission.share(self.path.parent, 0o750)
        admission.share(self.path, 0o710)

    @property
    def routers(self) -> list[str]:
        """The routers that have a socket here; a service, whose folder cannot be read, has one of its own name."""
        found = sorted(path.stem for path in self.path.glob("*.sock") if path != self.control)
        return found or [self.name.removeprefix(SERVICE)]

    @property
    def dead_routers(self) -> list[str]:
        """Routers with a folder and no socket."""
        found = sorted(path.name for path in self.path.glob("*") if path.is_dir())
        return [name for name in found if not self.management(name).exists()]

    def make(self, routers: Iterable[str]) -> None:
        """Make the folder for a new lab of these routers, and lock it for this process and its children.

        Raises UserError if a lab of this name runs, or is just being brought up.
        """
        for path in (self.control, *map(self.management, routers)):
            if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
                raise UserError(
                    f"{path} is too long for a socket: at most {LONGEST_SOCKET_PATH} octets. Shorten the name, "
                    "or set XDG_RUNTIME_DIR to a shorter folder"
                )
        end = time.monotonic() + _CLEARING
        while not self._lock_and_clear():
            if self.alive() or time.monotonic() >= end:
                raise UserError(f"lab {self.name} is up already; 'dmvpn lab down {self.name}' ends it")
            time.sleep(0.01)

    def _lock_and_clear(self) -> bool:
        """Make the folder and lock it; remove the contents of a dead lab. False if another process has the lock."""
        self.path.mkdir(mode=0o700, exist_ok=True)
        lock = self._lock()
        if lock is None:
            return False
        # It may have been removed and made again between the two steps: then we have locked a folder without a name.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), self.path.stat()) and not self.alive():
                for left in self.path.iterdir():
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
                return True
        os.close(lock)
        return False

    def _lock(self) -> int | None:
        """Return a descriptor that holds the lock of the folder; None if another process has it, or there is no
        folder.
        """
        try:
            lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def alive(self) -> bool:
        """Return whether a supervisor listens on the control socket. It need not answer: this never waits."""
        return sockets.is_alive(str(self.path))

    def remove(self) -> None:
        """Delete the folder of a lab that is gone."""
        shutil.rmtree(self.path, ignore_errors=True)

    def sweep(self) -> None:
        """Delete the folder if its lab is dead; the folder of a starting lab is locked."""
        lock = self._lock()
        if lock is not None:
            self.remove()
            os.close(lock)


def _start_time(process: int) -> int:
    """Return when a process started: ticks since the machine did, field 22 of proc(5). Raises OSError."""
    return int(Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()[19])


def running_labs(*, starting: bool = False) -> list[LabFolder]:
    """Return the labs that run, by name; remove folders of dead ones. starting: also labs without a socket."""
    running: list[LabFolder] = []
    for path in _folders():
        folder = LabFolder(path)
        if folder.alive() or (starting and folder.has_process):
            running.append(folder)
        else:
            folder.sweep()
    return running


def running_services() -> list[LabFolder]:
    """Return the routers of services that this user may use, by name."""
    return [folder for path in _services() if (folder := LabFolder(path)).alive()]


def running_lab(name: str, *, starting: bool = False) -> LabFolder | None:
    """Return the lab or service of this name, or None if it does not run. This asks no other lab: it would wake up.

    starting: also a lab that does not answer yet.
    """
    found = [LabFolder(path) for place in (_folders, _services) for path in place() if path.name == name]
    return next((folder for folder in found if folder.alive() or (starting and folder.has_process)), None)


def _services() -> list[Path]:
    return [Path(folder) for folder in sockets.service_folders()]


# -------------------------------------------------------------------------------------------- names on the command line


#: Seconds for which one of several labs may be silent: a command for another lab waits for it.
_PATIENCE: Final = 2.0


def find_lab(
    name: str | None, command: Command = str, nodes: Sequence[str] = (), *, starting: bool = False
) -> LabFolder:
    """Return the lab or service of this name; without one the only lab that runs, or that has all these nodes.

    command: the user's command, for this lab. starting: also a lab that does not answer yet. Raises UserError.
    """
    running = running_labs(starting=starting)
    if name is not None:
        for folder in (*running, *running_services()):
            if folder.name == name:
                return folder
        starts = "dmvpn run FILE" if name.startswith(SERVICE) else f"dmvpn lab up {name}"
        raise UserError(f"no lab {name} is up; '{starts}' starts it{_unseen()}")
    if not running:
        raise UserError(
            f"no lab is up; 'dmvpn lab list' shows what there is, 'dmvpn lab up NAME' starts one{_unseen()}"
        )
    if len(running) == 1:
        return running[0]
    if not nodes:
        raise UserError(
            f"several labs are up ({', '.join(folder.name for folder in running)}): "
            f"say which, as in '{command(running[0].name)}'"
        )
    having = [folder for folder in running if set(nodes) <= set(nodes_of(folder))]
    if len(having) == 1:
        return having[0]
    raise UserError(_unclear(" and ".join(nodes), having, running, command((having or running)[0].name)))


def find_router(text: str, command: Command, *, dead: bool = False) -> tuple[LabFolder, str]:
    """Return the lab and router of "R31" or "LAB/R31"; a service counts if no lab has it.

    command: the user's command, for this router.
    dead: a killed router counts, too. Raises UserError.
    """
    lab, slash, router = text.rpartition("/")
    folder = find_lab(lab) if slash else _lab_with(router, command)
    if not _has_socket(folder, router):
        if router in folder.dead_routers and dead:
            return folder, router
        if router in folder.dead_routers:
            raise UserError(f"{router} is not running; 'dmvpn lab start {text}' starts it")
        raise UserError(f"lab {folder.name} has no router {router}; it has {', '.join(folder.routers)}")
    return folder, router


def find_node(text: str, command: Command) -> tuple[LabFolder, str]:
    """Return the lab and the router, host or gateway of "H3" or "LAB/H3"; the lab itself checks whether it has the
    node.

    command: the user's command, for this node. Raises UserError.
    """
    lab, slash, node = text.rpartition("/")
    return find_lab(lab if slash else None, lambda name: command(f"{name}/{node}"), [node]), node


def some_router() -> str:
    """Return a router that could be named now, for advice; "ROUTER" if none runs."""
    running = running_labs()
    if not running:
        return "ROUTER"
    return f"{running[0].name}/{running[0].routers[0]}" if len(running) > 1 else running[0].routers[0]


def nodes_of(folder: LabFolder) -> list[str]:
    """Return routers, hosts and gateways of a lab that runs; none if it does not answer."""
    from dmvpn.shells.lab import control  # not for a command on a router, which must be quick

    try:
        status = control.order(folder.control, _PATIENCE, do="status")
    except UserError:
        return []
    parts = [status.get(part) for part in ("routers", "hosts", "gateways")] if isinstance(status, dict) else []
    return [name for part in parts if isinstance(part, dict) for name in part]


def _has_socket(folder: LabFolder, router: str) -> bool:
    return folder.management(router) != folder.control and folder.management(router).exists()


def _lab_with(router: str, command: Command) -> LabFolder:
    """Return the only lab that has this router, alive or dead; else its service."""
    running = running_labs()
    having = [folder for folder in running if _has_socket(folder, router) or router in folder.dead_routers]
    if len(having) == 1:
        return having[0]
    service = next((each for each in running_services() if each.name == f"{SERVICE}{router}"), None)
    if not having and service is not None:
        return service
    if len(running) < 2:
        return find_lab(None)
    raise UserError(_unclear(router, having, running, command(f"{(having or running)[0].name}/{router}")))


def _unclear(what: str, having: Sequence[LabFolder], running: Sequence[LabFolder], command: str) -> str:
    if having:
        *most, last = [folder.name for folder in having]
        return f"the labs {', '.join(most)} and {last} have {what}: say which, as in '{command}'"
    labs = "; ".join(f"{folder.name} has {', '.join(nodes_of(folder) or folder.routers)}" for folder in running)
    return f"no lab that is up has {what}: {labs}"


def _unseen() -> str:
    """Return the end of an error message, if there are services that this user may not see."""
    try:
        os.stat(sockets.SERVICES)
    except PermissionError:
        return "; to reach a running service, be root, its user, or a member of its --group (log in again once added)"
    except OSError:
        pass
    return ""
