"""Rules about what a branch has around its tunnels: leases of addresses, their relay agents, and NAT with its pools."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Interface
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.findings import Cause, Rule, Severity, rule
from dmvpn.base.translation import PacketPolicies
from dmvpn.base.values import collected
from dmvpn.features.dhcp import config as leases
from dmvpn.features.dhcp.model import Pool
from dmvpn.features.dhcp.packet import Code
from dmvpn.features.nat import config as nat
from dmvpn.features.nat import lint as nat_rules
from dmvpn.features.nat.model import OwnAddresses, Policies
from dmvpn.features.policy.machine import of_packets
from dmvpn.network.device import Device
from dmvpn.network.overlay import Network
from dmvpn.tools.lint.found import NetworkConcern, found

FULL: Final = rule(Severity.WARNING, Cause.POOL)(r"""
    dhcp-pool-without-address: All addresses of a DHCP pool are excluded
    No client gets an address. `ip dhcp excluded-address` without a second address excludes one; with one, all between.
    bad: ip dhcp excluded-address 10.1.1.1 10.1.1.254\nip dhcp pool LAN\n network 10.1.1.0 /24
    fix: no ip dhcp excluded-address 10.1.1.1 10.1.1.254\nip dhcp excluded-address 10.1.1.1 10.1.1.9
    """)
ROUTER: Final = rule(Severity.WARNING, Cause.POOL)(r"""
    dhcp-router-elsewhere: The default router of a DHCP pool is not in its network
    Clients get an address and no way out of their subnet.
    bad: ip dhcp pool LAN\n network 10.1.1.0 /24\n default-router 10.1.2.1
    fix: ip dhcp pool LAN\n default-router 10.1.1.1
    """)
OFF: Final = rule(Severity.WARNING, Cause.POOL)(r"""
    dhcp-switched-off: DHCP is switched off, and there are pools or helper addresses
    Without `service dhcp` the server leases nothing, and the relay agent passes nothing on.
    bad: no service dhcp\nip dhcp pool LAN\n network 10.1.1.0 /24
    fix: service dhcp
    """)
NO_LINK: Final = rule(Severity.WARNING, Cause.POOL)(r"""
    dhcp-pool-on-no-link: A DHCP pool is for a network that no router has
    A pool serves clients of a port in its network, or of a relay agent there; no port of these routers is in it.
    bad: ip dhcp pool LAN\n network 10.1.11.0 /24\ninterface GigabitEthernet2\n ip address 10.1.1.1 255.255.255.0
    fix: ip dhcp pool LAN\n network 10.1.1.0 255.255.255.0
    """)
HELPER: Final = rule(Severity.WARNING, Cause.RELAY)(r"""
    dhcp-helper-without-pool: A helper address leads to a router without a pool for the network
    The relay agent passes requests on in the name of its port; a server without a pool for that network is silent.
    bad: (at HUB, to whom the helper address of 10.1.1.1/24 leads) no pool
    fix: ip dhcp pool BRANCH\n network 10.1.1.0 255.255.255.0\n default-router 10.1.1.1
    """)
NOTHING: Final = rule(Severity.WARNING, Cause.TRANSLATION)(r"""
    nat-list-permits-nothing: A NAT rule whose list or route map permits nothing
    Only packets that it permits are translated, so all leave with their private addresses and get no answer.
    bad: ip access-list extended LAN\n deny ip any any\n
    ip nat inside source list LAN interface GigabitEthernet1 overload
    fix: ip access-list extended LAN\n 1 permit ip 10.1.1.0 0.0.0.255 any
    """)
TAKEN: Final = rule(Severity.ERROR, Cause.TRANSLATION)(r"""
    nat-pool-overlaps: A NAT pool has an address that a neighbor outside uses
    Answers to that address never come back to the station, and the neighbor becomes unreachable where this router
    answers ARP for it.
    bad: ip route 0.0.0.0 0.0.0.0 192.0.2.1\nip nat pool INET 192.0.2.1 192.0.2.9 netmask 255.255.255.0
    fix: ip nat pool INET 192.0.2.2 192.0.2.9 netmask 255.255.255.0
    """)
RULES: Final = collected(Rule, vars())


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield mistakes of leases and of NAT."""
    ports = [one for device in network.devices for one in device.interfaces.interfaces]
    every = [address for one in ports for address, _ in one.addresses_of(4)]
    links6 = [Prefix(*address) for one in ports for address in one.addresses_of(6)]
    links6 += (prefix for one in ports if one.ipv6 is not None for prefix in one.ipv6.prefixes)
    for device in network.devices:
        yield from _leases(device, every, links6)
        for name, helper in device.helpers:
            for server in network.devices:
                yield from _helped(device, device.ports.get(name), server, helper)
        if device.nat.rules or device.nat.statics:
            known = of_packets(device.policy)
            addresses = ((one.name, address) for one, address, _ in device.addresses())
            own = OwnAddresses.of_ports(addresses, device.tunnel_sources)
            yield from (NetworkConcern(device, one) for one in nat_rules.check(device.nat, known, own))
            yield from _lists(device, known)
            yield from _pools(device, own, network.devices)


