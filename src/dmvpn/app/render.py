"""`dmvpn render`: one table of sites -> the configurations of hubs and spokes."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    from dmvpn.tools.render import Keys, Rendered
    from dmvpn.tools.render.writing import Changes

_EPILOG = """\
keys: --keys FILE with the lines `pre_shared_key: ...` and `nhrp_authentication: ...`, or the environment variables
DMVPN_PRE_SHARED_KEY and DMVPN_NHRP_AUTHENTICATION; never in the table
exit code: 0 done, or with --check nothing to do; 1 --check found changes, or lint an error; 2 the table is wrong
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    render = commands.add_parser(
        "render",
        help="make configurations of hubs and spokes from one table of sites",
        description="Make the configurations of all sites of a table, allocate their addresses, and lint the result.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    render.add_argument("table", type=Path, metavar="SITES.YAML")
    render.add_argument("--template", type=Path, metavar="T.J2", help="use this template instead of the built-in one")
    render.add_argument("--keys", type=Path, metavar="FILE", help="the file with the keys, readable by you alone")
    render.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="output folder; without it: beside the table, with its name",
    )
    render.add_argument(
        "--check", action="store_true", help="write nothing, show the changes; exit code 1 if there are any"
    )
    render.add_argument("--lab", action="store_true", help="also make the folder a lab: lab.yaml, hosts, a provider")
    render.add_argument("--up", action="store_true", help="bring that lab up")
    render.add_argument("--simulated", action="store_true", help="with --up: virtual packets")
    render.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Read, allocate, render, compare or write, lint, bring up."""
    from dmvpn.network.lines import check
    from dmvpn.tools.render import DEFAULT, Keys, find_keys, render_sites
    from dmvpn.tools.render.writing import changes

    if (arguments.simulated and not arguments.up) or (arguments.check and arguments.up):
        print("dmvpn: --simulated goes with --up, and --check brings nothing up", file=sys.stderr)
        return 2
    keys = Keys()
    try:
        keys = find_keys(arguments.keys, os.environ)
        rendered = render_sites(
            arguments.table,
            template=arguments.template or DEFAULT,
            keys=keys,
            lab=arguments.lab or arguments.up,
            out=arguments.out,
        )
        for name, text in rendered.configurations.items():
            try:
                check(text, f"{rendered.folder / name}.cfg")
            except UserError as error:
                made = f" (made by {arguments.template})" if arguments.template else ""
                raise UserError(f"{error}{made}; nothing was written") from error
        changed = changes(rendered.folder, rendered.files, rendered.gone)
        lock = changes(rendered.lock.parent, {rendered.lock.name: rendered.lock_text}, [])
        if arguments.check:
            return _check(rendered, keys, changed, lock)
        _write(rendered, changed, lock)
    except UserError as error:
        print(f"dmvpn: {keys.hidden(str(error))}", file=sys.stderr)
        return 2
    new = sum(old is None for old, _ in changed.values())
    gone = sum(text is None for _, text in changed.values())
    counts = ((new, "new"), (len(changed) - new - gone, "changed"), (gone, "removed"))
    said = ", ".join(f"{count} {word}" for count, word in counts if count) or "all as they were"
    print(f"{rendered.folder}: {len(rendered.configurations)} sites; files: {said}")
    if rendered.no_lab:
        print(f"{rendered.folder}: it is no longer a lab: {rendered.no_lab}")
    is_good = _lint(rendered)
    return _bring_up(rendered.folder, arguments) if arguments.up and is_good else int(not is_good)


def _check(rendered: Rendered, keys: Keys, changed: Changes, lock: Changes) -> int:
    """Show the changes without writing them."""
    from dmvpn.tools.render.writing import unified

    for folder, some in ((rendered.lock.parent, lock), (rendered.folder, changed)):
        for line in unified(folder, some):
            print(keys.hidden(line))
    print(f"{len(changed) + len(lock)} files would change" if changed or lock else "nothing would change")
    return int(bool(changed or lock))


def _write(rendered: Rendered, changed: Changes, lock: Changes) -> None:
    """Write the changes. Raises UserError."""
    from dmvpn.tools.render import writing
    from dmvpn.tools.render.writing import changes, refuse_strangers, tighten, write

    refuse_strangers(rendered.folder, changed, rendered.made)
    write(rendered.lock.parent, lock)
    write(rendered.folder, changed)
    tighten(rendered.folder, rendered.files)
    # At the end: after an interruption the old list remains, and the next run adds the new files.
    write(rendered.folder, changes(rendered.folder, {writing.MADE_FILES: rendered.made.text(rendered.files)}, []))


def _lint(rendered: Rendered) -> bool:
    """Print the findings of the linter, equal ones of several files once. Returns False if there is an error."""
    from dmvpn.base.findings import Severity
    from dmvpn.tools.lint import lint
    from dmvpn.tools.lint.report import alike

    findings = lint({f"{rendered.folder / name}.cfg": text for name, text in rendered.configurations.items()})
    for first, *others in alike(findings):
        more = f" and {len(others)} more" if others else ""
        print(f"{first.file}:{first.line}{more}: {first.severity.value}: {first.what} [{first.rule}]")
    if not findings:
        print("lint: no findings")
    return all(finding.severity is not Severity.ERROR for finding in findings)


def _bring_up(folder: Path, arguments: argparse.Namespace) -> int:
    from dmvpn.app import lab_words

    order = argparse.Namespace(
        scenario=str(folder),
        simulated=arguments.simulated,
        web=False,
        function="lab.up",
        name="",
        memory=0,
        engine="auto",
        record=None,
        strict=True,
        json=False,
    )
    return lab_words.run(order)
