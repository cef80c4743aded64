"""`dmvpn doctor [ROUTER] [ADDRESS]`: the faults, their evidence, and the lines to change."""

from __future__ import annotations

import argparse
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dmvpn.base.facts import Address
    from dmvpn.labs.copied import CopiedLab
    from dmvpn.labs.prompts import Prompts

    _ExaminedLab = Prompts | CopiedLab

_EPILOG = """\
examples:
  dmvpn doctor                               the whole lab that is up
  dmvpn doctor R31                           one router, with the whole lab in view
  dmvpn doctor R31 10.4.4.1                  why is the path to that address not direct, or broken?
  dmvpn doctor R31 --one-end                 R31 alone, without the rest of the lab, as with 'dmvpn run'
  dmvpn doctor --files DIR                   the network that the configurations of a folder make, in virtual time
  dmvpn doctor --since DIR                   with configurations that worked, such as yesterday's
  dmvpn doctor --fix DIR                     write changed configurations, and a diff for a review
exit code: 0 nothing is broken; 1 something is broken, or probably is; 2 wrong arguments: no such router, lab or
           address; 3 nothing is broken, but sites or hosts are cut off by a line that may be intended (an access
           list, a route filter, a VRF, a router that is off), which is named
Lines are tried in a copy of the network in virtual time; nothing is ever typed into a router.
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    doctor = commands.add_parser(
        "doctor",
        help="find out why a tunnel is down or a path is not direct, and which lines fix it",
        description="Check each step from the underlay to the shortcut; report the first broken one and its fix.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    doctor.add_argument("router", nargs="?", metavar="[LAB/]ROUTER", help="without it, or a lab's name: the whole lab")
    doctor.add_argument("address", nargs="?", metavar="ADDRESS", help="the address that cannot be reached from there")
    doctor.add_argument("--one-end", action="store_true", help="examine this router alone, and list hypotheses")
    doctor.add_argument("--no-probes", action="store_true", help="send no pings: use states and counters")
    doctor.add_argument("--no-trial", action="store_true", help="do not try the lines in a copy of the network")
    doctor.add_argument(
        "--since",
        metavar="FOLDER",
        help="configurations that worked: find the part of the difference that is the fault",
    )
    doctor.add_argument(
        "--fix", metavar="DIR", type=Path, help="write configurations with the lines that worked in the copy"
    )
    doctor.add_argument("--force", action="store_true", help="with --fix: overwrite existing files")
    doctor.add_argument("--brief", action="store_true", help="print one line: the verdict, and the lines to type")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.add_argument("-v", "--verbose", action="store_true", help="also list each ping that was sent")
    doctor.add_argument("--lab", help="the lab, if several are up")
    doctor.add_argument(
        "--files", metavar="DIR", help="instead of a lab: a folder of configurations, or a built-in scenario"
    )
    doctor.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Examine; 2 if it was asked wrongly, which is no word about the network."""
    try:
        return _asked(arguments)
    except UserError as error:
        print(f"dmvpn: {error}", file=sys.stderr)
        return 2


def _asked(arguments: argparse.Namespace) -> int:
    """Examine and print; 1 if something is broken, or looks so. Raises UserError."""
    if arguments.one_end and not arguments.router:
        from dmvpn.shells.lab.places import some_router

        raise UserError(f"--one-end needs a router: dmvpn doctor {some_router()} --one-end")
    if arguments.since is not None and (arguments.one_end or arguments.no_trial):
        raise UserError("--since compares copies of both networks: leave out --one-end and --no-trial")
    if arguments.fix is not None and (arguments.one_end or arguments.no_trial):
        raise UserError("--fix writes lines that were tried in a copy: leave out --one-end and --no-trial")
    if arguments.brief and (arguments.json or arguments.verbose):
        raise UserError("--brief prints one line: leave out --json and --verbose")
    if arguments.force and arguments.fix is None:
        raise UserError("--force needs --fix")
    if arguments.files is not None and arguments.lab is not None:
        raise UserError("--files and --lab name two networks: leave one out")
    from dmvpn.app.progress import Progress
    from dmvpn.labs import copied
    from dmvpn.tools.doctor.report import as_json, as_text, brief
    from dmvpn.tools.doctor.verdicts import in_words
    from dmvpn.tools.doctor.visit import visit

    aim = _address(arguments.router, arguments.address)
    with Progress.of(arguments) as progress:
        examined, name = _examined(arguments)
        diagnosis = visit(
            examined, name or examined.only_router(), aim, one_end=arguments.one_end, probing=not arguments.no_probes
        )
        network = None
        if not arguments.no_trial and copied.has_sense(diagnosis):
            network = examined.scenario()
            tried = copied.tried(diagnosis, network, examined.facts(), progress.tell, _earlier(arguments, examined))
            diagnosis = tried.diagnosis
            _note(tried.note)
    diagnosis = in_words(diagnosis, "--no-trial" if arguments.no_trial else "")
    if arguments.fix is not None:  # before a pager may end us
        _note(copied.write(diagnosis, network, arguments.fix, force=arguments.force))
    if arguments.brief:
        print(brief(diagnosis))
    else:
        print(as_json(diagnosis) if arguments.json else "\n".join(as_text(diagnosis, verbose=arguments.verbose)))
    return diagnosis.health.code


def _earlier(arguments: argparse.Namespace, examined: _ExaminedLab) -> Iterable[Mapping[str, str]]:
    """Return the configurations that may have been good, the newest first. Raises UserError."""
    from dmvpn.app.words import load_network

    return examined.earlier() if arguments.since is None else [load_network(arguments.since).configurations]


def _note(text: str) -> None:
    """Print a note beside the answer; "": there is none."""
    if text:
        print(f"dmvpn: {text}", file=sys.stderr)


def _examined(arguments: argparse.Namespace) -> tuple[_ExaminedLab, str]:
    """Return the network to look at, and the router that was named; "" for none. Raises UserError."""
    if arguments.files is not None:
        from dmvpn.app.words import load_network
        from dmvpn.labs.copied import brought_up

        return brought_up(load_network(arguments.files)), arguments.router or ""
    from dmvpn.labs.prompts import Prompts
    from dmvpn.shells.lab.places import find_lab, find_node, nodes_of, running_lab

    if arguments.router and not arguments.lab:
        lab = None if arguments.address else running_lab(arguments.router)
        if lab is not None and lab.name not in nodes_of(lab):
            return Prompts(lab), ""
        words = [arguments.address] if arguments.address else []
        folder, name = find_node(arguments.router, lambda node: " ".join(["dmvpn doctor", node, *words]))
        return Prompts(folder), name
    return Prompts(find_lab(arguments.lab, "dmvpn doctor --lab {}".format)), arguments.router or ""


def _address(router: str | None, text: str | None) -> Address | None:
    if text is None:
        return None
    try:
        return ip_address(text)
    except ValueError:
        raise UserError(f"{text} is not an address: dmvpn doctor {router} A.B.C.D") from None
