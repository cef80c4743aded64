"""`dmvpn doctor [ROUTER] [ADDRESS]`: what is broken, how that is known, and which line to change."""

from __future__ import annotations

import argparse
import sys
from ipaddress import ip_address
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    from dmvpn.base.facts import Address

_EPILOG = """\
examples:
  dmvpn doctor                               the whole lab that is up
  dmvpn doctor R31                           one router, with the whole lab in view
  dmvpn doctor R31 10.4.4.1                  why is the way to that address not direct, or broken?
  dmvpn doctor R31 --one-end                 what R31 can know by itself; so it is with 'dmvpn run'
exit code: 0 nothing is broken; 1 something is, or looks so; 2 asked wrongly: no such router, lab or address
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    doctor = commands.add_parser(
        "doctor",
        help="why a tunnel is not up or a path not direct, and which line to change",
        description="Walks from the underlay to the shortcut: the first broken step, its evidence, the line to change.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    doctor.add_argument("router", nargs="?", metavar="[LAB/]ROUTER", help="without it: the whole lab")
    doctor.add_argument(
        "address", nargs="?", metavar="ADDRESS", help="the address that somebody wants to reach from there"
    )
    doctor.add_argument("--one-end", action="store_true", help="look at this router alone, and give hypotheses")
    doctor.add_argument("--no-probes", action="store_true", help="send nothing: judge by states and counters")
    doctor.add_argument("--json", action="store_true", help="for programs")
    doctor.add_argument("-v", "--verbose", action="store_true", help="also list each ping that was sent")
    doctor.add_argument("--lab", help="the lab, if several are up")
    doctor.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Examine; 2 if it was asked wrongly, which is no word about the network."""
    try:
        return _asked(arguments)
    except UserError as error:
        print(f"dmvpn: {error}", file=sys.stderr)
        return 2


def _asked(arguments: argparse.Namespace) -> int:
    if arguments.one_end and not arguments.router:
        from dmvpn.shells.lab.finding import some_router

        raise UserError(f"--one-end needs a router: dmvpn doctor {some_router()} --one-end")
    return examine(
        arguments.router,
        arguments.address,
        lab=arguments.lab,
        one_end=arguments.one_end,
        probing=not arguments.no_probes,
        json=arguments.json,
        verbose=arguments.verbose,
    )


def examine(
    router: str | None,
    address: str | None = None,
    *,
    lab: str | None = None,
    one_end: bool = False,
    probing: bool = True,
    json: bool = False,
    verbose: bool = False,
) -> int:
    """Examine and print; 1 if something is broken, or looks so. router: "R31" or "LAB/R31". Raises UserError."""
    from dmvpn.app.prompts import Prompts
    from dmvpn.shells.lab.finding import find_lab, find_node

    aim = _address(router, address)
    if router and not lab:
        folder, name = find_node(router, lambda node: " ".join(["dmvpn doctor", node, *([address] if address else [])]))
    else:
        folder, name = find_lab(lab, "dmvpn doctor --lab {}".format), router or ""
    patient = Prompts(folder)
    from dmvpn.tools.doctor import as_json, as_text, visit

    diagnosis = visit(patient, name or patient.only_router(), aim, one_end=one_end, probing=probing)
    print(as_json(diagnosis) if json else "\n".join(as_text(diagnosis, verbose=verbose)))
    return int(not diagnosis.healthy)


def _address(router: str | None, text: str | None) -> Address | None:
    if text is None:
        return None
    try:
        return ip_address(text)
    except ValueError:
        raise UserError(f"{text} is no address: dmvpn doctor {router} A.B.C.D") from None
