"""The folder of a router on this machine for files that survive a restart of the program, and of the machine.

Tried in this order: `$STATE_DIRECTORY`, which systemd sets with `StateDirectory=`; `$XDG_STATE_HOME/dmvpn`; for root
/var/lib/dmvpn; ~/.local/state/dmvpn. In it each router has a folder of its host name, for its owner alone. A folder
whose name begins with a point is no router's.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from dmvpn.base.errors import UserError

log = logging.getLogger("dmvpn")

_WEB: Final = ".web"


def state_folder(router: str, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the folder of a router, made if necessary; None if there is no place for it, which is logged with the
    reasons.
    """
    refused: list[str] = []
    for parent in _candidates(environment):
        folder = parent / router
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            refused.append(f"{folder}: {error.strerror}")
            continue
        if os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            return folder
        refused.append(f"{folder} cannot be written to")
    reasons = "; ".join(refused) or "no $STATE_DIRECTORY, $XDG_STATE_HOME or $HOME"
    log.warning("nothing is kept for the next life of this router, request identifiers begin again: %s", reasons)
    return None


def planned_state_folder(router: str, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the folder that `state_folder` will return, without making it."""
    for parent in _candidates(environment):
        folder = parent / router
        # Path.exists and its like raise an error below an inaccessible folder.
        there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
        if os.path.isdir(there) and os.access(there, os.R_OK | os.W_OK | os.X_OK):
            return folder
    return None


def web_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of `dmvpn web`, which may not exist. Raises UserError."""
    for parent in _candidates(environment):
        folder = parent / _WEB
        there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
        if os.path.isdir(there) and os.access(there, os.R_OK | os.W_OK | os.X_OK):
            return folder
    raise UserError("there is no folder for tokens: set XDG_STATE_HOME to a folder of this user")


def _candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    if given := environment.get("STATE_DIRECTORY"):
        yield Path(given.partition(":")[0])
    if given := environment.get("XDG_STATE_HOME"):
        yield Path(given) / "dmvpn"
        return
    if os.geteuid() == 0:
        yield Path("/var/lib/dmvpn")
    if home := environment.get("HOME"):
        yield Path(home) / ".local/state/dmvpn"
