"""`dmvpn run FILE`: this machine (or this network namespace) as a router, in the foreground.

FILE is what the router starts with, always; `write memory` writes it. What else must survive goes to a folder of its
own (`shells/runtime/state.py`).
"""

from __future__ import annotations

import asyncio
import logging
import signal
from functools import partial
from typing import TYPE_CHECKING, cast

from dmvpn.app.config import read, tree_of
from dmvpn.app.engines import choose
from dmvpn.app.sessions import make_server
from dmvpn.base.errors import UserError
from dmvpn.dataplane import netlink
from dmvpn.dataplane.userspace import KernelGre, leftovers
from dmvpn.ios import normalize_interface
from dmvpn.shells.certificates import certificates_of
from dmvpn.shells.lab import control
from dmvpn.shells.lab.places import LabFolder
from dmvpn.shells.ready import missing
from dmvpn.shells.runtime.entropy import SystemEntropy
from dmvpn.shells.runtime.runtime import Runtime
from dmvpn.shells.runtime.state import state_folder

if TYPE_CHECKING:
    import argparse

    from dmvpn.ios import ConfigTree


def run(arguments: argparse.Namespace) -> int:
    """Run a configuration until SIGINT or SIGTERM. Raises UserError."""
    text = read(arguments.file)
    tree = tree_of(arguments.file, text)
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
    asyncio.run(_serve(arguments, text, tree))
    return 0


async def _serve(arguments: argparse.Namespace, text: str, tree: ConfigTree) -> None:
    interfaces, engine = _mapping(arguments.map), choose(arguments.engine)
    folder = LabFolder.of(f"run-{tree.hostname}")
    folder.make([tree.hostname])
    certificates = certificates_of(arguments.file.parent, tree.hostname, text)
    state = state_folder(tree.hostname)
    if state is None:
        logging.warning("no folder to keep anything in: request identifiers begin anew; set XDG_STATE_HOME")
    runtime = Runtime(
        tree.hostname,
        SystemEntropy(),
        engine,
        interfaces=interfaces,
        manage=arguments.manage,
        storage=state or folder.storage(tree.hostname),
        configuration=arguments.file,
        recording=arguments.record,
    )
    server = make_server(runtime.handle, folder.management(tree.hostname))
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    listener = control.listen(folder.control)
    obey = partial(_obey, runtime=runtime, stopped=stopped)
    loop.add_reader(listener.fileno(), lambda: control.serve(listener, obey))
    try:
        runtime.start(text, certificates)
        await server.start()
        print(f"{tree.hostname} runs; its prompt: dmvpn shell {folder.name}/{tree.hostname}", flush=True)
        await stopped.wait()
        await runtime.leave()
    finally:
        loop.remove_reader(listener.fileno())
        listener.close()
        await server.stop()
        runtime.close()
        folder.remove()


def _obey(request: dict[str, control.Json], runtime: Runtime, stopped: asyncio.Event) -> control.Json:
    """A router that runs alone is a lab of one: `dmvpn lab status`, `down` and `dmvpn doctor` work on it."""
    match request.get("do"):
        case "status":
            return {"scenario": "run", "engine": "", "routers": {runtime.name: True}}
        case "missing":
            return list(missing(runtime.router, ()))
        case "facts":
            from dmvpn.shells.facts import LabFacts, router_facts  # a sixth of the time to start, and seldom asked for

            facts = LabFacts(routers={runtime.name: router_facts(runtime.router, runtime.now)}, gateways={}, links=())
            return cast("control.Json", facts.model_dump(mode="json"))
        case "down":
            stopped.set()
            return None
        case other:
            raise UserError(f"a router that runs alone has no {other}")


def _mapping(words: list[str]) -> dict[str, str]:
    """Linux names by IOS names, from `--map GigabitEthernet0/1=eth0`."""
    mapping: dict[str, str] = {}
    for word in words:
        ios, equals, linux = word.partition("=")
        name = normalize_interface(ios)
        if not equals or not linux or name is None:
            raise UserError(f"--map {word}: it takes IOS=LINUX, as in --map GigabitEthernet0/1=eth0")
        mapping[name] = linux
    return mapping


def cleanup() -> int:
    """Remove what a killed router of ours left in this network namespace. Nothing else is touched."""
    with netlink.NetlinkSocket() as kernel:
        routes = kernel.flush_routes()
        device = KernelGre(kernel).clean_up()
        taps = leftovers.clean_up(kernel)
    for route in routes:
        print(f"removed {route}")
    for tap in taps:
        print(f"removed {tap}, which kept the traffic of a protected tunnel from leaving in clear")
    if device is not None:
        print(f"gave {device} back, which kept the kernel's own GRE quiet")
    print(f"{len(routes)} routes of ours removed; all else went with its process")
    return 0
