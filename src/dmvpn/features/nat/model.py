"""Address translation as values; the packets that a rule matches, and what keeps a rule from being obeyed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import IPv4Address, summarize_address_range
from typing import Final, Self

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.translation import TCP, UDP, Clause, PacketPolicies, Rules, StaticRule
from dmvpn.base.values import Value

#: Ports of the router's own services, by protocol: DHCP and IKE, SSH and BGP.
_OWN_PORTS: Final = {UDP: (67, 68, 500, 4500), TCP: (22, 179)}
#: Addresses, the first and the last.
Range = tuple[IPv4Address, IPv4Address]


class NatRule(Value):
    """`ip nat [inside] source list|route-map NAME interface OUTSIDE|pool POOL [vrf VRF] [overload]`.

    Of access_list and route_map, and of outside and pool, one is "".

    access_list: a name, or a number as text.
    vrf: the VRF of the stations inside, "": the global table.
    line: as configured.
    """

    line: str
    outside: str = ""
    access_list: str = ""
    route_map: str = ""
    vrf: str = ""
    pool: str = ""
    overload: bool = True

    def __str__(self) -> str:
        return self.line


class NatStatic(Value):
    """`ip nat [inside] source static ...`.

    public: without an interface all that `StaticRule` has; with an interface the address of the rule is 0.0.0.0, and
        that of the interface counts.
    alias: not `no-alias`: the router answers for the address outside.
    line: as configured.
    """

    line: str
    rule: StaticRule
    interface: str = ""
    alias: bool = True

    def __str__(self) -> str:
        return self.line


def interface_of(rule: NatRule | NatStatic) -> str:
    """Return the interface whose address stations get, "": none."""
    return rule.interface if isinstance(rule, NatStatic) else rule.outside


def is_of_loopback(rule: NatRule | NatStatic) -> bool:
    """Return whether stations get the address of a loopback interface."""
    return interface_of(rule).startswith("Loopback")


class NatPool(Value):
    """`ip nat pool NAME FIRST LAST netmask MASK`. length: of the network that they are in."""

    name: str
    first: IPv4Address
    last: IPv4Address
    length: int

    @property
    def size(self) -> int:
        """How many addresses it has."""
        return int(self.last) - int(self.first) + 1


class NatConfig(Value):
    """inside, outside: names of interfaces; those with `ip nat enable` are both.

    rules: in the order of the configuration; the first that fits counts.
    """

    inside: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    rules: tuple[NatRule, ...] = ()
    statics: tuple[NatStatic, ...] = ()
    pools: tuple[NatPool, ...] = ()

    @property
    def every_rule(self) -> tuple[NatRule | NatStatic, ...]:
        """The rules of both kinds."""
        return (*self.rules, *self.statics)

    @property
    def needs_addresses(self) -> bool:
        """Whether an order has addresses that interfaces have got, or is without them."""
        return bool(self.statics or self.pools or any(map(is_of_loopback, self.rules)))

    def pool(self, name: str) -> NatPool | None:
        """Return the pool of this name, or None."""
        return next((pool for pool in self.pools if pool.name == name), None)

    def published(self, rule: NatRule | NatStatic) -> tuple[Range, ...]:
        """Return the addresses that a rule uses and names itself, not those of an interface."""
        if isinstance(rule, NatRule):
            pool = self.pool(rule.pool)
            return ((pool.first, pool.last),) if pool is not None else ()
        first = rule.rule.public
        return ((first, IPv4Address(int(first) + rule.rule.published.size - 1)),) if not rule.interface else ()

    def outsides(self, rule: NatRule) -> tuple[str, ...]:
        """Return the interfaces where a rule acts: every one outside, if its address is one of a pool or a loopback."""
        is_anywhere = rule.pool or is_of_loopback(rule)
        return tuple(name for name in self.outside if is_anywhere or name == rule.outside)


class Policies:
    """Access lists and route maps by name."""

    def __init__(self, policies: PacketPolicies) -> None:
        self._lists, self._maps = policies.access_lists, policies.route_maps

    def clauses(self, rule: NatRule, outside: str = "") -> tuple[Clause, ...] | str:
        """Return the packets that the rule matches where they leave by an interface, as clauses; or why it cannot be
        obeyed to the letter.

        outside: of a rule with a pool or a loopback interface; "": any interface.

        A missing list or map permits nothing.
        """
        leaves = outside or ("" if is_of_loopback(rule) else rule.outside)
        if rule.access_list:
            rules = self._rules(rule.access_list)
            return rules if isinstance(rules, str) else (Clause(True, (rules,)),)
        clauses: list[Clause] = []
        for entry in self._maps.get(rule.route_map, ()):
            if entry.problem:
                return f"route map {rule.route_map}: {entry.problem}"
            if entry.interfaces and leaves not in ("", *entry.interfaces):
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


# ------------------------------------------------------------------------------------------------ addresses


class OwnAddresses(Value):
    """The addresses of the router, each with its interface; and the interfaces that are sources of tunnels."""

    interfaces: Mapping[IPv4Address, str]
    sources: Collection[str]

    @classmethod
    def of_ports(cls, ports: Iterable[tuple[str, IPAddress]], sources: Collection[str]) -> Self:
        """Return those of IPv4, of interfaces with each of their addresses."""
        return cls({one: name for name, one in ports if isinstance(one, IPv4Address)}, sources)

    def of(self, interface: str) -> IPv4Address | None:
        """Return the first address of an interface, or None without an address."""
        return next((address for address, name in self.interfaces.items() if name == interface), None)

    def inside(self, config: NatConfig) -> tuple[IPv4Address, ...]:
        """Return the addresses that the router has as a station inside."""
        return tuple(
            address
            for address, name in self.interfaces.items()
            if name in config.inside and name not in (*config.outside, *self.sources)
        )

    def within(self, pool: NatPool) -> IPv4Address | None:
        """Return the router's first address in a pool, or None."""
        return next((one for one in self.interfaces if pool.first <= one <= pool.last), None)

    def collision(self, static: NatStatic) -> str:
        """Return why a static rule would take packets away from the router itself, "": it does not."""
        rule = static.rule
        taken = [(one, name) for one, name in self.interfaces.items() if one in rule.published]
        if static.interface:
            taken = [(rule.public, static.interface)]
        for address, name in taken:
            if not rule.protocol and name in self.sources:
                return f"{name} is the source of a tunnel: its GRE, ESP and IKE would go to {rule.local}"
            if rule.protocol and rule.public_port in _OWN_PORTS[rule.protocol]:
                protocol = {TCP: "TCP", UDP: "UDP"}[rule.protocol]
                return f"{protocol} port {rule.public_port} of {name} is the router's own: another port is free"
            if not rule.protocol and static.interface == "":
                return f"{address} is the router's own address, of {name}: name the interface, or single ports"
        return ""

    def without(self, addresses: Iterable[Range]) -> Iterator[Range]:
        """Yield these ranges of addresses without the router's own."""
        own = sorted(int(address) for address in self.interfaces)
        for first, last in addresses:
            begin = int(first)
            for one in own:
                if begin <= one <= int(last):
                    if begin < one:
                        yield IPv4Address(begin), IPv4Address(one - 1)
                    begin = one + 1
            if begin <= int(last):
                yield IPv4Address(begin), last


def prefixes(ranges: Iterable[Range]) -> tuple[Prefix, ...]:
    """Return the prefixes that hold exactly these addresses."""
    found = (Prefix.of(one.network_address, one.prefixlen) for each in ranges for one in summarize_address_range(*each))
    return tuple(dict.fromkeys(found))
