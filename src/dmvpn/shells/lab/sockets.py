"""Where the sockets of labs and services are. A command on a router finds its socket here, `places.py` has the rest.

It has to be quick: paths are texts, and nothing is imported that takes time.

In a process with one thread, such as a tab of a browser, sockets are in memory (`memory.py`): clients look here first.
"""

from __future__ import annotations

import _socket
import os
import stat

from dmvpn.dataplane import private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from typing import Any, Final

#: Prefix of the lab name of a router that runs alone; the name of the router follows.
SERVICE = "run-"
#: The labs of the user of a service, as contrib/systemd has it.
SERVICES = "/run/dmvpn/dmvpn/labs"
#: Folder of root's labs without a runtime directory: in /tmp another user could make the folder first, and in
#: /run/dmvpn the user of a service could exchange its contents.
ROOT = "/run/dmvpn-root"
#: The management sockets (`memory.Listening`), and the control sockets of labs (`memory.Desk`), in this process.
IN_MEMORY: Final[dict[str, Any]] = {}
LABS_IN_MEMORY: Final[dict[str, Any]] = {}


def labs_place() -> str:
    """Return the folder of this user's labs, which may not exist."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK):
        return f"{runtime.rstrip('/')}/dmvpn/labs"
    if private.is_root_outside() and os.access(os.path.dirname(ROOT), os.W_OK):
        return f"{ROOT}/labs"
    return f"{private.folder()}/labs"


def is_ours(folder: str) -> bool:
    """Return whether this is a folder of this user, and others cannot write to it. Raises OSError."""
    found = os.lstat(folder)
    ours_alone = found.st_uid == os.getuid() and not stat.S_IMODE(found.st_mode) & 0o027
    return ours_alone and stat.S_ISDIR(found.st_mode)


def lab_folders() -> list[str]:
    """Return the folders of all labs of this user, by name in each place. Raises OSError if there is no place."""
    labs = labs_place()
    found = _within(labs)
    if labs == f"{ROOT}/labs":  # one may run from an earlier version's folder, or from when /run was read-only
        try:
            earlier = str(private.folder())
            found += _within(f"{earlier}/labs") if is_ours(earlier) else []
        except OSError:
            pass
    return found


def service_folders() -> list[str]:
    """Return the folders of services, by name; none without permission."""
    try:
        return _within(SERVICES)
    except OSError:
        return []


def _within(folder: str) -> list[str]:
    return [f"{folder}/{name}" for name in sorted(os.listdir(folder))]


def control_of(lab: str) -> str:
    """Return the socket of a lab's supervisor. lab: its folder, here and below."""
    return f"{lab}/supervisor.sock"


def management_of(lab: str, router: str) -> str:
    """Return the management socket of a router."""
    return f"{lab}/{router}.sock"


def is_alive(lab: str) -> bool:
    """Return whether a supervisor listens on the control socket. It need not answer: this never waits."""
    if control_of(lab) in LABS_IN_MEMORY or not hasattr(_socket, "AF_UNIX"):
        return control_of(lab) in LABS_IN_MEMORY
    probe = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        probe.setblocking(False)
        probe.connect(control_of(lab))
    except BlockingIOError:
        return True  # it is stopped or busy: so many wait already
    except OSError:
        return False
    finally:
        probe.close()
    return True


async def open_streams(path: str | os.PathLike[str], limit: int = 1 << 16) -> tuple[StreamReader, StreamWriter]:
    """Connect to a management socket. limit: octets that the reader keeps. Raises OSError."""
    if (found := IN_MEMORY.get(os.fspath(path))) is not None:
        reader, writer = found.open_streams(limit)
        return reader, writer
    import asyncio

    return await asyncio.open_unix_connection(path, limit=limit)


def the_socket_of(text: str) -> str | None:
    """Return the management socket of "R31" or "LAB/R31" if this can be one router only, and its lab runs.

    None: `places.py` finds the router, or knows what to say about it.
    """
    lab, slash, router = text.rpartition("/")
    try:
        own = lab_folders() if is_ours(os.path.dirname(labs_place())) else None
    except OSError:
        own = None
    if own is None or not router or management_of("", router) == control_of(""):
        return None
    if slash:
        having = [each for each in own + service_folders() if os.path.basename(each) == lab]
    else:  # a dead router has a folder, and no socket
        having = [each for each in own if any(map(os.path.exists, (management_of(each, router), f"{each}/{router}")))]
        having = having or [each for each in service_folders() if os.path.basename(each) == f"{SERVICE}{router}"]
    if len(having) != 1 or not os.path.exists(management_of(having[0], router)) or not is_alive(having[0]):
        return None
    return management_of(having[0], router)
