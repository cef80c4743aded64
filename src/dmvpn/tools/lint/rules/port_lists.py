"""Rules about access lists where ports apply them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Rule, Severity
from dmvpn.base.packetsets import Bits, PacketSet, sets_of
from dmvpn.base.translation import ESP, GRE, ICMP, UDP
from dmvpn.features.policy.config import listed_entries
from dmvpn.ios.common import ACCESS_GROUP
from dmvpn.tools.lint.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.base.filters import Ranges
    from dmvpn.base.shadows import ListedEntry
    from dmvpn.network.device import Device
    from dmvpn.network.overlay import Network
    from dmvpn.tools.lint.found import NetworkConcern

SIDE: Final = Rule(
    id="list-other-side",
    severity=Severity.ERROR,
    title="A list on a tunnel permits only the packets that carry tunnels",
    why="A list on a tunnel sees the packets inside, and one on the provider's port sees ESP, GRE and IKE. A "
    "list for the port lets no packet pass in the tunnel.",
    bad="interface Tunnel0\n ip access-group WAN-IN in\nip access-list extended WAN-IN\n permit udp any any eq isakmp\n"
    " permit esp any any",
    fix="interface Tunnel0\n no ip access-group WAN-IN in\ninterface GigabitEthernet1\n ip access-group WAN-IN in",
)
DIRECTION: Final = Rule(
    id="list-other-direction",
    severity=Severity.WARNING,
    title="An entry permits packets that never pass the port in this direction",
    why="`in` is asked about packets that arrive by the port: other routers and hosts send them. `out` is asked "
    "about forwarded packets that leave by it: none of them is for the router itself. The list is applied in the other "
    "direction, or source and destination are exchanged.",
    bad="interface GigabitEthernet1\n ip address 192.0.2.2 255.255.255.0\n ip access-group WAN out\n"
    "ip access-list extended WAN\n permit esp any host 192.0.2.2",
    fix="interface GigabitEthernet1\n no ip access-group WAN out\n ip access-group WAN in",
)
RULES: Final = (SIDE, DIRECTION)
_AH: Final = 51
#: IKE, alone and with ESP in UDP.
_IKE: Final[Ranges] = ((500, 500), (4500, 4500))
_EVERY_BIT: Final = 0xFFFFFFFF


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield lists on ports that are meant for another port or direction."""
    for device in network.devices:
        for port, lines in device.filters.ports.items():
            for name, inward in ((lines.inward, True), (lines.outward, False)):
                if name:
                    yield from _applied(device, port, name, "in" if inward else "out")


def entries_of(device: Device, name: str) -> tuple[ListedEntry, ...]:
    """Return the entries of an access list as a packet filter has them; none: it does not exist."""
    key = next((one for one in device.policy.access_lists if one[0] == name), None)
    return listed_entries(device.policy, device.policy.access_lists[key]) if key is not None else ()


def _applied(device: Device, port: str, name: str, direction: str) -> Iterator[NetworkConcern]:
    """Check a list on a port in one direction."""
    entries, at = entries_of(device, name), (f"interface {port}", f"ip access-group {name} {direction}")
    if not entries:
        return
    if port.startswith("Tunnel") and _is_for_tunnels(entries):
        what = f"{name} permits nothing but packets that carry tunnels, and {port} asks it about the packets inside"
        fix = f"interface {port}\n {ACCESS_GROUP.no(name=name, **{direction: True})}"
        yield found(SIDE, device, at, what, fix)
    yield from _direction(device, port, name, direction)


# ------------------------------------------------------------------------------------------------ the wrong side


def _is_for_tunnels(entries: Sequence[ListedEntry]) -> bool:
    """Return whether a list permits packets that carry tunnels, and besides them ICMP at most."""
    permitted = [one for entry in entries if entry.permit for meant in entry.means for one in sets_of(meant)]
    known = all(entry.covers for entry in entries if entry.permit)
    carries = [_carries(one) for one in permitted]
    return (
        known
        and any(carries)
        and all(one or _is(packets, ICMP) for one, packets in zip(carries, permitted, strict=True))
    )


def _carries(packets: PacketSet) -> bool:
    """Return whether all of these packets are ESP, AH, GRE or IKE."""
    if any(_is(packets, protocol) for protocol in (ESP, _AH, GRE)):
        return True
    ports = (packets.source_ports, packets.destination_ports)
    return _is(packets, UDP) and (any(one and set(one) <= set(_IKE) for one in ports) or packets.is_later)


def _is(packets: PacketSet, protocol: int) -> bool:
    return packets.protocol == ((protocol, protocol),)


# ------------------------------------------------------------------------------------------------ the wrong direction


def _direction(device: Device, port: str, name: str, direction: str) -> Iterator[NetworkConcern]:
    """Yield the first entry that permits packets from the router itself (`in`), or to it (`out`)."""
    settings = device.interface(port)
    if settings is None:
        return
    own = {int(one[0]) for one in (settings.address, *settings.secondary) if one is not None}
    for entry in entries_of(device, name):
        ends = [_end(one, direction) for meant in entry.means for one in sets_of(meant)] if entry.permit else []
        if ends and all(end.care == _EVERY_BIT and end.value in own for end in ends):
            word, whose = ("from", "sender") if direction == "in" else ("to", "receiver")
            what = (
                f"entry {entry.sequence} of {name} permits packets {word} an address of {port}, which is the {whose} "
                f"of no packet that passes the port {direction}"
            )
            other = "out" if direction == "in" else "in"
            fix = (
                f"interface {port}\n {ACCESS_GROUP.no(name=name, **{direction: True})}\n "
                f"{ACCESS_GROUP.of(name=name, **{other: True})}"
            )
            yield found(DIRECTION, device, (f"interface {port}", f"ip access-group {name} {direction}"), what, fix)
            return


def _end(packets: PacketSet, direction: str) -> Bits:
    return packets.source if direction == "in" else packets.destination
