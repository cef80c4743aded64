"""Rules about access lists: entries and names that do nothing, lists at the wrong port or side, and lists that deny the
packets of protocols on the same port.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import AddressValueError, IPv4Address
from typing import Final, NamedTuple

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.filters import Ranges
from dmvpn.base.findings import Severity, rule
from dmvpn.base.packetsets import Bits, ListedEntry, PacketSet, rest_of, sets_of, shadows
from dmvpn.base.pages import NONE
from dmvpn.base.translation import ESP, GRE, ICMP, ICMP_OF, TCP, UDP
from dmvpn.features.bfd.config import model as bfd_model
from dmvpn.features.policy.config import access_lists, listed_entries, objects
from dmvpn.features.policy.model import AccessEntry, AddressRange
from dmvpn.ios.common import ACCESS_GROUP
from dmvpn.network.access_entries import entry_at, inverted, numbers_before
from dmvpn.network.device import Device
from dmvpn.network.overlay import Network
from dmvpn.network.routing import Protocol, running
from dmvpn.tools.lint.found import NetworkConcern, found

# ----------------------------------------------------------------------------------------- lists where ports apply them


SIDE: Final = rule(Severity.ERROR)(r"""
    list-other-side: A list on a tunnel permits only the packets that carry tunnels
    A list on a tunnel sees the packets inside, and one on the provider's port sees ESP, GRE and IKE. A list for the
    port lets no packet pass in the tunnel.
    bad: interface Tunnel0\n ip access-group WAN-IN in\nip access-list extended WAN-IN\n permit udp any any eq isakmp\n
    permit esp any any
    fix: interface Tunnel0\n no ip access-group WAN-IN in\ninterface GigabitEthernet1\n ip access-group WAN-IN in
    """)
DIRECTION: Final = rule(Severity.WARNING)(r"""
    list-other-direction: An entry permits packets that never pass the port in this direction
    `in` is asked about packets that arrive by the port: other routers and hosts send them. `out` is asked about
    forwarded packets that leave by it: none of them is for the router itself. The list is applied in the other
    direction, or source and destination are exchanged.
    bad: interface GigabitEthernet1\n ip address 192.0.2.2 255.255.255.0\n
    ip access-group WAN out\nip access-list extended WAN\n permit esp any host 192.0.2.2
    fix: interface GigabitEthernet1\n no ip access-group WAN out\n ip access-group WAN in
    """)
PORT_RULES: Final = (SIDE, DIRECTION)
_AH: Final = 51
#: IKE, alone and with ESP in UDP.
_IKE: Final[Ranges] = ((500, 500), (4500, 4500))
_EVERY_BIT: Final = 0xFFFFFFFF


def check_ports(network: Network) -> Iterator[NetworkConcern]:
    """Yield lists on ports that are meant for another port or direction."""
    for device in network.devices:
        for port, lines in device.filters.ports.items():
            for name, direction in ((lines.inward, "in"), (lines.outward, "out")):
                if name:
                    yield from _applied(device, port, name, direction)


def entries_of(device: Device, name: str) -> tuple[ListedEntry, ...]:
    """Return the entries of an access list as a packet filter has them; none: it does not exist."""
    key = next((one for one in device.policy.access_lists if one[0] == name), None)
    return listed_entries(device.policy, device.policy.access_lists[key]) if key is not None else ()


def _applied(device: Device, port: str, name: str, direction: str) -> Iterator[NetworkConcern]:
    """Check a list on a port in one direction."""
    entries, at = entries_of(device, name), (f"interface {port}", f"ip access-group {name} {direction}")
    if not entries:
        return
    permitting = [entry for entry in entries if entry.permit]
    permitted = [one for entry in permitting for meant in entry.means for one in sets_of(meant)]
    others = [one for one in permitted if not _carries(one)]
    # The list permits packets that carry tunnels, and besides them ICMP at most.
    is_for_tunnels = len(others) < len(permitted) and all(_is(one, ICMP) for one in others)
    if port.startswith("Tunnel") and is_for_tunnels and all(entry.covers for entry in permitting):
        what = f"{name} permits nothing but packets that carry tunnels, and {port} asks it about the packets inside"
        fix = f"interface {port}\n {ACCESS_GROUP.no(name=name, **{direction: True})}"
        yield found(SIDE, device, at, what, fix)
    yield from _direction(device, port, name, direction)


# ------------------------------------------------------------------------------------------------ the wrong side


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
        ends = (
            [one.source if direction == "in" else one.destination for meant in entry.means for one in sets_of(meant)]
            if entry.permit
            else []
        )
        if ends and all(end.care == _EVERY_BIT and end.value in own for end in ends):
            word, whose = ("from", "sender") if direction == "in" else ("to", "receiver")
            what = (
                f"entry {entry.sequence} of {name} permits packets {word} an address of {port}, which is the {whose} "
                f"of no packet that passes the port {direction}"
            )
            other = "out" if direction == "in" else "in"
            fix = (
                f"interface {port}\n {ACCESS_GROUP.no(name=name, **{direction: True})}\n "
                f"{ACCESS_GROUP.line(name=name, **{other: True})}"
            )
            yield found(DIRECTION, device, (f"interface {port}", f"ip access-group {name} {direction}"), what, fix)
            return


# -------------------------------------------------------------------------------- lists and the protocols on their port


HELLOS: Final = rule(Severity.ERROR)(r"""
    list-denies-protocol: A list on a port denies the packets of a protocol that runs on the port
    A list `in` sees packets for the router itself, too. Without Hellos, updates or BFD's packets of its neighbors a
    protocol has no neighbors on that port, or loses them. A warning on ports that are no tunnels, where that may be
    meant, and for BFD.
    bad: interface Tunnel0\n ip address 10.0.0.10 255.255.255.0\n ip access-group LAN in\nrouter eigrp 100\n
    network 10.0.0.0 0.0.0.255\nip access-list extended LAN\n permit ip 192.168.0.0 0.0.255.255 any
    fix: ip access-list extended LAN\n permit eigrp any any
    """)
HELLO_RULES: Final = (HELLOS,)
#: Parts of a set that are left while entries take packets away; of more parts nothing is said.
_MOST_PIECES: Final = 200
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


#: Whole packets of ICMP over IPv6; and the words for the types by which neighbors find each other (RFC 4861 §4).
_OF_NEIGHBORS: Final = PacketSet(protocol=((ICMP_OF[6], ICMP_OF[6]),), later=((0, 0),))
_DISCOVERY: Final = {135: "nd-ns", 136: "nd-na"}


def check_hellos(network: Network) -> Iterator[NetworkConcern]:
    """Yield lists that deny what protocols on their port expect."""
    for device in network.devices:
        for port, lines in device.filters.ports.items():
            entries = entries_of(device, lines.inward) if lines.inward else ()
            if entries:
                yield from _denied(device, port, lines.inward, entries)
        for port, lines in device.filters.ports6.items():
            if not port.startswith(("Tunnel", "Loopback")):
                yield from _deaf(device, port, lines.inward)


def _deaf(device: Device, port: str, name: str) -> Iterator[NetworkConcern]:
    """Yield the first entry of an IPv6 list that keeps solicitations or advertisements of neighbors out.

    The end of the list lets them in, and on tunnels NHRP finds the neighbors.
    """
    entries = listed_entries(device.policy, device.policy.ipv6_lists.get(name, NONE))
    for kinds in ((135, 136), (135,), (136,)):
        packets = [replace(_OF_NEIGHBORS, icmp=((kind << 8, kind << 8 | 0xFF),)) for kind in kinds]
        place = _denied_at(entries, packets)
        if place is not None and place < len(entries):
            what = f"entry {entries[place].sequence} of {name} denies neighbor discovery on {port}"
            names = [_DISCOVERY[kind] for kind in kinds]
            free = numbers_before((one.sequence for one in entries), entries[place].sequence, len(names))
            permits = (
                f"sequence {number} permit icmp any any {word}" for number, word in zip(free, names, strict=False)
            )
            fix = "\n ".join((access_lists.IPV6.line(name=name), *permits)) if len(free) == len(names) else ""
            at = (f"interface {port}", f"ipv6 traffic-filter {name} in")
            yield found(HELLOS, device, at, what, fix)
            return


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
        if protocols and bfd_model(device.tree).parameters(port) is not None:
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


# ------------------------------------------------------------------------------------------------ lists by themselves


SHADOWED: Final = rule(Severity.WARNING)(r"""
    list-entry-shadowed: An entry of an access list decides on nothing, because earlier entries decide on all of its
        packets
    The first entry that fits decides. An entry behind another entry for the same packets never counts a packet,
    whatever it says; it belongs before that one. Advice where it says the same as the earlier entries.
    bad: ip access-list extended LAN\n permit ip any any\n deny tcp any any eq telnet
    fix: ip access-list extended LAN\n deny tcp any any eq telnet\n permit ip any any
    """)
MASK: Final = rule(Severity.WARNING)(r"""
    list-mask-not-wildcard: An entry of an access list has a subnet mask where a wildcard belongs
    In a wildcard the bits that are 1 do not matter. With a subnet mask in its place the entry fits addresses that end
    in zeros in all networks, and no station of the network that it names.
    bad: ip access-list standard LAN\n permit 192.168.1.0 255.255.255.0
    fix: ip access-list standard LAN\n permit 192.168.1.0 0.0.0.255
    """)
UNUSED: Final = rule(Severity.ADVICE)(r"""
    list-unused: No line names an access list, an object group or a time range
    It does nothing. Perhaps the line that applies it is missing (`ip access-group`), or names another list.
    bad: ip access-list extended WAN-IN\n permit esp any any\ninterface GigabitEthernet1\n
    ip address 192.0.2.2 255.255.255.0
    fix: interface GigabitEthernet1\n ip access-group WAN-IN in
    """)
RULES: Final = (SHADOWED, MASK, UNUSED)
#: Earlier entries that a finding names, and findings about one list.
_NAMED, _MOST = 3, 20
#: Names that a finding about unused ones has.
_UNUSED: Final = 5


class _List(NamedTuple):
    """An access list of a router."""

    device: Device
    name: str
    extended: bool

    @property
    def is_ipv6(self) -> bool:
        """Whether it is for packets of IPv6."""
        return self.name in self.device.policy.ipv6_lists

    @property
    def header(self) -> str:
        """The line that opens it, or would."""
        if self.is_ipv6:
            return access_lists.IPV6.line(name=self.name)
        return (access_lists.EXTENDED if self.extended else access_lists.STANDARD).line(name=self.name)

    def at(self, entry: AccessEntry | ListedEntry) -> tuple[str, ...]:
        """Return the words of the line of an entry."""
        return entry_at(self.device, self.name, entry, extended=self.extended)

    def text(self, entry: AccessEntry | ListedEntry) -> str:
        """Return the entry without the name of its list, "" if its line is not found."""
        placed = self.device.places.find(self.at(entry))
        words = placed.text.split() if placed is not None else []
        return " ".join(words[2 if words[:1] in (["access-list"], ["sequence"]) else 1 :])


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield entries and names that do nothing."""
    for device in network.devices:
        of_ipv6 = ((name, True) for name in device.policy.ipv6_lists)
        for name, extended in (*device.policy.access_lists, *of_ipv6):
            yield from _entries(_List(device, name, extended))
        yield from _unused(device)


