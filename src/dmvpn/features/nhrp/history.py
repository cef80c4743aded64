"""NHRP's part of the chronicle: past states of each cache entry for `show ip nhrp at`, each change, and each packet.

    an entry is changed ──> Cache.changed ──> at the end of the event: a record of it ──> Journal, StateChanged
    UsageReported ────────────────────────────────────────────────> stretches of use ──> Journal

A `Record` is an entry as shows print it, with times instead of ages, so that one record gives the output at any moment
of its life. Whether an entry was in use follows from its peer's stretches: a stretch continues as long as consecutive
packets are no further apart than the time for which an entry counts as used. Requesters of our own prefixes are not
stored.

A line about a packet has the packet's name and its content in a few words. A packet may have hundreds of entries, and
its sender must not decide how long our line is: of a long list the line has the beginning and the length.

Users who open a message of the chronicle see its fields as lines "Name: value". `explain/lines.py` explains the names.
A password is in no line: neither that of the authentication extension, nor the packet that an Error Indication quotes,
which may have one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from operator import attrgetter
from typing import Final, NamedTuple

from dmvpn.base.addresses import IPAddress, Prefix, spelled
from dmvpn.base.chronicle import (
    LARGEST_KEPT,
    About,
    Contents,
    Journal,
    LateLine,
    MessagePassed,
    Sign,
    StateChanged,
    Topic,
    Way,
)
from dmvpn.base.effects import Effect
from dmvpn.base.errors import WireError, surely
from dmvpn.base.events import Event, UsageReported
from dmvpn.base.negotiation import ConnectionChanged
from dmvpn.base.notices import Configured, Notice, TunnelChanged
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value
from dmvpn.features.nhrp.cache import NO_FLAGS, Cache, Entry, EntryType, Flag, RouteState
from dmvpn.features.nhrp.debug import EXTENSION_NAMES, Processing, flag_words
from dmvpn.features.nhrp.messages import CODE_NAMES, PACKET_NAMES, code_name, error_name
from dmvpn.features.nhrp.packet import (
    ClientMessage,
    ErrorIndication,
    NhrpPacket,
    PurgeReply,
    PurgeRequest,
    RegistrationReply,
    RegistrationRequest,
    ResolutionReply,
    ResolutionRequest,
    TrafficIndication,
    parse,
)
from dmvpn.features.nhrp.parts import AddressExtension, Authentication, CieCode, ClientInfo, VendorPrivate
from dmvpn.features.nhrp.tunnel import USED_FOR, Tunnel
from dmvpn.features.nhrp.vendor import MappedPorts, group_of
from dmvpn.net import ip
from dmvpn.net.ipv4 import Octets

#: Octets of a packet whose fields are kept. Usual packets have 60 to 250.
LARGEST_READ: Final = 2048
#: Where the checksum is (RFC 2332 §5.1).
_CHECKSUM: Final = 12
#: Entries that have a line.
_MOST_ENTRIES: Final = 8


def packet_fields(octets: bytes) -> Iterator[str]:
    """Yield the lines about a packet that was parsed before, or was made here."""
    packet = parse(octets)
    yield f"Hop Count: {packet.hop_count}"
    if isinstance(packet, ClientMessage):
        yield f"Request ID: {packet.request_id}"
        yield f"Flags: {', '.join(flag_words(packet).split()) or 'none'}"
    yield f"Source NBMA Address: {'left out' if packet.without_nbma else spelled(packet.source_nbma)}"
    yield f"Source Protocol Address: {spelled(packet.source_protocol)}"
    yield f"Destination Protocol Address: {spelled(packet.destination_protocol)}"
    match packet:
        case ClientMessage():
            yield from _entries("Client Information Entry", packet.cies)
        case ErrorIndication():
            yield f"Error Code: {error_name(packet.error_code)}"
            yield f"Error Offset: {packet.error_offset}"
            yield f"Quoted Packet: {len(packet.packet)} octets"
        case TrafficIndication():
            yield f"Traffic Code: {'redirect' if packet.traffic_code == 0 else 'unknown'} ({packet.traffic_code})"
            yield f"Quoted Packet: {_quoted(packet.packet)}"
    for extension in packet.extensions:
        match extension:
            case AddressExtension():
                name = f"{EXTENSION_NAMES[extension.TYPE]} Extension"
                if not extension.entries:
                    yield f"{name}: empty"
                yield from _entries(name, extension.entries)
            case Authentication():
                yield "Authentication Extension: a password, which is hidden here"
            case VendorPrivate():
                yield f"Vendor Private Extension: {_vendor(extension)}"
            case _:
                yield "Unknown Extension: ignored"
    yield f"Packet Size: {len(octets)} octets"


def shown_octets(octets: bytes) -> bytes:
    """Return the octets of such a packet, with zeros for a password, a quoted packet, and then for the checksum."""
    packet = parse(octets)
    secrets = [extension.data for extension in packet.extensions if isinstance(extension, Authentication)]
    secrets += [packet.packet] if isinstance(packet, ErrorIndication) else []
    for secret in filter(None, secrets):
        octets = octets.replace(secret, bytes(len(secret)))
        octets = octets[:_CHECKSUM] + bytes(2) + octets[_CHECKSUM + 2 :]
    return octets


def _entries(name: str, entries: tuple[ClientInfo, ...]) -> Iterator[str]:
    for entry in entries[:_MOST_ENTRIES]:
        parts = [
            f"protocol {spelled(entry.protocol)}" if entry.protocol is not None else "",
            f"NBMA {spelled(entry.nbma)}" if entry.nbma is not None else "",
            f"prefix length {entry.prefix_length}",
            f"holding time {entry.holding_time} s",
            f"MTU {entry.mtu}" if entry.mtu else "",
            f"code {code_name(entry.code)}",
        ]
        yield f"{name}: {', '.join(part for part in parts if part)}"
    if len(entries) > _MOST_ENTRIES:
        yield f"{name}: and {len(entries) - _MOST_ENTRIES} more"


def _vendor(extension: VendorPrivate) -> str:
    ports = MappedPorts.parse(extension)
    if ports is not None:
        return f"mapped UDP ports {', '.join(str(entry.port) for entry in ports.entries[:_MOST_ENTRIES])}"
    group = group_of(extension)
    return f"group {group}" if group is not None else f"{len(extension.data)} octets"


def _quoted(octets: bytes) -> str:
    try:
        source, destination = ip.peek_addresses(octets)
    except WireError:
        return f"{len(octets)} octets"
    return f"{spelled(source)} to {spelled(destination)}"


#: The flags that follow from an entry's route.
ROUTE_FLAGS: Final = {RouteState.INSTALLED: Flag.RIB, RouteState.OVERRIDE: Flag.RIB | Flag.NHO}
#: The words for a flag or route of an entry; the first match counts. T1 and T2 are as in `show dmvpn`.
_KINDS: Final = (
    (Flag.LOCAL, "ours, sent in replies"),
    (Flag.REGISTERED, "registered"),
    (Flag.NHO, "shortcut T2"),
    (Flag.RIB, "shortcut T1"),
    (Flag.IMPLICIT, "from a request"),
)

#: Entries of a tunnel that are recorded in one event.
_AT_ONCE: Final = 256


#: The fields of an entry that a record has, in its order.
_OF_ENTRY: Final = attrgetter(
    "target", "next_hop", "nbma", "claimed", "group", "preference", "hits", "created", "expires", "type", "flags",
    "route", "reason", "connection",
)  # fmt: skip


class Record(NamedTuple):
    """An entry as shows print it: a tuple, because a hub makes one for each registration.

    created, expires: seconds monotonic.
    own_flags: without flags that follow from its route or its use.
    multipoint: whether its tunnel was.
    """

    target: Prefix
    next_hop: IPAddress
    nbma: IPAddress | None
    claimed: IPAddress | None
    group: str
    preference: int
    hits: int
    created: float
    expires: float | None
    type: EntryType
    own_flags: Flag
    route: RouteState
    reason: Reason | None
    connection: int
    tunnel: str
    multipoint: bool

    @property
    def flags(self) -> Flag:
        """The flags without USED."""
        return self.own_flags | ROUTE_FLAGS.get(self.route, NO_FLAGS)

    @property
    def account(self) -> IPAddress | int | None:
        """The traffic account that makes it `used`; None: none."""
        is_used = self.type is EntryType.STATIC or self.target == Prefix.host(self.next_hop)
        return (self.connection or self.nbma) if self.multipoint and is_used and self.nbma is not None else None


class Stretch(Value):
    """A period of use without a break, seconds: packets were seen at both ends."""

    began: float
    last: float


def record_of(tunnel: Tunnel, entry: Entry) -> Record:
    """Return an entry as shows print it now."""
    return tuple.__new__(Record, (*_OF_ENTRY(entry), tunnel.name, tunnel.multipoint))


class History:
    """The past of the caches of both IP versions.

    started: when the router started.
    """

    def __init__(self, versions: Iterable[int], started: float) -> None:
        self._started = started
        self._entries: dict[int, Journal[tuple[str, Prefix], Record]] = {version: Journal() for version in versions}
        self._tunnels: dict[int, Journal[None, tuple[str, ...]]] = {version: Journal() for version in versions}
        self._uses: Journal[tuple[str, IPAddress | int], Stretch] = Journal()
        #: By tunnel: accounts whose last use is known.
        self._accounts: dict[str, dict[IPAddress | int, None]] = {}
        #: By the names of tunnels, as of the last configuration.
        self._caches: dict[int, dict[str, Cache]] = {version: {} for version in versions}
        self._gone: dict[tuple[int, str, Prefix], None] = {}
        #: Whether some changes are not recorded yet: thousands of entries may change in one event.
        self.is_behind = False

    # ------------------------------------------------------------------------------------------------- recording

    def follow(
        self, event: Event | Notice, networks: Mapping[int, Mapping[str, Tunnel]], now: float
    ) -> list[Effect | Notice]:
        """Record the changes of an event in the tunnels of each IP version, and return the lines about them."""
        match event:
            case UsageReported(tunnel=name):
                for tunnels in networks.values():
                    if name in tunnels:
                        self._used(tunnels[name], event, now)
            case TunnelChanged(name=name):  # it decides whether an entry can be in use
                for tunnels in networks.values():
                    if name in tunnels:
                        tunnels[name].cache.touch()
        lines: list[Effect | Notice] = []
        self.is_behind = False
        is_configured = type(event) is Configured
        for version, tunnels in networks.items():
            for tunnel in tunnels.values() if tunnels else ():
                if changed := tunnel.cache.changed:
                    lines += self._changed(version, tunnel, changed, now)
                    self.is_behind |= bool(changed)
            if is_configured:
                self._configured(version, tunnels, now)
        if self._gone:
            lines += self._follow_gone(networks, now)
            self.is_behind |= bool(self._gone)
        match event:
            case ConnectionChanged(old=old, new=None) if old is not None:
                for name in self._accounts:
                    self._forget_use(name, old.number, now)
            case Configured():
                for name in [name for name in self._accounts if all(name not in each for each in networks.values())]:
                    for account in list(self._accounts[name]):
                        self._forget_use(name, account, now)
                    del self._accounts[name]
        return lines

    def _changed(self, version: int, tunnel: Tunnel, changed: dict[Prefix, Entry], now: float) -> list[LateLine]:
        """Record changed entries, up to the limit of one event."""
        lines: list[LateLine] = []
        for target in list(islice(changed, _AT_ONCE)):
            entry = changed[target]
            del changed[target]
            record = record_of(tunnel, entry) if entry.changed is not None else None  # it is in the cache
            lines += self._note(version, (tunnel.name, target), record, now)
        return lines

    def _configured(self, version: int, tunnels: Mapping[str, Tunnel], now: float) -> None:
        """Record that tunnels may have come or gone, and store which tunnels' entries are recorded."""
        caches = {name: tunnel.cache for name, tunnel in tunnels.items()}
        before, self._caches[version] = self._caches[version], caches
        if list(caches) == list(before) and all(caches[name] is before[name] for name in caches):
            return
        self._tunnels[version].note(None, tuple(caches), now)
        others = {name for name, cache in before.items() if caches.get(name) is not cache}
        self._gone.update(((version, *key), None) for key in self._entries[version].present() if key[0] in others)

    def _follow_gone(self, networks: Mapping[int, Mapping[str, Tunnel]], now: float) -> list[LateLine]:
        """Record that entries went with their tunnels, up to the limit of one event."""
        lines: list[LateLine] = []
        for version, name, target in list(islice(self._gone, _AT_ONCE)):
            del self._gone[version, name, target]
            tunnel = networks[version].get(name)
            if tunnel is None or tunnel.cache.get(target) is None:
                lines += self._note(version, (name, target), None, now)
        return lines

    def _used(self, tunnel: Tunnel, report: UsageReported, now: float) -> None:
        """Record the traffic of a tunnel from a report."""
        for peer in report.peers:
            for account in (peer.connection, peer.nbma) if peer.connection else (peer.nbma,):
                usage = tunnel.usage.get(account)
                if usage is None or usage.used_at != now:
                    continue
                key, known = (tunnel.name, account), self._uses.get((tunnel.name, account))
                if known is not None and now - known.last <= USED_FOR:
                    self._uses.correct(key, Stretch(known.began, now))
                else:
                    self._uses.note(key, Stretch(now, now), now)
                    self._accounts.setdefault(tunnel.name, {})[account] = None

    def accounts(self) -> list[tuple[str, IPAddress | int]]:
        """Return the tunnels and accounts whose last use is known."""
        return [(name, account) for name, accounts in self._accounts.items() for account in accounts]

    def _forget_use(self, tunnel: str, account: IPAddress | int, now: float) -> None:
        if account in self._accounts[tunnel]:
            del self._accounts[tunnel][account]
            self._uses.note((tunnel, account), None, now)

    def _note(self, version: int, key: tuple[str, Prefix], record: Record | None, now: float) -> list[LateLine]:
        """Keep a record. Returns a line for a change that matters to a reader: not for refreshes, hits and flags, nor
        for what log messages report.
        """
        before = self._entries[version].note(key, record, now)
        if before is record or (before is not None and record is not None and _is_alike(before, record)):
            return []
        before = before if before is not None and _is_known(before) else None
        record = record if record is not None and _is_known(record) else None
        entry = record or before
        if entry is None:
            return []
        thing = (Topic.MAPPING, entry.tunnel, entry.target)
        return [LateLine(_mapping, thing, record is not None, (before, record))]

    # ------------------------------------------------------------------------------------------------- queries

    def oldest(self, version: int) -> float:
        """Return the earliest recorded moment, seconds."""
        journals = (self._entries[version].oldest, self._tunnels[version].oldest, self._uses.oldest)
        return max([self._started, *(oldest for oldest in journals if oldest is not None)])

    def at(self, version: int, time: float) -> list[tuple[Record, bool]]:
        """Return the records of that moment, in the order of shows, and whether each was in use."""
        order = self._tunnels[version].at(time).get(None, ())
        places = {name: place for place, name in enumerate(order)}
        stretches = self._uses.at(time)
        records = sorted(
            self._entries[version].at(time).values(), key=lambda record: (places[record.tunnel], record.target)
        )
        return [(record, _was_used(record, stretches, time)) for record in records]


