"""NAT as a machine: lines, access lists and addresses come in, one order to the plane goes out whenever it is another.

A rule that the plane could not obey to the letter is not obeyed at all, and the log says why: its packets then leave
with their own address, and get no answer.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import ClassVar, Final, cast

from dmvpn.base.context import Context, Machine, Retries
from dmvpn.base.effects import ForgetTranslations, SetTranslation
from dmvpn.base.events import EffectFailed, Event, Packets, Resync
from dmvpn.base.merging import MergedChanges
from dmvpn.base.notices import AccessListsChanged, Configured, InterfaceChanged, Notice, TunnelChanged
from dmvpn.base.ports import Ports
from dmvpn.base.reasons import Reason
from dmvpn.base.translation import ESP, GRE, FlowFilter, SourceRule, StaticRule, TranslatedFlow, Translations
from dmvpn.base.values import Value
from dmvpn.features.nat import messages
from dmvpn.features.nat.model import (
    NatConfig,
    NatRule,
    NatStatic,
    OwnAddresses,
    Policies,
    Range,
    is_of_loopback,
    prefixes,
)
from dmvpn.features.nat.reasons import NatReason


class ClearTranslations(Event, Value):
    """`clear ip nat translation ...`: forget these flows, None: all."""

    meant: FlowFilter | None = None


class ClearNatStatistics(Event, Value):
    """`clear ip nat statistics`. counts: hits, misses and refused packets at this moment."""

    counts: tuple[int, int, int]


_NOTHING: Final = 0, 0, 0
_ORDER: Final = "translation"
#: What a station inside may not begin where the router has tunnels: without ports its packets and the router's own,
#: to and from the same peer, are one flow. Any address may become a peer of a multipoint tunnel.
_OF_TUNNELS: Final = (GRE, ESP)


class NatMachine(Machine):
    """Keeps the plane in step with the lines."""

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = (
        AccessListsChanged,
        InterfaceChanged,
        TunnelChanged,
        ClearTranslations,
        ClearNatStatistics,
        EffectFailed,
        Resync,
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self._ordered = SetTranslation()
        self._orders = _Orders()
        self._retries = Retries[str](self._context, "order the translation again", self._order_again, most=1)
        self._lists = MergedChanges(
            self._context,
            "order changed lists",
            self._refresh,
            lambda: self._wanted().whole(self.config) != self._ordered,
        )
        #: Counters of the plane at the last clear.
        self._base = _NOTHING
        self.config = NatConfig()

    @property
    def ordered(self) -> SetTranslation:
        """The last order to the plane."""
        return self._ordered

    def failure(self) -> Reason | None:
        """Return why the host does not translate as it should, or None."""
        return self._retries.reason(_ORDER)

    @property
    def refused(self) -> dict[NatRule | NatStatic, str]:
        """The rules that are not obeyed, and why."""
        return self._orders.refused

    @property
    def statics(self) -> tuple[StaticRule, ...]:
        """The static rules that are obeyed, with their addresses."""
        return tuple(self._orders.statics.values())

    def counted(self, found: Translations) -> tuple[int, ...]:
        """Return hits, misses and refused packets since they were cleared. found: what the plane answers."""
        return tuple(max(0, count - base) for count, base in zip(found.counts, self._base, strict=True))

    def rule_of(self, flow: TranslatedFlow) -> NatRule | NatStatic | None:
        """Return the rule by which a flow is translated; None if it is no longer in the configuration."""
        public, local = flow.inside_global, flow.inside_local
        for static, one in self._orders.statics.items():
            if one.vrf == flow.vrf and one.inside_of(flow.protocol, *public) == local:
                return static
        for rule, parts in self._orders.sources.items():
            for part in parts:
                state = self._context.ports.interfaces.get(part.outside)
                is_own = not part.pool and state is not None and state.address == public[0]
                if (is_own or part.gives(public[0])) and part.translates(flow.original):
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
            case InterfaceChanged() if self.config.needs_addresses or event.name in self.config.inside:
                self._lists.follow()
            case ClearTranslations():
                self._context.emit(ForgetTranslations(event.meant))
            case ClearNatStatistics():
                self._base = event.counts
            case EffectFailed(effect=SetTranslation()) if event.effect == self._ordered:
                self._fail(event.text)
            case Resync() if self._ordered != SetTranslation():
                self._context.emit(self._ordered)

    # ------------------------------------------------------------------------------------------------ parts

    def _fail(self, text: str) -> None:
        now = self._context.now
        if self._retries.failed(_ORDER, Reason(NatReason.REFUSED, (text,), now)):
            self._context.emit(messages.not_translating(text))

    def _order_again(self, _: str) -> None:
        self._context.emit(self._ordered)

    def _wanted(self) -> _Orders:
        """Return what the lines ask for as they are."""
        orders, own = _Orders(), self._own()
        orders.own = own.inside(self.config)
        for static in self.config.statics:
            address = own.of(static.interface) if static.interface else static.rule.public
            if why := own.collision(static):
                orders.refused[static] = why
            elif address is not None:  # an interface may get one later
                orders.statics[static] = replace(static.rule, public=address)
                orders.ranges += own.without(self.config.published(static)) if static.alias else ()
        policies = Policies(self._context.ports.policies.of_packets())
        for rule in self.config.rules:
            for outside in self.config.outsides(rule) or (rule.outside,):
                clauses, given = policies.clauses(rule, outside), self.config.pool(rule.pool)
                pool = tuple(own.without(self.config.published(rule)))
                if isinstance(clauses, str):
                    orders.refused[rule] = clauses
                elif rule.pool and not pool and not (rule.overload and given):
                    orders.refused[rule] = f"pool {rule.pool} {'has no address' if given else 'does not exist'}"
                elif is_of_loopback(rule) and own.of(rule.outside) is None:
                    orders.refused[rule] = f"{rule.outside} has no address"
                elif outside in self.config.outside and clauses:
                    shared = own.of(rule.outside) if given is None else own.within(given) if not pool else None
                    port = outside if shared is None else own.interfaces[shared]
                    refused = _OF_TUNNELS if not pool and port in own.sources else ()
                    shared = None if shared == own.of(outside) else shared
                    one = SourceRule(outside, clauses, refused, rule.vrf, pool, rule.overload, shared)
                    orders.sources.setdefault(rule, []).append(one)
                    orders.ranges += pool
        return orders

    def _own(self) -> OwnAddresses:
        ports = self._context.ports
        addresses = ((state.name, one) for state in ports.interfaces.all() for one, _ in state.addresses)
        return OwnAddresses.of_ports(addresses, tuple(tunnel.source_interface for tunnel in ports.tunnels.all()))

    def _refresh(self) -> int:
        """Order the translation again, if it is different now. Returns how many entries of lists it has."""
        before, self._orders = self.refused, self._wanted()
        for rule, why in self.refused.items():
            if before.get(rule) != why:
                self._context.emit(messages.rule_refused(str(rule), why))
        order = self._orders.whole(self.config)
        if order == self._ordered:
            return 0
        self._ordered = order
        if order == SetTranslation():
            self._base = _NOTHING  # the plane forgets its counters with the last rule
        self._retries.forget_order(_ORDER)
        self._context.emit(order)
        return 1 + sum(len(one) for rule in order.rules for each in rule.clauses for one in each.lists)


class _Orders:
    """The order for each line, or why it is not obeyed.

    ranges: of addresses that the router answers for. own: its addresses inside.
    """

    def __init__(self) -> None:
        self.sources: dict[NatRule, list[SourceRule]] = {}
        self.statics: dict[NatStatic, StaticRule] = {}
        self.ranges: list[Range] = []
        self.own: tuple[IPv4Address, ...] = ()
        self.refused: dict[NatRule | NatStatic, str] = {}

    def whole(self, config: NatConfig) -> SetTranslation:
        """Return one order for all lines."""
        rules = tuple(one for parts in self.sources.values() for one in parts)
        statics = tuple(self.statics.values())
        if not config.inside or not config.outside or not (rules or statics):
            return SetTranslation()
        return SetTranslation(config.inside, rules, config.outside, statics, prefixes(self.ranges), self.own)
