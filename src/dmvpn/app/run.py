"""`dmvpn run FILE`: this machine (or this network namespace) as a router, in the foreground."""

from __future__ import annotations

import asyncio
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
from dmvpn.shells.lab.places import LabFolder
from dmvpn.shells.runtime.entropy import SystemEntropy
from dmvpn.shells.runtime.runtime import Runtime

if TYPE_CHECKING:
    import argparse

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
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        runtime.start(text)
        await server.start()
        print(f"{tree.hostname} runs; its prompt: dmvpn shell {folder.management(tree.hostname)}", flush=True)
        await stopped.wait()
    finally:
        await server.stop()
        runtime.close()
        folder.remove()


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