def _entries(listed: _List) -> Iterator[NetworkConcern]:
    device, config = listed.device, listed.device.policy
    known = config.ipv6_lists.get(listed.name)
    entries = config.access_lists[listed.name, listed.extended] if known is None else known
    for entry in entries if known is None else ():
        for end in (entry.source, entry.destination):
            if inverted(f"{end.address} {end.wildcard}") and not int(end.address):
                yield from _masked(listed, entry, end)
                break
    for count, shadow in enumerate(shadows(listed_entries(config, entries))):
        if count == _MOST:
            return
        own = shadow.entry
        at = listed.at(own)
        others = " and ".join(_said(listed, one) for one in shadow.by[:_NAMED])
        more = f" and {len(shadow.by) - _NAMED} more" if len(shadow.by) > _NAMED else ""
        verb = "fits" if len(shadow.by) == 1 else "fit"
        effect = "permits later fragments alone" if shadow.permits_fragments else "decides on nothing"
        what = f"{_said(listed, own)} of {listed.name} {effect}: {others}{more} before it {verb} all of its packets"
        yield found(SHADOWED, device, at, what, severity=None if shadow.changes else Severity.ADVICE)


def _said(listed: _List, entry: ListedEntry) -> str:
    text = listed.text(entry)
    return f"entry {entry.sequence}" + (f" ({text})" if text else "")


