"""The outer command line. Imports of what a command needs happen when it is used.

Outer words come first, then IOS: behind `-r NAME` everything is the router's, verbatim.
"""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

from dmvpn import __version__
from dmvpn.app import check, completion, diff, doctor, explain, lab_words, lint, render, walk, web
from dmvpn.app.reporting import reported
from dmvpn.app.words import add_engine, add_pool, add_progress, amount, whole
from dmvpn.base.errors import UserError

_EPILOG = """\
examples:
  dmvpn lab up notes-phase3                  a hub, two spokes, a provider and hosts, with real packets
  dmvpn -r R31 show dmvpn detail             a command on a router of the lab that is up
  dmvpn shell R31                            its prompt
  dmvpn lab down
  dmvpn config check branch.cfg              check the syntax of a file
  dmvpn simulate phase3 --spokes 1000        a thousand spokes in virtual time
"""
#: How long a certificate is valid, in days.
_DAYS = whole(1, 36_500, "a number of days")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0, 1 the command failed, 2 its arguments are wrong."""
    words = list(sys.argv[1:] if argv is None else argv)
    return reported(lambda: carry_out(words))


def carry_out(words: list[str]) -> int:
    """Run one command, whose errors the caller reports. Returns the exit code. Raises UserError."""
    if words[:1] in (["-r"], ["--router"]):
        from dmvpn.shells.lab.places import find_router, some_router

        if len(words) == 1:
            raise UserError(f"-r needs a router: dmvpn -r {some_router()} show dmvpn")
        if len(words) == 2:
            return _run_shell(words[1])
        from dmvpn.face.calling import run_line

        line = " ".join(words[2:])
        folder, name = find_router(words[1], lambda name: f"dmvpn -r {name} {line}")
        return run_line(str(folder.management(name)), line)
    parser = argument_parser()
    if words[:1] == [completion.ASK]:
        print("\n".join(completion.candidates(parser, words[1:])))
        return 0
    if not words:
        parser.print_help()
        return 2
    if not words[0].startswith("-") and words[0] not in (known := completion.candidates(parser, [""])):
        parser.error(f"no command {words[0]!r}: did you mean '{_meant(parser, known, words)}'?")
    arguments = _parsed(parser, words)
    command: Callable[[argparse.Namespace], int] = arguments.command
    return command(arguments)


def _parsed(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """Return the parsed command line.

    Ends with 2 where that cannot be understood; `check` with 3, for 2 means that a router is ill.
    """
    try:
        return parser.parse_args(words)
    except SystemExit as wrong:
        if words[:1] == ["check"] and wrong.code == 2:
            raise SystemExit(3) from None
        raise


def _meant(parser: argparse.ArgumentParser, known: Sequence[str], words: Sequence[str]) -> str:
    """Return the command that was probably meant by words of which the first is not one: a router's, if no other."""
    from difflib import get_close_matches

    typed = " ".join(words)
    if words[0] in completion.candidates(parser, ["lab", ""]):
        return f"dmvpn lab {typed}"
    if close := get_close_matches(words[0], known, n=1):
        return " ".join(["dmvpn", close[0], *words[1:]])
    return f"dmvpn -r ROUTER {typed}"


def _run_shell(router: str) -> int:
    """Be at a router's prompt until `exit`. Raises UserError."""
    from dmvpn.face.client import shell
    from dmvpn.shells.lab.places import find_router

    folder, name = find_router(router, lambda name: f"dmvpn shell {name}")
    return shell(folder.management(name))


