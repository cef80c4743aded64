"""The words of `dmvpn lab`: its verbs, in the order in which the help lists them, and their arguments and output.

A verb is a row with the function that carries it out, `module.function` of this room: it is imported when the verb is
used. A verb prints lines for people, or with `--json` one object for programs and nothing else. It produces both, and
does not know which is printed: `say` prints lines, `put` adds to the object (`docs/reference/lab-json.md` describes the
objects). Complaints go to standard error in either case; then there is no object.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.app.web import add_role
from dmvpn.app.words import add_engine, add_memory, add_progress, amount

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.shells.lab.control import Json

    _Verb = Callable[[str, str, str], argparse.ArgumentParser]

#: See `app/ssh.py`, which is imported when a command needs it.
_INVENTORIES: Final = ("ssh-config", "ansible", "nornir", "pyats", "netmiko")
#: See `tools/elsewhere`, for the same reason.
_PROGRAMS: Final = ("containerlab", "cml", "gns3")
_BLOCK: Final = "drop gre, esp, udp-500, udp-4500, fragments or icmp; may be repeated"


# ------------------------------------------------------------------------------------------------ the output of a verb


class Printer:
    """Prints what a verb says, for people or for programs. for_programs: `--json`."""

    def __init__(self, *, for_programs: bool) -> None:
        self.for_programs = for_programs
        self._facts: dict[str, Json] = {}

    def say(self, text: str = "") -> None:
        """Say a line for people at once: the next one may take a while."""
        if not self.for_programs:
            print(text, flush=True)

    def put(self, **facts: Json) -> None:
        """Put facts for programs."""
        self._facts.update(facts)

    def row(self, **facts: Json) -> None:
        """Print one of many objects, each on a line of its own: for commands that go on and on."""
        if self.for_programs:
            import json  # late, so that a Tab of a shell goes without it

            print(json.dumps(facts), flush=True)

    def end(self) -> None:
        """End the verb: print its object, if it put anything; a verb that prints rows does not."""
        if self.for_programs and self._facts:
            import json

            print(json.dumps(self._facts, indent=2))


# ------------------------------------------------------------------------------------------------ verbs


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    lab = commands.add_parser("lab", help="run whole networks on this machine, without root")
    verbs = lab.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, text: str, function: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=text, description=text)
        added.add_argument("--json", action="store_true", help="print one JSON object, and nothing else")
        added.set_defaults(command=run, function=function)
        return added

    _add_life(verb)
    _add_wires(verb)
    _add_looks(verb)
    ssh = verb("ssh", "serve SSH until Ctrl-C, each router on a port of its own", "ssh.serve")
    ssh.add_argument("lab", nargs="?")
    ssh.add_argument("--address", default="127.0.0.1", metavar="ADDRESS", help="listen there; without it: 127.0.0.1")
    ssh.add_argument(
        "--port", type=int, default=2201, metavar="N", help="of the first router; 0: any; without it: 2201"
    )
    inventory = verb(
        "inventory",
        "print the inventory for a tool that reaches the routers by SSH, while 'lab ssh' runs",
        "ssh.inventory",
    )
    inventory.add_argument("lab", nargs="?")
    inventory.add_argument("--format", choices=_INVENTORIES, default="ssh-config", help="for which tool")
    clock = verb("clock", "advance the clock of a simulated lab", "lab.clock")
    clock.add_argument("step", metavar="+2h", help="+SECONDS, or with s, m, h, d")
    clock.add_argument("--lab")
    _add_lessons(verb)


def _add_life(verb: _Verb) -> None:
    """Declare the verbs that start and stop labs and their routers."""
    verb("list", "list scenarios and running labs", "listing.list_labs")
    verb("check", "check whether this machine can run labs, and what it lacks", "lab.check")
    up = verb("up", "bring up a scenario: a built-in name, or a folder or file of configurations", "lab.up")
    up.add_argument("scenario")
    up.add_argument(
        "--name", default="", metavar="NAME", help="name of the lab: several labs of one scenario run side by side"
    )
    up.add_argument("--strict", action="store_true", help="refuse lines that would otherwise be left out")
    up.add_argument("--simulated", action="store_true", help="virtual packets: no namespaces, no privileges")
    add_engine(up)
    up.add_argument("--record", type=Path, metavar="FILE", help="record the events of all routers")
    add_memory(up)
    add_progress(up)
    up.add_argument("--web", action="store_true", help="then serve its page until Ctrl-C, as 'lab web' does")
    verb("down", "shut down a lab", "lab.down").add_argument("lab", nargs="?")
    verb("status", "show the routers, hosts and wires of a lab", "lab.status").add_argument("lab", nargs="?")
    reset = verb("reset", "reset configurations and wires to those of the scenario", "lab.reset")
    reset.add_argument("lab", nargs="?")
    reset.add_argument("--undo", action="store_true", help="bring back what the last reset took away")
    verb("kill", "kill -9 a router", "lab.kill").add_argument("router", metavar="[LAB/]ROUTER")
    verb("start", "start a killed router again", "lab.start").add_argument("router", metavar="[LAB/]ROUTER")


def _add_wires(verb: _Verb) -> None:
    """Declare the verbs for hosts and wires."""
    run = verb("exec", "run a program in the network of a host or router", "execute.execute")
    run.add_argument("--vrf", metavar="NAME", default="", help="in this VRF of a router")
    run.add_argument("node", metavar="[LAB/]NODE")
    run.add_argument("program", nargs=argparse.REMAINDER, metavar="PROGRAM ...")
    impair = verb("impair", "impair a link; without options, restore it", "lab.impair")
    impair.add_argument("link", metavar="ROUTER:INTERFACE")
    impair.add_argument("--delay", type=amount, default=0.0, metavar="MS", help="one way")
    impair.add_argument("--loss", type=amount, default=0.0, metavar="PERCENT")
    impair.add_argument("--rate", type=amount, default=0.0, metavar="KBIT/S")
    impair.add_argument("--mtu", type=amount, default=0.0, metavar="OCTETS", help="drop larger IP packets")
    impair.add_argument("--cut", action="store_true", help="drop all packets")
    impair.add_argument("--block", action="append", default=[], metavar="KIND", help=_BLOCK)
    impair.add_argument("--one-way", action="store_true", help="only packets from the named end")
    impair.add_argument("--lab")
    rebind = verb("rebind", "clear the mappings of a NAT box, as a restart does", "lab.rebind")
    rebind.add_argument("gateway", metavar="[LAB/]GATEWAY")
    rebind.add_argument("--public", metavar="A.B.C.D", help="and change its public address")
    rebind.add_argument("--kind", metavar="KIND", help="and change its kind: cone, port-restricted or symmetric")


def _add_looks(verb: _Verb) -> None:
    """Declare the verbs that show packets, events and networks."""
    capture = verb("capture", "write pcap files of a lab", "lab.capture")
    capture.add_argument("nodes", nargs="*", metavar="NODE", help="a node, or one port of it: R31:Gi0/1")
    capture.add_argument("--all", action="store_true", help="every router and host")
    capture.add_argument("--output", type=Path, default=Path(), metavar="DIR")
    capture.add_argument("--seconds", type=amount, metavar="N", help="without it: until Ctrl-C")
    capture.add_argument("--keys", action="store_true", help="also write the keys of new SAs, in Wireshark's format")
    capture.add_argument("--stop", action="store_true", help="end all captures of the lab")
    capture.add_argument("--lab")
    watch = verb("watch", "show messages between routers and their effects live, as a ladder", "watch.watch")
    watch.add_argument("lab", nargs="?")
    watch.add_argument("--only", metavar="R31,R41", help="only these routers; without it: all except providers")
    watch.add_argument("--since", metavar="5m", help="begin with events from this long ago: 30s, 5m, 1h")
    watch.add_argument("--seconds", type=amount, metavar="N", help="end after this many seconds; without it: at Ctrl-C")
    watch.add_argument("--routes", action="store_true", help="also show changes of routes")
    watch.add_argument("--ascii", action="store_true", help="use no Unicode lines and arrow heads")
    watch.add_argument("--save", type=Path, metavar="FILE", help="save the story; FILE.svg: a moving picture")
    picture = verb(
        "picture",
        "draw routers, hosts, wires and tunnels of a running lab, a scenario, files, or a recording",
        "drawing.draw",
    )
    picture.add_argument("network", nargs="?", metavar="NAME|FOLDER|FILE", help="without it: the lab that is up")
    picture.add_argument(
        "--output", required=True, metavar="FILE", help="its suffix is the format: .svg, .dot or .mermaid; -: print SVG"
    )
    film = verb(
        "film",
        "write one HTML file that plays the events of a running lab, or of a recording",
        "drawing.write_film",
    )
    film.add_argument("network", nargs="?", metavar="NAME|FILE", help="without it: the lab that is up")
    film.add_argument("--output", required=True, type=Path, metavar="FILE.html", help="the file for a browser")
    film.add_argument(
        "--from", dest="since", type=amount, metavar="S", help="of a recording: from S seconds after its beginning"
    )
    film.add_argument("--until", type=amount, metavar="S", help="of a recording: until S seconds after its beginning")
    web = verb("web", "serve the page of a lab until Ctrl-C: map, ladder, and tables of its routers", "lab.web")
    web.add_argument("lab", nargs="?")
    add_role(web)


def _add_lessons(verb: _Verb) -> None:
    """Declare the verbs for teaching: troubles, exercises, phases."""
    break_ = verb("break", "inject an unknown fault into a lab", "teach.break_")
    which = break_.add_mutually_exclusive_group()
    which.add_argument("name", nargs="?", metavar="NAME", help="this trouble; without it: a random one")
    which.add_argument("--random", action="store_true", help="a trouble that fits the lab")
    which.add_argument("--list", action="store_true", help="list the troubles")
    break_.add_argument("--seed", type=int, metavar="N", help="repeat the same choice")
    break_.add_argument("--lab")
    verb("hint", "show the next hint", "teach.hint").add_argument("lab", nargs="?")
    grade = verb("grade", "grade a repair or an exercise; exit code 1 if something is left", "teach.grade")
    grade.add_argument("lab", nargs="?")
    phase = verb("phase", "convert the lab to DMVPN phase 1, 2 or 3, and show the differences", "teach.phase")
    phase.add_argument("number", type=int, choices=(1, 2, 3), metavar="1|2|3")
    phase.add_argument("lab", nargs="?")
    save = verb("save", "save running configurations and wiring in a folder for 'lab up'", "teach.save")
    save.add_argument("lab", nargs="?")
    save.add_argument("folder", metavar="DIR")
    save.add_argument("--format", choices=_PROGRAMS, help="files of this program; without it: lab.yaml")
    save.add_argument("--node", metavar="KIND", help="node type of the routers there: dmvpn, iosv, vios, iol, ...")
    save.add_argument("--image", default="", metavar="IMAGE", help="image of the routers there")


def function_of(name: str) -> Callable[[argparse.Namespace, Printer], int]:
    """Return the function `module.function` of this room, which a verb names."""
    module, _, function = name.partition(".")
    found: Callable[[argparse.Namespace, Printer], int] = getattr(import_module(f"dmvpn.app.{module}"), function)
    return found


def run(arguments: argparse.Namespace) -> int:
    """Run a verb; with `--json` its object is all that is printed. Its exit code. Raises UserError."""

    printer = Printer(for_programs=arguments.json)
    code = function_of(arguments.function)(arguments, printer)
    printer.end()
    return code
