"""A capture of a wire: the packets at one of its ends, as a pcap file that grows while its reader takes it.

    GET /api/v1/labs/LAB/links/R31:Gi0-1/capture?seconds=30    -> the file, until the time is over
    ... ?keys=true                                               -> at the end a ZIP file of it and the keys of new SAs

The lab writes the file, as for `dmvpn lab capture`, into a folder of the request, which goes with it. A capture ends
with its reader, its token, its time, its lab, or its largest size. Keys open all that is sealed, so they are for the
role configure alone.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import ExitStack, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from dmvpn.base.errors import UserError
from dmvpn.ios.filters import Plain
from dmvpn.labs import captures
from dmvpn.shells.descriptors import is_readable
from dmvpn.shells.lab import control
from dmvpn.shells.lab.places import LabFolder
from dmvpn.web.bodies import Problem
from dmvpn.web.bounds import Bounds, Workers
from dmvpn.web.document import YES_OR_NO, in_query, operation, parameter
from dmvpn.web.events import Put, Stream
from dmvpn.web.fleet import Fleet
from dmvpn.web.labs import FILE, LAB, ZIP, zipped
from dmvpn.web.permission import Caller, Role, resource

CAPTURE: Final = f"{LAB}/links/{{link}}/capture"
_PCAP: Final = "application/vnd.tcpdump.pcap"
#: Seconds of a capture: without a wish, and at most. A lab ends a capture itself so much later.
_SECONDS: Final = 60
_LONGEST: Final = 300
_GRACE: Final = 30.0
#: Octets of a file, and of its largest packet with the record's header.
_LARGEST: Final = 16 << 20
_PACKET: Final = 66_000
#: Octets that are read at a time, and seconds between two looks at the file.
_PIECE: Final = 1 << 16
_LOOK: Final = 0.2
_LENGTH: Final[Plain] = {"type": "integer", "minimum": 1, "maximum": _LONGEST}
_GIVEN: Final = [
    parameter("query", "seconds", f"Its length; without it {_SECONDS}", _LENGTH),
    parameter("query", "keys", "Also the keys of new SAs, for the role configure: a ZIP file at the end", YES_OR_NO),
]


class Links:
    """The resource as a method."""

    def __init__(self, fleet: Fleet, bounds: Bounds, workers: Workers) -> None:
        self._fleet = fleet
        self._bounds = bounds
        self._workers = workers

    @resource(
        "GET",
        CAPTURE,
        operation(
            "The packets at an end of a wire, as a pcap file",
            FILE,
            given=_GIVEN,
            media=[_PCAP, ZIP],
            refused=[HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT],
        ),
        role=Role.OPERATE,
    )
    async def capture(self, request: Request) -> Response:
        """Capture at an end of a wire."""
        caller, link = request.scope["caller"], request.path_params["link"]
        seconds = in_query(request, "seconds", _SECONDS, 1, _LONGEST)
        with_keys = request.query_params.get("keys", "false")
        if with_keys not in ("true", "false"):
            raise Problem(HTTPStatus.BAD_REQUEST, "keys is true or false")
        if with_keys == "true" and not caller.role.includes(Role.CONFIGURE):
            raise Problem(HTTPStatus.FORBIDDEN, f"keys need the role configure; the token is for {caller.role.value}")
        lab = await self._workers.lab_for_orders(request, self._fleet)
        with ExitStack() as held:
            held.enter_context(self._bounds.take("captures", caller))
            place = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="dmvpn-capture-")))
            made = _Capture(self._workers, caller, lab, place, seconds, with_keys=with_keys == "true")
            try:
                await self._workers.run(lab.name, caller, lambda: made.begin(link))
            except UserError as error:
                raise Problem(HTTPStatus.CONFLICT, str(error)) from error
            held.callback(made.close)
            request.scope["guard"].note("captured", caller, lab=lab.name, link=link, keys=with_keys)
            made.held = held.pop_all()
        return made


class _Capture(Stream):
    """The answer with the packets."""

    def __init__(
        self, workers: Workers, caller: Caller, lab: LabFolder, place: Path, seconds: int, *, with_keys: bool
    ) -> None:
        super().__init__()
        self._workers, self._caller = workers, caller
        self._lab, self._place, self._seconds, self._with_keys = lab, place, seconds, with_keys
        self.held = ExitStack()

    def begin(self, link: str) -> None:
        """Begin to capture. Raises UserError."""
        if ":" not in link:
            raise UserError(f"no link {link}: an end of one is ROUTER:INTERFACE")
        bounds = {"seconds": self._seconds + _GRACE, "most": _LARGEST}
        self._ended = control.end_of(self._lab.control)
        try:
            path = Path(captures.begin(self._lab, [link], self._place, keys=self._with_keys, **bounds)[0])
            self._name, self._file = path.stem, path.open("rb")
        except BaseException:
            os.close(self._ended)
            raise
        suffix, media = (".zip", ZIP) if self._with_keys else (".pcap", _PCAP)
        self.opening = b""
        self.head = (
            (b"content-type", media.encode()),
            (b"content-disposition", f'attachment; filename="{self._name}{suffix}"'.encode()),
        )

    def close(self) -> None:
        """Read no more."""
        self._file.close()
        os.close(self._ended)

    async def follow(self, put: Put) -> None:
        """Give the packets, or at the end a file with them and the keys."""
        loop, sent = asyncio.get_running_loop(), 0
        end = loop.time() + self._seconds
        while loop.time() < end and sent < _LARGEST - _PACKET and not is_readable(self._ended, 0):
            piece = self._file.read(_PIECE)
            sent += len(piece)
            if piece and not self._with_keys:
                await put(piece)
            elif not piece:
                await asyncio.sleep(_LOOK)
        await self._stop()
        if self._with_keys:
            await put(await self._workers.run_read(self._caller, lambda: zipped(self._place, self._name)))
        while not self._with_keys and (piece := self._file.read(_PIECE)):
            await put(piece)

    async def leave(self) -> None:
        """End the capture, and remove its folder."""
        try:
            await self._stop()
        finally:
            self.held.close()

    async def _stop(self) -> None:
        with suppress(UserError, Problem):  # its lab has ended; or it is busy, and ends the capture later
            await self._workers.run_read(self._caller, lambda: captures.stop(self._lab, self._place))