def _was_used(record: Record, stretches: dict[tuple[str, IPAddress | int], Stretch], time: float) -> bool:
    stretch = stretches.get((record.tunnel, record.account)) if record.account is not None else None
    return stretch is not None and stretch.began <= time <= stretch.last + USED_FOR


def _mapping(before: Record | None, record: Record | None) -> StateChanged:
    """Return the line about an entry that came, changed or went."""
    entry = surely(record or before)
    return StateChanged(
        topic=Topic.MAPPING,
        sign=Sign.WENT if record is None else Sign.CAME if before is None else Sign.CHANGED,
        subject=spelled(entry.target.address if entry.target.is_host else entry.target),
        text=_words(entry, before if record is not None else None),
        interface=entry.tunnel,
        about=(entry.target, entry.next_hop, *(one.nbma for one in (record, before) if one and one.nbma is not None)),
        kind=_kind(entry),
        nbma=entry.nbma,
        next_hop=entry.next_hop,
    )


def _is_known(record: Record) -> bool:
    """Return whether the entry has an answer, or a reason why there is none."""
    return record.type is not EntryType.INCOMPLETE or record.reason is not None


def _is_alike(before: Record, record: Record) -> bool:
    """Return whether both give the same line. Most changes are refreshes, so the kinds are compared last."""
    if before.type is not record.type or (before.nbma, before.next_hop) != (record.nbma, record.next_hop):
        return False
    is_same = before.own_flags is record.own_flags and before.route is record.route and before.reason is record.reason
    return is_same or _kind(before) == _kind(record)


