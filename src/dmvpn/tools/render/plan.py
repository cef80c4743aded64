"""The content of each site's configuration: the values that a template gets, only plain text and numbers.

Everything that depends on several sites is decided here, so that templates only write it down: the hubs of each spoke,
point-to-point tunnels, where split horizon must be off, next hops of static routes. Settings that cannot work are
refused.

    one cloud     mGRE; all hubs in it, the first hub preferred; the rest register with it, so that hubs know each
                  other's LANs
    two clouds    phase 1 with two hubs: a tunnel to each; the first one preferred
    summary       one hub, EIGRP, phase 3, a pool of LANs: spokes get the pool as one route

Keys come from a file for their owner alone, or from the environment. Never from the table.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from dataclasses import asdict, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.shells.documents import parse_yaml, read_text
from dmvpn.tools.render.allocation import AllocationError, Allocations
from dmvpn.tools.render.table import Hub, Spoke, Table

# ------------------------------------------------------------------------------------------------ keys


#: What a key may consist of: a configuration line has no blanks in it, and `?` asks for help.
_GOOD: Final = re.compile(r"[!->@-~]{1,127}")
#: NHRP's has eight octets on the wire, in clear: it keeps networks apart, not people out.
_LONGEST_NHRP: Final = 8
NAMES: Final = {"pre_shared_key": "DMVPN_PRE_SHARED_KEY", "nhrp_authentication": "DMVPN_NHRP_AUTHENTICATION"}


class Keys(Value, kw_only=True):
    """pre_shared_key: of IKEv2, the same for all sites. nhrp_authentication: NHRP's, up to 8 characters."""

    pre_shared_key: str | None = field(default=None, repr=False)
    nhrp_authentication: str | None = field(default=None, repr=False)

    def hidden(self, text: str) -> str:
        """Return a text that people may see."""
        for key in sorted(filter(None, (self.pre_shared_key, self.nhrp_authentication)), key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(key)}(?!\w)", "<key>", text)
        return text


def find_keys(file: Path | None, environment: Mapping[str, str]) -> Keys:
    """Return the keys of the file; keys that it lacks come from the environment. Raises UserError."""
    given = _of_file(file) if file is not None else {}
    found = {name: given.get(name, environment.get(variable)) for name, variable in NAMES.items()}
    for name, key in found.items():
        where = f"{file}: {name}" if name in given else NAMES[name]
        if key is not None and not _GOOD.fullmatch(key):
            raise UserError(f"{where}: 1 to 127 characters of ASCII, without blanks and question marks")
        if name == "nhrp_authentication" and key is not None and len(key) > _LONGEST_NHRP:
            raise UserError(f"{where}: more than {_LONGEST_NHRP} characters; IOS takes no more")
    return Keys(**found)


def _of_file(path: Path) -> dict[str, str]:
    text = path.read_text(encoding="utf-8") if path.is_fifo() else read_text(path)  # such as <(pass show dmvpn)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise UserError(f"{path}: others may read these keys: chmod 600 {path}")
    raw, _ = parse_yaml(text, str(path))
    if not isinstance(raw, dict) or not raw:
        raise UserError(f"{path}: lines like `pre_shared_key: ...`, of {' and '.join(NAMES)}")
    for name, key in raw.items():
        if name not in NAMES:
            raise UserError(f"{path}: {name}: there are {' and '.join(NAMES)}")
        if not isinstance(key, str):
            raise UserError(f"{path}: {name}: put it in quotes")
    return raw


# ------------------------------------------------------------------------------------------------ the values of a site


#: The delay of the second choice, in tens of microseconds. The default of a tunnel is 5000.
SECOND_DELAY: Final = 6000
#: Seconds between the registrations of a site whose NAT box would forget it otherwise.
NAT_REGISTRATION: Final = 60
_TCP_AND_IP: Final = 40
Values = dict[str, object]


