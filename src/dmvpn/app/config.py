"""`dmvpn config check FILE`: does a configuration read, and if not, what IOS would say about which line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def check(files: Iterable[Path]) -> int:
    """Read every file; print problems as `FILE:LINE:` and IOS's own words. 0 if there is no error, else 1."""
    failed = False
    for path in files:
        result = configurator(FEATURES).parse_text(read(path))
        for problem in result.problems:
            failed |= not problem.is_warning
            print(f"{path}:{problem.line_number}: in {problem.mode} mode", file=sys.stderr)
            print("\n".join((problem.text, *problem.message_lines)), file=sys.stderr)
        if not any(not problem.is_warning for problem in result.problems):
            print(f"{path}: good")
    return int(failed)


def read(path: Path) -> str:
    """The text of a file. Raises UserError."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {error}") from error
