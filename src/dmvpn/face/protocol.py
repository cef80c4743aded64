"""The language of the management socket: one JSON object on a line, either way.

    client                              server
                                        Hello        the name of the router
    Execute      lines to carry out     Output ...   the text that the commands print
    Signal       break off              Done         with the exit status
    --- or ---
    OpenShell    a terminal of a size   Output ...   the octets for the screen
    Input        keystrokes             Done         the user has left
    Resize       a new window size
    --- or ---
    Watch        follow the chronicle   News ...     its events, until the client disconnects
    --- or, from a front end that accepts users from the network ---
    AskAccess    a source address       Access       the users that may log in, and their stored passwords
    Report       a login, or a refusal  Done

`{"type": "output", "data": "<base64>"}`: the name and the fields of the dataclass; octets are encoded in base64. This
file is a pure codec: `encode` makes a line, a `Decoder` turns octets into messages as they arrive, in pieces of any
size. It raises `ProtocolError` for a line that is too long, not JSON, or not a message; the caller then closes the
connection.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import field, fields
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import DmvpnError
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

#: The version of this protocol; a client that speaks another version reports the difference instead of guessing.
PROTOCOL: Final = 1
#: Octets of the longest line, its end included, and of the data in one `Output` or `Input`.
MAX_LINE: Final = 1 << 20
MAX_DATA: Final = 1 << 16
#: Rows and columns of a window.
MAX_SIZE: Final = 10_000
#: Characters of the name of a user.
MAX_NAME: Final = 128


class ProtocolError(DmvpnError):
    """The other end sent a line that is not a valid message; the text gives the reason."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The server's first message. name: of the router."""

    name: str
    protocol: int = PROTOCOL


@dataclass(frozen=True, slots=True)
class Execute:
    """Carry these lines out, one after the other, and send `Done`. The user fields are those of `OpenShell`."""

    lines: tuple[str, ...]
    user: str = ""
    privilege: int = 15
    vty: bool = False
    location: str = ""


@dataclass(frozen=True, slots=True)
class OpenShell:
    """Open a terminal session: on the console, or on a vty line for a user from the network.

    user: the user name.
    privilege: the level at which the session begins.
    vty: True for a vty line, whose number the server chooses; False for the console.
    location: the address of the far end.
    """

    rows: int = 24
    columns: int = 80
    user: str = ""
    privilege: int = 15
    vty: bool = False
    location: str = ""


@dataclass(frozen=True, slots=True)
class AskAccess:
    """Ask which users may log in from this address, in a VRF ("": in the global table)."""

    location: str
    vrf: str = ""


#: A user's name, the level at which a session begins, how the password is written (`base/passwords.py`), and
#: the password.
PlainUser = tuple[str, int, int, str]
PlainKey = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class Access:
    """The users that may log in, and the limits of the login.

    refused: the reason for refusing all users, "" if logins are permitted.
    time_out: seconds for the login.
    tries: wrong passwords before the connection ends.
    users: the users with a password; empty if no line checks user names.
    keys: for each public key of a user the name, the level, and the hash of the key (MD5, hexadecimal digits).
    scp: True if files may be copied.
    """

    refused: str
    time_out: int
    tries: int
    users: tuple[PlainUser, ...] = field(default=(), repr=False)
    keys: tuple[PlainKey, ...] = ()
    scp: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A user logged in, or was refused. port: the TCP port of the login. vrf: of the session, "": the global table."""

    user: str
    location: str
    port: int
    accepted: bool
    vrf: str = ""


@dataclass(frozen=True, slots=True)
class Input:
    """Keystrokes. Empty at the end of the input: the session ends once it has handled the keystrokes before it."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Resize:
    """The window has another size."""

    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Signal:
    """Break off the running command. what: "abort"."""

    what: str = "abort"


@dataclass(frozen=True, slots=True)
class Output:
    """Text that the commands print, or octets for the terminal's screen."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Watch:
    """Send the events of the chronicle, and then every new one."""


#: A line of the chronicle as `base.chronicle` writes it.
PlainLine = Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Lines of the chronicle, in order; their times and `now` are seconds since 1970.

    missed: lines before these that were forgotten before this client took them.
    begins: the router began to live, or this client to watch: numbers count from 1 again.
    addresses: the router's own, if they are not what they were.
    """

    lines: tuple[PlainLine, ...]
    now: float
    missed: int = 0
    begins: bool = False
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """All is said.

    status: 0, or 1 if a line was refused.
    reason: why the server ended it, "" if the user did.
    """

    status: int = 0
    reason: str = ""


Plain = dict[str, object]
Message = (
    Hello | Execute | OpenShell | AskAccess | Access | Report | Input | Resize | Signal | Output | Watch | News | Done
)

_TYPES: Final[dict[str, type[Message]]] = {
    "hello": Hello,
    "execute": Execute,
    "open-shell": OpenShell,
    "ask-access": AskAccess,
    "access": Access,
    "report": Report,
    "input": Input,
    "resize": Resize,
    "signal": Signal,
    "output": Output,
    "watch": Watch,
    "news": News,
    "done": Done,
}
_NAMES: Final = {kind: name for name, kind in _TYPES.items()}


def encode(message: Message) -> bytes:
    """Return the message as a line. Raises ValueError for a message that is too long for a decoder."""
    plain: Plain = {"type": _NAMES[type(message)]}
    for each in fields(message):
        value = getattr(message, each.name)
        plain[each.name] = base64.b64encode(value).decode() if isinstance(value, bytes) else value
    line = json.dumps(plain, separators=(",", ":")).encode() + b"\n"
    if len(line) > MAX_LINE:
        raise ValueError(f"a message of {len(line)} octets")
    return line