def _words(record: Record, before: Record | None) -> str:
    """Return the NBMA address and the kind of an entry; of a changed entry also the old values."""
    kind = _kind(record)
    if record.nbma is None:
        return kind
    where = f"= {record.nbma!s}"
    if before is None:
        return f"{where} ({kind})"
    was = [str(before.nbma)] if before.nbma is not None and before.nbma != record.nbma else []
    was += [f"by {spelled(before.next_hop)}"] if before.next_hop != record.next_hop else []
    was += [_kind(before)] if _kind(before) != kind else []
    return f"{where} ({kind}, was {' '.join(was)})" if was else f"{where} ({kind})"


def _kind(record: Record) -> str:
    if record.type is EntryType.INCOMPLETE:
        return str(record.reason)
    fits = next((text for flag, text in _KINDS if flag & record.flags), "")
    return fits or ("static" if record.type is EntryType.STATIC else "resolved")


# ---------------------------------------------------------------------------------------------------- packets


#: Entries of a packet that a line spells out, and entries by which the line can be found.
LARGEST_LIST: Final = 4
LARGEST_ABOUT: Final = 8

_WAYS: Final = {Processing.SEND: Way.SENT, Processing.FORWARD: Way.FORWARDED, Processing.RECEIVE: Way.RECEIVED}


