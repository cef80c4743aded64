"""Names of servers for a lab whose files have them: the name service that knew them stayed with their author.

    the files                ip nhrp nhs 172.16.0.1 nbma hub1.example.com multicast
    never in the files       the address of hub1.example.com

The router of the lab that has 172.16.0.1 on a tunnel is the one that is meant, so the name is its tunnel's source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dmvpn.network.lines import Lines, interface_address, interfaces, tunnels, with_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from ipaddress import IPv4Address, IPv4Interface

    from dmvpn.shells.scenario import Scenario

#: The place of the name among the words of `ip nhrp nhs ADDRESS nbma NAME`.
_NAME: Final = 5
_ADDRESS: Final = re.compile(r"[\d.]+|[\da-fA-F:]*:[\da-fA-F:.]*")


def name_servers(scenario: Scenario) -> str:
    """Tell routers the addresses of servers that they know by name. A note about it, "" if there is nothing to tell.

    Changes the scenario's configurations: each such name becomes a line `ip host`, unless there is one.
    """
    read = {name: Lines.of(text) for name, text in scenario.configurations.items()}
    servers = [server for lines in read.values() for server in _servers(lines)]
    told: dict[str, list[str]] = {}
    for router, lines in read.items():
        known = {line.split()[2].lower() for line in lines.headers("ip host ")}
        found = {name: address for name, address in _named(lines, servers) if name.lower() not in known}
        if found:
            hosts = [f"ip host {name} {address}" for name, address in found.items()]
            scenario.configurations[router] = with_lines(scenario.configurations[router], hosts)
            for name, address in found.items():
                told.setdefault(f"{name} = {address}", []).append(router)
    if not told:
        return ""
    routers = ", ".join(dict.fromkeys(router for each in told.values() for router in each))
    return f"{routers}: no name service answers here, so the lab tells them by `ip host`: {', '.join(told)}"


@dataclass(frozen=True, slots=True)
class _Server:
    """A tunnel that somebody may register with: its address, and the NBMA address of its source.

    is_client: it registers with servers itself, as one of several hubs does.
    """

    address: IPv4Interface
    nbma: IPv4Address
    is_client: bool


def _servers(lines: Lines) -> Iterator[_Server]:
    sources = {name: address.ip for name, each in interfaces(lines) if (address := interface_address(each))}
    for tunnel in tunnels(lines):
        own, source = interface_address(tunnel), sources.get(tunnel.value("tunnel source "))
        if own is not None and source is not None:
            yield _Server(own, source, tunnel.has("ip nhrp nhs"))


def _named(lines: Lines, servers: Sequence[_Server]) -> Iterator[tuple[str, IPv4Address]]:
    """The servers that a router knows by name alone, and the NBMA address of the one that is meant."""
    for tunnel in tunnels(lines):
        own = interface_address(tunnel)
        for line in tunnel.headers("ip nhrp nhs "):
            words = line.split()
            if words[4:5] != ["nbma"] or len(words) <= _NAME or _ADDRESS.fullmatch(words[_NAME]):
                continue
            if words[3] == "dynamic":  # the server says its own address; only one can be meant, or nobody knows which
                near = [each for each in servers if own is not None and each.address.network == own.network]
                meant = [each for each in near if not each.is_client]
            else:
                meant = [each for each in servers if str(each.address.ip) == words[3]]
            if len(meant) == 1:
                yield words[_NAME], meant[0].nbma
