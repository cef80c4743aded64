"""A lab of a table: `lab.yaml` with wires, NAT boxes and hosts, and the router that stands for the provider."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import chain, count
from typing import TYPE_CHECKING

import yaml

from dmvpn.ios import short_interface
from dmvpn.shells.exercises import CONFIGURATION
from dmvpn.shells.lab_model import INSIDE, NAME, OUTSIDE, RESERVED
from dmvpn.tools.render.allocation import AllocationError, nat_of
from dmvpn.tools.render.plan import lan_of, summary_of
from dmvpn.tools.render.table import PROVIDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dmvpn.tools.render.allocation import Allocations
    from dmvpn.tools.render.plan import Planned
    from dmvpn.tools.render.table import Table

_PORT = "GigabitEthernet0/{}"


def lab_files(table: Table, given: Allocations, planned: dict[str, Planned]) -> dict[str, str]:
    """Return the files that a folder of rendered configurations needs to be a lab. Raises AllocationError."""
    names = _Names([*table.sites, PROVIDER, RESERVED])
    lab = _Lab(names)
    for name, site in planned.items():
        lab.add(table, name, site)
    document = {
        "title": f"{table.name}: {len(table.hubs)} hubs and {len(table.spokes)} spokes",
        "routers": {**{name: {"role": site.role} for name, site in planned.items()}, PROVIDER: {"role": "provider"}},
        "links": lab.links(given.ports),
        **({"gateways": lab.gateways} if lab.gateways else {}),
        "hosts": {
            names.new(f"H-{name}", f"H-{site.number}"): _host_spec(table, given, name, site)
            for name, site in planned.items()
        },
        "ready": {"routes": _routes(table, given)},
    }
    head = "# Made by `dmvpn render`. Change the table, not this file.\n"
    return {
        CONFIGURATION: head + yaml.safe_dump(document, sort_keys=False, width=1000),
        f"{PROVIDER}.cfg": lab.provider(given.ports),
    }


class _Names:
    """Names for hosts and NAT boxes, which the table does not name."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def new(self, wanted: str, short: str) -> str:
        """Return a name that is free and valid in a lab: the wanted one, or one made of the short one."""
        for name in chain((wanted, short), (f"{short}-{number}" for number in count(2))):
            if name not in self._taken and re.fullmatch(NAME, name):
                break
        self._taken.add(name)
        return name


class _Lab:
    """Collects the wires of the lab, with the ends on each of them."""

    def __init__(self, names: _Names) -> None:
        self.gateways: dict[str, dict[str, str]] = {}
        self._names = names
        self._boxes: dict[IPv4Address, list[str]] = {}
        self._wires: dict[IPv4Network, list[str]] = {}
        self._providers: dict[IPv4Network, IPv4Address] = {}

    def add(self, table: Table, name: str, site: Planned) -> None:
        """Add a site, with its NAT box if it has one."""
        end = _end(name, site.wan.interface)
        nat = nat_of(table.sites[name])
        if site.wan.address is None or site.wan.gateway is None:
            text = "it gets its address by DHCP, which labs do not have: give it an nbma and a gateway"
            raise AllocationError(("spokes", name), text)
        if nat is None:
            network = IPv4Network((site.wan.address, site.wan.mask or ""), strict=False)
            self._plug(end, network, IPv4Address(site.wan.gateway))
        elif nat.outside is None or nat.gateway is None:
            raise AllocationError(("spokes", name, "nat"), "a lab needs nat.outside and nat.gateway")
        elif nat.outside.ip in self._boxes:
            self._boxes[nat.outside.ip].append(end)
        else:
            # By its address, so that it has the same name whatever site moves behind it, or goes.
            box = self._names.new(f"NAT-{nat.outside.ip}", f"NAT-{name}")
            self.gateways[box] = {
                "kind": nat.kind,
                "outside": str(nat.outside),
                "gateway": str(nat.gateway),
                "inside": str(IPv4Interface((site.wan.gateway, site.wan.mask or ""))),
            }
            self._plug(f"{box}:{OUTSIDE}", nat.outside.network, nat.gateway)
            self._boxes[nat.outside.ip] = [f"{box}:{INSIDE}", end]

    def _plug(self, end: str, network: IPv4Network, gateway: IPv4Address) -> None:
        self._wires.setdefault(network, []).append(end)
        self._providers[network] = gateway

    def links(self, ports: Mapping[IPv4Network, int]) -> list[dict[str, list[str]]]:
        """Return all wires; the provider has a port at each of its networks."""
        outer = [[*ends, f"{PROVIDER}:{_PORT.format(ports[network])}"] for network, ends in self._wires.items()]
        return [{"ends": ends} for ends in (*outer, *self._boxes.values())]

    def provider(self, ports: Mapping[IPv4Network, int]) -> str:
        """Return its configuration."""
        text = "".join(
            f"interface {_PORT.format(ports[network])}\n"
            f" ip address {self._providers[network]} {network.netmask}\n no shutdown\n!\n"
            for network in sorted(self._wires, key=ports.__getitem__)
        )
        return f"! Made by `dmvpn render`: the provider, for labs.\nhostname {PROVIDER}\n!\n{text}end\n"


def _end(name: str, interface: str) -> str:
    """Return an end of a wire. lab.yaml has no place for the dash of a Port-channel."""
    return f"{name}:{short_interface(interface) if '-' in interface else interface}"


def _host_spec(table: Table, given: Allocations, name: str, site: Planned) -> dict[str, str]:
    lan = lan_of(table, given, name)
    address = lan[min(100, lan.num_addresses - 2)]
    return {
        "link": _end(name, site.lan.interface),
        "address": f"{address}/{lan.prefixlen}",
        "gateway": site.lan.address,
    }


def _routes(table: Table, given: Allocations) -> dict[str, list[str]]:
    """Return the routes that a lab has when it is up: LANs of spokes at the hub, a route to LANs at spokes."""
    pool = summary_of(table)
    hub = next(iter(table.hubs))
    towards = str(lan_of(table, given, hub)) if pool is None else str(pool)
    at_hubs = [str(lan_of(table, given, name)) for name, spoke in table.spokes.items() if _uses(table, spoke.hubs, hub)]
    routing = [name for name, spoke in table.spokes.items() if _uses(table, spoke.hubs, hub)]
    if table.routing == "static":
        return {hub: at_hubs}
    at_spokes = {name: [towards] for name in routing if table.spokes[name].routing != "static"}
    return {hub: at_hubs, **at_spokes}


def _uses(table: Table, hubs: list[str] | None, hub: str) -> bool:
    return hub in (hubs or list(table.hubs))
