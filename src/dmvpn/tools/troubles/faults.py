"""Faults: a trouble at a place. `lab break` draws from them, and the doctor is judged by them.

A trouble describes a change to "a spoke"; a place says which router that spoke is, and which are its hub and the other
spoke. `faults(stage)` are all faults of a network, in an order that depends on the network alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import below
from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.troubles import model
from dmvpn.tools.troubles.lines import copied, exchanged, removed
from dmvpn.tools.troubles.model import Role
from dmvpn.tools.troubles.orders import Impair, Order, orders_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.base.causes import Cause
    from dmvpn.base.entropy import Entropy
    from dmvpn.tools.troubles.model import Trouble
    from dmvpn.tools.troubles.stage import Stage

#: Of a draw: how often what fits nowhere is drawn again, and how many troubles the lines of routers count for.
_TRIES, _LINES = 400, 30
#: The roles that a place gives to routers.
_PLACED: Final = (Role.SPOKE, Role.OTHER, Role.HUB)


@dataclass(frozen=True, slots=True)
class Fault:
    """trouble; stage: the routers that take part; orders: the changes to make."""

    trouble: Trouble
    stage: Stage
    orders: tuple[Order, ...]

    @property
    def id(self) -> str:
        """The trouble and its place: "psk@R31,R41,R11"."""
        return f"{self.trouble.id}@{self.place}"

    @property
    def place(self) -> str:
        """The routers that take part: "R31,R41,R11"."""
        return place_name(self.stage)

    def is_named(self, cause: Cause, router: str) -> bool:
        """Return whether a finding names one of the causes of the class, at one of its places."""
        places = [self.stage.parts[part] for part in self.trouble.parts if part in self.stage.parts]
        return cause in self.trouble.causes and router in (*places, *self._on_the_wire)

    @property
    def _on_the_wire(self) -> Iterator[str]:
        """Yield the routers on a bad wire with more than two ends: any of them may be named for it."""
        for order in self.orders:
            if isinstance(order, Impair):
                others = self.stage.wires.get(Scenario.end(order.link), ())
                if len(others) > 1:
                    yield from (name for name, _ in others if self.stage.scenario.role(name) != "provider")


def place_name(stage: Stage) -> str:
    """Return the spoke, the other one and the hub."""
    return ",".join(stage.parts[part] for part in _PLACED)


def places(stage: Stage) -> Iterator[Stage]:
    """Yield places: each spoke with each other spoke and hub; then each hub in the role of the spoke."""
    for spoke in stage.spokes:
        for other in _others(stage.spokes, spoke):
            for hub in stage.hubs:
                yield stage.cast(hub, spoke, other)
    for hub in stage.hubs:
        for spoke in stage.spokes[:1]:
            yield stage.cast(spoke, hub, _others(stage.spokes, spoke)[0])


def _others(names: Sequence[str], name: str) -> tuple[str, ...]:
    return tuple(one for one in names if one != name) or (name,)


def fault(trouble: Trouble, stage: Stage) -> Fault | None:
    """Return the trouble at this place, or None: it does not fit, or says "the hub" where a hub plays the spoke."""
    if stage.parts[Role.SPOKE] in stage.hubs and not _is_of_one(trouble):
        return None
    try:
        return Fault(trouble, stage, orders_for(trouble, stage))
    except UserError:
        return None


def _is_of_one(trouble: Trouble) -> bool:
    """Return whether the trouble concerns a single router: its acts name no other role."""
    texts = [text for act in trouble.acts for text in model.texts(act)]
    if any(isinstance(act, model.Renumber) for act in trouble.acts):
        return False  # all clients of a hub would have to hear of it
    if any(isinstance(act, model.Differ) and act.table.names_peer for act in trouble.acts):
        return False
    alone = all(act.part is Role.SPOKE for act in trouble.acts if not isinstance(act, model.Command))
    return alone and not any("{hub." in text or "{other." in text for text in texts)


def faults(troubles: Sequence[Trouble], stage: Stage) -> Iterator[Fault]:
    """Yield each of these at each place that it fits. Two places where the same would be done are one."""
    done: dict[tuple[Order, ...], None] = {}
    for place in places(stage):
        for known in troubles:
            found = fault(known, place)
            if found is not None and found.orders not in done:
                done[found.orders] = None
                yield found


def draw(troubles: Sequence[Trouble], stage: Stage, entropy: Entropy) -> Fault:
    """Return one of these anywhere, or what may happen to any line. Raises UserError where nothing fits."""
    standing = tuple(places(stage))
    for _ in range(_TRIES):
        place = standing[below(entropy, len(standing))]
        number = below(entropy, len(troubles) + _LINES)
        if number < len(troubles):
            found = fault(troubles[number], place)
        else:
            kind = (removed, copied, exchanged)[below(entropy, 3)]
            some = list(kind(place))
            found = fault(some[below(entropy, len(some))], place) if some else None
        if found is not None:
            return found
    raise UserError(f"nothing of this can go wrong in {stage.scenario.name}")


def draw_story(troubles: Sequence[Trouble], stage: Stage, entropy: Entropy) -> Fault:
    """Return a fault at a spoke that users notice, for a learner to find.

    Raises UserError.
    """
    standing = [place for place in places(stage) if place.parts[Role.SPOKE] in stage.spokes]
    stories = [known for known in troubles if known.noticed]
    for _ in range(_TRIES):
        found = fault(stories[below(entropy, len(stories))], standing[below(entropy, len(standing))])
        if found is not None:
            return found
    raise UserError(f"nothing of the catalog fits {stage.scenario.name}")
