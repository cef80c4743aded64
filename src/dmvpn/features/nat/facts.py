"""NAT as facts."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.facts import Fact
from dmvpn.base.translation import SourceRule, StaticRule
from dmvpn.base.values import project

if TYPE_CHECKING:
    from dmvpn.features.nat.machine import NatMachine


class TranslationFacts(Fact):
    """NAT of a router: the interfaces inside and outside, and which packets are translated between them.

    aliases: prefixes of addresses that the router answers for beside its own.
    own: its own addresses inside, whose pings and traceroutes are translated, too.
    """

    inside: tuple[str, ...]
    rules: tuple[SourceRule, ...]
    outside: tuple[str, ...]
    statics: tuple[StaticRule, ...]
    aliases: tuple[str, ...]
    own: tuple[IPv4Address, ...] = ()


def facts(machine: NatMachine) -> TranslationFacts | None:
    """Return the configured translations; None: nothing."""
    order = machine.ordered
    if not (order.rules or order.statics):
        return None
    return project(TranslationFacts, order, aliases=tuple(map(str, order.aliases)))
