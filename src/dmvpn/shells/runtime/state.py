"""Where a router of this machine keeps what must survive a restart of the program, and of the machine.

Tried in this order: `$STATE_DIRECTORY`, which systemd sets with `StateDirectory=`; `$XDG_STATE_HOME/dmvpn`; for root
/var/lib/dmvpn; ~/.local/state/dmvpn. In it each router has a folder of its host name, for its owner alone.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def state_folder(router: str, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The folder of a router, made if need be; None if it can be nowhere."""
    for parent in _candidates(environment):
        folder = parent / router
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            return folder
    return None


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