def encode_output(data: bytes) -> bytes:
    """Encode any amount of output, as as many messages as it takes."""
    pieces = (data[start : start + MAX_DATA] for start in range(0, len(data), MAX_DATA))
    return b"".join(encode(Output(piece)) for piece in pieces)


class Decoder:
    """Makes messages of what arrives."""

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[Message]:
        """Take octets; returns the messages that are complete. Raises ProtocolError."""
        *lines, self._pending = (self._pending + data).split(b"\n")
        if max(len(self._pending), *map(len, lines), 0) >= MAX_LINE:
            raise ProtocolError(f"a line of more than {MAX_LINE} octets")
        return [_decode(line) for line in lines]


def _decode(line: bytes) -> Message:
    try:
        plain = json.loads(line)
    except (ValueError, RecursionError):
        raise ProtocolError("a line that is no JSON") from None
    if not isinstance(plain, dict):
        raise ProtocolError("a line that is no JSON object")
    name = plain.pop("type", None)
    kind = _TYPES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ProtocolError(f"a message of the unknown type {str(name)[:40]!r}")
    try:
        return _MAKERS[kind](plain)
    except KeyError as error:
        raise ProtocolError(f"a message {name} without {error}") from None


def _integer(plain: Plain, name: str, limit: int) -> int:
    value = plain[name]
    # JSON's true is Python's True, which is an int.
    if type(value) is not int or not 0 <= value <= limit:
        raise ProtocolError(f"{name} is no number from 0 to {limit}")
    return value


def _text(plain: Plain, name: str) -> str:
    value = plain[name]
    if not isinstance(value, str):
        raise ProtocolError(f"{name} is no text")
    return value


def _short(plain: Plain, name: str) -> str:
    """Return a name or an address: it is shown in one line, and in the log."""
    text = _text(plain, name)
    if len(text) > MAX_NAME or not text.isprintable():
        raise ProtocolError(f"{name} is no name of at most {MAX_NAME} characters")
    return text


def _whose(plain: Plain) -> tuple[str, int, bool, str]:
    """Return user, privilege, vty and location of a session; without these fields the client is at the console."""
    said = {"user": "", "privilege": 15, "vty": False, "location": "", **plain}
    return _short(said, "user"), _integer(said, "privilege", 15), said["vty"] is True, _short(said, "location")


def _access(plain: Plain) -> Access:
    named = _rows(plain, "users", ("name", "privilege", "kind", "secret"))
    keys = _rows(plain, "keys", ("name", "privilege", "hash"))
    return Access(
        _text(plain, "refused"),
        _integer(plain, "time_out", 1 << 16),
        _integer(plain, "tries", 1 << 16),
        tuple(
            (_text(user, "name"), _integer(user, "privilege", 15), _integer(user, "kind", 9), _text(user, "secret"))
            for user in named
        ),
        tuple((_text(key, "name"), _integer(key, "privilege", 15), _text(key, "hash")) for key in keys),
        plain["scp"] is True,
    )


def _rows(plain: Plain, name: str, columns: tuple[str, ...]) -> list[Plain]:
    rows = plain[name]
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        raise ProtocolError(f"{name} is no list of {name}")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _octets(plain: Plain) -> bytes:
    try:
        data = base64.b64decode(_text(plain, "data"), validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolError("data is not base 64") from None
    if len(data) > MAX_DATA:
        raise ProtocolError(f"data of more than {MAX_DATA} octets")
    return data


def _lines(plain: Plain) -> tuple[str, ...]:
    lines = plain["lines"]
    if not isinstance(lines, list):
        raise ProtocolError("lines is no list")
    return tuple(_text({"line": line}, "line") for line in lines)


def _news(plain: Plain) -> News:
    lines, addresses, now = plain["lines"], plain["addresses"], plain["now"]
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise ProtocolError("lines is no list of objects")
    if not isinstance(addresses, list) or isinstance(now, bool) or not isinstance(now, int | float):
        raise ProtocolError("addresses is no list, or now no time")
    return News(
        lines=tuple(lines),
        now=float(now),
        missed=_integer(plain, "missed", 1 << 62),
        begins=plain["begins"] is True,
        addresses=tuple(_text({"address": address}, "address") for address in addresses),
    )


_MAKERS: Final[dict[type[Message], Callable[[Plain], Message]]] = {
    Hello: lambda plain: Hello(_text(plain, "name"), _integer(plain, "protocol", 1 << 16)),
    Execute: lambda plain: Execute(_lines(plain), *_whose(plain)),
    OpenShell: lambda plain: OpenShell(
        _integer(plain, "rows", MAX_SIZE), _integer(plain, "columns", MAX_SIZE), *_whose(plain)
    ),
    AskAccess: lambda plain: AskAccess(_short(plain, "location"), _short(plain, "vrf")),
    Access: _access,
    Report: lambda plain: Report(
        _short(plain, "user"),
        _short(plain, "location"),
        _integer(plain, "port", 65535),
        plain["accepted"] is True,
        _short(plain, "vrf"),
    ),
    Input: lambda plain: Input(_octets(plain)),
    Resize: lambda plain: Resize(_integer(plain, "rows", MAX_SIZE), _integer(plain, "columns", MAX_SIZE)),
    Signal: lambda plain: Signal(_text(plain, "what")),
    Output: lambda plain: Output(_octets(plain)),
    Watch: lambda plain: Watch(),
    News: _news,
    Done: lambda plain: Done(_integer(plain, "status", 255), _text(plain, "reason")),
}