def message_line(
    direction: Processing, packet: NhrpPacket, tunnel: str, nbma: IPAddress, octets: Octets
) -> LateLine | MessagePassed:
    """Return the line about a packet that was sent to, or received from, this NBMA address. octets: of the packet.

    Of a usual packet the octets are kept until the line is read. A long one is spelled at once: the line is short.
    """
    if len(octets) > LARGEST_KEPT:
        return spell(direction, packet, tunnel, nbma, bytes(octets))
    return LateLine(spell_octets, values=(direction, tunnel, nbma, bytes(octets)))


def spell_octets(direction: Processing, tunnel: str, nbma: IPAddress, octets: bytes) -> MessagePassed:
    """Return the line about a packet of `LARGEST_KEPT` octets at most, which a `LateLine` keeps until it is read."""
    return spell(direction, parse(octets), tunnel, nbma, octets)


def spell(direction: Processing, packet: NhrpPacket, tunnel: str, nbma: IPAddress, octets: bytes) -> MessagePassed:
    """Return the line about a packet, in words."""
    return MessagePassed(
        protocol="NHRP",
        name=PACKET_NAMES[packet.TYPE],
        way=_WAYS[direction],
        interface=tunnel,
        peer=nbma,
        subject=_subject(packet),
        mark=_mark(packet),
        about=_about(packet),
        exchange=_exchange(packet),
        contents=Contents(packet_fields, octets, shown_octets) if len(octets) <= LARGEST_READ else None,
    )