def _leases(device: Device, every: list[IPAddress], links6: list[Prefix]) -> Iterator[NetworkConcern]:
    config = device.dhcp
    for six in config.pools6:
        if six.prefix is not None and not any(link in six.prefix or six.prefix in link for link in links6):
            line = leases.POOL6.line(name=six.name)
            yield found(NO_LINK, device, (line,), f"pool {six.name} is for {six.prefix}, where no router has a port")
    if not config.enabled and (config.pools or device.helpers):
        yield found(OFF, device, (leases.SERVICE.no(),), "server and relay agent are off", leases.SERVICE.line())
    for pool in config.pools:
        network, at = pool.network, (leases.POOL.line(name=pool.name),)
        if network is None:
            continue
        ours = [one for one in device.ports.values() if _serves(pool, one)]
        if not any(Prefix.host(address) in network for address in every):
            inner = [device.ports[settings.name] for settings, _ in device.lans]
            free = [one for one in inner if not any(_serves(other, one) for other in config.pools)]
            fix = f"{at[0]}\n {leases.NETWORK.line(**_subnet(free[0]))}" if len(free) == 1 else ""
            yield found(NO_LINK, device, at, f"pool {pool.name} is for {network}, where no router has a port", fix)
        elif config.excluded_of(pool) >= network.size - 2:
            lines = [one for one in config.excluded if one.vrf == pool.vrf and Prefix.host(one.last) in network]
            widest = max(lines, key=lambda one: int(one.last) - int(one.first), default=None)
            if widest is not None:
                vrf = {"vrf": widest.vrf} if widest.vrf else {}
                fix = leases.EXCLUDED.no(first=widest.first, last=widest.last, **vrf)
                yield found(FULL, device, at, f"all addresses of pool {pool.name} are excluded", fix)
        router = dict(pool.options).get(Code.ROUTER, b"")[:4]
        if router and not network.number < int.from_bytes(router, "big") < network.number + network.size - 1:
            fix = f"{at[0]}\n {leases.ROUTERS.line(server1=ours[0].ip)}" if ours else ""
            yield found(ROUTER, device, at, f"the default router of pool {pool.name} is not in {network}", fix)


def _serves(pool: Pool, port: IPv4Interface) -> bool:
    return pool.network is not None and Prefix.host(port.ip) in pool.network


def _subnet(port: IPv4Interface) -> dict[str, IPv4Address]:
    return {"network": port.network.network_address, "mask": port.network.netmask}


def _helped(
    device: Device, port: IPv4Interface | None, server: Device, helper: IPv4Address
) -> Iterator[NetworkConcern]:
    """Compare the port of a relay agent with the pools of the router that has the helper address."""
    there = next((one.name for one, address, _ in server.addresses() if address == helper), "")
    pools = (*server.dhcp.pools, *device.dhcp.pools)
    if port is None or not there or any(_serves(pool, port) for pool in pools):
        return
    head = leases.POOL.line(name=f"OF-{device.hostname}")
    lines = (head, leases.NETWORK.line(**_subnet(port)), leases.ROUTERS.line(server1=port.ip))
    what = f"{device.hostname} passes requests for {port.network} on to {helper}, and no pool here is for them"
    at = leases.HELPER.line(address=helper)
    yield found(HELPER, server, (f"interface {there}",), what, "\n ".join(lines), related=((device, (at,)),))


def _lists(device: Device, known: PacketPolicies) -> Iterator[NetworkConcern]:
    """Yield rules whose list permits nothing."""
    policies = Policies(known)
    for one in device.nat.rules:
        clauses = policies.clauses(one)
        permits = isinstance(clauses, str) or any(
            clause.permit and (not clause.lists or any(entry.permit for rules in clause.lists for entry in rules))
            for clause in clauses
        )
        inner = [device.ports[name] for name in device.nat.inside if name in device.ports]
        if not permits and one.access_list in known.access_lists:
            listed = [f"1 permit ip {port.network.network_address} {port.network.hostmask} any" for port in inner]
            fix = f"ip access-list extended {one.access_list}\n {listed[0]}" if listed else ""
            yield found(NOTHING, device, (str(one),), f"access list {one.access_list} permits nothing", fix)


def _pools(device: Device, own: OwnAddresses, devices: Iterable[Device]) -> Iterator[NetworkConcern]:
    """Yield pools with addresses of neighbors in the VRF outside: routers of the network, and next hops."""
    vrfs = [*dict.fromkeys(map(device.vrf_of, device.nat.outside))]
    near = [(one, port) for one in devices for name, port in one.ports.items() if one.vrf_of(name) in vrfs]
    links = [port.network for one, port in near if one is device and port.network.prefixlen < 31]
    ends = (address for link in links for address in (link.network_address, link.broadcast_address))
    hops = (hop for vrf in vrfs for hop in device.default_gateways_of(vrf))
    taken = (*(port.ip for _, port in near), *hops, *ends)
    others = OwnAddresses({address: "" for address in taken if address not in own.interfaces}, ())
    for pool in device.nat.pools:
        left = list(others.without(((pool.first, pool.last),)))
        if left != [(pool.first, pool.last)]:
            first, last = max(left, key=lambda one: int(one[1]) - int(one[0]), default=(pool.first, pool.last))
            mask = Prefix.of(pool.first, pool.length).netmask
            fix = nat.POOL.line(name=pool.name, first=first, last=last, mask=mask) if left else ""
            at = (f"ip nat pool {pool.name} {pool.first}",)
            what = f"a neighbor has an address of pool {pool.name}, or the pool has that of a network itself"
            yield found(TAKEN, device, at, what, fix)
