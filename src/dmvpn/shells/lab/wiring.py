"""The lab's cables: a network namespace for every router, host and gateway, a veth pair for every wire.

A wire with more than two ends is a bridge; hosts and gateways are configured. Routers find their interfaces plugged in
and configure them themselves, like network cards. A bridge lives in a namespace of its own; where the kernel has none,
the relay of bad wires (impair.py) is the switch.

A translator (`Gateway`) is a network namespace in which the kernel forwards and masquerades. Linux remembers flows by
both addresses and ports (conntrack), so it is a port-restricted translator, and with random ports a symmetric one. It
cannot be a cone, which accepts answers from any remote: such a gateway is port-restricted here, and `lab status` shows
that. A station with a public address of its own (`inward`) is translated one to one by either kind.
"""

from __future__ import annotations

import errno
import os
from dataclasses import field
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import UserError
from dmvpn.base.values import Mutable, Value
from dmvpn.dataplane import host, netlink
from dmvpn.dataplane import host as sysctl
from dmvpn.dataplane.netlink import netfilter
from dmvpn.dataplane.userspace.links import InterfaceNames
from dmvpn.network.switching import address_of
from dmvpn.shells.facts import GatewayFacts, GreFlow
from dmvpn.shells.lab.namespaces import inside_network, new_network
from dmvpn.shells.lab_model import INSIDE, OUTSIDE, GatewaySpec, HostSpec, LinkSpec
from dmvpn.shells.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from dmvpn.dataplane.translator import NatKind
    from dmvpn.shells.lab.vrf_namespaces import HeldNamespaces


# ------------------------------------------------------------------------------------------------ gateways


#: Seconds that an unanswered flow lives; the kernel's own for GRE and UDP.
_UNANSWERED = 30
#: The flows of the namespace of the calling thread.
_CONNTRACK = Path("/proc/thread-self/net/nf_conntrack")


class Gateway(Mutable):
    """public: its address outside, which `rebind` may change. asked: the requested kind; sign: the displayed kind."""

    spec: GatewaySpec
    public: IPv4Interface
    asked: NatKind = field(init=False)
    sign: NatKind = field(init=False)

    def __post_init__(self) -> None:
        self.asked = self.sign = self.spec.kind

    @property
    def kind(self) -> NatKind:
        """The kind that Linux makes of the requested one."""
        return _in_linux(self.asked)

    def describe(self) -> str:
        """Return one line for `lab status`."""
        kind = _in_linux(self.sign)
        asked = "" if kind == self.sign else f" (a {self.sign} is asked for; Linux cannot be one)"
        return f"NAT {self.spec.private.ip} -> {self.public.ip}, {kind}{asked}{inward_of(self.inward)}"

    @property
    def inward(self) -> dict[IPv4Address, IPv4Address]:
        """The stations inside by their own public addresses."""
        return self.spec.inward_now(self.public.ip)

    @property
    def _rules(self) -> netfilter.Masquerade:
        return netfilter.Masquerade(OUTSIDE, self.kind == "symmetric", tuple(self.inward.items()))

    def begin(self) -> None:
        """Start to translate. Call it once, inside its namespace. Raises HostProblem."""
        host.put_all(
            {
                "net/ipv4/ip_forward": 1,
                "net/ipv4/icmp_ratelimit": 0,
                "net/ipv4/conf/all/rp_filter": 0,
                **{f"net/netfilter/nf_conntrack_{name}": value for name, value in self._timeouts().items()},
            }
        )
        netfilter.install(self._rules)

    def change_kind(self, kind: NatKind, *, hidden: bool = False) -> None:
        """Change its kind; hidden: the display stays. Call it inside its namespace. Raises HostProblem."""
        if not hidden:
            self.sign = kind
        if kind == self.asked:
            return
        self.asked = kind
        netfilter.install(self._rules, again=True)
        netfilter.forget_flows()

    def settle(self) -> None:
        """Configure the ports that are plugged in. Call it inside its namespace."""
        with netlink.NetlinkSocket() as kernel:
            # Of length 32: so the kernel never masquerades with them.
            more = [IPv4Interface(one) for one in self.inward if one != self.public.ip]
            for name, addresses in ((INSIDE, [self.spec.private]), (OUTSIDE, [self.public, *more])):
                link = kernel.find_link(name)
                if link is None:
                    continue
                forwarding = netlink.InetConf(forwarding=1, rp_filter=0, send_redirects=0)
                kernel.silence_ipv6(link.index)
                _want(
                    kernel,
                    netlink.set_link(link.index, netlink.LinkSettings(inet=forwarding)),
                    *(netlink.add_address(_address(link.index, address)) for address in addresses),
                    netlink.set_up(link.index),
                )
                if name == OUTSIDE:
                    hops = (netlink.KernelNextHop(link.index, self.spec.gateway),)
                    _want(kernel, netlink.add_route(netlink.KernelRoute(Prefix(IPv4Address(0), 0), hops)))

    def rebind(self, public: IPv4Address | None) -> None:
        """Remove all mappings; with an address, use it as public one. Call it inside its namespace."""
        if public is not None and public != self.public.ip:
            old, self.public = self.public, IPv4Interface(f"{public}/{self.public.network.prefixlen}")
            with netlink.NetlinkSocket() as kernel:
                link = kernel.find_link(OUTSIDE)
                if link is not None:
                    kernel.call(netlink.delete_address(_address(link.index, old)))
            self.settle()
            netfilter.install(self._rules, again=True)
        netfilter.forget_flows()

    def facts(self) -> GatewayFacts:
        """Return its settings and flows. Call it inside its namespace."""
        try:
            lines = _CONNTRACK.read_text().splitlines()
        except OSError:  # the kernel was built without this file
            flows = None
        else:
            mine = (self.public.ip, *self.inward)
            flows = tuple(flow for line in lines if (flow := gre_flow(line, mine)) is not None)
        return GatewayFacts(
            private=self.spec.private.network,
            public=self.public.ip,
            inside=self.spec.private.ip,
            gateway=self.spec.gateway,
            kind=_in_linux(self.sign),
            flows=flows,
            inward=self.inward,
        )

    def _timeouts(self) -> dict[str, int]:
        lasting = round(self.spec.timeout)
        short = min(_UNANSWERED, lasting)
        return {
            "gre_timeout": short,
            "gre_timeout_stream": lasting,
            "udp_timeout": short,
            "udp_timeout_stream": lasting,
            "icmp_timeout": short,
            "generic_timeout": lasting,
        }