class Wan(Value, kw_only=True):
    """The way out. address, mask: None with DHCP."""

    interface: str
    address: str | None
    mask: str | None
    gateway: str | None


class Net(Value, kw_only=True):
    """A network in the words that configuration lines want. length: of the prefix."""

    network: str
    mask: str
    wildcard: str
    length: int

    @classmethod
    def of(cls, network: IPv4Network) -> Net:
        """Return the addresses of a network."""
        return cls(
            network=str(network.network_address),
            mask=str(network.netmask),
            wildcard=str(network.hostmask),
            length=network.prefixlen,
        )


class Lan(Value, kw_only=True):
    """The way in."""

    interface: str
    address: str
    net: Net


class PlannedServer(Value, kw_only=True):
    """A hub to register with."""

    name: str
    tunnel: str
    nbma: str


class PlannedTunnel(Value, kw_only=True):
    """A tunnel interface. delay: tens of microseconds, None: the default. destination: None on a multipoint one.

    serves: clients register here. registration: seconds, None: the default. unique: register the address as unique.
    summary: the route advertised in place of all LANs. shared: another tunnel has the same source and protection.
    """

    name: str
    address: str
    net: Net
    network_id: int
    key: int
    mtu: int
    mss: int
    bandwidth: int
    delay: int | None
    holdtime: int
    registration: int | None
    unique: bool
    serves: bool
    servers: tuple[PlannedServer, ...]
    destination: str | None
    redirect: bool
    shortcut: bool
    next_hop_self: bool
    summary: Net | None
    shared: bool


class PlannedRoute(Value, kw_only=True):
    """A static route."""

    net: Net
    via: str


class Planned(Value, kw_only=True):
    """All of one site. phase: its own; hubs_phase: that of the table. routing: eigrp, eigrp-classic or static.

    protection: none or psk.

    discard: the network of all LANs; packets to it without a more specific route must not leave by the default route,
    in clear.
    """

    name: str
    role: str
    description: str
    number: int
    phase: int
    hubs_phase: int
    protection: str
    routing: str
    autonomous_system: int
    wan: Wan
    lan: Lan
    tunnels: tuple[PlannedTunnel, ...]
    routes: tuple[PlannedRoute, ...]
    discard: Net | None

    def values(self, keys: Keys) -> Values:
        """Return values for a template: nothing but text, numbers, lists and dictionaries."""
        return {"site": asdict(self), "keys": asdict(keys)}


def plan(table: Table, given: Allocations) -> dict[str, Planned]:
    """Return the plan of every site. Raises AllocationError if settings of the table cannot work together."""
    _check(table, given)
    return {name: _Planner(table, given, name).planned() for name in table.sites}