def _subject(packet: NhrpPacket) -> str:
    match packet:
        case RegistrationRequest():
            where = "" if packet.without_nbma else f" = {packet.source_nbma!s}"
            return f"{spelled(packet.source_protocol)}{where}"
        case RegistrationReply():
            refused = _refusal(packet)
            return f"{spelled(packet.source_protocol)} {refused or 'registered'}"
        case ResolutionRequest():
            return f"{spelled(packet.destination_protocol)}?"
        case ResolutionReply():
            return _answer(packet)
        case PurgeRequest() | PurgeReply():
            return _list([spelled(_target(cie, packet)) for cie in packet.cies[:LARGEST_LIST]], len(packet.cies))
        case ErrorIndication():
            return error_name(packet.error_code)
        case TrafficIndication():
            return " to ".join(map(spelled, _quoted_ends(packet)))
        case _:
            return ""


def _answer(packet: ResolutionReply) -> str:
    refused = _refusal(packet)
    if refused:
        return f"{spelled(packet.destination_protocol)}: {refused}"
    answers = [cie for cie in packet.cies if cie.nbma]
    bindings = [f"{spelled(_target(cie, packet, by_destination=True))} = {cie.nbma}" for cie in answers[:LARGEST_LIST]]
    return _list(bindings, len(answers)) or spelled(packet.destination_protocol)


