"""What a lab looks like: an ASCII picture of a scenario, with the addresses that people need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered
from dmvpn.router.router import Router

if TYPE_CHECKING:
    from dmvpn.base.notices import InterfaceState
    from dmvpn.shells.scenario import Scenario

_GAP = "   "


def picture(scenario: Scenario) -> list[str]:
    """The lines: hubs above, the provider between, everybody else below, hosts at their routers."""
    providers = [name for name in scenario.configurations if scenario.role(name) == "provider"]
    hubs = [name for name in scenario.configurations if scenario.role(name) == "hub"]
    rest = [name for name in scenario.configurations if name not in (*providers, *hubs)]
    if not hubs and len(rest) > 1:
        hubs, rest = rest[:1], rest[1:]
    above, below = _row(scenario, hubs, hosts_first=True), _row(scenario, rest, hosts_first=False)
    width = max([len(line) for line in (*above, *below)], default=20)
    middle = f"[ {', '.join(providers) or 'underlay'} ]".center(width, "=")
    return [*above, middle, *below]


def _row(scenario: Scenario, names: list[str], *, hosts_first: bool) -> list[str]:
    blocks = [_block(scenario, name, hosts_first=hosts_first) for name in names]
    height = max((len(block) for block in blocks), default=0)
    columns = []
    for block in blocks:
        width = max(len(line) for line in block)
        padding = [""] * (height - len(block))
        lines = [*padding, *block] if hosts_first else [*block, *padding]
        columns.append([line.center(width) for line in lines])
    return [_GAP.join(cells).rstrip() for cells in zip(*columns, strict=True)]


def _block(scenario: Scenario, name: str, *, hosts_first: bool) -> list[str]:
    """One router with its tunnel and underlay addresses, and the hosts of its LANs."""
    role = scenario.role(name)
    interfaces = addresses(scenario.configurations[name])
    tunnels = [state for state in interfaces if state.name.startswith("Tunnel")]
    hosts = [(host, spec) for host, spec in scenario.lab.hosts.items() if spec.link.partition(":")[0] == name]
    lans = {scenario.end(spec.link)[1] for _, spec in hosts}
    underlay = [state for state in interfaces if state not in tunnels and state.name not in lans]
    box = [f"{name} ({role})" if role != "router" else name, *(_address(state) for state in tunnels)]
    width = max(len(line) for line in box) + 2
    drawn = ["+" + "-" * width + "+", *(f"|{line.center(width)}|" for line in box), "+" + "-" * width + "+"]
    near_host = [f"{host} {spec.address}" for host, spec in hosts]
    host_lines = [line for text in near_host for line in (text, "|")] if near_host else []
    wire = ["|", *(_address(state) for state in underlay), "|"]
    if hosts_first:
        return [*host_lines, *drawn, *wire]
    return [*wire, *drawn, *reversed(host_lines)]


def _address(state: InterfaceState) -> str:
    return f"{state.name.replace('GigabitEthernet', 'Gi')} {state.address}/{state.prefix_length}"


def addresses(configuration: str) -> list[InterfaceState]:
    """The interfaces of a configuration that have an address, in IOS order."""
    router = Router(SeededEntropy(0))
    router.handle(ConfigurationEntered(configuration), 0.0)
    return [state for state in router.ports.interfaces.all() if state.address is not None]
