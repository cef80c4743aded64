"""A whole walk: both directions, their packet sizes, and their differences. A pure function of facts and a question."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.tools.walk.budget import budget, walked, with_mss
from dmvpn.tools.walk.ends import question
from dmvpn.tools.walk.values import Question, Walk, WalkOutcome
from dmvpn.tools.walk.view import View

if TYPE_CHECKING:
    from dmvpn.shells.facts import LabFacts
    from dmvpn.tools.walk.values import WalkedPath


#: The port of a client.
_CLIENT: Final = 49152


def walk(
    lab: LabFacts,
    source: str,
    destination: str,
    *,
    start: str = "",
    size: int = 100,
    df: bool = False,
    service: tuple[int, int] | None = None,
) -> Walk:
    """Return the paths of a packet of `size` octets and of its answer. df: the DF bit. Raises UserError.

    service: TCP or UDP, by its number, and the port at the destination; None: an echo.
    """
    view = View(lab)
    asked = question(view, source, destination, start=start, size=size, df=df)
    if service is not None:
        asked = replace(asked, protocol=service[0], ports=(_CLIENT, service[1]))
    forth, translated = walked(view, asked)
    there = budget(view, asked)
    version = asked.destination.version
    answer = _answer(forth)
    if answer is None:
        return Walk(forth=forth, budget=with_mss(there, version, forth.clamps))
    back, _ = walked(view, answer, translated)
    clamps = (*forth.clamps, *back.clamps)
    return Walk(
        forth=forth,
        back=back,
        budget=with_mss(there, version, clamps),
        back_budget=with_mss(budget(view, answer, translated), version, clamps),
        differs=_difference(forth, back),
    )


def _answer(forth: WalkedPath) -> Question | None:
    """Return the answer to the source address that the receiver saw; None if the packet was not delivered."""
    asked, end = forth.question, forth.end
    if end.outcome is not WalkOutcome.DELIVERED or end.source is None or asked.source == asked.destination:
        return None
    return Question(
        source=asked.destination,
        destination=end.source,
        start=end.where,
        size=asked.size,
        df=asked.df,
        protocol=asked.protocol,
        ports=(asked.ports[1], asked.ports[0]),
        answers=True,
    )


def _difference(forth: WalkedPath, back: WalkedPath) -> str:
    """Return how the path of the answer differs, "" if it is the same."""
    there, here = _hops(forth), _hops(back)
    if here == there[::-1]:
        return ""
    return f"forth by {' > '.join(there)}; back by {' > '.join(here)}"


def _hops(path: WalkedPath) -> list[str]:
    """Return the routers and hosts that handled the packet itself, not a tunnel packet around it."""
    found = [step.where for step in path.steps if step.depth == 0]
    return [name for place, name in enumerate(found) if place == 0 or found[place - 1] != name]
