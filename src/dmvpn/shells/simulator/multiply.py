"""A scenario with many more spokes: its own spokes are templates, each copy gets addresses of its own.

    tunnel     the next free address of the cloud's network, of each version of IP, and the next free link-local one.
               Where a network has no room its mask is shortened on all routers, unless it would overlap
    NBMA       a network like the template's with a port of its own at the provider; on a switch the next free address
    router ID  that a line gives: the nearest free one, unless it is one of the addresses above and below
    LANs       networks of the same length, nearest to the template's: its classful network first, or of IPv6 its /32,
               so that lines like `network 10.0.0.0` and a summary still mean them, then private ones

In a copy every address of the template's own networks is replaced by the one at the same place of the copy's, and an
autonomous system of BGP that only the template is in by one of the copy's own. A static route or a neighbor of a hub
that names the template's LAN or tunnel address is repeated for the copy. Everything else, keys and servers too, stays.
Several scenarios get the same copies with the same LANs, so that they can be compared.
"""

from __future__ import annotations

import re
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from ipaddress import AddressValueError, IPv4Network, IPv6Network, ip_address, ip_network
from itertools import chain, count
from typing import Final

from dmvpn.base.addresses import IPAddress, classful_length, spelled
from dmvpn.base.errors import UserError
from dmvpn.base.values import Mutable, Value
from dmvpn.router.router import addresses
from dmvpn.shells.certificates import NOTHING
from dmvpn.shells.lab_model import LinkSpec, ReadySpec, RouterSpec
from dmvpn.shells.scenario import Scenario

#: What may be an address, of either version.
_WRITTEN: Final = re.compile(
    r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])|(?<![\w:.])[\da-fA-F]{0,4}(?::[\da-fA-F]{0,4}){2,7}(?![\w:.])"
)
_ROUTER_ID: Final = re.compile(r"^ *(?:eigrp |bgp )?router-id (\S+)$", re.MULTILINE)
_HOSTNAME: Final = re.compile(r"^hostname .*$", re.MULTILINE)
_ADDRESS: Final = re.compile(r"^( *ip(?:v6)? address )([^\s/]+)([ /])(\S+)", re.MULTILINE)
_BGP: Final = re.compile(r"^router bgp (\d+)$", re.MULTILINE)
_SYSTEM: Final = re.compile(r"^(router bgp | *neighbor \S+ remote-as )(\d+)$", re.MULTILINE)
#: Lines of a hub about one spoke.
_ABOUT_ONE: Final = re.compile(r"ip(?:v6)? route | *neighbor ")
#: Ports of a provider toward copies: no scenario uses slot 9.
_PORT: Final = "GigabitEthernet9/{}"
_PRIVATE: Final = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8")))
_CARRIER: Final = IPv4Network("100.64.0.0/10")

_Network = IPv4Network | IPv6Network
#: Interfaces of a router with the primary address of each version, and its network.
_Own = tuple[tuple[str, IPAddress, _Network], ...]