class _Planner:
    """Plans one site."""

    def __init__(self, table: Table, given: Allocations, name: str) -> None:
        self._table = table
        self._given = given
        self._name = name
        self._site = table.sites[name]
        self._is_hub = isinstance(self._site, Hub)
        self._phase = getattr(self._site, "phase", None) or table.phase

    def planned(self) -> Planned:
        table, site, lan = self._table, self._site, lan_of(self._table, self._given, self._name)
        return Planned(
            name=self._name,
            role="hub" if self._is_hub else "spoke",
            description=site.description,
            number=self._given.numbers[self._name],
            phase=self._phase,
            hubs_phase=table.phase,
            protection=table.protection,
            routing=site.routing or table.routing,
            autonomous_system=table.autonomous_system,
            wan=self._wan(),
            lan=Lan(interface=site.lan_port, address=str(lan[1]), net=Net.of(lan)),
            tunnels=self._tunnels(),
            routes=tuple(self._routes()),
            discard=Net.of(table.pools.lan.network) if table.pools.lan is not None else None,
        )

    def _wan(self) -> Wan:
        site, pooled = self._site, self._given.nbmas.get(self._name)
        if site.nbma is not None:
            address, mask, gateway = str(site.nbma.ip), str(site.nbma.netmask), str(site.gateway)
            return Wan(interface=site.wan, address=address, mask=mask, gateway=gateway)
        if pooled is not None:
            return Wan(interface=site.wan, address=str(pooled[1]), mask=str(pooled.netmask), gateway=str(pooled[2]))
        return Wan(interface=site.wan, address=None, mask=None, gateway=None)

    # ------------------------------------------------------------------------------------------ tunnels

    def _tunnels(self) -> tuple[PlannedTunnel, ...]:
        table, hubs = self._table, list(self._table.hubs)
        if not table.has_two_clouds:
            choice = hubs.index(self._name) if self._is_hub else 0
            return (self._tunnel(0, [name for name in self._servers() if name != self._name], choice=choice),)
        if self._is_hub:
            return (self._tunnel(hubs.index(self._name), [], choice=hubs.index(self._name)),)
        servers = self._servers()
        return tuple(self._tunnel(hubs.index(hub), [hub], choice=servers.index(hub)) for hub in sorted(servers))

    def _servers(self) -> list[str]:
        """Return the hubs that it registers with; a later hub registers with those before it."""
        hubs = list(self._table.hubs)
        if self._is_hub:
            return hubs[: hubs.index(self._name)]
        chosen = getattr(self._site, "hubs", None) or hubs
        return chosen[:1] if self._phase == 1 and not self._table.has_two_clouds else chosen

    def _tunnel(self, cloud: int, servers: list[str], *, choice: int) -> PlannedTunnel:
        table, site = self._table, self._site
        nat, moves = getattr(site, "nat", None), getattr(site, "dynamic", False)
        second = table.tunnel.second
        network = second if cloud and second is not None else table.tunnel.network
        point_to_point = self._phase == 1 and not self._is_hub
        return PlannedTunnel(
            name=f"Tunnel{cloud}",
            address=str(network[self._given.numbers[self._name]]),
            net=Net.of(network),
            network_id=table.tunnel.network_id + cloud,
            key=table.tunnel.gre_key + cloud,
            mtu=table.tunnel.mtu,
            mss=table.tunnel.mtu - _TCP_AND_IP,
            bandwidth=table.tunnel.bandwidth,
            delay=SECOND_DELAY if choice else None,
            holdtime=table.tunnel.holdtime,
            registration=NAT_REGISTRATION if nat is not None else None,
            unique=not moves and nat is None,
            serves=self._is_hub,
            servers=tuple(
                PlannedServer(
                    name=hub, tunnel=str(network[self._given.numbers[hub]]), nbma=nbma_of(table, self._given, hub)
                )
                for hub in servers
            ),
            destination=nbma_of(table, self._given, servers[0]) if point_to_point else None,
            redirect=self._is_hub and table.phase == 3,
            shortcut=self._phase == 3 and (not self._is_hub or bool(servers)),
            next_hop_self=table.phase != 2,
            summary=Net.of(pool) if self._is_hub and (pool := summary_of(table)) is not None else None,
            shared=not self._is_hub and table.has_two_clouds and len(self._servers()) > 1,
        )

    # ------------------------------------------------------------------------------------------ static routes

    def _routes(self) -> list[PlannedRoute]:
        """Return static routes to LANs that no routing protocol advertises."""
        table, given = self._table, self._given
        silent = [name for name in table.sites if name != self._name and is_static(table, name)]
        if not (silent if self._is_hub else is_static(table, self._name)):
            return []  # nothing to say, and thousands of sites to say it of
        tunnels = {name: str(table.tunnel.network[number]) for name, number in given.numbers.items()}
        others = {name: Net.of(lan_of(table, given, name)) for name in table.sites if name != self._name}
        if self._is_hub:
            return [PlannedRoute(net=others[name], via=tunnels[name]) for name in silent]
        hub = next(iter(table.hubs))
        if self._phase == 2:
            return [
                PlannedRoute(net=net, via=tunnels[name if _is_multipoint(table, name) else hub])
                for name, net in others.items()
            ]
        pool = table.pools.lan.network if table.pools.lan is not None else None
        inside = {name for name in others if pool is not None and lan_of(table, given, name).subnet_of(pool)}
        single = [PlannedRoute(net=net, via=tunnels[hub]) for name, net in others.items() if name not in inside]
        return [*([PlannedRoute(net=Net.of(pool), via=tunnels[hub])] if pool is not None and inside else []), *single]


