"""`dmvpn web`: the words of the command. The room `web` does the work; it needs the extra of the same name."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    import argparse

_ROLES = ("view", "operate", "configure")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    web = commands.add_parser("web", help="labs and routers that run, for programs: JSON by HTTP, until Ctrl-C")
    which = web.add_mutually_exclusive_group()
    which.add_argument("--lab", metavar="NAME", help="serve this lab alone; without it all that run")
    which.add_argument("--router", metavar="[LAB/]ROUTER", help="serve this router alone")
    web.add_argument(
        "--listen", default="127.0.0.1:8080", metavar="ADDRESS:PORT", help="without it 127.0.0.1:8080; port 0: any"
    )
    web.add_argument("--role", choices=_ROLES, default=_ROLES[0], help="what the token may do; without it: view")
    web.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C. Raises UserError."""
    if any(importlib.util.find_spec(name) is None for name in ("starlette", "uvicorn")):
        raise UserError("the web needs Starlette and uvicorn: pip install 'dmvpn[web]', or make setup in a clone")
    from dmvpn.shells.lab.finding import find_lab, find_router
    from dmvpn.web.fleet import Fleet
    from dmvpn.web.serving import serve
    from dmvpn.web.tokens import Role

    fleet = Fleet()
    if arguments.router is not None:
        folder, router = find_router(arguments.router, "dmvpn web --router {}".format, dead=True)
        fleet = Fleet(folder.name, router)
    elif arguments.lab is not None:
        fleet = Fleet(find_lab(arguments.lab, "dmvpn web --lab {}".format).name)
    serve(fleet, arguments.listen, Role(arguments.role), _say)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)
