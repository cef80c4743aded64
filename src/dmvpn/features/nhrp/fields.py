"""The fields of an NHRP packet as lines "Name: value", for users who open a message of the chronicle.

The names are explained in `explain/fields.py`. A password is in no line: neither that of the authentication extension,
nor the packet that an Error Indication quotes, which may have one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.addresses import spelled
from dmvpn.base.errors import WireError
from dmvpn.features.nhrp.debug import EXTENSION_NAMES, flag_words
from dmvpn.features.nhrp.messages import code_name, error_name
from dmvpn.features.nhrp.packet import ClientMessage, ErrorIndication, TrafficIndication, parse
from dmvpn.features.nhrp.parts import AddressExtension, Authentication, ClientInfo, VendorPrivate
from dmvpn.features.nhrp.vendor import MappedPorts, group_of
from dmvpn.net import ip

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
