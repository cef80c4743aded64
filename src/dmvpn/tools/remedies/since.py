"""The difference to the last configurations that were good: which part of it has to be taken back.

    hunks        the difference of two networks, line by line: what came is removed, what went comes back
    taken_back   the configurations with some of these hunks
    harmed       the pairs of LANs that do worse now than in a copy of the earlier network

Secrets of the earlier configurations are entered in copies, and are in no line that is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.ios.differences import differences
from dmvpn.network.lines import lines_after, tree_of
from dmvpn.tools.remedies.changes import RouterChange, leaves
from dmvpn.tools.remedies.suffering import Harm, Suffering, escapes, is_smaller

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dmvpn.ios.differences import Difference
    from dmvpn.tools.diff.behavior import LanPair, Talk


def hunks(now: Mapping[str, str], good: Mapping[str, str]) -> list[RouterChange]:
    """Return the changes that make the earlier configurations of the present ones: of a router first the removals."""
    return [change for name, text in now.items() if name in good for change in _of_router(name, text, good[name])]


def _of_router(router: str, now: str, good: str) -> Iterator[RouterChange]:
    before, after = tree_of(now), tree_of(good)
    both = zip(differences(before, after), differences(before, after, hide=True), strict=True)
    for real, bare in sorted(both, key=lambda one: one[0].came):
        if real.came or real.undone:
            lines = tuple(leaves(bare.lines, bare.within))
            yield RouterChange(
                router,
                gone=() if bare.came else lines,
                new=lines if bare.came else (),
                typed=_typed(real),
                shown=_typed(bare),
            )


def _typed(one: Difference) -> tuple[str, ...]:
    return (*one.within, *((line.strip() for line in one.lines) if one.came else (one.undone,)))


def taken_back(texts: Mapping[str, str], changes: Iterable[RouterChange]) -> dict[str, str]:
    """Return the configurations with these changes, as far as a router takes them."""
    now = dict(texts)
    for change in changes:
        try:
            now[change.router] = "\n".join([*lines_after(now[change.router], change.lines), "end", ""])
        except UserError:
            continue
    return now


def harmed(now: Mapping[LanPair, Talk], good: Mapping[LanPair, Talk]) -> Suffering:
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
    return Suffering(pairs, sizes)
