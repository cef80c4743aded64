"""`dmvpn run FILE`: this machine (or this network namespace) as a router, in the foreground.

FILE is always the startup configuration; `write memory` writes it. Other state that must survive a restart is kept in a
folder of its own (`shells/runtime/state.py`).

SIGHUP is the end of a terminal, or without one the order to read the configuration file again:

    ignored when we were started (`nohup`)       stays ignored
    /dev/tty can be opened                       the terminal is gone: an orderly end
    it cannot (systemd, setsid, a container)     the file is read again, as daemons do

A file takes effect whole or not at all: if IOS would refuse a line, nothing changes. Lines typed since the last
`write memory` are not in the file and are lost: the log names them, without keys and passwords. The router keeps
running while the file is read and prepared (`base/breath.py`).

The service manager that started the command gets messages, sd_notify(3), with sockets alone:

    READY=1               the configuration runs, and the prompt is served; or a reload is over
    RELOADING=1           the configuration file is being read again; with MONOTONIC_USEC, as `Type=notify-reload` wants
    STOPPING=1            an orderly end has begun
    STATUS=...            a line for people, as `systemctl status` shows it
    WATCHDOG=1            the event loop turns; at twice the requested rate

The manager gives its address (`$NOTIFY_SOCKET`) and the interval of the watchdog (`$WATCHDOG_USEC`, for the process
`$WATCHDOG_PID`). Without them nothing is sent. A manager that does not listen causes a line in the log; the router
keeps running.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import enum
import logging
import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, cast

from dmvpn.app import journal
from dmvpn.app.config import examine, startable
from dmvpn.app.front_ends import FrontEnds, address_of, needs_asyncssh
from dmvpn.base.breath import aside, breathing, in_one_go
from dmvpn.base.errors import UserError, fault_text
from dmvpn.dataplane import netlink
from dmvpn.dataplane.engines import choose
from dmvpn.dataplane.host import Capability, HostProblem, dotted, has
from dmvpn.dataplane.userspace.cleanup import clean_up
from dmvpn.dataplane.userspace.keeper import words
from dmvpn.dataplane.userspace.records import Records
from dmvpn.dataplane.userspace.vrf_devices import VrfDevices
from dmvpn.face.serving import make_server
from dmvpn.features.system import ConfigurationReloaded, SystemMachine
from dmvpn.features.system.show import with_version
from dmvpn.ios import ConfigTree, Problem, normalize_interface
from dmvpn.labs.unsupported_lines import refuse_left_out
from dmvpn.router.entered_text import EnteredText, hold
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.shells.admission import OWNER_ALONE, Admission
from dmvpn.shells.certificates import certificates_of
from dmvpn.shells.descriptors import allow_descriptors
from dmvpn.shells.lab import control
from dmvpn.shells.lab.places import LabFolder
from dmvpn.shells.ready import missing
from dmvpn.shells.router_files import read_router
from dmvpn.shells.runtime.collecting import in_pieces
from dmvpn.shells.runtime.entropy import SystemEntropy
from dmvpn.shells.runtime.preflight import language, refuse_what_cannot_run
from dmvpn.shells.runtime.runtime import Runtime
from dmvpn.shells.runtime.state import state_folder
from dmvpn.shells.slices import Slices

log = logging.getLogger("dmvpn")

#: Seconds that the router waits for a manager that does not read. The router is blocked meanwhile.
PATIENCE: Final = 0.5
#: A manager that asks for signs of life more often than this, in seconds, gets them this often.
_SHORTEST: Final = 0.01
#: Octets of a status line, which may name a file of any length.
_LONGEST: Final = 1024

#: Lines that one reading may write into the log.
MOST_NAMED: Final = 50


# ------------------------------------------------------------------------------------------------ the service manager


class Manager:
    """The service manager that started us, if it wants to know our state.

    address: `$NOTIFY_SOCKET`, a path or "@" and an abstract name; None: no manager. interval: seconds between two
    watchdog messages.
    """

    def __init__(self, address: str | None = None, interval: float | None = None) -> None:
        self._address = address
        self._interval = interval
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> Manager:
        """Return the manager that the environment names.

        An invalid value is ignored and logged.
        """
        return cls(environment.get("NOTIFY_SOCKET") or None, _interval(environment))

    def ready(self, status: str) -> None:
        """Report that the router runs, for the first time or after `reloading`."""
        self._tell("READY=1", _status(status))

    def reloading(self) -> None:
        """Report that the configuration file is being read again; `ready` follows in any case."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, status: str) -> None:
        """Say that an orderly end has begun."""
        self._tell("STOPPING=1", _status(status))

    def status(self, status: str) -> None:
        """Send a line of status for people."""
        self._tell(_status(status))

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give signs of life from now on, as long as this loop turns and until `close`."""
        if self._interval is not None:
            self._tell("WATCHDOG=1")
            self._timer = loop.call_later(self._interval, self.watch, loop)

    def close(self) -> None:
        """Close the socket: nothing more is sent."""
        if self._timer is not None:
            self._timer.cancel()
        self._forget()

    def _tell(self, *lines: str) -> None:
        if self._address is None:
            return
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.settimeout(PATIENCE)
                is_abstract = self._address.startswith("@")  # the kernel's name of it begins with a zero
                self._socket.connect(f"\0{self._address[1:]}" if is_abstract else self._address)
            self._socket.send("\n".join(lines).encode(errors="replace"))
        except OSError as error:
            self._forget()  # a manager that is started again listens at the same place
            why = "it does not read" if isinstance(error, TimeoutError) else error.strerror or str(error)
            log.warning("the service manager (%s) did not get %s: %s", self._address, lines[0], why)

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _status(text: str) -> str:
    """Return the status as a single line: a second line would be another message."""
    return "STATUS=" + " ".join(text.split()).encode(errors="replace")[:_LONGEST].decode(errors="ignore")


def _interval(environment: Mapping[str, str]) -> float | None:
    """Return seconds between two watchdog messages: half of the manager's limit, as sd_watchdog_enabled(3) advises."""
    asked, process = environment.get("WATCHDOG_USEC"), environment.get("WATCHDOG_PID")
    if not asked or (process and process != str(os.getpid())):
        return None
    if not asked.isascii() or not asked.isdecimal() or not int(asked[:20]) > 0:
        log.warning("WATCHDOG_USEC=%s is not a number of microseconds: the watchdog gets no sign of life", asked[:40])
        return None
    return max(int(asked[:20]) / 2_000_000, _SHORTEST)