@cache
def begun_parser() -> tuple[argparse.ArgumentParser, deque[Callable[[], None]]]:
    """Return the parser of the arguments of `dmvpn`, and what adds the commands to it that are still missing."""
    parser = argparse.ArgumentParser(
        prog="dmvpn",
        description="An open DMVPN router with the command line that network engineers know.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dmvpn {__version__}")
    parser.add_argument("-r", "--router", metavar="ROUTER", help="run an IOS command on this router (LAB/ROUTER)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    further = (module.add for module in (diff, render, doctor, check, completion, explain, lint, walk, web))
    adding = (lab_words.add, web.add_class, _add_router, _add_offline, _add_pki, *further)
    return parser, deque(partial(add, commands) for add in adding)


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments of `dmvpn`, with those of all its commands."""
    parser, missing = begun_parser()
    while missing:
        missing.popleft()()
    return parser


def _add_router(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    shell = commands.add_parser("shell", help="open the prompt of a router")
    shell.add_argument("router", metavar="[LAB/]ROUTER")
    shell.set_defaults(command=lambda arguments: _run_shell(arguments.router))
    run = commands.add_parser("run", help="run this machine as a router, in the foreground")
    run.add_argument("file", type=Path, help="an IOS-style configuration")
    run.add_argument("--map", action="append", default=[], metavar="IOS=LINUX", help="GigabitEthernet0/1=eth0")
    run.add_argument("--manage", action="store_true", help="set addresses of mapped interfaces, too")
    add_engine(run)
    run.add_argument("--record", type=Path, metavar="FILE", help="record the events in FILE")
    run.add_argument("--plan", action="store_true", help="print every change to this machine, and change nothing")
    run.add_argument("--ssh", action="append", default=[], metavar="ADDRESS[:PORT]", help="listen there for SSH to it")
    run.add_argument("--group", metavar="NAME", help="of a service: let members of this group use its prompt")
    run.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="LINE",
        help="start without this line (or list or group) that restricts or diverts traffic; may be given several times",
    )
    run.add_argument(
        "--log-format", choices=("text", "json"), default="text", help="of log lines; json: an object on each line"
    )
    run.set_defaults(command=_run)
    cleanup = commands.add_parser("cleanup", help="remove the leftovers of a killed router, and nothing else")
    cleanup.set_defaults(command=_cleanup)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.plan:
        from dmvpn.app.plan import plan

        return plan(arguments)
    from dmvpn.app.run import run

    return run(arguments)


def _cleanup(arguments: argparse.Namespace) -> int:
    from dmvpn.app.run import cleanup

    return cleanup()


def _add_offline(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    config = commands.add_parser("config", help="check configuration files")
    verbs = config.add_subparsers(required=True, metavar="VERB")
    check = verbs.add_parser("check", help="read files as IOS would; print errors, and exit with 1 if there are any")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    check.set_defaults(command=_check)
    taking = commands.add_parser(
        "import", help="read configurations of other routers: which lines run, are kept, or left out"
    )
    taking.add_argument("files", nargs="+", type=Path, metavar="FILE|FOLDER")
    taking.add_argument("--to", type=Path, metavar="FOLDER", help="write the accepted lines, one file for each router")
    taking.add_argument("--force", action="store_true", help="overwrite existing files")
    taking.add_argument(
        "--to-ikev2",
        action="store_true",
        help="print the steps that move a network with crypto isakmp lines to IKEv2, router by router",
    )
    add_progress(taking)
    taking.set_defaults(command=_import)
    simulate = commands.add_parser("simulate", help="run a scenario in virtual time, with or without faults")
    simulate.add_argument("scenario", nargs="?", help="a built-in name, a folder, or phase3")
    simulate.add_argument("--spokes", type=int, metavar="N", help="phase3 with N spokes, or others multiplied")
    simulate.add_argument("--seed", type=int, default=1, metavar="N")
    simulate.add_argument("--seconds", type=amount, default=60.0, metavar="S", help="at most this many virtual seconds")
    simulate.add_argument("--record", type=Path, metavar="FILE", help="write every event to FILE")
    simulate.add_argument(
        "--variant",
        action="append",
        default=[],
        metavar="NAME",
        help="change the configuration: static, no-unique, short, if-state or protected; may be repeated",
    )
    add_progress(simulate)
    _add_faults(simulate)
    simulate.set_defaults(command=_simulate)
    replay = commands.add_parser("replay", help="replay a recording, and compare the results")
    replay.add_argument("file", type=Path, metavar="FILE")
    replay.add_argument("--router", metavar="NAME", help="replay only this router")
    replay.add_argument("--show", metavar="COMMAND", help="a show command to run at the end")
    replay.add_argument("--serve", metavar="LAB", help="then serve the routers as a lab of this name, until Ctrl-C")
    replay.set_defaults(command=_replay)


def _add_faults(simulate: argparse.ArgumentParser) -> None:
    faults = simulate.add_argument_group(
        "faults", "inject faults, and judge the network by its packets; the last line is the verdict"
    )
    faults.add_argument("--faults", metavar="random|FILE", help="draw faults from the seed, or read them from a file")
    faults.add_argument(
        "--film",
        type=Path,
        metavar="FILE.html",
        help="write the minutes before the violation of one run as a file that a browser plays",
    )
    faults.add_argument("--hours", type=amount, metavar="H", help="virtual hours of faults (1)")
    faults.add_argument(
        "--campaign",
        type=amount,
        metavar="N",
        help="N router-hours (of hubs and spokes) over all built-in scenarios and their variants, --hours each run",
    )
    faults.add_argument(
        "--prove",
        choices=("doctor", "lint"),
        help="in a campaign of N seeds: measure the doctor, or lint, on N faulty and N healthy networks",
    )
    faults.add_argument(
        "--histogram", type=Path, metavar="FILE", help="write the outages of a campaign by kind of fault, as SVG"
    )
    add_pool(faults.add_argument, "a campaign")


def _add_pki(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    pki = commands.add_parser("pki", help="run a small certificate authority in a folder, and import to routers")
    verbs = pki.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=text, description=text)
        added.set_defaults(command=lambda arguments: _pki(name, arguments))
        return added

    def kinds(parser: argparse.ArgumentParser) -> None:
        kind = parser.add_mutually_exclusive_group()
        kind.add_argument("--rsa", action="store_true", help="RSA keys")
        kind.add_argument("--ec", action="store_true", help="keys on the elliptic curve P-256")

    init = verb("init", "create an authority")
    init.add_argument("folder", type=Path, metavar="DIR")
    init.add_argument("--name", default="Lab CA", help="the name of the authority (Lab CA)")
    kinds(init)
    issue = verb("issue", "issue keys and certificates for routers")
    issue.add_argument("folder", type=Path, metavar="DIR")
    issue.add_argument("names", nargs="+", metavar="ROUTER")
    issue.add_argument("--dn", metavar="NAME", help="the subject, as in cn=R1,o=Example (cn=ROUTER)")
    issue.add_argument(
        "--fqdn", action="append", default=[], metavar="NAME", help="a DNS name in the certificate (ROUTER)"
    )
    issue.add_argument("--ip", action="append", default=[], metavar="ADDRESS", help="an IP address in the certificate")
    issue.add_argument(
        "--email", action="append", default=[], metavar="ADDRESS", help="an e-mail address in the certificate"
    )
    issue.add_argument("--days", type=_DAYS, default=730, metavar="N", help="days of validity (730)")
    issue.add_argument("--renew", action="store_true", help="issue a new one even if the router has one")
    issue.add_argument(
        "--pkcs12",
        action="store_true",
        help="also write a PKCS #12 file; its password comes from $DMVPN_PKI_PASSWORD or a prompt",
    )
    kinds(issue)
    revoke = verb("revoke", "revoke a certificate")
    revoke.add_argument("folder", type=Path, metavar="DIR")
    revoke.add_argument("which", metavar="SERIAL|ROUTER")
    crl = verb("crl", "renew the revocation list")
    crl.add_argument("folder", type=Path, metavar="DIR")
    crl.add_argument("--days", type=_DAYS, default=365, metavar="N", help="days of validity (365)")
    verb("show", "show the authority and its certificates").add_argument("folder", type=Path, metavar="DIR")
    import_ = verb("import", "import certificates, a key and a revocation list into a running router")
    import_.add_argument("router", metavar="[LAB/]ROUTER")
    import_.add_argument("trustpoint")
    import_.add_argument("sources", nargs="+", type=Path, metavar="DIR|FILE", help="of an authority; PEM, PKCS #12")


def _pki(verb: str, arguments: argparse.Namespace) -> int:
    from dmvpn.app import pki

    return pki.VERBS[verb](arguments)


def _check(arguments: argparse.Namespace) -> int:
    from dmvpn.app.config import check

    return check(arguments.files)


def _import(arguments: argparse.Namespace) -> int:
    if arguments.to_ikev2:
        from dmvpn.app.importing import move_to_ikev2

        return move_to_ikev2(arguments)
    from dmvpn.app.importing import import_files

    return import_files(arguments)


def _simulate(arguments: argparse.Namespace) -> int:
    from dmvpn.shells.collecting import uncollected

    with uncollected():
        from dmvpn.app.simulate import simulate

    return simulate(arguments)


def _replay(arguments: argparse.Namespace) -> int:
    from dmvpn.app.replay import replay

    return replay(arguments)
