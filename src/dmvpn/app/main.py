"""The outer command line. Imports of what a command needs happen when it is used: `dmvpn -r R31 show clock` is quick.

Outer words come first, then IOS: behind `-r NAME` everything is the router's, verbatim.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn import __version__
from dmvpn.app import check, completion, diff, doctor, explain, lint, render, walk
from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_EPILOG = """\
examples:
  dmvpn lab up notes-phase3                  a hub, two spokes, a provider and hosts, with real packets
  dmvpn -r R31 show dmvpn detail             a command on a router of the lab that is up
  dmvpn shell R31                            its prompt
  dmvpn lab down
  dmvpn config check branch.cfg              does IOS's language hold?
  dmvpn simulate phase3 --spokes 1000        a thousand spokes in virtual time
"""


_PROGRESS = "show progress even if this is no terminal"
_BLOCK = "gre, esp, udp-500, udp-4500, fragments or icmp does not pass; may be given again"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0, 1 what was asked did not succeed, 2 it was asked wrongly."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words[:1] in (["-r"], ["--router"]):
            return _on_router(words[1:])
        parser = _parser()
        if words[:1] == [completion.ASK]:
            print("\n".join(completion.candidates(parser, words[1:])))
            return 0
        if not words:
            parser.print_help()
            return 2
        arguments = _parsed(parser, words)
        command: Callable[[argparse.Namespace], int] = arguments.command
        return command(arguments)
    except UserError as error:
        print(f"dmvpn: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has seen enough (`| head`); do not complain when Python flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        print(f"dmvpn: {error.filename or 'the system'}: {error.strerror or error}", file=sys.stderr)
        return 1


def _parsed(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """Return what was asked.

    Ends with 2 where that cannot be understood; `check` with 3, for 2 means that a router is ill.
    """
    try:
        return parser.parse_args(words)
    except SystemExit as wrong:
        if words[:1] == ["check"] and wrong.code == 2:
            raise SystemExit(3) from None
        raise


def _on_router(words: list[str]) -> int:
    if not words:
        from dmvpn.shells.lab.finding import some_router

        raise UserError(f"-r needs a router: dmvpn -r {some_router()} show dmvpn")
    from dmvpn.app.sessions import run_line, run_shell

    return run_line(words[0], " ".join(words[1:])) if len(words) > 1 else run_shell(words[0])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dmvpn",
        description="An open DMVPN router with the command line that network engineers know.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dmvpn {__version__}")
    parser.add_argument("-r", "--router", metavar="ROUTER", help="run an IOS command on this router (LAB/ROUTER)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_lab(commands)
    _add_router(commands)
    _add_offline(commands)
    _add_pki(commands)
    diff.add(commands)
    render.add(commands)
    doctor.add(commands)
    check.add(commands)
    completion.add(commands)
    explain.add(commands)
    lint.add(commands)
    walk.add(commands)
    return parser


#: See `app/ssh.py`, which is imported when somebody wants one.
_INVENTORIES = ("ssh-config", "ansible", "nornir", "pyats", "netmiko")


def _add_lab(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    lab = commands.add_parser("lab", help="whole networks on this machine, without root")
    verbs = lab.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=text, description=text)
        added.add_argument("--json", action="store_true", help="for programs: print one object, and nothing else")
        added.set_defaults(command=lambda arguments: _lab(name, arguments))
        return added

    verb("list", "scenarios that can be brought up, and labs that are")
    verb("check", "can this machine run labs? what to do if not")
    up = verb("up", "bring a scenario up: a built-in name, or a folder or file of configurations")
    up.add_argument("scenario")
    up.add_argument("--strict", action="store_true", help="refuse lines that would otherwise be left out")
    up.add_argument("--simulated", action="store_true", help="no namespaces, no privileges: virtual packets")
    up.add_argument(
        "--engine", choices=("auto", "rust", "python"), default="auto", help="the engine that moves the packets"
    )
    up.add_argument("--record", type=Path, metavar="FILE", help="record the events of all routers")
    up.add_argument("--progress", action="store_true", help=_PROGRESS)
    for name, text in (("down", "end a lab"), ("status", "what runs"), ("reset", "begin again")):
        verb(name, text).add_argument("lab", nargs="?")
    for name, text in (("kill", "kill -9 a router"), ("start", "start a killed router again")):
        verb(name, text).add_argument("router", metavar="[LAB/]ROUTER")
    run = verb("exec", "run a program in the network of a host or router")
    run.add_argument("node", metavar="[LAB/]NODE")
    run.add_argument("program", nargs=argparse.REMAINDER, metavar="PROGRAM ...")
    impair = verb("impair", "make a link bad; without options it is good again")
    impair.add_argument("link", metavar="ROUTER:INTERFACE")
    impair.add_argument("--delay", type=_amount, default=0.0, metavar="MS", help="one way")
    impair.add_argument("--loss", type=_amount, default=0.0, metavar="PERCENT")
    impair.add_argument("--rate", type=_amount, default=0.0, metavar="KBIT/S")
    impair.add_argument("--mtu", type=_amount, default=0.0, metavar="OCTETS", help="drop larger IP packets")
    impair.add_argument("--cut", action="store_true", help="let nothing pass")
    impair.add_argument("--block", action="append", default=[], metavar="KIND", help=_BLOCK)
    impair.add_argument("--one-way", action="store_true", help="only what the named end sends")
    impair.add_argument("--lab")
    rebind = verb("rebind", "let a NAT box forget its mappings, as a restart does")
    rebind.add_argument("gateway", metavar="[LAB/]GATEWAY")
    rebind.add_argument("--public", metavar="A.B.C.D", help="and use this outside address from now on")
    rebind.add_argument("--kind", metavar="KIND", help="and become cone, port-restricted or symmetric")
    capture = verb("capture", "write pcap files of a lab")
    capture.add_argument("nodes", nargs="*", metavar="NODE")
    capture.add_argument("--all", action="store_true", help="every router and host")
    capture.add_argument("--output", type=Path, default=Path(), metavar="DIR")
    capture.add_argument("--seconds", type=_amount, metavar="N", help="without it: until Ctrl-C")
    capture.add_argument("--keys", action="store_true", help="also write the keys of new SAs, in Wireshark's format")
    capture.add_argument("--stop", action="store_true", help="end a capture that was left running")
    capture.add_argument("--lab")
    watch = verb("watch", "what routers say to each other and what follows, live, as a ladder")
    watch.add_argument("lab", nargs="?")
    watch.add_argument("--only", metavar="R31,R41", help="only these routers; without it: all except providers")
    watch.add_argument("--since", metavar="5m", help="begin with events from this long ago: 30s, 5m, 1h")
    watch.add_argument(
        "--seconds", type=_amount, metavar="N", help="end after this many seconds; without it: at Ctrl-C"
    )
    watch.add_argument("--routes", action="store_true", help="also show changes of routes")
    watch.add_argument("--ascii", action="store_true", help="use no Unicode lines and arrow heads")
    watch.add_argument("--save", type=Path, metavar="FILE", help="save it as a story, with a Mermaid diagram")
    ssh = verb("ssh", "let people and tools in by SSH, each router at a port of its own, until Ctrl-C")
    ssh.add_argument("lab", nargs="?")
    ssh.add_argument("--address", default="127.0.0.1", metavar="ADDRESS", help="listen there; without it: 127.0.0.1")
    ssh.add_argument(
        "--port", type=int, default=2201, metavar="N", help="of the first router; 0: any; without it: 2201"
    )
    inventory = verb("inventory", "what a tool needs to reach the routers by SSH, while 'lab ssh' runs")
    inventory.add_argument("lab", nargs="?")
    inventory.add_argument("--format", choices=_INVENTORIES, default="ssh-config", help="for which tool")
    clock = verb("clock", "let time pass in a simulated lab")
    clock.add_argument("step", metavar="+2h", help="+SECONDS, or with s, m, h, d")
    clock.add_argument("--lab")
    _add_lessons(verb)


def _add_lessons(verb: Callable[[str, str], argparse.ArgumentParser]) -> None:
    break_ = verb("break", "break something in a lab without telling what")
    which = break_.add_mutually_exclusive_group()
    which.add_argument("name", nargs="?", metavar="NAME", help="this trouble; without it: one at random")
    which.add_argument("--random", action="store_true", help="one that fits the lab")
    which.add_argument("--list", action="store_true", help="list the troubles")
    break_.add_argument("--seed", type=int, metavar="N", help="repeat the same choice")
    break_.add_argument("--lab")
    for name, text in (("hint", "the next hint"), ("grade", "is it fixed, or the exercise done? exit code 1 if not")):
        verb(name, text).add_argument("lab", nargs="?")
    phase = verb("phase", "make the lab a phase 1, 2 or 3 network, and show the difference")
    phase.add_argument("number", type=int, choices=(1, 2, 3), metavar="1|2|3")
    phase.add_argument("lab", nargs="?")
    save = verb("save", "write what the routers run and the wiring into a folder that 'lab up' takes")
    save.add_argument("lab", nargs="?")
    save.add_argument("folder", metavar="DIR")


def _amount(text: str) -> float:
    """Return a number of seconds, milliseconds or the like, for argparse: finite, not negative."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text}: a number from 0 on")
    return value


