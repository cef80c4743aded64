"""Rules about the check of senders (`ip verify unicast source`) on the ports that tunnels use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.addresses import Prefix
from dmvpn.base.findings import Rule, Severity
from dmvpn.tools.lint.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.filters import ReversePath
    from dmvpn.network.device import Device
    from dmvpn.network.overlay import Network, TunnelEnd
    from dmvpn.tools.lint.found import NetworkConcern

SENDERS: Final = Rule(
    id="verify-source-drops-peers",
    severity=Severity.ERROR,
    title="The check of senders drops packets of the peers of a tunnel",
    why="`ip verify unicast source` drops packets whose sender has no route, with `rx` no route by the same port. The "
    "default route counts only with `allow-default`, and to peers in the Internet there is no other one.",
    bad="interface GigabitEthernet1\n ip address 192.0.2.2 255.255.255.0\n ip verify unicast source reachable-via rx\n"
    "ip route 0.0.0.0 0.0.0.0 192.0.2.1",
    fix="interface GigabitEthernet1\n ip verify unicast source reachable-via rx allow-default",
)
RULES: Final = (SENDERS,)
_DEFAULT: Final = Prefix.parse("0.0.0.0/0")


class _Way(NamedTuple):
    """A route, and the port that it leads out of; "": not known."""

    prefix: Prefix
    port: str


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield ports that drop what peers of a tunnel send, because of where the routes to the peers lead."""
    for end in network.ends:
        port = end.source_port
        lines = end.device.filters.ports.get(port)
        if lines is None or lines.reverse_path is None or end.device.learns_routes:
            continue
        peers = _peers(network, end)
        if not peers:
            continue
        problems = [_problem(end.device, port, lines.reverse_path, peer) for peer in peers]
        if all(problems):
            what = f"{port} drops packets of {peers[0]}, a peer of {end.name}: {problems[0]}"
            yield found(
                SENDERS, end.device, (f"interface {port}", "ip verify unicast"), what, _fix(port, lines.reverse_path)
            )


def _peers(network: Network, end: TunnelEnd) -> tuple[IPAddress, ...]:
    """Return the addresses that peers of a tunnel send from, as far as its lines name them."""
    named = (*(link.nbma for link in network.links_of(end)), end.tunnel.destination)
    return tuple(dict.fromkeys(nbma for nbma in named if nbma is not None and nbma.version == 4))


def _problem(device: Device, port: str, asked: ReversePath, peer: IPAddress) -> str:
    """Return why packets of a peer do not pass, "": they may."""
    ways = [way for way in _ways(device, device.vrf_of(port)) if peer in way.prefix]
    longest = max((way.prefix.length for way in ways), default=-1)
    best = [way for way in ways if way.prefix.length == longest]
    if not best:
        return "no route leads to it"
    if best[0].prefix.is_default and not asked.allow_default:
        return "only the default route leads to it, and it does not count without allow-default"
    if asked.strict and all(way.port not in ("", port) for way in best):
        return f"the route to it leads out of {best[0].port}"
    return ""


def _fix(port: str, asked: ReversePath) -> str:
    word = "rx" if asked.strict else "any"
    return (
        "" if asked.allow_default else f"interface {port}\n ip verify unicast source reachable-via {word} allow-default"
    )


def _ways(device: Device, vrf: str) -> Iterator[_Way]:
    """Yield the routes of a table by wires, static lines and providers."""
    wires = [
        _Way(Prefix.of(own, length), it.name) for it, own, length in device.addresses() if device.vrf_of(it.name) == vrf
    ]
    yield from wires
    for name in device.interface_names:
        if device.is_given_address(name) and device.vrf_of(name) == vrf:
            yield _Way(_DEFAULT, name)
    for route in device.static_of(vrf).routes:
        if route.prefix.version == 4:
            hop = route.next_hop
            by_wire = next((wire.port for wire in wires if hop is not None and hop in wire.prefix), "")
            yield _Way(route.prefix, route.interface or by_wire)