def _list(bindings: list[str], count: int) -> str:
    """Return the beginning of a list of this length."""
    return ", ".join(bindings) + (f" and {count - len(bindings)} more" if count > len(bindings) else "")


def _target(cie: ClientInfo, packet: ClientMessage, *, by_destination: bool = False) -> Prefix | IPAddress:
    """Return the target of a CIE; 255 in a reply means this one address (RFC 2332 §5.2.0.1)."""
    address = packet.destination_protocol if by_destination or cie.protocol is None else cie.protocol
    if cie.prefix_length >= address.max_prefixlen:
        return address
    return Prefix.of(address, cie.prefix_length)


def _refusal(packet: ClientMessage) -> str:
    code = next((cie.code for cie in packet.cies if cie.code != CieCode.SUCCESS), CieCode.SUCCESS)
    return "" if code == CieCode.SUCCESS else CODE_NAMES.get(code, f"refused with code {code}")


def _mark(packet: NhrpPacket) -> str:
    """Return a mark that identifies a packet; its hop count separates a received packet from the forwarded one."""
    head = f"{packet.TYPE}/{int(packet.source_protocol):x}/{int(packet.destination_protocol):x}/{packet.hop_count}"
    match packet:
        case ClientMessage():
            return f"{head}/{packet.request_id}"
        case TrafficIndication() | ErrorIndication():
            return f"{head}/{packet.packet[:32].hex()}"
        case _:
            return head


def _exchange(packet: NhrpPacket) -> str:
    """Return what a request and its reply have in common: who asked, the request ID, and the kind of both."""
    if not isinstance(packet, ClientMessage):
        return ""
    return f"{(packet.TYPE + 1) // 2}/{int(packet.source_protocol):x}/{packet.request_id}"


def _about(packet: NhrpPacket) -> About:
    addresses: list[IPAddress | Prefix] = [packet.source_protocol, packet.destination_protocol]
    addresses += [] if packet.without_nbma else [packet.source_nbma]
    if isinstance(packet, ClientMessage):
        for cie in packet.cies[:LARGEST_ABOUT]:
            addresses += [address for address in (cie.protocol, cie.nbma) if address is not None]
    elif isinstance(packet, TrafficIndication):
        addresses += _quoted_ends(packet)
    return tuple(addresses)


def _quoted_ends(packet: TrafficIndication) -> tuple[IPAddress, ...]:
    """Return source and destination of the packet that took the longer path; nothing if it cannot be read."""
    try:
        return ip.peek_addresses(packet.packet)
    except WireError:
        return ()