def _lab(verb: str, arguments: argparse.Namespace) -> int:
    from dmvpn.app import lab

    return lab.run(verb, arguments)


def _add_router(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    shell = commands.add_parser("shell", help="the prompt of a router")
    shell.add_argument("router", metavar="[LAB/]ROUTER")
    shell.set_defaults(command=_shell)
    run = commands.add_parser("run", help="this machine as a router, in the foreground")
    run.add_argument("file", type=Path, help="an IOS-style configuration")
    run.add_argument("--map", action="append", default=[], metavar="IOS=LINUX", help="GigabitEthernet0/1=eth0")
    run.add_argument("--manage", action="store_true", help="set addresses of mapped interfaces, too")
    run.add_argument(
        "--engine", choices=("auto", "rust", "python"), default="auto", help="the engine that moves the packets"
    )
    run.add_argument("--record", type=Path, metavar="FILE", help="record the events in FILE")
    run.add_argument("--plan", action="store_true", help="print every change to this machine, and change nothing")
    run.add_argument("--ssh", action="append", default=[], metavar="ADDRESS[:PORT]", help="listen there for SSH to it")
    run.add_argument("--group", metavar="NAME", help="of a service: let members of this group use its prompt")
    run.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="LINE",
        help="start without this line, which restricts or diverts traffic; may be given several times",
    )
    run.set_defaults(command=_run)
    cleanup = commands.add_parser("cleanup", help="remove what a killed router left behind, and nothing else")
    cleanup.set_defaults(command=_cleanup)


