"""Address translation as values; the packets that a rule matches: its access list, or its route map, as clauses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.translation import Clause
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.translation import PacketPolicies, Rules


@dataclass(frozen=True, slots=True)
class NatRule:
    """`ip nat inside source list|route-map NAME interface OUTSIDE [vrf VRF] overload`. One of the two names is "".

    access_list: a name, or a number as text.
    vrf: the VRF of the stations inside, "": the global table.
    """

    outside: str
    access_list: str = ""
    route_map: str = ""
    vrf: str = ""

    def __str__(self) -> str:
        kind = f"list {self.access_list}" if self.access_list else f"route-map {self.route_map}"
        vrf = f" vrf {self.vrf}" if self.vrf else ""
        return f"ip nat inside source {kind} interface {self.outside}{vrf} overload"


@dataclass(frozen=True, slots=True)
class NatConfig:
    """inside, outside: names of interfaces. rules: in the order of the configuration; the first that fits counts."""

    inside: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    rules: tuple[NatRule, ...] = ()


class Policies:
    """Access lists and route maps by name."""

    def __init__(self, policies: PacketPolicies) -> None:
        self._lists, self._maps = policies.access_lists, policies.route_maps

    def clauses(self, rule: NatRule) -> tuple[Clause, ...] | str:
        """Return the packets that the rule matches, as clauses; or why it cannot be obeyed to the letter.

        A missing list or map permits nothing.
        """
        if rule.access_list:
            rules = self._rules(rule.access_list)
            return rules if isinstance(rules, str) else (Clause(True, (rules,)),)
        clauses: list[Clause] = []
        for entry in self._maps.get(rule.route_map, ()):
            if entry.problem:
                return f"route map {rule.route_map}: {entry.problem}"
            if entry.interfaces and rule.outside not in entry.interfaces:
                continue  # the rule is about nothing else
            lists: list[Rules] = []
            for name in entry.access_lists:
                rules = self._rules(name)
                if isinstance(rules, str):
                    return rules
                lists.append(rules)
            clauses.append(Clause(entry.permit, tuple(lists)))
        return tuple(clauses)

    def _rules(self, name: str) -> Rules | str:
        listed = self._lists.get(name)
        if listed is None:
            return ()
        return f"access list {name}: {listed.problem}" if listed.problem else listed.rules
