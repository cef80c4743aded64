"""The packet sizes that a path carries: found by walks with packets of many sizes, so that the two cannot differ."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.tools.walk.ground import ETHERNET
from dmvpn.tools.walk.overlay import Overlay
from dmvpn.tools.walk.values import Act, Budget, WalkedPath, WalkOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.facts import Address
    from dmvpn.tools.walk.values import Clamp, Question, Station
    from dmvpn.tools.walk.view import View

#: Octets of the smallest packet that is tried: a header and a little of UDP or ICMP.
_SMALLEST: Final = 28
#: Octets of the headers of IP and TCP, by IP version.
_HEADERS: Final = {4: 40, 6: 60}

Translated = dict[tuple[str, "Address"], "Station"]


def walked(view: View, question: Question, translated: Translated | None = None) -> tuple[WalkedPath, Translated]:
    """Return the walk in one direction, and the inside address for answers at each translator on the way."""
    walker = Overlay(view, translated)
    end = walker.go(question)
    path = WalkedPath(
        question=question,
        steps=tuple(walker.steps),
        crossings=tuple(walker.crossings),
        end=end,
        clamps=tuple(walker.clamps),
    )
    return path, walker.translated


def budget(view: View, question: Question, translated: Translated | None = None) -> Budget:
    """Return the packet sizes that pass in this direction."""

    def attempt(size: int, *, df: bool) -> WalkedPath:
        return walked(view, replace(question, size=size, df=df), translated)[0]

    def is_whole(size: int) -> bool:
        path = attempt(size, df=False)
        return _arrives(path) and not any(step.act is Act.CUT for step in path.steps)

    def passes_with_df(size: int) -> bool:
        return _arrives(attempt(size, df=True))

    left = [step.left for step in attempt(_SMALLEST, df=False).steps if step.left is not None]
    whole = _largest(is_whole, _SMALLEST + min(left, default=0))
    with_df = _largest(passes_with_df, whole or _SMALLEST)
    limit = ""
    if whole is not None and whole < ETHERNET:
        longer = attempt(whole + 1, df=False)
        limit = _limit(longer)
    if with_df is None or with_df >= ETHERNET:
        return Budget(whole=whole, limit=limit, with_df=with_df)
    refused = attempt(with_df + 1, df=True).end
    return Budget(whole=whole, limit=limit, with_df=with_df, refusal=refused.refusal, later_mtu=refused.later_mtu)


def with_mss(found: Budget, version: int, clamps: tuple[Clamp, ...]) -> Budget:
    """Return the budget with the TCP maximum segment size.

    Both SYNs pass interfaces that clamp it; either end has a wire of 1500 octets.
    """
    own = ETHERNET - _HEADERS[version]
    mss = min([own, *(clamp.mss for clamp in clamps)])
    because = tuple(dict.fromkeys(clamp for clamp in clamps if clamp.mss == mss and mss < own))
    return replace(found, mss=mss, clamps=because)


def _arrives(path: WalkedPath) -> bool:
    """Return whether it arrives, as far as can be seen."""
    return path.end.outcome in (WalkOutcome.DELIVERED, WalkOutcome.UNSEEN)


def _limit(path: WalkedPath) -> str:
    """Return the place where a packet is first fragmented, or dropped."""
    for number, step in enumerate(path.steps):
        if step.act in (Act.CUT, Act.END):
            before = next((it.what for it in reversed(path.steps[:number]) if it.act is Act.PORT), "")
            return f"{step.where}: {before}" if before else step.where
    return ""


def _largest(fits: Callable[[int], bool], guess: int) -> int | None:
    """Return the largest size that fits, as all smaller sizes do; None if none fits. guess: a likely size."""
    if not fits(_SMALLEST):
        return None
    low, high = _SMALLEST, ETHERNET + 1
    size, step = guess, 1
    while high - low > 1:
        if not low < size < high:
            size = (low + high) // 2
        if fits(size):
            low, size = size, size + step
        else:
            high, size = size, size - step
        step *= 2
    return low
