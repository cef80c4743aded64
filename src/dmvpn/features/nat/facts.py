"""NAT overload as facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.facts import Fact
from dmvpn.base.translation import Overload

if TYPE_CHECKING:
    from dmvpn.features.nat.machine import NatMachine


class TranslationFacts(Fact):
    """NAT overload of a router: the interfaces inside, and which packets are translated when they leave by an outside
    interface.
    """

    inside: tuple[str, ...]
    overloads: tuple[Overload, ...]


def facts(machine: NatMachine) -> TranslationFacts | None:
    """Return the configured translations; None: nothing."""
    order = machine.ordered
    return TranslationFacts(inside=order.inside, overloads=order.overloads) if order.overloads else None
