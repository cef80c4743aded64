"""A walk as text of 100 columns, and as JSON. One decision a line; octets are at the right."""

from __future__ import annotations

import enum
import json
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from dmvpn.base.translation import TCP
from dmvpn.tools.walk import wording
from dmvpn.tools.walk.values import Act, WalkOutcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.walk.values import Budget, Question, Step, Walk, WalkedPath

#: Columns: of the whole, and of each of the two numbers.
WIDTH: Final = 100
_NUMBER: Final = 7
#: Steps whose clause is said to people, too.
_EXPLAINED: Final = (Act.CUT, Act.END)
_VERDICTS: Final = {
    WalkOutcome.DELIVERED: "delivered",
    WalkOutcome.DROPPED: "DROPPED",
    WalkOutcome.LOOP: "A LOOP",
    WalkOutcome.UNSEEN: "out of view",
}


def as_json(walk: Walk) -> str:
    """Return the walk for programs: the fields are those of `Walk`."""
    return json.dumps(asdict(walk), default=_plain, indent=2)


def _plain(value: object) -> object:
    return value.value if isinstance(value, enum.Enum) else str(value)


def as_text(walk: Walk) -> Iterator[str]:
    """Yield the walk for people."""
    yield from _path(walk.forth)
    yield from _budget(walk.budget)
    if walk.back is not None and walk.back_budget is not None:
        yield ""
        yield from _path(walk.back)
        yield from _budget(walk.back_budget)
    if walk.back is not None:
        yield ""
        if walk.differs:
            yield from _said("", f"the two directions differ: {walk.differs}")
        else:
            unseen = WalkOutcome.UNSEEN in (walk.forth.end.outcome, walk.back.end.outcome)
            yield "both directions take the same way" + (", as far as it can be seen" if unseen else "")


def _path(path: WalkedPath) -> Iterator[str]:
    asked, end = path.question, path.end
    kind = "must not be cut (DF)" if asked.df else "may be cut"
    head = f"{asked.source} -> {asked.destination}, {_service(asked)}{asked.size} octets, {kind}"
    yield f"{head:<{WIDTH - 2 * _NUMBER}}{'octets':>{_NUMBER}}{'left':>{_NUMBER}}"
    width = max((len(step.where) for step in path.steps), default=0)
    before: Step | None = None
    for step in path.steps:
        yield from _step(step, before, width)
        before = step
    yield from _said("", f"{_VERDICTS[end.outcome]} at {end.where}" + (f": {end.why}" if end.why else ""))


def _service(asked: Question) -> str:
    """Return "TCP to port 443, ", "" for an echo."""
    if not asked.protocol:
        return ""
    name = "TCP" if asked.protocol == TCP else "UDP"
    return f"{name} from port {asked.ports[0]}, " if asked.answers else f"{name} to port {asked.ports[1]}, "


def _step(step: Step, before: Step | None, width: int) -> Iterator[str]:
    """Yield a step: names and octets are said where they are other ones than a line above; clauses where something goes
    wrong.
    """
    where = "" if before is not None and step.where == before.where else step.where
    indent = f"{'':<{width}}  " + "  " * step.depth
    label = f"{where:<{width}}  " + "  " * step.depth
    because = "; ".join(part for part in (step.because, step.clause if step.act in _EXPLAINED else "") if part)
    text = f"{step.what} ({because})" if because else step.what
    changed = step.left is not None or before is None or before.octets != step.octets
    octets = "" if step.octets is None or not changed else str(step.octets)
    left = "" if step.left is None else str(step.left)
    room = WIDTH - 2 * _NUMBER - 1 if octets else WIDTH
    first, *rest = textwrap.wrap(text, room, initial_indent=label, subsequent_indent=indent + "  ")
    yield f"{first:<{WIDTH - 2 * _NUMBER}}{octets:>{_NUMBER}}{left:>{_NUMBER}}".rstrip()
    yield from rest


def _budget(found: Budget) -> Iterator[str]:
    if found.whole is None:
        return
    text = f"in one piece: up to {found.whole} octets"
    yield from _said("  ", text + (f"; one more is too many for {found.limit}" if found.limit else ""))
    if found.with_df is not None:
        yield from _said("  ", _with_df(found))
    if found.mss is not None:
        yield from _said("  ", _tcp(found))


def _with_df(found: Budget) -> str:
    text = f"with DF: up to {found.with_df}"
    if found.refusal is not None:
        text += f"; of larger ones {wording.refusal(found.refusal)}"
    if found.later_mtu is not None:
        text += f"; after the first, whoever wraps them says {found.later_mtu} itself"
    return text


def _tcp(found: Budget) -> str:
    places = ", ".join(f"{clamp.interface} of {clamp.where}" for clamp in found.clamps)
    text = f"TCP: segments of {found.mss}" + (f", because of {places}" if places else "; nobody clamps them")
    return text


def _said(indent: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")
