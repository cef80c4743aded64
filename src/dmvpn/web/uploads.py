"""A lab from configurations that a client sends: PUT /api/v1/labs/LAB brings it up, as `dmvpn lab up FOLDER` does.

The files are in a folder of their own until the job has ended; its notes name the lines that were left out.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.web import jobs
from dmvpn.web.bodies import body_of
from dmvpn.web.described import TEXT, YES_OR_NO, members
from dmvpn.web.labs import LAB, check_new, up_words
from dmvpn.web.permission import resource
from dmvpn.web.problems import Problem
from dmvpn.web.roles import Role

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from dmvpn.web.fleet import Fleet
    from dmvpn.web.jobs import Jobs
    from dmvpn.web.turns import Turns

#: Files of one lab. All of them together fit into the body of a request.
_MOST: Final = 500
#: A name, behind at most three folders; none begins with a dot or a dash.
_PATH: Final = re.compile(r"(?:[\w][\w. ()+-]{0,99}/){0,3}[\w][\w. ()+-]{0,99}")
_FILES: Final = '{"files": {NAME: TEXT, ...}}, with "simulated": true for a lab without namespaces'
_BODY: Final = members({"files": {"type": "object", "additionalProperties": TEXT}}, {"simulated": YES_OR_NO})


class Uploads:
    """The resource as a method."""

    def __init__(self, fleet: Fleet, begun: Jobs, turns: Turns) -> None:
        self._fleet = fleet
        self._jobs = begun
        self._turns = turns

    @resource("PUT", LAB, jobs.begun("Bring a lab up from configurations", _BODY), role=Role.CONFIGURE)
    async def up(self, request: Request) -> Response:
        """Bring a lab up from the files in the body."""
        given = await body_of(request, _FILES)
        files, simulated = given.get("files"), given.get("simulated", False)
        if given.keys() - {"files", "simulated"} or not isinstance(files, dict) or not isinstance(simulated, bool):
            raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_FILES}")
        _check(files)
        name, caller = request.path_params["lab"], request.scope["caller"]
        await self._turns.read(caller, lambda: check_new(self._fleet, name, caller))
        place = Path(tempfile.mkdtemp(prefix="dmvpn-upload-"))
        try:
            await self._turns.read(caller, lambda: _write(place / name, files))
            words = up_words(str(place / name), name, caller, simulated=simulated)
            return self._jobs.begin(request, name, words, lambda: shutil.rmtree(place, ignore_errors=True))
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise


def _check(files: dict[str, object]) -> None:
    """Refuse files that could leave their folder, or are no text. Raises Problem."""
    for name, text in files.items():
        if not _PATH.fullmatch(name) or not isinstance(text, str):
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name!r} is no name of a file, or the file is no text")
    if not 0 < len(files) <= _MOST:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"a lab has from 1 to {_MOST} files")


def _write(folder: Path, files: dict[str, str]) -> None:
    """Write the files. Raises Problem where one has the name of another one's folder."""
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        detail = f"the files cannot be in one folder: {error.strerror}"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail) from error
