"""`dmvpn check [LAB/]ROUTER`: one line and an exit code for monitoring systems that run plugins, as Nagios does."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    from dmvpn.router.facts import RouterFacts

_EPILOG = """\
examples:
  dmvpn check BRANCH                         registered, secured, with neighbors?
  dmvpn check HUB --clients 40               are at least 40 spokes registered?
exit code: 0 ok, 1 warning, 2 critical, 3 unknown: the router does not answer, or the arguments are wrong
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    check = commands.add_parser(
        "check",
        help="check the health of a router: one line and an exit code for monitoring",
        description="Check the state of a router: registrations, direct paths, SAs, neighbors. Sends no packet.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("router", metavar="[LAB/]ROUTER")
    check.add_argument("--clients", metavar="N", default="0", help="critical if fewer clients are registered here")
    check.add_argument("--neighbors", metavar="N", default="0", help="critical if fewer routing neighbors are up")
    check.set_defaults(command=_check)


def _check(arguments: argparse.Namespace) -> int:
    from dmvpn.tools.checking import Level, Wanted, judge

    try:
        wanted = Wanted(_number(arguments.clients), _number(arguments.neighbors))
        name, facts = _facts(arguments.router)
    except (UserError, OSError) as error:
        print(f"DMVPN UNKNOWN - {arguments.router}: {error}")
        return Level.UNKNOWN
    if facts is None:
        print(f"DMVPN CRITICAL - {name}: the router is not running")
        return Level.CRITICAL
    verdict = judge(name, facts, wanted)
    print("\n".join(verdict.lines()))
    return verdict.level


def _facts(router: str) -> tuple[str, RouterFacts | None]:
    """Return the facts of a router, None if it is part of a lab and does not run. Raises UserError."""
    from dmvpn.labs.prompts import Prompts
    from dmvpn.shells.lab.places import find_router

    folder, name = find_router(router, lambda name: f"dmvpn check {name}", dead=True)
    facts = Prompts(folder).facts().routers
    if name not in facts:
        raise UserError(f"lab {folder.name} has no router {name}")
    return name, facts[name]


def _number(text: str) -> int:
    if not text.isdecimal():
        raise UserError(f"{text} is no number")
    return int(text)
