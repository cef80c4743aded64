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
    Watch        follow the history     News ...     its events and log lines, until the client disconnects
    --- or, any number of times on one connection ---
    Ask          a show                 Answer ...   its value as JSON text, in pieces
    AskConfiguration                    Answer ...   what runs, and its tag, likewise
    Count        topics of counters     Counts ...   rows of numbers
                                        Done         after each of the three
    --- or ---
    Configure    all lines or none      Answer ...   what became of them, as JSON text; then Done
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
import re
from collections.abc import Callable
from dataclasses import fields
from typing import Final

from dmvpn.base.errors import DmvpnError
from dmvpn.face import messages
from dmvpn.face.calling import MAX_DATA, MAX_LINE, output_line, split

#: No clock is ever so late, in seconds since 1970.
_LATEST: Final = float(1 << 40)
#: Of an id: the life of the router, and the numbers of the last event and of the last log line.
_ID: Final = re.compile(r"[0-9a-f]{8}(\.\d{1,18}){2}", re.ASCII)

#: The tag of a configuration.
_TAG: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)

#: The types of a row's values: JSON's `true` is none of them.
_TEXTS: Final = frozenset((str,))
_NUMBERS: Final = frozenset((int, float))


class ProtocolError(DmvpnError):
    """The other end sent a line that is not a valid message; the text gives the reason."""


Plain = dict[str, object]
_TYPES: Final[dict[str, type[messages.Message]]] = {
    "hello": messages.Hello,
    "execute": messages.Execute,
    "open-shell": messages.OpenShell,
    "ask-access": messages.AskAccess,
    "access": messages.Access,
    "report": messages.Report,
    "input": messages.Input,
    "resize": messages.Resize,
    "signal": messages.Signal,
    "output": messages.Output,
    "watch": messages.Watch,
    "news": messages.News,
    "ask": messages.Ask,
    "ask-configuration": messages.AskConfiguration,
    "configure": messages.Configure,
    "answer": messages.Answer,
    "count": messages.Count,
    "counts": messages.Counts,
    "done": messages.Done,
}
_NAMES: Final = {kind: name for name, kind in _TYPES.items()}


def encode(message: messages.Message) -> bytes:
    """Return the message as a line. Raises ValueError for a message that is too long for a decoder."""
    line = json.dumps(message_to_plain(message), separators=(",", ":")).encode() + b"\n"
    if len(line) > MAX_LINE:
        raise ValueError(f"a message of {len(line)} octets")
    return line


def message_to_plain(message: messages.Message) -> Plain:
    """Return the message as the object of its line."""
    plain: Plain = {"type": _NAMES[type(message)]}
    for each in fields(message):
        value = getattr(message, each.name)
        plain[each.name] = base64.b64encode(value).decode() if isinstance(value, bytes) else value
    return plain


def encode_output(data: bytes) -> bytes:
    """Encode any amount of output, as as many messages as it takes."""
    pieces = (data[start : start + MAX_DATA] for start in range(0, len(data), MAX_DATA))
    return b"".join(map(output_line, pieces))


class Decoder:
    """Makes messages of what arrives."""

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[messages.Message]:
        """Take octets; returns the messages that are complete. Raises ProtocolError."""
        try:
            *lines, self._pending = split(self._pending, data)
        except ValueError as error:
            raise ProtocolError(str(error)) from None
        return [decode(line) for line in lines]


def decode(line: bytes) -> messages.Message:
    """Return the message of a line without its end. Raises ProtocolError."""
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
    if len(text) > messages.MAX_NAME or not text.isprintable():
        raise ProtocolError(f"{name} is no name of at most {messages.MAX_NAME} characters")
    return text


def _whose(plain: Plain) -> tuple[str, int, bool, str]:
    """Return user, privilege, vty and location of a session; without these fields the client is at the console."""
    said = {"user": "", "privilege": 15, "vty": False, "location": "", **plain}
    return _short(said, "user"), _integer(said, "privilege", 15), said["vty"] is True, _short(said, "location")


