"""`dmvpn diff`: what would change if these configurations ran in place of those."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.app.words import add_pool, add_progress, from_zero, load_network, whole
from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    import argparse

    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.diff.comparison import Comparison

_DESCRIPTION = """\
Bring both networks up in virtual time and report changes: which sites reach each other, paths, packet sizes, delays,
what the death of a hub costs, what the linter says, and which packets are lost while the change is made.
"""
#: From so many routers on, processes of their own save more time than it takes to start them.
_MANY: Final = 12
_EPILOG = "exit code: 0 nothing gets worse, 1 something does, 2 the comparison failed"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    diff = commands.add_parser(
        "diff",
        help="show what a change would do to a network, before you make it",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    network = "a folder, or a built-in scenario"
    diff.add_argument("--before", required=True, metavar="DIR", help=f"the network as it is: {network}")
    after = diff.add_mutually_exclusive_group(required=True)
    after.add_argument("--after", metavar="DIR", help=f"as it would be: {network}")
    after.add_argument(
        "--each", metavar="DIR", help="compare many candidates, each a folder in this folder: a table of verdicts"
    )
    diff.add_argument(
        "--spokes",
        type=whole(1, 20_000, "a number of spokes"),
        metavar="N",
        help="multiply the spokes of both sides to N",
    )
    diff.add_argument("--seed", type=int, default=1, metavar="N")
    diff.add_argument(
        "--order",
        choices=("together", "hubs-first", "spokes-first", "none"),
        default="together",
        help="the order in which routers get the change; none: skip this test",
    )
    diff.add_argument(
        "--max-outage",
        type=from_zero("seconds,"),
        metavar="S",
        help="worse if the change interrupts a pair of LANs for more than S seconds",
    )
    diff.add_argument("--json", action="store_true", help="print the changes and all measurements as JSON")
    diff.add_argument(
        "--html",
        type=Path,
        metavar="FILE.html",
        help="write both networks side by side, with the changes, for a browser",
    )
    add_progress(diff)
    add_pool(diff.add_argument, "--each")
    diff.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Load, measure, compare, print."""
    try:
        if arguments.max_outage is not None and arguments.order == "none":
            raise UserError("--max-outage measures the change, which --order none skips: name an order")
        if arguments.each is not None and arguments.html is not None:
            raise UserError("--html needs --after")
        if arguments.each is not None:
            from dmvpn.app.diff_each import run_each

            return run_each(arguments)
        if arguments.jobs is not None or arguments.on is not None or arguments.results is not None:
            raise UserError("--results, --jobs and --on go with --each")
        if arguments.html is not None:
            from dmvpn.app.drawing import spare

            spare(arguments.html)
        before, after = load_network(arguments.before), load_network(arguments.after)
        for side, scenario in (("before", before), ("after", after)):
            for note in scenario.notes:
                print(f"note: {side}: {note}", file=sys.stderr)
        if arguments.spokes is not None:
            from dmvpn.shells.simulator.multiply import multiply

            before, after = multiply((before, after), arguments.spokes)
        comparison = comparison_of(before, after, arguments)
    except UserError as error:
        print(f"dmvpn: {error}", file=sys.stderr)
        return 2
    from dmvpn.tools.diff.comparison import as_json, as_text

    if arguments.html is not None:
        _write_page(arguments.html, comparison, before, after)
    if arguments.json:
        import json

        print(json.dumps(as_json(comparison), indent=2))
    else:
        for side, given, scenario in (("before", arguments.before, before), ("after", arguments.after, after)):
            print(f"{side + ':':<8}{given}, {len(scenario.configurations)} routers")
        print(*as_text(comparison), sep="\n")
    if arguments.max_outage is not None and comparison.migration is not None and comparison.migration.untried:
        limit = f"--max-outage {arguments.max_outage:g}"
        print(f"dmvpn: {limit} could not be checked: {comparison.migration.untried}", file=sys.stderr)
        return 2
    return int(comparison.is_worse)


def _write_page(file: Path, comparison: Comparison, before: Scenario, after: Scenario) -> None:
    """Write both networks side by side. Raises OSError."""
    from dmvpn.labs.compared import compared
    from dmvpn.tools.diff.comparison import as_text
    from dmvpn.web.exported import as_comparison

    *_, verdict = as_text(comparison)
    page = as_comparison(compared(comparison, before, after, verdict))
    file.write_text(page, encoding="utf-8")
    print(f"{file}: {len(page.encode()) / 1e6:.1f} MB, for any browser", file=sys.stderr)


def comparison_of(before: Scenario, after: Scenario, arguments: argparse.Namespace) -> Comparison:
    from dmvpn.app.progress import Progress
    from dmvpn.tools.diff.comparison import compare_networks

    with Progress.of(arguments) as progress:
        return compare_networks(
            before,
            after,
            seed=arguments.seed,
            order=None if arguments.order == "none" else arguments.order,
            max_outage=arguments.max_outage,
            stage=progress.tell,
            beside=len(before.configurations) >= _MANY and (os.cpu_count() or 1) > 1,
        )
