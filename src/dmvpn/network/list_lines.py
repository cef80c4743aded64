"""The line of an entry of an access list, found in a configuration as `show running-config` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Entries of `access-list N` have numbers in this step.
_STEP: Final = 10


def entry_line(configuration: Sequence[str], name: str, sequence: int) -> str:
    """Return the words of an entry behind its number, "" if its line is not found."""
    headers = (f"ip access-list extended {name}", f"ip access-list standard {name}")
    for place, line in enumerate(configuration):
        if line in headers:
            return _in_section(configuration[place + 1 :], sequence)
    beginning = f"access-list {name} "
    numbered = [line.removeprefix(beginning) for line in configuration if line.startswith(beginning)]
    place = sequence // _STEP - 1
    return numbered[place] if 0 <= place < len(numbered) else ""


def _in_section(lines: Sequence[str], sequence: int) -> str:
    for line in lines:
        if not line.startswith(" "):
            return ""
        number, _, words = line.strip().partition(" ")
        if number == str(sequence) and not words.startswith("remark"):
            return words
    return ""
