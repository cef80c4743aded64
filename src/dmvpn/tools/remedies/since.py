"""The difference to the last configurations that were good: which part of it has to be taken back.

    hunks        the difference of two networks, line by line: what came is removed, what went comes back
    in_order     lists whose entries are in another order than before: they are typed again
    taken_back   the configurations with some of these hunks
    harmed       the pairs of LANs that do worse now than in a copy of the earlier network

Secrets of the earlier configurations are entered in copies, and are in no line that is shown.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.ios.differences import differences
from dmvpn.network.lines import Lines, lines_after, tree_of
from dmvpn.tools.remedies.affected_pairs import AffectedPairs, Harm, escapes, is_smaller
from dmvpn.tools.remedies.changes import RouterChange, command_of, leaves

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dmvpn.ios.differences import Difference
    from dmvpn.tools.diff.behavior import LanPair, Talk
    from dmvpn.tools.remedies.changes import ChangedLine

#: Splits an entry of a list behind its name.
_ENTRY: Final = re.compile(r" (?=(?:permit|deny)\b)")


def hunks(now: Mapping[str, str], good: Mapping[str, str]) -> list[RouterChange]:
    """Return the changes that make the earlier configurations of the present ones: of a router first the removals.

    A line that came in the place of another one of its command goes back with it: either alone may help by chance.
    """
    return [change for name, text in now.items() if name in good for change in _of_router(name, text, good[name])]


def _of_router(router: str, now: str, good: str) -> list[RouterChange]:
    before, after = tree_of(now), tree_of(good)
    both = zip(differences(before, after), differences(before, after, hide=True), strict=True)
    found: list[RouterChange] = []
    commands: dict[tuple[tuple[str, ...], str], int] = {}
    for real, bare in sorted(both, key=lambda one: one[0].came):
        if real.came or real.undone:
            lines, typed, shown = tuple(leaves(bare.lines, bare.within)), _typed(real), _typed(bare)
            command = (real.within, command_of(real.lines[0]))
            if not real.came:
                commands.setdefault(command, len(found))
                found.append(RouterChange(router, gone=lines, typed=typed, shown=shown))
            elif (number := commands.pop(command, None)) is not None:
                gone = found[number]
                inside = slice(len(real.within), None)  # the section is open already
                typed, shown = (*gone.typed, *typed[inside]), (*gone.shown, *shown[inside])
                found[number] = RouterChange(router, gone=gone.gone, new=lines, typed=typed, shown=shown)
            else:
                found.append(RouterChange(router, new=lines, typed=typed, shown=shown))
    return found


def _typed(one: Difference) -> tuple[str, ...]:
    return (*one.within, *((line.strip() for line in one.lines) if one.came else (one.undone,)))


def in_order(
    now: Mapping[str, str], good: Mapping[str, str], changes: Iterable[RouterChange]
) -> Iterator[RouterChange]:
    """Yield lists and sections whose lines are in another order than before, even with all changes, typed again.

    Entries without numbers come in the order in which they were typed.
    """
    for name, text in taken_back(now, changes).items():
        if name in good:
            there, ordered, wanted = map(_by_command, (now[name], text, good[name]))
            for command, lines in wanted.items():
                if lines != ordered.get(command) and not any(one.is_secret for one in lines):
                    change = RouterChange(name, gone=tuple(there.get(command, ())), new=tuple(lines))
                    yield replace(change, typed=change.lines, shown=change.lines)


def _by_command(text: str) -> dict[tuple[tuple[str, ...], str], list[ChangedLine]]:
    """Return the entries of lists, and the lines in sections, by section and command."""
    found: dict[tuple[tuple[str, ...], str], list[ChangedLine]] = {}
    for line in leaves(Lines.of(text).lines):
        command = _ENTRY.split(line.text)[0]
        if line.path or command != line.text:
            found.setdefault((line.path, command if command != line.text else line.text.split()[0]), []).append(line)
    return found


def taken_back(texts: Mapping[str, str], changes: Iterable[RouterChange]) -> dict[str, str]:
    """Return the configurations with these changes, as far as a router takes them."""
    now = dict(texts)
    for change in changes:
        try:
            now[change.router] = "\n".join([*lines_after(now[change.router], change.lines), "end", ""])
        except UserError:
            continue
    return now


def harmed(now: Mapping[LanPair, Talk], good: Mapping[LanPair, Talk]) -> AffectedPairs:
    """Return the pairs that do worse than before."""
    pairs: dict[LanPair, Harm] = {}
    sizes: dict[LanPair, tuple[int, int]] = {}
    for pair, talk in now.items():
        before = good.get(pair)
        lost = [harm for harm in escapes(before) if harm not in escapes(talk)] if before is not None else []
        if lost:
            pairs[pair] = lost[0]
        elif before is not None and before.mtu is not None and before.mss is not None:
            usual = (before.mtu, before.mss)
            if is_smaller(talk, usual):
                pairs[pair], sizes[pair] = Harm.SMALL, usual
    return AffectedPairs(pairs, sizes)
