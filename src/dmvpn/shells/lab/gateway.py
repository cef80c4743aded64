"""A translator (NAT) of a real lab: a network namespace in which the kernel forwards and masquerades.

Linux remembers flows by both addresses and ports (conntrack), so it is a port-restricted translator, and with random
ports a symmetric one. It cannot be a cone, which accepts answers from any remote: such a gateway is port-restricted
here, and `lab status` shows that.
"""

from __future__ import annotations

import errno
from dataclasses import field
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.values import dataclass
from dmvpn.dataplane import host, netlink
from dmvpn.dataplane.netlink import netfilter
from dmvpn.shells.facts import GatewayFacts, GreFlow
from dmvpn.shells.lab_model import INSIDE, OUTSIDE

if TYPE_CHECKING:
    from dmvpn.dataplane.nat.flows import NatKind
    from dmvpn.shells.lab_model import GatewaySpec

#: Seconds that an unanswered flow lives; the kernel's own for GRE and UDP.
_UNANSWERED = 30
#: The flows of the namespace of the calling thread.
_CONNTRACK = Path("/proc/thread-self/net/nf_conntrack")


@dataclass(slots=True)
class Gateway:
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
        return f"NAT {self.spec.private.ip} -> {self.public.ip}, {kind}{asked}"

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
        netfilter.install(netfilter.Masquerade(OUTSIDE, random=self.kind == "symmetric"))

    def change_kind(self, kind: NatKind, *, hidden: bool = False) -> None:
        """Change its kind; hidden: the display stays. Call it inside its namespace. Raises HostProblem."""
        if not hidden:
            self.sign = kind
        if kind == self.asked:
            return
        self.asked = kind
        netfilter.install(netfilter.Masquerade(OUTSIDE, random=self.kind == "symmetric"), again=True)
        netfilter.forget_flows()

    def settle(self) -> None:
        """Configure the ports that are plugged in. Call it inside its namespace."""
        with netlink.NetlinkSocket() as kernel:
            for name, address in ((INSIDE, self.spec.private), (OUTSIDE, self.public)):
                link = kernel.find_link(name)
                if link is None:
                    continue
                forwarding = netlink.InetConf(forwarding=1, rp_filter=0, send_redirects=0)
                kernel.silence_ipv6(link.index)
                _want(
                    kernel,
                    netlink.set_link(link.index, netlink.LinkSettings(inet=forwarding)),
                    netlink.add_address(_address(link.index, address)),
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
        netfilter.forget_flows()

    def facts(self) -> GatewayFacts:
        """Return its settings and flows. Call it inside its namespace."""
        try:
            lines = _CONNTRACK.read_text().splitlines()
        except OSError:  # the kernel was built without this file
            flows = None
        else:
            flows = tuple(flow for flow in map(gre_flow, lines) if flow is not None)
        return GatewayFacts(
            private=self.spec.private.network,
            public=self.public.ip,
            inside=self.spec.private.ip,
            gateway=self.spec.gateway,
            kind=_in_linux(self.sign),
            flows=flows,
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


def gre_flow(line: str) -> GreFlow | None:
    """Return the flow of a line of nf_conntrack: "ipv4 2 gre 47 179 timeout=30 src=192.168.31.10
    dst=172.16.11.1 ...".
    """
    words = line.split()
    if words[:1] != ["ipv4"] or words[2:3] != ["gre"]:
        return None
    ends = [word.partition("=")[2] for word in words if word.startswith(("src=", "dst="))]
    return GreFlow(inside=IPv4Address(ends[0]), remote=IPv4Address(ends[1]))


def _want(kernel: netlink.NetlinkSocket, *requests: netlink.KernelRequest) -> None:
    """Carry out requests; existing objects are fine. Raises NetlinkError."""
    for refusal in kernel.execute(requests):
        if refusal.errno != errno.EEXIST:
            raise netlink.NetlinkError(refusal)


def _address(index: int, address: IPv4Interface) -> netlink.InterfaceAddress:
    return netlink.InterfaceAddress(index, address.ip, address.network.prefixlen)