# ------------------------------------------------------------------------------------------------ SIGHUP


class HangUp(enum.Enum):
    """The meaning of SIGHUP for this process."""

    IGNORED = "ignored"
    END = "end"
    RELOAD = "reload"


def hang_up() -> HangUp:
    """Return the meaning of SIGHUP at the start of the process: later, a terminal that hung up cannot be opened."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return HangUp.IGNORED
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return HangUp.RELOAD
    return HangUp.END


async def reloads(
    asked: asyncio.Event, path: Path, runtime: Runtime, manager: Manager, without: Sequence[str] = ()
) -> None:
    """Read the file again on each request, and report the result to the service manager. It never ends."""
    slices = Slices()
    while True:
        await asked.wait()
        asked.clear()
        manager.reloading()
        try:
            outcome = await slices.run(partial(reload, path, runtime, without))
        except Exception as error:
            outcome = fault_text(error, f"reading {path} again")
            log.exception("%s", outcome)
        manager.ready(outcome)


def reload(path: Path, runtime: Runtime, without: Sequence[str] = ()) -> str:
    """Read the file again and let the router run it, or log why not. Returns the result in one line.

    without: lines that restrict or divert traffic, and that are left out.
    """
    try:
        text = aside(partial(read_router, path))
        result, is_good = examine(path, text, runtime.handle.configurator)
        if not is_good:
            wrong = tuple(_refusal(problem) for problem in result.problems if not problem.is_warning)
            return _tell(runtime, ConfigurationReloaded(str(path), refused=_some(wrong)))
        refuse_left_out(path, result, without)
        certificates = aside(partial(certificates_of, path.parent, runtime.name, text))
        text = hold(result, text).text
    except UserError as error:
        return _tell(runtime, ConfigurationReloaded(str(path), refused=(str(error),)))
    begin = runtime.prepare(text, certificates, by="SIGHUP")
    running, revision = runtime.router.running, runtime.router.running.revision
    lost = _lost(runtime, result.tree)
    if runtime.router.running is not running or running.revision != revision:  # lines were typed at a breath
        lost = in_one_go(partial(_lost, runtime, result.tree))
    begin()
    return _tell(runtime, ConfigurationReloaded(str(path), lost=_some(lost)))


def _tell(runtime: Runtime, event: ConfigurationReloaded) -> str:
    runtime.handle.post(event)
    if event.refused:
        return f"{event.path} was refused, nothing was changed: {event.refused[0]}"
    return f"{event.path} was read again"


def _refusal(problem: Problem) -> str:
    """Return the refusal without the line itself, which may hold a mistyped key."""
    said = next((line for line in problem.message_lines if line.startswith("%")), "refused")
    return f"line {problem.line_number}, in {problem.mode} mode: {said}"


def _some(lines: tuple[str, ...]) -> tuple[str, ...]:
    return lines if len(lines) <= MOST_NAMED else (*lines[:MOST_NAMED], f"and {len(lines) - MOST_NAMED} more")


def _lost(runtime: Runtime, new: ConfigTree) -> tuple[str, ...]:
    """Return the unsaved changes, new lines and removed ones, that the new file takes back."""
    router = runtime.router
    running, saved = _lines(router.running), _lines(configurator(FEATURES).parse_text(router.startup_text).tree)
    wanted = _lines(new)
    typed = [shown for line, shown in breathing(running.items()) if line not in saved and line not in wanted]
    taken = [f"no {shown}" for line, shown in breathing(saved.items()) if line not in running and line in wanted]
    return (*typed, *taken)


def _lines(tree: ConfigTree) -> dict[tuple[str, ...], str]:
    """Return every line with those of the sections around it; and how it is named where others read it.

    Every result has the head that `write memory` puts above the lines, so that it never counts as a lost line.
    """
    found: dict[tuple[str, ...], str] = {}
    around: list[str] = []
    with contextlib.suppress(ValueError):
        rendered = (with_version(lines) for lines in (tree.render(), tree.render_for_others()))
        for line, shown in breathing(zip(*rendered, strict=True)):
            words = line.strip()
            if words.strip("!"):
                around[len(line) - len(line.lstrip()) :] = [words]
                found[tuple(around)] = ": ".join([*around[:-1], shown.strip()])
    return found


# ------------------------------------------------------------------------------------------------ the command


def run(arguments: argparse.Namespace) -> int:
    """Run a configuration until SIGINT or SIGTERM; SIGHUP: see `reloading`. Raises UserError."""
    meaning, before = hang_up(), signal.getsignal(signal.SIGHUP)
    if meaning is HangUp.RELOAD:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is a router that could read the file again
    journal.to_stderr(as_json=arguments.log_format == "json")
    manager = Manager.of()
    allow_descriptors()
    try:
        text = read_router(arguments.file)
        taken = startable(arguments.file, text, arguments.without, language())
        asyncio.run(_serve(arguments, text, taken, meaning, manager))
    except (UserError, OSError) as error:
        manager.status(str(error))
        if not journal.is_journal(2) and arguments.log_format != "json":
            raise
        logging.getLogger("dmvpn").error("%s", error)  # there a line has its priority in front
        return 1
    finally:
        manager.close()
        signal.signal(signal.SIGHUP, before)
    return 0


async def _serve(arguments: argparse.Namespace, text: str, taken: EnteredText, hup: HangUp, manager: Manager) -> None:
    tree, interfaces, engine = taken.tree, mapping(arguments.map), choose(arguments.engine)
    listens = {address_of(text) for text in arguments.ssh}
    if listens:
        needs_asyncssh()
    refuse_what_cannot_run(tree.render())
    admission = OWNER_ALONE if arguments.group is None else Admission.of(arguments.group)
    folder = LabFolder.of(f"run-{tree.hostname}")
    certificates = certificates_of(arguments.file.parent, tree.hostname, text)
    async with contextlib.AsyncExitStack() as ending:
        folder.make([tree.hostname])
        ending.callback(folder.remove)
        folder.share(admission)
        state = state_folder(tree.hostname)
        runtime = Runtime(
            tree.hostname,
            SystemEntropy(),
            engine,
            interfaces=interfaces,
            manage=arguments.manage,
            storage=state or folder.storage(tree.hostname),
            configuration=arguments.file,
            recording=arguments.record,
            logged=journal.Messages(router=tree.hostname),
            backends=VrfDevices(Records.here().folder),
        )
        ending.callback(runtime.close)
        server_path = folder.management(tree.hostname)
        server = make_server(runtime.handle, server_path, admission)
        ending.push_async_callback(server.stop)
        stopped, again = asyncio.Event(), asyncio.Event()
        _heed_signals(hup, stopped, again)
        obey = partial(_obey, runtime=runtime, stopped=stopped)
        await ending.enter_async_context(control.attending(folder.control, obey, admission))
        runtime.start(taken.text, certificates)
        await server.start()
        storage = state or folder.storage(tree.hostname)
        fronts = FrontEnds(server_path, storage, lambda: {*listens, *_listens(runtime)})
        ending.push_async_callback(fronts.stop)
        fronts.start()
        runs = f"{tree.hostname} runs; its prompt: dmvpn shell {folder.name}/{tree.hostname}"
        print(runs, flush=True)
        manager.ready(runs)
        manager.watch(asyncio.get_running_loop())
        reloading = asyncio.create_task(reloads(again, arguments.file, runtime, manager, arguments.without))
        with in_pieces():
            await stopped.wait()
        reloading.cancel()
        manager.stopping("says goodbye to its peers, and removes its state from the kernel")
        await runtime.leave()


def _listens(runtime: Runtime) -> set[str]:
    """Return where the configuration says that the machine listens for SSH: `ip ssh port`, with the `rotary` of a
    line. It listens in each VRF, as on IOS.
    """
    system = runtime.router.machine(SystemMachine)
    port = system.config.ssh_port
    if port is None:
        return set()
    return {f"0.0.0.0:{port}", *(f"0.0.0.0:{port}@{vrf}" for vrf in system.ports.tables if vrf)}


def _heed_signals(meaning: HangUp, stopped: asyncio.Event, again: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if meaning is not HangUp.IGNORED:
        loop.add_signal_handler(signal.SIGHUP, stopped.set if meaning is HangUp.END else again.set)


def _obey(request: dict[str, control.Json], runtime: Runtime, stopped: asyncio.Event) -> control.Json:
    """Carry out an order to a router that runs alone, as a lab of one: `dmvpn lab status`, `down`, `dmvpn doctor`."""
    match request.get("do"):
        case "status":
            return {"scenario": "run", "engine": "", "routers": {runtime.name: True}}
        case "missing":
            return list(missing(runtime.router, ()))
        case "facts":
            from dmvpn.shells.facts import LabFacts

            facts = LabFacts(routers={runtime.name: runtime.facts()}, gateways={}, links=())
            return cast("control.Json", facts.model_dump(mode="json"))
        case "down":
            stopped.set()
            return None
        case other:
            raise UserError(f"a router that runs alone has no {other}")


def mapping(words: list[str]) -> dict[str, str]:
    """Return Linux names by IOS names, from `--map GigabitEthernet0/1=eth0`."""
    mapping: dict[str, str] = {}
    for word in words:
        ios, equals, linux = word.partition("=")
        name = normalize_interface(ios)
        if not equals or not linux or name is None:
            raise UserError(f"--map {word}: it takes IOS=LINUX, as in --map GigabitEthernet0/1=eth0")
        mapping[name] = linux
    return mapping


def cleanup() -> int:
    """Remove what killed routers of ours left in this network namespace, and nothing else. Raises HostProblem."""
    if not has(Capability.NET_ADMIN):
        raise HostProblem("the capability NET_ADMIN is missing: nothing was searched", fix="sudo dmvpn cleanup")
    with netlink.NetlinkSocket() as kernel:
        cleaned = clean_up(kernel, Records.here())
    for route in cleaned.routes:
        print(f"removed {route}")
    for rule in cleaned.rules:
        print(f"removed {rule}, which kept the traffic of protected tunnels from leaving in clear")
    for tap in cleaned.taps:
        print(f"removed {tap}, which kept the traffic of a protected tunnel from leaving in clear")
    for vrf in cleaned.vrfs:
        print(f"removed {vrf}, the VRF device of a killed router")
    for table in cleaned.tables:
        print(f"removed {words(table, str)}")
    if cleaned.device is not None:
        print(f"gave {cleaned.device} back, which kept the kernel's own GRE quiet")
    for setting in cleaned.settings:
        print(
            f"put {dotted(setting.path)} back to {setting.wanted}" + (f": {setting.problem}" if setting.problem else "")
        )
    if cleaned.living:
        several = f"{cleaned.living} routers are running here: their state is kept"
        print("a router is running here: its state is kept" if cleaned.living == 1 else several)
    print(f"{len(cleaned.routes)} routes of ours removed; all else went with its process")
    return 0