class _Room(Mutable):
    """Networks in use, and the position of the search in each pool."""

    taken: list[tuple[int, int]] = field(default_factory=list)
    _next: dict[_Network, int] = field(default_factory=dict)

    def note(self, network: _Network) -> None:
        """Record that a network is in use."""
        insort(self.taken, (int(network.network_address), int(network.broadcast_address)))

    def overlap(self, network: _Network, besides: _Network) -> IPAddress | None:
        """Return the first used address in a network, except those of `besides`."""
        first, last = int(network.network_address), int(network.broadcast_address)
        for low, high in self.taken:
            inside = int(besides.network_address) <= low and high <= int(besides.broadcast_address)
            if low <= last and high >= first and not inside:
                return ip_address(max(low, first))
        return None

    def take(self, length: int, pools: Sequence[_Network]) -> _Network | None:
        """Return the next free network of this length in the first pool that has one."""
        for pool in pools:
            size = 1 << (pool.max_prefixlen - length)
            end = int(pool.broadcast_address)
            start = -(-self._next.get(pool, int(pool.network_address)) // size) * size
            while start + size - 1 <= end:
                busy = self._busy_until(start, start + size - 1)
                if busy is None:
                    network = type(pool)((start, length))
                    self.note(network)
                    self._next[pool] = start + size
                    return network
                start = -(-(busy + 1) // size) * size
        return None

    def _busy_until(self, first: int, last: int) -> int | None:
        position = bisect_right(self.taken, (last, 1 << 128))
        ends = [high for low, high in self.taken[max(0, position - 4) : position] if high >= first]
        return max(ends) if ends else None


class _Template(Value):
    """A spoke to be copied."""

    name: str
    tunnels: _Own
    wans: _Own
    lans: _Own


def multiply(scenarios: Sequence[Scenario], spokes: int) -> tuple[Scenario, ...]:
    """Return the scenarios with `spokes` spokes each. Raises UserError if that is impossible."""
    room, given = _Room(), dict[tuple[str, str, int, int], _Network]()
    read = [{name: _networks(text) for name, text in scenario.configurations.items()} for scenario in scenarios]
    networks = [network for addresses in read for found in addresses.values() for _, _, network in found]
    inside = [spec.private.network for scenario in scenarios for spec in scenario.lab.gateways.values()]
    named = [network for scenario in scenarios for text in scenario.configurations.values() for network in _named(text)]
    for network in dict.fromkeys([*networks, *inside, *named]):
        room.note(network)
    return tuple(
        _Multiplier(scenario, addresses, room, given).copied(spokes)
        for scenario, addresses in zip(scenarios, read, strict=True)
    )


class _Multiplier:
    def __init__(
        self,
        scenario: Scenario,
        addresses: Mapping[str, _Own],
        room: _Room,
        given: dict[tuple[str, str, int, int], _Network],
    ) -> None:
        """given: the networks of copies, by name, port and length; the next scenario gets the same."""
        self._scenario = scenario
        self._addresses = addresses
        self._room = room
        self._given = given
        self._texts = dict(scenario.configurations)
        self._routers = dict(scenario.lab.routers)
        self._links = list(scenario.lab.links)
        self._free: dict[_Network, Iterator[IPAddress]] = {}
        self._extra: dict[str, list[str]] = {}
        self._about_one = {
            name: tuple(_about_one(text)) for name, text in self._texts.items() if scenario.role(name) != "spoke"
        }
        self._systems = Counter(number for text in self._texts.values() for number in _BGP.findall(text))
        private = map(str, chain(range(64512, 65535), count(4200000000)))  # RFC 6996
        self._free_systems = (number for number in private if number not in self._systems)
        self._ports = 0

    def copied(self, spokes: int) -> Scenario:
        """See `multiply`."""
        scenario = self._scenario
        there = [name for name in scenario.configurations if scenario.role(name) == "spoke"]
        if spokes < len(there):
            raise UserError(f"--spokes {spokes}: {scenario.name} has {len(there)} spokes already")
        templates = [found for name in there if (found := self._template(name)) is not None]
        if not templates:
            raise UserError(
                f"--spokes: {scenario.name} has no spoke to copy: one with the role spoke and a wire to a provider or "
                "switch for IPv4, no certificates, not behind a NAT box and with nothing but LANs behind it"
            )
        copies = [
            (templates[number % len(templates)], number // len(templates) + 1) for number in range(spokes - len(there))
        ]
        self._widen(templates, len(copies))
        for template, number in copies:
            self._copy(template, f"{template.name}-{number}")
        for router, lines in self._extra.items():
            body = re.sub(r"^end\s*\Z", "", self._texts[router].rstrip("\n") + "\n", flags=re.MULTILINE)
            self._texts[router] = body + "".join(lines) + "end\n"
        lab = scenario.lab.model_copy(
            update={
                "routers": self._routers,
                "links": self._links,
                "ready": ReadySpec(either=scenario.lab.ready.either),
            }
        )
        return Scenario(scenario.name, lab, self._texts, scenario.certificates)

    # -------------------------------------------------------------------------------------------- templates

    def _template(self, name: str) -> _Template | None:
        if self._scenario.certificates.get(name, NOTHING).given:
            return None
        wires = {end: link for link in self._links for end in map(Scenario.end, link.ends)}
        own = self._addresses[name]
        tunnels = tuple(one for one in own if one[0].startswith("Tunnel"))
        wans = tuple(one for one in own if self._leads_out(name, wires.get((name, one[0]))))
        lans = tuple(one for one in own if one not in tunnels and one not in wans)
        if not tunnels or not wans or any(network.version == 6 for _, _, network in wans):
            return None
        if not all(self._is_own(name, wires.get((name, port))) for port, _, _ in lans):
            return None
        return _Template(name, tunnels, wans, lans)

    def _leads_out(self, name: str, link: LinkSpec | None) -> bool:
        """Return whether the link is a cable to a provider, or a switch."""
        others = [] if link is None else [node for node, _ in map(Scenario.end, link.ends) if node != name]
        if any(node in self._scenario.lab.gateways for node in others):
            return False
        return len(others) > 1 or any(self._scenario.role(node) == "provider" for node in others)

    def _is_own(self, name: str, link: LinkSpec | None) -> bool:
        """Return whether only hosts are on the link."""
        ends = [] if link is None else [node for node, _ in map(Scenario.end, link.ends)]
        return all(node == name or node in self._scenario.lab.hosts for node in ends)

    # -------------------------------------------------------------------------------------------- tunnels

    def _widen(self, templates: Sequence[_Template], copies: int) -> None:
        """Find addresses for copies in the clouds; clouds without room get a shorter mask."""
        for network in dict.fromkeys(net for template in templates for _, _, net in template.tunnels):
            members = self._members(network)
            wide = self._with_room(network, copies + len(members))
            self._free[network] = _without(members, wide)
            if wide != network:
                for name, text in self._texts.items():
                    self._texts[name] = _ADDRESS.sub(lambda line: _masked(line, network, wide), text)  # noqa: B023

    def _with_room(self, network: _Network, routers: int) -> _Network:
        length = network.prefixlen
        while (1 << (network.max_prefixlen - length)) - 2 < routers:
            length -= 1
        wide = network if length == network.prefixlen else network.supernet(new_prefix=length)
        overlap = None if wide == network else self._room.overlap(wide, network)
        if overlap is None:
            return wide
        raise UserError(
            f"--spokes: {self._scenario.name}: {network} has room for {network.num_addresses - 2} routers, and with "
            f"the mask {wide.netmask} it would overlap {overlap}"
        )

    def _members(self, network: _Network) -> frozenset[IPAddress]:
        return frozenset(own for found in self._addresses.values() for _, own, its in found if its == network)

    def _next_free(self, network: _Network) -> IPAddress:
        if network not in self._free:
            self._free[network] = _without(self._members(network), network)
        address = next(self._free[network], None)
        if address is None:
            raise UserError(f"--spokes: {self._scenario.name}: {network} has no room for so many")
        return address

    # -------------------------------------------------------------------------------------------- copies

    def _copy(self, template: _Template, name: str) -> None:
        if name in self._texts:
            raise UserError(f"--spokes: {self._scenario.name} has a router {name} already")
        single: dict[IPAddress, IPAddress] = {}
        for _, address, network in template.tunnels:
            single[address] = own = self._next_free(network)
            single[network.network_address] = ip_network((own, network.prefixlen), strict=False).network_address
        moved: dict[_Network, _Network] = {}
        links = {Scenario.end(end): link for link in self._links for end in link.ends}
        for port, address, network in template.wans:
            link = links[template.name, port]
            if len(link.ends) > 2:
                single[address] = self._next_free(network)
                position = next(number for number, other in enumerate(self._links) if other.ends[0] == link.ends[0])
                self._links[position] = link.model_copy(
                    update={"ends": [*self._links[position].ends, f"{name}:{port}"]}
                )
            else:
                moved[network] = self._network(name, port, network, (_nearest(network), _CARRIER))
                self._wire(link, template.name, f"{name}:{port}", network, moved[network])
        hosted = [Scenario.end(host.link) for host in self._scenario.lab.hosts.values()]
        for port, _, network in template.lans:
            private = [pool for pool in _PRIVATE if network.network_address in pool]
            moved[network] = self._network(name, port, network, (_nearest(network), *private, *_PRIVATE))
            if (template.name, port) in links and (template.name, port) not in hosted:
                ends = [end.replace(f"{template.name}:", f"{name}:") for end in links[template.name, port].ends]
                if LinkSpec(ends=ends) not in self._links:
                    self._links.append(LinkSpec(ends=ends))
        for like in _named(self._texts[template.name]):
            if like.network_address not in single and not any(like.network_address in network for network in moved):
                own = self._network(name, f"router-id {like}", like, (_nearest(like), *_PRIVATE)).network_address
                single[like.network_address] = own
        alone = [number for number in _BGP.findall(self._texts[template.name]) if self._systems[number] == 1]
        change = _Renumbering(single, moved, {number: next(self._free_systems) for number in alone})
        text = _HOSTNAME.sub(f"hostname {name}", self._texts[template.name], count=1)
        self._texts[name] = change.renumbered(text)
        self._routers[name] = RouterSpec(role="spoke")
        for router, lines in self._about_one.items():
            if repeated := [new for line in lines if (new := change.renumbered(line)) != line]:
                self._extra.setdefault(router, []).extend(repeated)

    def _network(self, name: str, port: str, like: _Network, pools: Sequence[_Network]) -> _Network:
        """Return a network for the port of a copy: the one in another scenario, or a new one."""
        key = name, port, like.version, like.prefixlen
        if key not in self._given:
            usable = [pool for pool in pools if pool.version == like.version and pool.prefixlen <= like.prefixlen]
            found = self._room.take(like.prefixlen, usable)
            if found is None:
                raise UserError(f"--spokes: no network like {like} is left for {name}")
            self._given[key] = found
        return self._given[key]

    def _wire(self, link: LinkSpec, template: str, end: str, old: _Network, new: _Network) -> None:
        """Lay a cable to the provider, which gets a port at the same place of the new network."""
        provider, port = next(other for other in map(Scenario.end, link.ends) if other[0] != template)
        address = next((own for its, own, _ in self._addresses[provider] if its == port and own in old), None)
        if address is None:
            raise UserError(f"--spokes: {provider} {port} has no address in {old}, the network of {template}")
        self._ports += 1
        own = _PORT.format(self._ports)
        lines = f"interface {own}\n ip address {_at_same_place(address, old, new)} {new.netmask}\n no shutdown\n!\n"
        self._extra.setdefault(provider, []).append(lines)
        self._links.append(link.model_copy(update={"ends": [end, f"{provider}:{own}"]}))


class _Renumbering(Value):
    """Maps addresses of a template to those of a copy: single ones, and whole networks by place.

    systems: the autonomous system of the copy by that of the template, as they are written.
    """

    single: Mapping[IPAddress, IPAddress]
    moved: Mapping[_Network, _Network]
    systems: Mapping[str, str]

    def renumbered(self, text: str) -> str:
        """Return a text with the copy's addresses and autonomous system."""
        text = _WRITTEN.sub(self._one, text)
        return _SYSTEM.sub(lambda line: line[1] + self.systems.get(line[2], line[2]), text) if self.systems else text

    def _one(self, found: re.Match[str]) -> str:
        try:
            address = ip_address(found[0])
        except ValueError:
            return found[0]
        if address in self.single:
            return spelled(self.single[address])
        for old, new in self.moved.items():
            if address in old:
                return spelled(_at_same_place(address, old, new))
        return found[0]


def _about_one(text: str) -> Iterator[str]:
    """Yield the lines of a configuration that may be about one spoke, each below the lines that lead to its mode."""
    modes: list[str] = []
    for line in text.splitlines():
        if not line.startswith("!"):
            del modes[len(line) - len(line.lstrip(" ")) :]
            modes.append(f"{line}\n")
            if _ABOUT_ONE.match(line):
                yield "".join(modes)


def _named(text: str) -> list[IPv4Network]:
    """Return the router IDs that a configuration names."""
    found = []
    for written in dict.fromkeys(_ROUTER_ID.findall(text)):
        with suppress(AddressValueError):  # the router refuses the line
            found.append(IPv4Network(written))
    return found


def _without(members: frozenset[IPAddress], network: _Network) -> Iterator[IPAddress]:
    return (address for address in network.hosts() if address not in members)


def _at_same_place(address: IPAddress, old: _Network, new: _Network) -> IPAddress:
    return new.network_address + (int(address) - int(old.network_address))


def _masked(line: re.Match[str], network: _Network, wide: _Network) -> str:
    """Return an address line with the mask or length of the wider network, if it is of the network."""
    try:
        inside = ip_address(line[2]) in network
    except ValueError:
        inside = False
    of_network, of_wide = (str(one.netmask if line[3] == " " else one.prefixlen) for one in (network, wide))
    return f"{line[1]}{line[2]}{line[3]}{of_wide}" if inside and line[4] == of_network else line[0]


def _nearest(network: _Network) -> _Network:
    """Return the classful network, which `network` lines of EIGRP and RIP mean; of IPv6 what a provider is given."""
    length = 32 if isinstance(network, IPv6Network) else classful_length(network.network_address)
    return network.supernet(new_prefix=length) if length < network.prefixlen else network


def _networks(text: str) -> _Own:
    """Return the interfaces of a configuration that have an address, and the link-local addresses of tunnels."""
    found = [
        (state, address) for state in addresses(text) for version in (4, 6) for address in state.routed(version)[:1]
    ]
    local = ((state, (state.link_local(6), 64)) for state in addresses(text) if state.name.startswith("Tunnel"))
    return tuple(
        (state.name, address, ip_network((address, length), strict=False))
        for state, (address, length) in (*found, *local)
        if address is not None
    )
