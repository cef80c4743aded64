"""What stands on the ladder of `dmvpn lab watch`, as words that can be explained."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation, Group, Kind

_ARROWS = Group(
    title="arrows of the ladder",
    kind=Kind.FLAG,
    screens=("dmvpn lab watch",),
    rank=64,
    next="show dmvpn events (on the sender)",
    sighting="(─▶|◀─|═▶|◀═|─\N{BOX DRAWINGS LIGHT DIAGONAL CROSS}|\N{BOX DRAWINGS LIGHT DIAGONAL CROSS}─)",
    mark=r"─▶ sent",
    explanations=(
        Explanation("─▶", "A message from one router to the other.", also=("◀─",)),
        Explanation("═▶", "A message passed on: it came from a third router, and is for a fourth.", also=("◀═",)),
        Explanation(
            "─\N{BOX DRAWINGS LIGHT DIAGONAL CROSS}",
            "A message that nobody saw arrive.",
            "It was lost or filtered on the way, the receiver dropped it or does not run, or it is not in view.",
            also=("\N{BOX DRAWINGS LIGHT DIAGONAL CROSS}─",),
        ),
    ),
)

GROUPS: Final = (_ARROWS,)