def _shell(arguments: argparse.Namespace) -> int:
    from dmvpn.app.sessions import run_shell

    return run_shell(arguments.router)


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
    config = commands.add_parser("config", help="configurations on disk")
    verbs = config.add_subparsers(required=True, metavar="VERB")
    check = verbs.add_parser("check", help="read files as IOS would; its errors, and exit code 1")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    check.set_defaults(command=_check)
    taking = commands.add_parser("import", help="somebody's configurations: what runs, what is kept, what is left out")
    taking.add_argument("files", nargs="+", type=Path, metavar="FILE|FOLDER")
    taking.add_argument("--to", type=Path, metavar="FOLDER", help="write what is accepted, one file for each router")
    taking.add_argument("--force", action="store_true", help="overwrite existing files")
    taking.add_argument("--progress", action="store_true", help=_PROGRESS)
    taking.set_defaults(command=_import)
    simulate = commands.add_parser("simulate", help="run a scenario in virtual time, whole or broken at random")
    simulate.add_argument("scenario", nargs="?", help="a built-in name, a folder, or phase3 (with --spokes)")
    simulate.add_argument("--spokes", type=int, metavar="N", help="for phase3: the number of spokes")
    simulate.add_argument("--seed", type=int, default=1, metavar="N")
    simulate.add_argument(
        "--seconds", type=_amount, default=60.0, metavar="S", help="at most this many virtual seconds"
    )
    simulate.add_argument("--record", type=Path, metavar="FILE", help="write every event to FILE")
    simulate.add_argument(
        "--variant",
        action="append",
        default=[],
        metavar="NAME",
        help="static, no-unique, short, if-state or protected: one change of the configuration; may be repeated",
    )
    simulate.add_argument("--progress", action="store_true", help=_PROGRESS)
    _add_faults(simulate)
    simulate.set_defaults(command=_simulate)
    replay = commands.add_parser("replay", help="replay a recorded life, and compare")
    replay.add_argument("file", type=Path, metavar="FILE")
    replay.add_argument("--router", metavar="NAME", help="only this one")
    replay.add_argument("--show", metavar="COMMAND", help="a show command to run at the end")
    replay.set_defaults(command=_replay)


