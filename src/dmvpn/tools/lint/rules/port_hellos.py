"""Rules about access lists that deny the packets of protocols on the same port."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.addresses import Prefix
from dmvpn.base.findings import Rule, Severity
from dmvpn.base.packetsets import Bits, PacketSet, rest_of, sets_of
from dmvpn.base.translation import TCP, UDP
from dmvpn.features.bfd.config import model as bfd_model
from dmvpn.network.access_entries import numbers_before
from dmvpn.network.routing import Protocol, running
from dmvpn.tools.lint.found import found
from dmvpn.tools.lint.rules.port_lists import entries_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.shadows import ListedEntry
    from dmvpn.network.device import Device
    from dmvpn.network.overlay import Network
    from dmvpn.tools.lint.found import NetworkConcern

HELLOS: Final = Rule(
    id="list-denies-protocol",
    severity=Severity.ERROR,
    title="A list on a port denies the packets of a protocol that runs on the port",
    why="A list `in` sees packets for the router itself, too. Without Hellos, updates or BFD's packets of its "
    "neighbors a protocol has no neighbors on that port, or loses them. A warning on ports that are no tunnels, where "
    "that may be meant, and for BFD.",
    bad="interface Tunnel0\n ip address 10.0.0.10 255.255.255.0\n ip access-group LAN in\nrouter eigrp 100\n"
    " network 10.0.0.0 0.0.0.255\nip access-list extended LAN\n permit ip 192.168.0.0 0.0.255.255 any",
    fix="ip access-list extended LAN\n permit eigrp any any",
)
RULES: Final = (HELLOS,)
#: Parts of a set that are left while entries take packets away; of more parts nothing is said.
_MOST_PIECES: Final = 200
_EVERY_BIT: Final = 0xFFFFFFFF
_BFD_PORT, _BGP_PORT = 3784, 179
#: Protocol, port, multicast group, and the entry that permits it.
_GREETINGS: Final[Mapping[Protocol, tuple[int, int | None, int, str]]] = {
    Protocol.EIGRP: (88, None, 0xE000000A, "permit eigrp any any"),
    Protocol.OSPF: (89, None, 0xE0000005, "permit ospf any any"),
    Protocol.RIP: (UDP, 520, 0xE0000009, "permit udp any any eq rip"),
}


class _Expected(NamedTuple):
    """Packets of a protocol that neighbors send to a port: without any of them it has no neighbor there.

    entries: lines that permit them. is_vital: without the protocol there are no routes.
    """

    what: str
    packets: tuple[PacketSet, ...]
    entries: tuple[str, ...]
    is_vital: bool = True


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield lists that deny what protocols on their port expect."""
    for device in network.devices:
        for port, lines in device.filters.ports.items():
            entries = entries_of(device, lines.inward) if lines.inward else ()
            if entries:
                yield from _denied(device, port, lines.inward, entries)


def _denied(device: Device, port: str, name: str, entries: Sequence[ListedEntry]) -> Iterator[NetworkConcern]:
    vrf = device.vrf_of(port)
    for expected in _expectations(replace(device, vrf=vrf) if vrf else device, port):
        place = _denied_at(entries, expected.packets)
        if place is None:
            continue
        by = f"entry {entries[place].sequence} of {name}" if place < len(entries) else f"the end of {name}"
        fix = _fix(name, entries, place, expected) if (name, True) in device.policy.access_lists else ""
        at = (f"interface {port}", f"ip access-group {name} in")
        severity = None if port.startswith("Tunnel") and expected.is_vital else Severity.WARNING
        yield found(HELLOS, device, at, f"{by} denies {expected.what} on {port}", fix, severity=severity)


def _fix(name: str, entries: Sequence[ListedEntry], place: int, expected: _Expected) -> str:
    """Return the lines that permit the packets before the entry at this place; "": there is no room."""
    header = f"ip access-list extended {name}"
    if place == len(entries):
        return "\n ".join((header, *expected.entries))
    free = numbers_before((one.sequence for one in entries), entries[place].sequence, len(expected.entries))
    if len(free) < len(expected.entries):
        return ""
    return "\n ".join((header, *map("{} {}".format, free, expected.entries)))


def _expectations(device: Device, port: str) -> Iterator[_Expected]:
    """Yield what the protocols on a port expect from their neighbors there."""
    for settings, address, length in device.addresses():
        if settings.name != port:
            continue
        wire = Bits(Prefix.of(address, length).number, _EVERY_BIT << (32 - length) & _EVERY_BIT)
        own, protocols = _one(int(address)), [one for one in running(device, port, address) if not one.passive]
        for each in protocols:
            protocol, number, group, entry = _GREETINGS[each.protocol]
            ends = (
                _one(group),
                own,
                _one(_EVERY_BIT),
                _one(Prefix.of(address, length).number | ~wire.care & _EVERY_BIT),
            )
            packets = tuple(_set(wire, end, protocol, to=number) for end in dict.fromkeys(ends))
            yield _Expected(f"what neighbors of {each} send", packets, (entry,))
        if protocols and bfd_model(device.tree).of(port) is not None:
            packet = _set(wire, own, UDP, to=_BFD_PORT)
            yield _Expected("the packets of BFD", (packet,), (f"permit udp any any eq {_BFD_PORT}",), is_vital=False)
        yield from _of_bgp(device, wire, address)


def _of_bgp(device: Device, wire: Bits, own: IPAddress) -> Iterator[_Expected]:
    """Yield the connections to and from neighbors of BGP on a wire."""
    for neighbor in device.bgp.neighbors:
        peer = neighbor.peer
        if neighbor.shutdown or isinstance(peer, str) or peer.version != 4:
            continue
        sender = _one(int(peer))
        if not wire.holds(sender):
            continue
        packets = (
            _set(sender, _one(int(own)), TCP, to=_BGP_PORT),
            _set(sender, _one(int(own)), TCP, sent_from=_BGP_PORT),
        )
        entries = (f"permit tcp host {peer} any eq bgp", f"permit tcp host {peer} eq bgp any")
        yield _Expected(f"the connection to the BGP neighbor {peer}", packets, entries)


def _denied_at(entries: Sequence[ListedEntry], packets: Sequence[PacketSet]) -> int | None:
    """Return the place of the first entry that denies some of these packets, if all of them are denied, or the number
    of entries for the end of the list; None: some may pass.
    """
    left, first = list(packets), None
    for place, entry in enumerate(entries):
        if entry.permit and not entry.covers:
            return None
        for one in (each for meant in entry.means for each in sets_of(meant) if each.option is None):
            if not any(one.meets(piece) for piece in left):
                continue
            if entry.permit:
                return None
            if not entry.always:
                continue
            rest = rest_of(left, [one], most=_MOST_PIECES)
            if rest is None:
                return None
            left, first = rest, place if first is None else first
        if not left:
            return first
    return len(entries) if first is None else first


def _set(
    source: Bits, destination: Bits, protocol: int, *, to: int | None = None, sent_from: int | None = None
) -> PacketSet:
    """Return whole packets of a protocol between these addresses and ports."""
    every = ((0, 0xFFFF),)
    return PacketSet(
        source=source,
        destination=destination,
        protocol=((protocol, protocol),),
        source_ports=every if sent_from is None else ((sent_from, sent_from),),
        destination_ports=every if to is None else ((to, to),),
        later=((0, 0),),
    )


def _one(number: int) -> Bits:
    return Bits(number, _EVERY_BIT)