# ------------------------------------------------------------------------------------------------ masks


def _masked(listed: _List, entry: AccessEntry, end: AddressRange) -> Iterator[NetworkConcern]:
    """Yield an entry whose line has a network before the mask: of other lines the author may mean what they say."""
    text = listed.text(entry)
    words = text.split()
    if str(end.wildcard) not in words:
        return
    place = words.index(str(end.wildcard))
    network = _address(words[place - 1])
    if not network & int(end.wildcard) or network & ~int(end.wildcard):
        return
    what = (
        f"entry {entry.sequence} of {listed.name} has {end.wildcard} behind {words[place - 1]}: no station of that "
        "network has an address that fits"
    )
    words[place - 1 : place + 1] = [inverted(f"{words[place - 1]} {end.wildcard}")]
    fix = f"{listed.header}\n no {entry.sequence}\n {entry.sequence} {' '.join(words)}"
    yield found(MASK, listed.device, listed.at(entry), what, fix)


def _address(text: str) -> int:
    try:
        return int(IPv4Address(text))
    except AddressValueError:
        return 0


# ------------------------------------------------------------------------------------------------ names


def _unused(device: Device) -> Iterator[NetworkConcern]:
    """Yield names that are in no line but their own. Lines upon which nothing here acts count, so do remarks."""
    config = device.policy
    filters = (config.access_lists, config.ipv6_lists, config.networks, config.services)
    if not device.interface_names or not any(filters):
        return  # without interfaces it is an excerpt
    named: dict[str, None] = {}  # all words but the names in lines that define an object of that name
    for line in device.text.splitlines():
        words = line.split()
        match words:
            case ["ip", "access-list", "standard" | "extended", _] | ["ipv6", "access-list", _]:
                continue
            case ["object-group", "network" | "service", _, *_] | ["time-range", _]:
                continue
            case ["access-list", _, *rest]:
                named.update(dict.fromkeys(rest))
            case _:
                named.update(dict.fromkeys(words))
    lists = [(name, _header(device, name, extended=extended)) for name, extended in config.access_lists]
    lists += [(name, access_lists.IPV6.line(name=name)) for name in config.ipv6_lists]
    networks = [(name, objects.NETWORK_GROUP.line(name=name)) for name in config.networks]
    services = [(name, objects.SERVICE_GROUP.line(name=name)) for name in config.services]
    times = [(name, objects.TIME_RANGE.line(name=name)) for name in config.time_ranges]
    for kind, known in (("access list", lists), ("object group", [*networks, *services]), ("time range", times)):
        unused = [one for one in known if one[0] not in named]
        if unused:
            names = ", ".join(name for name, _ in unused[:_UNUSED])
            more = f" and {len(unused) - _UNUSED} more" if len(unused) > _UNUSED else ""
            related = tuple((device, (line,)) for _, line in unused[1:])
            what = f"no line names the {kind}{'s' if len(unused) > 1 else ''} {names}{more}"
            yield found(UNUSED, device, (unused[0][1],), what, related=related)


def _header(device: Device, name: str, *, extended: bool) -> str:
    """Return how the first line of a list begins."""
    header = f"ip access-list {'extended' if extended else 'standard'} {name}"
    return header if device.places.find((header,)) is not None else f"access-list {name}"
