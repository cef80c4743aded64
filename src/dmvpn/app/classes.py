"""`dmvpn class`: a lab and a token for each pupil, on this machine."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from dmvpn.app.web import token_file
from dmvpn.app.words import add_memory, table, whole
from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

_SERVE = """\
Each pupil pastes the token at the address that one of these prints:
  dmvpn web                                                                    on this machine
  dmvpn web --listen 0.0.0.0:8443 --authority --name NAME-OF-THIS-MACHINE      for other machines
'dmvpn class show' and the page /class show all labs, 'dmvpn class end' ends them."""
#: Octets of a MiB.
_MIB = 1 << 20


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    verbs = commands.add_parser("class", help="a lab and a token for each pupil, on this machine").add_subparsers(
        required=True, metavar="VERB"
    )
    begin = verbs.add_parser("begin", help="bring a lab up for each pupil, and make the tokens")
    begin.add_argument("scenario", help="a built-in name, or a folder or file of configurations")
    begin.add_argument("pupils", nargs="+", metavar="PUPIL")
    begin.add_argument("--simulated", action="store_true", help="no namespaces, no privileges: virtual packets")
    begin.add_argument("--days", type=int, choices=range(1, 366), default=7, metavar="N", help="of the tokens (7)")
    add_memory(begin)
    most = whole(1, 50, "a number of labs")
    begin.add_argument("--most", type=most, default=3, metavar="N", help="labs of a pupil at a time, this one too (3)")
    begin.set_defaults(command=_begin)
    show = verbs.add_parser("show", help="all labs: their pupils, their troubles, what they use")
    show.set_defaults(command=_show)
    end = verbs.add_parser("end", help="revoke the tokens of pupils, and end their labs")
    end.add_argument("pupils", nargs="*", metavar="PUPIL", help="without one: of all pupils")
    end.set_defaults(command=_end)


def _begin(arguments: argparse.Namespace) -> int:
    """Bring up the labs that are not up yet. Raises UserError."""
    from dmvpn.labs.classes import labs_of, seats
    from dmvpn.shells.lab.forked import NICE
    from dmvpn.shells.scenario import Scenario
    from dmvpn.web.roles import Role

    tokens = token_file()
    places = seats(Scenario.load(arguments.scenario).name, arguments.pupils)
    before = {token.name: token.labs for token in tokens.tokens()}
    for pupil in places:
        if before.get(pupil, labs_of(pupil)) != labs_of(pupil):
            raise UserError(f"there is a token {pupil} for other labs: another name, or dmvpn web token revoke {pupil}")
    bounds = {"most_labs": arguments.most, "memory": arguments.memory}
    os.nice(NICE)
    notes: dict[str, None] = {}
    for lab in places.values():
        _bring_up(arguments, lab, notes)
    print()
    for pupil in places:
        made = None
        if pupil in before:
            tokens.bound(pupil, **bounds)
        else:
            made = tokens.create(pupil, Role.CONFIGURE, arguments.days, labs_of(pupil), **bounds)
        print(f"{pupil:<16} {made[0] if made else 'has a token already'}")
    print(f"\n{_SERVE}")
    return 0


def _bring_up(arguments: argparse.Namespace, lab: str, notes: dict[str, None]) -> None:
    """Bring one lab up. notes: printed already, for another lab of the scenario. Raises UserError."""
    from dmvpn.labs.bringing_up import Up, Wanted, bring_up
    from dmvpn.labs.intake import Note

    memory = arguments.memory * _MIB
    for step in bring_up(Wanted(scenario=arguments.scenario, name=lab, simulated=arguments.simulated, memory=memory)):
        match step:
            case Note(text) if text not in notes:
                notes[text] = None
                print(text, file=sys.stderr)
            case Up(already=already, missing=missing):
                print(f"{lab} is up{' already' if already else ''}", flush=True)
                for text in missing:
                    print(f"  {text}", file=sys.stderr)


def _show(_: argparse.Namespace) -> int:
    from dmvpn.labs.classes import overview

    rows: list[tuple[str, ...]] = [("lab", "scenario", "routers", "memory", "processor", "fixed", "hints", "to find")]
    for desk in overview():
        routers = "silent" if desk.silent else f"{desk.running} of {desk.routers}"
        memory, processor = f"{desk.memory / _MIB:.0f} MiB", f"{desk.processor:.0f} s"
        lesson = (str(desk.fixed), str(desk.hints), desk.complaint)
        rows.append((desk.lab, desk.scenario, routers, memory, processor, *lesson))
    print("\n".join(table(rows)))
    return 0


def _end(arguments: argparse.Namespace) -> int:
    """Revoke tokens, then end labs, and go on after an error; 1 if there was one. Raises UserError."""
    from dmvpn.labs import orders
    from dmvpn.labs.classes import labs_of, pupil_of
    from dmvpn.shells.lab.places import running_labs

    tokens = token_file()
    revocable = [token.name for token in tokens.tokens() if token.labs == labs_of(token.name)]
    pupils = [*dict.fromkeys(arguments.pupils or revocable)]
    for unknown in sorted({*pupils} - {*revocable, *(pupil_of(folder) for folder in running_labs(starting=True))}):
        there = f"there are {', '.join(revocable)}" if revocable else "there is no class"
        raise UserError(f"no pupil {unknown} has a token or a lab: {there}")

    def steps() -> Iterator[tuple[str, Callable[[], object]]]:
        for pupil in pupils:
            if pupil in revocable:
                yield f"the token of {pupil} is revoked", partial(tokens.revoke, pupil)
        for folder in running_labs(starting=True):
            if pupil_of(folder) in pupils:
                yield f"{folder.name} is down", partial(orders.end, folder)

    failed = False
    for done, step in steps():
        try:
            step()
            print(done, flush=True)
        except UserError as error:
            failed = True
            print(f"dmvpn: {error}", file=sys.stderr)
    return int(failed)
