"""One router of a lab: the process that lives in its namespace.

It is forked from the supervisor, which has imported everything already, so it starts in some milliseconds and shares
that memory. The pipe to the supervisor carries two requests, for the conditions missing until it is ready and for its
facts; and a request without an answer, to write keys for a capture.

`ask` and `put` are requests of the supervisor, `last_words` the router's last message before it ends. An answer of any
length goes over the SOCK_SEQPACKET pipe as the descriptor of a file in memory (`lend`): a packet of such a pipe must
fit into the sender's buffer, some 200 KB by default; the facts of a hub with hundreds of spokes are larger.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dmvpn.base.errors import UserError
from dmvpn.base.events import SwitchingComputed
from dmvpn.base.recording import decode
from dmvpn.base.values import Value
from dmvpn.dataplane.userspace.plane import MakeEngine
from dmvpn.shells.certificates import NOTHING, Certificates
from dmvpn.shells.handle import MakeServer
from dmvpn.shells.lab.namespaces import enter_network
from dmvpn.shells.lab.switching import stations_learned
from dmvpn.shells.lab.vrf_namespaces import Namespaces, holder, switcher
from dmvpn.shells.ready import missing
from dmvpn.shells.runtime.collecting import in_pieces
from dmvpn.shells.runtime.entropy import SystemEntropy
from dmvpn.shells.runtime.runtime import Runtime
from dmvpn.shells.storage import STARTUP

# ------------------------------------------------------------------------------------------------ long answers


def lend(pipe: socket.socket, octets: bytes) -> None:
    """Answer with these octets. Raises OSError."""
    descriptor = os.memfd_create("dmvpn-answer", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(octets)
        socket.send_fds(pipe, [str(len(octets)).encode()], [descriptor])
    finally:
        os.close(descriptor)


def borrow(pipe: socket.socket) -> bytes:
    """Return the octets of an answer. Raises TimeoutError, OSError, ValueError for an invalid answer."""
    said, descriptors, _, _ = socket.recv_fds(pipe, 64, 1)
    if not descriptors:
        raise ValueError(f"an answer without its octets: {said!r}")
    with os.fdopen(descriptors[0], "rb") as file:
        file.seek(0)
        octets = file.read()
    if said != str(len(octets)).encode():
        raise ValueError(f"an answer of {len(octets)} octets, where {said!r} were said")
    return octets


# ------------------------------------------------------------------------------------------------ the process


log = logging.getLogger("dmvpn.lab")

#: Requests of the supervisor by the pipe.
MISSING, FACTS = b"missing", b"facts"
#: The facts without the tables of the machine, which take half of the time.
OWN_FACTS = b"own facts"
#: How the router is set up, unless the tag that follows is that of its setup.
SETUP = b"setup "
#: A request without answer: keys are written into the folder that follows, or no longer.
KEYS = b"keys "
#: The last message of a router that cannot run here: the reason follows.
WHY = b"why "
#: A request without answer, with the namespace of the lab's bridges: the trees of its VLANs and its ports there follow.
TREES = b"trees "
_LONGEST_QUESTION = 1 << 17
_LONGEST_REASON = 1000


class RouterPlan(Value):
    """The settings of a router process.

    interfaces: Linux names by IOS names.
    routes: prefixes to wait for.
    """

    name: str
    configuration: str
    interfaces: dict[str, str]
    socket: Path
    storage: Path
    make_engine: MakeEngine
    make_server: MakeServer
    provider: bool = False
    routes: tuple[str, ...] = ()
    recording: Path | None = None
    certificates: Certificates = NOTHING


class Inherited(Value):
    """What a router process gets from the supervisor: descriptors.

    namespace: of the router. pipe: of requests.
    vrfs: the namespaces of its VRFs that an earlier process has left.
    hold: the pipe by which it passes new ones.
    """

    namespace: int
    pipe: socket.socket
    vrfs: dict[str, int]
    hold: socket.socket


def run(plan: RouterPlan, inherited: Inherited) -> int:
    """Run the process: enter the namespace, close inherited descriptors, serve until SIGTERM. Returns its exit code."""
    enter_network(inherited.namespace)
    pipe = inherited.pipe
    _keep_only(pipe.fileno(), inherited.hold.fileno(), *inherited.vrfs.values())
    logging.basicConfig(format=f"{plan.name} %(levelname)s %(message)s", level=logging.INFO)
    try:
        asyncio.run(_serve(plan, inherited))
    except (UserError, OSError) as error:  # refused by this machine: the supervisor reports it
        log.error("%s", error)
        with contextlib.suppress(OSError):
            pipe.send(WHY + str(error).encode()[:_LONGEST_REASON])
        return 1
    return 0


def _keep_only(*descriptors: int) -> None:
    """Close every inherited descriptor, except standard ones and our own."""
    for number in (int(name) for name in os.listdir("/proc/self/fd")):
        if number > 2 and number not in descriptors:
            with contextlib.suppress(OSError):
                os.close(number)


async def _serve(plan: RouterPlan, inherited: Inherited) -> None:
    pipe = inherited.pipe
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    runtime = Runtime(
        plan.name,
        SystemEntropy(),
        plan.make_engine,
        interfaces=plan.interfaces,
        manage=True,
        storage=plan.storage,
        recording=plan.recording,
        backends=Namespaces(inherited.vrfs, holder(inherited.hold)),
    )
    runtime.switch = switcher(inherited.hold)
    server = plan.make_server(runtime.handle, plan.socket)
    try:
        runtime.start(_startup(plan), plan.certificates, in_lab=True)
        await server.start()
        pipe.setblocking(False)
        loop.add_reader(pipe.fileno(), _answerer(plan, runtime, pipe, stopped))
        with in_pieces():
            await stopped.wait()
        await runtime.leave()
    finally:
        await server.stop()
        runtime.close()


def _startup(plan: RouterPlan) -> str:
    """Return the configuration stored by `write memory`, else the scenario's."""
    stored = plan.storage / STARTUP
    return stored.read_text() if stored.exists() else plan.configuration


