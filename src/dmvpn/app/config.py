"""`dmvpn config check FILE`: does a configuration read, and if not, what IOS would say about which line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from dmvpn.base.effects import ConsoleLine
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import UserError
from dmvpn.base.events import ConfigurationEntered
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.router.router import Router

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dmvpn.ios import ConfigTree
    from dmvpn.shells.scenario import Scenario


def check(files: Iterable[Path]) -> int:
    """Read every file; print problems as `FILE:LINE:` and IOS's own words. 0 if there is no error, else 1."""
    failed = False
    for path in files:
        _, is_good = _examine(path, read(path))
        failed |= not is_good
        if is_good:
            print(f"{path}: good")
    return int(failed)


def tree_of(name: Path | str, text: str) -> ConfigTree:
    """The configuration that a text makes; what is wrong with it is printed. Raises UserError if there are errors."""
    tree, is_good = _examine(name, text)
    if not is_good:
        raise UserError(f"{name} has errors; nothing was changed")
    return tree


def check_scenario(scenario: Scenario) -> None:
    """Read every configuration of a scenario; what is wrong is printed. Raises UserError at the first bad one."""
    for name, text in scenario.configurations.items():
        tree_of(f"{name}.cfg", text)


def not_built(text: str) -> list[str]:
    """What a router with this configuration would say of parts that this release does not have."""
    effects = Router(SeededEntropy(0)).handle(ConfigurationEntered(text), 0.0)
    said = (effect.text.partition("-NOT_BUILT: ") for effect in effects if isinstance(effect, ConsoleLine))
    return [reason for _, mark, reason in said if mark]


def _examine(name: Path | str, text: str) -> tuple[ConfigTree, bool]:
    result = configurator(FEATURES).parse_text(text)
    for problem in result.problems:
        print(f"{name}:{problem.line_number}: in {problem.mode} mode", file=sys.stderr)
        print("\n".join((problem.text, *problem.message_lines)), file=sys.stderr)
    return result.tree, all(problem.is_warning for problem in result.problems)


def read(path: Path) -> str:
    """The text of a file. Raises UserError."""
    try:
        return path.read_text()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: {error}") from error
