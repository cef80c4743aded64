"""Sequence numbers of lists: an entry that is entered without one gets the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.ios import Args


def numbered(args: Args, entries: Iterable[Args], step: int) -> Args:
    """The entry with its sequence number: its own, that of an equal entry, or the next multiple of `step`."""
    if "sequence" in args.values_given:
        return args
    present = list(entries)
    equal = next((entry for entry in present if args.agrees_with(entry) and len(entry) == len(args) + 1), None)
    if equal is not None:
        return equal
    last = max((entry.integer("sequence") for entry in present), default=0)
    return args.having(sequence=last - last % step + step)


def is_taken(args: Args, entries: Iterable[Args]) -> bool:
    """Has another entry this sequence number?"""
    number = args.integer("sequence")
    return any(entry.integer("sequence") == number and entry != args for entry in entries)
