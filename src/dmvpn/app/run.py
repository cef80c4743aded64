"""`dmvpn run FILE`: this machine (or this network namespace) as a router, in the foreground."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from typing import TYPE_CHECKING

from dmvpn.app.config import read
from dmvpn.app.engines import choose
from dmvpn.app.sessions import make_server
from dmvpn.base.errors import UserError
from dmvpn.dataplane import netlink
from dmvpn.ios import normalize_interface
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.shells.lab import control
from dmvpn.shells.lab.places import LabFolder
from dmvpn.shells.ready import missing
from dmvpn.shells.runtime.entropy import SystemEntropy
from dmvpn.shells.runtime.runtime import Runtime

if TYPE_CHECKING:
    import argparse
    import socket

    from dmvpn.ios import ConfigTree


def run(arguments: argparse.Namespace) -> int:
    """Run a configuration until SIGINT or SIGTERM. Raises UserError."""
    text = read(arguments.file)
    result = configurator(FEATURES).parse_text(text)
    errors = [problem for problem in result.problems if not problem.is_warning]
    for problem in result.problems:
        print(f"{arguments.file}:{problem.line_number}: {problem.text}", file=sys.stderr)
        print("\n".join(problem.message_lines), file=sys.stderr)
    if errors:
        raise UserError(f"{arguments.file} has errors; nothing was changed")
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
    asyncio.run(_serve(arguments, text, result.tree))
    return 0


async def _serve(arguments: argparse.Namespace, text: str, tree: ConfigTree) -> None:
    folder = LabFolder.of(f"run-{tree.hostname}")
    folder.make()
    runtime = Runtime(
        tree.hostname,
        SystemEntropy(),
        choose(arguments.engine),
        interfaces=_mapping(arguments.map),
        manage=arguments.manage,
        storage=folder.storage(tree.hostname),
        recording=arguments.record,
    )
    server = make_server(runtime.handle, folder.management(tree.hostname))
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    listener = control.listen(folder.control)
    loop.add_reader(listener.fileno(), lambda: _obey(listener, runtime, stopped))
    try:
        runtime.start(text)
        await server.start()
        print(f"{tree.hostname} runs; its prompt: dmvpn shell {folder.name}/{tree.hostname}", flush=True)
        await stopped.wait()
    finally:
        loop.remove_reader(listener.fileno())
        listener.close()
        await server.stop()
        runtime.close()
        folder.remove()


def _obey(listener: socket.socket, runtime: Runtime, stopped: asyncio.Event) -> None:
    """A router that runs alone is a lab of one: `dmvpn lab status` and `down` work on it."""
    with contextlib.suppress(BlockingIOError):
        connection, _ = listener.accept()
        try:
            match control.receive(connection).get("do"):
                case "status":
                    status: control.Json = {"scenario": "run", "engine": "", "routers": {runtime.name: True}}
                    control.reply(connection, status)
                case "missing":
                    control.reply(connection, list(missing(runtime.router, ())))
                case "down":
                    stopped.set()
                    control.reply(connection)
                case other:
                    control.reply(connection, error=f"a router that runs alone has no {other}")
        except UserError as error:
            control.reply(connection, error=str(error))


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
    """Remove what a killed router of ours left in this network namespace: its routes. Nothing else is touched."""
    with netlink.NetlinkSocket() as kernel:
        routes = kernel.flush_routes()
    for route in routes:
        print(f"removed {route}")
    print(f"{len(routes)} routes of ours removed; TAPs, neighbours and sockets went with their process")
    return 0
