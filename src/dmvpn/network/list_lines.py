"""The line of an entry of an access list: its words, and its place in a text that was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.base.shadows import ListedEntry
    from dmvpn.features.policy.model import AccessEntry
    from dmvpn.network.device import Device

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


def entry_at(device: Device, name: str, entry: AccessEntry | ListedEntry, *, extended: bool) -> tuple[str, ...]:
    """Return the words of the line of an entry, as `Places.find` takes them."""
    numbered = device.numbered_lists.get(name)
    if not numbered:
        header = f"ip access-list {'extended' if extended else 'standard'} {name}"
        return header, f"{entry.sequence} {'permit' if entry.permit else 'deny'}"
    place = entry.sequence // _STEP - 1
    return (numbered[place] if place < len(numbered) else f"access-list {name}",)