def _answerer(plan: RouterPlan, runtime: Runtime, pipe: socket.socket, stopped: asyncio.Event) -> Callable[[], None]:
    from dmvpn.router.facts import Rendered, setup_facts  # as in `Runtime.facts`

    rendered = Rendered()
    bridges: list[int] = []

    def answer() -> None:
        try:
            question, descriptors, _, _ = socket.recv_fds(pipe, _LONGEST_QUESTION, 1)
        except BlockingIOError:
            return
        if not question:  # the supervisor is gone
            stopped.set()
            return
        if question in (FACTS, OWN_FACTS):
            lend(pipe, runtime.facts(looks=question == FACTS).model_dump_json().encode())
            return
        if question.startswith(SETUP):
            known = question.removeprefix(SETUP).decode(errors="replace")
            lend(pipe, setup_facts(runtime.router, known, rendered).model_dump_json().encode())
            return
        if question.startswith(TREES):
            trees, ports = json.loads(question.removeprefix(TREES))
            event = decode(trees)
            if isinstance(event, SwitchingComputed):
                for before in bridges:
                    os.close(before)
                bridges[:] = descriptors
                runtime.plane.stations_learned = partial(stations_learned, descriptors[0], ports)
                runtime.post(event)
            return
        if question.startswith(KEYS):
            folder = os.fsdecode(question.removeprefix(KEYS))
            runtime.report_keys(Path(folder) if folder else None)
            return
        lacks = [] if plan.provider else missing(runtime.router, plan.routes)
        pipe.send(json.dumps(lacks).encode())

    return answer


# ------------------------------------------------------------------------------------------- requests of the supervisor


#: Seconds in which a router answers; otherwise it counts as busy.
PATIENCE = 0.5
_LARGEST_ANSWER = 1 << 16


class EndedError(OSError):
    """A router cannot run here, and reports why."""


def ask(pipe: socket.socket, question: bytes) -> bytes:
    """Send a request and return a router's answer. Raises TimeoutError, OSError."""
    put(pipe, question)
    return _checked(pipe.recv(_LARGEST_ANSWER))


def put(pipe: socket.socket, question: bytes) -> None:
    """Send a request whose answer comes in another way. Raises OSError."""
    # Discard late answers of a router to earlier requests: they are no answers to the next one
    pipe.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while _checked(pipe.recv(_LARGEST_ANSWER)):
            pass
    pipe.settimeout(PATIENCE)
    pipe.send(question)


def last_words(pipe: socket.socket) -> str:
    """Return why a router that has ended could not run; "" if it did not report it."""
    pipe.setblocking(False)
    try:
        while _checked(pipe.recv(_LARGEST_ANSWER)):
            pass
    except EndedError as error:
        return str(error)
    except OSError:
        pass
    return ""


def _checked(octets: bytes) -> bytes:
    """Return a router's answer. Raises EndedError if it was its last message."""
    if octets.startswith(WHY):
        raise EndedError(octets.removeprefix(WHY).decode(errors="replace"))
    return octets
