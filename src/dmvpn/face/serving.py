"""The management server of a router, which the shells start: it is imported when the first router needs it."""

from __future__ import annotations

from pathlib import Path

from dmvpn.shells.admission import OWNER_ALONE, Admission
from dmvpn.shells.handle import Handle, SessionServer


def make_server(handle: Handle, path: Path, admission: Admission = OWNER_ALONE) -> SessionServer:
    """Return the management server of a router."""
    from dmvpn.face.server import ManagementServer

    return ManagementServer(handle, path, admission)
