"""Where labs live on disk: one folder a lab, for its sockets, its log and what its routers stored.

    $XDG_RUNTIME_DIR/dmvpn/labs/NAME/     or /tmp/dmvpn-UID/labs/NAME/ where there is no runtime directory
        supervisor.sock                   control of the lab
        R31.sock                          management of a router
        R31/                              what the router stored (its startup configuration)
        lab.log                           what all processes of the lab printed

A lab whose socket refuses connections is dead: its folder is removed when somebody next looks.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dmvpn.base.errors import UserError


def labs_folder() -> Path:
    """The folder of all labs of this user; made if need be, for this user only. Raises UserError."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK):
        root = Path(runtime) / "dmvpn"
    else:
        root = Path(tempfile.gettempdir()) / f"dmvpn-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    found = root.lstat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077 or not stat.S_ISDIR(found.st_mode):
        raise UserError(f"{root} belongs to somebody else, or others may write to it: remove it")
    labs = root / "labs"
    labs.mkdir(mode=0o700, exist_ok=True)
    return labs


@dataclass(frozen=True, slots=True)
class LabFolder:
    """The folder of one lab."""

    path: Path

    @classmethod
    def of(cls, name: str) -> LabFolder:
        """The folder of the lab with this name, whether it exists or not."""
        return cls(labs_folder() / name)

    @property
    def name(self) -> str:
        """The lab's name."""
        return self.path.name

    @property
    def control(self) -> Path:
        """The supervisor's socket."""
        return self.path / "supervisor.sock"

    @property
    def log(self) -> Path:
        """What the lab's processes print."""
        return self.path / "lab.log"

    def management(self, router: str) -> Path:
        """A router's management socket."""
        return self.path / f"{router}.sock"

    def storage(self, router: str) -> Path:
        """The folder for what a router stores; made if need be."""
        folder = self.path / router
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def make(self) -> None:
        """Make the folder for a new lab. Raises UserError if a lab of this name runs."""
        if self.path.exists():
            if self.alive():
                raise UserError(f"lab {self.name} is up already; 'dmvpn lab down {self.name}' ends it")
            self.remove()
        self.path.mkdir(mode=0o700)

    def alive(self) -> bool:
        """Does somebody answer on the control socket?"""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(self.control))
            except OSError:
                return False
        return True

    def remove(self) -> None:
        """Delete the folder of a lab that is gone."""
        shutil.rmtree(self.path, ignore_errors=True)


def running_labs() -> list[LabFolder]:
    """The labs that run, by name; folders of dead ones are cleaned away."""
    running: list[LabFolder] = []
    for path in sorted(labs_folder().iterdir()):
        folder = LabFolder(path)
        if folder.alive():
            running.append(folder)
        elif not _is_starting(folder):
            folder.remove()
    return running


def _is_starting(folder: LabFolder) -> bool:
    """A folder without a control socket may be a lab that is being started."""
    return not folder.control.exists()


def find_lab(name: str | None) -> LabFolder:
    """The lab of this name, or the only one that runs. Raises UserError."""
    running = running_labs()
    if name is not None:
        for folder in running:
            if folder.name == name:
                return folder
        raise UserError(f"no lab {name} is up; 'dmvpn lab up {name}' starts it")
    if not running:
        raise UserError("no lab is up; 'dmvpn lab list' shows what there is, 'dmvpn lab up NAME' starts one")
    if len(running) > 1:
        names = ", ".join(folder.name for folder in running)
        raise UserError(f"several labs are up ({names}): say which one, as in -r {running[0].name}/R31")
    return running[0]


def find_router(text: str) -> tuple[LabFolder, str]:
    """The lab and router that "R31" or "LAB/R31" means. Raises UserError."""
    lab, slash, router = text.rpartition("/")
    folder = find_lab(lab if slash else None)
    if not folder.management(router).exists():
        routers = ", ".join(sorted(path.stem for path in folder.path.glob("*.sock") if path != folder.control))
        raise UserError(f"lab {folder.name} has no router {router}; it has {routers}")
    return folder, router
