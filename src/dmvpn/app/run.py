"""`dmvpn run FILE`: this machine (or this network namespace) as a router, in the foreground.

FILE is always the startup configuration; `write memory` writes it. Other state that must survive a restart is kept in a
folder of its own (`shells/runtime/state.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from functools import partial
from typing import TYPE_CHECKING, cast

from dmvpn.app import journal
from dmvpn.app.config import startable
from dmvpn.app.front_ends import FrontEnds, address_of, needs_asyncssh
from dmvpn.app.notify import Manager
from dmvpn.app.reloading import HangUp, hang_up, reloads
from dmvpn.base.errors import UserError
from dmvpn.dataplane import netlink
from dmvpn.dataplane.engines import choose
from dmvpn.dataplane.host import Capability, HostProblem, dotted, has
from dmvpn.dataplane.userspace.cleanup import clean_up
from dmvpn.dataplane.userspace.keeper import words
from dmvpn.dataplane.userspace.records import Records
from dmvpn.dataplane.userspace.vrf_devices import VrfDevices
from dmvpn.face.serving import make_server
from dmvpn.features.system import SystemMachine
from dmvpn.ios import normalize_interface
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

if TYPE_CHECKING:
    import argparse

    from dmvpn.router.entered_text import EnteredText


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
        manager.stopping("takes leave of its peers, and takes back what it put into the kernel")
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
        raise HostProblem("the capability NET_ADMIN is missing: nothing was looked for", fix="sudo dmvpn cleanup")
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
        several = f"{cleaned.living} routers run here: what they have stays"
        print("a router runs here: what it has stays" if cleaned.living == 1 else several)
    print(f"{len(cleaned.routes)} routes of ours removed; all else went with its process")
    return 0
