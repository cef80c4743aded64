"""The certificates of a cloud that is drawn with them (`plans.TRUSTPOINTS`), as files beside its configurations."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from dmvpn.shells.simulator.simulator import EPOCH
from dmvpn.tools.authority import Authority, RequestedCertificate
from dmvpn.tools.troubles.plans import TRUSTPOINTS, UNIT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_NOW: Final = datetime.fromtimestamp(EPOCH, UTC)
_USED, _EXPIRED, _ELSEWHERE, _MISNAMED = TRUSTPOINTS


def certify(folder: Path, names: Iterable[str]) -> None:
    """Write what each trustpoint of these routers has: a good certificate, and others that no peer may accept."""
    made = Authority.make(folder / _USED, "Drawn CA", elliptic=True, now=_NOW)
    for name in (_EXPIRED, _MISNAMED):
        shutil.copytree(folder / _USED, folder / name)
    known = {
        _USED: made,
        _EXPIRED: replace(made, folder=folder / _EXPIRED, now=_NOW - timedelta(days=400)),
        _ELSEWHERE: Authority.make(folder / _ELSEWHERE, "Another CA", elliptic=True, now=_NOW),
        _MISNAMED: replace(made, folder=folder / _MISNAMED),
    }
    for name in names:
        for trustpoint, authority in known.items():
            unit = "elsewhere" if trustpoint == _MISNAMED else UNIT
            authority.issue(RequestedCertificate(name=name, dn=f"cn={name},ou={unit}", days=300))
