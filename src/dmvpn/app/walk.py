"""`dmvpn walk SRC DST`: the way of one packet, decision by decision. Nothing is sent."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from dmvpn.app.words import whole
from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    from dmvpn.shells.facts import LabFacts

_SMALLEST, _LARGEST = 28, 65_535
_EPILOG = """\
examples:
  dmvpn walk H3 H4                           hosts of the lab that is up
  dmvpn walk H3 10.4.4.1 --size 1500 --df    where does it end, and which error does H3 get?
  dmvpn walk R31 R41                         a packet of the router's own
  dmvpn walk 10.3.3.7 10.4.4.7 --from R31    it begins at R31
  dmvpn walk H3 H4 --tcp 443                 what access lists do with a connection to port 443
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    walk = commands.add_parser(
        "walk",
        help="show the path of one packet: routes, NHRP, GRE, ESP, underlay, and the octets left to the MTU",
        description="Show the path of one packet and of its answer, from the routers' current tables. Nothing is sent.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    walk.add_argument("source", metavar="SRC", help="an address, a host or a router ([LAB/]NODE)")
    walk.add_argument("destination", metavar="DST", help="the same")
    walk.add_argument(
        "--from", dest="start", default="", metavar="ROUTER", help="the first router (without it: that of SRC)"
    )
    walk.add_argument(
        "--size",
        type=whole(_SMALLEST, _LARGEST, "octets"),
        default=100,
        metavar="N",
        help="octets of the whole IP packet (100)",
    )
    walk.add_argument("--df", action="store_true", help="set Don't Fragment")
    service = walk.add_mutually_exclusive_group()
    for name in ("tcp", "udp"):
        what = f"the first packet of {name.upper()} to this port, and its answer (an echo)"
        service.add_argument(f"--{name}", type=whole(1, 65_535, "a port"), metavar="PORT", help=what)
    walk.add_argument("--json", action="store_true", help="print JSON")
    walk.add_argument("--lab", help="the lab, if several are up")
    walk.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Print it; 1 if the packet, or its answer, does not arrive."""
    from dmvpn.tools.walk import WalkOutcome, as_json, as_text, walk

    _take_lab(arguments)
    walked = walk(
        _facts(arguments),
        arguments.source,
        arguments.destination,
        start=arguments.start,
        size=arguments.size,
        df=arguments.df,
        service=_service(arguments),
    )
    print(as_json(walked) if arguments.json else "\n".join(as_text(walked)))
    paths = (walked.forth, walked.back)
    return int(any(path is not None and path.end.outcome in (WalkOutcome.DROPPED, WalkOutcome.LOOP) for path in paths))


def _take_lab(arguments: argparse.Namespace) -> None:
    """Take the lab of `LAB/NODE` as that of `--lab`. Raises UserError."""
    for key in ("source", "destination", "start"):
        lab, slash, node = (getattr(arguments, key) or "").rpartition("/")
        if slash and arguments.lab not in (None, lab):
            raise UserError(f"a packet stays in one lab: {arguments.lab} and {lab} are two")
        if slash:
            arguments.lab = lab
            setattr(arguments, key, node)


def _service(arguments: argparse.Namespace) -> tuple[int, int] | None:
    from dmvpn.base.translation import TCP, UDP

    if arguments.tcp is not None:
        return TCP, arguments.tcp
    return None if arguments.udp is None else (UDP, arguments.udp)


def _facts(arguments: argparse.Namespace) -> LabFacts:
    from dmvpn.labs import orders
    from dmvpn.shells.lab.places import find_lab

    ends = (arguments.source, arguments.destination, arguments.start)
    nodes = [end for end in ends if end[:1].isalpha() and ":" not in end]  # all other ends are addresses
    folder = find_lab(
        arguments.lab,
        lambda name: shlex.join(["dmvpn", "walk", arguments.source, arguments.destination, "--lab", name]),
        nodes,
    )
    return orders.facts(folder)
