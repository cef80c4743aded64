"""NAT as a machine: lines and access lists come in, one order to the plane goes out whenever it is another one.

A rule that the plane could not obey to the letter is not obeyed at all, and the log says why: its packets then leave
with their own address, and get no answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, cast

from dmvpn.base.context import Context, Machine, Retries
from dmvpn.base.effects import ForgetTranslations, SetTranslation
from dmvpn.base.events import EffectFailed, Event, Resync
from dmvpn.base.merging import MergedChanges
from dmvpn.base.notices import AccessListsChanged, Configured, Notice, TunnelChanged
from dmvpn.base.reasons import Reason
from dmvpn.base.translation import ESP, GRE, Overload
from dmvpn.base.values import dataclass
from dmvpn.features.nat import messages
from dmvpn.features.nat.model import NatConfig, Policies
from dmvpn.features.nat.reasons import NatReason

if TYPE_CHECKING:
    from dmvpn.base.events import Packets
    from dmvpn.base.ports import Ports
    from dmvpn.base.translation import TranslatedFlow
    from dmvpn.features.nat.model import NatRule


@dataclass(frozen=True, slots=True)
class ClearTranslations(Event):
    """`clear ip nat translation *`: forget all flows."""


_ORDER: Final = "translation"
#: What a station inside may not begin where the router has tunnels: without ports its packets and the router's own,
#: to and from the same peer, are one flow. Any address may become a peer of a multipoint tunnel.
_OF_TUNNELS: Final = (GRE, ESP)


class NatMachine(Machine):
    """Keeps the plane in step with the lines."""

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = (
        AccessListsChanged,
        TunnelChanged,
        ClearTranslations,
        EffectFailed,
        Resync,
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self._ordered = SetTranslation()
        self._overloads: dict[NatRule, Overload] = {}
        self._retries = Retries[str](self._context, "order the translation again", self._order_again, most=1)
        self._lists = MergedChanges(
            self._context, "order changed lists", self._refresh, lambda: self._wanted()[0] != self._ordered
        )
        self.config = NatConfig()
        #: Rules that are not obeyed, and why.
        self.refused: dict[NatRule, str] = {}

    @property
    def ordered(self) -> SetTranslation:
        """The last order to the plane."""
        return self._ordered

    def failure(self) -> Reason | None:
        """Return why the host does not translate as it should, or None."""
        return self._retries.reason(_ORDER)

    def rule_of(self, flow: TranslatedFlow) -> NatRule | None:
        """Return the rule by which a flow is translated; None if it is no longer in the configuration."""
        for rule, overload in self._overloads.items():
            state = self._context.ports.interfaces.get(rule.outside)
            if state is not None and state.address == flow.inside_global[0] and overload.translates(flow.original):
                return rule
        return None

    def dispatch(self, event: Event | Notice) -> None:
        """Handle a configuration, an object that it refers to, or an answer of the plane."""
        match event:
            case Configured():
                self.config = cast("NatConfig | None", event.model) or NatConfig()
                self._lists.follow()
            case AccessListsChanged():
                self._lists.changed()
            case TunnelChanged():
                self._lists.follow()
            case ClearTranslations():
                self._context.emit(ForgetTranslations())
            case EffectFailed(effect=SetTranslation()) if event.effect == self._ordered:
                self._fail(event.text)
            case Resync() if self._ordered != SetTranslation():
                self._context.emit(self._ordered)

    # ------------------------------------------------------------------------------------------------ parts

    def _fail(self, text: str) -> None:
        now = self._context.now
        if self._retries.failed(_ORDER, Reason(NatReason.REFUSED, (text,), now)):
            self._context.emit(messages.NotTranslating.of(text))

    def _order_again(self, _: str) -> None:
        self._context.emit(self._ordered)

    def _wanted(self) -> tuple[SetTranslation, dict[NatRule, Overload], dict[NatRule, str]]:
        """Return the order for the lines as they are, each rule's part in it, and the rules that are not obeyed."""
        policies = Policies(self._context.ports.policies.of_packets())
        overloads: dict[NatRule, Overload] = {}
        refused: dict[NatRule, str] = {}
        for rule in self.config.rules:
            clauses = policies.clauses(rule)
            if isinstance(clauses, str):
                refused[rule] = clauses
            elif rule.outside in self.config.outside and clauses:
                has_tunnels = any(
                    tunnel.source_interface == rule.outside for tunnel in self._context.ports.tunnels.all()
                )
                overloads[rule] = Overload(rule.outside, clauses, _OF_TUNNELS if has_tunnels else (), rule.vrf)
        inside = self.config.inside
        order = SetTranslation(inside, tuple(overloads.values())) if inside and overloads else SetTranslation()
        return order, overloads, refused

    def _refresh(self) -> int:
        """Order the translation again, if it is different now. Returns how many entries of lists it has."""
        before = self.refused
        order, self._overloads, self.refused = self._wanted()
        for rule, why in self.refused.items():
            if before.get(rule) != why:
                self._context.emit(messages.RuleRefused.of(str(rule), why))
        if order == self._ordered:
            return 0
        self._ordered = order
        self._retries.forget_order(_ORDER)
        self._context.emit(order)
        return 1 + sum(len(one) for overload in order.overloads for each in overload.clauses for one in each.lists)
