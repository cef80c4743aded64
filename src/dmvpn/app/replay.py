"""`dmvpn replay FILE`: recordings are run again (`tools/replaying.py`), and the differences are printed."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable

from dmvpn.base.errors import UserError
from dmvpn.face.serving import make_server
from dmvpn.ios import CliError
from dmvpn.labs.replayed import ReplayedLab, ReplayedRouter, recorded_network
from dmvpn.router.features import FEATURES
from dmvpn.router.prompt import exec_parser
from dmvpn.shells.lab.places import LabFolder
from dmvpn.tools.replaying import Life, lives_of


def replay(arguments: argparse.Namespace) -> int:
    """Replay the recordings of a file, and print the result. Returns 1 if there are differences or faults."""
    lives = lives_of(arguments.file, arguments.router)
    if not lives:
        raise UserError(f"{arguments.file}: no events" + (f" of {arguments.router}" if arguments.router else ""))
    differences = [text for life in lives.values() for text in life.differences]
    effects, last = sum(life.effects for life in lives.values()), max(life.last for life in lives.values())
    print(f"{len(lives)} routers, {effects} effects, {last:.3f} seconds: ", end="")
    print(f"{len(differences)} differences or faults" if differences else "as recorded")
    if differences:
        print(differences[0], file=sys.stderr)
    if arguments.show:
        _show(arguments.show, lives.values())
    if arguments.serve:
        routers = {
            life.name: ReplayedRouter(life.router, life.last) for life in lives.values() if life.router is not None
        }
        network = recorded_network(arguments.serve, lives)

        async def serve() -> None:
            lab = ReplayedLab(routers, network, LabFolder.of(arguments.serve), make_server)
            await lab.run(
                lambda: print(f"{arguments.serve}: {', '.join(routers)} can be queried until Ctrl-C", flush=True)
            )

        asyncio.run(serve())
    return 1 if differences else 0


def _show(command: str, lives: Iterable[Life]) -> None:
    match = exec_parser(FEATURES).match(command)
    if isinstance(match, CliError):
        raise UserError("\n".join((command, *match.lines(0))))
    for life in lives:
        if life.router is not None:
            print(f"{life.name}#{command}")
            print("\n".join(match.lines(life.router.context(life.last))))