def _add_faults(simulate: argparse.ArgumentParser) -> None:
    faults = simulate.add_argument_group("faults", "break it, judge it by its packets; the last line is the verdict")
    faults.add_argument("--faults", metavar="random|FILE", help="faults from the seed, or from a file")
    faults.add_argument("--hours", type=_amount, metavar="H", help="virtual hours of faults (1)")
    faults.add_argument(
        "--campaign",
        type=_amount,
        metavar="N",
        help="N router-hours (of hubs and spokes) over all built-in scenarios and their variants, --hours each run",
    )
    faults.add_argument("--jobs", type=int, default=1, metavar="J", help="processes of a campaign at a time")


def _add_pki(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    pki = commands.add_parser("pki", help="certificates: a small authority in a folder, and imports to routers")
    verbs = pki.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=text, description=text)
        added.set_defaults(command=lambda arguments: _pki(name, arguments))
        return added

    def kinds(parser: argparse.ArgumentParser) -> None:
        kind = parser.add_mutually_exclusive_group()
        kind.add_argument("--rsa", action="store_true", help="RSA keys")
        kind.add_argument("--ec", action="store_true", help="keys on the elliptic curve P-256")

    init = verb("init", "make an authority")
    init.add_argument("folder", type=Path, metavar="DIR")
    init.add_argument("--name", default="Lab CA", help="the name of the authority (Lab CA)")
    kinds(init)
    issue = verb("issue", "keys and certificates for routers")
    issue.add_argument("folder", type=Path, metavar="DIR")
    issue.add_argument("names", nargs="+", metavar="ROUTER")
    issue.add_argument("--dn", metavar="NAME", help="the subject, as in cn=R1,o=Example (cn=ROUTER)")
    issue.add_argument("--fqdn", action="append", default=[], metavar="NAME", help="a name that it proves (ROUTER)")
    issue.add_argument("--ip", action="append", default=[], metavar="ADDRESS", help="an address that it proves")
    issue.add_argument(
        "--email", action="append", default=[], metavar="ADDRESS", help="an e-mail address that it proves"
    )
    issue.add_argument("--days", type=_days, default=730, metavar="N", help="days of validity (730)")
    issue.add_argument("--renew", action="store_true", help="even if the router has one")
    issue.add_argument(
        "--pkcs12",
        action="store_true",
        help="also write a PKCS #12 file; its password comes from $DMVPN_PKI_PASSWORD or a prompt",
    )
    kinds(issue)
    revoke = verb("revoke", "take a certificate back")
    revoke.add_argument("folder", type=Path, metavar="DIR")
    revoke.add_argument("which", metavar="SERIAL|ROUTER")
    crl = verb("crl", "make the revocation list again")
    crl.add_argument("folder", type=Path, metavar="DIR")
    crl.add_argument("--days", type=_days, default=365, metavar="N", help="days of validity (365)")
    verb("show", "the authority and what it issued").add_argument("folder", type=Path, metavar="DIR")
    import_ = verb("import", "bring certificates, a key and a revocation list to a router that runs")
    import_.add_argument("router", metavar="[LAB/]ROUTER")
    import_.add_argument("trustpoint")
    import_.add_argument("sources", nargs="+", type=Path, metavar="DIR|FILE", help="of an authority; PEM, PKCS #12")


def _days(text: str) -> int:
    """Return a number of days, for argparse."""
    if not text.isdecimal() or not 1 <= int(text) <= 36_500:
        raise argparse.ArgumentTypeError(f"{text}: a number of days from 1 to 36500")
    return int(text)


def _pki(verb: str, arguments: argparse.Namespace) -> int:
    from dmvpn.app import pki

    return pki.VERBS[verb](arguments)


def _check(arguments: argparse.Namespace) -> int:
    from dmvpn.app.config import check

    return check(arguments.files)


def _import(arguments: argparse.Namespace) -> int:
    from dmvpn.app.importing import import_files

    return import_files(arguments)


def _simulate(arguments: argparse.Namespace) -> int:
    from dmvpn.app.collector import uncollected

    with uncollected():
        from dmvpn.app.simulate import simulate

    return simulate(arguments)


def _replay(arguments: argparse.Namespace) -> int:
    from dmvpn.app.replay import replay

    return replay(arguments)
