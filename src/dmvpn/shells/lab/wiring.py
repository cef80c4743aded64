"""The lab's cables: a network namespace for every router and host, a veth pair for every wire, hosts configured.

Routers find their interfaces plugged in and configure them themselves, as they would find their network cards. A wire
with more than two ends would be a switch: none of the kernels we must run on is sure to have a bridge, so such
scenarios are for the simulator.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import UserError
from dmvpn.dataplane import netlink
from dmvpn.dataplane.sysctl import Sysctls
from dmvpn.dataplane.userspace.names import InterfaceNames
from dmvpn.shells.lab.namespaces import inside_network, new_network
from dmvpn.shells.scenario import HostSpec, LinkSpec, Scenario

End = tuple[str, str]

#: A host that answers every packet is a better host: no limit on its ICMP errors.
_HOST_SETTINGS = {"net/ipv4/icmp_ratelimit": 0}


@dataclass(frozen=True, slots=True)
class Cable:
    """A wire with its two ends: (node, IOS interface name; "eth0" on hosts)."""

    ends: tuple[End, End]
    properties: LinkSpec

    @property
    def name(self) -> str:
        """What `lab impair` calls it: "R31:Gi0-1--TRANSPORT:Gi0-2"."""
        return "--".join(f"{node}:{linux_name(interface)}" for node, interface in self.ends)


@dataclass(slots=True)
class Wiring:
    """All namespaces (open descriptors by node) and cables of a lab."""

    namespaces: dict[str, int] = field(default_factory=dict)
    cables: list[Cable] = field(default_factory=list)
    hosts: dict[str, HostSpec] = field(default_factory=dict)

    def interfaces(self, node: str) -> dict[str, str]:
        """The Linux names of a router's plugged interfaces by IOS names."""
        ends = sorted(end for cable in self.cables for end in cable.ends if end[0] == node)
        return {interface: linux_name(interface) for _, interface in ends}

    def settle(self, node: str) -> None:
        """Configure a host whose interface was plugged in; routers do that themselves. Call it inside its namespace."""
        if node in self.hosts:
            _configure_host(self.hosts[node])

    def find(self, text: str) -> Cable:
        """The cable that is plugged into "R31:Gi0/1", or that is named so. Raises UserError."""
        wanted = Scenario.end(text) if text.count(":") == 1 else None
        for cable in self.cables:
            if cable.name == text or wanted in cable.ends:
                return cable
        names = "\n  ".join(cable.name for cable in self.cables)
        raise UserError(f"no link {text}; there are\n  {names}")


def linux_name(interface: str) -> str:
    """The Linux name of an IOS interface, or of a host's."""
    return interface if interface == "eth0" else InterfaceNames().linux(interface)


def wire_up(scenario: Scenario) -> Wiring:
    """Make everything. The caller is process 1 of the lab. Raises UserError, OSError."""
    wiring = Wiring(hosts=dict(scenario.lab.hosts))
    for node in (*scenario.configurations, *scenario.lab.hosts):
        wiring.namespaces[node] = new_network()
    with netlink.NetlinkSocket() as kernel:
        for ends, properties in scenario.segments():
            if len(ends) != 2:
                names = ", ".join(f"{node}:{interface}" for node, interface in ends)
                raise UserError(f"a link with {len(ends)} ends ({names}) is for --simulated: here it takes two")
            cable = Cable((ends[0], ends[1]), properties)
            plug_in(wiring, cable, kernel)
            wiring.cables.append(cable)
    for node in wiring.namespaces:
        with inside_network(wiring.namespaces[node]), netlink.NetlinkSocket() as kernel:
            kernel.call(netlink.set_up("lo"))
            wiring.settle(node)
    return wiring


def plug_in(wiring: Wiring, cable: Cable, kernel: netlink.NetlinkSocket) -> None:
    """Make the veth pair of a cable, each end in its node."""
    one, other = (
        netlink.VethEnd(name=linux_name(interface), namespace=wiring.namespaces[node]) for node, interface in cable.ends
    )
    kernel.call(netlink.create_veth(one, other))


def _configure_host(host: HostSpec) -> None:
    Sysctls().set_all(_HOST_SETTINGS)
    with netlink.NetlinkSocket() as kernel:
        link = kernel.find_link("eth0")
        if link is None:
            raise UserError("a host's cable is gone")
        interface = host.interface
        kernel.call(
            netlink.set_link(link.index, netlink.LinkSettings(silent_ipv6=True)),
            netlink.add_address(netlink.InterfaceAddress(link.index, interface.ip, interface.network.prefixlen)),
            netlink.set_up(link.index),
        )
        if host.gateway is not None:
            default = netlink.Route(Prefix(IPv4Address(0), 0), (netlink.NextHop(link.index, host.gateway),))
            kernel.call(netlink.add_route(default))


def close(wiring: Wiring) -> None:
    """Let go of all namespaces."""
    for descriptor in wiring.namespaces.values():
        os.close(descriptor)