# ------------------------------------------------------------------------------------------------ what sites have


def lan_of(table: Table, given: Allocations, name: str) -> IPv4Network:
    """Return the network inside a site; the router has its first address."""
    return table.sites[name].lan or given.lans[name]


def nbma_of(table: Table, given: Allocations, name: str) -> str:
    """Return the NBMA address of a hub."""
    nbma = table.sites[name].nbma
    return str(nbma.ip if nbma is not None else given.nbmas[name][1])


def summary_of(table: Table) -> IPv4Network | None:
    """Return the summary that a hub advertises in place of the LANs; None with two hubs, which need every LAN."""
    fits = len(table.hubs) == 1 and table.phase != 2 and table.routing != "static" and table.pools.lan is not None
    return table.pools.lan.network if fits and table.pools.lan is not None else None


def is_static(table: Table, name: str) -> bool:
    """Return whether it speaks no routing protocol."""
    return (table.sites[name].routing or table.routing) == "static"


def _is_multipoint(table: Table, name: str) -> bool:
    return (getattr(table.sites[name], "phase", None) or table.phase) != 1


# ------------------------------------------------------------------------------------------------ what cannot work


def _check(table: Table, given: Allocations) -> None:
    if table.has_two_clouds and table.tunnel.second is None:
        text = "phase 1 with two hubs needs tunnel.second, the network of the second hub's tunnels"
        raise AllocationError(("tunnel",), text)
    for name, hub in table.hubs.items():
        if hub.routing is not None and (hub.routing == "static") != (table.routing == "static"):
            raise AllocationError(("hubs", name, "routing"), f"the hub must speak what its spokes do: {table.routing}")
    if len(table.hubs) > 1 and any(is_static(table, name) for name in table.sites):
        text = "static routes do not notice that a hub is dead: routing eigrp, or one hub"
        raise AllocationError(("routing",) if table.routing == "static" else ("spokes",), text)
    for name, spoke in table.spokes.items():
        _check_spoke(table, given, name, spoke)
    # GRE has no ports, so a NAT box lets only one spoke behind an address speak to a hub.
    seen: dict[object, str] = {}
    for name, spoke in table.spokes.items():
        if table.protection == "none" and spoke.nat is not None and spoke.nat.outside is not None:
            other = seen.setdefault(spoke.nat.outside.ip, name)
            if other != name:
                text = f"{other} is behind {spoke.nat.outside.ip}, too: two can be only with protection (UDP 4500)"
                raise AllocationError(("spokes", name, "nat"), text)


def _check_spoke(table: Table, given: Allocations, name: str, spoke: Spoke) -> None:
    where = ("spokes", name)
    if spoke.phase is not None and spoke.phase > table.phase:
        text = f"phase {spoke.phase} needs hubs of phase {spoke.phase}, and the table has phase {table.phase}"
        raise AllocationError((*where, "phase"), text)
    if spoke.protection is not None and spoke.protection != table.protection:
        text = f"its hubs have protection {table.protection}, and a tunnel that differs from theirs never comes up"
        raise AllocationError((*where, "protection"), text)
    for hub in spoke.hubs or ():
        if hub not in table.hubs:
            raise AllocationError((*where, "hubs"), f"there is no hub {hub}")
    if is_static(table, name) and table.routing != "static":
        pool = summary_of(table)
        if pool is None or not lan_of(table, given, name).subnet_of(pool):
            text = "a static site among others needs a hub that advertises its LAN with the pool: one hub, pools.lan"
            raise AllocationError((*where, "routing"), text)
