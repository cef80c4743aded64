"""`dmvpn web`: the words of the command. The room `web` does the work.

`dmvpn class`: a lab and a token for each student, on this machine.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.app.words import add_memory, table, whole
from dmvpn.base.errors import UserError
from dmvpn.base.values import project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.web.permission import Role, TokenFile

_ROLES: Final = ("view", "operate", "configure")
#: Days for which a token is good if nothing is said.
_USUAL_DAYS: Final = 90
_days = whole(1, 3650, "a number of days")
_labs = whole(1, 250, "a number of labs")
#: Stands for the folder of our own authority.
_OWN: Final = Path()

_SERVE = """\
Each student opens the own link, while one of these serves it:
  dmvpn web                                                                    on this machine
  dmvpn web --listen 0.0.0.0:8443 --authority --name NAME-OF-THIS-MACHINE      for other machines
                                                     (links of class begin --at https://NAME-OF-THIS-MACHINE:8443)
'dmvpn class token STUDENT' makes a new link, and the old one ends.
'dmvpn class show' and the page /class show all labs, 'dmvpn class end' ends them."""
#: Octets of a MiB.
_MIB = 1 << 20


# ------------------------------------------------------------------------------------------------ dmvpn web


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    web = commands.add_parser("web", help="serve the web page and the HTTP API, until Ctrl-C")
    which = web.add_mutually_exclusive_group()
    which.add_argument("--lab", metavar="NAME", help="serve only this lab; without it: all that run")
    which.add_argument("--router", metavar="[LAB/]ROUTER", help="serve only this router")
    web.add_argument(
        "--listen",
        default="127.0.0.1:8080",
        metavar="ADDRESS:PORT",
        help="listen there (127.0.0.1:8080); port 0: any free port",
    )
    add_role(web)
    network = web.add_argument_group("network", "addresses other than loopback need TLS")
    network.add_argument("--certificate", type=Path, metavar="FILE", help="PEM file with the certificate chain")
    network.add_argument("--key", type=Path, metavar="FILE", help="PEM file with its key, unencrypted")
    network.add_argument(
        "--authority",
        type=Path,
        nargs="?",
        const=_OWN,
        metavar="DIR",
        help="instead: issue a certificate by our own authority, or by one of 'dmvpn pki init'",
    )
    network.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="NAME",
        help="a name or address of this server, for its certificate",
    )
    network.add_argument(
        "--behind-proxy",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="trust X-Forwarded-For, -Host and -Proto of the proxy at this address",
    )
    web.set_defaults(command=_run)
    _add_token(web)


def _add_token(web: argparse.ArgumentParser) -> None:
    verbs = web.add_subparsers(metavar="VERB").add_parser("token", help="manage tokens for scripts and people")
    token = verbs.add_subparsers(required=True, metavar="VERB")
    create = token.add_parser("create", help="create a token, and print it once")
    create.add_argument("--name", required=True, metavar="NAME", help="its owner")
    create.add_argument("--role", choices=_ROLES, default=_ROLES[0], help="its role (view)")
    create.add_argument(
        "--days", type=_days, default=_USUAL_DAYS, metavar="N", help=f"days of validity ({_USUAL_DAYS})"
    )
    create.add_argument("--labs", default="", metavar="NAME|BEGINNING*", help="limit it to these labs; without it: all")
    create.add_argument(
        "--most", type=_labs, default=0, metavar="N", help="labs at a time; without it: the server's limit"
    )
    add_memory(create)
    create.set_defaults(command=_create)
    listing = token.add_parser("list", help="list the tokens, their roles, and their last use")
    listing.set_defaults(command=_list)
    revoke = token.add_parser("revoke", help="revoke a token, at once")
    revoke.add_argument("name", metavar="NAME")
    revoke.set_defaults(command=_revoke)


def serve_lab(lab: str, role: str | None = None) -> int:
    """Serve a lab on this machine, at any free port, until Ctrl-C. Raises UserError."""
    check()
    from dmvpn.web.fleet import Fleet
    from dmvpn.web.serving import Where, serve

    _write_audit()
    serve(Fleet(lab), Where(listen="127.0.0.1:0"), _role(role), token_file(), _say)
    return 0


def add_role(parser: argparse.ArgumentParser) -> None:
    """Declare the role of the printed address."""
    usual = "configure on loopback, otherwise view"
    parser.add_argument("--role", choices=_ROLES, help=f"the role of the printed address ({usual})")


def _role(named: str | None) -> Role | None:
    """Return the role of the printed address; None: the usual one. Where it is printed to the journal, it is view."""
    from dmvpn.app.journal import is_journal
    from dmvpn.web.permission import Role

    if named is not None:
        return Role(named)
    return Role.VIEW if is_journal(1) else None  # other users may read the journal


def check() -> None:
    """Raise UserError if the web cannot start here: a library is missing, or its tokens cannot be trusted."""
    missing = [name for name in ("starlette", "uvicorn") if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"the web needs {' and '.join(missing)}: pip install {' '.join(missing)}, or make setup in a clone"
        )
    token_file().tokens()


def _run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C. Raises UserError."""
    check()
    from dmvpn.shells.lab.places import find_lab, find_router
    from dmvpn.web.fleet import Fleet
    from dmvpn.web.serving import Where, serve

    fleet = Fleet()
    if arguments.router is not None:
        folder, router = find_router(arguments.router, "dmvpn web --router {}".format, dead=True)
        fleet = Fleet(folder.name, router)
    elif arguments.lab is not None:
        fleet = Fleet(find_lab(arguments.lab, "dmvpn web --lab {}".format).name)
    if arguments.authority is not None and (arguments.certificate or arguments.key):
        raise UserError("--authority makes a certificate: without --certificate and --key")
    if (arguments.certificate is None) != (arguments.key is None):
        raise UserError("--certificate and --key belong together")
    tokens = token_file()
    if arguments.authority == _OWN:
        tokens.make_folder()
        arguments.authority = tokens.folder / "authority"
    where = project(Where, arguments, names=tuple(arguments.name), proxies=tuple(arguments.behind_proxy))
    _write_audit()
    serve(fleet, where, _role(arguments.role), tokens, _say)
    return 0


def _write_audit() -> None:
    """Write the audit to stderr, each line JSON and nothing else, or to the journal."""
    import logging

    from dmvpn.app.journal import JournalHandler, is_journal

    handler = JournalHandler() if is_journal(2) else logging.StreamHandler(sys.stderr)
    audit = logging.getLogger("dmvpn.web.audit")
    audit.setLevel(logging.INFO)
    audit.propagate = False
    audit.addHandler(handler)


def _say(line: str) -> None:
    print(line, flush=True)


# ---------------------------------------------------------------------------------------------------- tokens


def token_file() -> TokenFile:
    """Return the file of the named tokens of this user."""
    from dmvpn.shells.runtime.state import web_folder
    from dmvpn.web.permission import TokenFile

    return TokenFile(web_folder())


def _create(arguments: argparse.Namespace) -> int:
    from dmvpn.web.permission import Limits, Role

    limits = Limits(most_labs=arguments.most, memory=arguments.memory)
    role = Role(arguments.role)
    secret, made = token_file().create(arguments.name, role, arguments.days, arguments.labs, limits)
    print(secret)
    about = f"{made.name}, role {made.role.value}{f' for {made.labs}' if made.labs else ''}, until {_day(made.expires)}"
    print(f"{about}; it is not shown again", file=sys.stderr)
    return 0


def _list(_: argparse.Namespace) -> int:
    now = datetime.now(UTC).timestamp()
    rows = [("name", "role", "labs", "created", "until", "last used")]
    for one in token_file().tokens():
        until = _day(one.expires) + ("" if now < one.expires else " (expired)")
        used = _time(one.used) if one.used else "never"
        bounds = (f"{one.most_labs} at a time" * (one.most_labs > 0), f"{one.memory} MiB" * (one.memory > 0))
        exam = (
            f"without {' '.join(one.without)}" * bool(one.without),
            f"closes {_time(one.closes)}" * (one.closes > 0),
        )
        labs = ", ".join(filter(None, (one.labs or "all", *bounds, *exam)))
        rows.append((one.name, one.role.value, labs, _day(one.created), until, used))
    print("\n".join(table(rows)))
    return 0


def _revoke(arguments: argparse.Namespace) -> int:
    print(f"{token_file().revoke(arguments.name).name} is revoked; what it had open ends now")
    return 0


def _time(when: float) -> str:
    return f"{datetime.fromtimestamp(when, UTC):%Y-%m-%d %H:%M} UTC"


def _day(when: float) -> str:
    return f"{datetime.fromtimestamp(when, UTC):%Y-%m-%d}"


# ------------------------------------------------------------------------------------------------ dmvpn class


def add_class(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    verbs = commands.add_parser("class", help="manage labs and tokens of students, on this machine").add_subparsers(
        required=True, metavar="VERB"
    )
    begin = verbs.add_parser("begin", help="bring up a lab for each student, and create the tokens")
    begin.add_argument("scenario", help="a built-in name, or a folder or file of configurations")
    begin.add_argument("students", nargs="+", metavar="STUDENT")
    begin.add_argument("--simulated", action="store_true", help="virtual packets: no namespaces, no privileges")
    add_memory(begin)
    most = whole(1, 50, "a number of labs")
    begin.add_argument(
        "--most", type=most, default=3, metavar="N", help="labs of a student at a time, with this one (3)"
    )
    aids = "an exam: refuse some of doctor,walk,lint,hint,grade,reset,up to students"
    begin.add_argument("--without", type=_aids, default=(), metavar="AID,...", help=aids)
    minutes = whole(1, 1440, "a number of minutes")
    begin.add_argument("--minutes", type=minutes, metavar="N", help="an exam: afterwards students only look")
    _add_place(begin)
    begin.set_defaults(command=_begin_class)
    token = verbs.add_parser("token", help="make a new link for a student; the old one ends at once")
    token.add_argument("student", metavar="STUDENT")
    _add_place(token)
    token.set_defaults(command=_renew)
    show = verbs.add_parser("show", help="list all labs: students, faults, memory and processor time")
    show.add_argument("--csv", action="store_true", help="the results for a spreadsheet, with the last grades")
    show.set_defaults(command=_show_class)
    end = verbs.add_parser("end", help="revoke the tokens of students, and end their labs")
    end.add_argument("students", nargs="*", metavar="STUDENT", help="without one: all students")
    end.set_defaults(command=_end_class)


def _add_place(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--at",
        type=_address,
        default="http://127.0.0.1:8080",
        metavar="URL",
        help="where 'dmvpn web' serves (%(default)s)",
    )
    command.add_argument(
        "--days",
        type=whole(1, 365, "a number of days"),
        default=7,
        metavar="N",
        help="days of validity of the link (7)",
    )


def _address(text: str) -> str:
    """Return the beginning of all addresses of a server. Raises ArgumentTypeError."""
    if not re.fullmatch(r"https?://[\w.:\[\]-]+/?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text}: an address such as https://lab.example:8443")
    return text.rstrip("/")


def _aids(text: str) -> tuple[str, ...]:
    """Return what a teacher switches off. Raises ArgumentTypeError."""
    from dmvpn.web.permission import AIDS

    found = tuple(text.split(","))
    if unknown := {*found} - {*AIDS}:
        raise argparse.ArgumentTypeError(f"{min(unknown)!r}: some of {','.join(AIDS)}")
    return found


def _link(place: str, secret: str) -> str:
    """Return the address that logs a student in: no server gets its fragment, and the page removes it at once."""
    return f"{place}/login#{secret}"


def _renew(arguments: argparse.Namespace) -> int:
    """Make a new link. Raises UserError."""
    from dmvpn.labs.classes import labs_of

    name, tokens = arguments.student, token_file()
    if not any((one.name, one.labs) == (name, labs_of(name)) for one in tokens.tokens()):
        raise UserError(f"no student {name} has a link: dmvpn class begin SCENARIO {name}")
    print(_link(arguments.at, tokens.renew(name, arguments.days)[0]))
    return 0


def _begin_class(arguments: argparse.Namespace) -> int:
    """Bring up the labs that are not up yet. Raises UserError."""
    from dmvpn.labs.classes import labs_of, seats
    from dmvpn.shells.lab.forked import NICE
    from dmvpn.shells.scenario import Scenario
    from dmvpn.web.permission import Limits, Role

    tokens = token_file()
    places = seats(Scenario.load(arguments.scenario).name, arguments.students)
    before = {token.name: token.labs for token in tokens.tokens()}
    for student in places:
        if before.get(student, labs_of(student)) != labs_of(student):
            raise UserError(
                f"there is a token {student} for other labs: another name, or dmvpn web token revoke {student}"
            )
    os.nice(NICE)
    notes: dict[str, None] = {}
    for lab in places.values():
        _bring_up(arguments, lab, notes)
    closes = time.time() + 60 * arguments.minutes if arguments.minutes else 0.0  # now that all labs are up
    limits = Limits(most_labs=arguments.most, memory=arguments.memory, without=arguments.without, closes=closes)
    print()
    for student in places:
        made = None
        if student in before:
            tokens.bound(student, limits)
        else:
            made = tokens.create(student, Role.CONFIGURE, arguments.days, labs_of(student), limits)
        link = _link(arguments.at, made[0]) if made else f"has a link already; a new one: dmvpn class token {student}"
        print(f"{student:<16} {link}")
    if closes:
        print(f"\nStudents change nothing from {_time(closes)} on.")
    print(f"\n{_SERVE}")
    return 0


def _bring_up(arguments: argparse.Namespace, lab: str, notes: dict[str, None]) -> None:
    """Bring one lab up. notes: printed already, for another lab of the scenario. Raises UserError."""
    from dmvpn.labs.bringing_up import Up, Wanted, bring_up
    from dmvpn.labs.unsupported_lines import Note

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


def _show_class(arguments: argparse.Namespace) -> int:
    from dmvpn.labs.classes import as_csv, overview

    if arguments.csv:
        print(as_csv(overview()), end="")
        return 0
    rows: list[tuple[str, ...]] = [
        ("lab", "scenario", "routers", "memory", "CPU", "grade", "fixed", "hints", "complaint")
    ]
    for desk in overview():
        routers = "not responding" if desk.silent else f"{desk.running} of {desk.routers}"
        memory, processor = f"{desk.memory / _MIB:.0f} MiB", f"{desk.processor:.0f} s"
        grade = f"{desk.checks - len(desk.left)} of {desk.checks}" if desk.graded else ""
        lesson = (grade, str(desk.fixed), str(desk.hints), desk.complaint)
        rows.append((desk.lab, desk.scenario, routers, memory, processor, *lesson))
    print("\n".join(table(rows)))
    return 0


def _end_class(arguments: argparse.Namespace) -> int:
    """Revoke tokens, then end labs, and go on after an error; 1 if there was one. Raises UserError."""
    from dmvpn.labs import orders
    from dmvpn.labs.classes import labs_of, student_of
    from dmvpn.shells.lab.places import running_labs

    tokens = token_file()
    revocable = [token.name for token in tokens.tokens() if token.labs == labs_of(token.name)]
    students = [*dict.fromkeys(arguments.students or revocable)]
    for unknown in sorted({*students} - {*revocable, *(student_of(folder) for folder in running_labs(starting=True))}):
        there = f"there are {', '.join(revocable)}" if revocable else "there is no class"
        raise UserError(f"no student {unknown} has a token or a lab: {there}")

    def steps() -> Iterator[tuple[str, Callable[[], object]]]:
        for student in students:
            if student in revocable:
                yield f"the token of {student} is revoked", partial(tokens.revoke, student)
        for folder in running_labs(starting=True):
            if student_of(folder) in students:
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