def _in_linux(kind: NatKind) -> NatKind:
    return "symmetric" if kind == "symmetric" else "port-restricted"


def inward_of(inward: Mapping[IPv4Address, IPv4Address]) -> str:
    """Return the stations with public addresses of their own, for `lab status`."""
    return "".join(f", {public} is {station} one to one" for public, station in inward.items())


def gre_flow(line: str, publics: Container[IPv4Address] = ()) -> GreFlow | None:
    """Return the flow of a line of nf_conntrack: "ipv4 2 gre 47 179 timeout=30 src=192.168.31.10
    dst=172.16.11.1 src=172.16.11.1 dst=172.16.31.1 ...". publics: the addresses outside, by which others begin flows.
    """
    words = line.split()
    if words[:1] != ["ipv4"] or words[2:3] != ["gre"]:
        return None
    ends = [IPv4Address(word.partition("=")[2]) for word in words if word.startswith(("src=", "dst="))]
    begun_outside = ends[1] in publics
    return GreFlow(inside=ends[2 if begun_outside else 0], remote=ends[0 if begun_outside else 1])


def _want(kernel: netlink.NetlinkSocket, *requests: netlink.KernelRequest) -> None:
    """Carry out requests; existing objects are fine. Raises NetlinkError."""
    for refusal in kernel.execute(requests):
        if refusal.errno != errno.EEXIST:
            raise netlink.NetlinkError(refusal)


def _address(index: int, address: IPv4Interface | IPv6Interface) -> netlink.InterfaceAddress:
    flags = netlink.AddressFlag.NODAD if address.version == 6 else netlink.AddressFlag.NONE
    return netlink.InterfaceAddress(index, address.ip, address.network.prefixlen, flags)


# ------------------------------------------------------------------------------------------------ cables


End = tuple[str, str]

#: A host should answer every packet: no limit on its ICMP errors.
_HOST_SETTINGS = {"net/ipv4/icmp_ratelimit": 0}
#: One with IPv6: at once, without a second of duplicate address detection; it takes no router's word for a route.
_HOST_SETTINGS6 = {
    "net/ipv6/icmp/ratelimit": 0,
    "net/ipv6/conf/all/accept_dad": 0,
    "net/ipv6/conf/eth0/accept_dad": 0,
    "net/ipv6/conf/eth0/disable_ipv6": 0,
}
#: One that has no address yet, and no route: answers of a DHCP server come in all the same.
_LEASED_SETTINGS = {"net/ipv4/conf/all/rp_filter": 0, "net/ipv4/conf/eth0/rp_filter": 0}
_BRIDGE = "switch"
#: The node whose namespace has the bridges of VLANs.
LAYER2 = "layer2"
#: Ports with the same name everywhere.
_SAME_NAME = ("eth0", INSIDE, OUTSIDE)


