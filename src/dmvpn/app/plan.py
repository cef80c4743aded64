"""`dmvpn run --plan FILE`: the changes that `dmvpn run FILE` would make on this machine, and obstacles; a dry run.

The output comes from a rehearsal (`shells/runtime/rehearsal.py`) of the router itself, with the interfaces of this
machine. It shows the state right after the start: neighbors, and routes that the router learns, come later.
"""

from __future__ import annotations

import argparse
import struct
import sys
from collections.abc import Iterable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from dmvpn.app.config import startable
from dmvpn.app.run import mapping
from dmvpn.dataplane import netlink
from dmvpn.dataplane.engines import choose
from dmvpn.dataplane.userspace.cleanup import left_behind
from dmvpn.dataplane.userspace.keeper import ObjectKind
from dmvpn.dataplane.userspace.links import InterfaceNames
from dmvpn.dataplane.userspace.records import places
from dmvpn.shells.certificates import certificates_of
from dmvpn.shells.lab.places import LabFolder, labs_place
from dmvpn.shells.router_files import read_router
from dmvpn.shells.runtime.preflight import lacking, language, problems_of_vrfs
from dmvpn.shells.runtime.rehearsal import RehearsalResult, RehearsedRouter, Stage, rehearse
from dmvpn.shells.runtime.state import planned_state_folder
from dmvpn.shells.storage import FolderStorage

_HEADINGS: Final = {
    ObjectKind.LINK: "interfaces",
    ObjectKind.ADDRESS: "addresses",
    ObjectKind.NEIGHBOR: "neighbors",
    ObjectKind.ROUTE: "routes, of protocol 54; more as it learns them",
    ObjectKind.RULE: "rules, of protocol 54, that stop packets for a protected tunnel without its route",
    ObjectKind.GUARD: "and their tables",
    ObjectKind.TABLE: "tables of nf_tables, until it ends",
}


def plan(arguments: argparse.Namespace) -> int:
    """Print the plan. Returns 0; 1 if there are obstacles. Raises UserError."""
    text = read_router(arguments.file)
    entered = startable(arguments.file, text, arguments.without, language())
    tree = entered.tree
    interfaces, state = mapping(arguments.map), planned_state_folder(tree.hostname)
    part = RehearsedRouter(
        name=tree.hostname,
        configuration=entered.text,
        certificates=certificates_of(arguments.file.parent, tree.hostname, text),
        remembered=tuple(FolderStorage(state).remembered()) if state else (),
        interfaces=interfaces,
        make_engine=choose(arguments.engine),
        manage=arguments.manage,
    )
    vrfs = [str(problem) for problem in problems_of_vrfs(tree.render())]
    outcome = rehearse(part, Stage.of(interfaces.values()))
    for kind, heading in _HEADINGS.items():
        _print(heading, outcome.objects.get(kind.name, ()))
    _print("removed", outcome.removed)
    _print("settings of the kernel, put back when the last router ends", outcome.settings)
    _print("sockets", outcome.sockets)
    _print("files", _files(arguments.file, tree.hostname, state))
    _print("messages", outcome.said)
    _print("conflicts", problems := [*vrfs, *_problems(outcome, tree.hostname, state)])
    if missing := lacking():
        print(f"this user lacks {', '.join(missing)}: run it with sudo, or as a service", file=sys.stderr)
    return int(bool(problems or outcome.said))


def _print(heading: str, lines: Iterable[str]) -> None:
    shown = list(lines)
    if shown:
        print(f"{heading}:")
        print("\n".join(f"  {line}" for line in shown))


def _files(file: Path, router: str, state: Path | None) -> Iterable[str]:
    yield f"{file.resolve()}: read; written by 'write memory' alone"
    if state is not None:
        yield f"{state}: state that survives a restart"
    yield f"{labs_place() / f'run-{router}'}: sockets of the prompt, until it ends"
    yield f"{places()[0]}: changed settings of this machine, until it ends"


def _problems(outcome: RehearsalResult, router: str, state: Path | None) -> Iterable[str]:
    """Yield obstacles on this machine that the rehearsal does not meet."""
    if LabFolder(labs_place() / f"run-{router}").alive():
        yield f"{router} runs already; 'dmvpn lab down run-{router}' ends it"
    if state is None:
        yield "there is no folder for state that survives a restart; set XDG_STATE_HOME"
    for address, port in outcome.ports:
        if _is_taken(address, port):
            yield f"UDP port {port} at {address}: another program has it"
    names = InterfaceNames()
    with netlink.NetlinkSocket() as kernel:
        ours = {link.name for link in left_behind(kernel)}
        for text in outcome.objects.get(ObjectKind.LINK.name, ()):
            name = names.linux(text.split()[0])
            link = kernel.find_link(name)
            if link is not None and name.startswith(("Tunnel", "Loopback")):
                taken_over = "a router runs with it, or left it and it is taken over"
                yield f"{name} exists already: {taken_over if name in ours else 'it is not one of ours'}"


def _is_taken(address: str, port: int) -> bool:
    """Return whether some socket of this network namespace has this UDP port, at this address or at all of them."""
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        octets, _, number = line.split()[1].partition(":")
        there = str(IPv4Address(struct.pack("=I", int(octets, 16))))
        if int(number, 16) == port and (there == address or "0.0.0.0" in (there, address)):  # noqa: S104
            return True
    return False
