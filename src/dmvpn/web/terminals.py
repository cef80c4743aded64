"""Terminals of routers for a browser: the output as server-sent events, the keys by requests of their own.

    POST .../routers/ROUTER/terminals  {"rows": 24, "columns": 80}
        -> `opened` with the number of the terminal, `output` with octets in base64, `ended` with the reason
    POST .../terminals/TERMINAL        {"keys": TEXT} or {"rows": 40, "columns": 120}

A terminal is a session on a vty line of the router, as over SSH, at the privilege level of the caller's role: `enable`
asks for its password. It ends when its stream is closed, at the `exec-timeout` of the line, and after half an hour
without a key. The opening is in the audit; keys are not, which may be passwords.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from contextlib import ExitStack
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dmvpn.face.calling import MAX_DATA
from dmvpn.face.messages import MAX_SIZE, Done, Input, Message, OpenShell, Output, Resize
from dmvpn.face.ssh.link import LinkError, SshLink
from dmvpn.ios.filters import Plain
from dmvpn.web.bodies import Problem, body_of
from dmvpn.web.bounds import Bounds
from dmvpn.web.configuration import Errands
from dmvpn.web.document import TEXT, WHOLE, members, operation
from dmvpn.web.events import COMMENT, HEARTBEAT, Put, Stream, event_text
from dmvpn.web.permission import Caller, Role, resource

TERMINALS: Final = "/api/v1/labs/{lab}/routers/{router}/terminals"
TERMINAL: Final = "/api/v1/terminals/{terminal}"
#: Seconds without a key after which a terminal ends.
IDLE: Final = 1800.0
_SIZE: Final = '{"rows": NUMBER, "columns": NUMBER}, from 1 to 512'
_KEYS: Final = f'{{"keys": TEXT}}, or {_SIZE}'
_LARGEST: Final = min(MAX_SIZE, 512)
_NUMBERS: Final[dict[str, Plain]] = {"rows": WHOLE, "columns": WHOLE}


class Terminals:
    """The resources as methods."""

    def __init__(self, errands: Errands, bounds: Bounds) -> None:
        self._errands = errands
        self._bounds = bounds
        self._open: dict[str, _Terminal] = {}

    @resource(
        "POST",
        TERMINALS,
        operation(
            "A terminal of a router: its output, as server-sent events",
            TEXT,
            body=members({**_NUMBERS}),
            media=["text/event-stream"],
        ),
        role=Role.OPERATE,
    )
    async def open(self, request: Request) -> Response:
        """Open a terminal."""
        caller: Caller = request.scope["caller"]
        rows, columns = _size(await body_of(request, _SIZE), _SIZE)
        number, names = secrets.token_hex(16), request.path_params
        with ExitStack() as held:
            held.enter_context(self._bounds.take("terminals", caller))
            made = self._open[number] = _Terminal(number, caller)
            held.callback(self._open.pop, number)
            path = await self._errands.introduce(request)
            try:
                await made.connect(await SshLink.open(path), rows, columns)
            except LinkError as error:
                raise Problem(HTTPStatus.BAD_GATEWAY, str(error)) from error
            made.ended = held.pop_all().close
        request.scope["guard"].note("terminal", caller, lab=names["lab"], router=names["router"])
        request.scope["unnoted"] = True  # it was noted at its beginning
        return made

    @resource(
        "POST",
        TERMINAL,
        operation("Keys for a terminal, or its new size", members({}), body=members({}, {"keys": TEXT, **_NUMBERS})),
        role=Role.OPERATE,
        apart=True,
    )
    async def type(self, request: Request) -> Response:
        """Take keys, or a new size."""
        request.scope["unnoted"] = True
        terminal = self._open.get(request.path_params["terminal"])
        if terminal is None or terminal.caller.key != request.scope["caller"].key:
            raise Problem(HTTPStatus.NOT_FOUND, "there is no such terminal: it has ended")
        given = await body_of(request, _KEYS)
        keys = given.get("keys")
        if keys is None:
            await terminal.send(Resize(*_size(given, _KEYS)))
        elif isinstance(keys, str) and len(given) == 1 and 0 < len(data := _octets(keys)) <= MAX_DATA:
            terminal.note_key()
            await terminal.send(Input(data))
        else:
            raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_KEYS}")
        return JSONResponse({})


class _Terminal(Stream):
    """One terminal, and the stream of its output."""

    def __init__(self, number: str, caller: Caller) -> None:
        super().__init__()
        self.caller = caller
        self._number = number
        self._link: SshLink | None = None
        self._last_key = 0.0

    async def connect(self, link: SshLink, rows: int, columns: int) -> None:
        """Begin a session at a router. Raises LinkError."""
        self._link = link
        self.note_key()
        caller = self.caller
        try:
            await link.send(
                OpenShell(rows, columns, caller.name, caller.role.privilege, vty=True, location=caller.place)
            )
        except BaseException:  # the user may leave meanwhile, too
            link.close()
            raise

    def note_key(self) -> None:
        """Note that its user is there."""
        self._last_key = asyncio.get_running_loop().time()

    async def send(self, message: Message) -> None:
        """Send keys or a size to the router. Raises Problem."""
        try:
            if self._link is not None:
                await self._link.send(message)
        except LinkError as error:
            raise Problem(HTTPStatus.BAD_GATEWAY, "the router has gone away") from error

    async def follow(self, put: Put) -> None:
        """Give the output until the session ends."""
        await put(event_text("opened", {"terminal": self._number}))
        await put(event_text("ended", {"reason": await self._show(put)}))

    async def leave(self) -> None:
        """End the session."""
        if self._link is not None:
            self._link.close()

    async def _show(self, put: Put) -> str:
        """Give the output. Returns why it ended, "": the user left."""
        loop = asyncio.get_running_loop()
        link = self._link
        while link is not None:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    message = await link.receive()
            except TimeoutError:
                if loop.time() - self._last_key > IDLE:
                    return f"no key for {IDLE / 60:.0f} minutes"
                await put(COMMENT)
                continue
            except LinkError:
                break
            match message:
                case Output(data=data):
                    await put(event_text("output", {"data": base64.b64encode(data).decode()}))
                case Done(reason=reason):
                    return reason
                case _:
                    break
        return "the router has gone away"


def _octets(keys: str) -> bytes:
    """Return keys as octets. Raises Problem."""
    try:
        return keys.encode()
    except UnicodeEncodeError:
        raise Problem(HTTPStatus.BAD_REQUEST, "keys has half of a character") from None


def _size(given: dict[str, object], meaning: str) -> tuple[int, int]:
    """Return rows and columns. Raises Problem."""
    rows, columns = given.get("rows"), given.get("columns")
    if given.keys() != {"rows", "columns"} or type(rows) is not int or type(columns) is not int:
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {meaning}")
    if not (1 <= rows <= _LARGEST and 1 <= columns <= _LARGEST):
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {meaning}")
    return rows, columns