class Cable(Value):
    """A wire with its ends: (node, IOS interface name; "eth0" on hosts). More than two: a switch.

    steady: its ends have the same link-layer addresses whenever it is plugged in.
    """

    ends: tuple[End, ...]
    properties: LinkSpec
    steady: bool = False

    @property
    def is_switch(self) -> bool:
        """Whether it has more than two ends."""
        return len(self.ends) > 2

    @property
    def name(self) -> str:
        """Its name for `lab impair`, as in a simulated lab: "R31:Gi0/1 TRANSPORT:Gi0/2", with whole names."""
        return " ".join(f"{node}:{interface}" for node, interface in self.ends)


class Wiring(Mutable):
    """All namespaces (open descriptors by node) and cables of a lab.

    switches: the namespace of each cable's bridge, by the cable's name; a switch without a bridge is a relay.
    vrfs: the namespaces of the VRFs of each router.
    parts: the cables that are plugged in for each wire, by its name, once a wire carries VLANs.
    bridge_ports: ports in the namespace of `LAYER2`, each with the index of its bridge.
    """

    namespaces: dict[str, int] = field(default_factory=dict)
    cables: list[Cable] = field(default_factory=list)
    hosts: dict[str, HostSpec] = field(default_factory=dict)
    gateways: dict[str, Gateway] = field(default_factory=dict)
    switches: dict[str, int] = field(default_factory=dict)
    vrfs: dict[str, HeldNamespaces] = field(default_factory=dict)
    parts: dict[str, list[Cable]] = field(default_factory=dict)
    bridge_ports: dict[str, int] = field(default_factory=dict)

    def spaces(self, node: str) -> dict[str, int]:
        """Return the namespaces of a node by VRF, "": without one, as of now."""
        vrfs = self.vrfs[node].descriptors() if node in self.vrfs else {}
        return {"": self.namespaces[node], **vrfs}

    def unplug(self, node: str, interface: str) -> None:
        """Remove an interface, whichever VRF it is in; the other end of a veth goes with it."""
        for space in self.spaces(node).values():
            with inside_network(space), netlink.NetlinkSocket() as kernel:
                link = kernel.find_link(linux_name(interface))
                if link is not None:
                    kernel.call(netlink.delete_link(link.index))
                    return

    def interfaces(self, node: str) -> dict[str, str]:
        """Return the Linux names of a router's plugged interfaces by IOS names."""
        ends = sorted(end for cable in self.cables for end in cable.ends if end[0] == node)
        return {interface: linux_name(interface) for _, interface in ends}

    def settle(self, node: str) -> None:
        """Configure a host or gateway that was plugged in; routers do that themselves. Call it inside its namespace."""
        if node in self.hosts:
            _configure_host(self.hosts[node])
        elif node in self.gateways:
            self.gateways[node].settle()
        elif node == LAYER2:
            self.attach(self.bridge_ports)

    def attach(self, ports: Iterable[str]) -> None:
        """Make ports, as far as they are there, ports of their bridges. Call it inside the namespace of `LAYER2`."""
        with netlink.NetlinkSocket() as kernel:
            for port in ports:
                settings = netlink.LinkSettings(master=self.bridge_ports[port], silent_ipv6=True)
                kernel.execute([netlink.set_link(port, settings), netlink.set_up(port)])

    def needs_relay(self, cable: Cable) -> bool:
        """Return whether the cable is a switch for which the kernel has no bridge."""
        return cable.is_switch and cable.name not in self.switches

    def find(self, text: str) -> Cable:
        """Return the cable that is plugged into "R31:Gi0/1", or that has this name. Raises UserError."""
        name, _ = Scenario.find_wire(text, self.ends)
        return next(cable for cable in self.cables if cable.name == name)

    @property
    def ends(self) -> dict[str, tuple[End, ...]]:
        """The ends of each cable, by its name."""
        return {cable.name: cable.ends for cable in self.cables}


def linux_name(interface: str) -> str:
    """Return the Linux name of an IOS interface, or of a host's or gateway's."""
    same = interface in _SAME_NAME or interface.startswith("port")
    return interface if same else InterfaceNames().linux(interface)


