"""A lab to take home: what `dmvpn lab save` writes, as one ZIP file.

GET /api/v1/labs/LAB/saved -> the running configurations, `lab.yaml` with the present impairments, and `NOTES.txt` about
                              parts that are not saved

Configurations have keys and passwords, so this needs the role configure, and is in the audit.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from dmvpn.base.errors import UserError
from dmvpn.web.described import operation
from dmvpn.web.permission import resource
from dmvpn.web.problems import Problem
from dmvpn.web.roles import Role

if TYPE_CHECKING:
    from starlette.requests import Request

    from dmvpn.ios.filters import Plain
    from dmvpn.shells.lab.places import LabFolder
    from dmvpn.web.fleet import Fleet
    from dmvpn.web.turns import Turns

SAVED: Final = "/api/v1/labs/{lab}/saved"
_ZIP: Final = "application/zip"
_FILE: Final[Plain] = {"type": "string", "format": "binary"}


class Saved:
    """The resource as a method."""

    def __init__(self, fleet: Fleet, turns: Turns) -> None:
        self._fleet = fleet
        self._turns = turns

    @resource(
        "GET", SAVED, operation("A lab as a ZIP file for `dmvpn lab up`", _FILE, media=[_ZIP]), role=Role.CONFIGURE
    )
    async def saved(self, request: Request) -> Response:
        """Give a lab as a file."""
        caller = request.scope["caller"]
        folder = await self._turns.lab_for_orders(request, self._fleet)
        packed = await self._turns.take(folder.name, caller, lambda: _packed(folder))
        request.scope["guard"].note("saved", caller, lab=folder.name)
        headers = {"Content-Disposition": f'attachment; filename="{folder.name}.zip"'}
        return Response(packed, media_type=_ZIP, headers=headers)


def _packed(lab: LabFolder) -> bytes:
    """Return the file. Raises Problem."""
    from dmvpn.labs.lessons import LessonLab, save  # much of the program: a server that nobody asks does not need it

    packed = io.BytesIO()
    try:
        with tempfile.TemporaryDirectory() as place, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            folder = Path(place) / lab.name
            notes = save(LessonLab(lab), folder)
            for path in sorted(folder.iterdir()):
                archive.write(path, f"{lab.name}/{path.name}")
            if notes:
                archive.writestr(f"{lab.name}/NOTES.txt", "".join(f"Not saved: {note}\n" for note in notes))
    except (UserError, OSError) as error:
        raise Problem(HTTPStatus.BAD_GATEWAY, str(error)) from error
    return packed.getvalue()
