"""`dmvpn lint FILE...`: the errors in configurations, each by itself and all together. Exit codes are for CI."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from dmvpn.base.findings import Rule

_EPILOG = """\
files that are named together are one network, and so is each folder; a folder with a lab.yaml (or the name of a
built-in scenario) also says which routers are behind NAT.

exit code: 0 nothing found, or advice alone; 1 warnings or errors (--severity sets the limit); 2 wrong arguments.
a comment allows a finding: `! lint: allow RULE REASON` above a line, `! lint: allow-file RULE REASON`.
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    from argparse import RawDescriptionHelpFormatter

    lint = commands.add_parser(
        "lint",
        help="find errors in configurations, one by one and as a network",
        description="Read configurations and report errors, risks and improvements, with the lines that fix them.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    lint.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="a configuration (- reads standard input), a folder of them, or a scenario",
    )
    lint.add_argument("--format", choices=("text", "json", "sarif"), default="text", help="output format (text)")
    lint.add_argument(
        "--severity",
        choices=("error", "warning", "advice"),
        help="report only findings of this severity or worse, and fail because of them",
    )
    lint.add_argument(
        "--rule", action="append", default=[], metavar="RULE", help="only this rule; may be given several times"
    )
    lint.add_argument("--rules", action="store_true", help="list all rules")
    lint.add_argument("--explain", metavar="RULE", help="explain a rule, with an example")
    lint.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Lint the named files. Returns the exit code."""
    from dmvpn.base.errors import UserError

    try:
        return _run(arguments)
    except UserError as error:
        print(f"dmvpn: {error}", file=sys.stderr)
        return 2


def _run(arguments: argparse.Namespace) -> int:
    from dmvpn.base.errors import UserError
    from dmvpn.base.findings import Severity
    from dmvpn.shells.collecting import uncollected
    from dmvpn.tools.lint import RULES, lint
    from dmvpn.tools.lint.engine import networks
    from dmvpn.tools.lint.report import as_json, as_sarif, as_text, explained, listed

    if arguments.rules:
        print("\n".join(listed(RULES)))
        return 0
    if arguments.explain is not None:
        print("\n".join(explained(_rule(RULES, arguments.explain))))
        return 0
    if not arguments.files:
        raise UserError("lint needs a file, a folder or a scenario (or --rules)")
    wanted = [_rule(RULES, name).id for name in arguments.rule]
    with uncollected():
        findings = [one for given in networks(arguments.files) for one in lint(given.configurations, given.sites)]
    if wanted:
        findings = [one for one in findings if one.rule in wanted]
    threshold = Severity(arguments.severity) if arguments.severity else Severity.WARNING
    if arguments.severity:
        findings = [one for one in findings if one.severity.rank <= threshold.rank]
    findings.sort(key=lambda one: one.severity.rank)
    match arguments.format:
        case "json":
            print(as_json(findings))
        case "sarif":
            print(as_sarif(findings, RULES, os.getcwd()))
        case _:
            print("\n".join(as_text(findings)))
    return int(any(one.severity.rank <= threshold.rank for one in findings))


def _rule(rules: tuple[Rule, ...], name: str) -> Rule:
    from difflib import get_close_matches

    from dmvpn.base.errors import UserError

    found = next((rule for rule in rules if rule.id == name), None)
    if found is None:
        close = get_close_matches(name, [rule.id for rule in rules], n=3)
        raise UserError(
            f"no rule {name}{f': did you mean {chr(32).join(close)}?' if close else ''} (--rules lists them)"
        )
    return found