def wire_up(scenario: Scenario) -> Wiring:
    """Make everything. The caller is process 1 of the lab. Raises UserError, OSError."""
    wiring = Wiring(hosts=dict(scenario.lab.hosts))
    wiring.gateways = {name: Gateway(spec, spec.public) for name, spec in scenario.lab.gateways.items()}
    for node in (*scenario.configurations, *wiring.hosts, *wiring.gateways):
        wiring.namespaces[node] = new_network()
    with netlink.NetlinkSocket() as kernel:
        for ends, properties in scenario.segments():
            cable = Cable(tuple(ends), properties)
            if cable.is_switch:
                make_switch(wiring, cable)
            plug_in(wiring, cable, kernel)
            wiring.cables.append(cable)
    for node in wiring.namespaces:
        with inside_network(wiring.namespaces[node]), netlink.NetlinkSocket() as kernel:
            kernel.call(netlink.set_up("lo"))
            wiring.settle(node)
            if node in wiring.gateways:
                wiring.gateways[node].begin()
    return wiring


def plug_in(wiring: Wiring, cable: Cable, kernel: netlink.NetlinkSocket) -> None:
    """Make the veth pair of a cable, each end in its node; for a switch one from each node to the bridge."""
    ends = [
        netlink.VethEnd(
            name=linux_name(interface),
            namespace=wiring.namespaces[node],
            address=address_of(node, interface) if cable.steady else None,
        )
        for node, interface in cable.ends
    ]
    if not cable.is_switch:
        kernel.call(netlink.create_veth(*ends))
    elif cable.name in wiring.switches:
        switch = wiring.switches[cable.name]
        ports = [netlink.VethEnd(name=f"port{number}", namespace=switch) for number in range(len(ends))]
        kernel.call(*(netlink.create_veth(port, end) for port, end in zip(ports, ends, strict=True)))
        with inside_network(switch), netlink.NetlinkSocket() as inside:
            _connect(inside, [port.name for port in ports])


def make_switch(wiring: Wiring, cable: Cable) -> None:
    """Make a namespace with a bridge; none if the kernel has no bridges: then the relay replaces it."""
    namespace = new_network()
    with inside_network(namespace), netlink.NetlinkSocket() as kernel:
        refusals = kernel.execute([netlink.create_bridge(_BRIDGE)])
        if not refusals:
            kernel.silence_ipv6(_BRIDGE)
            kernel.call(netlink.set_up(_BRIDGE))
            wiring.switches[cable.name] = namespace
            return
    os.close(namespace)
    if refusals[0].errno not in (errno.EOPNOTSUPP, errno.EPERM):
        raise netlink.NetlinkError(refusals[0])


def _connect(kernel: netlink.NetlinkSocket, ports: list[str]) -> None:
    bridge = kernel.find_link(_BRIDGE)
    if bridge is None:
        raise UserError("a switch of the lab is gone")
    for port in ports:
        kernel.silence_ipv6(port)
        kernel.call(netlink.set_link(port, netlink.LinkSettings(master=bridge.index)), netlink.set_up(port))


def _configure_host(host: HostSpec) -> None:
    taken = {"net/ipv6/conf/eth0/accept_ra": int(host.makes_address)}
    sysctl.put_all(_HOST_SETTINGS | (_HOST_SETTINGS6 | taken if host.speaks_ipv6 else {}))
    if host.is_leased:
        sysctl.put_all(_LEASED_SETTINGS)
    with netlink.NetlinkSocket() as kernel:
        link = kernel.find_link("eth0")
        if link is None:
            raise UserError("a host's cable is gone")
        if not host.speaks_ipv6:  # with IPv6 the kernel gives it a link-local address
            kernel.silence_ipv6(link.index)
        kernel.call(netlink.set_up(link.index))
    address_host(host)


def address_host(host: HostSpec) -> None:
    """Give a host its addresses and gateways, and no other address. Call it inside its namespace."""
    with netlink.NetlinkSocket() as kernel:
        link = kernel.find_link("eth0")
        if link is None:
            raise UserError("a host's cable is gone")
        have = [each for each in kernel.addresses() if each.link == link.index]
        own6, gateway6 = host.interface6, None if host.makes_address else host.gateway6  # the kernel hears its router
        for old in have:
            was_leased = old.prefix_length == 128 and (own6 is None or old.address != own6.ip)
            if old.address.version == 4 or was_leased:
                kernel.call(netlink.delete_address(old))
        if own6 is not None and own6.ip in [each.address for each in have]:  # only the lease is another one
            own6 = gateway6 = None
        for each in (None if host.is_leased else host.interface, own6):
            if each is not None:
                kernel.call(netlink.add_address(_address(link.index, each)))
        for gateway in (host.gateway, gateway6):
            if gateway is not None:
                hops = (netlink.KernelNextHop(link.index, gateway),)
                kernel.call(netlink.add_route(netlink.KernelRoute(Prefix.of(gateway, 0), hops)))