def _access(plain: Plain) -> messages.Access:
    named = _rows(plain, "users", ("name", "privilege", "kind", "secret"))
    keys = _rows(plain, "keys", ("name", "privilege", "hash"))
    return messages.Access(
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


def _objects(plain: Plain, name: str) -> tuple[messages.PlainLine, ...]:
    objects = plain[name]
    if not isinstance(objects, list) or not all(isinstance(each, dict) for each in objects):
        raise ProtocolError(f"{name} is no list of objects")
    return tuple(objects)


def _time(plain: Plain, name: str) -> float:
    """Return seconds since 1970. JSON's `Infinity` and `NaN` are no times."""
    value = plain[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LATEST:
        raise ProtocolError(f"{name} is no time")
    return float(value)


def _news(plain: Plain) -> messages.News:
    lines, addresses = _objects(plain, "lines"), plain["addresses"]
    if not isinstance(addresses, list):
        raise ProtocolError("addresses is no list")
    return messages.News(
        lines=lines,
        now=_time(plain, "now"),
        missed=_integer(plain, "missed", 1 << 62),
        begins=plain["begins"] is True,
        addresses=tuple(_text({"address": address}, "address") for address in addresses),
        id=_id(plain, "id"),
        log=_objects(plain, "log"),
    )


def _id(plain: Plain, name: str) -> str:
    text = _text(plain, name)
    if text and not _ID.fullmatch(text):
        raise ProtocolError(f"{name} is no id")
    return text


def _topics(plain: Plain, known: tuple[str, ...]) -> tuple[str, ...]:
    topics = plain["topics"]
    if not isinstance(topics, list) or not topics or len(topics) > len(known):
        raise ProtocolError(f"topics is no list of {', '.join(known)}")
    if not all(isinstance(topic, str) and topic in known for topic in topics) or len({*topics}) != len(topics):
        raise ProtocolError(f"topics has something else than {', '.join(known)}, each once")
    return tuple(topics)


def _counts(plain: Plain) -> messages.Counts:
    columns, rows = plain["columns"], plain["rows"]
    if not isinstance(columns, list) or not isinstance(rows, list):
        raise ProtocolError("columns or rows is no list")
    names = tuple(_short({"column": column}, "column") for column in columns)
    labels = _integer(plain, "labels", len(names))
    for row in rows:
        if not isinstance(row, list) or len(row) != len(names):
            raise ProtocolError("a row without a value for each column")
        kinds = list(map(type, row))
        if not _TEXTS.issuperset(kinds[:labels]) or not _NUMBERS.issuperset(kinds[labels:]):
            raise ProtocolError("a row with a value of another kind")
    families = _rows(plain, "families", ("kind", "meaning")) if "families" in plain else []
    meanings = tuple((_text(one, "kind"), _text(one, "meaning")) for one in families)
    topic, now, cut = _short(plain, "topic"), _time(plain, "now"), plain.get("cut") is True
    return messages.Counts(topic, now, labels, names, tuple(map(tuple, rows)), meanings, cut)


def _ask(plain: Plain) -> messages.Ask:
    show = _text(plain, "show")
    if len(show) > messages.MAX_SHOW or not show.isprintable():
        raise ProtocolError(f"show is no line of at most {messages.MAX_SHOW} characters")
    user, privilege, _, location = _whose(plain)
    return messages.Ask(show, user, privilege, location)


def _ask_configuration(plain: Plain) -> messages.AskConfiguration:
    user, privilege, _, location = _whose(plain)
    return messages.AskConfiguration(user, privilege, location)


def _configure(plain: Plain) -> messages.Configure:
    lines, tag = _lines(plain), _text(plain, "tag")
    if any("\n" in line or not is_typed(line) for line in lines):
        raise ProtocolError("lines has characters that cannot be typed")
    if tag and not _TAG.fullmatch(tag):
        raise ProtocolError("tag is no tag")
    minutes = _integer(plain, "minutes", messages.MAX_MINUTES)
    return messages.Configure(lines, plain["whole"] is True, plain["dry"] is True, tag, minutes, *_whose(plain))


def is_typed(text: str) -> bool:
    """Return whether a user could type all characters: the delimiter ^C of a banner and tabs included."""
    return text.translate(_TYPED).isprintable()


#: Characters that may be typed and are not printable.
_TYPED: Final = {3: None, 9: None}

_MAKERS: Final[dict[type[messages.Message], Callable[[Plain], messages.Message]]] = {
    messages.Hello: lambda plain: messages.Hello(_text(plain, "name"), _integer(plain, "protocol", 1 << 16)),
    messages.Execute: lambda plain: messages.Execute(_lines(plain), *_whose(plain)),
    messages.OpenShell: lambda plain: messages.OpenShell(
        _integer(plain, "rows", messages.MAX_SIZE), _integer(plain, "columns", messages.MAX_SIZE), *_whose(plain)
    ),
    messages.AskAccess: lambda plain: messages.AskAccess(_short(plain, "location"), _short(plain, "vrf")),
    messages.Access: _access,
    messages.Report: lambda plain: messages.Report(
        _short(plain, "user"),
        _short(plain, "location"),
        _integer(plain, "port", 65535),
        plain["accepted"] is True,
        _short(plain, "vrf"),
    ),
    messages.Input: lambda plain: messages.Input(_octets(plain)),
    messages.Resize: lambda plain: messages.Resize(
        _integer(plain, "rows", messages.MAX_SIZE), _integer(plain, "columns", messages.MAX_SIZE)
    ),
    messages.Signal: lambda plain: messages.Signal(_text(plain, "what")),
    messages.Output: lambda plain: messages.Output(_octets(plain)),
    messages.Watch: lambda plain: messages.Watch(
        _id(plain, "since"), _topics(plain, messages.WATCH_TOPICS), plain.get("past_routes") is not False
    ),
    messages.News: _news,
    messages.Ask: _ask,
    messages.AskConfiguration: _ask_configuration,
    messages.Configure: _configure,
    messages.Answer: lambda plain: messages.Answer(_text(plain, "text")),
    messages.Count: lambda plain: messages.Count(
        _topics(plain, messages.COUNT_TOPICS), _integer({"peers": 0, **plain}, "peers", messages.MOST_PEERS)
    ),
    messages.Counts: _counts,
    messages.Done: lambda plain: messages.Done(_integer(plain, "status", 255), _text(plain, "reason")),
}
