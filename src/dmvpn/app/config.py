"""`dmvpn config check FILE`: whether a configuration is valid, and the message of IOS for each line that is not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.ios import ConfigResult, Configurator, Fate
from dmvpn.ios.config_line import UNKNOWN
from dmvpn.labs import unsupported_lines
from dmvpn.router.entered_text import EnteredText, hold, put_in, report, take_in
from dmvpn.shells.collecting import uncollected
from dmvpn.shells.router_files import read_routers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dmvpn.ios.parts import RouterText
    from dmvpn.shells.scenario import Scenario


def check(files: Iterable[Path]) -> int:
    """Read every file; print problems as `FILE:LINE:` and IOS's own words. 0 if there is no error, else 1."""
    failed = False
    for path in files:
        with uncollected():
            parts = read_routers(path)
            for part in parts:
                failed |= not _check(path, part, is_only=len(parts) == 1)
    return int(failed)


def _check(path: Path, part: RouterText, *, is_only: bool) -> bool:
    """Print the result for one router. True: no errors."""
    entered = take_in(part.text)
    is_good = _print_problems(path, entered.result)
    whose = f"{path}" if is_only else f"{path}: {part.name}"
    asks = "; 'dmvpn run' starts only with --without for the lines left out" if not entered.is_whole else ""
    if is_good or not is_only:
        print(f"{whose}: good{asks}" if is_good else f"{whose}: has errors")
    for line in (*report(entered, fates=(Fate.LEFT_OUT, Fate.KEPT)), *unsupported_lines.not_built(entered.tree)):
        print(f"  {line}")
    if said := put_in(entered.result):
        print(f"  {said}")
    return is_good


def startable(name: Path | str, text: str, without: Iterable[str], language: Configurator) -> EnteredText:
    """Return the configuration that a router of this machine may start with. Raises UserError.

    without: lines that restrict or divert traffic, and that the user agreed to leave out. language: of this machine.
    """
    result, is_good = examine(name, text, language)
    if not is_good:
        raise UserError(f"{name} has errors; nothing was changed")
    unsupported_lines.refuse_left_out(name, result, without)
    unknown = [entry for entry in result.entries if entry.group is UNKNOWN]
    for entry in unknown[: unsupported_lines.MOST_PROBLEMS]:
        print(f"{name}:{entry.number}: kept, but unknown here: {entry.shown}", file=sys.stderr)
    if said := put_in(result):
        print(f"{name}: {said}", file=sys.stderr)
    return hold(result, text)


def check_scenario(scenario: Scenario, *, strict: bool = False) -> list[str]:
    """Read every configuration of a scenario, and print the lines that are left out.

    Returns the tunnels that stay down because of them. strict: raises UserError at the first line that is refused, or
    would restrict or divert traffic.
    """
    held: list[str] = []
    for found in unsupported_lines.left_out(scenario, strict=strict):
        if isinstance(found, unsupported_lines.StaysDown):
            held.append(found.text)
        else:
            print(found.text, file=sys.stderr)
    return held


def examine(name: Path | str, text: str, language: Configurator) -> tuple[ConfigResult, bool]:
    """Read a configuration and print its problems, `MOST_PROBLEMS` at most. True: no errors."""
    result = language.parse_text(text)
    return result, _print_problems(name, result)


def _print_problems(name: Path | str, result: ConfigResult) -> bool:
    """Print the problems, and return whether there is no error among them."""
    for line in unsupported_lines.problem_lines(name, result):
        print(line, file=sys.stderr)
    return unsupported_lines.is_valid(result)
