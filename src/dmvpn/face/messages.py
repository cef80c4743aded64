"""The messages of the management socket, as values; `face/protocol.py` says who sends which, and encodes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from dmvpn.base.values import Value
from dmvpn.face.calling import PROTOCOL

#: Rows and columns of a window.
MAX_SIZE: Final = 10_000
#: Characters of the name of a user, and of a show.
MAX_NAME: Final = 128
MAX_SHOW: Final = 1024
#: Minutes until a change is rolled back.
MAX_MINUTES: Final = 120


class Hello(Value):
    """The server's first message. name: of the router."""

    name: str
    protocol: int = PROTOCOL


class Execute(Value):
    """Carry these lines out, one after the other, and send `Done`. The user fields are those of `OpenShell`."""

    lines: tuple[str, ...]
    user: str = ""
    privilege: int = 15
    vty: bool = False
    location: str = ""


class OpenShell(Value):
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


class AskAccess(Value):
    """Ask which users may log in from this address, in a VRF ("": in the global table)."""

    location: str
    vrf: str = ""


#: A user's name, the level at which a session begins, how the password is written (`base/credentials.py`), and
#: the password.
PlainUser = tuple[str, int, int, str]
PlainKey = tuple[str, int, str]


class Access(Value):
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


class Report(Value):
    """A user logged in, or was refused. port: the TCP port of the login. vrf: of the session, "": the global table."""

    user: str
    location: str
    port: int
    accepted: bool
    vrf: str = ""


class Input(Value):
    """Keystrokes. Empty at the end of the input: the session ends once it has handled the keystrokes before it."""

    data: bytes


class Resize(Value):
    """The window has another size."""

    rows: int
    columns: int


class Signal(Value):
    """Break off the running command. what: "abort"."""

    what: str = "abort"


class Output(Value):
    """Text that the commands print, or octets for the terminal's screen."""

    data: bytes


class Ask(Value):
    """Send the value of a show. show: the command without filters. The user fields are those of `OpenShell`."""

    show: str
    user: str = ""
    privilege: int = 15
    location: str = ""


class Answer(Value):
    """A piece of the value of a show, as JSON text (`ios/shapes.py` has its schema). `Done` follows the last piece."""

    text: str


class AskConfiguration(Value):
    """Send the running configuration with its tag: an `Answer` that has a `RunningText` (`face/transaction.py`).

    The user fields are those of `OpenShell`. Below level 15 keys and passwords are hidden, and the router's rules for
    `show running-config` apply.
    """

    user: str = ""
    privilege: int = 15
    location: str = ""


class Configure(Value):
    """Change the running configuration by all of these lines, or by none of them.

    The answer is an `Answer` that has a `ConfigurationChange` (`face/transaction.py`). The user fields are those of
    `OpenShell`.

    whole: the lines are the whole configuration.
    dry: change nothing; the answer says what the lines would do.
    tag: change nothing if the running configuration has another tag; "": whatever runs.
    minutes: until the change is rolled back unless a user confirms it; 0: it stays.
    """

    lines: tuple[str, ...] = field(repr=False)
    whole: bool = False
    dry: bool = False
    tag: str = ""
    minutes: int = 0
    user: str = ""
    privilege: int = 15
    vty: bool = False
    location: str = ""


#: What `Count` wants if it names nothing.
COUNTERS: Final = ("interfaces", "drops", "sas")
#: All that `Count` may ask for; `metrics` are the tables of all features (`face/values.py`).
COUNT_TOPICS: Final = (*COUNTERS, "peers", "metrics")
#: Rows of a table with a row for each peer.
MOST_PEERS: Final = 1_000_000


class Count(Value):
    """Send counters. topics: of `COUNT_TOPICS`, and each once.

    peers: of `metrics`, how many rows each table has at most that has one for each peer; 0: such tables are left out.
    """

    topics: tuple[str, ...] = COUNTERS
    peers: int = 0


class Counts(Value):
    """Counters of one topic. A topic may have several of these messages, or none if the plane does not count.

    now: seconds since 1970.
    columns: names of the columns: those of `labels` first, which hold text, then those of numbers.
    rows: as many values each as there are columns.
    families: of `metrics`, in the first message of a table: kind (a word of OpenMetrics) and meaning of each number.
    cut: the table has more rows than were asked for, and these are the last ones.
    """

    topic: str
    now: float
    labels: int
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]
    families: tuple[tuple[str, str], ...] = ()
    cut: bool = False


#: What a client may watch.
WATCH_TOPICS: Final = ("history", "log")


class Watch(Value):
    """Send the events that the router remembers, and then every new one.

    since: the id of the last `News` that the client has; "": it has none. An id of an earlier life counts as none.
    topics: of `WATCH_TOPICS`.
    past_routes: with the changes of routes that were before: most of the past of a large network.
    """

    since: str = ""
    topics: tuple[str, ...] = WATCH_TOPICS[:1]
    past_routes: bool = True


#: A line of the chronicle as `base.chronicle` writes it.
PlainLine = Mapping[str, str | int | float]


class News(Value, kw_only=True):
    """Lines of the chronicle, in order; their times and `now` are seconds since 1970.

    missed: lines before these, of history and log, that were forgotten before this client took them.
    begins: the router began to live, or this client to watch: numbers count from 1 again.
    addresses: the router's own, if they are not what they were.
    id: for `Watch.since`, to go on behind these lines.
    log: lines of the log, with `number`, `time`, `text` and `name`: of the message, "" for a debug line.
    """

    lines: tuple[PlainLine, ...]
    now: float
    missed: int = 0
    begins: bool = False
    addresses: tuple[str, ...] = ()
    id: str = ""
    log: tuple[PlainLine, ...] = ()


class Done(Value):
    """All is said.

    status: 0, or 1 if a line was refused.
    reason: why the server ended it, "" if the user did.
    """

    status: int = 0
    reason: str = ""


Message = (
    Hello
    | Execute
    | OpenShell
    | AskAccess
    | Access
    | Report
    | Input
    | Resize
    | Signal
    | Output
    | Watch
    | News
    | Ask
    | AskConfiguration
    | Configure
    | Answer
    | Count
    | Counts
    | Done
)
