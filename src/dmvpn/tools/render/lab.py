"""A lab of a table: `lab.yaml` with wires, NAT boxes and hosts, and the router that stands for the provider."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import TYPE_CHECKING

import yaml

from dmvpn.base.errors import UserError
from dmvpn.shells.scenario import CONFIGURATION
from dmvpn.tools.render.plan import lan_of, summary_of
from dmvpn.tools.render.table import PROVIDER

if TYPE_CHECKING:
    from dmvpn.tools.render.allocation import Allocations
    from dmvpn.tools.render.plan import Planned
    from dmvpn.tools.render.table import Table

_PORT = "GigabitEthernet0/{}"


def lab_files(table: Table, given: Allocations, planned: dict[str, Planned]) -> dict[str, str]:
    """The files that a folder of rendered configurations needs to be a lab. Raises UserError."""
    lab = _Lab()
    for name, site in planned.items():
        lab.add(table, name, site)
    document = {
        "title": f"{table.name}: {len(table.hubs)} hubs and {len(table.spokes)} spokes",
        "routers": {
            **{name: {"role": site.role} for name, site in planned.items()},
            PROVIDER: {"role": "provider"},
        },
        "links": lab.links(),
        **({"gateways": lab.gateways} if lab.gateways else {}),
        "hosts": {_host(name): _host_spec(table, given, name, site) for name, site in planned.items()},
        "ready": {"routes": _routes(table, given)},
    }
    head = "# Made by `dmvpn render`. Change the table, not this file.\n"
    return {
        CONFIGURATION: head + yaml.safe_dump(document, sort_keys=False, width=1000),
        f"{PROVIDER}.cfg": lab.provider(),
    }


class _Lab:
    """Collects who is plugged in where."""

    def __init__(self) -> None:
        self.gateways: dict[str, dict[str, str]] = {}
        self._wires: dict[tuple[IPv4Network, IPv4Address], list[str]] = {}
        self._inner: list[list[str]] = []

    def add(self, table: Table, name: str, site: Planned) -> None:
        """A site, with its NAT box if it has one."""
        end = f"{name}:{site.wan.interface}"
        spec = getattr(table.sites[name], "nat", None)
        if site.wan.address is None or site.wan.gateway is None:
            raise UserError(f"{name} gets its address by DHCP, which labs do not have: give it an nbma and a gateway")
        if spec is None:
            network = IPv4Network((site.wan.address, site.wan.mask or ""), strict=False)
            self._wires.setdefault((network, IPv4Address(site.wan.gateway)), []).append(end)
            return
        if spec.outside is None:
            raise UserError(f"{name} is behind NAT: a lab needs nat.outside and nat.gateway")
        inside = IPv4Interface((site.wan.gateway, site.wan.mask or ""))
        for box, known in self.gateways.items():  # sites behind one box are on one wire
            if known["outside"] == str(spec.outside) and known["inside"] == str(inside):
                next(ends for ends in self._inner if ends[0] == f"{box}:inside").append(end)
                return
        box = f"NAT{len(self.gateways) + 1}"
        self.gateways[box] = {
            "kind": spec.kind,
            "outside": str(spec.outside),
            "gateway": str(spec.gateway),
            "inside": str(inside),
        }
        self._wires.setdefault((spec.outside.network, spec.gateway), []).append(f"{box}:outside")
        self._inner.append([f"{box}:inside", end])

    def links(self) -> list[dict[str, list[str]]]:
        """All wires; the provider has a port at each of its networks."""
        outer = [[*ends, f"{PROVIDER}:{_PORT.format(port)}"] for port, ends in enumerate(self._wires.values(), 1)]
        return [{"ends": ends} for ends in (*outer, *self._inner)]

    def provider(self) -> str:
        """Its configuration."""
        ports = [
            f"interface {_PORT.format(port)}\n ip address {gateway} {network.netmask}\n no shutdown\n!\n"
            for port, (network, gateway) in enumerate(self._wires, 1)
        ]
        return f"! Made by `dmvpn render`: the provider, for labs.\nhostname {PROVIDER}\n!\n{''.join(ports)}end\n"


def _host(site: str) -> str:
    return f"H-{site}"[:31]


def _host_spec(table: Table, given: Allocations, name: str, site: Planned) -> dict[str, str]:
    lan = lan_of(table, given, name)
    address = lan[min(100, lan.num_addresses - 2)]
    return {
        "link": f"{name}:{site.lan.interface}",
        "address": f"{address}/{lan.prefixlen}",
        "gateway": site.lan.address,
    }


def _routes(table: Table, given: Allocations) -> dict[str, list[str]]:
    """What is there when the lab has come up: LANs of spokes at hubs, something to go by at spokes."""
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
